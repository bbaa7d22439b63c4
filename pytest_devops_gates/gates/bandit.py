"""``bandit``: insecure code, by the project's bandit settings; without any, all but its tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from pytest_devops_gates import bandit_cache
from pytest_devops_gates.bandit_cache import Settings
from pytest_devops_gates.bandit_files import Result, Told
from pytest_devops_gates.bandit_process import Ended, processes, run, sentinel
from pytest_devops_gates.errors import NotApplicable
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import OFF, Canary, Gate, NoOptions, Options
from pytest_devops_gates.process import python_module
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

SEVERITIES = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM}
CONFIDENCES = {"HIGH": Confidence.HIGH, "MEDIUM": Confidence.MEDIUM}


def check(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Have bandit read what no earlier run has seen as it is now, and tell of all files."""
    argv = python_module("bandit", "-f", "json", "-q")
    names = targets(project)
    settings = bandit_cache.settings(project.root)
    chosen = _chosen(settings)
    given = bandit_cache.conditions(project.root, settings, chosen)
    keys = bandit_cache.keys(project.root, names, given)
    kept = bandit_cache.load(project) if keys else {}
    known = {name: kept[key] for name, key in keys.items() if key in kept}
    missing = [name for name in names if name not in known]
    if project.scope is not None:
        sentinel(project).write_text("devops_gates = True\n", encoding="utf-8")
        chosen = [*chosen, str(sentinel(project))]
    ended = run([*argv, *chosen], missing, project, processes())
    new = _new(ended, settings, project.root)
    _keep(project, keys, given, new)
    receipt = _receipt(ended)
    evidence = tell(names, {**known, **new}, ended, hurried=project.scope is not None)
    notes = (*evidence.notes, *_how(ended, len(known)))
    return msgspec.structs.replace(evidence, receipt=receipt, notes=notes)


def _chosen(settings: Settings) -> list[str]:
    """The arguments that the project's settings ask for.

    Without a word of theirs bandit leaves out what has ``.git``, ``CVS`` and the like in its path:
    right for a walk of its own, and wrong for files that are named.
    """
    chosen = ["-c", "pyproject.toml"] if settings.table is not None else []
    if settings.file is not None:
        chosen += ["--ini", ".bandit"]
    return chosen if settings.excluded_by_file else [*chosen, "-x", ""]


def targets(project: Project) -> list[str]:
    """The files to read: all that the project's settings do not exclude, or all but its tests.

    They are named, so that nothing depends on what bandit's own walk leaves out.
    """
    sources = [name for name in project.python_files() if name.endswith(".py")]
    if _configured(project):
        return sources
    return [name for name in sources if not project.is_test(name)]


def _new(ended: Iterable[Ended], settings: Settings, root: Path) -> dict[str, Told]:
    """What was told in this run, of files that the settings leave out as well."""
    found: dict[str, Told] = {}
    for one in ended:
        found.update(one.told)
        for name in () if one.trouble else one.names:
            if name not in one.told and bandit_cache.is_left_out(name, settings, root):
                found[name] = Told(left_out=True)
    return found


def _keep(
    project: Project, keys: Mapping[str, str], given: bytes | None, new: Mapping[str, Told]
) -> None:
    """Keep what was told for the next run, but for files that were written meanwhile: whether
    bandit saw them before that or after, nobody knows."""
    settings = bandit_cache.settings(project.root)
    if given is None or given != bandit_cache.conditions(project.root, settings, _chosen(settings)):
        return
    after = bandit_cache.keys(project.root, new, given)
    sure = {key: new[name] for name, key in after.items() if keys.get(name) == key}
    bandit_cache.store(project, sure)


def tell(
    names: Sequence[str],
    told: Mapping[str, Told],
    ended: Iterable[Ended] = (),
    *,
    hurried: bool = False,
) -> Evidence:
    """What bandit found in the files that it was to read. Raises NotApplicable in a hook whose
    files are all left out by the project's settings."""
    troubled = {name: one.trouble for one in ended if one.trouble for name in one.names}
    silent = [name for name in names if name not in told and name not in troubled]
    left_out = sum(one.left_out for one in told.values())
    if hurried and left_out == len(names):
        raise NotApplicable("the project's bandit settings leave out all files to look at")
    in_order = [told[name] for name in sorted(told)]
    results = [result for one in in_order for result in one.results]
    read = [one for one in in_order if not one.left_out and one.error is None]
    reasons = [
        *dict.fromkeys(filter(None, troubled.values())),
        *_some(
            f"bandit could not read {n}: {told[n].error}" for n in sorted(told) if told[n].error
        ),
        *_some(f"bandit did not say that it read {name}" for name in silent),
    ]
    notes = [f"{left_out} files are left out by the project's bandit settings"] if left_out else []
    return Evidence.of(
        map(_finding, results),
        examined=len(read),
        metrics={"nosec": sum(o.nosec for o in in_order), "lines": sum(o.lines for o in in_order)},
        unknown="; ".join(reasons) or None,
        notes=notes,
        rules=_rules(results),
    )


