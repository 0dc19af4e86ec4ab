"""A store that cannot do what it should: a full disk, a disk that fails, a file that is not what it was, a directory
that is not ours. Nothing that was acknowledged is lost, nothing is acknowledged that may be, and the words say what
to do."""

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import stat
import subprocess

import pytest

import awaitd
from awaitd import (DEADLINE, NOBODY, Closed, DaemonFailed, RpcError, eventually, need,
                    need_others_reach, wait_job)

HOUR = 3600
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts, or is another user: needs root")


def refuses_to_start(daemon, *patterns):
    """Whether it ends with 78 and says so; returns what it said."""
    with pytest.raises(DaemonFailed) as caught:
        daemon.start()
    assert caught.value.status == 78, caught.value.log
    for pattern in patterns:
        assert re.search(pattern, caught.value.log), (pattern, caught.value.log)
    return caught.value.log


def refused(client, **params):
    with pytest.raises(RpcError) as caught:
        client.call("batch.submit", **params)
    return caught.value


def told(daemon, batch):
    with daemon.client() as client:
        client.call("batch.watch", batch=batch)
        return client.follow(batch)


# ---- A full disk ---------------------------------------------------------------------------------


class SmallDisk:
    """A file system of little room, which only those see who are started with its `wrapper`."""

    def __init__(self, folder, size="6m"):
        self.path = folder / "disk"
        self.path.mkdir()
        script = (f"mount -t tmpfs -o size={size},mode=0755 tmpfs {self.path} && echo ready && "
                  "exec cat")
        self._keeper = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c",
                                         script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self._keeper.stdout.readline() != b"ready\n":
            self.close()
            pytest.skip("may not mount")
        self.wrapper = ["nsenter", "-t", self._keeper.pid, "-m", "--"]
        self.seen = pathlib.Path(f"/proc/{self._keeper.pid}/root{self.path}")  # by everybody

    def run(self, *command):
        subprocess.run([*map(str, self.wrapper), *map(str, command)], check=True)

    def fill(self):
        """To the last byte."""
        with open(self.seen / "filling", "ab", buffering=0) as file, \
                contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    def make_room(self):
        (self.seen / "filling").unlink()

    def close(self):
        self._keeper.stdin.close()
        self._keeper.stdout.close()
        self._keeper.wait(DEADLINE)


@pytest.fixture
def disk(folder):
    need("unshare")
    small = SmallDisk(folder)
    yield small
    small.close()


@pytest.fixture
def on_disk(disk, make_daemon):
    """A daemon with its store on the small disk."""
    return make_daemon(config={"daemon": {"state_dir": str(disk.path / "state")}},
                       wrapper=disk.wrapper)


def counted(daemon):
    return daemon.call("daemon.stats")["jobs"]["succeeded"]


def taken(client, **params):
    """The batch; None: the disk is full."""
    try:
        return client.call("batch.submit", **params)["batch"]
    except RpcError as error:
        assert error.code == 3, error
        return None


def fill_up(daemon, disk):
    """Fills the disk, and what the store has of it for what is to come, until not even the smallest thing is
    written."""
    with daemon.client() as client:
        spare = client.submit(wait_job(HOUR))
        disk.fill()
        while taken(client, jobs=[wait_job(0)]):
            pass
        for method in itertools.cycle(("batch.pause", "batch.resume")):
            asked = client.request(method, batch=spare)
            if not client.has_event(1):
                return
            client.answer(asked)


