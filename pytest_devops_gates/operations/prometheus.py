"""What Prometheus, or whatever speaks as it does, says to an instant query: one number.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/, "Instant queries". Thanos tells
of partial answers by its ``warnings`` as well, and VictoriaMetrics by ``isPartial``.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from pytest_devops_gates import web
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.operations.endpoint import Server

LIMIT = 2**20
"""Bytes of an answer: of one number it has no need of so many."""

SAID = 160
"""Characters of what it says of an error that are told."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)
_NO_NUMBERS = {"NaN", "+Inf", "-Inf"}
_MATRIX = "gives a range and not one number · ask without [...], or by rate() and its like"


AGE = 300.0
"""Seconds that a sample may be away from the moment that was asked for."""


class Missing(CannotTell):
    """There is no number at that instant: no series, or one of 0 by 0."""


def value(server: Server, query: str, at: float | None, timeout: float) -> float:
    """What the query gives now, or at another instant, in seconds since the epoch.

    Raises CannotTell for whatever is not exactly one finite number, and Missing where there is
    nothing to tell.
    """
    asked = {"query": query} if at is None else {"query": query, "time": f"{at:.3f}"}
    url = f"{server.url.rstrip('/')}/api/v1/query?{urlencode(asked)}"
    try:
        answer = web.request(
            "GET", url, headers=server.headers, timeout=timeout, limit=LIMIT,
            authority=server.authority,
        )  # fmt: skip
        return read(answer.status, _json(answer), time.time() if at is None else at)
    except CannotTell as error:  # of its kind; but the address may be a secret
        told = error.why if isinstance(error, web.NoAnswer) else error
        raise type(error)(f"{server.shown}: {told}") from None


def read(status: int, raw: Any, at: float | None = None) -> float:
    """The number in an answer, of the moment ``at`` if one is given. Pure; raises as ``value``."""
    if not isinstance(raw, Mapping):
        raise CannotTell(f"answered {status}, and nothing that Prometheus says")
    if raw.get("status") == "error":
        said = visible(" ".join(str(raw.get("error", "")).split())[:SAID])
        raise CannotTell(f"answered {status}: {said}")
    if status != 200 or raw.get("status") != "success":
        raise CannotTell(f"answered {status}, and nothing that Prometheus says")
    if warned := raw.get("warnings"):
        first = warned[0] if isinstance(warned, list) else warned
        raise CannotTell(f"warns: {visible(' '.join(str(first).split())[:SAID])}")
    if raw.get("isPartial"):
        raise CannotTell("says that its answer is partial")
    data = raw.get("data")
    if not isinstance(data, Mapping):
        raise CannotTell("answered without data")
    return _number(data.get("resultType"), data.get("result"), at)


def _json(answer: web.Response) -> Any:
    """What it holds; None for what is no JSON, where its status tells more."""
    try:
        return answer.json()
    except CannotTell:
        if answer.status == 200:
            raise
        return None


def _number(kind: Any, result: Any, at: float | None) -> float:
    if kind == "matrix":
        raise CannotTell(_MATRIX)
    if kind == "vector":
        result = _of_series(result)
    elif kind != "scalar":
        raise CannotTell("gives no number" if kind == "string" else "answered in another shape")
    if not isinstance(result, list) or len(result) != 2 or not isinstance(result[1], str):
        raise CannotTell("answered in another shape")
    if at is not None and not _is_of(result[0], at):
        raise CannotTell("gives the value of another moment than it was asked for")
    text = result[1]
    if text in _NO_NUMBERS:
        raise Missing(f"gives {text}: nothing was counted, or divided by nothing")
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise CannotTell(f"gives '{visible(text[:40])}', which is no number")
    return float(text)


def _is_of(moment: Any, at: float) -> bool:
    """Whether a sample is of a moment, as far as two clocks agree: a cache may be years old."""
    return isinstance(moment, (int, float)) and abs(moment - at) <= AGE


def _of_series(result: Any) -> Any:
    """The sample of the one series."""
    if not isinstance(result, list):
        raise CannotTell("answered in another shape")
    if not result:
        raise Missing("gives no data")
    if len(result) > 1:
        raise CannotTell(f"gives {len(result)} series where one is needed · put sum() around it")
    if not isinstance(result[0], Mapping):
        raise CannotTell("answered in another shape")
    if "value" not in result[0] and "histogram" in result[0]:
        raise CannotTell("gives a histogram and no number · histogram_quantile() makes one of it")
    return result[0].get("value")
