"""What ``.pre-commit-config.yaml`` says of a tool: that it is used, which version, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

NAME = ".pre-commit-config.yaml"
_FROZEN = re.compile(r"rev:\s*[0-9a-f]{40}\s*#\s*frozen:\s*v?(\S+)")


class Hook(msgspec.Struct, frozen=True):
    """One hook. ``excludes`` are regular expressions on paths, as pre-commit reads them."""

    id: str
    version: str | None = None
    excludes: tuple[str, ...] = ()

    def leaves_out(self, path: str) -> bool:
        """Whether pre-commit would not give this file to the hook."""
        return any(re.search(pattern, path) for pattern in self.excludes)


def find_hook(text: str | None, *ids: str) -> Hook | None:
    """The first hook with one of these ids; None without a file, or with one that is no YAML."""
    if not text or not any(name in text for name in ids):
        return None
    import yaml

    try:
        config = yaml.safe_load(text)
        return next((hook for hook in _hooks(config, text) if hook.id in ids), None)
    except (yaml.YAMLError, AttributeError, TypeError, re.error):
        return None


def _hooks(config: Any, text: str) -> Iterator[Hook]:
    for repo in config.get("repos", ()):
        for hook in repo.get("hooks", ()):
            patterns = (config.get("exclude"), hook.get("exclude"))
            excludes = tuple(p for p in patterns if p and re.compile(p))
            yield Hook(str(hook.get("id")), _version(str(repo.get("rev", "")), text), excludes)


def _version(rev: str, text: str) -> str | None:
    """A tag as a version; for a commit, the tag that ``pre-commit autoupdate --freeze`` noted."""
    if re.fullmatch(r"[0-9a-f]{40}", rev):
        noted = next((f for f in _FROZEN.finditer(text) if rev in f[0]), None)
        return noted[1] if noted else None
    return rev.removeprefix("v") or None
