"""The file of approvals: read, asked who counts, and added to; and the command that adds."""

from __future__ import annotations

import argparse
import hashlib
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import approval_text, approvals, testing
from pytest_devops_gates.approvals import FILE, Entry, Override
from pytest_devops_gates.cli import release_approve
from pytest_devops_gates.errors import UsageError
from tests.unit.test_version import commit, git

UTC = timezone.utc
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SHA, OTHER = "a" * 40, "b" * 40
WHEEL, SDIST = "c" * 64, "d" * 64


def entry(**told: Any) -> Entry:
    return Entry(**{"who": "Ann <ann@example.com>", "when": date(2026, 11, 27), **told})


def text(**told: str) -> bytes:
    lines = {"who": '"Ann"', "when": "2026-11-27", **told}
    return ("[[approval]]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())).encode()


COUNTS = {
    "the commit": (entry(commit=SHA), None),
    "the beginning of it": (entry(commit=SHA[:12]), "only whole ones count"),
    "all of it but one digit": (entry(commit=SHA[:39]), "only whole ones count"),
    "another commit": (entry(commit=OTHER), "another commit"),
    "an artefact": (entry(artefact=WHEEL), None),
    "another artefact": (entry(artefact=SDIST), "another artefact"),
    "an artefact of another commit": (entry(artefact=WHEEL, commit=OTHER), "another commit"),
    "expired": (entry(commit=SHA, expires=date(2026, 11, 27)), "expired (2026-11-27)"),
    "on its last day": (entry(commit=SHA, expires=date(2026, 11, 28)), None),
    "at its last moment": (entry(commit=SHA, expires=NOW), "expired"),
    "tomorrow's": (entry(commit=SHA, when=date(2026, 11, 29)), "lies in the future"),
    "of this moment": (entry(commit=SHA, when=NOW), None),
    "of the next": (entry(commit=SHA, when=NOW + timedelta(seconds=1)), "lies in the future"),
    "for here": (entry(commit=SHA, environment="production"), None),
    "for elsewhere": (entry(commit=SHA, environment="staging"), "environment staging alone"),
}


@pytest.mark.parametrize(("one", "why"), COUNTS.values(), ids=COUNTS)
def test_who_counts_and_why_others_do_not(one: Entry, why: str | None) -> None:
    found = approvals.standing(
        [one], commits=[SHA], artefacts=[WHEEL], environment="production", now=NOW
    )
    if why is None:
        assert (found.counting, found.others) == ((one,), ())
    else:
        assert found.counting == ()
        assert why in found.others[0][1]


def test_one_for_an_environment_does_not_count_without_one() -> None:
    one = entry(commit=SHA, environment="production")
    assert approvals.standing([one], commits=[SHA], now=NOW).counting == ()


def test_what_is_of_a_policy_or_of_nothing_is_no_approval_of_a_release() -> None:
    for one in (entry(policy="0123"), entry(policy="0123", commit=SHA), entry()):
        found = approvals.standing([one], commits=[SHA], now=NOW)
        assert (found.counting, found.others) == ((), ())


PEOPLE = {
    "two": (["Ann <ann@x.org>", "Bo <bo@x.org>"], 2),
    "one address": (["Ann <ann@x.org>", "A. <ANN@X.org>"], 1),
    "one name": (["Ann  Lee <ann@x.org>", "ann lee <lee@x.org>"], 1),
    "with and without a name": (["Ann <ann@x.org>", "ann@x.org"], 1),
    "linked by a third": (["Ann <ann@x.org>", "Bo <bo@x.org>", "Ann <bo@x.org>"], 1),
    "handles": (["@ann", "@bo", "@Ann"], 2),
    "a name that looks like an address": (["bo@x.org <ann@x.org>", "bo@x.org"], 2),
}


@pytest.mark.parametrize(("whos", "count"), PEOPLE.values(), ids=PEOPLE)
def test_people_are_told_apart(whos: list[str], count: int) -> None:
    assert len(approvals.people([entry(who=who) for who in whos])) == count


def test_only_those_named_count_by_their_address() -> None:
    assert approvals.is_by(entry(who="Ann <ann@x.org>"), ["ANN@x.org"])
    assert approvals.is_by(entry(who="@lead"), ["@Lead"])
    assert not approvals.is_by(entry(who="ann@x.org <eve@x.org>"), ["ann@x.org"])
    assert not approvals.is_by(entry(who="Ann <eve@x.org>"), ["Ann <ann@x.org>"])


BAD = {
    "nobody": (text(who='" "'), "who: nobody is named"),
    "a time without an offset": (text(when="2026-11-27T10:00:00"), "when: .* has no offset"),
    "a text as a date": (text(when='"2026-11-27"'), "when: expected a date"),
    "a time": (text(expires="10:00:00"), "expires: expected a date"),
    "far ahead": (text(expires="9999-12-31"), "out of range"),
    "a short commit": (text(commit='"abc"'), "commit: no hash"),
    "a branch": (text(commit='"main-branch-of-it"'), "commit: no hash"),
    "an artefact's name": (text(artefact='"app.whl"'), "artefact: no SHA-256"),
    "an unknown key": (text(whose='"me"'), "whose: unknown key"),
    "an override that is no table": (b"override = 3\n", "override"),
}


@pytest.mark.parametrize(("data", "told"), BAD.values(), ids=BAD)
def test_a_broken_file(data: bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        approvals.read(data, FILE)


def test_moments_are_shown_in_utc() -> None:
    told = text(when="2026-11-27T10:00:00+02:00", policy='"p"', commit=f'"{SHA.upper()}"')
    (one,) = approvals.read(told, FILE)
    assert (one.when, one.commit) == ("2026-11-27T08:00:00Z", SHA)
    assert approvals.of_policy((one,), "p", date(2026, 11, 27)) == one
    assert approvals.of_policy((one,), "p", date(2026, 11, 26)) is None


def test_what_stands_in_the_file_stays() -> None:
    before = b"# ours\r\n" + text(commit=f'"{SHA}"').replace(b"\n", b"\r\n") + b"# the end"
    after = approval_text.appended(before, (entry(commit=OTHER), entry(artefact=WHEEL)))
    assert after.startswith(before + b"\r\n\r\n[[approval]]\r\n")
    assert [e.commit for e in approvals.entries(after, FILE)] == [SHA, OTHER, None]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_any_text_is_read_as_it_was_written(said: str) -> None:
    end = NOW + timedelta(days=1)
    new = (entry(commit=SHA, reason=said), Override("freeze", "Ann", said, NOW, end))
    after = approval_text.appended(b"", new)
    assert approvals.entries(after, FILE)[0].reason == said
    assert approvals.overrides(after, FILE).overrides[0].reason == said


def test_nothing_is_added_to_a_broken_file() -> None:
    with pytest.raises(UsageError, match="unknown key"):
        approval_text.appended(text(whose='"me"'), (entry(commit=SHA),))
    with pytest.raises(UsageError, match="by hand"):
        approval_text.appended(b"override = []\n", (Override("freeze", "A", "b", NOW, NOW),))


def arguments(**told: Any) -> argparse.Namespace:
    names = "commit artifact policy override environment who expires reason".split()
    return argparse.Namespace(**{**dict.fromkeys(names), "who": "Ann <ann@x.org>", **told})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return commit(testing.write(tmp_path / "app", {"app.py": "x = 1\n", "dist/a.whl": b"wheel"}))


def made(root: Path, **told: Any) -> tuple[Entry | Override, ...]:
    return release_approve.made(root, root, arguments(**told), NOW)


def test_the_command_approves_head_for_a_week(repository: Path) -> None:
    (one,) = made(repository)
    assert one == Entry("Ann <ann@x.org>", NOW, expires=NOW + timedelta(days=7), commit=git(repository, "rev-parse", "HEAD"))  # fmt: skip
    release_approve.add(repository, (one,))
    assert b"when = 2026-11-28T12:00:00Z" in (repository / FILE).read_bytes()


def test_the_command_approves_artefacts_policies_and_overrides(repository: Path) -> None:
    (one,) = made(repository, artifact=["dist/a.whl"], environment="production", reason="good")
    assert isinstance(one, Entry)
    assert (one.commit, one.artefact) == (None, hashlib.sha256(b"wheel").hexdigest())
    (policy,) = made(repository, policy=True)
    assert isinstance(policy, Entry)
    assert len(policy.policy or "") == 64
    (over,) = made(repository, override="freeze", reason="it burns")
    assert isinstance(over, Override)
    assert over.expires == NOW + timedelta(days=1)


def test_who_is_gits_user(repository: Path) -> None:
    git(repository, "config", "user.email", "bo@x.org")
    git(repository, "config", "user.name", "Bo")
    assert made(repository, who=None)[0].who == "Bo <bo@x.org>"


REFUSED = {
    "an unknown commit": ({"commit": "1" * 40}, "knows no commit"),
    "a file that is not there": ({"artifact": ["dist/b.whl"]}, "cannot be read"),
    "a folder": ({"artifact": ["dist"]}, "cannot be read"),
    "an end that is over": ({"expires": "2026-11-27"}, "over already"),
    "a moment that is over": ({"expires": "2026-11-28T12:00:00Z"}, "over already"),
    "a moment without an offset": ({"expires": "2026-12-28T12:00:00"}, "has no offset"),
    "no end": ({"expires": "soon"}, "none of 7d"),
    "no reason for an override": ({"override": "freeze"}, "--reason"),
    "an override of something else": ({"override": "frieze", "reason": "x"}, "did you mean 'freeze'"),
    "an override for long": ({"override": "freeze", "reason": "x", "expires": "8d"}, "7 days"),
    "nobody": ({"who": " "}, "--who says nothing"),
    "an empty reason": ({"reason": ""}, "--reason says nothing"),
    "a policy of a commit": ({"policy": True, "commit": "HEAD"}, "does not go with --commit"),
}  # fmt: skip


@pytest.mark.parametrize(("told", "why"), REFUSED.values(), ids=REFUSED)
def test_what_the_command_refuses(told: dict[str, Any], why: str, repository: Path) -> None:
    with pytest.raises(UsageError, match=why):
        made(repository, **told)


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    testing.write(tmp_path, {"real.toml": "", "devops-gates/x": ""})
    (tmp_path / FILE).symlink_to(tmp_path / "real.toml")
    with pytest.raises(UsageError, match="is a link"):
        release_approve.add(tmp_path, (entry(commit=SHA),))
    assert (tmp_path / "real.toml").read_text() == ""
