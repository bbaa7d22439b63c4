"""Makes text from outside harmless on a terminal and in a CI log."""

from __future__ import annotations

import re
import unicodedata

_COMMANDS = re.compile(
    r"##\[|##vso\[|##teamcity\[|^\s*::|(?:section_(?:start|end)):", re.IGNORECASE
)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def neutral(text: str) -> str:
    """One line of visible characters: control and direction characters are shown as escapes, and
    what a CI runner would obey as a command is broken up by a backslash."""
    visible = "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _INVISIBLE else char
        for char in text
    )
    return _COMMANDS.sub(lambda found: found[0][0] + "\\" + found[0][1:], visible)
