"""pytest's ``addopts``, taken apart."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

TAKES = frozenset(
    """
    --deselect --ignore --ignore-glob --cov-fail-under --cov --cov-config --cov-report
    --cov-context --maxfail --reruns --reruns-delay --only-rerun --rerun-except --force-reruns
    --rootdir --confcutdir --config-file --override-ini --junitxml --junit-xml --junit-prefix
    --durations --durations-min --tb --show-capture --capture --color --code-highlight
    --import-mode --assert --basetemp --numprocesses --dist --maxprocesses --tx --rsyncdir
    --timeout --timeout-method --doctest-glob --doctest-report --log-level --log-format
    --log-date-format --log-cli-level --log-cli-format --log-file --log-file-level --verbosity
    --pythonwarnings --max-warnings --last-failed-no-failures --lfnf --pastebin --asyncio-mode
    --randomly-seed --ds --dc --html --benchmark-columns --hypothesis-profile --pdbcls -k -m -p -c
    -o -r -n -W
    """.split()
)
"""Options of pytest and of usual plugins whose value may be the next argument."""

_ALIASES = {
    "--pythonwarnings": "-W",
    "--numprocesses": "-n",
    "--exitfirst": "-x",
    "--verbose": "-v",
    "--quiet": "-q",
    "--config-file": "-c",
    "--override-ini": "-o",
}


def options(text: str) -> Iterator[tuple[str, str]]:
    """Each option with its value, which is ``true`` for one that has none. Arguments that belong
    to no option are ``paths``: so is what follows an option that is not known here."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            yield "paths", word
            continue
        name, value = _parts(word)
        if value is None and name in TAKES:
            value = next(rest, "")
        name = _ALIASES.get(name, name)
        if name == "-p" and (value or "").startswith("no:"):
            name = "-p no"
        yield name, "true" if value is None else value


def _parts(word: str) -> tuple[str, str | None]:
    """The name, and the value where it is in the same word: ``--cov=src``, ``-kfast``."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    if word[:2] in TAKES:
        return word[:2], word[2:].removeprefix("=") or None
    return ("-v" if set(word[1:]) == {"v"} else word), None
