"""What lies outside of the project, as its configuration names it: a tracker, a shared history."""

from __future__ import annotations

from typing import Literal

import msgspec

TOKENS = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}
"""The environment variable that holds the token, by the kind of tracker."""


class TrackerTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.tracker]``: where the work items are, if not in ``plan.toml``.

    ``project`` is ``owner/name`` at GitHub, and the path or number of the project at GitLab.
    ``url`` is the base of the REST API (that of the public service if left out), and ``token``
    names the environment variable that holds the token. A ``public`` project may be read without
    one.
    """

    kind: Literal["github", "gitlab"]
    project: str
    url: str | None = None
    token: str | None = None
    public: bool = False

    @property
    def token_name(self) -> str:
        """The environment variable that holds the token."""
        return self.token or TOKENS[self.kind]


class HistoryTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.history]``. ``url`` leads to a PostgreSQL database that many projects
    share; without one the history lies in ``.devops-gates/history.sqlite``. ``project`` is the name
    under which this one is recorded, that of its package if left out."""

    url: str | None = None
    project: str | None = None
