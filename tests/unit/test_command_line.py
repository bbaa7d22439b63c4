"""What is typed wrongly: one clear line, and exit status 4, for every command."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from pytest_devops_gates.cli import main
from tests.unit.samples import HOSTILE
from tests.unit.test_neutral import is_harmless

WRONG = [
    ([], "devops-gates: the following arguments are required: COMMAND · devops-gates --help"),
    (["rnu"], "devops-gates: COMMAND: invalid choice: 'rnu' (choose from "),
    (["history", "trend", "--last", "x"],
     ("devops-gates history trend: --last: 'x' is no whole number from 1 to 100000"
      " · devops-gates history trend --help")),
    (["waivers", "add", "x", "--reason", "r", "--owner", "o", "--days", "91"], "--days: '91' is no"),
    (["history", "dora", "--days", "0"], "--days: '0' is no whole number from 1 to 3650 · "),
    (["waivers", "add", "x", "--reason", "r", "--owner", "o", "--days", "1.5"],
     "devops-gates waivers add: --days: '1.5' is no whole number from 1 to 90 · "),
    (["feedback", "answer", "F-1"], "devops-gates feedback answer: the following arguments are"),
    (["feedback", "review", "--kind", "z"], "devops-gates feedback review: --kind: invalid choice"),
    (["plan", "ad"], "devops-gates plan: COMMAND: invalid choice: 'ad'"),
    (["release", "sign"], "required: RUN_DIR · devops-gates release sign --help"),
    (["run", "--gate"], "devops-gates run: --gate: expected one argument · devops-gates run --help"),
    (["gates", "--no"], "devops-gates gates: unknown argument: --no · devops-gates gates --help"),
    (["plan", "done", "W-1", "--no"], "devops-gates plan done: unknown argument: --no · "),
    (["--no", "history", "trend"], "devops-gates history trend: unknown argument: --no · "),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "says"), WRONG)
def test_a_wrong_command_line_is_one_line(
    typed: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(typed) == 4
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err


@pytest.mark.parametrize("text", HOSTILE)
def test_what_was_typed_is_harmless(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for typed in (["history", "--last", text], ["feedback", "review", f"--kind={text}"]):
        assert main.main(typed) == 4
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert is_harmless(err.rstrip("\n"))


def parsers(one: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield one
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


def test_every_command_complains_in_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    found = list(parsers(main.parser()))
    assert len(found) >= 40
    for one in found:
        with pytest.raises(SystemExit) as ended:
            one.error("argument --x: is wrong")
        told = f"{one.prog}: --x: is wrong · {one.prog} --help\n"
        assert (ended.value.code, capsys.readouterr().err) == (4, told)


def test_where_the_project_is_may_stand_before_a_subcommand() -> None:
    for one in parsers(main.parser()):
        if not any("--rootdir" in action.option_strings for action in one._actions):
            continue
        assert one.get_default("rootdir") in (None, argparse.SUPPRESS)
    before = ["history", "--rootdir", "there", "--json", "trend"]
    asked = main.parser().parse_args(before)
    assert (asked.rootdir, asked.json) == ("there", True)
