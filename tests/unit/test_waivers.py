"""Waivers: what holds and what does not, what they hold back, and how one is added to the file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import waiver_file
from pytest_devops_gates.cli import waivers as listing
from pytest_devops_gates.cli import waivers_add
from pytest_devops_gates.columns import width
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.verdict import Waiver
from pytest_devops_gates.waiver_file import WaiverFile, appended, read
from pytest_devops_gates.waiver_flaws import KEYS, is_text
from pytest_devops_gates.waiver_text import new_id, quoted, table
from pytest_devops_gates.waivers import FILE, apply, names, unmatched
from tests.growth import grows_linearly
from tests.unit.samples import HOSTILE, any_text, ruling, same_every_time, verdict

TODAY = date(2026, 10, 18)
GATES = {"bandit", "lint", "coverage"}
PRINT = "3f2a19c0d4e5b6a7988700112233aabb"
DOCS = Path(__file__).parents[2] / "docs" / "waivers.md"

SOUND = {
    "id": '"one"',
    "gate": '"bandit"',
    "rule": '"B602"',
    "path": '"src/app.py"',
    "fingerprint": f'"{PRINT}"',
    "reason": '"a constant"',
    "owner": '"Ada"',
    "created": "2026-10-01",
    "expires": "2026-10-18",
}


def toml(**changes: str | None) -> str:
    """A sound waiver with changed values, as they are written in TOML; None leaves a key out."""
    given = {**SOUND, **changes}
    lines = [f"{key} = {value}\n" for key, value in given.items() if value is not None]
    return "".join(["[[waiver]]\n", *lines])


def reading(text: str, **options: Any) -> WaiverFile:
    return read(text.encode(), FILE, GATES, TODAY, **options)


def waiver(**fields: Any) -> Waiver:
    known = {"id": "one", "gate": "bandit", "reason": "r", "owner": "o", "created": "2026-10-01"}
    return Waiver(**{**known, "expires": "2026-10-18", **fields})


def finding(**fields: Any) -> Finding:
    known = {"rule": "B602", "message": "m", "path": "src/app.py", "gate": "bandit"}
    return Finding(**{**known, "fingerprint": PRINT, **fields})


# what holds


def test_a_sound_waiver_holds_on_its_last_day() -> None:
    (one,) = reading(toml()).waivers
    assert one == waiver(
        rule="B602", path="src/app.py", fingerprint=PRINT, reason="a constant", owner="Ada"
    )
    assert reading(toml()).lines == {"one": 1}
    assert not reading(toml()).problems


def test_keys_are_those_of_the_struct() -> None:
    assert sorted([*KEYS, "holds_back"]) == sorted(Waiver.__struct_fields__)


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": None, "path": None},
        {"path": None, "fingerprint": None},
        {"rule": None, "fingerprint": None},
        {"rule": '"*"', "path": '"src/"', "fingerprint": None},
        {"rule": '"B*"', "path": '"*_pb2.py"', "fingerprint": None},
        {"rule": None, "path": '"**/migrations/**"', "fingerprint": None},
        {"rule": None, "path": '"*"'},
        {"fingerprint": f'"{PRINT[:12].upper()}"'},
        {"created": '"2026-10-18"', "expires": '"2026-10-18"'},
        {"created": "2026-10-18", "expires": "2027-01-16"},
        {"ticket": '"SEC-12"'},
        {"id": '"SEC-12/3.4"'},
        {"reason": '"""two\n[[waiver]]\nlines"""'},
    ],
)
def test_what_holds(changes: dict[str, str | None]) -> None:
    read = reading(toml(**changes))
    assert not read.problems
    assert len(read.waivers) == 1


@pytest.mark.parametrize(
    ("changes", "rule", "told"),
    [
        ({"expires": "2026-10-17"}, "expired", "ended on 2026-10-17: mend what it held back"),
        *(
            ({key: value}, f"without-{key}", f"it has no {key}: add one")
            for key in ("owner", "reason", "id", "gate")
            for value in (None, '""', '"  "', '"\\u200b."')
        ),
        ({"created": None}, "without-created", "it has no created"),
        ({"expires": None}, "without-expires", "it has no expires"),
        ({"gate": '"bandi"'}, "unknown-gate", "no gate 'bandi' (did you mean 'bandit'?)"),
        ({"gate": '"*"'}, "without-gate", "it has no gate"),
        ({"onwer": '"x"'}, "malformed", "unknown key 'onwer' (did you mean 'owner'?)"),
        ({"holds_back": "3"}, "malformed", "unknown key 'holds_back'"),
        ({"owner": "1"}, "malformed", "owner must be a string"),
        ({"id": "1"}, "malformed", "id must be a string"),
        ({"rule": '["B602"]'}, "malformed", "rule must be a string"),
        ({"id": '"a b"'}, "malformed", "its id must be of letters"),
        ({"id": '"' + "a" * 101 + '"'}, "malformed", "its id must be of letters"),
        ({"rule": '""'}, "malformed", "rule is empty: leave it out"),
        ({"path": '""'}, "malformed", "path is empty: leave it out"),
        ({"fingerprint": '"3f2a19c0d4e"'}, "malformed", "12 hexadecimal digits"),
        ({"fingerprint": '"*"'}, "malformed", "12 hexadecimal digits"),
        ({"fingerprint": '""'}, "malformed", "12 hexadecimal digits"),
        ({"created": "2026-10-19", "expires": "2026-10-20"}, "malformed", "yet to come"),
        ({"created": "2026-10-18", "expires": "2026-10-17"}, "malformed", "before it was created"),
        ({"created": "2026-10-18", "expires": "2027-01-17"}, "too-long", "91 days, more than 90"),
        ({"expires": "9999-12-31"}, "too-long", "more than 90: let it end sooner"),
        *(
            ({"expires": value}, "malformed", "expires must be a day like 2026-10-18")
            for value in ('"tomorrow"', "2026-10-18T10:00:00", "20261018", '"20261018"',
                          '"2026-02-30"', '"2026-W42-7"', "10:00:00", "true", '"٢٠٢٦-10-18"')
        ),
        *(
            ({"rule": rule, "path": path, "fingerprint": None}, "too-wide", "hold back everything")
            for rule in (None, '"*"', '"B*"', '"[A-Z]*"')
            for path in (None, '"*"', '"**"', '"."', '"./"', '"/"', '"**/*"', '"*.*"', '"*.py"',
                         '"?*"', '"[!_]*"', '"*/*.p[y]"', '"../*"', '"*s*"', '"./*/"', '"//"')
        ),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_a_finding(
    changes: dict[str, str | None], rule: str, told: str
) -> None:
    read = reading("# ours\n" + toml(**changes))
    assert read.waivers == ()
    found = {p.rule: p for p in read.problems}
    wrong = found[f"waiver-{rule}"]
    assert told in wrong.message
    assert "'one'" in wrong.message or "id" in changes
    assert (wrong.severity, wrong.confidence) == ("high", "high")
    assert (wrong.path, wrong.line) == (FILE, 2)


def test_a_bad_one_leaves_the_others_alone() -> None:
    third = toml(id='"three"', reason="'''\n[[waiver]]\n'''")
    read = reading(toml() + toml(id='"two"', owner=None) + third + toml(id='"four"', gate='"x"'))
    assert [w.id for w in read.waivers] == ["one", "three"]
    assert read.lines == {"one": 1, "three": 20}
    assert [(p.rule, p.line) for p in read.problems] == [
        ("waiver-without-owner", 11),
        ("waiver-unknown-gate", 32),
    ]


def test_an_id_is_that_of_the_first() -> None:
    read = reading(toml(owner=None) + "\n" + toml() + toml(id='"two"'))
    assert [w.id for w in read.waivers] == ["two"]
    assert [(p.rule, p.line) for p in read.problems] == [
        ("waiver-without-owner", 1),
        ("waiver-duplicate-id", 11),
    ]
    assert "the waiver in line 1 has the same id" in read.problems[1].message


def test_the_longest_time_can_be_another() -> None:
    text = toml(created="2026-10-01", expires="2026-10-31")
    assert reading(text, longest_days=30).waivers
    (wrong,) = reading(text, longest_days=29).problems
    assert wrong.rule == "waiver-too-long"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"[[waiver]]\nid = \n", "line 2"),
        (b"[[waiver]]\nid = 'a'\nid = 'b'\n", "line 3"),
        (b"<<<<<<< ours\n[[waiver]]\n", "line 1"),
        (b"\n# \xff\n", f"{FILE}:2: not UTF-8"),
        (b"\xef\xbb\xbf[[waiver]]\n", "line 1"),
        (b"a = " + b"[" * 200_000, FILE),
        (b"[[waiver]]\n[[waivers]]\n", f"{FILE}:2: unknown key 'waivers' (did you mean 'waiver'?)"),
        (b"\nlongest = '''\n[[waiver]]'''\n", f"{FILE}:2: unknown key 'longest'"),
        (b"[[waiver]]\nlongest = 1\n['longest'.a]\n", f"{FILE}:3: unknown key 'longest'"),
        (b'"a = b" = [\n[["waiver"]]\n]\n', f"{FILE}:1: unknown key 'a = b'"),
        (b"waiver.id = 3\n", f"{FILE}:1: write each waiver as a table of its own"),
        (b"waiver = 3\n", f"{FILE}:1: write each waiver"),
        (b"[waiver]\nid = 'a'\n", f"{FILE}:1: write each waiver"),
        (b"# ours\nwaiver = [{id = 'a'}]\n", f"{FILE}:2: write each waiver"),
    ],
)
def test_what_is_no_such_file(data: bytes, told: str) -> None:
    with pytest.raises(UsageError) as wrong:
        read(data, FILE, GATES, TODAY)
    assert told in str(wrong.value)
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "waiver = []\n"])
def test_a_file_without_waivers(text: str) -> None:
    assert reading(text) == WaiverFile()


HEADERS = [
    "[[waiver]]",
    "  [[ waiver ]]  # one",
    '[["waiver"]]',
    "[['waiver']]",
    '[["w\\u0061iver"]]',
]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "before",
    [
        'x = """\n[[waiver]]\n\\"""\n[[waiver]]\n""""',
        "x = '''\n[[waiver]]\n\"''''",
        "x = [\n[['waiver']],\n[\"]\"], # ]\n]",
        "x = '[' # '''\ny = \"\\\"[[\"",
        'x = ""\ny = \'\'\nz = """"""',
        "x = { a = [1, 2] }\n#[[waiver]]",
    ],
)
def test_the_line_of_a_waiver(header: str, newline: str, before: str) -> None:
    text = f"[[waiver]]\n{before}\n\n{header}\nid = \"x\"\nrule = 'y'\n".replace("\n", newline)
    lines = {p.line for p in reading(text).problems}
    assert lines == {1, before.count("\n") + 4}


