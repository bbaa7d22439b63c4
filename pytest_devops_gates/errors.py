"""What can go wrong in a way that we expect. Everything else is a bug of ours (exit status 3)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UsageError(Exception):
    """The user's configuration or command line is wrong: one line, exit status 4."""


class CannotTell(Exception):
    """A gate could not find out: its outcome is ``unknown``, and this is the reason.

    Raise it from a gate's ``command``, ``read`` or function.
    """


class NotApplicable(Exception):
    """A gate found evidence that its question does not arise here; this is the evidence."""


def told(error: BaseException) -> str:
    """An exception of foreign code, of whatever kind, in a few words."""
    try:
        said = str(error)
    except BaseException as another:
        said = f"its text raises {type(another).__name__}"
    return f"{type(error).__name__}: {said}"[:300]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'lint'?)``, or the known names when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f" (did you mean '{near[0]}'?)"
    return f" (known: {', '.join(names)})" if names else ""
