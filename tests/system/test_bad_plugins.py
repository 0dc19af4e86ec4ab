"""Plugin files that cannot be loaded, and plugins that misbehave when they are: each is named, and
the rest goes on. The plugins are those of tests/plugins."""

import base64
import re
import shutil
import time

import pytest

from awaitd import (HOSTILE_DIR, PLUGIN_DIR, SANITIZED, RpcError, config_file, eventually,
                    run_awaitd, wait_job)


def text_file(folder, _):
    path = folder / "text.so"
    path.write_text("This is no plugin.\n" * 100, encoding="ascii")
    return path


def empty_file(folder, _):
    path = folder / "empty.so"
    path.touch()
    return path


def cut_file(folder, _):
    path = folder / "cut.so"
    path.write_bytes((PLUGIN_DIR / "wait.so").read_bytes()[:2000])
    return path


def missing_file(folder, _):
    return folder / "missing.so"


def a_directory(folder, _):
    path = folder / "directory.so"
    path.mkdir()
    return path


def from_tests(folder, name):
    path = folder / f"{name}.so"
    shutil.copy(HOSTILE_DIR / path.name, path)
    return path


# How to get the file, and words that must be said about it.
UNLOADABLE = {
    "missing": (missing_file, ["No such file"]),
    "text": (text_file, ["ELF"]),
    "empty": (empty_file, []),
    "cut": (cut_file, []),
    "directory": (a_directory, []),
    "no_symbol": (from_tests, ["aw_plugin"]),
    "wrong_magic": (from_tests, []),
    "wrong_major": (from_tests, ["2", "1"]),
    "newer_minor": (from_tests, ["1.99", "1.1"]),
    "crash_at_load": (from_tests, []),
    "exit_at_load": (from_tests, []),
    "open_crashes": (from_tests, []),
    "open_fails": (from_tests, []),
    "wrong_size": (from_tests, []),
    "two_styles": (from_tests, []),
    "bad_table": (from_tests, ["twice"]),
}


@pytest.fixture(params=sorted(UNLOADABLE))
def unloadable(request, folder):
    """Path and words of a plugin file that cannot be used."""
    make, words = UNLOADABLE[request.param]
    return make(folder, request.param), words


def test_a_plugin_that_cannot_be_loaded_is_named_and_the_rest_works(start_daemon, unloadable):
    path, words = unloadable
    daemon = start_daemon(config={"plugins": [{"file": str(path)}]}, crashes=True)
    with daemon.client() as client:
        plugin = daemon.plugins()[str(path)]
        assert plugin["state"] == "disabled"
        for word in words:
            assert word in plugin["reason"], plugin["reason"]
        shown = client.call("plugin.show", name=plugin["name"])
        assert (shown["state"], shown["reason"]) == ("disabled", plugin["reason"])
        with pytest.raises(RpcError) as caught:
            client.submit({"plugin": plugin["name"]})
        assert caught.value.code in (-32602, 4)
        assert plugin["name"] in str(caught.value)
        assert client.run(wait_job(0, count=10))[1]["state"] == "succeeded"
        eventually(daemon.workers_ready, "all workers are ready")
    daemon.log.wait_for(rf"{path.name}|\b{path.stem}\b")
    lines = daemon.ctl("plugins", check=0).stdout.splitlines()
    assert [line for line in lines if plugin["name"] in line and "disabled" in line]


def test_awaitd_t_prints_why_a_plugin_cannot_be_loaded(folder, unloadable):
    path, words = unloadable
    config = folder / "awaitd.conf"
    groups = {"daemon": {"plugin_dir": str(PLUGIN_DIR)}, "plugins": [{"file": str(path)}]}
    config.write_text(config_file(groups), encoding="ascii")
    result = run_awaitd("-t", "-c", config)
    output = result.stdout + result.stderr
    assert result.returncode == 78, output
    assert f"{config}:" in output and path.stem in output
    for word in words:
        assert word in output


