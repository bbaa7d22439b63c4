"""What loosens in the settings of tools."""

from __future__ import annotations

import json
import random
import textwrap
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.loosening import SETTINGS_FILES, tool_settings
from tests.unit.samples import same_every_time

TABLES = {
    "ruff": "tool.ruff",
    "lint": "tool.ruff.lint",
    "mypy": "tool.mypy",
    "pytest": "tool.pytest.ini_options",
    "run": "tool.coverage.run",
    "report": "tool.coverage.report",
    "bandit": "tool.bandit",
    "pyright": "tool.pyright",
    "basedpyright": "tool.basedpyright",
    "pyrefly": "tool.pyrefly",
    "ty": "tool.ty",
    "deptry": "tool.deptry",
}


def compare(before: dict[str, str], after: dict[str, str]) -> list[Finding]:
    both = ({k: textwrap.dedent(v).encode() for k, v in side.items()} for side in (before, after))
    return list(tool_settings(*both))


def failing(findings: Iterable[Finding]) -> list[str]:
    return [f.message for f in findings if f.severity != Severity.INFO]


def pyproject(table: str, text: str) -> dict[str, str]:
    return {"pyproject.toml": f"[{TABLES[table]}]\n{textwrap.dedent(text)}"}


# each case loosens one setting; the same turned round loosens nothing

