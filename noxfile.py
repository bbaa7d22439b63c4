"""The test suite on every Python, and with the oldest and the newest pytest."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False


@nox.session(python=["3.10", "3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """The whole suite with the newest pytest."""
    session.install("-q", "-e", ".[test]")
    session.run("pytest", "-n", "2", "-m", "", *session.posargs)


@nox.session(python="3.11")
def oldest(session: nox.Session) -> None:
    """The whole suite with the oldest pytest that is supported."""
    session.install("-q", "-e", ".[test]", "pytest==8.0.*")
    session.run("pytest", "-n", "2", "-m", "", *session.posargs)
