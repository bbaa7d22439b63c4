"""What a quarantine holds beyond that of the base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.loosening.say import clipped, told
from pytest_devops_gates.quarantine import FILE, Quarantined, file_of, takes


def quarantine(
    before: Iterable[Quarantined], after: Iterable[Quarantined], old_paths: Mapping[str, str]
) -> Iterator[Finding]:
    """A finding for each entry that no entry of the base takes in, or that ends later than those
    that do. ``old_paths`` are the paths that renamed files had there."""
    there = tuple(before)
    for entry in after:
        names = [entry.test]
        if old := old_paths.get(file_of(entry.test)):
            names.append(old + entry.test[len(file_of(entry.test)) :])
        ends = [one.expires for one in there if any(takes(one.test, name) for name in names)]
        if not ends or max(ends) < entry.expires:
            yield told(
                "quarantine-prolonged" if ends else "quarantine-added",
                f"quarantine, {clipped(entry.test)}",
                f"until {max(ends)}" if ends else "counted",
                f"until {entry.expires}",
                path=FILE,
            )
