"""Random batches, and what must become of them: a plain model of the terms that jobs can have.

A plan says what each job will do by itself. What the daemon made of it comes from two sides: from its own
events, and from the record that the scripted plugins write, which the daemon does not know of.
"""

import collections
import random
import struct

PLUGINS = ("scripted_fiber", "scripted_blocking", "scripted_async")
STATES = ("succeeded", "failed", "timed_out", "cancelled", "crashed", "skipped")
S = 1_000_000_000  # nanoseconds

# A timeout that no job reaches which ends by itself, and those for jobs that never would.
LONG, SHORT = 100, ("5ms", "10ms", "20ms")
# How much a rate may make up for when it was late, see RATE_LAG_NS in daemon/base/rate.h.
LAG = 0.1 * S


# ---- Plans ---------------------------------------------------------------------------------------


class Entry:
    """One entry of a batch, and what its jobs do by themselves."""

    def __init__(self, rng, batch, names):
        self.batch = batch
        self.name = rng.choice(names) if names and rng.random() < 0.8 else None
        self.plugin = rng.choice(PLUGINS)
        self.count = rng.choice((1, 1, 1, 2, 3, 5, 8))
        self.first = None  # index of its first job; known when the batch is whole
        self.after, self.after_any = [], []
        self.delay_ms = rng.choice((0, 0, 0, 0, 1, 5, 20))
        self.ms = rng.choice((0, 0, 0, 1, 2, 5, 10))
        self.retry = rng.choice((None, None, 0, 1, 2, 3))
        self.fail = self.hang = 0
        kind = rng.random()
        if kind < 0.15:
            self.fail = rng.choice((1, 1, 2, 3, 1000))
        elif kind < 0.22:
            self.hang = rng.choice((1, 1, 2, 1000))
        if self.hang:
            self.ms = 0
        self.timeout = rng.choice(SHORT) if self.hang else rng.choice((None, None, 0, LONG))

    @property
    def attempts(self):
        """How many there may be."""
        return 1 + (self.batch.retry if self.retry is None else self.retry)

    def outcome(self):
        """The state that each of its jobs ends in, left alone."""
        if self.attempts > max(self.fail, self.hang):
            return "succeeded"
        return "timed_out" if self.hang else "failed"

    def request(self, rng):
        """It as the protocol has it."""
        job = {"plugin": self.plugin, "params": {"seconds": f"{self.ms}ms", "fail": self.fail,
                                                 "hang": self.hang}}
        if self.count > 1 or rng.random() < 0.2:
            job["count"] = self.count
        if self.retry is not None:
            job["retry"] = {"max": self.retry, "delay": f"{rng.choice((0, 1, 5))}ms",
                            "max_delay": "10ms"}
        for field in ("name", "timeout"):
            if getattr(self, field) is not None:
                job[field] = getattr(self, field)
        if self.delay_ms or rng.random() < 0.2:
            job["delay"] = f"{self.delay_ms}ms"
        for field in ("after", "after_any"):
            names = getattr(self, field)
            if names:
                job[field] = names[0] if len(names) == 1 and rng.random() < 0.5 else names
        return job


Action = collections.namedtuple("Action", "seconds method params")


class Plan:
    """A batch: its terms, its entries in one piece or several, and what is done to it when."""

    def __init__(self, seed):
        self.seed = seed
        rng = random.Random(seed)
        self.retry = rng.choice((0, 0, 0, 1, 2))
        self.limit = rng.choice((None, None, None, 1, 2, 3, 5))
        self.rate = rng.choice((None, None, None, None, (200, 1), (500, 5), (1000, 3)))
        self.deadline_ms = rng.choice((None,) * 15 + (20, 60, 200))
        self.on_failure = rng.choice(("continue",) * 5 + ("cancel",))
        self.terms = {"priority": rng.choice((0, 0, 0, -5, 7)), "on_failure": self.on_failure,
                      "retry": {"max": self.retry, "delay": "2ms", "max_delay": "5ms"}}
        if self.limit:
            self.terms["limit"] = self.limit
        if self.rate:
            self.terms["rate"] = f"{self.rate[0]}/s burst {self.rate[1]}"
        if self.deadline_ms:
            self.terms["deadline"] = f"{self.deadline_ms}ms"
        if rng.random() < 0.2:
            self.terms["timeout"] = LONG
        self.pieces = self._make_pieces(rng)
        self.entries = [entry for piece, _ in self.pieces for entry in piece]
        self.jobs = []  # the entry of each
        for entry in self.entries:
            entry.first = len(self.jobs)
            self.jobs += [entry] * entry.count
        self.actions = self._make_actions(rng)
        self.in_pieces = len(self.pieces) > 1 or rng.random() < 0.1

    def _make_pieces(self, rng):
        pieces, earlier = [], []
        for number in range(rng.choice((1, 1, 1, 1, 2, 3))):
            names = [f"n{number}{letter}" for letter in "abcde"]
            entries = [Entry(rng, self, names) for _ in range(rng.choice((1, 2, 4, 6, 10)))]
            here = sorted({entry.name for entry in entries if entry.name})
            rng.shuffle(here)  # a random order of names, so that there is no circle
            for entry in entries:
                before = here[:here.index(entry.name)] if entry.name else here
                choice = before + earlier
                for wish in (entry.after, entry.after_any):
                    if choice and rng.random() < 0.35:
                        wish += rng.sample(choice, min(len(choice), rng.choice((1, 1, 2, 3))))
            earlier += here
            rng.shuffle(entries)
            pieces.append((entries, [entry.request(rng) for entry in entries]))
        return pieces

    def _make_actions(self, rng):
        actions = []

        def at():
            return rng.choice((0, 0.002, 0.01, 0.03, 0.1)) * rng.random()

        if rng.random() < 0.12:
            for _ in range(rng.choice((1, 1, 2))):
                actions.append(Action(at(), "batch.cancel", {"queued": rng.random() < 0.4}))
        if rng.random() < 0.2:
            for _ in range(rng.choice((1, 2, 5))):
                job = rng.randrange(len(self.jobs))
                actions.append(Action(at(), "job.cancel", {"job": job}))
        if rng.random() < 0.15:
            begin = at()
            actions.append(Action(begin, "batch.pause", {}))
            actions.append(Action(begin + rng.choice((0.02, 0.1)), "batch.resume", {}))
        return sorted(actions, key=lambda action: action.seconds)

    def named(self, names):
        """The jobs of the entries with these names."""
        return [job for job, entry in enumerate(self.jobs) if entry.name in names]


