"""The http plugin and servers that misbehave, and requests that cannot be made."""

import base64
import gzip
import os
import socket
import ssl
import subprocess
import threading
import time
import warnings

import pytest

import awaitd
import http_peers
import misbehaving
from awaitd import PLUGIN_DIR
from misbehaving import Server
from resolver import Resolver
from test_http import fetch


def reason(event):
    assert event["state"] == "failed", event
    return event["reason"]


def served(client, script, path="/", **params):
    """Fetches from a server with the script."""
    with Server(script, deadline=awaitd.DEADLINE) as server:
        return fetch(client, server.url(path), **params)


def raw(response):
    """A script that sends these bytes after the request and closes."""

    def script(connection):
        connection.request()
        connection.send(response)

    return script


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return http_peers.Authority(tmp_path_factory.mktemp("authority"))


# ---- Connecting ----------------------------------------------------------------------------------


def test_a_refused_connection_is_told(client):
    port = http_peers.free_port()
    event = fetch(client, f"http://127.0.0.1:{port}/")
    assert reason(event) == f"could not connect to 127.0.0.1 port {port}: connection refused"
    assert "details" not in event


def test_a_host_that_does_not_answer_is_given_up(client):
    with misbehaving.full_listener() as port:
        event = fetch(client, f"http://127.0.0.1:{port}/", connect_timeout="300ms")
    assert reason(event) == "timed out after 0.3 s while connecting"


def test_a_name_that_is_none_is_told(client):
    assert reason(fetch(client, "http://nosuch.invalid/")) == "could not resolve host: nosuch.invalid"


def test_a_name_that_takes_long_holds_nobody_up(start_daemon, folder):
    """Cancelling a job must not wait for the resolver, which libcurl does unless told otherwise."""
    unshare = awaitd.need("unshare")
    if os.geteuid() != 0:
        pytest.skip("needs root, for a resolv.conf of its own")
    address = "127.0.53.53"
    config = folder / "resolv.conf"
    config.write_text(f"nameserver {address}\noptions timeout:30 attempts:1\n", encoding="ascii")
    config.chmod(0o644)
    private = f'mount --bind {config} /etc/resolv.conf && exec "$@"'
    if subprocess.run([unshare, "-m", "sh", "-c", private, "sh", "true"], check=False).returncode:
        pytest.skip("needs a mount namespace")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((address, 53))
        silent.settimeout(awaitd.DEADLINE)
        daemon = start_daemon({"daemon": {"workers": 1}},
                              wrapper=[unshare, "-m", "sh", "-c", private, "sh"])
        with daemon.client() as client:
            batch = client.submit({"plugin": "http", "params": {"url": "http://slow.example/"}},
                                  follow="each")
            silent.recv(512)
            client.call("batch.cancel", batch=batch)
            events, _ = client.follow(batch)
            assert events[0]["state"] == "cancelled" and events[0]["run"] < 10
            event = fetch(client, "http://slow.example/", connect_timeout="300ms")
            assert event["reason"] == "timed out after 0.3 s while resolving the host's name"


def test_names_that_nobody_answers_for_leave_few_threads_behind(start_daemon, folder):
    resolver = Resolver(start_daemon, folder, plugins=[{"file": str(PLUGIN_DIR / "http.so"), "limit": 32}])
    (pid,) = resolver.daemon.worker_pids()
    with resolver.daemon.client() as client, \
            Server(lambda connection: connection.serve((200, b"fine"))) as server:
        known = server.url(host="two.test")
        assert fetch(client, known)["state"] == "succeeded"
        threads = len(os.listdir(f"/proc/{pid}/task"))
        slow = {"url": "http://slow.test/", "connect_timeout": "1ms"}
        events, _ = client.run({"plugin": "http", "count": 1000, "params": slow})
        refused = [event for event in events if reason(event).startswith("names are not looked up")]
        # All that run when the 128th is left behind may be left behind as well, and no more.
        assert 1000 - 128 - 32 <= len(refused) <= 1000 - 128
        assert len(os.listdir(f"/proc/{pid}/task")) <= threads + 128 + 32
        # Who needs no lookup goes on.
        for url in server.url(), server.url(host="localhost"), known:
            assert fetch(client, url)["state"] == "succeeded"
        assert reason(fetch(client, server.url(), proxy="http://two.test:1")).startswith("names are")
        assert reason(fetch(client, "http://nosuch.test/")).startswith("names are not looked up")


