"""``cobertura``: coverage as Cobertura's XML tells it, which tools of many languages write.

Source: https://github.com/cobertura/cobertura/blob/master/cobertura/src/site/htdocs/xml/coverage-04.dtd
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

import msgspec

from pytest_devops_gates import markup
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import Output, Reader

COUNT = re.compile(r"\s*(\d{1,18})\s*", re.ASCII)
CONDITIONS = re.compile(r"[^()]{0,40}\((\d{1,18})/(\d{1,18})\)\s*", re.ASCII)
"""``condition-coverage``, such as ``50% (1/2)``."""


class Tally(msgspec.Struct):
    """Lines and branches: how many there are, and how many of them were run."""

    lines: int = 0
    covered: int = 0
    branches: int = 0
    taken: int = 0

    def add(self, other: Tally) -> None:
        self.lines += other.lines
        self.covered += other.covered
        self.branches += other.branches
        self.taken += other.taken


class Sheet:
    """What stands in one report, class by class.

    The lines of a class are those directly below it; those of its methods repeat them, and count
    only where a class has no others.
    """

    def __init__(self) -> None:
        self.root: markup.Attributes | None = None
        self.files: dict[str, Tally] = {}
        self._file: str | None = None
        self._in_method = False
        self._direct, self._of_methods = Tally(), Tally()

    def start(self, name: str, attributes: markup.Attributes) -> None:
        if self.root is None:
            if name != "coverage":
                raise CannotTell(f"wrote XML whose root is '{name[:40]}', not 'coverage'")
            self.root = attributes
        elif name == "class":
            self._file = attributes.get("filename") or attributes.get("name", "")
            self._direct, self._of_methods = Tally(), Tally()
        elif name == "method":
            self._in_method = True
        elif name == "line" and self._file is not None:
            tally = self._of_methods if self._in_method else self._direct
            tally.add(_line(attributes, self._file))

    def end(self, name: str) -> None:
        if name == "method":
            self._in_method = False
        elif name == "class" and self._file is not None:
            tally = self._direct if self._direct.lines else self._of_methods
            self.files.setdefault(self._file, Tally()).add(tally)
            self._file = None


def read(output: Output) -> Evidence:
    """The percentages, unrounded, of the lines and branches that the report lists.

    What its root declares must agree with them; where it lists no line, what it declares is taken.
    ``line:PATH`` is that of a file, a folder or a pattern, named as the report names its files.
    Raises CannotTell where lines contradict what is declared, or there are none.
    """
    sheet = Sheet()
    markup.walk(output.written, sheet.start, sheet.end)
    declared = sheet.root or {}
    total = _sum(sheet.files.values())
    notes = []
    if total.lines:
        if contradiction := _contradiction(declared, "lines", total.lines, total.covered):
            raise CannotTell(contradiction)
        if contradiction := _contradiction(declared, "branches", total.branches, total.taken):
            notes.append(f"branches were not counted: the report {contradiction}")
            for tally in (total, *sheet.files.values()):
                tally.branches = tally.taken = 0
    else:
        total = Tally(*_pair(declared, "lines"), *_pair(declared, "branches"))
        if not total.lines:
            raise CannotTell("lists no line of code")
    metrics = _percentages(total)
    metrics_of_paths, unknown = _asked(output.asked, sheet.files)
    return Evidence.of(
        examined=total.lines, metrics={**metrics, **metrics_of_paths}, unknown=unknown, notes=notes
    )


def _line(attributes: markup.Attributes, file: str) -> Tally:
    where = f"line {attributes.get('number', '?')[:20]} of {file[:200]}"
    hits = COUNT.fullmatch(attributes.get("hits", ""))
    if not hits:
        raise CannotTell(f"has no number of hits for {where}")
    tally = Tally(lines=1, covered=int(int(hits[1]) > 0))
    if told := attributes.get("condition-coverage"):
        found = CONDITIONS.fullmatch(told)
        if not found or int(found[1]) > int(found[2]):
            raise CannotTell(f"has a condition-coverage of {told[:40]!r} for {where}")
        tally.taken, tally.branches = int(found[1]), int(found[2])
    return tally


def _count(attributes: markup.Attributes, name: str) -> int | None:
    text = attributes.get(name, "").strip()
    if not text:
        return None
    found = COUNT.fullmatch(text)
    if not found:
        raise CannotTell(f"declares {name} as {text[:40]!r}, which is no count")
    return int(found[1])


def _pair(declared: markup.Attributes, kind: str) -> tuple[int, int]:
    valid = _count(declared, f"{kind}-valid") or 0
    covered = _count(declared, f"{kind}-covered") or 0
    if covered > valid:
        raise CannotTell(f"declares {covered} {kind}-covered of {valid} {kind}-valid")
    return valid, covered


def _contradiction(declared: markup.Attributes, kind: str, valid: int, covered: int) -> str | None:
    for name, listed in ((f"{kind}-valid", valid), (f"{kind}-covered", covered)):
        told = _count(declared, name)
        if told is not None and told != listed:
            return f"declares {name} {told} and lists {listed}"
    return None


def _asked(asked: Iterable[str], files: dict[str, Tally]) -> tuple[dict[str, float], str | None]:
    """The metrics with a path that conditions ask for; a path that matches no file is unknown."""
    metrics: dict[str, float] = {}
    unknown = None
    for name in asked:
        kind, colon, path = name.partition(":")
        if not colon:
            continue
        chosen = [tally for file, tally in files.items() if _matches(file, path)]
        value = _percentages(_sum(chosen)).get(kind)
        if value is not None:
            metrics[name] = value
        if not chosen:
            unknown = unknown or f"no file in the report matches '{path}'"
    return metrics, unknown


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def _percentages(tally: Tally) -> dict[str, float]:
    metrics = {}
    if tally.lines:
        metrics["line"] = 100 * tally.covered / tally.lines
    if tally.branches:
        metrics["branch"] = 100 * tally.taken / tally.branches
    return metrics


def _matches(name: str, wanted: str) -> bool:
    name, wanted = name.replace("\\", "/"), wanted.rstrip("/")
    return name == wanted or name.startswith(wanted + "/") or fnmatch.fnmatchcase(name, wanted)


READER = Reader(
    name="cobertura",
    read=read,
    metrics=("line", "branch", "line:", "branch:"),
    accepts=(0,),
)