# ---- What happened -------------------------------------------------------------------------------

RECORD = struct.Struct("=QQQII")
START, OK, FAILED, CANCELLED = range(4)


class Attempt:
    """A start and an end of a job, in nanoseconds of the monotonic clock."""

    def __init__(self, number, start):
        self.number = number
        self.start = start
        self.end = None
        self.how = None


def read_record(path):
    """From (batch, job) to its attempts, in the order in which they started."""
    attempts = collections.defaultdict(list)
    with open(path, "rb") as file:
        data = file.read()
    assert len(data) % RECORD.size == 0
    for batch, job, ns, number, what in RECORD.iter_unpack(data):
        of_job = attempts[batch, job]
        if what == START:
            assert not of_job or of_job[-1].end, f"{batch}.{job} runs twice at once"
            of_job.append(Attempt(number, ns))
        else:
            assert of_job and of_job[-1].number == number and not of_job[-1].end
            of_job[-1].end, of_job[-1].how = ns, what
    return attempts


class Run:
    """What is known of a batch that was run: the plan, and what was seen."""

    def __init__(self, plan, number, asked_ns):
        self.plan = plan
        self.number = number
        self.asked_ns = asked_ns  # the moment before its submission; of its last piece, added_ns
        self.added_ns = {}        # by job: the moment before it was handed in
        self.events = {}          # by job
        self.order = []           # jobs as their ends were told
        self.summary = None
        self.cut_short = False
        self.cancelled = False    # as a whole, or what had not started
        self.cancelled_jobs = {}  # to the moment after the answer
        self.pauses = []          # (after the answer, before it went on, running when it began)

    def cut_to(self, jobs):
        """It was over before all its jobs were added."""
        self.cut_short = True
        self.plan.jobs = self.plan.jobs[:jobs]
        self.added_ns = {job: ns for job, ns in self.added_ns.items() if job < jobs}

    def take(self, method, params):
        """An event."""
        assert not self.summary, f"{method} after batch.done"
        if method == "batch.done":
            self.summary = params
            return
        assert params["job"] not in self.events, f"{self.number}.{params['job']} ended twice"
        self.events[params["job"]] = params
        self.order.append(params["job"])

    def state(self, job):
        return self.events[job]["state"]


# ---- What must be so -----------------------------------------------------------------------------


def most_at_once(attempts):
    """How many of them ran at the same time, at the worst moment."""
    changes = sorted([(a.start, 1) for a in attempts] + [(a.end, -1) for a in attempts])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


def check_rate(starts, since_ns, per_second, burst, slack_ns):
    """Jobs start after they are dispatched, so that what has started by a moment was allowed by then; in
    between, a start may be late by the slack, and the rate makes up for LAG."""
    starts = sorted(starts)
    interval = S / per_second
    for k, start in enumerate(starts):
        assert start >= since_ns + (k + 1 - burst) * interval - 1000, f"start {k} is too early"
    worst = None  # the latest (start - k intervals) so far
    for k, start in enumerate(starts):
        place = start - k * interval
        if worst is not None:
            assert place >= worst - (burst - 1) * interval - LAG - slack_ns, \
                f"too many starts before {k}"
        worst = place if worst is None else max(worst, place)


