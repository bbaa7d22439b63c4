"""GitHub Actions: annotations, outputs and summary, as its runner takes them."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_devops_gates import config, github
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.report import Report, make
from pytest_devops_gates.reporters import markdown
from pytest_devops_gates.reporters.annotations import commands
from pytest_devops_gates.verdict import Measured, ProjectName
from tests import runner
from tests.growth import grows_linearly
from tests.runner import Command, Unreadable, obeyed
from tests.unit.samples import HOSTILE, all_over, any_text, ruling, same_every_time, verdict

HOSTILE_PATHS = [
    "a,b:c.py",
    "%0A::error::",
    "a%2Cb.py",
    "=a.py",
    "a\nb.py",
    "##[error]x.py",
    "a b.py",
]


def told(report: Report) -> list[Command]:
    found = obeyed("\n".join(commands(report)))
    assert len(found) == len(commands(report))
    return found


def of_gate(name: str, count: int = 1, **fields: object) -> tuple[Finding, ...]:
    standard = {"path": "a.py", "line": 3, "gate": name}
    return tuple(Finding("F401", f"m{n}", **{**standard, **fields}) for n in range(count))  # type: ignore[arg-type]


# annotations


def test_the_verdict_is_the_first_error() -> None:
    failed = ruling("lint", outcome="fail", reason="lint: findings.new 1")
    report = make(verdict(failed, findings=of_gate("lint"), reason="lint: findings.new 1"))
    assert commands(report)[0] == "::error title=devops gates::FAIL · lint: findings.new 1"
    assert told(report) == [
        Command("error", "FAIL · lint: findings.new 1", {"title": "devops gates"}),
        Command(
            "error", "m0", {"file": "a.py", "line": "3", "endLine": "3", "title": "lint: F401"}
        ),
    ]


def test_a_pass_has_nothing_but_the_warnings_of_what_does_not_block() -> None:
    advisory = ruling("format", outcome="fail", level="advisory", reason="format: 1")
    warns = ruling("coverage", outcome="warn", reason="coverage: line 90", owner="@web")
    fine = ruling("lint")
    found = (*of_gate("format"), *of_gate("lint"))
    report = make(verdict(advisory, warns, fine, findings=found, verdict="pass"))
    assert [(c.name, c.message, c.properties["title"]) for c in told(report)] == [
        ("warning", "coverage: line 90 · owner: @web", "coverage"),
        ("warning", "m0", "format: F401"),
    ]
    assert commands(make(verdict(fine, findings=of_gate("lint"), verdict="pass"))) == []


def test_what_is_unknown_is_an_error_without_a_file() -> None:
    broken = ruling("bandit", stage="security", outcome="unknown", reason="bandit: hung")
    failed = ruling("lint", outcome="fail", reason="lint: x")
    found = (*of_gate("lint"), *of_gate("bandit"))
    report = make(verdict(failed, broken, findings=found, reason="lint: x (and 1 more)"))
    assert [(c.message, "file" in c.properties) for c in told(report)] == [
        ("FAIL · lint: x (and 1 more)", False),
        ("bandit: hung", False),
        ("m0", True),
    ]


def test_a_gate_without_findings_tells_its_reason_unless_the_verdict_does() -> None:
    one = ruling("coverage", stage="test", outcome="fail", reason="coverage: line 1")
    other = ruling("version", stage="release", outcome="fail", reason="version: taken")
    report = make(verdict(one, other, reason="coverage: line 1 (and 1 more fail)"))
    assert [c.message for c in told(report)] == [
        "FAIL · coverage: line 1 (and 1 more fail)",
        "version: taken",
    ]


@pytest.mark.parametrize("state", ["known", "waived"])
def test_what_is_known_or_waived_is_no_news(state: str) -> None:
    failed = ruling("lint", outcome="fail", reason="lint: 1")
    report = make(verdict(failed, findings=of_gate("lint", state=state), reason="lint: 1"))
    assert [c.message for c in told(report)] == ["FAIL · lint: 1"]


def test_ten_of_each_type_the_worst_first() -> None:
    rulings = (
        ruling("lint", outcome="fail", reason="lint: 1"),
        ruling("format", outcome="fail", level="advisory", reason="format: 1"),
    )
    worst = Finding("F821", "the worst", Severity.CRITICAL, path="z.py", gate="lint")
    found = (*of_gate("lint", 100), worst, *of_gate("format", 50))
    report = make(verdict(*rulings, findings=found, reason="lint: 1"))
    errors = [c for c in told(report) if c.name == "error"]
    warnings = [c for c in told(report) if c.name == "warning"]
    assert (len(errors), len(warnings)) == (10, 10)
    assert errors[1].message == "the worst"
    assert errors[-1].message.startswith("93 more errors: ")
    assert warnings[-1].message.startswith("41 more warnings: ")


@pytest.mark.parametrize(("count", "last"), [(9, "m8"), (10, "2 more")])
def test_as_many_as_github_keeps_are_all_told(count: int, last: str) -> None:
    failed = ruling("lint", outcome="fail", reason="lint: 1")
    report = make(verdict(failed, findings=of_gate("lint", count), reason="lint: 1"))
    assert len(told(report)) == 10
    assert told(report)[-1].message.startswith(last)


def place(finding: Finding, folder: str = "") -> dict[str, str]:
    failed = ruling("lint", outcome="fail", reason="lint: 1")
    project = ProjectName(folder=folder)
    found = told(make(verdict(failed, findings=(finding,), reason="lint: 1", project=project)))
    return {key: value for key, value in found[1].properties.items() if key != "title"}


def test_places_are_those_of_the_repository() -> None:
    finding = of_gate("lint", column=5, end_line=3, end_column=9)[0]
    assert place(finding, "services/api") == {
        "file": "services/api/a.py", "line": "3", "endLine": "3", "col": "5", "endColumn": "9",
    }  # fmt: skip


def test_columns_are_told_within_one_line_only() -> None:
    finding = of_gate("lint", column=5, end_line=4, end_column=9)[0]
    assert place(finding) == {"file": "a.py", "line": "3", "endLine": "4"}


@pytest.mark.parametrize(
    "path",
    ["../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "C:\\a.py", "a/../../b", None, ""],
)
def test_no_file_outside_is_named(path: str | None) -> None:
    found = place(Finding("R", "m", path=path, line=3, gate="lint"), "api")
    assert found == {"file": "api/pyproject.toml", "line": "1", "endLine": "1"}


@pytest.mark.parametrize("folder", ["../else", "/root", "a/../.."])
def test_no_folder_outside_is_named(folder: str) -> None:
    assert place(of_gate("lint")[0], folder)["file"] in ("a.py", "pyproject.toml")


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_a_hostile_path_stays_a_path(path: str) -> None:
    found = place(Finding("R", "m", path=path, line=3, gate="lint"))
    assert found == {"file": neutral(path), "line": "3", "endLine": "3"}


def test_a_path_that_is_too_long_is_told_and_not_named() -> None:
    failed = ruling("lint", outcome="fail", reason="lint: 1")
    finding = Finding("R", "m", path="a%" * 400, line=3, gate="lint")
    found = told(make(verdict(failed, findings=(finding,), reason="lint: 1")))[1]
    assert found == Command("error", f"{'a%' * 400}:3: m", {"title": "lint: R"})


def test_the_workflow_commands_of_the_hostile_text() -> None:
    failed = ruling("lint", outcome="fail", reason="lint: 1")
    text = "%0A::error::"
    found = Finding(text, text, path="a,b:c.py", line=1, gate="lint")
    line = commands(make(verdict(failed, findings=(found,), reason="lint: 1")))[1]
    assert line == (
        "::error file=a%2Cb%3Ac.py,line=1,endLine=1,title=lint%3A %250A%3A%3Aerror%3A%3A"
        "::%250A::error::"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_annotations(text: str) -> None:
    assert is_one_command_each(text)


@given(any_text | st.lists(st.sampled_from("%:,=\n\r#[]a"), max_size=20).map("".join))
@same_every_time
def test_any_text_in_annotations(text: str) -> None:
    assert is_one_command_each(text)


def is_one_command_each(text: str) -> bool:
    """The runner reads each as one, and what it reads is what was to be said."""
    report = make(all_over(text))
    found = told(report)
    assert all(len(line.splitlines()) == 1 and line.encode() for line in commands(report))
    assert {c.name for c in found} <= {"error", "warning"}
    assert set().union(*(c.properties for c in found)) <= {
        "file", "line", "endLine", "col", "endColumn", "title",
    }  # fmt: skip
    messages = {c.message for c in found}
    assert messages <= {
        neutral(said)
        for said in (f"FAIL · {text}", text, f"lint: {text}", f"{text}:3: {text}", f"{text}: {text}",
                     f"{text} · owner: {text}")
    }  # fmt: skip
    assert neutral(f"FAIL · {text}") in messages
    return True


@pytest.mark.parametrize("text", ["x" * 10_000, "%" * 10_000, "\n" * 10_000, "\U0001f600" * 10_000,
                                  "x" * 4_000 + "%" * 100, ",:" * 9_000])  # fmt: skip
def test_no_annotation_is_longer_than_github_keeps(text: str) -> None:
    failed = ruling("lint", outcome="fail", reason=text)
    found = Finding(text, text, path="a.py", line=1, gate="lint")
    report = make(verdict(failed, findings=(found,), reason=text))
    for line in commands(report):
        assert 4_086 < runner.length(line) <= 4_096
        assert line.endswith("…")
        assert not re.search("%(?!25|0A|0D|2C|3A)", line)
    for command in told(report):
        cut = command.message.removeprefix("FAIL · ").removesuffix("…")
        assert cut
        assert neutral(text).startswith(cut)


def test_annotations_of_a_hundred_thousand_findings() -> None:
    failed = ruling("lint", outcome="fail", reason="lint: 1")

    def work(size: int) -> Callable[[], object]:
        report = make(verdict(failed, findings=of_gate("lint", size), reason="lint: 1"))
        return lambda: len(commands(report))

    assert work(100_000)() == 10
    grows_linearly(work, 12_500)


# foreign text in the log


def test_nothing_foreign_is_obeyed() -> None:
    log: list[str] = []
    with github.foreign("github", log.append):
        log.append("::error::x\n::add-mask::a\nb ##[error]x\n::stop-commands::x\n::x::\n::debug::")
    log.append("::notice::ours")
    assert obeyed("\n".join(log)) == [Command("notice", "ours")]


def test_commands_are_resumed_after_a_line_that_did_not_end() -> None:
    log = []
    with github.foreign("github", lambda line: log.append(line + "\n")):
        log.append("no end ##[group]")
    log.append("::notice::ours")
    assert obeyed("".join(log)) == [Command("notice", "ours")]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_commands_are_resumed_whatever_happens(error: type[BaseException]) -> None:
    log: list[str] = []
    with pytest.raises(error), github.foreign("github", log.append):
        raise error
    assert len(log) == 2
    assert obeyed("\n".join(log)) == []


def test_each_run_has_a_token_of_its_own() -> None:
    log: list[str] = []
    for _ in range(2):
        with github.foreign("github", log.append):
            pass
    assert len(set(log)) == 4
    assert all(len(line) > 30 for line in log)


@pytest.mark.parametrize("ci", ["", "gitlab"])
def test_elsewhere_nothing_is_said(ci: str) -> None:
    log: list[str] = []
    with github.foreign(ci, log.append):
        pass
    assert log == []


# outputs


class Step:
    """The files of a step, and what is told there."""

    def __init__(self, folder: Path) -> None:
        self.output, self.summary = folder / "output", folder / "summary"
        self.output.touch()
        self.summary.touch()
        self.environment = {
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }
        self.log: list[str] = []

    def tell(self, report: Report, folder: Path = Path("/r")) -> list[str]:
        troubles = github.tell(report, folder, self.environment, self.log.append)
        assert all(len(trouble.splitlines()) == 1 for trouble in troubles)
        return troubles

    @property
    def outputs(self) -> dict[str, str]:
        return runner.outputs(self.output.read_bytes())


@pytest.fixture
def step(tmp_path: Path) -> Step:
    return Step(tmp_path)


REPORT = make(verdict(ruling("lint", outcome="fail", reason="lint: 1"), reason="lint: 1"))
OURS = {"verdict": "fail", "reason": "lint: 1", "report": "/r/report.html"}


def test_the_outputs(step: Step) -> None:
    assert step.tell(REPORT) == []
    assert step.outputs == OURS
    assert step.log == commands(REPORT)


HELD = [
    b"",
    b"a=b\n",
    b"a=b",
    b"a<<E\nb\nc\nE\n",
    b"a<<E\nb\nE",
    b"verdict=pass\n",
    b"VERDICT=pass\nReason=fine\n",
    b"\xef\xbb\xbf",
    b"\xef\xbb\xbfa=b\n",
    b"\n\n\n",
    b"a=b\r\n",
    b"a==\nb=<<E\n",
]
BROKEN = [
    b"verdict=pass\na<<E\n",
    b"verdict=pass\na<<E",
    b"a<<E\nverdict=pass",
    b"a<<E\nverdict=pass\n\n",
    b"a<< E \nE\n",
    b"a<<\xff\n\xfe\xfe\n",
    b"a<<E<<F=x\nE\n",
    b"verdict=pass\nrubbish\n",
    b"verdict=pass\nrubbish",
    b"verdict=pass\n<<E\nx\nE\n",
    b"verdict=pass\na<<\n",
    b"verdict=pass\n=x\n",
    b"\xff\xfev\0",
    b"\xfe\xff\0v",
    b"\0\0\xfe\xffx=y",
    b"verdict=pass\n\0\n",
]


@pytest.mark.parametrize("held", [*HELD, *BROKEN])
def test_our_outputs_stand_whatever_is_in_the_file(step: Step, held: bytes) -> None:
    step.output.write_bytes(held)
    troubles = step.tell(REPORT)
    assert OURS.items() <= step.outputs.items()
    assert bool(troubles) == (held in BROKEN)


@pytest.mark.parametrize("held", HELD)
def test_outputs_of_others_are_kept(step: Step, held: bytes) -> None:
    before = {k: v for k, v in runner.outputs(held).items() if k not in OURS}
    step.output.write_bytes(held)
    step.tell(REPORT)
    assert {k: v for k, v in step.outputs.items() if k not in OURS} == before


pieces = st.sampled_from(
    [b"a", b"=", b"<<", b"<", b"E", b"\n", b"\r", b"\n\n", b"verdict=pass\n", b"a<<E\n", b"E\n",
     b"\xff", b"\xe2\x82", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b" "]
)  # fmt: skip


@given(st.lists(pieces, max_size=14).map(b"".join))
@example(b"a<<E\n" * 3)
@settings(same_every_time, max_examples=2_000)
def test_our_outputs_stand_after_any_bytes(held: bytes) -> None:
    kept, closing = github.readable(held)
    found = runner.outputs(held[:kept] + closing + github.entry("verdict", "fail").encode())
    assert found["verdict"] == "fail"
    try:
        before = runner.outputs(held)
    except Unreadable:
        return
    if held[:2] in (b"\xff\xfe", b"\xfe\xff"):  # nothing but that mark: ours is UTF-8
        return
    assert {**before, "verdict": "fail"} == found
    assert (kept, closing.strip()) == (len(held), b"")


@pytest.mark.parametrize("text", [*HOSTILE, "a\nverdict=pass", "x\n" * 9_000, "\U000e0001" * 9_000])
def test_hostile_text_in_outputs(step: Step, text: str) -> None:
    step.tell(make(verdict(verdict=text, reason=text)))
    assert step.outputs["verdict"] == step.outputs["reason"]
    assert set(step.outputs) == set(OURS)
    assert len(step.outputs["reason"].splitlines()) == 1
    assert len(step.outputs["reason"]) <= github.VALUE
    if len(text) < 1_000:
        assert step.outputs["reason"] == neutral(text)


@given(any_text)
@same_every_time
def test_any_text_in_an_output(text: str) -> None:
    assert runner.outputs(github.entry("a", text).encode()) == {"a": neutral(text)}


def test_each_output_has_a_delimiter_of_its_own() -> None:
    delimiters = {github.entry("a", "b").splitlines()[0].partition("<<")[2] for _ in range(9)}
    assert len(delimiters) == 9
    assert all(len(delimiter) > 30 for delimiter in delimiters)


def test_a_delimiter_in_the_value_is_refused(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda size: "known")
    step.output.write_bytes(b"a=b\n")
    troubles = step.tell(make(verdict(reason="x devops-gates-known y")))
    assert [trouble for trouble in troubles if "delimiter" in trouble]
    assert step.output.read_bytes() == b"a=b\n"


def test_too_much_in_the_output_file_is_cut(step: Step) -> None:
    step.output.write_bytes(b"a=b\n" + b"c<<E\n" + b"verdict=pass\n" * 200_000 + b"E\n")
    assert "were removed" in step.tell(REPORT)[0]
    assert OURS.items() <= step.outputs.items()
    assert step.outputs["a"] == "b"
    assert step.output.stat().st_size < github.OUTPUT_CAP + 10_000


def test_half_a_value_of_others_is_none(step: Step) -> None:
    step.output.write_bytes(b"a=b\nlong=" + b"x" * 2**21 + b"\nc=d\n")
    assert "were removed" in step.tell(REPORT)[0]
    assert step.outputs == {"a": "b", **OURS}


@pytest.mark.parametrize("line", [b"\n", b"a=b\n", b"\xff\n"])
def test_it_is_read_in_linear_time(line: bytes) -> None:
    def work(size: int) -> Callable[[], object]:
        held = (b"a<<E\n" if line == b"\xff\n" else b"") + line * size
        return lambda: github.readable(held)

    grows_linearly(work, 2**16)


def test_the_docs_name_all_outputs_and_a_setting_that_is_valid() -> None:
    page = (Path(__file__).parents[2] / "docs/ci.md").read_text()
    told_there = page.partition("- **Outputs**: ")[2].partition("They are written")[0]
    assert set(re.findall("`([a-z]+)`", told_there)) - {"pass", "fail", "unknown"} == set(OURS)
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert config.read_table(config.load_toml(block.encode(), "docs")).ci == "off"


# the files themselves


@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
@pytest.mark.parametrize("value", [None, "", "/nowhere/at/all", "a\0b", "/dev/full", "/"])
def test_a_file_that_cannot_be_written_is_told(
    step: Step, variable: str, value: str | None
) -> None:
    if value is None:
        del step.environment[variable]
    else:
        step.environment[variable] = value
    troubles = step.tell(REPORT)
    assert [trouble.startswith(f"{variable}: not written: ") for trouble in troubles] == [True]
    others = {"GITHUB_OUTPUT": step.summary, "GITHUB_STEP_SUMMARY": step.output}
    assert others[variable].stat().st_size
    assert step.log


def test_no_pipe_is_waited_for(step: Step) -> None:
    step.output.unlink()
    os.mkfifo(step.output)
    assert step.tell(REPORT) == ["GITHUB_OUTPUT: not written: it is no plain file"]


def test_no_link_is_followed(step: Step, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    for file in (step.output, step.summary):
        file.unlink()
        file.symlink_to(elsewhere)
    assert len(step.tell(REPORT)) == 2
    assert elsewhere.read_text() == "mine"


@pytest.mark.parametrize("kind", ["link", "pipe", "missing"])
def test_what_a_test_put_into_the_runners_folder_is_replaced(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "_temp" / "_runner_file_commands"
    folder.mkdir(parents=True)
    step = Step(folder)
    forged = tmp_path / "forged"
    forged.write_text("verdict=pass\n")
    step.output.unlink()
    if kind == "link":
        step.output.symlink_to(forged)
    elif kind == "pipe":
        os.mkfifo(step.output)
    assert step.tell(REPORT) == []
    assert stat.S_ISREG(step.output.lstat().st_mode)
    assert step.outputs == OURS
    assert forged.read_text() == "verdict=pass\n"


def test_half_an_entry_is_none(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    step.output.write_bytes(b"a=b\n")

    def full(file: github.FileIO, at: int, text: bytes) -> None:
        file.seek(at)
        file.write(text[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(github, "_rewrite", full)
    assert "GITHUB_OUTPUT: not written: No space left on device" in step.tell(REPORT)
    assert step.output.read_bytes() == b"a=b\n"


def test_a_log_that_is_gone_is_told(step: Step) -> None:
    def gone(line: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    troubles = github.tell(REPORT, Path("/r"), step.environment, gone)
    assert troubles == ["annotations: not told: Broken pipe"]
    assert step.outputs == OURS


# the summary


def test_the_summary_is_the_report(step: Step) -> None:
    assert step.tell(REPORT) == []
    assert step.summary.read_text("utf-8") == markdown.render(REPORT)


@pytest.mark.parametrize("held", ["# Mine\n", "no end", "```\nopen", "<!-- open", "<details>\n"])
def test_the_verdict_stands_before_what_others_wrote(step: Step, held: str) -> None:
    step.summary.write_text(held)
    assert step.tell(REPORT) == []
    made = step.summary.read_text("utf-8")
    assert made == f"{markdown.render(REPORT)}\n---\n\n{held}"


@pytest.mark.parametrize("size", [400, 890, 899, 900, 901, 1_000, 1_024, 1_500, 50_000])
def test_the_summary_is_never_too_large(step: Step, size: int) -> None:
    step.summary.write_bytes(b"x" * 99 + b"\n" + b"y" * (size * 1_024 - 100))
    found = of_gate("lint", 10_000)
    failed = ruling("lint", outcome="fail", reason="lint: 1")
    report = make(verdict(failed, findings=found, reason="lint: 1"))
    troubles = step.tell(report)
    made = step.summary.read_bytes()
    assert len(made) <= github.SUMMARY_CAP < runner.SUMMARY_LIMIT
    assert made.decode().startswith("## ❌ FAIL\n\n`lint: 1`\n")
    assert b"x" * 99 + b"\n" in made
    assert bool(troubles) == (b"y" not in made.partition(b"x" * 99)[2])
    assert "more findings" in made.decode()


def test_the_report_gives_way_before_what_others_wrote_does(step: Step) -> None:
    held = b"x\n" * (440 * 1_024)
    step.summary.write_bytes(held)
    failed = ruling("lint", outcome="fail", reason="lint: 1")
    report = make(verdict(failed, findings=of_gate("lint", 10_000), reason="lint: 1"))
    assert step.tell(report) == []
    assert step.summary.read_bytes().endswith(held)


def test_what_breaks_no_condition_is_no_annotation() -> None:
    broken = Measured("findings.high", "==", 0, 1, None, False)
    found = (
        Finding("B1", "the one", Severity.HIGH, path="a.py", line=1, gate="bandit"),
        *(Finding("B2", f"other {n}", Severity.LOW, path="a.py", gate="bandit") for n in range(7)),
    )
    made = verdict(ruling("bandit", outcome="fail", conditions=(broken,)), findings=found)
    told = "\n".join(commands(make(made)))
    assert "the one" in told
    assert "other" not in told
