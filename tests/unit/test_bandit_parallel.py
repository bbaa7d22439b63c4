"""The gate ``bandit``: in several processes, and with what earlier runs told of the same files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import bandit_cache, bandit_process, testing
from pytest_devops_gates.bandit_cache import FILE, Settings, is_left_out, keys, load, store
from pytest_devops_gates.bandit_files import Result, Told, by_file
from pytest_devops_gates.bandit_process import SENTINEL, processes, shares
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import Output
from pytest_devops_gates.gates import bandit
from pytest_devops_gates.gates.bandit import BANDIT
from pytest_devops_gates.testing import judge, write
from tests.unit.samples import same_every_time

SHELL = "import subprocess\n\ndef run(c):\n    subprocess.call(c, shell=True)\n"
SOUND = "x = 1\n"

# A bandit of a few lines: it finds one issue in each file that holds BAD, and appends a line to
# "seen" for each process. What it does beside that is the parameter.
FAKE = r"""
import json, os, sys
names = [a for a in sys.argv[1:] if a.endswith(".py")]
with open({seen!r}, "a") as f:
    print(json.dumps(sys.argv[1:]), file=f)
metrics, results, errors = {{"_totals": {{}}}}, [], []
for name in names:
    shown = os.path.join(".", name)
    text = open(name).read()
    metrics[shown] = {{"loc": 1, "nosec": 2}}
    if "BAD" in text:
        results.append(dict(test_id="B1", issue_text="t", issue_severity="HIGH",
            issue_confidence="HIGH", filename=shown, line_number=1))
code = 1 if results else 0
{lie}
print(json.dumps(dict(metrics=metrics, results=results, errors=errors)))
sys.exit(code)
"""


class Fake:
    """A project whose gate starts the fake."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.seen, self.lie = root, root.parent / "seen", ""
        self._patch = monkeypatch
        monkeypatch.setattr(bandit, "python_module", self._command)

    def _command(self, *_: str) -> list[str]:
        code = FAKE.format(seen=str(self.seen), lie=self.lie)
        return [sys.executable, "-S", "-E", "-c", code]

    def write(self, **files: str) -> Fake:
        write(self.root, {f"{name}.py": text for name, text in files.items()})
        return self

    def at_once(self, count: int, *, worth: int = 1) -> Fake:
        self._patch.setattr(bandit, "processes", lambda: count)
        self._patch.setattr(bandit_process, "WORTH", worth)
        return self

    def check(self, **fields: Any) -> Evidence:
        fields.setdefault("cache", self.root.parent / "cache")
        return bandit.check(testing.project(self.root, **fields), None, ())

    @property
    def started(self) -> list[list[str]]:
        """The files that each process since the last question got."""
        if not self.seen.exists():
            return []
        lines = self.seen.read_text().splitlines()
        self.seen.unlink()
        found = [[a[2:] for a in json.loads(x) if a[:2] == "./"] for x in lines]
        return sorted(found)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    root = tmp_path / "checkout"
    root.mkdir()
    return Fake(root, monkeypatch).at_once(1)


# how the files are shared out

SIZES = st.dictionaries(
    st.text("abc/", min_size=1, max_size=40), st.integers(0, 300_000), max_size=60
)


@same_every_time
@given(sizes=SIZES, count=st.integers(1, 9), room=st.integers(1, 200))
def test_each_file_is_in_one_share(sizes: dict[str, int], count: int, room: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bandit_process, "ARGUMENTS", room)
        found = shares(sizes, count)
    assert sorted(name for share in found for name in share) == sorted(sizes)
    assert all(found)
    longest = (sum(len(name) + 3 for name in share) for share in found if len(share) > 1)
    assert all(length <= room for length in longest)


@same_every_time
@given(sizes=SIZES, count=st.integers(1, 9))
def test_shares_are_even(sizes: dict[str, int], count: int) -> None:
    loads = [sum(sizes[name] for name in share) for share in shares(sizes, count)]
    assert len(loads) <= count
    assert max(loads, default=0) - min(loads, default=0) <= max(sizes.values(), default=0) or (
        len(loads) < count
    )


def test_a_few_small_files_are_not_worth_a_second_process() -> None:
    assert shares({"a": 900, "b": 800}, 8) == [["a", "b"]]


