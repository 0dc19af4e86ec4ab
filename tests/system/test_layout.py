"""The house rules a machine can check: who may include whom, what is never called, where things are
listed. Each rule is also tried on a made-up tree that breaks it."""

import pathlib
import re

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]

# Which folders of the project a folder's files may include from, besides their own. The longest
# folder that a file is in decides.
MAY_INCLUDE = {
    "include": [],
    "daemon/base": ["include"],
    "daemon/wire": ["include", "daemon/base"],
    "daemon/supervisor": ["include", "daemon/base", "daemon/wire"],
    "daemon/worker": ["include", "daemon/base", "daemon/wire"],
    "daemon": ["include", "daemon/base", "daemon/wire", "daemon/supervisor", "daemon/worker"],
    "ctl": ["include", "daemon/base", "daemon/wire"],
    "plugins": ["include"],
    "examples": ["include"],
    "tests/plugins": ["include"],
    "tests": ["include", "daemon", "daemon/base", "daemon/wire", "daemon/supervisor",
              "daemon/worker", "ctl", "plugins"],
}

# Where an include is looked for, after the file's own folder: as the compiler is told.
INCLUDE_PATH = ["include", "daemon", "."]

# Calls that appear nowhere.
NEVER = ["alloca", "atof", "atoi", "atol", "atoll", "gets", "sprintf", "strcat", "strcpy", "strtok",
         "tmpnam", "vsprintf"]

# Calls that the programs make in one place, or nowhere (None): {call: (folders, the place)}.
ONLY_IN = {
    "clock_gettime": (["daemon", "ctl"], "daemon/base/clock.c"),
    "gettimeofday": (["daemon", "ctl"], "daemon/base/clock.c"),
    "time": (["daemon", "ctl"], "daemon/base/clock.c"),
    "syslog": (["daemon", "ctl"], "daemon/base/log.c"),
    "dlopen": (["daemon", "ctl"], "daemon/worker"),
    "dlclose": (["daemon", "ctl"], None),
    "sleep": (["daemon", "ctl"], None),
    "usleep": (["daemon", "ctl"], None),
}

# Sources that are not built by the Makefile.
BUILT_BY_TESTS = ["tests/bench", "tests/system"]

# Names that say nothing about what a file is for.
EMPTY_NAMES = {"utils", "util", "common", "misc", "helpers"}

COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])+'",
                               re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def sources(root):
    """The C files of a tree, with their paths in it."""
    for top in sorted({folder.split("/")[0] for folder in MAY_INCLUDE}):
        for path in sorted((root / top).rglob("*.[ch]")):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def inside(name, folder):
    return name == folder or name.startswith(folder + "/")


def folder_of(name):
    """The folder of MAY_INCLUDE that decides about a file."""
    return max((folder for folder in MAY_INCLUDE if inside(name, folder)), key=len)


def code_only(text):
    """Blanks comments and strings, keeping the lines."""
    return COMMENT_OR_STRING.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def resolve(root, name, target):
    """The project's file that an include means; None: none of the project's."""
    for start in [pathlib.PurePosixPath(name).parent, *INCLUDE_PATH]:
        path = (root / start / target).resolve()
        if path.is_file() and path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return None


def wrong_includes(root):
    root = root.resolve()
    for name, text in sources(root):
        own = folder_of(name)
        for found in INCLUDE.finditer(text):
            where = f"{name}:{line_of(text, found.start())}"
            target = resolve(root, name, found[2])
            if target is None:
                if found[1] == '"':
                    yield f"{where}: there is no {found[2]}"
                continue
            its = folder_of(target)
            if its != own and its not in MAY_INCLUDE[own]:
                yield f"{where}: {own} must not include {target}"


def wrong_calls(root):
    for name, text in sources(root):
        code = code_only(text)
        for found in re.finditer(r"(?<![\w.>])(\w+)\s*\(", code):
            call = found[1]
            where = f"{name}:{line_of(code, found.start())}"
            if call in NEVER:
                yield f"{where}: {call}() is never called"
            elif call in ONLY_IN:
                folders, place = ONLY_IN[call]
                if place and inside(name, place):
                    continue
                if any(inside(name, folder) for folder in folders):
                    yield f"{where}: {call}() is called {f'in {place} alone' if place else 'nowhere'}"


def empty_names(root):
    for name, _ in sources(root):
        if pathlib.PurePosixPath(name).stem in EMPTY_NAMES:
            yield f"{name}: says nothing about what it is for"


