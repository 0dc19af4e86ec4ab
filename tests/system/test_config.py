"""The configuration file: every error with its line, and what the file can ask for."""

import os
import re
import shutil

import pytest

from awaitd import (HOSTILE_DIR, PLUGIN_DIR, PREFIX, DaemonFailed, RpcError, config_file, run_awaitd,
                    wait_job)


def check(folder, text, *args):
    """awaitd -t on a file with this text."""
    path = folder / "awaitd.conf"
    path.write_bytes(text.encode(errors="surrogateescape"))
    result = run_awaitd("-t", "-c", path, *args)
    return result, result.stdout + result.stderr, path


def refused(folder, text, line, *words):
    """The file is refused with a finding at this line that has all the words."""
    result, output, path = check(folder, text)
    assert result.returncode == 78, output
    at_line = [row for row in output.splitlines() if f"{path}:{line}:" in row]
    assert at_line, f"nothing about line {line} in:\n{output}"
    for word in words:
        assert any(word in row for row in at_line), f"no {word!r} in {at_line}"
    return output


GOOD = f'daemon = {{ plugin_dir = "{PLUGIN_DIR}"; }};\n'


def test_a_good_file_passes(folder):
    result, output, _ = check(folder, GOOD)
    assert result.returncode == 0, output


def test_no_daemon_is_needed_and_none_is_disturbed(daemon, folder):
    group = {"socket": str(daemon.socket_path), "state_dir": str(daemon.state_dir),
             "plugin_dir": str(PLUGIN_DIR)}
    text = config_file({"daemon": group})
    assert check(folder, text)[0].returncode == 0
    assert daemon.call("daemon.ping") == {}


def test_an_unknown_option_is_named_with_its_line(folder):
    refused(folder, "daemon = {\n    workers = 1;\n    colour = 3;\n};\n", 3, "colour")


def test_an_unknown_group_is_named_with_its_line(folder):
    refused(folder, "daemon = {\n};\npaint = {\n    colour = 3;\n};\n", 3, "paint")


def test_a_misspelt_option_is_met_with_the_right_one_or_named(folder):
    refused(folder, "daemon = { worker = 1; };\n", 1, "worker")


@pytest.mark.parametrize("value", ['"many"', "1.5", "true", "(1)", "[1]", "{}"])
def test_a_wrong_type_is_named_with_its_line(folder, value):
    refused(folder, f"daemon = {{\n\n    workers = {value};\n}};\n", 3, "workers")


def test_a_value_out_of_range_is_named_with_its_range(folder):
    refused(folder, "daemon = {\n    workers = -1;\n};\n", 2, "workers", "0")
    refused(folder, "limits = {\n    depth = 1;\n};\n", 2, "depth", "8")


def test_a_time_span_that_is_none_is_refused(folder):
    refused(folder, 'daemon = {\n    grace = "soon";\n};\n', 2, "grace")


def test_all_errors_are_told_at_once(folder):
    text = 'daemon = {\n    workers = -1;\n    colour = 1;\n};\nlog = {\n    level = "loud";\n};\n'
    output = refused(folder, text, 2, "workers")
    assert re.search(r":3:.*colour", output)
    assert re.search(r":6:.*level", output)


def test_a_syntax_error_is_told_with_its_line(folder):
    refused(folder, "daemon = {\n    workers = 1;\n    socket = ;\n};\n", 3)


def test_a_file_that_ends_too_early_is_refused(folder):
    result, output, path = check(folder, "daemon = {\n")
    assert result.returncode == 78
    assert f"{path}:" in output


def test_an_option_given_twice_is_refused(folder):
    result, output, path = check(folder, "daemon = {\n    workers = 1;\n    workers = 2;\n};\n")
    assert result.returncode == 78
    assert f"{path}:3" in output


@pytest.mark.parametrize("data", [
    b"\x00", b"\xff\xfe", b"\x7fELF" + b"\x00" * 1000, b"{" * 100_000,
], ids=["NUL", "UTF-16", "binary", "braces"])
def test_what_is_no_configuration_is_refused(folder, data):
    path = folder / "awaitd.conf"
    path.write_bytes(data)
    result = run_awaitd("-t", "-c", path)
    assert result.returncode == 78
    assert str(path) in result.stdout + result.stderr


