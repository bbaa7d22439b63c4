"""No secret reaches the verdict."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.evidence import (
    Finding,
    FlakyTest,
    Receipt,
    Rule,
    Severity,
    SkipReason,
    TestDetail,
    TimedTest,
)
from pytest_devops_gates.json_text import dump, whole
from pytest_devops_gates.redact import in_line, redact, secrets
from pytest_devops_gates.secret_shapes import MASK
from pytest_devops_gates.verdict import (
    Approval,
    Commit,
    Measured,
    ProjectName,
    Release,
    TestCounts,
    Verdict,
    Waiver,
)
from tests.growth import grows_linearly
from tests.unit.samples import all_over, any_text, ruling, same_every_time, verdict


def everywhere(text: str) -> Verdict:
    """A verdict with the text in every field that holds a text from outside."""
    detail = TestDetail(
        slowest=(TimedTest(text, 1.0, "passed"),),
        flaky=(FlakyTest(text, 2),),
        skips=(SkipReason(text, 1),),
    )
    judged = ruling(
        reason=text,
        owner=text,
        conditions=(Measured(text, "==", 0),),
        metrics={text: 1},
        receipt=Receipt(text, text, (text, text)),
        notes=(text,),
        log=text,
        about=text,
        again=text,
    )
    return msgspec.structs.replace(
        all_over(text),
        gates=(*all_over(text).gates, judged),
        tests=TestCounts(detail=detail),
        project=ProjectName(text, text, text),
        rules=(Rule(text, text, text, text, "lint"),),
        release=Release(text, text, 1, (Commit(text, text, text),)),
        waivers=(Waiver(text, "lint", text, text, "", "", text, text, ticket=text),),
        approvals=(Approval(text, text, text, text),),
        since=None,
    )


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


secret = st.text(
    st.characters(codec=None, exclude_categories=(), exclude_characters="*\r\n"), min_size=6
).filter(lambda text: len(text.strip()) >= 6 and any(c in text for c in string.punctuation))
"""Any text that a variable may hold in one line; with a mark, so that no word of ours is one."""
FORMS = [
    str,
    lambda text: repr(text)[1:-1],
    lambda text: ascii(text)[1:-1],
    lambda text: json.dumps(text)[1:-1],
    lambda text: quote(text, safe="", errors="replace"),
    lambda text: quote(text, errors="replace"),
    lambda text: quote_plus(text, errors="replace"),
]


@given(any_text, secret, any_text, st.sampled_from(FORMS))
@same_every_time
def test_a_value_of_the_environment_is_nowhere(
    before: str, value: str, after: str, form: Any
) -> None:
    values = secrets({"API_TOKEN": value})
    made = redact(everywhere(f"{before}{form(value)}{after}"), values)
    told = texts(json.loads(dump(made)))
    shown = whole(form(value.strip()))
    assert any(MASK in text for text in told)
    assert [text for text in told if shown in text] == []


@pytest.mark.parametrize("form", FORMS)
def test_a_value_is_known_in_every_form(form: Any) -> None:
    value = "a b/c'd\"e\\f%é(g)\t\udce9&+"
    values = secrets({"API_TOKEN": value})
    assert in_line(whole(f"<{form(value)}>"), values) == "<***>"
    assert in_line(f"<{form(value)}>", values) == "<***>"


@given(any_text, any_text)
@same_every_time
def test_the_verdict_in_memory_is_the_one_that_is_read_again(text: str, value: str) -> None:
    made = redact(everywhere(text), secrets({"API_TOKEN": value}))
    again = msgspec.json.decode(dump(made), type=Verdict)
    assert again == made
    assert dump(again) == dump(made)


def test_every_text_of_the_verdict_is_looked_at() -> None:
    """But for the words of ours and the digests: so that a field that is added is not forgotten."""
    made = redact(everywhere("x hunter22 y"), secrets({"PASSWORD": "hunter22"}))
    assert "hunter22" not in dump(made)
    kept = {text for text in texts(json.loads(dump(everywhere("hunter22")))) if "hunter22" in text}
    assert kept  # it was there before


def test_a_verdict_without_a_secret_is_the_same() -> None:
    made = everywhere("nothing")
    left = redact(made, secrets({"API_TOKEN": "something"}))
    assert left == made
    assert left.findings is made.findings


WORDS = [
    *("unknown", "critical", "medium", "develop", "required", "not-applicable", "waived"),
    *("bandit", "verdict", "schema"),
]


@pytest.mark.parametrize("word", WORDS)
def test_a_secret_that_is_a_word_of_ours_breaks_nothing(word: str) -> None:
    found = (Finding("R", word, Severity.CRITICAL, gate="bandit", state="waived"),)
    made = verdict(ruling("bandit", outcome="unknown"), findings=found, verdict="unknown")
    left = redact(made, secrets({"AUTH_MODE": word}))
    assert left.findings[0].message == MASK
    assert msgspec.structs.replace(left, findings=made.findings) == made
    assert msgspec.structs.replace(left.findings[0], message=word) == found[0]


# which values are secrets


@pytest.mark.parametrize(
    "name",
    ["API_TOKEN", "db_password", "MY_SECRET", "AWS_CREDENTIALS", "NPM_AUTH", "APIKEY", "API_KEY",
     "SSH_PRIVATE_KEY", "UV_PUBLISH_USER", "AUTHORIZATION"],
)  # fmt: skip
def test_variables_that_are_named_like_secrets(name: str) -> None:
    assert secrets({name: "hunter22"}) == ("hunter22",)


@pytest.mark.parametrize("name", ["PATH", "USER", "GIT_AUTHOR_NAME", "AUTHOR", "KEYBOARD"])
def test_other_variables_are_no_secrets(name: str) -> None:
    assert secrets({name: "hunter22"}) == ()


def test_short_values_stand_everywhere_by_chance() -> None:
    assert secrets({"API_TOKEN": "12345", "MY_TOKEN": "", "OTHER_TOKEN": "  12345  "}) == ()
    assert secrets({"API_TOKEN": "123456\n"}) == ("123456",)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n"])
def test_each_long_line_of_a_value_is_one(end: str) -> None:
    value = end.join(["-----BEGIN X-----", "MIIEow1234567", "short", "  MIIEow7654321", ""])
    values = secrets({"DEPLOY_SECRET": value})
    assert in_line("a MIIEow1234567 b", values) == "a *** b"
    assert in_line("a MIIEow7654321 b", values) == "a *** b"
    assert in_line("a short b", values) == "a short b"
    assert in_line(f"a {value.strip()} b", values) == "a *** b"


def test_the_longest_value_goes_first() -> None:
    values = secrets({"A_TOKEN": "hunter", "B_TOKEN": "hunter22", "C_TOKEN": "22hunter22"})
    assert in_line("hunter22 22hunter22 hunter", values) == "*** *** ***"


def test_what_shows_as_a_secret_is_masked_without_any_variable() -> None:
    made = redact(everywhere("postgres://user:pa55word@host with AKIAIOSFODNN7EXAMPLE"), ())
    assert "pa55word" not in dump(made)
    assert "AKIA" not in dump(made)


@pytest.mark.parametrize(
    "message", ["Line {} is too long", "Possible hardcoded password: 'hunter{}'"]
)
def test_many_findings_take_linear_time(message: str) -> None:
    rng = random.Random(1)
    environment = {
        f"TOKEN{n}": "".join(rng.choices(string.ascii_letters + "+/", k=40)) for n in range(12)
    }
    values = secrets(environment)

    def work(size: int) -> Callable[[], object]:
        found = tuple(
            Finding("R", message.format(n), path=f"src/m{n % 500}.py", line=n) for n in range(size)
        )
        made = verdict(ruling(), findings=found)
        return lambda: redact(made, values)

    grows_linearly(work, 4_000)


@pytest.mark.parametrize("at", range(6, 30))
def test_a_value_that_was_cut_is_masked_as_far_as_it_is_there(at: int) -> None:
    """Messages, ids and the lines of logs are cut before anybody knows what is secret in them."""
    value = "".join(random.Random(7).choices(string.ascii_letters, k=30))
    (masked,) = {in_line("x" * 200 + value[:at], (value,))}
    assert masked == "x" * 200 + MASK
    assert in_line(f"head {value[:at]}…tail", (value,)) == f"head {MASK}…tail"
    assert in_line(f"head…{value[-at:]} tail", (value,)) == f"head…{MASK} tail"
    assert in_line(f"{'y' * 200}{value[:at]}\nnext", (value,)) == f"{'y' * 200}{MASK}\nnext"


def test_names_of_variables_that_are_secrets_by_the_field_s_customs() -> None:
    told = "GPG_PASSPHRASE DB_PASS MYSQL_PWD DEPLOY_KEY STRIPE_KEY SENTRY_DSN CI_JOB_JWT".split()
    told += ["SLACK_WEBHOOK", "SLACK_WEBHOOK_URL", "SESSION_COOKIE", "GH_PAT"]
    for name in told:
        assert "the-value-of-it" in secrets({name: "the-value-of-it"}), name
    for name in ("PWD", "OLDPWD", "KEYBOARD", "AUTH_TYPE", "TOKEN_FILE", "MONKEY", "COMPASS"):
        assert secrets({name: "the-value-of-it"}) == (), name
