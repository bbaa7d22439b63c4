"""The gate ``licenses``: which distributions are judged, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import config
from pytest_devops_gates.dependencies import required
from pytest_devops_gates.dependencies.distributions import Distribution
from pytest_devops_gates.dependencies.planted import with_requirement
from pytest_devops_gates.dependencies.required import Needed, Requiring
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gates.licenses import LICENSES, NO_POLICY, check
from pytest_devops_gates.gates.licenses import LicenseOptions as Options
from pytest_devops_gates.testing import judge, project, prove, write

TOML = '[project]\nname = "app"\nversion = "1"\ndependencies = ["pluggy"]\n'
MIT = Distribution("mit", "1.0", licence_expression="MIT")
GPL = Distribution("gpl", "2.0", licence_expression="GPL-3.0-or-later")
BOTH = Distribution("both", "1.0", licence_expression="MIT OR GPL-3.0-only")
BSD = Distribution("bsd", "1.0", classifiers=("License :: OSI Approved :: BSD License",))
SILENT = Distribution("silent", "1.0")


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The gate on certain distributions instead of those that are installed."""

    def run(*some: Distribution, missing: tuple[Requiring, ...] = (), **options: Any) -> Evidence:
        by = {one.name: "app" for one in some} | {one.name: "app" for one in missing}
        needed = Needed({one.name: one for one in some}, by, missing=missing)
        monkeypatch.setattr(required, "required", lambda *_, **__: needed)
        return check(project(tmp_path), msgspec.convert(options, Options), ())

    return run


def test_gpl_under_an_mit_only_policy_is_red(checked):
    evidence = checked(MIT, GPL, allow=["MIT"])
    (found,) = evidence.findings
    assert (found.rule, evidence.examined, evidence.unknown) == ("not-allowed", 2, None)
    assert found.message == (
        "gpl 2.0, required by app, is licensed GPL-3.0-or-later (License-Expression),"
        " which allow does not name in [tool.devops-gates.gates.licenses.options]"
        " · replace it, or change that list"
    )


def test_one_allowed_alternative_is_enough(checked):
    assert checked(BOTH, allow=["MIT"]).findings == ()
    assert checked(BOTH, deny=["GPL-*"]).findings == ()
    assert [f.rule for f in checked(GPL, deny=["GPL-*"]).findings] == ["denied-licence"]


def test_an_ambiguous_licence_is_unknown_only_where_it_matters(checked):
    both = checked(BSD, allow=["BSD-2-Clause", "BSD-3-Clause"])
    neither = checked(BSD, allow=["MIT"])
    one = checked(BSD, allow=["BSD-3-Clause"])
    assert (both.findings, both.unknown) == ((), None)
    assert (len(neither.findings), neither.unknown) == (1, None)
    assert one.findings == ()
    assert one.unknown == (
        "the licence of bsd may be BSD-2-Clause, or BSD-3-Clause (classifiers)"
        ' · [tool.devops-gates.gates.licenses.options] known = { "bsd" = "…" }'
    )


def test_a_licence_that_is_not_stated_is_unknown_until_it_is_known(checked):
    odd = Distribution("odd", "1", licence="ask me")
    evidence = checked(SILENT, odd, GPL, allow=["MIT"])
    assert evidence.unknown
    assert evidence.unknown.startswith("the licence of silent is not stated in its metadata · ")
    assert evidence.unknown.endswith("(and 1 more: odd)")
    assert evidence.metrics == {"undetermined": 2}
    assert len(evidence.findings) == 1
    known = checked(SILENT, allow=["MIT"], known={"Silent": "MIT", "gone": "ISC"})
    assert (known.findings, known.unknown) == ((), None)
    assert known.notes == ("known names what is not required: gone",)
    assert len(checked(SILENT, allow=["MIT"], known={"silent": "ISC"}).findings) == 1


