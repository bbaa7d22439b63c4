"""Makes text from outside harmless: one function a sink.

Whatever comes from a test, a tool, a file name or a commit is hostile until it went through one of
these. HTML has none here: Jinja2 escapes there, after ``visible``.
"""

from __future__ import annotations

import re
import unicodedata

_COMMANDS = re.compile(
    r"##\[|##vso\[|##teamcity\[|^\s*::|(?:section_(?:start|end)):", re.IGNORECASE
)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_NO_CHARACTER = re.compile("[\ufdd0-\ufdef]|[\ufffe\uffff]")
_ATTACHMENT = re.compile(r"\[\[(?=ATTACHMENT)", re.IGNORECASE)
_TICKS = 20
"""Backticks that may open a code span; a text that leaves only more of them free is an attack."""


def visible(text: str) -> str:
    """One line of visible characters: control and direction characters, and what no XML and no
    UTF-8 may hold, are shown as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _INVISIBLE or _NO_CHARACTER.match(char)
        else char
        for char in text
    )


def neutral(text: str) -> str:
    """For a terminal and a CI log: what a CI runner would obey as a command is broken up by a
    backslash."""
    return _COMMANDS.sub(lambda found: found[0][0] + "\\" + found[0][1:], visible(text))


def code(text: str) -> str:
    """For Markdown: a code span, in which there is no markup, no mention, no reference and no link.

    Fit for a cell of a table as well: every bar is escaped, as it must be even in a code span there
    (GFM 4.10).
    """
    return span(text).replace("|", "\\|")


def span(text: str) -> str:
    """As ``code``, where there is no table: a backslash before a bar would be shown there."""
    shown = neutral(text)
    if not shown.strip():
        shown = "-"
    taken = {len(run) for run in re.findall(r"`+", shown)}
    # The closing backticks are the next ones of the same number (GFM 6.3); no number must be high,
    # since cmark-gfm takes more than 80 for no fence at all.
    ticks = next(number for number in range(1, len(taken) + 2) if number not in taken)
    if ticks > _TICKS:
        shown, ticks = shown.replace("`", "\\x60"), 1
    ends = shown[0] + shown[-1]
    pad = " " if "`" in ends or ends == "  " else ""  # one blank on both sides is taken away again
    return f"{'`' * ticks}{pad}{shown}{pad}{'`' * ticks}"


def xml(text: str) -> str:
    """For XML (whoever writes it escapes the markup): no character that XML may not hold, and none
    of the attachments that Jenkins would read from its disk."""
    return _ATTACHMENT.sub("[\\\\[", visible(text))


def workflow_data(text: str) -> str:
    """For the message of a GitHub workflow command. Source: actions/toolkit, command.ts."""
    return neutral(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """For a property of a GitHub workflow command, such as ``file=``."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")
