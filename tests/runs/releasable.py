"""A small project that is ready for its release: every gate of build, security and deploy applies
to it, and passes. What a test breaks in it turns red alone."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from textwrap import dedent

from pytest_devops_gates.config import load_toml
from tests.conftest import Checkout

OSV = Path(__file__).parents[1] / "data" / "osv"
LOCK = "pdm.lock"
APPROVALS = "devops-gates/approvals.toml"
WORKFLOW = ".github/workflows/ci.yml"

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "ledger"
version = "1.0.0"
description = "Adds up amounts"
readme = "README.md"
requires-python = ">=3.10"
license = "MIT"
license-files = ["LICENSE"]
dependencies = ["iniconfig>=2", "packaging>=24"]

[project.scripts]
ledger = "ledger:main"

[tool.hatch.build.targets.wheel]
packages = ["src/ledger"]

[tool.hatch.build.targets.sdist]
include = ["/src", "/tests", "/CHANGELOG.md", "/hatch_build.py"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src"]

[tool.coverage.run]
branch = true

[tool.coverage.report]
fail_under = 100

[tool.ruff.lint]
select = ["E", "F", "I"]

[tool.ruff.format]

[tool.mypy]
strict = true
packages = ["ledger"]
mypy_path = "src"

[tool.devops-gates.gates.vulnerabilities.options]
advisories = "advisories"

[tool.devops-gates.gates.licenses.options]
allow = ["MIT", "BSD-*"]

[tool.devops-gates.gates.freeze.options]
holidays = [HOLIDAY]

[tool.devops-gates.gates.approval.options]
required = 1
"""
INIT = '''\
"""Adds up amounts."""

from __future__ import annotations

from iniconfig import IniConfig
from packaging.version import Version

__all__ = ["add", "main", "version"]
__version__ = "1.0.0"


def add(first: int, second: int) -> int:
    """The sum of two amounts."""
    return first + second


def version(path: str) -> Version:
    """The version of the book at a path."""
    return Version(IniConfig(path)["book"]["version"])


def main() -> None:
    """Say what this is."""
    print("ledger")
'''
TESTS = """\
from pathlib import Path

import ledger
from ledger import tax


def test_add() -> None:
    assert ledger.add(1, 2) == 3


def test_tax() -> None:
    assert tax.on(100) == 19


def test_version(tmp_path: Path) -> None:
    (tmp_path / "book.ini").write_text("[book]\\nversion = 1.0\\n")
    assert str(ledger.version(str(tmp_path / "book.ini"))) == "1.0"


def test_main() -> None:
    ledger.main()
"""
CI = """\
name: CI

on:
  push:
    branches: [main]
  pull_request:

permissions: {}

concurrency:
  group: ${{ github.workflow }}-${{ github.ref }}
  cancel-in-progress: true

jobs:
  tests:
    name: Tests
    runs-on: ubuntu-24.04
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - run: python -m pytest
"""
FIRST = {
    "README.md": "# ledger\n\nAdds up amounts.\n",
    "LICENSE": "MIT License\n\nCopyright (c) the authors\n",
    "CHANGELOG.md": "# Changelog\n\n## 1.0.0 - 2026-01-05\n\n- The first release.\n",
    ".gitignore": ".devops-gates/\n__pycache__/\n.coverage*\n.mypy_cache/\n.ruff_cache/\n"
    ".pytest_cache/\n",
    WORKFLOW: CI,
    "src/ledger/__init__.py": INIT,
    "src/ledger/py.typed": "",
    "src/ledger/tax.py": '"""Taxes."""\n\n\ndef on(amount: int) -> int:\n'
    '    """The tax on an amount."""\n    return amount * 19 // 100\n',
    "tests/test_ledger.py": TESTS,
}
ADDED = '''

def subtract(first: int, second: int) -> int:
    """The difference of two amounts."""
    return first - second
'''


def make(root: Path) -> Checkout:
    """The project, with its first release behind it and the second one ready and approved."""
    root.mkdir(parents=True)
    checkout = Checkout(root)
    files = {**FIRST, "pyproject.toml": PYPROJECT.replace("HOLIDAY", str(in_days(100)))}
    for name, text in files.items():
        write(checkout, name, text)
    for path in OSV.glob("*.json"):
        record = json.loads(path.read_bytes())
        record["modified"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        write(checkout, f"advisories/{path.name}", json.dumps(record, indent=1) + "\n")
    lock(checkout)
    checkout.commit()
    checkout.git("tag", "v1.0.0")
    _second(checkout)
    approve(checkout)
    return checkout


def _second(checkout: Checkout) -> None:
    replace(checkout, "pyproject.toml", 'version = "1.0.0"', 'version = "1.1.0"')
    replace(checkout, "src/ledger/__init__.py", '__version__ = "1.0.0"', '__version__ = "1.1.0"')
    replace(checkout, "src/ledger/__init__.py", '"add", "main"', '"add", "main", "subtract"')
    append(checkout, "src/ledger/__init__.py", ADDED)
    append(checkout, "tests/test_ledger.py",
           "\n\ndef test_subtract() -> None:\n    assert ledger.subtract(3, 2) == 1\n")  # fmt: skip
    replace(checkout, "CHANGELOG.md", "# Changelog\n",
            "# Changelog\n\n## 1.1.0 - 2026-02-02\n\n- `subtract` is new.\n")  # fmt: skip
    checkout.git("commit", "-qam", "Add subtract")


def write(checkout: Checkout, name: str, text: str) -> None:
    path = checkout.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read(checkout: Checkout, name: str) -> str:
    return (checkout.root / name).read_text(encoding="utf-8")


def replace(checkout: Checkout, name: str, old: str, new: str) -> None:
    text = read(checkout, name)
    assert old in text
    write(checkout, name, text.replace(old, new, 1))


def append(checkout: Checkout, name: str, text: str) -> None:
    write(checkout, name, read(checkout, name) + text)


def lock(checkout: Checkout, *more: tuple[str, str]) -> None:
    """The lock file of PDM that belongs to pyproject.toml, with packages beside those that it names."""
    pyproject = load_toml((checkout.root / "pyproject.toml").read_bytes(), "pyproject.toml")
    project = pyproject["project"]
    content = {
        "sources": [],
        "dependencies": project["dependencies"],
        "dev-dependencies": {},
        "optional-dependencies": {},
        "requires-python": project["requires-python"],
        "resolution": {},
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    packages = [("iniconfig", "2.3.1"), ("packaging", "26.4"), *more]
    head = f'[metadata]\nlock_version = "4.5.1"\ncontent_hash = "sha256:{digest}"\n'
    tables = [f'\n[[package]]\nname = "{n}"\nversion = "{v}"\nfiles = []\n' for n, v in packages]
    write(checkout, LOCK, head + "".join(tables))


def approve(checkout: Checkout) -> None:
    """What is there is committed, and somebody else has approved it."""
    checkout.git("add", "-A")
    if checkout.git("status", "--porcelain"):
        checkout.git("commit", "-qm", "More")
    told = f"""
        [[approval]]
        who = "B <b@example.org>"
        when = {in_days(0)}
        commit = "{checkout.git("rev-parse", "HEAD").strip()}"
    """
    write(checkout, APPROVALS, dedent(told))
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "Approve")


def in_days(days: int) -> date:
    return datetime.now(timezone.utc).date() + timedelta(days=days)
