"""The history is shared through a ref of a git remote: what is new there is taken over, what is new
here is added, and where somebody else was quicker both are put together.

A file of the ref holds one record under a name that follows from it:
``PROJECT/runs/2026/11/28/RUN_ID.json``, ``PROJECT/deployments/ID.json``,
``PROJECT/incidents/ID.json``, and ``PROJECT/tests/RUN_ID.json`` with all tests of each of the
newest runs. Files of runs never change.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history import lines, ref, rows
from pytest_devops_gates.history.lines import KeptDeployment, KeptTests, Record
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.history.ref import Entry, Remote
from pytest_devops_gates.history.store import Store

TRIES = 15
"""How often a push is tried while others push as well."""

REFUSALS = 3
"""Pushes that fail although nobody else pushed: it is not allowed, then."""

TESTS_SHARED = 20
"""The newest runs of which all tests are shared; of the others those that are kept for good."""

LARGEST = 16 * 2**20
"""Bytes of a file that is read, and so of one that is written."""

AT_ONCE = 2_000
"""Files of one commit."""

RUNS, TESTS, DEPLOYMENTS, INCIDENTS = "runs", "tests", "deployments", "incidents"


class Bad(msgspec.Struct, frozen=True):
    """A file of the ref that was left out, and why."""

    path: str
    why: str


class Synced(msgspec.Struct, frozen=True):
    """What came of it: records that are new here, files that were written there, and what was left
    out of either side."""

    brought: int
    sent: int
    bad: tuple[Bad, ...]


def sync(
    remote: Remote,
    store: Store,
    project: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Synced:
    """Put the history of a project together with that of a remote.

    Raises CannotTell in one line when the remote cannot be reached, or does not let us write.
    """
    brought, failed_at = 0, list[str]()
    for attempt in range(TRIES):
        if attempt:
            sleep(random.uniform(0.02, 0.1) * min(attempt, 10))  # noqa: S311 - no secret
        tip = remote.tip()
        try:
            base = remote.bring() if tip and tip != ref.known(remote.root) else tip
            round_ = _Round(remote, store, project, base)
            brought += round_.take()
            commit = round_.written()
            if commit is not None and commit != base:
                remote.push(commit)
        except ref.Refused as reason:
            failed_at = [*failed_at, tip or ""][-REFUSALS:]
            if len(set(failed_at)) == 1 and len(failed_at) == REFUSALS:
                raise CannotTell(str(reason)) from None
            continue
        return Synced(brought, round_.sent, tuple(dict.fromkeys(round_.bad)))
    raise CannotTell(f"others pushed to {ref.REF} all the time · devops-gates history sync")


class _Round:
    """One try: what the ref held at ``base``, what was taken over of it, and what follows it."""

    def __init__(self, remote: Remote, store: Store, project: str, base: str | None) -> None:
        self.root, self.store, self.project, self.base = remote.root, store, project, base
        found = ref.entries(self.root, base) if base else []
        prefix = _part(project) + "/"
        ours = {entry.path: entry for entry in found if entry.path.startswith(prefix)}
        self.found = {path: entry for path, entry in ours.items() if ref.is_plain(path)}
        self.bad = [
            Bad(path, "its name is none of ours") for path in ours if path not in self.found
        ]
        self.prefix, self.sent = prefix, 0

    def take(self) -> int:
        """Take over what is new; returns how many records that were."""
        return self.store.take(self._records()).new

    def written(self) -> str | None:
        """The commit that holds ours as well: ``base`` itself where there is nothing to add."""
        commit = self.base
        files, gone = list[tuple[str, bytes]](), self._outdated()
        for path, data in self._ours():
            files.append((path, data))
            if len(files) == AT_ONCE:
                commit, files, gone = self._follow(commit, files, gone), [], []
        return self._follow(commit, files, gone)

    def _follow(
        self, commit: str | None, files: Sequence[tuple[str, bytes]], gone: Sequence[str]
    ) -> str | None:
        if not files and not gone:
            return commit
        self.sent += len(files)
        return ref.follow(self.root, commit, files, gone, int(time.time()))

    def _records(self) -> Iterator[Record]:
        for entry, data in ref.contents(self.root, self._new()):
            try:
                record = lines.decode(data, self.project)
                if path_of(record) != entry.path:
                    raise ValueError("it is the record of another name")
            except ValueError as error:
                self.bad.append(Bad(entry.path, str(error)))
            else:
                yield record

    def _new(self) -> list[Entry]:
        """The files that are to be read: none that is known already, or too large."""
        known = {f"{run_id}.json" for run_id, _ in self.store.run_ids(self.project)}
        tested = {f"{one}.json" for one in self.store.tests_kept(self.project, rows.TESTS_KEPT)}
        events = {path: _oid(data, self.base) for path, data in self._events()}
        wanted = []
        for path, entry in self.found.items():
            kind, _, rest = path.removeprefix(self.prefix).partition("/")
            name = rest.rpartition("/")[2]
            is_known = {RUNS: name in known, TESTS: name in tested}.get(
                kind, events.get(path) == entry.oid
            )
            if kind not in (RUNS, TESTS, DEPLOYMENTS, INCIDENTS):
                continue  # of a later version
            if not is_known and entry.size > LARGEST:
                self.bad.append(Bad(path, f"it has more than {LARGEST >> 20} MiB"))
            elif not is_known:
                wanted.append(entry)
        return wanted

    def _ours(self) -> Iterator[tuple[str, bytes]]:
        """What the ref has not, or has otherwise: called when theirs has been taken over."""
        there = {path.rpartition("/")[2] for path in self.found if f"/{RUNS}/" in path}
        new = [r for r, _ in self.store.run_ids(self.project) if f"{r}.json" not in there]
        for run in self.store.whole_runs(self.project, new):
            yield from self._file(msgspec.structs.replace(run, tests=tuple(rows.loud(run.tests))))
        for path, data in self._events():
            if path not in self.found or _oid(data, self.base) != self.found[path].oid:
                yield path, data
        newest = self.store.tests_kept(self.project, TESTS_SHARED)
        tests = [r for r in newest if f"{self.prefix}{TESTS}/{_part(r)}.json" not in self.found]
        for run in self.store.whole_runs(self.project, tests):
            yield from self._file(KeptTests(run.project, run.run_id, run.started, run.tests))

    def _events(self) -> Iterator[tuple[str, bytes]]:
        for event in self.store.events(self.project):
            yield from self._file(event)

    def _file(self, record: Record) -> Iterator[tuple[str, bytes]]:
        """The file of a record of ours; none where others would not read it."""
        try:
            lines.check(record)
            path, data = path_of(record), lines.encode(record) + b"\n"
            if len(data) > LARGEST:
                raise ValueError(f"{path} has more than {LARGEST >> 20} MiB")
        except ValueError as error:
            self.bad.append(Bad("what is kept here", str(error)))
        else:
            yield path, data

    def _outdated(self) -> list[str]:
        """The files with the tests of runs that are not among the newest any more."""
        newest = self.store.tests_kept(self.project, TESTS_SHARED)
        kept = {f"{self.prefix}{TESTS}/{_part(run_id)}.json" for run_id in newest}
        beginning = f"{self.prefix}{TESTS}/"
        return [p for p in self.found if p.startswith(beginning) and p not in kept]


def path_of(record: Record) -> str:
    """Where the ref holds a record. Raises ValueError for one without a day."""
    project = _part(record.project)
    if isinstance(record, KeptTests):
        return f"{project}/{TESTS}/{_part(record.run_id)}.json"
    if isinstance(record, RunRecord):
        return f"{project}/{RUNS}/{_day(record.started)}/{_part(record.run_id)}.json"
    if isinstance(record, KeptDeployment):
        return f"{project}/{DEPLOYMENTS}/{_part(record.deployment.id)}.json"
    return f"{project}/{INCIDENTS}/{_part(record.incident.id)}.json"


def _day(started: str) -> str:
    return rows.moment(started)[:10].replace("-", "/")


def _part(name: str) -> str:
    """A name as one part of a path: of ASCII, not hidden, and not too long."""
    quoted = quote(rows.plain(name), safe="")
    quoted = "%2E" + quoted[1:] if quoted.startswith(".") else quoted
    return quoted if 0 < len(quoted) <= 150 else hashlib.sha256(quoted.encode()).hexdigest()


def _oid(data: bytes, base: str | None) -> str:
    """The id that git gives to a content, in a repository of the kind that ``base`` is from."""
    kind = hashlib.sha256 if len(base or "") == 64 else hashlib.sha1
    return kind(b"blob %d\0" % len(data) + data).hexdigest()