def test_a_missing_file_is_named(folder):
    result = run_awaitd("-t", "-c", folder / "none.conf")
    assert result.returncode not in (0, -6, -11)
    assert str(folder / "none.conf") in result.stderr


def test_a_bad_file_keeps_the_daemon_from_starting(make_daemon):
    with pytest.raises(DaemonFailed) as caught:
        make_daemon(config={"daemon": {"colour": 1}}).start()
    assert caught.value.status == 78
    assert "colour" in caught.value.log


def test_a_missing_plugin_directory_is_told(folder):
    output = check(folder, f'daemon = {{\n    plugin_dir = "{folder}/none";\n}};\n')[1]
    assert f"{folder}/none" in output


def test_the_installed_file_passes_and_has_every_option_commented(folder):
    (path,) = PREFIX.glob("etc/**/awaitd.conf")
    result = run_awaitd("-t", "-c", path)
    assert result.returncode == 0, result.stdout + result.stderr
    text = path.read_text(encoding="utf-8")
    for option in ("workers", "socket", "group", "plugin_dir", "grace", "level", "rate", "burst",
                   "line_bytes", "depth", "batch_jobs", "queued_jobs", "clients", "output_bytes",
                   "fiber_stack_bytes"):
        assert re.search(rf"^\s*#{option} = ", text, re.MULTILINE), option


def test_the_installed_file_with_every_comment_taken_off_passes_too(folder):
    (path,) = PREFIX.glob("etc/**/awaitd.conf")
    text = re.sub(r"^(\s*)#(\w+ = [^;]+;)", r"\1\2", path.read_text(encoding="utf-8"),
                  flags=re.MULTILINE)
    result, output, _ = check(folder, text)
    assert "unknown" not in output
    assert result.returncode == 0, output


def test_words_on_the_command_line_that_mean_nothing_are_refused():
    for args in (["--colour"], ["-x"], ["extra"], ["-c"], ["--log", "paper"]):
        result = run_awaitd(*args)
        assert result.returncode not in (0, -6, -11), args
        assert result.stderr


def test_version_and_help_are_told():
    assert re.search(r"\d+\.\d+", run_awaitd("-V").stdout)
    result = run_awaitd("-h")
    assert result.returncode == 0
    assert "--socket" in result.stdout


# ---- Batches of the file -------------------------------------------------------------------------


def test_a_batch_at_start_runs_when_the_daemon_starts(start_daemon):
    batches = [
        {"name": "warm-up", "when": "at_start", "jobs": [wait_job(0.1, count=3, name="w-{index}")]},
        {"name": "second", "when": "at_start", "jobs": [wait_job("1ms")]},
    ]
    daemon = start_daemon(config={"batches": batches})
    with daemon.client() as client:
        summaries = [client.call("batch.wait", batch=batch) for batch in (1, 2)]
        assert [summary["name"] for summary in summaries] == ["warm-up", "second"]
        assert [summary["succeeded"] for summary in summaries] == [3, 1]
        assert client.call("job.show", batch=1, job=2)["name"] == "w-2"


def test_a_batch_at_start_that_is_wrong_is_told_with_its_line(folder):
    batch = {"when": "at_start", "jobs": [wait_job(-1)]}
    text = GOOD + config_file({"batches": [batch]})
    result, output, path = check(folder, text)
    assert result.returncode == 78
    assert re.search(rf"{re.escape(str(path))}:\d+:", output)
    assert "seconds" in output


def test_a_batch_at_start_with_an_unknown_plugin_is_told(folder):
    batch = {"when": "at_start", "jobs": [{"plugin": "frobnicate"}]}
    text = GOOD + config_file({"batches": [batch]})
    result, output, _ = check(folder, text)
    assert result.returncode == 78
    assert "frobnicate" in output


def test_a_batch_without_a_name_to_speak_of_is_told(folder):
    for name in ("", "n" * 256):
        text = GOOD + config_file({"batches": [{"name": name, "when": "at_start",
                                                "jobs": [wait_job(0)]}]})
        result, output, _ = check(folder, text)
        assert result.returncode == 78
        assert "name must have 1 to 255 bytes" in output


