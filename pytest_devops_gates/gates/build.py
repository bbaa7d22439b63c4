"""``package``: the sdist and the wheel build by PEP 517, and their metadata is valid.

They are built from a clone overlaid with the files as they lie in the checkout: versions from git
tags work, uncommitted work counts, and the checkout stays as it is.
"""

from __future__ import annotations

import re
import shutil
from importlib.metadata import version
from pathlib import Path

from pytest_devops_gates.copies import copy_tree
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import OFF, Canary, Gate, NoOptions, Options
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
from pytest_devops_gates.stage import Stage

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TIMEOUT = 1800.0
"""Seconds for one step; the gate's own timeout ends the whole of them."""


def applies(project: Project, options: Options) -> str | None:
    if "build-system" in project.pyproject or (project.root / "setup.py").is_file():
        return None
    return "no [build-system] in pyproject.toml, and no setup.py"


def build(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Build both artefacts into the run's ``dist`` folder and check their metadata."""
    work = project.run_dir / "tmp" / "package"
    dist = project.run_dir / "dist"
    dist.mkdir(parents=True, exist_ok=True)
    try:
        source = copy_tree(project, work / "tree")
        built = _build(project, source, dist)
        receipt = Receipt(
            tool=built.tool, version=built.version, argv=built.argv, exit_code=built.exit_code
        )
        if built.broken:
            return Evidence(findings=(built.broken,), examined=1, receipt=receipt)
        artefacts = sorted([*dist.glob("*.tar.gz"), *dist.glob("*.whl")])
        if len(artefacts) < 2:
            names = ", ".join(path.name for path in dist.iterdir())
            raise CannotTell(f"the build left {names or 'nothing'}, not an sdist and a wheel")
        findings = _metadata(project, artefacts)
        return Evidence(findings=tuple(findings), examined=len(artefacts), receipt=receipt)
    finally:
        shutil.rmtree(work, ignore_errors=True)


class _Built:
    """How the build went: by which tool, and what broke if anything did."""

    def __init__(self, tool: str, tool_version: str | None, process: Process) -> None:
        self.tool = tool
        self.version = tool_version
        self.argv = process.argv
        self.exit_code = process.returncode
        self.broken: Finding | None = None


def _build(project: Project, source: Path, dist: Path) -> _Built:
    uv = find_optional("uv", project.root)
    if uv:
        argv = [uv, "build", "--quiet", "--no-config", "--out-dir", str(dist), str(source)]
        built = _run(project, argv, source, "uv build")
        result = _Built("uv build", tool_version(uv), built)
    else:
        argv = python_module("build", "--outdir", str(dist), str(source))
        built = _run(project, argv, source, "build")
        result = _Built("build", version("build"), built)
    if built.returncode == 0:
        return result
    said = built.stdout() + b"\n" + built.stderr()
    if not _is_the_projects_fault(said):
        raise CannotTell(f"{result.tool} exited with {built.returncode}: {last_line(said)}")
    result.broken = Finding(
        rule="build-failed",
        message=f"the build backend failed: {last_line(said)}",
        severity=Severity.HIGH,
        path="pyproject.toml" if project.pyproject else "setup.py",
    )
    return result


def _is_the_projects_fault(said: bytes) -> bool:
    """Whether the backend ran and failed; what else goes wrong (no network) is not for sure.

    The words are those of build (``Backend subprocess exited``) and uv.
    """
    words = (b"Backend subprocess exited", b"build backend returned an error", b"Call to `")
    return any(word in said for word in words)


def _metadata(project: Project, artefacts: list[Path]) -> list[Finding]:
    argv = python_module("twine", "check", "--strict", *map(str, artefacts))
    checked = _run(project, argv, project.run_dir, "twine")
    said = _COLOURS.sub("", checked.stdout().decode("utf-8", "replace"))
    verdicts = said.count("PASSED") + said.count("FAILED")
    if checked.returncode not in (0, 1) or verdicts != len(artefacts):
        detail = last_line(checked.stderr() or checked.stdout())
        raise CannotTell(f"twine check exited with {checked.returncode}: {detail}")
    if (checked.returncode == 1) != ("FAILED" in said):
        raise CannotTell(f"twine check contradicts itself: it exited with {checked.returncode}")
    return [
        Finding(
            rule="metadata",
            message=" ".join(line.split())[:300],
            severity=Severity.MEDIUM,
            path="pyproject.toml",
        )
        for line in said.splitlines()
        if line.startswith(("WARNING", "ERROR"))
    ] or ([Finding("metadata", last_line(checked.stdout()))] if checked.returncode else [])


def _run(project: Project, argv: list[str], cwd: Path, name: str) -> Process:
    process = run(
        argv,
        cwd=cwd,
        env=environment({"COLUMNS": "300", "NO_COLOR": "1"}, build=True),
        log_dir=project.run_dir / "logs" / "package",
        name=name.replace(" ", "-"),
        timeout=TIMEOUT,
    )
    if process.trouble:
        raise CannotTell(f"{name} {process.trouble}")
    return process


def canary(project: Project, options: Options) -> Canary:
    """A build backend, inside the tree, that breaks whatever it is asked for."""
    text = project.text("pyproject.toml") or ""
    table = re.compile(r"^\[build-system\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
    backend = """[build-system]
requires = []
build-backend = "devops_gates_canary"
backend-path = ["."]

"""
    files = {
        "pyproject.toml": backend + table.sub("", text),
        "devops_gates_canary.py": "raise RuntimeError('the canary of package')\n",
    }
    return Canary("a build backend that raises", files)


RULES = (
    Rule(
        "build-failed",
        "The build backend could not build the sdist or the wheel.",
        "`python -m build` shows all of what it says.",
        "https://packaging.python.org/en/latest/guides/writing-pyproject-toml/",
    ),
    Rule(
        "metadata",
        "An index would refuse the metadata, or could not show the long description.",
        "`twine check --strict dist/*` shows it after `python -m build`; most often the readme does"
        " not render, or its content type is not stated.",
        "https://packaging.python.org/en/latest/guides/making-a-pypi-friendly-readme/",
    ),
)
PACKAGE = Gate(
    name="package",
    stage=Stage.BUILD,
    options=NoOptions,
    function=build,
    applies=applies,
    levels={"commit": OFF, "operate": OFF},
    again="python -m build",
    cost=5.0,
    about="The sdist and the wheel build by PEP 517, and an index would take their metadata.",
    canary=canary,
    rules=RULES,
)