# Plugins that never come back, and enough time for all others.
HANGING = ["hang_at_load", "open_hangs"]
LOAD_TIMEOUT = "2s"


def test_plugins_that_hang_when_loaded_are_disabled_and_the_rest_works(start_daemon, hostile):
    paths = [hostile(name) for name in HANGING]
    daemon = start_daemon(config={"daemon": {"load_timeout": LOAD_TIMEOUT},
                                  "plugins": [{"file": path} for path in paths]})
    plugins = daemon.plugins()
    for path, name in zip(paths, HANGING):
        assert plugins[path]["state"] == "disabled"
        assert plugins[path]["reason"] == "the worker that loaded it did not get on within 2 s"
        daemon.log.wait_for(rf"plugin {name} .*is disabled: the worker that loaded it did not get on")
    with daemon.client() as client:
        assert client.run(wait_job(0, count=10))[1]["state"] == "succeeded"


def test_awaitd_t_names_plugins_that_hang_when_loaded(folder, hostile):
    config = folder / "awaitd.conf"
    groups = {"daemon": {"plugin_dir": str(PLUGIN_DIR), "load_timeout": LOAD_TIMEOUT},
              "plugins": [{"file": hostile(name)} for name in HANGING]}
    config.write_text(config_file(groups), encoding="ascii")
    result = run_awaitd("-t", "-c", config)
    assert result.returncode == 78, result
    for name in HANGING:
        assert re.search(rf"^{config}:\d+: plugin {name}: .*did not get on within 2 s$",
                         result.stderr, re.MULTILINE), result.stderr


def test_a_stop_while_a_plugin_hangs_blames_no_plugin(make_daemon, hostile):
    daemon = make_daemon(config={"plugins": [{"file": hostile("hang_at_load")}]}).spawn()
    eventually(daemon.left_behind, "there are processes")
    eventually(lambda: len(daemon.left_behind()) == 3, "the workers have been started")
    daemon.terminate()
    assert daemon.wait() == 0
    assert "disabled" not in daemon.log.text()


def test_all_that_is_bad_at_once_leaves_the_good(start_daemon, folder):
    paths = [make(folder, name) for name, (make, _) in sorted(UNLOADABLE.items())]
    daemon = start_daemon(config={"plugins": [{"file": str(path)} for path in paths]}, crashes=True)
    with daemon.client() as client:
        plugins = daemon.plugins()
        assert all(plugins[str(path)]["state"] == "disabled" for path in paths)
        assert client.run(wait_job(0))[1]["state"] == "succeeded"


def test_a_bad_plugin_in_the_plugin_directory_does_not_matter_to_the_others(start_daemon, folder):
    plugins = folder / "plugins"
    plugins.mkdir()
    shutil.copy(PLUGIN_DIR / "wait.so", plugins)
    from_tests(plugins, "crash_at_load")
    text_file(plugins, "")
    (plugins / "README").write_text("not a plugin", encoding="ascii")
    daemon = start_daemon(config={"daemon": {"plugin_dir": str(plugins)}}, crashes=True)
    with daemon.client() as client:
        states = {plugin["name"]: plugin["state"] for plugin in daemon.plugins().values()}
        assert states == {"wait": "ready", "crash_at_load": "disabled", "text": "disabled"}
        assert client.run(wait_job(0))[1]["state"] == "succeeded"


def test_a_plugin_built_for_an_older_minor_version_works(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [{"file": hostile("older_minor")}]})
    with daemon.client() as client:
        plugin = daemon.plugins()[hostile("older_minor")]
        assert plugin["state"] == "ready"
        _, summary = client.run({"plugin": plugin["name"]})
        assert summary["state"] == "succeeded"


def test_no_plugin_at_all_is_no_reason_to_give_up(start_daemon, folder):
    daemon = start_daemon(config={"daemon": {"plugin_dir": str(folder)}})
    with daemon.client() as client:
        assert client.call("plugin.list")["plugins"] == []
        with pytest.raises(RpcError):
            client.submit(wait_job(0))


