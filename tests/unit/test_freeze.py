"""When nothing is released: freezing.py beside a model that looks at every minute, and the gate."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_devops_gates import config, freezing, testing
from pytest_devops_gates.canaries import plant
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.freezing import DAYS, Window
from pytest_devops_gates.gates.freeze import FREEZE, KEY, FreezeOptions, check
from tests.unit.test_version import commit, git

UTC = timezone.utc
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BERLIN = "Europe/Berlin"
FRIDAY: dict[str, Any] = {"days": ["fri"], "from": "16:00", "to": "24:00"}
NEW_YEAR: dict[str, Any] = {"from": date(2026, 12, 20), "to": date(2027, 1, 2)}


def window(**told: Any) -> Window:
    names = {"begin": "start", "end": "end", "days": "days"}
    return Window(**{names[key]: value for key, value in told.items()})


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# zones and days on which their clocks are put forward and back, or on which nothing happens
TURNS = [
    (BERLIN, date(2026, 3, 29)),
    (BERLIN, date(2026, 10, 25)),
    (BERLIN, date(2026, 7, 3)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # by half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Havana", date(2026, 3, 8)),  # midnight is skipped
    ("America/Havana", date(2026, 11, 1)),  # and repeated from 1:00 on
    ("Asia/Beirut", date(2026, 10, 24)),  # the last hour of the day is repeated
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that there was not
    ("Asia/Kolkata", date(2026, 1, 1)),
]


@lru_cache
def clocks(zone: str, day: date) -> tuple[list[datetime], list[datetime]]:
    """Every minute around a day, and what the clocks show in it."""
    here = zoneinfo.ZoneInfo(zone)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - 4 * DAY
    minutes = [start + n * MINUTE for n in range(8 * 24 * 60)]
    return minutes, [m.astimezone(here).replace(tzinfo=None) for m in minutes]


def model(one: Window, zone: str, day: date) -> set[datetime]:
    """The frozen minutes around a day, by looking at what the clocks show in each of them."""
    minutes, walls = clocks(zone, day)
    found: set[datetime] = set()
    for n in range(-3, 4):
        begins = day + n * DAY
        if DAYS[begins.weekday()] not in one.days:
            continue
        midnight = datetime(begins.year, begins.month, begins.day)
        low = midnight + one.start_minute * MINUTE
        high = midnight + one.end_minute * MINUTE
        high += DAY if high <= low else timedelta()
        first = next((k for k, wall in enumerate(walls) if wall >= low), len(walls))
        last = max((k for k, wall in enumerate(walls) if wall < high), default=-1)
        found |= set(minutes[first : last + 1])
    middle = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return {m for m in found if abs(m - middle) < 1.5 * DAY}


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@settings(max_examples=30, deadline=None)
@given(
    turn=st.sampled_from(TURNS),
    days=st.sets(st.sampled_from(DAYS), min_size=1, max_size=7),
    begin=st.one_of(st.integers(0, 1439), st.sampled_from([0, 60, 90, 120, 150, 1380])),
    end=st.one_of(st.integers(0, 1440), st.sampled_from([60, 90, 120, 121, 150, 180, 1440])),
)
def test_a_minute_is_frozen_as_the_clocks_show(
    turn: tuple[str, date], days: set[str], begin: int, end: int
) -> None:
    zone, day = turn
    if begin == end:
        end += 1
    one = window(days=tuple(days), begin=clock(begin), end=clock(end))
    here = zoneinfo.ZoneInfo(zone)
    expected = model(one, zone, day)
    middle = datetime(day.year, day.month, day.day, tzinfo=UTC)
    edges = {m + n * MINUTE for m in expected for n in (-1, 1)} - expected
    some = set(sorted(expected)[::97]) | {m - MINUTE for m in edges} | {m + MINUTE for m in edges}
    for moment in sorted(edges | some):
        if abs(moment - middle) < 1.4 * DAY:
            found = freezing.frozen([one], [], here, moment)
            assert (found is not None) == (moment in expected), moment
            if found and found.until and found.until - middle < 1.4 * DAY:
                assert found.until not in expected
                assert found.until - MINUTE in expected


MOMENTS = {
    # 16:00 in Berlin is 15:00 UTC in winter
    "before": ([FRIDAY], "2026-11-27 14:59", None),
    "from": ([FRIDAY], "2026-11-27 15:00", "2026-11-27 23:00"),
    "to": ([FRIDAY], "2026-11-27 23:00", None),
    "in summer": ([FRIDAY], "2026-07-03 14:00", "2026-07-03 22:00"),
    "over midnight": ([{"days": ["fri"], "from": "22:00", "to": "06:00"}], "2026-11-28 04:59", "2026-11-28 05:00"),
    "on to the next window": ([FRIDAY, {"days": ["sat", "sun"]}], "2026-11-27 16:00", "2026-11-29 23:00"),
    "the first day": ([NEW_YEAR], "2026-12-19 23:00", "2027-01-02 23:00"),
    "the last minute": ([NEW_YEAR], "2027-01-02 22:59", "2027-01-02 23:00"),
    "after it": ([NEW_YEAR], "2027-01-02 23:00", None),
    "local moments": ([{"from": datetime(2026, 12, 1, 8), "to": datetime(2026, 12, 1, 9)}], "2026-12-01 07:30", "2026-12-01 08:00"),
    "moments with an offset": ([{"from": datetime(2026, 12, 1, 8, tzinfo=UTC), "to": datetime(2026, 12, 1, 9, tzinfo=UTC)}], "2026-12-01 07:30", None),
    "the repeated hour": ([{"days": ["sun"], "from": "02:15", "to": "02:45"}], "2026-10-25 00:50", "2026-10-25 01:45"),
    "the skipped hour": ([{"days": ["sun"], "from": "02:15", "to": "02:45"}], "2026-03-29 01:00", None),
}  # fmt: skip


@pytest.mark.parametrize(("windows", "now", "until"), MOMENTS.values(), ids=MOMENTS)
def test_what_holds_at_a_moment(windows: list[dict[str, Any]], now: str, until: str | None) -> None:
    made = [Window(tuple(w.get("days", ())), w.get("from"), w.get("to")) for w in windows]
    found = freezing.frozen(made, [], zoneinfo.ZoneInfo(BERLIN), at(now))
    assert (found.until if found else None) == (at(until) if until else None)


def test_a_holiday_is_a_whole_day_there() -> None:
    here, days = zoneinfo.ZoneInfo(BERLIN), [date(2026, 12, 25), date(2026, 12, 26)]
    found = freezing.frozen([], days, here, at("2026-12-24 23:00"))
    assert found is not None
    assert (found.by, found.until) == ("the holiday 2026-12-25", at("2026-12-26 23:00"))
    assert freezing.frozen([], days, here, at("2026-12-24 22:59")) is None


def test_a_freeze_without_an_end_says_so() -> None:
    found = freezing.frozen([window(days=DAYS)], [], UTC, at("2026-11-27 12:00"))
    assert found is not None
    assert found.until is None


BAD = {
    "an unknown day": {"days": ["friday"]},
    "a time that is none": {"days": ["fri"], "from": "25:00"},
    "no length": {"days": ["fri"], "from": "10:00", "to": "10:00"},
    "from midnight to midnight": {"days": ["fri"], "from": "24:00", "to": "24:00"},
    "a number": {"days": ["fri"], "from": 16},
    "nothing": {},
    "one end": {"from": date(2026, 1, 1)},
    "times without days": {"from": "16:00", "to": "18:00"},
    "days and dates": {"days": ["fri"], **NEW_YEAR},
    "the wrong way round": {"from": date(2026, 2, 1), "to": date(2026, 1, 1)},
    "moments the wrong way round": {
        "from": datetime(2026, 11, 20, tzinfo=UTC),
        "to": datetime(2026, 1, 5, tzinfo=UTC),
    },
    "local moments the wrong way round": {
        "from": datetime(2026, 11, 20),
        "to": datetime(2026, 1, 5),
    },
    "a moment and a local one": {
        "from": datetime(2026, 11, 20, tzinfo=UTC),
        "to": datetime(2026, 1, 5),
    },
    "a moment and a day": {"from": datetime(2026, 11, 20, tzinfo=UTC), "to": date(2026, 11, 19)},
    "a day and a moment": {
        "from": date(2026, 11, 20),
        "to": datetime(2026, 11, 19, 23, tzinfo=UTC),
    },
    "a day and its first moment": {"from": date(2026, 11, 20), "to": datetime(2026, 11, 20)},
    "one moment": {
        "from": datetime(2026, 11, 20, tzinfo=UTC),
        "to": datetime(2026, 11, 20, tzinfo=UTC),
    },
    "out of range": {"from": date(1, 1, 1), "to": date(9999, 12, 31)},
    "an unknown key": {"days": ["fri"], "until": "18:00"},
}


@pytest.mark.parametrize("told", BAD.values(), ids=BAD)
def test_a_window_that_cannot_be_meant(told: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="window"):
        testing.judge(FREEZE, tmp_path, profile="release", options={"windows": [told]})


def test_ends_of_two_kinds_are_compared_there() -> None:
    begin, end = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 20, 0, 30)
    with pytest.raises(UsageError, match="ends before it begins"):
        FreezeOptions(BERLIN, [window(begin=begin, end=end)])  # 00:30 there is 23:30 UTC
    FreezeOptions("UTC", [window(begin=begin, end=end)])
    FreezeOptions(BERLIN, [window(begin=datetime(2026, 11, 20, 23), end=date(2026, 11, 20))])


def test_an_unknown_zone_is_told_with_a_near_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{KEY}.zone.*did you mean 'Europe/Berlin'"):
        testing.judge(FREEZE, tmp_path, profile="release", options={"zone": "Europe/Berln"})


def test_a_computer_without_zones_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    assert freezing.zone("Europe/Nowhere") is None


def judge(root: Path, now: str = "2026-11-27 16:00", **told: Any) -> testing.Judged:
    options = told.pop("options", {"zone": BERLIN, "windows": [FRIDAY]})
    return testing.judge(
        FREEZE, root, profile="release", options=options, started=at(now).timestamp(), **told
    )


def test_the_gate_names_the_window_and_its_end(tmp_path: Path) -> None:
    judged = judge(tmp_path)
    (found,) = judged.evidence.findings
    assert (judged.outcome, found.rule, found.severity.value) == ("fail", "frozen", "high")
    assert "fri 16:00 to 24:00" in found.message
    assert "until Sat 2026-11-28 00:00 CET (2026-11-27 23:00 UTC)" in found.message
    assert "release approve --override freeze" in found.message


def test_the_gate_passes_outside_of_it(tmp_path: Path) -> None:
    assert judge(tmp_path, "2026-11-27 14:59").outcome == "pass"


def test_without_windows_it_does_not_apply(tmp_path: Path) -> None:
    assert judge(tmp_path, options={}).outcome == "not-applicable"
    off = testing.judge(FREEZE, tmp_path, options={"windows": [FRIDAY]})
    assert off.outcome == "off"


def override(**fields: str) -> str:
    told = {
        "gate": '"freeze"',
        "who": '"Ann"',
        "reason": '"it burns"',
        "when": "2026-11-27",
        "expires": "2026-11-28",
        **fields,
    }
    return "[[override]]\n" + "".join(f"{k} = {v}\n" for k, v in told.items() if v)


OVERRIDES = {
    "holds": ({}, "pass", "Ann overrides it until 2026-11-28: it burns"),
    "expired": ({"expires": "2026-11-26"}, "fail", "it expired (2026-11-26)"),
    "not yet": ({"when": "2026-11-28"}, "fail", "lies in the future"),
    "too long": ({"expires": "2026-12-05"}, "fail", "more than 7 days after when"),
    "no reason": ({"reason": '" "'}, "fail", "reason: says nothing"),
    "no end": ({"expires": ""}, "fail", "the key 'expires' is missing"),
    "nobody": ({"who": '""'}, "fail", "nobody is named"),
    "no offset": ({"when": "2026-11-27T01:00:00"}, "fail", "has no offset"),
    "a moment": ({"expires": "2026-11-27T16:00:01Z"}, "pass", "Ann overrides it"),
    "a moment that is over": ({"expires": "2026-11-27T16:00:00Z"}, "fail", "it expired"),
    "another gate": ({"gate": '"lint"'}, "fail", ""),
    "another commit": ({"commit": f'"{"a" * 40}"'}, "fail", "it is for another commit"),
    "a commit too short": ({"commit": '"abcdef"'}, "fail", "no hash of 12"),
    "the beginning of a commit": ({"commit": f'"{"a" * 12}"'}, "fail", "only whole ones count"),
}


@pytest.mark.parametrize(("fields", "outcome", "told"), OVERRIDES.values(), ids=OVERRIDES)
def test_an_override(fields: dict[str, str], outcome: str, told: str, tmp_path: Path) -> None:
    testing.write(tmp_path, {"devops-gates/approvals.toml": override(**fields)})
    project = testing.project(tmp_path, started=at("2026-11-27 16:00").timestamp())
    options = FreezeOptions(BERLIN, [Window(("fri",), "16:00", "24:00")])
    seen = check(project, options, ())
    assert [f.rule for f in seen.findings] == ([] if outcome == "pass" else ["frozen"])
    assert told in "\n".join(seen.notes)


def test_an_override_that_no_commit_holds_does_not_count(tmp_path: Path) -> None:
    """A test of this very run may have written it."""
    root = commit(testing.write(tmp_path / "app", {"app.py": "x = 1\n"}))
    testing.write(root, {"devops-gates/approvals.toml": override()})
    judged = judge(root)
    assert (judged.outcome, judged.rules) == ("fail", ["frozen"])
    assert "uncommitted" in judged.evidence.notes[0]
    assert judge(commit(root)).outcome == "pass"


def test_without_git_it_is_told_that_an_override_counts_as_it_lies_there(tmp_path: Path) -> None:
    testing.write(tmp_path, {"devops-gates/approvals.toml": override()})
    judged = judge(tmp_path)
    assert judged.outcome == "pass"
    assert "as it lies there" in "".join(judged.evidence.notes)


def test_its_canary_bites_beside_an_override(tmp_path: Path) -> None:
    text = "[tool.devops-gates.gates.freeze.options]\nholidays = [\n  2026-01-01,\n]\n"
    files = {"pyproject.toml": text, "devops-gates/approvals.toml": override()}
    root = commit(testing.write(tmp_path / "app", files))
    assert FREEZE.canary is not None
    canary = FREEZE.canary(testing.project(root, started=at("2026-11-27 16:00").timestamp()), None)
    plant(canary, root)
    assert judge(root).rules == ["frozen"]
    assert git(root, "status", "--porcelain") == ""


def test_its_canary_freezes_now(tmp_path: Path) -> None:
    text = '[tool.devops-gates.gates.freeze.options]\nwindows = [\n  { days = ["fri"] },\n]\n'
    root = testing.write(tmp_path, {"pyproject.toml": text})
    assert FREEZE.canary is not None
    project = testing.project(root, started=at("2026-11-25 12:00").timestamp())
    planted = FREEZE.canary(project, None).files
    table = config.read_table(config.load_toml(str(planted["pyproject.toml"]).encode(), ""))
    options = table.gates["freeze"].options
    assert judge(root, "2026-11-25 12:00", options=options).rules == ["frozen"]
    assert planted["devops-gates/approvals.toml"] is None
