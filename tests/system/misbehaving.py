"""A scripted HTTP server that does what no server should. It knows nothing of awaitd.

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")

    with Server(script) as server:
        ... server.url() ... server.connections

Each connection is a thread that runs the script. What the peer of a connection does to it comes as
EOFError or ConnectionError, which ends the script quietly."""

import contextlib
import socket
import struct
import threading


class Request:
    """What a client sent."""

    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = body


class Connection:
    """One connection, seen from the server."""

    def __init__(self, server, sock):
        self.server = server
        self.socket = sock
        self.received = b""

    def _read(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.received += data

    def peek(self, size):
        """The next bytes, which stay."""
        while len(self.received) < size:
            self._read()
        return self.received[:size]

    def read(self, size):
        """The next bytes."""
        data = self.peek(size)
        self.received = self.received[size:]
        return data

    def request(self):
        """The next request, with its body."""
        while b"\r\n\r\n" not in self.received:
            self._read()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        request = Request(head, b"")
        size = int(request.headers.get("content-length", 0))
        while len(self.received) < size:
            self._read()
        request.body, self.received = self.received[:size], self.received[size:]
        self.server.requests.append(request)
        return request

    def send(self, data):
        self.socket.sendall(data)

    def respond(self, status=200, body=b"", *headers):
        """A proper response."""
        head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
        self.send("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)

    def redirect(self, where, status=302):
        self.respond(status, b"", f"Location: {where}")

    def reset(self):
        """Ends the connection with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_closed(self):
        """Until the peer closes the connection, or resets it."""
        with contextlib.suppress(ConnectionError, EOFError, OSError):
            while True:
                self._read()
        self.server.closed.set()

    def serve(self, *answers):
        """Proper responses to one request after the other; the last answer serves all further ones."""
        for index in range(1 << 30):
            self.request()
            self.respond(*answers[min(index, len(answers) - 1)])


class Server:
    """Listens on a free port of 127.0.0.1, or of `host`."""

    def __init__(self, script, host="127.0.0.1", tls=None, deadline=60):
        self.script = script
        self.tls = tls
        self.deadline = deadline
        self.requests = []
        self.connections = 0
        self.accepted = threading.Event()  # a connection was
        self.closed = threading.Event()    # by the peer, as wait_closed() saw
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=1024)
        self.port = self.listener.getsockname()[1]
        self._sockets = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def url(self, path="/", host="127.0.0.1"):
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(self.deadline)
        self.listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(self.deadline)
            assert not thread.is_alive(), "a script of the server does not end"

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._sockets.append(sock)
                thread = threading.Thread(target=self._run, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()
                self.accepted.set()

    def _run(self, sock):
        sock.settimeout(self.deadline)
        with contextlib.suppress(OSError, EOFError):
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            with contextlib.closing(sock):
                self.script(Connection(self, sock))


@contextlib.contextmanager
def full_listener():
    """A port that takes no further connection and refuses none: its queue is full, so that whoever
    connects waits. Yields the port."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(64):
            client = stack.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect(listener.getsockname())
            except TimeoutError:
                break
        else:
            raise AssertionError("the queue is never full")
        yield listener.getsockname()[1]
