"""Holds any implementation of ``release verify`` against the cases beside this file.

    python tests/conformance/run.py -- devops-gates release verify

It needs nothing but Python. See README.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CASES = Path(__file__).with_name("cases")


def cases() -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folder of each case, and what is expected of it."""
    for path in sorted(CASES.glob("*/expected.json")):
        yield path.parent, json.loads(path.read_text("utf-8"))


def wrong(expected: dict[str, Any], status: int, output: str) -> str | None:
    """What is wrong with an answer, in a line; None if it is right."""
    if status != expected["exit"]:
        return f"exit status {status}, expected {expected['exit']}"
    if expected["says"].lower() not in output.lower():
        return f"does not say '{expected['says']}'"
    return None


def main(command: list[str]) -> int:
    known, troubles = list(cases()), 0
    for folder, expected in known:
        ran = subprocess.run(
            [*command, *expected["args"]], cwd=folder, capture_output=True, check=False
        )
        output = (ran.stdout + ran.stderr).decode("utf-8", "replace")
        trouble = wrong(expected, ran.returncode, output)
        troubles += trouble is not None
        print(
            f"{'FAILED' if trouble else 'ok':<8}{folder.name}" + (f": {trouble}" if trouble else "")
        )
    print(f"{len(known) - troubles} of {len(known)} cases as expected")
    return 1 if troubles or not known else 0


if __name__ == "__main__":
    if sys.argv[1:2] != ["--"] or len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} -- COMMAND …")
    sys.exit(main(sys.argv[2:]))
