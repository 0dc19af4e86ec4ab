"""Asks all questions of docs/STORE.md, as they stand there: those to awaitctl of a daemon that has done a little of
everything, those in SQL of the copy that it made."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import types

import pytest

from awaitd import AWAITCTL, DEADLINE, SOURCE, Daemon, eventually, need, wait_job
from test_exec import shell

PAGE = (SOURCE / "docs/STORE.md").read_text(encoding="utf-8")
QUESTION = re.compile(r"^### (?P<title>.+)\n(?P<text>(?:(?!^##).*\n)+)", re.MULTILINE)
BLOCK = re.compile(r"^```(?P<language>sh|sql)\n(?P<code>(?:.*\n)+?)```$", re.MULTILINE)
# Rows of the table of tables.
TABLES = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def blocks(language):
    """(title, code) of each question that has one."""
    return [pytest.param(question["title"], block["code"], id=question["title"])
            for question in QUESTION.finditer(PAGE) for block in BLOCK.finditer(question["text"])
            if block["language"] == language]


def run(script, **entry):
    return {**shell(script), **entry}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A daemon with a history, and a copy of its store."""
    daemon = Daemon().start()  # as start_daemon does, but once for all questions
    try:
        with daemon.client() as client:
            # Job 3 is the slowest, and job 4 the report.
            client.run(wait_job(0, count=3), wait_job(0.2), run("echo all is well", name="report"),
                       run("exit 3", count=2), name="nightly")
            client.run(run("exit 3"), run("exit 4"), wait_job(0, items=["a", "b"]),
                       retry={"max": 2, "delay": 0.001}, name="stubborn")
            client.run(wait_job(0, items=["x", "y", "z"]), run("echo all is ill", name="report"))
            batch = client.submit(wait_job(0, count=7), wait_job(3600, items=["1", "2"]),
                                  wait_job(3600, count=100, after_any="never", name="later-{index}"),
                                  wait_job(3600, name="never"), name="long", limit=50)
            eventually(lambda: client.call("batch.show", batch=batch)["succeeded"] == 7,
                       "the first have ended")
        copy = tmp_path_factory.mktemp("copy") / "awaitd.db"
        told = daemon.ctl("backup", copy, check=0).stdout
        yield types.SimpleNamespace(daemon=daemon, copy=copy, told=told)
        daemon.stop()
    finally:
        daemon.clean_up()


@pytest.fixture(scope="module")
def database(asked):
    if sqlite3.sqlite_version_info < (3, 38):
        pytest.skip("the queries need sqlite3 3.38")
    with contextlib.closing(sqlite3.connect(f"file:{asked.copy}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


# ---- Answers -------------------------------------------------------------------------------------


def slowest(rows):
    assert len(rows) == 7
    assert (rows[0]["job"], rows[0]["state"]) == (3, "succeeded")
    assert rows[0]["run"] >= 0.2
    assert sorted(rows, key=lambda row: -row["run"]) == rows
    assert all(row["queued"] >= 0 for row in rows)


def reasons(rows):
    told = {row["reason"]: (row["jobs"], row["batches"], row["latest"]) for row in rows}
    assert told == {"exit 3": (3, 2, 2), "exit 4": (1, 1, 2)}
    assert rows[0]["reason"] == "exit 3"


def throughput(rows):
    done = {}
    for row in rows:  # of two hours, where one has just begun
        batches, jobs = done.get(row["plugin"], (0, 0))
        done[row["plugin"]] = (batches + row["batches"], jobs + row["jobs"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:00", row["hour"])
    assert done == {"exec": (3, 15), "wait": (3, 15)}


def unfinished(rows):
    (row,) = rows
    assert (row["number"], row["name"], row["jobs"], row["ended"]) == (4, "long", 110, 7)


def reports(rows):
    assert [(row["batch"], row["job"], row["state"], row["output"]) for row in rows] == [
        (3, 3, "succeeded", "all is ill\n"), (1, 4, "succeeded", "all is well\n")]


def attempts(rows):
    (row,) = rows
    assert (row["number"], row["name"], row["retries"]) == (2, "stubborn", 4)


def room(rows):
    assert {row["batch"]: row["ends"] for row in rows} == {1: 7, 2: 4, 3: 4, 4: 7}


ROWS = {
    "Which jobs of a batch took longest?": slowest,
    "Why did jobs fail in the last day?": reasons,
    "How much was done, by hour and plugin?": throughput,
    "What has not finished, and how far has it come?": unfinished,
    "What did the job of this name output, the last few times?": reports,
    "Which batches needed many attempts?": attempts,
    "What takes the room?": room,
}


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def counted(text):
    pairs = (line.split(maxsplit=1) for line in text.splitlines())
    assert [(int(jobs), reason) for jobs, reason in pairs] == [(3, "exit 3"), (1, "exit 4")]


def done_by_plugin(text):
    (row,) = objects(text)
    assert (row["batches"], row["jobs"]) == (3, 15)
    assert row["work"] > 0.2


def running(text):
    assert re.search(r"^ *4 +running .* 110 +7 .*long", text, re.MULTILINE)
    assert "nightly" not in text


def stubborn(text):
    assert objects(text) == [{"batch": 2, "name": "stubborn", "retries": 4}]


def is_well(text):
    assert text == "all is well\n\n"


TEXTS = {
    "Which jobs of a batch took longest?": lambda text: slowest(objects(text)),
    "Why did jobs fail in the last day?": counted,
    "How much was done, by hour and plugin?": done_by_plugin,
    "What has not finished, and how far has it come?": running,
    "What did the job of this name output, the last few times?": is_well,
    "Which batches needed many attempts?": stubborn,
}


@pytest.mark.parametrize("title, code", blocks("sql"))
def test_a_query_answers_its_question(database, title, code):
    ROWS[title]([dict(row) for row in database.execute(code)])


@pytest.mark.parametrize("title, code", blocks("sh"))
def test_awaitctl_answers_it_too(asked, title, code):
    need("jq")
    env = {**os.environ, **asked.daemon.env, "AWAITD_SOCKET": str(asked.daemon.socket_path),
           "PATH": f"{AWAITCTL.parent}:{os.environ['PATH']}"}
    result = subprocess.run(["sh", "-c", code], env=env, capture_output=True, text=True,
                            timeout=DEADLINE, check=False)
    assert not result.stderr
    TEXTS[title](result.stdout)


def test_all_questions_are_asked():
    assert {param.id for param in blocks("sql")} == set(ROWS)
    assert {param.id for param in blocks("sh")} == set(TEXTS)


def test_the_copy_is_as_it_says(asked, database):
    assert asked.copy.stat().st_mode & 0o7777 == 0o600
    example = re.search(r"^ +\$ awaitctl backup (\S+)\n +(wrote .+)$", PAGE, re.MULTILINE)
    pattern = re.escape(example[2]).replace(re.escape(example[1]), re.escape(str(asked.copy)))
    assert re.fullmatch(re.sub(r"84\\\.0", r"[\\d.]+", pattern), asked.told.strip())
    (check,) = database.execute("PRAGMA integrity_check").fetchone()
    assert check == "ok"
    again = asked.daemon.ctl("backup", asked.copy)
    assert again.returncode != 0
    assert str(asked.copy) in again.stderr


def test_its_tables_are_those_of_the_page(database):
    there = {row["name"] for row in database.execute(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")}
    described = PAGE[PAGE.index("\n## Tables\n"):PAGE.index("\n## When something is wrong\n")]
    assert set(TABLES.findall(described)) == there
    (version,) = database.execute("PRAGMA user_version").fetchone()
    assert f"(`PRAGMA user_version`; now {version})" in described
