"""The plugin tcp, against servers that behave and servers that do not."""

import base64
import contextlib
import os
import pathlib
import select
import socket
import struct
import threading

import pytest

from awaitd import DEADLINE, RpcError, eventually
from resolver import Resolver

# For what must not happen before a test is over.
NEVER = 3600


def listener(family=socket.AF_INET, address=None, port=0, **options):
    """A listening socket, by default on a port of its own."""
    if address is None:
        address = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    server = socket.create_server((address, port), family=family, **options)
    server.settimeout(DEADLINE)
    return server


class Peer:
    """A server whose every connection is served by a function, on a thread of its own."""

    def __init__(self, serve, **options):
        self.socket = listener(**options)
        self.host, self.port = self.socket.getsockname()[:2]
        self._serve = serve
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with contextlib.suppress(OSError):  # closed: the test is over
            while True:
                connection, _ = self.socket.accept()
                connection.settimeout(DEADLINE)
                threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, connection):
        with connection, contextlib.suppress(ConnectionError):
            self._serve(connection)

    def job(self, **params):
        return {"plugin": "tcp", "params": {"host": self.host, "port": self.port, **params}}

    def close(self):
        # accept() in another thread notices a shutdown, not a close.
        self.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE)
        self.socket.close()


@pytest.fixture
def peer():
    """Makes servers: peer(lambda connection: ...)."""
    with contextlib.ExitStack() as made:

        def make(serve, **options):
            server = Peer(serve, **options)
            made.callback(server.close)
            return server

        yield make


def saying(*parts):
    """Sends the parts, each in a packet of its own, and closes."""

    def serve(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)

    return serve


def silent(connection):
    """Says nothing, until the other side hangs up."""
    while connection.recv(65536):
        pass


def receive_line(connection):
    received = b""
    while not received.endswith(b"\n"):
        data = connection.recv(65536)
        if not data:
            break
        received += data
    return received


def redis(connection):
    """Answers lines as Redis does, and leaves hanging up to the client."""
    answers = {b"PING\r\n": b"+PONG\r\n"}
    while line := receive_line(connection):
        connection.sendall(answers.get(line, b"-ERR unknown command\r\n"))


def run(client, entry):
    """The job.done of a single job."""
    (job,), _ = client.run(entry)
    return job


def free_port():
    """A port nobody listens on."""
    with listener() as server:
        return server.getsockname()[1]


# ---- What it is for ------------------------------------------------------------------------------


def test_a_connection_is_enough(client, peer):
    server = peer(silent)
    job = run(client, server.job())
    assert (job["state"], job["output"]) == ("succeeded", "")


def test_what_is_sent_is_answered(client, peer):
    job = run(client, peer(redis).job(send="PING\r\n", expect="+PONG"))
    assert (job["state"], job["output"]) == ("succeeded", "+PONG\r\n")


def test_a_server_that_speaks_first_is_heard(client, peer):
    job = run(client, peer(saying(b"220 mail ESMTP\r\n")).job(expect="220 "))
    assert (job["state"], job["output"]) == ("succeeded", "220 mail ESMTP\r\n")


def test_without_expect_the_answer_ends_where_the_server_closes(client, peer):
    def serve(connection):
        receive_line(connection)
        saying(b"one\n", b"two\n", b"three\n")(connection)

    job = run(client, peer(serve).job(send="all\n"))
    assert (job["state"], job["output"]) == ("succeeded", "one\ntwo\nthree\n")


def test_an_empty_send_listens_only(client, peer):
    job = run(client, peer(saying(b"2027-01-31\n")).job(send=""))
    assert (job["state"], job["output"]) == ("succeeded", "2027-01-31\n")


def test_a_large_text_is_sent_whole(client, peer):
    got = []

    def serve(connection):
        got.append(receive_line(connection))
        connection.sendall(b"thanks")

    text = "x" * 500_000 + "\n"
    job = run(client, peer(serve).job(send=text, expect="thanks"))
    assert job["state"] == "succeeded"
    assert got == [text.encode()]


def test_expect_is_found_across_two_packets(client, peer):
    more = threading.Event()

    def serve(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"x" * 5000 + b"+PO")
        more.wait(DEADLINE)
        connection.sendall(b"NG")
        silent(connection)

    server = peer(serve)
    batch = client.submit(server.job(expect="+PONG"), follow="each")
    with client_of(server, b"x" * 5000 + b"+PO"):
        more.set()
    (job,), _ = client.follow(batch)
    assert job["state"] == "succeeded"
    assert job["output"].endswith("x+PONG")


