"""``locked``: the lock files belong to pyproject.toml as it is; pins with hashes have all of them.

Nothing is resolved over the network.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator

import msgspec

from pytest_devops_gates import lock_freshness
from pytest_devops_gates.dependencies import locks
from pytest_devops_gates.dependencies.locks import Lock
from pytest_devops_gates.disk import read_plain
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, Options
from pytest_devops_gates.process import (
    Process,
    environment,
    find_optional,
    last_line,
    run,
    tool_version,
)
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")
STALE = b"needs to be updated"
"""What uv 0.5 and later say of a lock that is not up to date."""

ONLY_UV = (
    "uv.lock: markers, sources, dynamic dependencies and settings of uv are for uv to compare,"
    " which is not installed · python -m pip install uv"
)
HASHED = "uv pip compile --generate-hashes, or pip-compile --generate-hashes"
_HASH = re.compile(r"--hash[=\s\\]+\w+:")
CANARY = "devops-gates-canary"
SHOWN = 5
TIMEOUT = 120.0


class LockedOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``requirements`` are requirements files that have to be pinned and hashed, beside those that
    have a hash already."""

    requirements: tuple[str, ...] = ()


def check(project: Project, options: LockedOptions, asked: tuple[str, ...]) -> Evidence:
    """Compare each lock file with pyproject.toml, and look for pins without hashes."""
    findings: list[Finding] = []
    unknown: list[str] = []
    receipt = Receipt("locked")
    names = [*_lock_names(project), *_requirements(project, options)]
    for name in names:
        try:
            lock = locks.read(_data(project, name), name)
            if lock.kind == "requirements":
                findings += _unhashed(lock)
                continue
            differs, asked_uv = _stale(project, lock)
        except CannotTell as why:
            unknown.append(str(why))
            continue
        receipt = asked_uv or receipt
        if differs:
            findings.append(_finding(lock, differs))
    return Evidence(
        tuple(findings),
        examined=len(names),
        unknown="; ".join(unknown) or None,
        receipt=receipt,
    )


def _stale(project: Project, lock: Lock) -> tuple[list[str], Receipt | None]:
    """In which way a lock is not that of pyproject.toml, and uv's receipt where it was asked."""
    pyproject, table = project.pyproject, lock.table
    if lock.kind == "poetry":
        text = _data(project, lock.path)[:1000].decode("utf-8", "replace")
        return lock_freshness.poetry(pyproject, table, text), None
    if lock.kind == "pdm":
        return lock_freshness.pdm(pyproject, table), None
    if lock.kind == "pylock":
        return lock_freshness.pylock(pyproject, table, lock.path), None
    dynamic = lock_freshness.is_dynamic(pyproject)
    differs = [] if dynamic else lock_freshness.uv(pyproject, table)
    program = None if differs else find_optional("uv", project.root)
    if program:
        return _ask_uv(project, program)
    if not differs and lock_freshness.needs_uv(pyproject, table):
        raise CannotTell(ONLY_UV)
    return differs, None


def _ask_uv(project: Project, program: str) -> tuple[list[str], Receipt]:
    argv = [program, "lock", "--check", "--offline", "--no-python-downloads", "--no-progress",
            "--color", "never", "--python", sys.executable]  # fmt: skip
    ended = _run(project, argv)
    said = ended.stderr()
    receipt = Receipt("uv", tool_version(program), tuple(ended.argv), ended.returncode)
    if ended.trouble:
        raise CannotTell(f"uv {ended.trouble}")
    if ended.returncode == 0:
        return [], receipt
    if ended.returncode == 1 and STALE in said:
        return ["uv says that it needs to be updated"], receipt
    errors = [line for line in said.splitlines() if line.startswith(b"error:")]
    told = last_line(errors[0] if errors else said)
    raise CannotTell(
        f"uv lock --check --offline exited with {ended.returncode}: {told} · uv lock --check"
    )


def _run(project: Project, argv: list[str]) -> Process:
    return run(
        argv,
        cwd=project.root,
        env=environment(),
        log_dir=project.run_dir / "logs" / "locked",
        name="uv-lock",
        timeout=TIMEOUT,
    )


def _finding(lock: Lock, differs: list[str]) -> Finding:
    more = f"; and {len(differs) - SHOWN} more" if len(differs) > SHOWN else ""
    told = "; ".join(differs[:SHOWN]) + more
    message = f"{lock.path} is not that of pyproject.toml: {told} · {locks.AGAIN[lock.kind]}"
    return Finding("stale-lock", message, Severity.HIGH, path=lock.path)


