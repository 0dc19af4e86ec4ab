"""Many clients, slow clients, clients that never read: memory stays bounded, nobody suffers."""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import time

import pytest

from awaitd import DEADLINE, SANITIZED, Client, encode, eventually, open_fds, wait_job

ROOMY = {"limits": {"clients": 5000, "user_clients": 5000}}


def small_reader(daemon):
    """A client whose socket takes next to nothing until it reads."""
    client = Client(daemon.socket_path)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return client


@pytest.mark.slow
def test_a_follower_that_never_reads_costs_no_memory_and_misses_nothing(start_daemon):
    daemon = start_daemon()
    count = 200_000
    with daemon.client() as other:
        def run_batch(submitter, follow):
            batch = submitter.submit(wait_job(0, count=count, name="n-{index}"), follow=follow)
            latencies = []
            wait = other.request("batch.wait", batch=batch)
            with daemon.client() as third:
                while not select.select([other.socket], [], [], 0)[0]:
                    begin = time.monotonic()
                    third.call("daemon.ping")
                    latencies.append(time.monotonic() - begin)
            assert other.answer(wait)["succeeded"] == count
            return batch, latencies

        start = daemon.memory_kib()
        run_batch(other, "none")
        without = daemon.memory_kib()
        with small_reader(daemon) as slow:
            batch, latencies = run_batch(slow, "each")
            # Had the daemon anything more to put aside for it, it would do so between these.
            for _ in range(2000):
                other.call("daemon.ping")
            with_slow = daemon.memory_kib()
            # 200,000 events of 100 bytes and more; the batch itself may cost what the first did.
            assert with_slow - without < (without - start) + (8 << 10) * (4 if SANITIZED else 1)
            assert max(latencies) < DEADLINE / 10
            jobs, summary = slow.follow(batch)
        assert [job["seq"] for job in jobs] == list(range(count))
        assert len({job["job"] for job in jobs}) == count
        assert summary["succeeded"] == count


@pytest.mark.slow
def test_a_client_that_asks_and_never_reads_is_made_to_wait(daemon):
    daemon.call("daemon.ping")
    before = daemon.memory_kib()
    request = encode("plugin.show", {"name": "wait"}) + b"\n"
    asked = 200_000
    data = memoryview(request * asked)
    with small_reader(daemon) as greedy:
        greedy.socket.setblocking(False)
        sent = 0
        while sent < len(data):
            # Once the socket takes nothing for as long as others are served a hundred times, it is
            # the daemon that has stopped reading.
            if not select.select([], [greedy.socket], [], 0)[1]:
                with daemon.client() as other:
                    for _ in range(100):
                        other.call("daemon.ping")
                if not select.select([], [greedy.socket], [], 0)[1]:
                    break
            sent += greedy.socket.send(data[sent:sent + 65536])
        assert sent < len(data), "everything was taken from a client that never reads"
        assert daemon.memory_kib() - before < 16 << 10
        # It gets an answer to all that was taken, and to the rest once it reads.
        greedy.socket.setblocking(True)
        greedy.socket.settimeout(DEADLINE)
        taken = sent // len(request)
        for _ in range(taken):
            assert greedy.receive()["result"]["name"] == "wait"


def test_two_thousand_clients_are_served_at_once(start_daemon):
    daemon = start_daemon(config=ROOMY)
    clients = []
    try:
        for _ in range(2000):
            clients.append(daemon.client())
        requests = [client.request("batch.submit", jobs=[wait_job(0.5)], follow="each")
                    for client in clients]
        batches = [client.answer(request)["batch"] for client, request in zip(clients, requests)]
        assert len(set(batches)) == 2000
        for client, batch in zip(clients, batches):
            jobs, summary = client.follow(batch)
            assert len(jobs) == 1 and summary["state"] == "succeeded"
        assert clients[0].call("daemon.status")["clients"] == 2000
    finally:
        for client in clients:
            client.close()
    with daemon.client() as client:
        assert client.call("daemon.ping") == {}


def test_two_thousand_followers_of_one_batch_see_it_all(start_daemon):
    daemon = start_daemon(config=ROOMY)
    clients = []
    try:
        with daemon.client() as owner:
            batch = owner.submit(wait_job(1, count=20))
            for _ in range(2000):
                client = daemon.client()
                client.call("batch.watch", batch=batch)
                clients.append(client)
            for client in clients:
                jobs, _ = client.follow(batch)
                assert [job["seq"] for job in jobs] == list(range(20))
    finally:
        for client in clients:
            client.close()


