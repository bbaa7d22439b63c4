"""What a probe asks of the product, and what is wrong with an answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.operations.endpoint import Endpoint
from pytest_devops_gates.web import Response

DAY = 86_400.0
SHOWN = 40
"""Characters of a value in an answer that are told."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Scalar = str | int | float | bool


class Probe(msgspec.Struct, frozen=True, rename="kebab"):
    """One question to the product, and what a good answer is.

    ``status`` are the statuses that are good. The body has to match ``body``, and must not match
    ``not_body``; ``json`` maps paths in it (``db.state``, ``hosts.0``) to values. ``latency`` is
    the most seconds that the answer may take, and ``tls_days`` the fewest days that the certificate
    must hold (0: nobody looks). ``timeout`` is in seconds, for each of the ``attempts``, and with
    ``follow`` redirects are followed. For the rest see Endpoint.
    """

    name: str
    url: str | None = None
    url_env: str | None = None
    method: Literal["GET", "HEAD", "POST", "OPTIONS"] = "GET"
    status: tuple[Annotated[int, msgspec.Meta(ge=100, le=599)], ...] = (200,)
    body: str | None = None
    not_body: str | None = None
    json: dict[str, Scalar] = {}
    latency: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.0
    tls_days: Annotated[float, msgspec.Meta(ge=0, le=3650)] = 14.0
    headers: dict[str, str] = {}
    header_env: dict[str, str] = {}
    authority: str | None = None
    timeout: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    follow: bool = False

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.url, self.url_env, self.headers, self.header_env, self.authority)

    def check(self, path: str) -> None:
        """Raises UsageError for what cannot be asked."""
        if not NAME.fullmatch(self.name):
            raise UsageError(f"{path}.name: '{self.name[:70]}' is not of letters, digits and '._-'")
        self.endpoint.check(path)
        if not self.status:
            raise UsageError(f"{path}.status: names none that is good")
        for key, pattern in (("body", self.body), ("not-body", self.not_body)):
            try:
                re.compile(pattern or "")
            except (re.error, RecursionError) as error:
                raise UsageError(f"{path}.{key}: is no pattern: {error}") from None
        if self.method == "HEAD" and (self.body or self.not_body or self.json):
            raise UsageError(f"{path}.method: HEAD is answered without a body; use GET")
        if self.timeout < self.latency:
            raise UsageError(f"{path}.timeout: is less than latency, {self.latency:g} seconds")


def wrong(probe: Probe, answer: Response) -> Iterator[Finding]:
    """What is wrong with an answer, a finding each."""
    if answer.status not in probe.status:
        wanted = ", ".join(map(str, probe.status))
        yield finding(probe, "status", f"answered {answer.status}, needs {wanted}")
        return  # an error's page needs no further words
    for told in _of_body(probe, answer):
        yield finding(probe, "body", told)
    if answer.seconds > probe.latency:
        took = f"took {answer.seconds:.2f} seconds, needs <= {probe.latency:g}"
        yield finding(probe, "latency", took)


def ending(probe: Probe, days: float) -> Iterator[Finding]:
    """A certificate that ends soon."""
    if days < probe.tls_days:
        told = f"its certificate ends in {days:.1f} days, needs >= {probe.tls_days:g} · renew it"
        yield finding(probe, "certificate", told, Severity.MEDIUM)


def finding(probe: Probe, rule: str, told: str, severity: Severity = Severity.HIGH) -> Finding:
    """A finding of a probe, which is named by it and not by its address."""
    return Finding(rule, f"{probe.name}: {told}", severity)


def _of_body(probe: Probe, answer: Response) -> Iterator[str]:
    text = answer.body.decode("utf-8", "replace") if probe.body or probe.not_body else ""
    if probe.body and not re.search(probe.body, text):
        yield f"its body does not match '{visible(probe.body)}'"
    if probe.not_body and re.search(probe.not_body, text):
        yield f"its body matches '{visible(probe.not_body)}'"
    if not probe.json:
        return
    try:
        held = answer.json()
    except CannotTell:
        yield "its body is no JSON"
        return
    for path, wanted in probe.json.items():
        told = _of_value(held, path, wanted)
        if told:
            yield told


def _of_value(held: Any, path: str, wanted: Scalar) -> str | None:
    try:
        found = _at(held, path)
    except LookupError:
        return f"its body has no '{visible(path)}'"
    # 1 is no true, whatever Python says of them
    if isinstance(found, bool) is isinstance(wanted, bool) and found == wanted:
        return None
    said = f"{found!r}" if isinstance(found, Scalar) or found is None else type(found).__name__
    said = visible(said if len(said) <= SHOWN else said[: SHOWN - 1] + "…")
    return f"{visible(path)} is {said} in its body, needs {wanted!r}"


def _at(held: Any, path: str) -> Any:
    """The value at a path. Raises LookupError where there is none."""
    for part in path.split("."):
        if isinstance(held, list) and part.isascii() and part.isdecimal() and len(part) < 7:
            held = held[int(part)]
        elif isinstance(held, Mapping) and part in held:
            held = held[part]
        else:
            raise LookupError
    return held
