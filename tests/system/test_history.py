"""Batches that have finished and left memory are as good as those that have not; lists of both; copies of the
store."""

import contextlib
import json
import os
import re
import sqlite3
import threading
import time

import pytest

from awaitd import (NOBODY, DaemonFailed, RpcError, as_nobody, encode, eventually,
                    need_others_reach, wait_job)

# Only the latest finished batch stays in memory.
FORGETFUL = {"limits": {"history_bytes": 0}}

# Something of everything that may become of jobs.
MIXED = [
    wait_job("{item}", items=["0", "1ms", "2ms"], name="nap-{item}"),
    wait_job(3600, timeout=0.01, retry={"max": 1, "delay": 0}, name="late"),
    wait_job(0, after="late", count=2),
    wait_job(0, after_any="late", delay=0.001),
]


@pytest.fixture
def forgetful(start_daemon):
    return start_daemon(config=FORGETFUL)


@pytest.fixture
def talk(forgetful):
    with forgetful.client() as client:
        yield client


def in_memory(client):
    return client.call("daemon.status")["batches"]["finished"]


def recalled(client):
    return client.call("daemon.stats")["store"]["recalled"]


def forget(client):
    """Has all finished batches leave memory, but for one more."""
    client.run(wait_job(0))
    eventually(lambda: in_memory(client) == 1, "the others have left memory")


def alone(client):
    """Until the daemon has noticed that all others are gone."""
    eventually(lambda: client.call("daemon.status")["clients"] == 1, "the others are gone")


def refused(client, code, method, **params):
    with pytest.raises(RpcError) as caught:
        client.call(method, **params)
    assert caught.value.code == code, caught.value
    return caught.value.message


def everything(client, batch):
    """All that can be asked of a finished batch without changing anything."""
    summary = client.call("batch.wait", batch=batch)
    watch = client.call("batch.watch", batch=batch)
    jobs, done = client.follow(batch)
    listed = client.call("job.list", batch=batch)["jobs"]
    shown = [client.call("job.show", batch=batch, job=job) for job in range(summary["jobs"])]
    return {
        "wait": summary, "watch": watch, "jobs": jobs, "done": done, "list": listed, "jobs shown": shown,
        "show": client.call("batch.show", batch=batch),
        "timed out": client.call("job.list", batch=batch, state="timed_out"),
    }


# ---- One that has left memory --------------------------------------------------------------------


def test_a_batch_that_has_left_memory_is_told_as_before(talk):
    jobs, done = talk.run(*MIXED, name="mixed", key="k", priority=3, on_failure="continue")
    before = everything(talk, done["batch"])
    assert (before["jobs"], before["wait"]) == (jobs, done)
    assert done["timed_out"] == 1 and done["skipped"] == 2
    assert before["show"]["durable"] is True
    forget(talk)
    reads = recalled(talk)
    after = everything(talk, done["batch"])
    assert after == before
    assert recalled(talk) == reads + 1  # it stays as long as no other one has ended


def test_history_that_was_only_watched_leaves_memory_with_the_last_watcher(forgetful, talk):
    with forgetful.client() as watching:  # and not reading: these events are more than may wait
        batch = watching.call("batch.submit", jobs=[wait_job(0, count=20000)], follow="each")["batch"]
        talk.call("batch.wait", batch=batch)
        for _ in range(3):
            talk.run(wait_job(0))
        eventually(lambda: in_memory(talk) == 2, "the watched one and the newest are there")
    eventually(lambda: in_memory(talk) == 1, "only the newest is there")
    assert talk.call("batch.wait", batch=batch)["succeeded"] == 20000


def test_output_and_details_of_all_kinds_come_back(start_daemon, hostile):
    plugins = [{"file": hostile(name)} for name in ("binary", "details_async", "failing")]
    config = {**FORGETFUL, "plugins": plugins, "limits": {"history_bytes": 0, "output_bytes": 1000}}
    daemon = start_daemon(config=config)
    with daemon.client() as client:
        names = [plugin["name"] for plugin in client.call("plugin.list")["plugins"]]
        assert {"binary", "failing"} <= set(names)
        _, done = client.run({"plugin": "binary"}, {"plugin": "failing"})
        before = everything(client, done["batch"])
        forget(client)
        assert everything(client, done["batch"]) == before


