"""What outlives the daemon, whether it is stopped or killed: batches go on where they were, and what has ended can be
read. What is random about it is in tests/crash."""

import contextlib
import time

import pytest

from awaitd import SANITIZED, RpcError, config_file, eventually, wait_job
from test_exec import shell

# What a busy machine may add to a time.
SLOW = 3 if SANITIZED else 1
HOUR = 3600


@pytest.fixture(params=["stopped", "killed"])
def again(request):
    """Ends a daemon in one of the two ways, and starts it again."""
    return lambda daemon: daemon.restart(kill=request.param == "killed")


@contextlib.contextmanager
def following(daemon, batch, begin=0):
    """A connection that watches the batch, from this completion on."""
    with daemon.client() as client:
        client.call("batch.watch", batch=batch, **{"from": begin})
        yield client


def told(daemon, batch):
    """All that there is to tell of a batch that ends: its events and its summary."""
    with following(daemon, batch) as client:
        return client.follow(batch)


def show(daemon, batch):
    return daemon.call("batch.show", batch=batch)


def submit(daemon, *jobs, **params):
    answer = daemon.call("batch.submit", jobs=list(jobs), **params)
    assert answer["durable"] is params.get("durable", True)
    return answer["batch"]


def completed(daemon, batch, count):
    """Waits until so many of its jobs have ended."""
    eventually(lambda: show(daemon, batch)["completed"] >= count, f"{count} have ended")


def refused(daemon, method, **params):
    with pytest.raises(RpcError) as caught:
        daemon.call(method, **params)
    return caught.value


def states(events):
    return [event["state"] for event in sorted(events, key=lambda event: event["job"])]


# ---- Unfinished batches --------------------------------------------------------------------------


def test_an_array_goes_on_where_it_was(daemon, again):
    batch = submit(daemon, wait_job(0.2, count=30), limit=10)
    with following(daemon, batch) as client:
        before = [client.event()["params"] for _ in range(10)]
    again(daemon)
    with following(daemon, batch, 10) as client:
        after, summary = client.follow(batch)
    assert [event["seq"] for event in before + after] == list(range(30))
    assert sorted(event["job"] for event in before + after) == list(range(30))
    assert {event["attempt"] for event in after} == {0}, "to run again is no retry"
    assert (summary["succeeded"], summary["state"]) == (30, "succeeded")
    assert told(daemon, batch) == (before + after, summary)


def test_what_is_queued_behind_a_limit_stays_queued(daemon, again):
    batch = submit(daemon, wait_job(HOUR), wait_job(0, count=20), limit=1)
    again(daemon)
    eventually(lambda: show(daemon, batch)["running"] == 1, "the first one runs again")
    assert (show(daemon, batch)["queued"], show(daemon, batch)["limit"]) == (20, 1)
    daemon.call("job.cancel", batch=batch, job=0)
    events, _ = told(daemon, batch)
    assert states(events) == ["cancelled"] + ["succeeded"] * 20


def test_a_paused_batch_stays_paused(daemon, again):
    batch = daemon.call("batch.open")["batch"]
    assert daemon.call("batch.pause", batch=batch) == {"batch": batch, "paused": True, "changed": True}
    daemon.call("batch.add", batch=batch, jobs=[wait_job(0, count=5)])
    daemon.call("batch.seal", batch=batch)
    again(daemon)
    other = submit(daemon, wait_job(0.05))
    told(daemon, other)  # there was time for it
    shown = show(daemon, batch)
    assert (shown["paused"], shown["queued"], shown["completed"]) == (True, 5, 0)
    assert daemon.call("batch.resume", batch=batch)["changed"] is True
    assert states(told(daemon, batch)[0]) == ["succeeded"] * 5


def test_a_resumed_batch_is_not_paused_again(daemon, again):
    batch = submit(daemon, wait_job(HOUR))
    daemon.call("batch.pause", batch=batch)
    daemon.call("batch.resume", batch=batch)
    again(daemon)
    assert show(daemon, batch)["paused"] is False


def test_delays_end_when_they_would_have(daemon, again):
    batch = submit(daemon, wait_job(0, delay="1h"), wait_job(0, delay="700ms"))
    before = daemon.call("job.show", batch=batch, job=0)["waits_until"]
    again(daemon)
    after = daemon.call("job.show", batch=batch, job=0)["waits_until"]
    assert after == pytest.approx(before, abs=0.1)
    with following(daemon, batch) as client:
        event = client.event()["params"]
    assert (event["job"], event["state"]) == (1, "succeeded")
    assert event["queued"] >= 0.7


