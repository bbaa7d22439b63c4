"""A server on loopback that speaks as GitHub and as GitLab do, of issues and milestones.

The shapes are those of github.com/github/rest-api-description (2022-11-28: "issue", "milestone",
"Link" headers) below ``/repos/``, and of docs.gitlab.com/api/issues, /milestones and /rest (paging:
``X-Next-Page``, or ``Link`` alone where it is by keyset) below ``/api/v4/``; keys that nobody reads
are left out, but for a few that must not disturb.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from pytest_devops_gates.outside import TrackerTable

TOKEN = "a" + "-token-of-tests"
PROJECT = "octo/hello"


@dataclass
class World:
    """What the tracker keeps. An issue has ``title``, and maybe ``body``, ``labels``, ``milestone``,
    ``assignee``, ``closed``, ``reason``, ``pull`` and ``comments``. ``most`` is the largest page, and
    ``labels`` are those that no issue has."""

    labels: tuple[str, ...] = ()
    milestones: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    most: int = 100
    trouble: str = ""
    keyset: bool = False
    drops: tuple[str, ...] = ()
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    url: str = ""

    def table(self, kind: str, **more: Any) -> TrackerTable:
        base = self.url + ("/api/v4" if kind == "gitlab" else "")
        return TrackerTable(**{"kind": kind, "project": PROJECT, "url": base, **more})


class Handler(BaseHTTPRequestHandler):
    world: ClassVar[World]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._note()
        if self._is_troubled():
            return
        kind, what, name = self._path()
        query = dict(parse_qsl(urlsplit(self.path).query))
        if what == "users":
            self._tell([{"id": 70, "username": query["username"]}] * (query["username"] == "anna"))
        elif what == "labels":
            self._label(unquote(name))
        elif what == "milestones":
            self._page([_MILESTONE[kind](n, m) for n, m in _numbered(self.world.milestones)], query)
        else:
            found = [
                n for n, issue in _numbered(self.world.issues) if self._fits(kind, issue, query)
            ]
            self._page([self._issue(kind, n) for n in found], query)

    def do_POST(self) -> None:
        self._change()

    def do_PATCH(self) -> None:
        self._change()

    def do_PUT(self) -> None:
        self._change()

    def _change(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._note()
        if self._is_troubled():
            return
        kind, what, name = self._path()
        number = int(name) if name else None
        told = {key: value for key, value in body.items() if key not in self.world.drops}
        rows = self.world.milestones if what == "milestones" else self.world.issues
        if number is None:
            rows.append({})
        row, at = rows[(number or len(rows)) - 1], number or len(rows)
        if what == "milestones":
            self._change_milestone(row, told)
        else:
            self._change_issue(row, told)
        became = _MILESTONE[kind](at, row) if what == "milestones" else self._issue(kind, at)
        self._tell(became, 200 if number else 201)

    def _change_milestone(self, row: dict[str, Any], told: dict[str, Any]) -> None:
        row["name"] = told.get("title", row.get("name"))
        due = told.get("due_on", told.get("due_date"))
        row["due"] = due[:10] if due else row.get("due")
        ended = told.get("state") == "closed" or told.get("state_event") == "close"
        row["closed"] = ended or row.get("closed", False)

    def _change_issue(self, row: dict[str, Any], told: dict[str, Any]) -> None:
        row["title"] = told.get("title", row.get("title"))
        row["body"] = told.get("body", told.get("description", row.get("body")))
        labels = told.get("labels", row.get("labels", []))
        row["labels"] = [x for x in labels.split(",") if x] if isinstance(labels, str) else labels
        row["labels"] = [*row["labels"], *filter(None, [told.get("add_labels")])]
        if number := told.get("milestone", told.get("milestone_id")):
            row["milestone"] = self.world.milestones[number - 1]["name"]
        if who := told.get("assignees"):
            row["assignee"] = who[0]
        if told.get("assignee_ids") == [70]:
            row["assignee"] = "anna"
        if told.get("state") == "closed" or told.get("state_event") == "close":
            row["closed"], row["reason"] = "2026-11-02T10:00:00Z", told.get("state_reason")

    def _label(self, name: str) -> None:
        """docs.github.com/rest/issues/labels, "Get a label"; docs.gitlab.com/api/labels."""
        used = (label for issue in self.world.issues for label in issue.get("labels", ()))
        if name in (*self.world.labels, *used):
            self._tell({"id": 1, "name": name, "color": "f29513"})
        else:
            self._tell({"message": "Not Found"}, 404)

    def _path(self) -> tuple[str, str, str]:
        path = urlsplit(self.path).path
        if path.startswith("/api/v4/"):
            kind, rest = "gitlab", path.removeprefix("/api/v4/")
            rest = rest.removeprefix(f"projects/{quote(PROJECT, safe='')}/")
        else:
            kind, rest = "github", path.removeprefix(f"/repos/{PROJECT}/")
            rest = rest.removeprefix("repositories/7/")
        what, _, name = rest.lstrip("/").partition("/")
        return kind, what, name

    def _fits(self, kind: str, issue: dict[str, Any], query: dict[str, str]) -> bool:
        state = "closed" if issue.get("closed") else "open" if kind == "github" else "opened"
        labels = filter(None, query.get("labels", "").split(","))
        wanted = query.get("milestone")
        if wanted and kind == "github" and wanted not in ("none", "*"):
            wanted = self.world.milestones[int(wanted) - 1]["name"]
        inside = issue.get("milestone")
        return (
            query.get("state") in (state, "all")
            and set(labels) <= set(issue.get("labels", ()))
            and (not wanted or _is_wanted(inside, wanted))
        )

    def _issue(self, kind: str, number: int) -> dict[str, Any]:
        issue = self.world.issues[number - 1]
        name = issue.get("milestone")
        inside = next(
            (
                _MILESTONE[kind](n, m)
                for n, m in _numbered(self.world.milestones)
                if m["name"] == name
            ),
            None,
        )
        shape = (_of_github if kind == "github" else _of_gitlab)(number, issue)
        return {**shape, "milestone": inside}

    def _page(self, rows: list[Any], query: dict[str, str]) -> None:
        size = min(int(query.get("per_page", 30)), self.world.most)
        at = int(query.get("page", query.get("cursor", 1)))
        more = at * size < len(rows)
        is_gitlab = self.path.startswith("/api/")
        headers = {}
        if is_gitlab and not self.world.keyset:
            headers |= {"X-Next-Page": str(at + 1) if more else "", "X-Total": str(len(rows))}
        elif more:
            key = "cursor" if is_gitlab else "page"
            parts = urlsplit(self.path)
            there = urlencode({**query, key: str(at + 1)})
            link = f'<{self.world.url}{parts.path}?{there}>; rel="next"'
            headers["Link"] = f'<{self.world.url}{parts.path}>; rel="first", {link}'
        rows = rows[(at - 1) * size : at * size]
        match self.world.trouble:
            case "circle":
                headers = {"Link": f'<{self.world.url}{self.path}>; rel="next"'}
            case "next elsewhere":
                headers = {"Link": '<http://other.invalid/page>; rel="next"'}
            case "one too few":
                rows = rows[:-1]
            case "another shape":
                rows = [{"number": "seven"}]
            case "an object":
                rows = {"message": "all is well"}  # type: ignore[assignment]
        self._tell(rows, 200, headers)

    def _is_troubled(self) -> bool:
        """Whether something else than an answer was sent."""
        trouble = self.world.trouble
        if self.world.trouble in ("hiccup", "limited for a second"):
            self.world.trouble = ""
        kind = "Authorization" if self.path.startswith("/repos") else "PRIVATE-TOKEN"
        given = self.headers.get(kind, "")
        if trouble != "no token needed" and given not in (TOKEN, f"Bearer {TOKEN}"):
            self._tell({"message": "Bad credentials"}, 401)
        elif trouble == "slow":
            time.sleep(1.0)
            self.close_connection = True
        elif trouble == "html":
            self._send(200, b"<html>log in</html>", {"Content-Type": "text/html"})
        elif trouble == "truncated":
            self._send(200, b'[{"number": 1', {}, length=4_000)
            self.close_connection = True
        elif trouble in ("broken", "hiccup"):
            self._send(503, b"later", {})
        elif trouble == "limited":
            reset = str(int(time.time()) + 1800)
            headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
            self._tell({"message": "API rate limit exceeded"}, 403, headers)
        elif trouble == "limited as by GitLab":
            self._tell({}, 429, {"RateLimit-Reset": str(int(time.time()) + 600)})
        elif trouble == "limited for a second":
            self._tell({}, 429, {"Retry-After": "1"})
        elif trouble == "limited for some seconds":
            self._tell({}, 403, {"Retry-After": "10"})
        elif trouble == "elsewhere":
            self._tell({}, 302, {"Location": "http://other.invalid/repos/x/y/issues"})
        elif trouble == "moved" and "/repositories/" not in self.path:
            there = self.path.replace(f"/repos/{PROJECT}/", f"/repos/{PROJECT}/repositories/7/")
            self._tell({}, 301, {"Location": there})
        elif trouble.isdecimal():
            self._tell({"message": "Not that way"}, int(trouble))
        else:
            return False
        return True

    def _note(self) -> None:
        self.world.asked.append((self.command, unquote(self.path), dict(self.headers)))

    def _tell(
        self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self._send(status, json.dumps(value).encode(), headers or {})

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str], length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _is_wanted(milestone: str | None, wanted: str) -> bool:
    if wanted in ("*", "Any"):
        return milestone is not None
    return milestone is None if wanted in ("none", "None") else milestone == wanted


def _numbered(rows: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    return list(enumerate(rows, start=1))


def _github_milestone(number: int, row: dict[str, Any]) -> dict[str, Any]:
    due = row.get("due")
    return {
        "number": number, "title": row["name"], "open_issues": 4, "creator": {"login": "octocat"},
        "state": "closed" if row.get("closed") else "open",
        "due_on": f"{due}T08:00:00Z" if due else None,
    }  # fmt: skip


def _gitlab_milestone(number: int, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number, "iid": number + 100, "title": row["name"], "expired": False,
        "state": "closed" if row.get("closed") else "active", "due_date": row.get("due"),
    }  # fmt: skip


_MILESTONE = {"github": _github_milestone, "gitlab": _gitlab_milestone}


def _of_github(number: int, issue: dict[str, Any]) -> dict[str, Any]:
    who = issue.get("assignee")
    pull = {"pull_request": {"url": "https://api.github.com/pulls/1"}} if issue.get("pull") else {}
    return {
        "id": 10_000 + number, "number": number, "title": issue["title"], "locked": False,
        "state": "closed" if issue.get("closed") else "open",
        "state_reason": issue.get("reason"), "body": issue.get("body"),
        "html_url": f"https://github.com/{PROJECT}/issues/{number}",
        "labels": [{"id": 1, "name": name, "color": "f29513"} for name in issue.get("labels", ())],
        "user": {"login": "octocat", "id": 1}, "assignee": {"login": who} if who else None,
        "assignees": [{"login": who}] if who else [], "comments": issue.get("comments", 0),
        "created_at": "2026-11-01T10:00:00Z", "closed_at": issue.get("closed"), **pull,
    }  # fmt: skip


def _of_gitlab(number: int, issue: dict[str, Any]) -> dict[str, Any]:
    who = issue.get("assignee")
    return {
        "id": 10_000 + number, "iid": number, "title": issue["title"], "confidential": False,
        "state": "closed" if issue.get("closed") else "opened", "description": issue.get("body"),
        "web_url": f"https://gitlab.com/{PROJECT}/-/issues/{number}",
        "labels": issue.get("labels", []), "author": {"username": "octocat", "id": 1},
        "assignees": [{"username": who}] if who else [],
        "user_notes_count": issue.get("comments", 0),
        "created_at": "2026-11-01T11:00:00.000+01:00", "closed_at": issue.get("closed"),
    }  # fmt: skip


@contextmanager
def serving(**fields: Any) -> Iterator[World]:
    """A tracker at work, with what it keeps."""
    world = World(**fields)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"world": world}))
    server.daemon_threads = True
    world.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
