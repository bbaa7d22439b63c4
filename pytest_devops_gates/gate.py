"""A gate: one question asked at one stage, by a command or a function, and a pure reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Rule
from pytest_devops_gates.json_text import strictly
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

T = TypeVar("T")
Options = Any
"""A gate's own options: its ``options`` struct, or the plain table where it names none."""

REQUIRED, ADVISORY, OFF = "required", "advisory", "off"
LEVELS = (REQUIRED, ADVISORY, OFF)

GATE_NAME = r"(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*"

ANY_METRIC = "*"
"""Among a gate's ``metrics``: its numbers have names that only its tool knows."""


class NoOptions(msgspec.Struct, frozen=True):
    """For a gate that has no options: whatever is configured there is a mistake."""


class Command(msgspec.Struct, frozen=True):
    """A tool to start.

    ``argv[0]`` is looked up in the interpreter's own environment first, and never in the checkout.
    ``census`` is a second command that prints one line for each input the tool reads: its output
    reaches the reader as ``output.census``. ``report`` is the file below the project's root that it
    writes: its bytes reach the reader as ``output.report``, if it was written in this run. ``env``
    is added to the scrubbed environment. ``trusted`` is for commands that the project's own
    configuration names: they get the environment but for what looks like a secret, and may lie in
    the checkout. ``owns_terminal`` is for the test run alone.
    """

    argv: Sequence[str]
    census: Sequence[str] = ()
    report: str | None = None
    env: Mapping[str, str] = {}
    tool: str | None = None
    version: str | None = None
    trusted: bool = False
    owns_terminal: bool = False


class Extra(msgspec.Struct, frozen=True):
    """A tool that does not come with this package alone: the ``module`` or ``program`` by which it
    is found, and the ``name`` of the extra that brings it."""

    name: str
    module: str = ""
    program: str = ""

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"python -m pip install 'pytest-devops-gates[{self.name}]'"


class Canary(msgspec.Struct, frozen=True):
    """A violation to plant in a copy of the project: what must turn a gate red.

    ``says`` names it in a few words. ``files`` maps paths below the root to a new content, or None
    for a file to delete. ``tag`` is a git tag to lead to a commit beside the history, and
    ``commit`` the message of a commit to make, which holds the files.
    """

    says: str
    files: Mapping[str, str | None] = {}
    tag: str | None = None
    commit: str | None = None


class Output(msgspec.Struct, frozen=True):
    """What came back from a tool that ended by itself with an exit code that its gate accepts."""

    exit_code: int
    stdout: bytes
    stderr: bytes = b""
    census: bytes = b""
    report: bytes | None = None
    asked: tuple[str, ...] = ()

    @property
    def written(self) -> bytes:
        """What the tool has to tell: its report file if it names one, else standard output."""
        return self.stdout if self.report is None else self.report

    def text(self) -> str:
        """What it wrote, as UTF-8. Raises CannotTell when it is not."""
        return _utf8(self.written)

    def json(self) -> Any:
        """What it wrote, as exactly one JSON value.

        Raises CannotTell for anything else: NaN, duplicate keys, a byte-order mark, a second
        value, nesting too deep, numbers too long, truncated or empty output.
        """
        text = self.text()
        if not text.strip():
            raise CannotTell("printed nothing where JSON was expected")
        try:
            return strictly(text)
        except (ValueError, RecursionError) as error:
            raise CannotTell(f"printed JSON that cannot be read: {str(error)[:200]}") from None

    def decode(self, kind: type[T]) -> T:
        """What it wrote, as JSON of a certain shape. Raises CannotTell when it has another."""
        try:
            return msgspec.convert(self.json(), kind)
        except msgspec.ValidationError as error:
            raise CannotTell(f"printed JSON of another shape: {error}") from None
        except UnicodeError:
            raise CannotTell("printed JSON with half a character (a lone surrogate)") from None

    def census_lines(self) -> list[str]:
        """The lines of the census, blank ones left out."""
        return [line for line in _utf8(self.census).splitlines() if line.strip()]


