"""Asking about batches, jobs, plugins and the daemon; cancelling."""

import os
import time

import pytest

from awaitd import RpcError, eventually, wait_job


def test_hello_introduces_the_daemon(daemon, client):
    hello = client.call("hello")
    assert hello["server"] == "awaitd"
    assert hello["protocol"] == 1
    assert hello["pid"] == daemon.process.pid
    assert hello["version"]
    limits = {"line_bytes", "depth", "batch_jobs", "queued_jobs", "output_bytes"}
    assert set(hello["limits"]) >= limits
    assert hello["limits"]["line_bytes"] == 1 << 20
    assert hello["limits"]["depth"] == 64


def test_ping_answers_with_nothing(client):
    assert client.call("daemon.ping") == {}


def test_status_tells_workers_batches_jobs_and_clients(daemon, client):
    client.call("batch.wait", batch=client.submit(wait_job(0, count=3)))
    client.submit(wait_job(3600, count=2))
    client.call("batch.open")
    busy = daemon.busy_worker()
    eventually(daemon.workers_ready, "all workers are ready")
    assert busy["pid"] in daemon.worker_pids()
    status = client.call("daemon.status")
    assert status["pid"] == daemon.process.pid
    assert status["state"] == "running"
    assert status["uptime"] > 0
    assert [worker["worker"] for worker in status["workers"]] == [1, 2]
    assert all(worker["state"] == "ready" for worker in status["workers"])
    assert status["batches"] == {"open": 1, "running": 1, "finished": 1}
    assert status["jobs"]["queued"] + status["jobs"]["running"] == 2
    assert status["jobs"]["completed"] == 3
    assert status["clients"] >= 1


def test_batch_show_counts_the_jobs_of_a_running_batch(client):
    batch = client.submit(wait_job(0, count=4), wait_job(3600, count=2), name="half", follow="each")
    for _ in range(4):
        client.event()
    shown = client.call("batch.show", batch=batch)
    assert (shown["batch"], shown["name"], shown["state"]) == (batch, "half", "running")
    assert (shown["jobs"], shown["completed"], shown["succeeded"]) == (6, 4, 4)
    assert shown["waiting"] + shown["queued"] + shown["running"] == 2
    assert shown["owner"] == os.getuid()
    assert shown["submitted"] > 1_700_000_000
    assert shown["sealed"] is True


def test_a_summary_tells_when_the_batch_was_submitted_and_when_it_ended(client):
    before = time.time()
    _, done = client.run(wait_job(0.02))
    after = time.time()
    assert before - 0.001 <= done["submitted"] <= done["ended"] - 0.02 + 0.001
    assert done["ended"] <= after + 0.001
    assert client.call("batch.wait", batch=done["batch"]) == done
    assert client.call("batch.list")["batches"] == [done]
    running = client.call("batch.show", batch=client.submit(wait_job(3600)))
    assert running["submitted"] >= done["submitted"]
    assert "ended" not in running


def test_batch_list_has_the_newest_first_and_filters_by_state(client):
    done = client.submit(wait_job(0))
    client.call("batch.wait", batch=done)
    running = client.submit(wait_job(3600))
    cancelled = client.submit(wait_job(3600))
    client.call("batch.cancel", batch=cancelled)
    client.call("batch.wait", batch=cancelled)
    opened = client.call("batch.open")["batch"]

    def listed(**params):
        return [batch["batch"] for batch in client.call("batch.list", **params)["batches"]]

    assert listed() == [opened, cancelled, running, done]
    assert listed(state="succeeded") == [done]
    assert listed(state="running") == [running]
    assert listed(state="cancelled") == [cancelled]
    assert listed(state="open") == [opened]
    assert listed(state="failed") == []


def test_batch_list_goes_on_at_its_cursor(client):
    batches = [client.submit(wait_job(0)) for _ in range(25)]
    seen = []
    params = {"limit": 10}
    while True:
        page = client.call("batch.list", **params)
        assert len(page["batches"]) <= 10
        seen += [batch["batch"] for batch in page["batches"]]
        if "cursor" not in page:
            break
        params["cursor"] = page["cursor"]
    assert seen == batches[::-1]


def test_job_show_tells_parameters_and_output(client):
    batch = client.submit(wait_job("{item}", items=["0", "20ms"], name="job {item}"))
    client.call("batch.wait", batch=batch)
    job = client.call("job.show", batch=batch, job=1)
    assert (job["batch"], job["job"], job["name"], job["plugin"]) == (batch, 1, "job 20ms", "wait")
    assert (job["params"], job["item"]) == ({"seconds": "20ms"}, "20ms")
    assert job["state"] == "succeeded"
    assert job["attempt"] == 0
    assert job["run"] >= 0.02
    assert job["queued"] >= 0
    assert job["output"] == "slept for 0.02"