@contextlib.contextmanager
def client_of(server, banner):
    """Another client, which has the same banner by now: so has whoever came before it."""
    with socket.create_connection((server.host, server.port), DEADLINE) as other:
        received = b""
        while len(received) < len(banner):
            received += other.recv(65536)
        assert received == banner
        yield other


@pytest.mark.parametrize("cut", range(1, 8))
def test_expect_is_found_wherever_the_packets_end(client, peer, cut):
    text = b"..+PONG.."
    job = run(client, peer(saying(text[:cut], text[cut:])).job(expect="+PONG"))
    assert job["state"] == "succeeded"


def test_bytes_come_through_as_they_are(client, peer):
    data = bytes(range(256)) * 4
    job = run(client, peer(saying(data)).job(send=""))
    assert job["state"] == "succeeded"
    assert base64.b64decode(job["output_base64"]) == data


def test_ipv6(client, peer):
    try:
        server = peer(redis, family=socket.AF_INET6)
    except OSError:
        pytest.skip("needs IPv6")
    job = run(client, server.job(send="PING\r\n", expect="+PONG"))
    assert job["state"] == "succeeded"
    assert job["details"]["address"] == "::1"


def test_a_name_is_resolved(client, peer):
    try:
        socket.getaddrinfo("localhost", None, socket.AF_INET)
    except socket.gaierror as error:
        pytest.skip(f"localhost cannot be resolved: {error}")
    server = peer(redis)
    server.host = "localhost"
    job = run(client, server.job(send="PING\r\n", expect="+PONG"))
    assert job["state"] == "succeeded"
    assert job["details"]["address"] == "127.0.0.1"


def test_the_details_tell_where_how_much_and_when(client, peer):
    server = peer(redis)
    job = run(client, server.job(send="PING\r\n", expect="+PONG"))
    details = job["details"]
    timings = details.pop("timings")
    assert details == {"address": "127.0.0.1", "port": server.port, "received": 7}
    assert list(timings) == ["resolve", "connect", "first_byte", "total"]
    assert 0 <= timings["resolve"] <= timings["connect"] <= timings["first_byte"] <= timings["total"]
    assert timings["total"] <= job["run"]


def test_the_details_end_where_the_job_ended(client):
    port = free_port()
    details = run(client, tcp_job("127.0.0.1", port))["details"]
    assert list(details.pop("timings")) == ["resolve", "total"]
    assert details == {"address": "127.0.0.1", "port": port, "received": 0}


# ---- Servers that do not answer ------------------------------------------------------------------


def tcp_job(host, port, **params):
    return {"plugin": "tcp", "params": {"host": host, "port": port, **params}}


def test_a_refused_connection_is_told(client):
    port = free_port()
    job = run(client, tcp_job("127.0.0.1", port))
    assert job["state"] == "failed"
    assert job["reason"] == f"cannot connect to 127.0.0.1 port {port}: Connection refused"


def test_a_reset_is_told(client, peer):
    def serve(connection):
        connection.sendall(b"hello")
        connection.recv(1)  # once the hello has arrived
        # Closing without lingering resets the connection.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    job = run(client, peer(serve).job(send="x", expect="world"))
    assert job["state"] == "failed"
    assert job["reason"] == 'Connection reset by peer, received 5 bytes without "world"'
    assert job["output"] == "hello"


def test_a_server_that_closes_too_early_is_told(client, peer):
    job = run(client, peer(saying(b"hello")).job(expect="world"))
    assert job["state"] == "failed"
    assert job["reason"] == 'closed by the server, received 5 bytes without "world"'


def test_a_silent_server_is_given_up(client, peer):
    job = run(client, peer(silent).job(expect="x", timeout=0.05))
    assert job["state"] == "failed"
    assert job["reason"] == 'timed out after 0.05 s, received 0 bytes without "x"'
    assert job["run"] >= 0.05


def test_a_server_that_stops_in_the_middle_is_given_up(client, peer):
    def serve(connection):
        connection.sendall(b"-LOADING\r\n")
        silent(connection)

    job = run(client, peer(serve).job(send="PING\r\n", expect="+PONG", timeout=1.5))
    assert job["reason"] == 'timed out after 1.5 s, received 10 bytes without "+PONG"'
    assert job["output"] == "-LOADING\r\n"


def test_a_slow_server_has_the_whole_time_and_no_more(client, peer):
    """Bytes that come one by one do not renew the time."""

    def serve(connection):
        while True:
            connection.sendall(b".")
            if select.select([connection], [], [], 0.02)[0]:
                return  # it hung up

    job = run(client, peer(serve).job(expect="x", timeout=1))
    assert job["reason"].startswith("timed out after 1 s, received ")
    assert len(job["output"]) >= 2
    assert set(job["output"]) == {"."}


