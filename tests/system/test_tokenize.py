"""The tokenize plugin: texts in many languages, its parameters, what it tells, and what it refuses."""

import collections
import json
import pathlib
import re

import pytest

from awaitd import PLUGIN_DIR, SOURCE, RpcError


def tokenize(client, text, **params):
    """The result of one job over a text."""
    jobs, _ = client.run({"plugin": "tokenize", "params": {"text": text, **params}})
    return jobs[0]


def tokens_of(client, text, **params):
    job = tokenize(client, text, output="tokens", **params)
    assert job["state"] == "succeeded", job
    tokens = [json.loads(line) for line in job.get("output", "").splitlines()]
    assert job["details"] == {"tokens": len(tokens), "bytes": len(text.encode())}
    return tokens


# ---- Words, segments, characters, lines ----------------------------------------------------------

# By language or kind: a text and its words.
WORDS = {
    "english": ("Don't panic: it's 3.14, 1,000 e.g. x_1 -- OK?",
                ["Don't", "panic", "it's", "3.14", "1,000", "e.g", "x_1", "OK"]),
    "german": ("Übergröße, süß-sauer; Straße!", ["Übergröße", "süß", "sauer", "Straße"]),
    "french": ("L'été à l’œuvre", ["L'été", "à", "l’œuvre"]),
    "russian": ("Привет, мир! 1-й", ["Привет", "мир", "1", "й"]),
    "greek": ("Οδυσσέας: «ναι»", ["Οδυσσέας", "ναι"]),
    "hebrew": ('צה"ל ושלום', ['צה"ל', "ושלום"]),
    "arabic": ("مَرْحَبًا بالعالم، ١٢٣", ["مَرْحَبًا", "بالعالم", "١٢٣"]),
    "hindi": ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),
    "korean": ("안녕하세요 세계", ["안녕하세요", "세계"]),
    # Without a dictionary, ideographs and hiragana stand alone; katakana does not.
    "japanese": ("東京でテスト。", ["東", "京", "で", "テスト"]),
    "chinese": ("你好，世界", ["你", "好", "世", "界"]),
    # The same for Thai, Lao, Khmer: characters as people see them.
    "thai": ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
    "combining marks": ("cafe\u0301 nai\u0308ve", ["cafe\u0301", "nai\u0308ve"]),
    "no words": (" .,;-\u2026 \u2603\ufe0f 👍🏽 \r\n\t", []),
    "numbers of all kinds": ("½ Ⅷ ② 〇", ["½", "Ⅷ", "②", "〇"]),
    "format characters": ("so\u00adft a\u200db", ["so\u00adft", "a\u200db"]),
    "empty": ("", []),
}

SEGMENTS = {
    "punctuation and blanks": ("Hi,  you!\r\n", ["Hi", ",", "  ", "you", "!", "\r\n"]),
    "flags": ("🇩🇪🇫🇷🇮", ["🇩🇪", "🇫🇷", "🇮"]),
    "a family": ("👩‍👩‍👧‍👦👍🏽", ["👩‍👩‍👧‍👦", "👍🏽"]),
    "quotes": ("say \"no\" 'yes'", ["say", " ", '"', "no", '"', " ", "'", "yes", "'"]),
    "a tab": ("a\tb", ["a", "\t", "b"]),
}

