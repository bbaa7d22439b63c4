"""The reader of Cobertura's XML, on reports of real tools and on small ones of its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import Output
from pytest_devops_gates.readers.cobertura import READER, read
from tests.unit.samples import DATA, same_every_time


def told(data: bytes | str, *asked: str) -> Evidence:
    data = data.encode() if isinstance(data, str) else data
    return read(Output(0, data, asked=asked)).checked()


def saved(name: str, *asked: str) -> Evidence:
    return told((DATA / name).read_bytes(), *asked)


def undoctyped(name: str) -> bytes:
    lines = (DATA / name).read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"<!DOCTYPE"))


def test_coverage_with_branches() -> None:
    found = saved("coverage-7.17.4-branch.xml")
    assert found.metrics == {"line": 100 * 43 / 54, "branch": 100 * 27 / 32}
    assert (found.examined, found.unknown, found.notes) == (54, None, ())


def test_coverage_without_branches_measures_none() -> None:
    assert saved("coverage-7.17.4-lines.xml").metrics == {"line": 100 * 43 / 54}


def test_one_file() -> None:
    found = saved(
        "coverage-7.17.4-branch.xml", "line", "line:app.py", "branch:app.py", "line:test_*"
    )
    assert found.metrics["line:app.py"] == 62.5
    assert found.metrics["branch:app.py"] == 50
    assert found.metrics["line:test_*"] == 100 * 38 / 46
    assert found.unknown is None


def test_a_path_that_matches_no_file_is_unknown() -> None:
    found = saved("coverage-7.17.4-branch.xml", "line:src/app.py")
    assert found.unknown == "no file in the report matches 'src/app.py'"


@pytest.mark.parametrize("name", ["gcovr-8.8.xml", "c8-12.0.0.xml"])
def test_a_doctype_is_refused_with_what_takes_it_off(name: str) -> None:
    with pytest.raises(CannotTell, match=r"holds a DOCTYPE.*sed -i"):
        saved(name)


@pytest.mark.parametrize(
    ("name", "metrics", "examined"),
    [
        ("gcovr-8.8.xml", {"line": 80.0, "branch": 50.0}, 5),
        ("c8-12.0.0.xml", {"line": 100.0, "branch": 100.0}, 4),
    ],
)
def test_other_tools_without_their_doctype(name: str, metrics: Any, examined: int) -> None:
    """Their methods repeat the lines of their classes, which count once."""
    found = told(undoctyped(name))
    assert (found.metrics, found.examined, found.unknown) == (metrics, examined, None)


def report(lines: str, declared: str = "", methods: str = "") -> str:
    inner = f"<methods>{methods}</methods><lines>{lines}</lines>"
    return f'<coverage {declared}><packages><package><classes><class name="a" filename="src/a.py">{inner}</class></classes></package></packages></coverage>'


HIT, MISSED = '<line number="1" hits="3"/>', '<line number="2" hits="0"/>'
METHOD = f"<method><lines>{HIT}</lines></method>"
HALF = '<line number="3" hits="1" branch="true" condition-coverage="50% (1/2)"/>'


@pytest.mark.parametrize(
    ("text", "metrics", "examined"),
    [
        (report(HIT + MISSED), {"line": 50}, 2),
        (report(HIT + MISSED, 'lines-valid="2" lines-covered="1"'), {"line": 50}, 2),
        (report(HIT + MISSED, methods=METHOD), {"line": 50}, 2),
        (report("", methods=METHOD), {"line": 100}, 1),
        (report(HIT + HALF), {"line": 100, "branch": 50}, 2),
        (report(HIT + HALF, 'branches-valid="2" branches-covered="1"'), {"line": 100, "branch": 50}, 2),
        ('<coverage lines-valid="3" lines-covered="1"/>', {"line": 100 / 3}, 3),
        ('<coverage lines-valid="4" lines-covered="1" branches-valid="4" branches-covered="3"/>', {"line": 25, "branch": 75}, 4),
        (report('<line number="1" hits="18446744073709551"/>'), {"line": 100}, 1),
    ],
)  # fmt: skip
def test_counts(text: str, metrics: Any, examined: int) -> None:
    found = told(text)
    assert (found.metrics, found.examined, found.unknown) == (metrics, examined, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (report(HIT, 'lines-valid="2"'), "declares lines-valid 2 and lists 1"),
        (report(MISSED, 'lines-valid="1" lines-covered="1"'), "declares lines-covered 1 and lists 0"),
        (report(HIT, 'lines-valid="many"'), "declares lines-valid as 'many'"),
        (report(HIT, 'lines-valid="-1"'), "declares lines-valid as '-1'"),
        (report(""), "lists no line of code"),
        ("<coverage/>", "lists no line of code"),
        ('<coverage lines-valid="0" lines-covered="0"/>', "lists no line of code"),
        ('<coverage lines-valid="1" lines-covered="2"/>', "declares 2 lines-covered of 1"),
        (report('<line number="1"/>'), "has no number of hits for line 1 of src/a.py"),
        (report('<line number="1" hits="-1"/>'), "has no number of hits"),
        (report('<line number="1" hits="NaN"/>'), "has no number of hits"),
        (report(f'<line number="1" hits="{"9" * 5000}"/>'), "has no number of hits"),
        (report(HALF.replace("1/2", "3/2")), "has a condition-coverage of"),
        (report(HALF.replace("(1/2)", "")), "has a condition-coverage of"),
        ("<testsuites/>", "root is 'testsuites'"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_unknown(text: str, reason: str) -> None:
    with pytest.raises(CannotTell) as said:
        told(text)
    assert reason in str(said.value)


def test_branches_that_contradict_what_is_declared_are_not_measured() -> None:
    found = told(report(HALF, 'branches-valid="9" branches-covered="9"'), "branch:src")
    assert found.metrics == {"line": 100}
    assert found.notes == (
        "branches were not counted: the report declares branches-valid 9 and lists 2",
    )


def test_defaults() -> None:
    assert (READER.conditions, READER.accepts) == ({}, (0,))


hits = st.lists(st.integers(0, 10**12), min_size=1, max_size=12)


@same_every_time
@given(st.dictionaries(st.sampled_from(["a.py", "src/b.py", "src/c.py"]), hits, min_size=1))
def test_counts_come_back(files: dict[str, list[int]]) -> None:
    classes = "".join(
        f'<class filename="{name}"><lines>'
        + "".join(f'<line number="{n}" hits="{hit}"/>' for n, hit in enumerate(lines))
        + "</lines></class>"
        for name, lines in files.items()
    )
    everything = [hit for lines in files.values() for hit in lines]
    covered = sum(hit > 0 for hit in everything)
    head = f'<coverage lines-valid="{len(everything)}" lines-covered="{covered}">'
    found = told(
        f"{head}<classes>{classes}</classes></coverage>", *(f"line:{name}" for name in files)
    )
    assert found.examined == len(everything)
    assert found.metrics["line"] == 100 * covered / len(everything)
    for name, lines in files.items():
        assert found.metrics[f"line:{name}"] == 100 * sum(hit > 0 for hit in lines) / len(lines)