def test_a_server_that_does_not_read_is_given_up(client, peer):
    over = threading.Event()
    job = run(client, peer(lambda _: over.wait(DEADLINE)).job(send="x" * 900_000, timeout=0.2,
                                                               max_bytes=1))
    over.set()
    # Whether all that fits into the buffers between the two is the kernel's business.
    assert job["reason"] == "timed out after 0.2 s, received 0 bytes"


def test_an_endless_answer_ends_at_the_limit(client, peer):
    def serve(connection):
        while True:
            connection.sendall(b"x" * 65536)

    server = peer(serve)
    job = run(client, server.job(send="", max_bytes=100_000))
    assert (job["state"], job["output"]) == ("succeeded", "x" * 100_000)
    job = run(client, server.job(expect="y", max_bytes="8KiB"))
    assert job["state"] == "failed"
    assert job["reason"] == 'the limit is reached, received 8192 bytes without "y"'


def test_an_endless_answer_holds_up_nobody(client, peer):
    def serve(connection):
        while True:
            connection.sendall(b"x" * 65536)

    endless, other = peer(serve), peer(redis)
    entry = endless.job(expect="y", max_bytes="16MiB")
    entries = [entry] * 4 + [other.job(send="PING\r\n", expect="+PONG")]
    jobs, _ = client.run(*entries)
    assert sorted(job["state"] for job in jobs) == ["failed"] * 4 + ["succeeded"]


@contextlib.contextmanager
def blackhole(address="127.0.0.1"):
    """An address that does not answer a connection: a full queue that nobody accepts from."""
    with listener(address=address, backlog=0) as server, contextlib.ExitStack() as clients:
        place = server.getsockname()
        for _ in range(8):  # as many as it takes, and more
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(place)
        yield place


def test_a_black_hole_is_given_up(client):
    with blackhole() as (host, port):
        job = run(client, tcp_job(host, port, connect_timeout=0.1))
        assert job["state"] == "failed"
        assert job["reason"] == f"cannot connect to {host} port {port}: Connection timed out"
        assert 0.1 <= job["run"] < 5
        job = run(client, tcp_job(host, port, timeout=0.1))
        assert job["reason"].endswith("Connection timed out")


# ---- Cancelling ----------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{"expect": "never"}, {"send": "x\n", "expect": "never"}])
def test_a_cancelled_job_hangs_up_at_once(client, peer, params):
    there, gone = threading.Event(), threading.Event()

    def serve(connection):
        there.set()
        silent(connection)
        gone.set()

    server = peer(serve)
    batch = client.submit(server.job(timeout=NEVER, **params), follow="each")
    assert there.wait(DEADLINE)
    client.call("batch.cancel", batch=batch)
    (job,), _ = client.follow(batch)
    assert job["state"] == "cancelled"
    assert gone.wait(DEADLINE)


def test_a_job_is_cancelled_while_it_connects(client):
    with blackhole() as (host, port):
        entry = tcp_job(host, port, connect_timeout=NEVER, timeout=NEVER)
        batch = client.submit(entry, follow="each")
        eventually(lambda: client.call("batch.show", batch=batch)["running"], "the job runs")
        client.call("batch.cancel", batch=batch)
        (job,), _ = client.follow(batch)
        assert job["state"] == "cancelled"


# ---- Names ---------------------------------------------------------------------------------------


@pytest.fixture
def resolver(start_daemon, folder):
    return Resolver(start_daemon, folder)


@pytest.mark.parametrize("host, why", [
    ("nosuch.test", "Name or service not known"), ("", "Name or service not known"),
    ("256.0.0.1", "Name or service not known"), ("[::1]", "Name or service not known"),
    ("down.test", "Temporary failure in name resolution"),
])
def test_a_name_that_cannot_be_resolved_is_told(resolver, host, why):
    with resolver.daemon.client() as client:
        job = run(client, tcp_job(host, 1))
    assert job["state"] == "failed"
    assert job["reason"] == f"cannot resolve {host}: {why}"
    assert list(job["details"]["timings"]) == ["total"]


def test_the_addresses_of_a_name_are_tried_in_turn(resolver, peer):
    server = peer(redis)
    with resolver.daemon.client() as client:
        job = run(client, tcp_job("two.test", server.port, send="PING\r\n", expect="+PONG"))
        assert job["state"] == "succeeded"
        assert job["details"]["address"] == "127.0.0.1"  # the other one refuses
        port = free_port()
        job = run(client, tcp_job("two.test", port))
        assert job["reason"] == f"cannot connect to 127.0.0.1 port {port}: Connection refused"


