"""``reproducible``: what is built once more, elsewhere, is the same byte for byte.

The artefacts of the gate ``package`` are compared with those of a second build from a fresh copy,
with the same SOURCE_DATE_EPOCH and other folder, umask, time zone, and times and modes of files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_devops_gates.copies import copy_tree
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, NoOptions, Options
from pytest_devops_gates.packaged import building, members
from pytest_devops_gates.packaged.members import Archive, Member
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

SHOWN = 5
"""Members that a finding names."""

IN_SUBSTANCE = frozenset({"presence", "kind", "content"})
"""How a member differs where it is not only its header."""

UMASK = 0o027
ELSEWHERE = {"TZ": "DEVOPS-05:45"}
A_YEAR = 31_536_000
CANARY = '''"""A build backend whose artefacts differ each time."""

import base64, hashlib, io, os, tarfile, zipfile

NAME = "devops_gates_canary-0"
METADATA = b"Metadata-Version: 2.1\\nName: devops_gates_canary\\nVersion: 0\\n"
WHEEL = b"Wheel-Version: 1.0\\nGenerator: canary\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"


def build_sdist(folder, config_settings=None):
    files = {"PKG-INFO": METADATA, "random": os.urandom(8)}
    for name in ("pyproject.toml", __name__ + ".py"):
        with open(name, "rb") as stream:
            files[name] = stream.read()
    with tarfile.open(os.path.join(folder, NAME + ".tar.gz"), "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(NAME + "/" + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return NAME + ".tar.gz"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = NAME + ".dist-info/"
    module = b"BUILT = " + repr(os.urandom(8).hex()).encode() + b"\\n"
    files = {"devops_gates_canary/__init__.py": module, info + "METADATA": METADATA}
    files[info + "WHEEL"] = WHEEL
    rows = [info + "RECORD,,"]
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}")
    files[info + "RECORD"] = "\\n".join(rows).encode()
    with zipfile.ZipFile(os.path.join(folder, NAME + "-py3-none-any.whl"), "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return NAME + "-py3-none-any.whl"
'''


def applies(project: Project, options: Options) -> str | None:
    return building.no_package(project)


def check(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Build once more, and compare with what the gate ``package`` built."""
    dist = project.run_dir / "dist"
    if not dist.is_dir():
        raise CannotTell("the gate package built nothing")
    first = {path.name: path for path in building.artefacts(dist)}
    work = project.run_dir / "tmp" / "reproducible"
    try:
        built = _elsewhere(project, work)
        if built.broken:
            raise CannotTell(f"the second build failed where the first did not: {built.broken}")
        second = {path.name: path for path in building.artefacts(work / "dist")}
        compared = sorted(first.keys() & second.keys())
        findings = [
            *(_finding(name, first[name], second[name]) for name in compared),
            *_unlike_names(first.keys() - second.keys(), second.keys() - first.keys()),
        ]
        return Evidence(
            findings=tuple(finding for finding in findings if finding),
            metrics={"artefacts": len(compared)},
            examined=len(first.keys() | second.keys()),
            receipt=built.receipt(),
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _elsewhere(project: Project, work: Path) -> building.Built:
    """A build in another folder, with other times, umask and time zone."""
    before = os.umask(UMASK)
    try:
        if before == UMASK:
            os.umask(0o022)
        source = copy_tree(project, work / "in" / "another" / "place")
        for name in project.files:
            _as_of_another_checkout(source / name)
        return building.build(project, source, work / "dist", "reproducible", ELSEWHERE)
    finally:
        os.umask(before)


def _as_of_another_checkout(path: Path) -> None:
    if path.is_file() and not path.is_symlink():
        umask = os.umask(0)
        os.umask(umask)
        mode = path.stat().st_mode
        path.chmod((mode | (0o666 if not mode & 0o100 else 0o777)) & 0o777 & ~umask)
        then = time.time() - A_YEAR
        os.utime(path, (then, then))


def _unlike_names(gone: set[str], come: set[str]) -> Iterator[Finding]:
    for name in sorted(gone):
        message = f"{name} was built first, and {', '.join(sorted(come)) or 'nothing'} then"
        yield Finding("name-differs", message, Severity.HIGH)


def _finding(name: str, one: Path, other: Path) -> Finding | None:
    if _digest(one) == _digest(other):
        return None
    changes = differences(members.read(one), members.read(other))
    if not changes:
        message = f"{name}: all members are alike, and the container is not"
        message += " (compression, or the time in the header of gzip)"
        return Finding("container-differs", message, Severity.LOW)
    message = f"{name} differs when it is built again: {_told(changes)}"
    if any(set(hows) & IN_SUBSTANCE for hows in changes.values()):
        return Finding("content-differs", message, Severity.HIGH)
    return Finding("metadata-differs", message, Severity.MEDIUM)


def _told(changes: dict[str, list[str]]) -> str:
    """The members that differ in the same way together."""
    alike: dict[str, list[str]] = {}
    for name, hows in changes.items():
        alike.setdefault(", ".join(hows), []).append(name)
    told = []
    for how, names in alike.items():
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        told.append(f"{how} of {', '.join(names[:SHOWN])}{more}")
    return "; ".join(told[:SHOWN])


def differences(one: Archive, other: Archive) -> dict[str, list[str]]:
    """Which members differ and how, those with another content first.

    RECORD repeats the hashes of the others: it is named only where nothing else differs in content.
    """
    ours, theirs = {m.name: m for m in one.members}, {m.name: m for m in other.members}
    found = {
        name: hows
        for name in sorted(ours.keys() | theirs.keys())
        if (hows := _how(ours.get(name), theirs.get(name)))
    }
    shared = [name for name in ours if name in theirs]
    if shared != [name for name in theirs if name in ours]:
        found["the members"] = ["order"]
    contents = [name for name, hows in found.items() if set(hows) & IN_SUBSTANCE]
    if any(not name.endswith(".dist-info/RECORD") for name in contents):
        found = {k: hows for k, hows in found.items() if not k.endswith(".dist-info/RECORD")}
    return dict(sorted(found.items(), key=lambda item: item[0] not in contents))


def _how(one: Member | None, other: Member | None) -> list[str]:
    if one is None or other is None:
        return ["presence"]
    told = {
        "kind": one.kind != other.kind,
        "content": (one.sha256, one.target) != (other.sha256, other.target),
        "mtime": one.mtime != other.mtime,
        "mode": one.mode != other.mode,
        "header": one.header != other.header,
    }
    return [how for how, differs in told.items() if differs]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def canary(project: Project, options: Options) -> Canary:
    """A build backend, inside the tree, that puts random numbers into what it builds."""
    files = building.own_backend(project, "devops_gates_canary", CANARY)
    return Canary("a build backend that puts random numbers into what it builds", files)


SPECIFICATION = "https://reproducible-builds.org/docs/"
RULES = (
    Rule(
        "content-differs",
        "Built again from the same commit, an artefact holds other files, or other bytes in them.",
        "Look for what comes of the clock, of random numbers, of the order of a set or a folder, or"
        " of the path of the build; take times from SOURCE_DATE_EPOCH, sort, and let the compiler"
        " forget the path (`-ffile-prefix-map`).",
        SPECIFICATION,
    ),
    Rule(
        "metadata-differs",
        "Built again, the files are the same, and times, modes, owners or their order are not.",
        "Take a build backend that heeds SOURCE_DATE_EPOCH and writes fixed modes (hatchling,"
        " flit), or build with one umask from fresh clones alone.",
        "https://reproducible-builds.org/docs/archives/",
    ),
    Rule(
        "container-differs",
        "Built again, all members are the same, and the bytes around them are not.",
        "Most often it is the time in the header of gzip: take a build backend that writes"
        " SOURCE_DATE_EPOCH there, or compress with `gzip -n`.",
        "https://reproducible-builds.org/docs/archives/",
    ),
    Rule(
        "name-differs",
        "Built again, an artefact has another name.",
        "A version must not depend on when or where it is asked for.",
        SPECIFICATION,
    ),
)
REPRODUCIBLE = Gate(
    name="reproducible",
    stage=Stage.BUILD,
    options=NoOptions,
    function=check,
    applies=applies,
    needs=("package",),
    levels={"commit": OFF, "merge": OFF, "operate": OFF, "release": ADVISORY},
    metrics=("artefacts",),
    again="SOURCE_DATE_EPOCH=$(git show -s --format=%ct) python -m build",
    cost=5.0,
    conditions={"findings.high": "== 0", "findings.new": "== 0"},
    about="What is built again from the same commit, elsewhere, is the same byte for byte.",
    canary=canary,
    rules=RULES,
)
