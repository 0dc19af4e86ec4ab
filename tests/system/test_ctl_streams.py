"""What awaitctl does with its own streams: closed ones, full ones, and output that is not complete."""

import json
import os
import resource

import pytest

from awaitd import DEADLINE, SANITIZED

LIMIT = 1000


def closing(*descriptors):
    """For preexec_fn: closes them, as a shell does with >&-."""

    def close():
        for fd in descriptors:
            os.close(fd)

    return close


def finish(process):
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, out, err


# ---- Closed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_output_never_reaches_the_socket(daemon, closed):
    request = json.dumps({"jsonrpc": "2.0", "id": 9, "method": "batch.submit",
                          "params": {"jobs": [{"plugin": "wait", "params": {"seconds": 0}}]}})
    script = 'echo "$1"; echo "$1" >&2'
    process = daemon.spawn_ctl("run", "exec", "--", "sh", "-c", script, "sh", request,
                               preexec_fn=closing(*closed))
    status, _, err = finish(process)
    # What goes to a closed stream is lost, as in /dev/null; the other one has what is its own.
    assert (status, err) == (0, b"" if 2 in closed else request.encode() + b"\n")
    assert len(daemon.call("batch.list")["batches"]) == 1
    assert "bad request" not in daemon.log.text()


def test_the_summary_never_reaches_the_socket(daemon):
    process = daemon.spawn_ctl("run", "wait", "seconds=0", "-n", "3", "-f",
                               preexec_fn=closing(0, 1, 2))
    assert finish(process)[0] == 0
    assert daemon.call("batch.show", batch=1)["state"] == "succeeded"


def test_a_plugin_is_tried_with_closed_streams(daemon, hostile):
    process = daemon.spawn_ctl("plugin", "try", hostile("details_async"), "--", "x",
                               preexec_fn=closing(0, 1, 2))
    assert finish(process)[0] == 0


# ---- Full --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [
    ["list"], ["--json", "list"], ["run", "exec", "--", "echo", "x"],
    ["run", "exec", "--", "seq", "100000"], ["run", "exec", "argv=seq", "argv=100000"],
    ["run", "exec", "--count", "2", "-o", "--", "seq", "2000"], ["output", "1.0"],
    ["run", "wait", "seconds=0", "-n", "2", "-f"], ["--json", "run", "wait", "seconds=0"],
], ids=" ".join)
def test_a_full_disk_is_told_with_the_reason(daemon, args):
    daemon.ctl("run", "exec", "--", "seq", "100000", check=0)
    with open("/dev/full", "w", encoding="ascii") as full:
        status, _, err = finish(daemon.spawn_ctl("-q", *args, stdout=full))
    assert (status, err) == (1, b"awaitctl: cannot write the output: No space left on device\n")


def test_a_full_disk_leaves_the_commands_own_failure(daemon):
    with open("/dev/full", "w", encoding="ascii") as full:
        process = daemon.spawn_ctl("run", "exec", "--", "sh", "-c", "echo x; exit 3", stdout=full)
        status, _, err = finish(process)
    assert status == 3
    assert b"No space left on device" in err


# ---- Cut ---------------------------------------------------------------------------------------------


@pytest.fixture
def limited(start_daemon):
    return start_daemon(config={"limits": {"output_bytes": LIMIT}})


def shell(script):
    return ["run", "exec", "--", "sh", "-c", script]


@pytest.mark.parametrize("exited, status", [(0, 1), (3, 3)])
@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_cut_output_is_told_and_no_success(limited, quiet, exited, status):
    script = f"printf '%0{LIMIT + 1}d' 0; exit {exited}"
    assert finish(limited.spawn_ctl(*quiet, *shell(script))) == (
        status, b"0" * LIMIT,
        b"awaitctl: the output was cut at the daemon's limit, limits.output_bytes\n")


def test_output_that_just_fits_is_a_success(limited):
    assert finish(limited.spawn_ctl("-q", *shell(f"printf '%0{LIMIT}d' 0"))) == \
        (0, b"0" * LIMIT, b"")


def test_cut_output_is_no_success_with_json_either(limited):
    status, out, err = finish(limited.spawn_ctl("--json", *shell(f"printf '%0{LIMIT + 1}d' 0")))
    assert (status, err) == (1, b"")
    assert json.loads(out.splitlines()[1])["params"]["truncated"] is True


@pytest.mark.parametrize("args", [
    ["run", "exec", "argv=seq", "argv=1000"], ["run", "exec", "-n2", "-o", "--", "seq", "1000"],
    ["output", "1"], ["output", "1.0"], ["output", "2"],
], ids=" ".join)
def test_cut_output_is_told_wherever_output_is_printed(limited, args):
    for count in "12":
        limited.ctl("run", "exec", "-n", count, "-f", "--", "seq", "1000", check=0)
    status, out, err = finish(limited.spawn_ctl("-q", *args))
    assert status == 1
    assert b"1" in out
    assert b"limits.output_bytes" in err and err.startswith(b"awaitctl: ")


def test_cut_output_that_is_not_printed_is_nobodys_failure(limited):
    limited.ctl("run", "exec", "-f", "--", "seq", "1000", check=0)
    limited.ctl("run", "exec", "-n", "2", "--", "seq", "1000", check=0)


def test_a_cut_standard_error_is_told_but_leaves_the_status(daemon):
    process = daemon.spawn_ctl("-q", "run", "exec", "stderr_limit=10", "--", "sh", "-c",
                               "echo 12345678901 >&2")
    status, _, err = finish(process)
    assert (status, err) == (0, b"1234567890\nawaitctl: the standard error was cut at its limit\n")


# ---- Items without end -------------------------------------------------------------------------------


def test_a_line_of_items_without_end_is_refused(daemon):
    status, _, err = finish(daemon.spawn_ctl("run", "wait", "--items", "@/dev/zero",
                                             "seconds={item}"))
    assert status == 2
    assert err.startswith(b"awaitctl: /dev/zero:1: the line is longer than any request")


def test_an_item_that_fits_no_request_is_named(daemon, folder):
    path = folder / "items"
    path.write_text(f"0\n0\n{'0' * (2 << 20)}\n", encoding="ascii")
    result = daemon.ctl("run", "wait", "--items", f"@{path}", "seconds={item}", check=5)
    assert "item 3 is longer than the daemon takes" in result.stderr


@pytest.mark.skipif(SANITIZED, reason="sanitizers take address space without end")
def test_memory_that_items_do_not_get_is_told(daemon, folder):
    path = folder / "items"
    path.write_text("0" * (30 << 20), encoding="ascii")
    space = 40 << 20  # awaitctl itself takes 6 MiB
    process = daemon.spawn_ctl(
        "run", "wait", "--items", f"@{path}", "seconds={item}",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (space, space)))
    assert finish(process) == (2, b"", f"awaitctl: {path}:1: out of memory\n".encode())
