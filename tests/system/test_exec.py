"""The exec plugin: what a command gets, and how its end is told."""

import base64
import fcntl
import os
import pathlib
import pty
import re
import termios

import pytest

MIB = 1 << 20


def job(*argv, **params):
    return {"plugin": "exec", "params": {"argv": list(argv), **params}}


def shell(script, **params):
    return job("sh", "-c", script, **params)


@pytest.fixture
def run(client):
    """Runs one job and returns its job.done."""

    def run_one(entry):
        (event,), _ = client.run(entry)
        return event

    return run_one


def output(event):
    assert event["state"] == "succeeded", event
    return event["output"]


def write_file(path, text, mode=0o755):
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


# ---- What it gets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("argument", ["a b", "'", '"', "$HOME `id` $(id)", "line\nline", "", "*", "\\",
                                      "{x}", "ä\u2028", "-n", "a" * 100_000])
def test_an_argument_arrives_as_it_was(run, argument):
    assert output(run(job("printf", "[%s]", "x", argument))) == f"[x][{argument}]"


def test_a_hundred_thousand_arguments_are_fine(run):
    assert output(run(job("sh", "-c", "echo $#", "sh", *["x"] * 100_000))) == "100000\n"


def test_an_argument_that_is_too_long_is_told(run):
    event = run(job("echo", "a" * 200_000))
    assert (event["state"], event["reason"]) == (
        "failed", "echo: its arguments and environment are too long")


def test_it_has_the_daemons_environment_and_what_the_job_adds(start_daemon):
    daemon = start_daemon(env={"FROM_DAEMON": "yes", "REPLACED": "no"})
    with daemon.client() as client:
        script = 'echo "$FROM_DAEMON $REPLACED $ADDED"; env | grep -c ^ADDED='
        entry = shell(script, env=["ADDED=first", "REPLACED=yes", "ADDED=a b=c"])
        (event,), _ = client.run(entry)
        assert output(event) == "yes yes a b=c\n1\n"


def test_a_clean_environment_has_path_alone(start_daemon):
    daemon = start_daemon(env={"FROM_DAEMON": "yes"})
    with daemon.client() as client:
        (event,), _ = client.run(job("/usr/bin/env", clean_env=True))
        assert output(event) == f"PATH={os.environ['PATH']}\n"
        (event,), _ = client.run(job("/usr/bin/env", clean_env=True, env=["PATH=/x", "A="]))
        assert output(event) == "A=\nPATH=/x\n"


def test_it_knows_nothing_of_the_daemons_own_protocols(run):
    assert "NOTIFY_SOCKET" not in output(run(job("env")))


@pytest.mark.parametrize("entry", ["NAME", "=value", ""])
def test_an_environment_entry_needs_a_name(run, entry):
    event = run(job("true", env=["A=1", entry]))
    assert (event["state"], event["reason"]) == ("failed", "env[1]: must be NAME=VALUE")


def test_it_runs_in_the_directory(run, folder):
    assert output(run(job("pwd", "-P", cwd=str(folder)))) == f"{folder.resolve()}\n"
    write_file(folder / "here", "#!/bin/sh\necho here\n")
    assert output(run(job("./here", cwd=str(folder)))) == "here\n"


def test_it_reads_what_the_job_gives_and_else_nothing(run):
    assert output(run(job("cat", stdin="ä\nb"))) == "ä\nb"
    assert output(run(job("cat", stdin=""))) == ""
    assert output(run(job("cat"))) == ""


def test_it_reads_much(run):
    text = "".join(f"{number}\n" for number in range(100_000))
    event = run(job("cat", stdin=text))
    assert output(event) == text
    assert output(run(shell("sleep 0.2; wc -c", stdin=text))) == f"{len(text)}\n"


def test_it_has_three_descriptors(run):
    listed = output(run(job("ls", "/proc/self/fd"))).split()
    assert listed == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_its_pipes_block(run):
    flags = output(run(job("sh", "-c", "cat /proc/self/fdinfo/0 /proc/self/fdinfo/1 | grep flags",
                           stdin="x")))
    assert all(not int(line.split()[1], 8) & os.O_NONBLOCK for line in flags.splitlines())


def test_its_signals_are_as_by_default(run):
    status = dict(line.split(":\t") for line in
                  output(run(job("grep", "Sig", "/proc/self/status"))).splitlines())
    assert int(status["SigBlk"], 16) == 0
    # Signals 32 and 33 are the C library's own, which ignores them here.
    assert int(status["SigIgn"], 16) & ~(3 << 31) == 0


def test_it_leads_a_process_group_of_its_own(run):
    pid, group = output(run(job("python3", "-c", "import os; print(os.getpid(), os.getpgid(0))"))).split()
    assert pid == group


