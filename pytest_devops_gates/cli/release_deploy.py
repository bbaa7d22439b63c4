"""``devops-gates release deploy --to ENVIRONMENT -- COMMAND``: roll out what passed."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import runs
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.config import TABLE, EnvironmentTable, Table
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.outlook import outlook
from pytest_devops_gates.release import evidence
from pytest_devops_gates.release.check import failed
from pytest_devops_gates.request import of_options
from pytest_devops_gates.rollout import deploy
from pytest_devops_gates.rollout.deploy import RollOut
from pytest_devops_gates.rollout.deployment import DEPLOYED, Deployment
from pytest_devops_gates.rollout.permission import Asked, permission
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "deploy",
        help="run a roll-out, on a verified pass for these very artefacts",
        usage="devops-gates release deploy --to ENVIRONMENT [--run RUN] [--artifact FILE ...]"
        " [--then] -- COMMAND ...",
    )
    parser.add_argument("--to", metavar="ENVIRONMENT", required=True, help="where to")
    parser.add_argument(
        "--run", dest="run_dir", metavar="RUN", default="latest",
        help="the run that passed: its folder, or its id (default: the newest)",
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
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        if not arguments.command:
            raise UsageError("release deploy: names no command; say it after --")
        request = msgspec.structs.replace(of_options(config, options), profile=evidence.PROFILE)
        cwd = Path(config.invocation_params.dir)
        folder = runs.find(request.root, arguments.run_dir)
        files = [cwd / name for name in arguments.artifact] or _built(folder)
        with outlook(config, options, request) as seen:
            asked = Asked(
                name=arguments.to,
                environment=_environment(seen.table, arguments.to),
                folder=folder,
                artefacts=_digests(files),
                key=arguments.key,
                policy_sha256=arguments.policy_sha256,
            )
            deploy.check_files(arguments.command, asked.artefacts)
            granted = permission(asked, seen)
        for check in granted.checks:
            say(neutral(f"{check.outcome:<11}  {check.says}"))
        if wrong := dict.fromkeys(check.name for check in failed(granted.checks)):
            say(f"NOT deployed to {asked.name}: {', '.join(wrong)}")
            return EXIT_FAIL
        rolled = RollOut(
            request.root, asked.name, asked.environment, arguments.command, files, arguments.then
        )
        return _tell(deploy.carry_out(rolled, granted), asked.environment)

    return through_pytest(errand, arguments)


def _environment(table: Table, name: str) -> EnvironmentTable:
    known = table.environments
    if not known:
        told = f'[{TABLE}.environments.{name}] approval = "manual"'
        raise UsageError(f"release deploy: no environment is configured · {told}")
    one_of(name, known, "--to", "environment")
    return known[name]


def _built(folder: Path) -> list[Path]:
    return [folder / evidence.DIST / a.name for a in evidence.artefacts(folder)]


def _digests(files: list[Path]) -> dict[str, str]:
    try:
        return {str(file): evidence.sha256(file) for file in files}
    except OSError as error:
        raise UsageError(f"--artifact: {error.filename}: {error.strerror}") from None


def _tell(done: Deployment, environment: EnvironmentTable) -> int:
    """How it ended, in a line each."""
    if done.outcome == DEPLOYED:
        say(neutral(f"deployed to {done.environment}: {done.version} of {done.commit}"))
        return EXIT_PASS
    say(neutral(f"NOT deployed to {done.environment}, {done.outcome}: {done.reason}"))
    if done.roll_back is None:
        told = "no roll-back is configured: what was rolled out is left as it is"
        say(f"{told} · [{TABLE}.environments.{done.environment}] roll-back")
    elif done.roll_back.exit_code:
        say(f"ROLL-BACK FAILED with exit code {done.roll_back.exit_code}: look at it now")
    else:
        say(f"rolled back in {done.roll_back.seconds:.1f} seconds")
    return EXIT_FAIL
