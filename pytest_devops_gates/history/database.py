"""What a database has to do for the history: two verbs, and to be closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pytest_devops_gates.errors import CannotTell

Values = Mapping[str, Any]
Step = tuple[str, Sequence[Values]]
"""A statement with named parameters, and the values with which it is carried out, one by one."""


class Misled(CannotTell):
    """The address of the history is none: whoever configured it can mend that."""


class Database(Protocol):
    """Raises CannotTell, in one line, whenever it cannot do what it is asked for."""

    def select(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        """The rows of a question."""
        ...

    def write(self, steps: Sequence[Step]) -> list[int]:
        """Carry out all of it or nothing, on the disk when this returns; returns how many rows each
        step wrote."""
        ...

    def close(self) -> None: ...
