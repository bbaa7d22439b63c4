"""Feedback from tables: whatever a form or a spreadsheet writes, and what no table is."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.lessons import inbox_text, sheet
from pytest_devops_gates.lessons.inbox import Feedback, read

TODAY = date(2026, 11, 28)
WHOLE = "id,text,kind,area,by,created,urgent\n7,it hurts,Bug,docs,Ada,2026-11-01,yes\n"


def told(text: str | bytes, **more: str) -> sheet.Sheet:
    return sheet.read(text.encode() if isinstance(text, str) else text, "f.csv", TODAY, **more)


@pytest.mark.parametrize("delimiter", list(sheet.DELIMITERS))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_row_is_an_entry(delimiter: str, encoding: str, newline: str) -> None:
    text = WHOLE.replace(",", delimiter).replace("\n", newline)
    assert told(text.encode(encoding)).entries == (
        Feedback(id="F-1", created=date(2026, 11, 1), kind="bug", text="it hurts", by="Ada",
                 area="docs", urgent=True, source="f.csv#7"),
    )  # fmt: skip


def test_columns_are_found_by_their_names() -> None:
    found = told(
        ' Created ; TEXT ;Stars\n2026-11-01T23:30:00-05:00;"a; ""b""\nc";5\n;;\n', kind="pain"
    )
    assert found.unread == ("stars",)
    assert [(one.text, one.kind, one.created) for one in found.entries] == [
        ('a; "b"\nc', "pain", date(2026, 11, 2))
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=cmd|" /C calc"!A0', "\x1b[31m"])
def test_a_formula_is_a_text(text: str) -> None:
    row = io.StringIO()
    csv.writer(row).writerows([["text"], [text]])
    [one] = told(row.getvalue()).entries
    assert one.text == text
    assert read(inbox_text.added(b"", [one], TODAY), TODAY).entries == (one,)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",,,,,,", None),
        ("1, ,bug,,,,", "text: says nothing"),
        ("1,x,bugs,,,,", "kind: unknown kind 'bugs' (did you mean 'bug'?)"),
        ("1,x,bug,,,01/02/2026,", "created: '01/02/2026' is no day of the form 2026-10-31"),
        ("1,x,bug,,,20260201,", "created: '20260201' is no day of the form 2026-10-31"),
        ("1,x,bug,,,0001-01-01T00:00:00+10:00,", "created: '0001-01-01T00:00:00+10:00' is no day"),
        ("1,x,bug,,,2026-13-01,", "created"),
        ("2,other words,idea,,,,", "id: is that of line 3"),
        ("1,x,bug,,,2027-01-01,", "created: 2027-01-01 is yet to come"),
        ("1,x,bug,,,,maybe", "urgent: 'maybe' is neither yes nor no"),
        ("1,x,bug", "has 3 cells, where the first line names 7"),
        ("1,x,bug,,,,,,", "has 9 cells"),
        ('1,"x"y,bug,,,,', "is no row that can be read"),
        (f"1,{'x' * 10_001},bug,,,,", "more than 10,000 characters"),
        (f"1,{'x' * 200_000},bug,,,,", "is no row that can be read: field larger"),
    ],
)
def test_a_bad_row_is_told_and_others_are_read(row: str, said: str | None) -> None:
    found = told(WHOLE + f'2,"two\nlines",idea,,,,\n{row}\n3,last,idea,,,,\n')
    assert [one.source for one in found.entries] == ["f.csv#7", "f.csv#2", "f.csv#3"]
    if said is None:
        assert not found.problems
    else:
        [problem] = found.problems
        assert problem.startswith("f.csv:5: ")
        assert said in problem


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "names no column 'text' (columns: none)"),
        (b"a,b\n1,2\n", "names no column 'text' (columns: a, b)"),
        (b"text,Text\nx,y\n", "two columns are named 'text'"),
        (b"text\n\xe9\n", "f.csv:2: not UTF-8"),
        (b"text\na\0b\n", "NUL"),
        (b'"text\n', "names no column"),
        (b"\xff\xfea", "not UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        told(data)
    assert said in str(raised.value)


def test_an_unclosed_quote_is_told() -> None:
    found = told('text\nfine\n"never closed\nmore\n')
    assert [one.text for one in found.entries] == ["fine"]
    assert found.problems == ("f.csv:3: is no row that can be read: unexpected end of data",)


def test_a_row_comes_in_once() -> None:
    first = told(WHOLE + ",no id,,,,,\n,no id,,,,,\n").entries
    known = sheet.unknown_to((), first)
    assert len(known) == 2
    assert sheet.unknown_to(known, first) == []
    other = sheet.read((WHOLE + ",no id,,,,,\n").encode(), "other.csv", TODAY).entries
    assert [one.source for one in sheet.unknown_to(known, other)] == ["other.csv#7"]
    named = sheet.read(WHOLE.encode(), "other.csv", TODAY, source="f.csv").entries
    assert sheet.unknown_to(known, named) == []


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"text,kind\n{t}".encode()))
def test_whatever_it_is_there_is_an_answer(data: bytes) -> None:
    try:
        found = told(data)
    except UsageError:
        return
    fresh = sheet.unknown_to((), found.entries)
    text = inbox_text.added(b"", fresh[:1], TODAY)
    assert read(text, TODAY).entries == tuple(fresh[:1])


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(CELLS.filter(str.strip), min_size=1, max_size=5), st.sampled_from(sheet.DELIMITERS))
def test_what_the_csv_module_writes_is_read(texts: list[str], delimiter: str) -> None:
    out = io.StringIO()
    rows = csv.writer(out, delimiter=delimiter)
    rows.writerows([["text", "kind"], *([text, "idea"] for text in texts)])
    found = told(out.getvalue())
    assert [one.text for one in found.entries] == [text.strip() for text in texts]
