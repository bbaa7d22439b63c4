"""The reports of real runs: which files there are, in which folder, and whose."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from pytest_devops_gates import builtin
from pytest_devops_gates.publish import written
from tests.conftest import Checkout, Ended
from tests.runs.test_machine import assert_nothing_left, start_sleeping

pytestmark = pytest.mark.slow

FILES = sorted(reporter.file for reporter in written(builtin.REPORTERS, ""))
READABLE = ("report.html", "report.md")
DEVELOP = ("--devops-gates-stage", "develop")
PASSES = {"mod.py": "x = 1\n"}
FAILS = {"mod.py": "x = nothing\n"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_told_alike(run: Ended, folder: Path) -> None:
    """The reports in a folder are of this run's verdict."""
    assert json.loads((folder / "verdict.json").read_text()) == run.verdict
    for name in READABLE:
        text = (folder / name).read_text("utf-8")
        assert run.verdict["verdict"].upper() in text.upper(), name
        assert run.verdict["run_id"] in text, name
    assert set(FILES) <= names(folder)


def test_the_folder_of_a_run_holds_its_reports(checkout: Checkout) -> None:
    run = checkout.write(FAILS).commit().run(*DEVELOP)
    folder = checkout.latest.parent
    assert len(FILES) >= 5
    assert_told_alike(run, folder)
    assert not any(name.endswith(".error.log") or name.startswith(".") for name in names(folder))
    assert run.stderr == ""


def test_what_changed_since_the_last_run_is_told(checkout: Checkout) -> None:
    first = checkout.write(PASSES).run(*DEVELOP)
    assert first.verdict["since"] is None
    assert "since " not in first.stdout
    other = checkout.write({"test_it.py": "def test_a(): pass\n"}).test()
    assert other.verdict["since"] is None  # it asked something else
    second = checkout.write(FAILS).run(*DEVELOP)
    since = second.verdict["since"]
    assert (since["run_id"], since["verdict"]) == (first.verdict["run_id"], "pass")
    assert {"name": "lint", "before": "pass", "after": "fail"} in since["gates"]
    assert since["appeared"] == 1
    assert f"since {first.verdict['started']} (pass): lint pass → fail; " in second.stdout


def test_quiet_is_one_line_and_verbose_is_every_condition(checkout: Checkout) -> None:
    checkout.write(FAILS)
    quiet = checkout.run(*DEVELOP, "-q")
    assert quiet.stdout == f"verdict: FAIL · {quiet.verdict['reason']}\n"
    assert "findings.new 1, needs == 0: BROKEN" in checkout.run(*DEVELOP, "-v").stdout


# the folder that is asked for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that holds what an older run left, and something of somebody else."""
    made = tmp_path / "gates"
    made.mkdir()
    for name in (*FILES, "report.md.error.log"):
        (made / name).write_text("PASS, says an older run")
    (made / "verdict.json").write_text('{"verdict": "pass", "exit_status": 0}')
    (made / "keep.txt").write_text("not ours")
    return made


def old(folder: Path) -> list[str]:
    """The files of a folder that are still those of the older run."""
    found = [path for path in folder.iterdir() if path.is_file()]
    return [path.name for path in found if "older run" in path.read_text("utf-8", "replace")]


def test_the_folder_that_is_asked_for_gets_the_reports(checkout: Checkout, folder: Path) -> None:
    run = checkout.write(FAILS).run(*DEVELOP, f"--devops-gates-report={folder}")
    assert run.status == 1
    assert old(folder) == []
    assert (folder / "keep.txt").read_text() == "not ours"
    assert_told_alike(run, folder)
    assert (folder / "logs" / "lint" / "tool.stdout").is_file()


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_killed_run_leaves_no_older_verdict(checkout: Checkout, folder: Path) -> None:
    process = start_sleeping(checkout, f"--devops-gates-report={folder}")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert_nothing_left(checkout)
    left = json.loads((folder / "verdict.json").read_text())
    assert (left["verdict"], left["reason"]) == ("unknown", "did not finish")
    assert names(folder) == {"verdict.json", "keep.txt"}


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_an_interrupted_run_has_reports(checkout: Checkout, folder: Path) -> None:
    process = start_sleeping(checkout, f"--devops-gates-report={folder}")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=40)
    verdict = json.loads(checkout.latest.read_text())
    ended = Ended(process.returncode, said, "", verdict)
    assert (ended.status, verdict["exit_status"]) == (2, 2)
    assert old(folder) == []
    assert_told_alike(ended, folder)
    assert_told_alike(ended, checkout.latest.parent)


