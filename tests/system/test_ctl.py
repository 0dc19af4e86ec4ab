"""awaitctl: what it prints, where, and how it exits."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import threading

import pytest

from awaitd import AWAITCTL, DEADLINE, SOURCE, Watched, eventually, wait_job


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


SUMMARY = r"batch {}: {} succeeded, [\d.]+ m?s of work in [\d.]+ m?s \([\d.]+x\)"


# ---- run -----------------------------------------------------------------------------------------


def test_the_main_job_works_as_printed(daemon):
    result = daemon.ctl("run", "wait", "seconds=1", "--count", "10", check=0)
    match = re.fullmatch(r"batch 1 done: 10 succeeded, (\d+\.\d\d) s of work in (\d+\.\d\d) s "
                         r"\((\S+)x\)\n", result.stdout)
    assert match, result
    work, wall, speedup = map(float, match.groups())
    assert 10 <= work < 20
    assert 1 <= wall < 5
    assert speedup > 4
    assert result.stderr == ""


def test_items_as_json_work_as_printed(daemon):
    result = daemon.ctl("--json", "run", "wait", "--items", "0.1,0.2,0.3", "seconds={item}",
                        check=0)
    messages = json_lines(result.stdout)
    jobs = [message["params"] for message in messages if message.get("method") == "job.done"]
    assert [job["output"] for job in jobs] == ["slept for 0.1", "slept for 0.2", "slept for 0.3"]
    assert messages[-1]["method"] == "batch.done"
    assert messages[-1]["params"]["succeeded"] == 3
    assert result.stderr == ""


def test_piped_entries_work_as_printed(daemon):
    line = (
        """printf '{"plugin":"wait","params":{"seconds":0.5}}\\n%.0s' 1 2 3 """
        """| awaitctl submit - --wait"""
    )
    env = {**daemon.env, "AWAITD_SOCKET": str(daemon.socket_path),
           "PATH": f"{AWAITCTL.parent}:{os.environ['PATH']}"}
    result = subprocess.run(["/bin/sh", "-c", line], env=env, capture_output=True, text=True,
                            check=True)
    assert re.search(SUMMARY.format("1 done", 3), result.stdout + result.stderr)


def test_run_prints_the_output_of_its_one_job_alone_on_standard_output(daemon):
    result = daemon.ctl("run", "wait", "seconds=10ms", check=0)
    assert result.stdout.strip() == "slept for 0.01"
    assert "batch 1 done" in result.stderr


def test_run_of_many_prints_outputs_when_asked(daemon):
    result = daemon.ctl("run", "wait", "--items", "0.01,0.02", "seconds={item}", "--output",
                        check=0)
    assert "slept for 0.01" in result.stdout and "slept for 0.02" in result.stdout


def test_items_may_come_from_a_file_or_standard_input(daemon, folder):
    path = folder / "items"
    path.write_text("0.01\n0.02\n0.03", encoding="ascii")
    result = daemon.ctl("run", "wait", "--items", f"@{path}", "seconds={item}", check=0)
    assert "3 succeeded" in result.stdout
    result = daemon.ctl("run", "wait", "--items", "@-", "seconds={item}", stdin="0\n0\n", check=0)
    assert "2 succeeded" in result.stdout


def test_a_hundred_thousand_items_are_sent_in_pieces(daemon, folder):
    path = folder / "items"
    path.write_text("".join(f"0.0000000000{i}\n" for i in range(100_000)), encoding="ascii")
    result = daemon.ctl("run", "wait", "--items", f"@{path}", "seconds={item}", check=0)
    assert "100000 succeeded" in result.stdout


def test_run_without_waiting_prints_the_batch_and_leaves(daemon):
    result = daemon.ctl("run", "wait", "seconds=1h", "--no-wait", "--name", "later", check=0)
    assert result.stdout == "1\n"
    assert daemon.call("batch.show", batch=1)["name"] == "later"


def test_run_exits_with_1_when_a_job_did_not_succeed(daemon):
    process = daemon.spawn_ctl("run", "wait", "seconds=1h", "--count", "3")
    daemon.busy_worker()
    daemon.call("batch.cancel", batch=1)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert b"3 cancelled" in out + err


def test_quiet_leaves_data_and_errors(daemon):
    result = daemon.ctl("-q", "run", "wait", "seconds=0.01", check=0)
    assert result.stdout.strip() == "slept for 0.01"
    assert result.stderr == ""


# ---- Wrong usage, no daemon, refusals ------------------------------------------------------------


@pytest.mark.parametrize("args", [
    [], ["no-such-command"], ["run"], ["run", "wait", "seconds"], ["run", "wait", "--count", "x"],
    ["run", "wait", "--count", "0"], ["run", "wait", "seconds=1", "--colour"], ["--colour", "ping"],
    ["wait"], ["wait", "one"], ["wait", "1", "--timeout", "soon"], ["show"], ["show", "1.2.3"],
    ["output"], ["cancel"], ["cancel", "-5"], ["watch"], ["ping", "extra"],
    ["watch", "1", "--events", "none"],
    ["run", "wait", "--count", "2", "--items", "a"],
    ["run", "wait", "--items", "a", "--items", "b", "seconds={item}"],
], ids=" ".join)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(daemon, args):
    result = daemon.ctl(*args)
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert result.stderr


@pytest.mark.parametrize("words", [["ls", "-l"], ["ls"], ["-l"]], ids=" ".join)
def test_a_command_without_dashes_gets_a_hint(daemon, words):
    result = daemon.ctl("run", "exec", *words, check=2)
    assert "; to run a command: awaitctl run exec -- ls -l\n" in result.stderr
    result = daemon.ctl("plugin", "try", "./exec.so", *words, check=2)
    assert "; to run a command: awaitctl plugin try ./exec.so -- ls -l\n" in result.stderr
    assert "to run a command" not in daemon.ctl("run", "--colour", check=2).stderr


def test_without_a_daemon_it_exits_with_3_and_names_the_socket(folder):
    path = folder / "nobody"
    for args in (["ping"], ["run", "wait", "seconds=1"], ["list"], ["status"]):
        result = subprocess.run([AWAITCTL, "--socket", path, *args], capture_output=True, text=True,
                                check=False)
        assert result.returncode == 3
        assert str(path) in result.stderr


def test_the_socket_is_the_options_else_the_environments_else_the_usual_one(daemon, folder):
    (folder / "awaitd.sock").symlink_to(daemon.socket_path)
    command = [AWAITCTL, "--json", "ping"]
    env = {"XDG_RUNTIME_DIR": str(folder)}
    assert subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0
    env["AWAITD_SOCKET"] = str(folder / "none")
    assert subprocess.run(command, env=env, capture_output=True, check=False).returncode == 3
    command[1:1] = ["--socket", daemon.socket_path]
    assert subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0


def test_what_is_not_there_exits_with_4(daemon):
    for args in (["wait", "7"], ["show", "7"], ["show", "7.1"], ["watch", "7"], ["cancel", "7"],
                 ["output", "7.0"], ["plugins", "nothing"]):
        result = daemon.ctl(*args)
        assert result.returncode == 4, (args, result)
        assert result.stderr and result.stdout == ""


def test_what_is_refused_exits_with_5_and_names_each_problem(daemon):
    result = daemon.ctl("run", "wait", "seconds=-1", "colour=red")
    assert result.returncode == 5
    assert "seconds" in result.stderr and "colour" in result.stderr
    assert result.stdout == ""
    assert daemon.ctl("run", "frobnicate").returncode == 5


def test_a_daemon_that_goes_away_exits_with_3(start_daemon):
    daemon = start_daemon()
    process = daemon.spawn_ctl("--reconnect", "0", "run", "wait", "seconds=1h", "--count", "2")
    daemon.busy_worker()
    daemon.process.kill()
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 3
    assert b"batch 1" in err
    daemon.wait()
    eventually(lambda: not daemon.left_behind(), "its workers are gone")


def test_a_full_disk_is_no_success(daemon):
    with open("/dev/full", "w", encoding="ascii") as full:
        process = daemon.spawn_ctl("run", "wait", "seconds=0", stdout=full)
        _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert err


# ---- submit --------------------------------------------------------------------------------------


def test_submit_prints_the_batch_and_leaves(daemon):
    result = daemon.ctl("submit", "-", stdin=json.dumps(wait_job(3600)) + "\n", check=0)
    assert result.stdout == "1\n"
    assert daemon.call("batch.show", batch=1)["jobs"] == 1


def test_submit_takes_a_file_of_lines(daemon, folder):
    path = folder / "jobs"
    path.write_text("".join(json.dumps(wait_job(0, name=f"n{i}")) + "\n" for i in range(20_000)),
                    encoding="ascii")
    result = daemon.ctl("submit", path, "--wait", check=0)
    assert "20000 succeeded" in result.stdout + result.stderr
    assert daemon.call("job.show", batch=1, job=19_999)["name"] == "n19999"


def test_submit_names_the_line_of_a_bad_entry(daemon, folder):
    path = folder / "jobs"
    lines = [json.dumps(wait_job(0)) for _ in range(10)]
    for bad, code in ((json.dumps(wait_job(-1)), 5), ("{broken", None), ("[]", None)):
        lines[6] = bad
        path.write_text("\n".join(lines), encoding="ascii")
        result = daemon.ctl("submit", path, "--wait")
        assert result.returncode == code or (code is None and result.returncode in (2, 5)), result
        assert f"{path}:7:" in result.stderr
        states = {batch["state"] for batch in daemon.call("batch.list")["batches"]}
        assert states <= {"cancelled"}


def test_submit_of_a_missing_file_is_told(daemon, folder):
    result = daemon.ctl("submit", folder / "none")
    assert result.returncode == 2
    assert str(folder / "none") in result.stderr


def test_entries_run_while_more_are_still_typed(daemon):
    process = daemon.spawn_ctl("submit", "-", "--follow", stdin=subprocess.PIPE)
    process.stdin.write(b'{"plugin":"wait","params":{"seconds":0}}\n')
    process.stdin.flush()
    eventually(lambda: daemon.call("daemon.status")["jobs"]["completed"], "the first job is done")
    process.stdin.write(b'{"plugin":"wait","params":{"seconds":0}}\n')
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert b"2 succeeded" in out + err


def answer_until(connection, last, answers):
    """Answers requests by method, up to and with the last."""
    for line in connection.makefile("rb", buffering=0):
        request = json.loads(line)
        method = request["method"]
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": answers[method]}
        connection.sendall(json.dumps(answer).encode() + b"\n")
        if method == last:
            return request["params"]
    raise AssertionError(f"no {last}")


def test_an_interrupt_in_the_middle_of_a_message_cancels_the_batch(folder):
    jobs = folder / "jobs"
    jobs.write_text('{"plugin":"wait"}\n' * 60_000, encoding="ascii")
    answers = {"hello": {"limits": {"line_bytes": 1 << 20, "depth": 64}},
               "batch.open": {"batch": 7}, "batch.cancel": {"cancelled": 0}}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(DEADLINE)
        listener.bind(str(folder / "socket"))
        listener.listen()
        with subprocess.Popen([AWAITCTL, "--socket", folder / "socket", "submit", jobs],
                              stderr=subprocess.PIPE) as process:
            try:
                busy, _ = listener.accept()
                answer_until(busy, "batch.open", answers)
                # A message of half a mebibyte, of which no more than a socket's buffer is read.
                assert busy.recv(1)
                process.send_signal(signal.SIGINT)
                other, _ = listener.accept()
                assert answer_until(other, "batch.cancel", answers) == {"batch": 7}
                assert process.wait(DEADLINE) == 130
                assert b"batch 7 was cancelled" in process.stderr.read()
            finally:
                process.kill()


def test_a_nul_byte_is_no_blank(daemon):
    entry = json.dumps(wait_job(0))
    for text in ("\0" + entry, entry + "\0", entry + "\n\0\n"):
        result = daemon.ctl("submit", "-", "--wait", stdin=text)
        assert result.returncode == 5, text
        assert re.search(r"stdin:\d: not JSON", result.stderr)


# ---- wait, watch ---------------------------------------------------------------------------------


def test_wait_waits_and_sums_up(daemon):
    with daemon.client() as client:
        batch = client.submit(wait_job(0.3, count=5))
    result = daemon.ctl("wait", batch, check=0)
    assert re.search(SUMMARY.format("1 done", 5), result.stdout + result.stderr)


def test_wait_exits_with_124_when_its_time_is_up(daemon):
    with daemon.client() as client:
        client.submit(wait_job(3600))
    result = daemon.ctl("wait", "1", "--timeout", "50ms")
    assert result.returncode == 124
    assert daemon.call("batch.show", batch=1)["state"] == "running"


def test_wait_exits_with_1_when_a_job_did_not_succeed(daemon):
    with daemon.client() as client:
        client.submit(wait_job(3600))
        client.call("batch.cancel", batch=1)
    assert daemon.ctl("wait", "1").returncode == 1


def test_watch_tells_each_job_and_sums_up(daemon):
    with daemon.client() as client:
        client.submit(wait_job(0.05, count=5, name="job {index}"))
    result = daemon.ctl("watch", "1", check=0)
    for index in range(5):
        assert f"1.{index} " in result.stdout and f"job {index}" in result.stdout
    assert re.search(SUMMARY.format("1 done", 5), result.stdout + result.stderr)


def test_watch_from_a_number_leaves_out_what_came_before(daemon):
    with daemon.client() as client:
        client.call("batch.wait", batch=client.submit(wait_job(0, count=50)))
    result = daemon.ctl("--json", "watch", "1", "--from", "45", check=0)
    messages = [message for message in json_lines(result.stdout) if "method" in message]
    assert [message["params"]["seq"] for message in messages[:-1]] == [45, 46, 47, 48, 49]
    assert messages[-1]["method"] == "batch.done"


# ---- list, show, output, cancel ------------------------------------------------------------------


@pytest.fixture
def busy(daemon):
    """Batch 1 succeeded, batch 2 runs, batch 3 was cancelled."""
    with daemon.client() as client:
        entry = wait_job("{item}", items=["0", "0.01"], name="item {item}")
        done = client.submit(entry, name="first")
        client.call("batch.wait", batch=done)
        client.submit(wait_job(3600, count=2), name="second")
        client.call("batch.cancel", batch=client.submit(wait_job(3600), name="third"))
        client.call("batch.wait", batch=3)
    return daemon


def test_list_has_a_line_for_each_batch(busy):
    lines = busy.ctl("list", check=0).stdout.splitlines()
    for words in (("1", "first", "succeeded"), ("2", "second", "running"),
                  ("3", "third", "cancelled")):
        assert [line for line in lines if all(word in line for word in words)], words


def test_list_as_json_is_what_the_protocol_said(busy):
    messages = json_lines(busy.ctl("--json", "list", check=0).stdout)
    text = json.dumps(messages)
    assert '"first"' in text and '"second"' in text and '"third"' in text


def test_list_filters_by_state(busy):
    result = busy.ctl("list", "--state", "running", check=0)
    assert "second" in result.stdout
    assert "first" not in result.stdout and "third" not in result.stdout


def test_show_explains_a_batch_and_a_job(busy):
    result = busy.ctl("show", "1", check=0)
    assert "first" in result.stdout and "succeeded" in result.stdout
    result = busy.ctl("show", "1.1", check=0)
    for word in ("item 0.01", "wait", "succeeded", "seconds", "0.01"):
        assert word in result.stdout
    assert '"seconds"' in busy.ctl("--json", "show", "1.1", check=0).stdout


def test_output_prints_what_the_job_printed_and_nothing_else(busy):
    result = busy.ctl("output", "1.1", check=0)
    assert result.stdout.rstrip("\n") == "slept for 0.01"
    assert result.stderr == ""


def test_cancel_ends_a_batch_or_a_job(busy):
    busy.ctl("cancel", "2.1", check=0)
    assert busy.call("batch.show", batch=2)["state"] == "running"
    busy.ctl("cancel", "2", check=0)
    assert busy.call("batch.wait", batch=2)["cancelled"] == 2
    busy.ctl("cancel", "2", check=0)


def test_plugins_are_listed_and_explained(daemon):
    result = daemon.ctl("plugins", check=0)
    assert [line for line in result.stdout.splitlines() if "wait" in line]
    result = daemon.ctl("plugins", "wait", check=0)
    assert "seconds" in result.stdout and "until" in result.stdout
    assert '"seconds"' in daemon.ctl("--json", "plugins", "wait", check=0).stdout


def test_status_tells_of_the_daemon_and_its_workers(busy):
    result = busy.ctl("status", check=0)
    for pid in [busy.process.pid, *busy.worker_pids()]:
        assert str(pid) in result.stdout
    (message,) = json_lines(busy.ctl("--json", "status", check=0).stdout)
    assert str(busy.process.pid) in json.dumps(message)


def test_ping_and_version(daemon):
    daemon.ctl("ping", check=0)
    version = daemon.call("hello")["version"]
    assert version in daemon.ctl("version", check=0).stdout
    assert version in daemon.ctl("-V", check=0).stdout


def test_every_command_explains_itself(daemon):
    overview = daemon.ctl("-h", check=0).stdout
    for command in ("run", "submit", "wait", "watch", "list", "show", "output", "cancel", "retry",
                    "pause", "resume", "plugins", "status", "stats", "drain", "ping", "version"):
        assert re.search(rf"^\s*{command}\b", overview, re.MULTILINE)
        assert f"awaitctl {command}" in daemon.ctl(command, "-h", check=0).stdout


def test_every_command_and_option_is_in_the_manual_page(daemon):
    manual = (SOURCE / "man/awaitctl.1.scd").read_text(encoding="utf-8")
    for command in re.findall(r"^  (\w+(?: \w+)?)  ", daemon.ctl("-h", check=0).stdout, re.MULTILINE):
        assert re.search(rf"^\*{command}\*", manual, re.MULTILINE), command
        text = daemon.ctl(*command.split(), "-h", check=0).stdout
        for option in re.findall(r"^  (?:-\w,|   ) (--[\w-]+)", text, re.MULTILINE):
            assert f"*{option}*" in manual, (command, option)


def test_terminal_controls_in_names_do_not_reach_the_terminal(daemon):
    with daemon.client() as client:
        client.run(wait_job(0, name="a\x1b]0;title\x07b\u009b31m"), name="x\x1b[31my\nz")
    for args in (["list"], ["show", "1"], ["show", "1.0"], ["watch", "1"]):
        result = daemon.ctl(*args, check=0)
        assert "\x1b" not in result.stdout + result.stderr
        assert "\u009b" not in result.stdout + result.stderr


# ---- On a terminal -------------------------------------------------------------------------------


class Terminal:
    """awaitctl on a terminal of its own."""

    def __init__(self, daemon, *args, **env):
        self.master, slave = pty.openpty()

        def control():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        env = {"TERM": "xterm", **env}
        self.process = daemon.spawn_ctl(*args, stdin=slave, stdout=slave, stderr=slave, env=env,
                                        preexec_fn=control)
        os.close(slave)
        self.text = ""

    def read(self):
        """More of what it wrote; False at the end."""
        if not select.select([self.master], [], [], DEADLINE)[0]:
            raise AssertionError(f"nothing more after {self.text!r}")
        try:
            data = os.read(self.master, 65536)
        except OSError:  # how Linux tells that the other side is closed
            return False
        self.text += data.decode()
        return bool(data)

    def wait_for(self, pattern):
        while not re.search(pattern, self.text):
            assert self.read(), f"no {pattern!r} in {self.text!r}"

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """The exit status."""
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait(DEADLINE)


def test_progress_is_shown_on_a_terminal_and_cleared_at_the_end(daemon):
    terminal = Terminal(daemon, "run", "wait", "--items", "0.01,0.4,1.5", "seconds={item}")
    assert terminal.end() == 0
    assert re.search(r"\d of 3", terminal.text)
    assert terminal.text.count("\r") < 60  # 10 times a second, not for each job
    assert "3 succeeded" in terminal.text.split("\033[K")[-1]


def test_no_color_means_no_color(daemon):
    terminal = Terminal(daemon, "run", "wait", "--items", "0.01,0.4", "seconds={item}",
                        NO_COLOR="1")
    assert terminal.end() == 0
    assert "\x1b[3" not in terminal.text


def test_control_c_leaves_the_batch_running_and_tells_how_to_attach_again(daemon):
    terminal = Terminal(daemon, "run", "wait", "seconds=1h", "--count", "5")
    terminal.wait_for(r"of 5")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "awaitctl watch 1" in terminal.text
    assert daemon.call("batch.show", batch=1)["state"] == "running"


def catches(pid, number):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        (mask,) = [line.split()[1] for line in file if line.startswith("SigCgt:")]
    return int(mask, 16) >> (number - 1) & 1


@pytest.mark.parametrize("args", [
    ["run", "wait", "seconds=1h", "--count", "2"], ["wait", "1"], ["watch", "1"],
], ids=lambda args: args[0])
def test_an_interrupt_exits_with_130(daemon, args):
    if args[0] != "run":
        with daemon.client() as client:
            client.submit(wait_job(3600))
    process = daemon.spawn_ctl(*args)
    eventually(lambda: catches(process.pid, signal.SIGINT), "it catches the signal")
    daemon.busy_worker()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert b"awaitctl w" in err
    assert daemon.call("batch.show", batch=1)["state"] == "running"


@pytest.mark.parametrize("begun", ["", "jobs = (\n", '{"plugin": "wait"}\n'], ids=["nothing", "libconfig", "lines"])
def test_an_interrupt_of_what_is_typed_exits_with_130(daemon, begun):
    terminal = Terminal(daemon, "submit", "-")
    eventually(lambda: catches(terminal.process.pid, signal.SIGINT), "it catches the signal")
    terminal.type(begun + "\x03")
    assert terminal.end() == 130
    assert "awaitctl: interrupted" in terminal.text
    assert "system call" not in terminal.text
    assert daemon.call("batch.list")["batches"] == []


def test_a_reader_that_goes_away_ends_it_quietly(daemon):
    with daemon.client() as client:
        client.call("batch.wait", batch=client.submit(wait_job(0, count=50_000)))
    process = daemon.spawn_ctl("watch", "1")
    process.stdout.read(100)
    process.stdout.close()
    gone = Watched(process.pid)
    err = process.stderr.read()
    gone.wait_gone()
    assert process.wait() in (-signal.SIGPIPE, 1, 128 + signal.SIGPIPE)
    assert b"Traceback" not in err and len(err) < 500
    process.stderr.close()


def test_many_awaitctl_at_once_do_not_disturb_each_other(daemon):
    results = {}

    def one(index):
        results[index] = daemon.ctl("run", "wait", "seconds=0.2", "--count", str(index + 1))

    threads = [threading.Thread(target=one, args=(index,)) for index in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, result in results.items():
        assert result.returncode == 0
        if index > 0:  # one job alone prints its output
            assert f"{index + 1} succeeded" in result.stdout
