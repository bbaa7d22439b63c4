"""What goes wrong in production, as the file, Alertmanager, the tracker and the roll-outs tell it."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import deployments, testing
from pytest_devops_gates.board import service
from pytest_devops_gates.deployments import (
    DEPLOYED,
    FAILED,
    REJECTED,
    STARTED,
    Deployment,
    RollBack,
)
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.gates import incidents
from pytest_devops_gates.gates.incidents import INCIDENTS, IncidentOptions
from pytest_devops_gates.history.happened import ended
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.operations import alertmanager, incidents_file, open_incidents
from pytest_devops_gates.operations.incidents_file import FILE
from pytest_devops_gates.operations.open_incidents import Seen
from tests.unit import tracker_server

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
GOING_ON = """
[[incident]]
id = "I-1"
title = "Greetings fail"
severity = "high"
started = 2026-02-28T10:00:00Z
"""
OVER = """
# it came with the roll-out
[[incident]]
id = "I-2"
title = "The disk was full"
severity = "low"
started = 2026-02-27T10:00:00+01:00
ended = 2026-02-27T11:00:00+01:00
follow-up = "W-3"
"""
ALERT: dict[str, Any] = {
    "annotations": {"summary": "every third greeting fails"},
    "endsAt": "2026-02-28T10:10:00.000Z",
    "fingerprint": "7c1f2d3e4a5b6c7d",
    "receivers": [{"name": "nobody"}],
    "startsAt": "2026-02-28T10:05:00.123Z",
    "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
    "updatedAt": "2026-02-28T10:06:00.000Z",
    "generatorURL": "http://prometheus.example.org/graph",
    "labels": {"alertname": "Greetings", "severity": "critical"},
}
"""As Alertmanager 0.25.0 tells it (tests/servers/test_alertmanager.py asks a real one)."""

LONG_AGO = "0001-01-01T00:00:00+05:00"


def rolled(name: str, outcome: str, ended: str, **fields: Any) -> Deployment:
    return Deployment(
        schema=deployments.SCHEMA, id=name, environment=fields.pop("environment", "production"),
        outcome=outcome, started="2026-02-28T09:00:00Z", by="a@b", commit="c" * 40, version="1.1",
        run_id="r", policy="p", artefacts=(), argv=("ship",), ended=ended, exit_code=0, **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("x = 1", "unknown key 'x'"),
        ('incident = "none"', "a table of its own"),
        ("[[incidents]]", r"unknown key 'incidents' .did you mean 'incident'"),
        (GOING_ON + 'colour = "red"', r"2: incident\.colour: unknown key"),
        (GOING_ON.replace('"high"', '"bad"'), r"2: incident\.severity"),
        (GOING_ON.replace("2026-02-28T10:00:00Z", "2099-01-01"), r"incident\.started"),
        (GOING_ON.replace("2026-02-28T", "2099-02-28T"), "is yet to come"),
        (GOING_ON + "ended = 2026-02-27T10:00:00Z", "is before"),
        (GOING_ON.replace("I-1", "I 1"), "is not of letters"),
        (GOING_ON.replace("Greetings fail", " "), "says nothing"),
        (GOING_ON + GOING_ON, "is there twice"),
        (GOING_ON.replace('title = "Greetings fail"\n', ""), "the key 'title' is missing"),
        ("[[incident]", "incidents.toml"),
        (GOING_ON.replace("2026-02-28T10:00:00Z", "0001-01-01T00:00:00+05:00"), "is no time"),
        (GOING_ON + "ended = 9999-12-31T23:59:59-05:00", r"incident\.ended: 9999.* is no time"),
    ],
)
def test_a_file_that_is_wrong_is_told_in_one_line(text: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong) as told:
        incidents_file.read(text.encode(), NOW)
    assert "\n" not in str(told.value)
    assert FILE in str(told.value)


def test_times_are_utc_and_lines_are_known() -> None:
    file = incidents_file.read((GOING_ON + OVER).encode(), NOW)
    assert [one.started for one in file.incidents] == [
        "2026-02-28T10:00:00Z",
        "2026-02-27T09:00:00Z",
    ]
    assert (file.lines, file.next_id()) == ((2, 9), "I-3")


@given(st.text(min_size=1, max_size=60).filter(lambda text: text.strip()), st.booleans())
def test_what_is_written_is_read_and_all_else_stays(title: str, is_over: bool) -> None:
    before = (GOING_ON + OVER).encode()
    one = Incident("I-3", title, Severity.LOW, "2026-02-28T11:00:00Z",
                   ended="2026-02-28T12:00:00Z" if is_over else None)  # fmt: skip
    try:
        after = incidents_file.appended(before, one, NOW)
    except UsageError:
        assert any(0xD800 <= ord(char) <= 0xDFFF for char in title)
        return
    assert after.startswith(before)
    assert incidents_file.read(after, NOW).incidents[-1] == one


def test_a_follow_up_is_written_where_it_belongs() -> None:
    before = (GOING_ON + OVER).encode()
    after = incidents_file.changed(
        before, {"I-1": {"follow_up": "W-9", "ended": "2026-02-28T11:00:00Z"}}, NOW
    )
    assert (
        after.decode()
        == GOING_ON
        + 'ended = 2026-02-28T11:00:00Z\nfollow-up = "W-9"\n'.replace(
            'ended = 2026-02-28T11:00:00Z\nfollow-up = "W-9"',
            'follow-up = "W-9"\nended = 2026-02-28T11:00:00Z',
        )
        + OVER
    )
    with pytest.raises(UsageError, match="there is no 'I-7'"):
        incidents_file.changed(before, {"I-7": {}}, NOW)


def judge(root: Path, **arguments: Any) -> testing.Judged:
    arguments = {"profile": "operate", "started": NOW.timestamp(), **arguments}
    return testing.judge(INCIDENTS, root, **arguments)


def test_the_gate_fails_over_what_is_going_on(tmp_path: Path) -> None:
    root = testing.write(tmp_path, {FILE: GOING_ON + OVER.replace('follow-up = "W-3"', "")})
    judged = judge(root)
    assert (judged.outcome, judged.rules) == ("fail", ["no-follow-up", "open-incident"])
    worst = next(f for f in judged.evidence.findings if f.rule == "open-incident")
    assert (worst.path, worst.line, worst.severity) == (FILE, 2, Severity.HIGH)
    assert "for 26 hours" in worst.message
    assert judged.evidence.metrics["oldest"] == 26 * 3600


def test_what_is_over_or_mild_does_not_block(tmp_path: Path) -> None:
    root = testing.write(tmp_path, {FILE: GOING_ON.replace('"high"', '"low"') + OVER})
    judged = judge(root)
    assert (judged.outcome, judged.rules) == ("pass", ["open-incident"])
    assert judge(root, options={"least": "low"}).outcome == "fail"


def test_where_nobody_knows_of_incidents_it_does_not_apply(tmp_path: Path) -> None:
    assert judge(tmp_path).outcome == "not-applicable"
    assert testing.judge(INCIDENTS, tmp_path, profile="merge").outcome == "off"


def test_a_file_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    judged = judge(testing.write(tmp_path, {FILE: "[[incident]"}))
    assert (judged.outcome, FILE in judged.reason) == ("unknown", True)


def test_its_canary_bites(tmp_path: Path) -> None:
    root = testing.write(tmp_path, {FILE: OVER})
    clean, planted = testing.prove(INCIDENTS, root, profile="operate")
    assert (clean.outcome, planted.outcome) == ("pass", "fail")


# ---- roll-outs


def test_a_roll_out_that_failed_and_was_not_undone_is_an_incident() -> None:
    bad = rolled("d1", REJECTED, "2026-02-28T10:00:00Z", reason="it is red")
    undone = RollBack(("back",), 0, 1.0)
    broken = RollBack(("back",), 1, 1.0, "exit code 1")
    (one,) = of_deployments([bad])
    assert (one.deployment, one.started) == ("d1", "2026-02-28T10:00:00Z")
    later = rolled("d2", DEPLOYED, "2026-02-28T11:00:00Z")
    assert of_deployments([bad, later]) == ()
    staging = rolled("d2", DEPLOYED, "2026-02-28T11:00:00Z", environment="staging")
    assert len(of_deployments([bad, staging])) == 1
    told = Incident("I-1", "x", Severity.HIGH, "2026-02-28T10:00:00Z", deployment="d1")
    assert of_deployments([bad], told) == ()
    for back, count in ((undone, 0), (broken, 1)):
        one_more = rolled("d3", FAILED, "2026-02-28T11:00:00Z", roll_back=back)
        assert len(of_deployments([one_more])) == count


def of_deployments(
    found: list[Deployment], *told: Incident, at_work: str | None = None
) -> tuple[Incident, ...]:
    return open_incidents.of_deployments(found, told, NOW, at_work)


LOST = {
    "two days ago": ("2026-02-27T12:00:00Z", ["d1"]),
    "a day ago": ("2026-02-28T12:00:00Z", ["d1"]),
    "less than a day ago": ("2026-02-28T12:00:01Z", []),
    "nobody knows when": ("soon", ["d1"]),
    "in a year to come": ("2099-01-01T00:00:00Z", ["d1"]),
}


@pytest.mark.parametrize(("started", "open_ones"), LOST.values(), ids=LOST)
def test_a_roll_out_whose_end_nobody_saw_is_lost_after_a_day(
    started: str, open_ones: list[str]
) -> None:
    before = rolled("d0", DEPLOYED, "2026-02-26T11:00:00Z")
    begun = msgspec.structs.replace(rolled("d1", STARTED, ""), started=started, ended=None)
    found = of_deployments([before, begun])
    assert [one.deployment for one in found] == open_ones
    assert all(" ended unseen, " in one.title for one in found)


def test_until_it_has_ended_what_was_before_it_counts_but_for_itself() -> None:
    bad = rolled("d1", FAILED, "2026-02-28T10:00:00Z")
    begun = msgspec.structs.replace(
        rolled("d2", STARTED, ""), started="2026-03-01T11:00:00Z", ended=None
    )
    assert [one.deployment for one in of_deployments([bad, begun])] == ["d1"]
    assert of_deployments([bad, begun], at_work="d2") == ()


@pytest.mark.parametrize(
    ("ended", "environment", "caused"),
    [
        ("2026-02-28T10:00:00Z", None, "d1"),
        ("2026-02-28T10:00:00Z", "production", "d1"),
        ("2026-02-28T10:00:00Z", "staging", None),
        ("2026-02-27T09:00:00Z", None, None),
        ("2026-02-28T10:06:00Z", None, None),
        ("rubbish", None, None),
    ],
)
def test_the_roll_out_that_ended_last_before_it_is_named(
    ended: str, environment: str | None, caused: str | None
) -> None:
    one = Incident("a", "x", Severity.HIGH, "2026-02-28T10:05:00Z", environment=environment)
    (found,) = open_incidents.caused([one], [rolled("d1", DEPLOYED, ended)])
    assert found.deployment == caused


def test_what_is_not_seen_any_more_is_over() -> None:
    alert = Incident("alert-1", "x", Severity.HIGH, "2026-02-28T10:00:00Z", source="alertmanager")
    written = Incident("I-1", "x", Severity.HIGH, "2026-02-28T10:00:00Z")
    now = "2026-02-28T12:00:00Z"
    assert [one.ended for one in ended([alert, written], Seen((), ("alertmanager",)), now)] == [now]
    assert ended([alert], Seen((alert,), ("alertmanager",)), now) == ()
    assert ended([alert], Seen((), ("deployments", "github")), now) == ()


@pytest.mark.parametrize(("profile", "sources"), [("operate", ("deployments",)), ("release", ())])
def test_a_run_tells_which_sources_it_asked(
    tmp_path: Path, profile: str, sources: tuple[str, ...]
) -> None:
    deployments.record(tmp_path, rolled("d1", FAILED, "2026-02-28T10:00:00Z"))
    root = testing.write(tmp_path, {FILE: OVER})
    here = testing.project(root, profile=profile)
    incidents.check(here, IncidentOptions(), ())
    seen = open_incidents.kept(here.run_dir)
    assert seen
    assert seen.sources == sources
    assert [one.id for one in seen.incidents] == [
        "I-2",
        *(f"deployment-{name}" for name in ("d1",) if sources),
    ]


def test_a_command_that_never_started_changed_nothing() -> None:
    typo = msgspec.structs.replace(rolled("d2", FAILED, "2026-02-28T10:00:00Z"), exit_code=None)
    killed = msgspec.structs.replace(typo, exit_code=-15)
    good = rolled("d1", DEPLOYED, "2026-02-28T09:30:00Z")
    bad = rolled("d1", FAILED, "2026-02-28T09:30:00Z")
    assert of_deployments([typo]) == of_deployments([good, typo]) == ()
    assert [one.deployment for one in of_deployments([bad, typo])] == ["d1"]
    assert [one.deployment for one in of_deployments([good, killed])] == ["d2"]
    alert = Incident("a", "x", Severity.HIGH, "2026-02-28T10:05:00Z")
    assert open_incidents.caused([alert], [good, typo])[0].deployment == "d1"


# ---- Alertmanager


class _Answers(BaseHTTPRequestHandler):
    status, body = 200, b"[]"
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    handler = type("Answers", (_Answers,), {"body": body, "status": status, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.asked
        finally:
            server.shutdown()


def test_an_alert_is_an_incident(tmp_path: Path) -> None:
    with answering(json.dumps([ALERT]).encode()) as (address, asked):
        options = {"alertmanager": address, "matchers": ['severity="critical"']}
        judged = judge(tmp_path, options=options)
    assert judged.outcome == "fail"
    assert "Greetings: every third greeting fails" in judged.evidence.findings[0].message
    assert "filter=severity%3D%22critical%22" in asked[0]
    assert "silenced=false" in asked[0]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"<html>", 200, "no JSON"),
        (b"[", 200, "no JSON"),
        (b"[] []", 200, "no JSON"),
        (b"{}", 200, "another shape"),
        (b'[{"labels": {}}]', 200, "another shape"),
        (json.dumps([{**ALERT, "startsAt": "yesterday"}]).encode(), 200, "another shape"),
        (json.dumps([{**ALERT, "startsAt": LONG_AGO}]).encode(), 200, "a time that is none"),
        (json.dumps([{**ALERT, "startsAt": LONG_AGO[:19]}]).encode(), 200, "another shape"),
        (b'"bad matcher format"', 400, "answered 400 (bad matcher format)"),
        (b"[]", 302, "answered 302"),
        (b"", 503, "answered 503"),
    ],
)
def test_an_answer_that_is_none_is_unknown(
    tmp_path: Path, body: bytes, status: int, why: str
) -> None:
    with answering(body, status) as (address, _):
        judged = judge(tmp_path, options={"alertmanager": address})
    assert (judged.outcome, why in judged.reason) == ("unknown", True), judged.reason


def test_an_alertmanager_that_does_not_answer_is_unknown(tmp_path: Path) -> None:
    judged = judge(tmp_path, options={"alertmanager": "http://127.0.0.1:9"})
    assert (judged.outcome, "refused" in judged.reason) == ("unknown", True)
    judged = judge(tmp_path, options={"alertmanager": "http://127.0.0.1:9", "token-env": "NO_SUCH"})
    assert "NO_SUCH is not set" in judged.reason


ADDRESSES = {
    "a password": ({"alertmanager": "http://u:p@127.0.0.1/"}, "holds a user or a password"),
    "ftp": ({"alertmanager": "ftp://a/"}, "is no address of http"),
    "blanks": ({"alertmanager": "http://a b/"}, "holds blanks"),
    "a token by http": (
        {"alertmanager": "http://alerts.example/", "token-env": "AM"}, "use https",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "says"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_that_is_wrong_is_told(
    options: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=rf"options\.alertmanager: .*{says}"):
        judge(tmp_path, options=options)


@pytest.mark.parametrize(
    ("label", "severity"),
    [("page", Severity.CRITICAL), ("warning", Severity.MEDIUM), ("odd", Severity.HIGH)],
)
def test_severities_are_told_by_their_label(label: str, severity: Severity) -> None:
    alert = {**ALERT, "labels": {"severity": label}}
    assert alertmanager.read([alert], "here")[0].severity == severity


def test_what_is_suppressed_is_left_out_and_too_much_is_no_answer() -> None:
    silent = {**ALERT, "status": {"state": "suppressed"}}
    assert alertmanager.read([silent], "here") == ()
    with pytest.raises(CannotTell, match="10,001 alerts"):
        alertmanager.read([ALERT] * 10_001, "here")


def test_an_age_is_never_negative() -> None:
    later = f"{NOW + timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"
    one = Incident("a", "x", Severity.HIGH, later)
    found = incidents.judge([one], {}, NOW, Severity.MEDIUM, ["here"])
    assert found.metrics["oldest"] == 0


def test_what_ends_tomorrow_goes_on_today(tmp_path: Path) -> None:
    tomorrow = f"{NOW + timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}"
    judged = judge(testing.write(tmp_path, {FILE: GOING_ON + f"ended = {tomorrow}\n"}))
    assert (judged.outcome, judged.rules) == ("fail", ["open-incident"])


def test_a_roll_out_that_failed_does_not_hold_the_one_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = rolled("d1", FAILED, "2026-02-28T10:00:00Z")
    deployments.record(tmp_path, bad)
    assert judge(tmp_path).outcome == "fail"
    assert judge(tmp_path, profile="release").outcome == "not-applicable", "nobody was asked"
    testing.write(tmp_path, {FILE: OVER})
    judged = judge(tmp_path, profile="release")
    assert (judged.outcome, judged.evidence.notes) == ("pass", (f"asked: {FILE}",))
    deployments.record(tmp_path, msgspec.structs.replace(bad, id="d2", outcome=STARTED))
    monkeypatch.setenv("DEVOPS_GATES_DEPLOYMENT", "d2")
    assert judge(tmp_path).outcome == "pass"


@pytest.mark.parametrize(
    ("hurt", "outcome"),
    [
        (lambda lines: lines, "fail"),
        (lambda lines: [lines[0], *(line[:40] for line in lines[1:])], "unknown"),
        (lambda lines: [*lines, b"[" * 100_000], "unknown"),
        (lambda lines: [*lines[:-1], b"", lines[-1]], "fail"),
    ],
)
def test_a_roll_out_that_cannot_be_read_is_unknown(
    tmp_path: Path, hurt: Callable[[list[bytes]], list[bytes]], outcome: str
) -> None:
    deployments.record(tmp_path, rolled("d1", DEPLOYED, "2026-02-28T09:30:00Z"))
    bad = rolled("d2", FAILED, "2026-02-28T10:00:00Z")
    deployments.record(tmp_path, msgspec.structs.replace(bad, outcome=STARTED))
    deployments.record(tmp_path, bad)
    path = tmp_path / deployments.FILE
    path.write_bytes(b"".join(line + b"\n" for line in hurt(path.read_bytes().splitlines())))
    judged = judge(tmp_path)
    assert judged.outcome == outcome
    assert outcome == "fail" or re.search(r"deployments\.jsonl:[24]: ", judged.reason)


def test_where_nothing_can_be_kept_it_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(open_incidents.disk, "write", full)
    root = testing.write(tmp_path, {FILE: OVER})
    with pytest.raises(CannotTell, match="cannot be kept: No space left"):
        incidents.check(testing.project(root), IncidentOptions(), ())


# ---- the tracker

LABELS: dict[str, tuple[list[str], Severity]] = {
    "a word": (["incident", "Critical"], Severity.CRITICAL),
    "a prefix": (["severity: low"], Severity.LOW),
    "of GitLab": (["severity::low"], Severity.LOW),
    "with a slash": (["SEV/minor"], Severity.LOW),
    "with =": (["severity=warning"], Severity.MEDIUM),
    "with -": (["sev-critical"], Severity.CRITICAL),
    "the worst of two": (["low", "severity: medium"], Severity.MEDIUM),
    "another prefix": (["effort: low", "priority::low", "complexity:minor"], Severity.HIGH),
    "a workaround": (["workaround: none"], Severity.HIGH),
    "no prefix": (["severity low", "low hanging", "a-severity: low"], Severity.HIGH),
    "none": (["incident"], Severity.HIGH),
}


@pytest.mark.parametrize(("labels", "severity"), LABELS.values(), ids=LABELS)
def test_the_severity_of_an_issue(
    labels: list[str], severity: Severity, tmp_path: Path, token: None
) -> None:
    issue = {"title": "Greetings fail", "labels": [*labels, "outage"]}
    with tracker_server.serving(issues=[issue]) as world:
        here = testing.project(tmp_path, tracker=world.table("github"))
        evidence = incidents.check(here, IncidentOptions(label="outage"), ())
    assert [one.severity for one in evidence.findings] == [severity]


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN"):
        monkeypatch.setenv(name, tracker_server.TOKEN)


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize(
    ("label", "is_there"), [("out of order", True), ("a/b ü?", True), ("outtage", False)]
)
def test_a_label_that_there_is_not_is_unknown(
    kind: str, label: str, is_there: bool, tmp_path: Path, token: None
) -> None:
    over = {"title": "x", "labels": ["out of order"], "closed": "2026-11-02T10:00:00Z"}
    with tracker_server.serving(issues=[over], labels=("a/b ü?",)) as world:
        here = testing.project(tmp_path, tracker=world.table(kind))
        options = IncidentOptions(label=label)
        if is_there:
            assert incidents.check(here, options, ()).metrics["open"] == 0
            return
        with pytest.raises(CannotTell, match="there is no label 'outtage' · make it there"):
            incidents.check(here, options, ())


def test_a_label_that_cannot_be_looked_up_is_unknown(tmp_path: Path, token: None) -> None:
    with (
        tracker_server.serving(trouble="403") as world,
        pytest.raises(CannotTell, match="may not do that"),
    ):
        service.has_label(world.table("github"), "outage")


def test_a_token_with_a_line_end_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AM", "s3cr3t-value\n")
    with answering(b"[]") as (address, _):
        options = {"alertmanager": address, "token-env": "AM"}
        assert judge(tmp_path, options=options).outcome == "pass"
    monkeypatch.setenv("AM", "s3cr3t\nvalue")
    judged = judge(tmp_path, options={"alertmanager": "http://127.0.0.1:9", "token-env": "AM"})
    assert (judged.outcome, "s3cr3t" in str(judged.evidence)) == ("unknown", False)
