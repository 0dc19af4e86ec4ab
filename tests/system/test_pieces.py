"""Batches in pieces: open, add, seal."""

import pytest

from awaitd import RpcError, wait_job


def test_a_batch_in_pieces_is_the_batch_of_all_pieces(client):
    batch = client.call("batch.open", name="pieces", follow="each")["batch"]
    first = client.call("batch.add", batch=batch, jobs=[wait_job(0.01), wait_job(0.02)])
    assert (first["batch"], first["first"], first["jobs"]) == (batch, 0, 2)
    second = client.call("batch.add", batch=batch, jobs=[wait_job(0, count=3)])
    assert (second["first"], second["jobs"]) == (2, 5)
    sealed = client.call("batch.seal", batch=batch)
    assert (sealed["batch"], sealed["jobs"]) == (batch, 5)
    jobs, summary = client.follow(batch)
    assert sorted(job["job"] for job in jobs) == [0, 1, 2, 3, 4]
    assert (summary["name"], summary["state"], summary["jobs"]) == ("pieces", "succeeded", 5)


def test_jobs_may_end_before_the_seal_but_the_batch_does_not(client):
    batch = client.call("batch.open", follow="each")["batch"]
    client.call("batch.add", batch=batch, jobs=[wait_job(0)])
    assert client.event()["params"]["state"] == "succeeded"
    shown = client.call("batch.show", batch=batch)
    assert shown["state"] == "open"
    assert shown["completed"] == 1
    assert shown["sealed"] is False
    client.call("batch.seal", batch=batch)
    message = client.event()
    assert message["method"] == "batch.done"
    assert message["params"]["state"] == "succeeded"
    assert client.call("batch.show", batch=batch)["sealed"] is True


def test_a_sealed_batch_takes_no_more(client):
    batch = client.call("batch.open")["batch"]
    client.call("batch.add", batch=batch, jobs=[wait_job(3600)])
    client.call("batch.seal", batch=batch)
    with pytest.raises(RpcError) as caught:
        client.call("batch.add", batch=batch, jobs=[wait_job(0)])
    assert "sealed" in str(caught.value)


def test_an_empty_batch_is_done_when_it_is_sealed(client):
    batch = client.call("batch.open", follow="each")["batch"]
    client.call("batch.seal", batch=batch)
    jobs, summary = client.follow(batch)
    assert jobs == []
    assert (summary["state"], summary["jobs"]) == ("succeeded", 0)


def test_a_refused_piece_changes_nothing(client):
    batch = client.call("batch.open", follow="each")["batch"]
    client.call("batch.add", batch=batch, jobs=[wait_job(0)])
    with pytest.raises(RpcError) as caught:
        client.call("batch.add", batch=batch, jobs=[wait_job(0), wait_job(-1), wait_job(0)])
    assert list(caught.value.problems) == ["jobs[1].params.seconds"]
    assert client.call("batch.seal", batch=batch)["jobs"] == 1
    jobs, _ = client.follow(batch)
    assert len(jobs) == 1


def test_adding_to_a_batch_that_is_not_there_is_refused(client):
    with pytest.raises(RpcError) as caught:
        client.call("batch.add", batch=7, jobs=[wait_job(0)])
    assert caught.value.code == 1


def test_cancelling_an_open_batch_seals_it(client):
    batch = client.call("batch.open", follow="each")["batch"]
    client.call("batch.add", batch=batch, jobs=[wait_job(3600, count=3)])
    assert client.call("batch.cancel", batch=batch)["cancelled"] == 3
    jobs, summary = client.follow(batch)
    assert [job["state"] for job in jobs] == ["cancelled"] * 3
    assert (summary["state"], summary["cancelled"]) == ("cancelled", 3)
    with pytest.raises(RpcError):
        client.call("batch.add", batch=batch, jobs=[wait_job(0)])


def test_many_small_pieces_keep_their_order(client):
    batch = client.call("batch.open", follow="each")["batch"]
    for i in range(500):
        added = client.call("batch.add", batch=batch, jobs=[wait_job(0, name=f"piece {i}")])
        assert added["first"] == i
    client.call("batch.seal", batch=batch)
    jobs, summary = client.follow(batch)
    assert summary["jobs"] == 500
    assert all(job["name"] == f"piece {job['job']}" for job in jobs)


def test_cancelling_an_open_batch_without_jobs_leaves_it_cancelled(client):
    batch = client.call("batch.open", follow="summary")["batch"]
    assert client.call("batch.cancel", batch=batch)["cancelled"] == 0
    _, summary = client.follow(batch)
    assert (summary["state"], summary["jobs"]) == ("cancelled", 0)
    assert client.call("batch.list", state="cancelled")["batches"][0]["batch"] == batch


def test_a_batch_that_is_cancelled_before_its_seal_did_not_succeed(client):
    batch = client.call("batch.open", follow="each")["batch"]
    client.call("batch.add", batch=batch, jobs=[wait_job(0)])
    assert client.event()["params"]["state"] == "succeeded"
    assert client.call("batch.cancel", batch=batch)["cancelled"] == 0
    assert client.call("batch.wait", batch=batch)["state"] == "cancelled"
