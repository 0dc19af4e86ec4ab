"""Runs the installed daemon and talks to it as a user would: through its socket, its signals, its
log and its commands. Knows nothing of the daemon's insides.

AWAITD_PREFIX     where awaitd was installed (sbin/awaitd, bin/awaitctl, lib/awaitd/plugins)
AW_TEST_PLUGINS   directory of the plugins built from tests/plugins
AW_SANITIZED      set: built with sanitizers; slower, roomier, and not fit for Valgrind
AW_TEST_PATIENCE  factor on all deadlines, for slow machines
"""

import collections
import contextlib
import ctypes
import io
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import uuid

import pytest

SANITIZED = bool(os.environ.get("AW_SANITIZED"))
# Seconds after which an event counts as never coming; far above what any of them needs.
DEADLINE = 60 * float(os.environ.get("AW_TEST_PATIENCE", "2" if SANITIZED else "1"))

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PREFIX = pathlib.Path(os.environ.get("AWAITD_PREFIX", "/usr/local"))
AWAITD = PREFIX / "sbin/awaitd"
AWAITCTL = PREFIX / "bin/awaitctl"


def _plugin_dir():
    """Below the prefix, where lib may be lib/x86_64-linux-gnu."""
    found = sorted(PREFIX.glob("lib/**/awaitd/plugins"))
    return found[0] if found else PREFIX / "lib/awaitd/plugins"


PLUGIN_DIR = _plugin_dir()
HOSTILE_DIR = pathlib.Path(os.environ.get("AW_TEST_PLUGINS", "tests/plugins")).absolute()


class RpcError(Exception):
    """An error response."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']} {error.get('data', '')}")
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data")

    @property
    def problems(self):
        """data.problems as a dictionary from field to problem."""
        return {p["field"]: p["problem"] for p in (self.data or {}).get("problems", [])}


class Closed(Exception):
    """The daemon closed the connection."""


class Client:
    """A connection to the control socket. Messages come one by one from receive(); call() waits for
    an answer and keeps the notifications that come before it for events()."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(str(path))
        self._received = b""
        self._lines = collections.deque()
        self.kept = collections.deque()
        self._last_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Bytes as they are."""
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def request(self, method, **params):
        """Sends a request and returns its id, without waiting."""
        self._last_id += 1
        self.send(encode(method, params, self._last_id))
        return self._last_id

    def receive(self):
        """The next message of whatever kind; Closed at the end."""
        while not self._lines:
            data = self._read()
            if not data:
                raise Closed(f"closed, with {self._received!r} left over")
            *lines, self._received = (self._received + data).split(b"\n")
            self._lines.extend(lines)
        return json.loads(self._lines.popleft())

    def _read(self):
        try:
            return self.socket.recv(1 << 18)
        except ConnectionResetError:
            return b""

    def receive_all(self):
        """Everything up to the end of the connection."""
        messages = []
        with contextlib.suppress(Closed):
            while True:
                messages.append(self.receive())
        assert not self._received, "the connection ended in the middle of a message"
        return messages

    def answer(self, request_id):
        """The result of a request; RpcError when it was refused."""
        while True:
            message = self.receive()
            if "method" in message:
                self.kept.append(message)
                continue
            assert message["jsonrpc"] == "2.0"
            assert message["id"] == request_id
            if "error" in message:
                raise RpcError(message["error"])
            return message["result"]

    def call(self, method, **params):
        return self.answer(self.request(method, **params))

    def event(self):
        """The next notification."""
        message = self.kept.popleft() if self.kept else self.receive()
        assert "method" in message and "id" not in message, message
        return message

    def has_event(self, seconds=None):
        """Whether a notification is there or comes in this time; None: as long as any may take."""
        if self.kept or self._lines:
            return True
        wait = DEADLINE if seconds is None else max(0, seconds)
        readable, _, _ = select.select([self.socket], [], [], wait)
        assert readable or seconds is not None, "nothing comes any more"
        return bool(readable)

    def follow(self, batch):
        """The batch's events up to and without batch.done, and the summary."""
        jobs = []
        while True:
            message = self.event()
            params = message["params"]
            assert params["batch"] == batch
            if message["method"] == "batch.done":
                return jobs, params
            assert message["method"] == "job.done"
            jobs.append(params)

    def run(self, *jobs, **params):
        """Submits, follows each job, and returns (events, summary)."""
        result = self.call("batch.submit", jobs=list(jobs), follow="each", **params)
        return self.follow(result["batch"])

    def submit(self, *jobs, **params):
        """Submits and returns the batch's number."""
        return self.call("batch.submit", jobs=list(jobs), **params)["batch"]