# ---- Misbehaviour while jobs run -----------------------------------------------------------------


@pytest.fixture
def start_with(start_daemon, hostile):
    """Starts a daemon that has some of the hostile plugins."""

    def start(*names, workers=1, **daemon):
        config = {"daemon": {"workers": workers, **daemon},
                  "plugins": [{"file": hostile(name)} for name in names]}
        return start_daemon(config=config, crashes=True)

    return start


def test_a_crashing_job_ends_as_crashed_and_its_worker_is_replaced(start_with):
    daemon = start_with("crash")
    with daemon.client() as client:
        for _ in range(3):
            jobs, summary = client.run({"plugin": "crash"})
            assert (jobs[0]["state"], summary["crashed"]) == ("crashed", 1)
            assert jobs[0]["reason"]
            assert client.run(wait_job(0, count=5))[1]["succeeded"] == 5


def test_jobs_beside_a_crashing_one_end_as_crashed_too_and_the_next_ones_run(start_with):
    daemon = start_with("crash")
    with daemon.client() as client:
        bystanders = client.submit(wait_job(3600, count=10), follow="each")
        daemon.busy_worker()
        crash = client.submit({"plugin": "crash"})
        jobs, _ = client.follow(bystanders)
        assert [job["state"] for job in jobs] == ["crashed"] * 10
        assert client.call("batch.wait", batch=crash)["crashed"] == 1
        assert client.run(wait_job(0))[1]["state"] == "succeeded"


def test_a_job_that_calls_exit_costs_its_worker_and_no_more(start_with):
    daemon = start_with("exit")
    with daemon.client() as client:
        jobs, _ = client.run({"plugin": "exit"})
        assert jobs[0]["state"] == "crashed"
        assert client.run(wait_job(0))[1]["state"] == "succeeded"


def test_a_job_that_aborts_costs_its_worker_and_no_more(start_with):
    daemon = start_with("abort")
    with daemon.client() as client:
        jobs, _ = client.run({"plugin": "abort"})
        assert jobs[0]["state"] == "crashed"
        assert client.run(wait_job(0))[1]["state"] == "succeeded"


@pytest.mark.parametrize("plugin", ["finish_twice", "wrong_calls", "odd_result"])
def test_a_plugin_that_breaks_the_rules_harms_itself_alone(start_with, plugin):
    daemon = start_with(plugin)
    params = {"result": 12345} if plugin == "odd_result" else {}
    with daemon.client() as client:
        _, summary = client.run({"plugin": plugin, "params": params, "count": 10})
        assert summary["jobs"] == 10
        assert client.run(wait_job(0, count=10))[1]["succeeded"] == 10


def test_a_failing_job_tells_why(start_with):
    daemon = start_with("failing", "fail_bytes")
    with daemon.client() as client:
        params = {"reason": "the \u201cmoon\u201d is\nfull"}
        jobs, summary = client.run({"plugin": "failing", "params": params}, {"plugin": "failing"},
                                   {"plugin": "fail_bytes"}, wait_job(0))
        assert (summary["state"], summary["failed"], summary["succeeded"]) == ("failed", 3, 1)
        reasons = {job["job"]: job.get("reason") for job in jobs}
        assert reasons[0] == params["reason"]
        assert reasons[1]
        assert reasons[2].startswith("bad ") and reasons[2].endswith(" bytes")
    result = daemon.ctl("show", "1.0", check=0)
    assert "moon" in result.stdout
    assert daemon.ctl("run", "failing", "reason=because").returncode == 1


def test_a_flood_of_log_lines_from_a_plugin_stops_nothing(start_with):
    daemon = start_with("flood_log")
    with daemon.client() as client:
        _, summary = client.run({"plugin": "flood_log", "count": 20}, wait_job(0))
        assert summary["succeeded"] == 21
    daemon.log.wait_for(r"line \d.*flood_log")


