"""The daemon that is killed again and again, always on the same state directory, and what its clients may ask of it."""

import contextlib
import io
import os
import signal
import threading
import time
import traceback

import awaitd


def children(pid):
    """The processes that it has started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def bury_adopted():
    """Takes note of the ends of commands and workers whose parent did not live to do it."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


class World:
    """A daemon, what it said, and who talks to it. Clients call what is told to be theirs; the rest is for the
    thread that kills."""

    def __init__(self, ledger, folder, config):
        self.ledger = ledger
        self.folder = folder
        self.daemon = awaitd.Daemon(config=config)
        self.socket_path = self.daemon.socket_path
        self.boot = 0  # of the daemon that is there, or was there last
        self.failures = []
        self._up = threading.Event()
        self._doomed = 0  # the latest boot that was, or is about to be, ended
        self._bait = threading.Lock()  # held: nobody waits for a submission
        self._bitten = threading.Event()
        self._bait.acquire()
        ledger.orphans_parent = os.getpid()

    # -- for clients

    def wait_up(self):
        while not self._up.wait(1):
            self.check()

    def check(self):
        """Ends the caller where somebody has failed."""
        if self.failures:
            raise SystemExit

    def check_killed(self, boot, error):
        assert self._doomed >= boot, f"{error!r}, though nobody ended daemon {boot}"

    def take_bait(self):
        """Whether the daemon shall be killed while the caller submits: then bite() is to follow."""
        return self._bait.acquire(blocking=False)

    def bite(self):
        self._bitten.set()

    @contextlib.contextmanager
    def reporting(self):
        """Around everything that a thread does."""
        try:
            yield
        except Exception:  # whatever it is, it must be known
            self.failures.append(f"{threading.current_thread().name}:\n{traceback.format_exc()}")

    # -- life and death

    def start(self):
        self.daemon.start()
        self.boot += 1
        self._up.set()

    def await_bite(self, seconds):
        """Waits until a client submits, which may not happen in this time."""
        self._bitten.clear()
        self._bait.release()
        self._bitten.wait(seconds)
        self._bait.acquire(blocking=False)

    def kill(self, workers, supervisor):
        """Kills so many workers, and the supervisor or not, in this order or the other."""
        process = self.daemon.process
        assert process.poll() is None, f"the daemon has ended: {self.daemon.log.text()}"
        there = children(process.pid)
        if supervisor:
            self._doomed = self.boot
            self._up.clear()
        for pid in there[:workers]:
            self.ledger.dead_workers[pid] = time.monotonic()
            self.ledger.worker_kills.append(time.monotonic())
            with contextlib.suppress(ProcessLookupError):  # it was being replaced
                os.kill(pid, signal.SIGKILL)
        if supervisor:
            process.kill()
            self.ledger.dead_workers.update(dict.fromkeys(there, time.monotonic()))
            assert self.buried() == -signal.SIGKILL

    def kill_starting(self, seconds):
        """Starts it and kills it so soon, ready or not."""
        self.daemon.spawn()
        time.sleep(seconds)
        self.daemon.process.kill()
        self.buried()

    def stop(self):
        """Ends it in order."""
        self._doomed = self.boot
        self._up.clear()
        self.ledger.stops.append(time.monotonic())
        there = children(self.daemon.process.pid)
        self.daemon.terminate()
        assert self.buried() == 0, self.daemon.log.text()
        self.ledger.dead_workers.update(dict.fromkeys(there, time.monotonic()))
        self.ledger.stops.append(time.monotonic())

    def buried(self):
        """Its exit status, once it, its workers and what they ran have all ended."""
        status = self.daemon.wait()
        awaitd.eventually(lambda: not self.daemon.left_behind(), "its workers die, too")
        bury_adopted()
        report = awaitd.SANITIZER_REPORT.search(self.daemon.log.text())
        assert not report, self.daemon.log.text()
        return status

    def close(self):
        """Leaves nothing behind; prints the daemon's log where something has failed."""
        with contextlib.nullcontext() if self.failures else contextlib.redirect_stdout(io.StringIO()):
            self.daemon.clean_up()