def test_a_batch_with_an_unknown_field_is_told(folder):
    batch = {"colour": 1, "when": "at_start", "jobs": [wait_job(0)]}
    text = GOOD + config_file({"batches": [batch]})
    result, output, _ = check(folder, text)
    assert result.returncode == 78
    assert "colour" in output


def test_the_number_of_workers_is_as_configured(start_daemon):
    daemon = start_daemon(config={"daemon": {"workers": 5}})
    assert len(daemon.worker_pids()) == 5
    assert len(set(daemon.worker_pids())) == 5
    with daemon.client() as client:
        _, summary = client.run(wait_job(0, count=1000))
    assert summary["succeeded"] == 1000


def test_without_a_number_there_is_a_worker_for_each_core(start_daemon):
    daemon = start_daemon(config={"daemon": {"workers": 0}})
    assert len(daemon.worker_pids()) == len(os.sched_getaffinity(0))


# ---- Plugins of the file -------------------------------------------------------------------------


def with_entries(*entries):
    """A configuration with these entries of plugins, from line 3 on."""
    return GOOD + "plugins =\n(\n" + ",\n".join(entries) + "\n);\n"


def identity(*settings):
    return f'{{ file = "{HOSTILE_DIR}/identity.so";\nsettings = {{\n' + "\n".join(settings) + "\n}; }"


def test_each_wrong_setting_of_a_plugin_is_told_with_its_line(folder):
    text = with_entries(identity('base = "many";', "bass = 1;", "tenor = 2;"))
    output = refused(folder, text, 6, "identity", "settings.base: ")
    for line, name in ((7, "bass"), (8, "tenor")):
        assert re.search(rf":{line}: plugin identity: settings.{name}: unknown parameter$", output,
                         re.MULTILINE), output


def test_each_wrong_setting_is_in_the_log_and_in_the_reason(start_daemon):
    settings = {"base": "many", "bass": 1, "tenor": 2}
    path = str(HOSTILE_DIR / "identity.so")
    daemon = start_daemon(config={"plugins": [{"file": path, "settings": settings}]})
    reason = daemon.plugins()[path]["reason"]
    for name in settings:
        assert f"settings.{name}: " in reason
    assert reason in daemon.log.wait_for("is disabled").string


def test_more_wrong_settings_than_are_told_are_counted(folder):
    result, output, _ = check(folder, with_entries(identity(*(f"x{i} = 1;" for i in range(30)))))
    assert result.returncode == 78
    assert output.count("unknown parameter") == 19
    assert output.splitlines()[-1].endswith("plugin identity: settings: 11 more problems")


def test_a_plugin_can_be_switched_off(start_daemon, folder):
    off = '{ file = "wait.so"; enabled = false; }, { file = "tcp.so"; enabled = true; }'
    assert check(folder, with_entries(off))[0].returncode == 0
    daemon = start_daemon(config={"plugins": [{"file": "wait.so", "enabled": False},
                                              {"file": "tcp.so", "enabled": True}]})
    with daemon.client() as client:
        with pytest.raises(RpcError) as caught:
            client.submit(wait_job(0))
        assert "wait is disabled: switched off in the configuration" in str(caught.value.data)
    plugins = daemon.plugins()
    assert plugins[f"{PLUGIN_DIR}/wait.so"]["state"] == "disabled"
    assert plugins[f"{PLUGIN_DIR}/tcp.so"]["state"] == "ready"
    told = daemon.ctl("plugins").stdout
    assert re.search(r"^wait .*disabled +switched off in the configuration$", told, re.MULTILINE)
    for pid in daemon.worker_pids():
        maps = open(f"/proc/{pid}/maps", encoding="utf-8").read()
        assert "/tcp.so" in maps and "/wait.so" not in maps


def test_a_plugin_that_is_switched_off_leaves_its_name_to_another(start_daemon, folder):
    other = folder / "own.so"
    shutil.copy(PLUGIN_DIR / "wait.so", other)
    daemon = start_daemon(config={"plugins": [{"file": "wait.so", "enabled": False},
                                              {"file": str(other)}]})
    with daemon.client() as client:
        assert client.run(wait_job(0))[1]["state"] == "succeeded"


