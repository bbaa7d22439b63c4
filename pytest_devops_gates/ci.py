"""Which CI this is, whose own ways of showing results are used by themselves."""

from __future__ import annotations

from collections.abc import Mapping

GITHUB, GITLAB = "github", "gitlab"
AUTO, OFF = "auto", "off"
SETTINGS = (AUTO, GITHUB, GITLAB, OFF)
"""What ``[tool.devops-gates] ci`` may say."""

_MARKS = {"GITHUB_ACTIONS": GITHUB, "GITLAB_CI": GITLAB}


def detect(setting: str, environment: Mapping[str, str]) -> str:
    """``github``, ``gitlab``, or nothing: as it is set, or by the variables that each sets."""
    if setting != AUTO:
        return "" if setting == OFF else setting
    return next((ci for mark, ci in _MARKS.items() if environment.get(mark) == "true"), "")