CASES = [
    ("ruff", "", 'exclude = ["a"]', "ruff exclude"),
    ("ruff", "", 'extend-exclude = ["a"]', "ruff exclude"),
    ("ruff", 'exclude = ["a"]', 'exclude = ["a", "b"]', "ruff exclude"),
    ("ruff", 'exclude = ["a/b"]', 'exclude = ["a"]', "ruff exclude"),
    ("ruff", "line-length = 88", "line-length = 120", "ruff line-length"),
    ("ruff", "", "line-length = 100", "ruff line-length"),
    ("ruff", "", 'include = ["a.py"]', "ruff include"),
    ("ruff", "", "force-exclude = true", "ruff force-exclude"),
    ("ruff", "preview = true", "preview = false", "ruff preview"),
    ("ruff", "[tool.ruff.format]", "", "ruff format"),
    ("ruff", "format = {}", 'format = { exclude = ["a"] }', "ruff format.exclude"),
    ("ruff", "", 'ignore = ["E501"]', "ruff lint.ignore"),
    ("lint", "", 'ignore = ["E501"]', "ruff lint.ignore"),
    ("lint", 'ignore = ["E501"]', 'ignore = ["E"]', "ruff lint.ignore"),
    ("lint", "", 'extend-ignore = ["E501"]', "ruff lint.ignore"),
    ("lint", 'select = ["E", "F"]', 'select = ["E"]', "ruff lint.select"),
    ("lint", 'select = ["ALL"]', 'select = ["E", "F"]', "ruff lint.select"),
    ("lint", 'select = ["E"]', 'select = ["E501"]', "ruff lint.select"),
    ("lint", 'select = ["S", "SIM"]', 'select = ["S"]', "ruff lint.select"),
    ("lint", 'select = ["PL"]', 'select = ["PLE", "PLW"]', "ruff lint.select"),
    ("lint", 'extend-select = ["B"]', "", "ruff lint.select"),
    ("lint", "", '[tool.ruff.lint.per-file-ignores]\n"a.py" = ["E"]', "per-file-ignores.a.py"),
    ("lint", "", 'extend-per-file-ignores = { "a.py" = ["E"] }', "per-file-ignores.a.py"),
    ("lint", "", 'exclude = ["a"]', "ruff lint.exclude"),
    ("lint", "mccabe.max-complexity = 5", "mccabe.max-complexity = 9", "max-complexity"),
    ("lint", "mccabe.max-complexity = 5", "", "max-complexity"),
    ("lint", "", "pylint.max-args = 9", "ruff lint.pylint.max-args"),
    ("lint", "", "pylint.max-branches = 13", "ruff lint.pylint.max-branches"),
    ("lint", "", 'pep8-naming.ignore-names = ["x"]', "ignore-names"),
    ("lint", "", "flake8-annotations.allow-star-arg-any = true", "allow-star-arg-any"),
    ("bandit", "", 'skips = ["B101"]', "bandit skips"),
    ("bandit", "", 'exclude_dirs = ["src"]', "bandit exclude_dirs"),
    ("bandit", "", 'tests = ["B101"]', "bandit tests"),
    ("bandit", 'tests = ["B101", "B102"]', 'tests = ["B101"]', "bandit tests"),
    ("bandit", "", 'assert_used = { skips = ["*.py"] }', "bandit assert_used.skips"),
    ("mypy", "strict = true", "strict = false", "mypy strict"),
    ("mypy", "strict = true", "", "mypy strict"),
    ("mypy", "strict = true", "strict = true\nwarn_return_any = false", "warn_return_any"),
    ("mypy", "warn_unused_ignores = true", "", "warn_unused_ignores"),
    ("mypy", "disallow_untyped_defs = true", "", "disallow_untyped_defs"),
    ("mypy", "check_untyped_defs = true", "check_untyped_defs = false", "check_untyped_defs"),
    ("mypy", "", "warn_no_return = false", "warn_no_return"),
    ("mypy", "", "strict_optional = false", "strict_optional"),
    ("mypy", "", "no_strict_optional = true", "strict_optional"),
    ("mypy", "disallow_any_expr = true", "allow_any_expr = true", "disallow_any_expr"),
    ("mypy", "no_implicit_reexport = true", "", "implicit_reexport"),
    ("mypy", "", "ignore_missing_imports = true", "ignore_missing_imports"),
    ("mypy", "", 'exclude = ["no"]', "mypy exclude"),
    ("mypy", "", 'exclude = "no"', "mypy exclude"),
    ("mypy", "", 'disable_error_code = ["misc"]', "disable_error_code"),
    ("mypy", 'enable_error_code = ["misc"]', "", "enable_error_code"),
    ("mypy", 'files = ["a", "b"]', 'files = ["a"]', "mypy files"),
    ("mypy", 'packages = ["a", "b"]', 'packages = ["a"]', "mypy packages"),
    ("mypy", "", 'follow_imports = "skip"', "follow_imports"),
    ("mypy", 'follow_imports = "silent"', 'follow_imports = "skip"', "follow_imports"),
    ("mypy", "", 'overrides = [{ module = "a.*", ignore_errors = true }]', "a.*.ignore_errors"),
    (
        "mypy",
        "disallow_untyped_defs = true",
        "disallow_untyped_defs = true\noverrides = [{ module = 'a', allow_untyped_defs = true }]",
        "overrides.a.disallow_untyped_defs",
    ),
    ("run", "", 'omit = ["a"]', "coverage run.omit"),
    ("run", "branch = true", "", "coverage run.branch"),
    ("run", 'source = ["a", "b"]', 'source = ["a"]', "coverage run.source"),
    ("run", 'source_pkgs = ["a"]\nsource = ["b"]', 'source = ["b"]', "coverage run.source"),
    ("run", "", 'include = ["a"]', "coverage run.include"),
    ("report", "fail_under = 90", "fail_under = 89.9", "fail_under"),
    ("report", "fail_under = 90", "", "fail_under"),
    ("report", "precision = 2", "", "coverage report.precision"),
    ("report", "", 'omit = ["a"]', "coverage report.omit"),
    ("report", "", 'exclude_lines = ["x"]', "coverage report.exclude_lines"),
    ("report", 'exclude_also = ["x"]', 'exclude_also = ["x", "y"]', "report.exclude"),
    ("report", "", 'partial_branches = ["x"]', "coverage report.partial_branches"),
    ("report", "", "ignore_errors = true", "coverage report.ignore_errors"),
    ("pyright", 'exclude = ["a"]', 'exclude = ["a", "b"]', "pyright exclude"),
    ("pyright", "", 'ignore = ["a"]', "pyright ignore"),
    ("pyright", 'typeCheckingMode = "strict"', 'typeCheckingMode = "basic"', "Mode"),
    ("pyright", 'typeCheckingMode = "strict"', "", "typeCheckingMode"),
    ("pyright", "", 'reportMissingImports = "none"', "reportMissingImports"),
    ("pyright", "", "reportMissingImports = false", "reportMissingImports"),
    ("pyright", "reportCallIssue = true", 'reportCallIssue = "warning"', "reportCallIssue"),
    ("pyright", 'strict = ["src"]', 'strict = ["src/a"]', "pyright strict"),
    ("pyright", "", "analyzeUnannotatedFunctions = false", "analyzeUnannotated"),
    ("pyright", "enableTypeIgnoreComments = false", "", "enableTypeIgnoreComments"),
    ("pyrefly", "", 'project-excludes = ["a"]', "project-excludes"),
    ("pyrefly", "", 'errors = { bad-index = "ignore" }', "errors.bad-index"),
    ("pyrefly", "", "ignore_missing_imports = ['a']", "ignore-missing-imports"),
    ("ty", "", 'rules = { invalid-cast = "ignore" }', "rules.invalid-cast"),
    ("ty", "", 'src = { exclude = ["a"] }', "ty src.exclude"),
    ("ty", "", "terminal = { error-on-warning = false }", "error-on-warning"),
    ("pytest", "", 'addopts = "--deselect a.py::test"', "--deselect"),
    ("pytest", 'addopts = "-q"', 'addopts = "-q --ignore=tests/a"', "--ignore"),
    ("pytest", "", "addopts = \"-m 'not slow'\"", "addopts.-m"),
    ("pytest", "", 'addopts = ["-k", "not a"]', "addopts.-k"),
    ("pytest", "", 'addopts = "-kfast"', "addopts.-k"),
    ("pytest", "", 'addopts = "-p no:gates"', "addopts.-p no"),
    ("pytest", 'addopts = "--cov=a --cov=b"', 'addopts = "--cov=a"', "addopts.--cov"),
    ("pytest", 'addopts = "--cov-fail-under 9"', 'addopts = "--cov-fail-under=8"', "under"),
    ("pytest", "", 'addopts = "--reruns 3"', "addopts.--reruns"),
    ("pytest", "", 'addopts = "--lf"', "addopts.--lf"),
    ("pytest", 'addopts = "--strict-markers"', "", "strict_markers"),
    ("pytest", "xfail_strict = true", "xfail_strict = false", "strict_xfail"),
    ("pytest", "strict = true", "", "pytest strict"),
    ("pytest", "", 'norecursedirs = ["a"]', "norecursedirs"),
    ("pytest", 'testpaths = ["a", "b"]', 'testpaths = ["a"]', "testpaths"),
    ("pytest", "", 'testpaths = ["a"]', "testpaths"),
    ("pytest", 'filterwarnings = ["error"]', "", "filterwarnings.error"),
    ("pytest", 'addopts = "-W error"', "", "filterwarnings.error"),
    ("pytest", "", 'filterwarnings = ["ignore::Warning"]', "filterwarnings.ignore"),
    ("pytest", "collect_imported_tests = true", "collect_imported_tests = false", "collect_"),
    ("pytest", "max_warnings = 0", "max_warnings = 5", "max_warnings"),
    ("deptry", "", 'ignore = ["DEP003"]', "deptry ignore"),
    ("deptry", "", 'per_rule_ignores = { DEP002 = ["a"] }', "deptry per_rule_ignores.DEP002"),
    ("deptry", 'per_rule_ignores.DEP002 = "a"', 'per_rule_ignores.DEP002 = "a,b"', "DEP002"),
    ("deptry", "", 'extend_exclude = ["src/a"]', "deptry exclude"),
    ("deptry", 'exclude = ["a"]', 'exclude = ["a", "b"]', "deptry exclude"),
    ("deptry", 'exclude = ["tests"]', "", "deptry exclude"),
    ("deptry", "", 'known_first_party = ["a"]', "deptry known_first_party"),
    ("deptry", "", 'package_module_name_map = { a = ["b"] }', "package_module_name_map.a"),
    ("deptry", "", "ignore_notebooks = true", "deptry ignore_notebooks"),
]


