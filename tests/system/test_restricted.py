"""Parameters that are only for those who could do the same without the daemon."""

import os
import re

import pytest

from awaitd import PLUGIN_DIR, as_nobody, config_file, run_awaitd

PROBLEM = "is only for root and the daemon's own user; awaitd.conf may open it with unrestricted"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def job(**params):
    return {"plugin": "restricted", "params": params}


def start(start_daemon, hostile, **entry):
    return start_daemon(config={"plugins": [{"file": hostile("restricted"), **entry}]})


def test_the_daemons_own_user_may_give_them(start_daemon, hostile):
    with start(start_daemon, hostile).client() as client:
        (event,), _ = client.run(job(file="/etc/shadow", argv=["a", "b"]))
        assert event["output"] == "- /etc/shadow 2"


@needs_root
def test_others_may_not_and_the_whole_batch_is_refused(start_daemon, hostile):
    daemon = start(start_daemon, hostile)
    jobs = [job(text="fine"), job(file="x"), job(argv=["{index}"], text="t"), job(argv=None)]
    refused, listed = as_nobody(daemon, ("batch.submit", {"jobs": jobs}), ("batch.list", {}))
    assert refused["error"]["code"] == 2
    assert refused["error"]["data"]["problems"] == [
        {"field": "jobs[1].params.file", "problem": PROBLEM},
        {"field": "jobs[2].params.argv", "problem": PROBLEM}]
    assert listed["result"]["batches"] == []


@needs_root
def test_others_may_do_without_them(start_daemon, hostile):
    daemon = start(start_daemon, hostile)
    jobs = [job(text="fine"), job(text="{index}", file=None, argv=None)]
    submitted, _ = as_nobody(daemon, ("batch.submit", {"jobs": jobs}),
                             ("batch.wait", {"batch": 1}))
    assert submitted["result"]["jobs"] == 2
    assert daemon.call("job.show", batch=1, job=0)["output"] == "fine usual 0"


@needs_root
def test_they_are_refused_in_pieces_too_even_for_roots_batch(start_daemon, hostile):
    daemon = start(start_daemon, hostile)
    batch = daemon.call("batch.open")["batch"]
    (refused,) = as_nobody(daemon, ("batch.add", {"batch": batch, "jobs": [job(file="x")]}))
    assert refused["error"]["code"] == 2
    assert refused["error"]["data"]["problems"] == [{"field": "jobs[0].params.file",
                                                     "problem": PROBLEM}]
    assert daemon.call("batch.add", batch=batch, jobs=[job(file="x")])["jobs"] == 1


@needs_root
def test_what_else_is_wrong_is_told_with_it(start_daemon, hostile):
    daemon = start(start_daemon, hostile)
    (refused,) = as_nobody(daemon, ("batch.submit", {"jobs": [job(file=5), job(colour=1)]}))
    assert refused["error"]["code"] == 2
    assert [problem["field"] for problem in refused["error"]["data"]["problems"]] == [
        "jobs[0].params.file", "jobs[0].params.file", "jobs[1].params.colour"]


@needs_root
def test_the_configuration_can_open_them_one_by_one(start_daemon, hostile):
    daemon = start(start_daemon, hostile, unrestricted=["file"])
    opened, refused, shown = as_nobody(
        daemon, ("batch.submit", {"jobs": [job(file="x")]}),
        ("batch.submit", {"jobs": [job(argv=["x"])]}), ("plugin.show", {"name": "restricted"}))
    assert opened["result"]["jobs"] == 1
    assert refused["error"]["code"] == 2
    restricted = [row.get("restricted") for row in shown["result"]["params"]]
    assert restricted == [None, None, True]


@needs_root
def test_batches_of_the_configuration_may_give_them(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [{"file": hostile("restricted")}],
                                  "batches": [{"when": "at_start", "jobs": [job(file="x")]}]})
    assert daemon.call("batch.wait", batch=1)["succeeded"] == 1


def test_awaitctl_says_which_they_are(start_daemon, hostile):
    daemon = start(start_daemon, hostile)
    text = daemon.ctl("plugins", "restricted", check=0).stdout
    assert "string, restricted, default: usual\n" in text
    assert "\nWhat is restricted is only for root and the daemon's own user.\n" in text


@pytest.mark.parametrize("name", ["text", "colour", ""])
def test_opening_what_is_not_restricted_is_a_mistake(start_daemon, hostile, folder, name):
    entry = {"file": hostile("restricted"), "unrestricted": ["file", name]}
    words = f'unrestricted: it has no restricted parameter "{name}"'
    path = folder / "awaitd.conf"
    path.write_text(config_file({"daemon": {"plugin_dir": str(PLUGIN_DIR)}, "plugins": [entry]}),
                    encoding="utf-8")
    checked = run_awaitd("-t", "-c", path)
    assert checked.returncode == 78
    assert re.search(rf"{re.escape(str(path))}:\d+: .*{re.escape(words)}", checked.stderr)
    daemon = start_daemon(config={"plugins": [entry]})
    assert daemon.call("plugin.show", name="restricted")["reason"] == words


def test_a_batch_of_the_file_with_them_passes_the_check(hostile, folder):
    path = folder / "awaitd.conf"
    path.write_text(config_file({
        "daemon": {"plugin_dir": str(PLUGIN_DIR)}, "plugins": [{"file": hostile("restricted")}],
        "batches": [{"when": "at_start", "jobs": [job(file="x")]}]}), encoding="utf-8")
    result = run_awaitd("-t", "-c", path)
    assert result.returncode == 0, result.stderr