@pytest.mark.parametrize("start", [0, 1, 4, 7])
def test_it_is_watched_from_any_completion(talk, start):
    jobs, done = talk.run(*MIXED)
    forget(talk)
    talk.call("batch.watch", batch=done["batch"], **{"from": start})
    assert talk.follow(done["batch"]) == (jobs[start:], done)


def test_what_cannot_be_is_told_as_of_any_batch(talk):
    _, done = talk.run(wait_job(0))
    batch = done["batch"]
    forget(talk)
    assert "has no job 1" in refused(talk, 1, "job.show", batch=batch, job=1)
    refused(talk, -32602, "batch.watch", batch=batch, **{"from": 2})
    refused(talk, -32602, "batch.watch", batch=batch, events="all")
    refused(talk, -32602, "batch.retry", batch=batch)  # all its jobs succeeded
    refused(talk, 2, "batch.add", batch=batch, jobs=[wait_job(0)])


def test_what_changes_nothing_on_finished_batches_changes_nothing_on_these(talk):
    calls = [("batch.cancel", {}), ("batch.pause", {}), ("batch.resume", {}), ("batch.seal", {}),
             ("job.cancel", {"job": 1})]
    _, done = talk.run(*MIXED)
    batch = done["batch"]
    before = [talk.call(method, batch=batch, **params) for method, params in calls]
    for (method, params), answer in zip(calls, before):
        forget(talk)
        assert talk.call(method, batch=batch, **params) == answer
    forget(talk)
    assert talk.call("batch.wait", batch=batch) == done


def test_what_did_not_succeed_is_tried_again(talk):
    _, done = talk.run(*MIXED, name="mixed")
    forget(talk)
    again = talk.call("batch.retry", batch=done["batch"], follow="each")
    assert (again["jobs"], again["retry_of"], again["existing"]) == (3, done["batch"], False)
    jobs, summary = talk.follow(again["batch"])
    assert sorted(job["state"] for job in jobs) == ["skipped", "skipped", "timed_out"]
    assert summary["name"] == "mixed"


def test_its_key_is_known_and_means_the_same(talk):
    params = {"jobs": [wait_job(0.001, count=3)], "key": "k", "name": "keyed"}
    talk.call("batch.submit", follow="each", **params)
    events = talk.follow(1)
    forget(talk)
    again = talk.call("batch.submit", follow="each", **params)
    assert (again["batch"], again["existing"]) == (1, True)
    assert talk.follow(1) == events
    forget(talk)
    with pytest.raises(RpcError) as caught:
        talk.call("batch.submit", **params | {"name": "other"})
    assert caught.value.problems == {"key": "was used for another batch (1)"}
    assert talk.submit(wait_job(0)) == 4  # the refused one has taken no number


@pytest.mark.parametrize("follow", ["none", "summary"])
def test_its_key_is_known_however_many_ask_for_it_at_once(forgetful, talk, follow):
    """Each is refused by the store, while the batch is being read back for another."""
    jobs = [wait_job(0, count=20000)]
    keys = [f"k{i}" for i in range(6)]
    numbers = {key: talk.call("batch.submit", jobs=jobs, key=key)["batch"] for key in keys}
    done = {key: talk.call("batch.wait", batch=number) for key, number in numbers.items()}
    forget(talk)
    for key in keys:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(forgetful.client()) for _ in range(6)]
            asker = stack.enter_context(forgetful.client())
            for number, client in enumerate(clients):
                client.request("batch.submit", jobs=jobs, key=key, follow=follow)
                if number == 2:
                    asker.request("batch.show", batch=numbers[key])
            for client in clients:
                answer = client.answer(1)
                assert (answer["batch"], answer["existing"]) == (numbers[key], True)
                if follow == "summary":
                    assert client.event()["params"] == done[key]
            assert asker.answer(1)["batch"] == numbers[key]
        again = talk.call("batch.submit", jobs=jobs, key=key)
        assert (again["batch"], again["existing"]) == (numbers[key], True)
        assert talk.call("batch.show", batch=numbers[key])["key"] == key


