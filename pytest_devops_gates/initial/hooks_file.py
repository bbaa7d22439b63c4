""".pre-commit-config.yaml with our hooks. Pure.

A file that is there keeps every byte: our entry comes after the last of its repositories, and only
where the file then says what it said before, and our entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import indent
from typing import Any

from pytest_devops_gates.initial.draft import Draft, ends, with_ends
from pytest_devops_gates.precommit import NAME

URL = "https://github.com/pytest-devops-gates/pytest-devops-gates"
HOOKS = ("devops-gates", "devops-gates-pre-push")
MESSAGE = "devops-gates-commit-msg"

_REPOS = re.compile(r"repos:\s*(#.*)?")
_ITEM = re.compile(r"( *)- ")
_KEY = re.compile(r"[^\s#-]|---|\.\.\.")
"""How a line begins with which a block at the left margin ends."""


def draft(before: str | None, version: str, *, pin: str | None, messages: bool) -> Draft:
    """The file, with ``pin`` as a requirement of each hook (``ruff==0.14.0``, say), and the hook on
    messages if the project has asked something of them."""
    if before is None:
        kinds = ["pre-commit", *(["commit-msg"] if messages else []), "pre-push"]
        head = f"default_install_hook_types: [{', '.join(kinds)}]\nrepos:\n"
        return Draft(NAME, None, head + entry(version, pin, messages, "  "))
    old = _loaded(before)
    if old is not None and any(map(_ours, _repositories(old))):
        return Draft(NAME, before, notes=(f"{NAME} has our hooks already",))
    after = _added(before, old, version, pin, messages) if isinstance(old, dict) else None
    if after is None:
        lines = entry(version, pin, messages, "  ").splitlines()
        return Draft(NAME, before, notes=(f"add to {NAME}, under repos:", *lines))
    return Draft(NAME, before, after)


def entry(version: str, pin: str | None, messages: bool, pad: str) -> str:
    """Our item of the list ``repos``, indented by ``pad``."""
    needs = f"      additional_dependencies: [{pin}]  # as the ruff hook\n" if pin else ""
    ids = [HOOKS[0], *([MESSAGE] if messages else []), *HOOKS[1:]]
    hooks = "".join(f"    - id: {name}\n{needs}" for name in ids)
    return indent(f"- repo: {URL}\n  rev: v{version}\n  hooks:\n{hooks}", pad)


def _added(
    before: str, old: dict[str, Any], version: str, pin: str | None, messages: bool
) -> str | None:
    """The text with our entry, or None where that cannot be done by adding lines."""
    end = ends(before)
    lines = (before if before.endswith("\n") else before + end).split("\n")
    place = _place(lines)
    if place is None or not isinstance(old.get("repos"), list):
        return None
    pad, at = place
    new = with_ends(entry(version, pin, messages, pad), end)
    after = "\n".join(lines[:at]) + "\n" + new + "\n".join(lines[at:])
    expected = {**old, "repos": [*old["repos"], *_loaded(new)]}
    return after if _loaded(after) == expected else None


def _place(lines: list[str]) -> tuple[str, int] | None:
    """How far the items of ``repos`` are indented, and before which line a further one comes."""
    heads = [n for n, line in enumerate(lines) if _REPOS.fullmatch(line.rstrip("\r"))]
    if len(heads) != 1:
        return None
    start = heads[0] + 1
    stop = next((n for n in range(start, len(lines)) if _KEY.match(lines[n])), len(lines))
    block = [n for n in range(start, stop) if lines[n].strip() and not lines[n].startswith("#")]
    item = _ITEM.match(lines[block[0]]) if block else None
    return (item[1], block[-1] + 1) if item else None


def _loaded(text: str) -> Any:
    """What a file says; None for one that is no YAML, or that repeats parts of itself by name:
    such a file can be as large as it likes."""
    import yaml

    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            return None
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _repositories(config: Any) -> Iterator[dict[str, Any]]:
    repos = config.get("repos") if isinstance(config, dict) else None
    yield from (repo for repo in repos if isinstance(repo, dict)) if isinstance(repos, list) else ()


def _ours(repo: dict[str, Any]) -> bool:
    hooks = repo.get("hooks")
    told = [hook for hook in hooks if isinstance(hook, dict)] if isinstance(hooks, list) else []
    return repo.get("repo") == URL or any(
        str(hook.get("id", "")).startswith("devops-gates")
        or str(hook.get("entry", "")).startswith("devops-gates hook")
        for hook in told
    )
