"""pytest's door: the options, and the decision who this process is.

A process is one of four: a plain pytest, not given ``--devops-gates`` (nothing happens), the
supervisor (the one that the user started), its child that runs the tests, or an xdist worker of
that child. Kept small, since every pytest run imports it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Generator
from copy import copy

import pytest

from pytest_devops_gates import CHILD_MARKER, WORKER_MARKER, hooks


def _take_key(marker: str | None) -> tuple[str, bytes] | None:
    """The path and the key of the event stream; read before any code of the project runs."""
    if marker is None:
        return None
    descriptor, _, path = marker.partition(":")
    key = os.read(int(descriptor), 64)
    os.close(int(descriptor))
    return path, key


# One-shot: popped here, so that a pytest that a test starts is a run of its own.
_child = _take_key(os.environ.pop(CHILD_MARKER, None))
_worker = os.environ.pop(WORKER_MARKER, None) is not None
_first = True

Errand = Callable[[pytest.Config, argparse.Namespace], int]
errand: Errand | None = None
"""What the command ``devops-gates`` wants done where pytest would start a run; see cli/door.py."""

_REQUIREMENT = "requirement(*ids): the requirements that the test proves when it passes"
_PARSED = pytest.StashKey[argparse.Namespace]()  # of a supervisor: the user's and project's options
_STREAM = pytest.StashKey[tuple[str, bytes, pytest.Parser]]()  # of the child
_WORKER = pytest.StashKey[bool]()  # of an xdist worker of the child
_KNOWN = pytest.StashKey[bool]()  # of a process that knows which of the four it is


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("devops-gates", "one verdict over the whole DevOps loop")
    group.addoption(
        "--devops-gates",
        action="store_true",
        default=False,
        help="run the gates beside the tests; exit 0 pass, 1 fail, 6 could not tell",
    )
    group.addoption(
        "--devops-gates-profile",
        metavar="NAME",
        help="commit, merge (default), release, operate, or one of [tool.devops-gates.profiles]",
    )
    group.addoption(
        "--devops-gates-stage",
        metavar="NAME",
        action="append",
        default=[],
        help="run only the gates of this stage (repeatable); without 'test' no tests run",
    )
    group.addoption(
        "--devops-gates-base", metavar="REF", help="the revision that the change is compared with"
    )
    group.addoption(
        "--devops-gates-policy",
        metavar="REF",
        help="judge by the [tool.devops-gates] of this revision, not by the checkout's",
    )
    group.addoption(
        "--devops-gates-report", metavar="DIR", help="copy the files of this run to DIR"
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    global _child, _worker
    child, worker = _child, _worker or _is_remote_worker()
    _child, _worker = None, False
    early_config.stash[_KNOWN] = bool(
        child or worker or early_config.known_args_namespace.devops_gates
    )
    if child is not None:
        early_config.stash[_STREAM] = (*child, parser)
    elif worker:
        early_config.stash[_WORKER] = True
    elif early_config.known_args_namespace.devops_gates and not _asks_only(early_config, parser):
        _find_the_root(early_config)
        _only_typed(early_config, parser)
        _leave_the_project_alone(early_config, parser, args)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    if _PARSED not in config.stash:
        return None
    from pytest_devops_gates import checkout

    with checkout.left(str(config.rootpath)), checkout.unchanged_modules():
        try:
            if errand:
                return errand(config, config.stash[_PARSED])
            from pytest_devops_gates.supervisor import supervise

            return supervise(config, config.stash[_PARSED])
        except KeyboardInterrupt:  # before the supervisor listens itself
            return pytest.ExitCode.INTERRUPTED


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.devops_gates and not config.stash.get(_KNOWN, False):
        raise pytest.UsageError("--devops-gates must stand before '--' on the command line")
    config.addinivalue_line("markers", _REQUIREMENT)
    if _STREAM in config.stash:
        from pytest_devops_gates.recorder.plugin import record

        path, key, parser = config.stash[_STREAM]
        del config.stash[_STREAM]
        record(config, path, key, parser)
    elif _WORKER in config.stash:
        from pytest_devops_gates.recorder.plugin import record_worker

        record_worker(config)


def _find_the_root(config: pytest.Config) -> None:
    """Start again where pytest may have been misled about its root by one of our options."""
    from pytest_devops_gates import arguments

    told = arguments.joined_environment(os.environ)
    os.environ.update(told)
    args = [str(arg) for arg in config.invocation_params.args]
    if not told and not arguments.mislead(args, str(config.invocation_params.dir)):
        return
    start = arguments.start_of_pytest()
    if start is None or args != sys.argv[1:]:  # a program that calls pytest.main()
        raise pytest.UsageError(
            "write the value of a --devops-gates option after '=': standing alone, pytest takes it"
            " for a path of tests and looks for the project there"
        )
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *start, *arguments.joined(args)])  # noqa: S606


def _only_typed(config: pytest.Config, parser: pytest.Parser) -> None:
    """Refuse values of our options in ``addopts``: a change would choose there what judges it."""
    told = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")),
            *(str(arg) for arg in config.invocation_params.args)]  # fmt: skip
    typed = parser.parse_known_args(told, namespace=copy(config.option))
    for name in ("profile", "stage", "base", "policy", "report"):
        field = f"devops_gates_{name}"
        if getattr(config.known_args_namespace, field) != getattr(typed, field):
            raise pytest.UsageError(
                f"addopts: --devops-gates-{name} is for the command line, or for PYTEST_ADDOPTS;"
                " profile and base have a place in [tool.devops-gates]"
            )


def _leave_the_project_alone(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Make this process load no conftest and start no other plugin: the child does all that."""
    known = config.known_args_namespace
    config.stash[_PARSED] = copy(known)
    args[:] = ["--devops-gates", "--noconftest", "--capture=no"]
    vars(known).update(vars(parser.parse_known_args(args, namespace=copy(config.option))))


def _asks_only(config: pytest.Config, parser: pytest.Parser) -> bool:
    """Whether the user wants to be told something (help, markers, what there is to collect).

    Only what was typed counts: with ``addopts = --markers`` nobody asked, and no test would run.
    """
    told = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")
    typed = parser.parse_known_args(
        [str(arg) for arg in config.invocation_params.args], namespace=copy(config.option)
    )
    return bool(typed.collectonly) or any(getattr(typed, name, None) for name in told)


def _is_remote_worker() -> bool:
    """An xdist worker on another machine, where the marker does not reach."""
    global _first
    first, _first = _first, False
    return first and "PYTEST_XDIST_WORKER" in os.environ and sys.argv[:1] == ["-c"]
