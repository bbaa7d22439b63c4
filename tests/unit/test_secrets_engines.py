"""betterleaks and detect-secrets: their saved reports, and what is not to be believed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.scanning import betterleaks, detect_secrets
from pytest_devops_gates.scanning.spot import SENTINEL, Field, laid_out
from pytest_devops_gates.testing import write
from tests.unit.planted import SECRETS

DATA = Path(__file__).parent.parent / "data"
NAMES = frozenset(f"{at:02}.txt" for at in range(len(SECRETS)))
FIRST = (DATA / "betterleaks-2.0.0-rc.4.json").read_bytes()
SECOND = (DATA / "detect-secrets-1.5.0.json").read_bytes()


def kinds(paths: set[str | None]) -> set[str]:
    return {SECRETS[int(path[:2])][0] for path in paths if path}


def test_betterleaks_report_is_read() -> None:
    heard = betterleaks.read(FIRST, 1, NAMES)
    assert (heard.version, heard.trouble) == ("2.0.0-rc.4", None)
    token = next(spot for spot in heard.spots if spot.path == "04.txt")
    assert (token.kind, token.severity) == ("betterleaks-github-pat", Severity.CRITICAL)
    assert (token.line, token.column, token.end_column) == (1, 8, 48)
    assert SENTINEL not in {spot.path for spot in heard.spots}


def test_detect_secrets_report_is_read() -> None:
    heard = detect_secrets.read(SECOND, 0, NAMES)
    assert (heard.version, heard.trouble) == ("1.5.0", None)
    token = next(spot for spot in heard.spots if spot.path == "04.txt")
    assert (token.kind, token.severity) == ("detect-secrets-github-token", Severity.HIGH)
    assert token.line == 1


def test_the_built_in_patterns_know_what_the_others_find() -> None:
    """The three agree on these kinds; the others miss some of ours."""
    first = kinds({spot.path for spot in betterleaks.read(FIRST, 1, NAMES).spots})
    second = kinds({spot.path for spot in detect_secrets.read(SECOND, 0, NAMES).spots})
    assert {"github-token", "gitlab-token", "stripe-key", "private-key", "npm-token"} <= first
    assert {"github-token", "gitlab-token", "stripe-key", "private-key", "npm-token"} <= second
    assert {rule for rule, _, _ in SECRETS} - first - second == {
        *("age-key", "anthropic-key", "google-oauth", "google-service-account"),
        *("hugging-face-token", "openai-key"),
    }


@pytest.mark.parametrize("saved", [FIRST, SECOND], ids=["betterleaks", "detect-secrets"])
def test_saved_reports_hold_no_value(saved: bytes) -> None:
    for _, _, value in SECRETS:
        assert value.encode() not in saved


def changed(saved: bytes, change: Callable[[Any], object]) -> bytes:
    report = json.loads(saved)
    change(report)
    return json.dumps(report).encode()


def without_sentinel(report: Any) -> None:
    found = report["findings"]
    found[:] = [one for one in found if SENTINEL not in one["location"]["path"]]
    report["scan"]["num_findings"] = len(found)


@pytest.mark.parametrize(
    ("output", "code", "says"),
    [
        (FIRST, 0, "exited with 0"),
        (FIRST, 2, "exited with 2"),
        (FIRST, -9, "exited with -9"),
        (b"", 1, "no report"),
        (b"rubbish", 1, "no report"),
        (b"null", 1, "no report"),
        (b"[]", 1, "no report"),
        (FIRST * 2, 1, "no report"),
        (FIRST[:-100], 1, "no report"),
        (b"\xef\xbb\xbf" + FIRST, 1, "no report"),
        (FIRST.decode().encode("utf-16"), 1, "no report"),
        (b"[" * 200_000, 1, "no report"),
        (FIRST.replace(b'"complete"', b'"partial"'), 1, "did not come to the end"),
        (changed(FIRST, lambda r: r["findings"].pop()), 1, "contradicts itself"),
        (changed(FIRST, without_sentinel), 1, "always gets"),
        (FIRST.replace(b"./04.txt", b"/etc/passwd"), 1, "was not given"),
    ],
)
def test_what_betterleaks_must_not_be_believed(output: bytes, code: int, says: str) -> None:
    with pytest.raises(CannotTell, match=says):
        betterleaks.read(output, code, NAMES)


@pytest.mark.parametrize(
    ("output", "code", "says"),
    [
        (SECOND, 1, "exited with 1"),
        (b"", 0, "no report"),
        (b"rubbish", 0, "no report"),
        (SECOND * 2, 0, "no report"),
        (SECOND[:-100], 0, "no report"),
        (b"\xef\xbb\xbf" + SECOND, 0, "no report"),
        (b"[" * 200_000, 0, "no report"),
        (b"{}", 0, "no report"),
        (changed(SECOND, lambda r: r["results"].clear()), 0, "always gets"),
        (SECOND.replace(b"04.txt", b"../x"), 0, "was not given"),
    ],
)
def test_what_detect_secrets_must_not_be_believed(output: bytes, code: int, says: str) -> None:
    with pytest.raises(CannotTell, match=says):
        detect_secrets.read(output, code, NAMES)


@pytest.mark.parametrize(
    ("told", "names", "meant"),
    [
        ("./REDACTEDs/REDACTED_a.py", {"tests/test_a.py", "docs/doc_b.py"}, "tests/test_a.py"),
        ("docs/REDACTED/x.rst", {"docs/user/x.rst", "docs/a.rst"}, "docs/user/x.rst"),
        ("docs/REDACTED/x.rst", {"docs/user/x.rst", "docs/dev/x.rst"}, None),
        ("REDACTED.py", {"a.txt"}, None),
    ],
)
def test_a_name_that_redaction_hides_is_found_again(
    told: str, names: set[str], meant: str | None
) -> None:
    def rename(report: Any) -> None:
        for one in report["findings"]:
            if SENTINEL not in one["location"]["path"]:
                one["location"]["path"] = told

    spots = betterleaks.read(changed(FIRST, rename), 1, names).spots
    assert {spot.path for spot in spots} == {meant}


SECRET = SECRETS[4][2]
CRASHES = f"import sys; print('{SECRET}'); sys.stderr.write('{SECRET}'); sys.exit(2)"
RUBBISH = f"import sys; print('{SECRET}'); sys.exit(1)"
HANGS = f"import time; print('{SECRET}', flush=True); time.sleep(60)"


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (CRASHES, "betterleaks exited with 2"),
        (RUBBISH, "betterleaks printed no report"),
        (HANGS, "betterleaks hung"),
    ],
    ids=["crashes", "rubbish", "hangs"],
)
def test_an_engine_that_breaks_is_told_without_a_word_of_what_it_printed(
    tmp_path: Path, program: str, says: str
) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f"#!{sys.executable}\n{program}\n")
    tool.chmod(0o755)
    logs = tmp_path / "logs"
    heard = betterleaks.search(str(tool), Field(tmp_path, frozenset()), logs, timeout=1.0)
    assert heard.trouble
    assert heard.trouble.startswith(says)
    assert SECRET not in repr(heard)
    assert list(logs.iterdir()) == []


def test_files_are_laid_out_alone_and_the_folder_goes(tmp_path: Path) -> None:
    root = write(tmp_path / "root", {"a.py": "1", "b/c.txt": "2", "left.py": "3", SENTINEL: "4"})
    odd = "no\udcffname.py"
    (root / odd).write_text("5")
    with laid_out(root, ["a.py", "b/c.txt", odd, SENTINEL], tmp_path / "field") as field:
        there = {p.relative_to(field.folder).as_posix() for p in field.folder.rglob("*.*")}
        assert there == {"a.py", "b/c.txt", SENTINEL}
        assert (field.names, field.unnamed) == ({"a.py", "b/c.txt"}, 2)
        assert (field.folder / SENTINEL).read_text() != "4"
    assert not (tmp_path / "field").exists()
    assert (root / SENTINEL).read_text() == "4"