def test_cancelled_jobs_leave_few_threads_behind_as_well(start_daemon, folder):
    resolver = Resolver(start_daemon, folder, plugins=[{"file": str(PLUGIN_DIR / "http.so"), "limit": 129}])
    with resolver.daemon.client() as client:
        slow = {"plugin": "http", "count": 128, "params": {"url": "http://slow.test/"}}
        batch = client.submit(slow, follow="each")
        awaitd.eventually(lambda: client.call("batch.show", batch=batch)["running"] == 128, "all run")
        assert reason(fetch(client, "http://nosuch.test/")) == "could not resolve host: nosuch.test"
        client.call("batch.cancel", batch=batch)
        client.follow(batch)
        assert reason(fetch(client, "http://nosuch.test/")).startswith("names are not looked up")


@pytest.mark.parametrize("url, told", [
    ("file:///etc/passwd", "only http and https URLs are fetched"),
    ("ftp://127.0.0.1/", "only http and https URLs are fetched"),
    ("gopher://127.0.0.1:1/", "only http and https URLs are fetched"),
    ("", "not a URL"),
    ("http://", "not a URL"),
    ("http://127.0.0.1:99999/", "not a URL"),
    ("http://127.0.0.1:1/a b\r\nX: y", "not a URL"),
])
def test_what_is_no_http_url_is_refused(client, url, told):
    assert reason(fetch(client, url)).startswith(told)


# ---- Answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("response, told", [
    (b"", "the server closed the connection without an answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
     "the body ended early: transfer closed with 5 bytes remaining to read"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "the body ended early"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", ""),
    (b"HTTP/1.1 200 OK\r\nServer: x", "the headers ended early"),
    (b"HTTP/1.1 404 Not Found\r\n", "the headers ended early"),
    (b"HTTP/1.1 302 Found\r\nLocation: /els", "the headers ended early"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP server: "),
    (b"\x00\x01\x02\x03" * 100, "not an HTTP server: "),
    (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ""),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
     "the compressed body is broken: "),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b"gzip, " * 20 + b"gzip\r\n\r\nhello",
     "the body is encoded otherwise than with gzip, which was asked for"),
])
def test_a_broken_answer_fails_the_job(client, response, told):
    assert reason(served(client, raw(response))).startswith(told)


