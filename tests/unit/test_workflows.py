"""The gate ``workflows``: what zizmor says, and what it passes over."""

from __future__ import annotations

import json
import shutil
import sysconfig
from pathlib import Path

import pytest

from pytest_devops_gates import zizmor_json
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Confidence, Evidence, Severity
from pytest_devops_gates.gate import Output
from pytest_devops_gates.gates import workflows
from pytest_devops_gates.gates.workflows import CANARY, WORKFLOWS, inputs
from pytest_devops_gates.testing import judge, project, prove, write
from tests.unit.samples import DATA

WEAK = ".github/workflows/weak.yml"
BROKEN = ".github/workflows/broken.yml"
DEPENDABOT = ".github/dependabot.yml"
SOUND = """\
name: sound
on: push
permissions: {}
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - run: echo hello
"""
SAID = (DATA / "zizmor-1.32.0-stderr.txt").read_bytes()
needs_zizmor = pytest.mark.skipif(
    shutil.which("zizmor", path=sysconfig.get_path("scripts")) is None,
    reason="PyPI has zizmor for Python 3.11 and newer",
)


def read(names: list[str], stdout: object, code: int, stderr: bytes = SAID) -> Evidence:
    text = stdout if isinstance(stdout, bytes) else json.dumps(stdout).encode()
    return zizmor_json.read(Output(code, text, stderr), names)


def results() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((DATA / "zizmor-1.32.0.json").read_text())
    return found


def test_findings_have_their_place_severity_and_confidence():
    evidence = read([WEAK, DEPENDABOT], results(), 14)
    told = {f.rule: (f.severity, f.confidence, f.path, f.line) for f in evidence.findings}
    assert told["template-injection"] == (Severity.HIGH, Confidence.HIGH, WEAK, 8)
    assert told["dependabot-cooldown"] == (Severity.MEDIUM, Confidence.HIGH, DEPENDABOT, 3)
    injection = next(f for f in evidence.findings if f.rule == "template-injection")
    assert "replace expression with environment variable" in injection.message
    line = '      - run: echo "${{ github.event.pull_request.title }}"'
    assert injection.column
    assert injection.end_column
    span = line[injection.column - 1 : injection.end_column - 1]
    assert span == "github.event.pull_request.title"
    assert (evidence.examined, evidence.unknown) == (2, None)
    assert {rule.id for rule in evidence.rules} == set(told)
    assert all(rule.uri.startswith("https://docs.zizmor.sh/") for rule in evidence.rules)


def test_a_file_that_is_skipped_with_exit_code_0_is_unknown():
    said = (DATA / "zizmor-1.32.0-skipped-stderr.txt").read_bytes()
    evidence = read([".github/workflows/sound.yml", BROKEN], [], 0, said)
    assert evidence.examined == 1
    assert evidence.unknown
    assert evidence.unknown.startswith(f"zizmor did not read {BROKEN}: failed to parse input: did")


def test_what_is_skipped_does_not_hide_what_was_found():
    evidence = read([WEAK, BROKEN, DEPENDABOT], results(), 14)
    assert evidence.unknown
    assert len(evidence.findings) == 3


def test_no_input_is_no_pass():
    said = (DATA / "zizmor-1.32.0-no-input-stderr.txt").read_bytes()
    with pytest.raises(CannotTell, match="performed no audit: error: no inputs collected"):
        read([BROKEN], b"", 3, said)


@pytest.mark.parametrize("code", [0, 10, 11, 12, 13])
def test_an_exit_code_that_does_not_go_with_the_findings_is_a_contradiction(code):
    with pytest.raises(CannotTell, match="contradicts itself"):
        read([WEAK], results(), code)


@pytest.mark.parametrize("code", [10, 11, 12, 13, 14])
def test_nothing_found_goes_with_exit_code_0_alone(code):
    with pytest.raises(CannotTell, match="contradicts itself"):
        read([WEAK], [], code)


@pytest.mark.parametrize(
    ("severity", "code"), [("Informational", 11), ("Low", 12), ("Medium", 13), ("High", 14)]
)
def test_each_severity_has_its_exit_code(severity, code):
    one = results()[0] | {"determinations": {"severity": severity, "confidence": "Low"}}
    assert len(read([WEAK, DEPENDABOT], [one], code).findings) == 1


def test_an_ignored_finding_is_none():
    assert read([WEAK], [one | {"ignored": True} for one in results()], 0).findings == ()


