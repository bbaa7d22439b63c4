"""``devops-gates release verify``: whether the evidence of a run is about this artefact, this
commit and this policy, says pass, and has not been touched since.

It starts nothing of the project's and reads none of its settings: it may run where the artefact
is, far from any checkout.
"""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path

from pytest_devops_gates.cli.door import complain
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.release import age, bundle, evidence, keys, statements
from pytest_devops_gates.release.check import FAILED, Check, failed
from pytest_devops_gates.release.expectations import Expected
from pytest_devops_gates.release.verification import verify
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS, EXIT_USAGE


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("verify", help="check the evidence of a run")
    parser.add_argument("run_dir", metavar="RUN_DIR", help="the run's folder, or a zip of it")
    parser.add_argument(
        "--artifact",
        metavar="FILE",
        nargs="+",
        action="extend",
        default=[],
        help="a file that the run must have built (repeatable)",
    )
    parser.add_argument("--commit", metavar="SHA", help="the commit that it must be about")
    parser.add_argument("--key", metavar="FILE", help="the public key that must have signed it")
    parser.add_argument(
        "--policy-sha256", metavar="DIGEST", help="the digest of the policy that must have judged"
    )
    parser.add_argument(
        "--profile", metavar="NAME", default=evidence.PROFILE, help="default: %(default)s"
    )
    parser.add_argument(
        "--max-age",
        metavar="AGE",
        default="24h",
        help="how old it may be: 30m, 24h, 7d (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 if all that was looked at holds, 1 if anything does not, 4 for what was asked wrongly."""
    try:
        expected = _expected(arguments)
        checks = _checked(Path(arguments.run_dir), expected)
    except UsageError as error:
        return complain(f"release verify: {error}", EXIT_USAGE)
    for check in checks:
        say(neutral(f"{check.outcome:<11}  {check.says}"))
    if wrong := dict.fromkeys(check.name for check in failed(checks)):
        say(f"NOT verified: {', '.join(wrong)}")
        return EXIT_FAIL
    say("verified: the evidence holds")
    return EXIT_PASS


def _checked(path: Path, expected: Expected) -> tuple[Check, ...]:
    """Raises UsageError where there is no bundle at all; one that cannot be read has failed."""
    try:
        found = bundle.read(path)
    except bundle.BadBundle as why:
        return (Check("bundle", FAILED, f"{why} · take the run's folder as it was written"),)
    return verify(found, expected, datetime.now(timezone.utc))


def _expected(arguments: argparse.Namespace) -> Expected:
    """What was asked for. Raises UsageError."""
    commit, policy = arguments.commit, arguments.policy_sha256
    if commit is not None and not statements.SHA1.fullmatch(commit := commit.lower()):
        raise UsageError(f"--commit: '{commit[:64]}' is no whole commit id · git rev-parse HEAD")
    if policy is not None and not statements.SHA256.fullmatch(policy := policy.lower()):
        raise UsageError(f"--policy-sha256: '{policy[:64]}' is no SHA-256 in hexadecimal")
    try:
        most = age.parse(arguments.max_age)
    except ValueError as error:
        raise UsageError(f"--max-age: {error}") from None
    return Expected(
        profile=arguments.profile,
        max_age=most,
        artefacts={file: _digest(file) for file in arguments.artifact} or None,
        commit=commit,
        policy_sha256=policy,
        key=keys.read_public(Path(arguments.key), "--key") if arguments.key else None,
    )


def _digest(file: str) -> str:
    try:
        return evidence.sha256(Path(file))
    except OSError as error:
        raise UsageError(f"--artifact: {file}: {error.strerror}") from None
