"""One entry that stands for many jobs."""

import pytest

from awaitd import RpcError, wait_job


def by_index(jobs):
    return {job["job"]: job for job in jobs}


def test_items_and_index_are_filled_into_parameters_and_names(client):
    entry = wait_job("{item}", items=["0.01", "20ms", "0.03"], name="{index}:{item}")
    jobs, summary = client.run(entry)
    assert summary["jobs"] == 3
    jobs = by_index(jobs)
    assert [jobs[i]["name"] for i in range(3)] == ["0:0.01", "1:20ms", "2:0.03"]
    assert [jobs[i]["output"] for i in range(3)] == ["slept for 0.01", "slept for 0.02", "slept for 0.03"]


def test_index_starts_anew_in_each_entry(client):
    jobs, _ = client.run(wait_job(0, count=2, name="a{index}"), wait_job(0, count=2, name="b{index}"))
    jobs = by_index(jobs)
    assert [jobs[i]["name"] for i in range(4)] == ["a0", "a1", "b0", "b1"]


def test_index_can_be_a_parameter(client):
    jobs, _ = client.run(wait_job("0.0{index}", count=3))
    jobs = by_index(jobs)
    assert [jobs[i]["output"] for i in range(3)] == ["slept for 0", "slept for 0.01", "slept for 0.02"]


def test_doubled_braces_stand_for_braces(client):
    jobs, _ = client.run(wait_job(0, name="{{item}} {index}"))
    assert jobs[0]["name"] == "{item} 0"


def test_items_that_do_not_fit_are_refused_before_anything_runs(client):
    with pytest.raises(RpcError) as caught:
        client.submit(wait_job("{item}", items=["0.1", "soon", "0.3"]))
    assert caught.value.code == -32602
    assert any("seconds" in field for field in caught.value.problems)
    assert client.call("batch.list")["batches"] == []


def test_item_without_items_is_refused(client):
    with pytest.raises(RpcError) as caught:
        client.submit(wait_job("{item}", count=3))
    assert caught.value.code == -32602


def test_count_and_items_together_are_refused(client):
    with pytest.raises(RpcError) as caught:
        client.submit(wait_job("{item}", items=["1"], count=1))
    assert caught.value.code == -32602


def test_a_hundred_thousand_jobs_are_one_short_line(client):
    jobs, summary = client.run(wait_job(0, count=100_000))
    assert summary["succeeded"] == 100_000
    assert sorted(job["job"] for job in jobs) == list(range(100_000))
    assert [job["seq"] for job in jobs] == list(range(100_000))


def test_entries_of_all_kinds_mix_in_one_batch(client):
    jobs, summary = client.run(
        wait_job(0, name="one"),
        wait_job(0, name="many {index}", count=3),
        wait_job("{item}", name="item {item}", items=["0", "0.01"]),
    )
    assert summary["jobs"] == 6
    jobs = by_index(jobs)
    assert [jobs[i]["name"] for i in range(6)] == [
        "one", "many 0", "many 1", "many 2", "item 0", "item 0.01"
    ]


def test_distinct_entries_keep_their_own_parameters(client):
    entries = [wait_job(i / 1000, name=f"n{i}") for i in range(300)]
    jobs, summary = client.run(*entries)
    assert summary["succeeded"] == 300
    for index, job in by_index(jobs).items():
        assert job["name"] == f"n{index}"
        assert job["run"] >= index / 1000
