"""Jobs under terms: how they end when their time is up, who goes first, who waits for whom, and what the caps
let through. What random batches show is in test_model.py."""

import itertools
import time

import pytest

import awaitd
import model
from awaitd import SANITIZED, Watched, eventually, wait_job
from test_exec import shell

# What a busy machine may add to a time.
SLOW = 3 if SANITIZED else 1


@pytest.fixture
def start_scripted(start_daemon, folder):
    """Starts a daemon with the scripted plugins; entries={name: more of its entry}. Its `record` is what
    they write down."""

    def start(entries=None, config=None):
        record = folder / "record"
        plugins = [{"file": str(awaitd.HOSTILE_DIR / f"{name}.so"),
                    "settings": {"record": str(record)}, **(entries or {}).get(name, {})}
                   for name in model.PLUGINS]
        daemon = start_daemon(config={"plugins": plugins, **(config or {})})
        daemon.record = record
        return daemon

    return start


def scripted(style="fiber", seconds=0, fail=0, hang=0, **entry):
    return {"plugin": f"scripted_{style}", **entry,
            "params": {"seconds": seconds, "fail": fail, "hang": hang}}


def states(events):
    return [event["state"] for event in sorted(events, key=lambda event: event["job"])]


def starts_of(daemon):
    """The batches of the jobs that were started, in that order."""
    found = sorted((attempt.start, batch) for (batch, _), attempts in
                   model.read_record(daemon.record).items() for attempt in attempts)
    return [batch for _, batch in found]


# ---- Timeouts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["fiber", "async", "blocking"])
def test_a_job_ends_when_its_time_is_up(start_scripted, style):
    with start_scripted().client() as client:
        events, summary = client.run(scripted(style, 3600, count=5, timeout="50ms"),
                                     scripted(style, 0, count=5, timeout=60))
        assert states(events) == ["timed_out"] * 5 + ["succeeded"] * 5
        late = [event for event in events if event["state"] == "timed_out"]
        assert all("50ms" in event["reason"] or "0.05" in event["reason"] for event in late)
        assert all(0.05 <= event["run"] < 2 * SLOW for event in late)
        assert (summary["timed_out"], summary["state"]) == (5, "failed")


def test_the_time_of_a_plugin_and_the_default_hold_where_nothing_else_is_said(start_scripted):
    daemon = start_scripted({"scripted_async": {"timeout": "20ms"}},
                            {"defaults": {"timeout": "60ms"}})
    with daemon.client() as client:
        events, _ = client.run(scripted("async", 3600), scripted("fiber", 3600),
                               scripted("async", 0.1, timeout=0), scripted("fiber", 0.1, timeout=0))
        assert states(events) == ["timed_out", "timed_out", "succeeded", "succeeded"]
        by_job = {event["job"]: event for event in events}
        assert 0.02 <= by_job[0]["run"] < 2 * SLOW
        assert 0.06 <= by_job[1]["run"] < 2 * SLOW
        events, _ = client.run(scripted("async", 0.1), timeout=60)  # the batch's comes first
        assert states(events) == ["succeeded"]


@pytest.mark.parametrize("script", ["exec sleep 3600", "trap '' TERM; while :; do sleep 1; done"],
                         ids=["ends", "ignores"])
def test_a_command_is_ended_when_its_time_is_up(client, folder, script):
    told = folder / "told"
    batch = client.submit(shell(f"echo $$ >{told}; {script}", grace="100ms") | {"timeout": "300ms"},
                          follow="each")
    pid = eventually(lambda: told.exists() and told.read_text(encoding="ascii").strip(), "it runs")
    process = Watched(int(pid))
    events, _ = client.follow(batch)
    assert states(events) == ["timed_out"]
    process.wait_gone()


STUBBORN = ["stubborn_async", "stubborn_fiber", "stubborn_blocking", "spin"]