def test_twenty_thousand_names_fit_on_no_command_line_and_are_cut() -> None:
    found = shares(
        {f"a/rather/deep/folder/of/modules/module_{n:05}.py": 1 for n in range(20_000)}, 1
    )
    assert len(found) > 5
    assert max(sum(map(len, share)) for share in found) < 100_000


def test_one_core_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, expected in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr(
            os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False
        )
        assert processes() == expected


# what a report tells of each file

ISSUE = {
    "test_id": "B1", "issue_text": "t", "issue_severity": "HIGH", "issue_confidence": "LOW",
    "filename": "././a.py", "line_number": 1,
}  # fmt: skip


def report(**changes: Any) -> dict[str, Any]:
    metrics = {"_totals": {"loc": 9}, "././a.py": {"loc": 4, "nosec": 1}}
    return {"results": [], "errors": [], "metrics": metrics, **changes}


def output(value: object, exit_code: int = 0) -> Output:
    return Output(exit_code, value if isinstance(value, bytes) else json.dumps(value).encode())


def test_a_report_is_taken_apart() -> None:
    errors = [{"filename": "././b.py", "reason": "gone"}]
    found = by_file(output(report(results=[ISSUE], errors=errors), 1))
    assert found.keys() == {"a.py", "b.py"}
    assert (found["a.py"].lines, found["a.py"].nosec, len(found["a.py"].results)) == (4, 1, 1)
    assert found["b.py"] == Told(error="gone")


BAD = [
    (b"", 0, "printed nothing"),
    (b"{", 0, "cannot be read"),
    (b"[" * 200_000, 0, "cannot be read"),
    (json.dumps(report()).encode() * 2, 0, "cannot be read"),
    (json.dumps(report()).encode()[:-9], 0, "cannot be read"),
    (b"\xef\xbb\xbf{}", 0, "byte-order mark"),
    (json.dumps(report()).encode("utf-16"), 0, "not UTF-8"),
    (report(), 1, "contradicts itself: it exited with 1 and 0 results"),
    (report(results=[ISSUE]), 0, "contradicts itself: it exited with 0 and 1 results"),
    (report(results=[{**ISSUE, "filename": "./c.py"}]), 1, "found something in c.py"),
    (report(results=[{**ISSUE, "line_number": -1}]), 1, "another shape"),
    (report(results=[{**ISSUE, "issue_severity": "AWFUL"}]), 1, "another shape"),
    (report(metrics={"a.py": {"loc": "4"}}), 0, "another shape"),
    (report(metrics={"a.py": {"loc": 1e999}}), 0, "cannot be read"),
    ({"results": [], "errors": []}, 0, "another shape"),
    ([], 0, "another shape"),
]


@pytest.mark.parametrize(("value", "exit_code", "says"), BAD)
def test_what_is_no_report(value: object, exit_code: int, says: str) -> None:
    with pytest.raises(CannotTell, match=says):
        by_file(output(value, exit_code))


# the real one


def test_what_is_known_is_not_read_again(tmp_path: Path) -> None:
    root = write(tmp_path / "one", {"a.py": SHELL, "b.py": SOUND + "y = 1  # nosec\n"})
    first = judge(BANDIT, root, cache=tmp_path / "cache")
    assert (first.outcome, first.evidence.metrics["lines"]) == ("fail", 5)
    receipt = first.evidence.receipt
    assert receipt is not None
    assert (receipt.tool, receipt.cached, receipt.examined, receipt.exit_code) == (
        "bandit",
        False,
        2,
        1,
    )
    assert receipt.argv[-2:] == ("./a.py", "./b.py")
    # on the base's tree, say: another folder with the same files
    other = write(tmp_path / "two", {"a.py": SHELL, "b.py": SOUND + "y = 1  # nosec\n"})
    again = judge(BANDIT, other, cache=tmp_path / "cache")
    receipt = again.evidence.receipt
    assert receipt is not None
    assert (receipt.tool, receipt.cached, receipt.examined) == ("bandit", True, 2)
    same = {"receipt": None}
    assert msgspec.structs.replace(again.evidence, **same) == msgspec.structs.replace(
        first.evidence, **same
    )