@needs_root
def test_a_full_disk_refuses_what_is_durable_and_nothing_else(disk, on_disk):
    on_disk.start()
    with on_disk.client() as client:
        kept = client.submit(wait_job(HOUR))
        fill_up(on_disk, disk)
        error = refused(client, jobs=[wait_job(0)])
        assert error.code == 3
        assert re.search(r"disk|room|space", error.message), error.message
        assert refused(client, jobs=[wait_job(0)], key="k").code == 3
        with pytest.raises(RpcError) as caught:
            client.call("batch.open")
        assert caught.value.code == 3
        events, summary = client.run(wait_job(0), durable=False)
        assert (len(events), summary["state"]) == (1, "succeeded")
        disk.make_room()
        batch = eventually(lambda: taken(client, jobs=[wait_job(0)], key="k"), "there is room again")
        _, summary = told(on_disk, batch)
        assert summary["state"] == "succeeded"
        assert client.call("batch.show", batch=kept)["state"] == "running"
        listed = [row["batch"] for row in client.call("batch.list")["batches"]]
        assert kept in listed and batch in listed
    on_disk.log.wait_for(r"full|no room")


@needs_root
def test_what_ends_while_the_disk_is_full_is_told_when_it_is_written(disk, on_disk):
    on_disk.start()
    with on_disk.client() as client, on_disk.client() as other:
        batch = client.submit(wait_job(HOUR, name="held"), wait_job(0, count=500, after_any="held"),
                              follow="each")
        fill_up(on_disk, disk)
        before = counted(on_disk)
        asked = other.request("job.cancel", batch=batch, job=0)
        eventually(lambda: counted(on_disk) >= before + 500, "they have ended")
        assert not client.has_event(0.5), "it is not written anywhere"
        assert not other.has_event(0), "nor is that"
        disk.make_room()
        events, summary = client.follow(batch)
        other.answer(asked)
    assert (len(events), summary["succeeded"]) == (501, 500)
    on_disk.restart(kill=True)
    assert told(on_disk, batch) == (events, summary)


@needs_root
def test_what_was_not_told_on_a_full_disk_runs_again(disk, on_disk):
    """Killed, it starts on the full disk, knows what was acknowledged, and goes on when there is room."""
    on_disk.start()
    done = on_disk.call("batch.submit", jobs=[wait_job(0, count=10)])["batch"]
    before = told(on_disk, done)
    with on_disk.client() as client:
        batch = client.submit(wait_job(3), wait_job(HOUR), follow="each")
        fill_up(on_disk, disk)
        on_disk.kill()
    on_disk.start()
    assert told(on_disk, done) == before
    with on_disk.client() as client:
        assert client.call("batch.show", batch=batch)["state"] == "running"
        ended = counted(on_disk)
        client.call("batch.watch", batch=batch)
        eventually(lambda: counted(on_disk) > ended, "the first has ended")
        disk.make_room()
        event = client.event()["params"]
        assert (event["job"], event["state"]) == (0, "succeeded")


@needs_root
def test_a_stop_on_a_full_disk_says_what_is_lost(disk, on_disk):
    on_disk.start()
    with on_disk.client() as client:
        batch = client.submit(wait_job(HOUR, name="held"), wait_job(0, count=50, after_any="held"))
        fill_up(on_disk, disk)
        before = counted(on_disk)
        client.request("job.cancel", batch=batch, job=0)
        eventually(lambda: counted(on_disk) >= before + 50, "they have ended")
        on_disk.stop()
        on_disk.log.wait_for(r"room left.*run again.*unwritten=\d+")
    disk.make_room()
    on_disk.start()
    assert on_disk.call("batch.show", batch=batch)["state"] == "running"


@needs_root
def test_a_read_only_disk_is_told_at_the_start(disk, on_disk):
    on_disk.start()
    batch = on_disk.call("batch.submit", jobs=[wait_job(HOUR)])["batch"]
    on_disk.kill()
    disk.run("mount", "-o", "remount,ro", disk.path)
    refuses_to_start(on_disk, re.escape(str(disk.path)), r"Read-only|read-only", "--state-dir")
    disk.run("mount", "-o", "remount,rw", disk.path)
    on_disk.start()
    assert on_disk.call("batch.show", batch=batch)["state"] == "running"


