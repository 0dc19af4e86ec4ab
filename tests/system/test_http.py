"""The http plugin against a real server: nginx, over HTTP/1.1 and HTTP/2, clear and encrypted."""

import pytest

import awaitd
import http_peers


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    server = http_peers.Nginx(tmp_path_factory.mktemp("nginx"))
    yield server
    server.stop()


def fetch(client, url, **params):
    """Runs one job and returns its event."""
    events, _ = client.run({"plugin": "http", "params": {"url": url, **params}})
    return events[0]


def test_a_get_outputs_the_body_and_tells_the_facts(client, nginx):
    event = fetch(client, nginx.url())
    assert event["state"] == "succeeded"
    assert event["output"] == "small file\n"
    details = event["details"]
    timings = details.pop("timings")
    assert details == {"status": 200, "http_version": "1.1", "url": nginx.url(), "redirects": 0,
                       "size": 11, "content_type": "text/plain"}
    assert set(timings) == {"dns", "connect", "tls", "first_byte", "total"}
    assert 0 < timings["connect"] <= timings["first_byte"] <= timings["total"] < awaitd.DEADLINE
    assert timings["tls"] == 0


def test_http_2_is_spoken_over_tls(client, nginx):
    event = fetch(client, nginx.tls_url(), ca_file=str(nginx.authority.file))
    assert event["output"] == "small file\n", event
    assert event["details"]["http_version"] == "2"
    assert event["details"]["timings"]["tls"] > 0


def test_http_1_1_is_spoken_over_tls_where_wanted(client, nginx):
    event = fetch(client, nginx.tls_url(), ca_file=str(nginx.authority.file), http_version="1.1")
    assert event["details"]["http_version"] == "1.1"


def test_jobs_at_once_share_one_http_2_connection(start_daemon, nginx):
    daemon = start_daemon({"daemon": {"workers": 1}})
    job = {"plugin": "http", "count": 50,
           "params": {"url": nginx.tls_url("/kib"), "ca_file": str(nginx.authority.file)}}
    before = len(nginx.served("/kib"))
    with daemon.client() as client:
        _, summary = client.run(job)
    assert summary["succeeded"] == 50
    rows = awaitd.eventually(lambda: len(nginx.served("/kib")) >= before + 50
                             and nginx.served("/kib")[before:], "all are in the log")
    assert {row[3] for row in rows} == {"HTTP/2.0"}
    assert len({row[0] for row in rows}) == 1


def test_cancelling_one_stream_leaves_the_others(start_daemon, nginx):
    daemon = start_daemon({"daemon": {"workers": 1}})
    trust = {"ca_file": str(nginx.authority.file)}
    with daemon.client() as client:
        before = len(nginx.served("/kib"))
        assert fetch(client, nginx.tls_url("/kib"), **trust)["state"] == "succeeded"
        slow = client.submit({"plugin": "http", "params": {"url": nginx.tls_url("/slow"), **trust}},
                             follow="each")
        daemon.busy_worker()
        with daemon.client() as other:
            assert fetch(other, nginx.tls_url("/kib"), **trust)["state"] == "succeeded"
        client.call("batch.cancel", batch=slow)
        events, _ = client.follow(slow)
        assert events[0]["state"] == "cancelled"
        assert fetch(client, nginx.tls_url("/kib"), **trust)["state"] == "succeeded"
    rows = awaitd.eventually(lambda: len(nginx.served("/kib")) >= before + 3
                             and nginx.served("/kib")[before:], "all are in the log")
    assert len({row[0] for row in rows}) == 1


def test_what_reads_files_is_restricted(client):
    plugin = client.call("plugin.show", name="http")
    restricted = {row["name"] for row in plugin["params"] if row.get("restricted")}
    assert restricted == {"body_file", "credentials_file", "ca_file", "cert_file", "key_file"}


def test_jobs_one_after_the_other_share_one_connection(start_daemon, nginx):
    daemon = start_daemon({"daemon": {"workers": 1}})
    before = len(nginx.served("/kib"))
    with daemon.client() as client:
        for _ in range(20):
            assert fetch(client, nginx.url("/kib"))["state"] == "succeeded"
    rows = awaitd.eventually(lambda: len(nginx.served("/kib")) >= before + 20
                             and nginx.served("/kib")[before:], "all are in the log")
    assert len({row[0] for row in rows}) == 1


def test_no_more_connections_are_kept_than_the_settings_say(start_daemon, nginx):
    daemon = start_daemon({"daemon": {"workers": 1},
                           "plugins": ({"file": "http.so", "settings": {"connections": 2}},)})
    worker = daemon.worker_pids()[0]
    before = awaitd.open_fds(worker)
    with daemon.client() as client:
        _, summary = client.run({"plugin": "http", "count": 40, "params": {"url": nginx.url()}})
    assert summary["succeeded"] == 40
    assert awaitd.open_fds(worker) <= before + 2


