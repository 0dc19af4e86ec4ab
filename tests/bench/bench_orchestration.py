"""What limits, rates, priorities and fair shares cost, and how well they are kept."""

import collections
import contextlib
import time

import awaitd

MIB = 1 << 20


@contextlib.contextmanager
def running(config=None):
    """A daemon that logs nothing of each job, and a client of it."""
    daemon = awaitd.Daemon({"daemon": {"workers": 0}, "log": {"level": "warning"}, **(config or {})})
    try:
        daemon.start()
        awaitd.eventually(daemon.workers_ready, "the workers are ready")
        with daemon.client() as client:
            yield daemon, client
        daemon.stop()
    finally:
        with contextlib.redirect_stdout(None):
            daemon.clean_up()


def share(samples, part):
    """The value that this part of the samples is not above."""
    return sorted(samples)[min(len(samples) - 1, int(part * len(samples)))]


def on_cpu(pid):
    """Seconds for which the process's main thread has run."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))


def completed(client):
    return client.call("daemon.status")["jobs"]["completed"]


# ---- Dispatch ------------------------------------------------------------------------------------


def submit_many(client, batches, jobs):
    """So many batches of so many jobs each, some hundred requests under way at a time."""
    under_way = collections.deque()
    for _ in range(batches):
        under_way.append(client.request("batch.submit", jobs=[awaitd.wait_job(0, count=jobs)]))
        if len(under_way) == 256:
            client.answer(under_way.popleft())
    while under_way:
        client.answer(under_way.popleft())


def dispatch_cost(batches, jobs, seconds):
    """Processor time of the supervisor per job, while so many batches have jobs queued. At most one job more
    runs than there are workers, so that each is sent alone: what is measured is the choice of the next one, and
    a message."""
    config = {"plugins": ({"file": "wait.so", "limit": 2},),
              "limits": {"queued_jobs": 2 * jobs, "batches": 2 * batches + 10}}
    with running(config) as (daemon, client):
        blocker = client.submit(awaitd.wait_job(3600, count=2), priority=1)
        awaitd.eventually(lambda: client.call("batch.show", batch=blocker)["running"] == 2, "it runs")
        submit_many(client, batches, jobs // batches)
        client.call("batch.cancel", batch=blocker)
        client.call("batch.wait", batch=blocker)
        time.sleep(0.2)  # what the cancel and the first jobs stirred up is over
        pid = daemon.process.pid
        before, cpu = completed(client), on_cpu(pid)
        time.sleep(seconds)
        after, cpu = completed(client), on_cpu(pid) - cpu
        if after - before >= jobs - 2 * batches:
            raise SystemExit("the batches did not last")
        return cpu / (after - before)


def dispatch(bench):
    jobs, seconds = 1_000_000, 1 if bench.quick else 3
    counts = (1, 1000, 10_000 if bench.quick else 100_000)
    costs = [dispatch_cost(count, jobs, seconds) for count in counts]
    for count, cost in zip(counts, costs):
        bench.row(f"dispatch, one by one, {count:,} batches queued", f"{cost * 1e6:.2f} us per job",
                  "<= 1.5 x the first" if count == counts[-1] else "",
                  f"{cost / costs[0]:.2f} x the first")


# ---- A newcomer ----------------------------------------------------------------------------------


def newcomers(count, jobs, durable):
    """What so many batches of one job took beyond its own time, and how many large ones ran meanwhile."""
    samples, large, larges = [], None, 0
    with running({"limits": {"queued_jobs": 10 * jobs}}) as (_, client):
        for i in range(count):
            if large is None or (i % 10 == 0 and client.call("batch.show", batch=large)["queued"] <
                                 jobs // 4):
                large = client.submit(awaitd.wait_job("10ms", count=jobs), durable=durable)
                larges += 1
            begin = time.monotonic()
            events, _ = client.run(awaitd.wait_job("10ms"), durable=durable)
            samples.append(time.monotonic() - begin - events[0]["run"])
        client.call("batch.cancel", batch=large)
    return samples, larges


def newcomer(bench):
    """One-job batches while very large ones run as fast as they can."""
    count, jobs = bench.scaled(1000), bench.scaled(1_000_000)
    for durable in (False, True):
        samples, larges = newcomers(count, jobs, durable)
        name = (f"a one-job batch while {jobs:,} jobs of 10 ms run: over its own time, "
                f"{'durable' if durable else 'not durable'}")
        for which, part, target in (("p50", 0.5, ""), ("p99", 0.99, "<= 10 ms"), ("max", 1, "")):
            bench.row(f"{name}, {which}", f"{share(samples, part) * 1e3:.2f} ms", target,
                      f"{count:,} times; {larges} of the large ones" if part == 0.99 else "")


# ---- Submission ----------------------------------------------------------------------------------


def submission(bench):
    """How long the answer to a submission takes, the queue empty and full, by turns."""
    count, jobs = bench.scaled(5000), bench.scaled(1_000_000)
    config = {"limits": {"queued_jobs": 2 * jobs}}
    with running(config) as (_, empty), running(config) as (_, full):
        full.submit(awaitd.wait_job(3600, count=jobs), limit=1)
        samples = {empty: [], full: []}
        for i in range(2 * count):
            client = (empty, full)[i % 2]
            begin = time.monotonic()
            client.call("batch.submit", jobs=[awaitd.wait_job(0)])
            samples[client].append(time.monotonic() - begin)
        queued = full.call("daemon.status")["jobs"]["queued"]
        full.call("batch.cancel", batch=1)
    if queued < jobs - 10:
        raise SystemExit(f"{queued} jobs were queued")
    for which, part in (("p50", 0.5), ("p99", 0.99)):
        of_empty, of_full = (share(samples[client], part) for client in (empty, full))
        bench.row(f"submit to answer, {jobs:,} jobs queued, {which}", f"{of_full * 1e6:.0f} us",
                  "<= 1.2 x the empty queue" if part == 0.5 else "",
                  f"empty queue {of_empty * 1e6:.0f} us, {of_full / of_empty:.2f} x")


# ---- Rate, memory --------------------------------------------------------------------------------


def rate(bench):
    """A rate that is kept."""
    seconds, per_second = 2 if bench.quick else 10, 1000
    with running() as (_, client):
        events, _ = client.run(awaitd.wait_job(0, count=seconds * per_second + 1),
                               rate=f"{per_second}/s")
    starts = sorted(event["queued"] for event in events)
    measured = (len(starts) - 1) / (starts[-1] - starts[0])
    most = least = None
    for begin in range(seconds):  # each second of it
        inside = sum(begin <= start - starts[0] < begin + 1 for start in starts)
        most, least = max(most or 0, inside), min(least or inside, inside)
    bench.row(f"a rate of {per_second:,}/s over {seconds} s", f"{measured:.2f}/s", "within 1 %",
              f"{least} to {most} in each second")


def memory(bench):
    """Jobs that wait for their batch's limit."""
    jobs = bench.scaled(1_000_000)
    with running({"limits": {"queued_jobs": 2 * jobs}}) as (daemon, client):
        before = pss(daemon.process.pid)
        batch = client.submit(awaitd.wait_job(3600, count=jobs), limit=10)
        awaitd.eventually(lambda: client.call("batch.show", batch=batch)["running"] == 10, "ten run")
        after = pss(daemon.process.pid)
        client.call("batch.cancel", batch=batch)
    bench.row(f"memory of {jobs:,} queued array jobs with a limit of 10: supervisor",
              f"{after / MIB:.1f} MiB", "",
              f"{(after - before) / jobs:.1f} bytes a job; {before / MIB:.1f} MiB before")


def orchestration(bench):
    """Limits, rates, fair shares: what they cost and how well they are kept."""
    for measure in (dispatch, newcomer, submission, rate, memory):
        measure(bench)
