"""The history in a file: what may be wrong with that file, and how safe it is."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history import rows, sql, sqlite
from pytest_devops_gates.history.place import FILE, VARIABLE
from pytest_devops_gates.history.sqlite import Sqlite
from pytest_devops_gates.history.store import Store, open_store
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import PROJECT, run

REPOSITORY = Path(__file__).parents[2]


def opened(root: Path, url: str | None = None, variable: str | None = None) -> None:
    environment = {VARIABLE: variable} if variable is not None else {}
    with open_store(root, HistoryTable(url=url), environment) as store:
        store.record(run(1))


def file(root: Path) -> Path:
    (root / FILE).parent.mkdir(exist_ok=True)
    return root / FILE


def test_it_lies_where_git_does_not_look(tmp_path: Path) -> None:
    opened(tmp_path)
    assert (tmp_path / ".devops-gates/.gitignore").read_text().endswith("*\n")
    assert (tmp_path / FILE).is_file()


def test_the_environment_beats_the_table(tmp_path: Path) -> None:
    opened(
        tmp_path, url="sqlite:///table.db", variable=f"sqlite:///{tmp_path}/the%20environment.db"
    )
    assert (tmp_path / "the environment.db").is_file()
    opened(tmp_path, url="sqlite:///table.db", variable=" ")
    assert (tmp_path / "table.db").is_file()
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:s3same@db/x",
        "s3same",
        "sqlite://",
        "sqlite:///",
        "sqlite:////",
        "sqlite:///a%00b",
        "://",
        "file:///s3same",
    ],
)
def test_a_url_that_leads_nowhere_is_told_without_itself(tmp_path: Path, url: str) -> None:
    for kind in ("url", "variable"):
        with pytest.raises(
            CannotTell, match="leads to no history · postgresql://USER@HOST/DATABASE"
        ) as told:
            opened(tmp_path, **{kind: url})
        assert "s3same" not in str(told.value)


def test_its_settings_are_the_safe_ones(tmp_path: Path) -> None:
    database = Sqlite(tmp_path / "h.sqlite")
    assert [database._pragma(name) for name in ("synchronous", "trusted_schema")] == [3, 0]
    assert database.select("PRAGMA journal_mode", {}) == [("delete",)]
    database.close()
    with sqlite3.connect(tmp_path / "h.sqlite") as other:
        other.execute("PRAGMA journal_mode = WAL")
    other.close()
    database = Sqlite(tmp_path / "h.sqlite")
    assert database.select("PRAGMA journal_mode", {}) == [("delete",)]
    database.close()


def _no_database(path: Path) -> None:
    path.write_bytes(b"this is no database at all, and was never one" * 50)


def _cut_off(path: Path) -> None:
    opened(path.parents[1])
    path.write_bytes(path.read_bytes()[:9_000])


def _link(path: Path) -> None:
    target = path.parents[1] / "elsewhere.sqlite"
    target.touch()
    path.symlink_to(target)


def _of_others(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE accounts (id INTEGER)")
    other.close()


def _newer(path: Path) -> None:
    opened(path.parents[1])
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {sql.VERSION + 1}")
    other.close()


def _journal_is_a_link(path: Path) -> None:
    opened(path.parents[1])
    path.with_name(path.name + "-journal").symlink_to(path.parents[1] / "nothing")


BAD = {
    "no database": (
        _no_database,
        "is damaged, or no history: file is not a database · move it away",
    ),
    "cut off": (_cut_off, "is damaged, or no history: .*malformed · move it away"),
    "a link": (_link, "history.sqlite is no plain file · move it away"),
    "a pipe": (os.mkfifo, "history.sqlite is no plain file · move it away"),
    "a folder": (Path.mkdir, "history.sqlite is no plain file · move it away"),
    "its journal": (_journal_is_a_link, "history.sqlite-journal is no plain file · move it away"),
    "of others": (_of_others, "is a database of somebody else's · move it away"),
    "newer": (_newer, "written by a newer version .*tables are of version 2, ours of 1"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_no_history_is_told_and_never_replaced(tmp_path: Path, kind: str) -> None:
    make, told = BAD[kind]
    path = file(tmp_path)
    make(path)
    before = path.lstat().st_ino, path.read_bytes() if path.is_file() else b""
    with pytest.raises(CannotTell, match=told) as reason:
        opened(tmp_path)
    assert "\n" not in str(reason.value)
    assert str(path) in str(reason.value) or "plain file" in str(reason.value)
    assert (path.lstat().st_ino, path.read_bytes() if path.is_file() else b"") == before


def test_a_row_that_would_fill_the_memory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LARGEST", 10_000)
    opened(tmp_path)
    bomb = zlib.compress(b'"' + b" " * 20_000)
    for detail in (bomb, bomb[:10], b"", zlib.compress(b"[]"), zlib.compress(b"[" * 9_000)):
        with sqlite3.connect(tmp_path / FILE) as other:
            other.execute("UPDATE devops_gates_runs SET detail = ?", [detail])
        other.close()
        unreadable = pytest.raises(CannotTell, match="a row of the history cannot be read")
        with open_store(tmp_path, HistoryTable(), {}) as store, unreadable:
            store.runs(PROJECT)


def test_a_busy_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(tmp_path)
    monkeypatch.setattr(sqlite, "WAIT", 0.05)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CannotTell, match=r"kept busy by others for 0\.05 seconds · try again"):
        opened(tmp_path)
    other.close()


def test_a_checkout_that_cannot_be_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by os.access, which says of everything that root may write it."""
    opened(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with open_store(tmp_path, HistoryTable(), {}) as store:
        assert store.run(PROJECT, run(1).run_id) == run(1)
        with pytest.raises(
            CannotTell, match=r"history\.sqlite cannot be written · mend its permissions"
        ):
            store.record(run(2))
    (tmp_path / FILE).unlink()
    with pytest.raises(CannotTell, match=r"history\.sqlite"):
        opened(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / ".devops-gates").touch()
    with pytest.raises(
        CannotTell, match=f"history.sqlite cannot be made: .* · lead {VARIABLE} to another place"
    ):
        opened(tmp_path)


_FILL = """
import resource, signal, sys
from pathlib import Path
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
kept = 0
try:
    with open_store(Path(sys.argv[1]), HistoryTable(), {}) as store:
        for n in range(1_000):
            store.record(run(n))
            kept = n
except CannotTell as reason:
    print(kept, reason)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit on files here")
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _FILL, str(tmp_path)]
    said = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert "history.sqlite" in said
    with open_store(tmp_path, HistoryTable(), {}) as store:
        assert len(store.runs(PROJECT, limit=1_000)) == int(said.split()[0]) + 1
        assert isinstance(store, Store)
        store.record(run(2_000))
