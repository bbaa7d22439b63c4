"""What bandit told of files in earlier runs, kept by all that it depends on: the file's bytes and
path, bandit, Python, and the settings. No path of the machine is among them, so that what holds in
one checkout holds in another, and on the base's tree."""

from __future__ import annotations

import configparser
import contextlib
import fnmatch
import hashlib
import importlib.metadata
import posixpath
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import config, disk
from pytest_devops_gates.bandit_files import Told
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.project import Project

BY_CONTENT = "by-content"
"""Below the folder for what tools may keep: what depends on no path of the machine."""

FILE = Path(BY_CONTENT, "bandit.json")

ENTRIES = 40_000
"""Files of which something is kept; the oldest give way."""

PLUGINS = ("bandit.plugins", "bandit.blacklists", "bandit.formatters")
"""The entry points by which bandit is extended."""

_READ_ELSEWHERE = ("configfile", "baseline")
"""Settings of a .bandit file that lead to more than that file says."""


class Settings(msgspec.Struct, frozen=True):
    """What the project tells bandit: the table of pyproject.toml, the file .bandit and what stands
    in there (None: there is none, or bandit cannot read it and goes without)."""

    table: dict[str, Any] | None = None
    file: bytes | None = None
    ini: Mapping[str, str] | None = None

    @property
    def excluded(self) -> tuple[str, ...]:
        """What of a path makes bandit leave a file out."""
        named = (self.table or {}).get("exclude_dirs")
        globs = named if isinstance(named, (list, str)) else ()
        return (*(glob for glob in globs if isinstance(glob, str)), *self.excluded_by_file)

    @property
    def excluded_by_file(self) -> list[str]:
        """The part of it that .bandit says; a comma too many makes it leave out all."""
        said = (self.ini or {}).get("exclude", "")
        return said.split(",") if said else []


def settings(root: Path) -> Settings:
    """The settings as bandit will find them in ``root``."""
    table, file, ini = None, None, None
    with contextlib.suppress(OSError, UsageError, AttributeError):
        told = config.load_toml(disk.read_plain(root / "pyproject.toml"), "pyproject.toml")
        table = told.get("tool", {}).get("bandit")
    with contextlib.suppress(OSError):
        file = disk.read_plain(root / ".bandit")
    if file is not None:
        with contextlib.suppress(configparser.Error, UnicodeDecodeError, KeyError):
            parser = configparser.ConfigParser()
            parser.read_string(file.decode("utf-8"))
            ini = dict(parser.items("bandit"))
    return Settings(table if isinstance(table, dict) else None, file, ini)


def is_left_out(name: str, known: Settings, root: Path) -> bool:
    """Whether the settings explain that bandit does not read a file. Source: bandit's
    ``discover_files``; a folder stands for all that is in it."""
    path = "./" + name
    folders = [f"{glob}/*" for glob in known.excluded_by_file if (root / glob).is_dir()]
    return any(fnmatch.fnmatch(path, glob) or glob in path for glob in (*known.excluded, *folders))


def conditions(root: Path, known: Settings, argv: Sequence[str]) -> bytes | None:
    """A digest of what results depend on beside a file itself; None where that is not known."""
    if known.file is not None and (
        known.ini is None or any(key in known.ini for key in _READ_ELSEWHERE)
    ):
        return None
    plugins = _plugins()
    if plugins is None:
        return None
    parts = [
        importlib.metadata.version("pytest-devops-gates"),
        importlib.metadata.version("bandit"),
        sys.version,
        repr(argv),
        repr(known.table),
        repr(known.file),
        repr([(root / glob).is_dir() for glob in known.excluded_by_file]),
        *plugins,
    ]
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "backslashreplace")).digest()


def keys(root: Path, names: Iterable[str], given: bytes | None) -> dict[str, str]:
    """Under what each file is kept; those that cannot be read are under nothing.

    bandit looks for ``__init__.py`` in the folders above a file, to name what is defined in it.
    """
    is_package = lru_cache(maxsize=None)(lambda folder: (root / folder / "__init__.py").is_file())
    found: dict[str, str] = {}
    for name in names if given is not None else ():
        with contextlib.suppress(OSError):
            data = disk.read_plain(root / name)
            path = name.encode("utf-8", "surrogateescape")
            digest = hashlib.blake2b(given or b"", digest_size=20)
            digest.update(b"%s\0%d\0" % (path, _depth(name, is_package)))
            digest.update(data)
            found[name] = digest.hexdigest()
    return found


def load(project: Project) -> dict[str, Told]:
    """All that is kept, by its key. What cannot be read, whole or in part, was never kept."""
    found: dict[str, Told] = {}
    with contextlib.suppress(OSError, ValueError, RecursionError):
        data = disk.read_plain(project.cache / FILE)
        for key, entry in msgspec.json.decode(data, type=dict[str, msgspec.Raw]).items():
            with contextlib.suppress(ValueError, RecursionError):
                told = msgspec.json.decode(entry, type=Told)
                if told.error is None:
                    found[key] = told
    return found


def store(project: Project, new: Mapping[str, Told]) -> None:
    """Keep more than there is; where that cannot be written, the next run does without."""
    new = {key: told for key, told in new.items() if told.error is None}
    if not new:
        return
    with contextlib.suppress(OSError, UnicodeError):
        path = project.cache / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        older = {key: told for key, told in load(project).items() if key not in new}
        entries = [*older.items(), *new.items()][-ENTRIES:]
        disk.write(path, msgspec.json.encode(dict(entries)).decode("utf-8"))


def _plugins() -> list[str] | None:
    """Who extends bandit, in which version. None where one of them is installed to be edited, so
    that its version does not tell what it does."""
    found = []
    for group in PLUGINS:
        for point in importlib.metadata.entry_points(group=group):
            who = point.dist
            if who is None or '"editable"' in (who.read_text("direct_url.json") or ""):
                return None
            found.append(f"{group} {point.name} {point.value} {who.name} {who.version}")
    return sorted(found)


def _depth(name: str, is_package: Callable[[str], bool]) -> int:
    """How many of the folders above a file, the nearest first, are packages."""
    folder, depth = posixpath.dirname(name), 0
    while is_package(folder):
        depth += 1
        if not folder:
            break
        folder = posixpath.dirname(folder)
    return depth