def test_a_delay_that_ends_while_there_is_no_daemon_is_over(daemon):
    batch = submit(daemon, wait_job(0, delay="400ms"))
    daemon.kill()
    time.sleep(0.4)  # the time that it takes
    daemon.start()
    events, _ = told(daemon, batch)
    assert states(events) == ["succeeded"]
    assert 0.4 <= events[0]["queued"] < 0.4 + 5 * SLOW


def test_pauses_before_another_attempt_end_when_they_would_have(daemon, again):
    retry = {"max": 3, "delay": "100h", "max_delay": "100h"}
    batch = submit(daemon, shell("exit 1"), wait_job(0), retry=retry)
    eventually(lambda: show(daemon, batch)["waiting"] == 1, "it failed once")
    before = daemon.call("job.show", batch=batch, job=0)
    again(daemon)
    after = daemon.call("job.show", batch=batch, job=0)
    assert (after["state"], after["attempt"]) == ("waiting", 1)
    assert after["waits_until"] == pytest.approx(before["waits_until"], abs=0.1)
    assert (after["retry"], show(daemon, batch)["retries"]) == (before["retry"], 1)


def test_attempts_are_counted_on(daemon, folder, again):
    runs = folder / "runs"
    batch = submit(daemon, shell(f"echo run >>{runs}; exit 1"), retry={"max": 3, "delay": "400ms"})
    eventually(lambda: show(daemon, batch)["retries"] >= 1, "it failed once")
    again(daemon)
    (event,), _ = told(daemon, batch)
    assert (event["state"], event["attempt"]) == ("failed", 3)
    assert show(daemon, batch)["retries"] == 3
    assert 4 <= len(runs.read_text(encoding="ascii").split()) <= 5  # one may have been cut short


def test_order_is_kept(daemon, again):
    batch = submit(daemon, wait_job(0, name="done"), wait_job(HOUR, name="held"),
                   wait_job(0, after=["done", "held"]), wait_job(0, after_any="held"),
                   wait_job(0, after="done"))
    completed(daemon, batch, 2)
    again(daemon)
    assert daemon.call("job.show", batch=batch, job=2)["waits_for"] == ["held"]
    assert daemon.call("job.show", batch=batch, job=3)["waits_for"] == ["held"]
    daemon.call("job.cancel", batch=batch, job=1)
    events, _ = told(daemon, batch)
    assert states(events) == ["succeeded", "cancelled", "skipped", "succeeded", "succeeded"]


def test_a_chain_goes_on_link_by_link(daemon, again):
    chain = [wait_job(0.05, name=f"{number}", **({"after": f"{number - 1}"} if number else {}))
             for number in range(12)]
    batch = submit(daemon, *chain)
    completed(daemon, batch, 3)
    again(daemon)
    events, _ = told(daemon, batch)
    assert [event["job"] for event in events] == list(range(12))
    assert states(events) == ["succeeded"] * 12


def test_an_open_batch_stays_open(daemon, again):
    batch = daemon.call("batch.open", name="pieces")["batch"]
    daemon.call("batch.add", batch=batch, jobs=[wait_job(0, count=3, name="first")])
    completed(daemon, batch, 3)
    again(daemon)
    shown = show(daemon, batch)
    assert (shown["state"], shown["sealed"], shown["name"]) == ("open", False, "pieces")
    added = daemon.call("batch.add", batch=batch, jobs=[wait_job(0, after="first"), wait_job(0)])
    assert added == {"batch": batch, "first": 3, "jobs": 5}
    again(daemon)
    assert daemon.call("batch.seal", batch=batch) == {"batch": batch, "jobs": 5}
    events, summary = told(daemon, batch)
    assert (states(events), summary["state"]) == (["succeeded"] * 5, "succeeded")
    again(daemon)
    assert refused(daemon, "batch.add", batch=batch, jobs=[wait_job(0)]).code == 2


