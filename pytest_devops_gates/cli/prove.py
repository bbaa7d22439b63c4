"""``devops-gates prove [GATE ...]``: plants each gate's canary in a copy, and sees it turn red."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.gate import OFF
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.outlook import Outlook, Prospect, outlook
from pytest_devops_gates.proof import Proof
from pytest_devops_gates.prover import prove
from pytest_devops_gates.request import of_options
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS, EXIT_UNKNOWN

WORDS = {True: "bites", False: "DOES NOT BITE", None: "-"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "prove",
        help="plant a violation for each gate in a copy of the project, and see it turn red",
        usage="devops-gates prove [--profile NAME] [GATE ...] [-- pytest arguments]",
    )
    parser.add_argument("gates", metavar="GATE", nargs="*")
    parser.add_argument("--profile", metavar="NAME", help="prove the gates of this profile")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        asked = of_options(config, options)
        with outlook(config, options, asked) as seen:
            known = [prospect.gate.name for prospect in seen.prospects]
            for name in arguments.gates:
                one_of(name, known, "prove", "gate")
            return _prove(seen, arguments.gates, arguments.for_pytest)

    profile = ["--devops-gates-profile", arguments.profile] if arguments.profile else []
    return through_pytest(errand, arguments, profile)


def _prove(seen: Outlook, named: Sequence[str], pytest_arguments: Sequence[str]) -> int:
    chosen = [p for p in seen.prospects if p.gate.name in named or not named]
    longest = max(len(prospect.gate.name) for prospect in chosen)
    active = [p for p in chosen if _nothing_to_prove(p) is None]
    proofs = {proof.gate: proof for proof in filter(None, map(_nothing_to_prove, chosen))}
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: the copies are removed
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="devops-gates-prove-"))
    try:
        if active:
            found = prove(seen, active, folder, pytest_arguments, _progress)
            proofs |= {proof.gate: proof for proof in found}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _progress("")
    told = [proofs[prospect.gate.name] for prospect in chosen]
    for proof in told:
        say(f"{proof.gate:<{longest}}  {WORDS[proof.bites]:<13}  {neutral(proof.says)}")
    return _conclude(told)


def _conclude(proofs: Sequence[Proof]) -> int:
    biting = [proof for proof in proofs if proof.bites]
    toothless = [proof.gate for proof in proofs if proof.bites is False]
    if toothless:
        say(f"\n{len(biting)} bite, {len(toothless)} do not: {', '.join(toothless)}")
        return EXIT_FAIL
    if not biting:
        say("\nno gate was proven: there is none to prove here")
        return EXIT_UNKNOWN
    say(f"\nall {len(biting)} bite" if len(biting) > 1 else "\nit bites")
    return EXIT_PASS


def _nothing_to_prove(prospect: Prospect) -> Proof | None:
    """What is known of a gate without running it, if that is all that can be."""
    gate, settings = prospect.gate, prospect.settings
    if prospect.state == "off":
        off_by_choice = settings.level == OFF and prospect.origins["level"] != "default"
        said = f"level off ({prospect.origins['level']})" if off_by_choice else prospect.reason
        return Proof(gate.name, False if off_by_choice else None, said)
    if prospect.state == "not-applicable":
        return Proof(gate.name, None, f"not applicable: {prospect.reason}")
    if prospect.state == "unknown":
        return Proof(gate.name, False, f"cannot tell: {prospect.reason}")
    if not settings.conditions:
        return Proof(gate.name, None, "has no condition: nothing could turn it red")
    if gate.canary is None:
        return Proof(gate.name, None, "has no canary: not proven")
    return None


def _progress(said: str) -> None:
    """One live line on a terminal; nothing elsewhere."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        print(f"\r\x1b[K{said}", end="", file=sys.stderr, flush=True)