@pytest.mark.parametrize(("table", "before", "after", "name"), CASES)
def test_a_setting_that_loosens_is_one_finding(
    table: str, before: str, after: str, name: str
) -> None:
    (finding,) = compare(pyproject(table, before), pyproject(table, after))
    assert name in finding.message.partition(":")[0]
    assert " at the base, " in finding.message
    assert finding.rule == "setting-loosened"
    assert finding.severity == Severity.HIGH
    assert finding.path == "pyproject.toml"


@pytest.mark.parametrize(("table", "before", "after", "name"), CASES)
def test_what_tightens_is_no_finding(table: str, before: str, after: str, name: str) -> None:
    assert compare(pyproject(table, after), pyproject(table, before)) == []


# neither direction can be told to be the weaker one

BOTH_WAYS = [
    ("ruff", 'extend = "a.toml"', "", "ruff extend"),
    ("lint", "", 'select = ["E", "F"]', "ruff lint.select"),
    ("lint", 'select = ["E"]', 'select = ["F"]', "ruff lint.select"),
    ("lint", "", 'dummy-variable-rgx = ".*"', "dummy-variable-rgx"),
    ("lint", "", "pycodestyle.max-doc-length = 100", "max-doc-length"),
    ("report", "fail_under = 9", 'fail_under = "x"', "fail_under"),
    ("run", "", 'source = ["a"]', "coverage run.source"),
    ("mypy", "", 'files = ["a"]', "mypy files"),
    ("pytest", "", 'python_files = ["a.py"]', "python_files"),
    ("pytest", "", 'addopts = "tests/unit"', "addopts.paths"),
    ("pytest", 'addopts = "--new-option a"', 'addopts = "--new-option b"', "addopts.paths"),
    ("pytest", "", 'addopts = "-o xfail_strict=false"', "addopts.-o"),
    ("pytest", "", 'addopts = "-c other.ini"', "addopts.-c"),
    ("pyright", "", 'typeCheckingMode = "recommended"', "typeCheckingMode"),
    ("basedpyright", "", 'typeCheckingMode = "strict"', "typeCheckingMode"),
    ("deptry", "", 'optional_dependencies_dev_groups = ["a"]', "dev_groups"),
    ("deptry", "", 'requirements_files = ["a.txt"]', "deptry requirements_files"),
    ("ty", "overrides = []", 'overrides = [{ include = ["a"] }]', "ty overrides"),
    ("ty", "", 'src = { exclude = ["a", "!a/b"] }', "src.exclude"),
    (
        "ty",
        'analysis = { allowed-unresolved-imports = ["a", "!a.b"] }',
        'analysis = { allowed-unresolved-imports = ["!a.b", "a"] }',
        "allowed-unresolved-imports",
    ),
]


