"""The tokenize plugin on files: chunks, sizes, kinds, bytes that are no text, and the example."""

import collections
import json
import os
import random
import re
import subprocess
import time

import pytest

from awaitd import AWAITCTL, DEADLINE, SANITIZED, SOURCE, memory_kib, need

PIECES = ["one", "Two", "three", " ", " ", "  ", ", ", "\n", "\n", "\r\n", "\n\n", "don't", "3.14", "é",
          "e\u0301", "日本", "мир", "👩‍👧", "🇩🇪", "\u2028", "."]


def run_file(client, path, **params):
    jobs, _ = client.run({"plugin": "tokenize", "params": {"file": str(path), **params}})
    return jobs[0]


def told(job):
    assert job["state"] == "succeeded", job
    return json.loads(job["output"])


def tokens_of(job):
    assert job["state"] == "succeeded", job
    return [json.loads(line) for line in job.get("output", "").split("\n")[:-1]]


@pytest.fixture
def corpus(folder):
    """A file of some 100 KB with lines of all lengths."""
    chance = random.Random(3)
    path = folder / "corpus"
    path.write_bytes("".join(chance.choices(PIECES, k=30000)).encode())
    return path


# ---- Chunks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["words", "segments", "graphemes", "lines"])
def test_the_chunks_of_a_file_have_each_token_once(client, corpus, unit):
    params = {"file": str(corpus), "unit": unit, "output": "tokens"}
    whole = tokens_of(run_file(client, **{**params, "path": params.pop("file")}))
    for chunks in (1, 2, 7, 100):
        entry = {"plugin": "tokenize", "count": chunks,
                 "params": {"file": str(corpus), "chunk": f"{{index}}/{chunks}", **params}}
        jobs, _ = client.run(entry)
        found = []
        for job in sorted(jobs, key=lambda job: job["job"]):
            found += tokens_of(job)
        assert found == whole, f"{chunks} chunks"


def test_a_file_cut_at_any_bytes_has_each_token_once(client, corpus):
    size = corpus.stat().st_size
    whole = tokens_of(run_file(client, corpus, output="tokens"))
    chance = random.Random(5)
    for _ in range(10):
        cuts = [0, *sorted(chance.sample(range(1, size), 20)), size + 100]
        entries = [{"plugin": "tokenize", "params": {
            "file": str(corpus), "output": "tokens", "offset": begin, "length": end - begin}}
            for begin, end in zip(cuts, cuts[1:])]
        jobs, _ = client.run(*entries)
        found = []
        for job in sorted(jobs, key=lambda job: job["job"]):
            found += tokens_of(job)
        assert found == whole, cuts


def test_counts_of_chunks_add_up(client, corpus):
    whole = told(run_file(client, corpus, top=1000))
    entry = {"plugin": "tokenize", "count": 9,
             "params": {"file": str(corpus), "chunk": "{index}/9", "top": 1000}}
    parts = [told(job) for job in client.run(entry)[0]]
    assert sum(part["tokens"] for part in parts) == whole["tokens"]
    assert sum(part["bytes"] for part in parts) == whole["bytes"] == corpus.stat().st_size
    assert all(len(part["top"]) == part["distinct"] for part in parts)
    counts = collections.Counter()
    for part in parts:
        counts.update(dict(part["top"]))
    assert counts == dict(whole["top"])


def test_what_lies_past_the_end_has_no_tokens(client, folder):
    path = folder / "short"
    path.write_text("one\ntwo\n", encoding="utf-8")
    for params in ({"offset": 8}, {"offset": 9}, {"offset": "1TiB"}, {"offset": 2**52, "length": 2**52},
                   {"offset": 5, "length": 1}):
        assert told(run_file(client, path, **params)) == {
            "tokens": 0, "distinct": 0, "bytes": 0, "top": []}
    assert told(run_file(client, path, offset=4))["tokens"] == 1
    assert told(run_file(client, path, length=1))["tokens"] == 1
    empty = folder / "empty"
    empty.touch()
    assert told(run_file(client, empty, output="count")) == {"tokens": 0, "bytes": 0}
    assert told(run_file(client, empty, output="count", chunk="3/4")) == {"tokens": 0, "bytes": 0}


