"""What it costs that batches outlive the daemon: each figure next to the same without, in one run."""

import contextlib
import os
import pathlib
import subprocess
import tempfile
import time

import awaitd
from process_figures import PeakMemory, wake_ups

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1 << 20
# A row that has been shown means nothing of it is left to be written; a day is more than any of this takes.
FOREVER_S = 86400


@contextlib.contextmanager
def running(plugins=None):
    """A daemon whose workers are ready, which says little and gives jobs no time when it is told to stop."""
    config = {"daemon": {"workers": 0, "grace": "0s"}, "log": {"level": "warning"}}
    daemon = awaitd.Daemon({**config, **({"plugins": plugins} if plugins else {})})
    try:
        daemon.start()
        awaitd.eventually(daemon.workers_ready, "the workers are ready")
        yield daemon
        daemon.stop()
    finally:
        with contextlib.redirect_stdout(None):
            daemon.clean_up()


def pids_of(daemon):
    return [daemon.process.pid, *daemon.worker_pids()]


def store_of(daemon):
    """What the store says of itself, once all that was recorded is committed."""
    def settled():
        store = daemon.call("daemon.status")["store"]
        return store if store["waiting"] == 0 else None

    return awaitd.eventually(settled, "all is committed")


def cpu_seconds(pid):
    """The processor time of a supervisor's two threads so far: of the loop, and of the store."""
    seconds = {"store": 0.0}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text(encoding="ascii").strip()
        seconds[name] = int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    return seconds.pop("store"), sum(seconds.values())


def number(count):
    return f"{count:,}"


def name_of(durable):
    return "durable" if durable else "not durable"


# ---- Throughput ----------------------------------------------------------------------------------


def array(bench):
    count, seconds = bench.scaled(1_000_000), 2 if bench.quick else 10
    for durable, more_s in ((False, 0.9), (True, 1.5)):
        with running() as daemon, PeakMemory(pids_of(daemon)) as memory:
            wall = bench.load(daemon, "summary", "array", count, seconds, durable)["wall"]
        name = f"{number(count)} x {seconds} s, array, {name_of(durable)}"
        bench.row(f"{name}: wall", f"{wall:.2f} s", f"<= {seconds + more_s:.1f} s")
        bench.row(f"{name}: memory", f"{memory.bytes / MIB:.0f} MiB", "<= 400 MiB")


def distinct(bench):
    count = bench.scaled(500_000)
    for durable in (False, True):
        with running() as daemon:
            wall = bench.load(daemon, "summary", "distinct", count, 0, durable)["wall"]
            store_s, loop_s = cpu_seconds(daemon.process.pid)
        bench.row(f"{number(count)} empty waits, distinct, {name_of(durable)}",
                  f"{count / wall:,.0f}/s", ">= 250,000/s",
                  f"{loop_s / count * 1e6:.2f} us of the loop each, {store_s / count * 1e6:.2f} us of the store")


# ---- Latency -------------------------------------------------------------------------------------


def latency(bench):
    for clients, count in ((1, 3000), (10, 1000), (100, 200)):
        for durable in (False, True):
            with running() as daemon:
                bench.load(daemon, "each", "single", 20, 0, durable, clients)  # warms up
                begin = store_of(daemon)["commits"]
                result = bench.load(daemon, "each", "single", bench.scaled(count), 0, durable, clients)
                commits = store_of(daemon)["commits"] - begin
            name = f"one empty wait, submit to done, {clients} at once, {name_of(durable)}: "
            target = ("<= 300 us" if durable else "<= 150 us") if clients == 1 else ""
            bench.row(f"{name}p50", f"{result['latency']['p50'] * 1e6:.0f} us", target)
            bench.row(f"{name}p99", f"{result['latency']['p99'] * 1e6:.0f} us", "",
                      f"{commits / result['wall']:,.0f} commits/s" if durable else "")


# ---- Start ---------------------------------------------------------------------------------------


def submit_array(bench, daemon, count):
    bench.load(daemon, "none", "array", count, FOREVER_S, durable=True, to_end=False)


