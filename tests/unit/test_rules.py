"""What is known of rules: of those that are ours, and of what tools say of theirs."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import builtin
from pytest_devops_gates.bandit_files import by_file
from pytest_devops_gates.checkers.mypy import CODES
from pytest_devops_gates.conclude import conclude
from pytest_devops_gates.config import Table
from pytest_devops_gates.evidence import HELP, SAYS, URI, Evidence, Finding, Rule
from pytest_devops_gates.gate import Gate, Output
from pytest_devops_gates.gates import bandit, ruff
from pytest_devops_gates.gates.types import CHECKERS, TYPES, Options
from pytest_devops_gates.plan import plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.scanning.told import RULES as LEAKS
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.testrun import QUARANTINED
from tests.growth import grows_linearly
from tests.unit.samples import DATA, HOSTILE, any_text, project, same_every_time, verdict

PACKAGE = Path(builtin.__file__).parent
RULE = re.compile(r"[a-z]+(-[a-z]+)*")


@pytest.fixture
def here(tmp_path: Path) -> Project:
    return project(tmp_path)


def told(rules: Any) -> dict[str, Rule]:
    return {rule.id: rule for rule in rules}


def saved(name: str, exit_code: int = 1) -> Output:
    return Output(exit_code, (DATA / name).read_bytes(), census=b"a.py\n")


def printed(value: Any) -> Output:
    return Output(1, json.dumps(value).encode(), census=b"a.py\n")


# our own


def literals(module: Path) -> Iterator[str]:
    """The rules that a module writes out: in a call of Finding or of what makes one, and as the
    first of the texts that it yields or collects."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            named = [k.value for k in node.keywords if k.arg == "rule"]
            if name.lower().endswith("finding"):
                yield from _texts([*node.args[:1], *named])
        elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            yield from _texts(node.value.elts[:1])
        elif isinstance(node, ast.Tuple) and len(node.elts) == 4:
            yield from _texts(node.elts[:1])


def _texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


GATES = {
    "tree": builtin.TREE,
    "version": builtin.VERSION,
    "commits": builtin.COMMITS,
    "changelog": builtin.CHANGELOG,
    "build": builtin.PACKAGE,
    "install": builtin.INSTALL,
    "compiles": builtin.COMPILES,
    "ruff": builtin.LINT,
}


PACKAGED = ("contents", "missing", "records", "litter", "takeover")
ALSO = {"commits": ("signatures",), "build": tuple(f"packaged/{name}" for name in PACKAGED)}
"""Where more of a gate's rules are named."""


@pytest.mark.parametrize("module", GATES)
def test_every_rule_that_a_gate_names_is_explained(module: str) -> None:
    files = [PACKAGE / f"{file}.py" for file in ALSO.get(module, ())]
    sources = [PACKAGE / f"gates/{module}.py", *files]
    named = {text for file in sources for text in literals(file) if RULE.fullmatch(text)}
    known = told(GATES[module].rules)
    assert named - set(known) == set()
    if module == "build":  # a member may hold any kind of secret
        known = {rule: rest for rule, rest in known.items() if rule not in told(LEAKS)}
    if module != "ruff":  # which has names for what has no code
        assert named == set(known)


def test_every_rule_of_the_tests_is_explained() -> None:
    source = (PACKAGE / "testrun.py").read_text()
    known = told(builtin.TESTS.rules)
    assert set(literals(PACKAGE / "testrun.py")) & {*known} == {
        "collection-error", "outcome-altered", "exit-status",
    }  # fmt: skip
    (rule,) = re.findall(r'rule = "(\w+)" if .* else "(\w+)"', source)
    assert set(known) == {"collection-error", "outcome-altered", "exit-status", QUARANTINED, *rule}


def test_every_kind_of_suppression_is_explained() -> None:
    from pytest_devops_gates.suppression import KINDS

    assert set(told(builtin.SUPPRESSIONS.rules)) == set(KINDS)


def test_what_the_docs_say_that_a_gate_fails_on_is_explained() -> None:
    page = (PACKAGE.parent / "docs/gates.md").read_text()
    known = {rule.id for gate in builtin.GATES for rule in gate.rules}
    for fails in re.findall(r"\*\*Fails\*\* on ((?:`[a-z-]+`[^`.]*)+)", page):
        assert set(re.findall(r"`([a-z-]+)`", fails)) <= known


