"""A gate: one question asked at one stage, by a command or a function, and a pure reader."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

T = TypeVar("T")
Options = Any
"""A gate's own options: its ``options`` struct, or the plain table where it names none."""

REQUIRED, ADVISORY, OFF = "required", "advisory", "off"
LEVELS = (REQUIRED, ADVISORY, OFF)


class NoOptions(msgspec.Struct, frozen=True):
    """For a gate that has no options: whatever is configured there is a mistake."""


class Command(msgspec.Struct, frozen=True):
    """A tool to start.

    ``argv[0]`` is looked up in the interpreter's own environment first, and never in the checkout.
    ``census`` is a second command that prints one line for each input the tool reads: its output
    reaches the reader as ``output.census``. ``env`` is added to the scrubbed environment.
    ``owns_terminal`` is for the test run alone.
    """

    argv: Sequence[str]
    census: Sequence[str] = ()
    env: Mapping[str, str] = {}
    tool: str | None = None
    version: str | None = None
    owns_terminal: bool = False


class Output(msgspec.Struct, frozen=True):
    """What came back from a tool that ended by itself with an exit code that its gate accepts."""

    exit_code: int
    stdout: bytes
    stderr: bytes = b""
    census: bytes = b""
    asked: tuple[str, ...] = ()

    def text(self) -> str:
        """Standard output as UTF-8. Raises CannotTell when it is not."""
        return _utf8(self.stdout)

    def json(self) -> Any:
        """Standard output as exactly one JSON value.

        Raises CannotTell for anything else: NaN, duplicate keys, a byte-order mark, a second
        value, nesting too deep, numbers too long, truncated or empty output.
        """
        text = self.text()
        if not text.strip():
            raise CannotTell("printed nothing where JSON was expected")
        try:
            return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise CannotTell(f"printed JSON that cannot be read: {str(error)[:200]}") from None

    def decode(self, kind: type[T]) -> T:
        """Standard output as JSON of a certain shape. Raises CannotTell when it has another."""
        try:
            return msgspec.convert(self.json(), kind)
        except msgspec.ValidationError as error:
            raise CannotTell(f"printed JSON of another shape: {error}") from None

    def census_lines(self) -> list[str]:
        """The lines of the census, blank ones left out."""
        return [line for line in _utf8(self.census).splitlines() if line.strip()]


class Gate(msgspec.Struct, frozen=True):
    """One question asked at one stage.

    Either ``command`` and ``read``, or ``function``, which is called in a worker process and
    returns the evidence itself. ``needs`` names gates whose artefacts it uses. ``level`` is the
    default level, ``levels`` the exceptions by profile. ``conditions`` are the default conditions
    on its metrics. ``applies`` returns the reason why the question does not arise here, or None.
    ``limits`` reads the conditions that the project's own tool settings state already. With
    ``required_once_limited`` a gate that has any condition is required. ``metrics`` are the names
    that its conditions may use beside the ``findings.*`` that every gate has; a trailing ``:``
    marks one that takes a path. ``again`` is the command that shows the result by hand and
    ``cost`` its usual seconds, for scheduling.
    """

    name: str
    stage: Stage
    command: Callable[[Project, Options], Command] | None = None
    read: Callable[[Output, Project, Options], Evidence] | None = None
    function: Callable[[Project, Options, tuple[str, ...]], Evidence] | None = None
    needs: tuple[str, ...] = ()
    accepts: tuple[int, ...] = (0, 1)
    timeout: float = 600.0
    level: str = REQUIRED
    levels: Mapping[str, str] = {}
    conditions: Mapping[str, str] = msgspec.field(default_factory=lambda: {"findings.new": "== 0"})
    options: type[msgspec.Struct] | None = None
    applies: Callable[[Project, Options], str | None] | None = None
    limits: Callable[[Project, Options], Mapping[str, str]] | None = None
    required_once_limited: bool = False
    metrics: tuple[str, ...] = ()
    again: str = ""
    cost: float = 1.0


def _utf8(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotTell(f"printed bytes that are not UTF-8 at offset {error.start}") from None
    if text.startswith("\ufeff"):
        raise CannotTell("printed a byte-order mark where none belongs")
    return text


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("duplicate keys in one object")
    return table
