#!/usr/bin/python3
"""Measures the installed daemon through its socket and prints a table.

    bench.py [--quick] [NAME...]

NAME: ten late array distinct latency empty idle durable beside http exec_true tokenize orchestration; all by
default. --quick takes a tenth of the jobs and less time; its figures are for finding faults, not for comparing.
AWAITD_PREFIX says where the daemon is installed. Those before durable use batches that may die with the daemon;
durable measures what it costs that others do not.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

import awaitd  # noqa: E402  (the harness of the system tests)
import bench_beside  # noqa: E402
import bench_durable  # noqa: E402
import bench_exec  # noqa: E402
import bench_http  # noqa: E402
import bench_orchestration  # noqa: E402
import bench_tokenize  # noqa: E402
from process_figures import PeakMemory, cpu_seconds, pss_bytes, wake_ups  # noqa: E402

MIB = 1 << 20


# ---- Daemon, load, peer --------------------------------------------------------------------------


@contextlib.contextmanager
def running_daemon():
    """A daemon with as many workers as there are cores, and nothing else changed."""
    daemon = awaitd.Daemon(config={"daemon": {"workers": 0}})
    try:
        daemon.start()
        yield daemon
        daemon.stop()
    finally:
        with contextlib.redirect_stdout(None):
            daemon.clean_up()


def pids_of(daemon):
    return [daemon.process.pid, *daemon.worker_pids()]


class Bench:
    """What all measurements share: the load client, the scale, and the rows of the table."""

    def __init__(self, load, quick):
        self.load_program = load
        self.quick = quick
        self.rows = []

    def scaled(self, count):
        return count // 10 if self.quick else count

    def load(self, daemon, follow, kind, count, seconds, durable=False, clients=1, to_end=True):
        options = [*([] if durable else ["-d"]), "-c", clients, *([] if to_end else ["-n"])]
        command = [self.load_program, *options, daemon.socket_path, follow, kind, count, seconds]
        result = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True,
                                text=True)
        answer = json.loads(result.stdout)
        if not to_end:
            return answer
        answer["summary"] = answer["last"]["params"]
        if answer["summary"]["state"] != "succeeded":
            raise SystemExit(f"a batch did not succeed: {answer['summary']}")
        return answer

    def asyncio(self, count, seconds):
        """The peer: its own figures, the wall time of the whole program, its peak of memory."""
        begin = time.monotonic()
        command = [sys.executable, HERE / "peer_asyncio.py", count, seconds]
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
        with PeakMemory([process.pid]) as memory:
            output, _ = process.communicate()
        if process.returncode != 0:
            raise SystemExit("the asyncio script failed")
        answer = json.loads(output)
        answer["whole"] = time.monotonic() - begin
        answer["memory"] = memory.bytes
        return answer

    def row(self, what, measured, target="", peer=""):
        self.rows.append((what, measured, target, peer))
        print(f"  {what}: {measured}" + (f" (target {target})" if target else "")
              + (f"; {peer}" if peer else ""), file=sys.stderr, flush=True)

    def print_table(self):
        head = ("what", "awaitd", "target", "next to it")
        widths = [max(len(row[i]) for row in [head, *self.rows]) for i in range(4)]
        lines = [head, tuple("-" * width for width in widths), *self.rows]
        for line in lines:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def ms(seconds):
    return f"{seconds * 1e3:.2f} ms"


def us(seconds):
    return f"{seconds * 1e6:.0f} us"


def mib(size):
    return f"{size / MIB:.0f} MiB"


def count_text(count):
    return f"{count:,}"


# ---- The measurements ----------------------------------------------------------------------------


def ten(bench):
    """The main job: ten waits of a second."""
    with running_daemon() as daemon:
        result = bench.load(daemon, "each", "array", 10, 1)
        bench.row("10 x 1 s: speedup", f"{result['summary']['speedup']:.3f}", ">= 9.9")
        bench.row("10 x 1 s: wall, as the client sees it", f"{result['wall']:.4f} s")


def late(bench):
    """How late waits end when there are many."""
    count = bench.scaled(100_000)
    peer = bench.asyncio(count, 1)["late"]
    with running_daemon() as daemon:
        result = bench.load(daemon, "each", "array", count, 1)
    name = f"{count_text(count)} x 1 s: "
    for which, target in (("p50", ""), ("p99", "<= 2 ms"), ("max", "")):
        ours = max(result["late"][which], 1e-9)
        bench.row(f"{name}lateness {which}", ms(ours), target,
                  f"asyncio {ms(peer[which])}, {peer[which] / ours:.0f} x")
    bench.row(f"{name}the same with time in the queue, p99", ms(result["all"]["p99"]))


def million(bench, kind, peer):
    count, seconds = bench.scaled(1_000_000), 2 if bench.quick else 10
    name = f"{count_text(count)} x {seconds} s, {kind}, "
    for follow in ("summary", "each"):
        with running_daemon() as daemon, PeakMemory(pids_of(daemon)) as memory:
            result = bench.load(daemon, follow, kind, count, seconds)
            if follow == "each" and result["events"] != count:
                raise SystemExit(f"{count - result['events']} events are missing")
        wall = result["wall"]
        bench.row(f"{name}follow {follow}: wall", f"{wall:.2f} s", f"<= {seconds + 0.9:.1f} s",
                  f"asyncio {peer['wall']:.2f} s, {peer['wall'] / wall:.1f} x")
        bench.row(f"{name}follow {follow}: memory", mib(memory.bytes), "<= 400 MiB",
                  f"asyncio {mib(peer['memory'])}, {peer['memory'] / max(memory.bytes, 1):.1f} x")
        if follow == "each":
            bench.row(f"{name}follow {follow}: lateness p99", ms(result["late"]["p99"]))


def peer_million(bench, cache={}):  # noqa: B006  (measured once for array and distinct)
    if not cache:
        cache.update(bench.asyncio(bench.scaled(1_000_000), 2 if bench.quick else 10))
    return cache


def array(bench):
    """A million waits in one line."""
    million(bench, "array", peer_million(bench))


def distinct(bench):
    """A million waits that all differ, in pieces."""
    million(bench, "distinct", peer_million(bench))


def latency(bench):
    """One job at a time over a connection kept open."""
    count = bench.scaled(5000)
    with running_daemon() as daemon:
        bench.load(daemon, "each", "single", 200, 0)  # warms up
        result = bench.load(daemon, "each", "single", count, 0)["latency"]
    name = f"one empty wait, submit to done, over {count_text(count)}: "
    bench.row(f"{name}p50", us(result["p50"]), "<= 150 us")
    bench.row(f"{name}p99", us(result["p99"]))


def empty(bench):
    """Jobs that do nothing, as fast as they go."""
    count = bench.scaled(500_000)
    for kind, follow in (("distinct", "summary"), ("distinct", "each"), ("array", "each")):
        with running_daemon() as daemon:
            result = bench.load(daemon, follow, kind, count, 0)
            cpu = cpu_seconds(pids_of(daemon)) / count
        bench.row(f"{count_text(count)} empty waits, {kind}, follow {follow}",
                  f"{count / result['wall']:,.0f}/s", ">= 250,000/s" if kind == "distinct" else "",
                  f"{cpu * 1e6:.2f} us of processor time each, all processes")


def idle(bench):
    """What a daemon costs that has nothing to do."""
    seconds = 3 if bench.quick else 10
    with running_daemon() as daemon:
        bench.load(daemon, "each", "array", 1000, 0)
        pids = pids_of(daemon)
        with daemon.client() as client:  # a client that says nothing costs nothing, either
            client.call("daemon.ping")
            time.sleep(1)  # what the last request stirred up comes to rest
            before = {pid: wake_ups(pid) for pid in pids}
            time.sleep(seconds)
            after = {pid: wake_ups(pid) for pid in pids}
        memory = {pid: pss_bytes(pid) for pid in pids}
    for index, pid in enumerate(pids):
        name = f"worker {index}" if index else "supervisor"
        bench.row(f"idle for {seconds} s, {name}: wake-ups", str(after[pid] - before[pid]), "0")
        bench.row(f"idle, {name}: memory", f"{memory[pid] / MIB:.1f} MiB", "<= 10 MiB")


MEASUREMENTS = {function.__name__: function
                for function in (ten, late, array, distinct, latency, empty, idle, bench_durable.durable,
                                 bench_beside.beside, bench_http.http, bench_exec.exec_true, bench_tokenize.tokenize,
                                 bench_orchestration.orchestration)}


def build_load(directory):
    program = pathlib.Path(directory) / "load"
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=gnu17", "-D_GNU_SOURCE",
                    str(HERE / "load.c"), "-o", str(program)], check=True)
    return program


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}; "
                     f"there are {', '.join(MEASUREMENTS)}")
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"The load average is {busy:.2f}: others work on this machine, and figures will "
              "be worse than they are.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(build_load(directory), arguments.quick)
        for name in arguments.names or MEASUREMENTS:
            print(f"{name}: {MEASUREMENTS[name].__doc__}", file=sys.stderr, flush=True)
            MEASUREMENTS[name](bench)
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), "unknown processor")
    print(f"\n{os.cpu_count()} cores, {model}, Linux {os.uname().release}, Python "
          f"{sys.version.split()[0]}, load average before {busy:.2f}"
          f"{', --quick' if arguments.quick else ''}\n")
    bench.print_table()


if __name__ == "__main__":
    main()