def test_a_long_file_is_read_in_linear_time() -> None:
    def work(number: int) -> Callable[[], object]:
        text = "".join(toml(id=f'"w{n}"') for n in range(number))
        return lambda: reading(text)

    grows_linearly(work, 100)


def test_the_examples_of_the_docs_hold() -> None:
    examples = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(examples) == 2
    whole = read("".join(examples).encode(), FILE, GATES, date(2026, 10, 18))
    assert not whole.problems
    assert [w.id for w in whole.waivers] == ["bandit-b602-3f2a", "generated-code", "asserts"]


def test_the_docs_name_each_rule() -> None:
    told = DOCS.read_text()
    source = Path(waiver_file.__file__).parent
    code = (source / "waiver_flaws.py").read_text() + (source / "waiver_file.py").read_text()
    kinds = set(re.findall(r'(?:yield|append\(\() ?"([a-z-]+)"', code)) | {"unmatched"}
    assert len(kinds) == 7
    assert all(f"`waiver-{kind}`" in told for kind in kinds)


# what is held back


@pytest.mark.parametrize(
    ("selectors", "is_named"),
    [
        ({}, False),
        ({"rule": "B602"}, True),
        ({"rule": "B6*"}, True),
        ({"rule": "b602"}, False),
        ({"rule": "B60"}, False),
        ({"path": "src/app.py"}, True),
        ({"path": "./src/app.py"}, True),
        ({"path": "src"}, True),
        ({"path": "src/"}, True),
        ({"path": "sr"}, False),
        ({"path": "src/app"}, False),
        ({"path": "app.py"}, False),
        ({"path": "s?c/"}, True),
        ({"path": "*/app.py"}, True),
        ({"path": "src/*.py"}, True),
        ({"path": "src/*.pyi"}, False),
        ({"path": "Src/app.py"}, False),
        ({"fingerprint": PRINT}, True),
        ({"fingerprint": PRINT[:12]}, True),
        ({"fingerprint": PRINT[:12].upper()}, True),
        ({"fingerprint": PRINT[1:13]}, False),
        ({"rule": "B602", "path": "src/", "fingerprint": PRINT}, True),
        ({"rule": "B603", "path": "src/", "fingerprint": PRINT}, False),
        ({"rule": "B602", "path": "lib/", "fingerprint": PRINT}, False),
        ({"rule": "B602", "path": "src/", "fingerprint": PRINT[:-1] + "0"}, False),
        ({"rule": "B602", "gate": "lint"}, False),
    ],
)
def test_what_is_named(selectors: dict[str, str], is_named: bool) -> None:
    assert names(waiver(**selectors), finding()) is is_named