@pytest.mark.parametrize("begin, part, end, told", [
    (b"HTTP/1.1 200 OK\r\nX: ", b"x", b"\r\n\r\n", ""),
    (b"HTTP/1.1 200 OK\r\n", b"X-Flood: 0123456789\r\n", b"\r\n",
     "the headers are larger than 256 KiB"),
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"", "the headers are larger than 256 KiB"),
])
def test_a_flood_of_headers_fails_the_job(client, begin, part, end, told):
    flood = part * (1_000_000 // len(part))
    assert reason(served(client, raw(begin + flood + end))).startswith(told)


@pytest.mark.parametrize("response, body", [
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
     b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", ""),
    (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"),
    (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n", "hello"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
])
def test_an_odd_answer_is_understood(client, response, body):
    event = served(client, raw(response))
    assert (event["state"], event["output"]) == ("succeeded", body), event


def test_a_reset_in_the_body_is_told(client):

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        connection.reset()

    event = served(client, script)
    assert reason(event) == "the connection broke while reading the body: connection reset by peer"
    assert (event["output"], event["details"]["status"]) == ("hello", 200)


@pytest.mark.parametrize("response, status", [
    (b"HTTP/1.1 302 Found\r\nLocation:\r\n\r\nhello", 302),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello", 101),
])
def test_an_answer_after_which_another_should_have_come_is_no_success(client, response, status):
    event = served(client, raw(response))
    assert reason(event) == f"status {status}, expected 200-299"
    assert event["details"]["status"] == status


def test_a_body_that_is_no_text_comes_as_base64(client):
    event = served(client, raw(b"HTTP/1.1 200 OK\r\nContent-Type: \xff\xfe\r\n\r\n\xff\x00\xfe"))
    assert event["state"] == "succeeded"
    assert event["output_base64"] == "/wD+"
    assert event["details"]["content_type"] == "\u00ff\u00fe"


# ---- Slow ones -----------------------------------------------------------------------------------


def stalling(*parts):
    """A script that sends the parts and then nothing, until the peer has enough."""

    def script(connection):
        connection.request()
        for part in parts:
            connection.send(part)
        connection.wait_closed()

    return script


@pytest.mark.parametrize("parts, phase", [
    ((), "waiting for headers"),
    ((b"HTTP/1.1 200 OK\r\nX: y",), "reading headers"),
    ((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",), "reading the body"),
])
@pytest.mark.parametrize("limit, told", [
    ("stall_timeout", "no byte for 0.3 s while "),
    ("timeout", "timed out after 0.3 s while "),
])
def test_a_server_that_stalls_is_given_up(client, parts, phase, limit, told):
    with Server(stalling(*parts), deadline=awaitd.DEADLINE) as server:
        event = fetch(client, server.url(), **{limit: "300ms"})
        if parts and phase == "reading headers":  # libcurl tells of headers by the line
            assert reason(event).startswith(told)
        else:
            assert reason(event) == told + phase
        assert server.closed.wait(awaitd.DEADLINE)


def test_what_a_redirect_leads_to_may_stall_too(client):

    def script(connection):
        connection.request()
        connection.redirect("/second")
        connection.request()
        connection.wait_closed()

    with Server(script, deadline=awaitd.DEADLINE) as server:
        event = fetch(client, server.url(), stall_timeout="300ms")
        assert reason(event) == "no byte for 0.3 s while waiting for headers"


def test_connecting_after_a_redirect_has_the_time_to_connect(client):
    with misbehaving.full_listener() as port:

        def script(connection):
            connection.request()
            connection.redirect(f"http://127.0.0.1:{port}/")

        event = served(client, script, stall_timeout="100ms", connect_timeout="500ms")
    assert reason(event) == "timed out after 0.5 s while connecting to where it was redirected"


def test_bytes_that_trickle_do_not_stall_but_run_out_of_time(client):

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.send(b"x")
            time.sleep(0.05)

    event = served(client, script, stall_timeout="1s", timeout="2s")
    assert reason(event) == "timed out after 2 s while reading the body"


def test_a_server_that_does_not_read_is_given_up(client, folder):
    path = folder / "body"
    path.write_bytes(bytes(50_000_000))

    def script(connection):
        connection.server.release.wait(awaitd.DEADLINE)

    with Server(script, deadline=awaitd.DEADLINE) as server:
        server.release = threading.Event()
        event = fetch(client, server.url(), body_file=str(path), stall_timeout="500ms")
        server.release.set()
    assert reason(event).startswith("no byte for 0.5 s while")


def test_cancelling_closes_the_connection(client):
    with Server(stalling(b"HTTP/1.1 200 OK\r\n\r\nhello"), deadline=awaitd.DEADLINE) as server:
        batch = client.submit({"plugin": "http", "params": {"url": server.url()}}, follow="each")
        assert server.accepted.wait(awaitd.DEADLINE)
        client.call("batch.cancel", batch=batch)
        events, _ = client.follow(batch)
        assert events[0]["state"] == "cancelled"
        assert server.closed.wait(awaitd.DEADLINE)


# ---- Large ones ----------------------------------------------------------------------------------


def endless(head):
    def script(connection):
        connection.request()
        connection.send(head)
        while True:
            connection.send(b"0123456789abcdef" * 1024)

    return script


def test_an_endless_body_is_ended(client):
    event = served(client, endless(b"HTTP/1.1 200 OK\r\n\r\n"), max_body="100KiB")
    assert reason(event) == "the body is larger than max_body, 102400 bytes"
    assert len(event["output"]) == event["details"]["size"] == 102400


def test_an_endless_body_may_be_cut(client):
    event = served(client, endless(b"HTTP/1.1 200 OK\r\n\r\n"), max_body="100KiB", truncate=True)
    assert (event["state"], len(event["output"])) == ("succeeded", 102400)
    assert event["details"]["cut"] is True


def test_a_body_as_large_as_allowed_is_not_cut(client):
    body = b"x" * 1000
    event = served(client, lambda connection: connection.serve((200, body)), max_body=1000,
                   truncate=True)
    assert (event["state"], event["output"]) == ("succeeded", "x" * 1000)
    assert "cut" not in event["details"]


def test_the_body_of_an_error_is_shown_but_not_endless(client):
    event = served(client, endless(b"HTTP/1.1 500 Oops\r\n\r\n"), expect="not looked for")
    assert reason(event) == "status 500, expected 200-299"
    assert len(event["output"]) == 64 * 1024


def test_an_error_is_told_though_its_body_never_ends(client):
    event = served(client, stalling(b"HTTP/1.1 500 Oops\r\n\r\nhello"))
    assert reason(event) == "status 500, expected 200-299"
    assert event["output"] == "hello"
    assert event["run"] < awaitd.DEADLINE / 2


def test_a_text_is_found_in_a_body_larger_than_what_is_kept(start_daemon):
    daemon = start_daemon({"limits": {"output_bytes": 1000}})

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)
        for byte in b"nenee needle":
            connection.send(bytes([byte]))

    with daemon.client() as client:
        event = served(client, script, expect="needle")
        assert event["state"] == "succeeded", event
        assert event["truncated"] and event["details"]["size"] == 100_012
        event = served(client, script, expect="needles")
        assert reason(event) == "the body does not contain the expected text"


def test_a_gzip_bomb_is_ended_in_little_memory(start_daemon):
    daemon = start_daemon({"daemon": {"workers": 1}})
    bomb = http_peers.gzipped_zeros(500_000_000)
    pid = daemon.worker_pids()[0]

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
                        % len(bomb) + bomb)
        connection.wait_closed()

    with daemon.client() as client:
        event = served(client, script)
        assert reason(event) == "the body is larger than max_body, 1048576 bytes"
        before = awaitd.memory_kib(pid, "VmHWM")
        for _ in range(3):
            served(client, script)
        assert awaitd.memory_kib(pid, "VmHWM") < before + 20_000


# ---- Redirects -----------------------------------------------------------------------------------


def test_a_redirect_loop_ends(client):

    def script(connection):
        while True:
            connection.request()
            connection.redirect("/again")

    with Server(script, deadline=awaitd.DEADLINE) as server:
        event = fetch(client, server.url(), max_redirects=5)
        assert len(server.requests) == 6
    assert reason(event) == "more than 5 redirects"
    assert event["details"]["status"] == 302


def test_the_type_of_a_redirect_is_not_that_of_the_body(client):

    def script(connection):
        connection.request()
        connection.respond(302, b"", "Location: /second", "Content-Type: text/html")
        connection.serve((200, b"fine"))

    assert "content_type" not in served(client, script)["details"]


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"])
def test_a_redirect_out_of_http_is_not_followed(client, where):
    event = served(client, lambda connection: (connection.request(), connection.redirect(where)))
    assert reason(event).startswith("only http and https URLs are fetched, also after redirects")


def test_secrets_do_not_follow_a_redirect_to_another_host(client, folder):
    path = folder / "credentials"
    path.write_text("ada:secret", encoding="ascii")
    path.chmod(0o600)
    headers = ["Authorization: Bearer x", "Cookie: y=z", "X-Other: w"]
    with Server(lambda connection: connection.serve((200, b"there"))) as there:

        def script(connection):
            while True:
                request = connection.request()
                connection.redirect("/second" if request.target == "/" else there.url("/third"))

        with Server(script) as here:
            assert fetch(client, here.url(), credentials_file=str(path))["output"] == "there"
            assert fetch(client, here.url(), headers=headers)["output"] == "there"
            for request in here.requests:
                assert "authorization" in request.headers
        for request in there.requests:
            assert not {"authorization", "cookie"} & set(request.headers)
        assert there.requests[1].headers["x-other"] == "w"


@pytest.mark.parametrize("status, method, after, body", [
    (301, "POST", "GET", b""), (302, "POST", "GET", b""), (303, "POST", "GET", b""),
    (307, "POST", "POST", b"body"), (308, "POST", "POST", b"body"),
    (301, "PUT", "PUT", b"body"), (302, "PATCH", "PATCH", b"body"),
    (303, "PUT", "GET", b""), (303, "DELETE", "GET", b""), (307, "PUT", "PUT", b"body"),
])
@pytest.mark.parametrize("kind", ["body", "body_file"])
def test_a_redirect_keeps_the_method_and_body_as_the_standard_says(client, folder, status, method,
                                                                   after, body, kind):
    path = folder / "body"
    path.write_bytes(b"body")

    def script(connection):
        connection.request()
        connection.redirect("/second", status)
        connection.serve((200, b"fine"))

    with Server(script, deadline=awaitd.DEADLINE) as server:
        event = fetch(client, server.url(), method=method,
                      **{kind: "body" if kind == "body" else str(path)})
        assert event["state"] == "succeeded", event
        assert [request.method for request in server.requests] == [method, after]
        assert [request.body for request in server.requests] == [b"body", body]


# ---- Kept connections ----------------------------------------------------------------------------


@pytest.fixture
def one_worker(start_daemon):
    with start_daemon({"daemon": {"workers": 1}}).client() as client:
        yield client


def test_connections_are_used_again(one_worker):
    with Server(lambda connection: connection.serve((200, b"fine"))) as server:
        for _ in range(30):
            assert fetch(one_worker, server.url())["state"] == "succeeded"
        assert (server.connections, len(server.requests)) == (1, 30)


def test_a_connection_closed_meanwhile_is_replaced(one_worker):

    def script(connection):
        connection.request()
        connection.respond(200, b"fine")

    with Server(script) as server:
        for _ in range(10):
            assert fetch(one_worker, server.url())["state"] == "succeeded"
        assert server.connections == 10


# Header blocks of HTTP/2 (RFC 7541).
H2_OK = b"\x88"
H2_MOVED = b"\x08\x03302\x0f\x1f\x01/"


class BothVersions:
    """Speaks HTTP/1.1 or 2 on a connection, whichever begins; who changes it there is hung up on."""

    def __init__(self, *answers):
        self.answers = list(answers)  # to requests with HTTP/2; then H2_OK

    def __call__(self, connection):
        if connection.peek(3) == b"PRI":
            assert connection.read(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            self._speak_2(connection)
        while connection.peek(3) == b"GET":
            connection.request()
            connection.respond(200, b"fine")

    def _speak_2(self, connection):
        """As much of RFC 9113 as requests without a body need."""
        end_stream_and_headers, settings, acknowledged = b"\5", b"\0\0\0\4", b"\1"
        connection.send(settings + bytes(5))
        while True:
            head = connection.read(9)
            connection.read(int.from_bytes(head[:3], "big"))
            if head[3:5] == b"\4\0":
                connection.send(settings + acknowledged + bytes(4))
            elif head[3] == 1:
                answer = self.answers.pop(0) if self.answers else H2_OK
                connection.send(bytes([0, 0, len(answer), 1]) + end_stream_and_headers + head[5:9] + answer)


def test_http_2_without_tls_takes_no_connection_of_others(one_worker):
    with Server(BothVersions()) as server:
        spoken = []
        for version in ("1.1", "2", "auto", "2", "1.1"):
            event = fetch(one_worker, server.url(), http_version=version)
            assert event["state"] == "succeeded", event
            spoken.append(event["details"]["http_version"])
        assert spoken == ["1.1", "2", "1.1", "2", "1.1"]
        assert server.connections == 3  # that of HTTP/1.1 is kept


def test_http_2_without_tls_is_spoken_by_many_and_after_redirects(one_worker):
    with Server(BothVersions(*[H2_MOVED] * 10)) as server:
        assert fetch(one_worker, server.url())["details"]["http_version"] == "1.1"
        params = {"url": server.url(), "http_version": "2"}
        events, _ = one_worker.run({"plugin": "http", "count": 30, "params": params})
        assert {event["state"] for event in events} == {"succeeded"}, events
        assert sum(event["details"]["redirects"] for event in events) == 10


def test_sending_a_body_writes_nothing_to_the_log(daemon, client):
    with Server(lambda connection: connection.serve((200, b"fine"))) as server:
        assert fetch(client, server.url(), body="x" * 100_000)["state"] == "succeeded"
    daemon.stop()
    lines = daemon.log.text().splitlines()
    assert lines and all(" info: " in line for line in lines), lines


@pytest.mark.parametrize("method, state, sent", [("PUT", "succeeded", 3), ("POST", "failed", 2)])
def test_what_must_not_be_done_twice_is_not_sent_twice(one_worker, method, state, sent):

    def script(connection):
        connection.request()
        connection.respond(200, b"fine")
        connection.request()  # and closes without an answer

    with Server(script) as server:
        assert fetch(one_worker, server.url())["state"] == "succeeded"
        event = fetch(one_worker, server.url(), method=method, body="x")
        assert event["state"] == state, event
        assert len(server.requests) == sent
    if state == "failed":
        assert "is not sent twice" in event["reason"]


# ---- TLS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("certificate, told", [
    ({"days": -1}, "TLS: SSL certificate problem: certificate has expired"),
    ({"hosts": "DNS:other.example"}, "TLS: SSL: no alternative certificate subject name matches "
     "target host name '127.0.0.1'"),
])
def test_a_wrong_certificate_is_refused(client, authority, certificate, told):
    context = authority.server_context("wrong", **certificate)
    trust = {"ca_file": str(authority.file)}
    with Server(lambda connection: connection.serve((200, b"fine")), tls=context) as server:
        assert told.lower() in reason(fetch(client, server.url(), **trust)).lower()
        assert not server.requests
        assert fetch(client, server.url(), insecure=True)["output"] == "fine"
        # The connection made insecurely is not for those who ask for security.
        assert told.lower() in reason(fetch(client, server.url(), **trust)).lower()


def test_an_unknown_authority_is_refused(client, authority, tmp_path):
    context = authority.server_context("fine")
    other = http_peers.Authority(tmp_path, "other")
    with Server(lambda connection: connection.serve((200, b"fine")), tls=context) as server:
        for trust in ({}, {"ca_file": str(other.file)}):
            assert "unable to get local issuer certificate" in reason(
                fetch(client, server.url(), **trust))
        assert fetch(client, server.url(), ca_file=str(authority.file))["output"] == "fine"
        assert "issuer certificate" in reason(fetch(client, server.url()))


def test_a_server_that_speaks_no_tls_is_told(client):
    with Server(lambda connection: connection.send(b"220 hello\r\n")) as server:
        event = fetch(client, f"https://127.0.0.1:{server.port}/")
    assert reason(event).startswith("TLS: ")


@pytest.mark.parametrize("limit", ["connect_timeout", "timeout"])
def test_waiting_for_the_connection_of_another_job_takes_no_longer_than_allowed(one_worker, limit):
    """Jobs at once share connections, so they wait for one that is being made."""
    with Server(stalling(), deadline=awaitd.DEADLINE) as server:
        url = f"https://127.0.0.1:{server.port}/"
        first = one_worker.submit({"plugin": "http", "params": {"url": url, "connect_timeout": "1h"}})
        assert server.accepted.wait(awaitd.DEADLINE)
        event = fetch(one_worker, url, **{limit: "300ms"})
        assert reason(event) == "timed out after 0.3 s while waiting for the connection that another job makes"
        assert event["run"] < 5
        one_worker.call("batch.cancel", batch=first)


def test_old_tls_is_refused(client, authority):
    context = authority.server_context("old")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():  # it is what this is about
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Server(lambda connection: connection.serve((200, b"fine")), tls=context) as server:
        assert reason(fetch(client, server.url(), ca_file=str(authority.file))).startswith("TLS: ")


# ---- Requests that cannot be made ----------------------------------------------------------------


@pytest.mark.parametrize("params, told", [
    ({"headers": ["no colon"]}, "headers[0]: must be of the form"),
    ({"headers": ["A: b", "X: y\r\nHost: other"]}, "headers[1]: must not have line breaks"),
    ({"headers": [": x"]}, "headers[0]: the name must be"),
    ({"headers": ["A b: x"]}, "headers[0]: the name must be"),
    ({"headers": ["content-length: 5"]}, "headers[0]: Content-Length"),
    ({"headers": ["proxy-authorization: Basic YTpi"]}, "headers[0]: Proxy-Authorization"),
    ({"headers": [" A: b"]}, "headers[0]: must not begin with a blank"),
    ({"method": "GET / HTTP/1.1\r\nX:"}, "method: "),
    ({"method": ""}, "method: "),
    ({"method": "CONNECT"}, "method: "),
    ({"body": "x", "json": {}}, "body, body_file and json exclude each other"),
    ({"method": "HEAD", "body": "x"}, "a HEAD request has no body"),
    ({"expect_status": []}, "expect_status: must not be empty"),
    ({"expect_status": ["2xx"]}, "expect_status: "),
    ({"expect_status": ["299-200"]}, "expect_status: "),
    ({"http_version": "3"}, "http_version: "),
    ({"user_agent": "a\nb"}, "user_agent: "),
])
def test_a_request_that_cannot_be_made_is_told(client, params, told):
    with Server(lambda connection: connection.serve((200, b"fine"))) as server:
        assert reason(fetch(client, server.url(), **params)).startswith(told)
        assert not server.requests


@pytest.fixture
def odd_files(folder):
    os.mkfifo(folder / "fifo")
    (folder / "directory").mkdir()
    (folder / "empty").write_text("", encoding="ascii")
    (folder / "open").write_text("ada:secret", encoding="ascii")
    (folder / "open").chmod(0o604)
    (folder / "lines").write_text("ada:secret\nbob:secret\n", encoding="ascii")
    (folder / "lines").chmod(0o600)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "socket"))
        yield folder