def _some(reasons: Iterable[str]) -> list[str]:
    """The first of the reasons, and how many more files there are."""
    first, *others = [*reasons] or [""]
    more = f" (and {len(others)} more files)" if others else ""
    return [first + more] if first else []


def _receipt(ended: Sequence[Ended]) -> Receipt:
    """One process stands for all: one that broke, or that found something."""
    if not ended:
        return Receipt("bandit", version("bandit"), exit_code=0, cached=True)
    shown = max(ended, key=lambda one: (one.trouble is not None, one.exit_code or 0))
    return Receipt("bandit", version("bandit"), argv=shown.argv, exit_code=shown.exit_code)


def _how(ended: Sequence[Ended], known: int) -> list[str]:
    """What the receipt does not show: the other processes, and what was known before."""
    said = []
    if len(ended) > 1:
        said.append(f"bandit ran in {len(ended)} processes, of which the receipt shows one")
    if ended and known:
        said.append(f"{known} files are as an earlier run saw them, and were not read again")
    return said


def applies(project: Project, options: Options) -> str | None:
    if project.listing_error:
        return None
    if not targets(project):
        where = "" if project.scope is None else " among the files to look at"
        return f"no Python source beside the tests{where}"
    return None


def _configured(project: Project) -> bool:
    return project.tool("bandit") is not None or (project.root / ".bandit").is_file()


def _finding(result: Result) -> Finding:
    column, end = result.col_offset, result.end_col_offset
    return Finding(
        rule=result.test_id,
        message=result.issue_text,
        severity=SEVERITIES.get(result.issue_severity, Severity.LOW),
        confidence=CONFIDENCES.get(result.issue_confidence, Confidence.LOW),
        path=result.filename,
        line=result.line_number,
        column=None if column is None or column < 0 else column + 1,
        end_line=(result.line_range or [result.line_number])[-1],
        end_column=None if end is None or end <= 0 else end + 1,
    )


def _rules(results: Iterable[Result]) -> list[Rule]:
    """What bandit tells of the tests that found something, each test once."""
    first: dict[str, Result] = {}
    for result in results:
        first.setdefault(result.test_id, result)
    return [_rule(name, result) for name, result in first.items()]


def _rule(name: str, result: Result) -> Rule:
    page, weakness = result.more_info or "", result.issue_cwe
    said = ["Its page tells why this is a risk, and what is safer."] if page else []
    if weakness and weakness.id:
        said.append(f"It is a case of CWE-{weakness.id}: {weakness.link or 'see cwe.mitre.org'}")
    return Rule(name, says=_says(result.test_name or "", page), help=" ".join(said), uri=page)


def _says(test: str, page: str) -> str:
    """``subprocess popen with shell equals true``, of the test's name; those on bandit's blacklists
    have their names in the address of their page alone: ``#b404-import-subprocess``."""
    if test == "blacklist":
        listed = re.sub(r"^(?:b\d+-)+", "", page.rpartition("#")[2])
        return f"on bandit's blacklist: {listed.replace('-', ' ')}"
    return test.replace("_", " ")


def canary(project: Project, options: Options) -> Canary:
    source = "import subprocess\nimport sys\n\nsubprocess.call(sys.argv[1], shell=True)\n"
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a shell injection (B602)", dict.fromkeys(files, source))


BANDIT = Gate(
    name="bandit",
    stage=Stage.SECURITY,
    options=NoOptions,
    function=check,
    applies=applies,
    levels={"operate": OFF},
    conditions={"findings.high.medium": "== 0"},
    metrics=("nosec", "lines"),
    again="bandit -r .",
    cost=3.0,
    about="The product's sources hold no insecure code that bandit knows of.",
    static=True,
    canary=canary,
    suppress="# nosec {rule}",
)