@pytest.mark.parametrize(("table", "before", "after", "name"), BOTH_WAYS)
def test_what_cannot_be_told_counts_as_loosening(
    table: str, before: str, after: str, name: str
) -> None:
    for base, here in ((before, after), (after, before)):
        (finding,) = compare(pyproject(table, base), pyproject(table, here))
        assert finding.rule == "setting-loosened"
        assert name in finding.message


SAME = [
    ("ruff", 'select = ["E"]', 'lint = { select = ["E"] }'),
    ("lint", 'select = ["E", "B"]', 'select = ["E"]\nextend-select = ["B"]'),
    ("lint", 'select = ["E", "E501"]', 'select = ["E"]'),
    ("lint", 'fixable = ["E"]', ""),
    ("ruff", 'output-format = "json"', ""),
    ("mypy", "strict = true\nwarn_return_any = true", "strict = true"),
    ("mypy", "warn_return_any = true", "strict = true"),
    ("mypy", 'files = "a, b"', 'files = ["a", "b"]'),
    ("mypy", "pretty = true", ""),
    ("pytest", 'addopts = "--strict-markers"', "strict_markers = true"),
    ("pytest", 'addopts = "-ra -q"', ""),
    ("pytest", 'addopts = "-vv --tb=short"', 'addopts = "-v"'),
    ("pytest", 'testpaths = "a b"', 'testpaths = ["b", "a"]'),
    ("pytest", "xfail_strict = true", "strict_xfail = true"),
    ("pytest", "strict_markers = true", "strict = true"),
    ("pytest", 'markers = ["a"]', ""),
    ("report", "fail_under = 90", "fail_under = 90.0"),
    ("report", "show_missing = true", ""),
    ("report", 'exclude_also = ["x"]', 'exclude_lines = ["x"]'),
    ("run", 'source_pkgs = ["a"]', 'source = ["a"]'),
    ("deptry", 'exclude = ["a", "b"]', 'exclude = ["a"]\nextend_exclude = ["b"]'),
    ("deptry", "no_ansi = true", ""),
]


@pytest.mark.parametrize(("table", "before", "after"), SAME)
def test_the_same_in_other_words_is_no_finding(table: str, before: str, after: str) -> None:
    assert compare(pyproject(table, before), pyproject(table, after)) == []


@pytest.mark.parametrize(
    ("table", "before", "after"),
    [
        ("lint", "", "isort.force-single-line = true"),
        ("ruff", 'target-version = "py310"', ""),
        ("pytest", "", 'asyncio_mode = "auto"'),
        ("pytest", "", 'addopts = "--unheard-of"'),
        ("mypy", "", 'plugins = ["a"]'),
        ("run", "", 'concurrency = ["thread"]'),
    ],
)
def test_a_setting_that_is_not_known_is_told_and_no_more(
    table: str, before: str, after: str
) -> None:
    for base, here in ((before, after), (after, before)):
        (finding,) = compare(pyproject(table, base), pyproject(table, here))
        assert (finding.rule, finding.severity) == ("setting-changed", Severity.INFO)


# files of other formats

