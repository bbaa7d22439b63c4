"""Which findings are old: matched, one by one, with what is known to be owed. Pure.

A problem that is there twice is owed twice: each entry of the debt excuses one finding.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence

import msgspec

from pytest_devops_gates.change import Change
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.json_text import whole
from pytest_devops_gates.likeness import message_without_numbers

_NAMES = re.compile(r"[`'\"][\w.]{2,}[`'\"]")
"""A message that names something: of no other thing would it say the same."""

Key = Callable[[str, "Debt"], Hashable]


class Debt(msgspec.Struct, frozen=True, order=True):
    """A problem that was there before. ``content`` is what it is about (see likeness.py)."""

    gate: str
    path: str
    rule: str
    severity: str
    content: str
    message: str

    @property
    def kind(self) -> tuple[str, str]:
        """What is never alike but in what is the same: a worse finding is another one."""
        return self.rule, self.severity

    @property
    def line(self) -> str:
        return self.content.partition(":")[0]

    @property
    def code(self) -> str:
        return self.content.partition(":")[2]


TIERS: tuple[Key, ...] = (
    lambda path, d: (*d.kind, path, d.line, message_without_numbers(d.message)),
    lambda path, d: (*d.kind, path, d.line),
    lambda path, d: (*d.kind, path, d.code, message_without_numbers(d.message)),
    lambda path, d: (*d.kind, path, d.code),
    lambda path, d: (*d.kind, path, d.message) if _NAMES.search(d.message) else object(),  # edited
    lambda path, d: (*d.kind, d.code, message_without_numbers(d.message)),  # moved elsewhere
)
"""In which ways a finding may be like an entry, the likest first."""


MESSAGE = 200
"""Characters that an entry keeps of a message."""


class Settled(msgspec.Struct, frozen=True):
    """``known`` says of each whether it is old; ``left`` are entries that match none."""

    known: tuple[bool, ...]
    left: tuple[Debt, ...]


def owed(finding: Finding) -> Debt:
    """The entry that a finding would be."""
    path, rule, message = map(whole, (finding.path or "", finding.rule, finding.message[:MESSAGE]))
    return Debt(finding.gate, path, rule, finding.severity.value, finding.content, message)


def old_paths(change: Change | None) -> dict[str, str | None]:
    """The paths that files had at the base, as entries name them: None for a new file."""
    found = change.base_paths() if change else {}
    return {whole(path): whole(old) for path, old in found.items()}


def settle(
    ones: Sequence[Debt],
    debts: Iterable[Debt],
    before: Mapping[str, str | None],
    last: Collection[int] = (),
) -> Settled:
    """Match what was found at one gate with what is owed there.

    ``before`` are the paths that files had when the debt was made (see old_paths). Of two
    that are alike, one of the indices ``last``, on a line that the change brought, is the new one.
    """
    entries = list(debts)
    order = sorted(range(len(ones)), key=lambda n: n in last)
    waiting = {n: _before(ones[n].path, before) for n in order}
    for tier in TIERS:
        there: dict[Hashable, deque[int]] = defaultdict(deque)
        for at, entry in enumerate(entries):
            there[tier(entry.path, entry)].append(at)
        paid: set[int] = set()
        for n, path in list(waiting.items()):
            alike = there.get(tier(path, ones[n]))
            if alike:
                paid.add(alike.popleft())
                del waiting[n]
        entries = [entry for at, entry in enumerate(entries) if at not in paid]
    return Settled(tuple(n not in waiting for n in range(len(ones))), tuple(entries))


def _before(path: str, old_paths: Mapping[str, str | None]) -> str:
    """The path that a file had; a new file had none, and is like no other."""
    old = old_paths.get(path, path)
    return f"\0{path}" if old is None else old