def submit_half_done(bench, daemon, count):
    with daemon.client() as client:
        batch = client.submit(awaitd.wait_job(0, count=count // 2),
                              awaitd.wait_job(FOREVER_S, count=count // 2))
        awaitd.eventually(lambda: client.call("batch.show", batch=batch)["succeeded"] == count // 2,
                          "half of them are done")


def submit_distinct(bench, daemon, count):
    bench.load(daemon, "none", "distinct", count, FOREVER_S, durable=True, to_end=False)


def start(bench):
    count = bench.scaled(1_000_000)
    for name, submit in (("an array", submit_array), ("an array, half done", submit_half_done),
                         ("distinct", submit_distinct)):
        with running() as daemon:
            submit(bench, daemon, count)
            store_of(daemon)
            daemon.kill()
            begin = time.monotonic()
            daemon.start()
            ready = time.monotonic() - begin
            store_s, loop_s = cpu_seconds(daemon.process.pid)
            jobs = daemon.call("batch.list")["batches"][0]["jobs"]
            if jobs != count:
                raise SystemExit(f"{count - jobs} jobs are missing")
            daemon.kill()
            bench.row(f"start after kill -9 with {number(count)} unfinished jobs, {name}", f"{ready:.2f} s",
                      "<= 3 s", f"{loop_s:.2f} s of the loop, {store_s:.2f} s of the store")
            daemon.start()  # to be stopped in order


# ---- What is kept of results ---------------------------------------------------------------------


def build_say(directory):
    plugin = pathlib.Path(directory) / "say.so"
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=gnu17", "-shared", "-fPIC",
                    f"-I{awaitd.SOURCE}/include", str(HERE / "say.c"), "-o", str(plugin)], check=True)
    return plugin


def run_say(daemon, size, count, durable):
    """Wall time, and the processor time of the store and the loop."""
    before = cpu_seconds(daemon.process.pid)
    begin = time.monotonic()
    with daemon.client() as client:
        client.submit({"plugin": "say", "params": {"bytes": size}, "count": count}, durable=durable,
                      follow="summary")
        summary = client.event()["params"]
    wall = time.monotonic() - begin
    if summary["succeeded"] != count:
        raise SystemExit(f"jobs did not succeed: {summary}")
    return wall, *(after - first for first, after in zip(before, cpu_seconds(daemon.process.pid)))


def results(bench):
    count = bench.scaled(1_000_000)
    with tempfile.TemporaryDirectory() as directory:
        plugins = ({"file": str(build_say(directory))},)
        for size in (0, 100):
            name = f"{number(count)} results of {size} bytes: "
            with running(plugins) as daemon:
                _, _, loop_s = run_say(daemon, size, count, False)
                before = store_of(daemon)["commits"]
                wall, store_s, durable_loop_s = run_say(daemon, size, count, True)
                commits = store_of(daemon)["commits"] - before
                daemon.terminate()
                daemon.wait()
                left = sum(file.stat().st_size for file in pathlib.Path(daemon.state_dir).glob("awaitd.db*"))
                daemon.start()
            bench.row(f"{name}rate", f"{count / wall:,.0f}/s", "",
                      f"{commits / wall:,.0f} commits/s of {count / commits:,.0f} results")
            bench.row(f"{name}the store's thread", f"{store_s:.2f} s of processor time", "",
                      f"the loop: {durable_loop_s:.2f} s, not durable {loop_s:.2f} s")
            bench.row(f"{name}files after stop", f"{left / MIB:.1f} MiB", "", f"{left / count:.1f} bytes each")


# ---- Idle ----------------------------------------------------------------------------------------


def idle(bench):
    seconds = 3 if bench.quick else 10
    with running() as daemon:
        bench.load(daemon, "each", "array", 1000, 0, durable=True)
        store_of(daemon)
        pids = pids_of(daemon)
        time.sleep(3)  # the log is written back when nothing was committed for a second
        before = sum(map(wake_ups, pids))
        time.sleep(seconds)
        woken = sum(map(wake_ups, pids)) - before
    bench.row(f"idle for {seconds} s with a store, all processes: wake-ups", str(woken), "0")


def durable(bench):
    """Batches that outlive the daemon, and what that costs."""
    for measure in (array, distinct, latency, start, results, idle):
        measure(bench)
