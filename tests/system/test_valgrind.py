"""The main job under Valgrind: no invalid access, nothing lost."""

import re

import pytest

from awaitd import SANITIZED, need, wait_job


@pytest.mark.slow
@pytest.mark.skipif(SANITIZED, reason="sanitizers and Valgrind exclude each other")
def test_valgrind_finds_nothing_in_a_batch_of_waits(make_daemon):
    daemon = make_daemon()
    reports = daemon.directory / "valgrind"
    reports.mkdir()
    daemon.command = [
        need("valgrind"), "--quiet", "--trace-children=yes", "--error-exitcode=99",
        "--leak-check=full", "--show-leak-kinds=definite,indirect",
        "--errors-for-leak-kinds=definite,indirect", f"--log-file={reports}/%p", *daemon.command,
    ]
    daemon.start()
    with daemon.client() as client:
        client.call("hello")
        client.run(wait_job(0.2, count=10))
        jobs, summary = client.run(wait_job("{item}", items=["0", "0.01"], name="i-{item}"), wait_job(0))
        assert summary["succeeded"] == len(jobs) == 3
        batch = client.submit(wait_job(3600, count=5))
        client.call("batch.cancel", batch=batch)
        client.call("batch.wait", batch=batch)
        client.call("job.show", batch=batch, job=0)
        client.call("batch.list")
        client.call("plugin.show", name="wait")
        client.call("daemon.status")
        client.request("no.such")
        client.send(b"{broken")
        client.half_close()
        client.receive_all()
    daemon.stop()
    found = {path.name: path.read_text(encoding="utf-8") for path in reports.iterdir()}
    assert len(found) >= 3  # the supervisor and its two workers
    for name, report in found.items():
        assert not re.search(r"==\d+==", report), f"process {name}:\n{report}"
