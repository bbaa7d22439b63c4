"""The history in a ref of a git remote: with real repositories."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history import lines, ref, sync
from pytest_devops_gates.history.lines import KeptDeployment, KeptIncident, Record
from pytest_devops_gates.history.ref import REF, Remote
from pytest_devops_gates.history.store import Store, open_store
from pytest_devops_gates.history.sync import Synced, path_of
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import PROJECT, TESTS, deployment, failing, incident, moment, run

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": "/nowhere"}


def git(root: Path, *args: str, told: bytes = b"") -> str:
    named = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *named, *args], cwd=root, input=told, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


class Clone:
    """A checkout with a history of its own, and the remote ``origin``."""

    def __init__(self, root: Path, store: Store) -> None:
        self.root, self.store = root, store
        self.remote = Remote(root, "origin", ENVIRONMENT)

    def sync(self, **other: object) -> Synced:
        return sync.sync(self.remote, self.store, PROJECT, **other)  # type: ignore[arg-type]

    def all(self) -> list[Record]:
        return list(self.store.everything(PROJECT))


MakeClone = Callable[[str], Clone]


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "--bare", "origin.git")
    return tmp_path / "origin.git"


@pytest.fixture
def clone(tmp_path: Path, origin: Path) -> Iterator[MakeClone]:
    stores = []

    def make(name: str) -> Clone:
        root = tmp_path / name
        git(tmp_path, "init", "-q", name)
        git(root, "remote", "add", "origin", "../origin.git")
        opening = open_store(root, HistoryTable(), {})
        stores.append(opening)
        return Clone(root, opening.__enter__())

    yield make
    for opening in stores:
        opening.__exit__(None, None, None)


def put(origin: Path, files: dict[str, bytes]) -> None:
    """Somebody writes files into the ref by hand."""
    code, base, _ = ref.answer(origin, "rev-parse", "--verify", "--quiet", REF)
    commit = ref.follow(origin, None if code else base.decode().strip(), files.items(), [], 0)
    git(origin, "update-ref", REF, commit)


def test_what_is_new_goes_both_ways_and_once(clone: MakeClone) -> None:
    ann, bob = clone("ann"), clone("bob")
    ann.store.record(run(1))
    ann.store.keep_deployments(PROJECT, [deployment(1, outcome="started", ended=None)])
    ann.store.keep_incidents(PROJECT, [incident(1)], moment(1))
    assert ann.sync() == Synced(0, 4, ())  # the tests of the run are a file of their own
    assert ann.sync() == Synced(0, 0, ())
    bob.store.record(run(2))
    assert bob.sync() == Synced(3, 2, ())
    assert bob.sync() == Synced(0, 0, ())
    assert ann.sync() == Synced(1, 0, ())
    assert ann.all() == bob.all()
    assert len(ann.all()) == 4
    bob.store.keep_deployments(PROJECT, [deployment(1)])
    bob.store.keep_incidents(PROJECT, [incident(1, ended=moment(2))], moment(2))
    assert bob.sync() == Synced(0, 2, ())
    assert ann.sync() == Synced(2, 0, ())
    assert ann.store.incidents(PROJECT) == (incident(1, ended=moment(2)),)
    assert ann.store.deployments(PROJECT) == (deployment(1),)


def test_nothing_of_the_checkout_is_touched(clone: MakeClone) -> None:
    ann = clone("ann")
    (ann.root / "kept.py").write_text("x = 1\n")
    git(ann.root, "add", "kept.py")
    (ann.root / ".git/hooks").mkdir(exist_ok=True)
    for hook in ("pre-push", "reference-transaction", "post-index-change"):
        (ann.root / f".git/hooks/{hook}").write_text("#!/bin/sh\ntouch hooked\nexit 1\n")
        (ann.root / f".git/hooks/{hook}").chmod(0o755)
    before = [(ann.root / ".git" / name).read_bytes() for name in ("index", "HEAD", "config")]
    bob = clone("bob")
    bob.store.record(run(2))
    bob.sync()
    ann.store.record(run(1))
    assert ann.sync() == Synced(1, 2, ())
    assert [
        (ann.root / ".git" / name).read_bytes() for name in ("index", "HEAD", "config")
    ] == before
    assert not (ann.root / "hooked").exists()
    assert git(ann.root, "for-each-ref", "--format=%(refname)") == REF
    assert sorted(p.name for p in ann.root.iterdir()) == [".devops-gates", ".git", "kept.py"]


def test_files_are_named_by_what_is_in_them(clone: MakeClone, origin: Path) -> None:
    ann = clone("ann")
    ann.store.record(run(1, tests=(*TESTS, RanTest("t::bad", "failed", 1.0))))
    ann.store.keep_deployments(
        PROJECT, [deployment(1, id="../../etc\n"), deployment(2, id="x" * 400)]
    )
    ann.sync()
    run_id = run(1).run_id
    names = git(origin, "ls-tree", "-r", "--name-only", REF).splitlines()
    assert f"tea-shop/runs/2026/03/01/{run_id}.json" in names
    assert f"tea-shop/tests/{run_id}.json" in names
    assert "tea-shop/deployments/%2E.%2F..%2Fetc%0A.json" in names
    assert len(names) == 4
    kept = git(origin, "show", f"{REF}:tea-shop/runs/2026/03/01/{run_id}.json").encode()
    assert msgspec.structs.replace(
        run(1), tests=(RanTest("t::bad", "failed", 1.0),)
    ) == lines.decode(kept, PROJECT)
    bob = clone("bob")
    bob.sync()
    assert bob.all() == ann.all()


def test_all_tests_are_shared_of_the_newest_runs(
    clone: MakeClone, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "TESTS_SHARED", 2)
    ann, bob = clone("ann"), clone("bob")
    for n in range(4):
        ann.store.record(run(n))
        ann.sync()
    names = git(origin, "ls-tree", "--name-only", f"{REF}:tea-shop/tests").splitlines()
    assert names == [f"{run(n).run_id}.json" for n in (2, 3)]
    bob.sync()
    assert [
        len(one.tests) for one in bob.store.whole_runs(PROJECT, [run(n).run_id for n in range(4)])
    ] == [0, 0, 2, 2]
    assert bob.store.recall(PROJECT, "merge", None, clean=True).tests == {
        t.id: t.seconds for t in TESTS
    }


def test_what_is_no_record_is_told_and_left_out(clone: MakeClone, origin: Path) -> None:
    """What is wrong with a record itself is tested in test_history_transfer.py."""
    good = {path_of(run(1)): lines.encode(run(1, tests=()))}
    bad = {
        path_of(run(2)): b"{",
        path_of(run(3)): b"",
        path_of(run(4)): lines.encode(run(5)),
        path_of(run(6)).replace("03/01", "03/02"): lines.encode(run(6)),
        "tea-shop/runs/2026/03/01/%2E.%2Fx.json": lines.encode(run(7, run_id="../x")),
        "tea-shop/deployments/x.json": lines.encode(KeptDeployment(PROJECT, deployment(7))),
        path_of(KeptIncident(PROJECT, "", incident(8))): lines.encode(run(8)),
    }
    put(origin, {**good, **bad})
    ann = clone("ann")
    ann.store.record(run(9))
    done = ann.sync()
    assert (done.brought, done.sent) == (1, 2)
    assert [one.path for one in done.bad] == sorted(bad)
    assert all(one.why and "\n" not in one.why for one in done.bad)
    assert [one.run_id for one in ann.store.runs(PROJECT)] == [run(9).run_id, run(1).run_id]
    ann.store.keep_incidents(PROJECT, [incident(8)], moment(8))
    assert ann.sync().sent == 1  # ours takes the place of what is none
    assert len(ann.sync().bad) == len(bad) - 1


INJECTED = """x.json
reset refs/heads/evil
from refs/heads/main^0

