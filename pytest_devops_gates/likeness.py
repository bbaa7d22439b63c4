"""What a finding is about, so that it is known again: when its lines have moved, when its file was
renamed, and when the code was formatted anew.

Two digests: of the finding's line, and of the whole statement that the line belongs to, as tokens,
without what formatters add and take away (line ends, comments, parentheses, commas before a closing
bracket, the kind of quotes).
"""

from __future__ import annotations

import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cached_property

_SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.ENCODING,
}
_DIGITS = re.compile(r"\d+")
_STRING = re.compile(r"(?i)([a-z]*)('''|\"\"\"|'|\")(.*)\2", re.DOTALL)
SIZE = 6
"""Bytes of a digest."""


class Statements:
    """The statements of a Python source, by the lines that they take."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of_line(self, number: int | None) -> str:
        """The statement that a line belongs to, in tokens; empty where there is none."""
        return self._by_line.get(number or 0, "")

    @cached_property
    def _by_line(self) -> dict[int, str]:
        found: dict[int, str] = {}
        try:
            for first, last, tokens in _logical_lines(self._text):
                code = " ".join(_plain(tokens))
                found |= dict.fromkeys(range(first, last + 1), code)
        except (tokenize.TokenError, SyntaxError, ValueError):
            pass  # what comes before the error stands; the lines after it speak for themselves
        return found


def likeness(line: str, code: str, message: str) -> str:
    """``LINE:CODE``, the digests of a finding's line and of its statement. What stands in no line
    is known by its message without the numbers in it."""
    told = " ".join(line.split()) or message_without_numbers(message)
    return f"{_digest(told)}:{_digest(code or told)}"


def message_without_numbers(message: str) -> str:
    """A message as it is compared: lengths, counts and line numbers in it may differ."""
    return _DIGITS.sub("#", message)


def _logical_lines(text: str) -> Iterator[tuple[int, int, list[tokenize.TokenInfo]]]:
    """The first and the last line of each statement (or header of one), and its tokens."""
    tokens: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            if tokens:
                yield tokens[0].start[0], token.end[0], tokens
            tokens = []
        elif token.type not in _SKIPPED:
            tokens.append(token)


def _plain(tokens: list[tokenize.TokenInfo]) -> Iterator[str]:
    words = [token.string for token in tokens if token.string not in "()"]
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == "," and after in ("", "]", "}", ":"):
            continue
        found = _STRING.fullmatch(word)
        yield f'{found[1].lower()}"{found[3]}"' if found else word


def _digest(text: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=SIZE).hexdigest()
