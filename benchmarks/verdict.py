"""A whole verdict on real projects, against the ways in which people get the same checks today.

``python benchmarks/verdict.py [--rounds N] [NAME ...]`` takes released projects from the package
index, gives each an environment of its own, and prints ratios of medians of wall time, all measured
in turns within one run:

- against the same checks by the usual tools, one after another,
- against ``pytest --cov`` alone,
- against pre-commit and ``tox -p`` with the same checks
  (the verdict asks more: the tree, suppressions, the syntax on other Pythons, version, changelog),
- against the bound: no schedule of the same tools on these cores can be faster than the longest
  chain of what needs each other, nor than their total CPU time divided by the cores.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PROJECTS: Mapping[str, Sequence[str]] = {
    "click==8.3.1": ("pytest<9",),  # its tests are older than pytest 9
    "itsdangerous==2.2.0": ("freezegun",),
    "pluggy==1.6.0": ("pytest-benchmark",),
}
"""Projects whose sdist holds their tests, with what these need beside pytest."""

TOOLS = ("pytest-cov", "tox", "pre-commit", "uv", "mypy")
Command = Sequence[str]


@dataclass(frozen=True)
class Place:
    """A project's checkout, and the environment in which it is installed."""

    root: Path
    bin: Path

    def tool(self, name: str) -> str:
        return str(self.bin / name)

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COVERAGE_"))}
        return {**kept, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}


def prepare(name: str, extra: Sequence[str], folder: Path) -> Place:
    """Fetch a project's sdist, commit it to a repository, and install it with all tools."""
    fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*fetch, "-d", str(folder), name], check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    root = next(path for path in folder.iterdir() if path.is_dir())
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
    place = Place(root, folder / "env" / "bin")
    install = [place.tool("python"), "-m", "pip", "install", "-q"]
    subprocess.run([*install, str(REPOSITORY), "-e", str(root), *TOOLS, *extra], check=True)
    (root / ".pre-commit-config.yaml").write_text(precommit(place))
    (root / "tox.ini").write_text(tox(place))
    git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *command], cwd=root, check=True)
    return place


def checks(place: Place) -> dict[str, list[Command]]:
    """The usual tools, by the name of the check; those of one check need each other."""
    python, fresh = place.tool("python"), str(place.root.parent / "fresh")
    dist = str(place.root.parent / "dist")
    typed = "[tool.mypy]" in (place.root / "pyproject.toml").read_text()
    return {
        "tests": [[python, "-m", "pytest", "-q", "--cov"]],
        **({"types": [[python, "-m", "mypy"]]} if typed else {}),
        "lint": [[place.tool("ruff"), "check", "-q"]],
        "format": [[place.tool("ruff"), "format", "--check", "-q"]],
        "bandit": [[python, "-m", "bandit", "-q", "-lll", "-r", "src"]],
        "package": [
            ["rm", "-rf", dist],
            [python, "-m", "build", "--outdir", dist, str(place.root)],
            ["sh", "-c", f"'{python}' -m twine check --strict '{dist}'/*"],
            [python, "-m", "venv", "--clear", fresh],
            ["sh", "-c", f"'{fresh}/bin/python' -m pip install -q '{dist}'/*.whl"],
            ["sh", "-c", f"cd / && '{fresh}/bin/python' -c 'import {package(place)}'"],
        ],
    }


def fastest(place: Place) -> dict[str, list[Command]]:
    """The same checks by the fastest tools that are there: what the bound is made of."""
    python, uv = place.tool("python"), place.tool("uv")
    fresh, dist = str(place.root.parent / "fresh"), str(place.root.parent / "dist")
    return {
        **checks(place),
        "tests": [
            [python, "-m", "coverage", "run", "-m", "pytest", "-q"],
            [python, "-m", "coverage", "json", "-q", "-o", os.devnull],
        ],
        "package": [
            ["rm", "-rf", dist],
            [uv, "build", "-q", "--out-dir", dist, str(place.root)],
            ["sh", "-c", f"'{python}' -m twine check --strict '{dist}'/*"],
            [uv, "venv", "-q", "--clear", "--python", python, fresh],
            ["sh", "-c", f"'{uv}' pip install -q --python '{fresh}/bin/python' '{dist}'/*.whl"],
            ["sh", "-c", f"cd / && '{fresh}/bin/python' -c 'import {package(place)}'"],
        ],
    }