FILES = [
    ("setup.cfg", "[mypy]\nwarn_return_any = yes", "[mypy]\n", "warn_return_any"),
    ("mypy.ini", "[mypy]", "[mypy]\nexclude = no", "mypy exclude"),
    ("mypy.ini", "[mypy]", "[mypy]\n[mypy-a,b.*]\nignore_errors = True", "ignore_errors"),
    (".coveragerc", "[run]\nbranch = 1", "[run]\nbranch = 0", "run.branch"),
    (".coveragerc", "[report]\nfail_under = 9", "[report]\nfail_under = 8", "fail_under"),
    (".coveragerc", "[run]\nomit =\n  a", "[run]\nomit =\n  a\n  b", "run.omit"),
    (".coveragerc", "", "[coverage:run]\nomit = a", "run.omit"),
    (".coveragerc.toml", "", "[run]\nomit = ['a']", "run.omit"),
    (".coveragerc.toml", "", "[tool.coverage.run]\nomit = ['a']", "run.omit"),
    ("tox.ini", "[coverage:run]\nbranch = on", "[coverage:run]\n", "run.branch"),
    ("tox.ini", "[pytest]\n", "[pytest]\naddopts = -k no", "addopts.-k"),
    ("setup.cfg", "[tool:pytest]\n", "[tool:pytest]\ntestpaths = a", "testpaths"),
    ("pytest.ini", "[pytest]\nxfail_strict = True", "[pytest]\n", "strict_xfail"),
    ("pytest.ini", "", "[pytest]\nfilterwarnings =\n  ignore\n", "filterwarnings"),
    ("pytest.toml", "[pytest]\nstrict = true", "[pytest]\n", "pytest strict"),
    (".bandit", "[bandit]\n", "[bandit]\nskips = B101,B102", "bandit skips"),
    (".bandit", "[bandit]\nlevel = 1", "[bandit]\nlevel = 3", "bandit level"),
    ("bandit.yaml", "skips: []", "skips: [B101]", "bandit skips"),
    ("ruff.toml", "", "[lint]\nignore = ['E']", "lint.ignore"),
    (".ruff.toml", "line-length = 80", "line-length = 90", "line-length"),
    ("src/ruff.toml", "", "exclude = ['a']", "ruff exclude"),
    ("tests/.coveragerc", "[run]\nbranch = true", "", "run.branch"),
    ("pyrefly.toml", "", "project-excludes = ['a']", "project-excludes"),
    ("ty.toml", "", "[rules]\nall = 'ignore'", "rules.all"),
    (
        "pyrightconfig.json",
        '{"strict": ["a"], // told\n /* "x" */ "url": "http://x", }',
        '{"url": "http://x"}',
        "pyright strict",
    ),
    (
        ".pre-commit-config.yaml",
        "repos: [{repo: r, hooks: [{id: a}, {id: b, args: [x]}]}]",
        "repos: [{repo: r, hooks: [{id: a}]}]",
        "hooks.b.hook",
    ),
    (".pre-commit-config.yaml", "ci: {skip: []}", "ci: {skip: [a]}", "ci.skip"),
    ("zizmor.yml", "rules: {}", "rules: {x: {disable: true}}", "zizmor rules.x.disable"),
    (".github/zizmor.yaml", "", "rules: {x: {ignore: [a.yml:8]}}", "rules.x.ignore.a.yml"),
    (
        ".github/zizmor.yml",
        "rules: {x: {ignore: [a.yml:8]}}",
        "rules: {x: {ignore: [a.yml:9, a.yml:2:3]}}",
        "rules.x.ignore.a.yml",
    ),
    (
        "zizmor.yml",
        "rules: {x: {ignore: [a.yml:8, a.yml:9]}}",
        "rules: {x: {ignore: [a.yml]}}",
        "rules.x.ignore.a.yml",
    ),
    (
        "zizmor.yml",
        "",
        "rules: {unpinned-uses: {config: {policies: {'actions/*': ref-pin}}}}",
        "policies.actions/*",
    ),
    (
        "zizmor.yml",
        "rules: {dependabot-cooldown: {config: {days: 9}}}",
        "rules: {dependabot-cooldown: {config: {days: 3}}}",
        "dependabot-cooldown.config.days",
    ),
    (".betterleaksignore", "# why", f"# why\n{'0a' * 32}", "betterleaks ignored"),
]


@pytest.mark.parametrize(("name", "before", "after", "key"), FILES)
def test_every_file_is_read_in_its_own_way(name: str, before: str, after: str, key: str) -> None:
    found = compare({name: before}, {name: after})
    assert all(f.rule == "setting-loosened" and f.path == name for f in found)
    assert key in found[0].message
    assert failing(compare({name: after}, {name: before})) == []


def test_a_hook_that_is_kept_from_files_is_told() -> None:
    name, hook = ".pre-commit-config.yaml", "repos: [{repo: r, hooks: [{id: a%s}]}]"
    (found,) = compare({name: hook % ""}, {name: hook % ", exclude: ^src"})
    assert (found.rule, found.severity) == ("setting-loosened", Severity.HIGH)


def test_a_workflow_whose_lines_move_stays_as_much_ignored() -> None:
    was, now = (f"rules: {{x: {{ignore: [a.yml:{line}, b.yml:1]}}}}" for line in (8, 11))
    assert compare({"zizmor.yml": was}, {"zizmor.yml": now}) == []


def test_what_zizmor_is_told_of_a_rule_cannot_be_weighed() -> None:
    text = "rules: {forbidden-uses: {config: {deny: [a/b]}}}"
    for base, here in (({}, {"zizmor.yml": text}), ({"zizmor.yml": text}, {"zizmor.yml": ""})):
        (found,) = compare(base, here)
        assert (found.rule, found.severity) == ("setting-loosened", Severity.HIGH)


