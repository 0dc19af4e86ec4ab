"""Random batches whose outcome can be told beforehand, whatever is killed while they run.

A plan has the requests and, for each job, what it must come to. Commands that run write a line into a file of
their job first, so that one can see how often each was run, and by whom.
"""

import collections
import itertools

FINAL = ("succeeded", "failed", "timed_out", "cancelled", "crashed", "skipped")

# What the commands do: note the worker that runs them ($PPID), then what their name says.
NOTE = 'echo $PPID >>"$1"; '
SAY = NOTE + 'echo "$2"'
FAIL = NOTE + 'echo "$2"; exit 3'
FAIL_TWICE = NOTE + '[ $(wc -l <"$1") -gt 2 ] && echo "$2"'

WORDS = ("one two three vier fünf шесть 七 acht nueve δέκα eleven don't panic 3.14").split()

# A retry that always suffices for what succeeds in the end, however often it is interrupted.
PLENTY = {"max": 100, "delay": "5ms", "max_delay": "20ms"}
FOREVER = 3600

Job = collections.namedtuple("Job", "natural output retry after after_any runs")


class Plan:
    """One batch. `folder` is where its commands leave their lines."""

    def __init__(self, rng, name, folder):
        self.rng = rng
        self.name = name
        self.folder = folder
        self.asked = 0  # when it was first handed over
        self.jobs = []  # of Job, by index
        self.key = f"key of {name}" if rng.random() < 0.5 else None
        self.durable = rng.random() < 0.88
        self.opened = rng.random() < 0.3  # comes in pieces
        self.to_cancel = False  # does not end by itself
        self.cancel_jobs = []  # these neither
        self.events = rng.choice(("each",) * 6 + ("failures", "summary"))
        self.follow = rng.random() < 0.15  # on the connection that submits it
        self._by_name = {}  # the jobs of each name
        self._names = (f"entry-{number}" for number in itertools.count())
        self.terms = self._random_terms()
        self.pieces = [self._random_piece() for _ in range(rng.randint(1, 4) if self.opened else 1)]

    def params(self):
        """Of batch.submit or batch.open, without the jobs."""
        given = {"name": self.name, **self.terms}
        if self.key:
            given["key"] = self.key
            if self.opened:
                given["content"] = f"content of {self.name}"
        if not self.durable:
            given["durable"] = False
        return given

    # -- making one up

    def _random_terms(self):
        rng, terms = self.rng, {}
        if rng.random() < 0.3:
            terms["priority"] = rng.randint(-100, 100)
        if rng.random() < 0.3:
            terms["limit"] = rng.choice((1, 3, 20))
        if rng.random() < 0.1:
            terms["rate"] = "2000/s burst 10"
        if rng.random() < 0.2:
            terms["deadline"] = "2h"
        if rng.random() < 0.5:
            terms["retry"] = {"max": rng.randint(0, 3), "delay": "10ms"}
        if rng.random() < 0.15 and not self.opened:  # it would be sealed before it is whole
            terms["on_failure"] = "cancel"
        return terms

    def _random_piece(self):
        rng = self.rng
        makers = (self._array, self._waits, self._commands, self._failing, self._failing_twice,
                  self._texts, self._late)
        entries = [rng.choice(makers)() for _ in range(rng.randint(1, 6))]
        if rng.random() < 0.06:
            self.to_cancel = True
            entries.append(self._add({"plugin": "wait", "params": {"seconds": FOREVER},
                                      "count": rng.randint(1, 5)}, (), ""))
        if rng.random() < 0.06:
            entries.append(self._add({"plugin": "wait", "params": {"seconds": FOREVER}}, (), ""))
            self.cancel_jobs.append(len(self.jobs) - 1)
        return entries

    def _array(self):
        count = self.rng.choice((1, 10, 50, 50, 300))
        return self._add({"plugin": "wait", "params": {"seconds": "0.0{index}"}, "count": count},
                         ("succeeded",), lambda index: f"slept for {float(f'0.0{index}'):g}")

    def _waits(self):
        items = [f"{self.rng.randint(0, 50)}ms" for _ in range(self.rng.randint(1, 5))]
        return self._add({"plugin": "wait", "params": {"seconds": "{item}"}, "items": items},
                         ("succeeded",),
                         lambda index: f"slept for {float(items[index][:-2]) / 1000:g}")

    def _command(self, script, states, **members):
        name = next(self._names)
        path = f"{self.folder}/{self.name}.{name}"
        said = f"{self.name} says {self.rng.randrange(1 << 30)}"
        argv = ["sh", "-c", script, "sh", path + ".{index}", said + " {index}"]
        return self._add({"plugin": "exec", "params": {"argv": argv}, "name": name,
                          "count": self.rng.randint(1, 3), **members},
                         states, lambda index: f"{said} {index}\n",
                         lambda index: f"{path}.{index}")

    def _commands(self):
        return self._command(SAY, ("succeeded",))

    def _failing(self):
        return self._command(FAIL, ("failed",),
                             retry={"max": self.rng.randint(0, 4), "delay": "10ms"})

    def _failing_twice(self):
        return self._command(FAIL_TWICE, ("succeeded",), retry=PLENTY)

    def _texts(self):
        words = self.rng.choices(WORDS, k=self.rng.randint(1, 50))
        said = "".join(f'"{word}"\n' for word in words)
        return self._add({"plugin": "tokenize",
                          "params": {"text": " ".join(words), "output": "tokens"}},
                         ("succeeded",), lambda _: said)

    def _late(self):
        return self._add({"plugin": "wait", "params": {"seconds": FOREVER}, "timeout": "20ms"},
                         ("timed_out",), "")

    def _add(self, entry, states, output, runs=None):
        """Notes what is to come of the entry's jobs, and returns it. `output` may depend on the index."""
        rng = self.rng
        count = len(entry["items"]) if "items" in entry else entry.get("count", 1)
        after, after_any = [], []
        if self._by_name and rng.random() < 0.3:
            after = rng.sample(sorted(self._by_name), min(len(self._by_name), rng.randint(1, 2)))
            entry["after"] = after if len(after) > 1 else after[0]
        if self._by_name and rng.random() < 0.15:
            after_any = [rng.choice(sorted(self._by_name))]
            entry["after_any"] = after_any
        if rng.random() < 0.15:
            entry["delay"] = rng.choice(("1ms", "20ms", "100ms"))
        name = entry.setdefault("name", next(self._names))
        retry = entry.get("retry", self.terms.get("retry", {"max": 0}))["max"]
        first = len(self.jobs)
        for index in range(count):
            self.jobs.append(Job(states, output(index) if callable(output) else output, retry,
                                 [job for other in after for job in self._by_name[other]],
                                 [job for other in after_any for job in self._by_name[other]],
                                 runs(index) if runs else None))
        if not (self.to_cancel or self.cancel_jobs):  # nothing comes after what never ends
            self._by_name[name] = range(first, first + count)
        return entry


