"""awaitctl run PLUGIN -- ARGV: a job that stands for a process prints what the process printed and exits as
it exited. The plugin of the tests tells what it is given to tell."""

import json
import os
import signal
import subprocess

import pytest

from awaitd import AWAITCTL, DEADLINE


@pytest.fixture
def teller(start_daemon, hostile):
    files = [{"file": hostile(f"details_{style}")} for style in ("async", "fiber")]
    return start_daemon(config={"plugins": files})


def run(daemon, *args, plugin="details_async", **popen):
    """(exit status, stdout, stderr), as bytes."""
    process = daemon.spawn_ctl("run", plugin, *args, **popen)
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, out, err


def details(**members):
    return "details=" + json.dumps(members)


def test_it_prints_the_output_alone(teller):
    assert run(teller, details(exit=0), "--", "one", "two words", "-x", "--json") == \
        (0, b"one\ntwo words\n-x\n--json\n", b"")


def test_without_details_success_is_0(teller):
    assert run(teller, "--", "one") == (0, b"one\n", b"")


def test_output_is_written_byte_for_byte(teller):
    assert run(teller, "bytes=true", "--", "one") == (0, b"one\n\xff\0\n", b"")


def test_braces_are_the_words_own(teller):
    words = ["{index}", "{item}", '{"a":{"b":1}}', "{{x}}", "}{"]
    assert run(teller, "--", *words) == (0, ("\n".join(words) + "\n").encode(), b"")
    assert teller.call("job.show", batch=1, job=0)["params"]["argv"] == words


@pytest.mark.parametrize("status", [1, 3, 124, 130, 255])
def test_it_exits_as_the_process_exited(teller, status):
    args = [details(exit=status), "fail=exit", "--", "out"]
    assert run(teller, *args) == (status, b"out\n", b"")


def test_a_signal_is_told_as_shells_do(teller):
    args = [details(signal="SEGV", signal_number=11), "fail=killed", "--", "out"]
    assert run(teller, *args) == (128 + 11, b"out\n", b"")


def test_both_streams_go_where_they_belong(teller):
    args = [details(exit=2, stderr="no such thing\nat all"), "fail=exit 2", "--", "found"]
    assert run(teller, *args) == (2, b"found\n", b"no such thing\nat all")
    args = [details(exit=0, stderr_base64="/wAK"), "--", "found"]
    assert run(teller, *args) == (0, b"found\n", b"\xff\0\n")


def test_another_failure_is_told_with_its_reason(teller):
    status, out, err = run(teller, "fail=cannot run it", "--", "x")
    assert (status, out) == (1, b"x\n")
    assert err.startswith(b"1.0 failed") and err.endswith(b": cannot run it\n")


def test_a_failed_job_never_looks_like_success(teller):
    status, _, err = run(teller, details(exit=0), "fail=not as expected", "--", "x")
    assert status == 1
    assert b"not as expected" in err


def test_a_job_that_was_ended_is_told_beside_its_signal(teller):
    process = teller.spawn_ctl("run", "details_fiber", "seconds=1h", details(signal_number=15),
                               "--", "x")
    teller.busy_worker()
    teller.call("batch.cancel", batch=1)
    out, err = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out) == (128 + 15, b"x\n")
    assert err.startswith(b"1.0 cancelled")


def test_what_was_cut_is_told(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [{"file": hostile("details_async")}],
                                  "limits": {"output_bytes": 100}})
    status, out, err = run(daemon, details(exit=0, stderr="half", stderr_truncated=True), "--",
                           "x" * 200)
    assert (status, out) == (1, b"x" * 100)
    assert err.startswith(b"half\n")
    assert b"output was cut" in err and b"standard error was cut" in err


def test_interrupted_it_leaves_the_job_alone(teller):
    process = teller.spawn_ctl("run", "details_fiber", "seconds=1h", "--", "x")
    teller.busy_worker()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert b"awaitctl watch 1" in err
    assert teller.call("batch.show", batch=1)["state"] == "running"


def test_quiet_leaves_both_streams(teller):
    args = ["-q", details(exit=3, stderr="why"), "fail=exit 3", "--", "x"]
    assert run(teller, *args) == (3, b"x\n", b"why")


def test_json_prints_the_messages_and_exits_alike(teller):
    status, out, err = run(teller, "--json", details(exit=3), "--", "x")
    assert (status, err) == (3, b"")
    submitted, done, summary = map(json.loads, out.splitlines())
    assert submitted["result"]["batch"] == 1
    assert done["params"]["details"] == {"exit": 3}
    assert summary["method"] == "batch.done"


def test_no_wait_prints_the_number(teller):
    assert run(teller, "--no-wait", details(exit=3), "--", "x") == (0, b"1\n", b"")


def test_followed_or_many_it_runs_as_usual(teller):
    status, out, _ = run(teller, "--follow", details(exit=3), "fail=exit 3", "--", "x")
    assert status == 1
    assert out.startswith(b"1.0 failed after") and b"batch 1 done" in out
    status, out, _ = run(teller, "--items", "a,b", "--output", "--", "{item}", "{index}")
    assert status == 0
    *lines, summary = sorted(out.decode().splitlines())
    assert lines == ["2.0: 0", "2.0: a", "2.1: 1", "2.1: b"]
    assert summary.startswith("batch 2 done: 2 succeeded")
    status, out, _ = run(teller, "--count", "1", "--", "{index}")
    assert (status, out) == (0, b"0\n")


@pytest.mark.parametrize("args, words", [
    (["run", "--", "details_async"], "in front of"),
    (["run", "details_async", "argv=x", "--", "y"], "argv"),
    (["run", "details_async", "--", b"caf\xe9"], "UTF-8"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_wrong_usage_is_told(teller, args, words):
    env = dict(os.environ, AWAITD_SOCKET=str(teller.socket_path))
    result = subprocess.run([AWAITCTL, *args], env=env, capture_output=True, check=False,
                            timeout=DEADLINE)
    assert result.returncode == 2
    assert words in result.stderr.decode()


def test_a_plugin_without_argv_refuses_it(daemon):
    status, _, err = run(daemon, "--", "x", plugin="wait")
    assert status == 5
    assert b"argv" in err
