"""GETs of a small file from a local nginx, 64 at once, next to curl and to an asyncio client."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import awaitd
import http_peers

AT_ONCE = 64
# Of each, the best run counts: on a small machine, one that was disturbed says little.
RUNS = 5
AIOHTTP = pathlib.Path(__file__).resolve().parent / "peer_aiohttp.py"


def by_awaitd(client, url, count, follow):
    begin = time.monotonic()
    batch = client.submit({"plugin": "http", "params": {"url": url}, "count": count}, follow=follow)
    _, summary = client.follow(batch)
    wall = time.monotonic() - begin
    if summary["succeeded"] != count:
        raise SystemExit(f"GETs did not succeed: {summary}")
    return count / wall


def by_curl(config, count, *options):
    begin = time.monotonic()
    subprocess.run(["curl", "--silent", "--no-progress-meter", "--parallel", "--parallel-max", str(AT_ONCE), *options,
                    "--config", str(config)], check=True,
                   stderr=subprocess.DEVNULL)
    return count / (time.monotonic() - begin)


def by_aiohttp(url, count):
    output = subprocess.run([sys.executable, str(AIOHTTP), url, str(count), str(AT_ONCE)],
                            check=True, stdout=subprocess.PIPE, text=True).stdout
    return count / json.loads(output)["wall"]


def best_of_rounds(measures):
    """The best rate of each. They take turns, so that whatever else the machine does meets all of them."""
    rates = dict.fromkeys(measures, 0.0)
    for _ in range(RUNS):
        for name, measure in measures.items():
            rates[name] = max(rates[name], measure())
    return rates


@contextlib.contextmanager
def running():
    """A daemon and an nginx: (client, URL of a KiB, directory)."""
    daemon = awaitd.Daemon({"daemon": {"workers": 0},
                            "plugins": ({"file": "http.so", "limit": AT_ONCE},)})
    with tempfile.TemporaryDirectory() as directory:
        nginx = http_peers.Nginx(directory, fast=True)
        try:
            daemon.start()
            with daemon.client() as client:
                yield client, nginx.url("/kib"), pathlib.Path(directory)
            daemon.stop()
        finally:
            with contextlib.redirect_stdout(None):
                daemon.clean_up()
            nginx.stop()


def http(bench):
    """GETs from a local nginx, next to curl --parallel and aiohttp."""
    count = bench.scaled(10_000)
    if not shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin"):
        bench.row("GETs", "not measured: there is no nginx")
        return
    name = f"{count:,} GETs of 1 KiB, {AT_ONCE} at once"
    with running() as (client, url, directory):
        config = directory / "curl.conf"
        config.write_text(f'url = "{url}"\noutput = /dev/null\n' * count, encoding="ascii")
        by_awaitd(client, url, count // 10, "summary")  # warms up
        rates = best_of_rounds({
            "summary": lambda: by_awaitd(client, url, count, "summary"),
            "curl": lambda: by_curl(config, count),
            "curl at once": lambda: by_curl(config, count, "--parallel-immediate"),
            "each": lambda: by_awaitd(client, url, count, "each"),
        })
        curl = max(rates["curl"], rates["curl at once"])
        for follow, target in (("summary", ">= 1.5 x curl"), ("each", "")):
            bench.row(f"{name}, follow {follow}", f"{rates[follow]:,.0f}/s", target,
                      f"curl --parallel {curl:,.0f}/s, {rates[follow] / curl:.2f} x")
        try:
            aiohttp = by_aiohttp(url, count)
        except subprocess.CalledProcessError:
            return  # is not installed
        bench.row(f"{name}, follow summary", f"{rates['summary']:,.0f}/s", "",
                  f"aiohttp {aiohttp:,.0f}/s, {rates['summary'] / aiohttp:.1f} x")