# ---- A disk that fails ---------------------------------------------------------------------------


class Injected:
    """From now on, these system calls of the daemon fail."""

    def __init__(self, daemon, calls, error):
        command = [need("strace"), "-f", "-p", str(daemon.process.pid), "-o", "/dev/null",
                   "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when=1+"]
        self._strace = subprocess.Popen(command, stderr=subprocess.PIPE)
        for line in self._strace.stderr:
            if b"attached" in line:
                return
        pytest.skip("may not trace")

    def close(self):
        if self._strace.poll() is None:
            self._strace.send_signal(signal.SIGINT)
        self._strace.wait(DEADLINE)
        self._strace.stderr.close()


@pytest.mark.parametrize("calls, error", [
    ("fsync,fdatasync", "EIO"), ("fsync,fdatasync", "ENOSPC"), ("pwrite64", "EIO"),
    ("pwrite64", "EROFS")], ids=["fsync", "fsync without room", "write", "became read-only"])
def test_a_failing_disk_ends_the_daemon_before_it_says_anything(make_daemon, calls, error):
    # A process that is traced already cannot look for leaks.
    daemon = make_daemon(env={"ASAN_OPTIONS": "detect_leaks=0"}).start()
    held = daemon.call("batch.submit", jobs=[wait_job(HOUR)])["batch"]
    done = daemon.call("batch.submit", jobs=[wait_job(0, count=100)], key="done")["batch"]
    before = told(daemon, done)
    jobs = [wait_job(0, count=7)]
    with daemon.client() as client:
        injected = Injected(daemon, calls, error)
        try:
            with pytest.raises(Closed):
                client.call("batch.submit", jobs=jobs, name="under way")
            assert daemon.wait() == 1, daemon.log.text()
        finally:
            injected.close()
    daemon.log.wait_for(re.escape(str(daemon.state_dir)))
    daemon.check_nothing_left()
    daemon.start()
    assert told(daemon, done) == before
    with daemon.client() as client:
        assert client.call("batch.show", batch=held)["state"] == "running"
        # Nobody knows whether it was written: it is there whole, or not at all.
        for row in client.call("batch.list")["batches"]:
            if row.get("name") == "under way":
                assert row["jobs"] == 7
        again = client.call("batch.submit", jobs=[wait_job(0, count=100)], key="done")
        assert (again["batch"], again["existing"]) == (done, True)
        _, summary = client.run(*jobs)
        assert summary["succeeded"] == 7


# ---- A file that is not what it was --------------------------------------------------------------


@pytest.fixture
def left(make_daemon):
    """A daemon that has ended in order, having had a batch that is over and one that is not."""
    daemon = make_daemon().start()
    batch = daemon.call("batch.submit", jobs=[wait_job("0.0{index}", name="n{index}", count=3000)])
    told(daemon, batch["batch"])
    daemon.call("batch.submit", jobs=[wait_job(HOUR, count=100)])
    daemon.stop()
    daemon.database = pathlib.Path(daemon.state_dir) / "awaitd.db"
    return daemon


def overwrite(path, begin, data):
    with open(path, "r+b") as file:
        file.seek(begin)
        file.write(data)


def no_database(path):
    path.write_bytes(b"This is a letter, and not a database.\n" * 1000)


def first_page(path):
    overwrite(path, 100, b"\xa5" * 3000)


def other_pages(path):
    overwrite(path, 4096, b"\xa5" * (path.stat().st_size - 4096))


def truncated(path):
    os.truncate(path, 8192)


@pytest.mark.parametrize("damage", [no_database, first_page, other_pages, truncated])
def test_a_corrupt_file_is_refused(left, damage):
    damage(left.database)
    before = left.database.read_bytes()
    log = refuses_to_start(left, re.escape(str(left.database)), "corrupt|not a database", "move")
    assert "recover" in log or "backup" in log
    assert left.database.read_bytes() == before, "it is for people to save what can be saved"
    shutil.move(left.database, left.directory / "aside")
    left.start()  # as the words say
    assert left.call("batch.list")["batches"] == []


