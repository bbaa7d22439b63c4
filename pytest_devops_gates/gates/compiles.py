"""``compiles``: the sources compile on every Python that the project declares and that is here."""

from __future__ import annotations

import fnmatch
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, REQUIRED, Canary, Gate, NoOptions, Options
from pytest_devops_gates.process import environment, run
from pytest_devops_gates.project import Project
from pytest_devops_gates.pythons import declared, interpreter
from pytest_devops_gates.stage import Stage

AT_ONCE = 2
TIMEOUT = 120.0
"""Seconds in which one interpreter has to answer."""

DRIVER = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
with open(sys.argv[1], "rb") as stream:
    names = json.loads(stream.read().decode("ascii"))
compiled, errors, troubles = 0, [], []
for number, name in enumerate(names):
    try:
        if not os.path.isfile(name.encode("latin-1")):
            raise OSError("it is no plain file")
        with open(name.encode("latin-1"), "rb") as stream:
            source = stream.read()
        compile(source, "<source>", "exec", dont_inherit=True)
        compiled += 1
    except SyntaxError as error:
        errors.append([number, error.lineno, str(error.msg)])
    except ValueError as error:
        errors.append([number, None, str(error)])
    except Exception as error:
        troubles.append([number, type(error).__name__ + ": " + str(error)])
answer = {"version": list(sys.version_info[:2]), "compiled": compiled}
answer["errors"], answer["troubles"] = errors, troubles
print(json.dumps(answer))
"""
"""Compiles in memory. It must run on every Python from 3.4 on. Python before 3.12 says ValueError
for a NUL in a source."""


class Answer(msgspec.Struct, frozen=True):
    """What an interpreter says: how many files compiled, and which did not, by their number."""

    version: tuple[int, int]
    compiled: int
    errors: list[tuple[int, int | None, str]]
    troubles: list[tuple[int, str]]


def check(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Let each declared Python that is here compile all sources.

    Raises CannotTell when the sources cannot be listed, when the declaration cannot be read, or
    when none of the declared Pythons is here.
    """
    names = sources(project)
    notes = []
    minors = declared(project)
    if minors is None:
        minors = [sys.version_info.minor]
        notes.append(
            "neither pyproject.toml nor setup.cfg declares a Python (requires-python, classifiers):"
            f" only the running one, {_versions(minors)}, was tried"
        )
    found = {minor: path for minor in minors if (path := interpreter(minor, project))}
    missing = [minor for minor in minors if minor not in found]
    if not found:
        raise CannotTell(
            f"no declared Python is installed: {_versions(missing)}"
            f" · uv python install 3.{missing[-1]}"
        )
    if missing:
        notes.append(f"declared, but not installed here, so not tried: {_versions(missing)}")
    told, troubles = _ask(project, names, found)
    more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
    return Evidence(
        findings=tuple(_findings(told, names)),
        metrics={"pythons": len(found)},
        examined=len(names) if told else 0,
        unknown=troubles[0] + more if troubles else None,
        receipt=Receipt(tool="compile", version=_versions(told), argv=tuple(found.values())),
        notes=tuple(notes),
    )


def sources(project: Project) -> list[str]:
    """The product's sources, and of what lies in test folders only what pytest or an import reads:
    test modules, ``conftest.py`` and ``__init__.py``. The rest there may be broken on purpose.

    Links are left out (what they lead to compiles where it lies), and stubs, which may use
    a newer syntax than the code that they describe.
    """
    patterns = ("conftest.py", "__init__.py", *project.test_file_patterns)
    return [
        name
        for name in project.python_files()
        if name.endswith(".py")
        and not os.path.islink(os.path.join(project.root, name))
        and (
            not project.is_test(name)
            or any(fnmatch.fnmatch(name.rpartition("/")[2], pattern) for pattern in patterns)
        )
    ]


