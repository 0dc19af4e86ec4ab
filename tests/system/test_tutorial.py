"""Follows docs/PLUGINS.md to the letter, as a reader would who types all that stands there. Also builds and
runs the examples in README.md and in the plugin header.

How the tutorial is read:
- A block behind a paragraph that ends in "`NAME`:" is the file NAME.
- A block behind "From [PATH](LINK):" is a quotation from that file of the project.
- A console block is typed into one shell. Lines that begin with "$ " are commands, which go on in the next line
  behind a backslash; what stands below is what they print. "..." is any text, and on a line of its own any lines.
  A command may only fail where `echo $?` follows.
- `awaitd -c` is started in a second terminal, where it goes on until it is started again.
- A console block without a command is what can be seen in the second terminal.
Any other block is an error: nothing stands there that was not tried."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from awaitd import DEADLINE, PREFIX, SOURCE, Lines, build_plugin, need, pkg_config_env

TUTORIAL = SOURCE / "docs/PLUGINS.md"

FILE = re.compile(r"`([\w.-]+)`:$")
QUOTATION = re.compile(r"From \[[^]]+\]\(([^)]+)\):$")


class Block:
    """A block of code, with the paragraph before it."""

    def __init__(self, line, language, text, before):
        self.line, self.language, self.text = line, language, text
        self.file = FILE.search(before)
        self.quotation = QUOTATION.search(before)

    def __repr__(self):
        return f"{TUTORIAL.name}:{self.line}"


def blocks_of(text):
    """The blocks of a Markdown text."""
    blocks, paragraph, begun = [], "", None
    lines, language, ended = [], "", True  # ended: the paragraph, by an empty line
    for number, line in enumerate(text.splitlines(), 1):
        if begun is not None and line == "```":
            blocks.append(Block(begun, language, "".join(lines), paragraph))
            begun, paragraph, lines = None, "", []
        elif begun is not None:
            lines.append(line + "\n")
        elif line.startswith("```"):
            begun, language = number, line[3:].strip()
        elif line.startswith("    ") and ended:
            raise AssertionError(f"line {number}: code without a fence")
        elif line:
            paragraph = line if ended else f"{paragraph} {line}"
        ended = not line
    assert begun is None, f"the block of line {begun} never ends"
    return blocks


def commands_of(block):
    """Pairs of a command and the lines it should print."""
    pairs, typing = [], False
    for line in block.text.splitlines():
        if typing:
            pairs[-1][0] += "\n" + line
        elif line.startswith("$ "):
            pairs.append([line[2:], []])
        else:
            assert pairs, f"{block}: output before the first command"
            pairs[-1][1].append(line)
        typing = (typing or line.startswith("$ ")) and line.endswith("\\")
    return pairs


def pattern_of(line):
    """A line of expected output as a regular expression."""
    return ".*".join(map(re.escape, line.split("...")))


def fits(expected, printed):
    """Whether lines are as expected, where a line of "..." is any lines."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else pattern_of(line) + "\n"
                      for line in expected)
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


