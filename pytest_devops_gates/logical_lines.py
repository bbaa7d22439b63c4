"""Which lines of a Python source make one statement: pure."""

from __future__ import annotations

import io
import tokenize

_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NL,
}


def first_lines(source: bytes) -> dict[int, int]:
    """For each further line of a statement the line on which that begins; lines count from 1.

    A decorator is a statement of its own, and the header of a compound statement is one. Comments
    and empty lines between the parts of a statement belong to none. Empty for what is no Python.
    Source: Python's reference, "Logical lines".
    """
    found: dict[int, int] = {}
    first = 0
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.NEWLINE:
                first = 0
            elif token.type not in _NO_CODE:
                first = first or token.start[0]
                found.update(dict.fromkeys(range(token.start[0], token.end[0] + 1), first))
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        return {}
    return {line: first for line, first in found.items() if line != first}
