"""What the plugin costs, as ratios within one run: medians, since machines are noisy.

``python benchmarks/overhead.py [ROUNDS]`` prints

- plain pytest with and without the plugin, and with pytest-cov, its peer: milliseconds of CPU,
- a whole verdict against the usual tools run in a row, on a small project made for it.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def cpu(command: Sequence[str], cwd: Path, env: dict[str, str]) -> float:
    """Seconds of user and system time of a command and all that it waited for."""
    # whoever writes no bytecode has each plugin compiled and rewritten at each start
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, env={**own, **env}, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def wall(commands: Sequence[Sequence[str]], cwd: Path) -> float:
    """Seconds until all of them have run, one after the other."""
    start = time.perf_counter()
    for command in commands:
        subprocess.run(command, cwd=cwd, capture_output=True, check=True)
    return time.perf_counter() - start


def medians(rounds: int, **ways: Callable[[], float]) -> dict[str, float]:
    """The median of each way, measured in turns so that noise hits all alike."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seen[name].append(way())
    return {name: statistics.median(times) for name, times in seen.items()}


def plain(rounds: int, folder: Path) -> None:
    """Plain pytest, with our plugin loaded, and with pytest-cov loaded; no flag given."""
    found = medians(
        rounds,
        bare=lambda: cpu(PYTEST, folder, BARE),
        ours=lambda: cpu([*PYTEST, "-p", "pytest_devops_gates.plugin"], folder, BARE),
        cov=lambda: cpu([*PYTEST, "-p", "pytest_cov.plugin"], folder, BARE),
    )
    for name in ("ours", "cov"):
        extra = 1000 * (found[name] - found["bare"])
        ratio = found[name] / found["bare"]
        print(f"plain pytest with {name}: {extra:+.1f} ms CPU, {ratio:.3f} of bare")


def whole(rounds: int, folder: Path) -> None:
    """The whole verdict against the same tools by hand, in a row."""
    scripts = Path(sys.executable).parent
    fresh = folder / "fresh"
    by_hand = [
        [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q"],
        [sys.executable, "-m", "coverage", "json", "-o", os.devnull],
        [str(scripts / "ruff"), "check", "--select", "E9,F63,F7,F82"],
        [sys.executable, "-m", "bandit", "-q", "-lll", "-r", "src"],
        [sys.executable, "-m", "build", "--outdir", "dist"],
        ["sh", "-c", f"'{sys.executable}' -m twine check --strict dist/*"],
        [sys.executable, "-m", "venv", "--clear", str(fresh)],
        ["sh", "-c", f"'{fresh}/bin/python' -m pip install -q dist/*.whl"],
        [str(fresh / "bin" / "python"), "-c", "import sample"],
    ]
    found = medians(
        rounds,
        by_hand=lambda: wall(by_hand, folder),
        verdict=lambda: wall([[*PYTEST, "--devops-gates"]], folder),
    )
    ratio = found["verdict"] / found["by_hand"]
    print(f"whole verdict: {found['verdict']:.1f} s, by hand {found['by_hand']:.1f} s: {ratio:.2f}")


def sample(folder: Path) -> Path:
    """A small project whose tests take about three seconds."""
    files = {
        "pyproject.toml": """
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"
[project]
name = "sample"
version = "1.0"
description = "Sample"
readme = "README.md"
[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
""",
        "README.md": "# Sample\n",
        "src/sample/__init__.py": "def double(n):\n    return 2 * n\n",
        "tests/test_sample.py": """
import time
import pytest
from sample import double


@pytest.mark.parametrize("n", range(300))
def test_double(n):
    end = time.process_time() + 0.01
    while time.process_time() < end:
        assert double(n) == n + n
""",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        one = Path(name, "one")
        one.mkdir()
        (one / "test_one.py").write_text("def test_one(): pass\n")
        plain(rounds * 5, one)
        whole(rounds, sample(Path(name, "sample")))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
