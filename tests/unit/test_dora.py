"""DORA's measures: worked by hand, and whatever the records hold."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.deployments import SCHEMA, Deployment, RollBack
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.history import delivered, dora
from pytest_devops_gates.history.failures import failures, in_order, mended
from pytest_devops_gates.history.instants import instant, written
from pytest_devops_gates.history.lineage import CUT_OFF, FIRST, UNKNOWN, Delivered
from pytest_devops_gates.incident import Incident
from tests.unit.samples import same_every_time

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
UNTIL = START + timedelta(days=28)
HOUR = 3600.0
UNDONE = RollBack(("undo",), 0, 5.0)
STUCK = RollBack(("undo",), 1, 5.0, "it failed")


def at(hours: float) -> str:
    return written(START + timedelta(hours=hours))


def deployment(
    name: str, began: float, ended: float | None, outcome: str = "deployed", **fields: Any
) -> Deployment:
    standard = {"environment": "production", "commit": None, "version": None, "exit_code": 1}
    return Deployment(
        SCHEMA, name, outcome=outcome, started=at(began), by="ann", run_id="r", policy="",
        artefacts=(), argv=(), ended=None if ended is None else at(ended),
        **{**standard, **fields},
    )  # fmt: skip


def incident(began: float, ended: float | None, caused_by: str | None) -> Incident:
    over = None if ended is None else at(ended)
    return Incident(f"I-{began}", "down", Severity.HIGH, at(began), over, deployment=caused_by)


def repeated(failed: str, began: float, ended: float | None) -> Incident:
    """What a run of ``operate`` says of a failed deployment, until one looks again."""
    return msgspec.structs.replace(incident(began, ended, failed), source="deployments")


def commits(*hours: float) -> Delivered:
    return Delivered(tuple((START + timedelta(hours=h)).timestamp() for h in hours))


def measured(
    deployments: Sequence[Deployment],
    incidents: Sequence[Incident] = (),
    delivered: dict[str, Delivered] | None = None,
    **fields: Any,
) -> dora.Measures:
    asked = {"environment": "production", "since": START, "until": UNTIL, **fields}
    return dora.measure(deployments, incidents, delivered or {}, **asked)


MONTH = [
    deployment("before", -40, -39),
    deployment("a", 10, 11),
    deployment("b", 20, 22, "failed"),
    deployment("c", 30, 31),  # mends b
    deployment("d", 40, 43, "rejected", roll_back=UNDONE),
    deployment("e", 60, 61),  # mends d; causes an incident
    deployment("f", 64, 65),  # mends the incident
    deployment("g", 80, 81),
    deployment("elsewhere", 80, 90, "failed", environment="staging"),
]
DELIVERED = {
    "a": commits(-14, 1),  # 25 and 10 hours
    "c": commits(21),  # 10
    "e": commits(1, 51, 57),  # 60, 10, 4
    "f": commits(64),  # 1
    "g": commits(),
}


def test_a_month_worked_by_hand() -> None:
    told = measured(MONTH, [incident(62, 66, "e")], DELIVERED).dora
    assert told.environment == "production"
    assert (told.since, told.until) == ("2026-11-01T00:00:00Z", "2026-11-29T00:00:00Z")
    assert told.deployments == 7
    assert told.per_week == 5 / 4  # a, c, e, f, g in four weeks
    assert told.lead_time == 10 * HOUR  # of 1, 4, 10, 10, 10, 25, 60
    assert told.recovery_time == 4 * HOUR  # b: 20 to 31; d: 40 to 43; e: 62 to 66
    assert told.fail_rate == 100 * 3 / 7  # b, d, e
    assert told.rework_rate == 100 * 3 / 7  # c, e, f


ALONE = deployment("a", 10, 11)

CASES = {
    "nothing": ([], [], (0, None, None, None)),
    "one success": ([ALONE], [], (1, None, 0, 0)),
    "a failure that is not mended": ([deployment("a", 10, 11, "failed")], [], (1, None, 100, 0)),
    "one rolled back": (
        [deployment("a", 10, 12, "failed", roll_back=UNDONE)], [], (1, 2 * HOUR, 100, 0),
    ),
    "a roll-back that failed": (
        [deployment("a", 10, 12, "failed", roll_back=STUCK), deployment("b", 14, 15)], [],
        (2, 5 * HOUR, 50, 50),
    ),
    "a failure after another": (
        [deployment("a", 10, 12, "failed"), deployment("b", 13, 14, "failed"), deployment("c", 15, 16)],
        [], (3, 4.5 * HOUR, 200 / 3, 100 / 3),
    ),
    "an incident": ([ALONE], [incident(12, 15, "a")], (1, 3 * HOUR, 100, 0)),
    "an incident that goes on": ([ALONE], [incident(12, None, "a")], (1, None, 100, 0)),
    "two incidents of one": (
        [ALONE], [incident(12, 13, "a"), incident(20, 21, "a")], (1, 9 * HOUR, 100, 0),
    ),
    "an incident of a failed one": (
        [deployment("a", 10, 11, "failed", roll_back=UNDONE)], [incident(10.5, 15, "a")],
        (1, 5 * HOUR, 100, 0),
    ),
    "a deployment during the incident": (
        [ALONE, deployment("b", 13, 14)], [incident(12, 15, "a")], (2, 3 * HOUR, 50, 50),
    ),
    "one after the incident": (
        [ALONE, deployment("b", 16, 17)], [incident(12, 15, "a")], (2, 3 * HOUR, 50, 0),
    ),
    "the first of two during an incident": (
        [ALONE, deployment("b", 13, 14), deployment("c", 14, 15)], [incident(12, None, "a")],
        (3, None, 100 / 3, 100 / 3),
    ),
    "an incident that began before what caused it": (
        [ALONE], [incident(9, 15, "a")], (1, 6 * HOUR, 100, 0),
    ),
    "an incident of nobody's": ([ALONE], [incident(12, 15, None)], (1, None, 0, 0)),
    "unfinished": ([ALONE, deployment("b", 12, None, "started")], [], (1, None, 0, 0)),
    "an end before its start": ([ALONE, deployment("b", 12, 11)], [], (1, None, 0, 0)),
    "an end in the future": ([ALONE, deployment("b", 12, 24 * 40)], [], (1, None, 0, 0)),
    "an incident's end before its start": ([ALONE], [incident(12, 11, "a")], (1, None, 100, 0)),
    "an incident that repeats a deployment": (
        [deployment("a", 10, 11, "failed"), deployment("b", 12, 13)], [repeated("a", 11, 80)],
        (2, 3 * HOUR, 50, 50),
    ),
    "a command that never started": (
        [ALONE, deployment("b", 12, 12, "failed", exit_code=None), deployment("c", 13, 14)], [],
        (2, None, 0, 0),
    ),
    "written down twice": (
        [deployment("a", 10, 11, "failed"), ALONE], [], (1, None, 0, 0),
    ),
    "a failure of before, mended now": (
        [deployment("b", -30, -29, "failed"), ALONE], [], (1, None, 0, 100),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("deployments", "incidents", "wanted"), CASES.values(), ids=CASES)
def test_each_case_by_hand(deployments: Any, incidents: Any, wanted: Any) -> None:
    told = measured(deployments, incidents).dora
    assert (told.deployments, told.recovery_time, told.fail_rate, told.rework_rate) == wanted


TOLD = {
    "unfinished": "not counted: 1 deployment whose end nobody saw",
    "a command that never started": "not counted: 1 deployment whose command never started",
    "an end before its start": "not counted: 1 deployment with an end before it began",
    "an end in the future": "not counted: 1 deployment with an end before it began, in the future",
    "an incident of nobody's": "not counted: 1 incident without a deployment",
    "an incident that goes on": "recovery time: without 1 failure from which nobody has recovered",
    "an incident's end before its start": "recovery time: without 1 failure with times",
    "nothing": "no fail rate and no rework rate: no deployment ended in these days",
    "one success": "no recovery time: no deployment failed in these days",
}


@pytest.mark.parametrize("case", TOLD)
def test_what_is_left_out_is_told(case: str) -> None:
    deployments, incidents, _ = CASES[case]
    assert any(n.startswith(TOLD[case]) for n in measured(deployments, incidents).notes)


def test_why_there_is_no_lead_time() -> None:
    def why(*args: Any) -> str:
        told = measured(*args)
        assert told.dora.lead_time is None
        return next(note for note in told.notes if "lead time" in note)

    assert "no deployment succeeded" in why([])
    assert "nobody asked git" in why([ALONE])
    assert "none delivered a commit that was new" in why([ALONE], (), {"a": commits()})
    assert CUT_OFF in why([ALONE], (), {"a": Delivered(unknown=CUT_OFF)})
    assert "1 commit dated later than the deployment" in why([ALONE], (), {"a": commits(12)})


def test_a_record_that_begins_in_the_window_says_so() -> None:
    assert any("that is recorded began at 2026-11-01T10" in n for n in measured([ALONE]).notes)
    assert not any("is recorded" in n for n in measured(MONTH).notes)


def test_which_environment_is_measured() -> None:
    staging = deployment("s", 1, 2, environment="staging")
    blue = deployment("s", 1, 2, environment="blue")
    assert dora.environment_of([staging, ALONE]) == "production"
    assert dora.environment_of([staging]) == "staging"
    assert dora.environment_of([staging, ALONE], "staging") == "staging"
    for asked in (None, "stagin"):
        with pytest.raises(dora.NothingDeployed, match="no deployment is recorded"):
            dora.environment_of([], asked)
    for deployments, asked, told in (
        ([staging, blue], None, "deployed to blue, staging, and none is named production"),
        ([staging], "stagin", "did you mean 'staging'"),
    ):
        with pytest.raises(UsageError, match=told):
            dora.environment_of(deployments, asked)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-28T16:00:00Z", "2026-11-28T16:00:00Z"),
        ("2026-11-28T16:00:00.123456789+02:00", "2026-11-28T14:00:00Z"),
        *[(bad, None) for bad in ("", "now", "2026-13-01T00:00:00Z", "2026-11-28T16:00:00", None,
                                  "0001-01-01T00:00:00+23:00", "2026-11-28T16:00:61Z", "٢" * 20)],
    ],
)  # fmt: skip
def test_times_are_read_or_not(text: str | None, wanted: str | None) -> None:
    found = instant(text)
    assert (found and written(found)) == wanted


hours = st.integers(-200, 900).map(float)
some_deployments = st.lists(
    st.builds(
        deployment, st.sampled_from("abcdef"), hours, hours | st.none(),
        st.sampled_from(["deployed", "failed", "rejected", "started"]),
        roll_back=st.sampled_from([None, UNDONE, STUCK]),
        environment=st.sampled_from(["production", "staging"]),
    ), max_size=8,
)  # fmt: skip
some_incidents = st.lists(
    st.builds(incident, hours, hours | st.none(), st.sampled_from("abcdefx") | st.none()),
    max_size=5,
)
some_delivered = st.dictionaries(
    st.sampled_from("abcdef"),
    st.lists(hours, max_size=4).map(lambda some: commits(*some)),
)


@given(some_deployments, some_incidents, some_delivered)
@same_every_time
def test_whatever_is_recorded_the_measures_are_possible(
    deployments: list[Deployment], incidents: list[Incident], delivered: dict[str, Delivered]
) -> None:
    told = measured(deployments, incidents, delivered)
    rates = (told.dora.fail_rate, told.dora.rework_rate)
    assert all(rate is None or 0 <= rate <= 100 for rate in rates)
    assert all((rate is None) == (told.dora.deployments == 0) for rate in rates)
    for seconds in (told.dora.lead_time, told.dora.recovery_time):
        assert seconds is None or seconds >= 0
    assert told.dora.per_week <= told.dora.deployments / 4
    ended = in_order(deployments, "production")
    failed = failures(ended, incidents)
    assert mended(ended, failed) <= {one.id for one in ended if one.succeeded}
    assert told.dora.lead_time is not None or any("lead time" in note for note in told.notes)
    assert told.dora.recovery_time is not None or any("recovery" in note for note in told.notes)
    again = measured([*reversed(deployments)], incidents, delivered)
    if len({one.id for one in deployments}) == len(deployments):
        assert again == told  # whatever the order in which they are read


def git(root: Path, *args: str, when: float = 0) -> str:
    stamp = f"{int((START + timedelta(hours=when)).timestamp())} +0000"
    env = {
        "GIT_COMMITTER_DATE": stamp,
        "GIT_AUTHOR_DATE": stamp,
        "HOME": str(root),
        "PATH": "/usr/bin:/bin",
    }
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *names, *args], cwd=root, env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(root: Path, when: float) -> str:
    git(root, "commit", "-q", "--allow-empty", "-m", "m", when=when)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "there"
    root.mkdir()
    git(root, "init", "-q")
    return root


def asked(root: Path, *rolled: tuple[str, float], since: float = 0) -> dict[str, list[float] | str]:
    """The hours of the commits that each deployment delivered, or why that is not known."""
    some = [deployment(f"d{n}", hour, hour, commit=sha) for n, (sha, hour) in enumerate(rolled)]
    good = dora.successful(some, "production")
    found = delivered.delivered(root, good, START + timedelta(hours=since))
    return {
        name: one.unknown or sorted((time - START.timestamp()) / HOUR for time in one.times)
        for name, one in found.items()
    }


def test_a_commit_is_delivered_by_the_first_that_holds_it(repository: Path) -> None:
    first = commit(repository, 1)
    git(repository, "switch", "-q", "-c", "side")
    side = commit(repository, 2)
    git(repository, "switch", "-q", "main")
    second = commit(repository, 3)
    git(repository, "merge", "-q", "--no-ff", "-m", "m", side, when=4)
    merged = git(repository, "rev-parse", "HEAD")
    rolled = ((first, 5), (second, 6), (merged, 7), (first, 8), (merged, 9))
    assert asked(repository, *rolled) == {"d0": FIRST, "d1": [3], "d2": [2, 4], "d3": [], "d4": []}
    assert asked(repository, *rolled, since=6) == {"d2": [2, 4], "d3": [], "d4": []}


def test_what_git_does_not_know_is_not_measured(repository: Path, tmp_path: Path) -> None:
    some = [commit(repository, n) for n in range(6)]
    for strange in ("a" * 40, "HEAD", "--all", "", "é", "\ud800", f"{some[1]}\n"):
        told = asked(repository, (some[0], 1), (strange, 2), (some[2], 3), (some[3], 4))
        assert told == {"d0": FIRST, "d1": UNKNOWN, "d2": UNKNOWN, "d3": [3]}
    git(tmp_path, "clone", "-q", "--depth=3", repository.as_uri(), "shallow")
    rolled = ((some[1], 2), (some[3], 4), (some[4], 5))
    assert asked(tmp_path / "shallow", *rolled) == {"d0": FIRST, "d1": UNKNOWN, "d2": [4]}
    (tmp_path / "none").mkdir()
    assert "git" in str(asked(tmp_path / "none", (some[0], 1))["d0"])
    assert asked(repository) == {}


def test_a_shallow_clone_that_ends_within_what_was_delivered(
    repository: Path, tmp_path: Path
) -> None:
    """The side branch is cut off, although both of the commits that were rolled out are there."""
    first = commit(repository, 0)
    git(repository, "switch", "-q", "-c", "side")
    commit(repository, 1)
    commit(repository, 2)
    git(repository, "switch", "-q", "main")
    git(repository, "merge", "-q", "--no-ff", "-m", "m", "side", when=4)
    merged = git(repository, "rev-parse", "HEAD")
    git(tmp_path, "clone", "-q", "--depth=2", repository.as_uri(), "shallow")
    assert asked(tmp_path / "shallow", (first, 5), (merged, 6))["d1"] == CUT_OFF
    assert asked(repository, (first, 5), (merged, 6))["d1"] == [1, 2, 4]
