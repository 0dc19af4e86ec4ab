"""awaitctl follows batches through the end of a daemon and the start of the next, whether it is stopped or killed."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess

import pytest

from awaitd import DEADLINE, SANITIZED, eventually, wait_job

BACK = "awaitctl: lost the daemon, trying again for 60 s\nawaitctl: connected again\n"


@pytest.fixture(params=["stopped", "killed"])
def again(request):
    """Ends a daemon in one of the two ways, and starts it again."""
    return lambda daemon: daemon.restart(kill=request.param == "killed")


def spawn(daemon, *args, **popen):
    """awaitctl, as somebody whom a daemon that ends does not wait for."""
    return daemon.spawn_ctl("--reconnect", "60", *args, env={"AWAITD_TEST": "", **popen.pop("env", {})}, text=True,
                            **popen)


def finish(process):
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, out, err


def completed(daemon, batch, count):
    """Waits until so many of its jobs have ended."""
    eventually(lambda: daemon.call("batch.show", batch=batch)["completed"] >= count, f"{count} have ended")


def numbers(lines):
    """The jobs that lines such as "1.7 succeeded" or "1.7: text" are about."""
    return sorted(int(re.match(r"1\.(\d+)[: ]", line)[1]) for line in lines)


# Of a batch that takes a while to be sent.
JOBS = 10_000 if SANITIZED else 40_000

# Thirty jobs, some of which end before the restart, some run, some wait.
RUN = ["run", "wait", "seconds=0.2", "-n", "30", "--limit", "10"]


def test_run_tells_each_job_once(daemon, again):
    process = spawn(daemon, *RUN, "-f", "-o")
    eventually(lambda: daemon.call("batch.list")["batches"], "it is submitted")
    completed(daemon, 1, 10)
    again(daemon)
    status, out, err = finish(process)
    *lines, last = out.splitlines()
    assert (status, err) == (0, BACK)
    assert last.startswith("batch 1 done: 30 succeeded, ")
    assert numbers(line for line in lines if ":" not in line) == list(range(30))
    assert sorted(line for line in lines if ":" in line) == sorted(f"1.{job}: slept for 0.2" for job in range(30))


def test_json_is_what_one_daemon_would_have_said(daemon, again):
    process = spawn(daemon, "--json", "-q", *RUN)
    eventually(lambda: daemon.call("batch.list")["batches"], "it is submitted")
    completed(daemon, 1, 10)
    again(daemon)
    status, out, err = finish(process)
    answer, *events, done = map(json.loads, out.splitlines())
    assert (status, err) == (0, "")
    assert answer["result"]["durable"] is True
    assert [event["params"]["seq"] for event in events] == list(range(30))
    assert done["method"] == "batch.done" and done["params"]["succeeded"] == 30
    # And what is told of it later is the same, line by line.
    assert daemon.ctl("--json", "watch", "1").stdout.splitlines()[1:] == out.splitlines()[1:]


def test_what_is_read_of_a_batch_is_the_same_after_a_restart(daemon, again):
    script = r"printf 'a\377%s\nb' {index}; exit {index}"
    daemon.ctl("run", "exec", "-n3", "--name", "n", "--", "sh", "-c", script, check=1)
    commands = [["show", "1"], ["show", "1.1"], ["output", "1"], ["output", "1.2"], ["watch", "1"], ["wait", "1"],
                ["list", "--name", "n"], ["list", "--plugin", "exec", "--since", "1h"]]

    def read():
        """As bytes: the output is no UTF-8."""
        for command in commands:
            process = daemon.spawn_ctl(*command, env={"TZ": "UTC"})
            yield (*process.communicate(timeout=DEADLINE), process.returncode)

    before = list(read())
    again(daemon)
    assert list(read()) == before
    assert len(daemon.ctl("list", "--until", "1h").stdout) == 0


@pytest.mark.parametrize("command", [["watch", "1"], ["wait", "1"], ["watch", "1", "--events", "summary"]], ids=" ".join)
def test_who_attached_later_goes_on_too(daemon, again, command):
    daemon.call("batch.submit", jobs=[wait_job(0.2, count=30)], limit=10)
    process = spawn(daemon, *command)
    completed(daemon, 1, 10)
    eventually(lambda: daemon.call("daemon.status")["clients"] == 2, "it is there")
    again(daemon)
    status, out, err = finish(process)
    assert (status, err) == (0, BACK)
    *lines, last = out.splitlines()
    assert last.startswith("batch 1 done: 30 succeeded, ")
    assert numbers(lines) == (list(range(30)) if command == ["watch", "1"] else [])


def test_a_batch_that_ends_while_nobody_is_there_is_told(daemon, folder, again):
    """The watcher is stopped meanwhile: it finds the batch in the history."""
    process = spawn(daemon, *RUN, "-f")
    eventually(lambda: daemon.call("batch.list")["batches"], "it is submitted")
    completed(daemon, 1, 10)
    process.send_signal(signal.SIGSTOP)
    again(daemon)
    completed(daemon, 1, 30)
    again(daemon)
    process.send_signal(signal.SIGCONT)
    status, out, _ = finish(process)
    assert status == 0
    assert numbers(out.splitlines()[:-1]) == list(range(30))


def test_failures_are_told_once(daemon, again):
    process = spawn(daemon, "run", "exec", "--items", ",".join(f"{i}" for i in range(8)), "--limit", "1", "--", "sh", "-c",
                    "sleep 0.2; exit {item}")
    eventually(lambda: daemon.call("batch.list")["batches"], "it is submitted")
    completed(daemon, 1, 3)
    again(daemon)
    status, out, err = finish(process)
    assert status == 1
    assert out.startswith("batch 1 done: 1 succeeded, 7 failed, ")
    told = [line for line in err.splitlines() if line.startswith("1.")]
    assert numbers(told) == list(range(1, 8))


def test_a_process_exits_as_it_did_in_the_end(daemon, again):
    process = spawn(daemon, "run", "exec", "--", "sh", "-c", "sleep 0.7; echo out; exit 5")
    eventually(lambda: daemon.call("daemon.status")["jobs"]["running"], "it runs")
    again(daemon)
    assert finish(process) == (5, "out\n", BACK)


def test_the_bar_goes_on(daemon, again):
    master, slave = pty.openpty()
    process = spawn(daemon, "run", "wait", "seconds=0.3", "-n", "10", "--limit", "1", stderr=slave,
                    env={"TERM": "xterm", "NO_COLOR": "1"})
    os.close(slave)
    seen = ""
    while "3 of 10" not in seen:
        seen += os.read(master, 65536).decode()
    again(daemon)
    with contextlib.suppress(OSError):  # EIO: nobody has it open any more
        while part := os.read(master, 65536):
            seen += part.decode()
    os.close(master)
    assert process.wait(DEADLINE) == 0
    process.stdout.close()
    shown = [int(count) for count in re.findall(r"(\d+) of 10", seen.split("connected again")[1])]
    assert shown == sorted(shown) and min(shown) >= 3


def test_without_durable_a_batch_is_gone(daemon, again):
    process = spawn(daemon, *RUN, "--no-durable", "--follow")
    eventually(lambda: daemon.call("batch.list")["batches"], "it is submitted")
    again(daemon)
    status, out, err = finish(process)
    # Stopped in order, the daemon cancels it and tells so; killed, it tells nothing.
    assert (status, "lost the daemon" in err) in [(1, False), (3, False)]
    assert daemon.ctl("show", "1").returncode == 4


def test_a_batch_in_pieces_goes_on_behind_a_pause(daemon, again):
    process = spawn(daemon, "submit", "-", "--follow", stdin=subprocess.PIPE)
    process.stdin.write(json.dumps(wait_job(0, count=3)) + "\n")
    process.stdin.flush()
    eventually(lambda: daemon.call("batch.list")["batches"], "it is open")
    completed(daemon, 1, 3)
    again(daemon)
    process.stdin.write(json.dumps(wait_job(0, count=2)) + "\n")
    status, out, _ = finish(process)
    assert status == 0
    assert numbers(out.splitlines()[:-1]) == list(range(5))


@pytest.mark.parametrize("key", [[], ["--key", "k"]], ids=["plain", "key"])
def test_a_large_batch_goes_on_while_it_is_sent(daemon, folder, again, key):
    """Each piece is there once, whatever became of those under way."""
    path = folder / "large.jsonl"
    entry = json.dumps({**wait_job(0), "name": "n" * 200})
    path.write_text(f"{entry}\n" * JOBS, encoding="utf-8")
    process = spawn(daemon, "submit", path, "--wait", *key)
    eventually(lambda: daemon.call("batch.list")["batches"], "it is open")
    completed(daemon, 1, 1)
    again(daemon)
    status, out, err = finish(process)
    assert (status, err.count("trying again")) == (0, 1), err
    assert out.startswith(f"batch 1 done: {JOBS} succeeded, ")


def test_a_job_that_ends_while_the_daemon_stops_is_told_before(start_daemon):
    """The connection ends with the daemon, not when it begins to stop."""
    daemon = start_daemon(config={"daemon": {"grace": "30s"}})
    process = spawn(daemon, "run", "wait", "seconds=1", "-n2", "--limit", "1", "-f")
    eventually(lambda: daemon.call("daemon.status")["jobs"]["running"], "it runs")
    daemon.terminate()
    assert process.stdout.readline().startswith("1.0 succeeded")
    assert daemon.wait() == 0
    daemon.start()
    status, out, err = finish(process)
    assert (status, err) == (0, BACK)
    assert [line.split()[0] for line in out.splitlines()] == ["1.1", "batch"]


def test_a_copy_of_the_store_is_one(daemon, folder):
    daemon.ctl("run", "wait", "seconds=0", "-n", "10", check=0)
    copy = folder / "copy.db"
    result = daemon.ctl("backup", "copy.db", cwd=folder, check=0)
    assert result.stdout.startswith("wrote ") and copy.stat().st_size > 0
    again = daemon.ctl("backup", copy)
    assert again.returncode != 0 and str(copy) in again.stderr
    store = [line for line in daemon.ctl("status", check=0).stdout.splitlines() if line.startswith("store ")]
    assert len(store) == 1 and store[0].endswith(f" in {daemon.state_dir}")
