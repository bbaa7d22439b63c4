"""What lets a roll-out begin, what it gets, and what is written down of it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from pytest_devops_gates import builtin, config, deployments, git, testing
from pytest_devops_gates.approvals import FILE
from pytest_devops_gates.cli import release_deploy
from pytest_devops_gates.config import EnvironmentTable
from pytest_devops_gates.deployments import (
    DEPLOYED,
    FAILED,
    REJECTED,
    STARTED,
    Deployment,
)
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.gates.incidents import INCIDENTS
from pytest_devops_gates.gates.ruff import LINT
from pytest_devops_gates.outlook import Outlook, Prospect
from pytest_devops_gates.plan import plan
from pytest_devops_gates.policy import Settings
from pytest_devops_gates.release.check import failed
from pytest_devops_gates.rollout import arguments, deploy, lock, newest, operation, seal
from pytest_devops_gates.rollout.deploy import RollOut
from pytest_devops_gates.rollout.permission import Asked, Permission, permission
from pytest_devops_gates.verdict import PolicySource
from tests.conformance import make, sample
from tests.unit.test_version import commit
from tests.unit.test_version import git as run_git

KEYS = Path(make.__file__).parent / "keys"
PYPROJECT = """\
[tool.devops-gates.gates.freeze.options]
holidays = {holidays}

[tool.devops-gates.environments.production]
key = "release.pub"
"""


def day(days: int) -> str:
    return f"{datetime.now(timezone.utc).date() + timedelta(days=days)}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a key, an environment, and one approval of its only commit of code."""
    files: dict[str, str | bytes] = {
        "pyproject.toml": PYPROJECT.format(holidays=[]),
        "app.py": "x = 1\n",
        ".gitignore": ".devops-gates/\n",
        "release.pub": (KEYS / "release.pub").read_bytes(),
        "other.pub": (KEYS / "other.pub").read_bytes(),
    }
    root = commit(testing.write(tmp_path_factory.mktemp("made") / "app", files))
    return approve(root)


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "app"))


def approve(root: Path, **fields: str) -> Path:
    """The one approval, of HEAD if nothing else is said, in a commit."""
    head = run_git(root, "rev-parse", "HEAD")
    told = {"who": '"B <b@example.org>"', "when": day(0), "commit": f'"{head}"', **fields}
    lines = "".join(f"{key} = {value}\n" for key, value in told.items())
    return commit(testing.write(root, {FILE: f"[[approval]]\n{lines}"}))


def outlook(root: Path) -> Outlook:
    """As the command has it, without pytest."""
    project = testing.project(root, profile="release")
    state = git.state(root)
    project = msgspec.structs.replace(project, commit=state.commit, dirty=state.dirty)
    table = config.read_table(project.pyproject)
    made = plan(table, builtin.GATES, project, profile="release")
    return Outlook(project, made, (), PolicySource("pyproject.toml", sample.POLICY), table)


def released(
    root: Path, change: Callable[[dict[str, Any]], object] = lambda _: None, key: Any = make.RELEASE
) -> Path:
    """The folder of a run of HEAD that has just ended, signed."""

    def today(told: dict[str, Any]) -> None:
        started = datetime.now(timezone.utc) - timedelta(minutes=1)
        told["started"] = started.strftime("%Y-%m-%dT%H:%M:%SZ")
        told["run_id"] = started.strftime("%Y%m%dT%H%M%SZ-0a1b2c")
        told["waivers"][0]["expires"] = day(30)
        told["commit"] = run_git(root, "rev-parse", "HEAD")
        change(told)

    folder = root / ".devops-gates" / "runs" / sample.RUN_ID
    files: dict[str, str | bytes] = {**make.bundle(today, key), "logs/package/result.json": "{}"}
    built = {f"dist/{name}": data for name, data in sample.ARTEFACTS.items()}
    return testing.write(folder, {**files, **built})


def asked(folder: Path, **fields: Any) -> Asked:
    own = {k: fields.pop(k) for k in ("name", "key", "policy_sha256", "artefacts") if k in fields}
    table = EnvironmentTable(**{"key": "release.pub", **fields})
    digests = {f"dist/{n}": sample.sha256(d) for n, d in sample.ARTEFACTS.items()}
    return Asked(**{"name": "production", "environment": table, "folder": folder,
                    "artefacts": digests, **own})  # fmt: skip


