"""The online services, asked through pip-audit for exactly the packages that are named."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.advisories.matching import Vulnerability, in_short, named
from pytest_devops_gates.dependencies.package import Package
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Receipt, Severity
from pytest_devops_gates.gate import Output
from pytest_devops_gates.process import Process, environment, python_module, run

INSTALL = "pip-audit is not installed · python -m pip install 'pytest-devops-gates[security]'"
OFFLINE = "without a network, set the option advisories"
ANSWER = 10
"""Seconds that pip-audit waits for one answer."""

TIMEOUT = 90.0
"""Seconds for all of them: 80 packages take about 10 with a network."""

_NOISE = re.compile(r"^[\w.]*(?:Error|Exception|Timeout): ")


class _Vulnerability(msgspec.Struct, frozen=True):
    id: str
    fix_versions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    description: str | None = ""


class _Dependency(msgspec.Struct, frozen=True):
    name: str
    version: str | None = None
    vulns: tuple[_Vulnerability, ...] | None = None
    skip_reason: str | None = None


class _Report(msgspec.Struct, frozen=True):
    dependencies: tuple[_Dependency, ...]


class Answer(msgspec.Struct, frozen=True):
    """What the service knows of each package, those of which it told nothing, and why, and the
    receipt of the last question."""

    known: tuple[tuple[Package, Vulnerability], ...]
    unaudited: tuple[tuple[Package, str], ...]
    receipt: Receipt


def ask(
    packages: Sequence[Package], service: str, url: str | None, work: Path, log_dir: Path
) -> Answer:
    """Ask for every package. Raises CannotTell where pip-audit is missing, breaks off or hangs."""
    work.mkdir(parents=True, exist_ok=True)
    known: list[tuple[Package, Vulnerability]] = []
    unaudited: list[tuple[Package, str]] = []
    receipt = Receipt("pip-audit")
    began = time.monotonic()
    for at, batch in enumerate(batches(packages)):
        file = work / f"requirements-{at + 1}.txt"
        lines = [f"{one.name}=={one.version}" for one in batch]
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")
        process = _start(file, service, url, log_dir, TIMEOUT - (time.monotonic() - began))
        found, silent = read(process.stdout(), process.returncode or 0, batch)
        known += found
        unaudited += silent
        receipt = Receipt("pip-audit", version("pip-audit"), process.argv, process.returncode)
    return Answer(tuple(known), tuple(unaudited), receipt)


def batches(packages: Iterable[Package]) -> list[list[Package]]:
    """The packages in as few lots as can be of which each has every name once, as pip wants it."""
    lots: list[dict[str, Package]] = []
    for one in packages:
        lot = next((lot for lot in lots if one.name not in lot), None)
        if lot is None:
            lots.append(lot := {})
        lot[one.name] = one
    return [list(lot.values()) for lot in lots]


def read(
    stdout: bytes, exit_code: int, batch: Sequence[Package]
) -> tuple[list[tuple[Package, Vulnerability]], list[tuple[Package, str]]]:
    """What pip-audit 2.10 printed as JSON of a batch: the vulnerabilities, and the packages that
    were not audited. It exits with 0 for these as well. Raises CannotTell for anything else."""
    report = Output(exit_code, stdout).decode(_Report)
    told: dict[str, _Dependency] = {canonicalize_name(one.name): one for one in report.dependencies}
    known: list[tuple[Package, Vulnerability]] = []
    silent: list[tuple[Package, str]] = []
    for one in batch:
        answer = told.get(one.name)
        if answer is None or answer.vulns is None:
            why = answer.skip_reason if answer else None
            silent.append((one, in_short(why or "pip-audit does not name it")))
            continue
        known += [(one, vulnerability) for vulnerability in _merged(answer.vulns)]
    if bool(known) != (exit_code == 1):
        said = f"it exited with {exit_code} and told of {len(known)} vulnerabilities"
        raise CannotTell(f"pip-audit contradicts itself: {said}")
    return known, silent


def _merged(raw: Iterable[_Vulnerability]) -> Iterator[Vulnerability]:
    """One of each vulnerability; the service's records of it name each other as aliases."""
    seen: set[str] = set()
    for one in raw:
        ids = {one.id, *one.aliases}
        if ids & seen:
            continue
        seen |= ids
        own, others = named(ids)
        fix = one.fix_versions[0] if one.fix_versions else None
        yield Vulnerability(own, others, in_short(one.description or ""), Severity.HIGH, fix)


def _start(file: Path, service: str, url: str | None, log_dir: Path, left: float) -> Process:
    """``left`` are the seconds that it has."""
    work = file.parent
    wanted = ["--no-deps", "--disable-pip", "--progress-spinner=off", f"--timeout={ANSWER}",
              f"--cache-dir={work / 'cache'}", "--format=json",
              f"--vulnerability-service={service}",
              *([f"--osv-url={url}"] if url else [])]  # fmt: skip
    try:
        argv = python_module("pip_audit", f"--requirement={file}", *wanted)
    except CannotTell:
        raise CannotTell(INSTALL) from None
    process = run(
        argv, cwd=work, env=environment(build=True), log_dir=log_dir, name="pip-audit",
        timeout=max(left, 1.0),
    )  # fmt: skip
    host = urlsplit(url or "").hostname or {"osv": "api.osv.dev", "pypi": "pypi.org"}[service]
    if process.trouble:
        raise CannotTell(f"pip-audit, asking {host}, {process.trouble} · {OFFLINE}")
    if process.returncode not in (0, 1) or not process.stdout().strip():
        raise CannotTell(f"{host} could not be asked: {_why(process)} · {OFFLINE}")
    return process


def _why(process: Process) -> str:
    said = process.failure((0, 1, 2)) or ""
    lines = process.stderr().decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if _NOISE.match(line)] or lines
    last = _NOISE.sub("", errors[-1]) if errors else said or "pip-audit printed nothing"
    # what urllib3 has to say comes last, after the address
    return in_short(last.rpartition("Caused by ")[2].rstrip("') "))
