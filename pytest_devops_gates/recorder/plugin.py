"""The recorder: a plugin of the test process that streams its events to the supervisor."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import WORKER_MARKER
from pytest_devops_gates.recorder import DECLARED
from pytest_devops_gates.recorder.remote import hand_in, opened, take_in
from pytest_devops_gates.recorder.requirements import MARK, borne
from pytest_devops_gates.recorder.typed import typed_options
from pytest_devops_gates.recorder.witness import CollectionWitness, Witness
from pytest_devops_gates.stream import derive

WORKER_KEY = "pytest_devops_gates"
IDS_PER_LINE = 500
UNTOLD_MARKS = frozenset({"parametrize", "usefixtures", "filterwarnings", "skipif", MARK})
"""They say how a test is run, and not what it is; requirements are told with their ids."""


class Recorder:
    """Writes one stream: the main process's, or one xdist worker's.

    Tests are named by number: the order in which the ``ids`` events list their node ids.
    """

    def __init__(
        self, path: str, key: bytes, typed: dict[str, Any], declared: dict[str, Any]
    ) -> None:
        self.emit, self._kept = opened(path, key)
        self._declared = declared
        self._path = path
        self._key = key
        self._typed = typed
        self._ids: dict[str, int] = {}
        self._seen: list[str] = []
        self._unwanted: set[str] = set()
        self._bearing: list[pytest.Item] = []
        self._warnings = 0

    @property
    def narrowing(self) -> list[str]:
        """The options on the command line that leave tests out."""
        return list(self._typed["narrowing"])

    def index(self, nodeid: str) -> int:
        """The number of a test; tells its id first when it is new."""
        if nodeid not in self._ids:
            self._tell_ids([nodeid])
        return self._ids[nodeid]

    def _tell_ids(self, nodeids: list[str]) -> None:
        new = [nodeid for nodeid in dict.fromkeys(nodeids) if nodeid not in self._ids]
        for at in range(0, len(new), IDS_PER_LINE):
            some = new[at : at + IDS_PER_LINE]
            self.emit("ids", first=len(self._ids), ids=some)
            self._ids.update({nodeid: len(self._ids) + n for n, nodeid in enumerate(some)})

    def select(self, nodeids: list[str]) -> None:
        self._tell_ids(nodeids)
        self.emit("selected", tests=[self._ids[nodeid] for nodeid in dict.fromkeys(nodeids)])

    def _digest(self) -> str:
        """Of the ids of all tests but those that the project's own settings leave out. Shards that
        collected the same tests have the same, whichever of them they ran."""
        wanted = sorted({*self._seen} - self._unwanted)
        plain = "\n".join(wanted).encode("utf-8", "backslashreplace")
        return hashlib.sha256(plain).hexdigest()

    def _tell_marks(self, items: list[pytest.Item]) -> None:
        """What tests are marked with, and the requirements of those that were deselected too."""
        marked: dict[str, list[int]] = {}
        for item in items:
            names = {mark.name for mark in item.iter_markers()}
            if MARK in names:
                self._bearing.append(item)
            for name in names - UNTOLD_MARKS:
                marked.setdefault(name, []).append(self._ids[item.nodeid])
        for name, tests in marked.items():
            self.emit("marks", mark=name, tests=tests)
        for requirement, nodeids in borne(self._bearing).items():
            self._tell_ids(nodeids)
            borne_by = [self._ids[nodeid] for nodeid in nodeids]
            self.emit("requirement", requirement=requirement, tests=borne_by)
        self._bearing.clear()

    # session

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        config = session.config
        worker = getattr(config, "workerinput", None)
        if config.pluginmanager.hasplugin("dsession"):
            os.environ[WORKER_MARKER] = "1"
        self.emit(
            "start",
            pytest=pytest.__version__,
            worker=worker and worker["workerid"],
            typed=self._typed,
            args=[str(_absolute(config, arg)) for arg in config.args],
            configured=config.args_source.name == "ARGS" and not self._typed.get("paths"),
            testpaths=[str(config.rootpath / path) for path in config.getini("testpaths")],
            cached=[name for name in ("lf", "stepwise") if config.getoption(name, False)],
            optimize=sys.flags.optimize,
            pid=os.getpid(),
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        session.config.pluginmanager.register(CollectionWitness(self.emit))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        session.config.pluginmanager.register(Witness(self.emit, self.index))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, object, object]:
        # under xdist no test runs in the controller: its workers testify
        controls = session.config.pluginmanager.hasplugin("dsession")
        if not controls and _conftests_add_gates(session.config):
            from pytest_devops_gates.recorder.testimony import testify

            testify(session.config, Path(self._path).parent, self._declared, self.emit)
        failed = session.testsfailed
        self.emit("finish", exitstatus=int(exitstatus), warnings=self._warnings, failed=failed)
        if self._kept:
            hand_in(session.config, self._kept)
        return (yield)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.emit("interrupted", by=f"{excinfo.typename}: {excinfo.value}"[:300])

    def pytest_internalerror(self, excrepr: object) -> None:
        lines = [line for line in str(excrepr).splitlines() if line.strip()]
        self.emit("internal-error", message=lines[-1][:300] if lines else "")

    def pytest_warning_recorded(self) -> None:
        self._warnings += 1

    # collection

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._seen.append(item.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed or report.skipped:
            self.emit(
                "collect",
                id=report.nodeid,
                outcome=report.outcome,
                message=_reason(report.longrepr) if report.skipped else _message(report.longrepr),
            )

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.emit("deselected", count=len(items))
        self._bearing += [item for item in items if item.get_closest_marker(MARK)]
        if not self._typed["narrowing"] and _pytest_itself_deselects():
            self._unwanted.update(item.nodeid for item in items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> Generator[None, object, object]:
        self.emit("collected", count=len(self._seen), sha256=self._digest())
        self.select([item.nodeid for item in session.items])
        self._tell_marks(session.items)
        return (yield)

    # tests

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.emit("begin", test=self.index(nodeid))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        fields: dict[str, Any] = {}
        if hasattr(report, "wasxfail"):
            fields["xfail"] = True
        if type(report).__name__ == "SubtestReport" or hasattr(report, "context"):
            fields["subtest"] = True
        if report.outcome == "skipped":
            fields["message"] = _reason(report.longrepr)
        elif report.outcome != "passed":
            fields["message"] = _message(report.longrepr)
            fields["at"] = _place(report)
        self.emit(
            "report",
            test=self.index(report.nodeid),
            when=report.when,
            outcome=report.outcome,
            seconds=round(report.duration, 6),
            **fields,
        )


class Controller:
    """Under xdist: gives each worker a stream of its own, and learns from it what it collected."""

    def __init__(self, recorder: Recorder, path: str, key: bytes) -> None:
        self._recorder = recorder
        self._path = path
        self._key = key

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        who = str(node.gateway.id)
        path = self._path_of(who)
        with open(path, "wb"):
            pass
        node.workerinput[WORKER_KEY] = {
            "path": path,
            "key": derive(self._key, who).hex(),
            "narrowing": self._recorder.narrowing,
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._recorder.select(ids)

    def _path_of(self, who: str) -> str:
        return f"{os.path.splitext(self._path)[0]}.{who}.jsonl"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        take_in(node, self._path_of(str(node.gateway.id)))
        if error:
            self._recorder.emit("worker-died", worker=str(node.gateway.id), error=str(error)[:200])


def record(config: pytest.Config, path: str, key: bytes, parser: pytest.Parser) -> None:
    """Record this process, the main one of the run, and whatever xdist workers it starts."""
    typed = typed_options(config, parser)
    recorder = Recorder(path, key, typed, _read_declared(Path(path).parent))
    config.pluginmanager.register(recorder, "devops-gates-recorder")
    config.pluginmanager.register(Controller(recorder, path, key), "devops-gates-controller")


def record_worker(config: pytest.Config) -> None:
    """Record this process, an xdist worker, to the stream that the controller opened for it."""
    if not hasattr(config, "workerinput"):
        raise pytest.UsageError(
            f"--devops-gates: {WORKER_MARKER} is set, but this is no xdist worker; unset it"
        )
    given = config.workerinput.get(WORKER_KEY)
    if given:
        path = given["path"]
        declared = _read_declared(Path(path).parent)
        typed = {"narrowing": given["narrowing"]}
        recorder = Recorder(path, bytes.fromhex(given["key"]), typed, declared)
        config.pluginmanager.register(recorder, "devops-gates-recorder")


def _read_declared(run_dir: Path) -> dict[str, Any]:
    """Read before any code of the project runs."""
    try:
        declared: dict[str, Any] = json.loads((run_dir / DECLARED).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return declared


def _conftests_add_gates(config: pytest.Config) -> bool:
    """Asked first, since few projects do, and what their gates need takes time to import."""
    added = config.hook.pytest_devops_gates_add.get_hookimpls()
    files = [getattr(implementation.plugin, "__file__", None) or "" for implementation in added]
    return any(os.path.basename(file) == "conftest.py" for file in files)


def _pytest_itself_deselects() -> bool:
    """Whether it is pytest's own ``-k``, ``-m`` or ``--deselect``, and no plugin's selection, that
    deselects: the one who calls the hook is the first above pluggy."""
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] == "pluggy":
        frame = frame.f_back  # type: ignore[assignment]
    return bool(frame) and frame.f_globals.get("__name__", "").partition(".")[0] == "_pytest"


def _absolute(config: pytest.Config, arg: str) -> Any:
    path, _, inner = str(arg).partition("::")
    absolute = config.invocation_params.dir / path
    return f"{absolute}::{inner}" if inner else absolute


def _message(longrepr: Any) -> str:
    crash = getattr(longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(longrepr or "")
    lines = [line for line in text.splitlines() if line.strip()]
    line = lines[0] if crash is not None and lines else (lines[-1] if lines else "")
    return line.strip()[:500]


def _reason(longrepr: Any) -> str:
    """Why something was skipped; pytest tells it with the place, and in words of its own before."""
    text = longrepr[2] if isinstance(longrepr, tuple) and len(longrepr) == 3 else longrepr
    return str(text or "").removeprefix("Skipped: ").strip()[:500]


def _place(report: pytest.TestReport) -> list[Any] | None:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return [str(crash.path), int(crash.lineno)]
    return [report.location[0], (report.location[1] or 0) + 1] if report.location else None
