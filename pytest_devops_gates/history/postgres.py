"""The history in PostgreSQL, which many projects and machines share: through SQLAlchemy."""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history import sql
from pytest_devops_gates.history.database import Misled, Step, Values

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

T = TypeVar("T")

INSTALL = "python -m pip install 'pytest-devops-gates[history]'"
CONNECT, ANSWER = 10, 60
"""Seconds until the server has to answer at all, and to have carried out a statement."""

TRIES = 8
"""How often a transaction is begun that the server ends because of others."""

_TYPES = {"text": 'TEXT COLLATE "C"', "bytes": "BYTEA", "real": "DOUBLE PRECISION"}
_LOCK = 0x44475448
_AGAIN = {"40P01", "40001", "55P03"}
"""Deadlock, serialization failure, lock not available. Source: PostgreSQL, appendix A."""

_SETTINGS = f"""SELECT set_config('statement_timeout', '{ANSWER}s', true),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'local' ELSE current_setting('synchronous_commit') END, true)"""
"""For one transaction, so that a pooler between us and the server is no harm."""


class Postgres:
    """An open connection. Its URL's password is in no message."""

    def __init__(self, url: str) -> None:
        try:
            from sqlalchemy import create_engine
            from sqlalchemy.exc import ArgumentError
            from sqlalchemy.pool import NullPool
        except ImportError:
            raise CannotTell(f"PostgreSQL needs SQLAlchemy · {INSTALL}") from None
        try:
            parsed = _parsed(url)
        except (ArgumentError, ValueError):
            raise Misled(
                "the URL of the history cannot be read"
                " · postgresql://USER:PASSWORD@HOST/DATABASE, special characters as %XX"
            ) from None
        self._place = f"{parsed.host or 'PostgreSQL'}/{parsed.database or ''}"
        self._secrets = _secrets(parsed)
        with self._told():
            engine = create_engine(
                parsed,
                poolclass=NullPool,
                connect_args={"connect_timeout": CONNECT, "prepare_threshold": None},
            )
            self._connection: Connection = engine.connect()
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def select(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        from sqlalchemy import text

        def ask() -> list[tuple[Any, ...]]:
            rows = self._connection.execute(text(statement), dict(values)).all()
            return [tuple(row) for row in rows]

        return self._carried_out(ask)

    def write(self, steps: Sequence[Step]) -> list[int]:
        from sqlalchemy import text

        def carry_out() -> list[int]:
            return [
                self._connection.execute(text(statement), [dict(one) for one in values]).rowcount
                if values
                else 0
                for statement, values in steps
            ]

        return self._carried_out(carry_out)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.close()

    def _prepare(self) -> None:
        if self._carried_out(self._version) < sql.VERSION:
            self._carried_out(self._migrate)

    def _version(self) -> int:
        """The version of the tables; 0 where there are none."""
        known = self._connection.exec_driver_sql("SELECT to_regclass('devops_gates_schema')")
        if known.scalar() is None:
            return 0
        told = self._connection.exec_driver_sql("SELECT max(version) FROM devops_gates_schema")
        version = int(told.scalar() or 0)
        if version > sql.VERSION:
            raise CannotTell(
                f"the history at {self._place} was made by a newer version (its tables are of"
                f" version {version}, ours of {sql.VERSION})"
                " · python -m pip install -U pytest-devops-gates"
            )
        return version

    def _migrate(self) -> None:
        ask = self._connection.exec_driver_sql
        ask(f"SELECT pg_advisory_xact_lock({_LOCK})")  # one at a time makes tables
        ask("CREATE TABLE IF NOT EXISTS devops_gates_schema (version INTEGER PRIMARY KEY)")
        for to in range(self._version() + 1, sql.VERSION + 1):
            for statement in sql.MIGRATIONS[to]:
                ask(statement.format(**_TYPES))
            ask("INSERT INTO devops_gates_schema VALUES (%(to)s)", {"to": to})

    def _carried_out(self, do: Callable[[], T]) -> T:
        """Do something in a transaction, once more where others were in its way: each statement may
        be said twice."""
        from sqlalchemy.exc import DBAPIError

        for tries_left in reversed(range(TRIES)):
            with self._told():
                try:
                    with self._connection.begin():
                        self._connection.exec_driver_sql(_SETTINGS)
                        return do()
                except DBAPIError as error:
                    if getattr(error.orig, "sqlstate", None) not in _AGAIN or not tries_left:
                        raise
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - no secret
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What the server says, in one line without the password."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except ImportError:
            raise CannotTell(f"PostgreSQL needs psycopg · {INSTALL}") from None
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise CannotTell(self._in_words(error)) from None

    def _in_words(self, error: Exception) -> str:
        said = str(getattr(error, "orig", None) or error)
        told = next((line.strip() for line in said.splitlines() if line.strip()), "")[:1000]
        told = told or type(error).__name__
        for secret in self._secrets:
            told = told.replace(secret, "***")
        told = re.sub(r"//[^/@\s]*@", "//", told)
        return f"the history at {self._place}: {told[:300]} · check DEVOPS_GATES_HISTORY_URL"


def _parsed(url: str) -> URL:
    from sqlalchemy import make_url

    return make_url(url).set(drivername="postgresql+psycopg")


def _secrets(url: URL) -> list[str]:
    """What must not be said, the longest first: a password may be written in two ways."""
    asked = (value for values in url.normalized_query.values() for value in values)
    said = [one for one in (str(url.password or ""), *asked) if one]
    return sorted({*said, *map(quote, said), *(quote(one, safe="") for one in said)}, key=len)[::-1]