def _unhashed(lock: Lock) -> Iterator[Finding]:
    for one in lock.packages:
        missing = " and ".join(
            word
            for word, there in (("version", one.version or one.place), ("hash", one.hashes))
            if not there
        )
        if missing:
            message = f"{one.shown or 'a requirement'} has no {missing}, which pip refuses"
            told = f"{message} beside hashes · {HASHED}"
            yield Finding("unhashed", told, Severity.HIGH, path=lock.path, line=one.line)


def _lock_names(project: Project) -> list[str]:
    return [n for n in project.listing() if n in LOCKS or locks.PYLOCK.fullmatch(n)]


def _requirements(project: Project, options: LockedOptions) -> list[str]:
    """The requirements files that are hashed or named, with all that these include."""
    listed = set(project.listing())
    waiting = [*options.requirements]
    waiting += [
        name
        for name in sorted(listed)
        if locks.kind(name) == "requirements"
        and not project.is_test(name)
        and _HASH.search(project.text(name) or "")
    ]
    found: list[str] = []
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found.append(name)
        try:
            lock = locks.read(_data(project, name), name)
        except CannotTell:
            continue  # it is told when it is judged
        folder = posixpath.dirname(name)
        waiting += [posixpath.normpath(posixpath.join(folder, one)) for one in lock.includes]
    return found


def _data(project: Project, name: str) -> bytes:
    path = project.root / name
    try:
        if project.root.resolve() not in path.resolve().parents:
            raise CannotTell(f"{name} leads out of the project")
        return read_plain(path)
    except OSError as error:
        raise CannotTell(f"{name} cannot be read: {error.strerror}") from None


def applies(project: Project, options: LockedOptions) -> str | None:
    if _lock_names(project) or _requirements(project, options):
        return None
    return "no lock file at the root, and no requirements file with hashes"


def canary(project: Project, options: Options) -> Canary:
    """A dependency that no lock holds; without a lock, a requirement without a hash."""
    says = "a dependency that the lock does not hold"
    text = project.text("pyproject.toml") or ""
    if not _lock_names(project):
        name = _requirements(project, options)[0]
        return Canary(f"{CANARY} without a hash", {name: f"{project.text(name)}\n{CANARY}==1\n"})
    if re.search(r"^\[project\]", text, re.MULTILINE):
        return Canary(says, {"pyproject.toml": _with_dependency(text)})
    header = r"(^\[tool\.poetry\.dependencies\][^\n]*\n)"
    planted = re.sub(header, rf'\g<1>{CANARY} = "*"\n', text, count=1, flags=re.MULTILINE)
    if planted == text:
        planted = f'{text}\n[dependency-groups]\n{CANARY} = ["{CANARY}>=1"]\n'
    return Canary(says, {"pyproject.toml": planted})


def _with_dependency(text: str) -> str:
    table = re.search(r"^\[project\][^\n]*\n(?:(?!^\[).*\n?)*", text, re.MULTILINE)
    assert table is not None, "it was found before"
    said = re.sub(
        r"(^dependencies\s*=\s*\[)", rf'\g<1>"{CANARY}>=1", ', table[0], count=1, flags=re.MULTILINE
    )
    if said == table[0]:
        said = re.sub(r"\A([^\n]*\n)", rf'\g<1>dependencies = ["{CANARY}>=1"]\n', table[0])
    return text[: table.start()] + said + text[table.end() :]


RULES = (
    Rule(
        "stale-lock",
        "A lock file is not that of the dependencies in pyproject.toml.",
        "`uv lock`, `poetry lock` or `pdm lock` writes it anew; commit it with the change.",
    ),
    Rule(
        "unhashed",
        "A requirement has no exact version or no hash, although others of its file have.",
        f"`{HASHED}` writes all of them.",
        "https://pip.pypa.io/en/stable/topics/secure-installs/",
    ),
)
LOCKED = Gate(
    name="locked",
    stage=Stage.DEPLOY,
    options=LockedOptions,
    function=check,
    applies=applies,
    levels={"commit": OFF, "merge": ADVISORY, "operate": OFF},
    cost=0.5,
    about="The lock files belong to pyproject.toml as it is, and pins with hashes are whole.",
    debt=False,
    canary=canary,
    rules=RULES,
)
