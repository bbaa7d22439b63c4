"""What holds for every report that ships."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import archive
from pytest_devops_gates.builtin import REPORTERS
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.report import Reporter, make
from pytest_devops_gates.verdict import PolicySource, Verdict
from tests.reports.samples import NASTY, everywhere

STARTED = "2026-01-02T03:04:05Z"

ALL = pytest.mark.parametrize("reporter", REPORTERS, ids=[reporter.name for reporter in REPORTERS])


@ALL
@pytest.mark.parametrize("text", NASTY)
def test_it_is_the_same_when_it_is_made_again(
    reporter: Reporter, text: str, tmp_path: Path
) -> None:
    whole = everywhere(text)
    assert whole.since
    assert whole.dora
    (trend,) = whole.trends
    points = tuple(msgspec.structs.replace(point, started=STARTED) for point in trend.points)
    made = msgspec.structs.replace(
        whole,
        findings=whole.findings[:1],
        commit="c0ffee",
        policy=PolicySource("defaults", "c0ffee"),
        started=STARTED,
        since=msgspec.structs.replace(whole.since, started=STARTED),
        trends=(msgspec.structs.replace(trend, points=points),),
        dora=msgspec.structs.replace(whole.dora, since=STARTED, until=STARTED),
    )
    made = msgspec.convert(msgspec.to_builtins(made), Verdict)
    written = reporter.render(make(made))
    assert written == reporter.render(make(made))
    (tmp_path / archive.VERDICT).write_text(dump(made), encoding="ascii")
    assert written == reporter.render(archive.load(tmp_path))


def test_no_two_have_the_same_name_or_file() -> None:
    files = [reporter.file for reporter in REPORTERS if reporter.file]
    assert len(set(files)) == len(files)
    assert len({reporter.name for reporter in REPORTERS}) == len(REPORTERS)
    assert all(reporter.about for reporter in REPORTERS)
