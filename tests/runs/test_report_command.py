"""``devops-gates report`` on real runs: the same again, from the run's folder alone."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates.builtin import REPORTERS
from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

DOOR = (sys.executable, "-m", "pytest_devops_gates", "report")


def report(checkout: Checkout, *args: str, **options: Any) -> Ended:
    return checkout.run(command=[*DOOR, *args], **options)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A project with a run that failed: two findings, and coverage."""
    root = tmp_path_factory.mktemp("judged") / "project"
    root.mkdir()
    checkout = Checkout(root)
    checkout.write(
        {
            "app/__init__.py": "def f(x):\n    return x if x else undefined_name\n",
            "tests/unit/test_app.py": """
                import app, pytest, time
                def test_f(): assert app.f(1)
                def test_slow(): time.sleep(0.05)
                @pytest.mark.skip(reason="not <b>now</b>")
                def test_later(): pass
                def test_bad(): assert 1 == 2
                """,
        }
    ).commit()
    run = checkout.run("--devops-gates-stage", "develop", "--devops-gates-stage", "test")
    assert run.status == 1, run
    return checkout


def folder_of(checkout: Checkout) -> Path:
    return (checkout.root / ".devops-gates" / "latest").resolve()


@pytest.mark.parametrize("reporter", [r.name for r in REPORTERS if r.file and not r.ci])
def test_every_report_is_made_again_byte_for_byte(judged: Checkout, reporter: str) -> None:
    file = next(r.file for r in REPORTERS if r.name == reporter)
    written = (folder_of(judged) / file).read_bytes()
    run = report(judged, "--format", reporter)
    assert run.status == 0
    assert run.stdout.encode() == written
    assert len(written) > 300


def test_from_the_folder_alone(judged: Checkout, tmp_path: Path) -> None:
    """In another place, without the project, and without all that a report is not made from."""
    copy = tmp_path / "artefact"
    shutil.copytree(folder_of(judged), copy)
    for path in copy.iterdir():
        if path.name not in ("verdict.json", "coverage.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    elsewhere = Checkout(tmp_path)
    for name, file in (("html", "report.html"), ("sarif", "findings.sarif")):
        run = report(elsewhere, str(copy), "--format", name, "--output", str(tmp_path / "out"))
        assert run.status == 0, run
        assert (tmp_path / "out").read_bytes() == (folder_of(judged) / file).read_bytes()


def test_the_terminal_is_the_default(judged: Checkout) -> None:
    run = report(judged)
    first, second = run.stdout.splitlines()[:2]
    assert " devops gates " in first
    assert second == f"verdict: FAIL · {run.verdict['reason']}"
    assert report(judged, "-q").stdout == f"verdict: FAIL · {run.verdict['reason']}\n"
    assert "failed 1, needs == 0: BROKEN" in report(judged, "-v").stdout
    assert "\x1b" not in run.stdout


def test_particulars_of_the_tests_are_in_the_verdict(judged: Checkout) -> None:
    detail = report(judged, "-q").verdict["tests"]["detail"]
    assert detail["levels"] == [{"name": "unit", "run": 3, "failed": 1, "skipped": 1}]
    assert detail["slowest"][0]["id"].endswith("::test_slow")
    assert detail["skips"] == [{"reason": "not <b>now</b>", "tests": 1}]


def test_a_run_is_named_by_the_beginning_of_its_id(judged: Checkout) -> None:
    run_id = folder_of(judged).name
    for named in (run_id, run_id[:-1], "latest", str(folder_of(judged))):
        assert report(judged, named, "-q").status == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nope"], "no run begins with 'nope'"),
        (["--format", "htm"], "unknown format 'htm' (did you mean 'html'?)"),
        (["./nowhere"], "No such file or directory"),
        (["--format", "html", "--output", "no/such/folder.html"], "No such file or directory"),
        (["--colour"], "unknown argument: --colour"),
    ],
)
def test_mistakes_are_told_in_one_line(judged: Checkout, args: list[str], told: str) -> None:
    run = report(judged, *args)
    assert (run.status, run.stdout) == (4, "")
    assert told in run.stderr
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"schema": "x"}', b"\xff\xfe{\x00}\x00", b"[" * 200_000, b"null"],
)
def test_what_is_no_verdict_is_told(checkout: Checkout, content: bytes) -> None:
    checkout.write({"run/verdict.json": content})
    run = report(checkout, "run")
    assert (run.status, run.stdout) == (4, ""), run
    assert "run/verdict.json" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_verdict_of_another_schema_is_not_guessed_at(judged: Checkout, tmp_path: Path) -> None:
    content = json.loads((folder_of(judged) / "verdict.json").read_text())
    content["schema"] = "pytest-devops-gates/verdict/2"
    (tmp_path / "verdict.json").write_text(json.dumps(content))
    run = report(judged, str(tmp_path))
    assert run.status == 4
    assert "pytest-devops-gates/verdict/2" in run.stderr


