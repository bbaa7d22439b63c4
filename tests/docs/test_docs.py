"""What the docs show is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_devops_gates import builtin, config, policy
from pytest_devops_gates.evidence import Finding
from tests.conftest import Checkout

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks("docs/configuration.md", "toml"))
def test_configuration_examples_are_valid(block: str) -> None:
    table = config.read_table(config.load_toml(block.encode(), "docs"))
    assert set(table.gates) <= {gate.name for gate in builtin.GATES}
    for gate in table.gates.values():
        for metric, text in {**gate.conditions, **gate.warnings}.items():
            policy.parse_condition(metric, text)


def test_every_gate_has_its_section() -> None:
    sections = re.findall(r"^## (\S+)$", (ROOT / "docs/gates.md").read_text(), re.MULTILINE)
    assert sections == [gate.name for gate in builtin.GATES]


def test_ci_runs_the_readmes_test_command() -> None:
    command = blocks("README.md", "sh")[1].strip()
    assert command in (ROOT / ".ci/run").read_text().splitlines()


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.slow
def test_the_plugin_of_the_docs_works(checkout: Checkout) -> None:
    source = blocks("docs/adding-gates.md", "python")[0]
    checkout.write({"plugins/no_print.py": source, "mod.py": "print(1)\nprint(2)\n"})
    checkout.write({"plugins/.gitignore": "*\n"}).commit()
    env = {"PYTHONPATH": str(checkout.root / "plugins")}
    arguments = ("--devops-gates-stage", "develop", "-p", "no_print")
    run = checkout.run(*arguments, env=env)
    assert run.outcome("no-print") == "pass", run
    found = [f for f in run.verdict["findings"] if f["gate"] == "no-print"]
    assert [(f["path"], f["line"]) for f in found] == [("mod.py", 1), ("mod.py", 2)]
    checkout.write({"mod.py": "print(1)\n" * 4})
    run = checkout.run(*arguments, env=env)
    assert (run.outcome("no-print"), run.status) == ("fail", 0), run  # advisory


def test_finding_takes_the_arguments_that_the_docs_show() -> None:
    assert Finding("rule", "message").severity.value == "medium"
