"""Limits, and senders that are slowed down instead of refused."""

import select
import time

import pytest

from awaitd import Closed, RpcError, encode, eventually, wait_job


def small(start_daemon, **limits):
    return start_daemon(config={"limits": {"queued_jobs": 10, **limits}})


def add(client, batch, *jobs):
    return client.request("batch.add", batch=batch, jobs=list(jobs))


def is_silent(client, seconds=0.2):
    """Whether the client gets no answer for this long."""
    readable, _, _ = select.select([client.socket], [], [], seconds)
    return not readable


def refused(client, method, **params):
    with pytest.raises(RpcError) as caught:
        client.call(method, **params)
    assert caught.value.code == 3
    return caught.value.message


def test_what_does_not_fit_now_waits_until_it_does(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client, daemon.client() as other:
        full = other.submit(wait_job(3600, count=10))
        batch = client.call("batch.open")["batch"]
        held = add(client, batch, wait_job(0, count=4))
        assert is_silent(client)
        assert other.call("batch.show", batch=batch)["jobs"] == 0
        for job in range(3):
            other.call("job.cancel", batch=full, job=job)
        eventually(lambda: other.call("batch.show", batch=full)["cancelled"] == 3, "three end")
        assert is_silent(client)  # three fit, four do not
        other.call("job.cancel", batch=full, job=3)
        assert client.answer(held) == {"batch": batch, "first": 0, "jobs": 4}
        client.call("batch.seal", batch=batch)
        assert client.call("batch.wait", batch=batch)["succeeded"] == 4


def test_nothing_is_read_from_a_client_that_is_held(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client:
        full = daemon.call("batch.submit", jobs=[wait_job(3600, count=10)])["batch"]
        batch = client.call("batch.open")["batch"]
        held = add(client, batch, wait_job(0))
        assert is_silent(client)
        client.socket.setblocking(False)
        sent, padding, pings = 0, b" " * 65536, 0
        with pytest.raises(BlockingIOError):  # the socket fills, the daemon's memory does not
            while sent < 256 << 20:
                sent += client.socket.send(encode("daemon.ping", request_id=7) + padding)
                pings += 1
        client.socket.setblocking(True)
        client.socket.settimeout(60)
        assert sent < 8 << 20
        daemon.call("batch.cancel", batch=full)
        assert client.answer(held)["jobs"] == 1
        assert client.receive()["id"] == 7


def test_a_stream_of_jobs_larger_than_the_queue_gets_through(start_daemon):
    daemon = start_daemon(config={"limits": {"queued_jobs": 100}})
    with daemon.client() as client:
        batch = client.call("batch.open", follow="summary")["batch"]
        requests = [add(client, batch, wait_job(0.001, count=60)) for _ in range(100)]
        for number, request in enumerate(requests):
            assert client.answer(request)["first"] == 60 * number
        client.call("batch.seal", batch=batch)
        _, summary = client.follow(batch)
        assert (summary["jobs"], summary["succeeded"]) == (6000, 6000)


def test_held_clients_go_on_in_the_order_in_which_they_came(start_daemon):
    daemon = small(start_daemon)
    clients = [daemon.client() for _ in range(8)]
    with daemon.client() as other:
        full = other.submit(wait_job(3600, count=10))
        held = []
        for i, client in enumerate(clients):
            batch = client.call("batch.open")["batch"]
            # A large one in front: the small ones behind it do not overtake it.
            held.append((batch, add(client, batch, wait_job(3600, count=5 if i == 0 else 1))))
            assert is_silent(client, 0.02)
        for job in range(4):
            other.call("job.cancel", batch=full, job=job)
        assert all(is_silent(client, 0.02) for client in clients)
        # One job would fit now; but who comes now comes last.
        late = daemon.client()
        late_held = add(late, late.call("batch.open")["batch"], wait_job(3600))
        assert is_silent(late)
        other.call("job.cancel", batch=full, job=4)
        assert clients[0].answer(held[0][1])["jobs"] == 5
        for i in range(1, 6):
            other.call("job.cancel", batch=full, job=4 + i)
            assert clients[i].answer(held[i][1])["jobs"] == 1
            assert all(is_silent(client, 0) for client in clients[i + 1:])
        other.call("batch.cancel", batch=held[0][0])
        for i in (6, 7):
            assert clients[i].answer(held[i][1])["jobs"] == 1
        assert late.answer(late_held)["jobs"] == 1
        late.close()
    for client in clients:
        client.close()


def test_small_batches_do_not_overtake_one_that_is_held(start_daemon):
    daemon = small(start_daemon)
    text = "full: there may be at most 10 jobs that have not ended (limits.queued_jobs)"
    with daemon.client() as client, daemon.client() as other:
        full = other.submit(wait_job(3600, count=10))
        batch = client.call("batch.open")["batch"]
        held = add(client, batch, wait_job(3600, count=8))
        assert is_silent(client)
        for job in range(8):
            assert refused(other, "batch.submit", jobs=[wait_job(3600)]) == text
            other.call("job.cancel", batch=full, job=job)
        assert client.answer(held) == {"batch": batch, "first": 0, "jobs": 8}
        # Nobody is held any more: who fits is taken.
        other.call("job.cancel", batch=full, job=8)
        eventually(lambda: other.call("batch.show", batch=full)["cancelled"] == 9, "nine end")
        assert other.call("batch.submit", jobs=[wait_job(3600)])["jobs"] == 1


def test_trying_again_does_not_overtake_one_that_is_held(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client, daemon.client() as other:
        old = other.submit(wait_job(3600))
        other.call("batch.cancel", batch=old)
        other.call("batch.wait", batch=old)
        full = other.submit(wait_job(3600, count=10))
        held = add(client, client.call("batch.open")["batch"], wait_job(3600, count=8))
        assert is_silent(client)
        for job in range(7):
            other.call("job.cancel", batch=full, job=job)
        eventually(lambda: other.call("batch.show", batch=full)["cancelled"] == 7, "seven end")
        assert "limits.queued_jobs" in refused(other, "batch.retry", batch=old)
        other.call("job.cancel", batch=full, job=7)
        assert client.answer(held)["jobs"] == 8


def test_adding_to_a_batch_that_takes_no_more_is_refused_at_once_though_others_wait(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client, daemon.client() as other:
        batches = [other.call("batch.open")["batch"] for _ in range(3)]
        other.call("batch.add", batch=batches[0], jobs=[wait_job(3600, count=10)])
        other.call("batch.seal", batch=batches[0])
        other.call("batch.cancel", batch=batches[1])
        other.call("batch.seal", batch=batches[2])  # finished, being empty
        held = add(client, client.call("batch.open")["batch"], wait_job(0))
        assert is_silent(client)
        for batch in batches:
            with pytest.raises(RpcError) as caught:
                other.call("batch.add", batch=batch, jobs=[wait_job(0)])
            assert caught.value.code == 2
        other.call("batch.cancel", batch=batches[0])
        assert client.answer(held)["jobs"] == 1


def test_a_held_client_that_goes_away_is_forgotten(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as other, daemon.client() as next_client:
        full = other.submit(wait_job(3600, count=10))
        client = daemon.client()
        batch = client.call("batch.open")["batch"]
        add(client, batch, wait_job(0, count=10))
        assert is_silent(client, 0.05)
        other_batch = next_client.call("batch.open")["batch"]
        held = add(next_client, other_batch, wait_job(0))
        assert is_silent(next_client, 0.05)
        client.close()
        eventually(lambda: other.call("daemon.status")["clients"] == 2, "it is closed")
        other.call("job.cancel", batch=full, job=0)
        assert next_client.answer(held)["jobs"] == 1
        assert other.call("batch.show", batch=batch)["jobs"] == 0


def test_a_held_client_may_shut_down_its_writing_side(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as other, daemon.client() as client:
        full = other.submit(wait_job(3600, count=10))
        batch = client.call("batch.open")["batch"]
        add(client, batch, wait_job(0))
        client.request("batch.seal", batch=batch)
        client.half_close()
        assert is_silent(client)
        other.call("batch.cancel", batch=full)
        assert [m["result"]["jobs"] for m in client.receive_all()] == [1, 1]


def test_a_stop_while_clients_are_held_tells_them(start_daemon):
    daemon = small(start_daemon)
    clients = [daemon.client() for _ in range(3)]
    daemon.call("batch.submit", jobs=[wait_job(1, count=10)])
    held = []
    for client in clients:
        batch = client.call("batch.open")["batch"]
        held.append(add(client, batch, wait_job(0, count=10)))
        assert is_silent(client, 0.02)
    daemon.terminate()
    for client, request in zip(clients, held):
        with pytest.raises(RpcError) as caught:
            client.answer(request)
        # Cancelled with all open batches, or told of the stop.
        assert caught.value.code in (2, 4)
        with pytest.raises(Closed):
            client.receive()
        client.close()
    daemon.wait()


def test_what_waits_for_room_in_a_batch_that_is_gone_is_refused(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client, daemon.client() as other:
        full = other.submit(wait_job(3600, count=10))
        batch = client.call("batch.open")["batch"]
        held = add(client, batch, wait_job(0))
        assert is_silent(client, 0.05)
        other.call("batch.cancel", batch=batch)
        other.call("batch.cancel", batch=full)
        with pytest.raises(RpcError) as caught:
            client.answer(held)
        assert caught.value.code == 2


def test_wrong_jobs_are_refused_at_once_even_when_the_queue_is_full(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client:
        client.submit(wait_job(3600, count=10))
        batch = client.call("batch.open")["batch"]
        with pytest.raises(RpcError) as caught:
            client.call("batch.add", batch=batch, jobs=[wait_job(0), {"plugin": "wiat"}])
        assert list(caught.value.problems) == ["jobs[1].plugin"]


# ---- Limits: each names itself, its value and its option -----------------------------------------


def test_a_submission_that_does_not_fit_now_is_refused(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client:
        client.submit(wait_job(3600, count=10))
        assert (refused(client, "batch.submit", jobs=[wait_job(0)]) ==
                "full: there may be at most 10 jobs that have not ended (limits.queued_jobs)")


def test_what_never_fits_is_refused(start_daemon):
    daemon = small(start_daemon, batch_jobs=20)
    with daemon.client() as client:
        batch = client.call("batch.open")["batch"]
        assert (refused(client, "batch.add", batch=batch, jobs=[wait_job(0, count=11)]) ==
                "full: there may be at most 10 jobs that have not ended (limits.queued_jobs)")
        text = "full: there may be at most 20 jobs in a batch (limits.batch_jobs)"
        for count in (21, 2**32, 2**53 - 1):
            assert refused(client, "batch.add", batch=batch,
                           jobs=[wait_job(0, count=count)]) == text
            assert refused(client, "batch.submit", jobs=[wait_job(0, count=count)]) == text
        for _ in range(2):
            client.call("batch.add", batch=batch, jobs=[wait_job(0, count=10)])
        eventually(lambda: client.call("batch.show", batch=batch)["completed"] == 20, "they end")
        assert refused(client, "batch.add", batch=batch, jobs=[wait_job(0)]) == text


def test_waiting_jobs_count_as_queued(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client:
        client.submit(wait_job(0, count=10, delay="1h"))
        assert "limits.queued_jobs" in refused(client, "batch.submit", jobs=[wait_job(0)])


def test_batches_and_watchers_are_limited_by_name(start_daemon):
    daemon = start_daemon(config={"limits": {"batches": 2, "client_watchers": 1}})
    with daemon.client() as client:
        batch = client.call("batch.open")["batch"]
        client.call("batch.open")
        for method, params in (("batch.open", {}), ("batch.submit", {"jobs": [wait_job(0)]})):
            assert (refused(client, method, **params) ==
                    "full: there may be at most 2 unfinished batches (limits.batches)")
        client.call("batch.watch", batch=batch)
        assert "(limits.client_watchers)" in refused(client, "batch.watch", batch=batch)


def test_clients_are_limited_by_name(start_daemon):
    daemon = start_daemon(config={"limits": {"clients": 2, "user_clients": 1}})
    with daemon.client() as client:
        client.call("daemon.ping")
        with daemon.client() as second:
            error = second.receive()["error"]
            assert (error["code"], error["message"]) == (
                3, "full: this user has 1 clients connected (limits.user_clients)")


def test_the_queue_has_room_again_as_soon_as_jobs_end(start_daemon):
    daemon = small(start_daemon)
    with daemon.client() as client:
        end = time.monotonic() + 2
        for _ in range(200):
            client.run(wait_job(0, count=10))
            if time.monotonic() > end:
                break