def test_the_settings_of_zizmor_in_githubs_folder_win() -> None:
    root, hidden = {"zizmor.yml": "rules: {}"}, {".github/zizmor.yml": "rules: {}"}
    (found,) = compare(root, {**root, **hidden})
    assert (found.rule, found.path) == ("settings-shadowed", ".github/zizmor.yml")
    assert compare(root, hidden) == []
    assert compare({}, hidden) == []


def test_no_digest_of_a_secret_is_told() -> None:
    digest = "5e884898" + "0" * 56
    (found,) = compare({}, {".betterleaksignore": f"{digest}\n"})
    assert found.message.endswith("(new: 5e884898…)")


def test_a_finding_names_the_numbers_and_the_line() -> None:
    before = pyproject("lint", 'preview = true\nignore = ["E501"]')
    after = pyproject("lint", 'preview = true\n\nignore = ["E501", "F401"]')
    (found,) = compare(before, after)
    assert found.message == "ruff lint.ignore: 1 entry at the base, 2 entries here (new: F401)"
    assert found.line == 4


# which file wins

LINT = "[tool.ruff.lint]\nselect = ['E']\n"


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ({"pyproject.toml": LINT}, {"ruff.toml": "lint.select = ['E']"}, "ruff.toml"),
        ({"ruff.toml": "lint.select = ['E']"}, {".ruff.toml": "lint.select = ['E']"}, ".ruff.toml"),
        ({"pyproject.toml": "[tool.mypy]"}, {"mypy.ini": ""}, "mypy.ini"),
        ({"pyproject.toml": "[tool.coverage.run]"}, {".coveragerc": ""}, ".coveragerc"),
        ({"setup.cfg": "[tool:pytest]"}, {"pytest.ini": ""}, "pytest.ini"),
        ({"pytest.ini": ""}, {"pytest.toml": ""}, "pytest.toml"),
        ({"pyproject.toml": "[tool.pyright]"}, {"pyrightconfig.json": "{}"}, "pyrightconfig.json"),
        ({}, {"src/ruff.toml": "lint.ignore = ['E']"}, "src/ruff.toml"),
        ({"pyproject.toml": LINT}, {"src/pyproject.toml": LINT}, "src/pyproject.toml"),
        ({}, {"tests/pytest.ini": ""}, "tests/pytest.ini"),
    ],
)
def test_settings_that_shadow_others_are_told(
    before: dict[str, str], after: dict[str, str], path: str
) -> None:
    (found,) = compare(before, {**before, **after})
    assert (found.rule, found.severity, found.path) == ("settings-shadowed", Severity.HIGH, path)
    assert failing(compare({**before, **after}, before)) == []


def test_settings_may_move_to_another_file() -> None:
    before = {"pyproject.toml": "[tool.ruff.lint]\nselect = ['E']\n[tool.mypy]\nstrict = true\n"}
    after = {"ruff.toml": "lint.select = ['E']", "setup.cfg": "[mypy]\nstrict = True"}
    assert compare(before, after) == []


def test_what_moves_and_loosens_is_told() -> None:
    (found,) = compare({"pyproject.toml": LINT}, {"ruff.toml": "lint.select = ['F']"})
    assert (found.rule, found.path) == ("setting-loosened", "ruff.toml")


def test_a_new_file_of_settings_that_is_not_read_by_itself_is_told_and_no_more() -> None:
    (found,) = compare({}, {"tests/.coveragerc": "[run]\nomit = a"})
    assert (found.rule, found.severity) == ("settings-shadowed", Severity.INFO)


def test_settings_below_the_root_that_go_leave_those_above() -> None:
    root = {"ruff.toml": "lint.select = ['E']"}
    strict = {**root, "src/ruff.toml": "lint.select = ['E', 'S']"}
    (found,) = compare(strict, root)
    assert "gone: S" in found.message
    assert compare({**root, "src/a/ruff.toml": "lint.select = ['E501']"}, root) == []


@pytest.mark.parametrize(
    "tool", ["mypy", "pyright", "basedpyright", "pyrefly", "ty", "bandit", "deptry"]
)
def test_a_tool_that_a_gate_uses_because_it_has_settings_must_keep_them(tool: str) -> None:
    before = {"pyproject.toml": f"[tool.{tool}]\n"}
    (found,) = compare(before, {"pyproject.toml": ""})
    assert (found.rule, found.severity) == ("settings-gone", Severity.HIGH)
    assert compare({"pyproject.toml": ""}, before) == []


