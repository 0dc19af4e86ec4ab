"""The end of the daemon: what runs may finish, nothing is left behind."""

import signal
import time

import pytest

from awaitd import Closed, RpcError, wait_job


@pytest.fixture
def patient(start_daemon):
    """A daemon that lets running jobs finish."""
    return start_daemon(config={"daemon": {"grace": "30s"}})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_running_jobs_finish_within_the_grace_time(patient, number):
    with patient.client() as client:
        batch = client.submit(wait_job(1, count=10), follow="each")
        patient.busy_worker()
        patient.process.send_signal(number)
        jobs, summary = client.follow(batch)
        assert [job["state"] for job in jobs] == ["succeeded"] * 10
        assert summary["state"] == "succeeded"
        with pytest.raises(Closed):
            client.receive()
    assert patient.wait() == 0
    patient.check_nothing_left()


def test_jobs_that_take_longer_are_cancelled_and_told(start_daemon):
    daemon = start_daemon(config={"daemon": {"grace": "200ms"}})
    with daemon.client() as client:
        batch = client.submit(wait_job(3600, count=10), follow="each", durable=False)
        daemon.busy_worker()
        daemon.terminate()
        jobs, summary = client.follow(batch)
        assert [job["state"] for job in jobs] == ["cancelled"] * 10
        assert all(job["reason"] for job in jobs)
        assert summary["cancelled"] == 10
    assert daemon.wait() == 0
    daemon.check_nothing_left()


def test_queued_jobs_do_not_start_any_more(start_daemon):
    config = {"daemon": {"workers": 1, "grace": "20s"}, "limits": {"running_async": 1}}
    daemon = start_daemon(config=config)
    with daemon.client() as client:
        batch = client.submit(wait_job(0.5), wait_job(3600, count=1000), follow="each",
                              durable=False)
        daemon.busy_worker()
        daemon.terminate()
        jobs, summary = client.follow(batch)
    assert summary["succeeded"] <= 1
    assert summary["cancelled"] >= 1000
    assert len(jobs) == 1001
    assert daemon.wait() == 0


def test_another_signal_does_not_wait_for_workers_that_hang(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [{"file": hostile("close_hangs")}]})
    begin = time.monotonic()
    daemon.terminate()
    daemon.log.wait_for("stopping: ")
    daemon.terminate()
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 2  # what workers have otherwise
    daemon.check_nothing_left()


def test_a_stopping_daemon_takes_no_new_work_and_says_so(patient):
    with patient.client() as client:
        batch = client.submit(wait_job(2))
        patient.busy_worker()
        wait = client.request("batch.wait", batch=batch)
        patient.terminate()
        patient.wait_notified("STOPPING=1")
        request = client.request("batch.submit", jobs=[wait_job(0)])
        answers = {}
        for _ in range(2):
            message = client.receive()
            answers[message["id"]] = message
        assert answers[request]["error"]["code"] == 4
        assert answers[wait]["result"]["state"] == "succeeded"
    assert patient.wait() == 0


def test_an_idle_daemon_ends_at_once_with_clients_connected(daemon):
    clients = [daemon.client() for _ in range(10)]
    clients[0].send(b'{"half":')
    clients[1].call("batch.open")
    daemon.terminate()
    for client in clients:
        client.receive_all()
        client.close()
    assert daemon.wait() == 0
    daemon.check_nothing_left()


def test_a_follower_that_never_reads_does_not_keep_the_daemon(start_daemon):
    daemon = start_daemon(config={"daemon": {"grace": "200ms"}})
    with daemon.client() as slow:
        with daemon.client() as other:
            batch = other.submit(wait_job(0, count=100_000))
            slow.request("batch.watch", batch=batch)
            other.call("batch.wait", batch=batch)
        daemon.terminate()
        assert daemon.wait() == 0


def test_waiting_clients_are_answered_when_the_daemon_stops(start_daemon):
    daemon = start_daemon(config={"daemon": {"grace": "100ms"}})
    with daemon.client() as client:
        batch = client.submit(wait_job(3600), durable=False)
        wait = client.request("batch.wait", batch=batch)
        daemon.busy_worker()
        daemon.terminate()
        assert client.answer(wait)["cancelled"] == 1


def test_nothing_is_told_of_the_end_of_jobs_that_will_run_again(start_daemon):
    config = {"daemon": {"workers": 1, "grace": "100ms"}, "limits": {"running_async": 1}}
    daemon = start_daemon(config=config)
    with daemon.client() as client:
        client.submit(wait_job(3600), wait_job(3600, count=1000), follow="each")
        daemon.busy_worker()
        begin = time.monotonic()
        daemon.terminate()
        assert client.receive_all() == []
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 10, "it waited for jobs that were to be left"
    assert "state=cancelled" not in daemon.log.text()


def test_a_million_running_jobs_do_not_make_the_end_long(start_daemon):
    daemon = start_daemon(config={"daemon": {"grace": "100ms"}})
    with daemon.client() as client:
        batch = client.submit(wait_job(3600, count=1_000_000))
        daemon.busy_worker()
        assert client.call("batch.show", batch=batch)["jobs"] == 1_000_000
    daemon.stop()


def test_status_says_stopping(patient):
    with patient.client() as client:
        client.submit(wait_job(1))
        patient.busy_worker()
        patient.terminate()
        patient.wait_notified("STOPPING=1")
        try:
            assert client.call("daemon.status")["state"] == "stopping"
        except RpcError as refused:
            assert refused.code == 4
    assert patient.wait() == 0


def test_signals_up_to_its_last_moment_do_not_kill_it(make_daemon):
    for _ in range(3):
        daemon = make_daemon().start()
        while daemon.process.poll() is None:
            daemon.terminate()
        assert daemon.wait() == 0