def test_job_show_of_a_running_job_has_no_output(daemon, client):
    batch = client.submit(wait_job(3600))
    daemon.busy_worker()
    job = client.call("job.show", batch=batch, job=0)
    assert job["state"] == "running"
    assert "output" not in job


def test_job_list_filters_by_state_and_goes_on_at_its_cursor(client):
    batch = client.submit(wait_job(0, count=250), wait_job(3600), follow="each")
    for _ in range(250):
        client.event()
    seen = []
    params = {"batch": batch, "state": "succeeded", "limit": 100}
    while True:
        page = client.call("job.list", **params)
        assert len(page["jobs"]) <= 100
        seen += [job["job"] for job in page["jobs"]]
        assert all(job["state"] == "succeeded" for job in page["jobs"])
        if "cursor" not in page:
            break
        params["cursor"] = page["cursor"]
    assert seen == list(range(250))
    rest = [job["job"] for state in ("queued", "running")
            for job in client.call("job.list", batch=batch, state=state)["jobs"]]
    assert rest == [250]


def test_a_job_that_is_not_there_is_refused(client):
    batch = client.submit(wait_job(0))
    for method in ("job.show", "job.cancel"):
        for params in ({"batch": batch, "job": 1}, {"batch": batch + 1, "job": 0}):
            with pytest.raises(RpcError) as caught:
                client.call(method, **params)
            assert caught.value.code == 1


def test_cancelling_a_batch_ends_its_jobs_and_only_them(client):
    other = client.submit(wait_job(3600))
    batch = client.submit(wait_job(3600, count=5), follow="each")
    assert client.call("batch.cancel", batch=batch) == {"batch": batch, "cancelled": 5}
    jobs, summary = client.follow(batch)
    assert [job["state"] for job in jobs] == ["cancelled"] * 5
    assert all(job["reason"] for job in jobs)
    assert (summary["state"], summary["cancelled"]) == ("cancelled", 5)
    assert client.call("batch.show", batch=other)["state"] == "running"


def test_cancelling_twice_is_no_error(client):
    batch = client.submit(wait_job(3600))
    client.call("batch.cancel", batch=batch)
    client.call("batch.wait", batch=batch)
    assert client.call("batch.cancel", batch=batch) == {"batch": batch, "cancelled": 0}


def test_cancelling_what_is_done_changes_nothing(client):
    batch = client.submit(wait_job(0))
    before = client.call("batch.wait", batch=batch)
    assert client.call("batch.cancel", batch=batch)["cancelled"] == 0
    assert client.call("job.cancel", batch=batch, job=0)["state"] == "succeeded"
    assert client.call("batch.wait", batch=batch) == before


def test_cancelling_a_queued_job_keeps_it_from_running(start_daemon):
    daemon = start_daemon(config={"daemon": {"workers": 1}, "limits": {"running_async": 1}})
    with daemon.client() as client:
        batch = client.submit(wait_job(3600), wait_job(0), follow="each")
        daemon.busy_worker()
        client.call("job.cancel", batch=batch, job=1)
        event = client.event()["params"]
        assert (event["job"], event["state"]) == (1, "cancelled")
        client.call("job.cancel", batch=batch, job=0)
        jobs, summary = client.follow(batch)
        assert [(job["job"], job["state"]) for job in jobs] == [(0, "cancelled")]
        assert summary["state"] == "failed"


def test_a_cancelled_million_ends_soon(client):
    batch = client.submit(wait_job(3600, count=1_000_000), follow="summary")
    assert client.call("batch.cancel", batch=batch)["cancelled"] == 1_000_000
    _, summary = client.follow(batch)
    assert summary["cancelled"] == 1_000_000


def test_plugins_are_listed_with_what_they_do(client):
    plugins = {plugin["name"]: plugin for plugin in client.call("plugin.list")["plugins"]}
    wait = plugins["wait"]
    assert wait["state"] == "ready"
    assert wait["style"] == "async"
    assert wait["version"] and wait["summary"]
    assert wait["file"].endswith("/wait.so")


def test_a_plugin_shows_its_parameters(client):
    plugin = client.call("plugin.show", name="wait")
    params = {param["name"]: param for param in plugin["params"]}
    assert params["seconds"]["type"] == "duration"
    assert params["seconds"]["text"]
    assert "until" in params
    assert params["seconds"]["one_of"] == params["until"]["one_of"]


def test_a_plugin_that_is_not_there_is_refused(client):
    with pytest.raises(RpcError) as caught:
        client.call("plugin.show", name="nothing")
    assert caught.value.code == 1
    assert "nothing" in caught.value.message


def test_a_job_is_shown_with_the_parameters_it_got(client):
    batch = client.submit(wait_job(0), wait_job("0.00{index}", count=3), wait_job(0))
    shown = [client.call("job.show", batch=batch, job=job)["params"] for job in range(5)]
    assert shown == [{"seconds": seconds} for seconds in (0, "0.000", "0.001", "0.002", 0)]