def _ask(
    project: Project, names: Sequence[str], found: Mapping[int, str]
) -> tuple[dict[int, Answer], list[str]]:
    """The answers of the interpreters, and what is wrong with those that gave none."""
    folder = project.run_dir / "logs" / "compiles"
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / "sources.json"
    paths = [os.fsencode(os.path.join(project.root, name)).decode("latin-1") for name in names]
    listing.write_text(json.dumps(paths), encoding="ascii")
    answers: dict[int, Answer] = {}
    troubles: list[str] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = pool.map(lambda item: _start(item[1], item[0], folder, listing), found.items())
        for minor, data in zip(found, said, strict=True):
            try:
                answers[minor] = read(data, minor, len(names))
                troubles += _unread(answers[minor], minor, names)
            except CannotTell as reason:
                troubles.append(f"python3.{minor} {reason}")
    return answers, troubles


def _start(python: str, minor: int, folder: Path, listing: Path) -> bytes | CannotTell:
    argv = [python, "-I", "-S", "-B", "-W", "ignore", "-c", DRIVER, str(listing)]
    name = f"python3.{minor}"
    try:
        done = run(argv, cwd=folder, env=environment(), log_dir=folder, name=name, timeout=TIMEOUT)
    except CannotTell as reason:
        return reason
    failure = done.failure((0,))
    return CannotTell(failure) if failure else done.stdout()


def read(said: bytes | CannotTell, minor: int, expected: int) -> Answer:
    """An interpreter's answer on ``expected`` files. Raises CannotTell for what is none."""
    if isinstance(said, CannotTell):
        raise said
    try:
        answer = msgspec.json.decode(said, type=Answer)
    except ValueError as error:
        raise CannotTell(f"gave an answer that cannot be read: {error}") from None
    if answer.version != (3, minor):
        raise CannotTell("is Python {}.{}".format(*answer.version))
    numbers = [number for number, *_ in answer.errors] + [number for number, _ in answer.troubles]
    count = answer.compiled + len(numbers)
    if count != expected or len(set(numbers)) != len(numbers):
        raise CannotTell(f"answered for {count} of {expected} files")
    if not all(0 <= number < expected for number in numbers):
        raise CannotTell("answered for files that it was not given")
    return answer


def _unread(answer: Answer, minor: int, names: Sequence[str]) -> list[str]:
    return [
        f"python3.{minor} could not read {_printable(names[number])}: {said}"
        for number, said in answer.troubles
    ]


def _findings(told: Mapping[int, Answer], names: Sequence[str]) -> list[Finding]:
    """One finding a place, whatever the number of Pythons that stumble there."""
    places: dict[tuple[int, int | None], list[tuple[int, str]]] = {}
    for minor, answer in told.items():
        for number, line, message in answer.errors:
            places.setdefault((number, line or None), []).append((minor, message))
    return [
        Finding(
            "syntax-error",
            f"Python {_versions(minor for minor, _ in said)}: {said[0][1]}",
            Severity.HIGH,
            path=_printable(names[number]),
            line=line,
        )
        for (number, line), said in sorted(places.items(), key=lambda item: item[0][0])
    ]


def _versions(minors: Iterable[int]) -> str:
    return ", ".join(f"3.{minor}" for minor in minors)


def _printable(name: str) -> str:
    """A file's name with the bytes that are no UTF-8 as escapes: what a report can hold."""
    return name.encode("utf-8", "backslashreplace").decode()


def applies(project: Project, options: Options) -> str | None:
    if not project.listing_error and not sources(project):
        return "no Python source beside test data"
    return None


def canary(project: Project, options: Options) -> Canary:
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a syntax error", dict.fromkeys(files, "def devops_gates_canary(:\n"))


RULES = (
    Rule(
        "syntax-error",
        "A source does not compile on a Python that the project declares.",
        "Write it so that the oldest of them takes it, or raise `requires-python`.",
    ),
)
COMPILES = Gate(
    name="compiles",
    stage=Stage.BUILD,
    options=NoOptions,
    function=check,
    applies=applies,
    level=ADVISORY,
    levels={"commit": OFF, "operate": OFF, "release": REQUIRED},
    metrics=("pythons",),
    again="python -m compileall -q .",
    cost=2.0,
    about="The sources compile on each Python that the project declares and that is installed.",
    canary=canary,
    rules=RULES,
)
