"""Hashes of lines, as GitHub's own code makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from pytest_devops_gates.linehash import BLOCK, Source
from tests.unit.samples import DATA, any_text, long_text, same_every_time

SAMPLES = json.loads((DATA / "codeql-action-4.36.3-line-hashes.json").read_text())


@pytest.mark.parametrize("sample", SAMPLES, ids=range(len(SAMPLES)))
def test_all_hashes_are_those_of_github(sample: dict[str, Any]) -> None:
    source = Source(sample["text"])
    hashes = sample["hashes"]
    assert [source.hash(n) for n in range(1, len(hashes) + 1)] == hashes
    assert source.hash(len(hashes) + 1) == ""


def test_the_samples_hold_what_matters() -> None:
    texts = [sample["text"] for sample in SAMPLES]
    for what in ("\r\n", "\r", "\t", "\n\n", "\U0001f600", "é"):
        assert any(what in text for text in texts), what
    assert any(hash_.endswith(":2") for sample in SAMPLES for hash_ in sample["hashes"])
    assert any(len(line) > BLOCK for text in texts for line in text.split("\n"))


@pytest.mark.parametrize("number", [None, 0, -1, 4, 10**30])
def test_a_line_that_there_is_not(number: int | None) -> None:
    source = Source("a\nb\n")
    assert source.line(number) == source.hash(number) == ""


def test_a_line_of_the_text() -> None:
    source = Source("a\r\nb\rc\n")
    assert [source.line(n) for n in (1, 2, 3, 4)] == ["a", "b", "c", ""]


def test_a_hash_moves_with_its_line() -> None:
    block = "".join(f"line {n} of a block that is long enough\n" for n in range(9))
    assert Source(block).hash(3) == Source("import os\n\n" + block).hash(5)
    assert Source(block).hash(3) == Source(block.replace(" ", "\t  ")).hash(3)
    assert Source(block).hash(3) != Source(block.replace("line 2", "line two")).hash(3)


@given(any_text | long_text)
@same_every_time
def test_each_line_of_any_text_has_a_hash_of_its_own(text: str) -> None:
    source = Source(text)
    hashes = [source.hash(n) for n in range(1, len(source.lines) + 1)]
    assert all(hashes)
    assert len(set(hashes)) == len(hashes)