BREAKS = """
from pytest_devops_gates import policy
def broken(*args): raise RuntimeError("a bug")
policy.answer = broken
"""


@pytest.mark.parametrize(
    ("files", "args", "status"),
    [
        ({"plugins/breaks.py": BREAKS}, ("-p", "breaks"), 3),
        ({"pyproject.toml": "[tool.devops-gates]\nzzz = 1\n"}, (), 4),
        ({}, ("--devops-gates-profile", "marge"), 4),
        ({"plugins/bad.py": "def pytest_devops_gates_add_reporters(): return 5\n"}, ("-p", "bad"), 4),
        ({"pyproject.toml": "", "sub/pytest.ini": "[pytest]\n"}, ("--rootdir=sub",), 4),
    ],
)  # fmt: skip
def test_a_run_that_went_wrong_has_reports(
    files: dict[str, str], args: tuple[str, ...], status: int, checkout: Checkout, folder: Path
) -> None:
    checkout.write({**PASSES, **files})
    below = checkout.root / "sub" if "sub/pytest.ini" in files else checkout.root
    env = {"PYTHONPATH": str(checkout.root / "plugins")}
    run = Checkout(below).run(
        *DEVELOP, *args, f"--devops-gates-report={folder}", env=env, cwd=checkout.root
    )
    assert (run.status, run.verdict["exit_status"], run.verdict["verdict"]) == (status,) * 2 + (
        "unknown",
    ), run
    assert old(folder) == []
    assert_told_alike(run, folder)
    assert_told_alike(run, Checkout(below).latest.parent)


def test_a_report_that_cannot_be_handed_over_is_unknown(checkout: Checkout, folder: Path) -> None:
    """A file in the place of a folder."""
    (folder / "logs").write_text("not ours")
    checkout.write({"test_it.py": "def test_a(): pass\n"})
    run = checkout.test(f"--devops-gates-report={folder}")
    assert (run.status, run.verdict["verdict"], run.verdict["exit_status"]) == (6, "unknown", 6)
    assert "the verdict could not be written" in run.verdict["reason"]
    assert str(folder / "logs") in run.verdict["reason"]
    assert json.loads((folder / "verdict.json").read_text())["verdict"] == "unknown"
    assert old(folder) == []
    assert not set(READABLE) & names(folder)
    assert_told_alike(run, checkout.latest.parent)


@pytest.mark.parametrize("name", ["report.html", "verdict.json"])
def test_a_folder_that_cannot_be_cleared_is_a_usage_error(
    name: str, checkout: Checkout, folder: Path
) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()
    run = checkout.write(PASSES).run(*DEVELOP, f"--devops-gates-report={folder}")
    assert (run.status, run.verdict["exit_status"]) == (4, 4), run
    assert "--devops-gates-report: " in run.verdict["reason"]
    assert_told_alike(run, checkout.latest.parent)


@pytest.mark.skipif(os.name != "posix", reason="pipes and links")
def test_what_is_no_file_is_not_handed_over(checkout: Checkout, folder: Path) -> None:
    litter = """
    import os, pathlib
    def test_litter():
        (run,) = pathlib.Path(".devops-gates/runs").iterdir()
        (run / "zero").symlink_to("/dev/zero")
        (run / "dangling").symlink_to("nowhere")
        (run / "up").symlink_to("../..")
        os.mkfifo(run / "pipe")
        (run / "logs").mkdir(exist_ok=True)
        (run / "logs" / "tmp").write_text("x")
        (run / "logs" / "verdict.json").write_text("x")
    """
    run = checkout.write({"test_it.py": litter}).test(f"--devops-gates-report={folder}")
    assert run.status == 0, run
    assert_told_alike(run, folder)
    assert not {"zero", "dangling", "up", "pipe"} & names(folder)
    assert {"tmp", "verdict.json"} <= names(folder / "logs")


