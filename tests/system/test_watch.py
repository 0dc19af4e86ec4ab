"""Waiting and watching: nobody misses anything, and nothing comes unasked."""

import pytest

from awaitd import RpcError, wait_job


def test_wait_answers_with_the_summary_when_the_batch_is_done(client):
    batch = client.submit(wait_job(0.1, count=2))
    summary = client.call("batch.wait", batch=batch)
    assert (summary["batch"], summary["state"], summary["succeeded"]) == (batch, "succeeded", 2)
    again = client.call("batch.wait", batch=batch)
    assert again == summary


def test_wait_gives_up_after_its_timeout_and_the_batch_goes_on(client):
    batch = client.submit(wait_job(3600))
    with pytest.raises(RpcError) as caught:
        client.call("batch.wait", batch=batch, timeout="50ms")
    assert caught.value.code == 4
    assert client.call("batch.show", batch=batch)["state"] == "running"


def test_several_clients_wait_for_one_batch(daemon):
    with daemon.client() as one, daemon.client() as two, daemon.client() as three:
        batch = one.submit(wait_job(0.3))
        clients = (one, two, three)
        requests = [client.request("batch.wait", batch=batch) for client in clients]
        for client, request in zip(clients, requests):
            assert client.answer(request)["state"] == "succeeded"


def test_a_waiting_client_is_served_meanwhile(client):
    batch = client.submit(wait_job(3600))
    wait = client.request("batch.wait", batch=batch)
    ping = client.request("daemon.ping")
    assert client.answer(ping) == {}
    client.request("batch.cancel", batch=batch)
    states = {}
    for _ in range(2):
        message = client.receive()
        states[message["id"]] = message["result"]
    assert states[wait]["state"] == "cancelled"


def test_nothing_is_sent_unasked(client):
    batch = client.submit(wait_job(0, count=10))
    client.call("batch.wait", batch=batch)
    client.call("daemon.ping")
    assert not client.kept  # call() keeps the notifications that came in between


def test_follow_summary_sends_the_summary_alone(client):
    batch = client.submit(wait_job(0, count=5), follow="summary")
    jobs, summary = client.follow(batch)
    assert jobs == []
    assert summary["succeeded"] == 5


def test_follow_failures_sends_the_jobs_that_did_not_succeed(client):
    batch = client.submit(wait_job(0, count=5), wait_job(3600), follow="failures")
    client.call("job.cancel", batch=batch, job=5)
    jobs, summary = client.follow(batch)
    assert [(job["job"], job["state"]) for job in jobs] == [(5, "cancelled")]
    assert jobs[0]["reason"]
    assert (summary["state"], summary["succeeded"], summary["cancelled"]) == ("failed", 5, 1)


def test_follow_none_is_what_submit_does_by_itself(client):
    batch = client.submit(wait_job(0), follow="none")
    client.call("batch.wait", batch=batch)
    client.call("daemon.ping")
    assert not client.kept


def test_watching_a_finished_batch_tells_it_all(client):
    batch = client.submit(wait_job(0, count=20))
    client.call("batch.wait", batch=batch)
    begin = client.call("batch.watch", batch=batch)
    assert (begin["batch"], begin["state"]) == (batch, "succeeded")
    assert (begin["jobs"], begin["completed"]) == (20, 20)
    jobs, summary = client.follow(batch)
    assert [job["seq"] for job in jobs] == list(range(20))
    assert summary["state"] == "succeeded"


def test_watching_from_a_number_skips_what_came_before(client):
    batch = client.submit(wait_job(0, count=20))
    client.call("batch.wait", batch=batch)
    client.call("batch.watch", batch=batch, **{"from": 15})
    jobs, _ = client.follow(batch)
    assert [job["seq"] for job in jobs] == [15, 16, 17, 18, 19]


def test_watching_from_the_end_sends_the_summary(client):
    batch = client.submit(wait_job(0, count=3))
    client.call("batch.wait", batch=batch)
    client.call("batch.watch", batch=batch, **{"from": 3})
    jobs, summary = client.follow(batch)
    assert jobs == []
    assert summary["succeeded"] == 3