class Gate(msgspec.Struct, frozen=True):
    """One question asked at one stage.

    Either ``command`` and ``read``, or ``function``, which is called in a worker process and
    returns the evidence itself, or ``review``, which is given the evidence of all other gates once
    these have ended (it is called in the judging process: it must be pure and quick).
    ``passes`` names the variables of the environment that its worker gets although they look like
    secrets. ``refers`` names the other gates that its options speak of, by the keys that do.
    ``needs`` names gates whose artefacts it uses, and without which it cannot tell;
    ``after`` those that it waits for where they run. ``level`` is the default level, ``levels`` the
    exceptions by profile. ``conditions`` are the default conditions on its metrics,
    and ``warnings`` those that only warn. ``applies`` returns the reason why the question does not
    arise here, or None. ``limits`` reads the conditions that the project's own tool settings state
    already. With ``required_once_limited`` a gate that has any condition is required. ``metrics``
    are the names that its conditions may use beside the ``findings.*`` that every gate has; a
    trailing ``:`` marks one that takes a path. ``again`` is the command that shows the result by
    hand and ``cost`` its usual seconds, for scheduling. ``about`` says in a sentence what it
    checks.
    ``canary`` makes the violation that ``devops-gates prove`` plants, for the project as it is.
    ``rules`` tells of the rules that are its own, and ``suppress`` how a finding is suppressed in
    its line (``{rule}`` stands for the rule), where the tool has such a way.
    ``extra`` is a tool that may be missing: the gate is off then, where nobody asked for it.
    ``static`` says that its findings depend on the files alone: it can be run on the base's tree as
    well, to tell which of them are new. ``declared`` says that they depend on what pyproject.toml
    declares as well: the base's own settings files hold there, and not those of the change. With
    ``debt`` off its findings are never old: they are about the change itself. ``private``: its
    findings stand in lines that hold secrets, which are neither kept nor shown; one that was edited
    is another one. ``dormant``: with its default options it asks nothing, so that to set them
    loosens nothing. ``testimony`` marks a gate that runs inside the test process, after the last
    test. ``origin`` is the key of the configuration that made it, if one did.
    """

    name: str
    stage: Stage
    command: Callable[[Project, Options], Command] | None = None
    read: Callable[[Output, Project, Options], Evidence] | None = None
    function: Callable[[Project, Options, tuple[str, ...]], Evidence] | None = None
    review: Callable[[Project, Options, Mapping[str, Evidence]], Evidence] | None = None
    passes: Callable[[Project, Options], tuple[str, ...]] | None = None
    refers: Callable[[Any], Mapping[str, str]] | None = None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    accepts: tuple[int, ...] = (0, 1)
    timeout: float = 600.0
    level: str = REQUIRED
    levels: Mapping[str, str] = {}
    conditions: Mapping[str, str] = msgspec.field(default_factory=lambda: {"findings.new": "== 0"})
    warnings: Mapping[str, str] = {}
    options: type[msgspec.Struct] | None = None
    applies: Callable[[Project, Options], str | None] | None = None
    limits: Callable[[Project, Options], Mapping[str, str]] | None = None
    required_once_limited: bool = False
    metrics: tuple[str, ...] = ()
    again: str = ""
    cost: float = 1.0
    about: str = ""
    canary: Callable[[Project, Options], Canary] | None = None
    rules: tuple[Rule, ...] = ()
    suppress: str = ""
    extra: Extra | None = None
    static: bool = False
    declared: bool = False
    debt: bool = True
    private: bool = False
    dormant: bool = False
    testimony: bool = False
    origin: str = ""


class Reader(msgspec.Struct, frozen=True):
    """One format in which commands of the project's configuration may tell what they found.

    ``read`` is pure, and raises CannotTell for what it cannot make sense of. The other fields are
    the defaults of the gates that use it (see Gate).
    """

    name: str
    read: Callable[[Output], Evidence]
    conditions: Mapping[str, str] = {}
    metrics: tuple[str, ...] = ()
    accepts: tuple[int, ...] = (0, 1)


def _utf8(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotTell(f"printed bytes that are not UTF-8 at offset {error.start}") from None
    if text.startswith("\ufeff"):
        raise CannotTell("printed a byte-order mark where none belongs")
    return text