def recover(daemon):
    """Does what awaitd(8) tells, as it stands there. The new database's tables."""
    page = (awaitd.SOURCE / "man/awaitd.8.scd").read_text(encoding="utf-8")
    section = re.search(r"^# THE STATE\n(.*?)^# ", page, re.DOTALL | re.MULTILINE)[1]
    script = "".join(re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    script = script.replace("/var/lib/awaitd", str(daemon.state_dir))
    need("sqlite3")
    subprocess.run([need("bash"), "-c", script], stderr=subprocess.PIPE, check=True)
    for path in daemon.database, daemon.database.parent / "corrupt":
        assert path.stat().st_mode & 0o077 == 0, path
    return subprocess.run(["sqlite3", daemon.database, ".tables"], capture_output=True, text=True,
                          check=True).stdout.split()


def test_what_can_be_read_of_a_truncated_file_is_saved_as_the_page_says(left):
    os.truncate(left.database, left.database.stat().st_size // 2)
    refuses_to_start(left, "corrupt|not a database")
    assert "batch" in recover(left)
    left.start()
    assert [row["batch"] for row in left.call("batch.list")["batches"]] == [2, 1]
    with left.client() as client:
        assert client.run(wait_job(0))[1]["state"] == "succeeded"


def test_where_the_beginning_is_lost_the_page_says_so(left):
    overwrite(left.database, 0, b"\0" * 16)
    refuses_to_start(left, "corrupt|not a database")
    assert not recover(left)
    left.database.unlink()
    left.start()


def change(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(sql)


def page_within(path, table):
    """Where a page of a table begins that has more than one: the second below the topmost
    (https://www.sqlite.org/fileformat2.html#b_tree_pages)."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        root, = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?",
                                 (table,)).fetchone()
    top = path.read_bytes()[4096 * (root - 1):4096 * root]
    assert top[0] in (2, 5), "it has pages below it"
    cell = int.from_bytes(top[14:16], "big")
    return 4096 * (int.from_bytes(top[cell:cell + 4], "big") - 1)


@pytest.mark.parametrize("table, method", [("piece", "batch.watch"), ("batch", "batch.list")])
def test_damage_that_turns_up_later_ends_the_daemon(make_daemon, table, method):
    """Nothing is told of what is read, and the words say what to do."""
    daemon = make_daemon().start()
    with daemon.client() as client:
        batches = [client.submit(wait_job(0), key=f"{i:0100}") for i in range(200)]
        eventually(lambda: counted(daemon) == 200, "all have ended")
    daemon.stop()
    database = pathlib.Path(daemon.state_dir) / "awaitd.db"
    overwrite(database, page_within(database, table), b"\xa5" * 4096)
    daemon.start()
    with daemon.client() as client:
        with pytest.raises(Closed):
            for number in batches if method == "batch.watch" else [None]:
                client.call(method, **({"batch": number} if number else {}))
        assert daemon.wait() == 78, daemon.log.text()
    daemon.log.wait_for(re.escape(f"{database} is corrupt") +
                        ".*move awaitd.db and awaitd.db-wal away")
    daemon.check_nothing_left()


def test_a_log_without_its_database_is_refused(left):
    """What was acknowledged last is in there."""
    left.start()
    batch = left.call("batch.submit", jobs=[wait_job(HOUR)])["batch"]
    left.kill()
    aside = left.directory / "aside"
    shutil.move(left.database, aside)
    refuses_to_start(left, re.escape(f"{left.database} is missing"),
                     re.escape(f"{left.database}-wal"), "put the awaitd.db back", "move")
    shutil.move(aside, left.database)
    left.start()
    assert left.call("batch.show", batch=batch)["state"] == "running"


def test_a_newer_schema_is_refused(left):
    change(left.database, "PRAGMA user_version = 99")
    refuses_to_start(left, re.escape(str(left.database)), "newer awaitd|newer")
    change(left.database, "PRAGMA user_version = 1")
    left.start()
    assert len(left.call("batch.list")["batches"]) == 2


def test_somebody_elses_database_is_refused_and_left_alone(left):
    left.database.unlink()
    change(left.database, "CREATE TABLE songs (name TEXT); INSERT INTO songs VALUES ('Yesterday')")
    before = left.database.read_bytes()
    refuses_to_start(left, re.escape(str(left.database)))
    assert left.database.read_bytes() == before


def test_a_database_that_somebody_has_open_is_refused(left):
    with contextlib.closing(sqlite3.connect(left.database, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        refuses_to_start(left, re.escape(str(left.database)), "another program|locked|in use")
    left.start()


# ---- A directory that is not ours ----------------------------------------------------------------


def test_a_directory_has_one_daemon(daemon, make_daemon):
    held = daemon.call("batch.submit", jobs=[wait_job(HOUR)])["batch"]
    other = make_daemon(config={"daemon": {"state_dir": str(daemon.state_dir)}})
    refuses_to_start(other, rf"{re.escape(str(daemon.state_dir))}.*\b{daemon.process.pid}\b")
    assert daemon.call("batch.show", batch=held)["state"] == "running"
    # The lock dies with whoever holds it.
    daemon.kill()
    other.start()
    assert other.call("batch.show", batch=held)["state"] == "running"


def test_a_database_cannot_be_opened_beside_the_daemon(daemon):
    daemon.call("batch.submit", jobs=[wait_job(HOUR)])
    path = pathlib.Path(daemon.state_dir) / "awaitd.db"
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as database, \
            pytest.raises(sqlite3.OperationalError, match="locked"):
        database.execute("SELECT count(*) FROM batch")


def test_a_missing_directory_is_made_for_its_user_alone(make_daemon, folder):
    path = folder / "state"
    daemon = make_daemon(config={"daemon": {"state_dir": str(path)}}, umask=0)
    daemon.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for file in path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_missing_parent_is_not_made(make_daemon, folder):
    path = folder / "missing" / "state"
    refuses_to_start(make_daemon(config={"daemon": {"state_dir": str(path)}}),
                     re.escape(str(path)), "--state-dir|make that")
    assert not path.parent.exists()


def test_a_file_in_place_of_the_directory_is_refused(make_daemon, folder):
    path = folder / "state"
    path.touch()
    refuses_to_start(make_daemon(config={"daemon": {"state_dir": str(path)}}),
                     re.escape(str(path)), "Not a directory")


@needs_root
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_directory_of_somebody_else_is_refused(make_daemon, folder, mode):
    need_others_reach()
    path = folder / "state"
    path.mkdir(mode)
    daemon = make_daemon(config={"daemon": {"state_dir": str(path)}}, user=NOBODY, group=NOBODY,
                         extra_groups=[])
    daemon.directory.chmod(0o777)
    refuses_to_start(daemon, re.escape(str(path)), "Permission denied", "--state-dir")


@needs_root
def test_root_keeps_its_state_where_root_alone_can_write(make_daemon, folder):
    path = folder / "state"
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)
    refuses_to_start(make_daemon(config={"daemon": {"state_dir": str(path)}}),
                     re.escape(str(path)), "root")


def test_a_check_of_the_configuration_says_so_too(folder):
    path = folder / "missing" / "state"
    config = folder / "awaitd.conf"
    groups = awaitd.merged(awaitd.DEFAULT_CONFIG, {"daemon": {"state_dir": str(path)}})
    config.write_text(awaitd.config_file(groups), encoding="utf-8")
    result = awaitd.run_awaitd("-t", "-c", config)
    assert result.returncode == 78
    assert str(path) in result.stdout + result.stderr