def test_it_has_no_terminal_though_the_daemon_has_one(make_daemon):
    master, slave = pty.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    daemon = make_daemon(preexec_fn=take_terminal)
    with open(master, "rb"):
        daemon.start()
        os.close(slave)
        with daemon.client() as client:
            (event,), _ = client.run(shell("echo asked >/dev/tty"))
        assert event["state"] == "failed" and "/dev/tty" in event["details"]["stderr"]
        daemon.stop()


def test_its_descriptors_are_limited_to_what_select_takes(run):
    assert int(output(run(shell("ulimit -S -n")))) <= 1024


# ---- How its end is told -------------------------------------------------------------------------------


def test_success_has_output_and_details(run):
    event = run(job("echo", "hello"))
    assert (event["state"], event["output"], event["truncated"]) == ("succeeded", "hello\n", False)
    assert set(event["details"]) == {"exit", "rusage"}
    assert event["details"]["exit"] == 0
    assert set(event["details"]["rusage"]) == {"user", "system", "max_rss"}


def test_what_it_used_is_told(run):
    script = "x = b'x' * (64 << 20)\nwhile __import__('time').process_time() < 0.2: pass"
    usage = run(job("python3", "-c", script))["details"]["rusage"]
    assert 0.19 < usage["user"] + usage["system"] < 30
    assert 64 * MIB < usage["max_rss"] < 512 * MIB


@pytest.mark.parametrize("code", [1, 3, 127, 255])
def test_an_exit_code_other_than_0_is_a_failure(run, code):
    event = run(shell(f"echo out; echo err >&2; exit {code}"))
    assert (event["state"], event["reason"]) == ("failed", f"exit {code}")
    assert event["output"] == "out\n"
    assert event["details"]["exit"] == code
    assert event["details"]["stderr"] == "err\n"


@pytest.mark.parametrize("codes, code, state", [
    (["0", "3"], 3, "succeeded"), (["3"], 0, "failed"), (["10-20"], 10, "succeeded"),
    (["10-20"], 20, "succeeded"), (["10-20"], 21, "failed"), ([], 0, "succeeded"),
    (["0-255"], 255, "succeeded")])
def test_other_codes_may_be_a_success(run, codes, code, state):
    assert run(shell(f"exit {code}", ok_codes=codes))["state"] == state


@pytest.mark.parametrize("code", ["x", "", "-1", "256", "3-", "3-1", "1 ", "0x1", "1-2-3"])
def test_a_code_that_is_none_is_told_before_anything_runs(run, folder, code):
    event = run(job("touch", str(folder / "ran"), ok_codes=["0", code]))
    assert event["state"] == "failed"
    assert event["reason"].startswith("ok_codes[1]: must be an exit code")
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("number, name", [(9, "KILL"), (15, "TERM"), (11, "SEGV"), (1, "HUP")])
def test_a_signal_is_named(run, number, name):
    event = run(shell(f"ulimit -c 0; kill -{number} $$"))
    assert (event["state"], event["reason"]) == ("failed", f"killed by signal {number} ({name})")
    assert (event["details"]["signal"], event["details"]["signal_number"]) == (name, number)
    assert "exit" not in event["details"]


def test_standard_error_is_kept_apart(run):
    event = run(shell("for i in 1 2 3; do echo out; echo err >&2; done"))
    assert event["output"] == "out\n" * 3
    assert event["details"]["stderr"] == "err\n" * 3


def test_bytes_that_are_no_text_arrive(run):
    event = run(shell(r"printf '\377\000\001'; printf '\376\000' >&2"))
    assert base64.b64decode(event["output_base64"]) == b"\xff\0\1"
    assert base64.b64decode(event["details"]["stderr_base64"]) == b"\xfe\0"
    assert "stderr" not in event["details"]


def test_the_beginning_of_standard_error_is_kept(run):
    event = run(shell("yes 12345678 | head -n 100000 >&2", stderr_limit="1000"))
    assert event["details"]["stderr"] == "12345678\n" * 111 + "1"
    assert event["details"]["stderr_truncated"] is True
    event = run(shell("echo hidden >&2", stderr_limit=0))
    assert "stderr" not in event["details"] and event["details"]["stderr_truncated"] is True
    event = run(shell("yes | head -c 65536 >&2"))
    assert len(event["details"]["stderr"]) == 65536 and "stderr_truncated" not in event["details"]


def test_no_half_character_is_kept(run):
    event = run(shell("printf 'aaaä' >&2", stderr_limit=4))
    assert event["details"]["stderr"] == "aaa"


