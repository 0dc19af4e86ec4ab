"""awaitctl outlives the daemon: before one that goes away at moments that a test chooses, and comes back or does
not."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import threading

import pytest

from awaitd import DEADLINE
from scenes import FakeDaemon

LOST = "awaitctl: lost the daemon, trying again for 30 s\n"
BACK = "awaitctl: connected again\n"


@pytest.fixture
def play(folder):
    """Makes a fake daemon that plays scenes."""
    return lambda *scenes: FakeDaemon(folder, scenes)


def submitted(talk, method="batch.submit", **answer):
    params = talk.take(method)
    talk.answer(**{"batch": 7, "jobs": 3, "existing": False, "durable": True, **answer})
    return params


def watched(talk, start, events="each"):
    """The client is back and goes on with this completion."""
    talk.greet()
    assert talk.take("batch.watch") == {"batch": 7, "events": events, "from": start}
    talk.answer(batch=7, state="running", jobs=3, completed=start)


def shown(talk, durable=True):
    talk.take("batch.show")
    talk.answer(batch=7, durable=durable)


def first_of_three(talk):
    submitted(talk)
    talk.job(0)


def rest_of_three(talk):
    watched(talk, 1)
    talk.job(1)
    talk.job(2)
    talk.done()


RUN = ["run", "wait", "seconds=1", "-n3", "-o"]
FIRST = "7.100: output 0\n"


# ---- Following --------------------------------------------------------------------------------------


def all_of_three(talk):
    first_of_three(talk)
    talk.job(1)
    talk.job(2)
    talk.done()


@pytest.mark.parametrize("options", [["-o"], ["-f"], ["--json"], ["-f", "-o"]], ids=" ".join)
def test_what_comes_out_is_the_same_as_without_a_restart(play, folder, options):
    expected = play(all_of_three).ctl(*RUN[:-1], *options)
    (folder / "socket").unlink()
    assert play(first_of_three, rest_of_three).ctl(*RUN[:-1], *options) == (0, expected[1], LOST + BACK)
    assert expected[0] == 0 and expected[1].count("7") > 3


def test_a_message_that_was_cut_comes_again(play):
    def cut(talk):
        first_of_three(talk)
        talk.cut()

    status, out, _ = play(cut, rest_of_three).ctl(*RUN)
    assert (status, out) == (0, "7.100: output 0\n7.101: output 1\n7.102: output 2\n"
                                "batch 7 done: 3 succeeded, 1.00 s of work in 1.00 s (1.00x)\n")


def test_failures_are_asked_for_behind_the_last_that_was_told(play):
    def first(talk):
        assert submitted(talk)["follow"] == "failures"
        talk.job(41, "failed", reason="so it is")

    def second(talk):
        watched(talk, 42, "failures")
        talk.job(60, "crashed", reason="so it is")
        talk.done(100, 2)

    status, out, err = play(first, second).ctl(*RUN[:-1])
    assert status == 1
    assert err == ("7.141 failed after 0.50 s: so it is\n" + LOST + BACK +
                   "7.160 crashed after 0.50 s: so it is\n")
    assert out.startswith("batch 7 done: 98 succeeded, 2 failed, ")


def test_several_restarts_are_outlived(play):
    def second(talk):
        watched(talk, 1)
        talk.job(1)

    def third(talk):
        watched(talk, 2)
        talk.job(2)
        talk.done()

    status, out, err = play(first_of_three, second, third).ctl(*RUN)
    assert (status, out.count("output"), err) == (0, 3, (LOST + BACK) * 2)


def test_a_daemon_that_goes_away_again_before_it_answers_is_waited_for(play):
    def silent(talk):
        talk.take("daemon.ping")

    def full(talk):
        talk.take("daemon.ping")
        talk.refuse(3, "full: there are 5 clients (limits.clients)")

    def half(talk):
        talk.greet()
        talk.take("batch.watch")

    status, _, err = play(first_of_three, silent, full, half, rest_of_three).ctl(*RUN)
    assert (status, err) == (0, (LOST + BACK) * 2)


def test_quiet_says_nothing_of_a_restart(play):
    status, out, err = play(first_of_three, rest_of_three).ctl("-q", *RUN)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("batch 7 done")


def test_the_end_is_told_that_came_meanwhile(play):
    def history(talk):
        watched(talk, 1)
        talk.job(1, "failed", reason="so it is")
        talk.job(2)
        talk.done(failed=1)

    status, out, _ = play(first_of_three, history).ctl(*RUN)
    assert (status, len(out.splitlines())) == (1, 4)


def test_a_batch_that_is_gone_is_told(play):
    def gone(talk):
        talk.greet()
        talk.take("batch.watch")
        talk.refuse(1, "there is no batch 7")

    assert play(first_of_three, gone).ctl(*RUN) == \
        (4, FIRST, LOST + BACK + "awaitctl: there is no batch 7\n")


@pytest.mark.parametrize("options, durable", [([], False), (["--reconnect", "0"], True)])
def test_a_batch_that_is_gone_with_the_daemon_is_not_waited_for(play, options, durable):
    def first(talk):
        submitted(talk, durable=durable)
        talk.job(0)

    assert play(first).ctl(*options, *RUN) == \
        (3, FIRST, "awaitctl: the daemon went away, and batch 7 was not done\n")


def test_a_daemon_that_stays_away_is_given_up(play):
    daemon = play(first_of_three)
    status, out, err = daemon.ctl("--reconnect", "0.2", *RUN)
    assert (status, out) == (3, FIRST)
    assert err == ("awaitctl: lost the daemon, trying again for 0.2 s\n"
                   f"awaitctl: gave up after 0.2 s: no daemon: nobody answers at {daemon.path}; is awaitd running?; "
                   "once it is back, attach again with: awaitctl watch 7\n")


def test_a_daemon_that_does_not_answer_is_given_up(play):
    def mute(talk):
        talk.take("daemon.ping")
        talk.closed()

    status, _, err = play(first_of_three, mute).ctl("--reconnect", "0.3", *RUN)
    assert status == 3
    assert "gave up after 0.3 s: the daemon does not answer; " in err


def test_a_socket_that_comes_back_late_is_found(play):
    daemon = play(first_of_three)
    process = daemon.spawn(*RUN)
    assert process.stderr.readline() == LOST
    daemon.path.unlink()
    back = FakeDaemon(daemon.path.parent, [rest_of_three])
    assert back.finish(process)[0] == 0


def test_an_interrupt_while_it_waits_tells_how_to_attach_again(play):
    daemon = play(first_of_three)
    process = daemon.spawn(*RUN)
    assert process.stderr.readline() == LOST
    process.send_signal(signal.SIGINT)
    assert daemon.finish(process) == \
        (130, FIRST, "awaitctl: batch 7 goes on; attach again with: awaitctl watch 7\n")


def read_all(fd):
    """What was written to a terminal that nobody has open any more."""
    data = b""
    with contextlib.suppress(OSError):  # EIO: that is its end
        while part := os.read(fd, 65536):
            data += part
    return data.decode()


def test_the_bar_goes_on(play):
    release = threading.Event()

    def second(talk):
        watched(talk, 1)
        talk.job(1)
        release.wait(DEADLINE)
        talk.job(2)
        talk.done()

    daemon = play(first_of_three, second)
    master, slave = pty.openpty()
    process = daemon.spawn(*RUN, stderr=slave, env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"})
    os.close(slave)
    seen = ""
    while "2 of 3 done" not in seen:
        seen += os.read(master, 65536).decode()
    release.set()
    assert process.wait(DEADLINE) == 0
    process.stdout.close()
    seen += read_all(master)
    os.close(master)
    daemon.check()
    assert seen.count("trying again") == 1 and "0 of 3" not in seen.split("connected again")[1]


# ---- watch, wait, retry --------------------------------------------------------------------------------


@pytest.mark.parametrize("events, told", [("each", [4, 5]), ("summary", [])])
def test_watch_goes_on_where_it_was(play, events, told):
    def first(talk):
        shown(talk)
        assert talk.take("batch.watch") == {"batch": 7, "events": events, "from": 4}
        talk.answer(batch=7, state="running", jobs=6, completed=5)
        for seq in told[:1]:
            talk.job(seq)

    def second(talk):
        watched(talk, 4 + len(told[:1]), events)
        for seq in told[1:]:
            talk.job(seq)
        talk.done(6)

    status, out, err = play(first, second).ctl("watch", "7", "--from", "4", "--events", events)
    assert (status, err) == (0, LOST + BACK)
    assert [line.split()[0] for line in out.splitlines()[:-1]] == [f"7.10{seq}" for seq in told]


def test_watch_is_asked_again_where_it_was_not_answered(play):
    def first(talk):
        shown(talk)
        talk.take("batch.watch")

    def second(talk):
        watched(talk, 0)
        talk.done(0)

    assert play(first, second).ctl("watch", "7")[0] == 0


def test_watch_of_a_batch_that_is_not_durable_ends(play):
    def first(talk):
        shown(talk, durable=False)
        talk.take("batch.watch")
        talk.answer(batch=7, state="running", jobs=6, completed=5)

    assert play(first).ctl("watch", "7")[0] == 3


SUMMARY = {"batch": 7, "state": "succeeded", "jobs": 1, "succeeded": 1, "wall": 1.0, "work": 1.0, "speedup": 1.0}


def test_wait_goes_on_with_the_time_that_is_left(play):
    def first(talk):
        shown(talk)
        assert talk.take("batch.wait") == {"batch": 7, "timeout": 600}

    def second(talk):
        talk.greet()
        assert 500 < talk.take("batch.wait")["timeout"] < 600
        talk.answer(**SUMMARY)

    status, out, err = play(first, second).ctl("wait", "7", "--timeout", "10min")
    assert (status, err) == (0, LOST + BACK)
    assert out.startswith("batch 7 done")


def test_the_time_of_wait_runs_out_while_the_daemon_is_away(play):
    def first(talk):
        shown(talk)
        talk.take("batch.wait")

    status, _, err = play(first).ctl("wait", "7", "--timeout", "0.2")
    assert status == 124
    assert err.endswith("awaitctl: batch 7 is not done yet\n")


def test_retry_is_followed_over_a_restart(play):
    def first(talk):
        submitted(talk, "batch.retry", retry_of=3)

    def second(talk):
        watched(talk, 0, "failures")
        talk.done()

    assert play(first, second).ctl("retry", "3")[0] == 0


def test_retry_with_a_key_is_asked_again(play):
    asked = []

    def first(talk):
        asked.append(talk.take("batch.retry"))

    def second(talk):
        talk.greet()
        asked.append(submitted(talk, "batch.retry", existing=True))
        talk.done()

    assert play(first, second).ctl("retry", "3", "--key", "k")[0] == 0
    assert asked[0] == asked[1] == {"batch": 3, "follow": "failures", "key": "k"}


def test_retry_without_a_key_is_not_asked_again(play):
    status, _, err = play(lambda talk: talk.take("batch.retry")).ctl("retry", "3")
    assert (status, err) == (3, "awaitctl: the daemon went away; whether there is a new batch is not known "
                                "(`awaitctl list` tells); with a --key it could have been asked again\n")


# ---- Submitting --------------------------------------------------------------------------------------


def test_a_submission_with_a_key_is_sent_again(play):
    asked = []

    def first(talk):
        asked.append(talk.take("batch.submit"))

    def second(talk):
        talk.greet()
        asked.append(submitted(talk, existing=True))
        for seq in range(3):
            talk.job(seq)
        talk.done()

    status, out, _ = play(first, second).ctl(*RUN, "--key", "k")
    assert (status, out.count("output")) == (0, 3)
    assert asked[0] == asked[1] and asked[0]["key"] == "k"


def test_a_submission_without_a_key_is_not_sent_again(play):
    status, _, err = play(lambda talk: talk.take("batch.submit")).ctl(*RUN)
    assert (status, err) == (3, "awaitctl: the daemon went away before it answered: whether it took the batch is not "
                                "known (`awaitctl list` tells); with a --key it could have been asked again\n")


def test_a_submission_with_a_key_that_nobody_answers_tells_what_to_do(play):
    status, _, err = play(lambda talk: talk.take("batch.submit")).ctl("--reconnect", "0.1", *RUN, "--key", "k")
    assert status == 3
    assert err.endswith("; whether it took the batch is not known: submit it again with the same --key\n")


# Entries that fit no message of the daemon below.
LINES = [json.dumps({"plugin": "wait", "params": {"seconds": 0}, "name": f"{i:0200}"}) for i in range(60)]


def hello(talk):
    talk.take("hello")
    talk.answer(limits={"line_bytes": 8192, "depth": 64})


def added(talk, pieces):
    """Takes that many pieces and returns their jobs."""
    jobs = []
    for _ in range(pieces):
        jobs += talk.take("batch.add")["jobs"]
        talk.answer(batch=7, first=0, jobs=len(jobs))
    return jobs


@pytest.fixture
def large(folder):
    path = folder / "large.jsonl"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


def test_a_batch_is_sealed_again(play, large):
    def first(talk):
        hello(talk)
        submitted(talk, "batch.open", jobs=0)
        count = 0
        while count < len(LINES):
            count += len(added(talk, 1))
        talk.job(0)
        talk.take("batch.seal")

    def second(talk):
        watched(talk, 1)
        assert talk.take("batch.seal") == {"batch": 7}
        talk.answer(batch=7, jobs=len(LINES))
        talk.done(len(LINES))

    status, out, _ = play(first, second).ctl("submit", large, "-f")
    assert (status, len(out.splitlines())) == (0, 2)


def two_under_way(sent):
    """Takes the first piece and answers it, and does not answer the next two."""

    def scene(talk):
        hello(talk)
        submitted(talk, "batch.open", jobs=0)
        sent.append(added(talk, 1))
        for _ in range(2):
            sent.append(talk.take("batch.add")["jobs"])

    return scene


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_pieces_that_were_not_taken_are_sent_again(play, large, taken):
    sent = []

    def second(talk):
        watched(talk, 0, "failures")
        talk.take("batch.show")
        jobs = sum(sent[:1 + taken], [])
        talk.answer(batch=7, sealed=False, jobs=len(jobs))
        while len(jobs) < len(LINES):
            jobs += talk.take("batch.add")["jobs"]
            talk.answer(batch=7, first=0, jobs=len(jobs))
        assert jobs == [json.loads(line) for line in LINES]
        talk.take("batch.seal")
        talk.answer(batch=7, jobs=len(LINES))
        talk.done(len(LINES))

    status, out, err = play(two_under_way(sent), second).ctl("submit", large, "--wait")
    assert (status, err) == (0, LOST + BACK)
    assert out.startswith("batch 7 done: 60 succeeded")


def test_a_daemon_that_stops_and_takes_no_pieces_is_waited_for(play, large):
    def first(talk):
        hello(talk)
        submitted(talk, "batch.open", jobs=0)
        for _ in range(2):
            talk.take("batch.add")
            talk.refuse(4, "the daemon is stopping")

    def second(talk):
        watched(talk, 0)
        talk.take("batch.show")
        talk.answer(batch=7, sealed=False, jobs=0)
        count = 0
        while count < len(LINES):
            count += len(talk.take("batch.add")["jobs"])
            talk.answer(batch=7, first=0, jobs=count)
        talk.take("batch.seal")
        talk.answer(batch=7, jobs=count)
        talk.done(count)

    status, out, err = play(first, second).ctl("--json", "submit", large, "--wait")
    assert (status, err) == (0, LOST + BACK)
    assert not [line for line in out.splitlines() if "error" in json.loads(line)]


def test_pieces_are_told_apart_by_what_their_entries_stand_for(play, folder):
    """The third stands for 5 + 3 jobs."""
    path = folder / "counts.jsonl"
    name = "n" * 2500
    path.write_text("\n".join(json.dumps({"plugin": "wait", "name": name, **more}) for more in (
        {"count": 10}, {}, {"count": 5}, {"items": ["1", "2", "3"]})), encoding="utf-8")
    sent = []

    def second(talk):
        talk.greet()
        talk.take("batch.show")
        talk.answer(batch=7, sealed=False, jobs=11)
        while len(sent) < 4:
            sent.append(talk.take("batch.add")["jobs"])
            talk.answer(batch=7, first=0, jobs=19)
        talk.take("batch.seal")
        talk.answer(batch=7, jobs=19)

    def first(talk):
        hello(talk)
        submitted(talk, "batch.open", jobs=0)
        sent.append(talk.take("batch.add")["jobs"])
        talk.answer(batch=7, first=0, jobs=10)
        sent.append(talk.take("batch.add")["jobs"])
        talk.take("batch.add")

    assert play(first, second).ctl("submit", path)[:2] == (0, "7\n")
    assert [[job.get("count", len(job.get("items", "x"))) for job in jobs] for jobs in sent] == [[10], [1], [5], [3]]


def test_a_batch_that_lost_a_piece_is_cancelled(play, large):
    sent = []

    def second(talk):
        watched(talk, 0, "failures")
        talk.take("batch.show")
        talk.answer(batch=7, sealed=False, jobs=len(sent[0]) - 1)

    def third(talk):
        assert talk.take("batch.cancel") == {"batch": 7}
        talk.answer(batch=7, cancelled=1)

    status, out, err = play(two_under_way(sent), second, third).ctl("submit", large, "--wait")
    assert (status, out) == (3, "")
    assert err == LOST + BACK + ("awaitctl: the daemon came back with other jobs than it was sent\n"
                                 "awaitctl: batch 7 was cancelled\n")


def test_a_batch_in_pieces_that_is_not_durable_is_given_up(play, large):
    def first(talk):
        hello(talk)
        submitted(talk, "batch.open", jobs=0, durable=False)
        talk.take("batch.add")

    status, _, err = play(first).ctl("submit", large)
    assert (status, "trying again" in err) == (3, False)
    last = err.splitlines()[-1]
    assert last.startswith("awaitctl: batch 7 is incomplete and could not be cancelled: no daemon")
    assert last.endswith("; it is not durable, so it is gone with the daemon")


@pytest.mark.parametrize("span", ["0", "50ms"])
def test_a_batch_in_pieces_that_stays_incomplete_tells_how_to_cancel_it_later(play, large, span):
    def first(talk):
        hello(talk)
        submitted(talk, "batch.open", jobs=0)
        talk.take("batch.add")

    status, _, err = play(first).ctl("submit", large, "--reconnect", span)
    assert status == 3
    last = err.splitlines()[-1]
    assert last.startswith("awaitctl: batch 7 is incomplete and could not be cancelled: ")
    assert last.endswith("; once the daemon is back: `awaitctl cancel 7`")


def test_an_opening_without_a_key_is_not_asked_again(play, large):
    def first(talk):
        hello(talk)
        talk.take("batch.open")

    status, _, err = play(first).ctl("submit", large)
    assert (status, err.count("whether it took the batch is not known")) == (3, 1)


def opened_and_gone(talk):
    hello(talk)
    assert talk.take("batch.open")["key"] == "k"


def test_an_opening_with_a_key_is_asked_again(play, large):
    def second(talk):
        talk.greet()
        submitted(talk, "batch.open", jobs=0)
        count = 0
        while count < len(LINES):
            count += len(added(talk, 1))
        talk.take("batch.seal")
        talk.answer(batch=7, jobs=len(LINES))

    status, out, _ = play(opened_and_gone, second).ctl("submit", large, "--key", "k")
    assert (status, out) == (0, "7\n")


def test_a_batch_that_was_opened_and_not_answered_is_told(play, large):
    def second(talk):
        talk.greet()
        submitted(talk, "batch.open", jobs=0, existing=True)
        talk.take("batch.show")
        talk.answer(batch=7, sealed=False)

    status, out, err = play(opened_and_gone, second).ctl("submit", large, "--key", "k", "--wait")
    assert (status, out) == (3, "")
    assert err.splitlines()[-1] == ("awaitctl: the daemon went away when the batch was begun: it is batch 7 if nobody "
                                    "else uses this key, and has not all its jobs; end it with: awaitctl cancel 7")


def test_a_pipe_that_pauses_outlives_a_restart(play):
    ready, gone = threading.Event(), threading.Event()

    def first(talk):
        hello(talk)
        submitted(talk, "batch.open", jobs=0)
        added(talk, 1)
        ready.set()
        gone.wait(DEADLINE)

    def second(talk):
        watched(talk, 0, "failures")
        ready.set()
        assert len(added(talk, 1)) == 1
        talk.take("batch.seal")
        talk.answer(batch=7, jobs=2)
        talk.done(2)

    daemon = play(first, second)
    process = daemon.spawn("submit", "-", "--wait", stdin=subprocess.PIPE)
    process.stdin.write(LINES[0] + "\n")
    process.stdin.flush()
    assert ready.wait(DEADLINE)
    ready.clear()
    gone.set()
    assert ready.wait(DEADLINE)
    status, out, _ = daemon.finish(process, LINES[1] + "\n")
    assert status == 0
    assert out.startswith("batch 7 done: 2 succeeded")