@pytest.mark.parametrize("gate", builtin.GATES, ids=lambda gate: gate.name)
def test_our_rules_say_all_that_reports_want(gate: Gate) -> None:
    assert len(told(gate.rules)) == len(gate.rules)
    for rule in gate.rules:
        assert rule.says.endswith(".")
        assert rule.help, rule
        assert rule == rule.fit()  # nothing of it is cut


# ruff


def test_ruff_says_what_its_rules_are(here: Project) -> None:
    known = told(ruff.read_lint(saved("ruff-0.17.6-check.json"), here, {}).rules)
    unused, undefined = known["F401"], known["F821"]
    assert (unused.says, undefined.says) == ("unused import", "undefined name")
    assert undefined.uri == "https://docs.astral.sh/ruff/rules/undefined-name"
    assert "ruff rule F821" in undefined.help
    assert "--fix" not in undefined.help
    assert "`ruff check --fix` mends it" in unused.help


@pytest.mark.parametrize(
    ("fix", "says"),
    [
        (None, ""),
        ({}, ""),
        ({"applicability": None}, ""),
        ({"applicability": "display"}, ""),
        ({"applicability": "unsafe"}, "--unsafe-fixes"),
        ({"applicability": "safe"}, "`ruff check --fix` mends"),
    ],
)
def test_a_fix_is_told_as_safe_as_it_is(fix: Any, says: str, here: Project) -> None:
    entry = {"code": "X1", "message": "m", "filename": "a.py", "fix": fix}
    (rule,) = ruff.read_lint(printed([entry]), here, {}).rules
    assert says in rule.help
    assert ("--fix" in rule.help) == bool(says)


def test_one_entry_with_a_safe_fix_is_enough(here: Project) -> None:
    kinds = [None, {"applicability": "unsafe"}, {"applicability": "safe"}, None]
    entries = [{"code": "X1", "message": "m", "filename": "a.py", "fix": fix} for fix in kinds]
    (rule,) = ruff.read_lint(printed(entries), here, {}).rules
    assert "`ruff check --fix` mends" in rule.help


def test_an_older_ruff_names_a_rule_in_its_address_alone(here: Project) -> None:
    page = "https://docs.astral.sh/ruff/rules/unused-import"
    entry = {"code": "F401", "message": "m", "filename": "a.py", "url": page}
    (rule,) = ruff.read_lint(printed([entry]), here, {}).rules
    assert (rule.says, rule.uri) == ("unused import", page)


@pytest.mark.parametrize("absent", [{}, {"name": None, "url": None, "fix": None}])
def test_a_ruff_that_says_nothing_of_a_rule(absent: Any, here: Project) -> None:
    entry = {"code": "F401", "message": "m", "filename": "a.py", **absent}
    (rule,) = ruff.read_lint(printed([entry]), here, {}).rules
    assert (rule.says, rule.uri) == ("", "")


def test_what_cannot_be_parsed_keeps_our_own_words(here: Project) -> None:
    found = ruff.read_lint(saved("ruff-0.17.6-check-syntax-error.json"), here, {})
    assert found.rules == ()
    assert {f.rule for f in found.findings} <= set(told(builtin.LINT.rules))


def test_rules_of_a_hundred_thousand_violations_are_gathered_at_once(here: Project) -> None:
    from pytest_devops_gates.ruff_json import Entry, rules

    def work(size: int) -> Callable[[], object]:
        entries = [Entry(f"F{n % 800}", "a.py", "m", url="https://e.org/x") for n in range(size)]
        return lambda: len(rules(entries))

    assert work(100_000)() == 800
    grows_linearly(work, 50_000)


# bandit


def bandit_rules(output: Output) -> dict[str, Rule]:
    files = by_file(output)
    return told(bandit.tell(list(files), files).rules)


def test_bandit_says_what_its_tests_are() -> None:
    known = bandit_rules(saved("bandit-1.9.4.json"))
    assert known["B602"].says == "subprocess popen with shell equals true"
    assert known["B602"].uri.endswith("plugins/b602_subprocess_popen_with_shell_equals_true.html")
    assert "CWE-78: https://cwe.mitre.org/data/definitions/78.html" in known["B602"].help
    assert known["B404"].says == "on bandit's blacklist: import subprocess"