def test_a_client_that_lost_its_connection_misses_nothing(daemon):
    count = 3000
    entry = wait_job("{item}", items=[f"{i % 30 / 100 + 0.01:.2f}" for i in range(count)])
    seen = []
    with daemon.client() as client:
        batch = client.submit(entry, follow="each")
        while len(seen) < count // 2:
            seen.append(client.event()["params"])
    with daemon.client() as client:
        client.call("batch.watch", batch=batch, events="each", **{"from": seen[-1]["seq"] + 1})
        rest, summary = client.follow(batch)
    assert [job["seq"] for job in seen + rest] == list(range(count))
    assert sorted(job["job"] for job in seen + rest) == list(range(count))
    assert summary["succeeded"] == count


def test_a_client_may_lose_its_connection_many_times(daemon):
    count = 400
    with daemon.client() as client:
        batch = client.submit(wait_job("{item}", items=[f"{i}ms" for i in range(count)]))
    seen = []
    while len(seen) < count:
        with daemon.client() as client:
            client.call("batch.watch", batch=batch, **{"from": len(seen)})
            for _ in range(min(37, count - len(seen))):
                seen.append(client.event()["params"])
    assert [job["seq"] for job in seen] == list(range(count))
    assert sorted(job["job"] for job in seen) == list(range(count))


def test_two_watchers_of_one_batch_see_the_same(daemon):
    with daemon.client() as one, daemon.client() as two:
        batch = one.submit(wait_job(0.05, count=200), follow="each")
        two.call("batch.watch", batch=batch)
        assert one.follow(batch) == two.follow(batch)


def test_one_connection_follows_several_batches(client):
    batches = [client.submit(wait_job(0.01, count=50), follow="each") for _ in range(4)]
    seen = {batch: [] for batch in batches}
    done = set()
    while len(done) < len(batches):
        message = client.event()
        batch = message["params"]["batch"]
        assert batch not in done
        if message["method"] == "batch.done":
            done.add(batch)
        else:
            seen[batch].append(message["params"]["seq"])
    assert all(seen[batch] == list(range(50)) for batch in batches)


def test_the_answer_to_a_submission_comes_before_its_events(client):
    for _ in range(50):
        request = client.request("batch.submit", jobs=[wait_job(0)], follow="each")
        message = client.receive()
        assert message.get("id") == request
        client.follow(message["result"]["batch"])


def test_watching_a_batch_that_is_not_there_is_refused(client):
    for method in ("batch.watch", "batch.wait", "batch.show", "batch.cancel", "batch.seal"):
        with pytest.raises(RpcError) as caught:
            client.call(method, batch=99)
        assert caught.value.code == 1, method
        assert "99" in caught.value.message


def test_a_client_that_watches_too_much_is_told_so(start_daemon):
    daemon = start_daemon(config={"limits": {"client_watchers": 5}})
    with daemon.client() as client:
        batch = client.submit(wait_job(3600))
        waits = [client.request("batch.wait", batch=batch) for _ in range(3)]
        for _ in range(2):
            client.call("batch.watch", batch=batch)
        for method, params in (("batch.wait", {"batch": batch}), ("batch.watch", {"batch": batch}),
                               ("batch.submit", {"jobs": [wait_job(0)], "follow": "each"}),
                               ("batch.open", {"follow": "summary"})):
            with pytest.raises(RpcError) as caught:
                client.call(method, **params)
            assert caught.value.code == 3
            assert "5" in caught.value.message and "limits.client_watchers" in caught.value.message
        assert len(client.call("batch.list")["batches"]) == 1
        client.call("batch.watch", batch=batch, events="none")
        with daemon.client() as other:
            other.call("batch.watch", batch=batch)
        client.request("batch.cancel", batch=batch)
        answers = [client.receive() for _ in range(8)]  # 3 waits, 2 of each event, the cancel
        assert {answer["id"] for answer in answers if "id" in answer} > set(waits)
        client.run(wait_job(0))