def test_a_path_that_bandit_would_leave_out_by_itself_is_read(tmp_path: Path) -> None:
    judged = judge(BANDIT, write(tmp_path, {"CVS/a.py": SHELL, "my.github/b.py": SHELL}))
    assert [f.path for f in judged.evidence.findings if f.rule == "B602"] == [
        "CVS/a.py", "my.github/b.py",
    ]  # fmt: skip


def test_settings_that_leave_files_out(tmp_path: Path) -> None:
    settings = '[tool.bandit]\nexclude_dirs = ["old"]\nskips = ["B404"]\n'
    write(tmp_path, {"pyproject.toml": settings, "old/a.py": SHELL, "b.py": SHELL})
    evidence = judge(BANDIT, tmp_path, cache=tmp_path / ".cache").evidence
    assert [(f.path, f.rule) for f in evidence.findings] == [("b.py", "B602")]
    assert (evidence.examined, evidence.unknown) == (1, None)
    assert evidence.notes == ("1 files are left out by the project's bandit settings",)
    again = judge(BANDIT, tmp_path, cache=tmp_path / ".cache").evidence
    assert (again.receipt and again.receipt.cached, again.notes) == (True, evidence.notes)


def test_it_bites(tmp_path: Path) -> None:
    clean, planted = testing.prove(BANDIT, write(tmp_path, {"app/__init__.py": SOUND}))
    assert (clean.outcome, planted.outcome) == ("pass", "fail")


