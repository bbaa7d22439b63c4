"""``tests``: the pytest run, judged by what its event stream shows, not by its exit code alone."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable
from glob import glob
from importlib.metadata import version
from typing import Any

import msgspec

from pytest_devops_gates import levels
from pytest_devops_gates.base import LAST_RELEASE
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import OFF, Canary, Command, Gate, Options, Output
from pytest_devops_gates.project import Project, TestSession
from pytest_devops_gates.quarantine import FILE, Holder, holder
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.tally import tally
from pytest_devops_gates.testdetail import detail, name, ran
from pytest_devops_gates.testrun import QUARANTINED, sum_up

METRICS = (
    *("collected", "deselected", "passed", "failed", "errors", "skipped", "xfailed", "xpassed"),
    *("rerun", "flaky", "altered", "seconds", "wall", "warnings", "complete"),
    *("quarantined", "quarantined.tests", "slow.new"),
    *levels.METRICS,
)


TOLD_APART = ("keyword", "markexpr", "deselect")
"""Ways of leaving tests out once they are collected: it can be told whether others ran them."""


class LevelNames(msgspec.Struct, frozen=True):
    """The markers and folders that tell a test's level; a marker beats a folder."""

    unit: tuple[str, ...] = ("unit",)
    integration: tuple[str, ...] = ("integration",)
    system: tuple[str, ...] = ("system", "e2e", "functional", "acceptance")


class TestOptions(msgspec.Struct, frozen=True):
    """``slow``: the seconds from which on a test counts as slow."""

    __test__ = False

    slow: float = 1.0
    levels: LevelNames = LevelNames()


NO_LIMIT = 9_999_999.0
"""Seconds. The tests may take as long as the whole run may."""


def command(project: Project, options: Options) -> Command:
    if project.session is None:
        raise CannotTell("there is no pytest session to run")
    session = project.session
    return Command(
        session.argv, env=session.env, tool="pytest", version=version("pytest"), owns_terminal=True
    )


def read(output: Output, project: Project, options: Options) -> Evidence:
    """The events of the run (see recorder/plugin.py), the first line being the engine's own."""
    run = tally(map(_decode, io.BytesIO(output.stdout)))
    held = _held(project)
    total = sum_up(run, held)
    counts, gaps = total.counts, list(total.gaps)
    if run.start is not None:
        gaps += _left_out(run.start, counts.deselected, project)
    paths = _paths(run.start, project) if run.start and project.shard else []
    numbers = {name: float(getattr(counts, name)) for name in METRICS if hasattr(counts, name)}
    numbers["warnings"] = (run.finish or {}).get("warnings", 0)
    numbers["complete"] = float(not gaps)
    numbers["quarantined"] = len(total.quarantined)
    numbers["quarantined.tests"] = sum(held(test) is not None for test in run.reports)
    if "seconds" in run.process:
        numbers["wall"] = run.process["seconds"]
    named = msgspec.structs.asdict(options.levels)
    numbers |= levels.measure(run, named, options.slow, total.quarantined)
    counted = counts.passed + counts.failed + counts.errors + counts.xfailed + counts.xpassed
    return Evidence.of(
        (_finding(*failure, held) for failure in total.failures),
        examined=counted + len(total.quarantined),
        metrics=numbers,
        unknown=gaps[0] if gaps else None,
        notes=[*gaps[1:], *total.notes],
        tests=detail(run, numbers, paths, total.ended),
        ran=ran(run, total.ended),
    )


def _held(project: Project) -> Holder:
    """Who is in quarantine. On the default branch, which is compared with the last release, what
    was changed since then was merged."""
    change = project.change
    if change is None or change.base.told == LAST_RELEASE:
        return holder(project.quarantine)
    # renamed without a new or a removed line: the same tests at another place
    touched = {f.path for f in change.files if f.status != "renamed" or f.added or f.removed}
    return holder(project.quarantine, change.old_paths(), touched)


_fast = msgspec.json.Decoder(dict[str, Any]).decode


def _decode(line: bytes) -> dict[str, Any]:
    """An event. Only Python's own decoder takes half characters, of names that are no UTF-8."""
    try:
        return _fast(line)
    except msgspec.DecodeError:
        event: dict[str, Any] = json.loads(line)
        return event