def encode(method, params=None, request_id=1):
    """A request as bytes, without a newline."""
    request = {"jsonrpc": "2.0", "id": request_id, "method": method}
    if params:
        request["params"] = params
    return json.dumps(request).encode()


def wait_job(seconds, **entry):
    return {"plugin": "wait", "params": {"seconds": seconds}, **entry}


def eventually(condition, what):
    """For what the daemon tells only when asked: asks until it is so, and returns the answer."""
    end = time.monotonic() + DEADLINE
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.005)


# ---- Configuration -------------------------------------------------------------------------------


def config_text(value, indent=""):
    """A Python value in libconfig's notation."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}L" if abs(value) >= 1 << 31 else str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (str, os.PathLike)):
        text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{text}"'
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(config_text(item, indent) for item in value) + ")"
    inner = indent + "    "
    rows = "".join(f"{inner}{key} = {config_text(item, inner)};\n" for key, item in value.items())
    return f"{{\n{rows}{indent}}}"


def config_file(groups):
    """A whole file from a dictionary of groups."""
    return "".join(f"{name} = {config_text(group)};\n" for name, group in groups.items())


def merged(base, over):
    """`base` with the groups of `over` laid over it, one level deep."""
    result = dict(base)
    for name, group in (over or {}).items():
        both = isinstance(result.get(name), dict) and isinstance(group, dict)
        result[name] = {**result[name], **group} if both else group
    return result


# ---- Processes -----------------------------------------------------------------------------------

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Makes this process the parent of what its children leave behind: nothing gets away."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury_orphans():
    """Takes note of the end of adopted workers, whose parent did not live to do it."""
    for children in pathlib.Path("/proc/self/task").glob("*/children"):
        for pid in map(int, children.read_text(encoding="ascii").split()):
            with contextlib.suppress(OSError):
                name, state = process_state(pid)
                if name == "awaitd" and state == "Z":
                    os.waitpid(pid, os.WNOHANG)


def process_state(pid):
    """A process's name and the letter of its state."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return name, rest.split()[0]


