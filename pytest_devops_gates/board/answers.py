"""What a tracker's answer says beside its body: where the next page is, until when it answers no
more, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.web import Response, shown

_TARGET = re.compile(r"[\s,]*(?:<([^<>]*)>|\Z)")
_PARAMETER = re.compile(
    r"""\s*;\s*(?:([^\s"<>=;,]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s"<>=;,]+))?)?"""
)
_END = re.compile(r"\s*(?:,|\Z)")


def next_page(answer: Response, url: str) -> str | None:
    """Where the next page is. GitLab tells its number, but not where pages have none (keyset).
    Raises CannotTell where that cannot be read: there might be one.

    Source: docs.gitlab.com/api/rest, "Pagination".
    """
    number = answer.headers.get("x-next-page")
    if number:
        parts = urlsplit(url)
        query = {**dict(parse_qsl(parts.query)), "page": number}
        return urlunsplit(parts._replace(query=urlencode(query)))
    try:  # read to its end, whatever its first links say
        for target, relations in [*_links(answer.headers.get("link", ""))]:
            if "next" in relations:
                there = urljoin(url, target)
                return None if number == "" and there == url else there
    except ValueError:
        raise CannotTell(f"{shown(url)}: its header Link cannot be read") from None
    return None


def _links(text: str) -> Iterator[tuple[str, list[str]]]:
    """The targets of a header ``Link`` with their relations, in small letters. Raises ValueError.

    Source: RFC 8288, 3: of several ``rel`` the first counts.
    """
    at = 0
    while found := _TARGET.match(text, at):
        if found[1] is None:
            return
        relations: list[str] | None = None
        at = found.end()
        while parameter := _PARAMETER.match(text, at):
            at = parameter.end()
            if relations is None and (parameter[1] or "").lower() == "rel":
                relations = (parameter[2] or "").strip('"').lower().split()
        yield found[1], relations or []
        if not (end := _END.match(text, at)):
            break
        at = end.end()
    raise ValueError


def server(url: str) -> tuple[str, str | None, int | None]:
    """What tells one server from another: scheme, host and port."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ("", None, None)
    return parts.scheme, parts.hostname, port


def limited(answer: Response, now: float) -> float | None:
    """Seconds until it answers again, where there were too many requests.

    Sources: docs.github.com/rest, "Rate limits for the REST API"; docs.gitlab.com, "Rate limits".
    """
    if answer.status not in (403, 429):
        return None
    after = answer.headers.get("retry-after", "")
    if after.isdecimal():
        return float(after[:9])
    for prefix in ("x-ratelimit-", "ratelimit-"):
        reset = answer.headers.get(f"{prefix}reset", "")
        is_over = answer.headers.get(f"{prefix}remaining") == "0" or answer.status == 429
        if is_over and reset.isdecimal() and len(reset) < 12:
            return max(1.0, float(reset) - now)
    return 60.0 if answer.status == 429 else None


def span(seconds: float) -> str:
    """A time to wait, in words."""
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def message(answer: Response) -> str:
    """What the tracker says of it, cut: both have a key ``message``, GitLab ``error`` as well."""
    try:
        said = msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        return ""
    told = (said.get("message") or said.get("error")) if isinstance(said, dict) else None
    return " ".join(str(told).split())[:160] if told else ""


def instant(text: str) -> str:
    """A time as all of ours are. Raises CannotTell for what is none."""
    try:
        told = msgspec.convert(text, datetime)
        found = told.astimezone(timezone.utc)
    except (msgspec.ValidationError, ValueError, OverflowError):
        told = None
    if told is None or told.tzinfo is None:
        raise CannotTell(f"answered a time that is none: {text[:40]!r}")
    return f"{found:%Y-%m-%dT%H:%M:%SZ}"
