"""Keys: a client's own name for a batch, under which nothing runs twice."""

import json
import os

import pytest

from awaitd import RpcError, as_nobody, eventually, wait_job


def refused(client, method="batch.submit", **params):
    with pytest.raises(RpcError) as caught:
        client.call(method, **params)
    assert caught.value.code == -32602
    return caught.value.problems


def test_the_same_again_is_the_batch_that_exists(client):
    params = {"jobs": [wait_job(0.01, count=3, name="n")], "key": "nightly", "name": "x",
              "timeout": 60, "retry": {"max": 2, "delay": 1}}
    first = client.call("batch.submit", follow="each", **params)
    assert first == {"batch": 1, "jobs": 3, "existing": False, "durable": True}
    _, summary = client.follow(1)
    assert client.call("batch.show", batch=1)["key"] == "nightly"
    # Written otherwise, and on another connection, but the same.
    params["timeout"] = "1min"
    params["jobs"] = [dict(reversed(params["jobs"][0].items()))]
    again = client.call("batch.submit", follow="each", **params)
    assert again == {"batch": 1, "jobs": 3, "existing": True, "durable": True}
    jobs, summary_again = client.follow(1)
    assert [job["state"] for job in jobs] == ["succeeded"] * 3
    assert summary_again == summary
    assert client.call("daemon.status")["jobs"]["completed"] == 3
    assert len(client.call("batch.list")["batches"]) == 1


@pytest.mark.parametrize("change", [
    {"jobs": [wait_job(0.02)]}, {"jobs": [wait_job(0.01), wait_job(0.01)]}, {"name": "other"},
    {"priority": 1}, {"retry": 1}, {"deadline": 5}, {"on_failure": "cancel"}],
    ids=lambda change: next(iter(change)))
def test_a_key_for_something_else_is_refused_and_nothing_runs(client, change):
    params = {"jobs": [wait_job(0.01)], "key": "k"}
    client.call("batch.submit", **params)
    assert refused(client, **params | change) == {"key": "was used for another batch (1)"}
    assert len(client.call("batch.list")["batches"]) == 1
    # An unrelated one gets the next number.
    assert client.submit(wait_job(0)) == 2


def test_a_refused_batch_leaves_its_key_free(client):
    assert "jobs[0].plugin" in refused(client, jobs=[{"plugin": "wiat"}], key="k")
    assert refused(client, jobs=7, key="k") == {"jobs": "must be a list of jobs, not empty"}
    assert client.call("batch.submit", jobs=[wait_job(0)], key="k")["existing"] is False


def test_a_batch_that_still_runs_is_found_and_followed(client, daemon):
    params = {"jobs": [wait_job(3600)], "key": "k"}
    client.call("batch.submit", **params)
    with daemon.client() as other:
        assert other.call("batch.submit", follow="summary", **params)["existing"] is True
        client.call("batch.cancel", batch=1)
        _, summary = other.follow(1)
    assert summary["cancelled"] == 1


def test_an_open_batch_is_found_by_its_terms_and_gets_no_second_one(client):
    params = {"key": "crawl", "name": "c", "limit": 3}
    opened = client.call("batch.open", **params)
    assert opened["existing"] is False
    client.call("batch.add", batch=opened["batch"], jobs=[wait_job(0)])
    again = client.call("batch.open", **params)
    assert again == {"batch": 1, "jobs": 1, "existing": True, "durable": True}
    client.call("batch.seal", batch=1)
    client.call("batch.wait", batch=1)
    assert client.call("batch.open", **params)["existing"] is True
    assert refused(client, "batch.open", **params | {"limit": 4}) == {
        "key": "was used for another batch (1)"}
    assert refused(client, jobs=[wait_job(0)], **params) == {"key": "was used for another batch (1)"}


@pytest.mark.parametrize("content", [{}, {"content": "x"}], ids=["without", "with content"])
def test_batch_open_does_not_take_a_batch_that_came_whole_for_its_own(client, content):
    client.call("batch.submit", jobs=[wait_job(0)], key="k", name="n")
    text = {"key": "was used for another batch (1)"}
    assert refused(client, "batch.open", key="k", name="n", **content) == text
    client.call("batch.cancel", batch=client.submit(wait_job(3600)))
    client.call("batch.wait", batch=2)
    client.call("batch.retry", batch=2, key="r")
    assert refused(client, "batch.open", key="r", **content) == {
        "key": "was used for another batch (3)"}


