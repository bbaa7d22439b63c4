"""A real Prometheus on the loopback, as Debian installs it (2.42), or whatever PATH holds."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.servers.daemon import get, running, wanted

PROGRAM = "prometheus"
WAIT = 15.0
"""Seconds that a query may take to hold."""


def installed() -> bool:
    """Whether it can be started here; tests skip where it cannot, and fail in CI."""
    return shutil.which(PROGRAM) is not None or wanted()


@contextlib.contextmanager
def prometheus(
    targets: Mapping[str, str],
    *,
    rules: str = "",
    alertmanager: str = "",
    scrape: str = "200ms",
    history: str = "",
    settings: Mapping[str, Any] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[str]:
    """The address of a Prometheus that scrapes ``targets``: names of jobs, and the addresses
    (``http://127.0.0.1:8000``) whose ``/metrics`` it reads. ``rules`` is the text of a file of
    rules, ``alertmanager`` the address that is told of alerts, and ``history`` samples of earlier
    times, in OpenMetrics; ``settings`` are
    added to its own. It takes five seconds before it scrapes at all."""
    with tempfile.TemporaryDirectory(prefix="devops-gates-prometheus-") as name:
        folder = Path(name)
        (folder / "rules.yml").write_text(rules or "groups: []\n", encoding="utf-8")
        config = json.dumps(
            {**_config(targets, alertmanager, scrape), **(settings or {})}
        )  # JSON is YAML
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        if history:
            _fill(folder, history)

        def argv(port: int) -> list[str]:
            return [
                str(shutil.which(PROGRAM)),
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--query.lookback-delta=5s",
                "--log.level=warn",
                *arguments,
            ]

        with running(argv, "/-/ready", folder) as url:
            yield url


def ask(url: str, query: str) -> list[dict[str, Any]]:
    """The series that a query gives, past the code under test."""
    answer = json.loads(get(f"{url}/api/v1/query?{urlencode({'query': query})}"))
    assert answer["status"] == "success", answer
    return list(answer["data"]["result"])


def wait_for(url: str, query: str, seconds: float = WAIT) -> list[dict[str, Any]]:
    """What a query gives, once that is something."""
    ends = time.monotonic() + seconds
    while not (found := ask(url, query)):
        assert time.monotonic() < ends, f"nothing for {query} in {seconds:g} seconds"
        time.sleep(0.1)
    return found


def samples(name: str, values: Callable[[float], float], hours: float, step: float = 60.0) -> str:
    """A series in OpenMetrics: ``values(age)`` for so many hours until now, ages in seconds."""
    now = time.time()
    count = int(hours * 3600 / step)
    ages = (step * n for n in range(count, -1, -1))
    return "".join(f"{name} {values(age):.6f} {now - age:.3f}\n" for age in ages)


def _fill(folder: Path, history: str) -> None:
    (folder / "history.txt").write_text(f"{history}# EOF\n", encoding="utf-8")
    filled = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.txt", "data"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert filled.returncode == 0, filled.stderr


def _config(targets: Mapping[str, str], alertmanager: str, scrape: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "global": {
            "scrape_interval": scrape,
            "scrape_timeout": scrape,
            "evaluation_interval": scrape,
        },
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [urlsplit(url).netloc]}]}
            for name, url in targets.items()
        ],
    }
    if alertmanager:
        at = [{"static_configs": [{"targets": [urlsplit(alertmanager).netloc]}]}]
        config["alerting"] = {"alertmanagers": at}
    return config
