"""JSON as all files hold it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.json_text import dump, whole
from tests.unit.samples import HOSTILE, any_text, same_every_time

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)


class Named(msgspec.Struct):
    name: str
    values: tuple[float, ...] = ()


@given(plain, st.integers(0, 4))
@same_every_time
def test_any_value_comes_back(value: Any, indent: int) -> None:
    text = dump(value, indent=indent)
    assert all(" " <= char <= "~" or char == "\n" for char in text)
    assert json.loads(text) == msgspec.json.decode(text) == whole(value)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hides_in_a_text(text: str) -> None:
    made = dump([text])
    assert made.isascii()
    assert "\x7f" not in made
    assert json.loads(made) == [whole(text)]


def test_characters_are_escaped_as_the_standard_says() -> None:
    assert dump("é\x7f\u2028\U0001f600\n", indent=0) == '"\\u00e9\\u007f\\u2028\\ud83d\\ude00\\n"'


def test_the_one_character_of_ascii_that_is_not_shown_is_escaped() -> None:
    assert dump("\x7f", indent=0) == '"\\u007f"'


def test_half_characters_are_shown_as_escapes() -> None:
    assert json.loads(dump({"\udce9": ["caf\udce9.py"]})) == {"\\udce9": ["caf\\udce9.py"]}
    assert json.loads(dump(Named("\ud800", (1.5,)))) == {"name": "\\ud800", "values": [1.5]}


def test_the_indent() -> None:
    assert dump({"a": [1, 2]}) == '{\n "a": [\n  1,\n  2\n ]\n}'
    assert dump({"a": [1, 2]}, indent=0) == '{"a":[1,2]}'


def test_what_json_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError):
        dump(object())


@given(plain)
@same_every_time
def test_what_is_whole_stays_as_it_is(value: Any) -> None:
    made = whole(value)
    assert whole(made) == made
    msgspec.json.encode(made)
