"""How long it takes to settle the base and the diff of a large repository.

    python benchmarks/base.py [FILES] [COMMITS]

It makes a repository of so many files (3,000) and commits (10,000) with git fast-import, changes 40
files on a branch, and asks five times as a run does. The medians are beside those of ``git diff``
alone, since machines differ.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_devops_gates import base, diff

ROUNDS = 5
CHANGED = 40


def history(files: int, commits: int) -> Iterator[bytes]:
    """A stream for git fast-import: each commit changes a file, the first one makes them all."""
    for n in range(commits):
        yield b"commit refs/heads/main\n"
        yield b"committer A <a@example.org> %d +0000\ndata 4\nmore\n" % (1_700_000_000 + n)
        for at in range(files) if n == 0 else [n % files]:
            text = b"".join(b"line %d of %d at %d\n" % (line, at, n) for line in range(40))
            name = b"pkg%d/module%d.py" % (at % 50, at)
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (name, len(text), text)


def repository(root: Path, files: int, commits: int) -> None:
    git(root, "init", "-q", "-b", "main")
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        cwd=root,
        input=b"".join(history(files, commits)),
        check=True,
    )
    git(root, "checkout", "-q", "-f", "-b", "feature", "main")
    for at in range(CHANGED):
        path = root / f"pkg{at % 50}/module{at}.py"
        path.write_text("# new\n" + path.read_text())
    (root / "untracked.py").write_text("x = 1\n" * 100)
    named = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    git(root, *named, "commit", "-qam", "Change")


def git(root: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=root, check=True, capture_output=True)


def median(ask: Callable[[], object]) -> float:
    def once() -> float:
        start = time.perf_counter()
        ask()
        return time.perf_counter() - start

    return statistics.median(once() for _ in range(ROUNDS))


def main(files: int = 3_000, commits: int = 10_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        repository(root, files, commits)
        since = base.usual(root, None)
        assert since
        change = diff.change_since(root, since, {}, untracked=True)
        assert len(change.files) == CHANGED + 1, len(change.files)
        settle = median(lambda: base.usual(root, None))
        compare = median(lambda: diff.change_since(root, since, {}, untracked=True))
        alone = median(lambda: git(root, "diff", "main"))
        print(f"{files:,} files, {commits:,} commits, {CHANGED} files changed; medians of {ROUNDS}")
        print(f"base {settle:.3f} s + diff {compare:.3f} s = {settle + compare:.3f} s")
        print(f"git diff alone {alone:.3f} s; together {(settle + compare) / alone:.1f} times that")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
