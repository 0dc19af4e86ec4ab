"""The control socket as a file: who made it, who may use it, what lies there already."""

import fcntl
import grp
import os
import shutil
import socket
import stat
import subprocess
import sys

import pytest

import awaitd
from awaitd import AWAITCTL, DaemonFailed, wait_job


def leave_stale_socket(path):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))


def test_a_stale_socket_is_taken_over(make_daemon):
    daemon = make_daemon()
    leave_stale_socket(daemon.socket_path)
    daemon.start()
    assert daemon.call("daemon.ping") == {}


def test_the_socket_of_a_killed_daemon_is_taken_over(make_daemon):
    daemon = make_daemon().start()
    daemon.process.kill()
    daemon.wait()
    assert daemon.socket_path.exists()
    again = make_daemon(config={"daemon": {"socket": str(daemon.socket_path)}}).start()
    with awaitd.Client(daemon.socket_path) as client:
        assert client.call("hello")["pid"] == again.process.pid


def test_a_living_daemons_socket_is_left_to_it(daemon, make_daemon):
    second = make_daemon(config={"daemon": {"socket": str(daemon.socket_path)}})
    with pytest.raises(DaemonFailed) as caught:
        second.start()
    assert caught.value.status > 0
    assert str(daemon.socket_path) in caught.value.log
    assert daemon.call("hello")["pid"] == daemon.process.pid


def test_another_programs_socket_is_left_to_it(make_daemon):
    daemon = make_daemon()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(daemon.socket_path))
        other.listen()
        with pytest.raises(DaemonFailed) as caught:
            daemon.start()
        assert caught.value.status > 0
        assert str(daemon.socket_path) in caught.value.log
        assert daemon.socket_path.is_socket()


def test_a_regular_file_is_not_touched(make_daemon):
    daemon = make_daemon()
    daemon.socket_path.write_text("precious", encoding="ascii")
    with pytest.raises(DaemonFailed) as caught:
        daemon.start()
    assert caught.value.status > 0
    assert str(daemon.socket_path) in caught.value.log
    assert daemon.socket_path.read_text(encoding="ascii") == "precious"


def test_a_directory_is_not_touched(make_daemon):
    daemon = make_daemon()
    daemon.socket_path.mkdir()
    with pytest.raises(DaemonFailed) as caught:
        daemon.start()
    assert str(daemon.socket_path) in caught.value.log


def test_a_missing_directory_is_named(make_daemon, folder):
    path = folder / "no/such/socket"
    with pytest.raises(DaemonFailed) as caught:
        make_daemon(config={"daemon": {"socket": str(path)}}).start()
    assert str(path) in caught.value.log


def test_a_path_too_long_for_a_socket_is_refused_in_words(make_daemon, folder):
    path = folder / ("x" * 150)
    with pytest.raises(DaemonFailed) as caught:
        make_daemon(config={"daemon": {"socket": str(path)}}).start()
    assert "long" in caught.value.log
    assert list(folder.iterdir()) == []


def lock_of(daemon):
    return daemon.socket_path.with_name(daemon.socket_path.name + ".lock")


def test_a_stopped_daemon_removes_its_socket_and_its_lock(daemon):
    assert stat.S_IMODE(lock_of(daemon).stat().st_mode) == 0o600
    daemon.stop()
    assert not daemon.socket_path.exists()
    assert not lock_of(daemon).exists()


def test_who_locks_the_folder_hinders_nobody(make_daemon):
    daemon = make_daemon()
    fd = os.open(daemon.directory, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        daemon.start()
    finally:
        os.close(fd)


def test_a_daemon_without_a_socket_is_known_by_its_lock(daemon, make_daemon):
    daemon.socket_path.unlink()
    second = make_daemon(config={"daemon": {"socket": str(daemon.socket_path)}})
    with pytest.raises(DaemonFailed) as caught:
        second.start()
    assert f"socket {daemon.socket_path}: another daemon serves it already" in caught.value.log
    assert lock_of(daemon).exists()
    assert not daemon.socket_path.exists()


def test_a_lock_that_leads_elsewhere_is_refused(make_daemon, folder):
    daemon = make_daemon()
    lock_of(daemon).symlink_to(folder / "elsewhere")
    with pytest.raises(DaemonFailed) as caught:
        daemon.start()
    assert str(lock_of(daemon)) in caught.value.log
    assert not (folder / "elsewhere").exists()


def test_a_start_that_fails_leaves_no_lock_behind(make_daemon):
    daemon = make_daemon()
    daemon.socket_path.mkdir()
    with pytest.raises(DaemonFailed):
        daemon.start()
    assert not lock_of(daemon).exists()


def test_the_command_line_decides_over_the_file(make_daemon, folder):
    path = folder / "other"
    daemon = make_daemon(args=["--socket", str(path)]).start()
    with awaitd.Client(path) as client:
        assert client.call("hello")["pid"] == daemon.process.pid
    assert not daemon.socket_path.exists()


def test_the_socket_is_closed_to_others(daemon):
    mode = daemon.socket_path.stat().st_mode
    assert stat.S_IMODE(mode) == 0o660


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_group_of_the_configuration_gets_the_socket(start_daemon):
    group = next((entry for entry in grp.getgrall() if entry.gr_name == "nogroup"), None)
    if group is None:
        pytest.skip("needs the group nogroup")
    daemon = start_daemon(config={"daemon": {"group": group.gr_name}})
    assert daemon.socket_path.stat().st_gid == group.gr_gid
    script = f"import socket; socket.socket(socket.AF_UNIX).connect({str(daemon.socket_path)!r})"
    subprocess.run([sys.executable, "-c", script], check=True, cwd="/",
                   user=65534, group=group.gr_gid, extra_groups=[])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_without_permission_on_the_socket_awaitctl_says_so(daemon, folder):
    program = folder / "awaitctl"  # the prefix may be closed to others
    shutil.copy(AWAITCTL, program)
    result = subprocess.run([program, "--socket", daemon.socket_path, "ping"], user=65534,
                            group=65534, extra_groups=[], capture_output=True, text=True, cwd="/",
                            env={}, check=False)
    assert result.returncode == 6
    assert str(daemon.socket_path) in result.stderr
    assert daemon.call("daemon.ping") == {}


def test_no_descriptor_of_the_daemon_leaks_into_its_workers(daemon):
    with daemon.client() as client:
        client.call("batch.wait", batch=client.submit(wait_job(0)))
        for pid in daemon.worker_pids():
            with open("/proc/net/unix", encoding="ascii") as table:
                ours = {line.split()[6] for line in table if str(daemon.socket_path) in line}
            held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
            assert not {f"socket:[{inode}]" for inode in ours} & held


def test_a_start_that_fails_says_why_on_standard_error_whatever_the_log(make_daemon):
    daemon = make_daemon(log="syslog")
    daemon.socket_path.mkdir()
    with pytest.raises(DaemonFailed) as caught:
        daemon.start()
    assert caught.value.status == 1
    assert str(daemon.socket_path) in caught.value.log
    assert len(caught.value.log.splitlines()) == 1


def test_standard_descriptors_that_were_closed_are_not_used_for_others(make_daemon):
    shell = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-']
    daemon = make_daemon(wrapper=shell).start()
    pids = [daemon.process.pid, *daemon.worker_pids()]
    for pid in pids:
        for fd in range(3):
            assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"
    assert daemon.call("daemon.ping") == {}
