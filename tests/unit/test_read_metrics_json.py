"""The reader of plain numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.gate import ANY_METRIC, Output
from pytest_devops_gates.readers.metrics_json import READER, read
from tests.unit.samples import same_every_time


def test_numbers_are_metrics() -> None:
    found = read(Output(0, b'{"p95 ms": 12.5, "bundle:main.js": 1024, "drift": -0.5}\n')).checked()
    assert found.metrics == {"p95 ms": 12.5, "bundle:main.js": 1024, "drift": -0.5}
    assert (found.examined, found.findings, found.unknown) == (3, (), None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]", "no object of names to numbers"),
        ("1", "no object of names to numbers"),
        ("null", "no object of names to numbers"),
        ("{}", "an object without any number"),
        ('{"good": 1, "bad": true}', "'bad' is no number but bool"),
        ('{"good": 1, "bad": "2"}', "'bad' is no number but str"),
        ('{"good": 1, "bad": null}', "'bad' is no number but null"),
        ('{"good": 1, "bad": {"a": 1}}', "'bad' is no number but dict"),
        ('{"good": 1, "bad": [1]}', "'bad' is no number but list"),
        ('{"good": 1, "bad": 1e999}', "'bad' is a number too large"),
        ('{"good": 1, "bad": -1e999}', "'bad' is a number too large"),
        ('{"good": 1, "bad": 1%s}' % ("0" * 400), "'bad' is a number too large"),
        ('{"good": 1, "bad": NaN}', "NaN is not JSON"),
        ('{"findings.total": 0}', "names a metric 'findings.total'"),
        ('{"findings.new": 0}', "names a metric 'findings.new'"),
        ('{"findings": 0}', "names a metric 'findings'"),
        ('{"": 0}', "which is no name"),
        ('{" ": 0}', "which is no name"),
        ('{"a\\nb": 0}', "which is no name"),
        ('{"\\u001b[2J": 0}', "which is no name"),
        ('{"\\ud800": 0}', "which is no name"),
        ('{"%s": 0}' % ("a" * 201), "which is no name"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_unknown(text: str, reason: str) -> None:
    with pytest.raises(CannotTell) as said:
        read(Output(0, text.encode()))
    assert reason in str(said.value)
    assert len(str(said.value)) < 300


def test_defaults() -> None:
    assert (READER.conditions, READER.accepts, READER.metrics) == ({}, (0,), (ANY_METRIC,))


names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20).filter(
    lambda name: not name.startswith("findings")
)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**300), 10**300)


@same_every_time
@given(st.dictionaries(names, numbers, min_size=1))
def test_numbers_come_back(table: dict[str, Any]) -> None:
    found = read(Output(0, json.dumps(table).encode())).checked()
    assert found.metrics == {name: float(value) for name, value in table.items()}
    assert found.examined == len(table)
