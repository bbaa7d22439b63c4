"""Hostile text on the terminal and in a CI log."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given

from pytest_devops_gates.neutral import neutral
from tests.unit.samples import HOSTILE, any_text, same_every_time

COMMANDS = re.compile(r"##\[|##vso\[|##teamcity\[|^\s*::|section_(start|end):", re.I | re.M)
"""What runners of GitHub, Azure, TeamCity and GitLab obey."""


def is_harmless(line: str) -> bool:
    categories = {unicodedata.category(char) for char in line}
    return not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"} and not COMMANDS.search(line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, 100 %: a[0] :: b # c", "plain text, 100 %: a[0] :: b # c"),
        ("grün 日本 😀", "grün 日本 😀"),
        ("##[error]x", "#\\#[error]x"),
        ("a ##[add-mask]b ##[c", "a #\\#[add-mask]b #\\#[c"),
        ("###[error]x", "##\\#[error]x"),
        ("##VSO[task]", "#\\#VSO[task]"),
        ("a ##teamcity[x", "a #\\#teamcity[x"),
        ("::error::x", ":\\:error::x"),
        ("\t::x", "\\t::x"),
        ("section_start:1:a\r", "s\\ection_start:1:a\\r"),
        ("a section_end:1:a", "a s\\ection_end:1:a"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]8;;u\x07t", "\\x1b]8;;u\\x07t"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb\r\nc", "a\\nb\\r\\nc"),
        ("a\u2028::b", "a\\u2028::b"),
        ("\0", "\\x00"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("\u200b\ufeff", "\\u200b\\ufeff"),
        ("", ""),
    ],
)
def test_neutral_text_is_visible(text: str, expected: str) -> None:
    assert neutral(text) == expected


@pytest.mark.parametrize(
    "text", ["::set-output name=a::b", " ::x", "   ::x", "\u00a0::x", "\u3000::x"]
)
def test_no_line_begins_with_a_command(text: str) -> None:
    assert is_harmless(neutral(text))
    assert neutral(text).replace("\\", "") == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_harmless(text: str) -> None:
    made = neutral(text)
    assert is_harmless(made)
    assert len(made.splitlines()) == 1
    made.encode()


@given(any_text)
@same_every_time
def test_any_text_is_harmless(text: str) -> None:
    made = neutral(text)
    assert is_harmless(made)
    assert neutral(made) == made
    made.encode()