def package(place: Place) -> str:
    return next((place.root / "src").glob("*/__init__.py")).parent.name


def precommit(place: Place) -> str:
    """The usual checks as hooks of pre-commit, which runs them one after another."""
    hooks = "".join(
        f"      - {{id: {name}, name: {name}, language: system, pass_filenames: false,"
        f" always_run: true, entry: {script(commands)!r}}}\n"
        for name, commands in checks(place).items()
    )
    return f"repos:\n  - repo: local\n    hooks:\n{hooks}"


def tox(place: Place) -> str:
    """The usual checks as environments of tox, which runs them at once under ``-p``."""
    listed = checks(place)
    text = f"[tox]\nenv_list = {','.join(listed)}\nno_package = true\n"
    for name, commands in listed.items():
        text += f"[testenv:{name}]\nskip_install = true\nallowlist_externals = *\n"
        text += f"pass_env = *\ncommands = {script(commands)}\n"
    return text


def script(commands: Sequence[Command]) -> str:
    """A shell script beside nothing: the commands, each only after the one before did well."""
    handle, name = tempfile.mkstemp(suffix=".sh")
    quoted = [" ".join("'" + part.replace("'", "'\\''") + "'" for part in c) for c in commands]
    os.write(handle, ("set -e\n" + "\n".join(quoted) + "\n").encode())
    os.close(handle)
    return f"sh {name}"


def spend(commands: Sequence[Command], place: Place) -> tuple[float, float]:
    """Seconds of wall time and of CPU for commands that run one after another."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for command in commands:
        done = subprocess.run(
            command, cwd=place.root, env=place.environment, capture_output=True, text=True
        )
        # 1 is a finding: not what is measured here
        assert done.returncode in (0, 1), (command, done.stdout[-500:], done.stderr[-500:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


def bound(place: Place) -> float:
    """Seconds below which no schedule of the fastest tools can come on this machine."""
    spent = [spend(commands, place) for commands in fastest(place).values()]
    return max(*(wall for wall, _ in spent), sum(cpu for _, cpu in spent) / (os.cpu_count() or 1))


def measure(place: Place, rounds: int) -> dict[str, float]:
    """The median of each way, measured in turns so that noise hits all alike."""
    python = place.tool("python")
    every = [command for commands in checks(place).values() for command in commands]

    def wall(*commands: Command) -> Callable[[], float]:
        return lambda: spend(commands, place)[0]

    ways: dict[str, Callable[[], float]] = {
        "verdict": wall([python, "-m", "pytest", "-q", "--devops-gates"]),
        "in a row": wall(*every),
        "pytest --cov": wall(*checks(place)["tests"]),
        "pre-commit": wall([place.tool("pre-commit"), "run", "--all-files"]),
        "tox -p": wall([place.tool("tox"), "-q", "-p"]),
        "bound": lambda: bound(place),
    }
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            taken = way()
            if turn:  # the first one fills caches and makes tox's environments
                seen[name].append(taken)
    return {name: statistics.median(times) for name, times in seen.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="A whole verdict against today's ways.")
    parser.add_argument("names", metavar="NAME", nargs="*", default=list(PROJECTS))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {arguments.rounds} rounds")
    for name in arguments.names:
        with tempfile.TemporaryDirectory() as folder:
            place = prepare(name, PROJECTS.get(name, ()), Path(folder))
            found = measure(place, arguments.rounds)
        verdict = found.pop("verdict")
        ratios = ", ".join(f"{way} {verdict / taken:.2f}" for way, taken in found.items())
        print(f"{name}: verdict {verdict:.1f} s; as a share of: {ratios}", flush=True)


if __name__ == "__main__":
    main()