def test_a_name_with_wildcards_names_itself() -> None:
    page = "src/[id].py"
    assert names(waiver(path=page), finding(path=page))
    assert names(waiver(path="src/[[]id].py"), finding(path=page))
    assert not names(waiver(path="src/[[]id].py"), finding(path="src/i.py"))
    assert names(waiver(path="src/[id]/"), finding(path="src/[id]/a.py"))


def test_a_file_without_utf8_name_is_named_as_the_verdict_shows_it() -> None:
    assert names(waiver(path="src/\\udce9.py"), finding(path="src/\udce9.py"))
    assert names(waiver(rule="\\udce9"), finding(rule="\udce9"))


def test_a_finding_without_a_path_is_at_no_path() -> None:
    assert not names(waiver(path="*"), finding(path=None))
    assert names(waiver(rule="B602"), finding(path=None))


def test_a_renamed_file_is_found_by_its_old_path() -> None:
    held = apply(
        [finding(path="src/new.py")], [waiver(path="src/app.py")], {"src/new.py": "src/app.py"}
    )
    assert held.findings[0].state == "waived"
    held = apply(
        [finding(path="src/new.py")], [waiver(path="src/app.py")], {"src/x.py": "src/app.py"}
    )
    assert held.findings[0].state == "new"


def test_nothing_in_the_file_of_waivers_is_waived() -> None:
    assert not names(
        waiver(rule="waiver-expired", path="devops-gates/"),
        finding(rule="waiver-expired", path=FILE),
    )


