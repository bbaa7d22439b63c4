"""The arguments of a roll-out: which of them stand for what was built. Pure, but for looking at
the files that they name."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.process import SECRET
from pytest_devops_gates.release import evidence
from pytest_devops_gates.secret_shapes import MASK

ARTEFACTS = "{artefacts}"
"""In an argument, it stands for the files: there is one such argument for each of them."""


def check(argv: Sequence[str], cwd: Path, is_built: bool) -> None:
    """Raises UsageError for an argument that leads to a file of the kind that is built, and for
    ``{artefacts}`` where there are none.

    Even one of the same bytes may be another one when the command gets to it.
    """
    for told in argv:
        if ARTEFACTS in told and not is_built:
            raise UsageError(f"the run built nothing that {ARTEFACTS} could stand for")
        for path in _named(told, cwd):
            if evidence.is_artefact(os.path.basename(path)) and os.path.isfile(path):
                why = "is not the file that was verified"
                raise UsageError(f"'{told}' {why} · say {ARTEFACTS} in its place")


def filled(argv: Sequence[str], files: Collection[Path]) -> list[str]:
    """The arguments with the files in their place."""
    return [
        each
        for told in argv
        for each in (
            [told.replace(ARTEFACTS, str(file)) for file in files] if ARTEFACTS in told else [told]
        )
    ]


def masked(argv: Sequence[str]) -> list[str]:
    """The arguments without the values of options that are named like secrets."""
    shown, before = [], ""
    for told in argv:
        name, equals, _ = told.partition("=")
        if _is_secret(before) and not told.startswith("-"):
            shown.append(MASK)
        else:
            shown.append(f"{name}={MASK}" if equals and _is_secret(name) else told)
        before = "" if equals else told
    return shown


def _is_secret(option: str) -> bool:
    return option.startswith("--") and bool(SECRET.search(option.replace("-", "_")))


def _named(told: str, cwd: Path) -> Iterator[str]:
    """The files that an argument may lead to: itself, ``--option=PATH``, and patterns, which
    twine expands by itself."""
    for name in {told, told.partition("=")[2]} - {""}:
        yield os.path.join(cwd, name)
        with contextlib.suppress(ValueError):  # a byte of 0
            yield from glob.glob(os.path.join(glob.escape(str(cwd)), name))
