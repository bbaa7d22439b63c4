"""The gate ``compiles``: which sources, which Pythons, and what an interpreter may answer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import pythons
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.gates import compiles
from pytest_devops_gates.gates.compiles import COMPILES, DRIVER, read, sources
from pytest_devops_gates.process import environment, run
from pytest_devops_gates.pythons import declared, interpreter
from pytest_devops_gates.testing import judge, prove, write
from pytest_devops_gates.testing import project as found_project
from tests.unit.samples import project, same_every_time

HERE = sys.version_info.minor
THIS = f'[project]\nname = "app"\nrequires-python = "==3.{HERE}.*"\n'
ANOTHER = 5 if HERE != 5 else 6
OTHER = f'[project]\nname = "app"\nrequires-python = "==3.{ANOTHER}.*"\n'


def compiled(**changes: Any) -> bytes:
    answer = {"version": [3, ANOTHER], "compiled": 1, "errors": [], "troubles": []}
    return json.dumps({**answer, **changes}).encode()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH, on a machine without pyenv and uv."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


def fake(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


# which Pythons a project declares


@pytest.mark.parametrize(
    ("table", "setup_cfg", "expected"),
    [
        ({}, "", None),
        ({"requires-python": ">=3.10,<3.13"}, "", [10, 11, 12]),
        ({"requires-python": ">=3.8.1,<3.10"}, "", [8, 9]),
        ({"requires-python": "~=3.9.2"}, "", [9]),
        ({"requires-python": "==3.11.4"}, "", [11]),
        ({"requires-python": ">=3.8,!=3.9.*,<3.11"}, "", [8, 10]),
        ({"requires-python": ">=2.7,<3.6"}, "", [4, 5]),
        ({"requires-python": ">=3.10,<3.13", "classifiers": ["11", "9"]}, "", [11]),
        ({"requires-python": ">=3.10,<3.12", "classifiers": ["9"]}, "", [10, 11]),
        ({"classifiers": ["9", "10"]}, "", [9, 10]),
        ({"classifiers": ["Programming Language :: Python :: 3 :: Only"]}, "", None),
        ({}, "[options]\npython_requires = >=3.10, <3.12\n", [10, 11]),
        (
            {},
            "[metadata]\nclassifiers =\n  A :: B\n  Programming Language :: Python :: 3.11\n[options]\npython_requires = >=3.10\n",
            [11],
        ),
        ({"requires-python": "==3.12.*"}, "[options]\npython_requires = >=3.10\n", [12]),
        ({}, "[options]\npackages = find:\n", None),
    ],
)
def test_declared_pythons(
    table: dict[str, Any], setup_cfg: str, expected: list[int] | None, tmp_path: Path
) -> None:
    if "classifiers" in table:
        start = "Programming Language :: Python :: 3."
        said = [start + text if text.isdigit() else text for text in table["classifiers"]]
        table = {**table, "classifiers": said}
    write(tmp_path, {"setup.cfg": setup_cfg})
    assert declared(project(tmp_path, pyproject={"project": table})) == expected


def test_an_open_range_ends_with_the_newest_release(tmp_path: Path) -> None:
    minors = declared(project(tmp_path, pyproject={"project": {"requires-python": ">=3.9"}}))
    assert minors == list(range(9, max(pythons.NEWEST, HERE) + 1))


@pytest.mark.parametrize(
    ("pyproject", "setup_cfg"),
    [
        ({"project": {"requires-python": "three"}}, ""),
        ({"project": {"requires-python": 3}}, ""),
        ({"project": {"requires-python": "<3"}}, ""),
        ({"project": {"requires-python": ">=4"}}, ""),
        ({"project": {"classifiers": 3}}, ""),
        ({"project": {"classifiers": [3]}}, ""),
        ({"project": []}, ""),
        ({}, "python_requires = >=3.10"),
        ({}, "[options]\npython_requires = three"),
        ({}, "[options]\n[options]\n"),
    ],
)
def test_a_declaration_that_cannot_be_read_is_unknown(
    pyproject: dict[str, Any], setup_cfg: str, tmp_path: Path
) -> None:
    write(tmp_path, {"setup.cfg": setup_cfg})
    with pytest.raises(CannotTell):
        declared(project(tmp_path, pyproject=pyproject))


@same_every_time
@given(st.text(" \n0123456789.,<>=!~*ab^", max_size=12))
def test_any_text_for_a_range_is_read_or_refused(text: str) -> None:
    here = project(Path("/nowhere"), pyproject={"project": {"requires-python": text}})
    try:
        minors = declared(here)
    except CannotTell:
        return
    assert minors is None or minors == sorted(set(minors)) != []


# where they lie


def test_the_running_one_is_taken_before_all(elsewhere: Path, tmp_path: Path) -> None:
    fake(elsewhere / f"python3.{HERE}", "")
    assert interpreter(HERE, project(tmp_path / "root")) == sys.executable


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], None),
        (["elsewhere/python3.5"], 0),
        (["home/.pyenv/versions/3.5.9/bin/python3.5"], 0),
        (["home/.local/share/uv/python/cpython-3.5.9-linux/bin/python3.5"], 0),
        (["home/.pyenv/versions/3.5.9/bin/python3.5", "elsewhere/python3.5"], 1),
        ([f"home/.pyenv/versions/{v}/bin/python3.5" for v in ("3.5.9", "3.5.10", "pypy3.5-99")], 1),
        (["home/.pyenv/versions/3.6.9/bin/python3.6"], None),
        (["root/bin/python3.5"], None),
        (["shims/python3.5"], None),
    ],
)
def test_where_an_interpreter_may_lie(
    places: list[str],
    expected: int | None,
    elsewhere: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folders = [tmp_path / "root/bin", tmp_path / "shims", elsewhere]
    monkeypatch.setenv("PATH", os.pathsep.join(["", "bin", *map(str, folders)]))
    monkeypatch.setattr(sys, "version_info", (3, 99))
    made = [fake(tmp_path / place, "") for place in places]
    found = interpreter(5, project(tmp_path / "root"))
    assert found == (None if expected is None else str(made[expected]))


def test_a_link_into_the_checkout_is_none(elsewhere: Path, tmp_path: Path) -> None:
    inside = fake(tmp_path / "root/evil", "")
    (elsewhere / f"python3.{ANOTHER}").symlink_to(inside)
    assert interpreter(ANOTHER, project(tmp_path / "root")) is None


def test_uv_may_keep_them_elsewhere(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fake(tmp_path / f"mine/cpython-3.{ANOTHER}.1/bin/python3.{ANOTHER}", "")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "mine"))
    assert interpreter(ANOTHER, project(tmp_path / "root")) == str(made)


# which sources


def test_broken_test_data_is_left_out_and_all_else_is_not(tmp_path: Path) -> None:
    names = {
        *("src/app/__init__.py", "src/app/testing/make.py", "src/app/test_like.py", "setup.py"),
        *("docs/conf.py", "tests/test_a.py", "tests/a_test.py", "tests/conftest.py"),
        *("tests/unit/__init__.py", "conftest.py"),
    }
    others = {"tests/data/broken.py", "tests/helper.py", "src/app/a.pyi", "src/app/tests/data.py"}
    write(tmp_path, dict.fromkeys(names | others, ""))
    (tmp_path / "link.py").symlink_to("setup.py")
    assert set(sources(found_project(tmp_path))) == names


# what an interpreter answers


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", "cannot be read"),
        (b"rubbish", "cannot be read"),
        (compiled() + compiled(), "cannot be read"),
        (b"\xff" + compiled(), "cannot be read"),
        (compiled(compiled="1"), "cannot be read"),
        (compiled(errors=[["a.py", 1, "x"]]), "cannot be read"),
        (compiled(compiled=0), "answered for 0 of 1 files"),
        (compiled(compiled=2), "answered for 2 of 1 files"),
        (compiled(errors=[[0, 1, "x"]]), "answered for 2 of 1 files"),
        (compiled(compiled=-1, errors=[[0, 1, "x"], [0, 1, "x"]]), "answered for 1 of 1"),
        (compiled(compiled=0, errors=[[1, 1, "x"]]), "was not given"),
        (compiled(compiled=0, errors=[[-1, 1, "x"]]), "was not given"),
        (compiled(version=[3, 99]), "is Python 3.99"),
        (compiled(version=[3]), "cannot be read"),
        (CannotTell("hung"), "hung"),
    ],
)
def test_an_answer_that_is_none(said: bytes | CannotTell, expected: str) -> None:
    with pytest.raises(CannotTell, match=expected):
        read(said, ANOTHER, 1)


def test_an_answer() -> None:
    assert read(compiled(compiled=0, errors=[[0, None, "x"]]), ANOTHER, 1).errors == [
        (0, None, "x")
    ]


FILES: dict[str, tuple[bytes, int | str | None]] = {
    "ok.py": (b"a = 1\n", "fine"),
    "warns.py": (b"assert (1, 'x')\nx = '\\d'\n1 is 1\n", "fine"),
    "bom.py": (b"\xef\xbb\xbfa = 1\r\n", "fine"),
    "latin.py": (b"# coding: latin-1\na = '\xe9'\n", "fine"),
    "empty.py": (b"", "fine"),
    "future.py": (b"from __future__ import division\n", "fine"),
    "é \n.py": (b"a = (\n", 1),
    "return.py": (b"a = 1\nreturn a\n", 2),
    "indent.py": (b"if 1:\n    a\n  b\n", 3),
    "encoding.py": (b"a = 1\nb = '\xe9'\n", None),
    "nul.py": (b"a = 1\n\0", None),
    "cookie.py": (b"# coding: nonsense\n", None),
}


@pytest.mark.slow
@pytest.mark.parametrize("minor", range(pythons.OLDEST, 16))
def test_the_driver_runs_on_every_python_that_is_here(minor: int, tmp_path: Path) -> None:
    python = interpreter(minor, project(tmp_path / "root"))
    if python is None:
        pytest.skip(f"Python 3.{minor} is not installed")
    write(tmp_path / "root", {name: content for name, (content, _) in FILES.items()})
    names = [*FILES, "gone.py"]
    paths = [os.fsencode(tmp_path / "root" / name).decode("latin-1") for name in names]
    (tmp_path / "list").write_text(json.dumps(paths))
    done = run(
        [python, "-I", "-S", "-B", "-c", DRIVER, str(tmp_path / "list")],
        cwd=tmp_path,
        env=environment(),
        log_dir=tmp_path,
        name="driver",
        timeout=60,
    )
    assert (done.failure((0,)), done.stderr()) == (None, b"")
    answer = read(done.stdout(), minor, len(names))
    broken = {names[number]: line for number, line, _ in answer.errors}
    assert broken.keys() == {name for name, (_, line) in FILES.items() if line != "fine"}
    told = {name: line for name, (_, line) in FILES.items() if isinstance(line, int)}
    # before 3.8 a line stood for where a parser gave up
    assert minor < 8 or {name: broken[name] for name in told} == told
    assert [names[number] for number, _ in answer.troubles] == ["gone.py"]


# the gate


def test_a_syntax_error_is_a_finding(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": THIS, "app.py": "a = 1\nb = (\n", "ok.py": ""})
    judged = judge(COMPILES, tmp_path)
    (finding,) = judged.evidence.findings
    assert judged.outcome == "fail"
    assert (finding.rule, finding.severity.value) == ("syntax-error", "high")
    assert (finding.path, finding.line) == ("app.py", 2)
    assert finding.message.startswith(f"Python 3.{HERE}: ")
    assert (judged.evidence.metrics["pythons"], judged.evidence.examined) == (1, 2)


def test_a_place_where_several_pythons_stumble_is_one_finding(
    elsewhere: Path, tmp_path: Path
) -> None:
    answer = compiled(compiled=0, errors=[[0, 2, "invalid syntax"]]).decode()
    fake(elsewhere / f"python3.{ANOTHER}", f"#!/bin/sh\necho '{answer}'\n")
    listed = [f"Programming Language :: Python :: 3.{minor}" for minor in (4, ANOTHER, HERE)]
    both = f'[project]\nname = "app"\nclassifiers = {listed}\n'
    write(tmp_path / "root", {"pyproject.toml": both, "app.py": "a = 1\nb = (\n"})
    judged = judge(COMPILES, tmp_path / "root")
    (finding,) = judged.evidence.findings
    assert finding.message == f"Python 3.{ANOTHER}, 3.{HERE}: invalid syntax"
    assert "not installed here" in judged.evidence.notes[0]


@pytest.mark.parametrize(
    ("script", "outcome", "said"),
    [
        (f"#!/bin/sh\necho '{compiled().decode()}'", "pass", "1 examined"),
        (f"#!/bin/sh\necho '{compiled(compiled=0).decode()}'", "unknown", "answered for 0 of 1"),
        ("#!/bin/sh\necho broken >&2; exit 3", "unknown", "exited with 3: broken"),
        ("#!/bin/sh\nkill -SEGV $$", "unknown", "was killed by SIGSEGV"),
        ("#!/bin/sh\n", "unknown", "cannot be read"),
        ("#!/nowhere/python\n", "unknown", "cannot be started"),
        (
            "#!/bin/sh\necho '{}'".format(
                compiled(compiled=0, troubles=[[0, "RecursionError: deep"]]).decode()
            ),
            "unknown",
            "could not read app.py: RecursionError: deep",
        ),
    ],
)
def test_an_interpreter_that_fails_is_unknown(
    script: str, outcome: str, said: str, elsewhere: Path, tmp_path: Path
) -> None:
    fake(elsewhere / f"python3.{ANOTHER}", script)
    write(tmp_path / "root", {"pyproject.toml": OTHER, "app.py": ""})
    judged = judge(COMPILES, tmp_path / "root")
    assert (judged.outcome, said in judged.reason) == (outcome, True), judged.reason


def test_an_interpreter_that_hangs_is_ended(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiles, "TIMEOUT", 0.3)
    fake(elsewhere / f"python3.{ANOTHER}", "#!/bin/sh\nexec sleep 60")
    here = found_project(write(tmp_path / "root", {"pyproject.toml": OTHER, "app.py": ""}))
    evidence = compiles.check(here, None, ())
    assert evidence.unknown == f"python3.{ANOTHER} hung: no end after 0.3 seconds"


def test_the_findings_of_one_stand_although_another_crashed(
    elsewhere: Path, tmp_path: Path
) -> None:
    fake(elsewhere / f"python3.{ANOTHER}", "#!/bin/sh\nexit 3")
    both = OTHER.replace(f"==3.{ANOTHER}.*", f">=3.{ANOTHER}")
    write(tmp_path / "root", {"pyproject.toml": both, "app.py": "("})
    judged = judge(COMPILES, tmp_path / "root")
    assert (judged.outcome, judged.rules) == ("fail", ["syntax-error"])


def test_without_a_declared_python_it_is_unknown_and_says_what_to_do(
    elsewhere: Path, tmp_path: Path
) -> None:
    fake(tmp_path / f"root/python3.{ANOTHER}", "#!/bin/sh\ntouch ran")
    write(tmp_path / "root", {"pyproject.toml": OTHER, "app.py": ""})
    judged = judge(COMPILES, tmp_path / "root")
    assert judged.outcome == "unknown"
    assert judged.reason.endswith(
        f"no declared Python is installed: 3.{ANOTHER} · uv python install 3.{ANOTHER}"
    )


def test_without_a_declaration_the_running_python_is_tried_and_a_note_says_so(
    tmp_path: Path,
) -> None:
    judged = judge(COMPILES, write(tmp_path, {"app.py": ""}))
    assert (judged.outcome, judged.evidence.metrics) == ("pass", {"pythons": 1})
    assert f"only the running one, 3.{HERE}, was tried" in judged.evidence.notes[0]


@pytest.mark.parametrize(
    ("files", "fields", "outcome"),
    [
        ({"README": ""}, {}, "not-applicable"),
        ({"tests/data/broken.py": "("}, {}, "not-applicable"),
        ({"app.py": ""}, {"listing_error": "git refuses"}, "unknown"),
        ({"app.py": ""}, {"files": ("app.py", "gone.py")}, "unknown"),
        ({"app.py": ""}, {"profile": "commit"}, "off"),
        ({"app.py": ""}, {"profile": "operate"}, "off"),
        ({"pyproject.toml": '[project]\nrequires-python = "x"', "app.py": ""}, {}, "unknown"),
        ({"app.py": "(" * 5000}, {}, "fail"),
    ],
)
def test_other_outcomes(
    files: dict[str, str], fields: dict[str, Any], outcome: str, tmp_path: Path
) -> None:
    judged = judge(COMPILES, write(tmp_path, files), **fields)
    assert judged.outcome == outcome, judged.reason


def test_nothing_is_written_or_run_in_the_checkout(tmp_path: Path) -> None:
    trap = "open('ran', 'w')\n"
    names = ("app.py", "json.py", "sitecustomize.py", "warnings.py")
    write(tmp_path, dict.fromkeys(names, trap))
    assert judge(COMPILES, tmp_path).outcome == "pass"
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(names)


def test_odd_names_are_told(tmp_path: Path) -> None:
    for name in (b"\xff.py", b"a\nb c.py"):
        (tmp_path / os.fsdecode(name)).write_text("(")
    judged = judge(COMPILES, tmp_path)
    assert [f.path for f in judged.evidence.findings] == ["a\nb c.py", r"\udcff.py"]


@pytest.mark.parametrize("module", ["src/app/__init__.py", "app.py"])
def test_the_canary_turns_it_red(module: str, tmp_path: Path) -> None:
    clean, planted = prove(COMPILES, write(tmp_path, {"pyproject.toml": THIS, module: ""}))
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
