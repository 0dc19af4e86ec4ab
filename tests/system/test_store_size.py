"""How long the store keeps what has finished, and how large its files become."""

import contextlib
import itertools
import pathlib
import sqlite3

import pytest

from awaitd import RpcError, eventually, wait_job
from test_exec import shell

MIB = 1 << 20


@pytest.fixture
def copied(tmp_path):
    """A copy of a daemon's database, to be asked: with copied(daemon) as database."""
    names = (tmp_path / f"{number}.db" for number in itertools.count())

    @contextlib.contextmanager
    def copy(daemon):
        file = next(names)
        daemon.call("store.backup", file=str(file))
        with contextlib.closing(sqlite3.connect(file)) as database:
            yield database
        file.unlink()

    return copy


@pytest.fixture
def stored(copied):
    """Which batches are in the store of a daemon, whatever that has in its memory: stored(daemon)."""
    def ask(daemon):
        with copied(daemon) as database:
            numbers = [number for number, in database.execute("SELECT number FROM batch")]
            rest, = database.execute("""SELECT count(*) FROM (SELECT batch FROM piece UNION ALL
                SELECT batch FROM results UNION ALL SELECT batch FROM job)
                WHERE batch NOT IN (SELECT number FROM batch)""").fetchone()
        return numbers if rest == 0 else "some in part"

    return ask


@pytest.fixture
def used(copied):
    """Bytes of a daemon's database that are not free: used(daemon)."""
    def ask(daemon):
        with copied(daemon) as database:
            pages, free, size_of_page = (database.execute(f"PRAGMA {name}").fetchone()[0]
                                         for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * size_of_page

    return ask


def listed(daemon):
    return [row["batch"] for row in daemon.call("batch.list", limit=1000)["batches"]]


def size(daemon):
    """Of the database and its log."""
    return sum(file.stat().st_size for file in pathlib.Path(daemon.state_dir).glob("awaitd.db*"))


def talkative(kilobytes, count=1):
    """Jobs with so much output each."""
    return {**shell(f"head -c {kilobytes}000 /dev/zero | tr '\\0' x"), "count": count}


def test_what_ended_too_long_ago_is_forgotten(start_daemon, stored):
    daemon = start_daemon(config={"store": {"keep": "500ms"}})
    with daemon.client() as client:
        held = client.submit(wait_job(3600))
        _, summary = client.run(wait_job(0, count=1000), key="once")
        eventually(lambda: stored(daemon) == [held], "it is forgotten")
    daemon.restart(kill=True)
    assert listed(daemon) == [held]
    with daemon.client() as client:
        with pytest.raises(RpcError, match="1: "):
            client.call("batch.show", batch=summary["batch"])
        again = client.call("batch.submit", jobs=[wait_job(0)], key="once")
        assert again["existing"] is False, "its key is free"
        assert again["batch"] > summary["batch"], "numbers are not given twice"


def test_what_ended_first_goes_early_where_room_is_short(start_daemon, stored, used):
    daemon = start_daemon(config={"store": {"keep": 0, "bytes": "6MiB"}})
    with daemon.client() as client:
        held = client.submit(wait_job(3600))
        batches = [client.run(talkative(100, count=10))[1]["batch"] for _ in range(10)]
    eventually(lambda: used(daemon) <= 6 * MIB and len(stored(daemon)) <= 7, "there was no room for them")
    left = stored(daemon)
    assert left == [held] + batches[-len(left) + 1:]
    assert len(left) > 3
    daemon.restart(kill=True)
    assert listed(daemon) == left[::-1]


@pytest.mark.slow
def test_the_files_do_not_grow_without_bound(start_daemon, stored):
    daemon = start_daemon(config={"store": {"keep": "300ms"}})
    largest = 0
    with daemon.client() as client:
        for _ in range(15):  # 75 MB in all
            client.run(talkative(100, count=50))
            for _ in range(20):
                client.run(wait_job(0))
            largest = max(largest, size(daemon))
    eventually(lambda: stored(daemon) == [], "all are forgotten")
    database = pathlib.Path(daemon.state_dir) / "awaitd.db"
    eventually(lambda: database.stat().st_size < 4 * MIB, "the room is given back")
    assert largest < 60 * MIB
    daemon.stop()
    assert size(daemon) < 4 * MIB, "and the log is written back"
