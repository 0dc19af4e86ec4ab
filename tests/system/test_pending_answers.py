"""Requests behind one whose answer waits for the disk: what they ask for is done, and answered in their order."""

import json
import select
import socket
import subprocess

import pytest

from awaitd import SANITIZED, encode, eventually, need, wait_job


def ids(messages):
    """The answers' ids and the events' methods."""
    return [message.get("id", message.get("method")) for message in messages]


def test_what_is_no_request_is_answered_behind_those_before_it(client):
    client.send(encode("batch.submit", {"jobs": [wait_job(0)]}, "a"))
    client.send(b'{"jsonrpc": "2.0", "id": "b"}')
    client.send(encode("daemon.ping", {}, "c"))
    assert ids(client.receive() for _ in range(3)) == ["a", "b", "c"]


@pytest.mark.parametrize("garbage", [b"]", b'{"jsonrpc": "2.0", "id": 2, "method": "batch.submit", '
                                          b'"params": {"jobs": [{"plugin": nonsense}]}}'])
def test_garbage_behind_a_submission_does_not_cost_it_its_answer(client, garbage):
    client.send(encode("batch.submit", {"jobs": [wait_job(0)]}, "a") + garbage)
    first, second = client.receive_all()
    assert first["id"] == "a" and first["result"]["batch"] == 1
    assert second["error"]["code"] == -32700


def test_followers_of_batches_that_are_being_admitted_count(start_daemon):
    daemon = start_daemon(config={"limits": {"client_watchers": 5}})
    with daemon.client() as client:
        submission = {"jobs": [wait_job(3600)], "follow": "each"}
        client.send(b"".join(encode("batch.submit", submission, i) for i in range(20)))
        answers = [client.receive() for _ in range(20)]
        assert sum("result" in answer for answer in answers) == 5
        for batch in range(1, 6):
            daemon.call("batch.cancel", batch=batch)
        ended = [client.event() for _ in range(10)]
        assert ids(ended).count("batch.done") == 5
        client.run(wait_job(0))  # there is room again


def test_an_answer_stands_before_events_also_behind_a_key_that_is_looked_for(start_daemon):
    daemon = start_daemon(config={"limits": {"history_bytes": 0}})
    many = {"jobs": [wait_job(0, count=50000)], "key": "many"}
    with daemon.client() as client:
        client.call("batch.wait", batch=client.call("batch.submit", **many)["batch"])
        client.run(wait_job(0))
        client.run(wait_job(0))
        # The first one is read back from the store, which takes longer than the second takes to run.
        client.send(encode("batch.submit", many, "a"))
        client.send(encode("batch.submit", {"jobs": [wait_job(0)], "follow": "each"}, "b"))
        assert ids(client.receive() for _ in range(4)) == ["a", "b", "job.done", "batch.done"]


@pytest.mark.parametrize("durable", [True, False])
def test_who_leaves_at_once_has_all_done_that_was_asked_for(daemon, durable):
    with daemon.client() as client:
        for name in ("first", "second", "third"):
            client.send(encode("batch.submit", {"jobs": [wait_job(0)], "name": name,
                                                "durable": durable}))
        client.send(encode("batch.cancel", {"batch": 3}) + encode("batch.open", {"name": "last"}))

    def listed():
        batches = daemon.call("batch.list")["batches"]
        return [batch["name"] for batch in batches] == ["last", "third", "second", "first"]

    eventually(listed, "all four are there")


def test_pieces_sent_by_who_leaves_at_once_are_all_added(daemon):
    batch = daemon.call("batch.open")["batch"]
    with daemon.client() as client:
        for _ in range(10):
            notification = {"jsonrpc": "2.0", "method": "batch.add",
                            "params": {"batch": batch, "jobs": [wait_job(0)]}}
            client.send(json.dumps(notification).encode())
    eventually(lambda: daemon.call("batch.show", batch=batch)["jobs"] == 10, "all pieces are there")


# To be loaded before the system's: nothing reaches the disk while the file STALLED is there.
STALLING = """
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int fdatasync(int fd)
{
    while (access(getenv("STALLED"), F_OK) == 0)
        usleep(1000);
    return (int)syscall(SYS_fdatasync, fd);
}
"""


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's runtime wants to be preloaded first")
def test_refusals_behind_a_commit_that_hangs_take_bounded_memory(start_daemon, folder):
    library, stalled = folder / "stalling.so", folder / "stalled"
    subprocess.run([need("cc"), "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=STALLING,
                   text=True, check=True)
    daemon = start_daemon(env={"LD_PRELOAD": str(library), "STALLED": str(stalled)})
    with daemon.client() as client:
        client.run(wait_job(0))
        before = daemon.memory_kib()
        stalled.touch()
        client.send(encode("batch.submit", {"jobs": [wait_job(0)]}, "first"))
        requests, sent = (encode("batch.submit", {"jobs": [wait_job(-1)] * 20}, "bad") * 100), 0
        try:
            # The socket fills, the daemon's memory does not.
            while sent < 64 << 20 and select.select([], [client.socket], [], 1)[1]:
                sent += client.socket.send(requests, socket.MSG_DONTWAIT)
            assert sent < 16 << 20
            assert daemon.memory_kib() - before < 16 << 10
            daemon.call("daemon.ping")  # others are served
        finally:
            stalled.unlink()
        rest = len(requests) - sent % len(requests)
        client.send(requests[-rest:] + encode("daemon.ping", {}, "last"))
        many = (sent + rest) // len(requests) * 100
        told = ids(client.receive() for _ in range(1 + many + 1))
        assert told == ["first"] + many * ["bad"] + ["last"]
