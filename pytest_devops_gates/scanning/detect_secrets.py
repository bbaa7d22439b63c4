"""detect-secrets (1.5): the second engine, in one process and never on the network.

Its detectors of random strings, of names like ``password``, of URLs with a password and of
addresses are off: each of them is wrong more often than right.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.process import environment, python_module, run
from pytest_devops_gates.scanning.spot import SENTINEL, Field, Heard, Spot

NAME = "detect-secrets"
INSTALL = "python -m pip install 'pytest-devops-gates[secrets]'"
OFF = (
    *("KeywordDetector", "Base64HighEntropyString", "HexHighEntropyString"),
    *("BasicAuthDetector", "IPPublicDetector"),
)
ARGUMENTS = (
    "-c", "1", "scan", "--no-verify", "--all-files",
    *(part for name in OFF for part in ("--disable-plugin", name)), ".",
)  # fmt: skip

PRECISE = frozenset({
    "AWS Access Key", "Azure Storage Account access key", "Discord Bot Token", "GitHub Token",
    "GitLab Token", "Mailchimp Access Key", "NPM tokens", "OpenAI Token", "PyPI Token",
    "Private Key", "SendGrid API Key", "Slack Token", "Square OAuth Secret", "Stripe Access Key",
    "Telegram Bot Token", "Twilio API Key",
})  # fmt: skip
"""Types whose patterns are those of a maker; what the others find is told, and seldom a secret."""


class _Secret(msgspec.Struct):
    type: str
    line_number: int


class _Report(msgspec.Struct):
    """Source: what detect-secrets 1.5.0 prints. Its ``hashed_secret`` is left where it is."""

    version: str
    results: dict[str, list[_Secret]]


def find() -> str | None:
    """The version of detect-secrets that is installed, or None."""
    try:
        return version("detect-secrets")
    except PackageNotFoundError:
        return None


def search(field: Field, log_dir: Path, timeout: float) -> Heard:
    """What detect-secrets finds in a field. What it printed is deleted again."""
    done = run(
        python_module("detect_secrets", *ARGUMENTS),
        cwd=field.folder,
        env=environment(),
        log_dir=log_dir,
        name=NAME,
        timeout=timeout,
    )
    try:
        if done.trouble:
            return Heard(NAME, trouble=f"{NAME} {done.trouble}")
        return read(done.stdout(), done.returncode, field.names)
    except CannotTell as error:
        return Heard(NAME, trouble=f"{NAME} {error}")
    finally:
        done.stdout_path.unlink(missing_ok=True)
        done.stderr_path.unlink(missing_ok=True)


def read(output: bytes, exit_code: int | None, names: Collection[str]) -> Heard:
    """What its report says of the files with these names. Raises CannotTell for what is none."""
    if exit_code != 0:
        raise CannotTell(f"exited with {exit_code}")
    try:
        report = msgspec.json.decode(output, type=_Report)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise CannotTell("printed no report that can be read") from None
    found = {path.replace("\\", "/").removeprefix("./"): s for path, s in report.results.items()}
    if not found.pop(SENTINEL, None):
        raise CannotTell("did not find the token that it always gets")
    if any(path not in names for path in found):
        raise CannotTell("tells of a file that it was not given")
    spots = (_spot(path, secret) for path, secrets in found.items() for secret in secrets)
    return Heard(NAME, report.version[:40], tuple(spots))


def _spot(path: str, secret: _Secret) -> Spot:
    kind = re.sub(r"[^a-z0-9]+", "-", secret.type.lower()).strip("-")[:60] or "secret"
    return Spot(
        kind=f"{NAME}-{kind}",
        says=f"something that detect-secrets takes for a secret ({kind})",
        severity=Severity.HIGH if secret.type in PRECISE else Severity.LOW,
        path=path,
        line=secret.line_number if secret.line_number > 0 else None,
    )
