"""Workers that die, by their plugins' doing or a stranger's."""

import os
import signal

from awaitd import Watched, eventually, wait_job

ONE = {"daemon": {"workers": 1}}


def test_a_killed_worker_is_noticed_named_and_replaced(start_daemon):
    daemon = start_daemon(config=ONE)
    with daemon.client() as client:
        batch = client.submit(wait_job(3600, count=5), follow="each")
        daemon.busy_worker()
        (pid,) = daemon.worker_pids()
        os.kill(pid, signal.SIGKILL)
        jobs, summary = client.follow(batch)
        assert [job["state"] for job in jobs] == ["crashed"] * 5
        assert all("SIGKILL" in job["reason"] or "signal 9" in job["reason"] for job in jobs)
        assert (summary["state"], summary["crashed"]) == ("failed", 5)
        # With one worker, only the one in its place can run this.
        _, summary = client.run(wait_job(0, count=10))
        assert summary["state"] == "succeeded"
    assert daemon.worker_pids() != [pid]
    daemon.log.wait_for(rf"worker 1 .*(SIGKILL|signal 9).* pid={pid}\b")


def test_jobs_that_had_not_begun_survive_the_death_of_a_worker(start_daemon):
    daemon = start_daemon(config={**ONE, "limits": {"running_async": 2}})
    with daemon.client() as client:
        batch = client.submit(wait_job(3600, count=2), follow="each")
        queued = client.submit(wait_job(0, count=50))
        daemon.busy_worker()
        os.kill(daemon.worker_pids()[0], signal.SIGKILL)
        jobs, _ = client.follow(batch)
        assert [job["state"] for job in jobs] == ["crashed"] * 2
        summary = client.call("batch.wait", batch=queued)
        assert summary["succeeded"] + summary["crashed"] == 50
        assert summary["succeeded"] >= 48


def test_the_other_worker_goes_on_while_one_is_replaced(daemon):
    eventually(daemon.workers_ready, "all workers are ready")
    with daemon.client() as client:
        batch = client.submit(wait_job(2, count=200), follow="each")

        def both_busy():
            workers = client.call("daemon.status")["workers"]
            return workers if all(worker["running"] for worker in workers) else None

        victim = eventually(both_busy, "both workers run jobs")[0]["pid"]
        os.kill(victim, signal.SIGKILL)
        jobs, summary = client.follow(batch)
        states = {job["state"] for job in jobs}
        assert states == {"succeeded", "crashed"}
        assert summary["succeeded"] + summary["crashed"] == 200
        assert summary["succeeded"] > 20


def test_workers_that_die_again_and_again_are_replaced_again_and_again(start_daemon):
    daemon = start_daemon(config=ONE)
    seen = set()
    with daemon.client() as client:
        for _ in range(4):
            jobs, summary = client.run(wait_job(0))
            assert summary["state"] == "succeeded"
            (pid,) = daemon.worker_pids()
            assert pid not in seen
            seen.add(pid)
            gone = Watched(pid)
            os.kill(pid, signal.SIGKILL)
            gone.wait_gone()

            def replaced():
                (worker,) = client.call("daemon.status")["workers"]
                return worker["state"] == "ready" and worker.get("pid") != pid

            eventually(replaced, "the worker is replaced")


def test_a_stopped_worker_does_not_keep_the_supervisor_from_answering(start_daemon):
    daemon = start_daemon(config={"daemon": {"workers": 1, "grace": "100ms"}})
    with daemon.client() as client:
        (pid,) = daemon.worker_pids()
        os.kill(pid, signal.SIGSTOP)
        batch = client.submit(wait_job(0, count=100_000, name="{index}"))
        assert client.call("daemon.ping") == {}
        assert client.call("batch.show", batch=batch)["completed"] == 0
        os.kill(pid, signal.SIGCONT)
        assert client.call("batch.wait", batch=batch)["succeeded"] == 100_000


def test_a_stopped_worker_does_not_outlive_the_daemon(start_daemon):
    daemon = start_daemon(config={"daemon": {"workers": 1, "grace": "100ms"}})
    (pid,) = daemon.worker_pids()
    os.kill(pid, signal.SIGSTOP)
    daemon.stop()


def test_workers_do_not_outlive_a_killed_supervisor(daemon):
    daemon.call("batch.submit", jobs=[wait_job(3600, count=100)])
    workers = [Watched(pid) for pid in daemon.worker_pids()]
    assert len(workers) == 2
    daemon.process.kill()
    daemon.wait()
    for worker in workers:
        worker.wait_gone()
    daemon.check_nothing_left()


def test_a_stuck_worker_does_not_outlive_a_killed_supervisor(daemon):
    pids = daemon.worker_pids()
    workers = [Watched(pid) for pid in pids]
    os.kill(pids[0], signal.SIGSTOP)  # it cannot even notice that it is alone
    daemon.process.kill()
    daemon.wait()
    for worker in workers:
        worker.wait_gone()
    daemon.check_nothing_left()


def test_signals_meant_for_the_terminal_do_not_end_workers(daemon):
    with daemon.client() as client:
        batch = client.submit(wait_job(1, count=20))
        daemon.busy_worker()
        for pid in daemon.worker_pids():
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
        assert client.call("batch.wait", batch=batch)["succeeded"] == 20


def test_workers_have_no_input_and_hold_no_socket_of_clients(daemon):
    with daemon.client() as client:
        client.call("batch.wait", batch=client.submit(wait_job(0, count=100)))
        for pid in daemon.worker_pids():
            assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
            assert os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"
