"""The gate ``suppressions``: what counts, and what only looks like it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.gates.suppressions import SUPPRESSIONS, TOTAL
from pytest_devops_gates.scanning.leaks import search
from pytest_devops_gates.suppression import COMMENTS, KINDS, is_blanket, suppressions
from pytest_devops_gates.testing import judge, prove, write
from tests.unit.samples import same_every_time

UNREADABLE = [SyntaxError, ValueError, RecursionError, MemoryError]


def kinds(source: str | bytes) -> list[str]:
    data = source.encode() if isinstance(source, str) else source
    return sorted(kind for _, kind in suppressions(data))


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# noqa", ["noqa"]),
        ("#noqa:E501", ["noqa"]),
        ("# NoQA : E501", ["noqa"]),
        ("# why # noqa", ["noqa"]),
        ("# flake8: noqa", ["noqa"]),
        ("# ruff: noqa: F401", ["noqa"]),
        ("# ruff: ignore[F401]", ["noqa"]),
        ("# ruff: disable[F401]", ["noqa"]),
        ("# ruff: file-ignore[F401]", ["noqa"]),
        ("# ruff: enable[F401]", []),
        ("# ruff is fine", []),
        ("# nosec", ["nosec"]),
        ("# nosec B602", ["nosec"]),
        ("# nosecurity", ["nosec"]),
        ("# mypy: ignore-errors", ["type-ignore"]),
        ("# mypy: disable-error-code=misc", ["type-ignore"]),
        ("# NOSEC", []),
        ("# type: ignore", ["type-ignore"]),
        ("# type:ignore[arg-type]", ["type-ignore"]),
        ("# type: ignored", []),
        ("# type: int", []),
        ("# pyright: ignore[reportX]", ["pyright-ignore"]),
        ("# pyright: basic", []),
        ("# deptry: ignore", ["deptry-ignore"]),
        ("#deptry:ignore[DEP001]", ["deptry-ignore"]),
        ("# deptry: ignored", []),
        ("# " + "gitleaks" + ":allow", ["allowed-secret"]),
        ("# why, " + "betterleaks" + ":allow", ["allowed-secret"]),
        ("# pragma: " + "allowlist secret", ["allowed-secret"]),
        ("# pragma: " + "whitelist nextline secret", ["allowed-secret"]),
        ("# pragma: allowlist", []),
        ("# leaks:allow", []),
        ("# pragma: no cover", ["no-cover"]),
        ("# PRAGMA NO COVER", ["no-cover"]),
        ("# pragma: no branch", ["no-branch"]),
        ("# pragma: once", []),
        ("# no cover", []),
        ("# noqa # nosec # type: ignore", ["noqa", "nosec", "type-ignore"]),
        ("# noqa # noqa", ["noqa"]),
        ("# noqa-like", []),
        ("# skip xfail pytest.mark.skip", []),
        ("# ignore noqa", []),
    ],
)
def test_what_a_comment_suppresses(comment: str, expected: list[str]) -> None:
    assert kinds(f"a = 1  {comment}\n") == expected


@pytest.mark.parametrize(
    "words",
    [
        "gitleaks" + ":allow",
        "betterleaks" + ":allow",
        "leaks" + ":allow",
        "pragma: " + "allowlist secret",
        "pragma: " + "whitelist-secret",
        "pragma: " + "allowlist nextline secret",
    ],
)
def test_what_the_gate_secrets_honours_is_counted(words: str) -> None:
    comment = f"# {words}\n"
    assert bool(search(comment.encode()).allowed) == (kinds(comment) == ["allowed-secret"])


@pytest.mark.parametrize(
    "source",
    [
        's = "# noqa # nosec # type: ignore # pyright: ignore # pragma: no cover"\n',
        '"""Say\n# noqa\n# pragma: no branch\n@pytest.mark.skip\n"""\n',
        "s = f'{1} # noqa'\n",
        "s = b'# noqa'\n",
        's = """\\\n# noqa"""\n',
        "noqa = nosec = 1\n",
        "import pytest\nskip = xfail = 1\nskip\n",
        "import pytest\nx.mark.skip\nx.skip()\nskip()\n",
        "import pytest\npytest.mark.skipping\npytest.mark.parametrize('xfail', [])\n",
        "from mine import skip\nimport unittest\nskip()\n",
        "from .pytest import skip\nskip()\n",
        "import pytest\ntry: pass\nexcept pytest.skip.Exception: pass\n",
        "import unittest\ntry: pass\nexcept unittest.SkipTest: pass\n",
        "item.get_closest_marker('skip')  # pytest\n",
        "",
    ],
)
def test_text_in_strings_and_names_of_others_are_no_suppression(source: str) -> None:
    assert kinds(source) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pytest\n@pytest.mark.skip\ndef test(): pass", ["skip"]),
        ("import pytest\n@pytest.mark.skip('why')\nasync def test(): pass", ["skip"]),
        ("import pytest\n@pytest.mark.skipif(1, reason='')\nclass Test: pass", ["skipif"]),
        ("import pytest as pt\n@pt.mark.xfail\ndef test(): pass", ["xfail"]),
        ("from pytest import mark as m\n@m.xfail(strict=True)\ndef test(): pass", ["xfail"]),
        ("from pytest import *\n@mark.skip\ndef test(): skip('')", ["skip", "skip"]),
        ("@pytest.mark.skip\ndef test(): pass", ["skip"]),
        ("pytestmark = pytest.mark.skip", ["skip"]),
        ("pytestmark = [pytest.mark.skip, pytest.mark.xfail]", ["skip", "xfail"]),
        ("pytest.param(1, marks=pytest.mark.xfail)", ["xfail"]),
        ("pytest.param(1, marks=[pytest.mark.skipif(True, reason='')])", ["skipif"]),
        ("once = pytest.mark.skip\n@once\ndef a(): pass\n@once\ndef b(): pass", ["skip"]),
        ("def test():\n    import pytest\n    pytest.skip('why')", ["skip"]),
        ("from pytest import skip as s\ns('why', allow_module_level=True)", ["skip"]),
        ("pytest.xfail('why')", ["xfail"]),
        ("np = pytest.importorskip('numpy')", ["skipif"]),
        ("import unittest\n@unittest.skip('why')\nclass T: pass", ["skip"]),
        ("import unittest\n@unittest.skip\ndef t(): pass", ["skip"]),
        ("from unittest import skipIf, skipUnless as u\n@skipIf(1, '')\n@u(1, '')\ndef t(): pass",
         ["skipif", "skipif"]),
        ("from unittest import expectedFailure\n@expectedFailure\ndef t(): pass", ["xfail"]),
        ("from unittest.case import skip\n@skip('')\ndef t(): pass", ["skip"]),
        ("from unittest import *\n@expectedFailure\ndef t(): pass", ["xfail"]),
        ("def t(self): self.skipTest('why')", ["skip"]),
        ("import unittest\nraise unittest.SkipTest", ["skip"]),
        ("import unittest\nraise unittest.SkipTest('why')", ["skip"]),
    ],
)  # fmt: skip
def test_what_code_suppresses(source: str, expected: list[str]) -> None:
    assert kinds(source + "\n") == expected