@pytest.mark.parametrize("absent", [{}, {"test_name": None, "more_info": None, "issue_cwe": {}}])
def test_a_bandit_that_says_nothing_of_a_test(absent: Any) -> None:
    report = json.loads((DATA / "bandit-1.9.4.json").read_text())
    for result in report["results"]:
        for key in ("test_name", "more_info", "issue_cwe"):
            del result[key]
        result.update(absent)
    known = bandit_rules(printed(report))
    assert known == {"B404": Rule("B404"), "B602": Rule("B602")}


# type checkers


def test_mypys_own_codes_are_those_that_have_a_page() -> None:
    from mypy.errorcodes import error_codes

    assert set(error_codes) >= CODES
    assert CHECKERS["mypy"].tell("arg-type") == Rule(
        "arg-type",
        "arg type",
        "Its page shows code over which mypy says this, and how to write it otherwise.",
        "https://mypy.readthedocs.io/en/stable/_refs.html#code-arg-type",
    )
    assert CHECKERS["mypy"].tell("pydantic-field") is None


def test_where_mypy_itself_leads_to(tmp_path: Path) -> None:
    from mypy import errors

    path = "en/stable/_refs.html#code"
    assert f"https://mypy.rtfd.io/{path}" == errors.BASE_RTD_URL  # an older name of the same place


@pytest.mark.parametrize(
    ("checker", "rule", "uri"),
    [
        ("pyright", "reportMissingImports",
         "https://github.com/microsoft/pyright/blob/main/docs/configuration.md#reportMissingImports"),
        ("basedpyright", "reportAny",
         "https://docs.basedpyright.com/latest/configuration/config-files/#reportAny"),
        ("pyrefly", "missing-import",
         "https://pyrefly.org/en/docs/error-kinds/#missing-import"),
        ("ty", "invalid-assignment", "https://ty.dev/rules#invalid-assignment"),
    ],
)  # fmt: skip
def test_pages_of_other_checkers(checker: str, rule: str, uri: str) -> None:
    known = CHECKERS[checker].tell(rule)
    assert known is not None
    assert known == known.fit()
    assert known.uri == uri
    assert rule in known.help


@pytest.mark.parametrize(
    ("checker", "rule"),
    [
        *(("pyright", rule) for rule in ("syntax", "warning", "information")),
        *(("ty", rule) for rule in ("invalid-syntax", "revealed-type", "io", "panic")),
    ],
)
def test_what_is_said_without_a_rule_has_no_page(checker: str, rule: str) -> None:
    assert CHECKERS[checker].tell(rule) is None


def test_the_gate_types_tells_of_the_rules_of_its_checker(here: Project) -> None:
    assert TYPES.read is not None
    output = saved("pyright-1.1.414.json")
    known = told(TYPES.read(output, here, Options(checker="pyright")).rules)
    assert set(known) == {"reportMissingImports", "reportAssignmentType", "reportArgumentType"}
    assert known["reportMissingImports"].says == "missing imports"


# formats


def sarif(rule: dict[str, Any], rule_id: str = "R1") -> Rule:
    driver = {"name": "tool", "rules": [{"id": "R1", **rule}]}
    results = [{"ruleId": rule_id, "message": {"text": "m"}}] * 2
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    (known,) = builtin.READERS["sarif"].read(printed(log)).rules
    return known


def test_sarif_tells_of_its_rules() -> None:
    rule = {
        "shortDescription": {"text": "Short."},
        "fullDescription": {"text": "Full."},
        "help": {"text": "# Help\nDo this.\r\n\r\nAnd so on.", "markdown": "**no**"},
        "helpUri": "https://example.org/r1",
    }
    assert sarif(rule) == Rule("R1", "Short.", "Do this.", "https://example.org/r1")
    assert sarif({**rule, "help": None}).help == "Full."
    assert sarif({"help": {"markdown": "Only this."}}) == Rule("R1", "Only this.")
    assert sarif({"name": "NoTabs"}).says == "NoTabs"
    assert sarif({"help": {"text": "```\ncode\n```\n\nProse."}, "name": "x"}).help == "Prose."


def test_a_rule_with_levels_is_known_by_the_whole_of_its_name() -> None:
    assert sarif({"name": "NoTabs"}, "R1/indent") == Rule("R1/indent", "NoTabs")


