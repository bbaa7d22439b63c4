"""OSV records: which versions they hit, and how severe they are."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from pytest_devops_gates.advisories import cvss, osv
from pytest_devops_gates.advisories.matching import in_range, vulnerabilities
from pytest_devops_gates.advisories.osv import Event, Range, Record
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity
from tests.unit.samples import DATA, same_every_time

RECORDS = [osv.decode(p.read_bytes(), p.name) for p in sorted((DATA / "osv").glob("*.json"))]


def hits(name: str, version: str) -> list[tuple[str, str | None]]:
    return [(one.id, one.fix) for one in vulnerabilities(name, version, RECORDS)]


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("jinja2", "2.10", [("PYSEC-2019-217", "2.10.1"), ("PYSEC-2021-66", "2.11.3")]),
        ("jinja2", "2.10.1", [("PYSEC-2021-66", "2.11.3")]),
        ("jinja2", "2.11.3rc1", [("PYSEC-2021-66", "2.11.3")]),
        ("jinja2", "2.10+local.1", [("PYSEC-2019-217", "2.10.1"), ("PYSEC-2021-66", "2.11.3")]),
        ("jinja2", "3.1.6", []),
        ("urllib3", "1.26.4", [("PYSEC-2023-192", "1.26.17")]),
        ("urllib3", "1.26.17", []),
        ("urllib3", "2.0.5", [("PYSEC-2023-192", "2.0.6")]),
        ("urllib3", "2.0.6", []),
        ("requests", "2.2.1", []),
        ("requests", "2.3.0", [("PYSEC-2023-74", "2.31.0")]),
        ("aiohttp", "3.8.1", []),  # withdrawn
        ("nobody-knows", "1", []),
    ],
)
def test_real_advisories_hit_the_versions_that_they_are_about(
    name: str, version: str, expected: list[tuple[str, str | None]]
) -> None:
    assert hits(name, version) == expected


def test_records_of_one_vulnerability_are_one() -> None:
    one = vulnerabilities("jinja2", "2.10", RECORDS)[0]
    assert one.aliases == ("CVE-2019-10906", "GHSA-462w-v97r-4m45")
    assert (one.summary, one.severity) == ("sandbox escape", Severity.HIGH)
    assert vulnerabilities("jinja2", "2.10", RECORDS[::-1])[0] == one


def test_records_that_are_the_same_by_way_of_a_third_are_one() -> None:
    records = [
        record(id="B", aliases=("X",)),
        record(id="C", aliases=("Y",)),
        record(id="A", aliases=("X", "Y")),
    ]
    (one,) = vulnerabilities("a", "1", records)
    assert (one.id, one.aliases) == ("A", ("B", "C", "X", "Y"))


def test_the_fix_mends_all_records_of_it() -> None:
    records = [
        record(id="A", aliases=("X",), ranges=(span(fixed="2"),)),
        record(id="B", aliases=("X",), ranges=(span(fixed="3"),)),
    ]
    assert vulnerabilities("a", "1", records)[0].fix == "3"


def span(introduced: str = "0", **end: str) -> Range:
    return Range("ECOSYSTEM", (Event(introduced=introduced), *([Event(**end)] if end else [])))


def record(
    id: str = "A",
    aliases: tuple[str, ...] = (),
    ranges: tuple[Range, ...] | None = (span(),),
    versions: tuple[str, ...] | None = (),
    ecosystem: str = "PyPI",
    name: str = "A",
) -> Record:
    affected = osv.Affected(osv.Named(ecosystem, name), ranges, versions)
    return Record(id, aliases=aliases, affected=(affected,))


ODD = {
    "listed alone": (record(ranges=None, versions=("1.0",)), True),
    "listed, and out of its range": (record(ranges=(span("2"),), versions=("1",)), True),
    "another ecosystem": (record(ecosystem="npm"), False),
    "another name": (record(name="b"), False),
    "no affected versions": (record(ranges=(), versions=None), True),
    "git alone": (record(ranges=(Range("GIT", span().events),)), True),
    "git and versions": (record(ranges=(Range("GIT", span().events),), versions=("2",)), False),
    "a range that nothing begins": (record(ranges=(Range("ECOSYSTEM", (Event(fixed="2"),)),)), True),
    "another case": (record(ecosystem="pypi"), True),
    "a suffix": (record(ecosystem="PyPI:x"), True),
    "last affected": (record(ranges=(span(last_affected="1.0"),)), True),
    "after the last affected": (record(ranges=(span(last_affected="0.9"),)), False),
    "below the limit": (record(ranges=(Range("ECOSYSTEM", (*span().events, Event(limit="2"))),)), True),
    "above the limit": (record(ranges=(Range("ECOSYSTEM", (*span().events, Event(limit="1"))),)), False),
    "no limit": (record(ranges=(Range("ECOSYSTEM", (*span().events, Event(limit="*"))),)), True),
    "no order, but a list": (record(ranges=(span(fixed="2019-x"),), versions=("2",)), False),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_odd_records_are_judged(case: str) -> None:
    given_record, expected = ODD[case]
    assert bool(vulnerabilities("a", "1", [given_record])) == expected


def test_a_record_without_versions_may_mean_any_of_them() -> None:
    vague = record("PYSEC-1", ("CVE-1",), ranges=(Range("GIT", span().events),))
    (found,) = vulnerabilities("a", "1", [vague])
    assert (found.id, found.is_vague, found.fix) == ("PYSEC-1", True, None)
    other = record("GHSA-1", ("CVE-2",), ranges=(span("2"),))
    assert vulnerabilities("a", "1", [vague, other])
    same = record("GHSA-1", ("CVE-1",), ranges=(span("2"),))
    assert not vulnerabilities("a", "1", [vague, same]), "another record of it tells"
    (found,) = vulnerabilities("a", "3", [vague, same])
    assert not found.is_vague
    assert not vulnerabilities("a", "1", [msgspec.structs.replace(vague, withdrawn="2020-01-01")])


def test_a_local_build_is_the_version_that_it_was_built_from() -> None:
    assert vulnerabilities("a", "1.0+ours.1", [record(ranges=(span(last_affected="1.0"),))])


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(CannotTell, match="A cannot be compared with a 1"):
        vulnerabilities("a", "1", [record(ranges=(span(fixed="2019-x"),))])
    with pytest.raises(CannotTell, match="no version of PEP 440"):
        vulnerabilities("a", "one", [])


@same_every_time
@given(
    spans=st.lists(
        st.tuples(
            st.integers(0, 30), st.integers(1, 12), st.sampled_from(["fixed", "last_affected", ""])
        ),
        max_size=4,
    ),
    shuffle=st.randoms(use_true_random=False),
)
def test_ranges_hold_the_versions_that_they_name(
    spans: list[tuple[int, int, str]], shuffle: object
) -> None:
    """Against the plainest model: the set of all versions between the ends, in any order."""
    events, vulnerable, free = [], set[int](), 0
    for gap, length, kind in spans:
        start, end = free + gap, free + gap + length
        events.append(Event(introduced=str(start)))
        if kind == "":
            vulnerable |= set(range(start, 200))
            break
        events.append(Event(**{kind: str(end)}))
        vulnerable |= set(range(start, end + (kind == "last_affected")))
        free = end + 1
    shuffle.shuffle(events)  # type: ignore[attr-defined]
    one = Range("ECOSYSTEM", tuple(events))
    assert {n for n in range(200) if in_range(Version(str(n)), one)[0]} == vulnerable


@pytest.mark.parametrize(
    ("vector", "severity"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Severity.CRITICAL),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:N", Severity.HIGH),
        ("CVSS:3.1/AV:N/AC:H/PR:H/UI:N/S:U/C:H/I:N/A:N", Severity.MEDIUM),
        ("CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N/E:P", Severity.LOW),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Severity.INFO),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Severity.CRITICAL),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N", Severity.MEDIUM),
        ("CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", Severity.LOW),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Severity.INFO),
        ("CVSS:3.1/AV:N", None),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", None),
        ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
        ("", None),
    ],
)
def test_a_vector_has_the_rating_of_its_score(vector: str, severity: Severity | None) -> None:
    assert cvss.severity(vector) == severity


@pytest.mark.parametrize(
    ("changed", "severity"),
    [
        ({}, Severity.HIGH),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM),
        ({"database_specific": {"severity": 7}}, Severity.HIGH),
        ({"database_specific": {"severity": "LOW"}, "severity": (osv.Score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),)}, Severity.CRITICAL),
        ({"severity": (osv.Score("CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P"),)}, Severity.HIGH),
        ({"id": "MAL-2024-1", "database_specific": {"severity": "LOW"}}, Severity.CRITICAL),
    ],
)  # fmt: skip
def test_the_worst_that_is_said_counts_and_silence_is_high(
    changed: dict[str, object], severity: Severity
) -> None:
    one = msgspec.structs.replace(record(), **changed)
    assert vulnerabilities("a", "1", [one])[0].severity == severity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-16T13:47:54.655573123Z", datetime(2024, 2, 16, 13, 47, 54, tzinfo=timezone.utc)),
        ("2024-02-16T13:47:54Z", datetime(2024, 2, 16, 13, 47, 54, tzinfo=timezone.utc)),
        ("2024-02-16T14:47:54+01:00", datetime(2024, 2, 16, 13, 47, 54, tzinfo=timezone.utc)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_read(text: str, expected: datetime | None) -> None:
    assert osv.moment(text) == expected