class Checker:
    """Holds one run against its plan."""

    def __init__(self, run, attempts, slack_ns):
        self.run = run
        self.plan = run.plan
        self.attempts = {job: attempts.get((run.number, job), [])
                         for job in range(len(run.plan.jobs))}
        self.slack_ns = slack_ns
        self.place = {job: i for i, job in enumerate(run.order)}

    def check(self):
        self.check_ends()
        for job, entry in enumerate(self.plan.jobs):
            self.check_attempts(job, entry)
            self.check_order(job, entry)
            self.check_state(job, entry)
        self.check_caps()
        self.check_pauses()

    def check_ends(self):
        """Each job has ended once, and the summary counts them."""
        run = self.run
        assert sorted(run.order) == list(range(len(self.plan.jobs)))
        counts = collections.Counter(event["state"] for event in run.events.values())
        assert {state: run.summary[state] for state in STATES} == \
            {state: counts[state] for state in STATES}
        assert run.summary["jobs"] == len(self.plan.jobs)
        work = sum(event["run"] for event in run.events.values())
        assert abs(run.summary["work"] - work) < 1e-5 * (1 + len(run.order))
        all_succeeded = counts["succeeded"] == len(run.order) and not run.cut_short
        assert (run.summary["state"] == "succeeded") == all_succeeded

    def check_attempts(self, job, entry):
        attempts, event = self.attempts[job], self.run.events[job]
        numbers = [a.number for a in attempts]
        assert event["attempt"] < entry.attempts, f"job {job}: attempt {event['attempt']}"
        assert numbers == sorted(set(numbers)), f"job {job}: attempts {numbers}"
        assert not numbers or numbers[-1] <= event["attempt"], f"job {job}: attempts {numbers}"
        # One that was stopped before the worker began with it leaves no trace.
        if not entry.hang:
            assert numbers[:event["attempt"]] == list(range(event["attempt"])), \
                f"job {job}: attempts {numbers} of {event['attempt']}"
        for before, after in zip(attempts, attempts[1:]):
            assert before.how != OK and after.start >= before.end, f"job {job} ran after its end"
        if attempts:
            due = self.run.added_ns[job] + entry.delay_ms * 1_000_000
            assert attempts[0].start >= due, f"job {job} did not wait for its delay"
            if attempts[-1].how == OK:
                assert event["state"] == "succeeded", f"job {job} is {event['state']}"
        if event["state"] == "succeeded":
            assert attempts[-1].how == OK and event["output"] == f"attempt {event['attempt']}"
        assert event["state"] == "succeeded" or event["reason"], f"job {job} tells no reason"
        told = self.run.cancelled_jobs.get(job)
        if told:
            later = [a for a in attempts if a.start > told]
            running = any(a.start <= told < a.end for a in attempts)
            assert len(later) <= (0 if running else 1), f"job {job} ran again after its cancel"

    def check_order(self, job, entry):
        """It started after what it comes after, and its end was told after theirs."""
        attempts = self.attempts[job]
        for other in self.plan.named(entry.after + entry.after_any):
            ran = self.attempts[other]
            if attempts:
                assert self.place[other] < self.place[job]
            if attempts and ran:
                delay = entry.delay_ms * 1_000_000
                assert attempts[0].start >= ran[-1].end + delay, f"{job} did not wait for {other}"

    def check_state(self, job, entry):
        state, ran = self.run.state(job), self.attempts[job]
        in_vain = [other for other in self.plan.named(entry.after)
                   if self.run.state(other) != "succeeded"]
        if in_vain:
            allowed = {"skipped"}
            assert not ran, f"{job} ran though {in_vain} did not succeed"
        else:
            allowed = {entry.outcome()}
            if entry.hang and self.tried_all(job):
                allowed.add("timed_out")  # on a busy machine, nothing at all can take that long
        if state == "skipped":
            assert any(self.place[other] < self.place[job] for other in in_vain)
        allowed |= self.interruptions(job)
        assert state in allowed, f"job {job} is {state}, not one of {allowed}"
        if state in ("failed", "timed_out") and not self.interruptions(job):
            assert self.tried_all(job), f"job {job} was not tried as often as it may be"

    def tried_all(self, job):
        return self.run.events[job]["attempt"] + 1 == self.plan.jobs[job].attempts

    def interruptions(self, job):
        """The states in which it may have ended because of what was done to it or to others."""
        allowed = set()
        if self.run.cancelled or job in self.run.cancelled_jobs:
            allowed.add("cancelled")
        if self.plan.on_failure == "cancel" and any(
                self.run.state(other) != "succeeded" for other in self.run.events if other != job):
            allowed.add("cancelled")
        if self.plan.deadline_ms:
            allowed.add("timed_out")
        if allowed and self.plan.jobs[job].outcome() == "succeeded":
            # What is stopped is not tried again: the end of the attempt that runs is its end.
            if self.plan.jobs[job].fail:
                allowed.add("failed")
            if self.plan.jobs[job].hang:
                allowed.add("timed_out")
        return allowed

    def check_caps(self):
        everything = [a for attempts in self.attempts.values() for a in attempts]
        if self.plan.limit:
            assert most_at_once(everything) <= self.plan.limit
        if self.plan.rate:
            check_rate([a.start for a in everything], self.run.asked_ns, *self.plan.rate,
                       self.slack_ns)

    def check_pauses(self):
        """While it was paused, nothing started but what had been handed over before."""
        for begin, end, running in self.run.pauses:
            started = sum(begin < a.start < end for attempts in self.attempts.values()
                          for a in attempts)
            assert started <= running, f"{started} started in a pause, {running} were under way"
