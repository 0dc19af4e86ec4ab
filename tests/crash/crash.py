#!/usr/bin/python3
"""Kills the daemon again and again, in the midst of its work, and sees that nothing it has promised is forgotten,
done otherwise or done twice.

    crash.py [--seed SEED] [--clients N] [ROUNDS]

A round lets clients (clients.py) hand over and follow random batches (plans.py) for a moment and then, at random,
kills the supervisor, a worker, or all of them with SIGKILL, some of the time while a client is submitting, or ends
the daemon in order. It is started anew on the same state directory, which may be cut short, too. After the last
round all is brought to its end, and what the daemon and its database tell is compared with all it has told before
(ledger.py, verdict.py). The exit status is 0 when everything was kept.

The same seed makes the same batches and the same kills, though not at the same instants. AWAITD_PREFIX says where
the daemon is installed.
"""

import argparse
import collections
import contextlib
import pathlib
import random
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

import awaitd  # noqa: E402  (the harness of the system tests)
from clients import Submitter  # noqa: E402
from ledger import Ledger  # noqa: E402
import verdict  # noqa: E402
from victim import World  # noqa: E402

WORKERS = 2
# How long a round lasts at most before something is killed.
ROUND_S = 0.6
# How long the clients may take to bring all to its end, and a client to submit something.
END_S = 2 * awaitd.DEADLINE
BITE_S = 5

# How often which happens, of all.
KINDS = {"supervisor": 9, "supervisor while submitting": 6, "all": 6, "all while submitting": 4, "worker": 8,
         "supervisor, and while it starts": 4, "stop": 3}

CONFIG = {
    # Little memory for what is over, so that most of it is read back.
    "limits": {"history_bytes": "256KiB"},
    "log": {"level": "warning"},
    "daemon": {"workers": WORKERS},
}


def end_somehow(world, rng, kind):
    """Lets what there is come to an end, in this way, and be there again."""
    if "submitting" in kind:
        world.await_bite(BITE_S)
    else:
        time.sleep(rng.random() * ROUND_S)
    if kind == "worker":
        world.kill(workers=1, supervisor=False)
        return
    if kind == "stop":
        world.stop()
    else:
        world.kill(workers=WORKERS if kind.startswith("all") else 0, supervisor=True)
    if "starts" in kind:
        world.kill_starting(rng.random() * 0.15)
    world.start()


def run_rounds(world, rng, rounds, clients, seed):
    """Lets the clients work and everything be killed; returns how often what was done, when all have ended."""
    done = collections.Counter()
    submitters = [Submitter(world, f"client-{number}", random.Random(f"{seed}-{number}"))
                  for number in range(clients)]
    for submitter in submitters:
        submitter.start()
    with world.reporting():
        while done.total() < rounds and not world.failures:
            kind, = rng.choices(list(KINDS), KINDS.values())
            end_somehow(world, rng, kind)
            done[kind] += 1
    for submitter in submitters:
        submitter.over.set()
    end = time.monotonic() + END_S
    for submitter in submitters:
        while submitter.is_alive() and not world.failures and time.monotonic() < end:
            submitter.join(0.1)
        if submitter.is_alive() and not world.failures:
            world.failures.append(f"{submitter.name} does not come to an end: {unfinished(submitter)}")
    return done


def unfinished(submitter):
    return [f"{batch} {awaitd_show(submitter.world, batch)}" for batch in submitter.batches
            if not batch.over][:5]


def awaitd_show(world, batch):
    try:
        return world.daemon.call("batch.show", batch=batch.number)
    except awaitd.RpcError as error:
        return error


def judge(world, ledger, rng):
    """Everything that must hold in the end; returns what was found out."""
    with world.daemon.client() as client:
        found = verdict.find_lost(client, ledger)
        verdict.check_batches(client, ledger, ledger.batches.values(), world.boot)
    # Once more, when nothing is left in memory.
    world.stop()
    world.start()
    with world.daemon.client() as client:
        some = rng.sample(sorted(ledger.batches), min(50, len(ledger.batches)))
        verdict.check_batches(client, ledger, [ledger.batches[number] for number in some],
                              world.boot)
    again = sum(batch.check_runs() for batch in ledger.batches.values())
    world.stop()
    state = pathlib.Path(world.daemon.state_dir)
    verdict.check_database(state / "awaitd.db", ledger, world.daemon.directory / "copy.db")
    return found, again


def crash(rounds, clients, seed):
    """Returns the exit status."""
    begin = time.monotonic()
    rng = random.Random(seed)
    ledger = Ledger()
    with tempfile.TemporaryDirectory(prefix="aw-crash-") as folder:
        world = World(ledger, folder, CONFIG)
        with contextlib.closing(world):
            print(f"seed {seed}", flush=True)
            world.start()
            done = run_rounds(world, rng, rounds, clients, seed)
            found = again = None
            if not world.failures:
                with world.reporting():
                    found, again = judge(world, ledger, rng)
        batches = ledger.batches.values()
        events = sum(len(batch.events) for batch in batches)
        gone = sum(batch.gone for batch in batches)
    print(f"rounds {done.total()}: " + ", ".join(f"{kind} {done[kind]}" for kind in KINDS))
    print(f"batches acknowledged {len(batches)} ({gone} not durable and gone), jobs {ledger.jobs()}, "
          f"ends told {events}, commands run more than once {again}")
    print(f"submissions without an answer {len(ledger.lost)}, of which there {found}, "
          f"keys submitted again {ledger.resubmitted}, batches followed again {ledger.reattached}")
    print(f"seed {seed}, {time.monotonic() - begin:.0f} s: "
          + ("FAILED" if world.failures else "everything was kept"))
    for failure in world.failures:
        print(f"\n{failure}", file=sys.stderr)
    return 1 if world.failures else 0


def main():
    parser = argparse.ArgumentParser(description="Kills the daemon and sees that it keeps its word.")
    parser.add_argument("rounds", type=int, nargs="?", default=100)
    parser.add_argument("--seed", default=str(time.time_ns() % 1_000_000_007))
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    awaitd.adopt_orphans()
    return crash(arguments.rounds, arguments.clients, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
