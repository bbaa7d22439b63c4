"""``install``: the wheel goes into a fresh environment, imports there, and its commands start.

What was installed with it is written down as the software bill of materials (sbom.py).
"""

from __future__ import annotations

import configparser
import keyword
import os
import shutil
import sys
import zipfile
from pathlib import Path

from pytest_devops_gates import sbom
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import OFF, Canary, Gate, NoOptions, Options
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

HELP_TIMEOUT = 30.0
"""Seconds in which a command has to answer ``--help``."""

INSTALL_TIMEOUT = 1800.0
_SUFFIXES = (".py", ".so", ".pyd")


def check(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Install the wheel of the gate ``package``, import what it holds, start what it offers."""
    wheels = sorted((project.run_dir / "dist").glob("*.whl"))
    if not wheels:
        raise CannotTell("no wheel was built")
    work = project.run_dir / "tmp" / "install"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        uv = find_optional("uv", project.root)
        installed = _install(project, wheels, work, uv)
        notes = _sbom(project, wheels[0], work)  # before anything of what was built is run
        with zipfile.ZipFile(wheels[0]) as wheel:
            members = wheel.namelist()
            modules, scripts = import_names(members), console_scripts(wheel)
        findings = [
            *(f for name in modules if (f := _import(project, name, work))),
            *(f for name in scripts if (f := _start(project, name, work))),
        ]
        receipt = Receipt(
            tool="uv pip install" if uv else "pip install",
            version=tool_version(uv) if uv else _pip_version(work),
            argv=installed.argv,
            exit_code=installed.returncode,
        )
        return Evidence(
            findings=tuple(findings),
            metrics={"modules": len(modules), "scripts": len(scripts)},
            examined=len(modules) + len(scripts) + sum(n.endswith(".pyi") for n in members),
            receipt=receipt,
            notes=notes,
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)


def import_names(members: list[str]) -> list[str]:
    """What can be imported from a wheel with these members: its topmost packages and modules.

    A namespace package has no ``__init__``: the packages and modules right below it are meant then.
    """
    paths = [name.split("/") for name in members if name.endswith(_SUFFIXES)]
    paths = [p for p in paths if not p[0].endswith((".data", ".dist-info"))]
    packages = {tuple(p[:-1]) for p in paths if p[-1] == "__init__.py"}
    found = set()
    for path in paths:
        parents = [tuple(path[:depth]) for depth in range(1, len(path))]
        regular = next((parent for parent in parents if parent in packages), None)
        found.add(".".join(regular) if regular else ".".join([*path[:-1], path[-1].split(".")[0]]))
    return sorted(name for name in found if all(map(_is_importable, name.split("."))))


def _is_importable(part: str) -> bool:
    return part.isidentifier() and not keyword.iskeyword(part)


def console_scripts(wheel: zipfile.ZipFile) -> list[str]:
    """The names under ``[console_scripts]`` of a wheel's entry_points.txt.

    Raises CannotTell when that file is not what it should be.
    """
    names = [n for n in wheel.namelist() if n.endswith(".dist-info/entry_points.txt")]
    if not names:
        return []
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(wheel.read(names[0]).decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise CannotTell(f"entry_points.txt of the wheel cannot be read: {said}") from None
    scripts = sorted(parser["console_scripts"]) if parser.has_section("console_scripts") else []
    for name in scripts:
        if Path(name).name != name:
            raise CannotTell(f"'{name}' in entry_points.txt of the wheel is no name of a command")
    return scripts


def _pip_version(work: Path) -> str | None:
    """The version of the fresh environment's own pip, by the name of its metadata folder."""
    found = next((work / "env").glob("**/site-packages/pip-*.dist-info"), None)
    return found.name.removeprefix("pip-").removesuffix(".dist-info") if found else None


def _install(project: Project, wheels: list[Path], work: Path, uv: str | None) -> Process:
    env = work / "env"
    if uv:
        make = [uv, "venv", "--quiet", "--no-config", "--python", sys.executable, str(env)]
        install = [uv, "pip", "install", "--quiet", "--no-config", "--python", _bin(work, "python")]
    else:
        make = [sys.executable, "-m", "venv", str(env)]
        install = [_bin(work, "python"), "-I", "-m", "pip", "install", "--quiet",
                   "--disable-pip-version-check", "--no-input"]  # fmt: skip
    made = _run(project, make, work, "venv", INSTALL_TIMEOUT)
    if made.returncode != 0:
        raise CannotTell(f"no fresh environment could be made: {_said(made)}")
    done = _run(project, [*install, *map(str, wheels)], work, "install", INSTALL_TIMEOUT)
    if done.returncode != 0:
        raise CannotTell(f"the wheel could not be installed: {_said(done)}")
    return done


def _sbom(project: Project, wheel: Path, work: Path) -> tuple[str, ...]:
    """What went into the environment is written down; that it cannot be is worth a note."""
    found = next((work / "env").glob("[Ll]ib/**/site-packages"), None)
    if found is None:
        return (f"no {sbom.FILE} was written: the fresh environment has no site-packages",)
    return sbom.write(project, wheel, found)


def _import(project: Project, module: str, work: Path) -> Finding | None:
    argv = [_bin(work, "python"), "-I", "-c", f"import {module}"]
    done = _run(project, argv, work, f"import-{module}", HELP_TIMEOUT)
    if done.returncode == 0 and not done.trouble:
        return None
    what = done.trouble or _said(done)
    return Finding("import-failed", f"import {module}: {what}", Severity.HIGH)


def _start(project: Project, script: str, work: Path) -> Finding | None:
    """A command that answers with a usage error, or goes to work, did start."""
    done = _run(project, [_bin(work, script), "--help"], work, f"help-{script}", HELP_TIMEOUT)
    if done.returncode == 0 and not done.trouble:
        return None
    died = (done.returncode or 0) < 0 or b"Traceback (most recent" in done.stderr()
    what = done.trouble or f"exited with {done.returncode}: {_said(done)}"
    severity = Severity.HIGH if died else Severity.LOW
    return Finding("script-failed", f"{script} --help {what}", severity)


def _run(project: Project, argv: list[str], cwd: Path, name: str, timeout: float) -> Process:
    return run(
        argv,
        cwd=cwd,
        env=environment(build=True),
        log_dir=project.run_dir / "logs" / "install",
        name=name,
        timeout=timeout,
    )


def _said(process: Process) -> str:
    return last_line(process.stderr() or process.stdout())


def _bin(work: Path, name: str) -> str:
    folder, suffix = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
    return str(work / "env" / folder / (name + suffix))


def canary(project: Project, options: Options) -> Canary:
    """An import that fails, at the end of each package: in the wheel it stands as well."""
    broken = {}
    for name in project.packages:
        places = [f"{name}/__init__.py", f"src/{name}.py", f"{name}.py"]
        found = next((place for place in places if (project.root / place).is_file()), None)
        if found:
            broken[found] = f"{project.text(found) or ''}\nimport devops_gates_canary_missing\n"
    return Canary("a package that imports what is not there", broken)


RULES = (
    Rule(
        "import-failed",
        "A package or module of the wheel cannot be imported where nothing but its dependencies is"
        " installed.",
        "State what it needs in `dependencies`, and see that the wheel holds all of its files: what"
        " the checkout has, or the development environment, is not there.",
    ),
    Rule(
        "script-failed",
        "A console script of the wheel does not start in a fresh environment.",
        "See that its entry point names a function that is there, and that `--help` needs nothing"
        " but the dependencies.",
        "https://packaging.python.org/en/latest/specifications/entry-points/",
    ),
)
INSTALL = Gate(
    name="install",
    stage=Stage.BUILD,
    options=NoOptions,
    function=check,
    needs=("package",),
    levels={"commit": OFF, "operate": OFF},
    conditions={"findings.high": "== 0"},
    metrics=("modules", "scripts"),
    again="python -m pip install dist/*.whl",
    cost=3.0,
    about="The wheel installs into a fresh environment, imports there, and its commands start.",
    canary=canary,
    rules=RULES,
)
