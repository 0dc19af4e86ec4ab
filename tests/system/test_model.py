"""Random batches, many at once, held against a model of what may become of them (model.py).

AW_MODEL_SEED repeats a run: the seed that a failure tells. AW_MODEL_BATCHES is how many batches each test
runs.
"""

import heapq
import itertools
import os
import time

import pytest

import awaitd
import model

TESTS = 8
BATCHES = int(os.environ.get("AW_MODEL_BATCHES", "260"))
# Batches that are unfinished at the same time.
AT_ONCE = 60
# How late a job may start after it has been handed over.
SLACK_NS = (2 if awaitd.SANITIZED else 0.5) * model.S

LIMITS = {"running": 40, "scripted_blocking": 6, "scripted_fiber": 25}
RATE = (2000, 20)  # of scripted_async


def configuration(record):
    entries = []
    for name in model.PLUGINS:
        entry = {"file": str(awaitd.HOSTILE_DIR / f"{name}.so"), "settings": {"record": record}}
        if name in LIMITS:
            entry["limit"] = LIMITS[name]
        if name == "scripted_async":
            entry["rate"] = f"{RATE[0]}/s burst {RATE[1]}"
        entries.append(entry)
    return {"plugins": entries, "limits": {"running": LIMITS["running"]},
            "log": {"level": "warning"}}


class Driver:
    """Runs plans over one connection, and does to them what they say."""

    def __init__(self, client):
        self.client = client
        self.runs = {}
        self.unfinished = 0
        self._actions = []
        self._order = itertools.count()
        self._begin = {}  # of pauses, by batch

    def run(self, plans):
        plans = iter(plans)
        while True:
            for plan in itertools.islice(plans, AT_ONCE - self.unfinished):
                self._submit(plan)
            if not self.unfinished:
                return
            self._step()

    def _submit(self, plan):
        asked = time.monotonic_ns()
        if plan.in_pieces:
            number = self.client.call("batch.open", follow="each", **plan.terms)["batch"]
        else:
            jobs = plan.pieces[0][1]
            number = self.client.call("batch.submit", jobs=jobs, follow="each",
                                      **plan.terms)["batch"]
        run = self.runs[number] = model.Run(plan, number, asked)
        self.unfinished += 1
        jobs = iter(range(len(plan.jobs)))
        for entries, requests in plan.pieces:
            now = time.monotonic_ns() if plan.in_pieces else asked
            count = sum(entry.count for entry in entries)
            run.added_ns.update((job, now) for job in itertools.islice(jobs, count))
            if plan.in_pieces and not self._add(run, requests):
                run.cut_to(len(run.added_ns) - count)
                break
        for action in plan.actions:
            due = time.monotonic() + action.seconds
            heapq.heappush(self._actions, (due, next(self._order), number, action))

    def _add(self, run, requests):
        """False: the batch was over before it was whole, as its terms may have it."""
        try:
            self.client.call("batch.add", batch=run.number, jobs=requests)
            if requests is run.plan.pieces[-1][1]:
                self.client.call("batch.seal", batch=run.number)
            return True
        except awaitd.RpcError as error:
            assert run.plan.deadline_ms or run.plan.on_failure == "cancel", error
            return False

    def _step(self):
        """The next thing to do, or the next event."""
        now = time.monotonic()
        if self._actions and self._actions[0][0] <= now:
            _, _, number, action = heapq.heappop(self._actions)
            self._act(self.runs[number], action)
            return
        if not self.client.has_event(self._actions[0][0] - now if self._actions else None):
            return
        event = self.client.event()
        run = self.runs[event["params"]["batch"]]
        run.take(event["method"], event["params"])
        self.unfinished -= event["method"] == "batch.done"

    def _act(self, run, action):
        if action.params.get("job", 0) >= len(run.plan.jobs):
            return  # it was never added
        if action.method == "batch.cancel":
            run.cancelled = True
        elif action.method == "job.cancel":
            run.cancelled_jobs[action.params["job"]] = None
        if action.method == "batch.resume" and run.number in self._begin:
            begin, running = self._begin.pop(run.number)
            run.pauses.append((begin, time.monotonic_ns(), running))
        self.client.call(action.method, batch=run.number, **action.params)
        now = time.monotonic_ns()
        if action.method == "batch.cancel":
            again = self.client.call(action.method, batch=run.number, **action.params)
            assert again["cancelled"] == 0
        elif action.method == "job.cancel":
            run.cancelled_jobs[action.params["job"]] = now
        elif action.method == "batch.pause":
            running = self.client.call("batch.show", batch=run.number)["running"]
            self._begin[run.number] = (now, running)


def check_all(runs, attempts):
    """What holds for all batches together."""
    by_plugin = {name: [] for name in model.PLUGINS}
    for (number, job), of_job in attempts.items():
        by_plugin[runs[number].plan.jobs[job].plugin] += of_job
    everything = [a for of_plugin in by_plugin.values() for a in of_plugin]
    assert model.most_at_once(everything) <= LIMITS["running"]
    for name, of_plugin in by_plugin.items():
        if name in LIMITS:
            assert model.most_at_once(of_plugin) <= LIMITS[name]
    first = min(run.asked_ns for run in runs.values())
    model.check_rate([a.start for a in by_plugin["scripted_async"]], first, *RATE, SLACK_NS)


@pytest.mark.parametrize("number", range(TESTS))
def test_random_batches_come_out_as_the_model_says(start_daemon, folder, number):
    base = os.environ.get("AW_MODEL_SEED", "1")
    seeds = [f"{base}-{number}-{i}" for i in range(BATCHES)]
    daemon = start_daemon(config=configuration(str(folder / "record")))
    with daemon.client() as client:
        driver = Driver(client)
        driver.run(map(model.Plan, seeds))
        left = client.call("daemon.status")["jobs"]
        assert (left["queued"], left["running"]) == (0, 0)
    attempts = model.read_record(folder / "record")
    for run in driver.runs.values():
        try:
            model.Checker(run, attempts, SLACK_NS).check()
        except AssertionError as error:
            raise AssertionError(f"batch {run.number}, model.Plan({run.plan.seed!r}): "
                                 f"{error}") from error
    check_all(driver.runs, attempts)
    states = {run.state(job) for run in driver.runs.values() for job in run.events}
    assert states == set(model.STATES) - {"crashed"}, "the batches are not random enough"
