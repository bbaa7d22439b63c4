"""Which commits the users of a release should hear of, and whether a text names them. Pure.

Sources: Conventional Commits 1.0.0, and GitHub's and GitLab's words that close an issue.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

LOG = (
    *"log -z --topo-order --no-show-signature --no-color --no-ext-diff --no-renames".split(),
    *"--relative --encoding=UTF-8 --name-only --diff-merges=first-parent".split(),
    "--format=%x01%H%x02%P%x02%B%x02",
)
"""What to ask git for: each commit with its parents, its message and the files that it changed."""

WORTHY = ("feat", "fix", "perf")
"""Types of Conventional Commits that tell of something for users."""

_SUBJECT = re.compile(r"(?P<type>[A-Za-z][\w-]*)(?:\([^()\r\n]+\))?(?P<breaks>!)?: +\S")
_BREAKS = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
_NUMBER = re.compile(
    r"\(#(\d+)\)|\b(?:fix(?:e[sd])?|close[sd]?|resolve[sd]?):? #(\d+)\b"
    r"|\AMerge pull request #(\d+)\b|See merge request \S*!(\d+)",
    re.IGNORECASE,
)
_UNTOLD = re.compile(
    r"(?:Revert|Reapply) |revert(?:\([^()]*\))?!?: "
    r"|Merge (?!pull request #)(?![^\0]*See merge request)"
)
"""Messages of what takes something back, or brings together what was told of elsewhere."""

_WORD = re.compile(r"[^\W_](?:[\w.]*[^\W_])?")
_SHORT = 4
"""Letters of the shortest word that tells one change from another."""

_SHARE = 0.6
"""How many of the words of a subject have to stand together for them to name the change."""


class Commit(msgspec.Struct, frozen=True):
    """A commit; ``files`` are what it changed, below the project's root; of a merge: what it
    brought."""

    hash: str
    parents: tuple[str, ...]
    message: str
    files: tuple[str, ...]

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0].strip()

    @property
    def numbers(self) -> frozenset[str]:
        """The issues and pull requests that it refers to."""
        return frozenset(
            filter(None, (n for found in _NUMBER.findall(self.message) for n in found))
        )

    @property
    def shown(self) -> str:
        subject = self.subject
        return f"{self.hash[:10]} '{subject if len(subject) <= 80 else subject[:79] + '…'}'"


def parse(log: bytes) -> list[Commit]:
    """The commits that git prints for LOG. Raises ValueError for what is no such list."""
    found = []
    for entry in log.decode("utf-8", "backslashreplace").split("\x01")[1:]:
        name, parents, message, files = entry.split("\x02")
        names = [file.strip("\n") for file in files.split("\0")]
        found.append(
            Commit(name, tuple(parents.split()), message.strip(), tuple(filter(None, names)))
        )
    return found


def is_worthy(commit: Commit, ships: Callable[[str], bool]) -> bool:
    """Whether users should hear of a commit: by its type, where it has one, else because it changes
    code that ships and refers to an issue or a pull request."""
    if _UNTOLD.match(commit.message):
        return False
    if found := _SUBJECT.match(commit.message):
        breaks = found["breaks"] or _BREAKS.search(commit.message)
        return found["type"].lower() in WORTHY or bool(breaks)
    return bool(commit.numbers) and any(map(ships, commit.files))


def unnamed(
    commits: Sequence[Commit], ships: Callable[[str], bool], texts: Sequence[str], files: str
) -> Iterator[Commit]:
    """The commits that users should hear of, and which no entry of the news names.

    ``texts`` are the lines of the news, ``files`` the names of the fragments. What came by a merge
    that is named is named as well.
    """
    merges = _merges(commits)
    text = "\n".join(texts)
    words = [frozenset(map(str.lower, _WORD.findall(line))) for line in texts]
    known = set(re.findall(r"(?<![\w.])[#!`]?(\d+)(?![\w.]*\w)", text))
    known |= set(re.findall(r"(?:\A|[/\n])\D{0,2}(\d+)\.", files))
    for commit in commits:
        numbers = commit.numbers.union(*(m.numbers for m in merges.get(commit.hash, ())))
        is_named = numbers & known or commit.hash[:7] in text or _in_words(commit, words)
        if is_worthy(commit, ships) and not is_named:
            yield commit


def _in_words(commit: Commit, entries: Sequence[frozenset[str]]) -> bool:
    title = commit.subject
    if title.startswith("Merge pull request #"):
        title = commit.message.partition("\n")[2].strip().partition("\n")[0]
    found = _SUBJECT.match(title)
    told = {w.lower() for w in _WORD.findall(title[found.end() - 1 :] if found else title)}
    telling = {word for word in told if len(word) >= _SHORT and not word.isdigit()}
    least = max(2, _SHARE * len(telling))
    return any(len(telling & entry) >= least for entry in entries)


def _merges(commits: Sequence[Commit]) -> dict[str, list[Commit]]:
    """For each commit that came by merges into the main line, these merges."""
    by_hash = {commit.hash: commit for commit in commits}
    line: list[Commit] = []
    at = commits[0] if commits else None
    while at:
        line.append(at)
        at = by_hash.get(at.parents[0]) if at.parents else None
    claimed = {commit.hash for commit in line}
    found: dict[str, list[Commit]] = {}
    for merge in reversed(line):
        waiting = list(merge.parents[1:])
        while waiting:
            name = waiting.pop()
            if name not in by_hash or name in claimed:
                continue
            claimed.add(name)
            found[name] = [merge]
            waiting += by_hash[name].parents
    return found