@pytest.mark.slow
def test_the_same_findings_as_a_plain_bandit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a part of the standard library, with files in it that cannot be read."""
    library = Path(sysconfig.get_path("stdlib"))
    folders = [library / name for name in ("email", "http", "json")]
    sources = [*library.glob("[a-h]*.py"), *(p for f in folders for p in f.rglob("*.py"))]
    root = tmp_path / "lib"
    write(root, {str(p.relative_to(library)): p.read_bytes() for p in sources})
    write(root, {"broken.py": "def (\n", "nosec.py": SHELL.replace(")\n", ")  # nosec\n")})
    here = testing.project(root, cache=tmp_path / "cache")
    names = bandit.targets(here)
    assert len(names) > 90
    plain = subprocess.run(
        [sys.executable, "-P", "-m", "bandit", "-f", "json", "-q", *("./" + n for n in names)]
        if sys.version_info >= (3, 11)
        else [sys.executable, "-m", "bandit", "-f", "json", "-q", *("./" + n for n in names)],
        cwd=root,
        capture_output=True,
    )
    told = json.loads(plain.stdout)
    assert (len(told["errors"]), len(told["metrics"])) == (1, len(names) + 1)
    monkeypatch.setattr(bandit, "processes", lambda: 3)
    results = [bandit._finding(msgspec.convert(one, Result)) for one in told["results"]]
    for cached in (False, True):
        found = bandit.check(here, None, ())
        assert list(found.findings) == results
        assert found.metrics["nosec"] == told["metrics"]["_totals"]["nosec"] == 1
        assert found.metrics["lines"] == told["metrics"]["_totals"]["loc"]
        assert found.examined == len(names) - 1
        assert found.unknown == (
            "bandit could not read broken.py: syntax error while parsing AST from file"
        )
        assert any(f"{len(names) - 1} files are as" in note for note in found.notes) == cached


# several processes


def test_several_processes_tell_of_one_project(fake: Fake) -> None:
    found = fake.at_once(3).write(a="BAD", b="xxx", c="BAD", d="xxx").check()
    assert [f.path for f in found.findings] == ["././a.py", "././c.py"]
    assert (found.examined, found.metrics) == (4, {"nosec": 8, "lines": 4})
    assert [len(share) for share in fake.started] in ([1, 1, 2], [1, 2, 1], [2, 1, 1])
    assert found.notes == ("bandit ran in 3 processes, of which the receipt shows one",)
    assert found.receipt is not None
    assert (found.receipt.exit_code, found.receipt.cached) == (1, False)


def test_names_that_are_too_long_for_one_command_line(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bandit_process, "ARGUMENTS", 25)
    assert fake.write(a="x", b="x", c="x", d="x", e="x").check().examined == 5
    assert fake.started == [["a.py", "b.py", "c.py"], ["d.py", "e.py"]]


B_ALONE = "if './b.py' in names: "
LIES = [
    (B_ALONE + "os.kill(os.getpid(), 9)", "bandit was killed by SIGKILL"),
    (B_ALONE + "sys.exit('no such option')", "bandit printed nothing"),
    (B_ALONE + "code = 2", "bandit exited with 2"),
    (B_ALONE + "code = 1", "contradicts itself: it exited with 1 and 0 results"),
    (B_ALONE + "print('{')", "printed JSON that cannot be read"),
    (B_ALONE + "print('rubbish')", "printed JSON that cannot be read"),
    (B_ALONE + "metrics['./c.py'] = {'loc': 1}", "it was not to read c.py"),
    (B_ALONE + "metrics = {'_totals': {}}", "bandit did not say that it read b.py"),
    (B_ALONE + "metrics = {}", "bandit did not say that it read b.py"),
    (
        B_ALONE + "errors = [dict(filename='./b.py', reason='bad')]",
        "bandit could not read b.py: bad",
    ),
]


@pytest.mark.parametrize(("lie", "says"), LIES)
def test_a_process_that_is_not_to_be_believed(lie: str, says: str, fake: Fake) -> None:
    """It is unknown, what the others found is told all the same, and nothing of it is kept."""
    fake.lie = lie
    found = fake.at_once(2).write(a="BAD", b="xxx").check()
    assert found.unknown is not None
    assert says in found.unknown
    assert [f.path for f in found.findings] == ["././a.py"]
    assert found.examined == 1
    fake.lie = ""
    assert len(fake.started) == 2
    assert fake.check().unknown is None
    assert fake.started == [["b.py"]]


def test_a_tool_that_cannot_be_started(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandit, "python_module", lambda *_: ["/does/not/exist"])
    found = fake.write(a="x").check()
    assert found.unknown is not None
    assert "cannot be started" in found.unknown


def test_several_files_that_it_does_not_tell_of_are_counted(fake: Fake) -> None:
    fake.lie = "metrics = {}"
    found = fake.write(a="x", b="x", c="x").check()
    assert found.unknown == "bandit did not say that it read a.py (and 2 more files)"


# what is kept


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ({}, []),
        ({"a.py": "other"}, [["a.py"]]),
        ({"new.py": "x"}, [["new.py"]]),
        ({"pkg/__init__.py": "x"}, [["pkg/__init__.py", "pkg/m.py"]]),
        ({"pyproject.toml": "[project]\nname = 'a'\n"}, []),
        ({"pyproject.toml": "[tool.bandit]\nskips = ['B1']\n"}, [["a.py", "b.py", "pkg/m.py"]]),
        ({".bandit": "[bandit]\nskips = B1\n"}, [["a.py", "b.py", "pkg/m.py"]]),
    ],
)
def test_what_is_read_again(change: dict[str, str], read: list[list[str]], fake: Fake) -> None:
    write(fake.root, {"a.py": "x", "b.py": "x", "pkg/m.py": "x"})
    fake.check()
    assert len(fake.started) == 1
    write(fake.root, change)
    found = fake.check()
    assert fake.started == read
    assert (found.receipt and found.receipt.cached) == (not read)
    if read and len(read[0]) == 1:
        assert "files are as an earlier run saw them" in found.notes[0]
    assert fake.check().unknown is None
    assert fake.started == []


def test_what_the_file_of_settings_says_is_part_of_it(fake: Fake) -> None:
    for said in ("B1", "B2", "B2"):
        write(fake.root, {"a.py": "x", ".bandit": f"[bandit]\nskips = {said}\n"})
        fake.check()
    assert fake.started == [["a.py"], ["a.py"]]


@pytest.mark.parametrize(
    "said", ["configfile = other.yaml", "baseline = b.json", "skips = %(x", "", "[bandit"]
)
def test_settings_that_say_not_all_are_not_kept_under(said: str, fake: Fake) -> None:
    write(fake.root, {"a.py": "x", ".bandit": f"[bandit]\n{said}\n" if said else ""})
    for _ in range(2):
        assert fake.check().unknown is None
        assert fake.started == [["a.py"]]


def test_who_extends_bandit_is_part_of_it(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.write(a="x").check()
    monkeypatch.setattr(bandit_cache, "_plugins", lambda: ["bandit.plugins mine 2.0"])
    fake.check()
    assert fake.started == [["a.py"], ["a.py"]]
    monkeypatch.setattr(bandit_cache, "_plugins", lambda: None)  # one that is edited in place
    fake.check()
    fake.check()
    assert fake.started == [["a.py"], ["a.py"]]


def test_another_bandit_or_python_knows_nothing(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.write(a="x").check()
    monkeypatch.setattr(sys, "version", "3.99.0")
    fake.check()
    monkeypatch.setattr(bandit_cache.importlib.metadata, "version", lambda name: "99")  # type: ignore[attr-defined]
    fake.check()
    assert len(fake.started) == 3


@pytest.mark.parametrize("back", [False, True])
def test_a_file_that_is_written_meanwhile_is_not_kept(back: bool, fake: Fake) -> None:
    fake.write(a="x", b="x")
    fake.lie = "open('b.py', 'a').write('BAD')"
    assert fake.check().findings == ()
    fake.lie = ""
    if back:
        fake.write(b="x")
    assert len(fake.check().findings) == (0 if back else 1)
    assert fake.started == [["a.py", "b.py"], ["b.py"]]


def test_settings_that_are_written_meanwhile_are_not_kept_under(fake: Fake) -> None:
    fake.write(a="x")
    fake.lie = "open('.bandit', 'w').write('[bandit]')"
    fake.check()
    (fake.root / ".bandit").unlink()
    fake.check()
    assert fake.started == [["a.py"], ["a.py"]]


ENTRY = '{"results": [], "lines": 1}'
CORRUPT: list[bytes | Callable[[str], bytes]] = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b"\x00" * 99, b"[" * 100_000,
    lambda key: f'{{"{key}": {ENTRY}'.encode(),
    lambda key: f'{{"{key}": null}}'.encode(),
    lambda key: f'{{"{key}": {{"lines": -1}}}}'.encode(),
    lambda key: f'{{"{key}": {{"lines": "1"}}}}'.encode(),
    lambda key: f'{{"{key}": {{"results": [{{}}]}}}}'.encode(),
    lambda key: f'{{"{key}": {{"error": "bad"}}}}'.encode(),
    lambda key: f'{{"{key}": {"[" * 100_000}'.encode(),
]  # fmt: skip


@pytest.mark.parametrize("data", CORRUPT)
def test_what_is_broken_was_never_kept(data: Any, fake: Fake) -> None:
    fake.write(a="x").check()
    path = fake.root.parent / "cache" / FILE
    (key,) = json.loads(path.read_text())
    path.write_bytes(data if isinstance(data, bytes) else data(key))
    assert fake.check().unknown is None
    assert fake.check().receipt == fake.check().receipt
    assert fake.started == [["a.py"], ["a.py"]]


def test_one_broken_entry_spoils_no_other(fake: Fake) -> None:
    fake.write(a="x", b="xx").check()
    path = fake.root.parent / "cache" / FILE
    first, second = json.loads(path.read_text()).items()
    path.write_text(json.dumps({first[0]: {"lines": None}, second[0]: second[1]}))
    fake.check()
    assert [len(share) for share in fake.started] in ([1, 2], [2, 1])


@pytest.mark.parametrize("place", ["pipe", "folder", "file above"])
def test_a_cache_that_cannot_be_used(place: str, fake: Fake) -> None:
    path = fake.root.parent / "cache" / FILE
    if place == "file above":
        path.parent.parent.mkdir()
        path.parent.write_text("")
    else:
        path.parent.mkdir(parents=True)
        os.mkfifo(path) if place == "pipe" else write(path, {"full": ""})
    assert fake.write(a="x").check().examined == 1


def test_the_oldest_give_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = testing.project(tmp_path)
    monkeypatch.setattr(bandit_cache, "ENTRIES", 3)
    store(here, {"a": Told(), "b": Told()})
    store(here, {"a": Told(lines=2), "c": Told()})
    store(here, {"d": Told()})
    assert list(load(here)) == ["a", "c", "d"]
    assert load(here)["a"].lines == 2
    store(here, {"e": Told(error="bad")})
    assert "e" not in load(here)


def test_no_path_of_the_machine_is_kept(fake: Fake) -> None:
    fake.write(a="BAD").check()
    text = (fake.root.parent / "cache" / FILE).read_text()
    assert "a.py" in text
    assert str(fake.root) not in text


@same_every_time
@given(
    one=st.tuples(st.text("ab/", min_size=1), st.binary(max_size=5)),
    other=st.tuples(st.text("ab/", min_size=1), st.binary(max_size=5)),
)
def test_other_bytes_or_another_path_are_kept_elsewhere(
    one: tuple[str, bytes], other: tuple[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    def key(name: str, data: bytes) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bandit_cache.disk, "read_plain", lambda _: data)
            return keys(Path("/nowhere"), [name], b"given")[name]

    assert (key(*one) == key(*other)) == (one == other)


# a hook


def test_a_hook_has_bandit_tell_of_a_file_of_ours(fake: Fake) -> None:
    found = fake.write(a="BAD", b="x").check(scope=("a.py",))
    assert (found.examined, found.metrics["lines"], len(found.findings)) == (1, 1, 1)
    assert found.receipt is not None
    assert any(arg.endswith(SENTINEL) for arg in found.receipt.argv)


def test_a_hook_in_which_bandit_does_not_tell_of_it(fake: Fake) -> None:
    fake.lie = "metrics = {k: v for k, v in metrics.items() if 'sentinel' not in k}"
    found = fake.write(a="BAD").check(scope=("a.py",))
    assert found.unknown == "bandit did not read the file that it always gets"


def test_a_hook_whose_files_are_all_left_out(fake: Fake) -> None:
    write(fake.root, {"pyproject.toml": "[tool.bandit]\nexclude_dirs = ['a']\n", "a/m.py": "BAD"})
    fake.lie = (
        "metrics = {k: v for k, v in metrics.items() if 'm.py' not in k}; results = []; code = 0"
    )
    for _ in range(2):
        with pytest.raises(NotApplicable, match="leave out all files to look at"):
            fake.check(scope=("a/m.py",))
    assert len(fake.started) == 1


def test_a_file_that_no_setting_leaves_out_has_to_be_told_of(fake: Fake) -> None:
    write(fake.root, {"pyproject.toml": "[tool.bandit]\nexclude_dirs = ['b']\n", "a.py": "BAD"})
    fake.lie = "metrics = {'_totals': {}}; results = []; code = 0"
    assert fake.check().unknown == "bandit did not say that it read a.py"


@pytest.mark.parametrize(
    ("name", "table", "ini", "expected"),
    [
        ("a.py", None, None, False),
        ("a.py", {}, None, False),
        ("old/a.py", {"exclude_dirs": ["old"]}, None, True),
        ("old/a.py", {"exclude_dirs": ["./old/*"]}, None, True),
        ("a.py", {"exclude_dirs": ["old", 5]}, None, False),
        ("a.py", {"exclude_dirs": "py"}, None, True),  # bandit takes each letter
        ("old/a.py", None, {"exclude": "old"}, True),
        ("old/a.py", None, {"exclude": "./old"}, True),
        ("a.py", None, {"exclude": "old,"}, True),  # so does a comma too many
        ("a.py", None, {"exclude": ""}, False),
        ("a.py", None, {"skips": "a.py"}, False),
    ],
)
def test_what_settings_leave_out(
    name: str, table: Any, ini: Any, expected: bool, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    assert is_left_out(name, Settings(table, b"", ini), tmp_path) == expected


def test_the_arguments_that_settings_ask_for(tmp_path: Path) -> None:
    def asked(files: dict[str, str]) -> Sequence[str]:
        return bandit._chosen(bandit_cache.settings(write(tmp_path, files)))

    assert asked({}) == ["-x", ""]
    assert asked({"pyproject.toml": "[tool.bandit]\n"}) == ["-c", "pyproject.toml", "-x", ""]
    assert asked({".bandit": "[bandit]\nskips = B1\n"})[2:] == ["--ini", ".bandit", "-x", ""]
    assert asked({".bandit": "[bandit]\nexclude = old\n"})[2:] == ["--ini", ".bandit"]
