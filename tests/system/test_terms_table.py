"""Runs docs/TERMS.md line by line, as a reader would who tries what stands there."""

import os
import re
import subprocess

import pytest

from awaitd import AWAITCTL, DEADLINE, SOURCE

TABLE = SOURCE / "docs/TERMS.md"
ROW = re.compile(r"^\| (?P<term>.+) \| (?P<here>.+) \| `(?P<command>.+)` \|$", re.MULTILINE)


def took(minimum, maximum):
    """An effect that shows in the wall time of the batch, in seconds."""

    def check(result):
        amount, unit = re.search(r"of work in ([\d.]+) (m?s)", result.out).groups()
        assert minimum <= float(amount) / {"s": 1, "ms": 1000}[unit] <= maximum, result.out

    return check


def prints(pattern):
    def check(result):
        assert re.search(pattern, result.out, re.MULTILINE), f"no {pattern!r} in {result.out}"

    return check


def in_order(*words):
    """The words come one after the other."""

    def check(result):
        at = 0
        for word in words:
            at = result.out.find(word, at) + 1
            assert at, f"no {word!r} where it should be in {result.out}"

    return check


def shows(**members):
    """What becomes of the batch, whose number stands first in what was printed."""

    def check(result):
        batch = int(re.search(r"\d+", result.out).group())
        summary = result.daemon.call("batch.wait", batch=batch)
        assert {name: summary[name] for name in members} == members, summary

    return check


def tried(times):
    """The one job of the daemon's last batch was tried so often, and failed each time."""

    def check(result):
        (batch,) = result.daemon.call("batch.list", limit=1)["batches"]
        job = result.daemon.call("job.show", batch=batch["batch"], job=0)
        assert (job["state"], job["attempt"]) == ("failed", times - 1)

    return check


def state_is(state):
    def check(result):
        assert result.daemon.call("daemon.status")["state"] == state

    return check


LONG = DEADLINE  # so that only a batch that did not end at all is too slow

