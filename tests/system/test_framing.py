"""Where messages begin and end, and clients with manners of their own."""

import json
import os
import re
import socket
import subprocess
import sys

import pytest

from awaitd import SOURCE, Client, Closed, RpcError, encode, need, open_fds, wait_job


def test_requests_need_no_newline(client):
    client.send(encode("daemon.ping"))
    assert client.receive() == {"jsonrpc": "2.0", "id": 1, "result": {}}


def test_one_write_may_hold_several_requests(client):
    requests = [encode("daemon.ping", request_id=i) for i in range(100)]
    client.send(b"".join(requests[:50]) + b"\n\n \t\r\n" + b"\n".join(requests[50:]))
    assert [client.receive()["id"] for _ in range(100)] == list(range(100))


def test_a_request_may_come_byte_by_byte(client):
    entry = wait_job(0, name='br{ace} "quoted" \\ }}} \u00e9\U0001f600')
    params = {"jobs": [entry], "follow": "each"}
    for byte in encode("batch.submit", params, "one"):
        client.send(bytes([byte]))
    answer = client.receive()
    assert answer["id"] == "one"
    jobs, _ = client.follow(answer["result"]["batch"])
    assert jobs[0]["name"] == 'br{ace} "quoted" \\ }} \u00e9\U0001f600'


def test_braces_in_strings_end_nothing(client):
    text = json.dumps({"jsonrpc": "2.0", "id": '}{"\\', "method": "daemon.ping"})
    client.send(text.encode())
    assert client.receive() == {"jsonrpc": "2.0", "id": '}{"\\', "result": {}}


def test_blanks_between_messages_are_free(client):
    for _ in range(16):
        client.send(b" \n" * (1 << 19))
    assert client.call("daemon.ping") == {}


def test_ids_come_back_as_they_were(client):
    for request_id in ("text", 0, -5, (1 << 53) - 1, None):
        client.send(encode("daemon.ping", request_id=request_id))
        message = client.receive()
        assert message["id"] == request_id and type(message["id"]) is type(request_id)


def test_requests_without_id_are_carried_out_and_not_answered(client):
    request = {"jsonrpc": "2.0", "method": "batch.submit", "params": {"jobs": [wait_job(0)]}}
    client.send(json.dumps(request).encode())
    request["method"] = "no.such"
    client.send(json.dumps(request).encode())
    assert len(client.call("batch.list")["batches"]) == 1


def test_a_client_that_closed_its_writing_side_gets_everything_and_the_end(daemon):
    with daemon.client() as client:
        client.request("batch.submit", jobs=[wait_job(0.3, count=50)], follow="each")
        client.half_close()
        messages = client.receive_all()
    assert len(messages) == 52
    assert messages[0]["result"]["jobs"] == 50
    assert messages[-1]["method"] == "batch.done"
    assert messages[-1]["params"]["succeeded"] == 50


def test_a_half_closed_client_gets_the_answer_to_its_wait(daemon):
    with daemon.client() as client:
        batch = client.submit(wait_job(0.3))
        client.request("batch.wait", batch=batch)
        client.half_close()
        assert [message["result"]["state"] for message in client.receive_all()] == ["succeeded"]


def test_a_client_that_says_nothing_and_half_closes_is_let_go(daemon):
    with daemon.client() as client:
        client.half_close()
        assert client.receive_all() == []


def test_the_line_for_socat_and_jq_works_as_printed(daemon):
    need("socat")
    need("jq")
    line = (
        """printf '{"jsonrpc":"2.0","id":1,"method":"batch.submit","params":{"jobs":"""
        """[{"plugin":"wait","params":{"seconds":1},"count":10}],"follow":"each"}}' """
        """| socat -t 5 - UNIX:$SOCKET | jq -c ."""
    )
    env = {**daemon.env, "SOCKET": str(daemon.socket_path)}
    result = subprocess.run(["/bin/sh", "-c", line], env=env, capture_output=True, text=True,
                            check=True)
    messages = [json.loads(line) for line in result.stdout.splitlines()]
    methods = [message.get("method") for message in messages]
    assert methods == [None] + ["job.done"] * 10 + ["batch.done"]
    assert messages[-1]["params"]["speedup"] > 4


def test_ten_lines_of_python_do_the_same(daemon):
    example = SOURCE / "examples/client.py"
    source = example.read_text(encoding="utf-8")
    assert len([line for line in source.splitlines() if line.strip()]) <= 10
    env = {**os.environ, "AWAITD_SOCKET": str(daemon.socket_path)}
    result = subprocess.run([sys.executable, example], env=env, capture_output=True, text=True,
                            check=True)
    methods = [json.loads(line).get("method") for line in result.stdout.splitlines()]
    assert methods == [None] + ["job.done"] * 10 + ["batch.done"]


