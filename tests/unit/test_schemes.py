"""Version schemes: which one a version follows, and what it asks of the next one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from pytest_devops_gates import schemes
from pytest_devops_gates.schemes import Scheme

OF = {
    ("1.2.3", 2026): "semver",
    ("0.9", 2026): "zerover",
    ("2024.7.4", 2026): "calver",
    ("24.1.0", 2024): "calver",
    ("23.12.1", 2024): "calver",
    ("26.4.0", 2024): "semver",
    ("24.0", 2016): "semver",
    ("8.2.0", 2008): "calver",
}


@pytest.mark.parametrize(("released", "scheme"), OF.items(), ids=map(str, OF))
def test_the_scheme_of_a_version(released: tuple[str, int], scheme: str) -> None:
    assert schemes.of(Version(released[0]), released[1]) == scheme


NEEDED: dict[tuple[str, Scheme], tuple[str | None, str | None]] = {
    # the last release and its scheme: what a breaking change needs, and what an addition
    ("8.2.1", "semver"): ("9.0.0", "8.3.0"),
    ("1!8.2.1", "semver"): ("1!9.0.0", "1!8.3.0"),
    ("8", "semver"): ("9.0.0", "8.1.0"),
    ("0.4.2", "semver"): ("0.5.0", None),
    ("0.4.2", "zerover"): ("0.5.0", None),
    ("8.2.1", "zerover"): ("8.3.0", None),
    ("24.1", "calver"): (None, None),
    ("9.0.0rc1", "semver"): ("9.0.0", "9.0.0"),
    ("8.2.1.post3", "semver"): ("9.0.0", "8.3.0"),
}


@pytest.mark.parametrize(("last", "least"), NEEDED.items(), ids=map(str, NEEDED))
def test_what_is_needed(last: tuple[str, Scheme], least: tuple[str | None, str | None]) -> None:
    version, scheme = Version(last[0]), last[1]
    breaking = schemes.needed(version, scheme, breaking=True, added=True)
    added = schemes.needed(version, scheme, breaking=False, added=True)
    assert (breaking and str(breaking), added and str(added)) == least
    assert schemes.needed(version, scheme, breaking=False, added=False) is None


@pytest.mark.parametrize("text", ["9.0.0", "9.0.0rc1", "9.0.0.dev2", "9.0.0+local", "10"])
def test_what_suffices(text: str) -> None:
    assert schemes.suffices(Version(text), Version("9.0.0"))
    assert not schemes.suffices(Version(text), Version("11"))


numbers = st.lists(st.integers(0, 3000), min_size=1, max_size=4)


@given(numbers, st.sampled_from(schemes.SCHEMES), st.booleans())
def test_more_is_asked_of_a_breaking_change(
    parts: list[int], scheme: Scheme, prerelease: bool
) -> None:
    last = Version(".".join(map(str, parts)) + ("rc1" if prerelease else ""))
    breaking = schemes.needed(last, scheme, breaking=True, added=False)
    added = schemes.needed(last, scheme, breaking=False, added=True)
    assert schemes.patched(last) > last
    assert added is None or (breaking is not None and breaking >= added > last)


MISFITS: dict[tuple[str, Scheme], bool] = {
    ("1.2.3", "semver"): False,
    ("1.2.3rc1", "semver"): False,
    ("1.2", "semver"): True,
    ("1.2.3.4", "semver"): True,
    ("24.1", "calver"): False,
    ("2024.1", "calver"): False,
    ("300.1", "calver"): True,
    ("0.2", "zerover"): False,
    ("5", "zerover"): True,
}


@pytest.mark.parametrize(("version", "wrong"), MISFITS.items(), ids=map(str, MISFITS))
def test_misfits(version: tuple[str, Scheme], wrong: bool) -> None:
    assert bool(schemes.misfit(Version(version[0]), version[1])) is wrong