def test_what_is_held_back_is_counted_once() -> None:
    first, second, other = (
        waiver(rule="B602"),
        waiver(id="two", path="src/"),
        waiver(id="x", rule="Z"),
    )
    lint = waiver(id="lint", gate="lint", rule="F821")
    held = apply(
        [finding(), finding(rule="B101"), finding(gate="lint")], [first, second, other, lint], {}
    )
    assert [(f.state, f.waiver) for f in held.findings] == [
        ("waived", "one"),
        ("waived", "two"),
        ("new", None),
    ]
    assert [(w.id, w.holds_back) for w in held.waivers] == [
        ("one", 1),
        ("two", 1),
        ("x", 0),
        ("lint", 0),
    ]
    told = unmatched(held, {"x": 7}, {"bandit"}, date(2026, 12, 1))
    assert [(p.rule, p.path, p.line) for p in told] == [("waiver-unmatched", FILE, 7)]
    assert "'x'" in told[0].message
    assert "remove it" in told[0].message
    assert told[0].severity == Severity.HIGH
    assert len(unmatched(held, {}, {"bandit", "lint"}, TODAY)) == 2


def test_a_young_waiver_may_wait_for_what_it_waives() -> None:
    held = apply([], [waiver(rule="B602")], {})
    day = date.fromisoformat(held.waivers[0].created)
    severities = [
        unmatched(held, {}, {"bandit"}, day + timedelta(days=days))[0].severity
        for days in (0, 13, 14)
    ]
    assert severities == [Severity.LOW, Severity.LOW, Severity.HIGH]