# ---- What came of it -------------------------------------------------------------------------------


def check_job(plan, index, event, ends, circumstances):
    """Whether the job's end is one that it may have. `ends`: the states of all the batch's jobs, by index;
    circumstances: what was done to it (`cancelled`, `cancelled_jobs`, `stopped`, `worker_killed`)."""
    job = plan.jobs[index]
    state, attempt = event["state"], event["attempt"]
    unmet = [other for other in job.after if ends[other] != "succeeded"]
    what = f"{plan.name}, job {index}: {event}"
    assert attempt <= job.retry, what
    assert ("reason" in event) == (state != "succeeded"), what
    if state in job.natural:
        assert event.get("output") == job.output, f"{what}, not {job.output!r}"
        assert not event["truncated"], what
        assert not unmet, f"{what}, though {unmet} did not succeed"
        if state != "succeeded" and not may_be_cancelled(plan, index, ends, circumstances):
            assert attempt == job.retry, f"{what}: may be tried {job.retry} times again"
    elif state == "skipped":
        assert unmet, f"{what}, though all before it succeeded"
    elif state == "failed" and job.runs and job.retry == PLENTY["max"]:
        assert may_be_cancelled(plan, index, ends, circumstances), f"{what}: would succeed"
    elif state == "cancelled":
        assert may_be_cancelled(plan, index, ends, circumstances), what
    else:
        assert state == "crashed" and circumstances.worker_killed(event), what


def may_be_cancelled(plan, index, ends, circumstances):
    if circumstances.cancelled or index in circumstances.cancelled_jobs:
        return True
    if circumstances.stopped and not plan.durable:
        return True
    if plan.terms.get("on_failure") != "cancel":
        return False
    others = {end for other, end in enumerate(ends) if other != index}
    return bool(others - {"succeeded", "cancelled"} or circumstances.cancelled_jobs)


def check_summary(plan, summary, ends):
    """Whether the summary is that of jobs that ended so."""
    assert summary["name"] == plan.name, summary
    assert summary["jobs"] == len(ends), summary
    for state in FINAL:
        assert summary[state] == ends.count(state), f"{summary} of {collections.Counter(ends)}"
    succeeded = ends.count("succeeded") == len(ends)
    assert not ends or (summary["state"] == "succeeded") == succeeded, summary
    assert summary["state"] in ("succeeded", "failed", "cancelled"), summary