def test_a_file_without_newlines_is_one_line_of_the_first_chunk(client, folder):
    path = folder / "one-line"
    path.write_text("word " * 100000, encoding="utf-8")
    entry = {"plugin": "tokenize", "count": 4,
             "params": {"file": str(path), "chunk": "{index}/4", "output": "count"}}
    jobs, _ = client.run(entry)
    assert {job["job"]: told(job)["tokens"] for job in jobs} == {0: 100000, 1: 0, 2: 0, 3: 0}


# ---- Bytes that are no text ----------------------------------------------------------------------


def test_bytes_that_are_not_utf8_are_told_with_their_place(client, folder):
    path = folder / "latin1"
    path.write_bytes(b"line\n" * 200000 + "größe\n".encode("latin-1"))
    job = run_file(client, path)
    assert job["state"] == "failed"
    assert job["reason"] == ("not UTF-8 at byte 1000002, which is 0xF6 (invalid=replace would take "
                             "U+FFFD for it)")
    assert told(run_file(client, path, length=500000, output="count"))["tokens"] == 100000
    job = run_file(client, path, offset=1000000)
    assert "byte 1000002," in job["reason"]
    assert tokens_of(run_file(client, path, offset=1000000, unit="segments", output="tokens",
                              invalid="replace")) == ["gr", "\ufffd", "\ufffd", "e", "\n"]


def test_any_bytes_can_be_replaced(client, folder):
    path = folder / "random"
    data = random.Random(8).randbytes(300000)
    path.write_bytes(data)
    assert run_file(client, path, output="count")["state"] == "failed"
    whole = told(run_file(client, path, output="count", unit="graphemes", invalid="replace"))
    assert whole["bytes"] == len(data)
    entry = {"plugin": "tokenize", "count": 5,
             "params": {"file": str(path), "chunk": "{index}/5", "output": "count",
                        "unit": "graphemes", "invalid": "replace"}}
    assert sum(told(job)["tokens"] for job in client.run(entry)[0]) == whole["tokens"]


def test_nul_bytes_are_characters(client, folder):
    path = folder / "nul"
    path.write_bytes(b"a\0b\n")
    assert tokens_of(run_file(client, path, unit="segments", output="tokens")) == [
        "a", "\0", "b", "\n"]


# ---- Kinds of files ------------------------------------------------------------------------------


def test_what_is_no_readable_file_is_told(client, folder):
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    (folder / "link").symlink_to("real")
    (folder / "real").write_text("linked", encoding="utf-8")
    reasons = {
        folder / "missing": f"cannot open {folder}/missing: No such file or directory",
        folder: f"cannot read {folder}: it is a directory, not a regular file",
        folder / "fifo": f"cannot read {folder}/fifo: it is a FIFO, not a regular file",
        "/proc/version": "cannot read /proc/version: it has text, but no size, as files of /proc do",
        "/dev/zero": "cannot read /dev/zero: it is a device, not a regular file",
        folder / "loop": f"cannot open {folder}/loop: Too many levels of symbolic links",
        folder / "real/below": f"cannot open {folder}/real/below: Not a directory",
        "relative": 'file is "relative", but has to be an absolute path: the daemon\'s directory is '
                    "not yours",
        "": 'file is "", but has to be an absolute path: the daemon\'s directory is not yours',
    }
    for path, reason in reasons.items():
        job = run_file(client, path)
        assert (job["state"], job["reason"]) == ("failed", reason)
    assert told(run_file(client, folder / "link"))["top"] == [["linked", 1]]


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_may_not_be_read_is_told(client, folder):
    path = folder / "secret"
    path.touch(mode=0)
    assert run_file(client, path)["reason"] == f"cannot open {path}: Permission denied"


