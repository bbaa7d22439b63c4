"""The built-in patterns: each kind is found, and what stands in the place of a secret is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.scanning.leaks import search
from pytest_devops_gates.scanning.patterns import KINDS
from tests.growth import grows_linearly
from tests.unit.planted import SECRETS, line
from tests.unit.samples import same_every_time

DASHES = "-" * 5
A36 = "a1B2" * 9


@pytest.mark.parametrize("at", range(len(SECRETS)), ids=[rule for rule, _, _ in SECRETS])
@pytest.mark.parametrize(
    ("before", "ends"), [("", "\n"), ("# é\n\nx = 1\n", "\n"), ("a\r\nb\r\n", "\r\n")]
)
def test_each_kind_is_found_by_its_rule_and_in_its_place(at: int, before: str, ends: str) -> None:
    rule, text, value = SECRETS[at]
    leaks = search((before + line(at).replace("\n", ends)).encode()).leaks
    assert [leak.kind.id for leak in leaks] == [rule]
    assert leaks[0].line == before.count("\n") + 1
    column = text.format("\0").index("\0") + 1
    assert leaks[0].column == column
    if rule != "private-key":
        assert (leaks[0].end_column, leaks[0].length) == (column + len(value), len(value))
    assert value not in repr(leaks)


def test_every_kind_is_planted() -> None:
    assert {rule for rule, _, _ in SECRETS} == {kind.id for kind in KINDS}


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "aws_secret_access_key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY'",
        "aws_secret_access_key = '" + "da39a3ee5e6b4b0d3255bfef95601890afd80709'",
        "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY_OF_THE_ACME_SERVICE']",
        "ghp_" + "x" * 36,
        "ghp_" + "0" * 36,
        "ghp_" + A36,
        "ghp_<your-token-here>",
        "ghp_" + "your_token_here_your_token_here_0123",
        "GITHUB_TOKEN=${GITHUB_TOKEN}",
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "glpat-" + "x" * 20,
        "https://hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "sk_" + "test_4eC39HqLyjWDarjtT1zdp7dc",
        "sk_" + "live_" + "a1b2" * 4,
        "xoxb-not-a-token-but-words",
        "sk-learn-" + "is-a-library-of-python-and-not-a-secret-at-all",
        "mask-" + "aB3" * 20,
        "SG.this_is_a_class_of_a_style_sheet.and_here_is_another_one_of_them_all",
        f"{DASHES}BEGIN RSA PRIVATE KEY{DASHES}",
        f"if text.startswith('{DASHES}BEGIN PRIVATE KEY{DASHES}'):\n    return load(text)",
        f"{DASHES}BEGIN RSA PRIVATE KEY{DASHES}\n...\n{DASHES}END RSA PRIVATE KEY{DASHES}",
        f"{DASHES}BEGIN RSA PRIVATE KEY{DASHES}\n{'x' * 64}\n{DASHES}END RSA PRIVATE KEY{DASHES}",
        f"{DASHES}BEGIN PUBLIC KEY{DASHES}\n{'aB3/' * 16}\n{DASHES}END PUBLIC KEY{DASHES}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJSMeKKF2QT4fw" + "pMeJf36POk6yJV_adQssw5c",
        "postgres://user:password@db.acme.io/x",
        "postgres://acme:acme@db.acme.io/x",
        "postgresql://acme:Xk29fjQ1zz@localhost:5432/x",
        "postgresql://acme:Xk29fjQ1zz@postgres:5432/x",
        "postgresql://acme:Xk29fjQ1zz@db.example.com/x",
        "postgresql://acme:${PASSWORD}@db.acme.io/x",
        "postgresql://{user}:{password}@{host}/x",
        "postgresql://acme:<password>@db.acme.io/x",
        "redis://localhost:6379/0",
        "mysql://root@db.acme.io:3306/x",
        "AccountKey=" + "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
        "KBHBeksoGMGw==",
        "twilio, a library: d41d8cd98f00b204",
        "npm_config_registry_of_the_whole_company_is_here",
        "hf_hub_download(repo_id='x', filename='y')",
        "AGE-SECRET-KEY-1" + "X" * 58,
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_a_secret_is_none(text: str) -> None:
    assert search(text.encode()).leaks == ()


def test_a_placeholder_is_told_apart_from_a_line_that_says_nothing() -> None:
    found = search(("x = 1\nkey = 'AKIA" + "IOSFODNN7EXAMPLE'\n").encode())
    assert (found.leaks, found.none) == ((), {2})


@pytest.mark.parametrize(
    ("text", "lines", "count"),
    [
        ("{}  # gitleaks:allow\n", [], 1),
        ("{}  // betterleaks:allow\n", [], 1),
        ("{}  # pragma: allowlist secret\n", [], 1),
        ("{}  # pragma: whitelist secret\n", [], 1),
        ("# pragma: allowlist nextline secret\n{}\n", [], 1),
        ("# gitleaks:allow\n{}\n", [2], 0),
        ("{}\n# gitleaks:allow\n", [1], 0),
        ("{}  # gitleaks: allow\n", [1], 0),
        ("{}  # pragma: no cover\n", [1], 0),
    ],
)
def test_a_comment_allows_its_line_and_is_counted(text: str, lines: list[int], count: int) -> None:
    found = search(text.format("ghp_" + SECRETS[4][2][4:]).encode())
    assert [leak.line for leak in found.leaks] == lines
    assert found.suppressed == count


def test_several_in_a_line_have_columns_of_characters() -> None:
    one, other = SECRETS[4][2], SECRETS[0][2]
    leaks = search(f"\n é='{one}', b='{other}'\n".encode()).leaks
    assert [(leak.line, leak.column) for leak in leaks] == [(2, 5), (2, 5 + len(one) + 6)]


def test_the_same_value_has_the_same_mark() -> None:
    marks = [leak.mark for leak in search((line(4) * 2 + line(5)).encode()).leaks]
    assert marks[0] == marks[1] != marks[2]


def test_only_jwts_and_passwords_of_urls_are_less_than_critical() -> None:
    less = {kind.id: kind.severity for kind in KINDS if kind.severity is not Severity.CRITICAL}
    assert less == {"jwt": Severity.MEDIUM, "database-password": Severity.HIGH}


PIECES = [value for _, _, value in SECRETS] + [
    *("eyJ", ".", "\n", "\r\n", " ", "'", "=", "\\n", "é", "\0", "\xff", "ghp_", "sk-", "://a:b@"),
    *("AKIA", f"{DASHES}BEGIN PRIVATE KEY{DASHES}", "gitleaks:allow", "aws_secret=", "twilio"),
]


@same_every_time
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_places_are_in_the_text(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    lines = data.decode("utf-8", "replace").split("\n")
    for leak in search(data).leaks:
        assert 1 <= leak.line <= leak.end_line <= len(lines)
        assert 1 <= leak.column <= len(lines[leak.line - 1]) + 1
        assert 1 <= leak.end_column <= len(lines[leak.end_line - 1]) + 1


@pytest.mark.parametrize(
    "unit",
    [
        *("eyJ", "eyJaaaaaaaaaaaa.", "SG.", "sk-", "ghp_" + "a" * 20 + ".", "xoxb-1", "aws_secret"),
        *("twilio", "postgres://a:", f"{DASHES}BEGIN PRIVATE KEY{DASHES}" + "A" * 50),
        *("ghp_" + "a1B2c3D4e5F6" * 3 + " ", "pragma: allowlist secret"),
    ],
    ids=lambda unit: unit[:12],
)
def test_the_time_grows_with_the_text(unit: str) -> None:
    def work(size: int):  # type: ignore[no-untyped-def]
        data = (unit * (size // len(unit))).encode()
        return lambda: search(data)

    grows_linearly(work, 20_000)