def test_a_deadline_is_counted_on(daemon, again):
    batch = submit(daemon, wait_job(HOUR), deadline="2h")
    end = time.time() + show(daemon, batch)["deadline_in"]
    again(daemon)
    assert time.time() + show(daemon, batch)["deadline_in"] == pytest.approx(end, abs=1)


def test_a_deadline_passes_whether_or_not_there_is_a_daemon(daemon):
    soon = submit(daemon, wait_job(HOUR), wait_job(0, delay="1h"), deadline="400ms")
    later = submit(daemon, wait_job(HOUR), deadline=f"{2 * SLOW}s")
    daemon.kill()
    time.sleep(0.4)  # the time that it takes
    daemon.start()
    for batch in (soon, later):
        events, summary = told(daemon, batch)
        assert set(states(events)) == {"timed_out"}
        assert all("deadline" in event["reason"] for event in events)
        assert summary["state"] == "failed"
    assert summary["wall"] >= 2 * SLOW


def test_a_job_that_was_cancelled_does_not_run_again(make_daemon, hostile, again):
    """It does not listen, so that it has not ended when the daemon does."""
    daemon = make_daemon(config={"daemon": {"job_grace": "1h"},
                                 "plugins": [{"file": hostile("stubborn_async")}]}).start()
    stubborn = {"plugin": "stubborn_async"}
    whole = submit(daemon, stubborn, wait_job(0, delay="1h"))
    single = submit(daemon, stubborn, wait_job(HOUR))
    for batch, running in ((whole, 1), (single, 2)):
        eventually(lambda b=batch, r=running: show(daemon, b)["running"] == r, "it runs")
    daemon.call("batch.cancel", batch=whole)
    daemon.call("job.cancel", batch=single, job=0)
    again(daemon)
    events, summary = told(daemon, whole)
    assert (states(events), summary["state"]) == (["cancelled"] * 2, "cancelled")
    completed(daemon, single, 1)
    eventually(lambda: show(daemon, single)["running"] == 1, "the other goes on")
    assert daemon.call("job.show", batch=single, job=0)["state"] == "cancelled"


def test_priorities_are_kept(start_daemon, again):
    daemon = start_daemon(config={"limits": {"running": 1}})
    first = submit(daemon, wait_job(HOUR), priority=100)
    low = submit(daemon, wait_job(0, count=5), priority=-5)
    high = submit(daemon, wait_job(0, count=5), priority=5)
    again(daemon)
    eventually(lambda: show(daemon, first)["running"] == 1, "the first one runs again")
    with daemon.client() as client:
        for batch in (low, high):
            client.call("batch.watch", batch=batch)
        daemon.call("batch.cancel", batch=first)
        order = [client.event()["params"]["batch"] for _ in range(12)]
    assert order == [high] * 6 + [low] * 6


# ---- Keys, numbers -------------------------------------------------------------------------------


def test_a_key_finds_its_batch_again(daemon, again):
    asked = {"done": {"jobs": [wait_job(0)], "key": "done", "name": "n"},
             "held": {"jobs": [wait_job(HOUR)], "key": "held", "retry": 2}}
    numbers = {key: daemon.call("batch.submit", **params)["batch"] for key, params in asked.items()}
    opened = daemon.call("batch.open", key="opened", content="abc")["batch"]
    told(daemon, numbers["done"])
    again(daemon)
    for key, params in asked.items():
        answer = daemon.call("batch.submit", **params)
        assert (answer["batch"], answer["existing"]) == (numbers[key], True)
        problems = refused(daemon, "batch.submit", **params | {"priority": 7}).problems
        assert problems == {"key": f"was used for another batch ({numbers[key]})"}
    answer = daemon.call("batch.open", key="opened", content="abc")
    assert (answer["batch"], answer["existing"]) == (opened, True)
    assert "key" in refused(daemon, "batch.open", key="opened", content="other").problems


def test_numbers_go_on(daemon, again):
    first = submit(daemon, wait_job(0))
    second = submit(daemon, wait_job(0))
    again(daemon)
    assert submit(daemon, wait_job(0)) > second > first


def test_a_number_of_a_batch_that_is_gone_is_not_given_again(daemon, again):
    kept = submit(daemon, wait_job(HOUR))
    number = submit(daemon, wait_job(HOUR), durable=False)
    daemon.call("batch.pause", batch=kept)  # answered when all before it is written
    again(daemon)
    assert submit(daemon, wait_job(0)) > number