def test_what_is_told_of_the_jobs_to_come_is_compared(client):
    text = {"key": "was used for another batch (1)"}
    assert client.call("batch.open", key="k", content="a" * 128)["existing"] is False
    again = {"batch": 1, "jobs": 0, "existing": True, "durable": True}
    assert client.call("batch.open", key="k", content="a" * 128) == again
    assert refused(client, "batch.open", key="k", content="a" * 127) == text
    assert refused(client, "batch.open", key="k", content="a" * 128, limit=1) == text
    # Nothing is told now: terms alone are compared.
    assert client.call("batch.open", key="k") == again
    assert client.call("batch.open", key="k", content=None) == again
    # Nothing was told then: nobody can say that it is the same.
    client.call("batch.open", key="untold")
    assert refused(client, "batch.open", key="untold", content="a") == {
        "key": "was used for another batch (2)"}
    # Without a key it makes no difference.
    assert client.call("batch.open", content="a")["batch"] == 3
    assert client.call("batch.open", content="a")["batch"] == 4


def test_content_is_a_short_text_and_for_batch_open_alone(client):
    for content in ("", "a" * 129, "\u00fc" * 65):
        assert refused(client, "batch.open", content=content) == {
            "content": "must have 1 to 128 bytes"}
    assert refused(client, "batch.open", content=7) == {"content": "must be a string"}
    assert list(refused(client, jobs=[wait_job(0)], content="a")) == ["content"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_keys_of_other_users_are_their_own(daemon, client):
    client.call("batch.submit", jobs=[wait_job(0)], key="k")
    answers = as_nobody(daemon, ("batch.submit", {"jobs": [wait_job(0)], "key": "k"}))
    assert answers[-1]["result"] == {"batch": 2, "jobs": 1, "existing": False, "durable": True}


def test_a_key_goes_with_its_batch(start_daemon):
    daemon = start_daemon(config={"limits": {"history_bytes": 0}})
    with daemon.client() as client:
        params = {"jobs": [wait_job(0)], "key": "k", "durable": False}
        assert client.call("batch.submit", **params)["batch"] == 1
        client.call("batch.wait", batch=1)
        client.run(wait_job(0))  # makes the daemon forget the first
        assert client.call("batch.submit", **params)["existing"] is False


def test_keys_of_all_kinds_are_taken_and_others_refused(client):
    for i, key in enumerate(("a", "k" * 255, "ü", "../../etc/passwd", " ", '"', "\n"), start=1):
        assert client.call("batch.submit", jobs=[wait_job(0)], key=key)["batch"] == i
        assert client.call("batch.show", batch=i)["key"] == key
        assert client.call("batch.submit", jobs=[wait_job(0)], key=key)["existing"] is True
    for key in ("", "k" * 256, "ü" * 128):
        assert refused(client, jobs=[wait_job(0)], key=key) == {"key": "must have 1 to 255 bytes"}
    for key in (7, ["a"], {}):
        assert refused(client, jobs=[wait_job(0)], key=key) == {"key": "must be a string"}
    # No key at all.
    assert client.call("batch.submit", jobs=[wait_job(0)], key=None)["existing"] is False
    assert client.call("batch.submit", jobs=[wait_job(0)], key=None)["existing"] is False


def test_a_thousand_keys_are_found_again(client):
    keys = [f"key-{i * 7919 % 1000}" for i in range(1000)]
    for key in keys:
        client.request("batch.submit", jobs=[wait_job(0)], key=key)
    batches = {key: client.receive()["result"]["batch"] for key in keys}
    assert len(set(batches.values())) == 1000
    for key in sorted(keys):
        client.request("batch.submit", jobs=[wait_job(0)], key=key)
    for key in sorted(keys):
        assert client.receive()["result"] == {"batch": batches[key], "jobs": 1, "existing": True,
                                              "durable": True}


def test_a_key_in_the_configuration_is_a_key(start_daemon):
    batch = {"when": "at_start", "key": "k", "jobs": [wait_job(0)]}
    daemon = start_daemon(config={"batches": [batch, batch]})
    eventually(lambda: daemon.call("batch.list")["batches"], "the store has taken it")
    assert len(daemon.call("batch.list")["batches"]) == 1
    assert json.dumps(daemon.call("batch.show", batch=1)["key"]) == '"k"'
