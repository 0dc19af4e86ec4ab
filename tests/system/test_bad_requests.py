"""Requests that are well-formed and wrong: refused whole, in words that name the field."""

import json

import pytest

from awaitd import RpcError, wait_job


def refused(client, method="batch.submit", code=-32602, **params):
    """The error of a request that must be refused, and leaves no batch behind."""
    before = client.call("batch.list")["batches"]
    with pytest.raises(RpcError) as caught:
        client.call(method, **params)
    assert caught.value.code == code, caught.value
    assert caught.value.message
    assert client.call("batch.list")["batches"] == before
    return caught.value


def problem_of(client, entry, field):
    """The words about the one wrong field of the fourth job."""
    good = wait_job(0)
    error = refused(client, jobs=[good, good, good, entry])
    assert list(error.problems) == [f"jobs[3].{field}"], error
    return error.problems[f"jobs[3].{field}"]


def test_an_unknown_method_is_refused_by_name(client):
    for method in ("no.such", "", "batch", "batch.submit ", "BATCH.SUBMIT"):
        error = refused(client, method, code=-32601)
        if method:
            assert method in error.message


def test_an_unknown_plugin_is_refused_by_name(client):
    assert "frobnicate" in problem_of(client, {"plugin": "frobnicate"}, "plugin")


@pytest.mark.parametrize("value", [None, 5, [], {}, ""], ids=json.dumps)
def test_a_plugin_must_be_named(client, value):
    assert problem_of(client, {"plugin": value}, "plugin")


def test_an_entry_without_a_plugin_is_refused(client):
    assert problem_of(client, {"params": {"seconds": 1}}, "plugin")


def test_an_unknown_parameter_is_refused_by_name(client):
    entry = {"plugin": "wait", "params": {"seconds": 0, "colour": 1}}
    assert problem_of(client, entry, "params.colour")


@pytest.mark.parametrize("seconds", [
    True, [], {}, [1], "", "soon", "1 s", "1x", "0x10", "1s1", "nan", "inf", "1e400", " 1", "1 ",
    "-", "1..2", "s",
], ids=json.dumps)
def test_a_mistyped_parameter_is_refused(client, seconds):
    assert problem_of(client, wait_job(seconds), "params.seconds")


def test_a_parameter_out_of_range_is_refused_with_its_range(client):
    assert "0" in problem_of(client, wait_job(-1), "params.seconds")
    assert "0" in problem_of(client, wait_job("-1ms"), "params.seconds")


@pytest.mark.parametrize("params", [5, "seconds=1", [], True], ids=json.dumps)
def test_params_of_a_job_must_be_an_object(client, params):
    assert problem_of(client, {"plugin": "wait", "params": params}, "params")


@pytest.mark.parametrize("count", [
    -1, 0, 1.5, "ten", True, [], -(1 << 53), 1 << 53,
], ids=json.dumps)
def test_a_count_that_counts_nothing_is_refused(client, count):
    assert problem_of(client, wait_job(0, count=count), "count")


@pytest.mark.parametrize("items", [[], "0.1", 5, {}, [1], [None], [["0"]]], ids=json.dumps)
def test_items_must_be_texts(client, items):
    error = refused(client, jobs=[wait_job("{item}", items=items)])
    assert all(field.startswith("jobs[0].items") for field in error.problems), error


@pytest.mark.parametrize("name", [5, [], {}, True], ids=json.dumps)
def test_names_must_be_texts(client, name):
    assert problem_of(client, wait_job(0, name=name), "name")
    assert list(refused(client, jobs=[wait_job(0)], name=name).problems) == ["name"]


def test_unknown_fields_are_refused_by_name(client):
    assert problem_of(client, wait_job(0, colour="red"), "colour")
    assert list(refused(client, jobs=[wait_job(0)], colour="red").problems) == ["colour"]
    assert list(refused(client, "daemon.ping", colour="red").problems) == ["colour"]


@pytest.mark.parametrize("jobs", [None, 5, "wait", {}], ids=json.dumps)
def test_jobs_must_be_a_list(client, jobs):
    assert list(refused(client, jobs=jobs).problems) == ["jobs"]


@pytest.mark.parametrize("entry", [None, 5, "wait", []], ids=json.dumps)
def test_an_entry_must_be_an_object(client, entry):
    assert list(refused(client, jobs=[wait_job(0), entry]).problems) == ["jobs[1]"]


def test_missing_jobs_are_refused(client):
    assert list(refused(client).problems) == ["jobs"]


@pytest.mark.parametrize("follow", ["all", "", 1, []], ids=json.dumps)
def test_follow_takes_its_four_words(client, follow):
    assert list(refused(client, jobs=[wait_job(0)], follow=follow).problems) == ["follow"]


@pytest.mark.parametrize("batch", [None, "1", 1.5, -1, True, [], 1 << 60], ids=json.dumps)
def test_batch_must_be_a_number(client, batch):
    with pytest.raises(RpcError) as caught:
        client.call("batch.show", batch=batch)
    assert caught.value.code in (-32602, 1)


def test_required_fields_are_named_when_missing(client):
    for method in ("batch.show", "batch.wait", "batch.watch", "batch.cancel", "batch.seal",
                   "job.list"):
        assert list(refused(client, method).problems) == ["batch"], method
    assert set(refused(client, "job.show").problems) == {"batch", "job"}
    assert "batch" in refused(client, "batch.add").problems
    assert list(refused(client, "plugin.show").problems) == ["name"]


