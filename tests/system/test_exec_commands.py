"""The exec plugin: commands of the configuration, who may run what, and awaitctl run exec."""

import os
import signal

import pytest

from awaitd import PLUGIN_DIR, RpcError, as_nobody, config_file, eventually, run_awaitd
from test_exec import job, output

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

COMMANDS = [
    {"name": "show", "argv": ["/usr/bin/printf", "[%s]", "{from}", "{{from}}", "{to}", "{from}"]},
    {"name": "free", "argv": ["echo", "{what}"], "dashes": True},
    {"name": "count", "argv": ["wc", "-c"], "stdin": True},
    {"name": "where", "argv": ["sh", "-c", 'pwd; echo "$A"; env | wc -l'], "cwd": "/usr",
     "env": ["A=1"], "clean_env": True},
    {"name": "fail", "argv": ["sh", "-c", "exit 3"]},
    {"name": "hurried", "argv": ["sh", "-c", "trap 'echo cleaned; exit' TERM; echo $$ >>$0;"
                                 " while :; do sleep 0.01; done", "{told}"], "grace": 0},
]


def with_commands(commands, **entry):
    return {"plugins": [{"file": str(PLUGIN_DIR / "exec.so"), **entry,
                         "settings": {"commands": commands}}]}


def named(name, args=None, **params):
    if args is not None:
        params["args"] = args
    return {"plugin": "exec", "params": {"command": name, **params}}


@pytest.fixture
def daemon(start_daemon):
    return start_daemon(config=with_commands(COMMANDS))


@pytest.fixture
def run(client):
    def run_one(entry):
        (event,), _ = client.run(entry)
        return event
    return run_one


def reason(event):
    assert event["state"] == "failed", event
    return event["reason"]


# ---- Placeholders ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["a b", "", "'; touch /tmp/x", "$(id)", "{to}", "a\nb", "*", "ä"])
def test_a_value_is_one_argument_whatever_is_in_it(run, value):
    event = run(named("show", {"from": value, "to": "x"}))
    assert output(event) == f"[{value}][{{from}}][x][{value}]"


@pytest.mark.parametrize("value, text", [(7, "7"), (0.1, "0.1"), (1e300, "1e+300"),
                                         (9007199254740993, "9007199254740993"),
                                         (0.30000000000000004, "0.30000000000000004")])
def test_a_number_is_written_as_it_is_read(run, value, text):
    assert output(run(named("free", {"what": value}))) == text + "\n"


def test_placeholders_of_arrays_are_replaced_before(client):
    entry = {**named("show", {"from": "{item}", "to": "{index}"}), "items": ["a b", "{to}"]}
    events, _ = client.run(entry)
    assert sorted(map(output, events)) == ["[a b][{from}][0][a b]", "[{to}][{from}][1][{to}]"]


@pytest.mark.parametrize("args, problem", [
    (None, "args.from: is missing; the command 'show' needs it"),
    ({"from": "x"}, "args.to: is missing; the command 'show' needs it"),
    ({"from": "x", "to": "y", "for": "z"}, "args.for: the command 'show' has no such placeholder"),
    ({"from": ["x"], "to": "y"}, "args.from: must be a text or a number"),
    ({"from": True, "to": "y"}, "args.from: must be a text or a number"),
    ({"from": None, "to": "y"}, "args.from: must be a text or a number"),
    (["x"], 'args: must be an object, such as {"name": "value"}'),
    (3, 'args: must be an object, such as {"name": "value"}'),
])
def test_args_that_do_not_fit_are_told_by_name(run, args, problem):
    assert reason(run(named("show", args))) == problem


@pytest.mark.parametrize("value", ["-x", "--to=/etc", "-", -5])
def test_a_value_that_looks_like_an_option_is_refused(run, value):
    assert reason(run(named("show", {"from": value, "to": "x"}))).startswith(
        "args.from: begins with '-'")
    assert output(run(named("free", {"what": value}))) == f"{value}\n"


def test_an_unknown_command_is_told(run):
    assert reason(run(named("nope"))) == "command: there is no 'nope' in the configuration"


# ---- What a command brings itself ------------------------------------------------------------------------


def test_a_command_has_its_own_directory_and_environment(run):
    lines = output(run(named("where"))).split("\n")
    assert lines[:2] == ["/usr", "1"]
    assert int(lines[2]) <= 4  # A, PATH, and what the shell adds