# plugins


PLUGIN = """
import pathlib
from pytest_devops_gates import Reporter

def pytest_devops_gates_add_reporters():
    yours = Reporter("yours", lambda report: "only when asked for")
    return [Reporter("mine", lambda report: report.headline, file="mine.txt"), yours]

def pytest_devops_gates_verdict(report):
    there = pathlib.Path(".devops-gates/latest/mine.txt").read_text() == report.headline
    pathlib.Path("told.txt").write_text(f"{report.verdict.exit_status} {there}")
"""
CRASHING = """
import sys
from pytest_devops_gates import Reporter

def wrong(report): raise ValueError("one\\ntwo, with postgres://user:pa55word@host")

def pytest_devops_gates_add_reporters():
    return [
        Reporter("raises", wrong, file="raises.txt"),
        Reporter("exits", lambda report: sys.exit(0), file="exits.txt"),
        Reporter("lies", lambda report: b"x", file="lies.txt"),
    ]

def pytest_devops_gates_verdict(report):
    report.verdict.gates[0].metrics.clear()
    report.rules.clear()
    sys.exit(0)
"""


def with_plugin(checkout: Checkout, text: str) -> Ended:
    checkout.write({"plugins/my_reports.py": text})
    env = {"PYTHONPATH": str(checkout.root / "plugins")}
    return checkout.run(*DEVELOP, "-p", "my_reports", env=env)


@pytest.mark.parametrize("files", [PASSES, FAILS])
def test_a_plugin_adds_reports_and_is_told_the_verdict(
    files: dict[str, str], checkout: Checkout
) -> None:
    run = with_plugin(checkout.write(files), PLUGIN)
    assert run.status == (files is FAILS)
    told = checkout.latest.with_name("mine.txt").read_text()
    assert told == f"{run.verdict['verdict'].upper()} · {run.verdict['reason']}"
    assert (checkout.root / "told.txt").read_text() == f"{run.status} True"
    assert_told_alike(run, checkout.latest.parent)
    assert run.stderr == ""


@pytest.mark.parametrize("files", [PASSES, FAILS])
def test_a_plugin_that_crashes_changes_nothing(files: dict[str, str], checkout: Checkout) -> None:
    run = with_plugin(checkout.write(files), CRASHING)
    assert (run.status, run.verdict["exit_status"]) == ((files is FAILS),) * 2, run
    assert f"verdict: {run.verdict['verdict'].upper()}" in run.stdout
    assert_told_alike(run, checkout.latest.parent)
    made = names(checkout.latest.parent)
    assert not {"raises.txt", "exits.txt", "lies.txt"} & made
    assert {"raises.txt.error.log", "exits.txt.error.log", "lies.txt.error.log"} <= made
    told = run.stderr.splitlines()
    could_not = "devops gates: the report"
    assert [re.sub(" · .*", "", line) for line in told] == [
        f"{could_not} raises.txt could not be made: ValueError: one\\ntwo, with postgres://***@host",
        f"{could_not} exits.txt could not be made: SystemExit: 0",
        f"{could_not} lies.txt could not be made: TypeError: render returned bytes, not str",
        "devops gates: the plugin my_reports failed to take the verdict: SystemExit: 0",
    ]


# secrets