GRAPHEMES = {
    "marks": ("e\u0301a\u0323\u0302", ["e\u0301", "a\u0323\u0302"]),
    "emoji": ("👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪", ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪"]),
    "line ends": ("a\r\n\n\r", ["a", "\r\n", "\n", "\r"]),
    "hangul": ("\u1112\u1161\u11ab글", ["\u1112\u1161\u11ab", "글"]),
    "devanagari": ("नी", ["नी"]),
}

LINES = {
    "unix": ("one\n\ntwo", ["one", "", "two"]),
    "windows": ("one\r\n\r\ntwo\r\n", ["one", "", "two"]),
    "old": ("one\rtwo", ["one\rtwo"]),
    "blank": ("\n", [""]),
}


@pytest.mark.parametrize("unit, samples", [("words", WORDS), ("segments", SEGMENTS),
                                           ("graphemes", GRAPHEMES), ("lines", LINES)])
def test_texts_are_split_by_unit(client, unit, samples):
    found = {name: tokens_of(client, text, unit=unit) for name, (text, _) in samples.items()}
    assert found == {name: tokens for name, (_, tokens) in samples.items()}


@pytest.mark.parametrize("unit", ["words", "segments", "graphemes", "lines"])
def test_all_outputs_tell_the_same(client, unit):
    text = " ".join(text for text, _ in WORDS.values()) * 3
    tokens = tokens_of(client, text, unit=unit)
    counts = collections.Counter(tokens)
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0].encode()))
    told = json.loads(tokenize(client, text, unit=unit, top=7)["output"])
    assert told == {"tokens": len(tokens), "distinct": len(counts), "bytes": len(text.encode()),
                    "top": [list(pair) for pair in best[:7]]}
    told = json.loads(tokenize(client, text, unit=unit, output="count")["output"])
    assert told == {"tokens": len(tokens), "bytes": len(text.encode())}


def test_segments_and_graphemes_leave_nothing_out(client):
    text = "".join(text for samples in (WORDS, SEGMENTS, GRAPHEMES, LINES)
                   for text, _ in samples.values())
    assert "".join(tokens_of(client, text, unit="segments")) == text
    assert "".join(tokens_of(client, text, unit="graphemes")) == text


def test_top_is_as_long_as_asked(client):
    text = "a b b c c c"
    assert json.loads(tokenize(client, text)["output"])["top"] == [["c", 3], ["b", 2], ["a", 1]]
    assert json.loads(tokenize(client, text, top=1)["output"])["top"] == [["c", 3]]
    assert json.loads(tokenize(client, text, top=0)["output"])["top"] == []
    assert json.loads(tokenize(client, "", top=1000000)["output"])["top"] == []


def test_small_letters(client):
    tokens = tokens_of(client, "The STRASSE ÄÖÜ ΟΔΟΣ МИР İstanbul IRMAK", lowercase=True)
    assert tokens == ["the", "strasse", "äöü", "οδος", "мир", "i̇stanbul", "irmak"]
    told = json.loads(tokenize(client, "The THE the", lowercase="yes")["output"])
    assert told["top"] == [["the", 3]]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "tr_TR.UTF-8", "de_DE.ISO-8859-1"])
def test_the_locale_changes_nothing(start_daemon, locale):
    daemon = start_daemon(env={"LC_ALL": locale, "LANG": locale, "LANGUAGE": "tr"})
    with daemon.client() as client:
        assert tokens_of(client, "IRMAK ISI İI ıi ÇÖĞ", lowercase=True) == [
            "irmak", "isi", "i̇i", "ıi", "çöğ"]


def test_what_json_escapes_comes_back(client):
    text = "a\"b\\c\u0001\u001f\u007f\t\b\f/é😀"
    assert "".join(tokens_of(client, text, unit="segments")) == text


# ---- Bounds --------------------------------------------------------------------------------------


def test_tokens_past_the_limit_on_output_are_cut_and_told(start_daemon):
    daemon = start_daemon(config={"limits": {"output_bytes": 4096}})
    with daemon.client() as client:
        job = tokenize(client, "word " * 10000, output="tokens")
        assert job["truncated"] is True
        assert len(job["output"]) == 4096
        assert job["output"].startswith('"word"\n' * 500)
        assert job["details"]["tokens"] == 10000


