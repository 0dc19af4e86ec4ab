"""awaitctl and what it says of limits, order, retries, keys and pauses, with the daemon itself."""

import json
import re
import signal
import threading
import time

import pytest

from awaitd import DEADLINE, eventually, wait_job
from test_ctl import Terminal

ENTRY = '{"plugin":"wait","params":{"seconds":"1h"}}\n'


def lines(*entries):
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def test_a_key_runs_once_and_is_told_when_used_for_something_else(daemon):
    first = daemon.ctl("run", "wait", "seconds=1h", "--key", "k", "--no-wait", check=0)
    again = daemon.ctl("run", "wait", "seconds=1h", "--key", "k", "--no-wait", check=0)
    assert first.stdout == again.stdout == "1\n"
    assert "batch 1 has this key" in again.stderr
    other = daemon.ctl("run", "wait", "seconds=2h", "--key", "k", "--no-wait", check=5)
    assert re.search(r"awaitctl: --key: .*another batch \(1\)", other.stderr)


def test_a_large_batch_with_a_key_runs_once(daemon, folder):
    (folder / "jobs").write_text('{"plugin":"wait","params":{"seconds":0}}\n' * 30_000, encoding="ascii")
    first = daemon.ctl("submit", folder / "jobs", "--key", "k", "--wait", check=0)
    again = daemon.ctl("submit", folder / "jobs", "--key", "k", "--wait", check=0)
    assert "batch 1 done: 30000 succeeded" in first.stdout
    assert "batch 1 done: 30000 succeeded" in again.stdout
    assert len(daemon.call("batch.list")["batches"]) == 1


def large(seconds, count=30_000):
    return '{"plugin":"wait","params":{"seconds":%s}}\n' % seconds * count


def check_refused(result):
    assert result.stderr.startswith("awaitctl: --key: was used for another batch (1)")


def test_a_large_batch_with_the_key_of_another_is_refused_and_not_run(daemon, folder):
    (folder / "jobs").write_text(large(0), encoding="ascii")
    (folder / "one_more").write_text(large(0) + large(0, 1), encoding="ascii")
    (folder / "others").write_text(large(0, 29_999) + large(0.001, 1), encoding="ascii")
    (folder / "few").write_text(large(0, 3), encoding="ascii")
    daemon.ctl("submit", folder / "jobs", "--key", "k", "--wait", check=0)
    for name in ("one_more", "others", "few"):
        check_refused(daemon.ctl("submit", folder / name, "--key", "k", "--wait", check=5))
    # Written otherwise, with the key in the file, and from standard input, but the same.
    (folder / "jobs").write_text(
        '{"batch":{"key":"k"}}\n# the same\n' +
        ' { "params" : { "seconds" : 0 }, "plugin":"wait" }\n\n' * 30_000, encoding="ascii")
    again = daemon.ctl("submit", folder / "jobs", "--wait", check=0)
    assert "batch 1 has this key: nothing is run again\n" in again.stderr
    with open(folder / "jobs", encoding="ascii") as file:
        process = daemon.spawn_ctl("submit", "-", stdin=file)
        assert process.wait(DEADLINE) == 0
    assert len(daemon.call("batch.list")["batches"]) == 1


def test_a_large_batch_with_the_key_of_a_small_one_is_refused(daemon, folder):
    (folder / "jobs").write_text(large(0), encoding="ascii")
    daemon.ctl("run", "wait", "seconds=0", "--key", "k", check=0)
    check_refused(daemon.ctl("submit", folder / "jobs", "--key", "k", check=5))
    check_refused(daemon.ctl("submit", "-", "--key", "k", stdin=large(0), check=5))
    assert len(daemon.call("batch.list")["batches"]) == 1


def test_a_large_libconfig_batch_and_many_items_are_compared(daemon, folder):
    def write(last):
        entries = ['{ plugin = "wait"; params = { seconds = 0; }; }'] * 15_000
        entries += ['{ plugin = "wait"; params = { seconds = %s; }; }' % last]
        (folder / "b.conf").write_text(f"jobs = ( {','.join(entries)} );", encoding="ascii")
        (folder / "items").write_text("0\n" * 600_000 + f"{last}\n", encoding="ascii")

    submit = ("submit", folder / "b.conf", "--key", "k", "--wait")
    run = ("run", "wait", "seconds={item}", "--items", f"@{folder / 'items'}", "--key", "r", "--no-wait")
    write("0")
    for command in (submit, run):
        daemon.ctl(*command, check=0)
        assert "nothing is run again\n" in daemon.ctl(*command, check=0).stderr
    write("1")
    for command in (submit, run):
        assert "--key: was used for another batch" in daemon.ctl(*command, check=5).stderr
    assert len(daemon.call("batch.list")["batches"]) == 2