def test_a_compressed_body_is_decompressed(client, nginx):
    event = fetch(client, nginx.url("/large"))
    assert event["details"]["size"] == 16 * 32768
    assert event["output"] == "0123456789abcdef" * 32768
    assert fetch(client, nginx.url("/large"), compressed=False)["details"]["size"] == 16 * 32768


def test_a_redirect_is_followed(client, nginx):
    event = fetch(client, nginx.url("/moved"))
    assert event["output"] == "small file\n"
    assert event["details"]["redirects"] == 1
    assert event["details"]["url"] == nginx.url("/small")


def test_a_redirect_is_an_answer_where_none_is_to_be_followed(client, nginx):
    event = fetch(client, nginx.url("/moved"), follow=False)
    assert (event["state"], event["reason"]) == ("failed", "status 302, expected 200-299")
    event = fetch(client, nginx.url("/moved"), follow=False, expect_status=["302"])
    assert event["state"] == "succeeded"


def test_credentials_come_from_a_file(client, nginx, folder):
    path = folder / "credentials"
    path.write_text(f"{http_peers.USER}:{http_peers.PASSWORD}\n", encoding="ascii")
    path.chmod(0o600)
    url = nginx.url("/private/secret")
    assert fetch(client, url)["reason"] == "status 401, expected 200-299"
    assert fetch(client, url, credentials_file=str(path))["output"] == "secret\n"
    # Nothing of them remains for the next job.
    assert fetch(client, url)["reason"] == "status 401, expected 200-299"


def test_a_client_certificate_is_shown(client, nginx):
    certificate, key = nginx.authority.certificate("client", hosts="DNS:client")
    trust = {"ca_file": str(nginx.authority.file)}
    event = fetch(client, nginx.tls_url("/client"), cert_file=str(certificate), key_file=str(key),
                  **trust)
    assert event["output"] == "SUCCESS CN=client"
    # A connection with a certificate is not used without.
    assert fetch(client, nginx.tls_url("/client"), **trust)["output"] == "NONE "


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_is_sent_with_any_method(client, nginx, method):
    event = fetch(client, nginx.url("/echo"), method=method, body="twelve bytes")
    assert event["output"] == f"{method} 12"


def test_a_large_file_is_sent(client, nginx, folder):
    path = folder / "body"
    path.write_bytes(bytes(20_000_000))
    event = fetch(client, nginx.url("/echo"), body_file=str(path))
    assert event["output"] == "POST 20000000"


def test_a_head_has_no_body(client, nginx):
    event = fetch(client, nginx.url("/large"), method="HEAD")
    assert (event["state"], event["output"], event["details"]["size"]) == ("succeeded", "", 0)


def test_not_modified_has_no_body(client, nginx):
    headers = ["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"]
    event = fetch(client, nginx.url("/small"), headers=headers, expect_status=["304"])
    assert (event["state"], event["output"]) == ("succeeded", "")


def test_the_body_must_contain_the_expected_text(client, nginx):
    assert fetch(client, nginx.url(), expect="small file")["state"] == "succeeded"
    event = fetch(client, nginx.url(), expect="large file")
    assert event["reason"] == "the body does not contain the expected text"
    assert event["output"] == "small file\n"


def test_an_array_of_jobs_fills_in_its_urls(client, nginx):
    events, _ = client.run({"plugin": "http", "params": {"url": nginx.url("/{item}")},
                            "items": ["small", "none"]})
    by_job = {event["job"]: event for event in events}
    assert by_job[0]["state"] == "succeeded"
    assert by_job[1]["reason"] == "status 404, expected 200-299"


def test_trust_may_come_from_the_settings(start_daemon, nginx):
    settings = {"ca_file": str(nginx.authority.file)}
    daemon = start_daemon({"plugins": ({"file": "http.so", "settings": settings},)})
    with daemon.client() as client:
        assert fetch(client, nginx.tls_url())["state"] == "succeeded"


def test_a_proxy_is_asked_and_the_environment_is_not(start_daemon, nginx):
    dead = f"http://127.0.0.1:{http_peers.free_port()}"
    env = {"http_proxy": dead, "all_proxy": dead}
    daemon = start_daemon(env=env)
    with daemon.client() as client:
        assert fetch(client, nginx.url())["state"] == "succeeded"
        # nginx takes a request with a full URL as one to itself.
        event = fetch(client, "http://nosuch.invalid/small", proxy=nginx.url(""))
        assert event["output"] == "small file\n"
    settings = {"environment_proxy": True}
    daemon = start_daemon({"plugins": ({"file": "http.so", "settings": settings},)}, env=env)
    with daemon.client() as client:
        assert "could not connect" in fetch(client, nginx.url())["reason"]
