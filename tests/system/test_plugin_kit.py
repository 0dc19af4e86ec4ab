"""awaitctl plugin new, check and try: from nothing to a plugin that runs, without a daemon of one's own."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import uuid

import pytest

from awaitd import (AWAITCTL, DEADLINE, HOSTILE_DIR, PLUGIN_DIR, SANITIZED, SOURCE, Lines,
                    build_plugin, eventually, need, need_others_reach, pkg_config_env,
                    processes_with)

TALKER = pathlib.Path(__file__).resolve().parent / "plugins/talker.c"
STYLES = ["fiber", "async", "blocking"]


class Kit:
    """Runs awaitctl in a directory, and knows what it leaves behind."""

    def __init__(self, folder):
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        key, value = "AWAITD_TEST", uuid.uuid4().hex
        self.mark = f"{key}={value}"
        self.env = {**pkg_config_env(), key: value, "TMPDIR": str(self.temporary),
                    # Neither these nor a daemon there are of any concern to a private one.
                    "AWAITD_SOCKET": "/nowhere/socket", "STATE_DIRECTORY": "/nowhere/state",
                    "NOTIFY_SOCKET": "/nowhere/notify"}

    def spawn(self, *args, program=AWAITCTL, **popen):
        env = {**self.env, **popen.pop("env", {})}
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        popen.setdefault("cwd", self.folder)
        return subprocess.Popen([str(program), *map(str, args)], env=env, stdin=subprocess.DEVNULL,
                                **popen)

    def run(self, *args, check=None, **popen):
        process = self.spawn(*args, **popen)
        out, err = process.communicate(timeout=DEADLINE)
        result = subprocess.CompletedProcess(args, process.returncode, out.decode(), err.decode())
        if check is not None:
            assert result.returncode == check, f"{args}: {result}"
        return result

    def plugin(self, *args, **options):
        return self.run("plugin", *args, **options)

    def make(self, *args, folder, check=0, **options):
        return self.run("-C", folder, *args, program=need("make"), check=check, **options)

    def left_behind(self):
        return processes_with(self.mark.encode())


@pytest.fixture
def kit(folder):
    made = Kit(folder)
    yield made
    left = made.left_behind()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"processes left behind: {left}"
    assert not list(made.temporary.iterdir())


@pytest.fixture
def talker(folder):
    return build_plugin(TALKER, folder / "talker.so")


# ---- new -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_a_new_plugin_builds_checks_and_runs(kit, style):
    kit.plugin("new", "hi-there", "--style", style, check=0)
    made = kit.folder / "hi-there"
    assert {path.name for path in made.iterdir()} == {
        "hi-there.c", "Makefile", "test.sh", "README.md", ".gitignore"}

    built = kit.make(folder=made, env={"CFLAGS": "-O2 -Werror"})
    assert (made / "hi-there.so").exists(), built
    tested = kit.make("check", folder=made).stdout
    assert tested.count("\nok: ") == 5 and "NOT OK" not in tested

    told = kit.plugin("check", "hi-there/hi-there.so", check=0)
    assert f"style {style}" in told.stdout and "How often to say it" in told.stdout
    assert told.stdout.endswith("hi-there/hi-there.so: accepted\n"), "and no warnings"
    assert told.stderr == ""

    tried = kit.plugin("try", "hi-there/hi-there.so", "text=hello", "times=2", "pause=0", check=0)
    assert tried.stdout == "hello\nhello\n"
    assert "1 succeeded" in tried.stderr

    (made / "hi-there.c").touch()
    kit.make("install", f"DESTDIR={kit.folder}/root", folder=made)
    installed = kit.folder / f"root{PLUGIN_DIR}/hi-there.so"
    assert installed.exists()
    kit.make("clean", folder=made)
    assert not (made / "hi-there.so").exists()


@pytest.mark.parametrize("style", STYLES)
def test_a_new_plugin_can_be_cancelled_in_the_middle(kit, start_daemon, style):
    kit.plugin("new", "slow", "--style", style, check=0)
    kit.make(folder=kit.folder / "slow")
    daemon = start_daemon(config={"daemon": {"workers": 1},
                                  "plugins": [{"file": str(kit.folder / "slow/slow.so")}]})
    with daemon.client() as client:
        first = {"text": "x", "pause": "1h"}
        second = {"text": "y", "times": 1}
        batch = client.submit({"plugin": "slow", "params": first},
                              {"plugin": "slow", "params": second}, follow="each")
        assert client.event()["params"]["job"] == 1, "the first one was begun before"
        client.call("batch.cancel", batch=batch)
        jobs, _ = client.follow(batch)
    assert [job["state"] for job in jobs] == ["cancelled"]
    # Threads begin in order, but may go on in any.
    assert jobs[0]["output"] in (("x\n", "") if style == "blocking" else ("x\n",))


def test_the_styles_share_all_but_how_they_run(kit):
    texts = {}
    for style in STYLES:
        kit.plugin("new", "same", "--style", style, "--directory", kit.folder, check=0)
        made = kit.folder / "same"
        texts[style] = {path.name: path.read_text(encoding="utf-8") for path in made.iterdir()}
        shutil.rmtree(made)
    kit.plugin("new", "same", check=0)
    assert (kit.folder / "same/same.c").read_text(encoding="utf-8") == texts["fiber"]["same.c"]
    for name in ("Makefile", "test.sh", ".gitignore"):
        assert len({texts[style][name] for style in STYLES}) == 1
    assert len({texts[style]["same.c"] for style in STYLES}) == 3


def test_an_empty_directory_is_no_directory(kit):
    done = kit.plugin("new", "rooted", "--directory", "", check=2)
    assert "--directory: must not be empty" in done.stderr


def test_a_name_that_an_installed_plugin_has_is_warned_of(kit):
    assert "warning" not in kit.plugin("new", "mine", check=0).stderr
    told = kit.plugin("new", "wait", check=0)
    assert f"an installed plugin is called wait, too ({PLUGIN_DIR}/wait.so)" in told.stderr
    assert (kit.folder / "wait/wait.c").exists()


def test_where_awaitd_is_not_found_the_makefile_says_what_to_do(kit):
    kit.plugin("new", "lost", check=0)
    nowhere = {"PKG_CONFIG_PATH": "", "PKG_CONFIG_LIBDIR": "/nowhere"}
    told = kit.make(folder=kit.folder / "lost", check=2, env=nowhere)
    assert "make PKG_CONFIG_PATH=" in told.stdout and "awaitd is not found" in told.stderr
    kit.make("clean", folder=kit.folder / "lost", env=nowhere)
    given = f"PKG_CONFIG_PATH={kit.env['PKG_CONFIG_PATH']}"
    kit.make(given, folder=kit.folder / "lost", env=nowhere)


def test_the_new_plugins_own_test_can_fail(kit):
    kit.plugin("new", "wrong", check=0)
    source = kit.folder / "wrong/wrong.c"
    source.write_text(source.read_text(encoding="utf-8").replace('"%s\\n"', '"%s!\\n"'),
                      encoding="utf-8")
    told = kit.make("check", folder=kit.folder / "wrong", check=2)
    assert "NOT OK: it says a text as often as it is told" in told.stdout
    assert "hello!" in told.stdout


@pytest.mark.parametrize("name", [
    "", "Upper", "1st", "-x", "_x", "a" * 33, "..", ".", "../x", "a/b", "a b", "a.b", "\u00e4",
])
def test_what_cannot_be_a_plugins_name_is_refused(kit, name):
    told = kit.plugin("new", "--", name, check=2)
    assert "cannot be a plugin's name" in told.stderr
    assert list(kit.folder.iterdir()) == [kit.temporary]


@pytest.mark.parametrize("make", [
    lambda path: path.mkdir(), lambda path: path.write_text("mine", encoding="ascii"),
    lambda path: path.symlink_to("nowhere"),
])
def test_what_is_there_is_not_touched(kit, make):
    path = kit.folder / "taken"
    make(path)
    before = path.lstat()
    told = kit.plugin("new", "taken", check=5)
    assert "taken is there already" in told.stderr
    assert path.lstat() == before
    assert not path.is_dir() or not list(path.iterdir())


@pytest.mark.parametrize("args, status, words", [
    (["new"], 2, "usage"),
    (["new", "a", "b"], 2, "too many"),
    (["new", "a", "--style", "fibre"], 2, "must be fiber, async or blocking"),
    (["new", "a", "-d", "/nowhere"], 5, "/nowhere/a: No such file"),
    ([], 2, "plugin what?"),
    (["frobnicate"], 2, "no command 'plugin frobnicate'"),
    (["check"], 2, "usage"),
    (["try"], 2, "usage"),
    (["check", "/nowhere/x.so"], 2, "No such file"),
    (["try", "/nowhere/x.so"], 2, "No such file"),
    (["try", "/nowhere/x.so", "seconds"], 2, "KEY=VALUE"),
])
def test_wrong_command_lines_are_told(kit, args, status, words):
    assert words in kit.plugin(*args, check=status).stderr
    assert list(kit.folder.iterdir()) == [kit.temporary]


def test_the_commands_of_plugin_explain_themselves(kit):
    for command in ("new", "check", "try"):
        told = kit.plugin(command, "-h", check=0).stdout
        assert f"Usage: awaitctl plugin {command} " in told and "Examples:" in told
        assert f"plugin {command}" in kit.plugin("-h", check=0).stdout
        assert f"plugin {command}" in kit.run("-h", check=0).stdout


# ---- check ---------------------------------------------------------------------------------------

# What is said of those that awaitd disables; all the others it accepts.
DISABLED = {
    "bad_table": "twice",
    "crash_at_load": "the worker that loaded it",
    "exit_at_load": "the worker that loaded it exited with status 3",
    "hang_at_load": "the worker that loaded it did not get on",
    "newer_minor": "was built for plugin ABI 1.99",
    "no_symbol": "exports no symbol 'aw_plugin'",
    "open_crashes": "the worker that loaded it",
    "open_fails": "could not be opened: no moon tonight",
    "open_hangs": "the worker that loaded it did not get on",
    "scripted_async": "settings.record: is required",
    "scripted_blocking": "settings.record: is required",
    "scripted_fiber": "settings.record: is required",
    "two_styles": "has two of .fiber, .async and .blocking",
    "wrong_magic": "was not made by AW_PLUGIN()",
    "wrong_major": "was built for plugin ABI 2.3",
    "wrong_size": "its tables have 100000",
}
HOSTILE = sorted(path.stem for path in (SOURCE / "tests/plugins").glob("*.c"))


@pytest.mark.parametrize("name", HOSTILE)
def test_each_plugin_of_the_tests_is_judged_as_awaitd_judges_it(kit, name):
    path = HOSTILE_DIR / f"{name}.so"
    told = kit.plugin("check", path)
    if name in DISABLED:
        assert told.returncode == 1, told
        assert told.stdout.startswith(f"{path}: awaitd disables it: ")
        assert DISABLED[name] in told.stdout
        if not SANITIZED and "crash" in name:
            assert "killed by signal 11 (Segmentation fault)" in told.stdout
    else:
        assert told.returncode == 0, told
        assert f"{path}: accepted" in told.stdout.splitlines()[-1]
        assert told.stdout.startswith(f"{name}: ")


def test_all_that_awaitd_disables_is_there():
    assert set(DISABLED) <= set(HOSTILE)


def test_our_own_plugins_are_accepted_without_a_warning(kit):
    plugins = sorted(PLUGIN_DIR.glob("*.so"))
    assert "wait.so" in [path.name for path in plugins]
    for path in plugins:
        told = kit.plugin("check", path, check=0)
        assert "Warning" not in told.stdout


@pytest.mark.parametrize("content, words", [
    (b"This is no plugin.\n" * 100, "ELF"), (b"", "too short"), (None, "no regular file"),
])
def test_a_file_that_is_no_object_is_disabled_in_words(kit, content, words):
    path = kit.folder / "x.so"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert words in kit.plugin("check", path, check=1).stdout


def test_a_missing_function_is_named(kit):
    source = kit.folder / "x.c"
    text = TALKER.read_text(encoding="utf-8")
    text = text.replace("aw_outputf(job,", "aw_no_such_call(job,")
    source.write_text(text.replace("struct params {", "void aw_no_such_call(struct aw_job *job, "
                                   "const char *text);\nstruct params {", 1), encoding="utf-8")
    plugin = build_plugin(source, kit.folder / "x.so")
    assert "undefined symbol: aw_no_such_call" in kit.plugin("check", plugin, check=1).stdout


def test_names_that_clash_are_told_with_the_remedy(kit):
    told = kit.plugin("check", HOSTILE_DIR / "clashes.so", check=0).stdout
    clash, others = [line for line in told.splitlines() if line.startswith("Warning: ")]
    assert "event_new, json_object" in clash and "-fvisibility=hidden" in clash
    assert "only_here" in others and "environ" not in others
    assert told.endswith("clashes.so: accepted, 2 warnings\n")


def test_an_older_plugin_is_told_from_what_awaitd_has(kit):
    told = kit.plugin("check", HOSTILE_DIR / "older_minor.so", check=0).stdout
    assert "Built for plugin ABI 1.0; this awaitd has 1." in told


def test_settings_are_given_as_in_the_configuration(kit):
    identity = HOSTILE_DIR / "identity.so"
    given = kit.folder / "settings"
    given.write_text("# of identity\nbase = 43;\n", encoding="ascii")
    for settings, base in (("base = 41", 41), ("base = 42;", 42), (f"@{given}", 43), ("", 7)):
        kit.plugin("check", identity, "--settings", settings, check=0)
        told = kit.plugin("try", identity, "--settings", settings, check=0)
        assert f" base {base} " in told.stdout


@pytest.mark.parametrize("settings, status, words", [
    ("base = many", 2, "--settings:1: syntax error"), ("@/nowhere/settings", 2, "No such file"),
    ('base = "many"', 1, "settings.base"), ("bass = 1", 1, "settings.bass"),
])
def test_wrong_settings_are_told(kit, settings, status, words):
    told = kit.plugin("check", HOSTILE_DIR / "identity.so", "--settings", settings, check=status)
    assert words in told.stdout + told.stderr


def test_check_can_answer_with_what_the_protocol_says(kit):
    told = kit.run("--json", "plugin", "check", HOSTILE_DIR / "clashes.so", check=0)
    plugin = json.loads(told.stdout)
    assert (plugin["name"], plugin["clashes"]) == ("clashes", ["event_new", "json_object"])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_as_root_a_file_that_others_can_write_is_refused_in_words(kit, talker):
    os.chown(talker, 65534, 65534)
    for command in ("check", "try"):
        told = kit.plugin(command, talker, check=5)
        assert f"{talker} belongs to user 65534 and not to root" in told.stderr
        assert "as root, awaitd loads only what root alone can write" in told.stderr
        assert str(kit.temporary) not in told.stderr
        assert len(told.stderr.splitlines()) == 2, told.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_an_ordinary_user_checks_and_tries_what_is_theirs(kit, talker):
    need_others_reach()
    os.chown(talker, 65534, 65534)
    os.chown(kit.temporary, 65534, 65534)
    options = {"user": 65534, "group": 65534, "extra_groups": [], "check": 0}
    assert ": accepted" in kit.plugin("check", "talker.so", **options).stdout
    assert kit.plugin("try", "talker.so", **options).stdout == "by the output\n"


# ---- try -----------------------------------------------------------------------------------------


def test_a_job_is_told_on_all_its_ways(kit, talker):
    told = kit.plugin("try", talker.name, check=0)
    assert told.stdout == "by the output\n"
    lines = told.stderr.splitlines()
    assert "by hand" in lines
    assert any(line.endswith(" debug: by the log batch=1 job=0 plugin=talker") for line in lines)
    assert any("by.the" in line and "details" in line for line in lines)
    assert any(line.startswith("batch 1 done: 1 succeeded") for line in lines)
    assert len(lines) == 4, "the daemon's own log is nobody's concern"


def test_many_jobs_are_summed_up(kit, talker):
    told = kit.plugin("try", talker, "--count", "20", "--output", check=0)
    *outputs, summary = told.stdout.splitlines()
    assert sorted(outputs) == sorted(f"1.{job}: by the output" for job in range(20))
    assert summary.startswith("batch 1 done: 20 succeeded")
    told = kit.plugin("try", talker, "--items", "0,1ms", "seconds={item}", check=0)
    assert "2 succeeded" in told.stdout


def test_with_json_the_events_are_printed_and_nothing_else(kit, talker):
    told = kit.run("--json", "plugin", "try", talker, check=0)
    answer, job, batch = map(json.loads, told.stdout.splitlines())
    assert answer["result"]["jobs"] == 1
    assert job["params"]["details"] == {"by": {"the": "details"}}
    assert batch["method"] == "batch.done"


@pytest.mark.parametrize("args, words", [
    (["seconds=-1"], "params.seconds: "), (["colour=red"], "params.colour: unknown parameter"),
])
def test_wrong_parameters_are_refused(kit, talker, args, words):
    assert words in kit.plugin("try", talker, *args, check=5).stderr


def test_a_plugin_that_awaitd_disables_is_not_tried(kit):
    told = kit.plugin("try", HOSTILE_DIR / "open_fails.so", check=5)
    assert "awaitd disables it: could not be opened: no moon tonight" in told.stderr


def test_a_failure_is_told(kit):
    told = kit.plugin("try", HOSTILE_DIR / "failing.so", "reason=because", check=1)
    assert ": because\n" in told.stderr


def test_a_crash_is_told_with_its_signal(kit):
    told = kit.plugin("try", HOSTILE_DIR / "crash.so", check=1)
    assert "1.0 crashed after " in told.stderr
    if not SANITIZED:
        assert "was killed by signal 11 (Segmentation fault)" in told.stderr
    told = kit.plugin("try", HOSTILE_DIR / "exit.so", check=1)
    assert "1.0 crashed after " in told.stderr and "exited with status" in told.stderr


def test_a_flood_of_log_lines_is_passed_on_to_the_last(kit):
    told = kit.plugin("try", HOSTILE_DIR / "flood_log.so", check=0)
    lines = [line for line in told.stderr.splitlines() if " line " in line]
    assert len(lines) > 1000


def test_what_follows_two_dashes_is_argv(kit):
    told = kit.plugin("try", HOSTILE_DIR / "details_fiber.so", "--", "one", "-n", "two words")
    assert told.stdout.splitlines()[:3] == ["one", "-n", "two words"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_the_job_and_ends_the_daemon(kit, talker, number):
    process = kit.spawn("plugin", "try", talker, "seconds=1h")
    lines = Lines(process.stderr)
    lines.wait_for("by hand")
    process.send_signal(number)
    assert process.wait(DEADLINE) == 130
    assert lines.join()
    assert "I was cancelled" in lines.text() and "interrupted" in lines.text()
    assert "goes on" not in lines.text()
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_interrupt_while_a_plugin_hangs_ends_all(kit, number):
    process = kit.spawn("plugin", "check", HOSTILE_DIR / "hang_at_load.so")
    eventually(lambda: len(kit.left_behind()) == 3, "awaitctl, awaitd and a worker run")
    process.send_signal(number)
    out, err = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out) == (130, b"")
    assert b"interrupted" in err


def test_the_daemon_dies_with_awaitctl_and_leaves_no_file(kit, talker):
    process = kit.spawn("plugin", "try", talker, "seconds=1h")
    lines = Lines(process.stderr)
    lines.wait_for("by hand")
    assert not list(kit.temporary.iterdir()), "nothing is needed any more"
    process.kill()
    assert process.wait(DEADLINE) == -signal.SIGKILL
    eventually(lambda: not kit.left_behind(), "the daemon and its worker are gone")
    process.stdout.close()
    assert lines.join()


# ---- Which awaitd --------------------------------------------------------------------------------


def test_the_awaitd_beside_awaitctl_is_taken_and_its_failure_is_shown(kit, talker):
    shutil.copy(AWAITCTL, kit.folder / "awaitctl")
    awaitd = kit.folder / "awaitd"
    awaitd.write_text("#!/bin/sh\necho $0 cannot >&2\nexit 7\n", encoding="ascii")
    awaitd.chmod(0o755)
    told = kit.plugin("check", talker, program=kit.folder / "awaitctl", check=5)
    assert told.stdout == ""
    assert f"{awaitd} cannot" in told.stderr and f"{awaitd} did not start" in told.stderr


def test_an_awaitd_that_is_no_program_is_told(kit, talker):
    shutil.copy(AWAITCTL, kit.folder / "awaitctl")
    (kit.folder / "awaitd").write_bytes(b"\x7fELF nothing")
    (kit.folder / "awaitd").chmod(0o755)
    told = kit.plugin("check", talker, program=kit.folder / "awaitctl", check=5)
    assert "cannot run" in told.stderr


@pytest.mark.parametrize("place", ["/nowhere", "/tmp/" + "x" * 200])
def test_a_bad_place_for_temporary_files_is_told(kit, talker, place):
    told = kit.plugin("check", talker, env={"TMPDIR": place}, check=3)
    assert place in told.stderr


def test_the_place_for_temporary_files_may_be_relative(kit, talker):
    kit.plugin("check", talker, env={"TMPDIR": kit.temporary.name}, check=0)


# ---- Clashes in a running daemon -----------------------------------------------------------------


def test_clashes_are_logged_once_and_shown(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [{"file": hostile("clashes")}]})
    daemon.log.wait_for(r"warning: plugin clashes .* event_new, json_object; make them static")
    assert len([line for line in daemon.log if "event_new" in line]) == 1, "not for each worker"
    with daemon.client() as client:
        plugin = client.call("plugin.show", name="clashes")
        assert plugin["clashes"] == ["event_new", "json_object"]
        assert plugin["exports"] == ["aw_version_of_nobody", "event_new", "json_object", "only_here"]
        assert "clashes" not in client.call("plugin.show", name="wait")
    shown = daemon.ctl("plugins", "clashes", check=0).stdout
    assert "Warning: symbols: the worker has its own: event_new, json_object" in shown
    assert "Warning" not in daemon.ctl("plugins", "wait", check=0).stdout
