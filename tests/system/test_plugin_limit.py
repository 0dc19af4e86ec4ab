"""How many jobs of a plugin run at once, over all workers."""

import os
import signal

import pytest

from awaitd import PLUGIN_DIR, eventually, wait_job


def most_at_once(events):
    """How many of the jobs ran at the same time, all accepted at the same moment."""
    changes = []
    for event in events:
        changes.append((event["queued"], 1))
        changes.append((event["queued"] + event["run"], -1))
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def limited_job(seconds, **entry):
    return {"plugin": "limited", "params": {"seconds": seconds}, **entry}


@pytest.fixture
def start_limited(start_daemon, hostile):
    """Starts a daemon with the plugin that has a limit of 3, and with these things in its entry."""

    def start(entry=None, **options):
        plugins = [{"file": hostile("limited"), **(entry or {})}]
        return start_daemon(config={"plugins": plugins}, **options)

    return start


def running_by_worker(daemon):
    return [worker["running"] for worker in daemon.call("daemon.status")["workers"]]


@pytest.mark.parametrize("limit, most", [(None, 3), (0, 3), (1, 1), (2, 2), (5, 5)])
def test_no_more_jobs_run_at_once_than_the_limit(start_limited, limit, most):
    daemon = start_limited({} if limit is None else {"limit": limit})
    with daemon.client() as client:
        events, summary = client.run(limited_job(0.02, count=20), limited_job(0.02, count=5))
        assert summary["succeeded"] == 25
        assert most_at_once(events) == most
        assert client.call("plugin.show", name="limited")["limit"] == most


def test_the_limit_is_on_all_batches_together(start_limited):
    with start_limited().client() as client:
        batches = [client.submit(limited_job(3600, count=2)) for _ in range(5)]

        def total(state):
            return sum(client.call("batch.show", batch=batch)[state] for batch in batches)

        assert eventually(lambda: total("running") == 3, "three run")
        client.call("batch.wait", batch=client.submit(wait_job(0.05)))
        assert (total("running"), total("queued")) == (3, 7)
        for batch in batches[:-1]:
            client.call("batch.cancel", batch=batch)
        assert eventually(lambda: total("running") == 2, "the last two run")


def test_a_plugin_without_a_limit_can_be_given_one(start_daemon):
    daemon = start_daemon(config={"plugins": [{"file": str(PLUGIN_DIR / "wait.so"), "limit": 8}]})
    with daemon.client() as client:
        client.submit(wait_job(3600, count=1_000_000))
        assert eventually(lambda: sum(running_by_worker(daemon)) == 8, "eight run")
        assert running_by_worker(daemon) == [4, 4]


def test_others_are_not_held_up(start_limited):
    with start_limited().client() as client:
        client.submit(limited_job(3600, count=1000))
        _, summary = client.run(wait_job(0, count=1000))
        assert summary["succeeded"] == 1000


def test_what_a_dead_worker_ran_leaves_room(start_limited):
    daemon = start_limited(crashes=True)
    with daemon.client() as client:
        batch = client.submit(limited_job(3600, count=100))

        def running():
            return client.call("batch.show", batch=batch)["running"]

        for _ in range(2):
            assert eventually(lambda: running() == 3, "three run")
            before = client.call("batch.show", batch=batch)["crashed"]
            os.kill(daemon.busy_worker()["pid"], signal.SIGKILL)
            eventually(lambda: client.call("batch.show", batch=batch)["crashed"] > before, "death")
        assert eventually(lambda: running() == 3, "three run again")


def test_cancelled_jobs_leave_room(start_limited):
    daemon = start_limited()
    with daemon.client() as client:
        first = client.submit(limited_job(3600, count=100))
        second = client.submit(limited_job(0, count=100))
        client.call("job.cancel", batch=first, job=0)
        client.call("batch.cancel", batch=first)
        assert client.call("batch.wait", batch=first)["cancelled"] == 100
        assert client.call("batch.wait", batch=second)["succeeded"] == 100
        _, summary = client.run(limited_job(0, count=10))
        assert summary["succeeded"] == 10


def test_awaitctl_tells_the_limit_and_what_the_plugin_was_built_for(start_limited, hostile):
    daemon = start_limited()
    text = daemon.ctl("plugins", "limited", check=0).stdout
    assert "\nAt most 3 jobs of it run at once.\n" in text
    assert "\nVersion 1, style fiber, ABI 1.1, from " in text
    assert "At most" not in daemon.ctl("plugins", "wait", check=0).stdout


def test_a_plugin_built_for_the_first_version_has_no_limit(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [{"file": hostile("older_minor")}]})
    with daemon.client() as client:
        shown = client.call("plugin.show", name="older_minor")
        assert shown["abi"] == "1.0"
        assert "limit" not in shown
        assert client.run({"plugin": "older_minor"})[1]["succeeded"] == 1
