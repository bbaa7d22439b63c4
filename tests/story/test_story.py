"""The loop closes: what was planned, released, rejected and learnt comes round once, for real."""

from __future__ import annotations

import json
import re
import statistics
from datetime import datetime
from pathlib import Path

import pytest

from tests.servers import prometheus as servers
from tests.story import scenario
from tests.story.scenario import Story

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not servers.installed(), reason="prometheus is not installed"),
]


def test_the_loop_closes(tmp_path: Path) -> None:
    """One test, since it is one story: several would be played by several workers of xdist."""
    with scenario.played(tmp_path) as story:
        each_row_was_played(story)
        it_was_rolled_out_rejected_and_rolled_out_again(story)
        doras_measures_are_as_worked_by_hand(story)
        the_report_draws_it(story)
        the_page_shows_it_as_it_is_typed(story)


def each_row_was_played(story: Story) -> None:
    assert {one.row for one in story.shown} == set(scenario.ROWS)


def the_page_shows_it_as_it_is_typed(story: Story) -> None:
    """``python docs/loop.py`` writes the outputs anew."""
    page = (ROOT / "docs/loop.md").read_text(encoding="utf-8")
    typed = sorted(one.typed for one in story.shown)
    on_page = re.findall(r"^\$ (.*)", page, re.MULTILINE)
    assert sorted(map(dateless, on_page)) == list(map(dateless, typed))
    headings = re.findall(r"^## (.*)", page, re.MULTILINE)
    assert set(scenario.ROWS) <= set(headings)


def dateless(typed: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d", "DAY", typed)


def it_was_rolled_out_rejected_and_rolled_out_again(story: Story) -> None:
    ended = [(one["version"], one["outcome"]) for one in story.deployments]
    assert ended == [("1.0.0", "deployed"), ("1.1.0", "rejected"), ("1.1.1", "deployed")]


def doras_measures_are_as_worked_by_hand(story: Story) -> None:
    first, bad, good = story.deployments
    done = story.checkout.run(command=[*scenario.GATES, "history", "dora", "--json"])
    dora = json.loads(done.stdout)["dora"]
    # all that came after the first roll-out reached people with the last one
    log = story.checkout.git("log", "--format=%ct", f"{first['commit']}..{good['commit']}")
    lead = statistics.median(moment(good["ended"]) - float(line) for line in log.split())
    assert dora["lead_time"] == pytest.approx(lead)
    assert dora["recovery_time"] == moment(bad["ended"]) - moment(bad["started"])
    assert dora["deployments"] == 3
    assert dora["fail_rate"] == pytest.approx(100 / 3)
    assert dora["rework_rate"] == pytest.approx(100 / 3)
    assert dora["per_week"] == pytest.approx(2 / (90 / 7), rel=0.01)


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def the_report_draws_it(story: Story) -> None:
    verdict = story.verdict
    assert verdict["dora"]["deployments"] == 3
    page = (story.checkout.root / ".devops-gates/latest/report.html").read_text()
    assert "Delivery" in page
