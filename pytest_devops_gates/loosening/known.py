"""The settings that are known, and in which direction each of them loosens.

Sources: the pages "Settings" of ruff and "Configuration" of coverage, pyright, ty and pyrefly,
"The mypy configuration file", "API Reference, Configuration Options" of pytest, and pre-commit.com.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from functools import cache

from pytest_devops_gates.loosening.row import (
    ANY,
    CODES,
    FALLS,
    FENCE,
    FOLDERS,
    FREE,
    GROWS,
    LISTED,
    NARROWS,
    RISES,
    SHRINKS,
    Path,
    Row,
    each,
    ranked,
)
from pytest_devops_gates.loosening.security import BANDIT, BETTERLEAKS, DEPTRY, ZIZMOR


def find(tool: str, path: Path) -> Row | None:
    """The row of a setting. What mypy has for single modules is as its global setting."""
    if tool == "mypy" and path[0] == "overrides":
        path = path[2:]
    return next((row for row, parts in _rows(tool) if _fits(parts, path)), None)


@cache
def _rows(tool: str) -> tuple[tuple[Row, Path], ...]:
    return tuple((row, tuple(row.key.split("."))) for row in ROWS.get(tool, ()))


def _fits(parts: Path, path: Path) -> bool:
    if parts[-1] == "**":
        parts, path = parts[:-1], path[: len(parts) - 1]
    return len(parts) == len(path) and all(map(fnmatchcase, path, parts))


RUFF = (
    *each(GROWS, "exclude lint.exclude format.exclude", covers=FOLDERS),
    *each(GROWS, "lint.ignore lint.per-file-ignores.*", covers=CODES),
    # Without `select` there are ruff's own rules; see shape.py for the entry that stands for them.
    *each(SHRINKS, "lint.select", covers=CODES),
    *each(NARROWS, "include", covers=FOLDERS),
    *each(SHRINKS, "extend-include preview lint.preview lint.logger-objects"),
    # The gate `format` asks only where there is such a table.
    *each(SHRINKS, "format"),
    *each(GROWS, "force-exclude builtins lint.explicit-preview-rules lint.allowed-confusables"),
    *each(ANY, "extend lint.dummy-variable-rgx lint.pydocstyle.convention"),
    *each(RISES, "line-length", 88),
    *each(RISES, "lint.mccabe.max-complexity", 10),
    *each(RISES, "lint.pylint.max-branches", 12),
    *each(RISES, "lint.pylint.max-returns", 6),
    *each(RISES, "lint.pylint.max-locals", 15),
    *each(RISES, "lint.pylint.max-statements", 50),
    *each(RISES, "lint.pylint.max-public-methods", 20),
    *each(RISES, "lint.pylint.max-*", 5),
    *each(RISES, "lint.pycodestyle.max-*"),
    *each(SHRINKS, "lint.flake8-tidy-imports.banned-*.** lint.*.check-*"),
    *ranked("lint.flake8-tidy-imports.ban-relative-imports", "parents all", "parents"),
    *each(GROWS, "lint.*.ignore-* lint.*.extend-ignore-* lint.*.allow* lint.*.extend-allow*"),
    *each(GROWS, "lint.*.suppress-* lint.*.extend-immutable-calls lint.*.exempt-*"),
    *each(GROWS, "lint.flake8-annotations.mypy-init-return"),
    *each(FREE, "cache-dir output-format show-fixes fix fix-only unsafe-fixes"),
    *each(FREE, "lint.fixable lint.unfixable lint.extend-fixable lint.extend-*safe-fixes"),
    *each(FREE, "analyze.**"),
)

MYPY = (
    *each(GROWS, "exclude disable_error_code untyped_calls_exclude", covers=LISTED),
    *each(GROWS, "deprecated_calls_exclude", covers=LISTED),
    *each(SHRINKS, "enable_error_code", covers=LISTED),
    *each(FENCE, "files packages modules", covers=FOLDERS),
    *each(SHRINKS, "warn_no_return strict_optional strict_bytes", True),
    *each(SHRINKS, "strict warn_* disallow_* check_untyped_defs strict_equality*"),
    *each(SHRINKS, "strict_concatenate extra_checks"),
    *each(SHRINKS, "disable_bytearray_promotion disable_memoryview_promotion"),
    *each(GROWS, "implicit_reexport", True),
    *each(GROWS, "implicit_optional allow_* ignore_missing_imports ignore_errors"),
    *each(GROWS, "exclude_gitignore report_deprecated_as_note"),
    *ranked("follow_imports", "skip silent normal error", "normal"),
    *each(FREE, "cache_dir incremental sqlite_cache pretty color_output error_summary junit_*"),
    *each(FREE, "show_* hide_* *_report verbosity num_workers"),
)

COVERAGE = (
    *each(GROWS, "run.omit report.omit", covers=FOLDERS),
    *each(
        GROWS, "report.exclude_lines report.partial_branches run.disable_warnings", covers=LISTED
    ),
    *each(GROWS, "report.ignore_errors"),
    *each(NARROWS, "run.include report.include", covers=FOLDERS),
    # Without a source there is no file that was never imported; with one, none outside of it.
    *each(FENCE, "run.source", covers=FOLDERS),
    *each(SHRINKS, "run.branch run.cover_pylib report.include_namespace_packages"),
    # The total is rounded to its precision before it is compared.
    *each(FALLS, "report.fail_under report.precision", 0),
    *each(FREE, "report.format report.show_missing report.skip_covered report.sort"),
    *each(FREE, "run.data_file run.debug* run.context run.dynamic_context run.parallel"),
    *each(FREE, "run.relative_files run.sigterm html.** xml.** json.** lcov.**"),
)

PYRIGHT = (
    *each(GROWS, "exclude ignore", covers=FOLDERS),
    *each(SHRINKS, "strict", covers=FOLDERS),
    *each(FENCE, "include", covers=FOLDERS),
    *ranked("typeCheckingMode", "off basic standard strict all", "standard"),
    *ranked("report*", "none information warning error"),
    *each(SHRINKS, "strictParameterNoneValue analyzeUnannotatedFunctions", True),
    *each(SHRINKS, "disableBytesTypePromotions", True),
    *each(SHRINKS, "strict*Inference deprecateTypingAliases failOnWarnings"),
    *each(GROWS, "enableTypeIgnoreComments", True),
    *each(ANY, "extends executionEnvironments baselineFile"),
    *each(FREE, "verboseOutput"),
)

BASEDPYRIGHT = (
    # By default it is "recommended", which is neither more nor less than "strict".
    *ranked("typeCheckingMode", "off basic standard strict all"),
    *PYRIGHT,
)

PYREFLY = (
    *each(GROWS, "project-excludes", covers=FOLDERS),
    *each(FENCE, "project-includes", covers=FOLDERS),
    *each(GROWS, "replace-imports-with-any ignore-missing-imports enabled-ignores"),
    *each(GROWS, "ignore-errors-in-generated-code permissive-ignores ignore-missing-source"),
    *each(SHRINKS, "check-unannotated-defs", True),
    *ranked("errors.*", "ignore info warn error"),
    *ranked("preset", "off basic legacy default strict"),
    *each(ANY, "sub-config baseline min-severity"),
)

TY = (
    *each(GROWS, "src.exclude", covers=FOLDERS),
    *each(NARROWS, "src.include", covers=FOLDERS),
    *each(GROWS, "analysis.allowed-unresolved-imports analysis.replace-imports-with-any"),
    *each(GROWS, "analysis.respect-type-ignore-comments", True),
    *each(SHRINKS, "analysis.strict-*"),
    *each(SHRINKS, "terminal.error-on-warning", True),
    *ranked("rules.*", "ignore warn error"),
    *each(ANY, "overrides"),
    *each(FREE, "terminal.output-format"),
)

PYTEST = (
    *each(NARROWS, "testpaths", covers=FOLDERS),
    *each(GROWS, "norecursedirs", covers=FOLDERS),
    # Where they are not set, pytest has patterns of its own.
    *each(FENCE, "python_files python_classes python_functions"),
    *each(SHRINKS, "strict strict_* usefixtures required_plugins"),
    *each(SHRINKS, "collect_imported_tests", True),
    *each(SHRINKS, "filterwarnings.error"),
    *each(GROWS, "filterwarnings.*"),
    *each(RISES, "max_warnings", math.inf),
    *each(RISES, "reruns", 0),
    *ranked("empty_parameter_set_mark", "skip xfail fail_at_collect", "skip"),
    *each(ANY, "confcutdir doctest_optionflags only_rerun rerun_except"),
    # The options in addopts, each as a key of its own; see addopts.py.
    *each(GROWS, "addopts.--deselect addopts.--ignore addopts.--ignore-glob", covers=FOLDERS),
    *each(NARROWS, "addopts.-k addopts.-m", covers=LISTED),
    *each(FENCE, "addopts.paths", covers=FOLDERS),
    *each(GROWS, "addopts.-p?no addopts.--no-cov addopts.--noconftest addopts.--no-cov-on-fail"),
    *each(SHRINKS, "addopts.--cov-branch addopts.--runxfail"),
    *each(ANY, "addopts.-p"),  # what a plugin does to the tests, nobody can tell
    *each(FENCE, "addopts.--cov"),
    *each(SHRINKS, "addopts.--doctest-modules addopts.--doctest-glob addopts.--doctest-plus"),
    *each(GROWS, "addopts.--lf addopts.--last-failed addopts.--sw addopts.--stepwise*"),
    *each(GROWS, "addopts.--co addopts.--collect-only addopts.--setup-only addopts.--setup-plan"),
    *each(GROWS, "addopts.--continue-on-collection-errors addopts.--suppress-*"),
    *each(GROWS, "addopts.--doctest-ignore-import-errors addopts.--snapshot-update"),
    *each(FALLS, "addopts.--cov-fail-under", 0),
    *each(RISES, "addopts.--reruns addopts.--force-reruns", 0),
    *each(RISES, "addopts.--max-warnings", math.inf),
    *ranked("addopts.--assert", "plain rewrite", "rewrite"),
    *each(ANY, "addopts.-c addopts.--config-file addopts.-o addopts.--override-ini"),
    *each(ANY, "addopts.--rootdir addopts.--confcutdir addopts.--cov-config addopts.--pyargs"),
    *each(FREE, "addopts.-v addopts.-q addopts.-r addopts.--tb addopts.--durations* addopts.-s"),
    *each(FREE, "addopts.--color addopts.--cov-report addopts.--junit* addopts.--show-capture"),
    *each(FREE, "markers minversion console_output_style cache_dir log_* junit_* verbosity_*"),
    *each(FREE, "truncation_limit_* tmp_path_retention_*"),
)

PRE_COMMIT = (
    *each(SHRINKS, "hooks.*.hook"),
    *each(GROWS, "ci.skip"),
    *each(ANY, "exclude files default_stages hooks.*.exclude hooks.*.files"),
    *each(ANY, "hooks.*.types hooks.*.types_or hooks.*.exclude_types hooks.*.stages"),
    # Whatever else hooks are told matters for the tools that are gates as well.
    *each(ANY, "hooks.ruff*.args hooks.mypy.args hooks.*pyright.args hooks.pyrefly*.args"),
    *each(ANY, "hooks.ty.args hooks.ty-check.args hooks.bandit.args hooks.deptry.args"),
    *each(ANY, "hooks.zizmor*.args hooks.*leaks*.args hooks.detect-secrets.args"),
    *each(FREE, "minimum_pre_commit_version ci.autoupdate_* ci.autofix_* hooks.*.name hooks.*.id"),
)

ROWS: dict[str, tuple[Row, ...]] = {
    "ruff": RUFF,
    "bandit": BANDIT,
    "mypy": MYPY,
    "coverage": COVERAGE,
    "pyright": PYRIGHT,
    "basedpyright": BASEDPYRIGHT,
    "pyrefly": PYREFLY,
    "ty": TY,
    "pytest": PYTEST,
    "pre-commit": PRE_COMMIT,
    "deptry": DEPTRY,
    "zizmor": ZIZMOR,
    "betterleaks": BETTERLEAKS,
}
