"""Runs mutmut in a copy of the project, and believes it when all that it says fits."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates import disk, mutants, mutmut_settings
from pytest_devops_gates.copies import copy_tree
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.mutants import Mutant
from pytest_devops_gates.process import Process, environment, run
from pytest_devops_gates.project import Project

NOTHING_RUN = "could not find any test case"
STOPS = {
    "failed to collect stats": "the tests do not pass in a copy of the tracked files"
    " · [tool.mutmut] also_copy names what they need beside code and tests; mutmut run",
    "Failed to run clean test": "the tests do not pass twice in a row · mutmut run",
    NOTHING_RUN: "no test runs the code that it mutates · [tool.mutmut]"
    " source_paths names the code",
    "none match any mutant key": "the tests import the code by another name than that of its path"
    " · mutmut run",
    "Unable to force test failures": "the tests pass whatever the code does · mutmut run",
}
"""What mutmut prints where it gives up, and what that means."""


MUTANTS = "mutants"
"""The folder, below the root, in which mutmut works and keeps its results."""


class Order(msgspec.Struct, frozen=True):
    """How mutmut is to be run: the program, the only paths to mutate (None: those of the project's
    settings), how many workers (None: as many as there are cores), and the names of variables that
    the tests need. ``may_be_none`` says that there need be nothing to mutate."""

    tool: str
    narrowed: tuple[str, ...] | None = None
    workers: int | None = None
    pass_env: tuple[str, ...] = ()
    may_be_none: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        many = () if self.workers is None else ("--max-children", str(self.workers))
        return ("run", *many)


def copied(project: Project, folder: Path, order: Order) -> Path:
    """A copy below ``folder`` that is ready to be mutated, in a folder of the same name as the
    project's: mutmut looks at that where nothing is configured. It has what is generated inside the
    packages although git ignores it, and no results of an earlier run, which mutmut would keep."""
    root = copy_tree(project, folder / (project.toplevel or project.root).resolve().name)
    _remove(root / MUTANTS)
    for name in generated(project):
        twin = root / name
        if not twin.exists() and twin.parent.is_dir():
            shutil.copy2(project.root / name, twin)
    more: dict[str, list[str]] = {}
    if mutmut_settings.stated(project.root) is None:
        more |= mutmut_settings.added(project)
    if order.narrowed is not None:
        more["only_mutate"] = [mutmut_settings.pattern(path) for path in order.narrowed]
    mutmut_settings.write(root, more)
    return root


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder)


def generated(project: Project) -> Iterator[str]:
    """What lies in the packages and is no file of the project: extensions that were built in place,
    version files that a build wrote."""
    tracked = set(project.files)
    for package in project.packages:
        for path in sorted((project.root / package).rglob("*")):
            name = path.relative_to(project.root).as_posix()
            if path.suffix in (".py", ".so", ".pyd") and name not in tracked and path.is_file():
                yield name


def mutate(project: Project, order: Order, root: Path) -> list[Mutant]:
    """The mutants of the copy in ``root``, all of them tried. Raises CannotTell where the run was
    not whole, or its results and its numbers differ; NotApplicable where there are none, and need
    not be."""
    tool = order.tool
    _run(project, order, root, "run", [tool, *order.arguments])
    told = _run(project, order, root, "results", [tool, "results", "--all", "true"])
    _run(project, order, root, "export", [tool, "export-cicd-stats"])
    found = mutants.mutants(told.stdout().decode("utf-8", "replace"), root / MUTANTS)
    looked_at = _looked_at(root)
    if not found:
        raise _none(order, looked_at)
    _check(found, root / MUTANTS, order.narrowed)
    return found


def _looked_at(root: Path) -> Collection[str]:
    """The files that mutmut looked at. Raises CannotTell for one that it passed over: it says so
    nowhere, but adds something of its own to each file that it can parse."""
    made = mutants.made(root / MUTANTS)
    for path in (path for path, keys in made.items() if not keys):
        try:
            before, after = (disk.read_plain(top / path) for top in (root, root / MUTANTS))
        except OSError as error:
            raise CannotTell(f"{path} cannot be read: {error.strerror}") from None
        if before.splitlines() == after.splitlines():
            raise CannotTell(
                f"mutmut passed over {path}, which its parser cannot read · python -m libcst.tool"
                f" print {path} says why; [tool.mutmut] do_not_mutate leaves it out"
            )
    return made.keys()


def _none(order: Order, looked_at: Collection[str]) -> Exception:
    """What it means that a run made no mutant."""
    if not order.may_be_none:
        return CannotTell("mutmut made no mutant · name the code in [tool.mutmut] source_paths")
    if missed := next((path for path in order.narrowed or () if path not in looked_at), None):
        told = "[tool.mutmut] source_paths names the code"
        return CannotTell(f"mutmut did not look at {missed} · {told}")
    return NotApplicable("there is nothing to mutate in the files that the change touches")


def _run(project: Project, order: Order, root: Path, name: str, argv: Sequence[str]) -> Process:
    passed = {key: os.environ[key] for key in order.pass_env if key in os.environ}
    process = run(
        argv,
        cwd=root,
        env=environment(passed, build=True),
        log_dir=project.run_dir / "logs" / "mutation",
        name=name,
        timeout=float("inf"),  # the engine ends the whole worker when the gate's time is up
    )
    if failure := process.failure((0,)):
        raise _stopped(process, failure, order, root)
    return process


def _stopped(process: Process, failure: str, order: Order, root: Path) -> Exception:
    """What it means that mutmut failed: that it gave up, as it does with nothing to mutate as well,
    or broke off."""
    said = process.stdout()[-4000:].decode("utf-8", "replace")
    text = next((text for text in STOPS if text in said), None)
    if text is None or process.trouble or process.returncode != 1:
        return CannotTell(f"mutmut {failure}")
    if text == NOTHING_RUN and not any(mutants.made(root / MUTANTS).values()):
        return _none(order, _looked_at(root))
    return CannotTell(f"mutmut: {STOPS[text]}")


def _check(found: Sequence[Mutant], folder: Path, narrowed: Sequence[str] | None) -> None:
    """Raises CannotTell for a run that was not whole."""
    for mutant in found:
        if narrowed and not any(mutmut_settings.lies_in(mutant.path, path) for path in narrowed):
            raise CannotTell(
                f"mutmut mutated {mutant.path} as well, which it was not asked for"
                f" · python -m pip install --upgrade mutmut"
            )
    counts = Counter(mutant.status for mutant in found)
    if left := counts[mutants.NOT_CHECKED] + counts[mutants.INTERRUPTED]:
        raise CannotTell(f"mutmut did not get to {left} of {len(found)} mutants")
    try:
        exported = disk.read_plain(folder / "mutmut-cicd-stats.json")
    except OSError as error:
        raise CannotTell(f"mutmut left no numbers: {error.strerror}") from None
    if not mutants.agrees(counts, exported):
        raise CannotTell("mutmut's results and its numbers do not agree")
    if not sum(counts[status] for status in mutants.TRIED):
        raise CannotTell(f"none of {len(found)} mutants was tried: no test runs the code")