def test_no_run_yet(checkout: Checkout) -> None:
    run = report(checkout)
    assert run.status == 6
    assert "pytest --devops-gates" in run.stderr


BROWSER = """#!/bin/sh
printf '%s' "$1" > "$OPENED"
"""


@pytest.fixture
def browser(tmp_path: Path) -> dict[str, str]:
    """A browser that only notes what it was to open."""
    program = tmp_path / "browser"
    program.write_text(BROWSER)
    program.chmod(0o755)
    return {"BROWSER": f"{program} %s", "OPENED": str(tmp_path / "opened"), "DISPLAY": ":0"}


def test_open_shows_the_page_in_the_browser(judged: Checkout, browser: dict[str, str]) -> None:
    run = report(judged, "--open", env=browser)
    assert (run.status, run.stdout) == (0, ""), run
    opened = Path(browser["OPENED"]).read_text()
    assert opened == (folder_of(judged) / "report.html").as_uri()


def test_open_works_where_the_folder_takes_no_file(
    judged: Checkout, browser: dict[str, str], tmp_path: Path
) -> None:
    copy = tmp_path / "artefact"
    shutil.copytree(folder_of(judged), copy)
    (copy / "report.html").unlink()
    (copy / "report.html" / "taken").mkdir(parents=True)
    run = report(judged, str(copy), "--open", env=browser)
    assert run.status == 0, run
    opened = Path(Path(browser["OPENED"]).read_text().removeprefix("file://"))
    assert opened.read_bytes() == (folder_of(judged) / "report.html").read_bytes()


def test_a_folder_of_the_checkout_named_latest_is_not_the_latest_run(judged: Checkout) -> None:
    verdict = json.loads((folder_of(judged) / "verdict.json").read_text())
    judged.write({"latest/verdict.json": json.dumps({**verdict, "verdict": "pass"})})
    assert report(judged, "-q").stdout.startswith("verdict: FAIL")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"verdict": "pass\x1b]0;owned\x07"}, "pass\\x1b"),
        ({"stages": []}, "no word of it"),
        ({"gates": [{"name": "lint\n::error::x", "outcome": "pass"}]}, "lint\\n::error"),
        ({"gates": [{"outcome": "fail\x1b[31m"}]}, "fail\\x1b"),
        ({"gates": [{"stage": "moon"}]}, "moon"),
    ],
)
def test_a_verdict_with_words_that_are_none_of_ours_is_refused(
    judged: Checkout, tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    content = json.loads((folder_of(judged) / "verdict.json").read_text())
    for name, value in change.items():
        if name == "gates":
            content["gates"][0] |= value[0]
        else:
            content[name] = value
    (tmp_path / "verdict.json").write_text(json.dumps(content))
    run = report(judged, str(tmp_path))
    assert (run.status, run.stdout) == (4, ""), run
    assert told in run.stderr
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize("body", ["raise ValueError('x')", "raise SystemExit(0)", "return b'x'"])
def test_a_reporter_that_fails_is_told_in_one_line(
    judged: Checkout, tmp_path: Path, body: str
) -> None:
    plugin = f"""
from pytest_devops_gates import Reporter
def render(report):
    {body}
def pytest_devops_gates_add_reporters():
    return Reporter("broken", render)
"""
    (tmp_path / "broken_reporter.py").write_text(plugin)
    env = {"PYTHONPATH": str(tmp_path)}
    run = report(judged, "--format", "broken", "--", "-p", "broken_reporter", env=env)
    assert (run.status, run.stdout) == (4, "")
    assert "the report broken could not be made" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_run_of_an_endless_name_is_told(judged: Checkout) -> None:
    run = report(judged, "x" * 5000)
    assert (run.status, run.stdout) == (4, "")
    assert len(run.stderr) < 1000
