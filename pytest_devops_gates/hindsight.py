"""The history, as a run meets it: asked beside the gates, looked at once these have ended, and told
of the run when all is done. It informs; no verdict depends on its being there."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, MutableMapping, Sequence

import msgspec

from pytest_devops_gates import screen
from pytest_devops_gates.basis import completed
from pytest_devops_gates.engine.review import reviewed
from pytest_devops_gates.engine.task import Task
from pytest_devops_gates.errors import CannotTell, told
from pytest_devops_gates.evidence import Evidence, RanTest
from pytest_devops_gates.history import happened, trends
from pytest_devops_gates.history.delivered import delivered
from pytest_devops_gates.history.delivery import delivery
from pytest_devops_gates.history.known import known
from pytest_devops_gates.history.place import VARIABLE
from pytest_devops_gates.history.record import of_verdict, project_name
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.operations import open_incidents
from pytest_devops_gates.past import Past
from pytest_devops_gates.project import Project
from pytest_devops_gates.runs import FOLDER, UNRECORDED
from pytest_devops_gates.verdict import Dora, Verdict

Address = Mapping[str, str]
"""Where the history is, as the environment said; it may hold a password."""


class Hindsight(msgspec.Struct, frozen=True):
    """What the history told: for gates, for the lines of the report, and for its measures."""

    past: Past = Past()
    runs: tuple[RunRecord, ...] = ()
    dora: Dora | None = None


def take(environment: MutableMapping[str, str]) -> Address:
    """Where the history is, out of the sight of whatever is started from here on."""
    told = environment.pop(VARIABLE, "")
    return {VARIABLE: told} if told.strip() else {}


def ask(project: Project, started: str, address: Address) -> Hindsight:
    """What is known of earlier runs of the same profile, and of deployments. A git hook is not
    told: it has to be fast."""
    if not _is_kept(project, address):
        return Hindsight()
    name = project_name(project.history, project.pyproject, project.root)
    try:
        _check(project, address)
        with open_store(project.root, project.history, address) as store:
            past = store.recall(name, project.profile, project.commit, not project.dirty)
            runs = store.runs(name, limit=trends.RUNS, profile=project.profile)
            events = known(store, name, project.root)
        measures = delivery(events, functools.partial(delivered, project.root), started)
    except CannotTell as why:
        return Hindsight(Past(unknown=str(why)))
    except Exception as error:  # it informs: no verdict is lost over it
        return Hindsight(Past(unknown=f"the history cannot be asked: {told(error)}"))
    return Hindsight(past, runs, measures)


def looked_back(
    tasks: Sequence[Task], project: Project, gathered: Mapping[str, Evidence]
) -> dict[str, Evidence]:
    """The evidence of all gates, with what those say that review the others. A part of a run is not
    reviewed: that is for all of its parts together."""
    if project.shard is not None:
        alone = Evidence(not_applicable="it is asked of all shards together")
        return {**gathered, **{task.gate.name: alone for task in tasks if task.gate.review}}
    more = reviewed(tasks, project, gathered)
    return {**gathered, **{name: completed(name, one, project.root) for name, one in more.items()}}


def drawn(verdict: Verdict, known: Hindsight) -> Verdict:
    """The verdict with the lines that end with it, and DORA's measures."""
    lines = trends.of_verdict(verdict, trends.points(known.runs))
    return msgspec.structs.replace(verdict, trends=lines, dora=known.dora)


def keeper(
    project: Project, ran: tuple[RanTest, ...], address: Address
) -> Callable[[Verdict], None] | None:
    """Whoever keeps the verdict for later runs; None where nobody wants it kept."""
    if not _is_kept(project, address):
        return None

    def keep(verdict: Verdict) -> None:
        name = project_name(project.history, project.pyproject, project.root)
        try:
            _check(project, address)
            with open_store(project.root, project.history, address) as store:
                store.record(of_verdict(verdict, name, ran))
                seen = open_incidents.kept(project.run_dir)
                happened.keep(store, name, project.root, seen, verdict.started)
        except CannotTell as why:
            screen.warn(f"the history does not know of this run: {why}")
        except Exception as error:
            screen.warn(f"the history does not know of this run: {told(error)}")

    return keep


def _is_kept(project: Project, address: Address) -> bool:
    """Whether the run has a history: not in a checkout that cannot be written, unless it lies
    elsewhere."""
    if project.scope is not None or UNRECORDED in os.environ:
        return False
    return bool(address or project.history.url) or project.root in project.run_dir.parents


def _check(project: Project, address: Address) -> None:
    """Raises CannotTell where files of ours were committed, and the history may be among them:
    somebody's word, as a cache would be."""
    ours = next((name for name in project.files if f"{name}/".startswith(f"{FOLDER}/")), None)
    if ours and not address:
        told = f"{visible(ours)} was committed, and the history beside it is not trusted"
        raise CannotTell(f"{told} · git rm -r --cached {FOLDER}")
