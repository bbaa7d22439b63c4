"""What the supervisor imports, and from where: its own modules as installed, none of the checkout.

Imports nothing that the interpreter has not loaded already: this runs before anything else does.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def unchanged_modules() -> Iterator[None]:
    """Inside the block modules are loaded as they were installed.

    pytest rewrites the asserts of every plugin and of all that it imports. Ours has none, and where
    no bytecode can be kept (containers, PYTHONDONTWRITEBYTECODE) that costs a third of a second.
    """
    before = list(sys.meta_path)
    sys.meta_path[:] = [f for f in before if type(f).__name__ != "AssertionRewritingHook"]
    try:
        yield
    finally:
        sys.meta_path[:] = before


@contextlib.contextmanager
def left(root: str) -> Iterator[None]:
    """Inside the block ``sys.path`` has no folder below ``root`` or the current folder.

    ``python -m pytest`` and the ``pythonpath`` setting put such folders there, and a ``json.py`` at
    the project's root would be imported in place of the real one. What belongs to the interpreter's
    own environment stays, also where that lies inside the checkout (``.venv``).
    """
    before = list(sys.path)
    homes = [sys.prefix, sys.exec_prefix, sys.base_prefix, os.path.dirname(os.__file__)]
    places = [root, os.getcwd()]
    sys.path[:] = [p for p in before if p and (_within(p, homes) or not _within(p, places))]
    try:
        yield
    finally:
        sys.path[:] = before


def _within(path: str, folders: list[str]) -> bool:
    real = os.path.realpath(path)
    return any(
        real == home or real.startswith(home + os.sep) for home in map(os.path.realpath, folders)
    )
