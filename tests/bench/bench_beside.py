"""How long a batch of one job takes while a million others run."""

import time

from awaitd import wait_job
from bench_durable import name_of, number, running

WARM_UP = 50


def one(client, durable):
    """A batch of one empty wait, submit to done, in seconds."""
    begin = time.monotonic()
    client.submit(wait_job(0), durable=durable, follow="summary")
    client.event()
    return time.monotonic() - begin


def while_running(daemon, entries, durable):
    """What batches of one job took, one after the other, while the batch of these entries ran."""
    took = []
    with daemon.client() as client, daemon.client() as other:
        for _ in range(WARM_UP):
            one(client, durable)
        batch = other.submit(*entries, durable=durable, follow="summary")
        while client.call("batch.show", batch=batch)["state"] == "running":
            took += [one(client, durable) for _ in range(5)]
        summary = other.event()["params"]
    if summary["succeeded"] != summary["jobs"]:
        raise SystemExit(f"jobs did not succeed: {summary}")
    return sorted(took)


def beside(bench):
    """A batch of one job while a million others run, and end at an even pace; orchestration has those that end as fast
    as they can."""
    count, seconds, steps = bench.scaled(1_000_000), 2 if bench.quick else 10, 200
    spread = [wait_job(seconds * step / steps, count=count // steps) for step in range(steps)]
    for durable in (False, True):
        with running() as daemon:
            took = while_running(daemon, spread, durable)
        name = f"one job beside {number(count)} waits of 0 to {seconds} s, {name_of(durable)}: "
        bench.row(f"{name}p50", f"{took[len(took) // 2] * 1e3:.2f} ms", "", f"of {number(len(took))}")
        bench.row(f"{name}p99", f"{took[len(took) * 99 // 100] * 1e3:.2f} ms", "<= 10 ms")