@pytest.mark.parametrize("field", ["body_file", "credentials_file", "ca_file", "cert_file", "key_file"])
@pytest.mark.parametrize("name, told", [
    ("missing", "No such file or directory"),
    ("directory", "is a directory"),
    ("fifo", "is a FIFO, not a regular file"),
    ("socket", "is a socket, not a regular file"),
])
def test_what_is_no_regular_file_is_not_used(client, odd_files, field, name, told):
    path = odd_files / name
    event = fetch(client, "http://127.0.0.1:1/", **{field: str(path)})
    assert reason(event) == f"{field}: {path}: {told}"


@pytest.mark.parametrize("name, told", [
    ("empty", "has no line user:password"),
    ("open", "others may read or write it"),
    ("lines", "has more than one line"),
])
def test_a_file_of_credentials_must_be_one(client, odd_files, name, told):
    (odd_files / "empty").chmod(0o600)
    event = fetch(client, "http://127.0.0.1:1/", credentials_file=str(odd_files / name))
    assert told in reason(event)


@pytest.mark.parametrize("line", ["ada:secret", "ada:secret\n", "ada:secret\r\n"])
def test_the_end_of_a_line_of_credentials_is_not_sent(client, folder, line):
    path = folder / "credentials"
    path.write_bytes(line.encode("ascii"))
    path.chmod(0o600)
    with Server(lambda connection: connection.serve((200, b"fine"))) as server:
        fetch(client, server.url(), credentials_file=str(path))
        (request,) = server.requests
    assert base64.b64decode(request.headers["authorization"].split()[1]) == b"ada:secret"


