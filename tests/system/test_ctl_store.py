"""What awaitctl shows of the store, and asks of it, before a daemon that says what the test wants it to say."""

import os
import subprocess
import time

import pytest

from awaitd import AWAITCTL
from scenes import FakeDaemon


@pytest.fixture
def play(folder):
    """Makes a fake daemon that plays scenes."""
    return lambda *scenes: FakeDaemon(folder, scenes)


def summary(number, **more):
    return {"batch": number, "state": "succeeded", "jobs": 1, "succeeded": 1, "failed": 0, "wall": 1.0, "work": 1.0,
            "speedup": 1.0, "submitted": 1795356000.5, **more}


# ---- list ----------------------------------------------------------------------------------------


def listing(*pages):
    """Answers batch.list by these pages, one after the other; what was asked for is in the list that is returned."""
    asked = []

    def scene(talk):
        for number, page in enumerate(pages, 1):
            asked.append(talk.take("batch.list"))
            cursor = {"cursor": number * 1000} if number < len(pages) else {}
            talk.answer(batches=page, **cursor)

    return scene, asked


def test_list_asks_for_what_is_to_be_listed(play):
    scene, asked = listing([])
    play(scene).ctl("list", "--state", "failed", "--plugin", "http", "--name", "nightly", "--since", "@100.5",
                    "--until", "2027-01-31T08:00:00Z")
    assert asked == [{"limit": 100, "state": "failed", "plugin": "http", "name": "nightly", "since": 100.5,
                      "until": 1801382400}]


def test_list_since_a_span_ago(play):
    scene, asked = listing([])
    play(scene).ctl("list", "--since", "2h")
    assert asked[0]["since"] == pytest.approx(time.time() - 7200, abs=60)


@pytest.mark.parametrize("args, limits", [
    (["--all"], [1000, 1000, 1000]), (["--limit", "2500"], [1000, 1000, 500]),
], ids=lambda args: args[0])
def test_list_follows_the_cursor(play, args, limits):
    scene, asked = listing([summary(3)], [summary(2)], [summary(1)])
    _, out, err = play(scene).ctl("list", *args)
    assert [params["limit"] for params in asked] == limits
    assert [params.get("cursor") for params in asked] == [None, 1000, 2000]
    assert [line.split()[0] for line in out.splitlines()] == ["BATCH", "3", "2", "1"]
    assert err == ""


def test_list_tells_when_there_are_more(play):
    daemon = play(lambda talk: (talk.take("batch.list"), talk.answer(batches=[summary(3)], cursor=3)))
    assert daemon.ctl("list", "--limit", "1")[2] == "there are older ones: --limit shows more, --all shows all\n"


def test_list_shows_when_a_batch_was_submitted(play):
    scene, _ = listing([summary(3), summary(2, submitted=None)])
    process = play(scene)
    _, out, _ = process.finish(process.spawn("list", env={**os.environ, "TZ": "UTC"}))
    assert out.splitlines()[1].split()[:4] == ["3", "succeeded", "2026-11-22", "14:00"] or \
        out.splitlines()[1].split()[:3] == ["3", "succeeded", "14:00:00"]
    assert out.splitlines()[2].split()[:4] == ["2", "succeeded", "-", "1"]


@pytest.mark.parametrize("args, words", [
    (["--since", "yesterday"], "--since: 'yesterday' is not a time such as 2h (ago), 2027-01-31, "),
    (["--since", "36500d"], "--since: '36500d' is not after 1970 began"),
    (["--until", "@0"], "--until: '@0' is not after 1970 began"),
    (["--until", "2026-02-30"], "--until: '2026-02-30' is not a time"),
    (["--all", "--limit", "3"], "--all and --limit: give one of them"),
], ids=lambda args: args[0])
def test_list_tells_what_is_wrong(play, args, words):
    status, out, err = play().ctl("list", *args)
    assert (status, out) == (2, "")
    assert words in err


# ---- output ----------------------------------------------------------------------------------------


def outputs(order, completed=None, jobs=None):
    def scene(talk):
        assert talk.take("batch.watch") == {"batch": 7, "events": "each"}
        talk.answer(batch=7, state="running", jobs=jobs or len(order),
                    completed=len(order) if completed is None else completed)
        for seq, job in enumerate(order):
            talk.job(seq, job=job, output=f"a{job}\nb{job}\n")

    return scene