def start_stubborn(start_daemon, hostile, plugin):
    """A daemon with neighbours for the stubborn job, and its client."""
    return start_daemon(config={"daemon": {"job_grace": "100ms"},
                                "plugins": [{"file": hostile(plugin)}]})


def check_neighbours(daemon, client, batch, pids):
    """One worker was replaced; what ran beside the stubborn job ran again, and that did not count."""
    events, summary = client.follow(batch)
    assert summary["succeeded"] == 20
    assert all(event["attempt"] == 0 for event in events)
    assert client.call("batch.show", batch=batch)["retries"] == 0
    eventually(daemon.workers_ready, "all workers are back")
    assert sum(pid not in pids for pid in daemon.worker_pids()) == 1
    daemon.log.wait_for(r"did not end within 100ms")


@pytest.mark.parametrize("plugin", STUBBORN)
def test_a_job_that_ignores_its_cancel_costs_its_worker(start_daemon, hostile, plugin):
    daemon = start_stubborn(start_daemon, hostile, plugin)
    with daemon.client() as client, daemon.client() as other:
        eventually(daemon.workers_ready, "all workers are ready")
        pids = daemon.worker_pids()
        neighbours = client.submit(wait_job(0.7 * SLOW, count=20), follow="each")
        reason = ""
        while "replaced" not in reason:  # once more where it heard before it had begun
            stubborn = other.submit({"plugin": plugin}, wait_job(3600), follow="each")
            eventually(lambda: other.call("batch.show", batch=stubborn)["running"] == 2, "it runs")
            other.call("job.cancel", batch=stubborn, job=0)
            other.call("job.cancel", batch=stubborn, job=0)  # again: nothing
            event = other.event()["params"]
            assert (event["job"], event["state"]) == (0, "cancelled")
            reason = event["reason"]
            other.call("batch.cancel", batch=stubborn)
            assert states(other.follow(stubborn)[0]) == ["cancelled"]
        check_neighbours(daemon, client, neighbours, pids)


@pytest.mark.parametrize("plugin", STUBBORN)
def test_a_job_that_ignores_its_timeout_costs_its_worker(start_daemon, hostile, plugin):
    daemon = start_stubborn(start_daemon, hostile, plugin)
    with daemon.client() as client, daemon.client() as other:
        eventually(daemon.workers_ready, "all workers are ready")
        pids = daemon.worker_pids()
        neighbours = client.submit(wait_job(2 * SLOW, count=20), follow="each")
        events, _ = other.run({"plugin": plugin, "timeout": "50ms"})
        assert states(events) == ["timed_out"]
        assert "replaced" in events[0]["reason"]
        check_neighbours(daemon, client, neighbours, pids)


def test_jobs_that_have_not_begun_are_not_out_of_time(start_daemon, hostile):
    """They stand in their worker behind others that hold its loop, for longer than timeout and grace together."""
    daemon = start_stubborn(start_daemon, hostile, "busy")
    with daemon.client() as client:
        events, summary = client.run({"plugin": "busy", "params": {"seconds": "10ms"}, "count": 800,
                                      "timeout": "1s"})
        assert summary["succeeded"] == 800
        assert max(event["queued"] for event in events) > 2, "it was no test of this"


def test_a_stubborn_job_is_tried_again_when_it_may_be(start_daemon, hostile):
    daemon = start_stubborn(start_daemon, hostile, "stubborn_async")
    with daemon.client() as client:
        events, _ = client.run({"plugin": "stubborn_async", "timeout": "50ms",
                                "retry": {"max": 1, "delay": 0}})
        assert states(events) == ["timed_out"]
        assert events[0]["attempt"] == 1


# ---- Deadlines, cancel ---------------------------------------------------------------------------


