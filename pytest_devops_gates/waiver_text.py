"""Waivers as text: where they stand in their file, and how a new one is written. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from pytest_devops_gates.config import load_toml
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.verdict import Waiver
from pytest_devops_gates.waiver_flaws import DATES, KEYS

_PARTS = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?!")'
    r"|'''.*?'''(?!')"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]",
    re.DOTALL,
)
"""What counts for where a statement of TOML begins: strings, comments, brackets, line ends."""

_KEY = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|[^="'])+""")
_ESCAPED = {"Cc", "Cf", "Co", "Zl", "Zp"}
_LONGEST_PART = 40


def header_lines(text: str, name: str = "waiver") -> list[int]:
    """The lines on which a ``[[waiver]]`` begins, or a table of another name. ``text`` is sound
    TOML."""
    return [
        line
        for line, said in _statements(text)
        if said.startswith("[[") and load_toml(said.encode(), "") == {name: [{}]}
    ]


def line_of_key(text: str, key: str) -> int:
    """The line on which a key of the whole file is first named. ``text`` is sound TOML."""
    inside = False
    for line, said in _statements(text):
        is_header = said.startswith("[")
        inside = inside or is_header
        if is_header or not inside:
            found = said if is_header else f"{_KEY.match(said)[0]}= 0"  # type: ignore[index]
            if key in load_toml(found.encode(), ""):
                return line
    return 1


def table(waiver: Waiver, newline: str = "\n") -> str:
    """A waiver as a table of the file. Raises UsageError for what no UTF-8 can hold."""
    values = ((key, getattr(waiver, key)) for key in KEYS)
    lines = ["[[waiver]]"]
    lines += [
        f"{key} = {value if key in DATES else quoted(value)}" for key, value in values if value
    ]
    return "".join(line + newline for line in lines)


def quoted(text: str) -> str:
    """A text as a basic string of TOML 1.0, with what nobody would see in it escaped.

    Raises UsageError for a surrogate: no TOML may hold one.
    """
    return f'"{"".join(map(_escaped, text))}"'


def new_id(finding: Finding, taken: Collection[str]) -> str:
    """An id that says what is waived, and that is not ``taken``: ``bandit-b602-3f2a``."""
    words = (finding.gate, finding.rule[:200], finding.fingerprint[:4])
    slugs = (re.sub(r"[^a-z0-9]+", "-", w.lower())[:_LONGEST_PART].strip("-") for w in words)
    name = "-".join(filter(None, slugs))
    free = (name if n == 1 else f"{name}-{n}" for n in range(1, len(taken) + 2))
    return next(each for each in free if each not in taken)


def literally(text: str) -> str:
    """A text as the pattern that fits it alone."""
    return re.sub(r"[*?\[]", r"[\g<0>]", text)


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    category = unicodedata.category(char)
    if category == "Cs":
        raise UsageError(f"{char!r} is no character: TOML cannot hold it")
    if category not in _ESCAPED:
        return char
    return {"\n": "\\n", "\t": "\\t"}.get(char) or (
        f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
    )


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The first line of each statement, with its number."""
    starts, depth = [0], 0
    for found in _PARTS.finditer(text):
        part = found[0]
        depth += (part in "[{") - (part in "]}")
        if part == "\n" and depth == 0:
            starts.append(found.end())
    line, before = 1, 0
    for start in starts:
        line += text.count("\n", before, start)
        before = start
        end = text.find("\n", start)
        said = text[start : end if end >= 0 else None].strip()
        if said and not said.startswith("#"):
            yield line, said