def test_a_secret_is_in_no_report(checkout: Checkout) -> None:
    leaks = """
    import json, os, pytest
    from urllib.parse import quote
    TOKEN, KEY = os.environ["API_TOKEN"], os.environ["DEPLOY_SECRET"]
    def test_exception(): raise ValueError(f"{TOKEN} was refused")
    def test_url(): raise ValueError(f"https://x:{quote(TOKEN, safe='')}@host/?key={quote(TOKEN)}")
    def test_repr(): raise ValueError(f"{TOKEN!r} {json.dumps(TOKEN)}")
    def test_line(): raise ValueError(KEY.splitlines()[1])
    def test_dump(): raise ValueError("OTHER_PASSWORD=pa55word-of-another")
    def test_header(): raise ValueError("Authorization: Bearer pa55word-of-another")
    @pytest.mark.parametrize("x", [TOKEN])
    def test_id(x): assert not x
    def test_skipped(): pytest.skip(f"no {TOKEN}")
    """
    value = "s3cr3t/'value\"-12345"
    key = "\n".join(["-----BEGIN X-----", "MIIEowIBAAKCAQEA1234", "-----END X-----"])
    run = checkout.write({"test_leaks.py": leaks}).test(
        env={"API_TOKEN": value, "DEPLOY_SECRET": key}
    )
    assert run.verdict["tests"]["failed"] == 7, run
    for name in ("verdict.json", *FILES):
        text = checkout.latest.with_name(name).read_text("utf-8")
        for part in ("s3cr3t", "MIIEowIBAAKCAQEA1234", "pa55word-of-another"):
            assert part not in text, name
    assert "***" in checkout.latest.read_text()


# an old pass must not stay in sight

NO_ROOM = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"


def test_where_nothing_can_be_written_no_older_pass_is_left(
    checkout: Checkout, folder: Path
) -> None:
    assert checkout.write(PASSES).run(*DEVELOP).status == 0
    code = f"{NO_ROOM} import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    checkout.write(FAILS)
    run = checkout.run(*DEVELOP, f"--devops-gates-report={folder}", door=("-c", code))
    assert run.status == 6
    assert "nothing can be written" in run.stderr
    assert not checkout.latest.exists()
    assert names(folder) == {"keep.txt"} | {n for n in names(folder) if n.endswith(".error.log")}


def test_a_test_cannot_lead_latest_to_an_older_pass(checkout: Checkout) -> None:
    checkout.write({"test_it.py": "def test_it(): pass\n"})
    assert checkout.test().status == 0
    checkout.write(
        {
            "test_it.py": """
            import os
            def test_it():
                os.chdir(".devops-gates")
                older = sorted(os.listdir("runs"))[0]
                os.unlink("latest")
                os.symlink("runs/" + older, "latest")
                assert 0
            """
        }
    )
    run = checkout.test()
    assert (run.status, run.verdict["verdict"]) == (1, "fail")


def test_latest_stays_with_a_younger_run(checkout: Checkout) -> None:
    """Of two at a time, the one that began last."""
    checkout.write(
        {
            "test_it.py": """
            import os, subprocess, sys, time
            def test_it():
                time.sleep(1.1)  # ids have seconds
                if "INNER" not in os.environ:
                    inner = [sys.executable, "-m", "pytest", "-q", "--devops-gates",
                             "--devops-gates-stage=test", "-p", "no:cacheprovider"]
                    subprocess.run(inner, env={**os.environ, "INNER": "1"})
                    open("latest", "w").write(os.readlink(".devops-gates/latest"))
            """
        }
    )
    run = checkout.test()
    assert f"runs/{run.verdict['run_id']}" == (checkout.root / "latest").read_text()
    assert len(list((checkout.root / ".devops-gates" / "runs").iterdir())) == 2


def test_a_new_report_folder_in_the_checkout_is_no_change_of_it(checkout: Checkout) -> None:
    checkout.write(PASSES).commit()
    checkout.run(*DEVELOP, "--devops-gates-report", "gates")
    assert checkout.git("status", "--porcelain") == ""
    run = checkout.run(*DEVELOP, "--devops-gates-report", "gates", "--devops-gates-profile=release")
    assert run.outcome("tree") == "pass", run
