"""The settings that are known, and in which direction each of them loosens.

Sources: the pages "Settings" of ruff and "Configuration" of bandit, coverage, pyright, ty and
pyrefly, "The mypy configuration file", "API Reference, Configuration Options" of pytest, and
pre-commit.com.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import msgspec

Path = tuple[str, ...]

GROWS = "grows"  # an entry more loosens, as does a switch that is turned on
SHRINKS = "shrinks"  # an entry less loosens, as does a switch that is turned off
NARROWS = "narrows"  # as SHRINKS, and without any entry all is taken
FENCE = "fence"  # as SHRINKS, and what holds without any entry is not known
FALLS = "falls"  # a smaller number loosens
RISES = "rises"  # a greater number loosens
RANK = "rank"  # a word that stands earlier in the row's list loosens
ANY = "any"  # any change: nobody can tell
FREE = "free"  # shows, stores or speeds up something, and changes no result

EXACT, LISTED, CODES, FOLDERS = "exact", "listed", "codes", "folders"


class Row(msgspec.Struct, frozen=True):
    """One setting. ``key`` is its path below the tool's table; its parts may be patterns, and
    ``**`` at its end stands for all below. ``default`` is what holds where it is not set; None for
    a number or a word means that it is not known. ``covers`` is how one entry takes in others:
    EXACT and LISTED take in themselves alone, and what is EXACT may be a switch."""

    key: str
    way: str
    default: Any = None
    covers: str = EXACT
    words: tuple[str, ...] = ()


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


def _each(way: str, keys: str, default: Any = None, covers: str = EXACT) -> tuple[Row, ...]:
    return tuple(Row(key, way, default, covers) for key in keys.split())


def _ranked(keys: str, words: str, default: str | None = None) -> tuple[Row, ...]:
    return tuple(Row(key, RANK, default, EXACT, tuple(words.split())) for key in keys.split())


RUFF = (
    *_each(GROWS, "exclude lint.exclude format.exclude", covers=FOLDERS),
    *_each(GROWS, "lint.ignore lint.per-file-ignores.*", covers=CODES),
    # Without `select` there are ruff's own rules; see shape.py for the entry that stands for them.
    *_each(SHRINKS, "lint.select", covers=CODES),
    *_each(NARROWS, "include", covers=FOLDERS),
    *_each(SHRINKS, "extend-include preview lint.preview lint.logger-objects"),
    # The gate `format` asks only where there is such a table.
    *_each(SHRINKS, "format"),
    *_each(GROWS, "force-exclude builtins lint.explicit-preview-rules lint.allowed-confusables"),
    *_each(ANY, "extend lint.dummy-variable-rgx lint.pydocstyle.convention"),
    *_each(RISES, "line-length", 88),
    *_each(RISES, "lint.mccabe.max-complexity", 10),
    *_each(RISES, "lint.pylint.max-branches", 12),
    *_each(RISES, "lint.pylint.max-returns", 6),
    *_each(RISES, "lint.pylint.max-locals", 15),
    *_each(RISES, "lint.pylint.max-statements", 50),
    *_each(RISES, "lint.pylint.max-public-methods", 20),
    *_each(RISES, "lint.pylint.max-*", 5),
    *_each(RISES, "lint.pycodestyle.max-*"),
    *_each(SHRINKS, "lint.flake8-tidy-imports.banned-*.** lint.*.check-*"),
    *_ranked("lint.flake8-tidy-imports.ban-relative-imports", "parents all", "parents"),
    *_each(GROWS, "lint.*.ignore-* lint.*.extend-ignore-* lint.*.allow* lint.*.extend-allow*"),
    *_each(GROWS, "lint.*.suppress-* lint.*.extend-immutable-calls lint.*.exempt-*"),
    *_each(GROWS, "lint.flake8-annotations.mypy-init-return"),
    *_each(FREE, "cache-dir output-format show-fixes fix fix-only unsafe-fixes"),
    *_each(FREE, "lint.fixable lint.unfixable lint.extend-fixable lint.extend-*safe-fixes"),
    *_each(FREE, "analyze.**"),
)

BANDIT = (
    *_each(GROWS, "skips *.skips", covers=LISTED),
    *_each(GROWS, "exclude_dirs exclude", covers=FOLDERS),
    *_each(NARROWS, "tests", covers=LISTED),
    *_each(FENCE, "targets include", covers=FOLDERS),
    *_each(RISES, "level confidence", 1),  # the least that is told of
    *_each(ANY, "profile profiles.** configfile recursive"),
    *_each(FREE, "format msg-template output number aggregate"),
)

MYPY = (
    *_each(GROWS, "exclude disable_error_code untyped_calls_exclude", covers=LISTED),
    *_each(GROWS, "deprecated_calls_exclude", covers=LISTED),
    *_each(SHRINKS, "enable_error_code", covers=LISTED),
    *_each(FENCE, "files packages modules", covers=FOLDERS),
    *_each(SHRINKS, "warn_no_return strict_optional strict_bytes", True),
    *_each(SHRINKS, "strict warn_* disallow_* check_untyped_defs strict_equality*"),
    *_each(SHRINKS, "strict_concatenate extra_checks"),
    *_each(SHRINKS, "disable_bytearray_promotion disable_memoryview_promotion"),
    *_each(GROWS, "implicit_reexport", True),
    *_each(GROWS, "implicit_optional allow_* ignore_missing_imports ignore_errors"),
    *_each(GROWS, "exclude_gitignore report_deprecated_as_note"),
    *_ranked("follow_imports", "skip silent normal error", "normal"),
    *_each(FREE, "cache_dir incremental sqlite_cache pretty color_output error_summary junit_*"),
    *_each(FREE, "show_* hide_* *_report verbosity num_workers"),
)

COVERAGE = (
    *_each(GROWS, "run.omit report.omit", covers=FOLDERS),
    *_each(
        GROWS, "report.exclude_lines report.partial_branches run.disable_warnings", covers=LISTED
    ),
    *_each(GROWS, "report.ignore_errors"),
    *_each(NARROWS, "run.include report.include", covers=FOLDERS),
    # Without a source there is no file that was never imported; with one, none outside of it.
    *_each(FENCE, "run.source", covers=FOLDERS),
    *_each(SHRINKS, "run.branch run.cover_pylib report.include_namespace_packages"),
    # The total is rounded to its precision before it is compared.
    *_each(FALLS, "report.fail_under report.precision", 0),
    *_each(FREE, "report.format report.show_missing report.skip_covered report.sort"),
    *_each(FREE, "run.data_file run.debug* run.context run.dynamic_context run.parallel"),
    *_each(FREE, "run.relative_files run.sigterm html.** xml.** json.** lcov.**"),
)

PYRIGHT = (
    *_each(GROWS, "exclude ignore", covers=FOLDERS),
    *_each(SHRINKS, "strict", covers=FOLDERS),
    *_each(FENCE, "include", covers=FOLDERS),
    *_ranked("typeCheckingMode", "off basic standard strict all", "standard"),
    *_ranked("report*", "none information warning error"),
    *_each(SHRINKS, "strictParameterNoneValue analyzeUnannotatedFunctions", True),
    *_each(SHRINKS, "disableBytesTypePromotions", True),
    *_each(SHRINKS, "strict*Inference deprecateTypingAliases failOnWarnings"),
    *_each(GROWS, "enableTypeIgnoreComments", True),
    *_each(ANY, "extends executionEnvironments baselineFile"),
    *_each(FREE, "verboseOutput"),
)

BASEDPYRIGHT = (
    # By default it is "recommended", which is neither more nor less than "strict".
    *_ranked("typeCheckingMode", "off basic standard strict all"),
    *PYRIGHT,
)

PYREFLY = (
    *_each(GROWS, "project-excludes", covers=FOLDERS),
    *_each(FENCE, "project-includes", covers=FOLDERS),
    *_each(GROWS, "replace-imports-with-any ignore-missing-imports enabled-ignores"),
    *_each(GROWS, "ignore-errors-in-generated-code permissive-ignores ignore-missing-source"),
    *_each(SHRINKS, "check-unannotated-defs", True),
    *_ranked("errors.*", "ignore info warn error"),
    *_ranked("preset", "off basic legacy default strict"),
    *_each(ANY, "sub-config baseline min-severity"),
)

TY = (
    *_each(GROWS, "src.exclude", covers=FOLDERS),
    *_each(NARROWS, "src.include", covers=FOLDERS),
    *_each(GROWS, "analysis.allowed-unresolved-imports analysis.replace-imports-with-any"),
    *_each(GROWS, "analysis.respect-type-ignore-comments", True),
    *_each(SHRINKS, "analysis.strict-*"),
    *_each(SHRINKS, "terminal.error-on-warning", True),
    *_ranked("rules.*", "ignore warn error"),
    *_each(ANY, "overrides"),
    *_each(FREE, "terminal.output-format"),
)

PYTEST = (
    *_each(NARROWS, "testpaths", covers=FOLDERS),
    *_each(GROWS, "norecursedirs", covers=FOLDERS),
    # Where they are not set, pytest has patterns of its own.
    *_each(FENCE, "python_files python_classes python_functions"),
    *_each(SHRINKS, "strict strict_* usefixtures required_plugins"),
    *_each(SHRINKS, "collect_imported_tests", True),
    *_each(SHRINKS, "filterwarnings.error"),
    *_each(GROWS, "filterwarnings.*"),
    *_each(RISES, "max_warnings", math.inf),
    *_each(RISES, "reruns", 0),
    *_ranked("empty_parameter_set_mark", "skip xfail fail_at_collect", "skip"),
    *_each(ANY, "confcutdir doctest_optionflags only_rerun rerun_except"),
    # The options in addopts, each as a key of its own; see addopts.py.
    *_each(GROWS, "addopts.--deselect addopts.--ignore addopts.--ignore-glob", covers=FOLDERS),
    *_each(NARROWS, "addopts.-k addopts.-m", covers=LISTED),
    *_each(FENCE, "addopts.paths", covers=FOLDERS),
    *_each(GROWS, "addopts.-p?no addopts.--no-cov addopts.--noconftest addopts.--no-cov-on-fail"),
    *_each(SHRINKS, "addopts.--cov-branch addopts.--runxfail"),
    *_each(ANY, "addopts.-p"),  # what a plugin does to the tests, nobody can tell
    *_each(FENCE, "addopts.--cov"),
    *_each(SHRINKS, "addopts.--doctest-modules addopts.--doctest-glob addopts.--doctest-plus"),
    *_each(GROWS, "addopts.--lf addopts.--last-failed addopts.--sw addopts.--stepwise*"),
    *_each(GROWS, "addopts.--co addopts.--collect-only addopts.--setup-only addopts.--setup-plan"),
    *_each(GROWS, "addopts.--continue-on-collection-errors addopts.--suppress-*"),
    *_each(GROWS, "addopts.--doctest-ignore-import-errors addopts.--snapshot-update"),
    *_each(FALLS, "addopts.--cov-fail-under", 0),
    *_each(RISES, "addopts.--reruns addopts.--force-reruns", 0),
    *_each(RISES, "addopts.--max-warnings", math.inf),
    *_ranked("addopts.--assert", "plain rewrite", "rewrite"),
    *_each(ANY, "addopts.-c addopts.--config-file addopts.-o addopts.--override-ini"),
    *_each(ANY, "addopts.--rootdir addopts.--confcutdir addopts.--cov-config addopts.--pyargs"),
    *_each(FREE, "addopts.-v addopts.-q addopts.-r addopts.--tb addopts.--durations* addopts.-s"),
    *_each(FREE, "addopts.--color addopts.--cov-report addopts.--junit* addopts.--show-capture"),
    *_each(FREE, "markers minversion console_output_style cache_dir log_* junit_* verbosity_*"),
    *_each(FREE, "truncation_limit_* tmp_path_retention_*"),
)

PRE_COMMIT = (
    *_each(SHRINKS, "hooks.*.hook"),
    *_each(GROWS, "ci.skip"),
    *_each(ANY, "exclude files default_stages hooks.*.exclude hooks.*.files"),
    *_each(ANY, "hooks.*.types hooks.*.types_or hooks.*.exclude_types hooks.*.stages"),
    # Whatever else hooks are told matters for the tools that are gates as well.
    *_each(ANY, "hooks.ruff*.args hooks.mypy.args hooks.*pyright.args hooks.pyrefly*.args"),
    *_each(ANY, "hooks.ty.args hooks.ty-check.args hooks.bandit.args"),
    *_each(FREE, "minimum_pre_commit_version ci.autoupdate_* ci.autofix_* hooks.*.name hooks.*.id"),
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
}
