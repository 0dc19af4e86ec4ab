"""Clients that hand over batches, follow them, and do not let themselves be put off by a daemon that dies.

Each is two threads: one that submits and changes its mind, one that follows. What they are told goes to the
ledger, which sees to it that it stays true.
"""

import collections
import os
import select
import threading
import time

import awaitd
from plans import Plan


# The code of errors that a daemon answers with before it ends in order.
STOPPING = 4


class Lost(Exception):
    """The connection ended, as it may when the daemon is ended."""


class Link:
    """A connection to whichever daemon there is."""

    def __init__(self, world):
        self.world = world
        self.client = None
        self.boot = 0  # of the daemon it leads to

    def connect(self):
        while self.client is None:
            self.world.wait_up()
            self.boot = self.world.boot
            try:
                self.client = awaitd.Client(self.world.socket_path)
            except (ConnectionError, FileNotFoundError) as error:
                self.world.check_killed(self.boot, error)

    def close(self):
        if self.client:
            self.client.close()
            self.client = None

    def attempt(self, action):
        """What action(client) returns; Lost when it was cut short."""
        self.connect()
        try:
            return action(self.client)
        except (awaitd.Closed, ConnectionError) as error:
            self.close()
            self.world.check_killed(self.boot, error)
            raise Lost from error
        except awaitd.RpcError as error:
            if error.code != STOPPING:
                raise
            self.close()
            self.world.check_killed(self.boot, error)
            raise Lost from error

    def call(self, method, **params):
        return self.attempt(lambda client: client.call(method, **params))

    def insist(self, method, **params):
        """For what may be asked twice: asks until there is an answer."""
        while True:
            try:
                return self.call(method, **params)
            except Lost:
                pass