def test_a_batch_that_was_not_durable_is_forgotten(talk):
    _, done = talk.run(wait_job(0), durable=False)
    assert talk.call("batch.show", batch=done["batch"])["durable"] is False
    forget(talk)
    for method in ("batch.show", "batch.wait", "batch.watch", "job.list", "batch.cancel"):
        for _ in range(2):
            message = refused(talk, 1, method, batch=done["batch"])
            assert message == f"there is no batch {done['batch']}"
    numbers = [batch["batch"] for batch in talk.call("batch.list")["batches"]]
    assert done["batch"] not in numbers


def test_what_never_was_is_not_looked_for(talk):
    talk.run(wait_job(0))
    for batch in (0, -1, 2, 10**15):
        assert refused(talk, 1, "batch.show", batch=batch) == f"there is no batch {batch}"


def test_a_notification_about_it_is_carried_out(talk):
    jobs, done = talk.run(*MIXED)
    forget(talk)
    talk.send(json.dumps({"jsonrpc": "2.0", "method": "batch.watch",
                          "params": {"batch": done["batch"]}}).encode())
    assert talk.follow(done["batch"]) == (jobs, done)
    talk.send(b'{"jsonrpc":"2.0","method":"batch.pause","params":{"batch":1}}')
    assert talk.call("daemon.ping") == {}


def test_history_outlives_the_daemon(forgetful):
    with forgetful.client() as client:
        _, done = client.run(*MIXED, name="mixed")
        before = everything(client, done["batch"])
        client.run(wait_job(0))
    forgetful.restart()
    with forgetful.client() as client:
        assert in_memory(client) == 0
        assert [batch["batch"] for batch in client.call("batch.list")["batches"]] == [2, 1]
        assert everything(client, done["batch"]) == before
        assert client.submit(wait_job(0)) == 3


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_what_was_told_is_the_same_after_a_restart(forgetful, kill):
    with forgetful.client() as client:
        told = [client.run(*MIXED) for _ in range(3)]
    forgetful.restart(kill=kill)
    with forgetful.client() as client:
        for jobs, done in told:
            client.call("batch.watch", batch=done["batch"])
            assert client.follow(done["batch"]) == (jobs, done)


# ---- Many at once --------------------------------------------------------------------------------


def test_a_start_with_an_unfinished_batch_that_makes_no_sense_is_refused(make_daemon):
    """And not tried again and again."""
    daemon = make_daemon().start()
    with daemon.client() as client:
        client.submit(wait_job(3600))
    daemon.kill()
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "awaitd.db")) as database, database:
        database.execute("UPDATE piece SET first = 1")
    with pytest.raises(DaemonFailed) as failed:
        daemon.start()
    assert failed.value.status == 78
    assert re.search(r"batch 1 in the store: piece 0: .* instead of .*THE STATE", failed.value.log)


def submit_many(client, count, jobs=5):
    """Finished batches that have left memory: (events, summary) by number."""
    told = {}
    for i in range(count):
        events, done = client.run(wait_job(0, count=jobs, name=f"b{i}"))
        told[done["batch"]] = (events, done)
    forget(client)
    return told


def test_many_clients_ask_for_the_same_and_for_different_ones(forgetful, talk):
    told = submit_many(talk, 12)
    reads = recalled(talk)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(forgetful.client()) for _ in range(40)]
        order = [[(i * 7 + k * 5) % 12 + 1 for k in range(12)] for i in range(len(clients))]
        for client, batches in zip(clients, order):
            for batch in batches:
                client.request("batch.wait", batch=batch)
            client.request("batch.show", batch=13)
        for client, batches in zip(clients, order):
            for number, batch in enumerate(batches, start=1):
                assert client.answer(number) == told[batch][1]
            assert client.answer(len(batches) + 1)["batch"] == 13
    assert recalled(talk) - reads <= 12 * len(order)


