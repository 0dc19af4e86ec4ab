"""Parameters and settings that are JSON of any kind."""

import json

import pytest

from awaitd import RpcError


@pytest.fixture
def echo_daemon(start_daemon, hostile):
    """A daemon with the plugin that echoes what it is given."""
    return start_daemon(config={"plugins": [{"file": hostile("json_echo")}]})


def echoed(event):
    """The parameters `value` and `other`, and the setting, as texts."""
    assert event["state"] == "succeeded", event
    return event["output"].split("\n")[:3]


def test_a_value_arrives_as_compact_text(echo_daemon):
    values = [{"a": [1, 2.5, None, {"b": True}]}, [], {}, 5, 0.1, False, [[["\u00e4\n\""]]]]
    with echo_daemon.client() as client:
        for value in values:
            (event,), _ = client.run({"plugin": "json_echo", "params": {"value": value}})
            text, other, commands = echoed(event)
            assert json.loads(text) == value
            assert text == json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            assert (other, commands) == ('{"x":[0.1]}', "-")
        (event,), _ = client.run({"plugin": "json_echo", "params": {"value": None}})
        assert echoed(event)[0] == "-"


def test_the_command_line_takes_it_as_text(echo_daemon):
    result = echo_daemon.ctl("--json", "run", "json_echo", 'value={"a": [1, "x"]}', "other:=[null]",
                             check=0)
    event = json.loads(result.stdout.splitlines()[1])
    assert echoed(event["params"])[:2] == ['{"a":[1,"x"]}', "[null]"]
    refused = echo_daemon.ctl("run", "json_echo", "value={a: 1}", check=5)
    assert 'params.value: must be JSON, not "{a: 1}"' in refused.stderr


def test_awaitctl_explains_the_type(echo_daemon):
    text = echo_daemon.ctl("plugins", "json_echo", check=0).stdout
    assert "[value=JSON]" in text
    assert 'JSON, default: {"x" : [ 0.1 ]}' in text
    assert '\nJSON is any value: {"a": [1, 2]}' in text


@pytest.mark.parametrize("as_text", [False, True])
def test_items_are_put_into_the_texts_at_any_depth(echo_daemon, as_text):
    value = {"{item}": [{"deep": [["<{item}>", 7]]}, "{index}", "{{}}"]}
    items = ['"], "x": ["', "{index}", "\\"]
    params = {"value": json.dumps(value) if as_text else value}
    with echo_daemon.client() as client:
        events, _ = client.run({"plugin": "json_echo", "params": params, "items": items})
        for event in events:
            item = items[event["job"]]
            expected = {"{item}": [{"deep": [[f"<{item}>", 7]]}, str(event["job"]), "{}"]}
            assert json.loads(echoed(event)[0]) == expected
            shown = client.call("job.show", batch=1, job=event["job"])
            assert shown["params"] == {"value": expected}


def test_an_item_that_is_not_there_is_told(echo_daemon):
    with echo_daemon.client() as client:
        for value in ({"a": ["{item}"]}, '{"a": ["{item}"]}'):
            with pytest.raises(RpcError) as refused:
                client.submit({"plugin": "json_echo", "params": {"value": value}, "count": 2})
            assert refused.value.problems == {
                "jobs[0].params.value": "has {item}, but the job has no items"}


def test_text_that_is_not_json_is_refused_at_submission(echo_daemon):
    bad = ["", "hello", "{", '{"a": 1, "a": 2}', "[1e999]", "{} {}", "{item}", "[" * 100000]
    with echo_daemon.client() as client:
        for value in bad:
            with pytest.raises(RpcError) as refused:
                client.submit({"plugin": "json_echo", "params": {"value": value},
                               "items": ["1", "2"]})
            assert refused.value.code == -32602
            problem = refused.value.problems["jobs[0].params.value"]
            assert problem == f'must be JSON, not "{value[:40]}"'
        with pytest.raises(RpcError) as refused:
            client.submit({"plugin": "json_echo", "params": {"value": ["\0"]}})
        assert "NUL" in refused.value.problems["jobs[0].params.value"]


def test_groups_and_lists_of_the_configuration_are_json(start_daemon, hostile):
    commands = [{"name": "greet", "argv": ["echo", "{who}"]}, {"name": "two", "limit": 1.5}]
    daemon = start_daemon(config={"plugins": [{"file": hostile("json_echo"),
                                               "settings": {"commands": commands}}]})
    with daemon.client() as client:
        (event,), _ = client.run({"plugin": "json_echo"})
        assert json.loads(echoed(event)[2]) == commands


def test_a_setting_that_is_not_json_disables_the_plugin(start_daemon, hostile):
    daemon = start_daemon(config={"plugins": [{"file": hostile("json_echo"),
                                               "settings": {"commands": "greet"}}]})
    (plugin,) = [plugin for plugin in daemon.plugins().values() if plugin["name"] == "json_echo"]
    assert plugin["reason"] == 'settings.commands: must be JSON, not "greet"'
