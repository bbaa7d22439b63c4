"""Text in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.columns import LEAST, cut, padded, width, wrap
from tests.unit.samples import any_text, long_text, same_every_time


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("plain", 5),
        ("grün", 4),
        ("gru\u0308n", 4),
        ("日本", 4),
        ("가", 2),
        ("\uff21", 2),  # a full-width letter
        ("\U0001f600", 2),
        ("a日", 3),
    ],
)
def test_how_wide_a_text_is(text: str, columns: int) -> None:
    assert width(text) == columns
    assert padded(text, columns + 2) == text + "  "
    assert padded(text, columns) == padded(text, 0) == text


@pytest.mark.parametrize(
    ("text", "columns", "left"),
    [
        ("", 1, ""),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("日本", 4, "日本"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
    ],
)
def test_a_text_is_cut_where_it_is_too_wide(text: str, columns: int, left: str) -> None:
    assert cut(text, columns) == left


@given(any_text | long_text, st.integers(1, 130))
@same_every_time
def test_what_is_left_fits_and_is_as_much_as_fits(text: str, columns: int) -> None:
    left = cut(text, columns)
    if width(text) <= columns:
        assert left == text
        return
    assert width(left) <= columns
    assert text.startswith(left[:-1])
    assert left[-1] == "…"
    assert width(text[: len(left)]) > columns - 1  # one more would not have fitted


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three four", ["one two three four"]),
        ("one two three four fi", ["one two three four", "  fi"]),
        ("one two three fours fi", ["one two three fours", "  fi"]),
        ("  one two three four", ["  one two three four"]),
        ("   one two three four", ["   one two three", "  four"]),
        ("one  two   three four", ["one  two   three", "  four"]),
        ("one two three fourx     five", ["one two three fourx ", "  five"]),
        ("x" * 20, ["x" * 20]),
        ("x" * 21, ["x" * 19 + "\\", "  xx"]),
        ("x" * 38, ["x" * 19 + "\\", "  " + "x" * 17 + "\\", "  xx"]),
        ("  " + "x" * 19, ["  " + "x" * 17 + "\\", "  xx"]),
        ("word " + "x" * 18, ["word", "  " + "x" * 18]),
        ("word " + "x" * 19 + " end", ["word", "  " + "x" * 17 + "\\", "  xx end"]),
        ("日" * 11, ["日" * 9 + "\\", "  日日"]),
    ],
)
def test_wrapped_text(text: str, lines: list[str]) -> None:
    assert list(wrap(text, 20)) == lines


@given(long_text, st.integers(LEAST, 130), st.integers(0, 140))
@same_every_time
def test_no_line_is_wider_and_only_blanks_are_lost(text: str, columns: int, indent: int) -> None:
    first, *more = wrap(text, columns, "." * indent)
    least = min(indent, columns // 2)
    assert all(width(line) <= columns for line in [first, *more])
    assert all(line.startswith("." * least) and line[least:].strip(" ") for line in more)
    parts = [first, *(line[least:] for line in more)]
    # a backslash that ends a line may be one of the text: both readings are tried
    whole = "".join(part + " " for part in parts).replace(" ", "").replace("\\", "")
    assert whole == text.replace(" ", "").replace("\\", "")


@given(st.lists(st.text("ab日\u0301", min_size=1, max_size=9), max_size=40))
@same_every_time
def test_words_that_fit_stay_whole(words: list[str]) -> None:
    lines = list(wrap(" ".join(words), LEAST))
    assert " ".join(lines).split() == words


def test_an_indent_leaves_half_of_the_line() -> None:
    assert list(wrap("one two three", LEAST, " " * 99)) == ["one two three"]
    assert list(wrap(" " * 99 + "one two three", LEAST, " " * 99)) == [
        " " * 10 + "one two",
        " " * 10 + "three",
    ]