def test_the_settings_of_others_are_no_business_of_ours() -> None:
    assert compare({}, {"setup.cfg": "[flake8]\nignore = E", "other.toml": "[ruff"}) == []
    assert compare({}, {"pyproject.toml": "[tool.other]\nexclude = ['a']"}) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"pyproject.toml": "[tool.pyright]"}, {"mypy.ini": ""}),
        ({"ty.toml": ""}, {"pyrefly.toml": ""}),
        ({".pre-commit-config.yaml": "repos: [{hooks: [{id: ty-check}]}]"}, {"mypy.ini": ""}),
    ],
)
def test_another_type_checker_is_told(before: dict[str, str], after: dict[str, str]) -> None:
    (found,) = compare(before, {**before, **after})
    assert (found.rule, found.severity) == ("settings-shadowed", Severity.HIGH)
    assert found.message.startswith("the type checker that is run: ")


ASKED = '[tool.devops-gates.gates.types.options]\nchecker = "mypy"'


def test_the_first_type_checker_can_only_add() -> None:
    after = pyproject("mypy", "exclude = ['a']")
    assert compare({"pyproject.toml": ""}, after) == []
    for asked in (
        {".pre-commit-config.yaml": "repos: [{hooks: [{id: mypy}]}]"},
        {"pyproject.toml": ASKED},
    ):
        (found,) = compare(asked, {**asked, "setup.cfg": "[mypy]\nexclude = a"})
        assert "mypy exclude" in found.message


def test_a_hook_may_be_called_by_its_new_name() -> None:
    name, hook = ".pre-commit-config.yaml", "repos: [{repo: r, hooks: [{id: %s}]}]"
    assert compare({name: hook % "ruff"}, {name: hook % "ruff-check"}) == []


# what only looks as if nothing had changed


@pytest.mark.parametrize(
    ("name", "before", "after", "key"),
    [
        (
            "ruff.toml",
            "lint.select = ['E', 'F']",
            "select = ['F']\nlint.select = ['E']",
            "lint.select",
        ),
        (
            "ruff.toml",
            "ignore = ['E']\nlint.ignore = ['W']",
            "lint.ignore = ['E', 'W']",
            "lint.ignore",
        ),
        (
            ".coveragerc",
            "[report]\nexclude_also = a",
            "[report]\nexclude_also =\n  a\n  b\nexclude = a",
            "exclude_lines",
        ),
        (
            "mypy.ini",
            "[mypy]\n[mypy-a]\nstrict_equality = True",
            "[mypy]\n[mypy-a]\nstrict_equality = True\n[mypy-a,b]",
            "a.strict_equality",
        ),
        ("pytest.ini", "[pytest]\nstrict = 1", "[pytest]\nSTRICT = 1", "strict"),
        ("pytest.ini", "[pytest]\nstrict = 1", "[DEFAULT]\nstrict = 1\n[pytest]", "strict"),
        (
            "pytest.ini",
            "[pytest]\naddopts = -k a",
            "[pytest]\naddopts = -k a -k b",
            "addopts.-k",
        ),
        (
            "pytest.ini",
            "[pytest]\nstrict_xfail = 1",
            "[pytest]\nstrict_xfail = 0\nxfail_strict = 1",
            "strict_xfail",
        ),
        (
            ".pre-commit-config.yaml",
            "repos: [{hooks: [{id: mypy}]}]",
            "repos: []\nhooks: {mypy: {hook: mypy}}",
            "hooks.mypy.hook",
        ),
    ],
)
def test_no_other_key_hides_a_loosening(name: str, before: str, after: str, key: str) -> None:
    found = compare({name: before}, {name: after})
    assert any(key in message for message in failing(found))


# bad input

BROKEN = [
    ("pyproject.toml", b"[tool.ruff\n"),
    ("pyproject.toml", b"\xff"),
    ("pyproject.toml", b"a = " + b"[" * 5000),
    ("ruff.toml", b"a = 1\na = 2"),
    ("mypy.ini", b"no section"),
    ("setup.cfg", b"[a]\n[a]\n"),
    (
        "mypy.ini",
        b"[mypy]\n[mypy-%s]\n" % b",".join(b"m%d" % n for n in range(1000))
        + b"".join(b"o%d = 1\n" % n for n in range(1000)),
    ),
    (".coveragerc", b"\x80"),
    ("pyrightconfig.json", b"[]"),
    ("pyrightconfig.json", b"{" * 5000),
    ("pyrightconfig.json", b'"' + b'\\"' * 100_000),
    ("pyrightconfig.json", b"/*" * 100_000),
    ("bandit.yaml", b"a: [b"),
    ("bandit.yaml", b"- a"),
    ("bandit.yaml", b"a: !!python/object:os.system x"),
    ("bandit.yaml", b"a: &a [*a]"),
    ("bandit.yaml", b'a: !!int ""'),
    ("bandit.yaml", b"{[a]: b}"),
    (
        ".pre-commit-config.yaml",
        b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (n + 1, n + 1, b", ".join([b"*%c" % n] * 10))
            for n in range(ord("a"), ord("h"))
        ),
    ),
    ("ty.toml", b"a = 1\n" + b"#" * 1_000_001),
]