def test_what_comes_from_a_pipe_is_compared_if_it_fits_one_message_and_else_says_it_is_not(daemon):
    daemon.ctl("submit", "-", "--key", "k", "--wait", stdin=large(0), check=0)
    again = daemon.ctl("submit", "-", "--key", "k", "--wait", stdin=large(0.1), check=0)
    assert "nothing is run again; whether its jobs are the same is not known" in again.stderr
    # How fast the lines come makes no difference.
    daemon.ctl("submit", "-", "--key", "slow", "--wait", stdin=large(0, 2), check=0)
    process = daemon.spawn_ctl("submit", "-", "--key", "slow", "--wait", stdin=-1)
    process.stdin.write(large(0, 1).encode())
    process.stdin.flush()
    time.sleep(0.3)  # longer than what counts as a pause
    _, err = process.communicate(large(0, 1).encode(), timeout=DEADLINE)
    assert process.returncode == 0 and b"has this key: nothing is run again\n" in err, err


def test_a_huge_submission_is_slowed_to_what_the_queue_takes_and_can_be_interrupted(start_daemon):
    daemon = start_daemon(config={"limits": {"queued_jobs": 20_000, "line_bytes": "64KiB"}})
    process = daemon.spawn_ctl("submit", "-", stdin=-1)
    sent = []

    def write():
        try:
            while True:
                process.stdin.write((ENTRY * 1000).encode())
                sent.append(1000)
        except (BrokenPipeError, ValueError):
            pass

    threading.Thread(target=write, daemon=True).start()
    # Held: less fits than the smallest piece, and no more is read of what is written.
    eventually(lambda: daemon.call("batch.list")["batches"] and
               daemon.call("batch.show", batch=1)["jobs"] > 19_000, "the queue is full")
    assert process.poll() is None
    assert daemon.call("batch.show", batch=1)["jobs"] <= 20_000
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130
    assert "batch 1 was cancelled" in process.stderr.read().decode()
    assert daemon.call("batch.wait", batch=1)["state"] == "cancelled"
    process.stdout.close()
    process.stderr.close()


def test_a_huge_submission_that_is_slowed_arrives_whole(start_daemon):
    daemon = start_daemon(config={"limits": {"queued_jobs": 2000, "line_bytes": "64KiB"}})
    entry = '{"plugin":"wait","params":{"seconds":0}}\n'
    result = daemon.ctl("submit", "-", "--wait", stdin=entry * 30_000, check=0)
    assert "batch 1 done: 30000 succeeded" in result.stdout


@pytest.mark.parametrize("entries, words", [
    ([wait_job(0, name="a", after="b"), wait_job(0, name="b", after="a")], "jobs:1: after: goes in a circle"),
    ([wait_job(0, name="a", after="a")], "jobs:1: after: "),
    ([wait_job(0), wait_job(0, after="nobody")], "jobs:2: after: "),
    ([wait_job(0, retry={"max": 101})], "jobs:1: retry.max: "),
    ([wait_job(0, retry={"more": 1})], "jobs:1: retry.more: "),
    ([wait_job(0, timeout=-1)], "jobs:1: timeout: "),
    ([wait_job(0, delay="soon")], "jobs:1: delay: "),
    ([{"batch": {"limit": -1}}, wait_job(0)], "jobs:1: batch.limit: "),
    ([{"batch": {"retry": {"max": "x"}}}, wait_job(0)], "jobs:1: batch.retry.max: "),
    ([{"batch": {"rate": "fast"}}, wait_job(0)], "jobs:1: batch.rate: "),
], ids=str)
def test_what_is_wrong_in_a_file_is_told_by_its_line(daemon, folder, entries, words):
    (folder / "jobs").write_text(lines(*entries), encoding="ascii")
    assert words in daemon.ctl("submit", folder / "jobs", check=5).stderr
    assert not daemon.call("batch.list")["batches"]


def test_a_libconfig_file_says_it_as_well(daemon, folder):
    path = folder / "b.conf"
    jobs = 'jobs = (\n  { plugin = "wait"; params = { seconds = 0; }; after = "x"; } );\n'
    for text, told in {"limit = 0;\n": ":1: limit: ", "\nretry = { max = 1; pause = 2; };\n": ":2: retry.pause: ",
                       "name = 3;\n": ":1: name: ", "": ":2: after: "}.items():
        path.write_text(text + jobs, encoding="ascii")
        assert f"{path}{told}" in daemon.ctl("submit", path, check=5).stderr


def test_show_tells_what_a_job_waits_for_and_on_what_terms(daemon):
    jobs = lines(wait_job(3600, name="first"), wait_job(0, after="first", timeout="5s", retry=2))
    daemon.ctl("submit", "-", "--limit", "3", "--rate", "10/min", "--deadline", "1h", stdin=jobs, check=0)
    batch = daemon.ctl("show", "1", check=0).stdout
    assert re.search(r"^limit +3$", batch, re.MULTILINE)
    assert re.search(r"^rate +10/min$", batch, re.MULTILINE)
    assert re.search(r"^deadline +1h, (1h|59min\S*) left$", batch, re.MULTILINE)
    assert re.search(r"^jobs +2: 1 running, 1 waiting$|^jobs +2: 1 queued, 1 waiting$", batch, re.MULTILINE)
    job = daemon.ctl("show", "1.1", check=0).stdout
    assert re.search(r"^waits for +first$", job, re.MULTILINE)
    assert re.search(r"^timeout +5.00 s$", job, re.MULTILINE)
    assert re.search(r"^state +waiting$", job, re.MULTILINE)