@pytest.mark.parametrize("params", [{"env": ["A=2"]}, {"clean_env": True}, {"cwd": "/"},
                                    {"grace": "3s"}])
def test_a_job_does_not_change_them(run, params):
    assert reason(run(named("where", **params))) == (
        "env, clean_env, cwd, grace: a configured command brings its own")


def test_a_command_has_its_own_grace_time(client, folder):
    told = folder / "told"
    batch = client.submit(named("hurried", {"told": str(told)}), follow="each")
    eventually(lambda: told.exists() and told.read_text(encoding="ascii").endswith("\n"), "it runs")
    client.call("batch.cancel", batch=batch)
    (event,), _ = client.follow(batch)
    assert (event["state"], event["output"]) == ("cancelled", "")
    assert event["details"]["signal"] == "KILL"


@pytest.mark.parametrize("grace", ["1h", "1min1ms"])
def test_the_grace_time_is_bounded(client, grace):
    with pytest.raises(RpcError) as refused:
        client.submit(job("true", grace=grace))
    assert list(refused.value.problems) == ["jobs[0].params.grace"]


def test_it_reads_where_it_says_so(run):
    assert output(run(named("count", stdin="12345"))) == "5\n"
    assert reason(run(named("show", {"from": "", "to": ""}, stdin="x"))) == (
        "stdin: the command 'show' takes none")


def test_how_it_ends_is_told_as_of_any(run):
    assert reason(run(named("fail"))) == "exit 3"
    assert run(named("fail", ok_codes=["3"]))["state"] == "succeeded"


# ---- Mistakes in the configuration -----------------------------------------------------------------------


@pytest.mark.parametrize("commands, problem", [
    ("3", "commands: must be a list of groups"),
    ({"name": "a"}, "commands: must be a list of groups"),
    (["x"], "commands[0]: must be a group with name and argv"),
    ([{"argv": ["x"]}], "commands[0].name: must be a text"),
    ([{"name": "a"}], "commands[0] ('a').argv: is missing"),
    ([{"name": "a", "argv": "x"}], "commands[0] ('a').argv: must be a list of texts"),
    ([{"name": "a", "argv": []}], "commands[0] ('a').argv: must be a list of texts"),
    ([{"name": "a", "argv": ["x", 1]}], "commands[0] ('a').argv[1]: must be a text"),
    ([{"name": "a", "argv": [""]}], "commands[0] ('a').argv[0]: is empty"),
    ([{"name": "a", "argv": ["{x}"]}], "commands[0] ('a').argv[0]: the program itself cannot be"),
    ([{"name": "a", "argv": ["x", "{index}"]}], "commands[0] ('a').argv[1]: {index} is what arrays"),
    ([{"name": "a", "argv": ["x", "{item}"]}], "commands[0] ('a').argv[1]: {item} is what arrays"),
    ([{"name": "a", "argv": ["x", "--to={to}"]}], "commands[0] ('a').argv[1]: a placeholder is a whole"),
    ([{"name": "a", "argv": ["x", "{to"]}], "commands[0] ('a').argv[1]: a placeholder is a whole"),
    ([{"name": "a", "argv": ["x", "to}"]}], "commands[0] ('a').argv[1]: a placeholder is a whole"),
    ([{"name": "a", "argv": ["x", "{t-o}"]}], "commands[0] ('a').argv[1]: a placeholder is a whole"),
    ([{"name": "a", "argv": ["x", "{{to}"]}], "commands[0] ('a').argv[1]: a placeholder is a whole"),
    ([{"name": "a", "argv": ["x"], "env": ["A"]}], "commands[0] ('a').env[0]: must be NAME=VALUE"),
    ([{"name": "a", "argv": ["x"], "cwd": "tmp"}], "commands[0] ('a').cwd: must be an absolute path"),
    ([{"name": "a", "argv": ["x"], "stdin": 1}], "commands[0] ('a').stdin: must be true or false"),
    ([{"name": "a", "argv": ["x"], "grace": 61}],
     "commands[0] ('a').grace: must be a number of seconds, at most 60"),
    ([{"name": "a", "argv": ["x"], "shell": True}],
     "commands[0] ('a').shell: there is no such member; there are name, argv, env, cwd, clean_env"),
    ([{"name": "a", "argv": ["x"]}, {"name": "a", "argv": ["y"]}],
     "commands[1] ('a'): there are two of this name"),
])
def test_a_mistake_is_told_by_place_and_member(folder, commands, problem):
    path = folder / "awaitd.conf"
    groups = {"daemon": {"plugin_dir": str(PLUGIN_DIR), "socket": str(folder / "s")}}
    path.write_text(config_file({**groups, **with_commands(commands)}), encoding="utf-8")
    result = run_awaitd("-c", path, "-t")
    assert result.returncode == 78
    assert problem in result.stderr + result.stdout


