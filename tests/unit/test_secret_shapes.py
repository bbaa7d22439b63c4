"""Secrets that are known by their looks, and what only looks like one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from pytest_devops_gates.secret_shapes import MASK, mask
from tests.growth import grows_linearly
from tests.unit.samples import HOSTILE, any_text, long_text, same_every_time

A36 = "a1B2" * 9
KEY = "\n".join(
    ["-----BEGIN RSA PRIVATE KEY-----", *["MIIEow1+/" * 7] * 3, "-----END RSA PRIVATE KEY-----"]
)
TOKENS = [
    *(f"{kind}_{A36}" for kind in ("ghp", "gho", "ghu", "ghs", "ghr")),
    f"github_pat_11AAAAAAA0_{A36}",
    f"glpat-{A36[:20]}",
    f"glptt-{A36}",
    f"gldt-{A36[:20]}",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    f"xoxb-123456789012-{A36}",
    f"xoxp-123456789012-{A36}",
    f"xapp-1-A012-{A36}",
    f"AIza{A36[:35]}",
    f"ya29.{A36}",
    f"sk_live_{A36[:24]}",
    f"rk_live_{A36[:24]}",
    f"sk_test_{A36[:24]}",
    f"npm_{A36}",
    f"pypi-AgEIcHlwaS5vcmc{A36}",
    f"sk-ant-api03-{A36}",
    f"sk-proj-{A36}",
    f"hf_{A36[:34]}",
    f"dckr_pat_{A36[:27]}",
    f"SG.{A36[:22]}.{A36}",
    f"AGE-SECRET-KEY-1{A36.upper()}",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{A36}",
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:11])
def test_a_token_is_known_by_its_shape(token: str) -> None:
    assert mask(token) == MASK
    for before, after in (
        ("is ", "."),
        ('"', '"'),
        ("a=", "&b"),
        ("[", "]"),
        ("/", "/x"),
        ("\n", "\n"),
    ):
        assert mask(f"{before}{token} {after}") == f"{before}{MASK} {after}"
    for escape in ("\\n", "\\r", "\\t"):
        assert mask(f"'x{escape}{token}'") == f"'x{escape}{MASK}'"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        # what a name is given
        ("API_TOKEN=abc OTHER=1", "API_TOKEN=*** OTHER=1"),
        ("export DB_PASSWORD=hunter2;", "export DB_PASSWORD=***;"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: ***"),
        ("DB_PASSWORD: correcthorse", "DB_PASSWORD: ***"),
        ("PASSWORD: hunter2", "PASSWORD: ***"),
        ("environ({'API_TOKEN': 'abcd', 'X': '1'})", "environ({'API_TOKEN': '***', 'X': '1'})"),
        ('{"API_TOKEN":"abcd","X":"1"}', '{"API_TOKEN":"***","X":"1"}'),
        ('["API_TOKEN=abcd","X=1"]', '["API_TOKEN=***","X=1"]'),
        (r'{\"password\": \"a bc\", \"x\": 1}', r'{\"password\": \"***\", \"x\": 1}'),
        (r"'PATH=/bin\nAPI_TOKEN=abcd\nX=1'", r"'PATH=/bin\nAPI_TOKEN=***\nX=1'"),
        ("os.environ['SECRET_KEY'] = 'abcd'", "os.environ['SECRET_KEY'] = '***'"),
        ("SECRET_KEY: str = 'abcd'", "SECRET_KEY: str = '***'"),
        ("secret_key: str | None = b'abcd'", "secret_key: str | None = b'***'"),
        ("connect(password='hunter2', user='x')", "connect(password='***', user='x')"),
        ("password   = 'hunter2'", "password   = '***'"),
        ("client_secret: \"it's\"", "client_secret: \"***\""),
        (r"client_secret: 'it\'s'", "client_secret: '***'"),
        ("apiKey => 'abcd'", "apiKey => '***'"),
        ("password='hunter2 and no end", "password='***"),
        ("test_login[password='hunter2'-1]", "test_login[password='***'-1]"),
        ("aws_secret_access_key = 'wJalr/XUt'", "aws_secret_access_key = '***'"),
        ("İ API_TOKEN=abc", "İ API_TOKEN=***"),
        ("tool --token abcd --api-key=abcd -x", "tool --token *** --api-key=*** -x"),
        # what linters say of it
        ("Possible hardcoded password: 'hunter2'", "Possible hardcoded password: '***'"),
        (
            "A_TOKEN=abc\nPossible hardcoded password: 'x'",
            "A_TOKEN=***\nPossible hardcoded password: '***'",
        ),
        ("Possible hardcoded password: 'a'", "Possible hardcoded password: '***'"),
        ("Possible hardcoded password: 'o'ne \"two\"'", "Possible hardcoded password: '***'"),
        # headers and addresses
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer ***"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic ***"),
        ("{'Authorization': 'token abcdefgh'}", "{'Authorization': '***'}"),
        ("sent bearer abcdefghijklmno123 to it", "sent bearer *** to it"),
        ("X-Api-Key: abcdefgh", "X-Api-Key: ***"),
        ("PRIVATE-TOKEN: abcdefgh", "PRIVATE-TOKEN: ***"),
        ("Set-Cookie: session=abc; csrf=def", "Set-Cookie: ***"),
        ("postgres://user:pa55word@host/db", "postgres://***@host/db"),
        ("https://user:p@ss:w@host/x y@z", "https://***@host/x y@z"),
        ("https://0123456789abcdef@sentry.io/1", "https://***@sentry.io/1"),
        ("GET https://x/?a=1&access_token=abc&b=2", "GET https://x/?a=1&access_token=***&b=2"),
        ("https://x/f?X-Amz-Signature=abcdef&b=2", "https://x/f?X-Amz-Signature=***&b=2"),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXX", "https://hooks.slack.com/services/***"),
        # keys
        (f"a {KEY} b", "a -----BEGIN RSA PRIVATE KEY-----*** b"),
        (repr(KEY), "'-----BEGIN RSA PRIVATE KEY-----***'"),
        (KEY[:150], "-----BEGIN RSA PRIVATE KEY-----***"),
        (KEY.replace("RSA ", "OPENSSH "), "-----BEGIN OPENSSH PRIVATE KEY-----***"),
    ],
)  # fmt: skip
def test_a_secret_is_masked_and_the_rest_is_left(text: str, left: str) -> None:
    assert mask(text) == left
    assert mask(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "Unexpected keyword argument \"token\" for \"login\"",
        "Possible hardcoded password assigned to: \"token\"",
        "Possible hardcoded password assigned to argument: \"password\"",
        "assert token == 'abcdef'",
        "assert response.token != 'abcdef'",
        "SyntaxError: Unexpected token: '}...'",
        "unknown token: 'abcdef'",
        "Argument \"password\" to \"f\" has incompatible type \"str\"; expected \"int\"",
        "f() missing 1 required positional argument: 'secret'",
        "fixture 'api_token' not found",
        "unsupported authentication: 'basic'",
        "auth: 'basic'",
        "TOKEN: expected",
        "MAX_TOKENS=4096",
        "the tokenizer: 'cl100k_base'",
        "AUTHOR: Alice",
        "GIT_AUTHOR_NAME=Alice",
        "authority: 'example.org'",
        "AUTH_BACKEND=ldap",
        "token_type: 'bearer'",
        "PASSWORD_FILE=/run/secrets/db",
        "API_KEY = os.environ['API_KEY']",
        "API_KEY = load_key(path)",
        "API_KEY=${API_KEY}",
        "API_KEY: str",
        "SECRET_KEY = None",
        "password = ''",
        "see https://example.org/tokens?x=1",
        "ssh://git@github.com/a/b",
        "https://host:8080/@scope/package",
        "found -----BEGIN RSA PRIVATE KEY----- in file x.py",
        "-----BEGIN CERTIFICATE-----\nMIIEow1+/MIIEow1+/",
        "task-management-for-all-people-in-the-whole-world",
        "ghp_short AKIA npm_run xoxb eyJ0 sk-learn",
        "basic authentication is required",
        "X-Api-Key: no header",
        "commit 0123456789abcdef0123456789abcdef01234567",
        *HOSTILE,
    ],
)  # fmt: skip
def test_what_only_looks_like_one_stays_readable(text: str) -> None:
    assert mask(text) == text


@given(any_text | long_text)
@same_every_time
def test_a_text_without_a_secret_is_the_very_same(text: str) -> None:
    assert mask(text) is text


HOOKS = [
    *("token", "token='", "TOKEN=x(", "token: a.b|c ", "token\\", "TOKEN:x:", "API_TOKEN=", "?token="),
    *("password=\"'", "password=b\\\"", "hardcoded password: '", "--token ", "TOKEN=os.environ["),
    *("eyJ", "eyJaaaaaaaa.", "ghp_", "glpat-.", "SG.", "sk-", "AKIA", "xoxb-", "AIza"),
    *("://", "://a:", "://a@:", "&key=", "?X-Amz-Signature=", "x-", "X-Token: ", "cookie: "),
    *("authorization: ", "bearer ", "-----BEGIN PRIVATE KEY-----", "-", "_", "'", "\\"),
    *(f"-----BEGIN PRIVATE KEY-----\n{'A' * 20}", "-----BEGIN PRIVATE KEY-----Version", "-----END"),
]  # fmt: skip


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("end", ["", "token", "='", "@", " PRIVATE KEY-----"])
def test_no_text_takes_longer_than_its_length(hook: str, end: str) -> None:
    def work(size: int) -> Callable[[], object]:
        text = hook * (size // len(hook)) + end
        return lambda: mask(text)

    grows_linearly(work, 25_000)
