"""Details: facts that a plugin tells beside a job's output. The plugins of the tests tell what they are given
to tell, one in each style."""

import json

import pytest

STYLES = ["async", "blocking", "fiber"]
FACTS = {"status": 200, "ratio": 2.5, "url": "http://x/?é", "nested": {"a": [1, {"b": None}]}}


@pytest.fixture
def teller(start_daemon, hostile):
    return start_daemon(config={
        "plugins": [{"file": hostile(f"details_{style}")} for style in STYLES],
        "limits": {"output_bytes": "1KiB"}})


def job(style, *details, **params):
    texts = [text if isinstance(text, str) else json.dumps(text) for text in details]
    texts = [text.replace("{", "{{").replace("}", "}}") for text in texts]  # no placeholders
    return {"plugin": f"details_{style}", "params": {"details": texts, **params}}


@pytest.mark.parametrize("style", STYLES)
def test_details_are_told_and_shown_whatever_became_of_the_job(teller, style):
    with teller.client() as client:
        jobs, _ = client.run(job(style, FACTS), job(style, FACTS, fail="no"), job(style))
        jobs.sort(key=lambda each: each["job"])
        assert [each["state"] for each in jobs] == ["succeeded", "failed", "succeeded"]
        assert [each.get("details") for each in jobs] == [FACTS, FACTS, None]
        assert client.call("job.show", batch=1, job=1)["details"] == FACTS
        assert "details" not in client.call("job.show", batch=1, job=2)
        assert not any("details" in each for each in client.call("job.list", batch=1)["jobs"])


@pytest.mark.parametrize("style", STYLES)
def test_a_cancelled_job_keeps_its_details(teller, style):
    with teller.client() as client:
        batch = client.submit(job(style, FACTS, argv=["told"], broken=True, seconds="1h"),
                              follow="each")
        teller.log.wait_for("not UTF-8")
        client.call("batch.cancel", batch=batch)
        (ended,), _ = client.follow(batch)
        assert (ended["state"], ended["details"]) == ("cancelled", FACTS)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("wrong, words", [
    ({"details": ["{}", "{"]}, "no JSON object"),
    ({"details": ["{}", "[]"]}, "no JSON object"),
    ({"details": ["{}", '{"a":1,"a":2}']}, "same key twice"),
    ({"details": ["{}", '{"a":1e999}']}, "too large"),
    ({"nested": 33}, "nested too deep"),
    ({"nested": 1000000}, "limits.output_bytes"),
    ({"padding": 1000000}, "limits.output_bytes"),
    ({"broken": True}, "not UTF-8"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_told_is_logged_and_the_job_goes_on(teller, style, wrong, words):
    with teller.client() as client:
        (ended,), _ = client.run(job(style, "{}", **({"details": ["{}"]} | wrong)))
        assert ended["state"] == "succeeded"
        assert ended["details"] == {}
    teller.log.wait_for(f"aw_details: the details .*{words}.* batch=1 job=0")
    assert sum("aw_details" in line for line in teller.log) == 1


def test_details_are_not_taken_for_the_jobs_own_members(teller):
    """awaitctl goes through the text of events that it need not print."""
    odd = {"state": "succeeded", "method": "job.done"}
    result = teller.ctl("run", "details_async", f"details={json.dumps(odd)}", "fail=for a reason",
                        "--count", "3", check=1)
    assert result.stderr.count("failed after") == 3
    assert "3 failed" in result.stdout


def test_blanks_and_newlines_do_not_break_the_line_of_an_event(teller):
    spaced = json.dumps(FACTS, indent=4)
    result = teller.ctl("--json", "run", "details_fiber", f"details={spaced}", check=0)
    _, done, _ = result.stdout.splitlines()
    assert json.loads(done)["params"]["details"] == FACTS


def test_numbers_are_shown_as_they_were_told(teller):
    numbers = '{"third":0.30000000000000004,"largest":1.7976931348623157e308,"one":1.0,"tenth":0.1}'
    with teller.client() as client:
        (ended,), _ = client.run(job("fiber", numbers))
        shown = client.call("job.show", batch=1, job=0)
        assert shown["details"] == ended["details"] == json.loads(numbers)
    assert f'"details":{numbers}' in teller.ctl("--json", "show", "1.0", check=0).stdout


def test_show_prints_a_line_for_each_fact(teller):
    told = {**FACTS, "text": "one\ntwo\x1b[31m"}
    teller.ctl("run", "details_async", f"details={json.dumps(told)}", check=0)
    lines = teller.ctl("show", "1.0", check=0).stdout.splitlines()
    at = lines.index("details")
    assert lines[at + 1:] == ["  status: 200", "  ratio: 2.5", "  url: http://x/?é",
                              '  nested.a: [1, {"b": null}]', "  text: one\\ntwo\\x1b[31m"]
    shown = json.loads(teller.ctl("--json", "show", "1.0", check=0).stdout)
    assert shown["result"]["details"] == told


def test_tens_of_thousands_of_jobs_tell_details(teller):
    with teller.client() as client:
        entry = job("async", '{"a":1}')
        jobs, summary = client.run({**entry, "count": 30000})
        assert summary["succeeded"] == 30000
        assert all(each["details"] == {"a": 1} for each in jobs)