def _left_out(start: dict[str, Any], deselected: int, project: Project) -> Iterable[str]:
    """What the command line left out, so that the run cannot speak for the whole project."""
    typed = start["typed"]
    if start["optimize"]:
        yield "python -O removes assert statements: what passed may have checked nothing"
    if start["cached"]:
        yield f"--{start['cached'][0]} runs what an earlier run left over: incomplete"
    narrowing = [n for n in typed["narrowing"] if not (project.shard and n in TOLD_APART)]
    if narrowing:
        yield f"the command line narrowed the run ({', '.join(narrowing)}): incomplete"
    if deselected and typed["others"] and not project.shard:
        named = ", ".join(typed["others"])
        yield f"{deselected} tests deselected with {named} on the command line: incomplete"
    if start["configured"]:  # the project itself names its paths, in addopts
        return
    if any("::" in arg for arg in start["args"]):
        yield "single tests were named on the command line: incomplete"
        return
    if project.shard:  # release combine asks whether the paths of all shards are enough
        return
    left_out = _outside(start, project)
    if left_out:
        yield f"{left_out} was left out by the paths that were run: incomplete"


def _paths(start: dict[str, Any], project: Project) -> list[str]:
    """The files and folders that were to be run, relative to the root."""
    files = [arg.partition("::")[0] for arg in start["args"]]
    return sorted({os.path.relpath(file, project.root).replace(os.sep, "/") for file in files})


def _outside(start: dict[str, Any], project: Project) -> str | None:
    """A test path, or a test file, that no argument covers."""

    def covered(path: str) -> bool:
        return any(path == arg or path.startswith(arg.rstrip(os.sep) + os.sep) for arg in args)

    args = [os.path.normpath(arg) for arg in start["args"]]
    root = str(project.root)
    if covered(root):
        return None
    wanted = [os.path.normpath(p) for pattern in start["testpaths"] for p in sorted(glob(pattern))]
    if not wanted:
        wanted = [os.path.join(root, *name.split("/")) for name in project.test_files()]
    return next((os.path.relpath(path, root) for path in wanted if not covered(path)), None)


def _finding(rule: str, test: str, message: str, at: Any, held: Holder) -> Finding:
    path, line = at or (test.partition("::")[0] or None, None)
    entry = held(test) if rule == QUARANTINED else None
    if entry:
        why = f"{entry.reason}, {entry.owner}"
        message = f"{message} (in quarantine until {entry.expires}: {why})"
    return Finding(
        rule=rule,
        message=f"{name(test)}: {message}" if test else message,
        severity=Severity.LOW if entry else Severity.HIGH,
        path=path,
        line=line,
    )


def canary(project: Project, options: Options) -> Canary:
    """A test that fails, where the project's own tests lie and named as they are."""
    session = project.session or TestSession(argv=())
    named = session.test_files[0] if session.test_files else "test_*.py"
    name = named.rpartition("/")[2].replace("*", "devops_gates_canary")
    function = (session.test_functions or ("test",))[0].replace("*", "_").rstrip("_")
    source = f"def {function}_devops_gates_canary():\n    assert False\n"
    return Canary("a failing test", {f"{_test_folder(project)}/{name}": source})


def _test_folder(project: Project) -> str:
    for path in project.test_paths:
        if (project.root / path).is_dir():
            return path
    tests = project.test_files()
    return (tests[0].rpartition("/")[0] or ".") if tests else "."


RULES = (
    Rule(
        "failed",
        "A test failed: what it asserts does not hold, or it raised an exception.",
        "Mend the code, or the test where it asks for the wrong thing.",
        "https://docs.pytest.org/en/stable/how-to/failures.html",
    ),
    Rule(
        "error",
        "A test's setup or teardown failed, most often a fixture.",
        "Mend the fixture that the message names: the test itself did not decide this.",
        "https://docs.pytest.org/en/stable/how-to/fixtures.html",
    ),
    Rule(
        "collection-error",
        "A test file could not be imported or collected: none of its tests ran.",
        "Mend what the import raises; `pytest --collect-only` shows it within seconds.",
    ),
    Rule(
        "outcome-altered",
        "A test raised, or never ran, and was reported as passed.",
        "Look for a hook in a conftest.py or a plugin that rewrites reports or calls tests by"
        " itself, and take it off.",
    ),
    Rule(
        "quarantined",
        "A test failed that is in quarantine: it is told, and does not count.",
        f"Mend the test before its quarantine ends, and take it out of {FILE}.",
    ),
    Rule(
        "exit-status",
        "pytest exited with 1 although no test failed.",
        "Look for a plugin or a conftest.py that sets the exit status: a limit that is not kept,"
        " for example.",
    ),
)
TESTS = Gate(
    name="tests",
    stage=Stage.TEST,
    options=TestOptions,
    command=command,
    read=read,
    timeout=NO_LIMIT,
    levels={"commit": OFF, "operate": OFF},
    conditions={"failed": "== 0", "errors": "== 0", "altered": "== 0"},
    metrics=METRICS,
    again="pytest",
    cost=1000.0,
    about="Every selected test ran to its end, and none failed or had its outcome altered.",
    debt=False,
    canary=canary,
    rules=RULES,
)
