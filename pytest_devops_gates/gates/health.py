"""``health``: what was rolled out answers, as it should, and in time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Receipt, Rule
from pytest_devops_gates.gate import OFF, Canary, Gate, Options
from pytest_devops_gates.operations import endpoint
from pytest_devops_gates.operations.probes import Probe
from pytest_devops_gates.operations.probing import Probed, probed
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

KEY = "tool.devops-gates.gates.health.options"
MOST = 50
NOBODY = "http://127.0.0.1:9/"
"""The port "discard", at which nobody answers as a product does."""


class HealthOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``probes`` are asked all at once. Raises UsageError for one that cannot be asked."""

    probes: list[Probe] = []

    def __post_init__(self) -> None:
        if len(self.probes) > MOST:
            raise UsageError(f"{KEY}.probes: more than {MOST}; probe what tells the most")
        names = [probe.name for probe in self.probes]
        for n, probe in enumerate(self.probes):
            probe.check(f"{KEY}.probes[{n}]")
            if probe.name in names[:n]:
                raise UsageError(f"{KEY}.probes[{n}].name: '{probe.name}' is another one's as well")


def check(project: Project, options: HealthOptions, asked: tuple[str, ...]) -> Evidence:
    """Ask every probe, and put together what they found."""
    now = time.time()

    def ask(probe: Probe) -> Probed:
        try:
            server = endpoint.resolve(probe.endpoint, project.root, os.environ)
        except CannotTell as reason:
            return Probed(probe.name, unknown=f"{probe.name}: {reason}")
        return probed(probe, server, now)

    with ThreadPoolExecutor(max(1, len(options.probes))) as pool:
        return together(list(pool.map(ask, options.probes)))


def together(found: Sequence[Probed]) -> Evidence:
    """The evidence of all probes. Pure."""
    seconds = {one.probe: one.seconds for one in found if one.seconds is not None}
    days = [one.tls_days for one in found if one.tls_days is not None]
    troubles = [one.unknown for one in found if one.unknown]
    metrics = {
        "probes": float(len(found)),
        "failing": float(sum(bool(one.findings) for one in found)),
        **{f"latency:{name}": value for name, value in seconds.items()},
    }
    if seconds:
        metrics["latency"] = max(seconds.values())
    if days:
        metrics["tls-days"] = min(days)
    return Evidence(
        findings=tuple(finding for one in found for finding in one.findings),
        metrics=metrics,
        examined=sum(one.unknown is None or one.seconds is not None for one in found),
        unknown="; ".join(troubles)[:1000] or None,
        receipt=Receipt("health"),
        inapplicable={} if days else {"tls-days": "no certificate was looked at"},
    )


def applies(project: Project, options: Options) -> str | None:
    return None if options.probes else f"no probes are configured · {KEY}.probes"


def passes(project: Project, options: HealthOptions) -> tuple[str, ...]:
    """What the probes need of the environment."""
    return endpoint.variables(probe.endpoint for probe in options.probes)


def canary(project: Project, options: HealthOptions) -> Canary:
    """A probe of nobody, among those of pyproject.toml."""
    text = project.text("pyproject.toml") or ""
    planted = f'{{ name = "devops-gates-canary", url = "{NOBODY}" }}, '
    changed = re.sub(r"(\bprobes\s*=\s*\[)", rf"\g<1>{planted}", text, count=1)
    if changed == text:
        header = "[[tool.devops-gates.gates.health.options.probes]]"
        if header not in text:
            raise CannotTell(f"{KEY}.probes was not found in pyproject.toml")
        table = f'{header}\nname = "devops-gates-canary"\nurl = "{NOBODY}"\n\n'
        changed = text.replace(header, table + header, 1)
    return Canary("a probe that nobody answers", {"pyproject.toml": changed})


RULES = (
    Rule(
        "unreachable",
        "The product gave no whole answer: nobody listens there, there is no host of that name, its"
        " TLS is refused, or its answer breaks off or does not come in time.",
        "Look whether it runs, and listens where the probe asks.",
    ),
    Rule(
        "status",
        "The product answered with another status than it should, or leads elsewhere.",
        "Look into its log; where the status is right, name it in the probe's `status`.",
        "https://www.rfc-editor.org/rfc/rfc9110#name-status-codes",
    ),
    Rule(
        "body",
        "The product answered something else than it should.",
        "Look at the page; where it is right, mend the probe's `body`, `not-body` or `json`.",
    ),
    Rule(
        "latency",
        "The answer took longer than the probe's `latency` allows.",
        "Look at what keeps it busy, and let a roll-out warm up (`delay`).",
    ),
    Rule(
        "certificate",
        "The certificate is refused, or ends in fewer days than `tls-days`.",
        "Renew it; where it is of an authority of your own, name its file in `authority`.",
    ),
)
HEALTH = Gate(
    name="health",
    stage=Stage.OPERATE,
    options=HealthOptions,
    function=check,
    applies=applies,
    passes=passes,
    timeout=360.0,
    levels={"commit": OFF, "merge": OFF, "release": OFF},
    conditions={"findings.critical": "== 0", "findings.high": "== 0"},
    warnings={"findings.medium": "== 0"},
    metrics=("probes", "failing", "latency", "latency:", "tls-days"),
    again="devops-gates run --devops-gates-profile operate",
    cost=1.5,
    about="What was rolled out answers, as it should, and in time.",
    debt=False,
    canary=canary,
    dormant=True,
    rules=RULES,
)
