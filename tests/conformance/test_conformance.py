"""Our own ``release verify`` is held against the cases, in this process."""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates.cli import release_verify
from tests.conformance import run

HERE = Path(__file__).parent
CASES = list(run.cases())


@pytest.mark.parametrize(("folder", "expected"), CASES, ids=[folder.name for folder, _ in CASES])
def test_case(
    folder: Path,
    expected: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    parser = argparse.ArgumentParser()
    release_verify.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["verify", *expected["args"]])
    status = arguments.run(arguments)
    shown = capsys.readouterr()
    assert run.wrong(expected, status, shown.out + shown.err) is None, shown


def test_cases_are_those_of_the_table(tmp_path: Path) -> None:
    from tests.conformance import make

    make.write(tmp_path)
    made, there = _contents(tmp_path), _contents(HERE)
    assert made == there, "python -m tests.conformance.make"


def _contents(root: Path) -> dict[str, object]:
    """All files by name; of zips what is in them, since compressed bytes differ with zlib."""
    found: dict[str, object] = {}
    for part in ("cases", "keys", "artefacts"):
        for path in sorted(p for p in (root / part).rglob("*") if p.is_file()):
            found[str(path.relative_to(root))] = _content(path)
    return found


def _content(path: Path) -> object:
    if path.suffix == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return [(m.filename, m.CRC, m.external_attr) for m in archive.infolist()]
    return "broken" if path.suffix == ".zip" else path.read_bytes()
