"""batch.retry: what did not succeed, as a new batch."""

import os

import pytest

from awaitd import RpcError, as_nobody, eventually, wait_job


def exists(path, **entry):
    """A job that succeeds once the file is there."""
    return {"plugin": "exec", "params": {"argv": ["/usr/bin/test", "-e", str(path)]}, **entry}


def refused(client, **params):
    with pytest.raises(RpcError) as caught:
        client.call("batch.retry", **params)
    return caught.value


@pytest.fixture
def nothing(folder):
    """A folder without files."""
    return folder


def test_only_what_did_not_succeed_runs_again(client, nothing):
    _, summary = client.run(wait_job(0, name="fine"), exists(nothing / "a", name="a"),
                            exists("/", count=3), exists(nothing / "{item}", name="{index}:{item}",
                                                         items=["/", "b", "c", "/", "d"]),
                            name="nightly", limit=2, retry=1, deadline=3600)
    assert (summary["succeeded"], summary["failed"]) == (6, 4)
    for name in "abcd":
        (nothing / name).touch()
    before = {job["job"]: job for job in client.call("job.list", batch=1)["jobs"]}
    failed = [job["name"] for job in before.values() if job["state"] != "succeeded"]
    answer = client.call("batch.retry", batch=1, follow="each")
    assert answer == {"batch": 2, "jobs": len(failed), "existing": False, "durable": True,
                      "retry_of": 1}
    jobs, summary = client.follow(2)
    assert sorted(job["name"] for job in jobs) == sorted(failed)
    assert summary["name"] == "nightly"
    shown = client.call("batch.show", batch=2)
    assert shown["retry_of"] == 1
    assert (shown["limit"], shown["retry"]["max"], shown["deadline"]) == (2, 1, 3600.0)


def test_index_and_item_stay_what_they_were(client, nothing):
    client.run(exists(nothing / "{item}-{index}", name="n{index}", items=list("abcd")),
               exists(nothing / "x{index}", count=1000))
    (nothing / "b-1").touch()
    client.call("batch.retry", batch=1)
    first = client.call("batch.wait", batch=2)
    assert (first["jobs"], first["succeeded"]) == (1004, 1)
    for name in ("a-0", "d-3", "x999"):
        (nothing / name).touch()
    client.call("batch.retry", batch=2)
    second = client.call("batch.wait", batch=3)
    assert (second["jobs"], second["succeeded"]) == (1003, 3)
    shown = client.call("job.show", batch=3, job=2)
    assert (shown["name"], shown["item"], shown["state"]) == ("n3", "d", "succeeded")
    assert shown["params"]["argv"][2] == str(nothing / "d-3")
    client.call("batch.retry", batch=3)
    shown = client.call("job.show", batch=4, job=0)
    assert (shown["name"], shown["item"]) == ("n2", "c")


def test_order_among_what_remains_stays(client, nothing):
    client.run(wait_job(0, name="fine"), exists(nothing / "a", name="a"),
               wait_job(0, name="b", after=["a", "fine"]), wait_job(0, name="c", after="b"),
               exists(nothing / "a", name="d", after="fine", after_any="fine"))
    states = [job["state"] for job in client.call("job.list", batch=1)["jobs"]]
    assert states == ["succeeded", "failed", "skipped", "skipped", "failed"]
    (nothing / "a").touch()
    client.call("batch.retry", batch=1, follow="each")
    jobs, summary = client.follow(2)
    assert summary["succeeded"] == 4
    order = [job["name"] for job in jobs]
    assert order.index("a") < order.index("b") < order.index("c")
    assert client.call("job.show", batch=2, job=1)["after"] == ["a"]
    assert "after" not in client.call("job.show", batch=2, job=3)


def test_what_was_cancelled_is_tried_again(client):
    batch = client.submit(wait_job(3600, count=3), wait_job(0, name="x", delay="1h"))
    client.call("batch.cancel", batch=batch)
    client.call("batch.wait", batch=batch)
    assert client.call("batch.retry", batch=batch)["jobs"] == 4
    eventually(lambda: client.call("batch.show", batch=2)["running"] == 3, "they run")
    assert client.call("batch.show", batch=2)["waiting"] == 1


def test_what_runs_is_not_tried_again(client):
    batch = client.submit(wait_job(3600))
    error = refused(client, batch=batch)
    assert (error.code, error.message) == (4, "batch 1 is not finished")
    opened = client.call("batch.open")["batch"]
    assert refused(client, batch=opened).message == "batch 2 is not finished"


def test_where_nothing_failed_there_is_nothing_to_try_again(client):
    client.run(wait_job(0))
    error = refused(client, batch=1)
    assert (error.code, error.message) == (-32602, "all jobs of batch 1 succeeded")
    client.call("batch.open")
    client.call("batch.seal", batch=2)
    assert refused(client, batch=2).code == -32602
    assert refused(client, batch=3).code == 1
    assert refused(client, batch="x").code == -32602
    assert refused(client, batch=1, key="").problems == {"key": "must have 1 to 255 bytes"}


def test_a_retry_may_have_a_key(client, nothing):
    client.run(exists(nothing / "a"))
    assert client.call("batch.retry", batch=1, key="again")["existing"] is False
    client.call("batch.wait", batch=2)
    again = client.call("batch.retry", batch=1, key="again", follow="summary")
    assert again == {"batch": 2, "jobs": 1, "existing": True, "durable": True,
                     "retry_of": 1}
    assert client.follow(2)[1]["failed"] == 1
    client.call("batch.retry", batch=2)
    client.call("batch.wait", batch=3)
    assert refused(client, batch=3, key="again").problems == {
        "key": "was used for another batch (2)"}


def test_a_draining_daemon_tries_nothing_again(client, nothing):
    client.run(exists(nothing / "a"))
    client.call("daemon.drain")
    assert refused(client, batch=1).code == 4


def test_what_does_not_fit_is_not_tried_again(start_daemon):
    daemon = start_daemon(config={"limits": {"queued_jobs": 10}})
    with daemon.client() as client:
        client.submit(wait_job(3600, count=10))
        client.call("batch.cancel", batch=1)
        client.call("batch.wait", batch=1)
        client.submit(wait_job(3600))
        error = refused(client, batch=1)
        assert (error.code, "limits.queued_jobs" in error.message) == (3, True)
        assert len(client.call("batch.list")["batches"]) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_the_batch_of_another_user_is_not_tried_again(daemon, client, nothing):
    client.run(exists(nothing / "a"))  # with a parameter that is not for everybody
    (answer,) = as_nobody(daemon, ("batch.retry", {"batch": 1}))
    assert (answer["error"]["code"], answer["error"]["message"]) == (
        2, "batch 1 belongs to another user")


def test_a_name_that_came_up_again_in_a_later_piece_is_no_circle(client, nothing):
    batch = client.call("batch.open")["batch"]
    client.call("batch.add", batch=batch, jobs=[exists(nothing / "x", name="x"),
                                                exists(nothing / "y", name="y", after_any="x")])
    client.call("batch.add", batch=batch, jobs=[exists(nothing / "z", name="x", after_any="y")])
    client.call("batch.seal", batch=batch)
    client.call("batch.wait", batch=batch)
    again = client.call("batch.retry", batch=batch, follow="each")["batch"]
    jobs, _ = client.follow(again)
    assert [job["job"] for job in jobs] == [0, 1, 2]
