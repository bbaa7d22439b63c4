"""``devops-gates release sign``: signs the evidence of a run later, in a job that never ran any of
the project's code and so may hold the key."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from pytest_devops_gates.cli.door import complain
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.release import attested, bundle, evidence, keys, statements, strict
from pytest_devops_gates.release.check import ANEW, FAILED, Check, failed
from pytest_devops_gates.release.verification import integrity
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS, EXIT_USAGE


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("sign", help="sign the evidence of a run that was not signed")
    parser.add_argument("run_dir", metavar="RUN_DIR", help="the run's folder")
    parser.add_argument(
        "--key",
        metavar="FILE",
        help=f"the private key's file (default: what {keys.VARIABLE} says)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 if it is signed, 1 if it does not agree with itself, 4 for what was asked wrongly."""
    folder = Path(arguments.run_dir)
    try:
        key = _key(arguments.key)
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder")
        wrong = _sign(folder, key)
    except UsageError as error:
        return complain(f"release sign: {error}", EXIT_USAGE)
    except OSError as error:
        told = f"{error.filename or folder}: {error.strerror}"
        return complain(f"release sign: {told}", EXIT_FAIL)
    for check in wrong:
        say(neutral(f"{check.outcome:<11}  {check.says}"))
    if wrong:
        say("NOT signed: it does not agree with itself")
        return EXIT_FAIL
    say(f"signed by the key {key.keyid}")
    return EXIT_PASS


def _key(file: str | None) -> keys.SigningKey:
    given = keys.take(os.environ)  # in any case: nothing that is started may see it
    if file:
        return keys.read_private(Path(file), "--key")
    if given is None:
        raise UsageError(f"needs a key: --key FILE, or {keys.VARIABLE} · {keys.MAKE}")
    return given.load()


def _sign(folder: Path, key: keys.SigningKey) -> list[Check]:
    """Add the signatures, unless something is wrong, which is returned then. Raises OSError."""
    try:
        found = bundle.read(folder)
        verdict = strict.verdict(found.verdict or b"")
        wrong = failed(integrity(found, verdict))
        if not wrong:
            stated = attested.read(found.evidence or b"")
            made = [key.sign(stated.envelopes[kind]) for kind in statements.PREDICATES]
            evidence.store(folder, made)
    except bundle.BadBundle as why:
        return [Check("bundle", FAILED, f"{why} · take the run's folder as it was written")]
    except ValueError as why:
        return [Check("evidence", FAILED, f"{statements.VERDICT}: {why} · {ANEW}")]
    return wrong
