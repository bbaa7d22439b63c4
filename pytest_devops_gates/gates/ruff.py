"""``lint`` (ruff check) and ``format`` (ruff format --check)."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence, Finding, Severity
from pytest_devops_gates.findings import relative
from pytest_devops_gates.gate import OFF, Canary, Command, Gate, NoOptions, Options, Output
from pytest_devops_gates.precommit import NAME as PRE_COMMIT
from pytest_devops_gates.precommit import Hook, find_hook
from pytest_devops_gates.project import Project
from pytest_devops_gates.ruff_json import FORMAT_RULES, LINT_RULES, Entry, Place, rules
from pytest_devops_gates.stage import Stage

REAL_ERRORS = "E9,F63,F7,F82"
"""What a project without ruff settings is held to: syntax errors and undefined names."""

_HIGH = re.compile(r"E9\d\d|F63\d|F7\d\d|F82\d|invalid-syntax|syntax-error")
SOURCES = (".py", ".pyi", ".ipynb")
NO_PYTHON = "no Python file among those to look at"
NOTHING_LEFT = b"No Python files found under the given path"


def lint_command(project: Project, options: Options) -> Command:
    _check_version(project)
    check = ["ruff", "check", *_common(project)]
    if not _configured(project):
        check += ["--isolated", "--select", REAL_ERRORS]
    elif not _lints(project):
        check += ["--select", REAL_ERRORS]
    where = _where(project)
    census = [*check, "--show-files", *where]
    return Command(
        [*check, "--no-fix", "--no-show-fixes", "--output-format=json", *where],
        census=census,
        tool="ruff check",
        version=version("ruff"),
    )


def read_lint(output: Output, project: Project, options: Options) -> Evidence:
    """Judges what counts of ruff's list of violations."""
    _check_scope(output, project)
    entries = output.decode(list[Entry])
    _agree(output.exit_code, bool(entries), "violations")
    hook = find_hook(project.text(PRE_COMMIT), "ruff", "ruff-check")
    counted = _that_count(entries, hook, project)
    drift = _drift(hook) if counted else None
    return Evidence.of(
        (_finding(entry, _severity(entry)) for entry in counted),
        examined=_sources(output),
        notes=[drift] if drift else [],
        rules=rules(counted),
    )


def format_command(project: Project, options: Options) -> Command:
    _check_version(project)
    common, where = _common(project), _where(project)
    return Command(
        ["ruff", "format", *common, "--check", "--output-format=json", *where],
        census=["ruff", "check", *common, "--show-files", *where],
        tool="ruff format",
        version=version("ruff"),
    )


def read_format(output: Output, project: Project, options: Options) -> Evidence:
    """As read_lint; a file that ruff cannot parse is listed as ``invalid-syntax``.

    Each release of ruff formats a little differently, so one that the project does not use cannot
    tell whether its files are well formatted unless it finds nothing to do.
    """
    _check_scope(output, project)
    entries = output.decode(list[Entry])
    _agree(output.exit_code, bool(entries), "unformatted files")
    hook = find_hook(project.text(PRE_COMMIT), "ruff-format")
    counted = _that_count(entries, hook, project)
    broken = [e for e in counted if e.code != "unformatted"]
    if broken:
        name = Path(broken[0].filename or "?").name
        raise CannotTell(f"could not parse {name}: {broken[0].message}")
    drift = _drift(hook) if counted else None
    return Evidence.of(
        () if drift else (_finding(entry, Severity.LOW) for entry in counted),
        examined=_sources(output),
        unknown=f"{len(counted)} files would be reformatted, but {drift}" if drift else None,
    )


def _where(project: Project) -> list[str]:
    """The whole project, or the files to look at, as far as its settings do not exclude them."""
    if project.scope is None:
        return ["."]
    return ["--force-exclude", "--", *("./" + name for name in project.python_files())]


def _check_scope(output: Output, project: Project) -> None:
    """Raises NotApplicable when ruff says itself that the settings leave out all files to look
    at."""
    if project.scope is not None and NOTHING_LEFT in output.stderr and not _sources(output):
        raise NotApplicable("the project's ruff settings leave out all files to look at")


def has_python(project: Project, options: Options) -> str | None:
    if project.listing_error or project.python_files():
        return None
    return "no Python file in the project" if project.scope is None else NO_PYTHON


def formats(project: Project, options: Options) -> str | None:
    """Whether the project says that ruff formats it: by its settings, or by a pre-commit hook."""
    own = [project.text(name) or "" for name in ("ruff.toml", ".ruff.toml")]
    if (
        project.tool("ruff", "format") is not None
        or any(re.search(r"^\s*\[format\b", text, re.MULTILINE) for text in own)
        or find_hook(project.text(PRE_COMMIT), "ruff-format")
    ):
        return has_python(project, options)
    return "no [tool.ruff.format] and no ruff-format hook"