def processes_with(mark):
    """The processes whose environment holds the mark; zombies have none."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if mark not in file.read():
                    continue
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                found[int(entry)] = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


class Watched:
    """A process of which one can await the end, whoever its parent is."""

    def __init__(self, pid):
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def wait_gone(self):
        readable, _, _ = select.select([self.fd], [], [], DEADLINE)
        os.close(self.fd)
        assert readable, f"process {self.pid} is still there"


def memory_kib(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise AssertionError(f"process {pid} has no {field}")


def open_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Lines:
    """The lines of a stream, read by a thread; others wait for one that matches."""

    def __init__(self, stream):
        self._stream = stream
        self._changed = threading.Condition()
        self._lines = []
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._stream:
            with self._changed:
                self._lines.append(line.decode(errors="backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __iter__(self):
        with self._changed:
            return iter(list(self._lines))

    def text(self):
        return "\n".join(self)

    def wait_for(self, pattern):
        """The match of the first line with the pattern, there already or still to come."""
        seen = 0
        end = time.monotonic() + DEADLINE
        with self._changed:
            while True:
                while seen < len(self._lines):
                    match = re.search(pattern, self._lines[seen])
                    if match:
                        return match
                    seen += 1
                left = end - time.monotonic()
                if self._ended or left <= 0:
                    text = "\n".join(self._lines)
                    raise AssertionError(f"no line matches {pattern!r} in:\n{text}")
                self._changed.wait(left)

    def join(self):
        """Waits for the end of the stream. False: somebody still holds it open."""
        self._thread.join(DEADLINE)
        if self._thread.is_alive():
            return False
        self._stream.close()
        return True


class DaemonFailed(Exception):
    """The daemon ended before it was ready."""

    def __init__(self, status, log):
        super().__init__(f"exit status {status}:\n{log}")
        self.status = status
        self.log = log


SANITIZER_REPORT = re.compile(r"ERROR: \w*Sanitizer|runtime error:|SUMMARY: \w*Sanitizer")

# Little grace, since most tests leave jobs behind that would wait for an hour.
DEFAULT_CONFIG = {
    "daemon": {"workers": 2, "plugin_dir": str(PLUGIN_DIR), "grace": "100ms"},
}


class Daemon:
    """A daemon of one's own, in a directory of its own. `crashes` says that the test makes a worker
    crash, so that a sanitizer's report of that is no failure; `notify` is where it sends its
    readiness, if not to the usual place."""

    def __init__(self, config=None, args=(), env=None, wrapper=(), log="stderr", crashes=False,
                 notify=None, **popen):
        # Short, since the path of a Unix socket has 107 bytes at most.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="aw-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.socket_path = self.directory / "s"
        self.config_path = self.directory / "awaitd.conf"
        self.state_dir = self.directory / "state"
        groups = merged(DEFAULT_CONFIG, {"daemon": {"socket": str(self.socket_path),
                                                    "state_dir": str(self.state_dir)}})
        self.config_path.write_text(config_file(merged(groups, config)), encoding="utf-8")
        self.mark = f"AWAITD_TEST={uuid.uuid4().hex}"
        self.command = [*map(str, wrapper), str(AWAITD), "-c", str(self.config_path)]
        if log:
            self.command += ["--log", log]
        self.command += map(str, args)
        self.crashes = crashes
        self.env = dict(os.environ, **(env or {}))
        key, value = self.mark.split("=")
        self.env[key] = value
        self.env["NOTIFY_SOCKET"] = notify or str(self.directory / "n")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(self.env["NOTIFY_SOCKET"].replace("@", "\0"))
        self.notified = []
        self.popen = {"stderr": subprocess.PIPE, **popen}
        self.process = None
        self.log = None

    # -- life

    def spawn(self):
        """Starts it, without waiting for anything."""
        with contextlib.suppress(BlockingIOError):  # what one before it has told
            while True:
                self._notify.recv(65536, socket.MSG_DONTWAIT)
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, **self.popen)
        self.log = Lines(self.process.stderr or io.BytesIO())
        return self

    def start(self):
        """Starts it and waits until it says that it is ready. DaemonFailed: it ended instead."""
        self.spawn()
        self.wait_notified("READY=1")
        return self

    def wait_notified(self, state):
        """Waits for the datagram that has this line."""
        end = time.monotonic() + DEADLINE
        pidfd = os.pidfd_open(self.process.pid)
        try:
            while True:
                left = max(0, end - time.monotonic())
                readable, _, _ = select.select([self._notify, pidfd], [], [], left)
                if self._notify in readable:
                    lines = self._notify.recv(65536).decode().split("\n")
                    self.notified += lines
                    if state in lines:
                        return
                elif pidfd in readable:
                    status = self.process.wait()
                    self.log.join()
                    raise DaemonFailed(status, self.log.text())
                else:
                    raise AssertionError(f"never notified {state}:\n{self.log.text()}")
        finally:
            os.close(pidfd)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        """Kills it, and waits for its end and that of its workers, which die with it, and of what they ran."""
        self.process.kill()
        assert self.wait() == -signal.SIGKILL
        eventually(lambda: not self.left_behind(), "nobody is left")
        bury_orphans()

    def restart(self, kill=False):
        """Ends it, in order or not, and starts it again."""
        if kill:
            self.kill()
        else:
            self.terminate()
            assert self.wait() == 0, self.log.text()
        return self.start()

    def wait(self):
        """The exit status, once it has ended."""
        status = self.process.wait(DEADLINE)
        assert self.log.join(), f"it left somebody behind: {self.left_behind()}"
        return status

    def stop(self, status=0):
        """Ends it in order and checks that it left nothing behind."""
        if self.process and self.process.returncode is None:
            if self.process.poll() is None:
                self.terminate()
            ended = self.wait()
            assert ended == status, f"exit status {ended}:\n{self.log.text()}"
        self.check_nothing_left()
        if self.log and not self.crashes:
            report = SANITIZER_REPORT.search(self.log.text())
            assert not report, self.log.text()

    def left_behind(self):
        """The processes that are there because of it."""
        return processes_with(self.mark.encode())

    def check_nothing_left(self):
        left = self.left_behind()
        assert not left, f"processes left behind: {left}"

    def clean_up(self):
        """Whatever happened, nothing stays."""
        if self.process and self.process.returncode is None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        for pid in self.left_behind():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        bury_orphans()
        self._notify.close()
        if self.log:
            print(f"--- log of {self.directory}, its last lines")
            print("\n".join(list(self.log)[-100:]))
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- use

    def client(self):
        return Client(self.socket_path)

    def call(self, method, **params):
        """One request on a connection of its own."""
        with self.client() as client:
            return client.call(method, **params)

    def worker_pids(self):
        return [worker["pid"] for worker in self.call("daemon.status")["workers"]]

    def plugins(self):
        """What plugin.list tells, by file."""
        return {plugin["file"]: plugin for plugin in self.call("plugin.list")["plugins"]}

    def workers_ready(self):
        """Whether all workers are."""
        workers = self.call("daemon.status")["workers"]
        return all(worker["state"] == "ready" for worker in workers)

    def busy_worker(self):
        """The first worker that runs a job, as daemon.status tells it."""

        def running():
            workers = self.call("daemon.status")["workers"]
            return next((worker for worker in workers if worker["running"]), None)

        return eventually(running, "a worker runs a job")

    def memory_kib(self):
        return memory_kib(self.process.pid)

    def spawn_ctl(self, *args, **popen):
        """awaitctl under way, its streams pipes unless told otherwise."""
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        env = {**self.env, "AWAITD_SOCKET": str(self.socket_path), **popen.pop("env", {})}
        return subprocess.Popen([str(AWAITCTL), *map(str, args)], env=env, **popen)

    def ctl(self, *args, stdin="", check=None, **popen):
        """Runs awaitctl; the result has returncode, stdout and stderr as text. `check`: the exit
        status it must have."""
        process = self.spawn_ctl(*args, stdin=subprocess.PIPE, **popen)
        out, err = process.communicate(stdin.encode(), DEADLINE)
        result = subprocess.CompletedProcess(args, process.returncode, out.decode(), err.decode())
        if check is not None:
            assert result.returncode == check, f"{args}: {result}"
        return result


def run_awaitd(*args, **popen):
    """awaitd for what ends by itself (-t, -V, -h, refusals); the result as of Daemon.ctl."""
    return subprocess.run([str(AWAITD), *map(str, args)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="backslashreplace",
                          timeout=DEADLINE, check=False, **popen)


# ---- Other users -----------------------------------------------------------------------------------

NOBODY = 65534

# Sends what comes on its standard input and prints the answers.
TALK = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(sys.stdin.buffer.read())
connection.shutdown(socket.SHUT_WR)
while data := connection.recv(65536):
    sys.stdout.buffer.write(data)
"""


