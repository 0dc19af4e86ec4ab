"""The exec plugin: commands that are cancelled, that misbehave, and that leave something behind."""

import os
import pathlib
import sys
import time

import pytest

from awaitd import DEADLINE, SANITIZED, Watched, eventually, memory_kib, process_state
from test_exec import job, output, shell

MIB = 1 << 20


class Command:
    """A job under way, of which the command tells its number in a file."""

    def __init__(self, client, folder, script, **params):
        self.client = client
        self.told = folder / "told"
        self.batch = client.call("batch.submit", follow="each", jobs=[
            shell(f"{script}", env=[f"TOLD={self.told}"], **params)])["batch"]

    def pids(self, count=1):
        """The numbers that it has told, once there are as many."""
        def lines():
            text = self.told.read_text(encoding="ascii") if self.told.exists() else ""
            return text.split() if text.count("\n") >= count else None
        return [int(pid) for pid in eventually(lines, f"{count} processes")]

    def watch(self, count=1):
        return [Watched(pid) for pid in self.pids(count)]

    def cancel(self):
        self.client.call("batch.cancel", batch=self.batch)

    def done(self):
        (event,), _ = self.client.follow(self.batch)
        return event


@pytest.fixture
def begin(client, folder):
    def begin_one(script, **params):
        return Command(client, folder, script, **params)
    return begin_one


@pytest.fixture
def run(client):
    def run_one(entry):
        (event,), _ = client.run(entry)
        return event
    return run_one


def is_there(pid):
    """Whether it runs; one that nobody has waited for is no more than a number."""
    try:
        return process_state(pid)[1] not in "ZX"
    except OSError:
        return False


# ---- Cancelling ------------------------------------------------------------------------------------------


def test_cancelling_ends_it_by_term(begin):
    command = begin("echo before; echo err >&2; echo $$ >>$TOLD; exec sleep 3600", grace="1min")
    (process,) = command.watch()
    command.cancel()
    event = command.done()
    process.wait_gone()
    assert (event["state"], event["reason"]) == ("cancelled", "cancelled")
    assert event["output"] == "before\n"
    assert event["details"]["signal"] == "TERM"
    assert event["details"]["stderr"] == "err\n"


def test_it_may_clean_up(begin):
    command = begin("trap 'echo cleaned; exit 0' TERM; echo $$ >>$TOLD; while :; do sleep 0.01; done",
                    grace="1min")
    command.pids()
    command.cancel()
    event = command.done()
    assert (event["state"], event["output"]) == ("cancelled", "cleaned\n")
    assert event["details"]["exit"] == 0


def test_who_ignores_term_is_killed(begin):
    command = begin("trap '' TERM; echo $$ >>$TOLD; while :; do sleep 1; done", grace="200ms")
    (process,) = command.watch()
    command.cancel()
    event = command.done()
    process.wait_gone()
    assert (event["state"], event["details"]["signal"]) == ("cancelled", "KILL")
    assert event["run"] >= 0.2


@pytest.mark.parametrize("grace, signal", [("1min", "TERM"), (0, "KILL")])
def test_who_left_its_group_is_ended_too(begin, grace, signal):
    move = "import os; os.setpgid(0, os.getpgid(os.getppid()))"
    tell = "print(os.getpid(), file=open(os.environ['TOLD'], 'a'), flush=True)"
    stay = "import time; time.sleep(3600)"
    command = begin(f'exec {sys.executable} -c "{move}; {tell}; {stay}"', grace=grace)
    command.pids()
    command.cancel()
    event = command.done()
    assert (event["state"], event["details"]["signal"]) == ("cancelled", signal)


def test_without_grace_it_is_killed_at_once(begin):
    command = begin("trap 'echo cleaned' TERM; echo $$ >>$TOLD; while :; do sleep 1; done", grace=0)
    command.pids()
    command.cancel()
    event = command.done()
    assert (event["output"], event["details"]["signal"]) == ("", "KILL")


def test_who_is_stopped_is_ended_too(begin):
    command = begin("echo $$ >>$TOLD; kill -STOP $$; sleep 3600", grace="1min")
    (pid,) = command.pids()
    eventually(lambda: " T " in pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii"),
               "it is stopped")
    command.cancel()
    assert command.done()["details"]["signal"] == "TERM"


def test_its_children_get_term_as_well(begin):
    command = begin("sleep 3600 & echo $! >>$TOLD; echo $$ >>$TOLD; wait", grace="1min")
    processes = command.watch(2)
    command.cancel()
    assert command.done()["state"] == "cancelled"
    for process in processes:
        process.wait_gone()


def test_children_have_the_grace_time_though_the_command_ends_before(begin):
    child = "trap \"sleep 0.7; echo cleaned; exit\" TERM; echo $$ >>$TOLD; while :; do sleep 0.01; done"
    command = begin(f"sh -c '{child}' & echo $$ >>$TOLD; wait", grace="1min")
    command.pids(2)
    command.cancel()
    event = command.done()
    assert (event["state"], event["output"]) == ("cancelled", "cleaned\n")