# ---- What is refused -----------------------------------------------------------------------------


def refusal(daemon, data, half_close=False):
    """Sends bytes that cannot be a message: the one answer, after which the connection ends. The
    daemon serves others all the same."""
    with daemon.client() as client:
        try:
            client.send(data)
            if half_close:
                client.half_close()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it did not even read to the end
        messages = client.receive_all()
    assert daemon.call("daemon.ping") == {}
    assert len(messages) == 1, messages
    assert messages[0]["id"] is None
    assert messages[0]["error"]["message"]
    return messages[0]["error"]["code"]


@pytest.mark.parametrize("data", [
    b"hello\n", b"}", b'"text"', b"1", b"null", b"\xef\xbb\xbf{}", b"\x00{}",
    b"GET / HTTP/1.1\r\n\r\n",
], ids=repr)
def test_what_is_no_object_is_a_parse_error(daemon, data):
    assert refusal(daemon, data) == -32700


@pytest.mark.parametrize("data", [
    b"{]}", b"{x}", b"{'a':1}", b'{"a":1,}', b'{"a":01}', b'{"a":NaN}', b'{"a":1e999}',
    b'{"a":99999999999999999999999}', b'{"a":"\\x"}', b'{"a":"tab\there"}', b'{"a":/**/1}',
], ids=repr)
def test_broken_json_is_a_parse_error(daemon, data):
    assert refusal(daemon, data) == -32700


@pytest.mark.parametrize("text", [
    b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\\ud800",
], ids=repr)
def test_invalid_utf8_is_a_parse_error(daemon, text):
    data = b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","x":"' + text + b'"}'
    assert refusal(daemon, data) == -32700


def test_a_duplicate_key_is_a_parse_error(daemon):
    data = b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","method":"hello"}'
    assert refusal(daemon, data) == -32700


@pytest.mark.parametrize("data", [
    b'{"jsonrpc":"2.0","id":1,"method":"daemon\x00.ping"}',
    b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","a\\u0000b":1}',
], ids=["raw", "in a key"])
def test_nul_is_a_parse_error(daemon, data):
    assert refusal(daemon, data) == -32700


@pytest.mark.parametrize("entry", [
    {"plugin": "wait\0", "params": {"seconds": 0}},
    {"plugin": "wait", "params": {"seconds": "0\0"}},
    {"plugin": "wait", "params": {"seconds": 0}, "name": "a\0b"},
    {"plugin": "wait", "params": {"seconds": "{item}"}, "items": ["0", "1\0"]},
], ids=["plugin", "parameter", "name", "item"])
def test_an_escaped_nul_in_a_text_is_refused(daemon, entry):
    with daemon.client() as client:
        client.request("batch.submit", jobs=[entry])
        assert client.receive()["error"]["code"] in (-32700, -32602)
    assert daemon.call("batch.list")["batches"] == []


@pytest.mark.parametrize("text", [
    b'{"a":' * 100_000,
    b'{"a":' + b"[" * 100_000,
    b'{"a":' * 65 + b"1" + b"}" * 65,
    b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
], ids=["objects", "arrays", "65 objects", "65 arrays"])
def test_what_is_too_deep_is_refused_before_it_is_parsed(daemon, text):
    assert refusal(daemon, text) == -32700


def test_64_levels_are_not_too_deep(client):
    params = {"deep": 0}
    for _ in range(61):
        params = {"deep": params}
    with pytest.raises(RpcError) as caught:
        client.call("daemon.ping", **params)
    assert caught.value.code == -32602


