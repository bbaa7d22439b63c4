"""The history in a file: SQLite, as safe as it can be made.

Not in WAL mode: the SQLite inside of Python 3.10 to 3.13 may lose a WAL that is reset while another
process writes (mended in 3.51.3). A rollback journal, synced with its folder, loses nothing that
was acknowledged, and twenty writers wait for each other.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history import sql
from pytest_devops_gates.history.database import Step, Values

WAIT = 30.0
"""Seconds that a writer waits for the others."""

APPLICATION = 0x44475448  # "DGTH": whose file this is, for file(1) and for us
_TYPES = {"text": "TEXT", "bytes": "BLOB", "real": "REAL"}
_SETTINGS = (
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA case_sensitive_like = ON",
    "PRAGMA temp_store = MEMORY",
)
_SAFE = ("PRAGMA journal_mode = DELETE", "PRAGMA synchronous = EXTRA")
"""EXTRA is FULL, and syncs the folder too when the journal is removed, which is the commit."""


class Sqlite:
    """An open file. One that exists and cannot be written is opened to be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._told():
            self.is_writable = _check(path)
            mode = "rwc" if self.is_writable else "ro"
            name = f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"
            self._connection = sqlite3.connect(
                name, uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False
            )
        try:
            with self._told():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def select(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        with self._told():
            return self._connection.execute(statement, values).fetchall()

    def write(self, steps: Sequence[Step]) -> list[int]:
        if not self.is_writable:
            raise CannotTell(self._read_only())
        with self._told(), self._transaction():
            return [
                max(0, self._connection.executemany(statement, values).rowcount) if values else 0
                for statement, values in steps
            ]

    def close(self) -> None:
        self._connection.close()

    def _prepare(self) -> None:
        for setting in (*_SETTINGS, *(_SAFE if self.is_writable else ())):
            self._connection.execute(setting)
        if self._version() == sql.VERSION:
            return
        if not self.is_writable:
            raise CannotTell(self._read_only())
        with self._transaction():
            version = self._version()  # another process may have been quicker
            for to in range(version + 1, sql.VERSION + 1):
                for statement in sql.MIGRATIONS[to]:
                    self._connection.execute(statement.format(**_TYPES))
            self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
            self._connection.execute(f"PRAGMA user_version = {sql.VERSION}")

    def _version(self) -> int:
        """The version of the tables; 0 for a new file. Raises CannotTell for a file of others."""
        version, owner = self._pragma("user_version"), self._pragma("application_id")
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables and not version and not owner:
            return 0
        if owner != APPLICATION or version < 1:
            raise CannotTell(f"{self.path} is a database of somebody else's · move it away")
        if version > sql.VERSION:
            raise CannotTell(
                f"{self.path} was written by a newer version (its tables are of version {version},"
                f" ours of {sql.VERSION}) · python -m pip install -U pytest-devops-gates"
            )
        return version

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite says, in one line with what mends it."""
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, OSError) as error:
            raise CannotTell(self._in_words(error)) from None

    def _in_words(self, error: Exception) -> str:
        said = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        if "not a database" in said or "malformed" in said:
            return (
                f"{self.path} is damaged, or no history: {said} · move it away;"
                " devops-gates history sync brings back what was shared"
            )
        if "locked" in said:
            return f"{self.path} was kept busy by others for {WAIT:g} seconds · try again"
        if "full" in said:
            return f"{self.path} cannot be written: the disk is full · make room"
        if "readonly" in said:
            return self._read_only()
        return f"{self.path}: {said}"

    def _read_only(self) -> str:
        return (
            f"{self.path} cannot be written · mend its permissions,"
            " or lead DEVOPS_GATES_HISTORY_URL to another place"
        )


def _check(path: Path) -> bool:
    """Whether the file can be written, or made. Raises OSError for what is no plain file: a link
    leads elsewhere, and a pipe is waited for.

    It is not opened for that: to close it again would take away the locks of this whole process.
    """
    for name in (path, path.with_name(path.name + "-journal")):
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(name.lstat().st_mode):
                raise OSError(f"{name.name} is no plain file · move it away")
    folder_is_writable = os.access(path.parent, os.W_OK | os.X_OK)
    return folder_is_writable and (not path.exists() or os.access(path, os.W_OK))