def refused(root: Path, folder: Path, **fields: Any) -> str:
    """What stands against it, in lines; nothing if it may begin."""
    granted = permission(asked(folder, **fields), outlook(root))
    return "\n".join(f"{check.name}: {check.says}" for check in failed(granted.checks))


def test_what_passed_and_is_approved_may_begin(root: Path) -> None:
    granted = permission(asked(released(root)), outlook(root))
    assert failed(granted.checks) == []
    assert granted.approved_by == ("B <b@example.org>",)
    assert granted.verdict is not None
    assert {check.outcome for check in granted.checks} == {"ok"}, "nothing is left out"


def test_approvals_after_the_run_are_no_other_commit(root: Path) -> None:
    folder = released(root)
    approve(root)  # names a commit that is later than that of the run
    assert refused(root, folder) == ""
    commit(testing.write(root, {"app.py": "x = 2\n"}))
    assert "commit: commit: " in refused(root, folder)


APPROVALS = {
    "none": ({"policy": '"0"', "commit": f'"{"0" * 40}"'}, "approval: approval: 0 of 1 approvals"),
    "expired": ({"when": day(-9), "expires": day(-2)}, "0 of 1 approvals hold"),
    "of the future": ({"when": day(2)}, "0 of 1 approvals hold"),
    "for another environment": ({"environment": '"staging"'}, "--environment production"),
    "of another commit": ({"commit": f'"{"1" * 40}"'}, "0 of 1 approvals hold"),
    "by the author": ({"who": '"A <a@example.org>"'}, "0 of 1 approvals hold"),
    "one that cannot be read": ({"when": '"soon"'}, "approval: approval: cannot be told"),
}


@pytest.mark.parametrize(("fields", "told"), APPROVALS.values(), ids=APPROVALS)
def test_without_an_approval_that_counts_nothing_begins(
    fields: dict[str, str], told: str, root: Path
) -> None:
    approve(root, **fields)
    assert told in refused(root, released(root))
    assert "approval" not in refused(root, released(root), approval="automatic", freeze=False)


def test_an_approval_for_this_environment_counts(root: Path) -> None:
    approve(root, environment='"production"')
    assert refused(root, released(root)) == ""
    assert "approval" in refused(root, released(root), name="staging")


def test_an_approval_that_no_commit_holds_does_not_count(root: Path) -> None:
    folder = released(root)
    text = (root / FILE).read_text()
    testing.write(root, {FILE: text + "# by nobody\n"})
    assert "approvals.toml has changes that no commit holds" in refused(root, folder)
    testing.write(root, {FILE: text})
    run_git(root, "rm", "-q", "--cached", FILE)
    commit(testing.write(root, {".gitignore": f"{FILE}\n.devops-gates/\n"}))
    assert "approvals.toml has changes that no commit holds" in refused(root, released(root))


def test_in_a_freeze_nothing_begins_but_for_an_override(root: Path) -> None:
    days = f"[{day(-1)}, {day(0)}, {day(1)}]"
    commit(testing.write(root, {"pyproject.toml": PYPROJECT.format(holidays=days)}))
    approve(root)
    told = refused(root, released(root))
    assert "freeze: freeze: the holiday" in told
    assert "approval" not in told.replace("release approve", "")
    assert refused(root, released(root), freeze=False) == ""
    text = (root / FILE).read_text()
    override = f'[[override]]\ngate = "freeze"\nwho = "C"\nreason = "a leak"\nwhen = {day(0)}\nexpires = {day(1)}\n'
    commit(testing.write(root, {FILE: text + override}))
    assert refused(root, released(root)) == ""


INCIDENT = """
[[incident]]
id = "I-1"
title = "Every third greeting fails"
severity = "high"
started = 2026-01-02T10:00:00Z
"""
INCIDENTS_FILE = "devops-gates/incidents.toml"
RELEASE_LEVELS = '\n[tool.devops-gates.profiles.release]\nlevels = {{ incidents = "{}" }}\n'


def going_on(text: str) -> dict[str, str | bytes]:
    return {INCIDENTS_FILE: text}


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize("fields", [{}, {"approval": "automatic", "freeze": False}])
def test_an_incident_that_began_after_the_run_holds_the_roll_out(
    root: Path, fields: dict[str, Any], is_committed: bool
) -> None:
    folder = released(root)
    other = INCIDENT.replace("I-1", "I-2").replace('"high"', '"critical"')
    testing.write(root, going_on(INCIDENT + other))
    if is_committed:
        commit(root)
    told = refused(root, folder, **fields)
    assert told.startswith("incidents: incidents: open 2, needs == 0: I-2: Every third greeting")
    assert told.endswith(f"once it is over, give it its 'ended' in {INCIDENTS_FILE}")
    assert "\n" not in told


