"""What must be true in the end, told by the daemon itself and by its database."""

import contextlib
import shutil
import sqlite3

import awaitd
from ledger import Batch


def listed(client):
    """All batches that there are, by number."""
    found, cursor = {}, {}
    while True:
        answer = client.call("batch.list", limit=1000, **cursor)
        for summary in answer["batches"]:
            assert found.setdefault(summary["batch"], summary) is summary, "it is listed twice"
        if "cursor" not in answer:
            return found
        cursor = {"cursor": answer["cursor"]}


def find_lost(client, ledger):
    """Adds batches to the ledger whose submission was not answered and that are there all the same, and sees to
    it that they end. Returns how many there are."""
    numbers = {}
    for number, summary in listed(client).items():
        assert numbers.setdefault(summary["name"], number) == number, f"two are called {summary['name']}"
    found = 0
    for name, plan in ledger.lost.items():
        if name not in numbers:
            continue
        found += 1
        batch = ledger.batches[numbers[name]] = Batch(ledger, plan, numbers[name], 0)
        if plan.opened:
            plan.jobs.clear()  # none was added, since nobody knew its number
            plan.pieces.clear()
        if plan.opened or plan.to_cancel or plan.cancel_jobs:
            batch.cancelled = True
            client.call("batch.cancel", batch=batch.number)
        client.call("batch.wait", batch=batch.number, timeout=awaitd.DEADLINE)
    return found


def check_batches(client, ledger, batches, boot):
    """Whether each of them is what the ledger says, in all ways in which the daemon tells of it."""
    there = listed(client)
    unknown = set(there) - set(ledger.batches)
    assert not unknown, f"nobody submitted {[there[number] for number in unknown]}"
    for batch in batches:
        plan, number = batch.plan, batch.number
        if not plan.durable:
            check_passing(client, batch, number in there, boot)
            continue
        assert number in there, f"{batch} was acknowledged, and is not there"
        client.call("batch.watch", batch=number)
        events, summary = client.follow(number)
        batch.check(events, summary)
        assert summary.items() <= there[number].items(), (summary, there[number])
        shown = client.call("batch.show", batch=number)
        assert summary.items() <= shown.items(), (summary, shown)
        assert shown.get("key") == plan.key, shown
        for event in events[:3] + events[-3:]:
            job = client.call("job.show", batch=number, job=event["job"])
            told = {name: value for name, value in event.items() if name != "seq"}
            assert told.items() <= job.items(), (told, job)


def check_passing(client, batch, is_listed, boot):
    """The same of one that is not durable: it is gone with its daemon, and may be forgotten before."""
    assert not is_listed or batch.boot == boot and not batch.gone, f"{batch} should be gone"
    batch.check_told()
    with contextlib.suppress(awaitd.RpcError):
        client.call("batch.watch", batch=batch.number)
        batch.check(*client.follow(batch.number))


def check_database(path, ledger, copy):
    """Whether the file is sound, and what it has is what was acknowledged. The daemon has ended."""
    shutil.copy(path, copy)
    for more in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copy(f"{path}{more}", f"{copy}{more}")
    with contextlib.closing(sqlite3.connect(copy)) as database:
        def rows(sql):
            return database.execute(sql).fetchall()

        assert rows("PRAGMA integrity_check") == [("ok",)]
        for table in ("piece", "job", "results"):
            orphans = rows(f"SELECT * FROM {table} WHERE batch NOT IN (SELECT number FROM batch)")
            assert not orphans, f"{table}: {orphans[:3]}"
        assert rows("SELECT count(*) FROM job") == [(0,)], "jobs that have ended are remembered"
        assert rows("SELECT number FROM batch WHERE state IS NULL") == []
        stored = dict(rows("SELECT number, jobs FROM batch"))
        durable = {batch.number: len(batch.plan.jobs) for batch in ledger.batches.values()
                   if batch.plan.durable}
        assert stored == durable
        results = dict(rows("SELECT batch, count(DISTINCT job) FROM result GROUP BY batch"))
        assert results == {number: jobs for number, jobs in durable.items() if jobs}
        doubles = rows("SELECT batch FROM result GROUP BY batch "
                       "HAVING count(*) != count(DISTINCT job) OR count(*) != max(seq) + 1")
        assert not doubles, f"jobs that ended twice, or never, in {doubles}"
        last, = rows("SELECT max(value, (SELECT max(number) FROM batch)) FROM meta "
                     "WHERE name = 'last_number'")
        assert last[0] >= max(ledger.batches)