# ---- History -------------------------------------------------------------------------------------


def test_a_finished_batch_is_told_of_as_before(daemon, again):
    jobs = [wait_job("0.0{index}", count=3, name="w-{index}"), shell("echo out; echo err >&2"),
            shell(r"printf 'no \377 text'; exit 7"), wait_job(HOUR, timeout="20ms"),
            {"plugin": "tokenize", "params": {"text": "Ünï code"}, "name": "ä\U0001f600"}]
    batch = submit(daemon, *jobs, name="mixed", retry={"max": 1, "delay": 0}, key="k", priority=3)
    events, summary = told(daemon, batch)
    shown = show(daemon, batch)
    single = [daemon.call("job.show", batch=batch, job=job) for job in range(7)]
    before = daemon.call("job.list", batch=batch)
    again(daemon)
    assert told(daemon, batch) == (events, summary)
    assert daemon.call("batch.wait", batch=batch) == summary
    assert show(daemon, batch) == shown
    assert [daemon.call("job.show", batch=batch, job=job) for job in range(7)] == single
    assert daemon.call("job.list", batch=batch) == before
    with following(daemon, batch, 5) as client:
        assert client.follow(batch) == (events[5:], summary)
    assert refused(daemon, "job.show", batch=batch, job=7).code == 1


def test_finished_batches_are_listed_with_the_others(daemon, again):
    done = submit(daemon, wait_job(0), name="done")
    failed = submit(daemon, shell("exit 1"), name="failed")
    told(daemon, done), told(daemon, failed)
    again(daemon)
    held = submit(daemon, wait_job(HOUR), name="held")

    def numbers(**params):
        return [row["batch"] for row in daemon.call("batch.list", **params)["batches"]]
    assert numbers() == [held, failed, done]
    assert (numbers(state="failed"), numbers(state="running")) == ([failed], [held])
    assert (numbers(plugin="exec"), numbers(name="done")) == ([failed], [done])
    page = daemon.call("batch.list", limit=2)
    assert [row["batch"] for row in page["batches"]] == [held, failed]
    assert numbers(cursor=page["cursor"]) == [done]


def test_what_did_not_succeed_is_tried_again_after_a_restart(daemon, folder, again):
    flag = folder / "flag"
    batch = submit(daemon, wait_job(0), shell(f"echo {{index}}; [ -e {flag} ]") | {"count": 3},
                   name="n")
    told(daemon, batch)
    again(daemon)
    flag.touch()
    answer = daemon.call("batch.retry", batch=batch)
    assert (answer["jobs"], answer["retry_of"]) == (3, batch)
    again(daemon)
    events, summary = told(daemon, answer["batch"])
    assert (states(events), summary["name"]) == (["succeeded"] * 3, "n")
    outputs = sorted(event["output"] for event in events)
    assert outputs == ["0\n", "1\n", "2\n"]
    assert show(daemon, answer["batch"])["retry_of"] == batch


# ---- Not durable ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["batch.submit", "batch.open"])
def test_nobody_has_to_come_by_for_the_first_batch_that_is_not_durable(start_daemon, method):
    """Its number is reserved in the store first, which nothing else makes commit."""
    daemon = start_daemon()
    jobs = {"jobs": [wait_job(0)]} if method == "batch.submit" else {}
    with daemon.client() as client:
        for number in range(1, 202):  # more than are reserved at once
            assert client.call(method, durable=False, **jobs)["batch"] == number
        if jobs:
            assert client.call("batch.wait", batch=201)["succeeded"] == 1


def test_what_is_not_durable_is_gone(daemon, again):
    held = submit(daemon, wait_job(HOUR), durable=False, key="k")
    done = submit(daemon, wait_job(0), durable=False)
    told(daemon, done)
    kept = submit(daemon, wait_job(HOUR))
    assert [show(daemon, batch)["durable"] for batch in (held, kept)] == [False, True]
    again(daemon)
    for batch in (held, done):
        assert refused(daemon, "batch.show", batch=batch).code == 1
        assert refused(daemon, "batch.watch", batch=batch).code == 1
    assert [row["batch"] for row in daemon.call("batch.list")["batches"]] == [kept]
    answer = daemon.call("batch.submit", jobs=[wait_job(0)], key="k")
    assert answer["existing"] is False