# ---- Who may run what -----------------------------------------------------------------------------------


@needs_root
def test_others_run_configured_commands_and_nothing_else(daemon, folder):
    touch = str(folder / "touched")
    answers = as_nobody(
        daemon,
        ("batch.submit", {"jobs": [job("touch", touch)]}),
        ("batch.submit", {"jobs": [named("where", env=["LD_PRELOAD=/x"])]}),
        ("batch.submit", {"jobs": [named("where", cwd="/")]}),
        ("batch.submit", {"jobs": [named("where", grace="1s")]}),
        ("batch.submit", {"jobs": [named("show", {"from": "a", "to": "b"})], "follow": "each"}),
        ("batch.wait", {"batch": 1}))
    assert [answer["error"]["code"] for answer in answers[:4]] == [2, 2, 2, 2]
    fields = [answer["error"]["data"]["problems"][0]["field"] for answer in answers[:4]]
    assert fields == [f"jobs[0].params.{name}" for name in ("argv", "env", "cwd", "grace")]
    assert answers[4]["result"]["jobs"] == 1
    assert daemon.call("job.show", batch=1, job=0)["output"] == "[a][{from}][b][a]"
    assert not (folder / "touched").exists()


@needs_root
def test_the_configuration_may_open_argv_alone(start_daemon):
    daemon = start_daemon(config=with_commands(COMMANDS, unrestricted=["argv"]))
    answers = as_nobody(daemon, ("batch.submit", {"jobs": [job("echo", "x")]}),
                        ("batch.submit", {"jobs": [job("echo", "x", env=["A=1"])]}))
    assert answers[0]["result"]["jobs"] == 1
    assert answers[1]["error"]["code"] == 2


# ---- awaitctl run exec --------------------------------------------------------------------------------------


def test_awaitctl_prints_what_it_printed_and_exits_as_it_exited(daemon):
    result = daemon.ctl("run", "exec", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")
    result = daemon.ctl("run", "exec", "--", "ls", "-l", "/dev/null")
    assert result.returncode == 0 and result.stdout.endswith("/dev/null\n") and not result.stderr
    assert daemon.ctl("run", "exec", "--", "sh", "-c", "kill -TERM $$").returncode == 128 + 15


def test_awaitctl_passes_bytes_and_words_as_they_are(daemon):
    process = daemon.spawn_ctl("run", "exec", "--", "printf", r"\377\000%s", "a b{item}")
    out, err = process.communicate()
    assert (process.returncode, out, err) == (0, b"\xff\0a b{item}", b"")
    process = daemon.spawn_ctl("run", "exec", "--", "sh", "-c", r"printf '\376' >&2")
    assert process.communicate() == (b"", b"\xfe")


def test_awaitctl_tells_what_cannot_be_run(daemon):
    result = daemon.ctl("run", "exec", "--", "ls2-no-such-command")
    assert result.returncode == 1
    assert "ls2-no-such-command: no such command" in result.stderr and not result.stdout


def test_awaitctl_runs_a_configured_command(daemon):
    result = daemon.ctl("-q", "run", "exec", "command=show", 'args={"from": "a b", "to": 1}')
    assert result.returncode == 0, result
    shown = daemon.ctl("output", "1.0", check=0).stdout
    assert shown == "[a b][{from}][1][a b]"


def test_awaitctl_can_be_interrupted_and_the_command_goes_on(daemon, folder):
    script = f"echo $$ >{folder}/pid; while ! test -e {folder}/go; do sleep 0.01; done; echo end"
    process = daemon.spawn_ctl("run", "exec", "--", "sh", "-c", script)
    eventually((folder / "pid").exists, "it runs")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    (folder / "go").touch()
    assert daemon.call("batch.wait", batch=1)["state"] == "succeeded"
