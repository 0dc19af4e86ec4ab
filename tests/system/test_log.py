"""The log: timings for people and machines, on standard error and in syslog, never in the way."""

import os
import re
import shutil
import socket
import subprocess
import time

import pytest

from awaitd import DEADLINE, SANITIZED, eventually, wait_job


def fields(line):
    """The key=value pairs of a line, quotes taken off."""
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)
    return {key: value.strip('"') for key, value in pairs}


# ---- Standard error ------------------------------------------------------------------------------


def test_each_job_and_batch_has_a_line_with_its_times(daemon):
    with daemon.client() as client:
        client.run(wait_job(0.1, count=2, name="nap-{index}"), name="naps")
    line = daemon.log.wait_for(r"\bjob batch=1 job=1 .*").string
    job = fields(line)
    assert (job["plugin"], job["state"], job["name"]) == ("wait", "succeeded", "nap-1")
    assert float(job["queued"]) >= 0
    assert 0.1 <= float(job["run"]) < 10
    batch = fields(daemon.log.wait_for(r"\bbatch batch=1 .*").string)
    assert (batch["state"], batch["jobs"], batch["succeeded"]) == ("succeeded", "2", "2")
    assert batch["name"] == "naps"
    assert 0.2 <= float(batch["work"]) < 20
    assert 0.1 <= float(batch["wall"]) < 10
    assert float(batch["speedup"]) > 0


def test_a_job_that_did_not_succeed_tells_why(daemon):
    with daemon.client() as client:
        batch = client.submit(wait_job(3600))
        client.call("batch.cancel", batch=batch)
    job = fields(daemon.log.wait_for(r"\bjob batch=1 job=0 .*").string)
    assert job["state"] == "cancelled"
    assert job["reason"]
    assert fields(daemon.log.wait_for(r"\bbatch batch=1 .*").string)["state"] == "cancelled"


def test_names_cannot_forge_lines(daemon):
    name = 'a\nforged batch=9 state="x" \x1b[31m\x7f \u0085 \u2028 end'
    with daemon.client() as client:
        client.run(wait_job(0, name=name), name=name)
    daemon.log.wait_for(r"\bbatch batch=1 ")
    lines = [line for line in daemon.log if "forged" in line]
    assert len(lines) == 2
    for line in lines:
        assert re.search(r"\b(job|batch) batch=1 ", line)
        assert "\x1b" not in line and "\x7f" not in line
        assert 'state=\\"x\\"' in line


def test_a_flood_of_lines_is_held_back_and_summed_up(start_daemon):
    daemon = start_daemon(config={"log": {"rate": 10, "burst": 20}})
    begin = time.monotonic()
    with daemon.client() as client:
        client.run(wait_job(0, count=5000))
    daemon.stop()
    took = time.monotonic() - begin
    lines = list(daemon.log)
    jobs = [line for line in lines if re.search(r"\bjob batch=1 ", line)]
    held = [int(fields(line)["held_back"]) for line in lines if "held_back=" in line]
    assert 20 <= len(jobs) <= 20 + 10 * (took + 1)
    assert len(jobs) + sum(held) == 5000
    assert len(held) <= took + 2
    assert [line for line in lines if re.search(r"\bbatch batch=1 ", line)]  # not held back


def test_the_level_decides_what_is_written(start_daemon):
    daemon = start_daemon(config={"log": {"level": "error"}})
    with daemon.client() as client:
        client.run(wait_job(0, count=10))
    daemon.stop()
    assert not re.search(r"\b(job|batch) batch=", daemon.log.text())


def test_a_standard_error_that_nobody_reads_stops_nothing(start_daemon):
    read, write = os.pipe()
    try:
        daemon = start_daemon(config={"log": {"rate": 0}}, stderr=write)
        os.close(write)
        with daemon.client() as client:
            for _ in range(5):
                _, summary = client.run(wait_job(0, count=10_000, name="x" * 100))
                assert summary["succeeded"] == 10_000
        daemon.stop()
    finally:
        os.close(read)


# ---- syslog --------------------------------------------------------------------------------------