def test_without_a_store_nothing_is_durable(start_daemon):
    daemon = start_daemon(config={"store": {"enabled": False}})
    answer = daemon.call("batch.submit", jobs=[wait_job(HOUR)])
    assert answer["durable"] is False
    assert refused(daemon, "batch.submit", jobs=[wait_job(0)], durable=True).code == 4
    assert refused(daemon, "batch.open", durable=True).code == 4
    daemon.restart()
    assert daemon.call("batch.list")["batches"] == []


# ---- The configuration ---------------------------------------------------------------------------


def test_a_configured_batch_goes_on_and_is_not_doubled(start_daemon, again):
    held = {"when": "at_start", "name": "held", "jobs": [wait_job(HOUR)]}
    daemon = start_daemon(config={"batches": [held]})

    def listed(count):
        """All batches, once there are so many: they come when all else is ready."""
        def rows():
            found = daemon.call("batch.list")["batches"]
            return found if len(found) >= count else None
        return eventually(rows, f"{count} batches")
    first, = listed(1)
    again(daemon)
    told(daemon, submit(daemon, wait_job(0)))  # there was time for it
    _, only = listed(2)
    assert (only["batch"], only["state"]) == (first["batch"], "running")
    daemon.call("batch.cancel", batch=first["batch"])
    told(daemon, first["batch"])
    again(daemon)
    newest, _, oldest = listed(3)
    assert (newest["name"], newest["state"], oldest["batch"]) == ("held", "running", first["batch"])


def test_a_batch_whose_plugin_is_missing_waits_for_it(make_daemon, hostile, again):
    plugins = {"plugins": [{"file": hostile("fiber_nap")}]}
    daemon = make_daemon(config=plugins).start()
    nap = {"plugin": "fiber_nap", "after_any": "held"}
    batch = submit(daemon, wait_job(HOUR, name="held"), nap)
    whole = daemon.config_path.read_text()
    daemon.config_path.write_text(whole.replace(config_file(plugins), ""))
    assert daemon.config_path.read_text() != whole
    again(daemon)
    daemon.log.wait_for(rf"warning: .*{batch}.*fiber_nap")
    shown = show(daemon, batch)
    assert (shown["paused"], shown["running"], shown["completed"]) == (True, 0, 0)
    daemon.config_path.write_text(whole)
    again(daemon)
    if show(daemon, batch)["paused"]:
        daemon.call("batch.resume", batch=batch)
    daemon.call("job.cancel", batch=batch, job=0)
    events, _ = told(daemon, batch)
    assert states(events)[1] == "succeeded"


# ---- Who waits meanwhile -------------------------------------------------------------------------


def test_a_daemon_that_stops_does_not_say_that_a_batch_is_done(daemon):
    """It is not: it goes on. One that is not durable is."""
    with daemon.client() as client:
        kept = client.submit(wait_job(HOUR), follow="each")
        lost = client.submit(wait_job(HOUR), follow="each", durable=False)
        daemon.terminate()
        messages = client.receive_all()
    assert daemon.wait() == 0
    done = [message["params"]["batch"] for message in messages if message["method"] == "batch.done"]
    ended = {message["params"]["batch"] for message in messages}
    assert (done, ended) == ([lost], {lost})
    daemon.start()
    assert show(daemon, kept)["state"] == "running"


def test_a_batch_that_was_told_done_stays_done(daemon):
    """Killed at the very moment in which it is told."""
    for _ in range(5):
        with daemon.client() as client:
            batch = client.submit(wait_job(0, count=100), follow="each")
            before = client.follow(batch)
            daemon.process.kill()
        daemon.kill()
        daemon.start()
        assert told(daemon, batch) == before


def test_nothing_is_told_that_is_forgotten(daemon):
    """What was told of a batch when the daemon was killed comes again as it was."""
    batch = submit(daemon, wait_job("0.0{index}", count=1000), limit=50)
    seen = []
    while len(seen) < 1000:
        with following(daemon, batch, len(seen)) as client:
            end = min(len(seen) + 200, 1000)
            while len(seen) < end:
                seen.append(client.event()["params"])
        daemon.restart(kill=True)
    assert [event["seq"] for event in seen] == list(range(1000))
    events, summary = told(daemon, batch)
    assert (events, summary["succeeded"]) == (seen, 1000)