OVER = INCIDENT + "ended = 2026-01-02T11:00:00Z\n"
NO_INCIDENTS = {
    "it is over": (OVER, ""),
    "it is milder than least": (
        INCIDENT.replace('"high"', '"low"'),
        " · going on, and holding nothing: 1",
    ),
}


@pytest.mark.parametrize(("text", "more"), NO_INCIDENTS.values(), ids=NO_INCIDENTS)
def test_an_incident_that_does_not_block_holds_nothing(text: str, more: str, root: Path) -> None:
    folder = released(root)
    commit(testing.write(root, going_on(text)))
    granted = permission(asked(folder), outlook(root))
    assert failed(granted.checks) == []
    told = next(check for check in granted.checks if check.name == "incidents")
    assert told.says == f"incidents: asked: {INCIDENTS_FILE}{more}"
    assert not (folder / "incidents.json").exists(), "the run stays as it was"


@pytest.mark.parametrize("text", [OVER, None], ids=["ended", "deleted"])
def test_the_end_of_an_incident_counts_once_others_can_see_it(text: str | None, root: Path) -> None:
    folder = released(commit(testing.write(root, going_on(INCIDENT))))
    approve(root)
    if text is None:
        (root / INCIDENTS_FILE).unlink()
    else:
        testing.write(root, going_on(text))
    assert refused(root, folder) == (
        f"incidents: incidents: {INCIDENTS_FILE} has changes that no commit holds"
        f" · git add {INCIDENTS_FILE} && git commit {INCIDENTS_FILE}"
    )


@pytest.mark.parametrize(("level", "holds"), [("required", 1), ("advisory", 0), ("off", 0)])
def test_incidents_hold_a_roll_out_where_they_would_hold_the_release(
    level: str, holds: bool, root: Path
) -> None:
    commit(testing.write(root, {"pyproject.toml": PYPROJECT.format(holidays=[])
                                + RELEASE_LEVELS.format(level)}))  # fmt: skip
    approve(root)
    testing.write(root, going_on(INCIDENT))
    granted = permission(asked(released(root)), outlook(root))
    names = [check.name for check in granted.checks]
    assert [check.name for check in failed(granted.checks)] == ["incidents"] * holds
    assert ("incidents" in names) == holds


UNTOLD = {
    "a file that cannot be read": ("", "[[incident]", "cannot be told: devops-gates/incidents"),
    "an Alertmanager that does not answer": (
        '[tool.devops-gates.gates.incidents.options]\nalertmanager = "http://127.0.0.1:9"\n',
        INCIDENT.replace('"high"', '"low"'),
        "cannot be told: ",
    ),
}


@pytest.mark.parametrize(("options", "text", "told"), UNTOLD.values(), ids=UNTOLD)
def test_where_nobody_can_tell_of_incidents_nothing_begins(
    options: str, text: str, told: str, root: Path
) -> None:
    commit(testing.write(root, {"pyproject.toml": PYPROJECT.format(holidays=[]) + options}))
    approve(root)
    testing.write(root, going_on(text))
    assert refused(root, released(root)).startswith(f"incidents: incidents: {told}")


def put(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda told: told.update({key: value})


def failing(told: dict[str, Any]) -> None:
    told |= {"verdict": "fail", "exit_status": 1}


def unknown(told: dict[str, Any]) -> None:
    told |= {"verdict": "unknown", "exit_status": 6}


RUNS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "of another commit": (put("commit", sample.OTHER_COMMIT), "commit: commit: 2e2e"),
    "of changes": (put("dirty", True), "dirty: true, needs false"),
    "too old": (put("started", "2026-01-01T00:00:00Z"), "age: age: "),
    "a fail": (failing, "verdict: verdict: fail, needs pass"),
    "unknown": (unknown, "verdict: verdict: unknown, needs pass"),
    "of one stage": (put("selection", {"stages": ["test"], "complete": False}), "needs true"),
    "by another policy": (put("policy", {"source": "x", "sha256": sample.OTHER_POLICY}), "policy"),
    "of another profile": (put("profile", "merge"), "profile: merge, needs release"),
    "of one job of several": (put("shard", "tests-1"), "is a part of a run"),
}


