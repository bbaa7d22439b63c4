"""The whole loop, played once on a real repository, with a real Prometheus and a service that fails.

``play`` returns what was typed and what was printed, row by row of the loop; ``docs/loop.md`` is made of
it, and test_story.py checks what came out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.conftest import PLUGINS_OFF, Checkout
from tests.servers.daemon import free_port
from tests.servers.prometheus import ask, prometheus
from tests.story import beacon

GATES = (sys.executable, "-m", "pytest_devops_gates")
PYTEST = (sys.executable, "-m", "pytest", *PLUGINS_OFF, "--devops-gates")
NAMES = ("Anna", "Ben", "Zoë")


@dataclass
class Shown:
    """One command as it is typed, what it printed, and its exit status."""

    row: str
    typed: str
    said: str
    status: int


@dataclass
class Story:
    """The repository, the platform of production, and all that was typed. What is ``quiet`` is
    not shown."""

    checkout: Checkout
    platform: Path
    shown: list[Shown] = field(default_factory=list)

    def gates(self, row: str, *args: str, expect: int = 0, quiet: bool = False) -> Shown:
        """``devops-gates …``."""
        return self._type(row, ("devops-gates", *args), (*GATES, *args), expect, quiet)

    def pytest(self, row: str, *args: str, expect: int = 0, quiet: bool = False) -> Shown:
        """``pytest --devops-gates …``."""
        typed = ("pytest", "--devops-gates", *args)
        return self._type(row, typed, (*PYTEST, *args), expect, quiet)

    def deploy(self, expect: int = 0, quiet: bool = False) -> Shown:
        """``devops-gates release deploy …``."""
        args = ("release", "deploy", "--to", "production", "--then", "--")
        ship = (str(self.platform / "platform.py"), "deploy", "{artefacts}")
        typed = ("devops-gates", *args, "python", "platform.py", *ship[1:])
        return self._type(ROLL_OUT, typed, (*GATES, *args, sys.executable, *ship), expect, quiet)

    @property
    def deployments(self) -> list[dict[str, Any]]:
        """All roll-outs, as they ended."""
        lines = (self.checkout.root / ".devops-gates/deployments.jsonl").read_text().splitlines()
        return list({one["id"]: one for one in map(json.loads, lines)}.values())

    def _type(
        self, row: str, typed: tuple[str, ...], argv: tuple[str, ...], expect: int, quiet: bool
    ) -> Shown:
        done = subprocess.run(
            argv, cwd=self.checkout.root, env=self.checkout.environment({"PYTHONWARNINGS": "ignore"}),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        words = " ".join(
            word if re.fullmatch(r"[\w./:=@{}-]+", word) else f"'{word}'" for word in typed
        )
        one = Shown(row, words, done.stdout + done.stderr, done.returncode)
        self.shown += [one] * (not quiet)
        assert done.returncode == expect, f"$ {words}\n{one.said}"
        return one

    @property
    def verdict(self) -> dict[str, Any]:
        """The newest run's."""
        verdict: dict[str, Any] = json.loads(self.checkout.latest.read_text())
        return verdict

    def gate(self, name: str) -> dict[str, Any]:
        """A gate of the newest run."""
        return next(gate for gate in self.verdict["gates"] if gate["name"] == name)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.checkout.root / name
        text = path.read_text()
        assert old in text, (name, old)
        path.write_text(text.replace(old, new, 1))

    def append(self, name: str, text: str) -> None:
        path = self.checkout.root / name
        path.write_text(path.read_text() + text)

    def commit(self, message: str) -> str:
        self.checkout.git("add", "-A")
        self.checkout.git("commit", "-qm", message)
        return self.checkout.git("rev-parse", "HEAD").strip()


@contextmanager
def visitors(port: int) -> Iterator[None]:
    """People who ask the service for a greeting all the time; one of them is called Zoë."""
    over = threading.Event()

    def visit() -> None:
        while not over.wait(0.05):
            for name in NAMES:
                query = urllib.parse.urlencode({"name": name})
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/?{query}", timeout=2).read()
                except OSError:
                    continue

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def today(days: int = 0) -> date:
    return datetime.now(timezone.utc).date() + timedelta(days=days)


PLAN, CODE, VERSIONS = "Planning", "Development: coding", "Development: version control"
COMPILE, AUTOMATION = "Build: compile", "Build: automation"
AUTOMATED, ASSURANCE = "Test: automated", "Test: quality assurance"
ROLL_OUT, SECURITY = "Distribution: roll-out", "Distribution: security"
MONITORING, INCIDENTS = "Operations: monitoring", "Operations: incidents"
ANALYSIS, IMPROVEMENT = "Feedback: analysis", "Feedback: improvement"
ROWS = (PLAN, CODE, VERSIONS, COMPILE, AUTOMATION, AUTOMATED, ASSURANCE, ROLL_OUT, SECURITY,
        MONITORING, INCIDENTS, ANALYSIS, IMPROVEMENT)  # fmt: skip
