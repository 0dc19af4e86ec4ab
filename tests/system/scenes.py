"""A daemon for awaitctl that plays scenes: what is asked of it, and what it answers, word by word."""

import contextlib
import json
import socket
import subprocess
import threading

from awaitd import AWAITCTL, DEADLINE


class Talk:
    """One connection, as the daemon sees it."""

    def __init__(self, connection):
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._id = None

    def take(self, method):
        """The params of the next request, which must be of this method."""
        line = self._lines.readline()
        assert line, f"closed in place of {method}"
        request = json.loads(line)
        assert request["method"] == method, request
        self._id = request["id"]
        return request.get("params", {})

    def send(self, message):
        # Without blanks, as awaitd does: awaitctl counts such events without parsing them.
        text = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))
        with contextlib.suppress(BrokenPipeError):  # awaitctl may leave when it has seen enough
            self._connection.sendall(text.encode() + b"\n")

    def answer(self, **result):
        self.send({"id": self._id, "result": result})

    def refuse(self, code, message):
        self.send({"id": self._id, "error": {"code": code, "message": message}})

    def greet(self):
        """What a client asks first that comes back."""
        self.take("daemon.ping")
        self.answer()

    def job(self, seq, state="succeeded", **more):
        self.send({"method": "job.done", "params": {
            "batch": 7, "job": 100 + seq, "seq": seq, "plugin": "wait", "state": state, "attempt": 0, "queued": 0.5,
            "run": 0.5, "output": f"output {seq}\n", "truncated": False, **more}})

    def done(self, jobs=3, failed=0):
        self.send({"method": "batch.done", "params": {
            "batch": 7, "state": "failed" if failed else "succeeded", "jobs": jobs, "succeeded": jobs - failed,
            "failed": failed, "wall": 1.0, "work": 1.0, "speedup": 1.0}})

    def cut(self):
        """Half of a message."""
        self._connection.sendall(b'{"jsonrpc":"2.0","method":"job.done","params":{"batch":7,"job":1,"seq":')

    def closed(self):
        assert not self._lines.readline()


class FakeDaemon:
    """Plays `scenes`, functions of a Talk, with one connection after the other, which are closed at their ends."""

    def __init__(self, folder, scenes):
        self.path = folder / "socket"
        self._scenes = scenes
        self._failures = []
        self._listen()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _listen(self):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()

    def _play(self):
        for scene in self._scenes:
            try:
                connection, _ = self._listener.accept()
                try:
                    scene(Talk(connection))
                finally:
                    connection.shutdown(socket.SHUT_RDWR)
                    connection.close()
            except (AssertionError, OSError, ValueError) as failure:
                self._failures.append(failure)  # told by the test's own thread
                break
        self._listener.close()

    def spawn(self, *args, **popen):
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([str(AWAITCTL), "--socket", str(self.path), *map(str, args)],
                                stdout=subprocess.PIPE, text=True, **popen)

    def finish(self, process, stdin=None):
        out, err = process.communicate(stdin, DEADLINE)
        self.check((process.returncode, out, err))
        return process.returncode, out, err

    def ctl(self, *args):
        """The exit status, standard output and standard error."""
        return self.finish(self.spawn(*args))

    def check(self, story=None):
        """All scenes were played as they are written; the client has ended. `story`: told where they were not."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # nobody else comes
        except OSError:
            pass  # it was closed behind the last scene
        self._thread.join(DEADLINE)
        if self._failures:
            raise AssertionError(f"a scene was not played as it is written; {story}") from self._failures[0]