def test_too_many_different_tokens_are_told(start_daemon):
    plugin = {"file": str(PLUGIN_DIR / "tokenize.so"), "settings": {"memory": "1MiB"}}
    daemon = start_daemon(config={"plugins": [plugin]})
    text = " ".join(map(str, range(50000)))
    with daemon.client() as client:
        job = tokenize(client, text)
        assert job["state"] == "failed"
        assert re.fullmatch(r"too many different tokens: more than \d+ do not fit into 1048576 "
                            r"bytes, the plugin's setting \"memory\" \(output=count needs none\)",
                            job["reason"])
        assert json.loads(tokenize(client, text, output="count")["output"])["tokens"] == 50000
        assert json.loads(tokenize(client, "1 " * 50000)["output"])["distinct"] == 1


def test_many_short_texts_run_side_by_side(client):
    entry = {"plugin": "tokenize", "params": {"text": "number {index} of many", "output": "count"}}
    jobs, summary = client.run({**entry, "count": 2000})
    assert summary["succeeded"] == 2000
    assert {job["output"] for job in jobs} == {json.dumps({"tokens": 4, "bytes": size})
                                               for size in range(16, 20)}


# ---- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("params, field", [
    ({}, "text"), ({"text": "x", "file": "/x"}, "file"), ({"text": 5}, "text"),
    ({"text": "x", "top": -1}, "top"), ({"text": "x", "top": 1000001}, "top"),
    ({"text": "x", "lowercase": "perhaps"}, "lowercase"), ({"file": "/x", "offset": -1}, "offset"),
    ({"file": "/x", "length": 0}, "length"), ({"text": "x", "words": 1}, "words"),
])
def test_parameters_are_checked_when_a_job_is_submitted(client, params, field):
    with pytest.raises(RpcError) as caught:
        client.submit({"plugin": "tokenize", "params": params})
    assert any(field in problem for problem in json.dumps(caught.value.problems).split("\n"))


@pytest.mark.parametrize("params, reason", [
    ({"unit": "sentences"},
     'unit is "sentences", but can be words, segments, graphemes or lines'),
    ({"output": "Counts"}, 'output is "Counts", but can be counts, count or tokens'),
    ({"invalid": ""}, 'invalid is "", but can be fail or replace'),
    ({"chunk": "1/2"}, "chunk is for a file, not for a text"),
    ({"offset": 1}, "offset is for a file, not for a text"),
    ({"length": "1KiB"}, "length is for a file, not for a text"),
])
def test_words_that_mean_nothing_fail_the_job_with_those_that_do(client, params, reason):
    job = tokenize(client, "x", **params)
    assert (job["state"], job["reason"]) == ("failed", reason)


# ---- Conformance ---------------------------------------------------------------------------------

UNICODE = pathlib.Path("/usr/share/unicode/auxiliary")


@pytest.mark.parametrize("name, unit", [("WordBreakTest", "segments"),
                                        ("GraphemeBreakTest", "graphemes")])
def test_unicodes_own_data_passes_through_the_daemon(client, name, unit):
    """As the unit tests do from within: here each case is a job."""
    path = UNICODE / f"{name}.txt"
    if not path.exists():
        pytest.skip("needs the package unicode-data")
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        sample = line.partition("#")[0].strip()
        if sample:
            cases.append(["".join(chr(int(code, 16)) for code in part.split("×"))
                          for part in sample.strip("÷ ").split("÷")])
    assert len(cases) > 500
    texts = ["".join(case) for case in cases]
    entry = {"plugin": "tokenize", "params": {"text": "{item}", "unit": unit, "output": "tokens"}}
    jobs, _ = client.run({**entry, "items": texts})
    for job in jobs:
        found = [json.loads(line) for line in job["output"].split("\n")[:-1]]
        assert found == cases[job["job"]], f"{name} case {job['job']}"


def test_its_manual_names_every_parameter(client):
    text = (SOURCE / "man/awaitd-tokenize.7.scd").read_text(encoding="utf-8")
    plugin = client.call("plugin.show", name="tokenize")
    for row in plugin["params"] + plugin["settings"]:
        assert f"*{row['name']}*" in text, row["name"]


def test_only_files_are_restricted(client):
    rows = client.call("plugin.show", name="tokenize")["params"]
    assert [row["name"] for row in rows if row.get("restricted")] == ["file"]
