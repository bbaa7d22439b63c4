"""A real Alertmanager on the loopback, as Debian installs it (0.25), or whatever PATH holds."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request

from tests.servers.daemon import DIRECT, get, running, wanted

PROGRAMS = ("prometheus-alertmanager", "alertmanager")
"""As Debian calls it, and as it is called elsewhere."""

CONFIG = {
    "route": {"receiver": "nobody", "group_wait": "0s", "group_interval": "1s"},
    "receivers": [{"name": "nobody"}],
}


def installed() -> bool:
    """Whether it can be started here; tests skip where it cannot, and fail in CI."""
    return _program() is not None or wanted()


@contextlib.contextmanager
def alertmanager(config: Mapping[str, Any] = CONFIG) -> Iterator[str]:
    """The address of an Alertmanager that tells nobody of its alerts."""
    with tempfile.TemporaryDirectory(prefix="devops-gates-alertmanager-") as name:
        folder = Path(name)
        (folder / "alertmanager.yml").write_text(json.dumps(config), encoding="utf-8")

        def argv(port: int) -> list[str]:
            return [
                str(_program()),
                "--config.file=alertmanager.yml",
                "--storage.path=data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                "--log.level=warn",
            ]

        with running(argv, "/-/ready", folder) as url:
            yield url


def alerts(url: str) -> list[dict[str, Any]]:
    """The alerts that it has, past the code under test."""
    return list(json.loads(get(f"{url}/api/v2/alerts")))


def raise_alerts(url: str, *labels: Mapping[str, str], **fields: Any) -> None:
    """Tell it of alerts by their labels; ``fields`` (``annotations``, ``startsAt``, ``endsAt``)
    are the same for all of them."""
    _post(f"{url}/api/v2/alerts", [{"labels": dict(one), **fields} for one in labels])


def silence(url: str, label: str, value: str, minutes: float = 10.0) -> None:
    """Silence the alerts with a label."""
    now = time.time()
    _post(
        f"{url}/api/v2/silences",
        {
            "matchers": [{"name": label, "value": value, "isRegex": False, "isEqual": True}],
            "startsAt": _moment(now),
            "endsAt": _moment(now + 60 * minutes),
            "createdBy": "tests",
            "comment": "tests",
        },
    )


def wait_for(url: str, count: int, seconds: float = 15.0) -> list[dict[str, Any]]:
    """Its alerts, once there are so many."""
    ends = time.monotonic() + seconds
    while len(found := alerts(url)) != count:
        assert time.monotonic() < ends, f"not {count} alerts in {seconds:g} seconds: {found}"
        time.sleep(0.1)
    return found


def _post(url: str, body: Sequence[Any] | Mapping[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    request = Request(url, json.dumps(body).encode(), headers, method="POST")
    with DIRECT.open(request, timeout=5) as answer:
        assert answer.status == 200


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
