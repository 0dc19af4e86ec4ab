"""Plugins that people build for themselves, outside the tree, against what was installed."""

import pathlib

import pytest

from awaitd import SOURCE, RpcError, build_plugin

RECITE = pathlib.Path(__file__).resolve().parent / "plugins/recite.c"


@pytest.fixture
def reciter(start_daemon, folder):
    """A daemon that has the plugin recite, too."""
    plugin = build_plugin(RECITE, folder / "recite.so")
    return start_daemon(config={"plugins": [{"file": str(plugin)}]})


def test_a_plugin_of_thirty_lines_is_all_it_takes():
    lines = RECITE.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 30


def test_it_loads_and_shows_its_parameters(reciter):
    with reciter.client() as client:
        plugin = client.call("plugin.show", name="recite")
        assert (plugin["version"], plugin["style"]) == ("1.2", "fiber")
        assert (plugin["summary"], plugin["state"]) == ("Recites a line", "ready")
        line, times, pause, loud = plugin["params"]
        assert (line["name"], line["type"], line["required"]) == ("line", "string", True)
        assert (times["type"], times["unit"], times["default"]) == ("integer", "times", "2")
        assert (times["min"], times["max"]) == (1, 10)
        assert (pause["type"], pause["default"]) == ("duration", "10ms")
        assert (loud["type"], loud["text"]) == ("bool", "Whether to shout")
        names = [plugin["name"] for plugin in client.call("plugin.list")["plugins"]]
        assert {"recite", "wait"} <= set(names)
    shown = reciter.ctl("plugins", "recite", check=0).stdout
    for word in ("recite", "line", "times", "How often", "10ms", "times"):
        assert word in shown


def test_it_runs(reciter):
    with reciter.client() as client:
        jobs, _ = client.run({"plugin": "recite", "params": {"line": "world"}})
        assert jobs[0]["output"] == "world\nworld\n"
        params = {"line": "{item}", "times": 1, "loud": "yes"}
        jobs, _ = client.run({"plugin": "recite", "params": params, "items": ["Ada", "Bob"]})
        assert {job["job"]: job["output"] for job in jobs} == {0: "Ada!\n", 1: "Bob!\n"}


def test_a_thousand_of_its_fibers_wait_at_once(reciter):
    with reciter.client() as client:
        entry = {"plugin": "recite", "params": {"line": "{index}", "times": 5, "pause": 0.1}}
        jobs, summary = client.run({**entry, "count": 1000})
        assert summary["succeeded"] == 1000
        assert summary["speedup"] > 20
        for job in jobs:
            assert job["output"].startswith(f"{job['job']}\n")


def test_it_is_cancelled_in_its_sleep(reciter):
    with reciter.client() as client:
        entry = {"plugin": "recite", "params": {"line": "x", "pause": "1h"}}
        batch = client.submit(entry, follow="each")
        reciter.busy_worker()
        client.call("batch.cancel", batch=batch)
        jobs, _ = client.follow(batch)
        assert jobs[0]["state"] == "cancelled"
        assert jobs[0]["output"] == "x\n"


@pytest.mark.parametrize("params, field", [
    ({}, "line"), ({"line": None}, "line"), ({"line": 5}, "line"),
    ({"line": "x", "times": 0}, "times"), ({"line": "x", "times": 11}, "times"),
    ({"line": "x", "times": 1.5}, "times"), ({"line": "x", "loud": "perhaps"}, "loud"),
    ({"line": "x", "pause": -1}, "pause"),
])
def test_its_parameters_are_checked_when_a_job_is_submitted(reciter, params, field):
    with reciter.client() as client:
        with pytest.raises(RpcError) as caught:
            client.submit({"plugin": "recite", "params": params})
        assert list(caught.value.problems) == [f"jobs[0].params.{field}"]


def test_two_plugins_of_one_name_are_one_too_many(start_daemon, folder):
    one = build_plugin(RECITE, folder / "recite.so")
    two = build_plugin(RECITE, folder / "recite_too.so")
    daemon = start_daemon(config={"plugins": [{"file": str(one)}, {"file": str(two)}]})
    with daemon.client() as client:
        plugins = sorted((daemon.plugins()[str(path)] for path in (one, two)),
                         key=lambda plugin: plugin["state"])
        assert [plugin["state"] for plugin in plugins] == ["disabled", "ready"]
        assert "recite" in plugins[0]["reason"]
        assert client.run({"plugin": "recite", "params": {"line": "x"}})[1]["state"] == "succeeded"


def test_its_settings_come_from_the_configuration(start_daemon, hostile):
    plugin = {"file": hostile("identity"), "settings": {"base": 41}}
    daemon = start_daemon(config={"plugins": [plugin]})
    with daemon.client() as client:
        params = {"text": "{item}", "list": ["a", "b"], "size": "64KiB"}
        jobs, _ = client.run({"plugin": "identity", "params": params, "items": ["x", "y"]})
        for job, text in zip(sorted(jobs, key=lambda job: job["job"]), "xy"):
            assert job["output"] == (f"1.{job['job']} attempt 0 text {text} items 2 first a "
                                     "size 65536 base 41 state 0")
        (setting,) = client.call("plugin.show", name="identity")["settings"]
        assert (setting["name"], setting["default"]) == ("base", "7")


def test_settings_that_do_not_fit_disable_the_plugin(start_daemon, hostile):
    for settings in ({"base": "many"}, {"colour": 1}):
        plugin = {"file": hostile("identity"), "settings": settings}
        daemon = start_daemon(config={"plugins": [plugin]})
        listed = daemon.plugins()[plugin["file"]]
        assert listed["state"] == "disabled"
        assert list(settings)[0] in listed["reason"]


# ---- The examples --------------------------------------------------------------------------------

EXAMPLES = sorted((SOURCE / "examples/plugins").glob("*.c"))


def test_there_is_an_example_of_each_way_to_run(start_daemon, folder):
    plugins = [build_plugin(source, folder / f"{source.stem}.so") for source in EXAMPLES]
    daemon = start_daemon(config={"plugins": [{"file": str(plugin)} for plugin in plugins]})
    with daemon.client() as client:
        styles = {plugin["style"] for plugin in client.call("plugin.list")["plugins"]
                  if plugin["file"] in map(str, plugins) and plugin["state"] == "ready"}
    assert styles == {"fiber", "async", "blocking"}


# What the examples are asked, as told in their first lines, and what they answer.
RUNS = {
    "countdown": ({"from": 2, "step": "1ms"}, "2\n1\n0\n"),
    "greet": ({"whom": ["Ada", "Grace"], "pause": 0}, "Hello Ada!\nHello Grace!\n"),
    "primes": ({"below": 100_000}, "9592"),
}


def test_no_example_goes_unrun():
    assert {source.stem for source in EXAMPLES} == set(RUNS)


@pytest.mark.parametrize("name", sorted(RUNS))
def test_each_example_does_what_it_says(start_daemon, folder, name):
    plugin = build_plugin(SOURCE / f"examples/plugins/{name}.c", folder / f"{name}.so")
    daemon = start_daemon(config={"plugins": [{"file": str(plugin)}]})
    params, output = RUNS[name]
    with daemon.client() as client:
        jobs, summary = client.run({"plugin": name, "params": params, "count": 20})
        assert summary["succeeded"] == 20
        assert {job["output"] for job in jobs} == {output}
