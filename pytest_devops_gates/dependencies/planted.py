"""A requirement more in a pyproject.toml: what canaries plant."""

from __future__ import annotations

import re


def with_requirement(text: str, name: str) -> str:
    """A pyproject.toml with one requirement more, whoever tells of the others."""
    if not re.search(r"^\[project\]", text, re.MULTILINE):
        return f'[project]\nname = "devops-gates-canary"\ndependencies = ["{name}"]\n\n{text}'
    start = re.search(r"^\[project\][^\n]*\n", text, re.MULTILINE)
    assert start is not None
    head, table = text[: start.end()], text[start.end() :]
    end = re.search(r"^\[", table, re.MULTILINE)
    table, rest = (table[: end.start()], table[end.start() :]) if end else (table, "")
    dynamic = r"""^(dynamic\s*=\s*\[[^\]]*?)(["'])dependencies\2\s*,?"""
    table = re.sub(dynamic, r"\1", table, count=1, flags=re.MULTILINE)
    listed, count = re.subn(
        r"^dependencies\s*=\s*\[", f'dependencies = [\n    "{name}",', table, count=1, flags=re.M
    )
    return head + (listed if count else f'dependencies = ["{name}"]\n{table}') + rest
