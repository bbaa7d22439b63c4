"""The hash by which GitHub tells one code scanning alert from another: ``primaryLocationLineHash``.

It is a rolling hash over the first 100 characters from the start of a line on, blanks and tabs left
out, so that it moves with its line. Source of the algorithm:
https://github.com/github/codeql-action/blob/main/src/fingerprints.ts
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from functools import cached_property
from operator import mul

BLOCK = 100
"""Characters (UTF-16 code units) that a hash is taken of."""

_WRAP = 2**64
_POWERS = [pow(37, BLOCK - 1 - at, _WRAP) for at in range(BLOCK)]
_END_OF_FILE = b"\xff\xff"
_LINE_END = re.compile(r"\r\n|\r|\n")
_BLANKS = {ord(" "): None, ord("\t"): None}


class Source:
    """The lines of a source file, and their hashes."""

    def __init__(self, text: str) -> None:
        self.lines = _LINE_END.split(text)

    def line(self, number: int | None) -> str:
        """The text of a line, counted from 1; empty where there is none."""
        return self.lines[number - 1] if number and 0 < number <= len(self.lines) else ""

    def hash(self, number: int | None) -> str:
        """``<hash in hexadecimal>:<how many lines so far have it>``; empty for no line."""
        if not number or not 0 < number <= len(self._blocks):
            return ""
        block, occurrence = self._blocks[number - 1]
        units = struct.unpack(f"<{BLOCK}H", block.ljust(2 * BLOCK, b"\0"))
        return f"{sum(map(mul, units, _POWERS)) % _WRAP:x}:{occurrence}"

    @cached_property
    def _blocks(self) -> list[tuple[bytes, int]]:
        """For each line the block that starts there, and how often it was seen by then."""
        own = [line.translate(_BLANKS).encode("utf-16-le", "surrogatepass") for line in self.lines]
        ended = [*(line + b"\n\0" for line in own[:-1]), own[-1] + _END_OF_FILE]
        text = b"".join(ended)
        seen: Counter[bytes] = Counter()
        blocks, at = [], 0
        for line in ended:
            block = text[at : at + 2 * BLOCK]
            seen[block] += 1
            blocks.append((block, seen[block]))
            at += len(line)
        return blocks
