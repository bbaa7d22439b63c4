"""mypy: its JSON lines, and its log, which proves what it read."""

from __future__ import annotations

import configparser
import contextlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from packaging.version import Version

from pytest_devops_gates.checkers.checker import (
    Checker,
    agree,
    finding,
    in_words,
    installed,
    said,
    targets,
)
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Rule, Severity
from pytest_devops_gates.gate import Command, Output
from pytest_devops_gates.process import last_line, python_module
from pytest_devops_gates.project import Project

OLDEST = "1.11"
"""The first mypy with ``--output=json``."""

FILES = ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg")
"""Where mypy looks for its settings, in its own order."""

CODES = frozenset(
    """
    abstract annotation-unchecked arg-type assert-type assignment attr-defined
    await-not-async call-arg call-overload comparison-overlap deprecated dict-item
    empty-body exhaustive-match exit-return explicit-any explicit-override
    func-returns-value has-type ignore-without-code import import-not-found import-untyped
    index list-item literal-required maybe-unrecognized-str-typeform metaclass method-assign
    misc mutable-override name-defined name-match narrowed-type-not-subtype no-any-return
    no-any-unimported no-overload-impl no-redef no-untyped-call no-untyped-def nonetype-type
    operator overload-cannot-match overload-overlap override possibly-undefined
    prop-decorator redundant-cast redundant-expr redundant-self return return-value
    safe-super str-bytes-safe str-format str-unpack syntax top-level-await truthy-bool
    truthy-function truthy-iterable type-abstract type-arg type-var typeddict-item
    typeddict-readonly-mutated typeddict-unknown-key unimported-reveal union-attr
    unreachable untyped-decorator unused-awaitable unused-coroutine unused-ignore
    used-before-def valid-newtype valid-type var-annotated
    """.split()
)
"""The error codes of mypy 2.4.1, each with a section in its documentation (which mypy's own build
checks). A code of a plugin has none."""

PAGE = "https://mypy.readthedocs.io/en/stable/_refs.html#code-"
"""mypy's redirect to the section of a code: where its ``--show-error-code-links`` leads."""

_SOURCE = re.compile(r"^LOG: +Found source: ", re.MULTILINE)
_FINISHED = re.compile(r"^LOG: +Build finished in ", re.MULTILINE)
_REFUSED = re.compile(r"(?:\S*\.ini|setup\.cfg|pyproject\.toml): (?!\[)")


class _Entry(msgspec.Struct):
    """One message. Source: mypy/error_formatter.py. Lines count from 1, columns from 0."""

    file: str
    line: int
    column: int
    message: str
    severity: str
    code: str | None = None
    end_line: int | None = None
    end_column: int | None = None


def configured(project: Project) -> str | None:
    """The file with mypy's settings, as mypy itself would find it at the root."""
    for name in FILES:
        if name == "pyproject.toml":
            if project.tool("mypy") is not None:
                return name
        elif (project.root / name).is_file() and (name != "setup.cfg" or _ini(project, name)):
            return name
    return None


def _settings(project: Project, name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    return project.tool("mypy") or {} if name == "pyproject.toml" else _ini(project, name)


def _ini(project: Project, name: str) -> dict[str, Any]:
    """The section ``[mypy]``, with at least one entry if it is there; a file that is no INI file
    is left for mypy to refuse."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(project.text(name) or "")
    except configparser.Error:
        return {}
    return {"": "", **parser["mypy"]} if parser.has_section("mypy") else {}


def command(project: Project, args: Sequence[str]) -> Command:
    """Its log (``-v``) names each source that it checks: with JSON there is no summary.

    The cache, and the reports that the settings ask for, go where the checkout stays clean. The
    interpreter is ours, and nothing is installed, whatever the settings say.
    """
    python = python_module("mypy", "--output=json", "-v", "--no-install-types")
    found = installed("mypy")
    if found and Version(found) < Version(OLDEST):
        raise CannotTell(f"mypy {found} has no JSON · python -m pip install 'mypy>={OLDEST}'")
    name = configured(project)
    settings = _settings(project, name)
    own = {"files", "packages", "modules"} & settings.keys()
    return Command(
        [
            *python,
            f"--config-file={name or ''}",
            f"--python-executable={python[0]}",
            f"--cache-dir={project.cache / 'mypy'}",
            *_reports(project, settings),
            *args,
            *([] if own else targets(project)),
        ],
        tool="mypy",
        version=found,
    )


def _reports(project: Project, settings: dict[str, Any]) -> list[str]:
    names = [n for n in settings if n == "junit_xml" or re.fullmatch(r"[a-z_]+_report", n)]
    return [f"--{n.replace('_', '-')}={project.run_dir / 'logs' / f'mypy-{n}'}" for n in names]


def read(output: Output) -> Evidence:
    """Errors; notes belong to them, or show a type.

    With notes alone mypy exits with 1 when it prints JSON (it counts the lines of its text form).
    """
    talk = [line for line in said(output) if not line.startswith("LOG:")]
    if output.exit_code == 2:
        return Evidence(unknown=f"mypy {_blocker(output, talk)}", log="\n".join(talk[-20:]))
    refused = next((line for line in talk if _REFUSED.match(line)), None)
    if refused:
        raise CannotTell(f"could not read its settings: {refused}")
    entries = [_entry(line) for line in output.text().splitlines() if line.strip()]
    log = output.stderr.decode("utf-8", "replace")
    if not _FINISHED.search(log):
        raise CannotTell("does not say that it finished")
    errors = [entry for entry in entries if entry.severity != "note"]
    agree(output, len(errors), len(entries))
    return Evidence.of(
        (
            finding(
                entry.code,
                entry.message,
                Severity.MEDIUM,
                entry.file,
                (entry.line, entry.column + 1),
                (entry.end_line, None if entry.end_column is None else entry.end_column + 1),
            )
            for entry in errors
        ),
        examined=len(_SOURCE.findall(log)),
        notes=talk[:3],
    )


def tell(code: str) -> Rule | None:
    if code not in CODES:
        return None
    help_ = "Its page shows code over which mypy says this, and how to write it otherwise."
    return Rule(code, in_words(code), help_, PAGE + code)


def _entry(line: str) -> _Entry:
    one = Output(exit_code=0, stdout=line.encode("utf-8", "surrogatepass"))
    return one.decode(_Entry)


def _blocker(output: Output, talk: list[str]) -> str:
    """Why it could not check: the first error, or else its last words, which are no JSON."""
    for line in output.text().splitlines():
        with contextlib.suppress(CannotTell):
            entry = _entry(line)
            if entry.severity == "error":
                return f"could check nothing: {entry.file}:{max(entry.line, 1)}: {entry.message}"
    return f"exited with 2: {talk[-1][:200] if talk else last_line(output.stdout)}"


MYPY = Checker(
    name="mypy",
    configured=configured,
    command=command,
    read=read,
    hooks=("mypy",),
    tell=tell,
)
