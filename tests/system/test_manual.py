"""The manual pages keep their word: the examples of the plugins' pages do as they stand there, and the options of
awaitd(8) are those that there are."""

import os
import re
import subprocess

import pytest

from awaitd import AWAITCTL, DEADLINE, SOURCE, need, run_awaitd
from test_tcp import Peer

PAGES = {re.fullmatch(r"awaitd-(\w+)\.7\.scd", path.name)[1]: path
         for path in (SOURCE / "man").glob("awaitd-*.7.scd")}
# Their examples are about servers elsewhere.
NEED_NETWORK = {"http"}

# Programs that the examples name and that need not be installed: they tell what they were given.
PROGRAM = "#!/bin/sh\npwd\necho \"${0##*/} $*\"\n"
# Where the machines of the examples are.
HOSTS = re.compile(r"\b(db1|mail|cache|web\d)\b")


def examples(path):
    """The commands in the section EXAMPLES, as a reader of the page sees them."""
    section = re.search(r"^# EXAMPLES\n(.*?)(?=^# |\Z)", path.read_text(encoding="utf-8"),
                        re.DOTALL | re.MULTILINE)[1]
    lines = [line for block in re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
             for line in block.splitlines()]
    return [re.sub(r"\\(.)", r"\1", line) for line in lines]


ALL = [(name, line) for name in sorted(PAGES.keys() - NEED_NETWORK) for line in examples(PAGES[name])]


def test_each_page_has_examples():
    assert {name for name, _ in ALL} == PAGES.keys() - NEED_NETWORK
    assert all(line.startswith("awaitctl run ") for _, line in ALL)


def answer(connection):
    """What the examples of tcp expect."""
    connection.sendall(b"220 at your service\r\n")
    if connection.recv(100) == b"PING\r\n":
        connection.sendall(b"+PONG\r\n")


@pytest.fixture
def scene(start_daemon, folder):
    """A daemon, and all that the examples are about: programs, files and servers."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("rsync", "oggenc"):
        (programs / name).write_text(PROGRAM, encoding="ascii")
        (programs / name).chmod(0o755)
    (folder / "corpus.txt").write_text("one two\nthree\n" * 10, encoding="ascii")
    (folder / "files").write_text(f"{folder}/corpus.txt\n", encoding="ascii")
    backup = {"name": "backup", "argv": [str(programs / "rsync"), "-a", "{from}", "{to}"]}
    plugins = [{"file": "exec.so", "settings": {"commands": [backup]}},
               *({"file": f"{name}.so"} for name in PAGES.keys() - {"exec"})]
    daemon = start_daemon(config={"plugins": plugins},
                          env={"PATH": f"{programs}:{os.environ['PATH']}"})
    server = Peer(answer)
    yield daemon, folder, server
    server.close()


@pytest.mark.parametrize("line", [line for _, line in ALL])
def test_an_example_does_as_it_stands_there(scene, line):
    daemon, folder, server = scene
    script = HOSTS.sub(server.host, line.replace("/srv", str(folder)))
    script = re.sub(r"\bport=\d+", f"port={server.port}", script)
    env = {**daemon.env, "AWAITD_SOCKET": str(daemon.socket_path),
           "PATH": f"{AWAITCTL.parent}:{os.environ['PATH']}"}
    result = subprocess.run([need("bash"), "-c", script], cwd=folder, env=env, capture_output=True,
                            text=True, timeout=DEADLINE, check=False)
    assert result.returncode == 0 and "awaitctl:" not in result.stderr, result
    batch = daemon.call("batch.show", batch=1)
    assert batch["state"] == "succeeded"
    if " exec " in line:
        for job in daemon.call("job.list", batch=1)["jobs"]:
            shown = daemon.call("job.show", batch=1, job=job["job"])
            told = shown["details"]
            assert told["exit"] == 0
            if "cwd=" in line:
                assert shown["output"].startswith(f"{folder}\n")


def test_the_options_of_awaitd_are_those_of_its_page():
    page = (SOURCE / "man/awaitd.8.scd").read_text(encoding="utf-8")
    section = re.search(r"^# OPTIONS\n(.*?)^# ", page, re.DOTALL | re.MULTILINE)[1]
    heads = re.findall(r"^\*-.*", section, re.MULTILINE)
    described = {option for head in heads for option in re.findall(r"\*(-[\w-]+)\*", head)}
    told = run_awaitd("--help").stdout
    assert described == set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", told.split("\n\n", 1)[1]))


def test_the_exit_status_of_an_unknown_plugin_is_the_one_of_the_page(daemon):
    page = (SOURCE / "man/awaitctl.1.scd").read_text(encoding="utf-8")
    texts = dict(re.findall(r"^\*(\d+)\*\n((?:\t.*\n)+)", page, re.MULTILINE))
    assert "for *plugins*, no such plugin" in texts["4"]
    assert daemon.ctl("plugins", "nothing").returncode == 4
    assert "plugin that it\n\tdoes not have" in texts["5"]
    assert daemon.ctl("run", "nothing").returncode == 5
