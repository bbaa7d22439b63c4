"""What mutmut 3 found: each mutant with its status, and what it changed. Pure, but for reading.

Beside each file that it mutates mutmut keeps a ``.meta``, whose ``exit_code_by_key`` names the
mutants in there; what became of them ``mutmut results`` says. A mutant is a function of the mutated
file, named after the one that it was made of: ``x_NAME__mutmut_3``, or ``xǁCLASSǁNAME__mutmut_3``.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.errors import CannotTell

KILLED, SURVIVED, NO_TESTS, TIMEOUT = "killed", "survived", "no tests", "timeout"
SUSPICIOUS, SKIPPED, SEGFAULT, TYPED = "suspicious", "skipped", "segfault", "caught by type check"
NOT_CHECKED, INTERRUPTED = "not checked", "check was interrupted by user"
STATUSES = (
    *(KILLED, SURVIVED, NO_TESTS, TIMEOUT, SUSPICIOUS),
    *(SKIPPED, SEGFAULT, TYPED, NOT_CHECKED, INTERRUPTED),
)
NOTICED = (KILLED, TIMEOUT, TYPED)
"""The tests, or the type checker, saw that something was wrong."""
TRIED = (*NOTICED, SURVIVED, SUSPICIOUS, SEGFAULT)

_RESULT = re.compile(r"    (\S+): ([a-z ]+)")
_NAME = re.compile(r"(?:.*\.)?(x_(?P<function>.+)|xǁ(?P<class>.+)ǁ(?P<method>.+))__mutmut_\d+")


class Mutant(msgspec.Struct, frozen=True):
    """One change of one function, in the file at ``path``, relative to the root."""

    name: str
    path: str
    status: str

    @property
    def function(self) -> str:
        """The function as people call it: ``f`` or ``Class.f``."""
        owner, own = _split(self.name)
        return f"{owner}.{own}" if owner else own


class Edit(msgspec.Struct, frozen=True):
    """What a mutant changed: the line in the original file, and its text before and after."""

    line: int
    before: str
    after: str


def mutants(results: str, folder: Path) -> list[Mutant]:
    """The mutants of a finished run, by what ``mutmut results --all true`` printed and by the
    ``.meta`` files below ``folder``. Raises CannotTell where these do not fit each other."""
    told = dict(_results(results))
    paths = {key: path for path, keys in made(folder).items() for key in keys}
    if missing := next(iter(paths.keys() ^ told.keys()), None):
        raise CannotTell(f"its results and its .meta files do not agree, over {missing} say")
    return [Mutant(name, paths[name], status) for name, status in told.items()]


def _results(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if not line.startswith("    "):  # a warning
            continue
        found = _RESULT.fullmatch(line.rstrip())
        if not found or found[2] not in STATUSES:
            raise CannotTell(f"printed a result that cannot be read: {line.strip()[:200]}")
        yield found[1], found[2]


def made(folder: Path) -> dict[str, list[str]]:
    """The mutants that were made, by the files that were looked at. Raises CannotTell for a broken
    ``.meta``."""
    found: dict[str, list[str]] = {}
    for meta in sorted(folder.rglob("*.meta")):
        path = meta.relative_to(folder).as_posix().removesuffix(".meta")
        try:
            keys = dict(json.loads(disk.read_plain(meta))["exit_code_by_key"])
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise CannotTell(f"left a file that cannot be read, {path}.meta: {error}") from None
        found[path] = [str(key) for key in keys]
    return found


def agrees(counts: Counter[str], exported: bytes) -> bool:
    """Whether what ``mutmut export-cicd-stats`` wrote has the same numbers."""
    try:
        told = json.loads(exported)
    except (ValueError, RecursionError):
        return False
    if not isinstance(told, dict) or told.get("total") != counts.total():
        return False
    return all(told.get(name.replace(" ", "_"), counts[name]) == counts[name] for name in STATUSES)


def edits(found: Iterable[Mutant], original: str, mutated: str) -> dict[str, Edit]:
    """What each mutant of a file changed, as far as it can be found in the sources."""
    try:
        functions, places = _functions(mutated), _definitions(original)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    lines, before = mutated.splitlines(), original.splitlines()
    told: dict[str, Edit] = {}
    for mutant in found:
        name = mutant.name.rpartition(".")[2]
        source = functions.get(f"{name.partition('__mutmut_')[0]}__mutmut_orig")
        changed, start = functions.get(name), places.get(_split(mutant.name))
        if source and changed and start:
            own = _split(mutant.name)[1]
            edit = _edit(_lines(lines, source, own), _lines(lines, changed, own), start)
            if edit and before[edit.line - 1].strip() == edit.before:
                told[mutant.name] = edit
    return told


def _edit(before: Sequence[str], after: Sequence[str], start: int) -> Edit | None:
    """The first change; ``start`` is the line of the function in its file."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, i, _, j, j_end in matcher.get_opcodes():
        if kind != "equal" and i < len(before):
            return Edit(start + i, before[i].strip(), after[j].strip() if j < j_end else "")
    return None


def _lines(lines: Sequence[str], place: tuple[int, int], name: str) -> list[str]:
    """The lines of a function, by its own name and not by that which tells the mutants apart."""
    first, *others = lines[place[0] - 1 : place[1]]
    return [re.sub(r"\bdef \S+?__mutmut_\w+", f"def {name}", first, count=1), *others]


def _functions(source: str) -> dict[str, tuple[int, int]]:
    """The functions that mutmut made: their first and last lines."""
    return {
        node.name: (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and "__mutmut_" in node.name
    }


def _definitions(source: str) -> dict[tuple[str, str], int]:
    """The lines of the functions of a module and of its classes, by class and name."""
    found: dict[tuple[str, str], int] = {}
    for node in ast.parse(source).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = node.name if isinstance(node, ast.ClassDef) else ""
        for one in inner:
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found[owner, one.name] = one.lineno
    return found


def _split(name: str) -> tuple[str, str]:
    """The class (``""`` for none) and the function that a mutant is of."""
    found = _NAME.fullmatch(name)
    if not found:
        return "", name
    return found["class"] or "", found["method"] or found["function"]