@pytest.mark.parametrize(
    "stdout",
    [
        *(b"", b"[", b"{}", b"null", b"[NaN]", b"[{}]", b"[] []", b"\xff[]", b"\xef\xbb\xbf[]"),
        [results()[0] | {"determinations": {"severity": "Unheard", "confidence": "Low"}}],
        [results()[0] | {"locations": [{}]}],
        [results()[0] | {"locations": None}],
    ],
)
def test_another_shape_is_unknown(stdout):
    with pytest.raises(CannotTell):
        read([WEAK], stdout, 14)


def test_a_finding_without_a_place_is_one():
    (found,) = read([WEAK, DEPENDABOT], [results()[0] | {"locations": []}], 13).findings
    assert (found.path, found.line) == (None, None)


def test_a_crash_says_why_without_its_stack():
    said = b" INFO zizmor: x zizmor v1.32.0\nfatal: no audit was performed\nfailed to load a.yml\n\nCaused by:\n    0: no UTF-8\n\nStack backtrace:\n   0: main\n"
    with pytest.raises(
        CannotTell, match=r"^performed no audit: failed to load a.yml; 0: no UTF-8$"
    ):
        read([WEAK], b"", 1, said)
    with pytest.raises(CannotTell, match="it does not say why"):
        read([WEAK], b"", 1, b"")


# which files, and the tool itself


def test_the_inputs_are_what_github_reads(tmp_path):
    runs = "name: x\nruns:\n  using: composite\n  steps: []\n"
    files = {
        ".github/workflows/a.yml": SOUND,
        ".github/workflows/b.yaml": SOUND,
        ".github/workflows/deeper/c.yml": SOUND,
        ".github/workflows/README.md": "",
        ".github/dependabot.yml": "version: 2\n",
        "action.yml": runs,
        "tools/mine/action.yaml": runs,
        "other/action.yml": "name: of another kind\n",
        "tests/data/action.yml": runs,
        "src/workflows/d.yml": SOUND,
    }
    found = inputs(project(write(tmp_path, files)))
    assert sorted(found) == [
        ".github/dependabot.yml",
        ".github/workflows/a.yml",
        ".github/workflows/b.yaml",
        "action.yml",
        "tools/mine/action.yaml",
    ]


def test_with_git_what_it_ignores_is_no_input(tmp_path):
    files = {WEAK: SOUND, BROKEN: "", ".gitignore": "broken.yml\n"}
    assert inputs(project(write(tmp_path, files), toplevel=tmp_path, files=(WEAK,))) == [WEAK]


def test_without_ci_files_the_question_does_not_arise(tmp_path):
    write(tmp_path, {"app.py": ""})
    assert judge(WORKFLOWS, tmp_path).reason == workflows.NONE


def test_a_listing_that_failed_is_unknown(tmp_path):
    assert judge(WORKFLOWS, tmp_path, listing_error="git is gone").outcome == "unknown"


@pytest.mark.parametrize(("profile", "outcome"), [("commit", "off"), ("operate", "off")])
def test_it_is_off_where_it_is_not_meant(tmp_path, profile, outcome):
    write(tmp_path, {WEAK: CANARY})
    assert judge(WORKFLOWS, tmp_path, profile=profile).outcome == outcome


def test_without_zizmor_it_is_unknown_with_the_line_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(workflows, "find_optional", lambda name, checkout: None)
    here = project(write(tmp_path, {WEAK: SOUND}))
    with pytest.raises(CannotTell, match=r"zizmor is not installed · .*install"):
        workflows.command(here, None)


@needs_zizmor
def test_it_bites(tmp_path):
    write(tmp_path, {".github/workflows/a b.yml": SOUND})
    clean, planted = prove(WORKFLOWS, tmp_path)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["dangerous-triggers", "template-injection"]


@needs_zizmor
def test_the_projects_own_settings_hold(tmp_path: Path):
    settings = (
        "rules:\n  template-injection: {disable: true}\n  dangerous-triggers: {disable: true}\n"
    )
    write(tmp_path, {WEAK: CANARY, ".github/zizmor.yml": settings})
    assert judge(WORKFLOWS, tmp_path).outcome == "pass"
    write(tmp_path, {".github/zizmor.yml": "rules: [\n"})
    broken = judge(WORKFLOWS, tmp_path)
    assert broken.outcome == "unknown"
    assert "configuration error" in broken.reason


@needs_zizmor
@pytest.mark.parametrize(
    "content", ["", "jobs: [one\n", "name: x\non: push\njobs: 3\n", b"\xff\xfe\0"]
)
def test_a_file_that_zizmor_cannot_read_is_unknown_by_name(tmp_path, content):
    write(tmp_path, {".github/workflows/sound.yml": SOUND, BROKEN: content})
    judged = judge(WORKFLOWS, tmp_path)
    assert judged.outcome == "unknown"
    assert "broken.yml" in judged.reason