commit refs/heads/main
committer A <a@example.org> 0 +0000
data 1
x
from refs/heads/main^0
M 100644 inline conftest.py
data 9
import x
"""


@pytest.mark.parametrize(
    "name",
    [INJECTED, "caf\u00e9.json", "a b.json", '"q.json', "a\r.json", ".x.json", "\udcff.json"],
)
def test_a_name_that_is_none_of_ours_moves_nothing_and_stops_nobody(
    clone: MakeClone, origin: Path, tmp_path: Path, name: str
) -> None:
    """Whoever may push the ref names files as he likes; git allows newlines in a name."""
    oid = git(origin, "hash-object", "-w", "--stdin", told=b"x").encode()
    mode, kind = b"100644", b"blob"
    for part in reversed(b"tea-shop/tests/".split(b"/")[:-1] + os.fsencode(name).split(b"/")):
        made = git(origin, "mktree", "-z", told=b"%s %s %s\t%s\0" % (mode, kind, oid, part))
        mode, kind, oid = b"040000", b"tree", made.encode()
    git(origin, "update-ref", REF, git(origin, "commit-tree", oid.decode(), "-m", "x"))
    ann = clone("ann")
    git(ann.root, "commit", "-q", "--allow-empty", "-m", "x")
    git(ann.root, "branch", "-M", "main")
    git(ann.root, "push", "-q", "origin", "main")
    git(ann.root, "fetch", "-q", "origin")
    before = git(ann.root, "for-each-ref")
    assert "refs/remotes/origin/main" in before
    ann.store.record(run(1))
    done = ann.sync()
    assert (done.brought, done.sent) == (0, 2)
    assert done.bad == (sync.Bad(f"tea-shop/tests/{name}", "its name is none of ours"),)
    after = git(ann.root, "for-each-ref").splitlines()
    assert [line for line in after if not line.endswith(REF)] == before.splitlines()
    assert ann.sync() == Synced(0, 0, done.bad)
    assert clone("bob").sync() == Synced(1, 0, done.bad)


@pytest.mark.parametrize(
    "path", ["", "a\nb", "a b", "caf\u00e9", "a/../b", "a//b", "/a", "a\n", '"a"']
)
def test_git_is_given_no_path_but_a_plain_one(origin: Path, path: str) -> None:
    for files, gone in ([(path, b"x")], []), ([], [path]):
        with pytest.raises(CannotTell, match=f"{REF} holds no file of the name"):
            ref.follow(origin, None, files, gone, 0)
    assert git(origin, "for-each-ref") == ""


@given(st.text(st.characters()))
def test_whatever_has_a_name_has_a_plain_path(name: str) -> None:
    record = KeptDeployment(name, deployment(1, id=name))
    assert ref.is_plain(path_of(record))


def test_what_nobody_would_read_is_not_written(
    clone: MakeClone, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "LARGEST", 2_000)
    ann = clone("ann")
    ann.store.keep_deployments(PROJECT, [deployment(1, by="x" * 2_000), deployment(2)])
    done = ann.sync()
    assert done.sent == 1
    assert [bad.path for bad in done.bad] == ["what is kept here"]
    assert done.bad[0].why.startswith("tea-shop/deployments/d1.json has more than")
    assert git(origin, "ls-tree", "-r", "--name-only", REF) == "tea-shop/deployments/d2.json"


def test_what_is_too_large_is_not_read(
    clone: MakeClone, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "LARGEST", 500)
    put(origin, {path_of(run(1)): lines.encode(run(1))})
    ann = clone("ann")
    assert [bad.why for bad in ann.sync().bad] == ["it has more than 0 MiB"]
    monkeypatch.setattr(ref, "ENTRIES", 0)
    with pytest.raises(CannotTell, match="holds more than 0 files"):
        ann.sync()


def test_what_is_none_of_ours_is_passed_over(clone: MakeClone, origin: Path) -> None:
    put(origin, {"README": b"x", "coffee/runs/x.json": b"x", "tea-shop/later/x.json": b"x"})
    ann = clone("ann")
    ann.store.record(run(1))
    assert ann.sync() == Synced(0, 2, ())
    assert "tea-shop/later/x.json" in git(origin, "ls-tree", "-r", "--name-only", REF)


def test_shallow_clones_bring_no_more_than_they_need(
    clone: MakeClone, origin: Path, tmp_path: Path
) -> None:
    ann = clone("ann")
    for n in range(3):
        ann.store.record(run(n))
        ann.sync()
        git(ann.root, "commit", "-q", "--allow-empty", "-m", "x")
    git(ann.root, "push", "-q", "origin", "HEAD:refs/heads/main")
    git(tmp_path, "clone", "-q", "--depth=1", "-b", "main", f"file://{origin}", "shallow")
    with open_store(tmp_path / "shallow", HistoryTable(), {}) as store:
        bob = Clone(tmp_path / "shallow", store)
        store.record(run(9))
        assert bob.sync() == Synced(3, 2, ())
        assert git(bob.root, "rev-list", "--count", REF) == "2"
        assert git(bob.root, "rev-list", "--count", "HEAD") == "1"
    assert ann.sync().brought == 1
    assert git(ann.root, "rev-parse", "--is-shallow-repository") == "false"
    assert git(origin, "rev-list", "--count", REF) == "4"


def test_a_name_that_is_no_remote_is_told(clone: MakeClone, tmp_path: Path) -> None:
    ann = clone("ann")
    ann.remote = Remote(ann.root, "upstream", ENVIRONMENT)
    with pytest.raises(
        UsageError, match=r"there is no remote 'upstream' \(known: origin\) · git remote add"
    ):
        ann.sync()
    ann.remote = Remote(ann.root, "--upload-pack=touch hooked", ENVIRONMENT)
    with pytest.raises(UsageError, match="there is no remote"):
        ann.sync()
    ann.remote = Remote(tmp_path, "origin", ENVIRONMENT)
    with pytest.raises(CannotTell, match=r"git .*not a git repository"):
        ann.sync()


def test_who_may_not_write_is_told_why_and_no_password(clone: MakeClone, origin: Path) -> None:
    hook = origin / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho Permission to tea denied to ann >&2\nexit 1\n")
    hook.chmod(0o755)
    ann = clone("ann")
    ann.store.record(run(1))
    slept: list[float] = []
    with pytest.raises(CannotTell) as told:
        ann.sync(sleep=slept.append)
    assert str(told.value) == (
        "git push origin: remote: Permission to tea denied to ann"
        f" · who syncs needs the right to push to {REF}"
    )
    assert len(slept) == sync.REFUSALS - 1
    password = "s3" + "same"
    git(ann.root, "remote", "set-url", "origin", f"http://ann:{password}@127.0.0.1:1/tea")
    with pytest.raises(CannotTell) as told:
        ann.sync()
    assert password not in str(told.value)
    assert "127.0.0.1" in str(told.value)
    ann.remote = Remote(ann.root, f"http://ann:{password}@x@127.0.0.1:1/tea", ENVIRONMENT)
    with pytest.raises(CannotTell) as told:
        ann.sync()
    assert str(told.value).startswith("git ls-remote http://127.0.0.1:1/tea: ")
    assert password not in str(told.value)
    assert ann.remote.shown == "http://127.0.0.1:1/tea"


def test_no_line_of_git_shows_a_password() -> None:
    secret = "s3" + "same"
    said = f"hint: x\nfatal: unable to access 'https://ann:{secret}@example.org/tea/': refused\n"
    told = ref._reason(said.encode())
    assert told == "fatal: unable to access 'https://example.org/tea/': refused"
    for user in ("ann", secret, f"ann:{secret}@{secret}", f"ann:{secret}/{secret}", f":{secret}"):
        remote = Remote(Path(), f"https://{user}@example.org/tea", ENVIRONMENT)
        assert remote.shown == "https://example.org/tea"
    for name in ("origin", "../tea", "git@example.org:tea", "https://example.org:80/tea"):
        assert Remote(Path(), name, ENVIRONMENT).shown == name
    assert ref._reason(b"") == "it failed without a word"


def test_somebody_is_quicker_each_time(clone: MakeClone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between what is fetched and what is pushed another one pushes: both are kept."""
    ann, bob = clone("ann"), clone("bob")
    pushes = []
    real = Remote.push

    def push(self: Remote, commit: str) -> None:
        if self is ann.remote and len(pushes) < 4:
            pushes.append(commit)
            bob.store.record(run(10 + len(pushes)))
            bob.sync()
        real(self, commit)

    monkeypatch.setattr(Remote, "push", push)
    ann.store.record(run(1))
    assert ann.sync(sleep=lambda _: None) == Synced(4, 2, ())
    assert bob.sync().brought == 1
    assert ann.all() == bob.all()