@pytest.mark.parametrize(("change", "told"), RUNS.values(), ids=RUNS)
def test_a_run_that_is_not_the_pass_that_is_needed(
    change: Callable[[dict[str, Any]], object], told: str, root: Path
) -> None:
    assert told in refused(root, released(root, change), approval="automatic")


def test_signatures(root: Path) -> None:
    assert "signature" in refused(root, released(root, key=None))
    assert "signature" in refused(root, released(root, key=make.OTHER))
    assert refused(root, released(root, key=make.OTHER), key=root / "other.pub") == ""
    with pytest.raises(UsageError, match=r"environments.production.key: .*none.pub"):
        permission(asked_of(released(root), EnvironmentTable(key="none.pub")), outlook(root))


def asked_of(folder: Path, table: EnvironmentTable) -> Asked:
    return msgspec.structs.replace(asked(folder), environment=table)


def test_one_byte_of_what_was_built(root: Path) -> None:
    folder = released(root)
    wheel = folder / "dist" / sample.WHEEL
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"!")
    assert "dist" in refused(root, folder)
    other = {"dist/x.whl": sample.sha256(b"other")}
    assert "artefacts: artefact dist/x.whl" in refused(root, released(root), artefacts=other)


def test_all_that_was_built_has_to_be_there(root: Path) -> None:
    """Or a file from elsewhere would be rolled out, whose approval nobody asked for."""
    folder = released(root)
    (folder / "dist" / sample.SDIST).unlink()
    assert "not all that was built is handed over: demo-1.0.0.tar.gz" in refused(root, folder)


def test_without_a_commit_here_nothing_is_the_same(root: Path) -> None:
    folder = released(root)
    seen = outlook(root)
    nowhere = msgspec.structs.replace(seen.project, commit=None)
    granted = permission(
        asked(folder, approval="automatic"), msgspec.structs.replace(seen, project=nowhere)
    )
    assert [check.name for check in failed(granted.checks)] == ["commit"]


def test_no_verdict_at_all(root: Path) -> None:
    folder = released(root)
    (folder / "verdict.json").write_bytes(b"{")
    assert "bundle" in refused(root, folder)
    (folder / "verdict.json").unlink()
    (folder / "verdict.json").symlink_to("/etc/hostname")
    assert "is a link" in refused(root, folder)


# ---- the copy


def test_the_copy_is_all_that_counts_and_links_stay_links(root: Path) -> None:
    folder = released(root)
    testing.write(folder, {"report.html": "x", "tmp/x": "x"})
    with seal.sealed(folder) as copy:
        assert refused(root, copy) == ""
        assert not (copy / "report.html").exists()
        (folder / "dist" / sample.WHEEL).write_bytes(b"changed meanwhile")
        assert refused(root, copy) == ""
        wheel = {sample.sha256(sample.ARTEFACTS[sample.WHEEL])}
        assert [path.name for path in seal.files(copy, wheel)] == [sample.WHEEL]
        assert os.listdir(copy / "dist") == [sample.WHEEL], "what is left out is not at hand"
    assert not copy.exists()
    (folder / "dist" / sample.WHEEL).unlink()
    (folder / "dist" / sample.WHEEL).symlink_to("/etc/hostname")
    with seal.sealed(folder) as copy:
        assert "is a link" in refused(root, copy)


