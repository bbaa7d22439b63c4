"""Which engines look beside the built-in patterns, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_devops_gates.project import Project
from pytest_devops_gates.scanning import betterleaks, detect_secrets
from pytest_devops_gates.scanning.spot import Heard, laid_out

PATIENCE = 300.0
"""Seconds for one engine."""


def ask(project: Project, engines: Sequence[str] | None, names: Sequence[str]) -> Iterator[Heard]:
    """What the engines that are installed say of the files; ``engines`` are those that have to
    look, None leaves it to us."""
    program, version = betterleaks.find(project.root), detect_secrets.find()
    wanted = engines or ()
    if program is None and betterleaks.NAME in wanted:
        yield _missing(betterleaks.NAME, betterleaks.INSTALL)
    if version is None and detect_secrets.NAME in wanted:
        yield _missing(detect_secrets.NAME, detect_secrets.INSTALL)
    with_first = program is not None and (engines is None or betterleaks.NAME in wanted)
    with_second = version is not None and _is_second_due(project.profile, engines, with_first)
    if not names or not (with_first or with_second):
        return
    logs = project.run_dir / "logs" / "secrets"
    try:
        with laid_out(project.root, names, project.run_dir / "tmp" / "secrets") as field:
            if program is not None and with_first:
                yield betterleaks.search(program, field, logs, PATIENCE)
            if with_second:
                yield detect_secrets.search(field, logs, PATIENCE)
    except OSError as error:
        said = f"the files cannot be laid out for the engines: {error.strerror}"
        yield Heard("engines", trouble=said)


def _is_second_due(profile: str, engines: Sequence[str] | None, with_first: bool) -> bool:
    """Whether detect-secrets looks: it takes many times as long as betterleaks, so that without
    being asked for it only takes the place of that one, and not in a git hook."""
    if engines is not None:
        return detect_secrets.NAME in engines
    return profile != "commit" and not with_first


def _missing(engine: str, install: str) -> Heard:
    return Heard(engine, trouble=f"{engine} is not installed · {install}")