def test_a_known_finding_needs_no_waiver() -> None:
    known = finding(state="known")
    held = apply([known], [waiver(rule="B602")], {})
    assert held.findings == (known,)
    assert held.waivers[0].holds_back == 0
    assert unmatched(held, {}, {"bandit"}, TODAY) == ()


def test_a_finding_does_not_waive_itself() -> None:
    held = apply([finding(state="waived", waiver="one")], [], {})
    assert held.findings == (finding(),)


few = st.sampled_from
findings = st.lists(
    st.builds(
        Finding,
        rule=few(["A1", "A2", "B*"]),
        message=st.just("m"),
        path=few([None, "a.py", "a/b.py", "a/c/d.py", "*", FILE]),
        gate=few(["g", "h"]),
        fingerprint=few(["a" * 32, "ab" * 16, "a" * 12 + "b" * 20]),
        state=few(["new", "known", "waived"]),
    ),
    max_size=6,
)
waivers = st.lists(
    st.builds(
        waiver,
        gate=few(["g", "h"]),
        rule=few([None, "A1", "A*", "B*", "*"]),
        path=few([None, "a.py", "a/", "a", "a/*.py", "*", "old.py"]),
        fingerprint=few([None, "a" * 12, "ab" * 16, "c" * 12]),
    ),
    max_size=4,
).map(lambda all_: [msgspec.structs.replace(w, id=f"w{n}") for n, w in enumerate(all_)])


@given(findings, waivers, st.dictionaries(few(["a.py", "a/b.py"]), st.just("old.py")))
@same_every_time
def test_only_what_is_named_is_waived(
    findings: list[Finding], waivers: list[Waiver], old_paths: dict[str, str]
) -> None:
    held = apply(findings, waivers, old_paths)
    by_id = {w.id: w for w in waivers}
    plain = [msgspec.structs.replace(f, state="new", waiver=None) for f in findings]
    assert [msgspec.structs.replace(f, state="new", waiver=None) for f in held.findings] == plain
    for before, after in zip(findings, held.findings, strict=True):
        assert (before.state == "known") == (after.state == "known")
        assert (after.state == "waived") == (after.waiver is not None)
        if after.state != "waived":
            continue
        by = by_id[after.waiver or ""]
        assert by.gate == after.gate
        assert by.rule in (None, "*", after.rule) or (by.rule == "A*" and after.rule[0] == "A")
        assert by.fingerprint is None or after.fingerprint.startswith(by.fingerprint)
        paths = {after.path, old_paths.get(after.path or "")}
        assert by.path in (None, "*", *paths) or str(after.path).startswith("a/")
        assert by.rule or by.path or by.fingerprint
        assert after.path != FILE
    waived = sum(f.state == "waived" for f in held.findings)
    assert sum(w.holds_back for w in held.waivers) == waived
    assert apply(held.findings, waivers, old_paths) == held


# what is added


def asked(**fields: Any) -> argparse.Namespace:
    known = {"reason": "r", "owner": "o", "ticket": None, "days": 30, "rule_in_path": False}
    return argparse.Namespace(**{**known, **fields})


def add(root: Path, one: Finding, **fields: Any) -> WaiverFile:
    """Add a waiver as the command does; returns what the file holds then."""
    before = read(waiver_file.found(root) or b"", FILE, GATES, TODAY)
    made = waivers_add.made(one, asked(**fields), before, TODAY)
    waiver_file.add(root, made, GATES, TODAY)
    return read((root / FILE).read_bytes(), FILE, GATES, TODAY)


def test_a_waiver_is_added(tmp_path: Path) -> None:
    (one,) = add(tmp_path, finding(), ticket="SEC-12").waivers
    assert (
        (tmp_path / FILE).read_text()
        == f"""\
[[waiver]]
id = "bandit-b602-3f2a"
gate = "bandit"
rule = "B602"
path = "src/app.py"
fingerprint = "{PRINT}"
reason = "r"
owner = "o"
ticket = "SEC-12"
created = 2026-10-18
expires = 2026-11-17
"""
    )
    assert names(one, finding())