@pytest.mark.parametrize("wrong", [None, 1, "text", [], {}, {"text": 5}, {"text": None}])
@pytest.mark.parametrize(
    "field", ["shortDescription", "fullDescription", "help", "helpUri", "name"]
)
def test_a_description_of_another_shape_spoils_no_results(field: str, wrong: Any) -> None:
    rule = sarif({field: wrong})
    assert (rule.help, rule.id) == ("", "R1")


def test_sarif_keeps_no_more_text_than_can_be_shown() -> None:
    long = {"text": "x" * 100_000}
    rule = sarif({"shortDescription": long, "fullDescription": {"text": "y" * 100_000}})
    assert len(rule.says) + len(rule.help) < 10_000


@pytest.mark.parametrize(
    ("reader", "output", "rules"),
    [
        ("exit-code", Output(3, b"no"), {"exit-code"}),
        ("junit", Output(1, b'<testsuite><testcase name="a"><failure/></testcase></testsuite>'),
         {"failed", "error"}),
        ("gitlab-code-quality", Output(1, b'[{"description": "d", "location": {"path": "a"}}]'),
         {"code-quality"}),
    ],
)  # fmt: skip
def test_formats_without_rules_of_their_own(reader: str, output: Output, rules: set[str]) -> None:
    evidence = builtin.READERS[reader].read(output)
    assert {f.rule for f in evidence.findings} <= set(told(evidence.rules)) == rules


# what reaches a report


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//example.org/x",
        "https://",
        "https:///x",
        "http://example.org/\n::error::x",
        "http://example.org/\x1b[2J",
        "http://example.org/ x",
        "http://example.org/<script>",
        'http://example.org/"onclick="x',
        "http://example.org/\u202efdp",
        "http://ex\u0430mple.org/",
        "http://example.org/\ud800",
        " https://example.org/",
        "https://example.org/" + "x" * URI,
    ],
)
def test_a_uri_that_is_no_page_on_the_web_is_dropped(uri: str) -> None:
    assert Rule("R1", "says", "help", uri).fit() == Rule("R1", "says", "help")


@pytest.mark.parametrize(
    "uri",
    [
        "http://example.org",
        "https://example.org/a/b.html?x=1&y=%20#part-(2)",
        "https://[::1]:8000/x",
        "https://example.org/" + "x" * (URI - 20),
    ],
)
def test_a_page_on_the_web_is_kept(uri: str) -> None:
    assert Rule("R1", uri=uri).fit().uri == uri


def test_texts_are_of_one_line_and_bounded() -> None:
    rule = Rule("R1", "one\ntwo\t three " + "x" * 999, "a\r\n\r\nb\u2028c " + "y" * 9999).fit()
    assert rule.says.startswith("one two three xxx")
    assert rule.help.startswith("a b c yyy")
    assert (len(rule.says), len(rule.help)) == (SAYS, HELP)
    assert rule.says.endswith("…")


@given(st.builds(Rule, any_text, any_text, any_text, any_text | st.sampled_from(HOSTILE)))
@same_every_time
def test_whatever_a_rule_says_it_fits(rule: Rule) -> None:
    fit = rule.fit()
    assert fit == fit.fit()
    assert not set("\r\n\t") & set(fit.says + fit.help + fit.uri)


def concluded(gate: Gate, evidence: Evidence, root: Path) -> list[Rule]:
    here = project(root)
    settled = plan(Table(), [gate], here, profile=None)
    return list(conclude(verdict(), settled, here, {gate.name: evidence}, {}, None).rules)


def test_rules_of_a_plugin_are_made_to_fit_as_well(tmp_path: Path) -> None:
    own = (
        Rule("a", "x" * 999, "y" * 9999, "javascript:alert(1)"),
        Rule("b", "the gate's own words", uri="https://example.org/b"),
        Rule("c", "nothing was found of this"),
    )
    gate = Gate("mine", Stage.DEVELOP, function=lambda *_: Evidence(), rules=own)
    said = (Rule("b", "the tool's words", uri="file:///x"), Rule("d", "nor of this"))
    found = (Finding("a", "m"), Finding("b", "m"), Finding("b", "m"), Finding("e", "m"))
    one, two = concluded(gate, Evidence(findings=found, rules=said), tmp_path)
    assert (one.id, len(one.says), len(one.help), one.uri) == ("a", SAYS, HELP, "")
    assert two == Rule("b", "the tool's words", gate="mine")