def test_outputs_come_in_the_order_of_the_jobs(play):
    status, out, err = play(outputs([3, 1, 0, 2, 4])).ctl("output", "7")
    assert (status, err) == (0, "")
    assert out == "".join(f"7.{job}: a{job}\n7.{job}: b{job}\n" for job in range(5))


def test_outputs_of_jobs_that_have_not_ended_are_left_out(play):
    status, out, err = play(outputs([3, 1, 4], completed=2, jobs=6)).ctl("output", "7")
    assert (status, err) == (0, "4 jobs have not ended yet\n")
    assert [line.split()[0] for line in out.splitlines()] == ["7.1:", "7.1:", "7.3:", "7.3:"]


def test_the_output_of_a_single_job_is_written_as_it_is(play):
    assert play(outputs([0])).ctl("output", "7") == (0, "a0\nb0\n", "")


def test_outputs_as_json_are_the_events(play):
    _, out, _ = play(outputs([1, 0])).ctl("--json", "output", "7")
    assert [line.count('"method":"job.done"') for line in out.splitlines()] == [1, 1]


@pytest.mark.parametrize("order", [[0, 0], [5], [1, 1]])
def test_a_job_that_cannot_be_is_no_crash(play, order):
    assert play(outputs(order, jobs=2)).ctl("output", "7")[0] in (0, 3)


# ---- backup, status, show --------------------------------------------------------------------------------


def backup(asked):
    def scene(talk):
        asked.append(talk.take("store.backup"))
        talk.answer(file=asked[-1]["file"], bytes=3 << 20)

    return scene


def test_backup_tells_the_whole_path(play, folder):
    asked = []
    daemon = play(backup(asked))
    result = daemon.finish(daemon.spawn("backup", "copy.db", cwd=folder))
    path = os.path.realpath(folder) + "/copy.db"
    assert asked == [{"file": path}]
    assert result == (0, f"wrote 3.0 MiB to {path}\n", "")


def test_backup_does_not_write_to_its_output():
    result = subprocess.run([AWAITCTL, "backup", "-"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert "./-" in result.stderr


def test_backup_leaves_a_whole_path_alone(play):
    asked = []
    assert play(backup(asked)).ctl("-q", "backup", "/x/../y") == (0, "", "")
    assert asked == [{"file": "/x/../y"}]


@pytest.mark.parametrize("code, status, words", [
    (2, 6, "not allowed: only root and the daemon's own user may"), (4, 5, "there is no store"),
])
def test_backup_tells_why_not(play, code, status, words):
    def scene(talk):
        talk.take("store.backup")
        talk.refuse(code, words)

    assert play(scene).ctl("backup", "/x") == (status, "", f"awaitctl: {words}\n")


def test_backup_needs_a_name(play):
    assert play().ctl("backup", "")[0] == 2


def status_of(play, store):
    def scene(talk):
        talk.take("daemon.status")
        talk.answer(version="0", pid=1, uptime=1, state="running", workers=[], batches={"open": 0}, jobs={"queued": 0},
                    clients=1, **store)

    status, out, _ = play(scene).ctl("status")
    assert status == 0
    return out.splitlines()


def test_status_tells_of_the_store(play):
    store = {"state_dir": "/var/lib/awaitd", "bytes": 1 << 30, "waiting": 0, "full": False}
    assert status_of(play, {"store": store})[-1] == "store      1.0 GiB in /var/lib/awaitd"


def test_status_tells_that_the_disk_is_full(play):
    store = {"state_dir": "/s", "bytes": 500, "waiting": 12, "full": True}
    assert status_of(play, {"store": store})[-1] == \
        "store      500 B in /s, 12 waiting to be written, the disk is full"


@pytest.mark.parametrize("store", [{}, {"store": None}])
def test_status_without_a_store(play, store):
    assert not [line for line in status_of(play, store) if line.startswith("store")]


@pytest.mark.parametrize("durable, words", [(True, "yes"), (False, "no, lost when the daemon ends")])
def test_show_tells_whether_a_batch_is_durable(play, durable, words):
    def scene(talk):
        talk.take("batch.show")
        talk.answer(**summary(7, durable=durable, ended=1795356001.5))

    _, out, _ = play(scene).ctl("show", "7")
    assert f"durable    {words}" in out.splitlines()
    assert "ended" in [line.split()[0] for line in out.splitlines()]