@pytest.mark.parametrize(("name", "content"), BROKEN)
def test_what_cannot_be_read_is_a_finding(name: str, content: bytes) -> None:
    (here,) = tool_settings({}, {name: content})
    (base,) = tool_settings({name: content}, {})
    for found, where in ((here, "here"), (base, "at the base")):
        assert (found.rule, found.severity) == ("settings-unreadable", Severity.HIGH)
        assert f"{name}: cannot be read {where}: " in found.message
        assert "\n" not in found.message
        assert len(found.message) < 400
    assert list(tool_settings({name: content}, {name: content})) == []


def test_a_broken_file_hides_no_other() -> None:
    found = compare({"mypy.ini": ""}, {"mypy.ini": "[", "ruff.toml": "exclude = ['a']"})
    assert [f.rule for f in found] == ["settings-unreadable", "setting-loosened"]


def test_a_file_that_was_broken_already_hides_no_other() -> None:
    broken = {"setup.cfg": "["}
    (found,) = compare({**broken, "mypy.ini": "[mypy]\nstrict = 1"}, {**broken, "mypy.ini": ""})
    assert "mypy strict" in found.message


def test_hostile_text_is_one_visible_line() -> None:
    (found,) = compare(
        pyproject("lint", ""), pyproject("lint", r'ignore = ["a\n::error::\u001b[2J"]')
    )
    assert found.message.isprintable()


KEYS = st.sampled_from(
    "tool ruff lint mypy pytest ini_options coverage run report bandit pyright ty rules hooks repos"
    " exclude select ignore strict fail_under addopts overrides module filterwarnings per-file-ignores"
    " format typeCheckingMode include id extend".split()
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
JSON_FILES = ("pyrightconfig.json", "bandit.yaml", ".pre-commit-config.yaml")


@same_every_time
@given(
    st.dictionaries(st.sampled_from(SETTINGS_FILES), st.binary(max_size=60), max_size=4),
    st.dictionaries(st.sampled_from(SETTINGS_FILES), st.binary(max_size=60), max_size=4),
)
def test_no_bytes_break_it(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    assert all(isinstance(f, Finding) for f in tool_settings(before, after))
    assert list(tool_settings(before, before)) == []


@same_every_time
@given(
    st.sampled_from(JSON_FILES),
    st.dictionaries(KEYS, VALUES, max_size=5),
    st.dictionaries(KEYS, VALUES, max_size=5),
)
def test_no_values_break_it(name: str, before: dict[str, object], after: dict[str, object]) -> None:
    base, here = ({name: json.dumps(side).encode()} for side in (before, after))
    found = list(tool_settings(base, here))
    assert len({(f.rule, f.message) for f in found}) == len(found)
    assert list(tool_settings(base, base)) == []


@same_every_time
@given(st.data())
def test_no_table_of_toml_breaks_it(data: st.DataObject) -> None:
    """TOML that holds any JSON value as a text, a list or a number under any known key."""
    simple = st.one_of(
        st.booleans(), st.integers(-5, 5), st.lists(st.text(max_size=5), max_size=3), st.text()
    )
    tables = st.sampled_from([*TABLES.values(), "tool.mypy.overrides", "tool.pytest"])

    def text() -> bytes:
        content = ""
        for table in data.draw(st.lists(tables, max_size=4, unique=True)):
            content += f"[{table}]\n"
            for key, value in data.draw(st.dictionaries(KEYS, simple, max_size=4)).items():
                content += f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=True)}\n"
        return content.encode()

    found = list(tool_settings({"pyproject.toml": text()}, {"pyproject.toml": text()}))
    assert all(isinstance(f, Finding) for f in found)


LISTS = [
    ("ruff", "exclude"),
    ("lint", "select"),
    ("lint", "ignore"),
    ("lint", "unheard-of"),
    ("bandit", "skips"),
    ("mypy", "exclude"),
    ("mypy", "plugins"),
    ("run", "omit"),
    ("report", "exclude_also"),
    ("pytest", "testpaths"),
    ("pytest", "filterwarnings"),
    ("pyright", "ignore"),
]


@same_every_time
@given(
    st.sampled_from(LISTS),
    st.lists(st.sampled_from(["E", "F401", "a/b", "ignore", "error:x", "c.py"]), max_size=5),
    st.randoms(use_true_random=False),
)
def test_the_order_of_a_list_means_nothing(
    where: tuple[str, str], entries: list[str], chance: random.Random
) -> None:
    table, key = where
    shuffled = chance.sample(entries, len(entries))
    before, after = (pyproject(table, f"{key} = {side!r}") for side in (entries, shuffled))
    assert compare(before, after) == []