def test_lines_of_plugins_are_held_back_and_summed_up_as_those_of_jobs_are(start_daemon, hostile):
    config = {"log": {"rate": 10, "burst": 20}, "plugins": [{"file": hostile("flood_log")}]}
    daemon = start_daemon(config=config)
    begin = time.monotonic()
    with daemon.client() as client:
        assert client.run({"plugin": "flood_log", "count": 5})[1]["succeeded"] == 5
    daemon.stop()
    took = time.monotonic() - begin
    lines = [line for line in daemon.log if "plugin=flood_log" in line]
    assert 20 <= len(lines) <= 20 + 10 * (took + 1)
    assert "held_back=" in daemon.log.text()


def test_bottomless_recursion_hits_the_guard_page_and_no_neighbour(start_with):
    daemon = start_with("recurse")
    with daemon.client() as client:
        jobs, _ = client.run({"plugin": "recurse"})
        assert jobs[0]["state"] == "crashed"
        if not SANITIZED:
            assert "SIGSEGV" in jobs[0]["reason"] or "signal 11" in jobs[0]["reason"]
        assert client.run(wait_job(0))[1]["state"] == "succeeded"


@pytest.mark.parametrize("plugin", ["never_async", "never_fiber", "never_blocking"])
def test_a_job_that_never_ends_is_cancelled(start_with, plugin):
    daemon = start_with(plugin)
    with daemon.client() as client:
        batch = client.submit({"plugin": plugin, "count": 3}, follow="each")
        daemon.busy_worker()
        client.call("batch.cancel", batch=batch)
        jobs, _ = client.follow(batch)
        assert [job["state"] for job in jobs] == ["cancelled"] * 3


@pytest.mark.parametrize("plugin", [
    "never_async", "never_fiber", "never_blocking", "stubborn_async", "stubborn_fiber",
    "stubborn_blocking", "spin",
])
def test_a_job_that_never_ends_does_not_keep_the_daemon(start_with, plugin):
    daemon = start_with(plugin, grace="300ms")
    with daemon.client() as client:
        client.submit({"plugin": plugin, "count": 2})
        daemon.busy_worker()
    daemon.stop()


def test_a_flood_of_output_is_cut_at_the_limit_and_said_to_be(start_daemon, hostile):
    config = {"limits": {"output_bytes": 10_000}, "plugins": [{"file": hostile("flood")}]}
    daemon = start_daemon(config=config)
    with daemon.client() as client:
        jobs, _ = client.run({"plugin": "flood"})
        assert jobs[0]["truncated"] is True
        assert len(jobs[0]["output"].encode()) == 10_000
        job = client.call("job.show", batch=1, job=0)
        assert job["truncated"] is True
        assert job["output"] == jobs[0]["output"]
        _, summary = client.run({"plugin": "flood", "count": 100})
        assert summary["succeeded"] == 100


def test_output_that_is_no_text_goes_as_base64(start_with):
    daemon = start_with("binary")
    with daemon.client() as client:
        jobs, _ = client.run({"plugin": "binary"})
        assert "output" not in jobs[0]
        data = base64.b64decode(jobs[0]["output_base64"], validate=True)
        assert len(data) >= 256 and set(range(256)) == set(data)
        assert client.call("job.show", batch=1, job=0)["output_base64"] == jobs[0]["output_base64"]
    assert daemon.ctl("--json", "show", "1.0", check=0).stdout


def test_a_batch_of_all_kinds_of_jobs_ends(start_with):
    daemon = start_with("flood", "binary", "crash", "exit", workers=2)
    with daemon.client() as client:
        entries = [{"plugin": name} for name in ("flood", "crash", "binary", "exit")] * 5
        _, summary = client.run(*entries, wait_job(0.01, count=20))
        assert summary["jobs"] == 40
        assert summary["succeeded"] + summary["crashed"] == 40
        assert summary["crashed"] >= 10
    eventually(daemon.workers_ready, "all workers are back")
