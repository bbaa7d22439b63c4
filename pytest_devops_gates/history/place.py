"""Where the history is kept, and the database that is open there."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from pytest_devops_gates import disk
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history.database import Database, Misled
from pytest_devops_gates.outside import HistoryTable
from pytest_devops_gates.runs import FOLDER

VARIABLE = "DEVOPS_GATES_HISTORY_URL"
FILE = f"{FOLDER}/history.sqlite"
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")


def opened(root: Path, table: HistoryTable, environment: Mapping[str, str]) -> Database:
    """The database of a project. Raises CannotTell without saying a password,
    and Misled where nothing leads to one."""
    own = environment.get(VARIABLE, "").strip()
    url = own or (table.url or "").strip()
    if not url:
        return _own(root)
    scheme, sign, rest = url.partition("://")
    if sign and scheme in _POSTGRES:
        from pytest_devops_gates.history.postgres import Postgres

        return Postgres(url)
    if sign and scheme == "sqlite" and rest.startswith("/") and rest != "/":
        from pytest_devops_gates.history.sqlite import Sqlite

        with contextlib.suppress(ValueError):  # no name of a file: the root, or with a NUL
            return Sqlite(root / unquote(rest[1:]))
    told = VARIABLE if own else "[tool.devops-gates.history] url"
    raise Misled(f"{told} leads to no history · postgresql://USER@HOST/DATABASE or sqlite:///PATH")


def _own(root: Path) -> Database:
    from pytest_devops_gates.history.sqlite import Sqlite

    folder = root / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / ".gitignore").exists():
            disk.write(folder / ".gitignore", "# made by pytest-devops-gates\n*\n")
    except OSError as error:
        if not (root / FILE).exists():
            raise CannotTell(
                f"{root / FILE} cannot be made: {error.strerror or error}"
                f" · lead {VARIABLE} to another place"
            ) from None
    return Sqlite(root / FILE)
