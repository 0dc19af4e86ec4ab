"""The wall clock dates records and decides nothing else: set by hours, it ends nothing early and nothing late."""

import subprocess
import time

import pytest

from awaitd import SANITIZED, eventually, need, wait_job
from test_exec import shell

pytestmark = pytest.mark.skipif(SANITIZED, reason="two libraries want to be loaded first")

HOUR = 3600
# What a busy machine may add to a time.
SLACK = 5


def libfaketime():
    """The library, or the tests are skipped."""
    try:
        listed = subprocess.run(["dpkg", "-L", "libfaketime"], capture_output=True, text=True,
                                check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs libfaketime")
    return next(path for path in listed if path.endswith("libfaketimeMT.so.1"))


# libfaketime moves timers on the monotonic clock, too, which is none of its business here. As of 0.9.10.
TRUE_TIMERS = """
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
    return (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}
"""


def true_timers(folder):
    """A library to be loaded before libfaketime."""
    path = folder / "true_timers.so"
    subprocess.run([need("cc"), "-shared", "-fPIC", "-x", "c", "-", "-o", path], input=TRUE_TIMERS,
                   text=True, check=True)
    return path


class Clock:
    """The wall clock that a daemon sees."""

    def __init__(self, folder):
        self.file = folder / "clock"
        self.offset = 0
        self.set(0)
        self.env = {"LD_PRELOAD": f"{true_timers(folder)}:{libfaketime()}", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                    "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1"}

    def set(self, hours):
        """So far from the true one, in hours."""
        self.offset = hours * HOUR
        new = self.file.with_suffix(".new")
        new.write_text(f"{hours * HOUR:+d}\n", encoding="ascii")
        new.rename(self.file)

    def now(self):
        return time.time() + self.offset


@pytest.fixture
def clock(folder):
    return Clock(folder)


@pytest.fixture
def daemon(start_daemon, clock):
    return start_daemon(env=clock.env)


def see(daemon, clock):
    """Makes sure that the daemon sees the clock as it is set."""
    number = daemon.call("batch.submit", jobs=[wait_job(0)])["batch"]
    assert daemon.call("batch.show", batch=number)["submitted"] == pytest.approx(clock.now(), abs=60)


# Batches that take a second, for different reasons: (jobs, terms, the state their jobs come to).
SECOND = {
    "wait": ([wait_job(1)], {}, "succeeded"),
    "delay": ([wait_job(0, delay="1s")], {}, "succeeded"),
    "timeout": ([wait_job(HOUR, timeout="1s")], {}, "timed_out"),
    "deadline": ([wait_job(HOUR), wait_job(0, delay="1h")], {"deadline": "1s"}, "timed_out"),
    "rate": ([wait_job(0, count=11)], {"rate": "10/s"}, "succeeded"),
    "command": ([shell("exec sleep 1")], {}, "succeeded"),
}
# And what must not end meanwhile.
LONG = {
    "wait": ([wait_job(HOUR)], {}),
    "delay": ([wait_job(0, delay="1h")], {}),
    "timeout": ([wait_job(2 * HOUR, timeout="1h")], {}),
    "deadline": ([wait_job(2 * HOUR)], {"deadline": "1h"}),
    "retry": ([shell("exit 1")], {"retry": {"max": 1, "delay": "1000h", "max_delay": "1000h"}}),
    "rate": ([wait_job(0, count=2)], {"rate": "1/d"}),
}


def submit_all(client, kinds):
    return {kind: client.call("batch.submit", jobs=jobs, name=kind, **terms)["batch"]
            for kind, (jobs, terms, *_) in kinds.items()}


def check_second(daemon, batches):
    """All took their second, and no more than the machine's slowness."""
    for kind, batch in batches.items():
        with daemon.client() as client:
            client.call("batch.watch", batch=batch)
            events, summary = client.follow(batch)
        assert {event["state"] for event in events} == {SECOND[kind][2]}, (kind, events)
        assert 0.99 <= summary["wall"] < 1 + SLACK, (kind, summary)


def check_long(daemon, batches):
    for kind, batch in batches.items():
        shown = daemon.call("batch.show", batch=batch)
        ended = 1 if kind == "rate" else 0  # the first has its turn at once
        assert (shown["state"], shown["completed"]) == ("running", ended), (kind, shown)


@pytest.mark.parametrize("hours", [[5], [-5], [30, -30, 0]], ids=["forth", "back", "to and fro"])
def test_what_takes_a_second_takes_a_second(daemon, clock, hours):
    with daemon.client() as client:
        second, long = submit_all(client, SECOND), submit_all(client, LONG)
        eventually(lambda: client.call("batch.show", batch=long["retry"])["retries"] == 1,
                   "it failed once")
        for offset in hours:
            clock.set(offset)
            see(daemon, clock)
        check_second(daemon, second)
        check_long(daemon, long)
        left = client.call("batch.show", batch=long["deadline"])["deadline_in"]
        assert HOUR - 60 < left < HOUR


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("hours", [5, -5])
def test_nothing_ends_early_or_late_across_a_restart(daemon, clock, hours, kill):
    begin = time.monotonic()
    with daemon.client() as client:
        long = submit_all(client, LONG)
        eventually(lambda: client.call("batch.show", batch=long["retry"])["retries"] == 1,
                   "it failed once")
        pauses = {kind: client.call("job.show", batch=long[kind], job=0)["waits_until"] - clock.now()
                  for kind in ("delay", "retry")}
        second = submit_all(client, {kind: SECOND[kind] for kind in ("delay", "deadline", "rate")})
    clock.set(hours)
    daemon.restart(kill=kill)
    took = time.monotonic() - begin
    check_second(daemon, second)
    check_long(daemon, {kind: batch for kind, batch in long.items()})
    for kind, pause in pauses.items():
        left = daemon.call("job.show", batch=long[kind], job=0)["waits_until"] - clock.now()
        assert pause - took - SLACK < left < pause + 1, kind
    left = daemon.call("batch.show", batch=long["deadline"])["deadline_in"]
    assert HOUR - took - SLACK < left < HOUR


def test_dates_follow_the_clock(daemon, clock):
    """A batch that was submitted keeps its date, a new one has the new date, and lists go by it."""
    for hours in (0, 24, -24):
        clock.set(hours)
        number = daemon.call("batch.submit", jobs=[wait_job(0)], name=f"{hours}")["batch"]
        daemon.call("batch.wait", batch=number)
    dates = {row["name"]: row["submitted"] for row in daemon.call("batch.list")["batches"]}
    for hours in (0, 24, -24):
        assert dates[f"{hours}"] == pytest.approx(time.time() + hours * HOUR, abs=60)
    daemon.restart()
    again = {row["name"]: row["submitted"] for row in daemon.call("batch.list")["batches"]}
    assert again == dates
    late = daemon.call("batch.list", since=time.time() + 12 * HOUR)["batches"]
    assert [row["name"] for row in late] == ["24"]