def test_what_is_not_installed_is_unknown_with_the_line_that_installs_it(checked):
    evidence = checked(MIT, missing=(Requiring("gone", "gone>=2", "app"),), allow=["MIT"])
    assert evidence.unknown == (
        "gone, required by app, is not installed · python -m pip install 'gone>=2'"
    )


def test_without_dependencies_the_question_does_not_arise(checked):
    with pytest.raises(NotApplicable):
        checked(allow=["MIT"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"allow": ["MITT"]}, "allow .*'MITT'"),
        ({"deny": ["MIT", "GPLL"]}, "deny .*'GPLL'"),
        ({"allow": ["MIT"], "known": {"A.b": "whatever"}}, r"known\.A\.b "),
        ({"allow": ["MIT"], "known": {"a": ""}}, r"known\.a "),
    ],
)
def test_a_licence_that_spdx_does_not_have_is_told(checked, options, named):
    with pytest.raises(CannotTell, match=named):
        checked(MIT, **options)


def test_without_the_library_it_is_unknown(checked, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CannotTell, match=r"pip install 'pytest-devops-gates\[security\]'"):
        checked(MIT, allow=["MIT"])


@pytest.mark.parametrize(
    "options",
    [
        {"allow": ["MIT OR ISC"]},
        {"allow": ["(MIT)"]},
        {"deny": ["MIT License"]},
        {"deny": [""]},
        {"allow": "MIT"},
        {"known": {"a": 3}},
        {"forbid": ["MIT"]},
    ],
)
def test_a_wrong_option_is_a_mistake(tmp_path, options):
    with pytest.raises(UsageError, match=r"licenses\.options"):
        judge(LICENSES, write(tmp_path, {"pyproject.toml": TOML}), options=options)


# the gate itself


def test_it_is_asked_for_by_its_options_alone(tmp_path):
    write(tmp_path, {"pyproject.toml": TOML})
    assert judge(LICENSES, tmp_path).reason == NO_POLICY
    assert judge(LICENSES, tmp_path, profile="commit").outcome == "off"


def test_it_bites(tmp_path):
    write(tmp_path, {"pyproject.toml": TOML})
    clean, planted = prove(LICENSES, tmp_path, options={"allow": ["MIT"]})
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert set(planted.rules) == {"not-allowed"}
    assert "pluggy" not in planted.evidence.findings[0].message


def test_groups_and_extras_count_where_they_are_asked_for(tmp_path):
    toml = TOML + '[dependency-groups]\ndev = ["hypothesis"]\n'
    write(tmp_path, {"pyproject.toml": toml})
    here = project(tmp_path)
    assert check(here, Options(deny=("MPL-2.0",)), ()).findings == ()
    with_group = check(here, Options(deny=("MPL-2.0",), groups=("dev",)), ())
    assert "hypothesis" in [finding.message.split()[0] for finding in with_group.findings]
    with_extra = check(here, Options(deny=("MPL-2.0",), extras=("no",)), ())
    assert with_extra.unknown == "pyproject.toml has no extra 'no'"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[tool.ruff]\nline-length = 100\n",
        '[project]\nname = "a"\n',
        '[project]  # ours\nname = "a"\ndependencies = []\n',
        '[project]\nname = "a"\ndependencies = ["x"]\n[tool.a]\ndependencies = ["y"]\n',
        '[project]\nname = "a"\n[tool.a]\ndependencies = ["y"]\n',
        '[project]\nname = "a"\ndynamic = ["version", "dependencies"]\n',
        '[project]\nname = "a"\ndynamic = [\'dependencies\', "version"]\n',
    ],
)
def test_a_requirement_is_planted_wherever_the_others_stand(text):
    planted = config.load_toml(with_requirement(text, "canary").encode(), "pyproject.toml")
    assert planted["project"]["dependencies"][0] == "canary"
    assert "dependencies" not in planted["project"].get("dynamic", [])
    before = config.load_toml(text.encode(), "pyproject.toml")
    assert planted.get("tool") == before.get("tool")