def test_each_stands_with_its_line() -> None:
    source = b"import pytest\n\nx = 1  # noqa\n\n@pytest.mark.skip\n@deco\ndef f(): pass  # nosec\n"
    assert suppressions(source) == [(3, "noqa"), (5, "skip"), (7, "nosec")]


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbfa = 1  # noqa\r\nb = 2\r\n",
        b"# coding: latin-1\na = '\xe9'  # noqa\n",
        b"# coding: cp1252\na = '\x80'  # noqa\n",
        b"#!/usr/bin/python\n# -*- coding: iso-8859-15 -*-\na = '\xa4'  # noqa\n",
        "# coding: utf-8\na = 'é'  # noqa é\n".encode(),
        b"# coding: utf-7\na = 1  +ACM noqa\n",
    ],
)
def test_the_encoding_of_a_source_is_honoured(source: bytes) -> None:
    assert kinds(source) == ["noqa"]


@pytest.mark.parametrize(
    "source",
    [
        b"def (:  # noqa\n",
        b"x = '''  # noqa\n",
        b"if 1:\n      a\n   b  # noqa\n",
        b"a = 1  # noqa\n\0",
        b"a = '\xe9'  # noqa\n",
        b"# coding: nonsense\na = 1  # noqa\n",
        b"# coding: rot13\na = 1  # noqa\n",
        b"# coding: ascii\na = '\xe9'  # noqa\n",
        b"\xef\xbb\xbf# coding: latin-1\na = 1  # noqa\n",
        b"print 'pytest'; pytest.skip\n",
        b"(" * 100_000 + b"  # noqa\n",
    ],
)
def test_a_source_that_cannot_be_parsed_is_unknown_only_if_it_holds_such_a_word(
    source: bytes, tmp_path: Path
) -> None:
    with pytest.raises(tuple(UNREADABLE)):
        suppressions(source)
    harmless = source.replace(b"noqa", b"why?").replace(b"pytest", b"python")
    assert suppressions(harmless) == []
    write(tmp_path, {"ok.py": "a = 1  # noqa\n", "tests/broken.py": source})
    judged = judge(SUPPRESSIONS, tmp_path, conditions={"noqa": "<= 5"})
    assert judged.outcome == "unknown"
    assert "tests/broken.py cannot be read: " in judged.reason
    assert (judged.evidence.metrics["noqa"], judged.evidence.examined) == (1, 1)


@same_every_time
@given(st.lists(st.sampled_from(sorted(COMMENTS)), max_size=20), st.booleans())
def test_every_comment_is_counted_once(planted: list[str], strings: bool) -> None:
    words = {k: k.replace("-ignore", ": ignore").replace("no-", "pragma: no ") for k in COMMENTS}
    words["allowed-secret"] = "gitleaks" + ":allow"
    lines = [f"a = 1  # {words[kind]}" for kind in planted]
    if strings:
        lines = ['"""', *lines, '"""', *lines]
    assert kinds("\n".join([*lines, ""])) == sorted(planted)


