"""The kinds of secrets that are known without any tool, each precise: by its maker's shape, or by
what stands around it. Data, and the checks that a regular expression cannot make. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator

import msgspec

from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.scanning.placeholders import is_placeholder, is_weak_password
from pytest_devops_gates.token_shapes import SHAPES, START

Match = re.Match[bytes]


class Kind(msgspec.Struct, frozen=True):
    """``id`` is its rule, and ``says`` names it in a message. A text without any of the ``hints``
    has none of the kind: texts, or patterns that begin with one, since these are found fastest.
    ``value`` is the group of the pattern that is the secret, ``holds`` whether a match is one. One
    with a ``start`` is looked for where that begins a word, and nowhere else. A ``mild`` one is of
    low severity beside the product: keys for tests, and examples in the documentation, are what
    they look like and open nothing."""

    id: str
    says: str
    hints: tuple[bytes | re.Pattern[bytes], ...]
    pattern: re.Pattern[bytes]
    severity: Severity = Severity.CRITICAL
    mild: bool = False
    start: re.Pattern[bytes] | None = None
    value: int = 0
    holds: Callable[[Match], bool] | None = None


def may_be_in(kind: Kind, text: bytes) -> bool:
    """Whether a text holds any of the hints of a kind."""
    for hint in kind.hints:
        if (hint in text) if isinstance(hint, bytes) else hint.search(text):
            return True
    return False


def matches(kind: Kind, text: bytes) -> Iterator[Match]:
    """Where a kind may stand. A run of letters is read from its beginning alone, so that the time
    grows with the text and no faster."""
    if kind.start is None:
        yield from kind.pattern.finditer(text)
        return
    at = 0
    for start in kind.start.finditer(text):
        if start.start() >= at and _BEGINS.match(text, start.start()):
            found = kind.pattern.match(text, start.start())
            if found:
                at = found.end()
                yield found


def is_secret(kind: Kind, found: Match) -> bool:
    """Whether a match of a kind's pattern is a secret, and not what stands in its place."""
    if kind.holds is not None:
        return kind.holds(found)
    return not is_placeholder(found[kind.value])


_SAYS = {
    "github-token": "a GitHub token",
    "gitlab-token": "a GitLab token",
    "aws-access-key": "the id of an AWS access key",
    "slack-token": "a Slack token",
    "google-api-key": "a Google API key",
    "google-oauth": "a Google OAuth token or client secret",
    "stripe-key": "a Stripe key",
    "npm-token": "an npm token",
    "pypi-token": "a PyPI token",
    "anthropic-key": "an Anthropic API key",
    "openai-key": "an OpenAI API key",
    "hugging-face-token": "a Hugging Face token",
    "docker-token": "a Docker Hub token",
    "digitalocean-token": "a DigitalOcean token",
    "age-key": "an age secret key",
    "sendgrid-key": "a SendGrid API key",
    "jwt": "a signed JSON Web Token",
    "slack-webhook": "the URL of a Slack webhook",
    "azure-storage-key": "the key of an Azure storage account",
}
_FIT = {
    "github-token": rb"gh[pousr]_[A-Za-z0-9_.-]{36,}|github_pat_[A-Za-z0-9_]{36,}",
    "slack-token": rb"xox[a-z]-(?=[A-Za-z0-9-]*[0-9])[A-Za-z0-9-]{20,}|xapp-[A-Za-z0-9-]{30,}",
    "stripe-key": rb"[sr]k_live_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{32,}",
    "npm-token": rb"npm_[A-Za-z0-9]{36,}",
    "pypi-token": rb"pypi-AgE[A-Za-z0-9_-]{50,}",
    "anthropic-key": rb"sk-ant-[A-Za-z0-9_-]{32,}",
    "openai-key": rb"sk-(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])[A-Za-z0-9_-]{40,}",
    "google-oauth": rb"ya29\.[A-Za-z0-9_-]{40,}|GOCSPX-[A-Za-z0-9_-]{28,}",
    "age-key": rb"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    "sendgrid-key": rb"SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}",
    "slack-webhook": rb"T[A-Z0-9]{7,}/B[A-Z0-9]{7,}/[A-Za-z0-9]{20,}",
}
"""What more a token must be than the shape by which it is masked: masking may be wrong at times."""

_HINTS = {
    "github-token": (re.compile(rb"gh[pousr]_"), b"github_pat_"),
    "gitlab-token": (re.compile(rb"gl[a-z]{2,5}-"),),
    "stripe-key": (re.compile(rb"k_(?:liv|tes)"), b"whsec_"),
    "digitalocean-token": (re.compile(rb"do[opr]_v1_"),),
}
"""Hints of a shape in fewer searches than one for each."""

_STARTS = {
    "stripe-key": re.compile(rb"[sr]k_(?:live|test)_|whsec_"),
    "digitalocean-token": re.compile(rb"do[opr]_v1_"),
}
"""How tokens begin where that is not one of their hints."""

_BEGINS = re.compile(START.encode())
_AFTER_NAME = re.compile(rb"\A[a-zA-Z]{2,12}[-_.](?:[a-z0-9]{2,8}[-_.])?")


