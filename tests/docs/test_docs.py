"""What the docs show is run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import builtin, conditions, config, schema
from pytest_devops_gates.commands import command_gates, declared_gates
from pytest_devops_gates.decode import decode
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.gate import Gate
from tests.conftest import Checkout

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


PAGES_WITH_SETTINGS = ("configuration", "gates", "adding-gates", "shards", "evidence", "release",
                       "operate", "history")  # fmt: skip


@pytest.mark.parametrize(
    "block",
    [block for page in PAGES_WITH_SETTINGS for block in blocks(f"docs/{page}.md", "toml")],
)
def test_configuration_examples_are_valid(block: str) -> None:
    table = config.read_table(config.load_toml(block.encode(), "docs"))
    added = [*command_gates(table.command), *declared_gates(table.gates.items())]
    known = {gate.name: gate for gate in (*builtin.GATES, *added)}
    for name, gate in table.gates.items():
        for metric, text in {**gate.conditions, **gate.warnings}.items():
            conditions.parse_condition(metric, text)
        if known[name].options:
            decode(known[name].options, gate.options, name)


def test_every_gate_has_its_section() -> None:
    sections = re.findall(r"^## ([a-z-]+)$", (ROOT / "docs/gates.md").read_text(), re.MULTILINE)
    assert sections == [gate.name for gate in builtin.GATES]


def test_ci_runs_the_readmes_test_command() -> None:
    command = blocks("README.md", "sh")[1].strip()
    assert command in (ROOT / ".ci/run").read_text().splitlines()


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


PLUGIN, ITS_TESTS, CONFTEST = blocks("docs/adding-gates.md", "python")
COMMANDS, DECLARED = blocks("docs/adding-gates.md", "toml")


@pytest.fixture
def plugged(checkout: Checkout) -> Checkout:
    """A project in which the plugin of the docs can be named with ``-p``."""
    checkout.write({"plugins/no_print.py": PLUGIN, "mod.py": "print(1)\nprint(2)\n"})
    return checkout.write({"plugins/.gitignore": "*\n"}).commit()


@pytest.mark.slow
def test_the_plugin_of_the_docs_works(plugged: Checkout) -> None:
    env = {"PYTHONPATH": str(plugged.root / "plugins")}
    arguments = ("--devops-gates-stage", "develop", "-p", "no_print")
    run = plugged.run(*arguments, env=env)
    assert run.outcome("no-print") == "pass", run
    found = [f for f in run.verdict["findings"] if f["gate"] == "no-print"]
    assert [(f["path"], f["line"]) for f in found] == [("mod.py", 1), ("mod.py", 2)]
    plugged.write({"mod.py": "print(1)\n" * 4})
    run = plugged.run(*arguments, env=env)
    assert (run.outcome("no-print"), run.status) == ("fail", 0), run  # advisory


@pytest.mark.slow
def test_the_tests_of_the_docs_plugin_pass(plugged: Checkout) -> None:
    plugged.write({"tests/test_no_print.py": ITS_TESTS})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests"],
        cwd=plugged.root,
        env=plugged.environment({"PYTHONPATH": str(plugged.root / "plugins")}),
        capture_output=True,
        text=True,
    )
    assert "3 passed" in done.stdout, done


@pytest.mark.slow
def test_the_command_of_the_docs_works_and_bites(checkout: Checkout) -> None:
    first = COMMANDS.split("\n\n")[0]
    checkout.write({"pyproject.toml": first, "src/a.txt": "fine\n"}).commit()
    develop = ("--devops-gates-stage", "develop")
    assert checkout.run(*develop).outcome("no-fixme") == "pass"
    prove = [sys.executable, "-m", "pytest_devops_gates", "prove", "no-fixme"]
    run = checkout.run(command=prove)
    assert (run.status, "no-fixme  bites" in run.stdout) == (0, True), run
    checkout.write({"src/a.txt": "a FIXME\n"})
    run = checkout.run(*develop)
    assert (run.outcome("no-fixme"), run.status) == ("fail", 1), run
    assert "src/a.txt:1:a FIXME" in run.stdout
    shutil.rmtree(checkout.root / "src")
    run = checkout.run(*develop)
    assert (run.outcome("no-fixme"), run.status) == ("unknown", 6), run


@pytest.mark.slow
def test_the_conftest_of_the_docs_works(checkout: Checkout) -> None:
    test = "from conftest import queries\n\ndef test_a(): queries.extend(range({}))\n"
    checkout.write({"pyproject.toml": DECLARED, "conftest.py": CONFTEST})
    checkout.write({"test_a.py": test.format(100)})
    assert checkout.test().outcome("few-queries") == "pass"
    checkout.write({"test_a.py": test.format(101)})
    run = checkout.test()
    assert (run.outcome("few-queries"), run.status) == ("fail", 1), run


def test_what_the_docs_say_of_a_gate_is_all_that_it_may_say() -> None:
    page = (ROOT / "docs/adding-gates.md").read_text()
    table = page.partition("### What a gate may say")[2].partition("\n`project`")[0]
    told = set(
        re.findall(r"`(\w+)(?:\([^)]*\))?`", " ".join(re.findall(r"^\| (.*?) \|", table, re.M)))
    )
    fields = {field.name for field in msgspec.structs.fields(Gate)}
    assert told == fields - {"name", "stage", "required_once_limited", "testimony", "origin"}


def test_the_keys_of_a_command_are_told() -> None:
    page = (ROOT / "docs/adding-gates.md").read_text()
    table = page.partition("| key | meaning |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`([\w-]+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.M))))
    assert told == {f.encode_name for f in msgspec.structs.fields(config.CommandTable)}


def test_every_field_of_the_verdict_is_told() -> None:
    page = (ROOT / "docs/verdict.md").read_text()
    told = set(re.findall(r"\w+", page.partition("## Fields")[2].split("```")[1]))
    structs = schema.schema()["$defs"].values()
    fields = {name for struct in structs for name in struct.get("properties", ())}
    assert fields - told == set()


def test_finding_takes_the_arguments_that_the_docs_show() -> None:
    assert Finding("rule", "message").severity.value == "medium"