def test_a_request_says_what_was_asked_for(client):
    with Server(lambda connection: connection.serve((200, b"fine"))) as server:
        fetch(client, server.url("/a?b=c"), json={"x": ["{index}", 1]}, headers=["X-Empty:", "Accept: b/c"])
        fetch(client, server.url(), body="text", headers=["Content-Type: text/plain"], user_agent="me")
        fetch(client, server.url(), body="text", compressed=False)
        fetch(client, server.url())
    first, second, third, fourth = server.requests
    assert (first.method, first.target, first.body) == ("POST", "/a?b=c", b'{"x":["0",1]}')
    assert first.headers["content-type"] == "application/json"
    assert first.headers["x-empty"] == "" and first.headers["accept"] == "b/c"
    assert first.headers["user-agent"].startswith("awaitd/")
    assert "gzip" in first.headers["accept-encoding"] and "expect" not in first.headers
    assert (second.headers["content-type"], second.headers["user-agent"]) == ("text/plain", "me")
    assert "content-type" not in third.headers and "accept-encoding" not in third.headers
    # Nothing of a job remains for the next one.
    assert (fourth.method, fourth.body) == ("GET", b"")
    assert set(fourth.headers) == {"host", "user-agent", "accept", "accept-encoding"}


def gzipped(data, level=9):
    """The same at all times, as the names of tests must be."""
    return gzip.compress(data, level, mtime=0)


