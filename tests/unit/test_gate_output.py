"""What a tool printed: one JSON value, or no way to tell."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.gate import NoOptions, Output
from tests.unit.samples import same_every_time


def printed(data: bytes) -> Output:
    return Output(exit_code=0, stdout=data)


RUBBISH = {
    "nothing": b"",
    "blanks": b" \n\t ",
    "words": b"All checks passed!",
    "two values": b"{} {}",
    "the same twice": b"[]\n[]\n",
    "a value and a word": b"[] done",
    "a word and a value": b"warning: x\n[]",
    "byte-order mark": b"\xef\xbb\xbf[]",
    "UTF-16": "[]".encode("utf-16"),
    "UTF-16 without a mark": "[1]".encode("utf-16-le"),
    "UTF-32": "[]".encode("utf-32"),
    "Latin-1": b'["\xe9"]',
    "truncated": b'[{"code": "F401", "file',
    "truncated within a character": '["é"]'.encode()[:3],
    "NaN": b'{"percent": NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "nested too deep": b"[" * 200_000,
    "nested too deep, and whole": b"[" * 200_000 + b"]" * 200_000,
    "objects nested too deep": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "duplicate keys": b'{"results": [1], "results": []}',
    "duplicate keys further in": b'[{"a": {"b": 1, "b": 1}}]',
    "duplicate keys, one of them escaped": b'{"a": 1, "\\u0061": 2}',
    "a number of 5,000 digits": b"[" + b"9" * 5000 + b"]",
    "control character in a string": b'["\n"]',
    "NUL": b"[]\0",
    "single quotes": b"{'a': 1}",
    "comment": b"[] // all",
    "trailing comma": b"[1,]",
    "leading zero": b"[01]",
}


@pytest.mark.parametrize("data", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_is_no_json(data: bytes) -> None:
    with pytest.raises(CannotTell) as told:
        printed(data).json()
    assert 0 < len(str(told.value)) < 300


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"[]", []),
        (b" {} \n", {}),
        (b"null", None),
        (b'"x"', "x"),
        (b'{"a": {"b": 1}, "b": [1.5, -2]}', {"a": {"b": 1}, "b": [1.5, -2]}),
        ('["é\u2028"]'.encode(), ["é\u2028"]),
        (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
    ],
)
def test_one_value_is_read(data: bytes, value: Any) -> None:
    assert printed(data).json() == value


@pytest.mark.parametrize("data", [b"\xff", "é".encode("latin-1"), "a".encode("utf-16"), b"\xc3"])
def test_what_is_not_utf8_is_no_text(data: bytes) -> None:
    with pytest.raises(CannotTell, match="not UTF-8 at offset"):
        printed(data).text()


def test_a_byte_order_mark_is_no_text() -> None:
    with pytest.raises(CannotTell, match="byte-order mark"):
        printed(b"\xef\xbb\xbfx").text()


def test_half_a_character_in_a_key_is_no_shape() -> None:
    with pytest.raises(CannotTell, match="half a character"):
        printed(b'{"\\ud800": 1}').decode(NoOptions)


def test_text_is_read_as_it_is() -> None:
    assert printed("é\0\r\n".encode()).text() == "é\0\r\n"


def test_the_census_leaves_blank_lines_out() -> None:
    output = Output(exit_code=0, stdout=b"", census=b"a.py\n\n  \nb c.py\n")
    assert output.census_lines() == ["a.py", "b c.py"]


@pytest.mark.parametrize("census", [b"\xff.py\n", b"\xef\xbb\xbfa.py\n"])
def test_a_census_that_cannot_be_read_is_no_census(census: bytes) -> None:
    with pytest.raises(CannotTell):
        Output(exit_code=0, stdout=b"", census=census).census_lines()


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # a lone surrogate cannot be printed as UTF-8
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=8,
)


@given(values, st.booleans())
@same_every_time
def test_any_value_comes_back(value: Any, escaped: bool) -> None:
    data = json.dumps(value, ensure_ascii=escaped).encode()
    assert printed(data).json() == value


@given(values, st.data())
@same_every_time
def test_json_that_is_cut_off_or_changed_parses_or_not(value: Any, data: st.DataObject) -> None:
    whole = json.dumps(value).encode()
    at = data.draw(st.integers(0, len(whole)))
    parses_or_not(whole[:at] + data.draw(st.binary(max_size=3)))


@given(st.binary(max_size=60) | st.text('[]{}",:0123456789eE+-.\\ungaNIfity \n').map(str.encode))
@same_every_time
def test_any_bytes_parse_or_not(data: bytes) -> None:
    parses_or_not(data)


def parses_or_not(data: bytes) -> None:
    try:
        value = printed(data).json()
    except CannotTell:
        return
    assert value == json.loads(data)
    assert not (isinstance(value, float) and math.isnan(value))