def test_those_who_ask_at_once_share_one_reading(forgetful, talk):
    told = submit_many(talk, 2, jobs=20000)
    reads = recalled(talk)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(forgetful.client()) for _ in range(30)]
        for client in clients:
            client.request("batch.wait", batch=1)
        for client in clients:
            assert client.answer(1) == told[1][1]
    assert recalled(talk) == reads + 1


def test_many_watch_different_ones_at_once(start_daemon):
    daemon = start_daemon(config={"limits": {"history_bytes": 20_000}})
    with daemon.client() as client:
        told = {}
        for i in range(20):
            events, done = client.run(wait_job(0, count=200, name=f"b{i}"))
            told[done["batch"]] = (events, done)
        eventually(lambda: in_memory(client) < 8, "most have left memory")
        failures = []

        def watch(first):
            with daemon.client() as watcher:
                for i in range(20):
                    batch = (first + i * 3) % 20 + 1
                    watcher.call("batch.watch", batch=batch)
                    if watcher.follow(batch) != told[batch]:
                        failures.append((first, batch))

        threads = [threading.Thread(target=watch, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures


def test_clients_that_go_away_meanwhile_disturb_nobody(forgetful, talk):
    told = submit_many(talk, 6, jobs=5000)
    for i in range(60):
        client = forgetful.client()
        client.request("batch.show", batch=i % 6 + 1)
        client.request("batch.list", limit=3)
        client.request("batch.watch", batch=(i + 1) % 6 + 1)
        client.close()
    for batch, (_, done) in told.items():
        assert talk.call("batch.wait", batch=batch) == done
    alone(talk)
    forget(talk)


def test_a_client_that_sends_no_more_gets_its_answers(forgetful, talk):
    told = submit_many(talk, 3)
    with forgetful.client() as client:
        for batch in (2, 1, 3):
            client.request("batch.wait", batch=batch)
        client.request("batch.list", state="succeeded")
        client.request("batch.watch", batch=1)
        client.half_close()
        messages = client.receive_all()
    assert [message["result"] for message in messages[:3]] == [told[i][1] for i in (2, 1, 3)]
    assert [batch["batch"] for batch in messages[3]["result"]["batches"]] == [4, 3, 2, 1]
    assert [message["params"] for message in messages[5:]] == [*told[1][0], told[1][1]]


def test_a_client_that_does_not_read_keeps_no_other_from_history(forgetful, talk):
    told = submit_many(talk, 3, jobs=20000)
    with forgetful.client() as lazy:
        # Far more than sockets take: the second request comes while the answers of the first wait to be read.
        lazy.send(encode("batch.watch", {"batch": 1}, 1) + encode("job.list", {"batch": 2}, 2))
        lazy.send(b"".join(encode("job.list", {"batch": 3, "limit": 1000}, i) for i in range(3, 60)))
        lazy.receive()
        for batch in (2, 3, 2):
            assert talk.call("batch.wait", batch=batch) == told[batch][1]


def test_watched_history_takes_no_more_memory_than_it_may(forgetful, talk):
    told = submit_many(talk, 3, jobs=20000)
    with forgetful.client() as lazy:
        lazy.request("batch.watch", batch=1)
        lazy.receive()  # and no more: it is being watched, and stays
        message = refused(talk, 3, "batch.watch", batch=2)
        assert "limits.history_bytes" in message
        assert talk.call("batch.wait", batch=2) == told[2][1]
        talk.call("batch.watch", batch=1)  # which is there anyway
        assert talk.follow(1) == told[1]
        lazy.kept.clear()
    alone(talk)
    talk.call("batch.watch", batch=2)
    assert talk.follow(2) == told[2]


def test_following_by_a_key_takes_no_more_memory_than_watching(forgetful, talk):
    jobs = [wait_job(0, count=20000)]
    for key in "ab":
        talk.call("batch.wait", batch=talk.call("batch.submit", jobs=jobs, key=key)["batch"])
    forget(talk)
    with forgetful.client() as lazy:
        lazy.request("batch.submit", jobs=jobs, key="a", follow="each")
        lazy.receive()  # and no more
        for _ in range(2):  # when it is read back, and when it is there
            assert "limits.history_bytes" in refused(talk, 3, "batch.submit", jobs=jobs, key="b", follow="each")
            assert talk.call("batch.submit", jobs=jobs, key="b")["existing"] is True
        lazy.kept.clear()
    alone(talk)
    talk.call("batch.submit", jobs=jobs, key="b", follow="summary")
    assert talk.event()["params"]["succeeded"] == 20000


@pytest.mark.slow
def test_others_are_served_while_a_large_one_is_read(forgetful, talk):
    _, done = talk.follow(talk.submit(wait_job(0, count=500_000), follow="summary"))
    forget(talk)
    with forgetful.client() as other:
        asked = other.request("batch.wait", batch=done["batch"])
        other.socket.setblocking(False)
        slowest = 0.0
        while True:
            begun = time.monotonic()
            talk.call("daemon.ping")
            slowest = max(slowest, time.monotonic() - begun)
            with contextlib.suppress(BlockingIOError):
                if other.socket.recv(1, 2):  # MSG_PEEK
                    break
        other.socket.settimeout(60)
        assert other.answer(asked) == done
    assert slowest < 0.5


# ---- Lists ---------------------------------------------------------------------------------------


def pages(client, **params):
    """The numbers of a list, page by page."""
    while True:
        page = client.call("batch.list", **params)
        yield [batch["batch"] for batch in page["batches"]]
        if "cursor" not in page:
            return
        params["cursor"] = page["cursor"]


def listed(client, **params):
    return [number for page in pages(client, **params) for number in page]


def test_a_list_has_what_memory_has_and_what_it_has_not(talk):
    summaries = [talk.run(*MIXED, name=f"n{i}")[1] for i in range(4)]
    running = talk.submit(wait_job(3600))
    opened = talk.call("batch.open")["batch"]
    forget(talk)
    assert in_memory(talk) == 1
    batches = talk.call("batch.list")["batches"]
    assert [batch["batch"] for batch in batches] == [7, opened, running, 4, 3, 2, 1]
    for batch, summary in zip(batches[3:], reversed(summaries)):
        assert batch.keys() == summary.keys()
        assert batch.pop("speedup") == pytest.approx(summary.pop("speedup"))
        assert batch == summary


def test_lists_are_filtered_in_memory_as_in_the_store(start_daemon, hostile):
    config = {**FORGETFUL, "plugins": [{"file": hostile("failing")}]}
    daemon = start_daemon(config=config)
    failing = {"plugin": "failing"}
    with daemon.client() as client:
        times = []
        for i in range(3):
            times.append(time.time())
            client.run(wait_job(0), name="night")
            client.run(wait_job(0), failing, name="nightly")
            client.run(failing)
            batch = client.submit(wait_job(3600), name="night")
            client.call("batch.cancel", batch=batch)
            client.call("batch.wait", batch=batch)
        eventually(lambda: in_memory(client) == 1, "the others have left memory")
        running = client.submit(wait_job(3600), failing, name="night")  # 13
        opened = client.call("batch.open", name="night")["batch"]  # 14

        for limit in (1, 2, 5, 100):
            for params, numbers in (
                    ({}, list(range(14, 0, -1))),
                    ({"state": "succeeded"}, [9, 5, 1]),
                    ({"state": "failed"}, [11, 10, 7, 6, 3, 2]),
                    ({"state": "cancelled"}, [12, 8, 4]),
                    ({"state": "running"}, [running]),
                    ({"state": "open"}, [opened]),
                    ({"name": "night"}, [14, 13, 12, 9, 8, 5, 4, 1]),
                    ({"name": "nightly"}, [10, 6, 2]),
                    ({"name": "nigh"}, []),
                    ({"plugin": "failing"}, [13, 11, 10, 7, 6, 3, 2]),
                    ({"plugin": "wait", "state": "failed"}, [10, 6, 2]),
                    ({"plugin": "fail"}, []),
                    ({"since": times[1]}, list(range(14, 4, -1))),
                    ({"until": times[1]}, [4, 3, 2, 1]),
                    ({"since": times[1], "until": times[2], "name": "night"}, [8, 5]),
                    ({"since": "2001-01-01T00:00:00Z", "until": times[0]}, []),
            ):
                assert listed(client, limit=limit, **params) == numbers, params
        for params in ({"state": "done"}, {"limit": 0}, {"limit": 1001}, {"since": "now"},
                       {"until": -1}, {"name": 7}):
            refused(client, -32602, "batch.list", **params)


def test_an_edge_of_time_is_in_one_half_only(talk):
    for _ in range(3):
        talk.run(wait_job(0))
    forget(talk)
    edge = talk.call("batch.show", batch=2)["submitted"]
    # What is told has fewer digits than the time itself: the edges of two lists that are one.
    older, newer = listed(talk, until=edge), listed(talk, since=edge)
    assert sorted(older + newer) == [1, 2, 3, 4]


def test_cursors_lead_past_each_batch_once_whatever_happens_meanwhile(forgetful, talk):
    with forgetful.client() as other:
        batches = [other.submit(wait_job(3600), name="x") for _ in range(30)]
        for batch in batches[::3]:
            other.call("batch.cancel", batch=batch)
            other.call("batch.wait", batch=batch)
        seen = []
        left = [batch for batch in batches if batch not in batches[::3]]
        for number, page in enumerate(pages(talk, limit=4)):
            seen += page
            # Old ones and new ones end, and leave memory; new ones come.
            for batch in (left.pop(), left.pop(0)) if left else ():
                other.call("batch.cancel", batch=batch)
                other.call("batch.wait", batch=batch)
            other.run(wait_job(0), name=f"new{number}")
        assert seen == batches[::-1]


def test_lists_go_on_while_batches_come_and_end(forgetful, talk):
    stop = threading.Event()

    def churn():
        with forgetful.client() as client:
            while not stop.is_set():
                client.run(wait_job(0), name="churn")

    old = [talk.run(wait_job(0), name="old")[1]["batch"] for _ in range(20)]
    threads = [threading.Thread(target=churn) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for limit in (1, 3, 7, 100) * 5:
            numbers = listed(talk, limit=limit) if limit > 3 else listed(talk, limit=limit, name="old")
            assert numbers == sorted(set(numbers), reverse=True)
            assert [number for number in numbers if number <= old[-1]] == old[::-1]
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_list_without_a_store_is_what_memory_has(start_daemon):
    daemon = start_daemon(config={**FORGETFUL, "store": {"enabled": False}})
    with daemon.client() as client:
        for _ in range(3):
            client.run(wait_job(0))
        assert listed(client) == [3]
        assert refused(client, 1, "batch.show", batch=1) == "there is no batch 1"


# ---- What the daemon tells of its store ----------------------------------------------------------


def test_status_stats_and_hello_tell_of_the_store(forgetful, talk):
    assert talk.call("hello")["durable"] is True
    answer = talk.call("batch.submit", jobs=[wait_job(0)])
    assert answer["durable"] is True
    assert talk.call("batch.submit", jobs=[wait_job(0)], durable=False)["durable"] is False
    talk.call("batch.wait", batch=1)
    store = talk.call("daemon.status")["store"]
    assert store["state_dir"] == str(forgetful.state_dir)
    assert store["bytes"] > 0 and store["commits"] > 0
    assert store["full"] is False
    eventually(lambda: talk.call("daemon.status")["store"]["waiting"] == 0, "all is written")
    assert talk.call("daemon.stats")["store"]["commits"] >= store["commits"]


def test_without_a_store_nothing_is_durable(start_daemon):
    daemon = start_daemon(config={"store": {"enabled": False}})
    with daemon.client() as client:
        assert client.call("hello")["durable"] is False
        assert client.call("daemon.status")["store"] is None
        assert client.call("daemon.stats")["store"] is None
        assert client.call("batch.submit", jobs=[wait_job(0)])["durable"] is False
        assert client.call("batch.open", durable=False)["durable"] is False
        for method, params in (("batch.submit", {"jobs": [wait_job(0)]}), ("batch.open", {})):
            refused(client, 4, method, durable=True, **params)
        refused(client, 4, "store.backup", file=str(daemon.directory / "copy.db"))
    assert not daemon.state_dir.exists()


# ---- Copies --------------------------------------------------------------------------------------


def test_a_copy_is_a_store_to_go_on_from(forgetful, start_daemon, talk, folder):
    told = submit_many(talk, 3)
    file = folder / "copy.db"
    answer = talk.call("store.backup", file=str(file))
    assert answer == {"file": str(file), "bytes": file.stat().st_size}
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["copy.db"]
    state = folder / "state"
    state.mkdir(mode=0o700)
    file.rename(state / "awaitd.db")
    other = start_daemon(config={**FORGETFUL, "daemon": {"state_dir": str(state)}})
    with other.client() as client:
        for batch, (events, done) in told.items():
            client.call("batch.watch", batch=batch)
            assert client.follow(batch) == (events, done)
        assert client.submit(wait_job(0)) == 5


def test_a_copy_that_is_made_while_batches_run_is_whole(forgetful, talk, folder):
    stop = threading.Event()
    finished = []

    def churn():
        with forgetful.client() as client:
            while not stop.is_set():
                finished.append(client.run(wait_job(0, count=50))[1]["batch"])

    threads = [threading.Thread(target=churn) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: len(finished) > 20, "batches come and go")
        for i in range(5):
            file = folder / f"copy{i}.db"
            before = list(finished)
            talk.call("store.backup", file=str(file))
            with contextlib.closing(sqlite3.connect(file)) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                found = dict(copy.execute("SELECT number, jobs FROM batch WHERE state = 'succeeded'"))
                assert {number: 50 for number in before}.items() <= found.items()
                results = dict(copy.execute("SELECT batch, sum(count) FROM results GROUP BY batch"))
                assert all(results[number] == 50 for number in found)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_copy_that_cannot_be_made_is_refused_in_words(forgetful, talk, folder):
    with pytest.raises(RpcError) as caught:
        talk.call("store.backup", file="copy.db")
    assert caught.value.problems == {"file": "must be an absolute path"}
    refused(talk, -32602, "store.backup")
    file = folder / "copy.db"
    file.write_text("mine")
    assert str(file) in refused(talk, 2, "store.backup", file=str(file))
    assert file.read_text() == "mine"
    missing = folder / "missing" / "copy.db"
    assert str(missing) in refused(talk, 2, "store.backup", file=str(missing))
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert talk.call("daemon.ping") == {}


def test_two_copies_to_one_file_are_one(forgetful, talk, folder):
    with forgetful.client() as other:
        file = str(folder / "copy.db")
        requests = [(client, client.request("store.backup", file=file)) for client in (talk, other)]
        outcomes = []
        for client, request in requests:
            try:
                outcomes.append(client.answer(request)["file"])
            except RpcError as error:
                outcomes.append(error.code)
    assert sorted(map(str, outcomes)) == sorted(["2", file])


def test_a_copy_whose_client_is_gone_is_made_all_the_same(forgetful, talk, folder):
    file = folder / "copy.db"
    with forgetful.client() as other:
        other.request("store.backup", file=str(file))
        eventually(lambda: list(folder.iterdir()), "it has begun")
    eventually(file.exists, "it is complete")
    assert talk.call("daemon.ping") == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_others_may_have_no_copies_made(forgetful, folder):
    folder.chmod(0o777)
    file = folder / "copy.db"
    answers = as_nobody(forgetful, ("store.backup", {"file": str(file)}), ("daemon.ping", {}))
    assert answers[0]["error"]["code"] == 2
    assert answers[1]["result"] == {}
    assert not file.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_the_daemons_own_user_may(make_daemon, folder):
    need_others_reach()
    daemon = make_daemon(config=FORGETFUL, user=NOBODY, group=NOBODY, extra_groups=[])
    for path in (daemon.directory, daemon.directory / "n", folder):
        os.chown(path, NOBODY, NOBODY)
    daemon.start()
    answers = as_nobody(daemon, ("store.backup", {"file": str(folder / "copy.db")}))
    assert answers[0]["result"]["bytes"] > 0
    with daemon.client() as client:  # root may, too; but the file is written by the daemon
        assert "/copy.db" in refused(client, 2, "store.backup", file="/copy.db")