def test_what_is_switched_off_must_be_there(start_daemon, folder):
    refused(folder, with_entries('{ file = "wiat.so"; enabled = false; }'), 4, "there is no", "wiat")
    daemon = start_daemon(config={"plugins": [{"file": "wiat.so", "enabled": False}]})
    daemon.log.wait_for("warning: .*there is no .*wiat.so, so that nothing is switched off")


def test_enabled_is_true_or_false(folder):
    refused(folder, with_entries('{ file = "wait.so"; enabled = "no"; }'), 4, "enabled", "true or false")


def test_certificates_that_are_not_there_are_told(folder):
    here = folder / "here"
    here.touch()
    for setting, words in ((f'ca_file = "{folder}/none.pem";', "none.pem: No such file"),
                           (f'ca_path = "{folder}/none";', "none: No such file"),
                           (f'ca_file = "{folder}";', "is no file"),
                           (f'ca_path = "{here}";', "is no directory")):
        text = with_entries(f'{{ file = "http.so"; settings = {{ {setting} }}; }}')
        refused(folder, text, 4, setting.split()[0], words)
    good = f'{{ file = "http.so"; settings = {{ ca_file = "{here}"; ca_path = "{folder}"; }}; }}'
    assert check(folder, with_entries(good))[0].returncode == 0


# ---- What is around it ---------------------------------------------------------------------------


def test_a_missing_directory_of_the_socket_is_told(folder):
    text = f'daemon = {{ plugin_dir = "{PLUGIN_DIR}";\nsocket = "{folder}/none/s"; }};\n'
    refused(folder, text, 2, f"{folder}/none: No such file")
    result, output, _ = check(folder, GOOD, "--socket", folder / "none/s")
    assert result.returncode == 78
    assert f"--socket: the directory of the control socket: {folder}/none: No such file" in output
    assert check(folder, GOOD, "--socket", folder / "s")[0].returncode == 0


def test_a_state_directory_that_cannot_be_used_is_told_and_none_is_made(folder, state_directory):
    refused(folder, 'daemon = {\n    state_dir = "/nowhere/at/all";\n};\n', 2, "/nowhere/at: No such file")
    result, output, _ = check(folder, GOOD, "--state-dir", folder / "awaitd.conf")
    assert result.returncode == 78 and "--state-dir: the state directory" in output
    for args in [(), ("--state-dir", folder / "new")]:
        result, output, _ = check(folder, GOOD, *args)
        assert result.returncode == 0, output
    assert not state_directory.exists() and not (folder / "new").exists()
    # Nothing is kept there.
    text = GOOD + 'store = {\n    enabled = false;\n};\n'
    assert check(folder, text, "--state-dir", "/nowhere/at/all")[0].returncode == 0


def test_without_a_store_no_batch_of_the_file_is_durable(folder):
    batch = '{{ when = "at_start"; durable = {}; jobs = ({{ plugin = "wait"; params = {{ seconds = 0; }}; }}); }}'
    text = GOOD + 'store = { enabled = false; };\n' + f'batches = (\n{batch.format("true")}\n);\n'
    refused(folder, text, 4, "a batch cannot be durable where store.enabled is false")
    assert check(folder, text.replace("durable = true", "durable = false"))[0].returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_as_root_a_file_that_others_can_write_is_told(make_daemon, folder):
    result, output, path = check(folder, GOOD)
    path.chmod(0o666)
    result = run_awaitd("-t", "-c", path)
    assert result.returncode == 78
    assert f"{path}: {path} can be written by everybody" in result.stderr
    main = folder / "main.conf"
    main.write_text('@include "awaitd.conf"\n', encoding="ascii")
    assert run_awaitd("-t", "-c", main).returncode == 78
    daemon = make_daemon()
    os.chown(daemon.config_path, 65534, 65534)
    daemon.start()
    daemon.log.wait_for(r"warning: .*awaitd.conf belongs to user 65534 and not to root")