@pytest.mark.parametrize("params", [
    {"limit": 0}, {"limit": -1}, {"limit": "many"}, {"limit": 1 << 40}, {"state": "sleeping"},
    {"state": 5}, {"cursor": "x"}, {"cursor": -1},
], ids=json.dumps)
def test_filters_are_checked(client, params):
    (field,) = params
    assert list(refused(client, "batch.list", **params).problems) == [field]


@pytest.mark.parametrize("params", [
    {"from": -1}, {"from": "x"}, {"events": "none!"},
], ids=json.dumps)
def test_watching_is_checked(client, params):
    batch = client.submit(wait_job(3600))
    (field,) = params
    with pytest.raises(RpcError) as caught:
        client.call("batch.watch", batch=batch, **params)
    assert list(caught.value.problems) == [field]


@pytest.mark.parametrize("timeout", ["soon", -1, [], True], ids=json.dumps)
def test_a_timeout_is_checked(client, timeout):
    batch = client.submit(wait_job(3600))
    with pytest.raises(RpcError) as caught:
        client.call("batch.wait", batch=batch, timeout=timeout)
    assert list(caught.value.problems) == ["timeout"]


def test_one_bad_job_refuses_all_and_none_runs(client):
    entries = [wait_job(0) for _ in range(1000)]
    entries[700] = wait_job(-1)
    error = refused(client, jobs=entries)
    assert list(error.problems) == ["jobs[700].params.seconds"]
    assert client.call("daemon.status")["jobs"]["completed"] == 0


def test_the_first_twenty_problems_are_told(client):
    error = refused(client, jobs=[wait_job(-1) for _ in range(50)])
    assert list(error.problems) == [f"jobs[{i}].params.seconds" for i in range(20)]


def test_several_problems_of_one_job_are_told_at_once(client):
    entry = {"plugin": "wait", "params": {"seconds": -1, "colour": 1}, "count": 0, "shape": 1}
    fields = set(refused(client, jobs=[entry]).problems)
    assert fields >= {"jobs[0].params.seconds", "jobs[0].params.colour"} or fields >= {
        "jobs[0].count", "jobs[0].shape"
    }


# ---- Limits --------------------------------------------------------------------------------------


def test_a_batch_with_too_many_jobs_is_refused_with_the_limit(start_daemon):
    daemon = start_daemon(config={"limits": {"batch_jobs": 1000}})
    with daemon.client() as client:
        assert client.call("hello")["limits"]["batch_jobs"] == 1000
        for jobs in ([wait_job(0, count=1001)], [wait_job(0, count=500), wait_job(0, count=501)],
                     [wait_job(0) for _ in range(1001)],
                     [wait_job(0, count=(1 << 32) - 1), wait_job(0, count=2)],
                     [wait_job(0, count=(1 << 31)), wait_job(0, count=(1 << 31))]):
            with pytest.raises(RpcError) as caught:
                client.submit(*jobs)
            assert caught.value.code in (3, -32602)
            assert "1000" in str(caught.value)
        _, summary = client.run(wait_job(0, count=1000))
        assert summary["succeeded"] == 1000


def test_pieces_together_keep_to_the_limit(start_daemon):
    daemon = start_daemon(config={"limits": {"batch_jobs": 1000}})
    with daemon.client() as client:
        batch = client.call("batch.open")["batch"]
        client.call("batch.add", batch=batch, jobs=[wait_job(0, count=600)])
        with pytest.raises(RpcError) as caught:
            client.call("batch.add", batch=batch, jobs=[wait_job(0, count=401)])
        assert "1000" in str(caught.value)
        assert client.call("batch.add", batch=batch, jobs=[wait_job(0, count=400)])["jobs"] == 1000


def test_a_full_queue_refuses_and_takes_again_when_there_is_room(start_daemon):
    daemon = start_daemon(config={"limits": {"queued_jobs": 100}})
    with daemon.client() as client:
        batch = client.submit(wait_job(3600, count=100))
        with pytest.raises(RpcError) as caught:
            client.submit(wait_job(0))
        assert caught.value.code == 3
        assert "100" in caught.value.message and "queued_jobs" in caught.value.message
        client.call("batch.cancel", batch=batch)
        client.call("batch.wait", batch=batch)
        _, summary = client.run(wait_job(0, count=100))
        assert summary["succeeded"] == 100


def test_too_many_unfinished_batches_are_refused(start_daemon):
    daemon = start_daemon(config={"limits": {"batches": 5}})
    with daemon.client() as client:
        batches = [client.call("batch.open")["batch"] for _ in range(5)]
        with pytest.raises(RpcError) as caught:
            client.call("batch.open")
        assert caught.value.code == 3
        assert "5" in caught.value.message
        client.call("batch.seal", batch=batches[0])
        client.call("batch.wait", batch=batches[0])
        assert client.call("batch.open")["batch"]


def test_the_history_is_bounded_and_forgets_the_oldest(start_daemon):
    daemon = start_daemon(config={"limits": {"history_bytes": 1 << 20}})
    with daemon.client() as client:
        first = client.submit(wait_job(0), durable=False)
        client.call("batch.wait", batch=first)
        for _ in range(60):
            last = client.submit(wait_job(0, count=1000), durable=False)
            client.call("batch.wait", batch=last)
        with pytest.raises(RpcError) as caught:
            client.call("batch.show", batch=first)
        assert caught.value.code == 1
        assert client.call("batch.show", batch=last)["state"] == "succeeded"