def test_what_has_not_ended_by_the_deadline_times_out(client):
    begin = time.monotonic()
    events, summary = client.run(
        wait_job(0, name="quick"), wait_job(3600, count=5, name="long"), wait_job(0, after="long"),
        wait_job(0, delay="1h"), wait_job(3600, count=100), limit=20, deadline="300ms")
    assert 0.3 <= time.monotonic() - begin < 3 * SLOW
    assert states(events) == ["succeeded"] + ["timed_out"] * 107
    assert all("deadline" in event["reason"] for event in events
               if event["state"] == "timed_out" and event["run"] == 0)
    assert summary["state"] != "succeeded"


def test_a_deadline_ends_an_open_and_a_paused_batch(client):
    batch = client.call("batch.open", deadline="200ms", follow="each")["batch"]
    client.call("batch.add", batch=batch, jobs=[wait_job(0, count=3)])
    client.call("batch.pause", batch=batch)
    client.call("batch.add", batch=batch, jobs=[wait_job(0, count=3)])
    events, summary = client.follow(batch)
    assert summary["timed_out"] >= 3
    assert len(events) == 6
    with pytest.raises(awaitd.RpcError):
        client.call("batch.add", batch=batch, jobs=[wait_job(0)])


def test_cancel_is_idempotent_and_each_end_is_told_once(daemon, client):
    batch = client.submit(wait_job(3600, count=1000, name="a"), wait_job(0, count=1000, after="a"),
                          wait_job(0, delay="1h"), limit=100, follow="each")
    eventually(lambda: client.call("batch.show", batch=batch)["running"] == 100, "they run")
    assert client.call("batch.cancel", batch=batch)["cancelled"] == 2001
    for _ in range(3):
        assert client.call("batch.cancel", batch=batch)["cancelled"] == 0
        assert client.call("batch.cancel", batch=batch, queued=True)["cancelled"] == 0
    events, summary = client.follow(batch)
    assert summary["cancelled"] == 2001
    assert sorted(event["job"] for event in events) == list(range(2001))
    # What is done is done.
    assert client.call("batch.cancel", batch=batch)["cancelled"] == 0
    assert client.call("job.cancel", batch=batch, job=0)["state"] == "cancelled"
    with daemon.client() as other:
        other.call("batch.watch", batch=batch, events="each")
        again, same = other.follow(batch)
        assert (again, same) == (events, summary)


def test_single_jobs_are_cancelled_whatever_they_wait_for(client):
    batch = client.submit(wait_job(3600, name="a"), wait_job(0, after="a"), wait_job(0, delay="1h"),
                          wait_job(3600), limit=1, follow="each")
    eventually(lambda: client.call("batch.show", batch=batch)["running"] == 1, "one runs")
    for job in (3, 2, 1, 0):
        client.call("job.cancel", batch=batch, job=job)
        client.call("job.cancel", batch=batch, job=job)
    events, _ = client.follow(batch)
    assert [event["job"] for event in events] == [3, 2, 1, 0]
    assert states(events) == ["cancelled"] * 4


# ---- Retry, on_failure ---------------------------------------------------------------------------


def test_pauses_before_another_attempt_are_random_and_bounded(start_scripted):
    daemon = start_scripted()
    with daemon.client() as client:
        events, _ = client.run(scripted(fail=2, count=40), retry={"max": 3, "delay": "40ms",
                                                                  "max_delay": "50ms"})
        assert states(events) == ["succeeded"] * 40
        assert {event["attempt"] for event in events} == {2}
    pauses = {0: [], 1: []}
    for attempts in model.read_record(daemon.record).values():
        for before, after in itertools.pairwise(attempts):
            pauses[before.number].append((after.start - before.end) / model.S)
    assert max(pauses[0]) < 0.04 + 0.3 * SLOW
    assert max(pauses[1]) < 0.05 + 0.3 * SLOW
    for of_attempt in pauses.values():
        assert min(of_attempt) < 0.02 < max(of_attempt)  # 1 in 10^12 that it is not so


