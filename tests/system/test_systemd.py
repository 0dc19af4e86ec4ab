"""What systemd expects of a service: readiness, sockets handed over, units without faults."""

import fcntl
import os
import socket
import subprocess
import sys

import pytest

from awaitd import AWAITD, PREFIX, Client, DaemonFailed, eventually, need, wait_job


def test_ready_and_stopping_are_notified(daemon):
    assert "READY=1" in daemon.notified
    daemon.terminate()
    daemon.wait_notified("STOPPING=1")
    assert daemon.wait() == 0


def test_ready_means_that_the_socket_is_there_and_jobs_run(make_daemon):
    for _ in range(5):
        daemon = make_daemon().start()
        with daemon.client() as client:
            assert client.run(wait_job(0))[1]["state"] == "succeeded"
        daemon.stop()


def test_an_abstract_notify_socket_works(start_daemon):
    daemon = start_daemon(notify=f"@aw-test-{os.getpid()}")
    assert "READY=1" in daemon.notified


def test_nobody_to_notify_is_fine(make_daemon):
    daemon = make_daemon()
    del daemon.env["NOTIFY_SOCKET"]
    daemon.spawn()

    def answers():
        try:
            return daemon.call("hello")
        except OSError:
            return None

    assert eventually(answers, "the daemon answers")["pid"] == daemon.process.pid


def test_a_notify_socket_without_a_listener_is_fine(make_daemon, folder):
    daemon = make_daemon()
    daemon.env["NOTIFY_SOCKET"] = str(folder / "nobody")
    daemon.spawn()
    eventually(daemon.socket_path.exists, "the socket is there")
    eventually(lambda: ping(daemon), "the daemon answers")


def ping(daemon):
    try:
        return daemon.call("daemon.ping") == {}
    except OSError:
        return False


def test_the_first_connection_starts_it_by_socket_activation(make_daemon):
    daemon = make_daemon()
    path = daemon.directory / "a"
    # It passes nothing of its own environment on but what it is told to.
    passed = [f"--setenv={name}" for name in daemon.env
              if name.startswith(("AW", "NOTIFY", "ASAN", "UBSAN", "LSAN"))]
    daemon.command = [need("systemd-socket-activate"), "-l", str(path), *passed, *daemon.command]
    daemon.spawn()
    daemon.log.wait_for("Listening on")
    with Client(path) as client:  # what is sent before it runs must not be lost
        request = client.request("hello")
        daemon.wait_notified("READY=1")
        assert client.answer(request)["pid"] == daemon.process.pid
        _, summary = client.run(wait_job(0.1, count=10))
        assert summary["succeeded"] == 10
    assert not daemon.socket_path.exists()  # the one handed over is the one
    daemon.stop()
    assert path.exists()  # it belongs to whoever made it


PASS_ON = """
import os, sys
fds = [int(fd) for fd in sys.argv[1].split(",") if fd]
for target, fd in enumerate(fds, 3):
    os.dup2(fd, target)
pid = sys.argv[2].replace("self", str(os.getpid()))
os.environ.update(LISTEN_PID=pid, LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[3], sys.argv[3:])
"""


def handed(make_daemon, sockets, pid="self"):
    """A daemon that is handed these open files as systemd does it."""
    fds = [os.dup(item.fileno()) for item in sockets]
    high = []
    for fd in fds:  # out of the way of 3, 4, ...
        high.append(fcntl.fcntl(fd, fcntl.F_DUPFD, 50))
        os.close(fd)
    wrapper = [sys.executable, "-c", PASS_ON, ",".join(map(str, high)), pid]
    daemon = make_daemon(wrapper=wrapper, pass_fds=high)
    try:
        return daemon.start()
    finally:
        for fd in high:
            os.close(fd)


def test_a_datagram_socket_is_refused_in_words(make_daemon):
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right, pytest.raises(DaemonFailed) as caught:
        handed(make_daemon, [left])
    assert "socket" in caught.value.log


def test_a_file_instead_of_a_socket_is_refused_in_words(make_daemon):
    with open("/dev/null", "rb") as null, pytest.raises(DaemonFailed) as caught:
        handed(make_daemon, [null])
    assert "socket" in caught.value.log


def test_two_sockets_are_one_too_many(make_daemon, folder):
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        for index, each in enumerate((one, two)):
            each.bind(str(folder / str(index)))
            each.listen()
        with pytest.raises(DaemonFailed) as caught:
            handed(make_daemon, [one, two])
    assert "2" in caught.value.log or "one" in caught.value.log


def test_sockets_meant_for_another_process_are_not_taken(make_daemon, folder):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "other"))
        other.listen()
        daemon = handed(make_daemon, [other], pid="1")
    assert daemon.call("hello")["pid"] == daemon.process.pid


def test_the_installed_units_have_no_faults():
    analyze = need("systemd-analyze")
    units = [*PREFIX.glob("**/awaitd.service"), *PREFIX.glob("**/awaitd.socket")]
    assert len(units) == 2, units
    result = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True,
                            check=False)
    complaints = [line for line in result.stderr.splitlines() if "awaitd" in line]
    assert not complaints
    assert result.returncode == 0, result.stderr


def test_the_service_starts_what_was_installed():
    (unit,) = PREFIX.glob("**/awaitd.service")
    text = unit.read_text(encoding="utf-8")
    assert f"ExecStart={AWAITD}" in text
    assert "\nStateDirectory=awaitd\nStateDirectoryMode=0700\n" in text
    assert "\nTimeoutStartSec=infinity\n" in text  # a large store takes its time
    assert "Type=notify" in text
