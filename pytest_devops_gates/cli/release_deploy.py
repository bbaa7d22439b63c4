"""``devops-gates release deploy --to ENVIRONMENT -- COMMAND``: roll out what passed."""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import runs
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.config import TABLE, EnvironmentTable, Table
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.deployments import DEPLOYED, Deployment
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.outlook import Outlook, outlook
from pytest_devops_gates.release import evidence, keys
from pytest_devops_gates.release.check import failed
from pytest_devops_gates.request import Request, of_options
from pytest_devops_gates.rollout import arguments as filling
from pytest_devops_gates.rollout import deploy, incident, lock, newest, operation, seal
from pytest_devops_gates.rollout.deploy import RollOut
from pytest_devops_gates.rollout.permission import Asked, permission
from pytest_devops_gates.screen import say, warn
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS

_PYTESTS = ("PYTEST_VERSION",)
"""What the pytest that we go through says to whomever it starts: a roll-out is no test."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "deploy",
        help="run a roll-out, on a verified pass for these very artefacts",
        usage="devops-gates release deploy --to ENVIRONMENT [--run RUN] [--artifact FILE ...]"
        " [--then] -- COMMAND ...",
    )
    parser.add_argument("--to", metavar="ENVIRONMENT", required=True, help="where to")
    parser.add_argument(
        "--run", dest="run_dir", metavar="RUN",
        help="the run that passed: its folder, or its id (default: the newest of the profile"
        f" {evidence.PROFILE})",
    )  # fmt: skip
    parser.add_argument(
        "--artifact", metavar="FILE", nargs="+", action="extend", default=[],
        help="what is rolled out (default: all that the run built)",
    )  # fmt: skip
    parser.add_argument("--key", metavar="FILE", help="the public key that must have signed it")
    parser.add_argument(
        "--policy-sha256", metavar="DIGEST",
        help="the digest of the policy that must have judged (default: that of the checkout here)",
    )  # fmt: skip
    parser.add_argument(
        "--then", action="store_true", help="wait for the gates of operation; else roll back"
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run, takes_command=True)


def run(arguments: argparse.Namespace) -> int:
    env = {k: v for k, v in os.environ.items() if k not in (keys.VARIABLE, *_PYTESTS)}
    keys.take(os.environ)  # it signs nothing, and nothing that is started may see it

    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        if not (arguments.command and arguments.command[0]):
            raise UsageError("release deploy: names no command; say it after --")
        request = msgspec.structs.replace(of_options(config, options), profile=evidence.PROFILE)
        with outlook(config, options, request) as seen:
            environment = _environment(seen.table, arguments.to)
            if arguments.then:
                _check_operation(config, options, request)
            told = f"{deploy.who()} (process {os.getpid()}) since {deploy.now()}"
            try:
                with lock.held(request.root, arguments.to, told):
                    cwd = Path(config.invocation_params.dir)
                    return _deploy(arguments, seen, environment, cwd, env)
            except lock.Busy as by:
                say(neutral(f"NOT deployed to {arguments.to}: {by} is at it"))
                return EXIT_FAIL

    return through_pytest(errand, arguments)


def _deploy(
    arguments: argparse.Namespace,
    seen: Outlook,
    environment: EnvironmentTable,
    cwd: Path,
    env: dict[str, str],
) -> int:
    """With the environment for ourselves: look at everything, and then roll out."""
    root = seen.project.root
    if left := deploy.unfinished(root, arguments.to):
        warn(f"nobody saw the end of {left.id}, which {left.by} began to roll out to"
             f" {left.environment} at {left.started}: look at what runs there")  # fmt: skip
    found = runs.find(root, arguments.run_dir) if arguments.run_dir else newest.released(root)
    with seal.sealed(found.resolve()) as copy:
        asked = Asked(
            name=arguments.to,
            environment=environment,
            folder=copy,
            artefacts=_digests(arguments.artifact, cwd, copy),
            key=cwd / arguments.key if arguments.key else None,
            policy_sha256=arguments.policy_sha256,
        )
        filling.check(arguments.command, cwd, bool(asked.artefacts))
        granted = permission(asked, seen)
        for check in granted.checks:
            say(neutral(f"{check.outcome:<11}  {check.says}"))
        if wrong := dict.fromkeys(check.name for check in failed(granted.checks)):
            say(neutral(f"NOT deployed to {asked.name}: {', '.join(wrong)}"))
            return EXIT_FAIL
        files = seal.files(copy, set(asked.artefacts.values()))
        rolled = RollOut(root, cwd, asked.name, environment, arguments.command, files,
                         arguments.then, env)  # fmt: skip
        done = deploy.carry_out(rolled, granted)
        status = tell(done, environment)
        if done.outcome != DEPLOYED and done.exit_code is not None and environment.incident:
            _write_down(root, done)
        return status


def _write_down(root: Path, done: Deployment) -> None:
    try:
        name = incident.write_down(root, done, datetime.now(timezone.utc))
    except UsageError as error:
        warn(f"the incident is not written down: {error}")
        return
    say(f"it is the incident {name} · devops-gates feedback improve incident:{name}")


def _check_operation(config: pytest.Config, options: argparse.Namespace, request: Request) -> None:
    """Raises UsageError where no gate would be asked after the roll-out."""
    request = msgspec.structs.replace(request, profile=operation.PROFILE)
    with outlook(config, options, request) as seen:
        operation.check_gates(seen.prospects)


def _environment(table: Table, name: str) -> EnvironmentTable:
    known = table.environments
    if not known:
        told = f'[{TABLE}.environments.{name}] approval = "manual"'
        raise UsageError(f"release deploy: no environment is configured · {told}")
    one_of(name, known, "--to", "environment")
    return known[name]


def _digests(named: list[str], cwd: Path, copy: Path) -> dict[str, str]:
    """The files that are rolled out, as they are called, by default all that the run built."""
    if not named:
        return {f"{evidence.DIST}/{one.name}": one.sha256 for one in evidence.artefacts(copy)}
    try:
        return {name: evidence.sha256(cwd / name) for name in named}
    except OSError as error:
        raise UsageError(f"--artifact: {error.filename}: {error.strerror}") from None


def tell(done: Deployment, environment: EnvironmentTable) -> int:
    """How it ended, in a line each; returns the exit status."""
    if done.outcome == DEPLOYED:
        say(neutral(f"deployed to {done.environment}: {done.version} of {done.commit}"))
        return EXIT_PASS
    say(neutral(f"NOT deployed to {done.environment}, {done.outcome}: {done.reason}"))
    undone = done.roll_back
    if done.exit_code is None:
        say("nothing was started, and so nothing is rolled back")
    elif undone is None:
        told = "no roll-back is configured: what was rolled out is left as it is"
        say(f"{told} · [{TABLE}.environments.{done.environment}] roll-back")
    elif undone.reason:
        say(neutral(f"ROLL-BACK FAILED: {undone.reason}: look at {done.environment} now"))
    else:
        say(f"rolled back in {undone.seconds:.1f} seconds")
    return EXIT_FAIL
