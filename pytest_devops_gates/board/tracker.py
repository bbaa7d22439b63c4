"""What GitHub and GitLab have in common: how they are asked, page by page, and what an issue is.

A token goes to the one server that the configuration names, and nowhere else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from pytest_devops_gates import web
from pytest_devops_gates.board.answers import limited, message, next_page, server, span
from pytest_devops_gates.board.items import Milestone, WorkItem
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.outside import TrackerTable

T = TypeVar("T")

TABLE = "tool.devops-gates.tracker"
SECONDS = 60.0
"""For all that is asked of a tracker together."""

ONCE = 20.0
"""Seconds for one answer."""

PATIENCE = 5.0
"""Seconds that are waited where there were too many requests; what takes longer is told."""

PAGE = 100
"""Issues a page: the most that either gives."""

TRIES = 4
"""Redirects, waits and hiccups that one answer may take."""

_TOKEN = re.compile(r"[!-~]+")


class NotThere(CannotTell):
    """The tracker answers, and has no such thing."""


class Issue(msgspec.Struct, frozen=True):
    """An issue, whoever keeps it. ``id`` is its number, and times are RFC 3339, UTC. One that is
    not ``is_open`` may lack the time at which it was ``closed``; ``is_dropped`` says that nothing
    was done about it. ``comments`` is how many there are."""

    id: str
    title: str
    body: str = ""
    labels: tuple[str, ...] = ()
    author: str = ""
    created: str = ""
    closed: str | None = None
    url: str | None = None
    milestone: str | None = None
    assignee: str | None = None
    comments: int = 0
    is_open: bool = True
    is_dropped: bool = False


class Kept(msgspec.Struct, frozen=True):
    """A milestone as a tracker keeps it, with the number by which it is asked for."""

    number: int
    milestone: Milestone


class Access:
    """The way to one tracker: whom to ask, as whom, and until when. No struct, since what it knows
    must not show when it is printed."""

    def __init__(
        self,
        table: TrackerTable,
        base: str,
        headers: Mapping[str, str],
        *,
        seconds: float = SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.table = table
        self.base = base.rstrip("/")
        self._headers = dict(headers)
        self._ends = time.monotonic() + seconds
        self._seconds = seconds
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<Access to {self.origin}>"

    @property
    def origin(self) -> str:
        """Where the board is from: a project, and the server that keeps it."""
        return f"{self.table.project} at {urlsplit(self.base).hostname}"

    def pages(self, path: str, query: Mapping[str, str]) -> Iterator[list[Any]]:
        """All of a listing, page by page. Raises CannotTell where it is no whole one."""
        url: str | None = f"{self.base}{path}?{urlencode({**query, 'per_page': str(PAGE)})}"
        seen: set[str] = set()
        read = 0
        while url:
            if url in seen:
                raise CannotTell(f"{self.origin}: its pages lead in a circle")
            seen.add(url)
            answer = self._answer("GET", url)
            page = answer.json()
            if not isinstance(page, list):
                raise CannotTell(f"{web.shown(url)}: answered no list")
            read += len(page)
            yield page
            last, url = url, next_page(answer, url)
            if url and server(url) != server(last):
                raise CannotTell(f"{self.origin}: the next page is at another server{_AWAY}")
            if not url:
                self._check_total(answer.headers.get("x-total", ""), read)

    def tell(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Have something changed or made; returns what the tracker says it is now."""
        return self._answer(method, self.base + path, body).json()

    def look_up(self, path: str, query: Mapping[str, str]) -> Any:
        """Whatever one question is answered with."""
        return self._answer("GET", f"{self.base}{path}?{urlencode(query)}").json()

    def shaped(self, raw: Any, kind: type[T]) -> T:
        """An answer of a certain shape. Raises CannotTell when it has another."""
        try:
            return msgspec.convert(raw, kind, strict=True)
        except (msgspec.ValidationError, UnicodeError) as error:
            raise CannotTell(f"{self.origin}: answered in another shape: {error}") from None

    def _answer(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> web.Response:
        """A good answer to one question, after whatever redirects and waits it takes."""
        for _ in range(TRIES):
            left = self._ends - time.monotonic()
            if left <= 0:
                raise CannotTell(
                    f"{self.origin}: not all was read within {self._seconds:g} seconds"
                )
            answer = web.request(
                method, url, headers=self._headers, body=body, timeout=min(ONCE, left)
            )
            if answer.status in (301, 302, 303, 307, 308):
                url = self._redirected(method, url, answer)
            elif (wait := limited(answer, time.time())) is not None:
                self._wait(wait)
            elif answer.status in (502, 503, 504) and method == "GET":
                self._wait(1.0)
            else:
                return self._good(answer)
        raise CannotTell(f"{web.shown(url)}: no answer in {TRIES} tries, {answer.status} at last")

    def _redirected(self, method: str, url: str, answer: web.Response) -> str:
        there = urljoin(url, answer.headers.get("location", ""))
        if server(there) != server(url):
            raise CannotTell(f"{web.shown(url)}: leads to {web.shown(there)}{_AWAY}")
        if method != "GET":
            raise CannotTell(f"{self.origin}: has moved · write its new name into {TABLE}.project")
        return there

    def _wait(self, seconds: float) -> None:
        if seconds > min(PATIENCE, self._ends - time.monotonic()):
            until = datetime.fromtimestamp(time.time() + seconds, timezone.utc)
            raise CannotTell(
                f"{self.origin}: too many requests; it answers again at {until:%H:%M:%S} UTC, in"
                f" {span(seconds)} · run it again then, or give it a token of its own"
            )
        self._sleep(seconds)

    def _good(self, answer: web.Response) -> web.Response:
        status, name = answer.status, self.table.token_name
        if 200 <= status < 300:
            return answer
        why = {
            401: f"{name} is not taken: it is wrong or has run out · make a new one",
            403: f"{name} may not do that · let it read issues (and write them, to change any)",
            404: f"there is no such thing, or {name} may not see it · see {TABLE}.project and url",
            410: f"its issues are switched off · switch them on, or drop [{TABLE}]",
        }.get(status, f"answered {status}")
        said = message(answer)
        kind = NotThere if status == 404 else CannotTell
        raise kind(f"{web.shown(answer.url)}: {why}{f' ({said})' if said else ''}")

    def _check_total(self, told: str, read: int) -> None:
        if told.isdecimal() and len(told) < 10 and read < int(told):
            raise CannotTell(f"{self.origin}: {told} were told of, and {read} came · try again")


class Speaker(Protocol):
    """What the modules ``github`` and ``gitlab`` have in common; each says what it does."""

    def reach(
        self, table: TrackerTable, environment: Mapping[str, str], seconds: float
    ) -> Access: ...
    def milestones(self, way: Access) -> tuple[Kept, ...]: ...
    def issues(
        self,
        way: Access,
        labels: Sequence[str] = (),
        state: str = "all",
        since: str | None = None,
        milestone: Kept | Literal["none", "any"] | None = None,
    ) -> Iterator[Issue]: ...
    def create(self, way: Access, item: WorkItem, body: str, milestone: Kept | None) -> Issue: ...
    def label(self, way: Access, name: str) -> None: ...
    def close(self, way: Access, issue: str, status: str) -> Issue: ...
    def move(self, way: Access, issue: str, milestone: Kept) -> Issue: ...
    def save(self, way: Access, milestone: Milestone, kept: Kept | None) -> Milestone: ...


_AWAY = f", where no token is sent · see {TABLE}.url"


def access(
    table: TrackerTable,
    base: str,
    environment: Mapping[str, str],
    credentials: Callable[[str], Mapping[str, str]],
    *,
    seconds: float = SECONDS,
) -> Access:
    """The way to a tracker; ``credentials`` makes the headers of a token.

    Raises CannotTell where there is no token, and UsageError for an address that would give it
    away.
    """
    token = environment.get(table.token_name, "").strip()
    if token and not _TOKEN.fullmatch(token):  # an error would show it
        raise CannotTell(f"{table.token_name} holds what no token does · set it anew")
    if not token and not table.public:
        raise CannotTell(
            f"{table.token_name} is not set (a fork's pull request gets no secrets) · set it in the"
            f" environment, or say public = true in [{TABLE}] where anybody may read it"
        )
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{TABLE}.url: is no address of http or https")
    if token and web.is_open(base):
        raise UsageError(f"{TABLE}.url: http would show the token to everybody; use https")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(f"{TABLE}.url: must be an address alone, without a user or a query")
    return Access(table, base, credentials(token) if token else {}, seconds=seconds)
