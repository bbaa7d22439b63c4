"""What every reader of a standard format must withstand: it cannot tell, or it tells the truth."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.findings import complete
from pytest_devops_gates.gate import Output, Reader
from pytest_devops_gates.readers import (
    cobertura,
    gitlab_code_quality,
    junit,
    metrics_json,
    sarif,
)
from tests.unit.samples import DATA, same_every_time

VALID = {
    "sarif": b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": []}]}',
    "gitlab-code-quality": b'[{"description": "d", "location": {"path": "a.py"}}]',
    "metrics-json": b'{"size": 1}',
    "junit": b'<testsuite name="s"><testcase name="a"/></testsuite>',
    "cobertura": b'<coverage lines-valid="1" lines-covered="1"/>',
}
"""A small document of each format, which its reader takes."""

READERS = {
    module.READER.name: module.READER
    for module in (sarif, gitlab_code_quality, metrics_json, junit, cobertura)
}
JSON = ("sarif", "gitlab-code-quality", "metrics-json")
XML = ("junit", "cobertura")
BOMB = b"".join(
    b'<!ENTITY l%d "%s">' % (n, (b"&l%d;" % (n - 1)) * 10 if n else b"lol") for n in range(12)
)
DEEP = 200_000

BAD: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda valid: b"",
    "blanks": lambda valid: b" \n\t\n" * 10_000,
    "rubbish": lambda valid: b"All checks passed!\n",
    "bytes that are no text": lambda valid: bytes(range(256)),
    "truncated": lambda valid: valid[:-1],
    "cut in half": lambda valid: valid[: len(valid) // 2],
    "twice": lambda valid: valid * 2,
    "twice, on lines": lambda valid: valid + b"\n" + valid,
    "words before": lambda valid: b"warning: slow\n" + valid,
    "words after": lambda valid: valid + b"\ndone",
    "UTF-16": lambda valid: valid.decode().encode("utf-16"),
    "UTF-16 without a mark": lambda valid: valid.decode().encode("utf-16-le"),
    "UTF-32": lambda valid: valid.decode().encode("utf-32"),
    "NUL before": lambda valid: b"\0" + valid,
    "NUL within": lambda valid: valid.replace(b" ", b" \0", 1),
    "NUL after": lambda valid: valid + b"\0",
    "Latin-1 within": lambda valid: valid.replace(b'"', b'"\xe9', 1),
    "half a character within": lambda valid: valid.replace(b'"', b'"\xf0\x9f', 1),
    "a surrogate in UTF-8": lambda valid: valid.replace(b'"', b'"\xed\xa0\x80', 1),
    "nested too deep": lambda valid: b"[" * DEEP,
    "nested too deep, and whole": lambda valid: b"[" * DEEP + b"]" * DEEP,
    "objects nested too deep": lambda valid: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "elements nested too deep": lambda valid: b"<testsuite>" * DEEP,
    "elements nested too deep, and whole": lambda valid: (
        b"<testsuite>" * DEEP + b"</testsuite>" * DEEP
    ),
    "NaN": lambda valid: b'{"size": NaN}',
    "null": lambda valid: b"null",
    "a number": lambda valid: b"1",
    "another root": lambda valid: b"<html/>",
}
BAD_JSON: dict[str, Callable[[bytes], bytes]] = {
    "byte-order mark": lambda valid: b"\xef\xbb\xbf" + valid,
    "a number of 5,000 digits": lambda valid: valid.replace(b'"', b'"n": %s, "' % (b"9" * 5000), 1),
    "NaN within": lambda valid: valid.replace(b'"', b'"n": NaN, "', 1),
    "duplicate keys": lambda valid: valid.replace(b'"', b'"n": 1, "n": 1, "', 1),
    "half a character as a key": lambda valid: valid.replace(b'"', b'"\\ud800": 1, "', 1),
}
BAD_XML: dict[str, Callable[[bytes], bytes]] = {
    "a DOCTYPE": lambda valid: b"<!DOCTYPE x>" + valid,
    "a DOCTYPE that names a host": lambda valid: (
        b'<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd">' + valid
    ),
    "a DOCTYPE after comments": lambda valid: (
        b'<?xml version="1.0"?>\n<!-- a -->\n<?b c?> <!DOCTYPE x>' + valid
    ),
    "a DOCTYPE in lower case": lambda valid: b"<!doctype x>" + valid,
    "a DOCTYPE within": lambda valid: valid.replace(b">", b"><!DOCTYPE x>", 1),
    "billion laughs": lambda valid: (
        b"<!DOCTYPE x [" + BOMB + b"]>" + valid.replace(b'"', b'"&l11;', 1)
    ),
    "an external entity": lambda valid: (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        + valid.replace(b'="', b'="&e;', 1)
    ),
    "a parameter entity": lambda valid: (
        b'<!DOCTYPE x [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]>' + valid
    ),
    "an entity that nobody declared": lambda valid: valid.replace(b'="', b'="&e;', 1),
    "a character that XML has not": lambda valid: valid.replace(b'="', b'="&#0;', 1),
    "half a character by number": lambda valid: valid.replace(b'="', b'="&#xD800;', 1),
    "a declaration of UTF-16": lambda valid: b'<?xml version="1.0" encoding="UTF-16"?>' + valid,
    "a declaration of Latin-1": lambda valid: (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + valid
    ),
    "a declaration of UTF-7": lambda valid: b'<?xml version="1.0" encoding="UTF-7"?>' + valid,
    "a declaration of nothing known": lambda valid: (
        b'<?xml version="1.0" encoding="klingon"?>' + valid
    ),
    "Latin-1 that calls itself UTF-8": lambda valid: (
        b'<?xml version="1.0" encoding="UTF-8"?>' + valid.replace(b'="', b'="\xe9', 1)
    ),
    "an attribute twice": lambda valid: valid.replace(b'="', b'="" a="" a="', 1),
    "a comment without end": lambda valid: b"<!-- " + valid,
    "an instruction without end": lambda valid: b"<?x " + valid,
    "3,000,000 elements": lambda valid: b"<testsuite>" + b"<a/>" * 3_000_000 + b"</testsuite>",
}
ROWS = [
    *((name, what, BAD[what]) for name in READERS for what in BAD),
    *((name, what, BAD_JSON[what]) for name in JSON for what in BAD_JSON),
    *((name, what, BAD_XML[what]) for name in XML for what in BAD_XML),
]


def test_the_valid_documents_are_valid() -> None:
    for name, valid in VALID.items():
        found = READERS[name].read(Output(0, valid)).checked()
        assert (found.examined, found.unknown) == (1, None)


@pytest.mark.parametrize(
    ("name", "make"),
    [(name, make) for name, _, make in ROWS],
    ids=[f"{name}: {what}" for name, what, _ in ROWS],
)
def test_bad_input_cannot_be_told(name: str, make: Callable[[bytes], bytes]) -> None:
    data = make(VALID[name])
    begun = time.process_time()
    with pytest.raises(CannotTell) as told:
        READERS[name].read(Output(0, data))
    assert time.process_time() - begun < 20
    assert 0 < len(str(told.value)) < 500


@pytest.mark.parametrize("name", XML)
@pytest.mark.parametrize(
    "prefix",
    [
        b"\xef\xbb\xbf",
        b'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n',
        b'<?xml version="1.0"?><!-- <!DOCTYPE x> -->\n',
        b"\n<?a <!DOCTYPE x> ?>",
    ],
)
def test_xml_that_merely_looks_bad_is_read(name: str, prefix: bytes) -> None:
    found = READERS[name].read(Output(0, prefix + VALID[name])).checked()
    assert (found.examined, found.unknown) == (1, None)


# sizes

SCHEMA = b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": [%s]}]}'
RESULT = b'{"ruleId": "R", "message": {"text": "m"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 3}}}]}'
ISSUE = b'{"description": "d", "location": {"path": "a.py", "lines": {"begin": 3}}}'
CASE = b'<testcase classname="c" name="n" time="0.1"><failure message="m">text</failure></testcase>'
LINE = b'<line number="1" hits="1"/>'
LARGE: dict[str, Callable[[int], bytes]] = {
    "sarif": lambda n: SCHEMA % b",".join([RESULT] * n),
    "gitlab-code-quality": lambda n: b"[%s]" % b",".join([ISSUE] * n),
    "metrics-json": lambda n: json.dumps({f"n{i}": i for i in range(n)}).encode(),
    "junit": lambda n: b"<testsuite>%s</testsuite>" % (CASE * n),
    "cobertura": lambda n: (
        b'<coverage><class filename="a"><lines>%s</lines></class></coverage>' % (LINE * n)
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_100_000_entries_take_seconds(name: str) -> None:
    data = LARGE[name](100_000)
    begun = time.process_time()
    found = READERS[name].read(Output(0, data))
    assert time.process_time() - begun < 20
    assert len(found.findings) == (
        100_000 if name in ("sarif", "gitlab-code-quality", "junit") else 0
    )
    assert found.unknown is None


@pytest.mark.parametrize("name", LARGE)
def test_memory_is_bounded_by_the_input(name: str) -> None:
    data = LARGE[name](10_000)
    READERS[name].read(Output(0, VALID[name]))  # what is imported on the way does not count
    tracemalloc.start()
    try:
        READERS[name].read(Output(0, data))
        assert tracemalloc.get_traced_memory()[1] < 30 * len(data) + 2**20
    finally:
        tracemalloc.stop()


HUGE = 30_000_000
HUGE_ROWS = [
    ("sarif", SCHEMA % RESULT.replace(b'"m"', b'"%s"' % (b"m" * HUGE))),
    ("gitlab-code-quality", b"[%s]" % ISSUE.replace(b'"d"', b'"%s"' % (b"d" * HUGE))),
    ("junit", b"<testsuite>%s</testsuite>" % CASE.replace(b'"m"', b'"%s"' % (b"m" * HUGE))),
    ("junit", b"<testsuite>%s</testsuite>" % CASE.replace(b'"0.1"', b'"%s"' % (b"9" * HUGE))),
    ("junit", b'<testsuite tests="%s"/>' % (b"9" * HUGE)),
    ("cobertura", b'<coverage><class filename="%s"><line hits="1"/></class></coverage>' % (b"a" * HUGE)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), HUGE_ROWS, ids=[row[0] for row in HUGE_ROWS])
def test_one_huge_text_takes_seconds(name: str, data: bytes) -> None:
    begun = time.process_time()
    READERS[name].read(Output(0, data)).checked()
    assert time.process_time() - begun < 20


SHARED = {
    "a rule's text": {"driver": {"name": "t", "rules": [{"id": "R", "messageStrings": {"m": {"text": "{0}" * 10**6}}}]}},
    "a rule's id": {"driver": {"name": "t", "rules": [{"id": "R" * 3_000_000}]}},
}  # fmt: skip


@pytest.mark.parametrize("tool", SHARED.values(), ids=SHARED)
def test_one_text_that_serves_many_results_does_not_multiply(tool: object) -> None:
    entry = {"ruleIndex": 0, "message": {"id": "m", "arguments": ["x" * 1000]}}
    run = {"tool": tool, "results": [entry] * 2000}
    data = json.dumps({"version": "2.1.0", "runs": [run]}).encode()
    found = sarif.read(Output(0, data))
    assert sum(len(f.rule) + len(f.message) for f in found.findings) <= 2000 * 2 * 4096


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("sarif", SCHEMA % RESULT.replace(b"a.py", b"a" * 5000)),
        ("junit", b'<testsuite file="%s">%s</testsuite>' % (b"a" * 5000, CASE)),
    ],
)
def test_a_path_longer_than_any_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(CannotTell, match="more than 4096 characters"):
        READERS[name].read(Output(0, data))


# any bytes

SEEDS = [
    path.read_bytes()
    for path in sorted(DATA.iterdir())
    if path.stat().st_size < 8000 and (path.suffix in (".sarif", ".xml") or "gitlab" in path.name)
]
pieces = st.sampled_from(
    b'null -1 0 1e999 true [] {} "" "\\ud800" \\u0000 < > & " \0 \xff ]]> <!DOCTYPE_x> <a/> <error/>'.split(
        b" "
    )
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A report that a real tool left, or a small one, with some of it replaced."""
    data = draw(st.sampled_from([*SEEDS, *VALID.values()]))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        data = data[:start] + draw(pieces | st.binary(max_size=4)) + data[end:]
    return data


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
keys = st.sampled_from(
    "version runs tool driver rules results invocations message text id level location path lines begin "
    "locations physicalLocation region startLine properties security-severity \ud800".split()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5)
)
logs = st.builds(
    lambda result, run: json.dumps(
        {"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": [result], **run}]}
    ).encode(),
    st.dictionaries(
        st.sampled_from(
            "message locations level kind ruleId ruleIndex rule properties suppressions".split()
        ),
        values | scalars,
    ),
    st.dictionaries(
        st.sampled_from(["artifacts", "invocations", "originalUriBaseIds"]), values, max_size=2
    ),
)


