"""What grew: suppressions, the baseline and the waivers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.loosening.say import clipped, told

_ENTRIES = {
    "baseline": ("baseline-grown", "devops-gates/baseline.json"),
    "waivers": ("waiver-added", "devops-gates/waivers.toml"),
}


def suppressions(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[Finding]:
    """A finding for each kind of which there are more than at the base."""
    for kind in sorted(after):
        was, now = before.get(kind, 0), after[kind]
        if now > was:
            yield told(
                "suppressions-grown",
                f"suppressions of the kind {kind}",
                was,
                now,
                severity=Severity.MEDIUM,
                path=None,
            )


def entries(kind: str, before: Collection[str], after: Collection[str]) -> Iterator[Finding]:
    """A finding for each entry that the base does not hold as often.

    ``kind`` is ``baseline`` or ``waivers``; KeyError for another one. A Counter counts each entry
    as often as it says.
    """
    rule, path = _ENTRIES[kind]
    was, now = Counter(before), Counter(after)
    for entry in sorted(now):
        base, here = max(was[entry], 0), now[entry]
        if here > base:
            often = "held" if here == 1 else f"held {here} times"
            was_held = "held once" if base == 1 else f"held {base} times" if base else "not held"
            yield told(rule, f"{kind}, {clipped(entry)}", was_held, often, path=path)
