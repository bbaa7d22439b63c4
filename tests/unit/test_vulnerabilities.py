"""The gate ``vulnerabilities``, through the real engine and policy, offline and on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import testing
from pytest_devops_gates.advisories import online
from pytest_devops_gates.dependencies import packages
from pytest_devops_gates.dependencies.distributions import origin
from pytest_devops_gates.dependencies.package import Package
from pytest_devops_gates.dependencies.packages import Packages
from pytest_devops_gates.engine.task import Task
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gates import vulnerabilities
from pytest_devops_gates.gates.vulnerabilities import VULNERABILITIES, VulnerabilityOptions
from pytest_devops_gates.project import Project
from pytest_devops_gates.testing import Judged, write
from tests.unit.osv_server import serving
from tests.unit.samples import DATA

OSV = DATA / "osv"
OLD = {"advisories": str(OSV), "max-age": 100_000}
PYPROJECT = '[project]\nname = "app"\nversion = "1"\ndependencies = [{}]\n'
URLLIB3 = (
    "urllib3 1.26.4: The header Cookie is sent on to another origin"
    " (CVE-2023-43804, GHSA-v845-jxx5-vc9f) · upgrade to 1.26.17"
)


def judge(root: Path, **options: Any) -> Judged:
    return testing.judge(VULNERABILITIES, root, options=options or OLD, profile="release")


@pytest.fixture
def engine() -> None:
    """For tests that run the gate in a worker process, as the real engine does."""


@pytest.fixture(autouse=True)
def in_place(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """All others spare the process."""

    def gather(task: Task, here: Project, gathered: object) -> Evidence:
        assert task.gate.function is not None
        try:
            return task.gate.function(here, task.options, task.asked)
        except CannotTell as reason:
            return Evidence(unknown=str(reason))
        except NotApplicable as reason:
            return Evidence(not_applicable=str(reason))

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    if "engine" not in request.fixturenames:
        monkeypatch.setattr(testing, "_gather", gather)


def project(root: Path, *dependencies: str, **files: str) -> Path:
    named = {name.replace("_", "."): text for name, text in files.items()}
    listed = ", ".join(f'"{one}"' for one in dependencies)
    return write(root, {"pyproject.toml": PYPROJECT.format(listed), **named})


@pytest.mark.parametrize(
    ("name", "saved", "line"),
    [
        ("uv.lock", "uv-0.13.9-vendored.lock", 30),
        ("poetry.lock", "poetry-2.5.1-vendored.lock", 21),
        ("pylock.toml", "uv-0.13.9-vendored-pylock.toml", 15),
        ("requirements.txt", "uv-0.13.9-vendored-requirements.txt", 8),
    ],
)
def test_a_vulnerable_package_of_a_real_lock_is_found_at_its_line(
    tmp_path: Path, name: str, saved: str, line: int
) -> None:
    lock = (DATA / saved).read_text()
    root = write(tmp_path, {"pyproject.toml": PYPROJECT.format(""), name: lock})
    judged = judge(root, skip=["Vendored", "./vendored"], **OLD)
    assert (judged.outcome, judged.rules) == ("fail", ["PYSEC-2023-192"])
    (found,) = judged.evidence.findings
    assert (found.message, found.path) == (URLLIB3, name)
    assert found.severity.value == "high"
    assert "urllib3" in lock.splitlines()[(found.line or 0) - 1]
    (rule,) = judged.evidence.rules
    assert rule.uri == "https://osv.dev/vulnerability/PYSEC-2023-192"
    notes, reason = judged.evidence.notes, judge(root).reason
    assert ("vendored" in " ".join(notes)) == (name != "requirements.txt")
    assert reason.startswith("vulnerabilities: findings.new 1, needs == 0")


def test_what_no_index_has_is_named_and_unknown(tmp_path: Path) -> None:
    lock = (DATA / "uv-0.13.9-vendored.lock").read_text().replace('"1.26.4"', '"2.6.0"')
    root = project(tmp_path, uv_lock=lock)
    judged = judge(root)
    assert judged.outcome == "unknown"
    assert "1 package was not audited: vendored 0.1 (comes from a path)" in judged.reason
    assert judge(root, skip=["vendored"], **OLD).outcome == "warn"  # the data are old


@pytest.mark.usefixtures("engine")
def test_a_clean_lock_passes_and_tells_the_date_of_the_data(tmp_path: Path) -> None:
    judged = judge(project(tmp_path, requirements_txt="jinja2==3.1.6\nmarkupsafe==3.0.2\n"))
    assert (judged.outcome, judged.evidence.examined) == ("warn", 2)
    assert "6 advisories of osv, the newest of 2024-02-16" in judged.evidence.notes
    assert judged.ruling.metrics["data-age"] > 600


def fresh(root: Path, days: float) -> dict[str, Any]:
    modified = (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()
    raw = json.loads((OSV / "PYSEC-2021-66.json").read_bytes())
    write(root, {"osv/a.json": json.dumps({**raw, "modified": modified})})
    return {"advisories": "osv"}


@pytest.mark.parametrize(
    ("days", "more", "outcome"),
    [
        (0, {}, "pass"),
        (6, {}, "pass"),
        (8, {}, "warn"),
        (29, {}, "warn"),
        (31, {}, "unknown"),
        (31, {"max-age": 40}, "warn"),
    ],
)
def test_old_data_prove_nothing(
    tmp_path: Path, days: float, more: Mapping[str, Any], outcome: str
) -> None:
    root = project(tmp_path, requirements_txt="jinja2==3.1.6\n")
    judged = judge(root, **fresh(root, days), **more)
    assert judged.outcome == outcome
    assert ("the advisories are 31 days old, and max-age is 30" in judged.reason) == (
        outcome == "unknown"
    )


def test_old_data_that_tell_of_a_package_still_fail(tmp_path: Path) -> None:
    root = project(tmp_path, requirements_txt="jinja2==2.10\n")
    assert judge(root, **fresh(root, 500)).outcome == "fail"


def test_a_version_that_is_none_is_named(tmp_path: Path) -> None:
    judged = judge(project(tmp_path, requirements_txt="jinja2===one\n"))
    assert judged.outcome == "unknown"
    assert "'one' is no version" in judged.reason


def test_advisories_that_are_not_there_are_unknown(tmp_path: Path) -> None:
    judged = judge(project(tmp_path, requirements_txt="a==1\n"), advisories="nowhere")
    assert (judged.outcome, judged.reason) == (
        "unknown",
        "vulnerabilities: there are no advisories at nowhere · devops-gates release advisories",
    )


@pytest.mark.parametrize(
    ("files", "outcome"),
    [
        ({"pyproject.toml": PYPROJECT.format("")}, "off|not-applicable"),
        ({"README.md": "nothing"}, "off|not-applicable"),
        ({"pyproject.toml": PYPROJECT.format(""), "uv.lock": '[[package]]\nname = "app"\n'}, "not-applicable"),
        ({"setup.py": "setup()"}, "unknown"),
        ({"pyproject.toml": PYPROJECT.format("") + 'dynamic = ["dependencies"]\n'}, "unknown"),
        ({"pyproject.toml": PYPROJECT.format(""), "uv.lock": "[["}, "unknown"),
        ({"pyproject.toml": PYPROJECT.format(""), "requirements.txt": "a==1\n-r ../b.txt\n"}, "unknown"),
        ({"pyproject.toml": PYPROJECT.format('"nobody-has-this"')}, "unknown"),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_read(
    tmp_path: Path, files: dict[str, str], outcome: str
) -> None:
    assert judge(write(tmp_path, files)).outcome in outcome.split("|")


# which packages


def found(root: Path, *named: str) -> Packages:
    return packages.found(testing.project(root), named)


def test_without_a_lock_the_installed_distributions_are_meant(tmp_path: Path) -> None:
    root = project(tmp_path, "Jinja2", "nobody-has-this; python_version < '3'")
    here = found(root)
    assert {one.shown for one in here.listed} == {
        f"jinja2 {metadata.version('jinja2')}", f"markupsafe {metadata.version('markupsafe')}",
    }  # fmt: skip
    judged = judge(root)
    assert judged.outcome == "warn"
    assert "read: the installed distributions" in judged.evidence.notes


def test_what_is_required_and_not_installed_is_named(tmp_path: Path) -> None:
    here = found(project(tmp_path, "packaging", "nobody-has-this"))
    assert [one.name for one, _ in here.elsewhere] == ["nobody-has-this"]


def test_extras_that_are_not_installed_are_told(tmp_path: Path) -> None:
    table = '[project.optional-dependencies]\nmore = ["nobody-has-this", "packaging"]\n'
    root = write(tmp_path, {"pyproject.toml": PYPROJECT.format('"packaging"') + table})
    here = found(root)
    assert [one.name for one in here.listed] == ["packaging"]
    assert here.notes == ("of the extras, not installed and not audited: nobody-has-this",)


def test_what_a_lock_forgets_is_audited_as_installed_or_named(tmp_path: Path) -> None:
    lock = '[[package]]\nname = "idna"\nversion = "3.10"\n'
    root = project(tmp_path, "Jinja2", "nobody-has-this", "idna", pdm_lock=lock)
    here = found(root)
    assert {one.name for one in here.listed} == {"idna", "jinja2", "markupsafe"}
    assert [one.name for one, _ in here.elsewhere] == ["nobody-has-this"]


def test_requirements_are_completed_by_what_is_installed(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {"requirements.txt": "-r more.txt\nidna==3.10\n", "more.txt": "jinja2\nnobody-has-this\n"},
    )
    here = found(root)
    assert {one.name for one in here.listed} == {"idna", "jinja2", "markupsafe"}
    jinja2 = next(one for one in here.listed if one.name == "jinja2")
    assert (jinja2.version, jinja2.path, jinja2.line) == (metadata.version("jinja2"), "more.txt", 1)
    assert [(o.name, why) for o, why in here.elsewhere] == [
        ("nobody-has-this", "is neither pinned nor installed")
    ]


def test_requirements_without_any_pin_are_no_lock(tmp_path: Path) -> None:
    root = project(tmp_path, "packaging", requirements_txt="jinja2>=2\n")
    assert found(root).places == ("the installed distributions",)
    assert found(root, "requirements.txt").places == ("requirements.txt",)


def test_what_no_lock_nor_metadata_states_is_read_from_loose_requirements(tmp_path: Path) -> None:
    here = found(write(tmp_path, {"requirements.txt": "jinja2>=2\n"}))
    assert [one.name for one in here.listed] == ["jinja2", "markupsafe"]


@pytest.mark.parametrize(
    "lock", [{}, {"uv.lock": '[[package]]\nname = "idna"\nversion = "3.10"\n'}]
)
def test_a_requirement_that_cannot_be_read_is_told(tmp_path: Path, lock: dict[str, str]) -> None:
    root = project(tmp_path, "idna", "a b", **{k.replace(".", "_"): v for k, v in lock.items()})
    judged = judge(root)
    assert judged.outcome == "unknown"
    assert "requirement 2 of app cannot be read (PEP 508)" in judged.reason


def test_what_a_requirement_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = "Metadata-Version: 2.1\nName: half\nVersion: 1\nRequires-Dist: nobody-has-this\n"
    there = write(tmp_path / "there", {"half-1.dist-info/METADATA": metadata})
    monkeypatch.setattr("sys.path", [str(there)])
    root = project(tmp_path / "root", "half", requirements_txt="half==1\n")
    assert [(one.name, why) for one, why in found(root).elsewhere] == [
        ("nobody-has-this", "is neither pinned nor installed")
    ]
    lock = '[[package]]\nname = "half"\nversion = "1"\n'  # it knows what half requires
    assert found(project(tmp_path / "locked", "half", uv_lock=lock)).elsewhere == ()


def test_a_lock_stands_without_what_the_project_itself_declares(tmp_path: Path) -> None:
    toml = '[project]\nname = "app"\ndynamic = ["dependencies"]\n'
    lock = (
        '[[package]]\nname = "idna"\nversion = "3.10"\n[[package]]\nname = "App"\nversion = "1"\n'
    )
    here = found(write(tmp_path, {"pyproject.toml": toml, "uv.lock": lock}))
    assert [one.name for one in here.listed] == ["idna"]
    assert here.notes[0].startswith("the locks are not compared with the project's requirements: ")


def test_setup_cfg_is_read_as_well(tmp_path: Path) -> None:
    text = "[metadata]\nname = app\n[options]\ninstall_requires = jinja2\n"
    here = found(write(tmp_path, {"setup.cfg": text}))
    assert [one.name for one in here.listed] == ["jinja2", "markupsafe"]


def test_each_version_of_a_package_is_audited_once(tmp_path: Path) -> None:
    lock = "".join(f'[[package]]\nname = "a"\nversion = "{v}"\n' for v in ("1", "2", "1"))
    here = found(project(tmp_path, uv_lock=lock, requirements_txt="a==1\n"))
    assert [(one.version, one.path) for one in here.listed] == [
        ("1", "uv.lock"),
        ("2", "uv.lock"),
    ]


def test_a_distribution_from_elsewhere_is_known_by_its_direct_url() -> None:
    for told, expected in {
        "": ("registry", ""),
        '{"url": "file:///home/me/a"}': ("path", "a local path"),
        '{"url": "https://me:word@x.org/a.git", "vcs_info": {}}': ("git", "https://x.org/a.git"),
        '{"url": "https://x.org/a.whl"}': ("url", "https://x.org/a.whl"),
        "rubbish": ("url", "a place that cannot be read"),
    }.items():
        assert origin(told) == expected


# options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"advisories": " "}, "names no folder"),
        ({"max-age": 0}, "max-age"),
        ({"service": "nvd"}, "service"),
        ({"url": "https://me:word@x.org/v1/query"}, "no address without user"),
        ({"url": "https://x.org/v1/query?key=word"}, "no address without user"),
        ({"url": "file:///etc/passwd"}, "no address without user"),
        ({"url": "https://x.org", "service": "pypi"}, "url: goes with service"),
        ({"advisory": "x"}, "did you mean"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as told:
        judge(tmp_path, **options)
    assert "word@" not in str(told.value)
    assert "=word" not in str(told.value)


# the canary


@pytest.mark.parametrize(
    "files",
    [
        {"uv.lock": '[[package]]\nname = "idna"\nversion = "3.10"\n'},
        {"poetry.lock": '[[package]]\nname = "idna"\nversion = "3.10"\n\n[metadata]\nlock-version = "2.1"\n'},
        {"pylock.toml": '[[packages]]\nname = "idna"\nversion = "3.10"\n'},
        {"requirements.txt": "idna==3.10"},
        {},
    ],
)  # fmt: skip
def test_its_canary_bites(tmp_path: Path, files: dict[str, str]) -> None:
    root = write(tmp_path, {"pyproject.toml": PYPROJECT.format('"idna"'), **files})
    clean, planted = testing.prove(VULNERABILITIES, root, options=OLD, profile="release")
    assert (clean.outcome, planted.outcome) == ("warn", "fail")
    assert planted.rules == ["PYSEC-2019-217", "PYSEC-2021-66"]


def test_the_canary_is_a_package_that_the_advisories_know(tmp_path: Path) -> None:
    root = project(tmp_path, "idna", requirements_txt="idna==3.10\n")
    records = {"osv/a.json": (OSV / "PYSEC-2023-74.json").read_bytes()}
    write(root, dict(records))
    options = VulnerabilityOptions(advisories="osv")
    planted = vulnerabilities.canary(testing.project(root), options)
    assert planted.files == {"requirements.txt": "idna==3.10\nrequests==2.30.0\n"}


# online


def audit(root: Path, folder: Path = OSV, trouble: str = "") -> tuple[Judged, list[dict[str, Any]]]:
    pytest.importorskip("pip_audit")
    with serving(folder, trouble) as (url, asked):
        return judge(root, url=url), asked


@pytest.mark.usefixtures("engine")
def test_pip_audit_asks_for_exactly_what_is_locked(tmp_path: Path) -> None:
    lock = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
        for name, version in (("urllib3", "1.26.4"), ("idna", "3.10"), ("urllib3", "2.6.0"))
    )
    judged, asked = audit(project(tmp_path, uv_lock=lock))
    assert (judged.outcome, judged.rules) == ("fail", ["PYSEC-2023-192"])
    assert judged.evidence.findings[0].message.startswith("urllib3 1.26.4: ")
    assert judged.evidence.findings[0].message.endswith(
        "(CVE-2023-43804, GHSA-v845-jxx5-vc9f) · upgrade to 1.26.17"
    )
    assert sorted((one["package"]["name"], one["version"]) for one in asked) == [
        ("idna", "3.10"), ("urllib3", "1.26.4"), ("urllib3", "2.6.0"),
    ]  # fmt: skip
    assert judged.evidence.receipt is not None
    assert judged.evidence.receipt.version == metadata.version("pip-audit")


@pytest.mark.slow
def test_an_online_answer_has_no_age(tmp_path: Path) -> None:
    judged, _ = audit(project(tmp_path, requirements_txt="idna==3.10\n"))
    assert judged.outcome == "pass"
    assert "data-age" in judged.evidence.inapplicable


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["rubbish", "broken"])
def test_a_service_that_is_not_itself_is_unknown(tmp_path: Path, trouble: str) -> None:
    judged, _ = audit(project(tmp_path, requirements_txt="idna==3.10\n"), trouble=trouble)
    assert judged.outcome == "unknown"
    assert "127.0.0.1 could not be asked" in judged.reason


def test_a_service_that_is_not_there_is_unknown_at_once(tmp_path: Path) -> None:
    pytest.importorskip("pip_audit")
    root = project(tmp_path, requirements_txt="idna==3.10\n")
    judged = judge(root, url="http://127.0.0.1:9/v1/query")
    assert judged.outcome == "unknown"
    assert "127.0.0.1 could not be asked" in judged.reason
    assert "set the option advisories" in judged.reason


def test_a_service_that_is_slow_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip_audit")
    monkeypatch.setattr(online, "TIMEOUT", 1.2)
    many = [Package(f"a{n}", "1") for n in range(20)]
    began = time.monotonic()
    with serving(OSV, "slow") as (url, _), pytest.raises(CannotTell, match="hung: no end after"):
        online.ask(many, "osv", url, tmp_path / "work", tmp_path / "log")
    assert time.monotonic() - began < 5


def test_without_pip_audit_the_line_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: str) -> list[str]:
        raise CannotTell("pip_audit is not installed")

    monkeypatch.setattr(online, "python_module", missing)
    with pytest.raises(CannotTell, match=r"install 'pytest-devops-gates\[security\]'"):
        online.ask([Package("a", "1")], "osv", None, tmp_path / "work", tmp_path / "log")


BATCH = [Package("a", "1"), Package("b-c", "2")]
VULNERABLE = '{"name":"a","version":"1","vulns":[{"id":"GHSA-1","fix_versions":["2"],"aliases":["CVE-1","PYSEC-1"],"description":"x"},{"id":"PYSEC-1","fix_versions":[],"aliases":["CVE-1"],"description":"x"}]}'
CLEAN = '{"name":"B_c","version":"2","vulns":[]}'
SKIPPED = (DATA / "pip-audit-2.10.1-skipped.json").read_bytes()


def test_each_lot_has_every_name_once() -> None:
    packages = [Package("a", "1"), Package("b", "1"), Package("a", "2"), Package("a", "3")]
    lots = [[one.shown for one in lot] for lot in online.batches(packages)]
    assert lots == [["a 1", "b 1"], ["a 2"], ["a 3"]]


def report(*dependencies: str) -> bytes:
    return ('{"dependencies":[' + ",".join(dependencies) + '],"fixes":[]}').encode()


def test_what_pip_audit_says_is_read() -> None:
    known, silent = online.read(report(VULNERABLE, CLEAN), 1, BATCH)
    assert [(one.name, v.id, v.aliases, v.fix) for one, v in known] == [
        ("a", "PYSEC-1", ("CVE-1", "GHSA-1"), "2")
    ]
    assert silent == []


def test_packages_that_pip_audit_passes_over_are_named() -> None:
    batch = [Package("jinja2", "2.10"), Package("click", "8.1.0")]
    known, silent = online.read(SKIPPED, 0, batch)
    assert known == []
    assert [(one.name, why) for one, why in silent] == [
        (n, f"Dependency not found on PyPI and could not be audited: {n} ({v})")
        for n, v in (("jinja2", "2.10"), ("click", "8.1.0"))
    ]
    assert [one.name for one, _ in online.read(report(CLEAN), 0, BATCH)[1]] == ["a"]


@pytest.mark.parametrize(
    ("stdout", "exit_code"),
    [
        (report(VULNERABLE, CLEAN), 0),
        (report(CLEAN), 1),
        (b"", 0),
        (b"No known vulnerabilities found", 0),
        (report(CLEAN)[:-1], 0),
        (report(CLEAN) * 2, 0),
        (b'{"dependencies":[{"name":1}]}', 0),
        (b'{"fixes":[]}', 0),
        ("\ufeff{}".encode(), 0),
        (report(CLEAN).decode().encode("utf-16"), 0),
        (b"[" * 200_000, 0),
    ],
)
def test_what_pip_audit_cannot_have_meant_is_unknown(stdout: bytes, exit_code: int) -> None:
    with pytest.raises(CannotTell):
        online.read(stdout, exit_code, BATCH)


def test_records_of_other_ecosystems_prove_nothing(tmp_path: Path) -> None:
    options = fresh(tmp_path, 1)
    text = (tmp_path / "osv" / "a.json").read_text()
    write(tmp_path, {"osv/a.json": text.replace('"PyPI"', '"npm"')})
    judged = judge(project(tmp_path, requirements_txt="jinja2==3.1.6\n"), **options)
    assert (judged.outcome, "of PyPI's packages" in judged.reason) == ("unknown", True)


def test_a_lock_hides_nothing_as_a_member_of_a_workspace(tmp_path: Path) -> None:
    lock = (
        'version = 1\n[manifest]\nmembers = ["app", "jinja2"]\n[[package]]\nname = "jinja2"\n'
        'version = "2.10"\nsource = { registry = "https://pypi.org/simple" }\n'
    )
    judged = judge(project(tmp_path, uv_lock=lock))
    assert "PYSEC-2019-217" in judged.rules


def test_an_advisory_without_versions_is_told(tmp_path: Path) -> None:
    options = fresh(tmp_path, 1)
    raw = json.loads((tmp_path / "osv" / "a.json").read_bytes())
    affected = [{"package": {"ecosystem": "pypi", "name": "Jinja2"}}]
    write(tmp_path, {"osv/a.json": json.dumps({**raw, "affected": affected})})
    judged = judge(project(tmp_path, requirements_txt="jinja2==3.1.6\n"), **options)
    assert judged.outcome == "fail"
    assert "does not tell the versions" in judged.evidence.findings[0].message
