"""Where jobs of the http plugin may connect to: the settings allow and deny."""

import re
import socket

import pytest

from misbehaving import Server
from test_http import fetch


def with_settings(**settings):
    return {"plugins": ({"file": "http.so", "settings": settings},)}


def serve(connection):
    connection.serve((200, b"fine"))


@pytest.fixture
def denied(start_daemon):
    """A client of a daemon that denies private addresses."""
    with start_daemon(with_settings(deny=["private"])).client() as client:
        yield client


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.parametrize("host, told", [
    ("127.0.0.1", "127.0.0.1"), ("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"),
    ("0x7f.1", "127.0.0.1"), ("0177.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("0", "0.0.0.0"),
    ("127.1.2.3", "127.1.2.3"), ("[::1]", "::1"), ("[::]", "::"),
    ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"), ("[::ffff:7f00:1]", "::ffff:127.0.0.1"),
    ("[64:ff9b::127.0.0.1]", "64:ff9b::7f00:1"), ("[2002:7f00:1::]", "2002:7f00:1::"),
    ("169.254.169.254", "169.254.169.254"), ("10.0.0.1", "10.0.0.1"), ("[fe80::1]", "fe80::1"),
    ("192.168.1.1", "192.168.1.1"), ("100.64.0.1", "100.64.0.1"), ("[fd00::1]", "fd00::1"),
])
def test_a_private_address_is_denied_however_it_is_written(denied, host, told):
    with Server(serve) as server:
        event = fetch(denied, server.url(host=host), connect_timeout=5)
        assert event["state"] == "failed"
        assert event["reason"] == f"{told} is not allowed by this daemon's configuration"
        assert server.connections == 0


def test_a_name_of_a_private_address_is_denied(denied):
    with Server(serve) as server:
        reason = fetch(denied, server.url(host="localhost"))["reason"]
        assert reason in (f"{address} is not allowed by this daemon's configuration"
                          for address in ("127.0.0.1", "::1"))
        assert server.connections == 0


def test_a_proxy_at_a_private_address_is_denied(denied):
    with Server(serve) as server:
        event = fetch(denied, "http://public.example/", proxy=server.url(""))
        assert event["reason"] == "127.0.0.1 is not allowed by this daemon's configuration"
        assert server.connections == 0


def test_a_proxy_behind_a_unix_socket_is_never_allowed(client, folder):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()
        event = fetch(client, "http://public.example/", proxy=f"socks5h://localhost{folder}/s")
    assert "an address that is neither IPv4 nor IPv6 is not allowed" in event["reason"]


def test_a_redirect_to_a_denied_address_is_not_followed(start_daemon):
    daemon = start_daemon(with_settings(deny=["127.0.0.2"]))
    with daemon.client() as client, Server(serve, host="127.0.0.2") as inside:

        def script(connection):
            connection.request()
            connection.redirect(inside.url(host="127.0.0.2"))

        with Server(script) as outside:
            event = fetch(client, outside.url())
        assert event["reason"] == "127.0.0.2 is not allowed by this daemon's configuration"
        assert (event["details"]["status"], inside.connections) == (302, 0)


def test_allow_makes_exceptions_from_deny(start_daemon):
    daemon = start_daemon(with_settings(deny=["private"], allow=["127.0.0.1/32"]))
    with daemon.client() as client, Server(serve) as server:
        assert fetch(client, server.url())["output"] == "fine"
        # The other addresses of a name are tried, too.
        assert fetch(client, server.url(host="localhost"))["output"] == "fine"
        assert "not allowed" in fetch(client, server.url(host="127.0.0.2"))["reason"]


@pytest.mark.parametrize("deny, allowed", [
    ([], True), (["link-local"], True), (["public"], True), (["10.0.0.0/8", "::/0"], True),
    (["loopback"], False), (["all"], False), (["127.0.0.0/8"], False), (["0.0.0.0/0"], False),
])
def test_deny_means_what_it_says(start_daemon, deny, allowed):
    daemon = start_daemon(with_settings(deny=deny))
    with daemon.client() as client, Server(serve) as server:
        assert (fetch(client, server.url())["state"] == "succeeded") is allowed


def test_ipv6_is_spoken_and_denied(start_daemon):
    if not has_ipv6():
        pytest.skip("needs IPv6")
    with Server(serve, host="::1") as server:
        url = server.url(host="[::1]")
        with start_daemon().client() as client:
            assert fetch(client, url)["output"] == "fine"
        with start_daemon(with_settings(deny=["::1"])).client() as client:
            assert fetch(client, url)["reason"] == "::1 is not allowed by this daemon's configuration"


@pytest.mark.parametrize("settings, told", [
    ({"deny": ["privat"]}, 'settings.deny[0]: "privat" is no address'),
    ({"deny": ["private"], "allow": ["10.0.0.0/33"]}, 'settings.allow[0]: "10.0.0.0/33" is no address'),
    ({"allow": ["10.0.0.0/8"]}, "add deny"),
])
def test_wrong_settings_disable_the_plugin_and_say_why(start_daemon, settings, told):
    daemon = start_daemon(with_settings(**settings))
    daemon.log.wait_for("plugin http .* is disabled: could not be opened: .*" + re.escape(told))
