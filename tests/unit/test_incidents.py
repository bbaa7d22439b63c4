"""What goes wrong in production, as the file, Alertmanager, the tracker and the roll-outs tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import deployments, testing
from pytest_devops_gates.deployments import DEPLOYED, FAILED, REJECTED, Deployment, RollBack
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.gates.incidents import INCIDENTS
from pytest_devops_gates.history.happened import ended
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.operations import alertmanager, incidents_file, open_incidents
from pytest_devops_gates.operations.incidents_file import FILE

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
    (one,) = open_incidents.of_deployments([bad], [])
    assert (one.deployment, one.started) == ("d1", "2026-02-28T10:00:00Z")
    later = rolled("d2", DEPLOYED, "2026-02-28T11:00:00Z")
    assert open_incidents.of_deployments([bad, later], []) == ()
    staging = rolled("d2", DEPLOYED, "2026-02-28T11:00:00Z", environment="staging")
    assert len(open_incidents.of_deployments([bad, staging], [])) == 1
    told = Incident("I-1", "x", Severity.HIGH, "2026-02-28T10:00:00Z", deployment="d1")
    assert open_incidents.of_deployments([bad], [told]) == ()
    for back, count in ((undone, 0), (broken, 1)):
        one_more = rolled("d3", FAILED, "2026-02-28T11:00:00Z", roll_back=back)
        assert len(open_incidents.of_deployments([one_more], [])) == count


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
    assert [one.ended for one in ended([alert, written], [], now)] == [now]
    assert ended([alert], [alert], now) == ()


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
    from pytest_devops_gates.gates import incidents

    found = incidents.judge([one], {}, NOW, Severity.MEDIUM, ["here"])
    assert found.metrics["oldest"] == 0


def test_what_ends_tomorrow_goes_on_today(tmp_path: Path) -> None:
    tomorrow = f"{NOW + timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}"
    judged = judge(testing.write(tmp_path, {FILE: GOING_ON + f"ended = {tomorrow}\n"}))
    assert (judged.outcome, judged.rules) == ("fail", ["open-incident"])


def test_a_roll_out_that_failed_does_not_hold_the_one_that_mends_it(tmp_path: Path) -> None:
    bad = rolled("d1", FAILED, "2026-02-28T10:00:00Z")
    at_work = rolled("d2", "started", "2026-02-28T11:00:00Z")
    assert open_incidents.of_deployments([bad, at_work], []) == ()
    deployments.record(tmp_path, bad)
    assert judge(tmp_path).outcome == "fail"
    assert judge(tmp_path, profile="release").outcome == "pass"


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
