"""Reports written, whoever makes them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_devops_gates import builtin, hooks
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.publish import publish, written
from pytest_devops_gates.registry import all_reporters
from pytest_devops_gates.report import Report, Reporter, make
from tests.unit.samples import ruling, verdict

REPORT = make(verdict(ruling()))


class SilentError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def raising(error: BaseException) -> Any:
    def render(report: Report) -> str:
        raise error

    return render


def text(report: Report) -> str:
    return report.headline


BROKEN = {
    "raises": (raising(ValueError("one\ntwo")), "ValueError: one\ntwo"),
    "exits": (lambda report: sys.exit(0), "SystemExit: 0"),
    "skips": (lambda report: pytest.skip("no"), "Skipped: no"),
    "stops pytest": (lambda report: pytest.exit("no"), "Exit: no"),
    "raises without a text": (raising(SilentError()), "its text raises ValueError"),
    "says too much": (raising(ValueError("x" * 9_999)), "x" * 200),
    "returns bytes": (lambda report: b"x", "TypeError: render returned bytes, not str"),
    "returns nothing": (lambda report: None, "TypeError: render returned NoneType, not str"),
    "takes nothing": (lambda: "x", "TypeError"),
}


@pytest.mark.parametrize(("render", "says"), BROKEN.values(), ids=BROKEN)
def test_a_report_that_cannot_be_made_keeps_none_from_being_made(
    render: Any, says: str, tmp_path: Path
) -> None:
    reporters = [
        Reporter("broken", render, file="broken.txt"),
        Reporter("fine", text, file="fine.txt"),
    ]
    (trouble,) = publish(REPORT, reporters, tmp_path, "")
    assert trouble.startswith("the report broken.txt could not be made: ")
    assert says in trouble
    assert len(trouble) < 500 + len(str(tmp_path))
    assert (tmp_path / "fine.txt").read_text() == "FAIL · why"
    assert not (tmp_path / "broken.txt").exists()
    assert "Traceback" in (tmp_path / "broken.txt.error.log").read_text()


def test_a_report_with_half_a_character_is_written(tmp_path: Path) -> None:
    reporter = Reporter("odd", lambda report: "caf\udce9 \0", file="odd.txt")
    assert publish(REPORT, [reporter], tmp_path, "") == []
    assert (tmp_path / "odd.txt").read_text() == "caf\\udce9 \0"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").mkdir()
    with pytest.raises(OSError, match="in-the-way"):
        publish(REPORT, [Reporter("fine", text, file="in-the-way")], tmp_path, "")
    assert [path.name for path in tmp_path.iterdir()] == ["in-the-way"]


def test_who_writes_a_file_by_itself() -> None:
    reporters = [
        Reporter("json", text, file="verdict.json"),  # written before all else
        Reporter("terminal", text),
        Reporter("html", text, file="report.html"),
        Reporter("annotations", text, file="annotations.txt", ci="github"),
        Reporter("dotenv", text, file="gates.env", ci="gitlab"),
    ]
    assert [r.name for r in written(reporters, "")] == ["html"]
    assert [r.name for r in written(reporters, "github")] == ["html", "annotations"]
    assert [r.name for r in written(reporters, "gitlab")] == ["html", "dotenv"]


# reporters of plugins


def gathered(*added: Any) -> list[Reporter]:
    """The reporters of all plugins, each of which adds one of ``added``."""
    manager = pytest.PytestPluginManager()
    manager.add_hookspecs(hooks)
    for number, each in enumerate(added):

        def hook(each: Any = each) -> Any:
            return each() if callable(each) and not isinstance(each, Reporter) else each

        plugin = SimpleNamespace(
            pytest_devops_gates_add_reporters=pytest.hookimpl(lambda hook=hook: hook())
        )
        manager.register(plugin, f"plugin{number}")
    return all_reporters(manager)


def own(name: str = "mine", file: Any = "mine.txt", render: Any = text, **fields: Any) -> Reporter:
    return Reporter(name, render, file=file, **fields)


def test_reporters_of_plugins_come_after_those_that_ship() -> None:
    one, two, three = own("one", "1.txt"), own("two", ""), own("three", "3.txt", ci="gitlab")
    found = gathered(one, [two, three])
    assert found[: len(builtin.REPORTERS)] == list(builtin.REPORTERS)
    assert {r.name for r in found[len(builtin.REPORTERS) :]} == {"one", "two", "three"}


WRONG = {
    "raises": (lambda: 1 / 0, "plugin0 failed to add its reporters: ZeroDivisionError"),
    "skips": (lambda: pytest.skip("no"), "plugin0 failed to add its reporters: Skipped: no"),
    "exits": (lambda: sys.exit(0), "plugin0 failed to add its reporters: SystemExit: 0"),
    "no reporter": (5, "the plugin plugin0 added int, which is no Reporter"),
    "a reporter and another thing": ([own(), None], "added NoneType, which is no Reporter"),
    "a generator": (lambda: (r for r in [own()]), "added generator, which is no Reporter"),
    "a name with blanks": (own("a b"), "needs a name of lower-case letters"),
    "a name that is none": (own(5), "needs a name of lower-case letters"),  # type: ignore[arg-type]
    "no function": (own(render="x"), "needs a function render(report) -> str"),
    "the name of one that ships": (own("json"), "the reporter json is added twice"),
    "the same name twice": ([own(), own(file="b")], "the reporter mine is added twice"),
    "the same file twice": ([own(), own("two")], "writes mine.txt, which another one writes"),
    "the same file on some disks": ([own(), own("b", "MINE.txt")], "which another one writes"),
    "the verdict": (own(file="verdict.json"), "writes verdict.json, which another one writes"),
    "the Verdict": (own(file="Verdict.JSON"), "which another one writes"),
    "a folder of the run": (own(file="logs"), "would replace logs of the run"),
    "the event stream": (own(file="tests.gw0.jsonl"), "would replace tests.gw0.jsonl of the run"),
    "the coverage": (own(file="Coverage.json"), "would replace Coverage.json of the run"),
    "a way out": (own(file="../x"), "needs a plain file name, not '../x'"),
    "a folder": (own(file="a/b"), "needs a plain file name"),
    "another folder": (own(file="a\\b"), "needs a plain file name"),
    "the folder itself": (own(file="."), "needs a plain file name"),
    "a hidden file": (own(file=".mine"), "needs a plain file name"),
    "an absolute path": (own(file="/tmp/x"), "needs a plain file name"),
    "a line end": (own(file="a\n"), "needs a plain file name"),
    "a letter of another alphabet": (own(file="é.txt"), "needs a plain file name"),
    "a name that is too long": (own(file="x" * 101), "needs a plain file name"),
    "a path object": (own(file=Path("mine.txt")), "needs a plain file name"),
    "a CI that there is not": (own(ci="jenkins"), "needs the CI github or gitlab or none"),
}


@pytest.mark.parametrize(("added", "says"), WRONG.values(), ids=WRONG)
def test_a_broken_reporter_is_a_usage_error(added: Any, says: str) -> None:
    with pytest.raises(UsageError) as told:
        gathered(added)
    assert says in str(told.value)
    assert "plugin0" in str(told.value)


def test_two_plugins_with_a_reporter_of_one_name() -> None:
    with pytest.raises(UsageError, match=r"mine is added twice: by the plugin plugin\d and"):
        gathered(own(), own(file="other.txt"))