def test_standard_error_that_does_not_fit_is_left_out_of_the_details(start_daemon):
    with start_daemon(config={"limits": {"output_bytes": 1000}}).client() as client:
        (event,), _ = client.run(shell("yes | head -c 5000 >&2; exit 3"))
        assert event["reason"] == "exit 3"
        assert event["details"]["exit"] == 3
        assert event["details"]["stderr_truncated"] is True
        assert "stderr" not in event["details"]


# ---- What cannot be run ------------------------------------------------------------------------------------


@pytest.fixture
def bad_programs(folder):
    """Files that are no programs, and the reason that each must get."""
    (folder / "folder").mkdir()
    return {
        write_file(folder / "plain", "#!/bin/sh\n", 0o644): "is not executable",
        write_file(folder / "orphan", "#!/nope/sh\n"): "its interpreter does not exist",
        write_file(folder / "text", "echo hello\n"):
            "is no program, and has no #! line that names one",
        write_file(folder / "empty", ""): "is no program, and has no #! line that names one",
        str(folder / "folder"): "is a directory",
        str(folder / "nope"): "no such command",
        str(folder / "plain/nope"): "no such command",
        "ls2-no-such-command": "no such command",
    }


def test_a_program_that_cannot_be_run_is_told(run, bad_programs):
    told = {program: run(job(program)) for program in bad_programs}
    assert {program: event["reason"] for program, event in told.items()} == {
        program: f"{program}: {reason}" for program, reason in bad_programs.items()}
    assert all(event["state"] == "failed" for event in told.values())


def test_in_path_it_is_told_likewise(start_daemon, folder, bad_programs):
    daemon = start_daemon(env={"PATH": f"{folder}:/usr/bin:/bin"})
    with daemon.client() as client:
        for program, reason in bad_programs.items():
            name = pathlib.Path(program).name
            if not name.startswith("ls2") and program != str(folder / "plain/nope"):
                (event,), _ = client.run(job(name))
                assert event["reason"] == f"{name}: {reason}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_of_path_that_may_not_be_read_is_passed_over(start_daemon, folder):
    (folder / "closed").mkdir(mode=0)
    daemon = start_daemon(env={"PATH": f"{folder}/closed:/usr/bin:/bin"})
    with daemon.client() as client:
        (event,), _ = client.run(job("ls2-no-such-command"))
        assert event["reason"] == "ls2-no-such-command: no such command"
        (event,), _ = client.run(job("echo", "found"))
        assert output(event) == "found\n"


@pytest.mark.parametrize("argv", [[], [""]])
def test_there_must_be_a_program(run, argv):
    event = run(job(*argv))
    assert (event["state"], event["reason"]) == ("failed", "argv: must begin with a program")


@pytest.mark.parametrize("cwd, reason", [("/nope", "No such file or directory"),
                                         ("/dev/null", "Not a directory")])
def test_a_directory_that_is_none_is_told(run, cwd, reason):
    assert run(job("true", cwd=cwd))["reason"] == f"cwd: {cwd}: {reason}"


def test_a_job_is_one_thing_or_the_other(client):
    for params in ({}, {"argv": ["true"], "command": "x"}):
        with pytest.raises(Exception, match="argv"):
            client.submit({"plugin": "exec", "params": params})


def test_args_are_for_configured_commands(run):
    assert run(job("true", args={"a": 1}))["reason"] == "args: are for a configured command"


def test_it_is_never_a_shell(run, folder):
    script = write_file(folder / "script", "touch ran\n")
    assert run(job(script, cwd=str(folder)))["state"] == "failed"
    assert run(job("echo x; touch ran", cwd=str(folder)))["state"] == "failed"
    assert not (folder / "ran").exists()


# ---- Many ---------------------------------------------------------------------------------------------------


def test_arrays_of_commands_run_side_by_side(client):
    events, summary = client.run({**job("echo", "{index}: {item}"), "items": ["a b", "'", "$x"]})
    assert sorted(event["output"] for event in events) == ["0: a b\n", "1: '\n", "2: $x\n"]
    assert summary["succeeded"] == 3


def pipes_of(pid):
    """How many pipes and processes it holds by a descriptor."""
    held = [os.readlink(entry) for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
    return len([name for name in held if re.match(r"pipe|anon_inode:.pidfd", name)])


def test_many_end_and_leave_nothing(daemon, client):
    before = {pid: pipes_of(pid) for pid in daemon.worker_pids()}
    count = 200
    events, summary = client.run({**job("sh", "-c", "echo {index}; echo err >&2"), "count": count})
    assert summary["succeeded"] == count
    assert sorted(int(event["output"]) for event in events) == list(range(count))
    for pid in daemon.worker_pids():
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        assert not children, "a process was not waited for"
    assert {pid: pipes_of(pid) for pid in daemon.worker_pids()} == before