def test_the_first_failure_cancels_the_rest_where_that_was_asked(start_scripted):
    with start_scripted().client() as client:
        events, summary = client.run(
            scripted(count=3, name="good"), scripted(fail=9, after="good"),
            scripted(seconds=3600, count=3), scripted(count=50, delay="1h"), on_failure="cancel")
        assert states(events) == ["succeeded"] * 3 + ["failed"] + ["cancelled"] * 53
        assert all(event["reason"] for event in events if event["state"] == "cancelled")
        assert summary["state"] != "succeeded"
        events, _ = client.run(scripted(fail=9), scripted(count=50), on_failure="continue")
        assert states(events) == ["failed"] + ["succeeded"] * 50


def test_a_failure_that_is_tried_again_cancels_nothing(start_scripted):
    with start_scripted().client() as client:
        events, _ = client.run(scripted(fail=1, retry={"max": 1, "delay": 0}),
                               scripted(seconds=0.1, count=5), on_failure="cancel")
        assert states(events) == ["succeeded"] * 6


def test_failures_alone_can_be_followed(start_scripted):
    with start_scripted().client() as client:
        batch = client.submit(scripted(count=100, name="good"), scripted(fail=9, name="bad"),
                              scripted(after="bad", count=2), follow="failures")
        events, summary = client.follow(batch)
        assert [(event["job"], event["state"]) for event in events] == \
            [(100, "failed"), (101, "skipped"), (102, "skipped")]
        assert "bad" in events[1]["reason"]
        assert summary["succeeded"] == 100


# ---- Order at scale ------------------------------------------------------------------------------


def run_chain(client, length, first, **terms):
    """A chain of jobs, each after the one before it, in pieces."""
    batch = client.call("batch.open", follow="summary", **terms)["batch"]
    for begin in range(0, length, 5000):
        jobs = [{**wait_job(0), "name": f"n{i}", **({"after": f"n{i - 1}"} if i else {})}
                for i in range(begin, min(begin + 5000, length))]
        if begin == 0:
            jobs[0].update(first)
        client.call("batch.add", batch=batch, jobs=jobs)
    client.call("batch.seal", batch=batch)
    return batch


@pytest.mark.slow
def test_a_chain_of_100000_jobs(client):
    length = 10_000 if SANITIZED else 100_000
    batch = run_chain(client, length, {})
    _, summary = client.follow(batch)
    assert summary["succeeded"] == length


def test_a_chain_of_100000_jobs_is_skipped_from_its_head_on(client):
    length = 10_000 if SANITIZED else 100_000
    batch = run_chain(client, length, wait_job(3600) | {"timeout": "500ms"})
    _, summary = client.follow(batch)
    assert (summary["timed_out"], summary["skipped"]) == (1, length - 1)
    assert "n0" in client.call("job.show", batch=batch, job=1)["reason"]
    assert client.call("job.show", batch=batch, job=length - 1)["state"] == "skipped"


def test_a_fan_in_of_a_million(client):
    count = 100_000 if SANITIZED else 1_000_000
    batch = client.submit(wait_job(0, count=count, name="many"),
                          wait_job(0, after="many", name="last"),
                          wait_job(0, after_any=["many", "last"]), follow="summary")
    assert client.call("batch.show", batch=batch)["waiting"] == 2
    _, summary = client.follow(batch)
    assert summary["succeeded"] == count + 2


# ---- Caps ----------------------------------------------------------------------------------------


def test_no_more_jobs_run_in_all_than_limits_running(start_scripted):
    daemon = start_scripted(config={"limits": {"running": 3}})
    with daemon.client() as client:
        batches = [client.submit(scripted(style, 0.01, count=20))
                   for style in ("fiber", "async", "blocking")]
        for batch in batches:
            assert client.call("batch.wait", batch=batch)["succeeded"] == 20
    attempts = [a for found in model.read_record(daemon.record).values() for a in found]
    assert model.most_at_once(attempts) == 3