"""The phases of the loop, in the order in which they come round."""

RELEASE = ("--devops-gates-profile", "release")
OPERATE = ("--devops-gates-profile", "operate")
BEN = "Ben <ben@example.org>"
ERRORS = "sum(rate(http_requests_total[5s]))"


@contextmanager
def played(folder: Path) -> Iterator[Story]:
    """The story in a folder, as long as its Prometheus and its service run."""
    port, platform = free_port(), folder / "platform"
    beacon.make_platform(platform, port)
    try:
        with prometheus({"beacon": f"http://127.0.0.1:{port}"}) as address:
            yield play(folder / "beacon", port, address, platform)
    finally:
        beacon.stop(platform)


def play(root: Path, service: int, address: str, platform: Path) -> Story:
    """The whole loop, once round and into the next round."""
    with visitors(service):
        story = begin(root, service, address, platform)
        planned(story)
        developed(story)
        built(story)
        tested(story)
        secured(story)
        released(story)
        rolled_out(story)
        rejected(story, address)
        learnt(story)
        held(story)
        mended(story)
        told(story)
    return story


def begin(root: Path, service: int, address: str, platform: Path) -> Story:
    """The repository with its first release, which is rolled out."""
    root.mkdir(parents=True)
    settings = beacon.pyproject(service, address, str(platform / "platform.py"))
    story = Story(Checkout(root).write({**beacon.FIRST, "pyproject.toml": settings}), platform)
    story.checkout.git("init", "-q", "-b", "main", ".")
    story.gates(AUTOMATION, "init", "--yes")
    story.gates(PLAN, "plan", "milestone", "1.0.0", "--due", str(today(1)), quiet=True)
    story.gates(PLAN, "plan", "add", "Greet whoever comes by", "--milestone", "1.0.0", quiet=True)
    story.gates(PLAN, "plan", "done", "W-1", quiet=True)
    story.commit("feat: greet whoever comes by, W-1")
    story.gates(ROLL_OUT, "release", "approve", "--who", BEN, quiet=True)
    story.commit("chore: approve 1.0.0 with W-1")
    story.pytest(ROLL_OUT, *RELEASE, quiet=True)
    story.deploy(quiet=True)
    story.checkout.git("tag", "v1.0.0")
    return story


def planned(story: Story) -> None:
    """Two work items for the next milestone, and the gate that holds the team to them."""
    story.gates(PLAN, "plan", "milestone", "1.0.0", "--close", quiet=True)
    story.gates(PLAN, "plan", "milestone", "1.1.0", "--due", str(today(14)))
    for title, requirement in (("Greet people by name", "REQ-1"), ("Take it over HTTP", "REQ-2")):
        story.gates(PLAN, "plan", "add", title, "--milestone", "1.1.0", "--owner", "@anna",
                    "--requirement", requirement)  # fmt: skip
    story.gates(PLAN, "plan")
    story.commit("chore: plan 1.1.0 with W-2 and W-3")
    story.gates(PLAN, "run", "--devops-gates-stage", "plan", *RELEASE, expect=1)
    assert story.gate("work-items")["metrics"]["open"] == 2


def developed(story: Story) -> None:
    """Both are written, each with its test and in a commit that names it."""
    greeting = beacon.INIT[beacon.INIT.index("def greeting") :]
    story.edit("src/beacon/__init__.py", greeting, beacon.NAMED)
    story.edit("tests/unit/test_greeting.py", beacon.UNIT_HEAD, beacon.NAMED_TEST)
    story.commit("feat: greet people by name\n\nW-2")
    story.edit("src/beacon/service.py", "    return beacon.greeting()\n", beacon.BY_NAME)
    story.append("tests/integration/test_service.py", beacon.HTTP_TEST)
    story.commit("feat: take the name over HTTP\n\nW-3")
    story.gates(PLAN, "plan", "done", "W-2", "W-3")
    version(story, "1.0.0", "1.1.0", "People are greeted by name.")
    story.commit("chore: release 1.1.0 with W-2 and W-3")
    story.pytest(CODE, "--devops-gates-stage", "develop")
    story.gates(VERSIONS, "run", "--gate", "commits", "--gate", "tree", "--gate", "policy", "-v")


def version(story: Story, old: str, new: str, change: str) -> None:
    """The next version, and what is new in it."""
    story.edit("pyproject.toml", f'version = "{old}"', f'version = "{new}"')
    story.edit("src/beacon/__init__.py", f'"{old}"', f'"{new}"')
    heading = f"# Changelog\n\n## {new} - {today()}\n\n- {change}\n"
    story.edit("CHANGELOG.md", "# Changelog\n", heading)


def built(story: Story) -> None:
    story.pytest(COMPILE, "--devops-gates-stage", "build", *RELEASE)


