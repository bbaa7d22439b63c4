"""The commits since the last release that the news do not name, asked of git."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_devops_gates import git, last_release
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.project import BESIDE_CODE, Project
from pytest_devops_gates.surface import named_changes
from pytest_devops_gates.surface.named_changes import Commit

UNSHALLOW = "git fetch --tags --unshallow"


def since_release(
    project: Project, news: Sequence[str], fragments: Sequence[str]
) -> tuple[str | None, list[Commit]]:
    """The last release's tag, and the commits since then that no line of ``news`` names.

    Without any release all commits are asked for. Raises CannotTell where the history is not here.
    """
    top, tag = project.toplevel, last_release.last_tag(project)
    if top is None or project.commit is None:
        raise CannotTell("no git repository with a commit: what changed is not known")
    if tag is None and git.git(top, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise CannotTell(f"a shallow clone: the last release is not known · {UNSHALLOW}")
    span = f"refs/tags/{tag}..HEAD" if tag else "HEAD"
    try:
        commits = named_changes.parse(git.git(project.root, *named_changes.LOG, span, "--"))
    except ValueError:
        raise CannotTell("git log printed something that is no list of commits") from None
    left = named_changes.unnamed(
        commits, lambda name: ships(project, name), news, "\n".join(fragments)
    )
    is_nested = top.resolve() != project.root.resolve()
    return tag, [commit for commit in left if commit.files or not is_nested]


def ships(project: Project, name: str) -> bool:
    """Whether a file is code of the product."""
    if project.packages:
        places = tuple(f"{p}/" for p in project.packages)
        modules = {f"{above}{p}.py" for p in project.packages for above in ("", "src/")}
        return (name.startswith(places) or name in modules) and not project.is_test(name)
    beside = name.split("/")[0] in BESIDE_CODE
    return name.endswith(".py") and not beside and not project.is_test(name)
