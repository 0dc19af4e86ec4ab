"""What the tests of the http plugin talk to: a private certificate authority, and a real nginx as an
ordinary process in a directory of its own."""

import gzip
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess

import awaitd

USER, PASSWORD = "ada", "pass:word"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Authority:
    """Makes certificates with openssl, below a directory."""

    def __init__(self, directory, name="ca"):
        self.openssl = awaitd.need("openssl")
        self.directory = pathlib.Path(directory)
        self.name = name
        self.file = self._path(name, "pem")
        self._openssl("req", "-x509", *self._new_key(name), "-subj", f"/CN={name}", "-days", "2",
                      "-out", self.file)

    def _path(self, name, suffix):
        return self.directory / f"{name}.{suffix}"

    def _new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                self._path(name, "key")]

    def _openssl(self, *args):
        subprocess.run([self.openssl, *map(str, args)], check=True, capture_output=True)

    def certificate(self, name, hosts="DNS:localhost,IP:127.0.0.1", days=2):
        """(certificate, key), valid for so many days from now; of an expired one, less than 0."""
        request, certificate = self._path(name, "csr"), self._path(name, "pem")
        self._openssl("req", *self._new_key(name), "-subj", f"/CN={name}", "-addext",
                      f"subjectAltName={hosts}", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey",
                      self._path(self.name, "key"), "-copy_extensions", "copy", "-days", days,
                      "-out", certificate)
        return certificate, self._path(name, "key")

    def server_context(self, name, **certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate(name, **certificate))
        return context


CONFIG = """
daemon off;
master_process off;
pid {directory}/pid;
events {{ worker_connections 1024; }}
http {{
    log_format served '$connection $connection_requests $request_method $uri $server_protocol';
    access_log {log};
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000;
    default_type text/plain;
    root {directory}/root;
    if_modified_since before;
    gzip {gzip};
    gzip_types *;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_client_certificate {authority};
    ssl_verify_client optional;
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{https} ssl http2;
        location /private {{ auth_basic "private"; auth_basic_user_file {directory}/users; }}
        location /slow {{ limit_rate 2k; }}
        location /moved {{ return 302 /small; }}
        location /client {{ return 200 "$ssl_client_verify $ssl_client_s_dn"; }}
        location /echo {{
            client_max_body_size 64m;
            proxy_set_header Accept-Encoding "";
            proxy_pass http://127.0.0.1:{http}/accept;
        }}
        location /accept {{ client_max_body_size 64m; return 200 "$request_method $content_length"; }}
    }}
}}
"""


class Nginx:
    """nginx with HTTP/1.1 on one port, and HTTP/2 and 1.1 over TLS on another. `fast`: it writes no log
    and does not compress."""

    def __init__(self, directory, fast=False):
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not program:
            awaitd.pytest.skip("needs nginx")
        self.directory = pathlib.Path(directory)
        self.authority = Authority(self.directory)
        self.http, self.https = free_port(), free_port()
        certificate, key = self.authority.certificate("server")
        root = self.directory / "root"
        root.mkdir()
        (root / "private").mkdir()
        (root / "slow").write_bytes(os.urandom(1 << 20))
        (root / "small").write_text("small file\n", encoding="ascii")
        (root / "kib").write_text("x" * 1024, encoding="ascii")
        (root / "large").write_text("0123456789abcdef" * 32768, encoding="ascii")
        (root / "private/secret").write_text("secret\n", encoding="ascii")
        digest = subprocess.run([self.authority.openssl, "passwd", "-apr1", PASSWORD], check=True,
                                capture_output=True, text=True).stdout.strip()
        (self.directory / "users").write_text(f"{USER}:{digest}\n", encoding="ascii")
        config = self.directory / "nginx.conf"
        log = "off" if fast else f"{self.directory}/access.log served"
        config.write_text(CONFIG.format(log=log, gzip="off" if fast else "on", http=self.http,
                                        https=self.https, directory=self.directory,
                                        certificate=certificate, key=key,
                                        authority=self.authority.file), encoding="ascii")
        self.errors = self.directory / "error.log"
        self.process = subprocess.Popen([program, "-e", str(self.errors), "-p", str(self.directory),
                                         "-c", str(config)], stdin=subprocess.DEVNULL)
        awaitd.eventually(self._answers, "nginx answers")

    def _answers(self):
        assert self.process.poll() is None, self.errors.read_text(encoding="utf-8")
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.https)) == 0

    def stop(self):
        self.process.send_signal(signal.SIGQUIT if self.process.poll() is None else 0)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def url(self, path="/small"):
        return f"http://127.0.0.1:{self.http}{path}"

    def tls_url(self, path="/small", host="localhost"):
        return f"https://{host}:{self.https}{path}"

    def served(self, path):
        """What was served of a path: (connection, requests on it so far, method, version), in order."""
        rows = []
        for line in (self.directory / "access.log").read_text(encoding="ascii").splitlines():
            connection, count, method, uri, version = line.split(" ")
            if uri == path:
                rows.append((int(connection), int(count), method, version))
        return rows


def gzipped_zeros(size):
    """So many zeros, as gzip: a thousandth of that."""
    return gzip.compress(bytes(size), 9)