def test_the_daemon_takes_the_descriptors_it_needs(start_daemon):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    daemon = start_daemon(config=ROOMY, preexec_fn=few)
    clients = [daemon.client() for _ in range(1000)]
    try:
        for client in clients:
            assert client.call("daemon.ping") == {}
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("limit", ["clients", "user_clients"])
def test_one_client_too_many_is_told_so_and_the_others_stay(start_daemon, limit):
    daemon = start_daemon(config={"limits": {limit: 5}})
    clients = [daemon.client() for _ in range(5)]
    try:
        for client in clients:
            client.call("daemon.ping")
        with daemon.client() as late:
            (message,) = late.receive_all()
            assert message["error"]["code"] == 3
            assert limit in message["error"]["message"] and "5" in message["error"]["message"]
        for client in clients:
            assert client.call("daemon.ping") == {}
        clients.pop().close()

        def served():
            with daemon.client() as again:
                message = {}
                try:
                    again.request("daemon.ping")
                    message = again.receive()
                except (OSError, EOFError):
                    pass
                return "result" in message

        eventually(served, "a place became free")
    finally:
        for client in clients:
            client.close()


def test_without_descriptors_the_daemon_goes_on(start_daemon):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    daemon = start_daemon(config=ROOMY, preexec_fn=few)
    clients = [daemon.client()]
    try:
        batch = clients[0].submit(wait_job(1))
        for _ in range(100):
            clients.append(daemon.client())
        assert clients[0].call("batch.wait", batch=batch)["state"] == "succeeded"
        for client in clients[1:]:
            client.close()
        with daemon.client() as client:
            assert client.call("daemon.ping") == {}
    finally:
        for client in clients:
            client.close()


def test_clients_leave_descriptors_to_workers(start_daemon):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))

    daemon = start_daemon(config=ROOMY, preexec_fn=few)
    first = daemon.client()
    clients = [first]
    batch = first.submit(wait_job(3600))

    def refusal():
        clients.append(daemon.client())
        with contextlib.suppress(OSError):
            clients[-1].request("batch.watch", batch=batch)
            clients[-1].half_close()  # costs the daemon a second descriptor
        return clients[-1].receive().get("error")

    try:
        error = eventually(refusal, "no descriptor is left")
        assert error["code"] == 3
        assert "RLIMIT_NOFILE" in error["message"]
        assert 20 < len(clients) < 200
        assert open_fds(daemon.process.pid) < 140
        worker = first.call("daemon.status")["workers"][0]
        os.kill(worker["pid"], signal.SIGKILL)

        def replaced():
            now = first.call("daemon.status")["workers"][0]
            return now["pid"] != worker["pid"] and now["state"] == "ready"

        eventually(replaced, "the worker is replaced")
    finally:
        for client in clients:
            client.close()


def test_out_of_descriptors_is_told_once(start_daemon):
    daemon = start_daemon()
    pid = daemon.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with daemon.client() as client:
        client.call("daemon.ping")
        for _ in range(2):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, before[1]))
            with daemon.client() as late:
                ping = late.request("daemon.ping")
                daemon.log.wait_for("cannot let clients in: Too many open files")
                client.run(wait_job(0.35))  # meanwhile some more attempts, one each 0.1 s
                resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
                assert late.answer(ping) == {}
    assert daemon.log.text().count("cannot let clients in") == 2


def test_a_million_jobs_in_one_line_take_little_memory(daemon):
    with daemon.client() as client:
        client.call("daemon.ping")
        before = daemon.memory_kib()
        batch = client.submit(wait_job(3600, count=1_000_000), follow="summary")
        shown = client.call("batch.show", batch=batch)
        assert shown["jobs"] == 1_000_000
        grown_kib = daemon.memory_kib() - before
        assert grown_kib * 1024 / 1_000_000 < 100 * (4 if SANITIZED else 1)  # bytes a job
        client.call("batch.cancel", batch=batch)
        client.follow(batch)


def test_connections_come_and_go_without_a_trace(daemon):
    daemon.call("daemon.ping")
    before = open_fds(daemon.process.pid)
    for _ in range(1000):
        daemon.call("daemon.ping")
    eventually(lambda: open_fds(daemon.process.pid) <= before, "all connections are closed")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_questions_that_nobody_hears_the_answer_of_cost_next_to_nothing(daemon, client):
    batch = client.submit(wait_job(0, count=1000))
    client.call("batch.wait", batch=batch)
    begin = cpu_seconds(daemon.process.pid)
    for _ in range(20):
        client.call("job.list", batch=batch, limit=1000)
    asked = cpu_seconds(daemon.process.pid) - begin
    question = json.dumps({"jsonrpc": "2.0", "method": "job.list",
                           "params": {"batch": batch, "limit": 1000}}).encode()
    begin = cpu_seconds(daemon.process.pid)
    client.send(question * 200)
    client.call("daemon.ping")
    unasked = cpu_seconds(daemon.process.pid) - begin
    assert unasked < max(asked, 0.05)