def test_others_who_push_all_the_time_are_told(
    clone: MakeClone, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = clone("ann")
    tips = iter(range(100))

    def push(self: Remote, commit: str) -> None:
        raise ref.Refused("rejected")

    monkeypatch.setattr(Remote, "push", push)
    monkeypatch.setattr(Remote, "tip", lambda self: f"{next(tips):040x}")
    monkeypatch.setattr(Remote, "bring", lambda self: None)
    ann.store.record(run(1))
    with pytest.raises(CannotTell, match="others pushed to refs/devops-gates/history all the time"):
        ann.sync(sleep=lambda _: None)


_SYNC = """
import os, sys
from pathlib import Path
from pytest_devops_gates.history.ref import Remote
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.history.sync import sync
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import PROJECT, deployment, run
root, first = Path(sys.argv[1]), int(sys.argv[2])
with open_store(root, HistoryTable(), {}) as store:
    for n in range(first, first + 3):
        store.record(run(n))
        store.keep_deployments(PROJECT, [deployment(n)])
        print(sync(Remote(root, "origin", os.environ), store, PROJECT))
"""


@pytest.mark.slow
@pytest.mark.parametrize("checkouts", [5, 1])
def test_five_who_sync_at_once_lose_nothing(clone: MakeClone, checkouts: int) -> None:
    """Each from a clone of its own, or all from one: their histories are the same in the end."""
    clones = [clone(f"clone{n}") for n in range(checkouts)]
    argv = [sys.executable, "-c", _SYNC]
    pipe = subprocess.PIPE
    roots = [str(clones[n % checkouts].root) for n in range(5)]
    running = [
        subprocess.Popen([*argv, roots[n], str(10 * n)], cwd=REPOSITORY, stdout=pipe, stderr=pipe)
        for n in range(5)
    ]
    said = [one.communicate(timeout=120)[1] for one in running]
    assert [one.returncode for one in running] == [0] * 5, said
    numbers = [10 * n + k for n in range(5) for k in range(3)]
    fresh = clone("fresh")
    fresh.sync()
    kept = fresh.store.runs(PROJECT)[::-1]
    assert [one.run_id for one in kept] == [run(n).run_id for n in numbers]
    assert fresh.store.deployments(PROJECT) == tuple(map(deployment, numbers))


def test_failures_alone_are_no_list_of_all_tests(clone: MakeClone) -> None:
    ann, bob = clone("ann"), clone("bob")
    ann.store.record(run(1, tests=failing("a", "b")))
    ann.sync()
    bob.sync()
    assert bob.store.tests_kept(PROJECT, 10) == ()
    assert bob.all() == ann.all()