def tested(story: Story) -> None:
    """At three levels; each requirement is proven, and the gates are proven to bite."""
    story.pytest(
        AUTOMATED, "--devops-gates-stage", "test", "--devops-gates-stage", "plan", *RELEASE
    )
    levels = {level["name"] for level in story.verdict["tests"]["detail"]["levels"]}
    assert levels == {"unit", "integration", "system"}
    assert story.gate("traceability")["metrics"]["proven"] == 2
    story.gates(ASSURANCE, "prove", "coverage", "lint", "work-items")


def secured(story: Story) -> None:
    story.pytest(SECURITY, "--devops-gates-stage", "security", *RELEASE)


def released(story: Story) -> None:
    """Nothing but an approval is missing; then that is there as well."""
    story.pytest(ROLL_OUT, *RELEASE, expect=1, quiet=True)
    assert [g["name"] for g in story.verdict["gates"] if g["outcome"] == "fail"] == ["approval"]
    story.gates(ROLL_OUT, "release", "approve", "--who", BEN)
    story.commit("chore: approve 1.1.0 with W-2 and W-3")
    story.pytest(ROLL_OUT, *RELEASE)
    story.gates(ROLL_OUT, "release", "verify", ".devops-gates/latest")


def rolled_out(story: Story) -> None:
    """Version 1.1.0 passed all its tests, and fails whoever is called Zoë: it is rolled back."""
    story.deploy(expect=1)


def rejected(story: Story, address: str) -> None:
    """Prometheus has seen it; what runs now is the version before it, and an incident is known."""
    (one,) = ask(address, 'sum(increase(http_requests_total{code="500"}[1m]))')
    assert float(one["value"][1]) > 0
    last = story.deployments[-1]
    assert (last["outcome"], last["roll_back"]["exit_code"]) == ("rejected", 0)
    text = (story.checkout.root / "devops-gates/incidents.toml").read_text()
    assert f'deployment = "{last["id"]}"' in text
    story.commit("chore: the incident of W-3")
    until(lambda: not ask(address, 'rate(http_requests_total{code="500"}[5s]) > 0'))
    story.pytest(MONITORING, *OPERATE)
    story.gates(INCIDENTS, "run", *OPERATE, "--gate", "incidents", "-v")


def learnt(story: Story) -> None:
    """What users say and what went wrong become work items of the next milestone."""
    story.gates(ANALYSIS, "feedback", "add", "My name is Zoë, and I get an error", "--kind", "bug",
                "--area", "greeting", "--by", "zoe@example.org", "--urgent")  # fmt: skip
    story.gates(IMPROVEMENT, "feedback", "review")
    story.gates(IMPROVEMENT, "plan", "milestone", "1.1.1", "--due", str(today(2)))
    story.gates(IMPROVEMENT, "plan", "milestone", "1.1.0", "--close")
    story.gates(IMPROVEMENT, "feedback", "improve", "incident:I-1", "feedback:F-1")
    again = story.gates(IMPROVEMENT, "feedback", "improve", "incident:I-1", quiet=True)
    assert "already W-4" in again.said
    story.commit("chore: plan 1.1.1 with W-4 and W-5")


def held(story: Story) -> None:
    """The next round begins: the release is held until what was learnt is done."""
    version(story, "1.1.0", "1.1.1", "Names of any script are greeted.")
    story.commit("chore: prepare 1.1.1 for W-4 and W-5")
    story.gates(IMPROVEMENT, "run", "--devops-gates-stage", "plan", *RELEASE, expect=1)
    assert story.gate("work-items")["metrics"]["open"] == 2


def mended(story: Story) -> None:
    """It is mended, proven, approved, rolled out, and all is green."""
    plain = beacon.NAMED[beacon.NAMED.index("def plain") :]
    story.edit("src/beacon/__init__.py", plain, beacon.MENDED)
    story.append("tests/unit/test_greeting.py", beacon.ANY_SCRIPT_TEST)
    story.gates(PLAN, "plan", "done", "W-4", "W-5", quiet=True)
    story.gates(ANALYSIS, "feedback", "answer", "F-1", "It is mended in 1.1.1", quiet=True)
    story.commit("fix: greet names of any script\n\nW-4, W-5")
    story.gates(ROLL_OUT, "release", "approve", "--who", BEN, quiet=True)
    story.commit("chore: approve 1.1.1 with W-4 and W-5")
    story.pytest(ROLL_OUT, *RELEASE, quiet=True)
    assert story.verdict["verdict"] == "pass"
    story.deploy()
    story.pytest(MONITORING, *OPERATE)


def told(story: Story) -> None:
    story.gates(ANALYSIS, "history")
    story.gates(ANALYSIS, "history", "trend", "coverage.line", "tests.collected")
    story.gates(ANALYSIS, "history", "dora")


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.2)
