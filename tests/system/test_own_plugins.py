"""Plugins that people build for themselves, outside the tree, against what was installed."""

import pathlib

import pytest

from awaitd import SOURCE, RpcError, build_plugin

GREET = pathlib.Path(__file__).resolve().parent / "plugins/greet.c"


@pytest.fixture
def greeter(start_daemon, folder):
    """A daemon that has the plugin greet, too."""
    plugin = build_plugin(GREET, folder / "greet.so")
    return start_daemon(config={"plugins": [{"file": str(plugin)}]})


def test_a_plugin_of_thirty_lines_is_all_it_takes():
    lines = GREET.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 30


def test_it_loads_and_shows_its_parameters(greeter):
    with greeter.client() as client:
        plugin = client.call("plugin.show", name="greet")
        assert (plugin["version"], plugin["style"]) == ("1.2", "fiber")
        assert (plugin["summary"], plugin["state"]) == ("Greets people", "ready")
        whom, times, pause, loud = plugin["params"]
        assert (whom["name"], whom["type"], whom["required"]) == ("whom", "string", True)
        assert (times["type"], times["unit"], times["min"], times["max"]) == ("integer", "greetings", 1, 10)
        assert times["default"] == "2"
        assert (pause["type"], pause["default"]) == ("duration", "10ms")
        assert (loud["type"], loud["text"]) == ("bool", "Whether to shout")
        names = [plugin["name"] for plugin in client.call("plugin.list")["plugins"]]
        assert {"greet", "wait"} <= set(names)
    shown = greeter.ctl("plugins", "greet", check=0).stdout
    for word in ("greet", "whom", "times", "How often", "10ms", "greetings"):
        assert word in shown


def test_it_runs(greeter):
    with greeter.client() as client:
        jobs, _ = client.run({"plugin": "greet", "params": {"whom": "world"}})
        assert jobs[0]["output"] == "hello world\nand again world\n"
        jobs, _ = client.run({"plugin": "greet", "params": {"whom": "{item}", "times": 1, "loud": "yes"},
                              "items": ["Ada", "Bob"]})
        assert {job["job"]: job["output"] for job in jobs} == {0: "hello Ada!\n", 1: "hello Bob!\n"}


def test_a_thousand_of_its_fibers_wait_at_once(greeter):
    with greeter.client() as client:
        entry = {"plugin": "greet", "params": {"whom": "{index}", "times": 5, "pause": 0.1}}
        jobs, summary = client.run({**entry, "count": 1000})
        assert summary["succeeded"] == 1000
        assert summary["speedup"] > 20
        for job in jobs:
            assert job["output"].startswith(f"hello {job['job']}\n")


def test_it_is_cancelled_in_its_sleep(greeter):
    with greeter.client() as client:
        batch = client.submit({"plugin": "greet", "params": {"whom": "x", "pause": "1h"}}, follow="each")
        greeter.busy_worker()
        client.call("batch.cancel", batch=batch)
        jobs, _ = client.follow(batch)
        assert jobs[0]["state"] == "cancelled"
        assert jobs[0]["output"] == "hello x\n"


@pytest.mark.parametrize("params, field", [
    ({}, "whom"), ({"whom": None}, "whom"), ({"whom": 5}, "whom"), ({"whom": "x", "times": 0}, "times"),
    ({"whom": "x", "times": 11}, "times"), ({"whom": "x", "times": 1.5}, "times"),
    ({"whom": "x", "loud": "perhaps"}, "loud"), ({"whom": "x", "pause": -1}, "pause"),
])
def test_its_parameters_are_checked_when_a_job_is_submitted(greeter, params, field):
    with greeter.client() as client:
        with pytest.raises(RpcError) as caught:
            client.submit({"plugin": "greet", "params": params})
        assert list(caught.value.problems) == [f"jobs[0].params.{field}"]


def test_two_plugins_of_one_name_are_one_too_many(start_daemon, folder):
    one = build_plugin(GREET, folder / "greet.so")
    two = build_plugin(GREET, folder / "greet_too.so")
    daemon = start_daemon(config={"plugins": [{"file": str(one)}, {"file": str(two)}]})
    with daemon.client() as client:
        plugins = [plugin for plugin in client.call("plugin.list")["plugins"] if plugin["name"] != "wait"]
        states = sorted(plugin["state"] for plugin in plugins)
        assert states == ["disabled", "ready"]
        (disabled,) = [plugin for plugin in plugins if plugin["state"] == "disabled"]
        assert "greet" in disabled["reason"]
        assert client.run({"plugin": "greet", "params": {"whom": "x"}})[1]["state"] == "succeeded"


# ---- The examples --------------------------------------------------------------------------------

EXAMPLES = sorted((SOURCE / "examples/plugins").glob("*.c"))


def test_there_is_an_example_of_each_way_to_run(start_daemon, folder):
    plugins = [build_plugin(source, folder / f"{source.stem}.so") for source in EXAMPLES]
    daemon = start_daemon(config={"plugins": [{"file": str(plugin)} for plugin in plugins]})
    with daemon.client() as client:
        styles = {plugin["style"] for plugin in client.call("plugin.list")["plugins"]
                  if plugin["file"] in map(str, plugins) and plugin["state"] == "ready"}
    assert styles == {"fiber", "async", "blocking"}
