"""Whoever lets a file of a change hold a secret is told of by ``policy``, whatever file it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_devops_gates.change import Base, Change, FileChange
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.gates import policy
from pytest_devops_gates.gates.policy import PolicyOptions
from pytest_devops_gates.testing import project, write
from tests.unit.test_secrets import commit

MARKS = [
    *("gitleaks" + ":allow", "betterleaks" + ":allow"),
    *("pragma: " + "allowlist secret", "pragma: " + "whitelist nextline secret"),
]
ADOPTED = {"pyproject.toml": "[tool.devops-gates]\n"}


def told(root: Path, before: dict[str, str | bytes], after: dict[str, str | bytes],
         allowed: int = 0) -> list[Finding]:  # fmt: skip
    base = commit(root, {**ADOPTED, **before})
    write(root, after)
    files = tuple(
        FileChange(name, "modified" if name in before else "added",
                   name if name in before else None, ((1, 9),))
        for name in after
    )  # fmt: skip
    here = project(root, change=Change(Base(base, "main", "an option"), files))
    return list(policy.check(here, PolicyOptions(suppressions=allowed), ()).findings)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("name", ["prod.env", "a.yml", "Makefile", "a.py", "broken.py"])
def test_a_new_mark_is_told_in_every_text(tmp_path: Path, name: str, mark: str) -> None:
    text = f"x = 1\n# {mark}\n" + ("(\n" if name == "broken.py" else "")
    (found,) = told(tmp_path, {}, {name: text})
    assert (found.rule, found.severity) == ("suppressions-grown", Severity.HIGH)
    assert (found.path, found.line) == (name, 2)
    assert "allowed-secret: 0, now 1" in found.message or "allowed-secret" in found.message


@pytest.mark.parametrize(
    "text",
    [f"x = 'y'; z = '{MARKS[0]}'\n".encode(), f"\n{MARKS[0]}".encode("utf-16"),
     b"\xff\xfe" + f"\n{MARKS[0]}".encode(), f"\n{MARKS[0]}".encode("utf-32")],
)  # fmt: skip
def test_a_mark_need_be_no_comment(tmp_path: Path, text: bytes) -> None:
    assert [f.rule for f in told(tmp_path, {}, {"a.py": text})] == ["suppressions-grown"]


def test_as_many_as_before_are_none(tmp_path: Path) -> None:
    marked = f"a # {MARKS[0]}\n"
    assert told(tmp_path, {"a.txt": marked}, {"a.txt": f"b\n{marked}"}) == []
    more = told(tmp_path, {"a.txt": marked}, {"a.txt": marked * 2})
    assert [f.severity for f in more] == [Severity.HIGH]


def test_as_many_as_the_option_says_do_not_fail(tmp_path: Path) -> None:
    (found,) = told(tmp_path, {}, {"a.txt": MARKS[0]}, allowed=1)
    assert found.severity == Severity.LOW


def test_what_is_no_text_holds_none(tmp_path: Path) -> None:
    """There, the gate ``secrets`` finds none either."""
    assert told(tmp_path, {}, {"a.bin": b"\0" + MARKS[0].encode()}) == []
