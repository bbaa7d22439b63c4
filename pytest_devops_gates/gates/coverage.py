"""``coverage``: how much of the project its tests ran, by coverage.py.

The test process is measured from its first line, with its xdist workers and subprocesses: the
``.pth`` file of coverage starts it wherever COVERAGE_PROCESS_CONFIG is set. When the user's own
``--cov`` measures already, its data is adopted: two collectors spoil each other's numbers.
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import newcode
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Receipt
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, NoOptions, Options
from pytest_devops_gates.measurement import load, settings
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

NO_BASE = (
    'no base to compare with · set base = "origin/main" in [tool.devops-gates], or pass'
    " --devops-gates-base"
)


def limits(project: Project, options: Options) -> Mapping[str, str]:
    """The project's own ``fail_under``, as a condition."""
    rcfile = project.session.coverage_rcfile if project.session else None
    fail_under = settings(project.root, rcfile=rcfile).config.fail_under
    if not 0 <= fail_under <= 100:
        raise UsageError(f"coverage's fail_under is {fail_under}; a percentage is from 0 to 100")
    return {"total": f">= {Decimal(repr(fail_under)):f}"} if fail_under else {}


def measure(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Combine what all processes measured, write ``coverage.json``, and read the numbers off it."""
    session = project.session
    if session is None or session.measured_by is None:
        raise CannotTell("the tests of this run were not measured")
    import coverage

    cov, notes = load(project, session)
    target = project.run_dir / "coverage.json"
    trouble: list[str] = []
    cov._warn = lambda message, **_: trouble.append(message)
    try:
        cov.json_report(outfile=str(target))
    except coverage.CoverageException as error:
        raise CannotTell(f"coverage cannot report: {error}") from None
    report = json.loads(target.read_text(encoding="utf-8"))
    receipt = Receipt(
        tool="coverage",
        version=coverage.__version__,
        argv=("coverage", "json"),
        exit_code=0,
    )
    omitted = (*(cov.config.run_omit or ()), *(cov.config.report_omit or ()))
    evidence = read(report, project, asked, _unmeasured(cov.config, report), omitted)
    return msgspec.structs.replace(
        evidence,
        unknown=evidence.unknown or (trouble[0] if trouble else None),
        receipt=receipt,
        notes=(*notes, *evidence.notes),
    )


def read(
    report: Mapping[str, Any],
    project: Project,
    asked: Iterable[str] = (),
    unmeasured: Iterable[str] = (),
    omitted: Sequence[str] = (),
) -> Evidence:
    """The numbers of coverage's JSON report, unrounded.

    ``line`` and ``branch`` are percentages of their own; ``total`` is coverage's own mix of both,
    which ``fail_under`` means. ``line:PATH`` is that of a file, a folder or a pattern. Those of new
    code (see newcode.py) are there where there is a base.
    """
    files: dict[str, Any] = report["files"]
    metrics = _percentages([entry["summary"] for entry in files.values()])
    gone = next(iter(unmeasured), None)
    unknown = gone and f"'{gone}', a source in coverage's settings, was never imported"
    for name in asked:
        kind, colon, path = name.partition(":")
        if colon:
            chosen = [
                entry["summary"]
                for file, entry in files.items()
                if newcode.lies_in(newcode.relative(file, project.root), path)
            ]
            metrics.update(
                {k + ":" + path: v for k, v in _percentages(chosen).items() if k == kind}
            )
            if not chosen:
                unknown = unknown or f"no measured file matches '{path}'"
    new = _new_code(report, project, tuple(asked), omitted)
    return Evidence.of(
        examined=len(files),
        metrics={**metrics, **new.metrics},
        unknown=unknown or new.unknown,
        notes=new.notes,
        inapplicable=new.inapplicable,
    )


def _new_code(
    report: Mapping[str, Any], project: Project, asked: Sequence[str], omitted: Sequence[str]
) -> Evidence:
    """What the tests ran of the change; unknown only when a condition asks for it.

    New code in a package of the project that coverage has not seen, and that its settings do not
    leave out, was not measured: nobody knows whether tests run it.
    """
    wanted = any(newcode.asks(metric) for metric in asked)
    if project.change is None:
        return Evidence(unknown=(project.base_error or NO_BASE) if wanted else None)
    found = newcode.measure(report, project.change, _reader(project.root), project.root, asked)
    if not wanted:
        return Evidence(metrics=found.metrics, inapplicable=found.inapplicable)
    measured = {newcode.relative(name, project.root) for name in report["files"]}
    elsewhere = project.files and measured.isdisjoint(project.files)
    product = [path for path in found.unmeasured if not project.is_test(path)]
    unseen = [
        path
        for path in product
        if any(path.startswith(f"{package}/") for package in project.packages)
        and not any(fnmatch.fnmatch(path, p) or fnmatch.fnmatch(f"/{path}", p) for p in omitted)
    ]
    unknown = f"{unseen[0]} is new, and coverage did not measure it" if unseen else None
    if elsewhere:
        unknown = "coverage saw no file of the checkout: what is new there was not measured"
    return Evidence(
        metrics=found.metrics,
        inapplicable=found.inapplicable,
        unknown=unknown,
        notes=(
            *([newcode.note(found.missing)] if found.missing else []),
            *([newcode.unmeasured_note(product)] if product else []),
        ),
    )


def _reader(root: Path) -> Callable[[str], bytes]:
    def read_source(path: str) -> bytes:
        try:
            return (root / path).read_bytes()
        except OSError as error:
            raise CannotTell(f"{path} cannot be read: {error.strerror}") from None

    return read_source


def _percentages(summaries: list[Mapping[str, Any]]) -> dict[str, float]:
    def total(key: str) -> int:
        return sum(summary.get(key, 0) for summary in summaries)

    lines, branches = total("num_statements"), total("num_branches")
    hit, taken = total("covered_lines"), total("covered_branches")
    metrics = {}
    if lines:
        metrics["line"] = 100 * hit / lines
        metrics["total"] = 100 * (hit + taken) / (lines + branches)
    if branches:
        metrics["branch"] = 100 * taken / branches
    return metrics


def _unmeasured(config: Any, report: Mapping[str, Any]) -> list[str]:
    """Sources in the project's settings of which no file was seen: nothing there was measured."""
    names = [name.replace(os.sep, "/") for name in report["files"]]
    missing = []
    for source in [*(config.source or []), *(config.source_pkgs or [])]:
        if os.path.isdir(source):
            folder = os.path.relpath(source).replace(os.sep, "/")
            seen = folder == "." or any(
                n.startswith((folder + "/", source.rstrip("/") + "/")) for n in names
            )
        else:
            inner = source.replace(".", "/")
            seen = any(f"/{inner}/" in f"/{n}" or f"/{n}".endswith(f"/{inner}.py") for n in names)
        if not seen:
            missing.append(source)
    return missing


def canary(project: Project, options: Options) -> Canary:
    """A module that no test imports, of four times as many statements as the project has lines."""
    sources = [n for n in project.files if n.endswith(".py") and not project.is_test(n)]
    lines = sum((project.text(name) or "").count("\n") for name in sources)
    body = "canary = 0\n" + "canary += 1\n" * 4 * max(lines, 25)
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a large module that no test runs", dict.fromkeys(files, body))


COVERAGE = Gate(
    name="coverage",
    stage=Stage.TEST,
    options=NoOptions,
    function=measure,
    needs=("tests",),
    level=ADVISORY,
    levels={"commit": OFF, "operate": OFF},
    conditions={},
    limits=limits,
    required_once_limited=True,
    metrics=("line", "branch", "total", "line:", "branch:", "total:", *newcode.METRICS),
    again="coverage report",
    cost=1.0,
    about="How much of the project its tests ran, measured by coverage.py.",
    canary=canary,
)
