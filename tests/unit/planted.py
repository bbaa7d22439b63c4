"""Secrets of all kinds that the built-in patterns know, made up at run time: no file holds them."""

from __future__ import annotations

import base64
import random
import string

_R = random.Random(20)
ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"
SAFE = ALNUM + "_-"


def _any(length: int, letters: str = ALNUM) -> str:
    return "".join(_R.choice(letters) for _ in range(length))


def _json(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _key(kind: str, lines: int = 6) -> str:
    dashes = "-" * 5
    body = "\n".join(_any(64, ALNUM + "+/") for _ in range(lines))
    return f"{dashes}BEGIN {kind}{dashes}\n{body}\n{dashes}END {kind}{dashes}"


SECRETS: tuple[tuple[str, str, str], ...] = (
    ("aws-access-key", "AWS_ACCESS_KEY_ID={}", "AKIA" + _any(16, UPPER)),
    ("aws-access-key", "key = '{}'", "ASIA" + _any(16, UPPER)),
    ("aws-secret-key", "aws_secret_access_key = '{}'", "aZ9" + _any(37)),
    ("aws-secret-key", '{{"SecretAccessKey": "{}"}}', "aZ9/" + _any(36)),
    ("github-token", "token: {}", "ghp_" + _any(36)),
    ("github-token", "GITHUB='{}'", "ghs_" + _any(36)),
    ("github-token", "pat = '{}'", "github_pat_" + _any(22) + "_" + _any(59)),
    ("gitlab-token", "token = '{}'", "glpat-" + _any(20)),
    ("slack-token", "SLACK={}", f"xoxb-{_any(12, '123456789')}-{_any(12, '123456789')}-{_any(24)}"),
    (
        "slack-webhook",
        "url = 'https://hooks.slack.com/services/{}'",
        f"T0{_any(8, UPPER)}/B0{_any(8, UPPER)}/{_any(24)}",
    ),
    ("stripe-key", "stripe.api_key = '{}'", "sk_live_" + _any(24)),
    ("google-api-key", "maps?key={}", "AIza" + _any(35, SAFE)),
    ("google-service-account", '"private_key_id": "{}"', _any(40, HEX)),
    ("google-oauth", "client_secret = '{}'", "GOCSPX-" + _any(28, SAFE)),
    ("private-key", "{}", _key("RSA PRIVATE KEY")),
    ("private-key", "{}", _key("OPENSSH PRIVATE KEY")),
    ("private-key", "{}", _key("PGP PRIVATE KEY BLOCK")),
    ("private-key", 'KEY = "{}"', _key("PRIVATE KEY").replace("\n", "\\n")),
    ("npm-token", "//registry.npmjs.org/:_authToken={}", "npm_" + _any(36)),
    ("pypi-token", "password = {}", "pypi-AgEIcHlwaS5vcmc" + _any(70, SAFE)),
    ("openai-key", "OPENAI_API_KEY={}", "sk-proj-A1" + _any(70, SAFE)),
    ("openai-key", "key = '{}'", "sk-A1" + _any(46)),
    ("anthropic-key", "key = '{}'", "sk-ant-api03-" + _any(93, SAFE)),
    ("sendgrid-key", "key = '{}'", f"SG.{_any(22, SAFE)}.{_any(43, SAFE)}"),
    ("twilio-key", "twilio_auth_token = '{}'", _any(32, HEX)),
    ("twilio-key", "TWILIO_API_KEY = '{}'", "SK" + _any(32, HEX)),
    (
        "azure-storage-key",
        "AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net",
        _any(86) + "==",
    ),
    (
        "jwt",
        "auth = '{}'",
        ".".join([_json('{"alg":"HS256"}'), _json('{"sub":"4711"}'), _any(43, SAFE)]),
    ),
    ("database-password", "DB = 'postgresql://acme:{}@db.acme.io:5432/acme'", "q7" + _any(14)),
    ("database-password", "mongodb+srv://acme:{}@cluster0.acme.net/acme", "q7" + _any(14)),
    ("hugging-face-token", "HF={}", "hf_" + _any(34)),
    ("digitalocean-token", "DO={}", "dop_v1_" + _any(64, HEX)),
    ("docker-token", "docker login -p {}", "dckr_pat_" + _any(27, SAFE)),
    ("age-key", "{}", "AGE-SECRET-KEY-1" + _any(58, string.ascii_uppercase + "023456789")),
)
"""Rule, the line in which it stands, and the value."""


def line(at: int) -> str:
    """The text with one of the secrets."""
    _, text, value = SECRETS[at]
    return text.format(value) + "\n"