def test_metrics_count_by_kind_and_in_all(tmp_path: Path) -> None:
    tests = "import pytest\n@pytest.mark.skip\ndef test(): pass  # noqa\n"
    write(tmp_path, {"a.py": "a = 1  # noqa # nosec\n", "b.pyi": "", "tests/test_a.py": tests})
    judged = judge(SUPPRESSIONS, tmp_path)
    assert judged.evidence.metrics == {
        **dict.fromkeys(KINDS, 0),
        "noqa": 2,
        "nosec": 1,
        "skip": 1,
        TOTAL: 4,
    }
    rows = [(f.rule, f.severity.value, f.path, f.line) for f in judged.evidence.findings]
    assert rows == [
        ("noqa", "info", "a.py", 1),
        ("nosec", "info", "a.py", 1),
        ("skip", "info", "tests/test_a.py", 2),
        ("noqa", "info", "tests/test_a.py", 3),
    ]
    assert (judged.evidence.examined, judged.outcome) == (3, "pass")


def test_every_kind_can_be_limited_and_the_canary_breaks_each_limit(tmp_path: Path) -> None:
    write(tmp_path, {"src/app/__init__.py": ""})
    limits = dict.fromkeys([*KINDS, TOTAL], "<= 500")
    clean, planted = prove(SUPPRESSIONS, tmp_path, conditions=limits)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.evidence.metrics == {**dict.fromkeys(KINDS, 1000), TOTAL: 1000 * len(KINDS)}
    assert [one.metric for one in planted.ruling.conditions if not one.holds] == [*KINDS, TOTAL]


def test_an_unknown_kind_cannot_be_limited(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no-qa"):
        judge(SUPPRESSIONS, write(tmp_path, {"a.py": ""}), conditions={"no-qa": "== 0"})


@pytest.mark.parametrize(
    ("files", "outcome", "said"),
    [
        ((), "not-applicable", "no Python file"),
        (("README",), "not-applicable", "no Python file"),
        (("link.py",), "unknown", "examined nothing"),
        (("ok.py", "gone.py"), "unknown", "gone.py cannot be read: No such file"),
        (("ok.py", "pipe.py"), "unknown", "pipe.py cannot be read: it is no plain file"),
        (("ok.py", "folder.py"), "unknown", "folder.py cannot be read"),
        (("ok.py", "\udcff.py", "gone.py"), "unknown", "(and 1 more files)"),
    ],
)
def test_what_cannot_be_read_is_unknown_by_name(
    files: tuple[str, ...], outcome: str, said: str, tmp_path: Path
) -> None:
    write(tmp_path, {"ok.py": "", "folder.py/x": "", "README": ""})
    (tmp_path / "link.py").symlink_to("ok.py")
    os.mkfifo(tmp_path / "pipe.py")
    judged = judge(SUPPRESSIONS, tmp_path, files=files)
    assert (judged.outcome, said in judged.reason) == (outcome, True), judged.reason


def test_odd_names_are_told(tmp_path: Path) -> None:
    for name in (b"\xff.py", b"a\nb c.py"):
        (tmp_path / os.fsdecode(name)).write_text("a = 1  # noqa\n")
    judged = judge(SUPPRESSIONS, tmp_path)
    assert [f.path for f in judged.evidence.findings] == ["a\nb c.py", r"\udcff.py"]


def test_files_that_could_not_be_listed_are_unknown(tmp_path: Path) -> None:
    assert judge(SUPPRESSIONS, tmp_path, listing_error="git refuses").outcome == "unknown"


@pytest.mark.parametrize(
    ("kind", "line", "blanket"),
    [
        ("noqa", "import os  # noqa", True),
        ("noqa", "import os  # noqa: F401", False),
        ("noqa", "import os  # NOQA:F401,E501", False),
        ("noqa", "# ruff: noqa", True),
        ("noqa", "# ruff: noqa: E501", False),
        ("nosec", "x  # nosec", True),
        ("nosec", "x  # nosec B101", False),
        ("nosec", "x  # nosec: B101", False),
        ("nosec", "x  # nosecurity", True),
        ("type-ignore", "x  # type: ignore", True),
        ("type-ignore", "x  # type: ignore[misc]", False),
        ("pyright-ignore", "x  # pyright: ignore", True),
        ("pyright-ignore", "x  # pyright: ignore[reportX]", False),
        ("deptry-ignore", "x  # deptry: ignore", True),
        ("deptry-ignore", "x  # deptry: ignore[DEP001]", False),
        ("allowed-secret", "x  # " + "gitleaks" + ":allow", False),
        ("no-cover", "x  # pragma: no cover", False),
        ("skip", "@pytest.mark.skip", False),
    ],
)
def test_a_suppression_of_all_rules(kind: str, line: str, blanket: bool) -> None:
    assert is_blanket(kind, line) is blanket