def test_a_waiver_of_a_rule_in_a_file(tmp_path: Path) -> None:
    page = finding(path="src/[id].py")
    (one,) = add(tmp_path, page, rule_in_path=True).waivers
    assert one.fingerprint is None
    assert names(one, msgspec.structs.replace(page, fingerprint="0" * 32))
    assert not names(one, finding(path="src/i.py"))
    assert not names(one, finding(rule="B603", path="src/[id].py"))


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\n",
        "# ours",
        "# ours\r\n" + toml().replace("\n", "\r\n"),
        toml() + "# end",
    ],
)
def test_what_stands_there_stays(tmp_path: Path, before: str) -> None:
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_bytes(before.encode())
    read = add(tmp_path, finding(rule="B101", fingerprint="0" * 32))
    after = path.read_bytes()
    assert after.startswith(before.encode())
    assert (
        before.strip() == "" or b"\n\n[[waiver]]" in after.replace(b"\r", b"")[len(before) // 2 :]
    )
    assert read.waivers[-1].id == "bandit-b101-0000"
    assert (b"\r\n" in after) == (after.count(b"\n") == after.count(b"\r\n"))
    assert [p.name for p in path.parent.iterdir()] == ["waivers.toml"]


def test_a_bad_one_that_stands_there_stays_bad(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_text(toml(id='"bandit-b101-0000"', expires="2026-10-02"))
    read = add(tmp_path, finding(rule="B101", fingerprint="0" * 32))
    assert [w.id for w in read.waivers] == ["bandit-b101-0000-2"]
    assert [p.rule for p in read.problems] == ["waiver-expired"]


@pytest.mark.parametrize(
    ("before", "one", "fields", "told"),
    [
        (toml(), finding(), {}, "is waived already, by 'one'"),
        (toml(fingerprint=None), finding(fingerprint="0" * 32), {}, "is waived already, by 'one'"),
        (toml(expires="2026-10-02"), finding(), {}, "but does not hold"),
        ("", finding(state="known"), {}, "needs no waiver"),
        ("", finding(path=FILE), {}, "can be waived: mend it there"),
        ("", finding(path=None), {"rule_in_path": True}, "has no path or no rule"),
        ("", finding(gate="gone"), {}, "there is no gate 'gone'"),
        ("", finding(), {"reason": "\ud800 x"}, "TOML cannot hold it"),
        ("", finding(), {"owner": "\udce9 x"}, "TOML cannot hold it"),
        ("", finding(), {"owner": "  "}, "it has no owner"),
        ("", finding(), {"days": 91}, "91 days, more than 90"),
        ("", finding(), {"days": -1}, "it ended on 2026-10-17"),
        ("waiver = []\n", finding(), {}, FILE),
        ("waiver = 3\n", finding(), {}, "write each waiver"),
        ("x = 1\n", finding(), {}, "unknown key 'x'"),
    ],
)
def test_what_is_not_added(
    tmp_path: Path, before: str, one: Finding, fields: dict[str, Any], told: str
) -> None:
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_text(before)
    with pytest.raises(UsageError) as wrong:
        add(tmp_path, one, **fields)
    assert told in str(wrong.value)
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"reason": " "}, "--reason says nothing"),
        ({"owner": "\u200b"}, "--owner says nothing"),
    ],
)
def test_what_is_asked_for_in_vain(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        waivers_add._check(asked(**fields))


def test_which_finding_is_waived() -> None:
    one, two = finding(), finding(fingerprint="0" * 32)
    assert waivers_add._one([one], "3f2a", in_path=False) == one
    assert waivers_add._one([one, two], "bandit/B602", in_path=True) == one
    with pytest.raises(
        UsageError, match=r"'B' is 2 findings: 3f2a19c0d4e5 bandit/B602 src/app\.py; 0"
    ):
        waivers_add._one([one, two], "B", in_path=False)
    with pytest.raises(UsageError, match="is 2 findings"):
        waivers_add._one([one, finding(path="b.py")], "B", in_path=True)
    with pytest.raises(UsageError, match="no finding 'x' in the newest run; a finding is named by"):
        waivers_add._one([], "x", in_path=False)


@pytest.mark.parametrize("kind", ["folder", "link", "read-only"])
def test_a_file_that_cannot_be_written(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / FILE
    path.parent.mkdir()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "real").write_text("")
        path.symlink_to(tmp_path / "real")
    else:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.replace", full)
    with pytest.raises(UsageError, match=re.escape(FILE)):
        add(tmp_path, finding())
    assert not path.is_file() or path.is_symlink()
    assert len(list(path.parent.iterdir())) == (kind != "read-only")


said = (any_text | st.sampled_from(HOSTILE) | st.text()).map(
    lambda text: text.encode("utf-8", "ignore").decode()
)


@given(
    said.filter(is_text), said.filter(is_text), said, said, st.sampled_from(["", "# ours", toml()])
)
@same_every_time
def test_any_text_is_read_as_it_was_added(
    reason: str, owner: str, ticket: str, path: str, before: str
) -> None:
    one = finding(path=path or None, fingerprint="0" * 32)
    if path == FILE:
        return
    file = reading(before)
    made = waivers_add.made(one, asked(reason=reason, owner=owner, ticket=ticket), file, TODAY)
    data = appended(before.encode(), made)
    read = reading(data.decode())
    assert not read.problems
    assert read.waivers == (*file.waivers, made)
    assert (made.reason, made.owner, made.ticket or "") == (reason, owner, ticket)
    assert names(made, one)
    assert neutral(data.decode().replace("\n", "")).count("\\x") <= data.count(b"\\x")


@given(any_text, any_text, st.integers(0, 3))
@same_every_time
def test_an_id_is_readable_and_free(gate: str, rule: str, times: int) -> None:
    taken: list[str] = []
    for _ in range(times + 1):
        taken.append(new_id(finding(gate=gate, rule=rule), taken))
    assert len(set(taken)) == len(taken)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{3,99}", name) for name in taken)


# what is listed


def test_the_list() -> None:
    file = reading(toml() + toml(id='"two"', ticket='"SEC-12"') + toml(id='"bad"', owner=None))
    latest = verdict(
        ruling("bandit", outcome="fail"),
        findings=(finding(state="waived", waiver="one"),),
        waivers=(waiver(holds_back=1),),
    )
    lines = list(listing.render(file, latest, TODAY, 80))
    assert lines[0] == f"held back in the run {latest.run_id}"
    assert lines[2:5] == [
        "id   holds back  ends        days left  owner",
        "one           1  2026-10-18          0  Ada",
        "    bandit/B602 in src/app.py, 3f2a19c0d4e5: a constant",
    ]
    assert lines[5].startswith("two           -  2026")
    assert lines[6].endswith("a constant (SEC-12)")
    assert lines[7] == (
        f"BAD: {FILE}:22: waiver-without-owner: the waiver 'bad': it has no owner: add one"
    )
    assert len(lines) == 8


def test_what_a_waiver_of_a_gate_that_was_not_judged_holds_back_is_not_told() -> None:
    latest = verdict(ruling("bandit", outcome="unknown"), waivers=(waiver(),))
    assert "  -  2026" in "\n".join(listing.render(reading(toml()), latest, TODAY, 80))
    latest = verdict(ruling("bandit", outcome="pass"), waivers=(waiver(),))
    assert "  0  2026" in "\n".join(listing.render(reading(toml()), latest, TODAY, 80))


def test_the_list_before_the_first_run_and_without_waivers() -> None:
    assert next(listing.render(reading(toml()), None, TODAY, 80)).startswith("no run yet")
    assert list(listing.render(WaiverFile(), verdict(), TODAY, 80)) == [f"{FILE} holds no waiver"]


@given(said, said, said, st.integers(20, 120))
@same_every_time
def test_the_list_is_harmless_and_fits(owner: str, reason: str, path: str, columns: int) -> None:
    file = WaiverFile((waiver(owner=owner, reason=reason, path=path),))
    for line in listing.render(file, None, TODAY, columns):
        assert neutral(line) == line
        assert width(line) <= max(columns, listing.NARROWEST) or line.startswith("no run")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_bad_one_is_one_harmless_line(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    file = reading(table(waiver(id=text)).replace("owner", quoted(text)))
    assert file.problems
    lines = list(listing.render(file, None, TODAY, 80))
    assert all(neutral(line) == line for line in lines)
    assert sum(line.startswith("BAD") for line in lines) == len(file.problems)