def sound(reader: Reader, data: bytes, exit_code: int) -> Evidence | None:
    """What a reader makes of any bytes: evidence that can be believed, or none."""
    try:
        found = reader.read(Output(exit_code, data, asked=("line:a", "branch:*"))).checked()
    except CannotTell:
        return None
    complete("gate", found.findings, Path("/nowhere"))
    if exit_code and reader.name not in ("metrics-json", "cobertura"):
        assert found.findings or found.unknown
    return found


@pytest.mark.parametrize("name", READERS)
@same_every_time
@given(
    data=st.binary() | damaged() | values.map(lambda v: json.dumps(v).encode()) | logs,
    exit_code=st.sampled_from([0, 1]),
)
def test_any_bytes_make_sound_evidence_or_none(name: str, data: bytes, exit_code: int) -> None:
    sound(READERS[name], data, exit_code)


uris = st.text(st.characters()) | st.text(
    st.sampled_from("file:/%.a\0\\?#é\ud800 C2E"), max_size=20
)


@same_every_time
@given(uris, uris, st.text(st.characters()))
def test_any_text_in_a_sarif_log_is_sound(uri: str, base: str, text: str) -> None:
    place = {"physicalLocation": {"artifactLocation": {"uri": uri, "uriBaseId": "B"}}}
    run = {
        "tool": {"driver": {"name": text}},
        "originalUriBaseIds": {"B": {"uri": base}},
        "results": [{"ruleId": text, "message": {"text": text}, "locations": [place]}],
    }
    data = json.dumps({"version": "2.1.0", "runs": [run]}).encode()
    found = sound(sarif.READER, data, 1)
    assert found is not None
    assert len(found.findings) == 1
