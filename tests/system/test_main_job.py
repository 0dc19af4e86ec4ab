"""What awaitd is for: jobs that wait, wait at once."""

import pytest

from awaitd import RpcError, wait_job


def test_ten_waits_of_a_second_end_in_about_a_second(client):
    jobs, summary = client.run(wait_job(1, count=10))
    assert len(jobs) == 10
    assert summary["state"] == "succeeded"
    assert summary["jobs"] == summary["succeeded"] == 10
    assert 10 <= summary["work"] < 20
    # Far from the 9.9 of an idle machine, far above the 1 of one after the other.
    assert summary["speedup"] > 4
    assert summary["speedup"] == pytest.approx(summary["work"] / summary["wall"], rel=0.02)


def test_each_job_tells_its_result_and_its_times(client):
    jobs, summary = client.run(wait_job(0.2, count=3, name="nap-{index}"), name="naps")
    assert summary["name"] == "naps"
    assert sorted(job["job"] for job in jobs) == [0, 1, 2]
    assert [job["seq"] for job in jobs] == [0, 1, 2]
    for job in jobs:
        assert job["name"] == f"nap-{job['job']}"
        assert job["plugin"] == "wait"
        assert job["state"] == "succeeded"
        assert "reason" not in job
        assert job["attempt"] == 0
        assert 0 <= job["queued"] < 10
        assert 0.2 <= job["run"] < 10
        assert job["output"] == "slept for 0.2"
        assert not job.get("truncated", False)
    assert summary["work"] == pytest.approx(sum(job["run"] for job in jobs), abs=0.01)


def test_jobs_arrive_in_the_order_in_which_they_end(client):
    order = [0.9, 0.1, 0.5]
    jobs, _ = client.run(*(wait_job(seconds) for seconds in order))
    assert [order[job["job"]] for job in jobs] == sorted(order)


def test_durations_are_numbers_or_text_with_a_unit(client):
    jobs, summary = client.run(wait_job("50ms"), wait_job("0.05"), wait_job(0.05))
    assert summary["succeeded"] == 3
    assert all(0.05 <= job["run"] < 10 for job in jobs)


def test_wait_until_a_point_in_time_that_is_over_ends_at_once(client):
    entry = {"plugin": "wait", "params": {"until": "2001-02-03T04:05:06Z"}}
    _, summary = client.run(entry)
    assert summary["state"] == "succeeded"
    assert summary["work"] < 10


def test_wait_takes_seconds_or_until_and_not_both(client):
    for params in ({}, {"seconds": 1, "until": "2001-02-03T04:05:06Z"}):
        problems = problems_of(client, {"plugin": "wait", "params": params})
        text = " ".join(f"{field} {problem}" for field, problem in problems.items())
        assert "seconds" in text and "until" in text


def problems_of(client, entry):
    with pytest.raises(RpcError) as caught:
        client.submit(entry)
    assert caught.value.code == -32602
    return caught.value.problems


def test_batches_are_numbered_from_one(client):
    assert [client.submit(wait_job(0)) for _ in range(3)] == [1, 2, 3]


def test_a_batch_of_a_long_job_does_not_hold_up_a_short_one(client):
    long = client.submit(wait_job(3600))
    _, summary = client.run(wait_job(0))
    assert summary["state"] == "succeeded"
    assert client.call("batch.show", batch=long)["state"] == "running"


def test_an_empty_wait_succeeds(client):
    jobs, summary = client.run(wait_job(0))
    assert jobs[0]["state"] == "succeeded"
    assert summary["wall"] < 10