def _check_version(project: Project) -> None:
    """Raises CannotTell, with what mends it, for another ruff than the settings demand."""
    demanded = (project.tool("ruff") or {}).get("required-version")
    if not isinstance(demanded, str):
        return
    specifier = demanded if demanded[:1] in "<>=!~" else f"=={demanded}"
    try:
        fits = SpecifierSet(specifier).contains(version("ruff"), prereleases=True)
    except InvalidSpecifier:
        return  # ruff says itself what is wrong with it
    if not fits:
        raise CannotTell(
            f"the project demands ruff {specifier}, and {version('ruff')} is installed"
            f" · python -m pip install 'ruff{specifier}'"
        )


def _common(project: Project) -> list[str]:
    quiet = ["--quiet"] if project.scope is None else []  # it tells then what it leaves out
    return [*quiet, "--cache-dir", str(project.cache / "ruff")]


def _configured(project: Project) -> bool:
    """Whether ruff finds settings of the project, where it looks: here, and in folders above."""
    if project.tool("ruff") is not None:
        return True
    top = project.toplevel or project.root
    folders = [project.root, *(p for p in project.root.parents if top == p or top in p.parents)]
    named = any((f / name).is_file() for f in folders for name in ("ruff.toml", ".ruff.toml"))
    return named or any(_has_table(folder / "pyproject.toml") for folder in folders[1:])


def _lints(project: Project) -> bool:
    """Whether the project chose any rules, or runs the linter as a hook.

    Settings that only format or exclude do not ask for ruff's default rules, of which newer
    releases have hundreds.
    """
    own = project.tool("ruff")
    if own is None or "extend" in own:
        return True
    chosen = {"lint", "select", "extend-select", "ignore", "extend-ignore"} & own.keys()
    return bool(chosen or find_hook(project.text(PRE_COMMIT), "ruff", "ruff-check"))


def _has_table(pyproject: Path) -> bool:
    try:
        return (
            re.search(r"^\s*\[tool\.ruff\b", pyproject.read_text("utf-8"), re.MULTILINE) is not None
        )
    except (OSError, UnicodeDecodeError):
        return False


def _agree(exit_code: int, found: bool, what: str) -> None:
    if found != (exit_code == 1):
        listed = "listed" if found else "listed no"
        raise CannotTell(f"contradicts itself: it exited with {exit_code} and {listed} {what}")


def _finding(entry: Entry, severity: Severity) -> Finding:
    start, end = entry.location or Place(), entry.end_location or Place()
    return Finding(
        rule=entry.code or "syntax-error",
        message=entry.message,
        severity=severity,
        path=entry.filename,
        line=start.row,
        column=start.column,
        end_line=end.row,
        end_column=end.column,
    )


def _severity(entry: Entry) -> Severity:
    high = entry.code is None or _HIGH.fullmatch(entry.code)
    return Severity.HIGH if high else Severity.MEDIUM


def _that_count(entries: list[Entry], hook: Hook | None, project: Project) -> list[Entry]:
    """What is left without the files that the project keeps from its own ruff hook.

    Newer releases of ruff read Markdown too; the hooks give it Python sources only, and so do we.
    """
    counted = []
    for entry in entries:
        path = relative(entry.filename, project.root)[0] or ""
        if not path.endswith(".md") and not (hook and hook.leaves_out(path)):
            counted.append(entry)
    return counted


def _sources(output: Output) -> int:
    """Files of the census; ruff lists pyproject.toml as well, which holds no code."""
    return sum(line.endswith(SOURCES) for line in output.census_lines())


def _drift(hook: Hook | None) -> str | None:
    """Tells a ruff other than the one that the project pins, and the command that mends it."""
    here = version("ruff")
    if hook is None or hook.version in (None, here):
        return None
    pin = hook.version
    return f"ruff {here} ran where the project pins {pin} · python -m pip install ruff=={pin}"


def lint_canary(project: Project, options: Options) -> Canary:
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("an undefined name (F821)", dict.fromkeys(files, "devops_gates_canary()\n"))


def format_canary(project: Project, options: Options) -> Canary:
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a badly formatted file", dict.fromkeys(files, "canary={  'a':1 }\n"))


LINT = Gate(
    name="lint",
    stage=Stage.DEVELOP,
    options=NoOptions,
    command=lint_command,
    read=read_lint,
    applies=has_python,
    levels={"operate": OFF},
    again="ruff check --no-fix",
    cost=0.2,
    about="The project's sources keep the rules that its ruff settings choose.",
    static=True,
    canary=lint_canary,
    rules=LINT_RULES,
    suppress="# noqa: {rule}",
)
FORMAT = Gate(
    name="format",
    stage=Stage.DEVELOP,
    options=NoOptions,
    command=format_command,
    read=read_format,
    applies=formats,
    levels={"operate": OFF},
    again="ruff format --check",
    cost=0.2,
    about="The project's sources are formatted as `ruff format` formats them.",
    static=True,
    canary=format_canary,
    rules=FORMAT_RULES,
)