# What the lines promise: {command: (exit status, checks)}. A line that is in the table twice promises the same.
EFFECTS = {
    "awaitctl run wait seconds=0.2": (0, [prints("slept for 0.2"), took(0.2, LONG)]),
    "awaitctl run wait seconds=0.2 --no-wait": (0, [prints(r"^\d+$"), shows(succeeded=1)]),
    "awaitctl run wait --items 0.1,0.2,0.3 seconds={item} --output": (
        0, [prints("slept for 0.1"), prints("slept for 0.3"), prints("3 succeeded")]),
    "awaitctl submit examples/orchestration/gather.jsonl --follow": (
        1, [prints("2 succeeded, 1 failed"), in_order("(broken) failed", "(slow) succeeded")]),
    "awaitctl submit examples/orchestration/taskgroup.jsonl --follow": (
        1, [prints("1 failed, 3 cancelled")]),
    "awaitctl run wait --items 0.5,0.1 seconds={item} --follow": (
        0, [prints(r"\d\.1 succeeded.*\n.*\d\.0 succeeded")]),
    "awaitctl run wait seconds=0.1 --count 9 --limit 3": (0, [prints("9 succeeded"), took(0.3, LONG)]),
    "awaitctl run wait seconds=1h --timeout 200ms": (1, [prints("1 timed out"), took(0.2, LONG)]),
    "awaitctl run wait seconds=1h --count 3 --deadline 200ms": (
        1, [prints("3 timed out"), took(0.2, LONG)]),
    "awaitctl run wait seconds=0 --delay 200ms": (0, [prints("1 succeeded"), took(0.2, LONG)]),
    'awaitctl cancel "$(awaitctl run wait seconds=1h --no-wait)"': (
        0, [prints(r"batch \d+: cancelled 1 job"), shows(cancelled=1)]),
    'awaitctl show "$(awaitctl run wait seconds=0.1 --no-wait)"': (
        0, [prints(r"^state +(running|succeeded)"), shows(succeeded=1)]),
    'awaitctl wait "$(awaitctl run wait seconds=0.1 --no-wait)"': (0, [prints("1 succeeded")]),
    'awaitctl wait --timeout 100ms "$(awaitctl run wait seconds=2 --no-wait)"': (
        124, [prints("is not done yet"), shows(succeeded=1)]),
    "awaitctl run exec -- uname": (0, [prints("^Linux$")]),
    "awaitctl submit examples/orchestration/group.jsonl": (0, [shows(succeeded=6)]),
    "awaitctl submit examples/orchestration/group.jsonl --wait": (0, [prints("6 succeeded")]),
    "awaitctl submit examples/orchestration/chain.conf --follow": (
        0, [in_order("(fetch) succeeded", "(parse) succeeded", "(store) succeeded"), took(0.3, LONG)]),
    "awaitctl submit examples/orchestration/chord.jsonl --follow": (
        0, [prints("6 succeeded"), prints(r"(\(header\) succeeded.*\n.*){5}\(callback\) succeeded")]),
    "awaitctl submit examples/orchestration/callbacks.jsonl --follow": (
        1, [prints("1 succeeded, 1 failed, 1 skipped"), prints(r"\(on-success\) skipped"),
            prints(r"\(in-any-case\) succeeded")]),
    "awaitctl submit examples/orchestration/diamond.conf --wait": (
        0, [prints("14 succeeded"), took(0.35, LONG)]),
    "awaitctl run exec --items a,b,c --output -- echo {item}": (
        0, [prints(r"^\d+\.0: a$"), prints(r"^\d+\.2: c$")]),
    "awaitctl run wait seconds=0.2 --count 5 --limit 1 --deadline 300ms": (
        1, [prints(r"1 succeeded, 4 timed out|5 timed out"), took(0.3, LONG)]),
    "awaitctl run exec --retry 2 --retry-delay 10ms -- false": (1, [tried(3)]),
    "awaitctl run exec --retry 4 --retry-delay 10ms --retry-max-delay 20ms -- false": (1, [tried(5)]),
    "awaitctl run wait seconds=0 --count 5 --rate 10/s": (0, [prints("5 succeeded"), took(0.4, LONG)]),
    "awaitctl run wait seconds=0 --count 5 --rate '10/s burst 2' --limit 2": (
        0, [prints("5 succeeded"), took(0.3, LONG)]),
    "awaitctl run exec --timeout 200ms -- sleep 3600": (124, [prints("timed out")]),
    "examples/orchestration/priority.sh": (0, [prints(r"batch \d+: cancelled [1-9]\d* jobs")]),
    'awaitctl cancel --queued "$(awaitctl run wait seconds=0.2 --count 9 --limit 1 --no-wait)"': (
        0, [prints(r"batch \d+: cancelled [89] jobs")]),
    "examples/orchestration/retry.sh": (
        1, [prints("2 succeeded, 1 failed"), prints(r"batch \d+ runs 1 job of batch \d+ again"),
            prints("done: 1 failed")]),
    "awaitctl stats": (0, [prints(r"^PLUGIN"), prints(r"^wait ")]),
    "awaitctl plugins": (0, [prints(r"^wait\b")]),
    "awaitctl plugins wait": (0, [prints("seconds")]),
    "awaitctl run wait seconds=0.1 --retry 25": (0, [prints("1 succeeded")]),
    "examples/orchestration/unique.sh": (
        0, [prints(r"^(\d+)\nbatch \1 has this key.*\n(.*\n)*batch \1 done: 1 succeeded")]),
    "examples/orchestration/pause.sh": (
        0, [in_order(": paused", "paused\n", ": goes on", "20 succeeded")]),
    "awaitctl list --state failed": (0, [prints("no batches|failed")]),
    "awaitctl drain": (0, [prints("draining"), state_is("draining")]),
    "awaitctl drain --off": (0, [prints("taking new batches"), state_is("running")]),
    "awaitctl status": (0, [prints("^awaitd ")]),
}


class Result:
    """What a line printed, on both streams, and on which daemon."""

    def __init__(self, daemon, process):
        self.daemon = daemon
        self.status = process.returncode
        self.out = process.stdout


def run_line(daemon, line):
    env = {**daemon.env, "AWAITD_SOCKET": str(daemon.socket_path),
           "PATH": f"{AWAITCTL.parent}:{os.environ['PATH']}"}
    process = subprocess.run(["/bin/sh", "-c", line], env=env, cwd=SOURCE, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=DEADLINE, check=False)
    return Result(daemon, process)


ROWS = [match.groupdict() for match in ROW.finditer(TABLE.read_text(encoding="utf-8"))]


def test_every_row_of_the_table_has_a_line_that_is_tried():
    text = TABLE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "| try it |" not in line]
    assert len(rows) == len(ROWS) >= 40
    assert {row["command"] for row in ROWS} == set(EFFECTS)


@pytest.mark.parametrize("line", EFFECTS)
def test_the_line_does_what_the_table_says(daemon, line):
    status, checks = EFFECTS[line]
    result = run_line(daemon, line)
    assert result.status == status, result.out
    for check in checks:
        check(result)


def test_all_lines_can_be_tried_one_after_the_other(daemon):
    for row in ROWS:
        result = run_line(daemon, row["command"])
        assert result.status == EFFECTS[row["command"]][0], (row, result.out)