def test_a_copy_of_what_is_none(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"), seal.sealed(tmp_path / "none"):
        pass
    folder = released(root)
    os.mkfifo(folder / "dist" / "x.whl")
    with pytest.raises(UsageError, match="named pipe"), seal.sealed(folder):
        pass


def test_the_newest_run_of_the_profile_release(root: Path) -> None:
    with pytest.raises(UsageError, match="no run of the profile release"):
        newest.released(root)
    folder = released(root)
    testing.write(
        folder.parent / "20991231T000000Z-000000", {"verdict.json": '{"profile": "operate"}'}
    )
    testing.write(folder.parent / "20991231T000000Z-000001", {"verdict.json": "{"})
    assert newest.released(root) == folder


# ---- arguments


def test_the_files_take_their_place(tmp_path: Path) -> None:
    files = [Path("/x/a b.whl"), Path("/x/c.tar.gz")]
    argv = ["twine", "{artefacts}", "--file={artefacts}", "{other}"]
    assert arguments.filled(argv, files) == [
        "twine", "/x/a b.whl", "/x/c.tar.gz", "--file=/x/a b.whl", "--file=/x/c.tar.gz", "{other}",
    ]  # fmt: skip
    arguments.check(argv, tmp_path, is_built=True)
    with pytest.raises(UsageError, match="built nothing"):
        arguments.check(argv, tmp_path, is_built=False)


OTHERS = [
    "dist/a.whl",
    "./dist/../dist/a.whl",
    "--file=dist/a.whl",
    "dist/*",
    "dist/?.whl",
    "x=dist/*.whl",
]


@pytest.mark.parametrize("told", OTHERS)
def test_a_file_that_was_not_verified_is_no_argument(told: str, tmp_path: Path) -> None:
    testing.write(tmp_path, {"dist/a.whl": "not what was built", "notes.txt": ""})
    with pytest.raises(UsageError, match=r"is not the file that was verified · say \{artefacts\}"):
        arguments.check(["twine", "upload", told], tmp_path, is_built=True)


@pytest.mark.parametrize(
    "told", ["", "=", "none.whl", "notes.txt", "a\0b.whl", "x" * 5000 + ".whl", "[", "/", "-"]
)
def test_other_arguments_are_left_alone(told: str, tmp_path: Path) -> None:
    testing.write(tmp_path, {"notes.txt": ""})
    arguments.check(["echo", told], tmp_path, is_built=True)


def test_secrets_on_the_command_line_are_not_written_down() -> None:
    argv = ["t", "--password", "abc", "--api-token=abc", "--dry-run", "--auth", "--x", "-p", "80"]
    shown = ["t", "--password", "***", "--api-token=***", "--dry-run", "--auth", "--x", "-p", "80"]
    assert arguments.masked(argv) == shown


# ---- the roll-out itself


@pytest.fixture
def granted(root: Path) -> Permission:
    return permission(asked(released(root)), outlook(root))


def roll_out(root: Path, code: str, env: dict[str, str] | None = None, **fields: Any) -> RollOut:
    then = fields.pop("then", False)
    folder = root / ".devops-gates" / "runs" / sample.RUN_ID
    files = [folder / "dist" / name for name in sample.ARTEFACTS]
    argv = [sys.executable, "-c", code]
    return RollOut(root, root, "production", EnvironmentTable(**fields), argv, files, then,
                   {**_ambient(), **(env or {})})  # fmt: skip


def _ambient() -> dict[str, str]:
    """The environment, without what our own CI says in it."""
    return {k: v for k, v in os.environ.items() if not k.startswith("DEVOPS_GATES")}


BACK = [sys.executable, "-c", "open('back', 'a').write('1')"]


def last(root: Path) -> Deployment:
    return deployments.recorded(root)[-1]


def test_a_roll_out_is_written_down_as_it_begins_and_as_it_ends(
    root: Path, granted: Permission
) -> None:
    code = """
import os, shutil
shutil.copy(".devops-gates/deployments.jsonl", "seen")
open("env", "w").write(" ".join(v for k, v in os.environ.items() if k.startswith("DEVOPS_GATES")))
"""
    done = deploy.carry_out(roll_out(root, code, roll_back=BACK), granted)
    assert (done.outcome, done.exit_code, done.reason, done.roll_back) == (DEPLOYED, 0, None, None)
    begun = msgspec.json.decode((root / "seen").read_bytes(), type=Deployment)
    assert (begun.outcome, begun.id, begun.ended) == (STARTED, done.id, None)
    assert last(root) == done
    assert done.ended is not None
    assert done.approved_by == ("B <b@example.org>",)
    assert {a.name for a in done.artefacts} == {*sample.ARTEFACTS}
    folder = root / ".devops-gates" / "runs" / sample.RUN_ID / "dist"
    told = (root / "env").read_text().split()
    assert told == [done.id, "production", done.commit, "1.0.0", str(folder)]
    assert not (root / "back").exists()


FAILURES: dict[str, tuple[str, dict[str, Any], str]] = {
    "exit code": ("raise SystemExit(7)", {}, "exited with 7"),
    "timeout": ("import time; time.sleep(30)", {"timeout": 0.3}, "did not end within 0.3 seconds"),
}


@pytest.mark.parametrize(("code", "fields", "told"), FAILURES.values(), ids=FAILURES)
def test_one_that_fails_is_rolled_back(
    code: str,
    fields: dict[str, Any],
    told: str,
    root: Path,
    granted: Permission,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked_for = roll_out(root, code, roll_back=BACK, **fields)
    if fields:  # the roll-back has the same time
        asked_for = msgspec.structs.replace(
            asked_for, environment=EnvironmentTable(roll_back=["true"], **fields)
        )
    done = deploy.carry_out(asked_for, granted)
    assert (done.outcome, told in str(done.reason)) == (FAILED, True)
    assert done.roll_back is not None
    assert done.roll_back.reason is None
    assert last(root) == done
    assert release_deploy.tell(done, asked_for.environment) == 1
    assert "NOT deployed to production, failed: " in (said := capsys.readouterr().out)
    assert "rolled back in " in said


@pytest.mark.parametrize(
    "argv", [["false"], ["./none"], [sys.executable, "-c", "raise SystemExit(0 * 1 or 9)"]]
)
def test_a_roll_back_that_fails_is_told_loudly(
    argv: list[str], root: Path, granted: Permission, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for = roll_out(root, "raise SystemExit(1)", roll_back=argv)
    done = deploy.carry_out(asked_for, granted)
    assert done.roll_back is not None
    assert done.roll_back.reason
    assert release_deploy.tell(done, asked_for.environment) == 1
    assert "ROLL-BACK FAILED: " in capsys.readouterr().out


def test_what_never_started_is_not_rolled_back(
    root: Path, granted: Permission, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for = msgspec.structs.replace(roll_out(root, "", roll_back=BACK), argv=["./none"])
    done = deploy.carry_out(asked_for, granted)
    assert (done.outcome, done.exit_code, done.roll_back) == (FAILED, None, None)
    assert not (root / "back").exists()
    assert release_deploy.tell(done, asked_for.environment) == 1
    assert "cannot be started" in (said := capsys.readouterr().out)
    assert "nothing was started" in said


def test_without_a_roll_back_that_is_told(
    root: Path, granted: Permission, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for = roll_out(root, "raise SystemExit(1)")
    assert release_deploy.tell(deploy.carry_out(asked_for, granted), asked_for.environment) == 1
    assert "no roll-back is configured" in capsys.readouterr().out


def interrupted(path: Path, number: int) -> None:
    """Send ourselves a signal once a file is there."""

    def send() -> None:
        while not path.exists():
            threading.Event().wait(0.02)
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_one_that_the_user_stops_is_rolled_back(name: str, root: Path, granted: Permission) -> None:
    interrupted(root / "begun", getattr(signal, name))
    code = "import time; open('begun', 'w'); time.sleep(30)"
    before = signal.getsignal(signal.SIGINT)
    done = deploy.carry_out(roll_out(root, code, roll_back=BACK), granted)
    assert (done.outcome, f"was stopped by {name}" in str(done.reason)) == (FAILED, True)
    assert (root / "back").exists()
    assert last(root) == done
    assert signal.getsignal(signal.SIGINT) is before


def test_a_roll_back_is_not_stopped(root: Path, granted: Permission) -> None:
    interrupted(root / "undoing", signal.SIGINT)
    back = "import time; open('undoing', 'w'); time.sleep(0.6); open('back', 'w')"
    argv = [sys.executable, "-c", back]
    done = deploy.carry_out(roll_out(root, "raise SystemExit(1)", roll_back=argv), granted)
    assert done.roll_back is not None
    assert (done.roll_back.reason, (root / "back").exists()) == (None, True)


def test_no_secret_is_written_down(root: Path, granted: Permission) -> None:
    value = "hunter2" + "-hunter3"
    asked_for = roll_out(root, f"raise SystemExit(1) # {value}", {"APP_PASSWORD": value},
                         roll_back=["./none", value])  # fmt: skip
    deploy.carry_out(asked_for, granted)
    text = (root / deployments.FILE).read_text()
    assert value not in text
    assert "***" in text


def test_hostile_text_is_made_harmless(
    root: Path, granted: Permission, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for = roll_out(root, "", roll_back=BACK)
    asked_for = msgspec.structs.replace(asked_for, argv=["\x1b[2J::error::\udcff"])
    release_deploy.tell(deploy.carry_out(asked_for, granted), asked_for.environment)
    assert "\x1b" not in capsys.readouterr().out
    assert last(root).argv == ("\x1b[2J::error::\\udcff",)


def test_one_that_cannot_be_written_down_does_not_begin(root: Path, granted: Permission) -> None:
    path = root / deployments.FILE
    path.symlink_to(root / "elsewhere")
    with pytest.raises(UsageError, match=r"deployments.jsonl cannot be written"):
        deploy.carry_out(roll_out(root, "open('begun', 'w')"), granted)
    assert not (root / "begun").exists()
    assert not (root / "elsewhere").exists()


def test_an_end_that_cannot_be_written_down_is_told(
    root: Path, granted: Permission, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"import os; os.unlink('{deployments.FILE}'); os.mkdir('{deployments.FILE}')"
    done = deploy.carry_out(roll_out(root, code), granted)
    assert done.outcome == DEPLOYED
    assert "cannot be written to" in capsys.readouterr().err


# ---- the gates of operation


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[tuple[int, str]]:
    """What the runs of the profile operate say, one after the other, and the last one again."""
    said: list[tuple[int, str]] = []
    code = """
import json, os, sys
home = ".devops-gates"
answers = json.loads(os.environ["ANSWERS"])
number = len(open("asked").read()) if os.path.exists("asked") else 0
open("asked", "a").write("x")
status, reason = answers[min(number, len(answers) - 1)]
run = f"20991231T00000{number}Z-000000"
os.makedirs(f"{home}/runs/{run}")
json.dump({"verdict": "fail", "reason": reason}, open(f"{home}/runs/{run}/verdict.json", "w"))
if os.path.lexists(f"{home}/latest"):
    os.unlink(f"{home}/latest")
os.symlink(f"runs/{run}", f"{home}/latest")
sys.exit(status)
"""
    monkeypatch.setattr(operation, "python_module", lambda *_: [sys.executable, "-c", code])
    return said


def wait(root: Path, granted: Permission, said: list[tuple[int, str]], **fields: Any) -> Deployment:
    env = {"ANSWERS": msgspec.json.encode(said).decode()}
    fields = {"wait": 20.0, "interval": 0.05, "roll_back": BACK, **fields}
    return deploy.carry_out(roll_out(root, "", env, then=True, **fields), granted)


def test_then_waits_until_all_is_fine(
    root: Path, granted: Permission, answers: list[tuple[int, str]]
) -> None:
    done = wait(root, granted, [(1, "not yet"), (6, "nobody answers"), (0, "fine")])
    assert done.outcome == DEPLOYED
    runs = sorted(path.name for path in (root / ".devops-gates" / "runs").iterdir())
    assert runs == [sample.RUN_ID, "20991231T000002Z-000000"], "only the last one is kept"


def test_what_is_not_fine_in_time_is_rejected_and_rolled_back(
    root: Path, granted: Permission, answers: list[tuple[int, str]]
) -> None:
    done = wait(root, granted, [(1, "health: exit-code 1")], wait=0.6)
    assert done.outcome == REJECTED
    assert done.reason == (
        "the gates of operation were not fine within 0.6 seconds: fail: health: exit-code 1"
    )
    assert (root / "back").exists()


def test_gates_that_cannot_be_asked_are_not_asked_again(
    root: Path, granted: Permission, answers: list[tuple[int, str]]
) -> None:
    done = wait(root, granted, [(4, "a wrong key")])
    assert (done.outcome, "cannot be asked" in str(done.reason)) == (REJECTED, True)
    assert (root / "asked").read_text() == "x"


def test_waiting_is_stopped_and_rolled_back(
    root: Path, granted: Permission, answers: list[tuple[int, str]]
) -> None:
    interrupted(root / "asked", signal.SIGINT)
    done = wait(root, granted, [(1, "not yet")], wait=60.0, interval=30.0)
    assert (done.outcome, "stopped by SIGINT" in str(done.reason)) == (REJECTED, True)
    assert (root / "back").exists()


def test_then_needs_a_gate_of_operation_that_applies() -> None:
    def prospects(state: Literal["on", "not-applicable", "off", "unknown"]) -> list[Prospect]:
        settings = Settings("incidents", "operate", "required", 1.0)
        return [
            Prospect(INCIDENTS, settings, None, {}, state),
            Prospect(LINT, settings, None, {}, "on"),
        ]

    operation.check_gates(prospects("on"))
    operation.check_gates(prospects("unknown"))
    for state in ("off", "not-applicable"):
        with pytest.raises(UsageError, match="of the stage operate"):
            operation.check_gates(prospects(state))  # type: ignore[arg-type]


def test_it_has_to_be_fine_as_often_in_a_row_as_is_asked(
    root: Path, granted: Permission, answers: list[tuple[int, str]]
) -> None:
    said = [(0, "fine"), (1, "not yet"), (0, "fine"), (0, "fine"), (0, "fine")]
    assert wait(root, granted, said, steady=3).outcome == DEPLOYED
    assert (root / "asked").read_text() == "xxxxx"


def test_it_is_not_asked_before_the_delay(
    root: Path, granted: Permission, answers: list[tuple[int, str]]
) -> None:
    began = time.monotonic()
    assert wait(root, granted, [(0, "fine")], delay=0.5).outcome == DEPLOYED
    assert time.monotonic() - began >= 0.5


# ---- the record, and the lock


def test_half_a_line_costs_nothing_but_itself(root: Path, granted: Permission) -> None:
    first = deploy.carry_out(roll_out(root, ""), granted)
    path = root / deployments.FILE
    for rest in (b'{"schema": "pytest-devo', b"\n[]\n{}\nnull\n\xff\n" + b"[" * 100_000):
        path.write_bytes(path.read_bytes() + rest)
    second = msgspec.structs.replace(first, id="second")
    deployments.record(root, second)
    assert deployments.recorded(root) == (first, second)


def test_half_a_line_hides_no_roll_out_and_another_that_cannot_be_read_may(
    root: Path, granted: Permission
) -> None:
    first = deploy.carry_out(roll_out(root, ""), granted)
    path = root / deployments.FILE
    whole = path.read_bytes()
    second = msgspec.structs.replace(first, id="second")
    for half in (b'{"schema": "pytest-devo', whole.splitlines()[-1]):
        path.write_bytes(whole + half)
        assert deployments.whole(root) == (first,)
        deployments.record(root, second)
        assert deployments.whole(root) == (first, second)
    path.write_bytes(whole + b'{"schema": "pytest-devo\n')
    with pytest.raises(CannotTell, match=r"deployments.jsonl:3: .* take the line out"):
        deployments.whole(root)
    with pytest.raises(UsageError, match=r"deployments.jsonl:3: "):
        deploy.unfinished(root, "production")


def test_a_pipe_or_a_link_is_not_written_to(root: Path, granted: Permission) -> None:
    done = deploy.carry_out(roll_out(root, ""), granted)
    path = root / deployments.FILE
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="no plain file"):
        deployments.record(root, done)
    with pytest.raises(OSError, match="no plain file"):
        deployments.recorded(root)
    path.unlink()
    path.symlink_to(root / "app.py")
    with pytest.raises(UsageError, match="cannot be read"):
        deploy.unfinished(root, "production")


def test_one_whose_end_nobody_saw_is_found_again(root: Path, granted: Permission) -> None:
    assert deploy.unfinished(root, "production") is None
    done = deploy.carry_out(roll_out(root, ""), granted)
    assert deploy.unfinished(root, "production") is None
    begun = msgspec.structs.replace(done, id="later", outcome=STARTED, ended=None)
    deployments.record(root, begun)
    assert deploy.unfinished(root, "production") == begun
    assert deploy.unfinished(root, "staging") is None


def test_one_at_a_time(root: Path) -> None:
    with lock.held(root, "production", "ann@here since now"):
        with (
            pytest.raises(lock.Busy, match="ann@here since now"),
            lock.held(root, "production", "b"),
        ):
            pass
        with lock.held(root, "staging", "b"):
            pass
    with lock.held(root, "production", "b"):
        pass


def test_a_lock_that_is_a_link_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / ".devops-gates").mkdir()
    (tmp_path / ".devops-gates" / "deploy-x.lock").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="cannot be written"), lock.held(tmp_path, "x", "b"):
        pass
    assert not (tmp_path / "other").exists()


def test_the_folder_is_kept_out_of_git(tmp_path: Path) -> None:
    with lock.held(tmp_path, "x", "b"):
        assert (tmp_path / ".devops-gates" / ".gitignore").read_text().endswith("*\n")


@pytest.mark.parametrize("name", ["../x", "a/b", ".x", "", "x" * 65, "a b", "a\nb"])
def test_names_of_environments_that_cannot_be(name: str) -> None:
    raw = {"tool": {"devops-gates": {"environments": {name: {}}}}}
    with pytest.raises(UsageError, match="is no name of letters"):
        config.read_table(raw)


def test_a_roll_back_without_a_command_and_an_age_that_is_none(root: Path) -> None:
    raw = {"tool": {"devops-gates": {"environments": {"x": {"roll-back": [""]}}}}}
    with pytest.raises(UsageError, match="roll-back: names no command"):
        config.read_table(raw)
    with pytest.raises(UsageError, match=r"environments.production.max-age: '1 day' is no age"):
        permission(asked(released(root), max_age="1 day"), outlook(root))
