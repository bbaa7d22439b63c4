"""How the time and the memory of all reports grow, from thousands of findings and tests on.

``python benchmarks/reports.py [MOST]`` prints, for a tenth of MOST (100,000), a third of it and all
of it, each measured in a process of its own:

- the seconds and the peak memory of each report of so many findings,
- the same for reading the event stream of so many tests.

Time grows linearly when the seconds for each thousand stay the same.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pytest_devops_gates import archive, builtin, redact, report, since
from pytest_devops_gates.evidence import Finding, Receipt, Rule, Severity
from pytest_devops_gates.findings import complete
from pytest_devops_gates.gate import Output
from pytest_devops_gates.gates.pytest import TESTS, TestOptions
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import SCHEMA, Counts, Measured, Ruling, StageOutcome, Verdict

PER_FILE = 50


def main(most: int) -> None:
    sizes = (most // 10, most // 3, most)
    print(f"{'':<16}" + "".join(f"{size:>26,}" for size in sizes))
    columns = [measured("findings", size) | measured("tests", size) for size in sizes]
    for name in columns[0]:
        cells = (
            f"{seconds:>9.2f} s {1000 * seconds / size * 1000:>6.1f} ms/k"
            for size, column in zip(sizes, columns, strict=True)
            for seconds in [column[name]["seconds"]]
        )
        print(f"{name:<16}" + "".join(f"{cell:>26}" for cell in cells))
    for what in ("findings", "tests"):
        peaks = [max(v["mib"] for k, v in c.items() if v["of"] == what) for c in columns]
        print(f"peak, {what:<10}" + "".join(f"{peak:>22.0f} MiB" for peak in peaks))


def measured(what: str, size: int) -> dict[str, dict[str, float]]:
    """What a process of its own measured."""
    done = subprocess.run(
        [sys.executable, __file__, what, str(size)], capture_output=True, text=True, check=True
    )
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return found


def of_findings(size: int, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is done to findings from the moment that their gate has ended."""
    raw = list(findings(size, folder))
    made: list[tuple[Finding, ...]] = []
    yield "complete", lambda: made.append(complete("lint", raw, folder))
    verdict = verdict_of(made[0])
    cleaned: list[Verdict] = []
    yield "redact", lambda: cleaned.append(redact.redact(verdict, ("a-secret-value",)))
    (folder / "verdict.json").write_text(dump(cleaned[0]))
    earlier = folder.parent / "earlier"
    earlier.mkdir()
    (earlier / "verdict.json").write_text(dump(cleaned[0]))
    yield "since", lambda: since.compare(cleaned[0], [earlier])
    ready: list[report.Report] = []
    yield "load", lambda: ready.append(archive.load(folder))
    for reporter in builtin.REPORTERS:
        yield reporter.name, partial(reporter.render, ready[0])


def of_tests(size: int, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    lines = events(size)
    project = Project(root=folder, run_dir=folder, cache=folder, started=0.0)
    assert TESTS.read
    yield "events of tests", lambda: TESTS.read(Output(0, lines), project, TestOptions())  # type: ignore[misc]


def findings(size: int, folder: Path) -> Iterator[Finding]:
    severities = list(Severity)
    for number in range(size):
        path = f"src/app/module_{number // PER_FILE}.py"
        if number % PER_FILE == 0:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            lines = (f"    value_{n} = call({n}, {number})\n" for n in range(4 * PER_FILE))
            target.write_text("".join(lines))
        yield Finding(
            rule=f"F{number % 40:03}",
            message=f"local variable 'value_{number}' is assigned to but never used | <b>",
            severity=severities[number % 5],
            path=path,
            line=number % PER_FILE * 4 + 1,
            column=5,
        )


def verdict_of(found: tuple[Finding, ...]) -> Verdict:
    ruling = Ruling(
        name="lint",
        stage="develop",
        level="required",
        outcome="fail",
        reason=f"lint: findings.new {len(found)}, needs == 0",
        conditions=(Measured("findings.new", "==", 0, len(found), None, False),),
        findings=Counts(total=len(found), new=len(found)),
        receipt=Receipt("ruff", "1", ("ruff", "check"), 1, 1.0, len(found)),
    )
    return Verdict(
        schema=SCHEMA,
        verdict="fail",
        reason=ruling.reason,
        exit_status=1,
        started="2026-01-02T03:04:05Z",
        seconds=1.0,
        run_id="20260102T030405Z-000000",
        version="1",
        stages=tuple(StageOutcome(stage.value, "pass") for stage in Stage),
        gates=(ruling,),
        findings=found,
        rules=tuple(Rule(f"F{n:03}", "a rule", "mend it", gate="lint") for n in range(40)),
    )


def events(size: int) -> bytes:
    """The lines that a run of so many passing tests leaves."""
    rows: list[dict[str, object]] = [
        {"event": "process", "exit_code": 0, "signal": None, "trouble": None, "faults": []},
        {"event": "start", "typed": {"narrowing": [], "others": []}, "optimize": 0, "cached": [],
         "configured": True, "args": [], "testpaths": []},
        {"event": "ids", "first": 0, "ids": [f"tests/test_{n // 100}.py::test[{n}]" for n in range(size)]},
        {"event": "collected", "count": size},
        {"event": "selected", "tests": list(range(size))},
    ]  # fmt: skip
    for number in range(size):
        rows.append({"event": "begin", "test": number})
        for when in ("setup", "call", "teardown"):
            seen = {"when": when, "kind": "ok", "raised": None, "ran": True}
            rows.append({"event": "phase", "test": number, **seen})
            told = {"when": when, "outcome": "passed", "seconds": 0.0001 * (number % 97)}
            rows.append({"event": "report", "test": number, **told})
    rows.append({"event": "finish", "exitstatus": 0, "warnings": 0})
    return "\n".join(map(json.dumps, rows)).encode()


def one(what: str, size: int) -> None:
    """Measure in this process, and print what was found."""
    found: dict[str, dict[str, float | str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        run.mkdir()
        steps = of_findings(size, run) if what == "findings" else of_tests(size, run)
        for name, step in steps:
            start = time.perf_counter()
            step()
            seconds = time.perf_counter() - start
            mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found[name] = {"seconds": seconds, "mib": mib, "of": what}
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1:2] in (["findings"], ["tests"]):
        one(sys.argv[1], int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 100_000)
