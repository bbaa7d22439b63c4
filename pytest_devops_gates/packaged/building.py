"""How an sdist and a wheel are built by PEP 517, in isolation: with uv where it is, or build.

Both get SOURCE_DATE_EPOCH, so that a backend that heeds it writes the same bytes each time
(https://reproducible-builds.org/specs/source-date-epoch/).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from pytest_devops_gates import disk, git
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Receipt
from pytest_devops_gates.process import (
    Process,
    environment,
    find_optional,
    last_line,
    python_module,
    run,
    tool_version,
)
from pytest_devops_gates.project import Project

TIMEOUT = 1800.0
"""Seconds for one step; the gate's own timeout ends the whole of them."""

FIRST_OF_1980 = 315_532_800
"""The earliest time that a zip file, and so a wheel, can hold."""

APPLICATIONS = (
    (("uv",), "package", "[tool.uv] package = false"),
    (("poetry",), "package-mode", "[tool.poetry] package-mode = false"),
    (("pdm",), "distribution", "[tool.pdm] distribution = false"),
)

_NOTE = re.compile(r"(?:[^/:\s]+: )?built (?P<name>[^/ ]+) sha256:(?P<digest>[0-9a-f]{64})")
_BROKEN = (
    b"Backend subprocess exited",
    b"does not appear to be a valid source distribution",
    b"build backend returned an error",
    b"Call to `",
)


class Built(msgspec.Struct, frozen=True):
    """How a build went: by which tool, and what the backend said if it broke."""

    tool: str
    version: str | None
    argv: tuple[str, ...]
    exit_code: int | None
    broken: str | None = None

    def receipt(self) -> Receipt:
        return Receipt(self.tool, self.version, self.argv, self.exit_code)


def no_package(project: Project) -> str | None:
    """Why the project is an application, of which nothing is built, or None."""
    for tool, key, shown in APPLICATIONS:
        if (project.tool(*tool) or {}).get(key) is False:
            return f"an application: {shown}"
    if "build-system" in project.pyproject or (project.root / "setup.py").is_file():
        return None
    return "no [build-system] in pyproject.toml, and no setup.py"


def epoch(project: Project) -> str:
    """The SOURCE_DATE_EPOCH of the project's builds: what the environment sets, or else the
    commit's time, or without git a fixed one. Raises CannotTell when git refuses."""
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not re.fullmatch(r"[0-9]{1,11}", told):
        told = "0"
        if project.commit:
            asked = ("--no-patch", "--no-show-signature", "--format=%ct", project.commit)
            told = git.git(project.root, "show", *asked).decode().strip()
    return str(max(int(told), FIRST_OF_1980))


def build(
    project: Project,
    source: Path,
    dist: Path,
    logs: str,
    extra: Mapping[str, str] | None = None,
) -> Built:
    """Build the sdist of a tree, and the wheel from that, into the folder ``dist``.

    ``logs`` names the folder of the run that keeps what is printed, ``extra`` adds to the
    environment. Raises CannotTell for what is not the project's fault, such as no network.
    """
    dist.mkdir(parents=True, exist_ok=True)
    uv = find_optional("uv", project.root)
    if uv:
        argv = [uv, "build", "--quiet", "--no-config", "--out-dir", str(dist), str(source)]
        tool, number = "uv build", tool_version(uv)
    else:
        argv = python_module("build", "--outdir", str(dist), str(source))
        tool, number = "build", version("build")
    done = step(project, argv, source, logs, tool, extra)
    if uv:  # what uv leaves to keep the folder out of git is nothing that was built
        (dist / ".gitignore").unlink(missing_ok=True)
    built = Built(tool, number, done.argv, done.returncode)
    if done.returncode == 0:
        return built
    said = done.stdout() + b"\n" + done.stderr()
    if not _is_the_projects_fault(said):
        raise CannotTell(f"{tool} exited with {done.returncode}: {last_line(said)}")
    return msgspec.structs.replace(built, broken=last_line(said))


def artefacts(dist: Path) -> list[Path]:
    """The sdist and the wheels in a folder. Raises CannotTell where one of both kinds lacks."""
    sdists, wheels = sorted(dist.glob("*.tar.gz")), sorted(dist.glob("*.whl"))
    if not (sdists and wheels):
        names = ", ".join(sorted(path.name for path in dist.iterdir() if path.name[0] != "."))
        raise CannotTell(f"the build left {names or 'nothing'}, not an sdist and a wheel")
    return [*sdists, *wheels]


def strays(dist: Path, judged: Iterable[Path]) -> Iterator[str]:
    """Names of what lies in a folder beside the artefacts that were judged, or is a link."""
    known = {path.name for path in judged}
    for path in sorted(dist.iterdir()):
        is_plain = path.is_file() and not path.is_symlink()
        if not is_plain or path.name not in known:
            yield path.name


def note(path: Path) -> str:
    """What is noted of an artefact that was judged: by this it is known again."""
    return f"built {path.name} sha256:{disk.digest(path)[0]}"


def noted(notes: Iterable[str]) -> dict[str, str]:
    """The digests by name, of the notes of a gate; those of a shard begin with its name."""
    found = (_NOTE.fullmatch(each) for each in notes)
    return {each["name"]: each["digest"] for each in found if each}


def step(
    project: Project,
    argv: list[str],
    cwd: Path,
    logs: str,
    name: str,
    extra: Mapping[str, str] | None = None,
) -> Process:
    """One tool, run to its end. Raises CannotTell when it hung or printed without end."""
    fixed = {"COLUMNS": "300", "NO_COLOR": "1", "SOURCE_DATE_EPOCH": epoch(project)}
    process = run(
        argv,
        cwd=cwd,
        env=environment({**fixed, **(extra or {})}, build=True),
        log_dir=project.run_dir / "logs" / logs,
        name=name.replace(" ", "-"),
        timeout=TIMEOUT,
    )
    if process.trouble:
        raise CannotTell(f"{name} {process.trouble}")
    return process


def own_backend(project: Project, module: str, code: str) -> dict[str, str]:
    """The files that give a project a build backend inside of its tree, for a canary."""
    text = project.text("pyproject.toml") or ""
    table = re.compile(r"^\[build-system\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
    told = f'[build-system]\nrequires = []\nbuild-backend = "{module}"\nbackend-path = ["."]\n\n'
    return {"pyproject.toml": told + table.sub("", text), f"{module}.py": code}


def _is_the_projects_fault(said: bytes) -> bool:
    """Whether the backend ran and failed; what else goes wrong (no network) is not for sure.

    The words are those of build (``Backend subprocess exited``) and uv.
    """
    return any(word in said for word in _BROKEN)
