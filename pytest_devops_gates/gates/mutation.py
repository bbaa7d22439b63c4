"""``mutation``: how many small changes of the code its tests notice, by mutmut.

mutmut works in a copy of the project, by the project's own settings. What it found is kept by all
that it depends on, since it takes minutes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates import disk, mutants, mutating, mutmut_settings
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.extras import is_missing
from pytest_devops_gates.gate import OFF, Extra, Gate
from pytest_devops_gates.mutants import Edit, Mutant
from pytest_devops_gates.mutating import Order
from pytest_devops_gates.process import find_tool
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

EXTRA = Extra("mutation", module="mutmut")
NO_BASE = (
    'no base to compare with · set base = "origin/main" in [tool.devops-gates], or pass'
    " --devops-gates-base"
)
KEPT = 20
"""Results that are kept; the oldest give way."""
TEXT = 80
"""Characters of a line that a message shows."""
HOUR = 3600.0
KEY = "tool.devops-gates.gates.mutation.options"


class MutationOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``paths`` are the files and folders to mutate (all that the project's settings name, if
    empty); with ``changed`` only files that the change touches. ``workers`` run at once (as many as
    there are cores, if left out), and ``pass_env`` names variables that the tests need. Raises
    UsageError for less than one worker."""

    paths: tuple[str, ...] = ()
    changed: bool = False
    workers: int | None = None
    pass_env: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"{KEY}.workers: {self.workers}, needs 1 at least")


def check(project: Project, options: MutationOptions, asked: tuple[str, ...]) -> Evidence:
    """Mutate a copy of the project, or tell what was found of the same content before."""
    if is_missing(EXTRA, project.root):
        raise CannotTell(f"mutmut is not installed · {EXTRA.install}")
    tool = find_tool("mutmut", project.root)
    version = importlib.metadata.version("mutmut")
    whole = msgspec.structs.replace(project, scope=None)
    narrowed = _narrowed(whole, options)
    kept = project.cache / "mutation" / f"{_key(whole, options, narrowed, version)}.json"
    if not options.pass_env and (known := _known(kept)):
        return known
    order = Order(tool, narrowed, options.workers, options.pass_env, may_be_none=options.changed)
    with tempfile.TemporaryDirectory(prefix="devops-gates-") as folder:
        root = mutating.copied(whole, Path(folder), order)
        found = mutating.mutate(whole, order, root)
        evidence = Evidence(
            findings=tuple(_findings(found, root)),
            metrics=measured(Counter(mutant.status for mutant in found)),
            examined=len(found),
            receipt=Receipt("mutmut", version, argv=("mutmut", *order.arguments), exit_code=0),
        )
    if not options.pass_env:
        with contextlib.suppress(OSError):
            _keep(kept, evidence)
    return evidence


def _narrowed(project: Project, options: MutationOptions) -> tuple[str, ...] | None:
    """The only paths to mutate; None where the project's settings say all of it."""
    for path in options.paths:
        if not any(mutmut_settings.lies_in(name, path) for name in project.files):
            raise CannotTell(f"{KEY}.paths: no file of the project lies at '{path}'")
    if not options.changed:
        return options.paths or None
    if project.change is None:
        raise CannotTell(project.base_error or NO_BASE)
    touched = [file.path for file in project.change.files if file.path in project.files]
    found = [
        name
        for name in mutmut_settings.mutated(project, touched)
        if (project.root / name).is_file()
        and (not options.paths or any(mutmut_settings.lies_in(name, p) for p in options.paths))
    ]
    if not found:
        raise NotApplicable("the change touches no file that is mutated")
    return tuple(sorted(found))


def measured(counts: Counter[str]) -> dict[str, float]:
    """The gate's metrics. ``score`` is the share, in percent, of those that were tried."""
    noticed = sum(counts[status] for status in mutants.NOTICED)
    tried = sum(counts[status] for status in mutants.TRIED)
    return {
        "score": 100 * noticed / tried if tried else 0.0,
        "mutants": float(counts.total()),
        **{name: float(counts[status]) for name, status in COUNTED.items()},
    }