def need_others_reach(path=PREFIX):
    """Skips the test where another user cannot come to what is below a directory."""
    path = path.resolve()
    for directory in (*reversed(path.parents), path):
        if not directory.stat().st_mode & stat.S_IXOTH:
            pytest.skip(f"others cannot reach {directory}")


def as_nobody(daemon, *requests):
    """The answers to (method, params) that a user gets who is neither root nor the daemon's own."""
    daemon.socket_path.chmod(0o666)
    lines = [json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params})
             for i, (method, params) in enumerate(requests)]
    result = subprocess.run(["/usr/bin/python3", "-c", TALK, str(daemon.socket_path)],
                            input="\n".join(lines), capture_output=True, text=True, cwd="/",
                            user=NOBODY, group=NOBODY, extra_groups=[], timeout=DEADLINE,
                            check=True, env={})
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    return [answer for answer in answers if "id" in answer]


# ---- Plugins -------------------------------------------------------------------------------------


def pkg_config_env():
    """Finds the installed awaitd.pc."""
    directories = sorted({str(path.parent) for path in PREFIX.glob("**/pkgconfig/awaitd.pc")})
    assert directories, f"no awaitd.pc below {PREFIX}"
    return dict(os.environ, PKG_CONFIG_PATH=":".join(directories))


def build_plugin(source, target, extra=()):
    """Compiles a plugin outside the tree, the way the header says."""
    flags = subprocess.run(["pkg-config", "--cflags", "awaitd"], env=pkg_config_env(),
                           capture_output=True, text=True, check=True).stdout.split()
    command = [os.environ.get("CC", "cc"), *flags, *extra, "-Wall", "-Wextra", "-Werror",
               "-shared", "-fPIC", str(source), "-o", str(target)]
    subprocess.run(command, check=True)
    return pathlib.Path(target)


def need(program):
    """A program's path, or the test is skipped."""
    found = shutil.which(program)
    if not found:
        pytest.skip(f"needs {program}")
    return found