class Follower(threading.Thread):
    """Watches batches on one connection, each from where it was when the last one ended."""

    def __init__(self, world, name):
        super().__init__(name=name, daemon=True)
        self.world = world
        self.link = Link(world)
        self.open = {}  # by number: the batch, and the completion that comes next
        self.over = False
        self._new = collections.deque()
        self._wake, self._waker = os.pipe()

    def watch(self, batch, begin=0):
        self._new.append((batch, begin))
        os.write(self._waker, b"!")

    def end(self):
        """No more will come: ends when all are done."""
        self.over = True
        os.write(self._waker, b"!")

    def run(self):
        with self.world.reporting():
            while not (self.over and not self.open and not self._new):
                try:
                    self.link.attempt(self._session)
                except Lost:
                    self.world.ledger.reattached += len(self.open)
            self.link.close()

    def _session(self, client):
        asked = {}  # batches by the id of the request
        for batch, begin in list(self.open.values()):
            self._attach(client, asked, batch, begin)
        while not (self.over and not self.open and not self._new):
            while self._new:
                batch, begin = self._new.popleft()
                self.open[batch.number] = (batch, begin)
                self._attach(client, asked, batch, begin)
            ready, _, _ = select.select([client.socket, self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 4096)
            while client.has_event(0):
                self._take(client.kept.popleft() if client.kept else client.receive(), asked)

    def _attach(self, client, asked, batch, begin):
        if batch.boot > self.link.boot:
            raise awaitd.Closed("this connection leads to the daemon before")
        if not batch.plan.durable and batch.boot < self.link.boot:
            self._check_gone(client, batch)
            return
        params = {"batch": batch.number, "events": batch.plan.events, "from": begin}
        asked[client.request("batch.watch", **params)] = batch

    def _check_gone(self, client, batch):
        """A batch that is not durable is not there any more, and nobody else has its number."""
        request = client.request("batch.show", batch=batch.number)
        while (message := client.receive()).get("id") != request:
            client.kept.append(message)
        code = message.get("error", {}).get("code")
        assert code == 1, f"{batch} is gone, or so it should be: {message}"
        del self.open[batch.number]
        batch.gone = True

    def _take(self, message, asked):
        if "id" in message:
            batch = asked.pop(message["id"])
            if "error" in message and message["error"]["code"] == 1 and not batch.plan.durable:
                batch.gone = True  # it was done, and is forgotten to make room for others
                del self.open[batch.number]
                return
            assert "result" in message, f"{batch}, from {self.open[batch.number][1]}: {message}"
            return
        event = message["params"]
        batch, begin = self.open[event["batch"]]
        if message["method"] == "batch.done":
            self.follow_end(batch, begin, event)
            del self.open[batch.number]
        else:
            self.open[batch.number] = (batch, next_after(batch, begin, event))
            batch.tell(event)

    @staticmethod
    def follow_end(batch, begin, summary):
        if batch.plan.events == "each":
            assert begin == summary["jobs"], f"{batch} was told to {begin}: {summary}"
        batch.tell_done(summary)


def next_after(batch, begin, event):
    """The completion to come after this one, which is the one that was to come."""
    seq = event["seq"]
    if batch.plan.events == "each":
        assert seq == begin, f"{batch}: {begin} was to come, not {event}"
    assert seq >= begin, f"{batch}: {event} was told already"
    return seq + 1


class Submitter(threading.Thread):
    """Hands over batches, in all the ways there are, until it is told to stop; then brings all to an end."""

    UNFINISHED = 12  # at the same time

    def __init__(self, world, name, rng):
        super().__init__(name=name, daemon=True)
        self.world = world
        self.rng = rng
        self.link = Link(world)
        self.follower = Follower(world, f"{name}, following")
        self.batches = []
        self.paused = []  # that was answered
        self.over = threading.Event()
        self._made = 0

    def run(self):
        with self.world.reporting():
            self.follower.start()
            while not self.over.is_set():
                self.step()
            self.settle()
            self.follower.end()
            self.follower.join()
            self.link.close()

    def step(self):
        self.world.check()
        unfinished = [batch for batch in self.batches if not batch.over]
        chance = self.rng.random()
        if chance < 0.1 and unfinished:
            self.act(self.rng.choice(unfinished))
        elif chance < 0.17 and self.batches:
            self.submit_again(self.rng.choice(self.batches))
        elif chance < 0.2 and self.paused:
            self.resume(self.paused.pop())
        elif len(unfinished) < self.UNFINISHED:
            self._made += 1
            self.submit(Plan(self.rng, f"{self.name}-{self._made}", self.world.folder))
        else:
            self.over.wait(0.01)

    def settle(self):
        """Sees to it that all of its batches come to an end."""
        for batch in self.paused:
            self.resume(batch)
        for batch in self.batches:
            if not batch.over and batch.plan.to_cancel and not batch.cancelled:
                self.cancel(batch)
            if not batch.over and not batch.cancelled:
                self.cancel_jobs(batch)

    # -- submitting

    def submit(self, plan):
        method = "batch.open" if plan.opened else "batch.submit"
        params = plan.params() | ({} if plan.opened else {"jobs": plan.pieces[0]})
        if plan.follow:
            params["follow"] = plan.events
        batch = self.hand_over(plan, method, params)
        if batch is None:
            return
        if plan.opened and not self.add_pieces(batch):
            return
        self.batches.append(batch)
        if plan.follow and self.link.boot == batch.boot and not plan.to_cancel and not plan.cancel_jobs:
            self.follow(batch)
        else:
            if plan.follow:
                self.link.close()  # its events are not for us any more
            self.follower.watch(batch)

    def hand_over(self, plan, method, params):
        """The batch; None: whether there is one is not known."""
        again = False
        plan.asked = time.monotonic()
        while True:
            try:
                answer = self.link.attempt(lambda client: self.request(client, method, params))
                assert again or not answer["existing"], answer
                return self.world.ledger.acknowledge(plan, answer, self.link.boot)
            except Lost:
                if plan.key is None:
                    self.world.ledger.lose(plan)
                    return None
                again = True

    def request(self, client, method, params):
        """A request in whose midst the daemon is killed, where somebody waits for that."""
        if not self.world.take_bait():
            return client.call(method, **params)
        data = awaitd.encode(method, params, 0)
        sent = self.rng.choice((0, len(data), self.rng.randint(1, len(data))))
        if sent == 0:  # as soon as there is an answer
            answer = client.call(method, **params)
            self.world.bite()
            return answer
        client.send(data[:sent])
        self.world.bite()
        client.send(data[sent:])
        return client.answer(0)

    def add_pieces(self, batch):
        """False: it is gone, as it may be."""
        jobs = 0
        for piece in batch.plan.pieces:
            count = sum(len(entry["items"]) if "items" in entry else entry.get("count", 1)
                        for entry in piece)
            if not self.add(batch, piece, jobs, count):
                return False
            jobs += count
        answer = self.insist(batch, "batch.seal")
        assert answer is None or answer["jobs"] == jobs == len(batch.plan.jobs), (str(batch), answer)
        batch.whole = answer is not None
        return batch.whole

    def add(self, batch, piece, before, count):
        """Adds a piece, once: where the answer was lost, the number of jobs tells."""
        while True:
            try:
                params = {"batch": batch.number, "jobs": piece}
                answer = self.link.attempt(lambda client: self.request(client, "batch.add", params))
                assert (answer["first"], answer["jobs"]) == (before, before + count), answer
                return True
            except awaitd.RpcError as error:
                self.check_gone(batch, error)
                return False
            except Lost:
                shown = self.insist(batch, "batch.show")
                if shown is None:
                    return False
                assert shown["jobs"] in (before, before + count), (str(batch), shown, before, count)
                if shown["jobs"] == before + count:
                    return True

    def submit_again(self, batch):
        plan = batch.plan
        if not plan.key or not plan.durable or plan.opened and not batch.whole:
            return
        method = "batch.open" if plan.opened else "batch.submit"
        params = plan.params() | ({} if plan.opened else {"jobs": plan.pieces[0]})
        answer = self.link.insist(method, **params)
        assert (answer["batch"], answer["jobs"], answer["existing"]) == (
            batch.number, len(plan.jobs), True), (str(batch), answer)
        self.world.ledger.resubmitted += 1

    def follow(self, batch):
        """On the connection that submitted it, and where that ends, on another."""
        begin = 0

        def events(client):
            nonlocal begin
            while True:
                message = client.event()
                event = message["params"]
                assert event["batch"] == batch.number
                if message["method"] == "batch.done":
                    Follower.follow_end(batch, begin, event)
                    return
                begin = next_after(batch, begin, event)
                batch.tell(event)
        try:
            self.link.attempt(events)
        except Lost:
            self.world.ledger.reattached += 1
            self.follower.watch(batch, begin)

    # -- changing one's mind

    def act(self, batch):
        if batch.plan.cancel_jobs:
            self.cancel_jobs(batch)
        elif batch.plan.to_cancel or self.rng.random() < 0.15:
            self.cancel(batch)
        elif batch not in self.paused:
            answer = self.insist(batch, "batch.pause")
            if answer and answer["paused"]:
                self.paused.append(batch)
            if self.world.take_bait():
                self.world.bite()

    def resume(self, batch):
        shown = self.insist(batch, "batch.show")
        if shown is None:
            return
        finished = shown["state"] not in ("open", "running")
        assert shown["paused"] or finished or batch.cancelled, f"{batch} is not paused any more: {shown}"
        self.insist(batch, "batch.resume")

    def cancel(self, batch):
        batch.cancelled = True
        self.insist(batch, "batch.cancel")

    def cancel_jobs(self, batch):
        for job in batch.plan.cancel_jobs:
            batch.cancelled_jobs.add(job)
            self.insist(batch, "job.cancel", job=job)

    def insist(self, batch, method, **params):
        """The answer; None: the batch is gone, as it may be."""
        try:
            return self.link.insist(method, batch=batch.number, **params)
        except awaitd.RpcError as error:
            self.check_gone(batch, error)
            return None

    def check_gone(self, batch, error):
        """It may be that it is forgotten, too, to make room for others."""
        assert error.code == 1 and not batch.plan.durable, f"{batch}: {error}"
        batch.gone = True