def _findings(found: Iterable[Mutant], root: Path) -> Iterator[Finding]:
    by_file: dict[str, list[Mutant]] = {}
    for mutant in found:
        by_file.setdefault(mutant.path, []).append(mutant)
    for path, some in sorted(by_file.items()):
        alive = [m for m in some if m.status in (mutants.SURVIVED, mutants.SUSPICIOUS)]
        told = mutants.edits(alive, _text(root / path), _text(root / "mutants" / path))
        yield from (_survivor(mutant, told.get(mutant.name)) for mutant in alive)
        untested = Counter(m.function for m in some if m.status == mutants.NO_TESTS)
        for function, count in sorted(untested.items()):
            message = f"{function}: no test runs it ({count} mutants)"
            yield Finding("no-tests", message, Severity.INFO, path=path)


def _survivor(mutant: Mutant, edit: Edit | None) -> Finding:
    rule = "survived" if mutant.status == mutants.SURVIVED else "suspicious"
    told = f"'{_cut(edit.before)}' became '{_cut(edit.after)}'" if edit else "changed"
    what = "and no test failed" if rule == "survived" else "and the tests ended in a strange way"
    return Finding(
        rule,
        f"{mutant.function}: {told}, {what} · mutmut show {mutant.name}",
        Severity.LOW,
        path=mutant.path,
        line=edit.line if edit else None,
    )


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"


def _text(path: Path) -> str:
    try:
        return disk.read_plain(path).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _key(
    project: Project, options: MutationOptions, narrowed: Sequence[str] | None, version: str
) -> str:
    """The digest of all that a result depends on where no variables are passed: their values may be
    secrets, of which not even a digest is kept."""
    parts = [
        *(importlib.metadata.version("pytest-devops-gates"), version, sys.version),
        repr((options.paths, options.changed, narrowed)),
        repr((project.packages, project.test_paths)),
        *sorted({f"{d.name} {d.version}" for d in importlib.metadata.distributions()}),
    ]
    names = sorted({*project.listing(), *mutating.generated(project)})
    for name in names:
        path = project.root / name
        if path.is_file():
            parts.append(f"{name} {disk.digest(path)[0]}")
    plain = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(plain, digest_size=20).hexdigest()


def _known(path: Path) -> Evidence | None:
    with contextlib.suppress(OSError, ValueError, TypeError):
        known = msgspec.json.decode(disk.read_plain(path), type=Evidence).checked()
        if known.receipt and not known.unknown:
            receipt = msgspec.structs.replace(known.receipt, cached=True)
            return msgspec.structs.replace(known, receipt=receipt)
    return None


def _keep(path: Path, evidence: Evidence) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write(path, msgspec.json.encode(evidence).decode())
    old = sorted(path.parent.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
    for one in old[KEPT:]:
        one.unlink()


def passes(project: Project, options: MutationOptions) -> tuple[str, ...]:
    return options.pass_env


COUNTED = {
    "killed": mutants.KILLED,
    "survived": mutants.SURVIVED,
    "no-tests": mutants.NO_TESTS,
    "timeout": mutants.TIMEOUT,
    "suspicious": mutants.SUSPICIOUS,
    "segfault": mutants.SEGFAULT,
    "skipped": mutants.SKIPPED,
    "typed": mutants.TYPED,
}
"""The metrics that count mutants, by mutmut's own words for what became of them."""
MUTMUT = "https://mutmut.readthedocs.io/en/latest/"
RULES = (
    Rule(
        "survived",
        "The code was changed, and no test failed: nothing checks what the line does.",
        "Write a test that fails with the change, which `mutmut show` shows; where the change makes"
        " no difference, put `# pragma: no mutate` on the line.",
        MUTMUT,
    ),
    Rule(
        "suspicious",
        "With the code changed, the tests ended in a way that is neither a pass nor a failure.",
        "Run `mutmut run NAME` to see it; a test that is not steady does this.",
        MUTMUT,
    ),
    Rule(
        "no-tests",
        "No test runs a function, so none of its mutants was tried.",
        "Write a test that calls it. These mutants are not part of the score.",
        MUTMUT,
    ),
)
MUTATION = Gate(
    name="mutation",
    stage=Stage.TEST,
    options=MutationOptions,
    function=check,
    passes=passes,
    after=("tests",),
    timeout=HOUR,
    level=OFF,
    levels=dict.fromkeys(("commit", "merge", "release", "operate"), OFF),
    conditions={},
    metrics=("score", "mutants", *COUNTED),
    again="mutmut run",
    cost=600.0,
    about="Small changes of the code are noticed by its tests.",
    rules=RULES,
    extra=EXTRA,
)