def test_a_paused_batch_is_told_as_such_and_goes_on(daemon):
    daemon.ctl("run", "wait", "seconds=10ms", "-n", "50", "--limit", "1", "--no-wait", check=0)
    assert daemon.ctl("pause", "1", check=0).stderr == "batch 1: paused\n"
    assert daemon.ctl("pause", "1", check=0).stderr == "batch 1: was paused before\n"
    assert re.search(r"^state +paused$", daemon.ctl("show", "1", check=0).stdout, re.MULTILINE)
    assert daemon.ctl("wait", "1", "--timeout", "50ms").returncode == 124
    assert daemon.ctl("resume", "1", check=0).stderr == "batch 1: goes on\n"
    assert "50 succeeded" in daemon.ctl("wait", "1", check=0).stdout
    assert daemon.ctl("pause", "1", check=0).stderr == "batch 1: has ended before\n"
    assert daemon.ctl("resume", "1", check=0).stderr == "batch 1: was not paused\n"
    assert daemon.ctl("pause", "2", check=4).stderr == "awaitctl: there is no batch 2\n"


def test_the_bar_tells_how_many_wait(daemon):
    terminal = Terminal(daemon, "submit", "-", "--wait")
    for entry in (wait_job(3600, name="first"), wait_job(0, after="first", count=6)):
        terminal.type(json.dumps(entry) + "\n")
    terminal.type("\x04")
    terminal.wait_for("6 waiting")
    daemon.ctl("pause", "1", check=0)
    terminal.wait_for("6 waiting, paused")
    terminal.type("\x03")
    assert terminal.end() == 130


def test_drain_refuses_what_is_new_and_finishes_what_is_there(daemon):
    daemon.ctl("run", "wait", "seconds=0.3", "-n", "3", "--no-wait", check=0)
    waiting = daemon.spawn_ctl("drain", "--wait")
    eventually(lambda: daemon.call("daemon.status")["state"] == "draining", "it drains")
    assert "draining" in daemon.ctl("run", "wait", "seconds=0", check=5).stderr
    out, err = waiting.communicate(timeout=DEADLINE)
    assert waiting.returncode == 0 and not out
    assert b"1 batch is not done" in err and b"all batches are done" in err
    assert daemon.call("batch.show", batch=1)["state"] == "succeeded"
    daemon.ctl("drain", "--off", check=0)
    daemon.ctl("run", "wait", "seconds=0", check=0)


def test_cancel_of_what_is_queued_spares_what_runs(daemon):
    daemon.ctl("run", "wait", "seconds=0.3", "-n", "5", "--limit", "1", "--no-wait", check=0)
    eventually(lambda: daemon.call("batch.show", batch=1)["running"] == 1, "one runs")
    assert daemon.ctl("cancel", "1", "--queued", check=0).stderr == "batch 1: cancelled 4 jobs\n"
    assert daemon.ctl("cancel", "1", "--queued", check=0).stderr == "batch 1: cancelled 0 jobs\n"
    assert "1 succeeded, 4 cancelled" in daemon.ctl("wait", "1", check=1).stdout


def test_retry_runs_again_what_did_not_succeed_and_says_so(daemon):
    jobs = lines(wait_job(0), {"plugin": "exec", "params": {"argv": ["false"]}, "name": "broken"})
    daemon.ctl("submit", "-", "--wait", "--retry", "1", "--retry-delay", "1ms", stdin=jobs, check=1)
    result = daemon.ctl("retry", "1", "--follow", check=1)
    assert "batch 2 runs 1 job of batch 1 again" in result.stderr
    assert re.search(r"^2.0 \(broken\) failed after 2 attempts, the last of \S+ \w+: exit 1$", result.stdout,
                     re.MULTILINE)
    shown = daemon.ctl("show", "2", check=0).stdout
    assert re.search(r"^retry of +1$", shown, re.MULTILINE)
    assert re.search(r"^retries +1$", shown, re.MULTILINE)
    again = daemon.ctl("retry", "1", "--key", "k", "--no-wait", check=0)
    same = daemon.ctl("retry", "1", "--key", "k", "--no-wait", check=0)
    assert again.stdout == same.stdout == "3\n"
    assert "batch 3 has this key" in same.stderr


def test_retry_of_what_runs_or_succeeded_is_refused(daemon):
    daemon.ctl("run", "wait", "seconds=1h", "--no-wait", check=0)
    assert "is not finished" in daemon.ctl("retry", "1", check=5).stderr
    daemon.ctl("run", "wait", "seconds=0", check=0)
    assert "all its jobs succeeded" in daemon.ctl("retry", "2", check=5).stderr
    assert "there is no batch 3" in daemon.ctl("retry", "3", check=4).stderr