def _start(kind: str, hints: tuple[str, ...]) -> re.Pattern[bytes]:
    return _STARTS.get(kind) or re.compile("|".join(map(re.escape, hints)).encode())


def _fits(fit: re.Pattern[bytes] | None) -> Callable[[Match], bool]:
    def holds(found: Match) -> bool:
        if fit is not None and not fit.fullmatch(found[0]):
            return False
        return not is_placeholder(_AFTER_NAME.sub(b"", found[0]))

    return holds


def _is_signed(found: Match) -> bool:
    """A JSON Web Token of three parts, whose header names an algorithm."""
    parts = found[0].split(b".")
    if len(parts) != 3 or len(parts[2]) < 16 or is_placeholder(parts[2]):
        return False
    try:
        headers = json.loads(base64.urlsafe_b64decode(parts[0] + b"=" * (-len(parts[0]) % 4)))
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(headers, dict) and isinstance(claims, dict) and "alg" in headers


def _is_key(found: Match) -> bool:
    """A private key with a body, and not a text that speaks of one."""
    body = re.sub(rb"\\[nr]|[^A-Za-z0-9+/=]", b"", found[1])
    return len(body) >= 40 and not is_placeholder(body)


def _is_password(found: Match) -> bool:
    return not is_weak_password(found[1], found[2], found[3])


def _is_keylike(found: Match) -> bool:
    """A random value in base64: of both cases, with digits."""
    value = found[1]
    mixed = all(re.search(part, value) for part in (rb"[a-z]", rb"[A-Z]", rb"[0-9]"))
    return mixed and not is_placeholder(value)


def _of_shape(kind: str, pattern: str, hints: tuple[str, ...], *, whole: bool) -> Kind:
    fit = re.compile(_FIT[kind]) if kind in _FIT else None
    return Kind(
        kind,
        _SAYS[kind],
        _HINTS.get(kind) or tuple(hint.encode() for hint in hints),
        re.compile(pattern.encode()),
        start=_start(kind, hints) if whole else None,
        severity=Severity.MEDIUM if kind == "jwt" else Severity.CRITICAL,
        mild=kind == "jwt",
        holds=_is_signed if kind == "jwt" else _fits(fit),
    )


_DATABASES = (
    rb"postgres(?:ql)?|mysqlx?|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|oracle|cockroachdb"
    rb"|clickhouse"
)
KINDS: tuple[Kind, ...] = (
    Kind(
        "private-key",
        "a private key",
        (b"PRIVATE KEY",),
        re.compile(
            rb"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            rb"((?:[^-]|-(?!----)){40,16384})"
        ),
        mild=True,
        value=1,
        holds=_is_key,
    ),
    Kind(
        "google-service-account",
        "the key of a Google service account",
        (b"private_key_id",),
        re.compile(rb"\\?\"private_key_id\\?\"\s{0,4}:\s{0,4}\\?\"([0-9a-f]{40})\\?\""),
        value=1,
    ),
    *(_of_shape(s.kind, s.pattern, s.hints, whole=s.whole) for s in SHAPES),
    Kind(
        "aws-secret-key",
        "an AWS secret access key",
        (
            re.compile(rb"ecret[_-]?[Aa]ccess[_-]?[Kk]ey"),
            b"ECRET_ACCESS_KEY",
            re.compile(rb"aws[A-Za-z0-9_.-]{0,20}[Ss]ecret"),
            re.compile(rb"AWS[A-Za-z0-9_.-]{0,20}S(?:ecret|ECRET)"),
        ),
        re.compile(
            rb"(?i:aws[a-z0-9_.\-]{0,20}(?:secret|private)|secret_?access_?key)"
            rb"(?i:[a-z0-9_.\-]{0,20})\\?['\"]?\]?\s{0,8}(?:=>|:=|[=:])\s{0,8}\\?['\"]?"
            rb"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
        value=1,
        holds=_is_keylike,
    ),
    Kind(
        "twilio-key",
        "a Twilio API key or auth token",
        (b"wilio", b"WILIO"),
        re.compile(
            rb"(?i:twilio)[^\r\n]{0,60}?(?<![A-Za-z0-9])((?:SK)?[0-9a-f]{32})(?![A-Za-z0-9])"
        ),
        value=1,
    ),
    Kind(
        "database-password",
        "a password in the URL of a database",
        (re.compile(rb"://[^/\s:@'\"<>`]{0,80}:[^/\s@'\"<>`]{4,128}@"),),
        re.compile(
            rb"(?<![A-Za-z0-9])(?:%s)(?:\+[a-z0-9]{1,20})?://([^/\s:@'\"<>`]{0,80})"
            rb":([^/\s@'\"<>`]{4,128})@([^/\s:@'\"<>`,?]{1,200})" % _DATABASES
        ),
        severity=Severity.HIGH,
        mild=True,
        value=2,
        holds=_is_password,
    ),
)
"""In the order of their precedence: what an earlier kind takes is not told again by a later one."""
