"""Licence expressions: read, judged by a policy, and found in metadata."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.dependencies.distributions import Distribution
from pytest_devops_gates.licences import spdx
from pytest_devops_gates.licences.names import CLASSIFIERS, SPELLINGS, stated
from pytest_devops_gates.licences.spdx import Expression, Licence, Policy, entries, parse
from tests.unit.samples import any_text, same_every_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mit", "MIT"),
        ("(MIT)", "MIT"),
        ("MIT\nor isc AND BSD-2-Clause", "MIT OR (ISC AND BSD-2-Clause)"),
        ("(MIT OR ISC) AND 0BSD", "(MIT OR ISC) AND 0BSD"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("apache-2.0+", "Apache-2.0+"),
        ("GPL-2.0+ WITH Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("LicenseRef-MIT-Bootstrap", "LicenseRef-MIT-Bootstrap"),
        ("DocumentRef-a:LicenseRef-b", "DocumentRef-a:LicenseRef-b"),
    ],
)
def test_expressions_are_read(text, expected):
    told = parse(text)
    assert told
    assert told.text == expected
    assert parse(told.text) == told


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "MITT",
            "MIT License",
            "Apache 2.0",
            "MIT AND",
            "MIT/ISC",
            "MIT OR MITT",
            "(MIT",
        ),
        *("GPL-2.0-only WITH Nope-1.0", "MIT WITH ISC", "Classpath-exception-2.0", "MIT, ISC"),
        *("UNKNOWN", "MIT" * 1000, "LicenseRef-", "LicenseRef-a b", "+", "MITT+", "NOT MIT"),
        "(" * 900 + "MIT",
    ],
)
def test_what_is_no_expression_is_none(text):
    assert parse(text) is None


@same_every_time
@given(
    any_text | st.lists(st.sampled_from("MIT ISC AND OR WITH ( ) + GPL-2.0".split())).map(" ".join)
)
def test_no_text_breaks_the_reader(text):
    told = parse(text)
    assert told is None or parse(told.text) is not None


def policy(allow: list[str], deny: list[str] | None = None) -> Policy:
    (allowed, wrong), (denied, also) = entries(allow), entries(deny or [])
    assert wrong is also is None
    return Policy(allowed, denied)


@pytest.mark.parametrize(
    ("text", "allow", "deny", "taken"),
    [
        ("MIT", ["MIT"], [], True),
        ("GPL-3.0-only", ["MIT"], [], False),
        ("MIT-0", ["MIT"], [], False),
        ("MIT OR GPL-3.0-only", ["MIT"], [], True),
        ("MIT AND GPL-3.0-only", ["MIT"], [], False),
        ("(MIT OR GPL-3.0-only) AND ISC", ["MIT", "ISC"], [], True),
        ("GPL-2.0-or-later", ["GPL-3.0-only"], [], True),
        ("GPL-2.0-only", ["GPL-3.0-only"], [], False),
        ("GPL-3.0-only", ["GPL-2.0-or-later"], [], True),
        ("GPL-3.0-or-later", ["GPL-2.0-only"], [], False),
        ("LGPL-3.0-only", ["GPL-2.0-or-later"], [], False),
        ("Apache-2.0+", ["Apache-2.0"], [], True),
        ("Apache-1.1", ["Apache-2.0"], [], False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ["GPL-2.0-only"], [], True),
        ("GPL-2.0-only", ["GPL-2.0-only WITH Classpath-exception-2.0"], [], False),
        ("MIT", [], ["GPL-*"], True),
        ("GPL-3.0-or-later", [], ["GPL-*"], False),
        ("MIT OR GPL-3.0-or-later", [], ["GPL-*"], True),
        ("MIT AND GPL-3.0-or-later", [], ["GPL-*"], False),
        ("GPL-2.0-or-later", [], ["GPL-3.0-or-later"], True),
        ("GPL-3.0-only", [], ["GPL-3.0-or-later"], False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", [], ["GPL-*"], False),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            ["GPL-2.0-only WITH Classpath-exception-2.0"],
            ["GPL-*"],
            True,
        ),
        ("LicenseRef-Ours", ["LicenseRef-Ours*"], [], True),
        ("LicenseRef-a-1.0", ["LicenseRef-a-2.0"], [], False),
    ],
)
def test_a_policy_takes_what_it_should(text, allow, deny, taken):
    told = parse(text)
    assert told
    assert told.holds(policy(allow, deny).takes) is taken


def test_entries_are_single_licences_of_the_list():
    assert entries(["mit", "GPL-2.0+"])[0] == (Licence("MIT"), Licence("GPL-2.0-or-later"))
    assert entries(["MIT", "MITT"])[1] == "MITT"
    assert entries(["MIT OR ISC"])[1] == "MIT OR ISC"


licences = st.sampled_from(["MIT", "ISC", "GPL-2.0-only", "0BSD"])
trees = st.recursive(
    licences.map(lambda name: Expression(licence=Licence(name))),
    lambda inner: st.builds(
        lambda join, parts: Expression(join, tuple(parts)),
        st.sampled_from(["AND", "OR"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=6,
)


@same_every_time
@given(trees, st.sets(licences), st.sets(licences))
def test_what_is_allowed_stays_so_when_more_is_allowed(tree, some, more):
    def holds(names: set[str]) -> bool:
        return tree.holds(lambda one: one.id in names)

    assert not holds(some) or holds(some | more)
    read = parse(tree.text)
    assert read
    assert read.holds(lambda one: one.id in some) == holds(some)


# what metadata states


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (Distribution("a", "1", licence_expression="MIT", licence="GPL"), "MIT"),
        (Distribution("a", "1", licence="MIT"), "MIT"),
        (Distribution("a", "1", licence="The MIT License"), "MIT"),
        (Distribution("a", "1", licence="Apache License, Version 2.0"), "Apache-2.0"),
        (Distribution("a", "1", licence="BSD"), "BSD-2-Clause, or BSD-3-Clause"),
        (Distribution("a", "1", licence="BSD 2-Clause License"), "BSD-2-Clause"),
        (Distribution("a", "1", licence="GPLv3+"), "GPL-3.0-or-later"),
        (Distribution("a", "1", licence="Apache License\n  Version 2.0"), "Apache-2.0"),
        (Distribution("a", "1", licence="MIT\n\nPermission is hereby granted"), ""),
        (Distribution("a", "1", licence="see LICENSE"), ""),
        (Distribution("a", "1", licence_expression="MITT", licence="MIT"), ""),
        (Distribution("a", "1"), ""),
    ],
)
def test_the_fields_are_read(one, expected):
    told = stated(one)
    assert told.text == expected if told.readings else expected == ""


@pytest.mark.parametrize(
    ("names", "licence", "expected"),
    [
        (["OSI Approved :: MIT License"], "", ["MIT"]),
        (["OSI Approved", "OSI Approved :: MIT License"], "", ["MIT"]),
        (["OSI Approved"], "MIT", ["MIT"]),
        (["OSI Approved :: BSD License"], "", ["BSD-2-Clause", "BSD-3-Clause"]),
        (["OSI Approved :: BSD License"], "BSD-3-Clause", ["BSD-3-Clause"]),
        (["OSI Approved :: MIT License"], "Apache-2.0", ["MIT", "Apache-2.0"]),
        (["OSI Approved :: MIT License", "Public Domain"], "",
         ["MIT OR LicenseRef-Public-Domain", "MIT AND LicenseRef-Public-Domain"]),
        (["Free For Home Use"], "", []),
        (["OSI Approved :: MIT License", "Free For Home Use"], "", []),
        (["Free For Home Use"], "MIT", ["MIT"]),
    ],
)  # fmt: skip
def test_classifiers_are_read_and_nothing_is_guessed(names, licence, expected):
    listed = tuple(f"License :: {name}" for name in names)
    told = stated(Distribution("a", "1", licence=licence, classifiers=listed))
    assert [reading.text for reading in told.readings] == expected


def test_every_identifier_of_the_tables_is_one_of_spdx():
    for name in (name for row in (*CLASSIFIERS.values(), *SPELLINGS.values()) for name in row):
        told = parse(name)
        assert told
        assert told.text == name


def test_an_expression_shows_what_belongs_together():
    assert spdx.parse("MIT AND (ISC OR 0BSD)").text == "MIT AND (ISC OR 0BSD)"  # type: ignore[union-attr]
