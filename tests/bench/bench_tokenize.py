"""Measures the tokenize plugin next to libunistring alone; bench.py runs it."""

import contextlib
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

import awaitd

HERE = pathlib.Path(__file__).resolve().parent

# Bytes of a window, as the plugin's own.
WINDOW_BYTES = 256 << 10

# Lines by the dozen: mostly ASCII, some with marks, some without a single ASCII letter.
VOCABULARY = {
    12: "the of and to in is that for it as was with be by on not he his but at are this have from or had "
        "an they which one you were all her she there would their we him been has when who will no more "
        "if out so up said what its about than into them can only other time new some could these two may "
        "first then do any like my now over such our man me even most made after also did many don't 3.14 "
        "1,000 x_1 e.g. tokenizer considerable",
    3: "der die das und straße für über schön größe können naïve café déjà être où garçon año señor "
       "ünïcödé Zürich",
    2: "слово мир и в не на я быть он с что а по это она этот к но они мы весь который из",
    1: "日本語 の テスト 東京 へ 行く です 漢字 かな 中文 分詞",
    0.5: "👩‍👩‍👧 🇩🇪 👍🏽 ☀️ ok",
}


def make_corpus(path, size):
    """A text of about the size, always the same."""
    chance = random.Random(29)
    lines = []
    for weight, text in VOCABULARY.items():
        words = text.split()
        for _ in range(int(weight * 200)):
            some = chance.choices(words, weights=[1 / (i + 2) for i in range(len(words))],
                                  k=chance.randint(5, 16))
            lines.append((" ".join(some).capitalize() + chance.choice(".?!,;:") + "\n").encode())
    with open(path, "wb") as file:
        while file.tell() < size:
            file.writelines(chance.choices(lines, k=5000))
    return path.stat().st_size


@contextlib.contextmanager
def daemon_with(workers):
    daemon = awaitd.Daemon(config={"daemon": {"workers": workers}})
    try:
        daemon.start()
        yield daemon
        daemon.stop()
    finally:
        with contextlib.redirect_stdout(None):
            daemon.clean_up()


def processor_seconds(pids):
    """The processor time that the processes have taken so far, to the nanosecond."""
    total = 0
    for pid in pids:
        for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(stat.read_text(encoding="ascii").split()[0])
    return total / 1e9


def run(daemon, corpus, chunks, **params):
    """Seconds from the submission to the end, the workers' processor time, and all tokens."""
    entry = {"plugin": "tokenize", "count": chunks,
             "params": {"file": str(corpus), "chunk": f"{{index}}/{chunks}", **params}}
    with daemon.client() as client:
        pids = daemon.worker_pids()
        used, begin = processor_seconds(pids), time.monotonic()
        jobs, summary = client.run(entry)
        seconds = time.monotonic() - begin
        used = processor_seconds(pids) - used
    if summary["state"] != "succeeded":
        raise SystemExit(f"a batch did not succeed: {jobs}")
    return seconds, used, sum(json.loads(job["output"])["tokens"] for job in jobs)


def tokenize(bench):
    """A text of some dozen MB in words, next to libunistring alone in one thread."""
    with tempfile.TemporaryDirectory() as directory, daemon_with(1) as one, daemon_with(2) as two:
        directory = pathlib.Path(directory)
        directory.chmod(0o755)
        corpus, alone = directory / "corpus", directory / "alone"
        size = make_corpus(corpus, bench.scaled(48_000_000)) / 1e6
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=gnu17", "-D_GNU_SOURCE",
                        str(HERE / "tokenize_alone.c"), "-o", str(alone), "-lunistring"], check=True)
        ways = {
            "one thread, output=count": lambda: run(one, corpus, 1, output="count"),
            "one thread, output=counts": lambda: run(one, corpus, 1),
            "one thread, output=counts, lowercase": lambda: run(one, corpus, 1, lowercase=True),
            "2 workers, output=count": lambda: run(two, corpus, 8, output="count"),
            "2 workers, output=counts": lambda: run(two, corpus, 8),
        }
        taken = {name: [] for name in ways}
        peer = []
        # By turns, so that all are measured under the same conditions.
        for _ in range(1 if bench.quick else 4):
            answer = json.loads(subprocess.check_output([alone, corpus, str(WINDOW_BYTES)]))
            peer.append((answer["seconds"], answer["processor"]))
            for name, way in ways.items():
                *spent, tokens = way()
                taken[name].append(spent)
                if tokens != answer["words"]:
                    raise SystemExit(f"{name}: {tokens} words, but there are {answer['words']}")
    targets = {"one thread, output=count": ">= 0.95 x", "2 workers, output=count": ">= 1.8 x"}
    wall, processor = best(peer)
    for name, spent in taken.items():
        seconds, used = best(spent)
        bench.row(f"tokenize {size:.0f} MB, words, {name}", f"{size / seconds:.0f} MB/s",
                  targets.get(name, ""),
                  f"libunistring alone {size / wall:.0f} MB/s, {wall / seconds:.2f} x; by processor "
                  f"time {processor / used:.2f} x")


def best(pairs):
    """The least of each: what the machine can do where nothing else disturbs it."""
    return tuple(map(min, zip(*pairs)))