class Syslog:
    """What listens at /dev/log, as far as one daemon in a mount namespace of its own can see."""

    # A /dev with what a program needs and with our socket as its log.
    SCRIPT = """
        set -e
        dev=$1/dev; log=$1/log; shift
        mkdir "$dev"
        mount -n -t tmpfs none "$dev"
        for node in null zero full random urandom; do
            : >"$dev/$node"
            mount -n --bind "/dev/$node" "$dev/$node"
        done
        ln -s /proc/self/fd "$dev/fd"
        ln -s "$log" "$dev/log"
        mount -n --move "$dev" /dev
        exec "$@"
    """

    def __init__(self, folder):
        self.folder = folder
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE)
        self.socket.bind(str(folder / "log"))
        self.lines = []
        unshare = shutil.which("unshare")
        # As root, or in a user namespace, where the user stays what he is.
        for options in (["-m"], ["-m", "-c", "--keep-caps"]):
            self.wrapper = [str(unshare), *options, "/bin/sh", "-c", self.SCRIPT, "sh", str(folder)]
            probe = subprocess.run([*self.wrapper, "true"], capture_output=True, text=True,
                                   check=False)
            with_dev = folder / "dev"
            if with_dev.exists():
                with_dev.rmdir()
            if probe.returncode == 0:
                return
        pytest.skip(f"needs a mount namespace: {probe.stderr.strip()}")

    def read(self):
        self.lines.append(self.socket.recv(65536).decode())
        return self.lines[-1]

    def wait_for(self, pattern):
        """The first line that matches, there already or still to come."""
        for line in self.lines:
            if re.search(pattern, line):
                return line
        try:
            while not re.search(pattern, self.read()):
                pass
        except TimeoutError:
            text = "\n".join(self.lines)
            raise AssertionError(f"no line matches {pattern!r} in:\n{text}") from None
        return self.lines[-1]


@pytest.fixture
def syslog(folder):
    listener = Syslog(folder)
    yield listener
    listener.socket.close()


def test_syslog_gets_the_timings_of_jobs_and_batches(start_daemon, syslog):
    daemon = start_daemon(wrapper=syslog.wrapper, log=None)
    with daemon.client() as client:
        client.run(wait_job(0.2, count=3))
    line = syslog.wait_for(r"\bjob batch=1 job=2 ")
    # Facility daemon, level info, the time as syslog(3) writes it, name and process number.
    assert re.match(rf"<30>\w{{3}} [ \d]\d \d\d:\d\d:\d\d awaitd\[{daemon.process.pid}\]: ", line)
    assert set(fields(line)) >= {"batch", "job", "plugin", "state", "queued", "run"}
    job = fields(line)
    assert (job["plugin"], job["state"]) == ("wait", "succeeded")
    assert 0.2 <= float(job["run"]) < 10
    line = syslog.wait_for(r"\bbatch batch=1 ")
    batch = fields(line)
    assert set(batch) >= {"batch", "state", "jobs", "wall", "work", "speedup"}
    assert (batch["state"], batch["jobs"]) == ("succeeded", "3")
    assert 0.6 <= float(batch["work"]) < 30
    assert float(batch["speedup"]) > 1


def test_syslog_is_where_the_log_goes_when_nobody_says_otherwise(start_daemon, syslog):
    daemon = start_daemon(wrapper=syslog.wrapper, log=None)
    daemon.stop()
    assert daemon.log.text() == ""


def test_a_syslog_that_never_reads_stops_nothing_and_learns_what_it_missed(start_daemon, syslog):
    daemon = start_daemon(config={"log": {"rate": 0}}, wrapper=syslog.wrapper, log=None)
    with daemon.client() as client:
        client.call("daemon.ping")
        before = daemon.memory_kib()
        for _ in range(5):
            _, summary = client.run(wait_job(0, count=20_000))
            assert summary["succeeded"] == 20_000
        # 100,000 lines of 100 bytes are not waiting somewhere; the batches are.
        assert daemon.memory_kib() - before < (32 << 10) * (4 if SANITIZED else 1)
        assert int(fields(syslog.wait_for(r"dropped="))["dropped"]) > 0

        def heard():
            """Lines may still be dropped until the ones before the report have been read."""
            number = client.run(wait_job(0))[1]["batch"]
            while True:
                line = syslog.read()
                if f" batch batch={number} " in line or "dropped=" in line:
                    return "dropped=" not in line

        eventually(heard, "lines arrive again")


def test_a_syslog_that_never_reads_does_not_keep_the_daemon_from_ending(start_daemon, syslog):
    daemon = start_daemon(config={"log": {"rate": 0}}, wrapper=syslog.wrapper, log=None)
    with daemon.client() as client:
        client.run(wait_job(0, count=20_000))
    begin = time.monotonic()
    daemon.stop()
    assert time.monotonic() - begin < 20


def test_without_a_syslog_the_daemon_works_and_finds_it_when_it_comes(start_daemon, syslog):
    syslog.socket.close()
    (syslog.folder / "log").unlink()
    daemon = start_daemon(wrapper=syslog.wrapper, log=None)
    with daemon.client() as client:
        assert client.run(wait_job(0))[1]["succeeded"] == 1
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(syslog.folder / "log"))
            listener.setblocking(False)

            def arrived():
                client.run(wait_job(0))
                try:
                    return listener.recv(65536)
                except BlockingIOError:
                    return b""

            assert b"awaitd" in eventually(arrived, "a line arrives")