def test_chunks_that_are_none_are_told(client, folder):
    path = folder / "file"
    path.touch()
    for chunk in ("", "1", "2/2", "0/0", "a/b", "0/1000001"):
        assert "from 0/8 to 7/8 for eight" in run_file(client, path, chunk=chunk)["reason"]
    assert run_file(client, path, chunk="0/2", offset=3)["reason"] == (
        "chunk, or offset and length: not both")


# ---- Sizes ---------------------------------------------------------------------------------------


def highest_memory(daemon):
    return max(memory_kib(pid, "VmHWM") for pid in daemon.worker_pids())


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps freed memory")
def test_a_large_file_takes_little_memory(daemon, folder):
    path = folder / "large"
    line = ("Some words, nothing else; größer " * 30).encode()
    with open(path, "wb") as file:
        for _ in range(64):
            file.write(line * 1000)  # a line of 1 MB
            file.write(b"\n")
    with daemon.client() as client:
        run_file(client, "/etc/passwd")
        before = highest_memory(daemon)
        assert told(run_file(client, path))["tokens"] == 64 * 1000 * 30 * 5
        assert highest_memory(daemon) - before < 4096


def test_a_token_larger_than_the_window_may_be_is_told(client, folder):
    path = folder / "large"
    path.write_bytes(b"short\n" + b"x" * (17 << 20))
    for unit in ("words", "lines"):
        job = run_file(client, path, unit=unit)
        assert job["state"] == "failed"
        # The window may still hold the newline before it.
        assert re.match(r"a (token|line) that begins near byte [56] is too large: more than 16777216 "
                        "bytes are held for none", job["reason"]), job["reason"]
    path.write_bytes(b"short\n" + b"x" * (15 << 20))
    assert told(run_file(client, path, top=0))["distinct"] == 2


def test_a_job_on_an_endless_file_ends_when_cancelled(daemon, folder):
    path = folder / "endless"
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # without a block on the disk
    with daemon.client() as client:
        for unit in ("words", "graphemes"):
            batch = client.submit({"plugin": "tokenize", "params": {
                "file": str(path), "unit": unit, "output": "count"}}, follow="each")
            daemon.busy_worker()
            pids = daemon.worker_pids()
            begin = time.monotonic()
            client.call("batch.cancel", batch=batch)
            jobs, _ = client.follow(batch)
            assert jobs[0]["state"] == "cancelled"
            # A window takes some milliseconds; the rest is for machines with much else to do.
            assert time.monotonic() - begin < 10
            assert daemon.worker_pids() == pids, "the worker had to be replaced"


# ---- On the command line -------------------------------------------------------------------------


def test_items_are_files(daemon, folder):
    names = []
    for number in range(5):
        path = folder / f"part {number}.txt"
        path.write_text("word " * (number + 1), encoding="utf-8")
        names.append(str(path))
    (folder / "files").write_text("\n".join(names) + "\n", encoding="utf-8")
    result = daemon.ctl("-q", "run", "tokenize", "file={item}", "output=count", "--items",
                        f"@{folder}/files", "--output", check=0)
    counts = dict(line.split(": ", 1) for line in result.stdout.splitlines() if line[0] == "1")
    assert {job: json.loads(output)["tokens"] for job, output in counts.items()} == {
        f"1.{number}": number + 1 for number in range(5)}


def test_the_example_counts_a_corpus_over_all_workers(daemon, folder):
    need("jq")
    env = {**daemon.env, "AWAITD_SOCKET": str(daemon.socket_path), "TMPDIR": str(folder),
           "PATH": f"{AWAITCTL.parent}:{os.environ['PATH']}"}
    result = subprocess.run([SOURCE / "examples/tokenize-corpus.sh", "2", "4"], env=env,
                            capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert result.returncode == 0, result.stderr
    assert not list(folder.iterdir()), "it leaves its corpus behind"
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    split, files, whole = lines
    assert split == files == whole
    assert whole["bytes"] >= 2_000_000