GZIPPED = gzipped(b"hello " * 1000)


def encoded(data, encoding="gzip"):
    """A script that answers with such a body."""
    return lambda connection: connection.serve((200, data, f"Content-Encoding: {encoding}"))


@pytest.mark.parametrize("data", [
    GZIPPED, GZIPPED + bytes(100), gzipped(b"hello " * 400) + gzipped(b"hello " * 600),
    gzipped(b"hello " * 1000, 0),
], ids=["one member", "padding", "two members", "not compressed"])
@pytest.mark.parametrize("encoding", ["gzip", "X-GZip "])
def test_gzip_is_decompressed(client, data, encoding):
    event = served(client, encoded(data, encoding))
    assert (event["state"], event["output"]) == ("succeeded", "hello " * 1000), event


@pytest.mark.parametrize("size", [16384, 16383, 16385, 32768, 0, 1])
def test_gzip_of_any_size_is_decompressed(client, size):
    event = served(client, encoded(gzipped(b"x" * size)))
    assert (event["state"], event["output"]) == ("succeeded", "x" * size), event


def test_gzip_may_come_byte_by_byte(client):

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        for byte in GZIPPED:
            connection.send(bytes([byte]))

    assert served(client, script)["output"] == "hello " * 1000


def damaged(at):
    return GZIPPED[:at] + bytes([GZIPPED[at] ^ 0xff]) + GZIPPED[at + 1:]


@pytest.mark.parametrize("data, told", [
    *((GZIPPED[:size], "its end is missing") for size in (1, 5, 10, 20, len(GZIPPED) - 1)),
    (GZIPPED + GZIPPED[:15], "its end is missing"),
    (damaged(len(GZIPPED) - 1), ""), (damaged(len(GZIPPED) - 8), ""), (damaged(12), ""), (b"x", ""),
], ids=lambda value: value if isinstance(value, str) else str(len(value)))
def test_a_damaged_gzip_body_fails_the_job(client, data, told):
    event = served(client, encoded(data))
    assert reason(event).startswith(f"the compressed body is broken: {told}")


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate"])
def test_a_body_encoded_otherwise_fails_the_job(client, encoding):
    told = "the body is encoded otherwise than with gzip, which was asked for"
    assert reason(served(client, encoded(b"x", encoding))) == told
    assert served(client, encoded(b"x", encoding), compressed=False)["output"] == "x"


def test_an_empty_body_need_not_be_gzip(client):
    assert served(client, encoded(b""))["state"] == "succeeded"
    assert served(client, encoded(GZIPPED, "identity"), compressed=False)["state"] == "succeeded"