def unlisted(root):
    """Sources that Makefile.am does not list: a test that is never run, a file missing in releases."""
    listed = set((root / "Makefile.am").read_text(encoding="utf-8").split())
    for name, _ in sources(root):
        if any(inside(name, folder) for folder in BUILT_BY_TESTS):
            continue
        stem = name.removesuffix(".c")
        # What is made from one file of the same name is listed as what is made.
        made = stem in listed or f"{stem}.so" in listed
        if name not in listed and not (inside(name, "tests") and made):
            yield f"{name}: is not in Makefile.am"


RULES = [wrong_includes, wrong_calls, empty_names, unlisted]


@pytest.mark.parametrize("rule", RULES)
def test_the_tree_keeps_the_rule(rule):
    assert not list(rule(SOURCE))


@pytest.fixture
def tree(tmp_path):
    """A small tree that keeps every rule."""
    files = {
        "include/awaitd/plugin.h": "#include <stdint.h>\n",
        "daemon/base/clock.h": "",
        "daemon/base/clock.c": '#include "base/clock.h"\nint x(void) { return clock_gettime(); }\n',
        "daemon/wire/frame.h": '#include "base/clock.h"\n#include <awaitd/plugin.h>\n',
        "daemon/supervisor/queue.h": '#include "wire/frame.h"\n',
        "daemon/worker/host.h": '#include "wire/frame.h"\n',
        "daemon/worker/host.c": '#include "worker/host.h"\n/* "atoi(" is fine in a comment. */\n',
        "daemon/main.c": '#include "supervisor/queue.h"\n#include "worker/host.h"\n',
        "ctl/main.c": '#include "main.h"\n#include "wire/frame.h"\n',
        "ctl/main.h": "",
        "plugins/wait.c": "#include <awaitd/plugin.h>\n",
        "tests/unit/test_clock.c": '#include "base/clock.h"\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    programs = "unit_tests = tests/unit/test_clock\n"
    (tmp_path / "Makefile.am").write_text(programs + " ".join(files), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("rule", RULES)
def test_a_tree_that_keeps_the_rules_passes(tree, rule):
    assert not list(rule(tree))


@pytest.mark.parametrize("name, line, told", [
    ("daemon/base/clock.h", '#include "wire/frame.h"', "daemon/base must not include daemon/wire/frame.h"),
    ("daemon/wire/frame.h", '#include "worker/host.h"', "daemon/wire must not include daemon/worker/host.h"),
    ("daemon/supervisor/queue.h", '#include "worker/host.h"', "daemon/supervisor must not include"),
    ("daemon/supervisor/queue.h", '#include "../worker/host.h"', "daemon/supervisor must not include"),
    ("daemon/worker/host.c", '#include "supervisor/queue.h"', "daemon/worker must not include"),
    ("ctl/main.c", '#include "supervisor/queue.h"', "ctl must not include"),
    ("plugins/wait.c", '# include "base/clock.h"', "plugins must not include daemon/base/clock.h"),
    ("include/awaitd/plugin.h", '#include "base/clock.h"', "include must not include"),
    ("daemon/main.c", '#include "base/clocks.h"', "there is no base/clocks.h"),
])
def test_an_include_against_the_direction_is_found(tree, name, line, told):
    with open(tree / name, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    findings = list(wrong_includes(tree))
    assert len(findings) == 1
    assert findings[0].startswith(name) and told in findings[0]


@pytest.mark.parametrize("name, line", [
    ("daemon/base/clock.c", "int a = atoi(text);"),
    ("plugins/wait.c", "strcpy (a, b);"),
    ("daemon/main.c", "clock_gettime(CLOCK_MONOTONIC, &now);"),
    ("ctl/main.c", "long now = time(NULL);"),
    ("daemon/supervisor/queue.h", 'void *plugin = dlopen("x", 0);'),
    ("tests/unit/test_clock.c", "int a = atoi(text);"),
    ("daemon/worker/host.c", "sleep(1);"),
])
def test_a_forbidden_call_is_found(tree, name, line):
    with open(tree / name, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    assert len(list(wrong_calls(tree))) == 1


def test_an_empty_name_is_found(tree):
    (tree / "daemon/base/utils.c").write_text("", encoding="utf-8")
    assert len(list(empty_names(tree))) == 1


def test_a_source_missing_in_the_makefile_is_found(tree):
    for name in ("tests/unit/test_queue.c", "tests/unit/test_clock.h", "daemon/base/span.c"):
        (tree / name).write_text("", encoding="utf-8")
        assert list(unlisted(tree)) == [f"{name}: is not in Makefile.am"]
        (tree / name).unlink()
