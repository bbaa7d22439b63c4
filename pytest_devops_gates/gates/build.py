"""``package``: the sdist and the wheel build by PEP 517, and hold what they should.

They are built from a clone overlaid with the files as they lie in the checkout: versions from git
tags work, uncommitted work counts, and the checkout stays as it is.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from pytest_devops_gates.copies import copy_tree
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import OFF, Canary, Gate, NoOptions, Options
from pytest_devops_gates.packaged import building, contents, members, shipping, takeover
from pytest_devops_gates.packaged.missing import Tree, left_out
from pytest_devops_gates.process import last_line, python_module
from pytest_devops_gates.project import Project
from pytest_devops_gates.scanning.artefacts import in_artefact
from pytest_devops_gates.scanning.told import RULES as LEAKS
from pytest_devops_gates.stage import Stage

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LOGS = "package"
SHOWN = 5
"""Modules that a note names."""


def applies(project: Project, options: Options) -> str | None:
    return building.no_package(project)


def build(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Build both artefacts into the run's ``dist`` folder, and look at what is in them."""
    work = project.run_dir / "tmp" / "package"
    dist = project.run_dir / "dist"
    try:
        built = building.build(project, copy_tree(project, work / "tree"), dist, LOGS)
        if built.broken:
            findings = [_broken(project, built.broken)]
            return Evidence(findings=tuple(findings), examined=1, receipt=built.receipt())
        artefacts = building.artefacts(dist)
        built_notes = tuple(building.note(path) for path in artefacts)
        wrong, notes = _contents(project, artefacts)
        wrong += [_stray(name) for name in building.strays(dist, artefacts)]
        wrong += [leak for path in artefacts for leak in in_artefact(path, project)]
        return Evidence(
            findings=(*_metadata(project, artefacts), *wrong),
            examined=len(artefacts),
            notes=(*built_notes, *notes),
            receipt=built.receipt(),
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _broken(project: Project, said: str) -> Finding:
    path = "pyproject.toml" if project.pyproject else "setup.py"
    return Finding("build-failed", f"the build backend failed: {said}", Severity.HIGH, path=path)


def _stray(name: str) -> Finding:
    message = (
        f"the build leaves {name} beside the sdist and the wheel: nobody looked into it, and it"
        " would be released with them · see what of the build backend writes it"
    )
    return Finding("stray-artefact", message, Severity.HIGH)


def _contents(project: Project, artefacts: list[Path]) -> tuple[list[Finding], tuple[str, ...]]:
    """What is wrong with what is in them, and what was left out on purpose."""
    read = {path.name: members.read(path) for path in artefacts}
    wheels = {name: archive for name, archive in read.items() if name.endswith(".whl")}
    sdists = {name: archive for name, archive in read.items() if name not in wheels}
    tree = _tree(project)
    names = [name for wheel in wheels.values() for name in left_out(wheel.files, tree)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    told = f"not in the wheel, as the settings say: {', '.join(names[:SHOWN])}{more}"
    taken, elsewhere = takeover.judge(wheels, sdists, tree)
    return [*contents.judge(wheels, sdists, tree), *taken], (*elsewhere, *([told] if names else []))


def _tree(project: Project) -> Tree:
    if project.listing_error:
        raise CannotTell(project.listing_error)
    root = project.root
    table = project.pyproject.get("project", project.tool("poetry"))
    name = table.get("name") if isinstance(table, dict) else None
    files = tuple(f for f in project.files if (root / f).is_file() and not (root / f).is_symlink())
    known = frozenset(files)

    def content(path: str) -> bytes | None:
        return (root / path).read_bytes() if path in known else None

    return Tree(
        files=files,
        packages=project.packages,
        name=name if isinstance(name, str) else "",
        is_test=project.is_test,
        shipping=shipping.read(project),
        content=content,
    )


def _metadata(project: Project, artefacts: list[Path]) -> list[Finding]:
    argv = python_module("twine", "check", "--strict", *map(str, artefacts))
    checked = building.step(project, argv, project.run_dir, LOGS, "twine")
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


def canary(project: Project, options: Options) -> Canary:
    """A build backend, inside the tree, that breaks whatever it is asked for."""
    code = "raise RuntimeError('the canary of package')\n"
    files = building.own_backend(project, "devops_gates_canary", code)
    return Canary("a build backend that raises", files)


PACKAGES = "https://packaging.python.org/en/latest/discussions/src-layout-vs-flat-layout/"
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
    Rule(
        "missing-module",
        "A module of a package that the project ships is not in the wheel: what imports it breaks"
        " where the wheel is installed.",
        "Mend the setting that the message names; `unzip -l dist/*.whl` shows what is in it after"
        " `python -m build`.",
        PACKAGES,
    ),
    Rule(
        "missing-data",
        "A file of a package that the project ships, such as `py.typed` or a template, is not in"
        " the wheel.",
        "Put it in by the setting that the message names, or name it among what that leaves out.",
        "https://setuptools.pypa.io/en/latest/userguide/datafiles.html",
    ),
    Rule(
        "stray-top-level",
        "The wheel puts a folder or file at the top that is none of the product: tests, docs, a"
        " readme. It lands beside all other packages, and overwrites theirs of that name.",
        "Leave it out by the setting that the message names; what must ship goes into a package.",
        PACKAGES,
    ),
    Rule(
        "stray-artefact",
        "The build leaves something beside the sdist and the wheel, which nobody looked into.",
        "See what of the build backend writes it; what is to be released is one of both.",
    ),
    Rule(
        "secret-file",
        "The wheel or the sdist holds a file in which secrets are kept, or a private key.",
        "Leave it out of the artefact, and out of the repository; if it was ever published, change"
        " the secrets.",
    ),
    Rule(
        "litter",
        "The wheel or the sdist holds what a tool, an editor or a file manager left behind.",
        "Delete it, name it in .gitignore, or leave it out by the build backend's settings.",
    ),
    Rule(
        "record-wrong",
        "RECORD of the wheel and its files differ: installers refuse it, or cannot uninstall it.",
        "Have the build backend write the wheel, and change nothing in it afterwards (or `python -m"
        " wheel unpack` and `pack` it, which write RECORD anew).",
        "https://packaging.python.org/en/latest/specifications/recording-installed-packages/",
    ),
    Rule(
        "unsafe-member",
        "A member of the wheel or the sdist leads out of the folder that it is unpacked to, or is"
        " a link, a device, a name that is there twice, or a bomb.",
        "See what wrote it; unpack it nowhere.",
        "https://docs.python.org/3/library/tarfile.html#tarfile-extraction-filter",
    ),
    Rule(
        "missing-licence",
        "The metadata names a licence file that is not there.",
        "Name the files in `license-files` of `[project]`, and see that the sdist holds them.",
        "https://packaging.python.org/en/latest/specifications/pyproject-toml/#license-files",
    ),
    Rule(
        "missing-in-sdist",
        "The sdist lacks what it needs by its format, or what the wheel is built from.",
        "Put it in: by MANIFEST.in (setuptools), `[tool.hatch.build.targets.sdist]`,"
        " `[tool.flit.sdist]`, `[tool.pdm.build]`, or what your build backend has.",
        "https://packaging.python.org/en/latest/specifications/source-distribution-format/",
    ),
    Rule(
        "name-differs",
        "The names of wheel and sdist are not valid, or not of one name and version.",
        "See which version each was built with: it must not depend on when it is asked for.",
        "https://packaging.python.org/en/latest/specifications/binary-distribution-format/",
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
    about="The sdist and the wheel build by PEP 517, an index would take their metadata, and they"
    " hold what they should and nothing else.",
    canary=canary,
    rules=(*RULES, *takeover.RULES, *LEAKS),
)
