"""Terms of batches and jobs as the protocol takes and shows them; that they are obeyed is for other tests."""

import time

import pytest

from awaitd import RpcError, eventually, wait_job

ALL = {"priority": -3, "limit": 5, "rate": "10/min burst 20", "timeout": "1min30s", "deadline": 7200,
       "retry": {"max": 7, "delay": "500ms"}, "on_failure": "cancel"}
SHOWN = {"priority": -3, "limit": 5, "rate": "10/min burst 20", "timeout": 90.0, "deadline": 7200.0,
         "retry": {"max": 7, "delay": 0.5, "max_delay": 60.0}, "on_failure": "cancel"}


def problems(client, method="batch.submit", **params):
    with pytest.raises(RpcError) as caught:
        client.call(method, **params)
    assert caught.value.code == -32602
    return caught.value.problems


@pytest.mark.parametrize("method", ["batch.submit", "batch.open"])
def test_terms_are_taken_and_shown(client, method):
    jobs = {"jobs": [wait_job(3600)]} if method == "batch.submit" else {}
    batch = client.call(method, **jobs, **ALL)["batch"]
    shown = client.call("batch.show", batch=batch)
    assert {name: shown[name] for name in SHOWN} == SHOWN
    assert 7100 < shown["deadline_in"] <= 7200
    assert (shown["paused"], shown["retries"]) == (False, 0)
    assert "key" not in shown and "retry_of" not in shown


def test_what_was_not_said_is_not_shown(client):
    shown = client.call("batch.show", batch=client.submit(wait_job(0)))
    assert (shown["priority"], shown["on_failure"]) == (0, "continue")
    assert not {"limit", "rate", "timeout", "deadline", "deadline_in", "retry"} & set(shown)


@pytest.mark.parametrize("method", ["batch.submit", "batch.open"])
@pytest.mark.parametrize("field, values", [
    ("priority", (-101, 101, 1.5, "high", True, 2**53)),
    ("limit", (0, -1, 1000001, 1.5, "many", [])),
    ("rate", ("0/s", "-1/s", "nan/s", "inf/s", "1e9/s", "fast", "", 5, "1/s burst 0", "1/year")),
    ("timeout", (0, -1, "0s", "-1s", "nan", "inf", 1e12, "soon", True, [])),
    ("deadline", (0, -0.5, "nan", 1e300, {})),
    ("retry", (-1, 101, 1.5, True, "often", [], 2**53)),
    ("on_failure", ("stop", "", 1, True)),
    ("durable", ("maybe", 2, [])),
])
def test_bad_values_are_refused_by_name(client, method, field, values):
    jobs = {"jobs": [wait_job(0)]} if method == "batch.submit" else {}
    for value in values:
        assert list(problems(client, method, **jobs, **{field: value})) == [field], value
    assert client.call("batch.list")["batches"] == []


@pytest.mark.parametrize("field, value, told", [
    ("retry", {}, "retry.max"), ("retry", {"max": -1}, "retry.max"),
    ("retry", {"max": 1, "delay": -1}, "retry.delay"),
    ("retry", {"max": 1, "delay": "nan"}, "retry.delay"),
    ("retry", {"max": 1, "max_delay": 1e12}, "retry.max_delay"),
    ("retry", {"max": 1, "jitter": 0}, "retry.jitter"),
    ("retry", 101, "retry"), ("timeout", -1, "timeout"), ("timeout", 1e12, "timeout"),
    ("timeout", "nan", "timeout"), ("delay", -1, "delay"), ("delay", "inf", "delay"),
    ("delay", [], "delay"), ("after", 7, "after"), ("after", [""], "after"),
    ("after", ["nobody"], "after"), ("after_any", "nobody", "after_any"),
    ("after", "self", "after"), ("after_any", ["self"], "after_any"),
])
def test_bad_values_of_a_job_are_refused_by_name(client, field, value, told):
    jobs = [wait_job(0), wait_job(0, name="self", **{field: value})]
    assert list(problems(client, jobs=jobs)) == [f"jobs[1].{told}"]


def test_all_problems_come_at_once(client):
    found = problems(client, jobs=[wait_job(0)], rate="x", key="", timeout=0, follow="all")
    assert set(found) == {"rate", "key", "timeout", "follow"}
    found = problems(client, jobs=[wait_job(0, timeout=-1, retry=-1), wait_job(-1, delay=[])])
    assert set(found) == {"jobs[0].timeout", "jobs[0].retry", "jobs[1].delay"}


def test_a_circle_is_named(client):
    jobs = [wait_job(0, name="a", after="c"), wait_job(0, name="b", after="a"),
            wait_job(0, name="c", after_any=["b"])]
    ((field, text),) = problems(client, jobs=jobs).items()
    assert field in ("jobs[0].after", "jobs[1].after", "jobs[2].after_any")
    assert text.startswith("goes in a circle: ")
    assert all(name in text for name in "abc")


