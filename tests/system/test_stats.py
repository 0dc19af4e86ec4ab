"""daemon.stats: what the daemon has done since it started."""

from awaitd import eventually, wait_job

STATES = ("succeeded", "failed", "timed_out", "cancelled", "crashed", "skipped")


def of_plugin(stats, name):
    (found,) = [plugin for plugin in stats["plugins"] if plugin["name"] == name]
    return found


def ended(counts):
    return {state: counts[state] for state in STATES if counts[state]}


def test_a_new_daemon_has_done_nothing(client):
    stats = client.call("daemon.stats")
    assert stats["uptime"] > 0
    assert stats["jobs"] == dict.fromkeys(("waiting", "queued", "running", "retried", *STATES), 0)
    assert set(stats["batches"].values()) == {0}
    wait = of_plugin(stats, "wait")
    assert (wait["queued"], wait["running"], wait["run"]) == (0, 0, {"total": 0.0, "max": 0.0})
    assert "limit" not in wait and "rate" not in wait
    assert len(stats["workers"]) == 2


def test_jobs_are_counted_by_state_and_plugin(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [
        {"file": hostile("failing"), "limit": 7, "rate": "1000/s burst 5", "timeout": 60}]})
    with daemon.client() as client:
        client.run(wait_job(0.05, count=3), wait_job(0, name="x"),
                   {"plugin": "failing", "name": "f", "retry": {"max": 2, "delay": 0}},
                   wait_job(0, after="f", count=2))
        running = client.submit(wait_job(3600, count=5), wait_job(0, delay="1h"), limit=2)
        eventually(lambda: client.call("batch.show", batch=running)["running"] == 2, "two run")
        stats = client.call("daemon.stats")
        jobs = stats["jobs"]
        assert ended(jobs) == {"succeeded": 4, "failed": 1, "skipped": 2}
        assert (jobs["retried"], jobs["waiting"], jobs["queued"], jobs["running"]) == (2, 1, 3, 2)
        wait, failing = of_plugin(stats, "wait"), of_plugin(stats, "failing")
        assert ended(wait) == {"succeeded": 4, "skipped": 2}
        assert (wait["queued"], wait["running"]) == (4, 2)
        assert 0.15 <= wait["run"]["total"] < 60
        assert 0.05 <= wait["run"]["max"] <= wait["run"]["total"]
        assert ended(failing) == {"failed": 1}
        assert (failing["limit"], failing["rate"]) == (7, "1000/s burst 5")
        batches = stats["batches"]
        assert (batches["running"], batches["failed"], batches["succeeded"]) == (1, 1, 0)
        client.call("batch.cancel", batch=running)
        client.call("batch.wait", batch=running)
        stats = client.call("daemon.stats")
        assert stats["jobs"]["cancelled"] == 6
        assert (of_plugin(stats, "wait")["queued"], of_plugin(stats, "wait")["running"]) == (0, 0)
        assert stats["batches"]["cancelled"] == 1


def test_what_is_retried_as_a_batch_is_counted_anew(client):
    client.submit(wait_job(3600, count=3))
    client.call("batch.cancel", batch=1)
    client.call("batch.wait", batch=1)
    client.call("batch.retry", batch=1)
    eventually(lambda: client.call("batch.show", batch=2)["running"] == 3, "they run")
    wait = of_plugin(client.call("daemon.stats"), "wait")
    assert (wait["queued"], wait["running"], wait["cancelled"]) == (0, 3, 3)


def test_a_refused_batch_is_not_counted(start_daemon):
    daemon = start_daemon(config={"limits": {"queued_jobs": 5}})
    with daemon.client() as client:
        client.request("batch.submit", jobs=[wait_job(0, count=6)])
        assert client.receive()["error"]["code"] == 3
        assert of_plugin(client.call("daemon.stats"), "wait")["queued"] == 0
