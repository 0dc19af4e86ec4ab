"""Measures the exec plugin next to bare posix_spawn and xargs; bench.py runs it."""

import contextlib
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import awaitd

HERE = pathlib.Path(__file__).resolve().parent
CORES = len(os.sched_getaffinity(0))


@contextlib.contextmanager
def daemon_with(limit):
    """A daemon as installed, but for how many commands run at once."""
    plugin = {"file": str(awaitd.PLUGIN_DIR / "exec.so"), "limit": limit}
    daemon = awaitd.Daemon(config={"daemon": {"workers": 0}, "plugins": [plugin]})
    try:
        daemon.start()
        yield daemon
        daemon.stop()
    finally:
        with contextlib.redirect_stdout(None):
            daemon.clean_up()


def run_batch(daemon, count, follow):
    """Seconds from the submission to the end."""
    entry = {"plugin": "exec", "params": {"argv": ["/bin/true"]}, "count": count}
    with daemon.client() as client:
        begin = time.monotonic()
        batch = client.call("batch.submit", jobs=[entry], follow=follow)["batch"]
        _, summary = client.follow(batch)
        seconds = time.monotonic() - begin
    if summary["succeeded"] != count:
        raise SystemExit(f"a batch did not succeed: {summary}")
    return seconds


def run_xargs(count):
    words = "\n".join(map(str, range(count)))
    begin = time.monotonic()
    subprocess.run(["xargs", "-P", str(CORES), "-n", "1", "/bin/true"], input=words.encode(),
                   capture_output=True, check=True)
    return time.monotonic() - begin


def run_spawn(program, count, at_once):
    return float(subprocess.check_output([program, str(count), str(at_once)]))


def exec_true(bench):
    """/bin/true with its output captured, next to posix_spawn alone and xargs."""
    count = bench.scaled(5000)
    rounds = 1 if bench.quick else 3
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        spawn = pathlib.Path(directory) / "spawn"
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=gnu17", "-D_GNU_SOURCE",
                        str(HERE / "spawn.c"), "-o", str(spawn)], check=True)
        limits = (64, CORES)
        daemons = {limit: stack.enter_context(daemon_with(limit)) for limit in limits}
        peers = {
            "posix_spawn, one by one": lambda: run_spawn(spawn, count, 1),
            f"posix_spawn, {CORES} at once": lambda: run_spawn(spawn, count, CORES),
            f"xargs -P {CORES}": lambda: run_xargs(count),
        }
        ways = {f"at most {limit} at once": lambda daemon=daemon: run_batch(daemon, count, "summary")
                for limit, daemon in daemons.items()}
        ways["64 at once, each followed"] = lambda: run_batch(daemons[64], count, "each")
        times = {name: [] for name in {**peers, **ways}}
        # By turns, so that all are measured under the same conditions.
        for _ in range(rounds):
            for name, way in {**peers, **ways}.items():
                times[name].append(way())
    rates = {name: count / statistics.median(taken) for name, taken in times.items()}
    best = max(rates[name] for name in list(peers)[:2])
    told = ", ".join(f"{name} {rates[name]:,.0f}/s" for name in peers)
    for name in ways:
        bench.row(f"exec of /bin/true, {name}", f"{rates[name]:,.0f}/s",
                  ">= 0.8 x posix_spawn", f"{rates[name] / best:.2f} x; {told}")
