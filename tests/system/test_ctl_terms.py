"""What awaitctl makes of options, batch files and answers about terms, before a daemon that says what the test wants
it to say: requests are compared with the protocol, word by word."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import threading

import pytest

from awaitd import AWAITCTL, DEADLINE

HELLO = {"limits": {"line_bytes": 1 << 20, "depth": 64}}
DONE = {"batch": 7, "state": "succeeded", "jobs": 1, "succeeded": 1, "wall": 1.0, "work": 1.0, "speedup": 1.0}


class Refusal(Exception):
    """What a method answers in place of a result."""

    def __init__(self, code, message, problems=None):
        super().__init__(message)
        self.error = {"code": code, "message": message}
        if problems:
            self.error["data"] = {"problems": [{"field": field, "problem": problem}
                                               for field, problem in problems.items()]}


class FakeDaemon:
    """Answers requests by `answers`: {method: result, refusal, or a function of the params}. A result that is a list
    is followed by its other members, as notifications. None: no answer."""

    def __init__(self, folder, answers):
        self.path = folder / "socket"
        self.answers = {"hello": HELLO, **answers}
        self.requests = []
        self.held = threading.Event()  # a request came that is not answered
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._threads = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            for line in connection.makefile("rb"):
                request = json.loads(line)
                self.requests.append((request["method"], request.get("params", {})))
                if not self._answer(connection, request):
                    self.held.set()
                    threading.Event().wait()

    def _answer(self, connection, request):
        answer = self.answers[request["method"]]
        if callable(answer):
            answer = answer(request.get("params", {}))
        if answer is None:
            return False
        head = {"jsonrpc": "2.0", "id": request["id"]}
        if isinstance(answer, Refusal):
            messages = [{**head, "error": answer.error}]
        else:
            result, *events = answer if isinstance(answer, list) else [answer]
            messages = [{**head, "result": result}]
            messages += [{"jsonrpc": "2.0", "method": method, "params": params}
                         for method, params in events]
        connection.sendall(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
        return True

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def spawn(self, *args, **popen):
        return subprocess.Popen([str(AWAITCTL), "--socket", str(self.path), *map(str, args)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **popen)

    def ctl(self, *args, stdin="", check=0):
        process = self.spawn(*args)
        out, err = process.communicate(stdin, DEADLINE)
        assert process.returncode == check, (out, err)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def params(self, method):
        """The params of the one request of this method."""
        (params,) = [params for name, params in self.requests if name == method]
        return params


@pytest.fixture
def fake(folder):
    """Makes fake daemons."""
    made = []

    def make(**answers):
        made.append(FakeDaemon(folder, {name.replace("_", ".", 1): answer
                                        for name, answer in answers.items()}))
        return made[-1]

    yield make
    for daemon in made:
        daemon.close()


SUBMITTED = {"batch": 7, "jobs": 1, "existing": False}

OPTIONS = ["--limit", "3", "--rate", "10/min burst 2", "--timeout", "250ms", "--deadline", "1h", "--retry", "4",
           "--retry-delay", "2", "--retry-max-delay", "30", "--priority", "-7", "--key", "k", "--on-failure",
           "cancel", "--name", "n", "--no-durable"]
TERMS = {"limit": 3, "rate": "10/min burst 2", "timeout": 0.25, "deadline": 3600,
         "retry": {"max": 4, "delay": 2, "max_delay": 30}, "priority": -7, "key": "k",
         "on_failure": "cancel", "name": "n", "durable": False}


# ---- Options -------------------------------------------------------------------------------------


def test_run_sends_its_options_as_terms(fake):
    daemon = fake(batch_submit=SUBMITTED)
    daemon.ctl("run", "wait", "seconds=1", "--no-wait", "--delay", "1.5", *OPTIONS)
    entry = {"plugin": "wait", "params": {"seconds": "1"}, "delay": 1.5}
    assert daemon.params("batch.submit") == {"follow": "none", "jobs": [entry], **TERMS}


def test_submit_sends_the_same_options_as_terms(fake):
    daemon = fake(batch_submit=SUBMITTED)
    daemon.ctl("submit", "-", *OPTIONS, stdin='{"plugin":"wait","after":"x"}\n')
    assert daemon.params("batch.submit") == {
        "follow": "none", "jobs": [{"plugin": "wait", "after": "x"}], **TERMS}


def test_what_is_not_given_is_not_sent(fake):
    daemon = fake(batch_submit=SUBMITTED)
    daemon.ctl("run", "wait", "--no-wait")
    assert set(daemon.params("batch.submit")) == {"follow", "jobs"}


@pytest.mark.parametrize("option, words", [
    (["--limit", "0"], "--limit: must be at least 1"),
    (["--limit", "x"], "--limit: 'x' is not an integer"),
    (["--retry", "-1"], "--retry: must be at least 0"),
    (["--retry", "1.5"], "--retry: '1.5' is not an integer"),
    (["--rate", "10"], "--rate: '10' is not a rate"),
    (["--rate", "10/parsec"], "is not a rate"),
    (["--timeout", "-1"], "--timeout: must be at least 0"),
    (["--timeout", "nan"], "--timeout: 'nan' is not a time span"),
    (["--deadline", "inf"], "--deadline: 'inf' is not a time span"),
    (["--delay", "soon"], "--delay: 'soon' is not a time span"),
    (["--priority", "high"], "--priority: 'high' is not an integer"),
    (["--retry-delay", "1"], "--retry-delay: goes with --retry"),
    (["--key", b"\xff"], "--key: not valid UTF-8"),
], ids=str)
def test_values_that_are_none_are_told_before_anything_is_sent(fake, option, words):
    daemon = fake()
    process = subprocess.run([str(AWAITCTL), "--socket", str(daemon.path), "run", "wait", *option],
                             capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert process.returncode == 2
    assert words in process.stderr
    assert not daemon.requests


def test_problems_with_terms_are_told_by_the_option(fake):
    problems = {"limit": "must be at most 1000000", "retry.max": "must be at most 100",
                "on_failure": "must be continue or cancel", "key": "was used for another batch (17)",
                "jobs[0].delay": "must be at most 3", "jobs[0].params.seconds": "is missing"}
    daemon = fake(batch_submit=Refusal(-32602, "invalid params", problems))
    told = daemon.ctl("run", "wait", *OPTIONS, "--delay", "4", check=5).stderr.splitlines()
    assert told == ["awaitctl: --limit: must be at most 1000000",
                    "awaitctl: --retry: must be at most 100",
                    "awaitctl: --on-failure: must be continue or cancel",
                    "awaitctl: --key: was used for another batch (17)",
                    "awaitctl: --delay: must be at most 3",
                    "awaitctl: params.seconds: is missing"]


def test_all_terms_are_options_of_both_and_in_their_help(fake):
    daemon = fake()
    for command in ("run", "submit"):
        text = daemon.ctl(command, "-h").stdout
        for option in (word for word in OPTIONS if word.startswith("--")):
            assert re.search(rf"^ +{option}( [A-Z]+)?\s+\S", text, re.MULTILINE), option


# ---- Keys ----------------------------------------------------------------------------------------


def test_a_key_that_was_used_follows_the_batch_there_is(fake):
    daemon = fake(batch_submit=[{"batch": 7, "jobs": 1, "existing": True}, ("batch.done", DONE)])
    result = daemon.ctl("run", "wait", "--count", "2", "--key", "k")
    assert "batch 7 has this key: nothing is run again" in result.stderr
    assert "batch 7 done: 1 succeeded" in result.stdout


def test_a_key_that_was_used_ends_the_sending_of_a_large_batch(fake):
    daemon = fake(batch_open={"batch": 7, "existing": True},
                  batch_show=[{"batch": 7, "sealed": True}, ("batch.done", DONE)])
    jobs = '{"plugin":"wait"}\n' * 60_000
    result = daemon.ctl("submit", "-", "--key", "k", "--wait", stdin=jobs)
    assert "batch 7 has this key" in result.stderr
    assert "1 succeeded" in result.stdout
    assert [method for method, _ in daemon.requests] == ["hello", "batch.open", "batch.show"]
    assert "not complete" not in result.stderr


def test_a_key_of_others_work_is_left_alone_when_interrupted(fake):
    daemon = fake(batch_open={"batch": 7, "existing": True}, batch_show={"batch": 7, "sealed": False})
    process = daemon.spawn("submit", "-", "--key", "k", "--wait")
    threading.Thread(target=write_for_ever, args=(process.stdin,), daemon=True).start()
    assert "has this key" in process.stderr.readline()
    assert "batch 7 is not complete" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130
    assert "attach again" in process.stderr.read()
    assert "batch.cancel" not in dict(daemon.requests)


# ---- Files ---------------------------------------------------------------------------------------


def test_the_first_line_may_hold_the_batchs_terms(fake):
    daemon = fake(batch_submit=SUBMITTED)
    lines = ['# nightly', '{"batch": {"name": "n", "limit": 4, "retry": {"max": 2}, "durable": true}}',
             '{"plugin": "wait", "name": "a"}', '{"plugin": "wait", "after": ["a"]}']
    daemon.ctl("submit", "-", "--limit", "9", stdin="\n".join(lines))
    assert daemon.params("batch.submit") == {
        "follow": "none", "name": "n", "limit": 9, "retry": {"max": 2}, "durable": True,
        "jobs": [{"plugin": "wait", "name": "a"}, {"plugin": "wait", "after": ["a"]}]}


def test_terms_in_the_first_line_also_open_a_large_batch(fake):
    daemon = fake(batch_open={"batch": 7}, batch_add={}, batch_seal={"batch": 7, "jobs": 60_000})
    jobs = '{"batch": {"priority": 5}}\n' + '{"plugin":"wait"}\n' * 60_000
    daemon.ctl("submit", "-", stdin=jobs)
    assert daemon.params("batch.open") == {"follow": "none", "priority": 5}


@pytest.mark.parametrize("lines, words", [
    (['{"batch": {"limit": 1}, "plugin": "wait"}'], "jobs:1: batch: must be alone"),
    (['{"batch": 3}'], "jobs:1: batch: must be alone"),
    (['{"batch": {"limits": 1}}'], "jobs:1: batch.limits: unknown"),
    (['{"batch": {"jobs": []}}'], "jobs:1: batch.jobs: unknown"),
    (['{"batch": {"follow": "each"}}'], "jobs:1: batch.follow: unknown"),
    (['{"plugin": "wait"}', '{"batch": {"limit": 1}}'], "jobs:2: batch: the batch's terms stand"),
    (['{"batch": {}}', '{"batch": {}}'], "jobs:2: batch: the batch's terms stand"),
    (['{"batch": {"limit": 1}}'], "there are no jobs in it"),
], ids=str)
def test_a_first_line_that_is_wrong_is_told_with_its_line(fake, folder, lines, words):
    daemon = fake()
    (folder / "jobs").write_text("\n".join(lines), encoding="ascii")
    assert words in daemon.ctl("submit", folder / "jobs", check=5).stderr
    assert "batch.submit" not in dict(daemon.requests)


CONF = """name = "nightly";
limit = 4;
on_failure = "cancel";
retry = { max = 3; delay = "1s"; };
jobs = (
    { plugin = "wait"; name = "first"; params = { seconds = 1; }; timeout = "5s"; retry = 2; },
    { plugin = "wait"; after = ["first"]; after_any = "first"; delay = 0.5; }
);
"""


def test_a_libconfig_batch_has_terms_names_and_order(fake, folder):
    daemon = fake(batch_submit=SUBMITTED)
    (folder / "batch.conf").write_text(CONF, encoding="ascii")
    daemon.ctl("submit", folder / "batch.conf", "--on-failure", "continue")
    assert daemon.params("batch.submit") == {
        "follow": "none", "name": "nightly", "limit": 4, "on_failure": "continue",
        "retry": {"max": 3, "delay": "1s"},
        "jobs": [{"plugin": "wait", "name": "first", "params": {"seconds": 1}, "timeout": "5s", "retry": 2},
                 {"plugin": "wait", "after": ["first"], "after_any": "first", "delay": 0.5}]}


def test_problems_with_a_files_terms_are_told_with_their_line(fake, folder):
    problems = {"retry.delay": "is too long", "limit": "is too large", "jobs[1].after": "there is no such job",
                "on_failure": "must be continue or cancel"}
    daemon = fake(batch_submit=Refusal(-32602, "invalid params", problems))
    path = folder / "batch.conf"
    path.write_text(CONF, encoding="ascii")
    told = daemon.ctl("submit", path, "--limit", "9", check=5).stderr.splitlines()
    assert told[0] == f"awaitctl: {path}:4: retry.delay: is too long"
    assert told[1] == "awaitctl: --limit: is too large"
    assert re.fullmatch(rf"awaitctl: {path}:7: after: there is no such job", told[2])
    assert told[3] == f"awaitctl: {path}:3: on_failure: must be continue or cancel"


# ---- Backpressure --------------------------------------------------------------------------------


def test_a_submit_that_is_held_waits_and_can_be_interrupted(fake):
    pieces = []

    def add(params):
        pieces.append(len(params["jobs"]))
        return {} if len(pieces) < 3 else None

    daemon = fake(batch_open={"batch": 7}, batch_add=add, batch_cancel={"cancelled": 3})
    process = daemon.spawn("submit", "-")
    threading.Thread(target=write_for_ever, args=(process.stdin,), daemon=True).start()
    assert daemon.held.wait(DEADLINE)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130
    assert "batch 7 was cancelled" in process.stderr.read()
    assert daemon.params("batch.cancel") == {"batch": 7}


def write_for_ever(stream):
    with contextlib.suppress(BrokenPipeError, ValueError):
        while True:
            stream.write('{"plugin":"wait"}\n' * 1000)


# ---- What is told --------------------------------------------------------------------------------


def job(index, state, **members):
    return ("job.done", {"batch": 7, "job": index, "seq": index, "plugin": "wait", "state": state, "attempt": 0,
                         "queued": 0.1, "run": 0.5, "output": "", **members})


def test_attempts_are_told_with_the_end_of_a_job(fake):
    daemon = fake(batch_submit=[{"batch": 7, "jobs": 3},
                                job(0, "failed", attempt=2, reason="no luck"),
                                job(1, "succeeded", attempt=1), job(2, "succeeded"),
                                ("batch.done", {**DONE, "state": "failed"})])
    lines = daemon.ctl("run", "wait", "-n", "3", "-f", check=1).stdout.splitlines()
    assert lines[:3] == ["7.0 failed after 3 attempts, the last of 0.50 s: no luck",
                         "7.1 succeeded after 2 attempts, the last of 0.50 s",
                         "7.2 succeeded after 0.50 s"]


def test_show_tells_the_terms_of_a_batch(fake):
    terms = {"limit": 3, "rate": "10/min", "timeout": 0.25, "deadline": 3600.0, "deadline_in": 1800.0,
             "retry": {"max": 4, "delay": 2.0, "max_delay": 30.0}, "priority": -7, "key": "k",
             "on_failure": "cancel", "retry_of": 3, "retries": 5, "paused": True}
    daemon = fake(batch_show={**DONE, "state": "running", "succeeded": 2, "jobs": 5, "waiting": 3, **terms})
    shown = dict(line.split(None, 1) for line in daemon.ctl("show", "7").stdout.splitlines())
    assert shown["state"] == "paused"
    assert shown["jobs"] == "5: 2 succeeded, 3 waiting"
    assert (shown["limit"], shown["rate"], shown["priority"]) == ("3", "10/min", "-7")
    assert shown["deadline"] == "1h, 30min left"
    assert shown["retries"] == "5"
    assert shown["key"] == "k"
    assert "retry of   3" in daemon.ctl("show", "7").stdout
    assert "up to 4 times" in daemon.ctl("show", "7").stdout
    assert "on failure cancel" in daemon.ctl("show", "7").stdout


def test_show_tells_what_a_job_waits_for(fake):
    daemon = fake(job_show={"batch": 7, "job": 2, "plugin": "wait", "params": {}, "state": "waiting", "attempt": 2,
                            "timeout": 0.25, "retry": {"max": 1, "delay": 2.0, "max_delay": 30.0},
                            "after": ["a", "b\x1b"], "after_any": ["c"], "waits_for": ["b\x1b"],
                            "waits_until": 1798790400.5, "delay": 2.0})
    shown = daemon.ctl("show", "7.2").stdout.splitlines()
    assert "attempts   2 before" in shown
    assert "timeout    0.25 s" in shown
    assert "retry      up to 1 time, after at most 2.00 s, doubling up to 30.00 s" in shown
    assert "after      a, b\\x1b" in shown
    assert "after any  c" in shown
    assert "waits for  b\\x1b" in shown
    assert any(re.match(r"until      2027-0\d-\d\d ", line) for line in shown)


def test_list_tells_what_is_paused(fake):
    daemon = fake(batch_list={"batches": [{**DONE, "state": "running", "paused": True}]})
    assert re.search(r"^ +7 +paused ", daemon.ctl("list").stdout, re.MULTILINE)


# ---- retry, pause, resume, drain, cancel, stats --------------------------------------------------


def test_retry_follows_the_new_batch(fake):
    daemon = fake(batch_retry=[{"batch": 7, "jobs": 1, "existing": False, "retry_of": 3},
                               job(0, "succeeded"), ("batch.done", DONE)])
    result = daemon.ctl("retry", "3", "--key", "k", "-f")
    assert daemon.params("batch.retry") == {"batch": 3, "key": "k", "follow": "each"}
    assert "batch 7 runs 1 job of batch 3 again" in result.stderr
    assert result.stdout.splitlines()[0] == "7.0 succeeded after 0.50 s"


def test_retry_can_leave_at_once(fake):
    daemon = fake(batch_retry={"batch": 7, "jobs": 2, "existing": False, "retry_of": 3})
    assert daemon.ctl("retry", "3", "--no-wait").stdout == "7\n"
    assert daemon.params("batch.retry") == {"batch": 3, "follow": "none"}


@pytest.mark.parametrize("command, words", [
    ("watch", "batch 7 goes on; attach again with: awaitctl watch 7"),
    ("wait", "batch 7 goes on; attach again with: awaitctl watch 7"),
    ("retry", "interrupted before the daemon answered"),
])
def test_an_interrupt_before_the_answer_tells_what_to_do(fake, command, words):
    daemon = fake(**{"batch_show": {"batch": 7}, f"batch_{command}": lambda _: None})
    process = daemon.spawn(command, "7")
    assert daemon.held.wait(DEADLINE)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert words in err


def test_retry_of_what_runs_is_told(fake):
    daemon = fake(batch_retry=Refusal(4, "batch 3 is not finished"))
    assert "batch 3 is not finished" in daemon.ctl("retry", "3", check=5).stderr


@pytest.mark.parametrize("command, result, words", [
    ("pause", {"paused": True, "changed": True}, "paused"),
    ("pause", {"paused": True, "changed": False}, "was paused before"),
    ("pause", {"paused": False, "changed": False}, "has ended before"),
    ("resume", {"paused": False, "changed": True}, "goes on"),
    ("resume", {"paused": False, "changed": False}, "was not paused"),
])
def test_pause_and_resume_tell_what_became_of_it(fake, command, result, words):
    daemon = fake(**{f"batch_{command}": {"batch": 7, **result}})
    assert daemon.ctl(command, "7").stderr == f"batch 7: {words}\n"
    assert daemon.params(f"batch.{command}") == {"batch": 7}


def test_pause_takes_several_batches_and_tells_which_there_are_not(fake):
    def pause(params):
        if params["batch"] == 8:
            return Refusal(1, "there is no batch 8")
        return {**params, "paused": True, "changed": True}

    daemon = fake(batch_pause=pause)
    err = daemon.ctl("pause", "7", "8", "9", check=4).stderr
    assert err.splitlines() == ["batch 7: paused", "awaitctl: there is no batch 8", "batch 9: paused"]


def test_names_are_all_read_before_anything_is_paused(fake):
    daemon = fake()
    assert "'7.1' is not a batch" in daemon.ctl("pause", "6", "7.1", check=2).stderr
    assert not daemon.requests


def test_drain_waits_for_what_is_not_done(fake):
    batches = {"open": [4], "running": [5, 6]}

    def listed(params):
        return {"batches": [{"batch": batch} for batch in batches[params["state"]][:1]]}

    def wait(params):
        batches[next(state for state in batches if params["batch"] in batches[state])].pop(0)
        return {**DONE, **params}

    daemon = fake(daemon_drain={"draining": True, "unfinished": 3}, batch_list=listed, batch_wait=wait)
    err = daemon.ctl("drain", "--wait").stderr
    assert err == "draining; 3 batches are not done\nall batches are done\n"
    assert daemon.params("daemon.drain") == {"on": True}
    assert [params["batch"] for method, params in daemon.requests if method == "batch.wait"] == [4, 5, 6]


def test_drain_can_be_taken_back(fake):
    daemon = fake(daemon_drain={"draining": False, "unfinished": 0})
    assert "taking new batches" in daemon.ctl("drain", "--off").stderr
    assert daemon.params("daemon.drain") == {"on": False}
    assert "give one of them" in daemon.ctl("drain", "--off", "--wait", check=2).stderr


def test_cancel_may_spare_what_runs(fake):
    daemon = fake(batch_cancel={"batch": 7, "cancelled": 2})
    assert daemon.ctl("cancel", "7", "--queued").stderr == "batch 7: cancelled 2 jobs\n"
    assert daemon.params("batch.cancel") == {"batch": 7, "queued": True}
    assert "goes with a batch" in daemon.ctl("cancel", "7.1", "--queued", check=2).stderr


def test_stats_are_a_table(fake):
    ends = {"succeeded": 8, "failed": 1, "timed_out": 1, "cancelled": 0, "crashed": 0, "skipped": 0}
    daemon = fake(daemon_stats={
        "uptime": 61.5, "jobs": {"queued": 1, "waiting": 2, "running": 3, **ends, "retried": 4},
        "batches": {"open": 0, "running": 1, "finished": 2},
        "plugins": [{"name": "wait", "queued": 1, "running": 3, "limit": 5, "rate": "10/s", **ends,
                     "run": {"total": 5.0, "max": 2.0}},
                    {"name": "exec", "queued": 0, "running": 0, **dict.fromkeys(ends, 0),
                     "run": {"total": 0, "max": 0}}],
        "workers": [{"worker": 1, "state": "ready"}, {"worker": 2, "state": "ready"}]})
    lines = daemon.ctl("stats").stdout.splitlines()
    assert lines[0] == "up for   1min1s"
    assert lines[1] == "workers  2 ready"
    assert lines[2] == "batches  1 running, 2 finished"
    assert lines[3] == "jobs     1 queued, 2 waiting, 3 running, 8 succeeded, 1 failed, 1 timed out, 4 retried"
    assert re.split(r"  +", lines[5].strip()) == [
        "wait", "1", "3", "5", "10/s", "8", "2", "5.00 s", "2.00 s"]
    assert re.split(r"  +", lines[6].strip()) == ["exec", "0", "0", "-", "-", "0", "0", "-", "-"]


def test_answers_are_printed_as_they_came_with_json(fake):
    daemon = fake(daemon_stats={"uptime": 1.5}, batch_pause={"batch": 7, "paused": True, "changed": True})
    assert json.loads(daemon.ctl("--json", "stats").stdout)["result"] == {"uptime": 1.5}
    assert json.loads(daemon.ctl("--json", "pause", "7").stdout)["result"]["changed"] is True