def test_a_plugin_has_its_limit_and_rate_from_the_configuration(start_scripted):
    daemon = start_scripted({"scripted_fiber": {"limit": 2},
                             "scripted_async": {"rate": "100/s burst 5"}})
    begin = time.monotonic_ns()
    with daemon.client() as client:
        batches = [client.submit(scripted("async", 0, count=15), scripted("fiber", 0.01, count=15))
                   for _ in range(3)]
        for batch in batches:
            assert client.call("batch.wait", batch=batch)["succeeded"] == 30
    record = model.read_record(daemon.record)
    fibers = [a for (_, job), found in record.items() for a in found if job >= 15]
    starts = [a.start for (_, job), found in record.items() for a in found if job < 15]
    assert model.most_at_once(fibers) == 2
    assert len(starts) == 45
    model.check_rate(starts, begin, 100, 5, 0.5 * SLOW * model.S)
    assert max(starts) - begin < (0.4 + 2 * SLOW) * model.S


# ---- Fair shares, priority -----------------------------------------------------------------------


def test_two_large_batches_get_the_same_share(start_scripted):
    daemon = start_scripted({"scripted_fiber": {"limit": 4}})
    with daemon.client() as client:
        blocker = client.submit(scripted(seconds=3600, count=4))
        eventually(lambda: client.call("batch.show", batch=blocker)["running"] == 4, "all is taken")
        one = client.submit(scripted(seconds=0.001, count=300), follow="summary")
        two = client.submit(*[scripted(seconds=0.001)] * 300, follow="summary")
        client.call("batch.cancel", batch=blocker)
        client.call("batch.wait", batch=one)
        client.call("batch.wait", batch=two)
    ahead = most = 0
    for batch in starts_of(daemon):
        ahead += (batch == one) - (batch == two)
        most = max(most, abs(ahead))
    assert most <= 8  # runs of as many as the limit lets, from each in turn


def test_a_batch_of_one_job_passes_large_ones(client):
    large = [client.submit(wait_job(0.01, count=100_000), limit=4, durable=False),
             client.submit(wait_job(0.01, count=1_000_000), durable=False)]
    for _ in range(20):
        begin = time.monotonic()
        client.run(wait_job(0), durable=False)
        assert time.monotonic() - begin < SLOW  # those take minutes, and tens of seconds
    for batch in large:
        assert client.call("batch.show", batch=batch)["completed"] < 1_000_000
        client.call("batch.cancel", batch=batch)


def test_a_higher_priority_goes_first_always(start_scripted):
    daemon = start_scripted({"scripted_fiber": {"limit": 1}})
    with daemon.client() as client:
        blocker = client.submit(scripted(seconds=3600))
        eventually(lambda: client.call("batch.show", batch=blocker)["running"] == 1, "it runs")
        batches = {priority: client.submit(scripted(count=20), priority=priority)
                   for priority in (0, -100, 5, 100, -1)}
        client.call("batch.cancel", batch=blocker)
        for batch in batches.values():
            client.call("batch.wait", batch=batch)
    order = [batch for batch, _ in itertools.groupby(starts_of(daemon))]
    assert order == [blocker] + [batches[p] for p in (100, 5, 0, -1, -100)]


def test_a_paused_batch_lets_others_by_and_keeps_its_place(start_scripted):
    daemon = start_scripted({"scripted_fiber": {"limit": 1}})
    with daemon.client() as client:
        first = client.submit(scripted(seconds=0.005, count=30), priority=9)
        client.call("batch.pause", batch=first)
        held = client.call("batch.show", batch=first)
        client.run(scripted(count=30))
        shown = client.call("batch.show", batch=first)
        assert shown["completed"] <= held["completed"] + held["running"]
        assert shown["running"] + shown["queued"] + shown["completed"] == 30
        client.call("batch.resume", batch=first)
        assert client.call("batch.wait", batch=first)["succeeded"] == 30
