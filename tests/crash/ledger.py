"""What the daemon has said, by batch: a promise each, and none of it may ever change."""

import pathlib
import threading
import time

from plans import check_job, check_summary


# How long a worker may be dead and still get jobs, at most, on a busy machine.
UNNOTICED_S = 2


class Batch:
    """A batch that was acknowledged, and all that was told of it since."""

    def __init__(self, ledger, plan, number, boot):
        self.ledger = ledger
        self.plan = plan
        self.number = number
        self.boot = boot  # of the daemon that acknowledged it
        self.since = plan.asked  # it is no older than that
        self.whole = not plan.opened  # all its pieces were acknowledged, and that there are no more
        self.gone = False  # it was not durable, and went with its daemon
        self.cancelled = False  # that was asked for, whether or not it was answered
        self.cancelled_jobs = set()
        self.events = {}  # job.done, by seq
        self.summary = None
        self.lines_then = {}  # when a job's end was told: that moment, and the lines of its runs
        self._lock = threading.Lock()

    def __str__(self):
        durable = "" if self.plan.durable else ", not durable"
        return f"batch {self.number} ({self.plan.name}{durable}, of daemon {self.boot})"

    @property
    def over(self):
        return self.gone or self.summary is not None

    @property
    def stopped(self):
        """Whether a daemon was stopped in order since it came."""
        return any(when >= self.since for when in self.ledger.stops)

    def worker_killed(self, event):
        """Whether a worker was killed between its acceptance and that event, which its jobs may not survive."""
        told, _ = self.lines_then.get(event["job"], (time.monotonic(), None))
        since = self.since - UNNOTICED_S
        return any(since <= when <= told for when in self.ledger.worker_kills)

    def tell(self, event):
        """Takes note of a job.done, which may have been told before."""
        assert event["batch"] == self.number
        with self._lock:
            known = self.events.setdefault(event["seq"], event)
            assert known == event, f"{self}: it was {known}, and now is {event}"
            if event["job"] in self.lines_then:
                return
            assert 0 <= event["job"] < len(self.plan.jobs), event
            self.lines_then[event["job"]] = (time.monotonic(), self.lines(event["job"]))

    def tell_done(self, summary):
        with self._lock:
            if self.summary is None:
                self.summary = summary
            assert self.summary == summary, f"{self}: it was {self.summary}, and now is {summary}"

    def lines(self, job):
        """A line for each run of the job: the worker."""
        path = self.plan.jobs[job].runs
        if not path:
            return []
        try:
            return pathlib.Path(path).read_text(encoding="ascii").split()
        except FileNotFoundError:
            return []

    # -- in the end

    def check(self, events, summary):
        """Whether the events from the first completion on and the summary are what they must be."""
        assert [event["seq"] for event in events] == list(range(len(self.plan.jobs))), self
        for event in events:
            self.tell(event)
        self.tell_done(summary)
        by_job = {event["job"]: event for event in events}
        assert sorted(by_job) == list(range(len(self.plan.jobs))), self
        ends = [by_job[job]["state"] for job in range(len(self.plan.jobs))]
        for job, event in by_job.items():
            check_job(self.plan, job, event, ends, self)
        check_summary(self.plan, summary, ends)

    def check_told(self):
        """The same of one that is gone, as far as one can tell."""
        if self.summary and len(self.events) == len(self.plan.jobs):
            self.check([self.events[seq] for seq in sorted(self.events)], self.summary)

    def check_runs(self):
        """Whether no job ran again after its end was told. Returns how many ran more than once."""
        more = 0
        for job, (told, before) in self.lines_then.items():
            lines = self.lines(job)
            more += len(lines) > 1
            assert lines[:len(before)] == before
            for worker in lines[len(before):]:
                # A command that was begun by a worker which was killed then is ended by nobody.
                assert self.ledger.was_dead(int(worker), told), (
                    f"{self}, job {job} ran again after its end was told: {before}, now {lines}, "
                    f"{self.ledger.dead_workers}")
        return more


class Ledger:
    """All batches, and what was done to the daemon."""

    def __init__(self):
        self.batches = {}  # by number
        self.lost = {}  # by name: plans whose submission was not answered
        self.dead_workers = {}  # by pid, when it was killed, itself or with its supervisor
        self.worker_kills = []  # when one was killed itself, so that the supervisor may have seen it
        self.orphans_parent = None  # pid of whoever gets the children of the dead
        self.stops = []  # when the daemon was ended in order
        self.resubmitted = self.reattached = 0
        self._lock = threading.Lock()

    def acknowledge(self, plan, answer, boot):
        """Takes note of an answer to a submission, or to one more with the same key; returns the batch."""
        number = answer["batch"]
        assert answer["durable"] == plan.durable, answer
        with self._lock:
            batch = self.batches.get(number)
            if batch is None:
                batch = self.batches[number] = Batch(self, plan, number, boot)
            assert batch.plan is plan, f"{batch} has a number that {plan.name} has, too"
        return batch

    def lose(self, plan):
        with self._lock:
            self.lost[plan.name] = plan

    def was_dead(self, worker, moment):
        return worker == self.orphans_parent or self.dead_workers.get(worker, moment) < moment

    def jobs(self):
        return sum(len(batch.plan.jobs) for batch in self.batches.values())