def test_a_job_shows_its_terms_and_what_it_waits_for(client):
    batch = client.submit(
        wait_job(3600, name="first"), wait_job(0, name="second"),
        wait_job(0, name="third", after=["first", "second"], after_any="second", timeout=0,
                 retry=2, delay="1h"),
        timeout=5, retry={"max": 1, "delay": 0})
    client.call("batch.pause", batch=batch)
    eventually(lambda: client.call("job.show", batch=batch, job=1)["state"] == "succeeded",
               "the second ends")
    shown = client.call("job.show", batch=batch, job=0)
    assert (shown["timeout"], shown["retry"]["max"], shown["retry"]["delay"]) == (5.0, 1, 0.0)
    shown = client.call("job.show", batch=batch, job=2)
    assert shown["state"] == "waiting"
    assert shown["after"] == ["first", "second"]
    assert shown["after_any"] == ["second"]
    assert shown["waits_for"] == ["first"]
    assert (shown["timeout"], shown["retry"]["max"], shown["delay"]) == (0.0, 2, 3600.0)
    assert shown["attempt"] == 0


def test_a_delayed_job_shows_until_when_it_waits(client):
    before = time.time()
    batch = client.submit(wait_job(0, delay="1h"))
    shown = client.call("job.show", batch=batch, job=0)
    assert shown["state"] == "waiting"
    assert before + 3599 < shown["waits_until"] < time.time() + 3601
    assert client.call("batch.show", batch=batch)["waiting"] == 1
    assert "waits_for" not in shown


# ---- pause, resume, cancel of what is queued, drain ----------------------------------------------


def test_a_paused_batch_starts_nothing_and_goes_on(client):
    batch = client.call("batch.open", follow="summary")["batch"]
    assert client.call("batch.pause", batch=batch) == {"batch": batch, "paused": True,
                                                       "changed": True}
    assert client.call("batch.pause", batch=batch) == {"batch": batch, "paused": True,
                                                       "changed": False}
    client.call("batch.add", batch=batch, jobs=[wait_job(0, count=100)])
    client.call("batch.seal", batch=batch)
    client.run(wait_job(0, count=100))  # others go on
    shown = client.call("batch.show", batch=batch)
    assert (shown["paused"], shown["queued"], shown["running"]) == (True, 100, 0)
    assert client.call("batch.resume", batch=batch) == {"batch": batch, "paused": False,
                                                        "changed": True}
    assert client.call("batch.resume", batch=batch)["changed"] is False
    _, summary = client.follow(batch)
    assert summary["succeeded"] == 100


def test_a_finished_batch_is_neither_paused_nor_resumed(client):
    client.run(wait_job(0))
    for method in ("batch.pause", "batch.resume"):
        assert client.call(method, batch=1) == {"batch": 1, "paused": False, "changed": False}
    with pytest.raises(RpcError) as caught:
        client.call("batch.pause", batch=2)
    assert caught.value.code == 1


def test_what_has_not_started_is_cancelled_and_what_runs_runs_on(client):
    batch = client.submit(wait_job(0.3, count=10), limit=4)
    eventually(lambda: client.call("batch.show", batch=batch)["running"] == 4, "four run")
    assert client.call("batch.cancel", batch=batch, queued=True) == {"batch": batch, "cancelled": 6}
    assert client.call("batch.cancel", batch=batch, queued=True)["cancelled"] == 0
    summary = client.call("batch.wait", batch=batch)
    assert (summary["succeeded"], summary["cancelled"]) == (4, 6)


def test_a_draining_daemon_takes_no_new_batches_and_goes_on_with_the_others(client):
    opened = client.call("batch.open", key="k")["batch"]
    running = client.submit(wait_job(3600))
    assert client.call("daemon.drain") == {"draining": True, "unfinished": 2}
    assert client.call("daemon.drain") == {"draining": True, "unfinished": 2}
    assert client.call("daemon.status")["state"] == "draining"
    for method, params in (("batch.submit", {"jobs": [wait_job(0)]}), ("batch.open", {})):
        with pytest.raises(RpcError) as caught:
            client.call(method, **params)
        assert (caught.value.code, caught.value.message) == (4, "the daemon is draining")
    # One that exists is no new one.
    assert client.call("batch.open", key="k")["existing"] is True
    client.call("batch.add", batch=opened, jobs=[wait_job(0)])
    client.call("batch.seal", batch=opened)
    assert client.call("batch.wait", batch=opened)["succeeded"] == 1
    client.call("batch.cancel", batch=running)
    client.call("batch.wait", batch=running)
    assert client.call("daemon.drain", on=False) == {"draining": False, "unfinished": 0}
    assert client.run(wait_job(0))[1]["state"] == "succeeded"


def test_attempts_are_counted_in_events_and_shown(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [{"file": hostile("failing")}]})
    with daemon.client() as client:
        jobs, _ = client.run({"plugin": "failing", "params": {"reason": "no"}, "retry":
                              {"max": 2, "delay": 0}}, wait_job(0))
        by_job = {job["job"]: job["attempt"] for job in jobs}
        assert by_job == {0: 2, 1: 0}
        assert client.call("job.show", batch=1, job=0)["attempt"] == 2
        assert client.call("batch.show", batch=1)["retries"] == 2
    assert daemon.log.wait_for(r"job batch=1 job=0 .* attempt=2")