class Shell:
    """A shell that is typed into, one command at a time."""

    MARK = "-- that was all, status"

    def __init__(self, directory, env):
        self._process = subprocess.Popen(
            ["bash", "--norc"], cwd=directory, env=env, stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, command):
        """The lines printed, and the exit status."""
        # The commands have no input, or they would read what is typed next. $? stays what it was.
        self._process.stdin.write(f"{{ {command}\n}} </dev/null; status=$?\n"
                                  f"printf '\\n{self.MARK} %d\\n' $status; (exit $status)\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.startswith(self.MARK):
                text = "".join(lines)[:-1]  # without the mark's own newline
                return text.splitlines(), int(line.split()[-1])
            lines.append(line)
        raise AssertionError(f"the shell ended: {''.join(lines)}")

    def directory(self):
        return os.readlink(f"/proc/{self._process.pid}/cwd")

    def close(self):
        self._process.stdin.close()
        self._process.wait(DEADLINE)
        self._process.stdout.close()


class Terminal:
    """The second terminal, with a daemon in it."""

    def __init__(self, env):
        self._env = env
        self._process = None
        self.lines = None

    def start(self, command, directory):
        self.interrupt()
        # exec: the signal is for the daemon.
        self._process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=directory,
                                         env=self._env, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = Lines(self._process.stdout)

    def interrupt(self):
        """^C, and what was started is over."""
        if self._process:
            self._process.send_signal(signal.SIGINT)
            assert self._process.wait(DEADLINE) == 0, self.lines.text()
            assert self.lines.join()
            self._process = None

    def kill(self):
        if self._process:
            self._process.kill()
            self._process.wait(DEADLINE)

    def expect(self, lines):
        for line in lines:
            self.lines.wait_for(f"^{pattern_of(line)}$")


class Reader:
    """Does what the tutorial says."""

    def __init__(self, folder, env):
        self.folder = folder
        self.shell = Shell(folder, env)
        self.terminal = Terminal(env)

    def do(self, block):
        if block.file:
            path = pathlib.Path(self.shell.directory(), block.file[1])
            assert not path.exists(), f"{block}: {path.name} is there already"
            path.write_text(block.text, encoding="utf-8")
        elif block.quotation:
            quoted = (TUTORIAL.parent / block.quotation[1]).read_text(encoding="utf-8")
            assert " ".join(block.text.split()) in " ".join(quoted.split()), f"{block}: is not there"
        elif block.language == "console" and not block.text.startswith("$ "):
            self.terminal.expect(block.text.splitlines())
        elif block.language == "console":
            self.type(block)
        else:
            raise AssertionError(f"{block}: what is it for?")

    def type(self, block):
        failed = None
        for command, expected in commands_of(block):
            assert not failed or command == "echo $?", f"{block}: {failed}"
            if command.startswith("awaitd -c"):
                self.terminal.start(command, self.shell.directory())
                self.terminal.expect(expected)
                continue
            printed, status = self.shell.run(command)
            told = "\n".join(printed)
            assert fits(expected, printed), f"{block}: `{command}` printed\n{told}"
            failed = f"`{command}` failed with {status}:\n{told}" if status else None
        assert not failed, f"{block}: {failed}"

    def leave(self):
        self.terminal.kill()
        self.shell.close()


@pytest.fixture
def env(folder):
    """A user's environment, in which awaitd is installed."""
    env = pkg_config_env()
    env["PATH"] = f"{PREFIX}/bin:{PREFIX}/sbin:{env['PATH']}"
    # Where the daemon has its socket and its state, and where its directories are put.
    env["XDG_RUNTIME_DIR"] = str(folder / "run")
    env["DESTDIR"] = str(folder / "root")
    env["STATE_DIRECTORY"] = str(folder / "state")
    for name in ("AWAITD_SOCKET", "MAKEFLAGS", "MAKELEVEL", "CFLAGS", "LDFLAGS", "AWAITCTL"):
        env.pop(name, None)
    env.update(LC_ALL="C.UTF-8", NO_COLOR="1")
    (folder / "run").mkdir(mode=0o700)
    return env


def test_the_tutorial_is_right(folder, env):
    need("make")
    directory = folder / "here"
    directory.mkdir()
    reader = Reader(directory, env)
    try:
        for block in blocks_of(TUTORIAL.read_text(encoding="utf-8")):
            reader.do(block)
        reader.terminal.interrupt()
    finally:
        reader.leave()


# ---- The reader itself: what it must notice --------------------------------------------------------


@pytest.mark.parametrize("expected, printed, fit", [
    (["a"], ["a"], True), (["a"], ["b"], False), (["a"], ["a", "b"], False), (["a"], [], False),
    (["a ... c"], ["a b c"], True), (["a ... c"], ["a b d"], False), (["..."], [], True),
    (["...", "b"], ["x", "y", "b"], True), (["...", "b"], ["x"], False), ([], [], True),
    ([], ["a"], False), (["a.c"], ["abc"], False),
])
def test_output_is_compared(expected, printed, fit):
    assert fits(expected, printed) == fit


@pytest.mark.parametrize("text", [
    "Do this:\n\n```c\nint x;\n```\n",
    "```\nls\n```\n",
    "```console\n$ echo a\nb\n```\n",
    "```console\n$ false\n```\n",
    "```console\n$ false\n$ true\n```\n",
    "From [dev](../dev):\n\n```c\nint main(void);\n```\n",
    "Text.\n\n    code\n",
    "```console\n$ true\n",
])
def test_what_is_wrong_in_a_tutorial_is_noticed(folder, env, text):
    reader = Reader(folder, env)
    try:
        with pytest.raises(AssertionError):
            for block in blocks_of(text):
                reader.do(block)
    finally:
        reader.leave()


def test_what_is_right_in_a_tutorial_passes(folder, env):
    reader = Reader(folder, env)
    text = ("Write this. `a.txt`:\n\n```\none\ntwo\n```\n\nThen\n\n"
            "```console\n$ cat \\\n    a.txt\no...\ntwo\n$ false\n$ echo $?\n1\n```\n\n"
            "From [dev](../dev):\n\n```\nset -euo pipefail\n```\n")
    try:
        blocks = blocks_of(text)
        assert len(blocks) == 3
        for block in blocks:
            reader.do(block)
    finally:
        reader.leave()


# ---- The nap of README.md and of the plugin header -------------------------------------------------


def code_of_readme():
    """The plugin in README.md, which stands there indented."""
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    code = text[text.index("    #include <awaitd/plugin.h>"):text.index("    $ cc $(pkg-config")]
    return re.sub(r"^    ", "", code, flags=re.MULTILINE)


def code_of_header():
    """The plugin in the first comment of plugin.h."""
    text = (SOURCE / "include/awaitd/plugin.h").read_text(encoding="utf-8")
    code = text[text.index(" *     #include <awaitd/plugin.h>"):text.index(" *     cc $(pkg-config")]
    return re.sub(r"^ \*(     )?", "", code, flags=re.MULTILINE)


@pytest.mark.parametrize("code, output", [
    (code_of_readme(), ""), (code_of_header(), "napped for 0.01 s"),
], ids=["README.md", "plugin.h"])
def test_the_nap_works(start_daemon, folder, code, output):
    (folder / "nap.c").write_text(code, encoding="utf-8")
    plugin = build_plugin(folder / "nap.c", folder / "nap.so")
    daemon = start_daemon(config={"plugins": [{"file": str(plugin)}]})
    with daemon.client() as client:
        jobs, summary = client.run({"plugin": "nap", "params": {"pause": "10ms"}, "count": 10})
    assert summary["succeeded"] == 10
    assert {job["output"] for job in jobs} == {output}
    assert all(job["run"] >= 0.01 for job in jobs)


def test_the_readme_builds_it_with_one_command(folder, env):
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    (folder / "nap.c").write_text(code_of_readme(), encoding="utf-8")
    command = re.search(r"^    \$ (cc \$\(pkg-config.*)$", text, re.MULTILINE)[1]
    subprocess.run(["bash", "-c", command], cwd=folder, env=env, check=True)
    assert (folder / "nap.so").exists()
