"""Plays the story of ``tests/story``, and puts what was typed and printed into ``docs/loop.md``:
``python docs/loop.py``. What people wrote there stays as it is."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.story import scenario  # noqa: E402
from tests.story.scenario import Shown  # noqa: E402

PAGE = ROOT / "docs" / "loop.md"


def main() -> None:
    with tempfile.TemporaryDirectory() as name, scenario.played(Path(name)) as story:
        page = with_output(PAGE.read_text(encoding="utf-8"), story.shown, Path(name))
    PAGE.write_text(page, encoding="utf-8")


def with_output(page: str, shown: Sequence[Shown], folder: Path) -> str:
    """The page with other commands and outputs below the words of each phase."""
    head, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
    parts = [head]
    for section in sections:
        row = section.partition("\n")[0]
        words = section.partition("```console")[0].rstrip()
        blocks = [_block(one, folder) for one in shown if one.row == row]
        console = "```console\n" + "\n\n".join(blocks) + "\n```"
        parts.append(f"## {words}\n\n{console}\n\n" if blocks else f"## {words}\n\n")
    return "".join(parts).rstrip() + "\n"


def _block(one: Shown, folder: Path) -> str:
    """One command with what it printed, but for what is about this machine."""
    said = one.said.replace(f"{folder}/platform/", "").replace(sys.executable, "python")
    lines = [line.rstrip() for line in said.replace(f"{folder}/", "").strip("\n").splitlines()]
    told = [f"exit status {one.status}"] if one.status else []
    return "\n".join([f"$ {one.typed}", *lines, *told])


if __name__ == "__main__":
    main()
