"""What a tool's own manual says of a rule."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.process import environment, find_tool, run

TIMEOUT = 10.0
LONGEST = 20_000
"""Characters that are shown."""

_RUFF = re.compile(r"[A-Z]{1,10}[0-9]{1,6}")


def manual(gate: str, rule: str, root: Path) -> tuple[str, str] | None:
    """The command that explains a rule, and what it says; None where there is none, or it fails."""
    if gate != "lint" or not _RUFF.fullmatch(rule):
        return None
    try:
        tool = find_tool("ruff", root)
        with tempfile.TemporaryDirectory(prefix="devops-gates-") as folder:
            done = run(
                [tool, "rule", rule],
                cwd=Path(folder),
                env=environment(),
                log_dir=Path(folder),
                name="manual",
                timeout=TIMEOUT,
            )
            if done.failure((0,)):
                return None
            said = done.stdout().decode("utf-8", "replace")
    except (CannotTell, OSError):
        return None
    return f"ruff rule {rule}", said[:LONGEST]