def test_who_closed_its_pipes_is_cancelled(begin):
    command = begin("exec >&- 2>&- <&-; echo $$ >>$TOLD; exec sleep 3600", stdin="x" * (MIB // 2))
    (process,) = command.watch()
    command.cancel()
    assert command.done()["state"] == "cancelled"
    process.wait_gone()


def test_who_reads_nothing_is_cancelled(begin):
    command = begin("echo $$ >>$TOLD; exec sleep 3600", stdin="x" * (MIB // 2))
    command.pids()
    command.cancel()
    assert command.done()["state"] == "cancelled"


def test_a_flood_is_cancelled(begin):
    command = begin("echo y; echo y; echo $$ >>$TOLD; exec yes")  # it is told when there is some of it
    command.pids()
    command.cancel()
    event = command.done()
    assert event["state"] == "cancelled" and event["output"].startswith("y\ny\n")


def test_many_are_cancelled_and_nothing_stays(daemon, client):
    batch = client.call("batch.submit", follow="summary", jobs=[
        {**job("sh", "-c", "trap '' TERM; sleep 3600 & wait; wait", grace="100ms"), "count": 100}
    ])["batch"]
    eventually(lambda: client.call("batch.show", batch=batch)["running"] > 20, "some run")
    client.call("batch.cancel", batch=batch)
    _, summary = client.follow(batch)
    assert summary["cancelled"] == 100
    ours = {daemon.process.pid, *daemon.worker_pids()}
    eventually(lambda: set(daemon.left_behind()) == ours, "all are gone")


def test_no_more_run_at_once_than_the_limit_says(client):
    assert client.call("plugin.show", name="exec")["limit"] == 64
    batch = client.submit({**job("sleep", "3600"), "count": 100})
    eventually(lambda: client.call("batch.show", batch=batch)["running"] == 64, "64 run")
    for _ in range(10):
        assert client.call("batch.show", batch=batch)["running"] == 64


def test_a_stop_of_the_daemon_ends_them(start_daemon, folder):
    daemon = start_daemon()
    with daemon.client() as client:
        command = Command(client, folder, "trap '' TERM; sleep 3600 & echo $! >>$TOLD; "
                          "echo $$ >>$TOLD; while :; do wait; done")
        processes = command.watch(2)
        daemon.stop()
    for process in processes:
        process.wait_gone()


# ---- Pipes ---------------------------------------------------------------------------------------------------


def test_who_closes_its_pipes_early_runs_on(run):
    begin = time.monotonic()
    event = run(shell("echo out; exec >&- 2>&- <&-; sleep 0.5; exit 4", stdin="ignored"))
    assert time.monotonic() - begin >= 0.5
    assert (event["output"], event["reason"]) == ("out\n", "exit 4")


@pytest.mark.parametrize("script", ["exec <&-; sleep 0.1", "exit 0", "head -c 1 >/dev/null"])
def test_who_does_not_read_all_is_no_failure(run, script):
    assert output(run(shell(script, stdin="x" * (MIB // 2)))) == ""


def test_what_it_writes_at_last_is_read(run):
    event = run(shell("head -c 65536 /dev/zero | tr '\\0' a; exit 1"))
    assert event["output"] == "a" * 65536


@pytest.mark.slow
def test_a_flood_takes_no_memory(daemon, client):
    size = (300 if SANITIZED else 3000) * MIB
    before = sum(map(memory_kib, daemon.worker_pids()))
    (event,), _ = client.run(shell(f"head -c {size} /dev/zero | tr '\\0' a; "
                                   f"head -c {size} /dev/zero >&2; exit 7"))
    assert event["reason"] == "exit 7"
    assert event["output"] == "a" * MIB and event["truncated"]
    assert event["details"]["stderr_truncated"]
    assert sum(map(memory_kib, daemon.worker_pids())) - before < 40 * 1024 * (4 if SANITIZED else 1)


def test_a_flood_holds_nobody_up(start_daemon):
    with start_daemon(config={"daemon": {"workers": 1}}).client() as client:
        flood = client.submit(job("yes"))
        other = client.submit(job("yes"))
        (event,), _ = client.run(job("echo", "hello"))
        assert output(event) == "hello\n"
        for batch in flood, other:
            client.call("batch.cancel", batch=batch)


# ---- What it leaves behind --------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", ["", ">/dev/null 2>&1", "2>/dev/null"])
def test_a_child_in_the_background_ends_with_it(begin, streams):
    command = begin(f"sleep 3600 {streams} & echo $! >>$TOLD; echo done")
    event = command.done()
    (pid,) = command.pids()
    assert (event["state"], event["output"]) == ("succeeded", "done\n")
    eventually(lambda: not is_there(pid), "it is gone")


def test_the_rest_of_a_pipeline_may_end_what_it_writes(run):
    assert output(run(shell("(sleep 0.1; echo late) & echo early"))) == "early\nlate\n"


def test_a_daemon_with_a_session_of_its_own_does_not_hold_the_job(begin):
    command = begin("setsid sh -c 'echo $$ >>$TOLD; exec sleep 3600' & echo done; "
                    "while ! test -s $TOLD; do sleep 0.01; done")
    event = command.done()
    (pid,) = command.pids()
    try:
        assert (event["state"], event["output"]) == ("succeeded", "done\n")
        assert is_there(pid)
    finally:
        os.kill(pid, 9)


def test_a_daemon_that_floods_does_not_hold_the_job(begin):
    command = begin("setsid sh -c 'echo $$ >>$TOLD; exec yes' & "
                    "while ! test -s $TOLD; do sleep 0.01; done")
    event = command.done()
    (pid,) = command.pids()
    assert event["state"] == "succeeded"
    eventually(lambda: not is_there(pid), "SIGPIPE ended it")


def test_a_daemon_with_closed_pipes_is_nobodys_business(begin):
    began = time.monotonic()
    command = begin("setsid sh -c 'echo $$ >>$TOLD; exec sleep 3600' >/dev/null 2>&1 & "
                    "while ! test -s $TOLD; do sleep 0.01; done")
    assert command.done()["state"] == "succeeded"
    assert time.monotonic() - began < DEADLINE
    (pid,) = command.pids()
    os.kill(pid, 9)