def test_a_silent_address_leaves_time_for_the_next(resolver, peer):
    with blackhole("127.0.0.2") as (_, port), resolver.daemon.client() as client:
        peer(silent, address="127.0.0.1", port=port)
        job = run(client, tcp_job("two.test", port, timeout=1, connect_timeout=NEVER))
    assert job["state"] == "succeeded"
    assert job["details"]["address"] == "127.0.0.1"
    assert job["details"]["timings"]["connect"] >= 0.5


def test_a_slow_resolver_holds_up_nobody(resolver, peer):
    server = peer(redis)
    with resolver.daemon.client() as client, resolver.daemon.client() as other:
        batch = client.submit(tcp_job("slow.test", server.port), follow="each")
        resolver.wait_asked()
        (job,), _ = other.run(tcp_job("127.0.0.1", server.port))
        assert job["state"] == "succeeded"
        resolver.answer()
        (job,), _ = client.follow(batch)
        assert job["state"] == "succeeded"


def test_a_job_that_is_cancelled_while_resolving_ends_when_the_resolver_does(resolver, peer):
    server = peer(silent)
    with resolver.daemon.client() as client, resolver.daemon.client() as other:
        batch = client.submit(tcp_job("slow.test", server.port), follow="each")
        resolver.wait_asked()
        client.call("batch.cancel", batch=batch)
        other.run(tcp_job("127.0.0.1", server.port))  # behind the cancel, on the same worker
        assert other.call("batch.show", batch=batch)["running"] == 1
        resolver.answer()
        (job,), _ = client.follow(batch)
        assert job["state"] == "cancelled"


# ---- Many at once --------------------------------------------------------------------------------


def test_a_thousand_connections_at_once(client):
    """None is answered before all are there."""
    count = 1000
    with listener(backlog=count) as server, contextlib.ExitStack() as connections:
        host, port = server.getsockname()
        entry = tcp_job(host, port, send="job {index}\n", expect="job {index}!", timeout=NEVER)
        batch = client.submit({**entry, "count": count}, follow="each")
        accepted = []
        for _ in range(count):
            connection, _ = server.accept()
            connection.settimeout(DEADLINE)
            accepted.append(connections.enter_context(connection))
        for connection in accepted:
            line = receive_line(connection)
            connection.sendall(line.rstrip(b"\n") + b"!")
        jobs, summary = client.follow(batch)
    assert summary["succeeded"] == count
    assert {job["job"]: job["output"] for job in jobs} == {n: f"job {n}!" for n in range(count)}


def sockets_of(pid):
    """How many sockets a process has open."""
    links = []
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(fd))
    return sum(link.startswith("socket:") for link in links)


def test_nothing_is_left_open(daemon, client, peer):
    """Whatever way a job ends, its socket is closed."""
    early, mute = peer(saying(b"hello")), peer(silent)
    entries = [
        early.job(),
        early.job(send=""),
        early.job(expect="world"),
        mute.job(expect="x", timeout=0.02),
        mute.job(send="x" * 1000, expect="x", timeout=0.02),
        tcp_job("127.0.0.1", free_port()),
        tcp_job("localhost", early.port, expect="hello"),
    ]
    before = [sockets_of(pid) for pid in daemon.worker_pids()]
    for _ in range(5):
        client.run(*entries * 8)
    assert [sockets_of(pid) for pid in daemon.worker_pids()] == before


# ---- Its parameters ------------------------------------------------------------------------------


@pytest.mark.parametrize("params, field", [
    ({"port": 1}, "host"), ({"host": "x"}, "port"), ({"host": "x", "port": 0}, "port"),
    ({"host": "x", "port": 65536}, "port"), ({"host": "x", "port": 1, "max_bytes": 0}, "max_bytes"),
    ({"host": "x", "port": 1, "timeout": -1}, "timeout"),
])
def test_its_parameters_are_checked(client, params, field):
    with pytest.raises(RpcError) as caught:
        client.submit({"plugin": "tcp", "params": params})
    assert list(caught.value.problems) == [f"jobs[0].params.{field}"]


def test_it_explains_itself(daemon):
    shown = daemon.ctl("plugins", "tcp", check=0).stdout
    for word in ("host", "port", "send", "expect", "max_bytes", "connect_timeout", "64KiB"):
        assert word in shown
