"""What came since the last release, on real repositories."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pytest_devops_gates.last_release import SHOWN, since_last
from pytest_devops_gates.testing import project
from pytest_devops_gates.verdict import Release
from tests.conftest import Checkout


def commit(checkout: Checkout, subject: str, *tags: str, file: str = "a.txt") -> None:
    path = checkout.root / file
    checkout.write({file: (path.read_text() if path.exists() else "") + subject})
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", subject)
    for tag in tags:
        checkout.git("tag", tag)


@pytest.fixture
def repository(checkout: Checkout) -> Checkout:
    checkout.git("init", "-q", ".")
    checkout.write({"pyproject.toml": "[project]\nname = 'app'\n"})
    return checkout


def told(checkout: Checkout, folder: str = "", **fields: Any) -> Release | None:
    return since_last(project(checkout.root / folder, **fields))


def subjects(release: Release | None) -> list[str]:
    assert release
    return [commit.subject for commit in release.shown]


def test_the_commits_since_the_last_release(repository: Checkout) -> None:
    commit(repository, "one", "v1.9")
    commit(repository, "two", "v1.10", "nightly")
    commit(repository, "three")
    commit(repository, "four: ünïcode | and <b>")
    found = told(repository)
    assert found
    assert (found.tag, found.commits) == ("v1.10", 2)
    assert subjects(found) == ["four: ünïcode | and <b>", "three"]
    assert found.shown[0].author == "A"
    assert found.date == repository.git("log", "-1", "--format=%cs", "v1.10").strip()


def test_a_tagged_head_is_compared_with_the_release_before(repository: Checkout) -> None:
    commit(repository, "one", "1.0")
    commit(repository, "two", "1.1")
    found = told(repository)
    assert found
    assert (found.tag, subjects(found)) == ("1.0", ["two"])


def test_final_versions_go_before_candidates_and_tags_elsewhere_do_not_count(
    repository: Checkout,
) -> None:
    commit(repository, "one", "1.0")
    commit(repository, "two", "1.1rc1")
    repository.git("checkout", "-q", "-b", "side")
    commit(repository, "aside", "9.0")
    repository.git("checkout", "-q", "-")
    commit(repository, "three")
    assert subjects(told(repository)) == ["three", "two"]


def test_a_nested_project_is_told_of_its_own_commits(repository: Checkout) -> None:
    repository.write({"api/pyproject.toml": "[project]\nname = 'api'\n"})
    commit(repository, "one", "1.0", "api-v0.1")
    commit(repository, "of the app")
    commit(repository, "of the api", file="api/b.txt")
    found = told(repository, "api")
    assert found
    assert (found.tag, subjects(found)) == ("api-v0.1", ["of the api"])


def test_all_are_counted_and_the_newest_shown(repository: Checkout) -> None:
    commit(repository, "one", "1.0")
    for number in range(SHOWN + 3):
        repository.git("commit", "-q", "--allow-empty", "-m", f"n{number}")
        commit(repository, f"m{number}")
    found = told(repository)
    assert found
    assert found.commits == SHOWN + 3  # those that change nothing here are no changes
    assert len(found.shown) == SHOWN
    assert found.shown[0].subject == f"m{SHOWN + 2}"


def test_nothing_is_told_where_nothing_is_known(repository: Checkout) -> None:
    assert told(repository) is None  # no commit
    commit(repository, "one", "nightly")
    assert told(repository) is None  # no release
    commit(repository, "two", "1.0")
    commit(repository, "three")
    assert told(repository, scope=("a.txt",)) is None  # a hook
    assert told(repository, toplevel=None) is None  # no git
    assert msgspec.structs.asdict(told(repository) or Release("", "", 0))["commits"] == 1
