"""``devops-gates/feedback.toml``: read strictly, edited in place; and the gate ``inbox``."""

from __future__ import annotations

import os
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import disk
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.gates.inbox import INBOX, InboxOptions, judge
from pytest_devops_gates.lessons import inbox, inbox_text, written
from pytest_devops_gates.lessons.inbox import FILE, KINDS, LONGEST, Feedback, Inbox
from pytest_devops_gates.testing import judge as run
from pytest_devops_gates.testing import prove, write

TODAY = date(2026, 11, 28)
PYPROJECT = '[project]\nname = "app"\nversion = "1.1"\n'
HEAD = '[[feedback]]\nid = "F-1"\ncreated = 2026-11-20\nkind = "bug"\ntext = "it hurts"\n'
COMMENTED = f"""# the team's inbox
{HEAD}area = "docs"   # all of them

# said at the fair
[[feedback]]
text = '''
[[feedback]]
in a text is no header'''
id = "fair.2"
created = 2026-11-21
kind = "praise"
by = "Ada"
"""


def entry(number: int = 1, **told: Any) -> Feedback:
    known = {"id": f"F-{number}", "created": TODAY, "kind": "bug", "text": "it hurts"}
    return Feedback(**{**known, **told})


def test_it_is_read_with_the_lines_of_its_entries() -> None:
    file = inbox.read(COMMENTED.encode(), TODAY)
    assert [one.id for one in file.entries] == ["F-1", "fair.2"]
    assert file.lines == (2, 10)
    assert file.entries[1].text == "[[feedback]]\nin a text is no header"
    assert inbox.read(COMMENTED.replace("\n", "\r\n").encode(), TODAY).lines == (2, 10)
    assert inbox.read(b"", TODAY) == Inbox()
    assert file.next_id() == "F-2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[feedback]\n", ":"),
        ('[[feedbak]]\nid = "F-1"\n', "unknown key 'feedbak' (did you mean 'feedback'?)"),
        ("feedback = []\nextra = 1\n", "unknown key 'extra'"),
        (f'feedback = [{{ id = "F-1", created = {TODAY}, kind = "bug", text = "x" }}]\n', "table"),
        (f'[["feedback"]]\nid = "F-1"\ncreated = {TODAY}\nkind = "bug"\ntext = "x"\n', "table"),
        ("[feedback]\n", "table of its own"),
        (HEAD + "mood = 1\n", "feedback.toml:1: feedback.mood: unknown key"),
        (HEAD.replace('id = "F-1"\n', ""), "feedback.toml:1: feedback: the key 'id' is missing"),
        (HEAD.replace("F-1", "F 1"), "feedback.id: 'F 1' is not of letters"),
        (HEAD.replace("F-1", "\\u001b[31m"), "feedback.id: "),
        (HEAD.replace("bug", "bugs"), "feedback.kind"),
        (HEAD.replace("it hurts", " "), "feedback.text: says nothing"),
        (HEAD.replace("it hurts", "x" * (LONGEST + 1)), "more than 10,000 characters"),
        (HEAD.replace("2026-11-20", "2026-12-20"), "created: 2026-12-20 is yet to come"),
        (HEAD.replace("2026-11-20", "2026-11-20T10:00:00Z"), "expected date, got datetime"),
        (HEAD.replace("2026-11-20", '"yesterday"'), "feedback.created"),
        (HEAD + "urgent = 1\n", "feedback.urgent: expected a boolean, got a number"),
        (HEAD + "answered = 2026-11-21\n", "needs its answer"),
        (HEAD + 'answer = "yes"\n', "needs its day"),
        (HEAD + 'answered = 2026-11-01\nanswer = "x"\n', "before 2026-11-20"),
        (HEAD + HEAD, "feedback.toml:6: feedback.id: 'F-1' is in line 1 as well"),
        ("<<<<<<< HEAD\n", "feedback.toml"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_wrong_is_told(text: str | bytes, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        inbox.read(text.encode() if isinstance(text, str) else text, TODAY)
    assert said in str(raised.value)
    assert str(raised.value).startswith(FILE)


def test_tomorrow_is_today_somewhere() -> None:
    tomorrow = str(TODAY + timedelta(days=1))
    assert inbox.read(HEAD.replace("2026-11-20", tomorrow).encode(), TODAY).entries


def test_what_stands_there_stays_as_it_is() -> None:
    data = inbox_text.added(COMMENTED.encode(), [entry(2)], TODAY)
    assert data.startswith(COMMENTED.encode())
    data = inbox_text.changed(data, {"F-1": {"answered": TODAY, "answer": "yes"}}, TODAY)
    first = COMMENTED.index("\n# said at the fair")
    assert data.startswith(
        COMMENTED[:first].encode() + b'answered = 2026-11-28\nanswer = "yes"\n\n# said at the fair'
    )
    assert inbox.read(data, TODAY).entries[0].answer == "yes"
    with pytest.raises(UsageError, match=r"there is no 'F-9' \(did you mean"):
        inbox_text.changed(data, {"F-9": {"item": "W-1"}}, TODAY)
    assert inbox_text.added(data, [], TODAY) == data


def test_line_ends_are_those_of_the_file() -> None:
    data = inbox_text.added(HEAD.replace("\n", "\r\n").encode(), [entry(2)], TODAY)
    assert data.count(b"\n") == data.count(b"\r\n")


def test_half_a_character_is_refused() -> None:
    with pytest.raises(UsageError, match="no character"):
        inbox_text.added(b"", [entry(text="\udcff")], TODAY)


TEXTS = st.text(max_size=60).filter(str.strip)
SAID = st.builds(
    Feedback,
    id=st.just("X"),
    created=st.dates(date(2000, 1, 1), TODAY),
    kind=st.sampled_from(KINDS),
    text=TEXTS,
    by=st.text(max_size=9),
    area=st.text(max_size=9),
    urgent=st.booleans(),
    source=st.text(max_size=9),
)


@given(st.lists(SAID, min_size=1, max_size=4), TEXTS, st.data())
def test_what_is_written_is_read_again(said: list[Feedback], answer: str, data: Any) -> None:
    entries = [msgspec.structs.replace(one, id=f"F-{n}") for n, one in enumerate(said)]
    text = b""
    for one in entries:
        text = inbox_text.added(text, [one], TODAY)
    assert inbox.read(text, TODAY).entries == tuple(entries)
    chosen = data.draw(st.sampled_from(entries))
    text = inbox_text.changed(text, {chosen.id: {"answered": TODAY, "answer": answer}}, TODAY)
    for item in ("W-2", "W-1"):
        text = inbox_text.changed(text, {chosen.id: {"item": item}}, TODAY)
    after = {one.id: one for one in inbox.read(text, TODAY).entries}
    want = msgspec.structs.replace(chosen, answered=TODAY, answer=answer, item="W-1")
    assert after == {one.id: one for one in entries} | {chosen.id: want}


@given(st.text(max_size=80))
def test_whatever_a_file_holds_is_an_entry_or_a_usage_error(text: str) -> None:
    for data in (text.encode("utf-8", "surrogatepass"), (HEAD + text).encode("utf-8", "replace")):
        try:
            file = inbox.read(data, TODAY)
        except UsageError:
            continue
        assert len(file.entries) == len(file.lines)


# writing several files


def test_all_files_are_written_or_none(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "no": "a file where a folder is wanted"})
    with pytest.raises(UsageError, match="no/b cannot"):
        written.write(tmp_path, {"a": b"2", "new/c": b"3", "no/b": b"4"})
    assert (tmp_path / "a").read_text() == "1"
    assert not (tmp_path / "new/c").exists()
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(UsageError, match="link is a link"):
        written.write(tmp_path, {"a": b"2", "link": b"3"})
    assert (tmp_path / "a").read_text() == "1"


def test_what_was_written_before_a_failure_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a": "1"})
    real = disk.write

    def full(path: Path, text: str) -> None:
        if path.name == "b":
            raise OSError(28, "no space left")
        real(path, text)

    monkeypatch.setattr(disk, "write", full)
    with pytest.raises(UsageError, match="b cannot be written: no space left"):
        written.write(tmp_path, {"a": b"2", "new": b"3", "b": b"4"})
    assert (tmp_path / "a").read_text() == "1"
    assert not (tmp_path / "new").exists()


# the gate


def counted(*entries: Feedback, since: date | None = None) -> dict[str, float]:
    file = Inbox(entries, tuple(range(1, len(entries) + 1)))
    metrics = judge(file, since, TODAY, timedelta(days=3)).metrics
    return {name: value for name, value in metrics.items() if value}


def test_it_counts_what_is_new_by_kind_and_area() -> None:
    entries = (
        entry(1, area="docs", created=date(2026, 11, 1)),
        entry(2, area="docs", answered=TODAY, answer="done"),
        entry(3, area="cli", kind="idea", item="W-3"),
        entry(4, kind="pain", urgent=True, created=date(2026, 11, 24)),
        entry(5, kind="pain", urgent=True, created=date(2026, 11, 25)),
    )
    assert counted(*entries, since=date(2026, 11, 20)) == {
        "items": 5, "new": 4, "open": 3, "urgent": 2, "unanswered": 4, "overdue": 1,
        "kind:bug": 1, "kind:idea": 1, "kind:pain": 2, "area:docs": 1, "area:cli": 1,
    }  # fmt: skip
    assert counted(*entries)["new"] == 5


def test_the_gate_is_red_over_what_is_urgent_and_waits(tmp_path: Path) -> None:
    waits = HEAD.replace("it hurts", "it \\u001b[31mhurts") + "urgent = true\n"
    write(tmp_path, {"pyproject.toml": PYPROJECT, FILE: COMMENTED + waits.replace("F-1", "F-7")})
    judged = run(INBOX, tmp_path)
    assert (judged.outcome, judged.ruling.level) == ("fail", "advisory")
    found = {finding.rule: finding for finding in judged.evidence.findings}
    urgent = found["urgent-unanswered"]
    assert (urgent.path, urgent.line, urgent.severity.value) == (FILE, 18, "medium")
    assert "F-7 (bug): it \\x1b[31mhurts · urgent, and without an answer for" in urgent.message
    assert judged.rules == ["unanswered", "unanswered", "urgent-unanswered"]
    assert run(INBOX, tmp_path, options={"answer-within": "9999w"}).outcome == "pass"


def test_new_is_what_came_since_the_last_release(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PYPROJECT, FILE: HEAD})

    def git(*args: str, day: str = "2026-11-25") -> None:
        when = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
        own = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *own, *args], cwd=tmp_path, check=True, capture_output=True, env={
            **when, "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null",
        })  # fmt: skip

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    git("tag", "v1.0")
    late = HEAD.replace("F-1", "F-2").replace("2026-11-20", "2026-11-26")
    write(tmp_path, {FILE: HEAD + late})
    git("commit", "-qam", "two")
    judged = run(INBOX, tmp_path)
    assert judged.evidence.metrics["new"] == 1
    assert judged.evidence.notes == ("new since v1.0 of 2026-11-25",)


def test_the_canary_bites(tmp_path: Path) -> None:
    answered = HEAD + 'answered = 2026-11-21\nanswer = "yes"\n'
    write(tmp_path, {"pyproject.toml": PYPROJECT, FILE: answered})
    clean, planted = prove(INBOX, tmp_path)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["urgent-unanswered"]


def test_where_it_cannot_be_red_it_says_why(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PYPROJECT})
    assert run(INBOX, tmp_path).reason == f"there is no {FILE}"
    write(tmp_path, {FILE: "# nothing yet\n"})
    assert run(INBOX, tmp_path).outcome == "not-applicable"
    write(tmp_path, {FILE: "[[feedback]]\n"})
    assert run(INBOX, tmp_path).outcome == "unknown"
    assert "the key 'id' is missing" in run(INBOX, tmp_path).reason
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert run(INBOX, tmp_path).outcome == "unknown"
    for profile in ("commit", "operate"):
        assert run(INBOX, tmp_path, profile=profile).outcome == "off"


@pytest.mark.parametrize("text", ["", "3", "0d", "3 d", "-1d", "3h", "3d\n"])
def test_a_wrong_span_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="answer-within"):
        InboxOptions(answer_within=text)