def test_a_gibibyte_without_a_closing_brace_is_refused_at_the_limit(daemon):
    daemon.call("daemon.ping")
    for begin, filler in ((b'{"a":"', b"x"), (b"{", b" "), (b'{"a":[', b"1,"), (b'{"a":"', b"}")):
        before = daemon.memory_kib()
        chunk = filler * ((1 << 16) // len(filler))
        sent = 0
        with daemon.client() as client:
            try:
                client.send(begin)
                while sent < 1 << 30:
                    client.send(chunk)
                    sent += len(chunk)
            except (BrokenPipeError, ConnectionResetError):
                pass
            messages = client.receive_all()
        assert sent < 16 << 20
        assert [message["error"]["code"] for message in messages] == [-32700]
        assert re.search(r"1048576|1 ?MiB", messages[0]["error"]["message"])
        assert daemon.memory_kib() - before < 8 << 10
        assert daemon.call("daemon.ping") == {}


def test_a_message_of_exactly_the_limit_is_taken(start_daemon):
    daemon = start_daemon(config={"limits": {"line_bytes": 4096}})
    blank = encode("daemon.ping")
    with daemon.client() as client:
        client.send(blank[:-1] + b" " * (4096 - len(blank)) + b"}")
        assert client.receive()["result"] == {}
        client.send(blank[:-1] + b" " * (4097 - len(blank)) + b"}")
        assert client.receive()["error"]["code"] == -32700
        with pytest.raises(Closed):
            client.receive()


def test_what_came_before_a_broken_message_is_answered(daemon):
    with daemon.client() as client:
        ping = encode("daemon.ping", request_id="good")
        client.send(ping + b"\n{broken}" + ping)
        messages = client.receive_all()
    assert [message["id"] for message in messages] == ["good", None]


def test_an_array_of_requests_is_no_request(daemon):
    data = b"[" + encode("daemon.ping") + b"," + encode("daemon.ping") + b"]"
    assert refusal(daemon, data) in (-32600, -32700)


@pytest.mark.parametrize("request_", [
    {}, {"id": 1}, {"jsonrpc": "2.0", "id": 1}, {"jsonrpc": "1.0", "id": 1, "method": "hello"},
    {"id": 1, "method": "hello"}, {"jsonrpc": 2.0, "id": 1, "method": "hello"},
    {"jsonrpc": "2.0", "id": 1, "method": 5}, {"jsonrpc": "2.0", "id": [], "method": "hello"},
    {"jsonrpc": "2.0", "id": {}, "method": "hello"},
    {"jsonrpc": "2.0", "id": True, "method": "hello"},
    {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": 3},
], ids=json.dumps)
def test_an_object_that_is_no_request_is_told_so_and_the_connection_stays(client, request_):
    client.send(json.dumps(request_).encode())
    assert client.receive()["error"]["code"] in (-32600, -32602)
    assert client.call("daemon.ping") == {}


def test_params_must_be_an_object(client):
    client.send(b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":[1]}')
    assert client.receive()["error"]["code"] in (-32600, -32602)


def test_a_client_gone_in_the_middle_of_a_line_leaves_no_trace(daemon):
    with daemon.client() as steady:
        steady.call("daemon.ping")
        submit = encode("batch.submit", {"jobs": [wait_job(0)]})
        for data in (b"{", submit[:40], submit[:-1]):
            with daemon.client() as client:
                client.send(data)
            with daemon.client() as client:
                client.send(data)
                client.half_close()
                assert all("error" in message for message in client.receive_all())
        assert steady.call("batch.list")["batches"] == []


def test_a_client_gone_before_its_answer_harms_nobody(daemon):
    for _ in range(200):
        client = Client(daemon.socket_path)
        client.request("batch.submit", jobs=[wait_job(0, count=100)], follow="each")
        client.close()
    with daemon.client() as client:
        _, summary = client.run(wait_job(0, count=10))
    assert summary["succeeded"] == 10


def test_descriptors_sent_along_are_not_kept(daemon):
    with daemon.client() as client:
        client.call("daemon.ping")
        before = open_fds(daemon.process.pid)
        for i in range(100):
            socket.send_fds(client.socket, [encode("daemon.ping", request_id=i)], [0, 1, 2])
            assert client.receive()["id"] == i
        assert open_fds(daemon.process.pid) == before


def test_jobs_that_are_not_json_end_the_connection_as_any_other_text(client):
    """Jobs are parsed one by one, later than the request that they are in."""
    text = encode("batch.submit", {"jobs": [wait_job(0), wait_job(0)]})
    client.send(text[: text.rindex(b"}]")] + b" nonsense" + text[text.rindex(b"}]") :])
    answer = client.receive()
    assert answer["error"]["code"] == -32700
    assert "jobs[1]" in answer["error"]["message"]
    with pytest.raises(Closed):
        client.receive()


def test_a_notification_with_jobs_that_are_not_json_ends_the_connection_too(client):
    client.send(b'{"jsonrpc":"2.0","method":"batch.submit","params":{"jobs":[{"plugin" "wait"}]}}')
    answer = client.receive()
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    with pytest.raises(Closed):
        client.receive()


def test_a_nul_byte_behind_a_number_is_no_blank(client):
    client.send(b'{"jsonrpc":"2.0","id":1\0,"method":"daemon.ping"}')
    assert client.receive()["error"]["code"] == -32700
    with pytest.raises(Closed):
        client.receive()
