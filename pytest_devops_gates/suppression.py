"""What tells a tool, or pytest, to look away: comments and marks in a Python source. Pure."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator

COMMENTS = {
    "noqa": re.compile(
        r"#\s*(?:(?:ruff|flake8)\s*[:=]\s*)?noqa(?![\w-])"
        r"|#\s*ruff\s*:\s*(?:file-ignore|ignore|disable)(?![\w-])",
        re.IGNORECASE,
    ),
    "nosec": re.compile(r"#\s*nosec"),  # whatever follows: bandit takes it for a list of tests
    "type-ignore": re.compile(
        r"#\s*type:\s*ignore(?![\w-])|#\s*mypy:\s*(?:ignore[-_]errors|disable[-_]error[-_]code)"
    ),
    "pyright-ignore": re.compile(r"#\s*pyright:\s*ignore(?![\w-])"),
    "deptry-ignore": re.compile(r"#\s*deptry\s*:\s*ignore(?![\w-])"),
    "allowed-secret": re.compile(
        r"(?:betterleaks|gitleaks):allow|pragma: (?:allow|white)list(?: nextline)?[ -]secret"
    ),
    "no-cover": re.compile(r"#\s*(?:pragma|PRAGMA)[:\s]?\s*(?:no|NO)\s*(?:cover|COVER)"),
    "no-branch": re.compile(r"#\s*(?:pragma|PRAGMA)[:\s]?\s*(?:no|NO)\s*(?:branch|BRANCH)"),
}
"""What a comment must hold to be of a kind.

Sources: flake8's and ruff's ``noqa``, bandit's ``nosec``, PEP 484, pyright's and deptry's
documentation of comments, coverage's defaults for ``exclude_lines`` and ``partial_branches``, and
what the gate ``secrets`` takes for an allowance (scanning/leaks.py).
"""

MARKS = {f"pytest.mark.{kind}": kind for kind in ("skip", "skipif", "xfail")}
"""Counted wherever they are written: as decorators, in ``pytestmark``, in ``pytest.param``."""

CALLS = {
    "pytest.skip": "skip",
    "pytest.xfail": "xfail",
    "pytest.importorskip": "skipif",
    "unittest.skip": "skip",
    "unittest.SkipTest": "skip",
    "unittest.skipIf": "skipif",
    "unittest.skipUnless": "skipif",
    "unittest.expectedFailure": "xfail",
}
"""Counted where they are called, raised, or decorate something. ``importorskip`` is a ``skipif``:
whether it skips depends on the machine."""

_NAMED = {
    "noqa": re.compile(r"(?:noqa|ignore|disable)\s*[:(\[]\s*[A-Z]+\d", re.IGNORECASE),
    "nosec": re.compile(r"nosec:?\s+[A-Z]\d"),
    "type-ignore": re.compile(r"ignore\[|disable[-_]error[-_]code"),
    "pyright-ignore": re.compile(r"ignore\["),
    "deptry-ignore": re.compile(r"ignore\["),
}
"""How a comment names the rules that it suppresses; without any it suppresses all of them."""

ALLOWED = "allowed-secret"
_ALLOWED = re.compile(COMMENTS[ALLOWED].pattern.encode())

KINDS = (*COMMENTS, "skip", "skipif", "xfail")

_COMMENTED = re.compile(
    rb"#[^\r\n]*(?:noqa|nosec|(?:type|pyright|deptry)\s*:[^\r\n]*ignore|mypy:|pragma|ruff\s*:|leaks:allow)",
    re.IGNORECASE,
)
_SKIPPED = re.compile(rb"\b(?:skip|skipif|xfail|importorskip|skipIf|skipUnless|expectedFailure)\b")
_FRAMEWORK = re.compile(rb"pytest|unittest")
_SKIP_TEST = re.compile(rb"\b(?:skipTest|SkipTest)\b")
_COOKIE = re.compile(rb"\A(?:[^\r\n]*\r?\n)?[ \t\f]*#[^\r\n]*coding[:=]")
_STARRED = {
    "pytest": ("mark", "skip", "xfail", "importorskip"),
    "unittest": ("skip", "skipIf", "skipUnless", "expectedFailure", "SkipTest"),
}


def suppressions(source: bytes) -> list[tuple[int, str]]:
    """The line and the kind of each suppression in a Python source, in order.

    Raises SyntaxError (also what tokenize raises), ValueError, RecursionError or MemoryError for a
    source that cannot be parsed, if it holds a word that makes it worth while.
    """
    text = _ascii_compatible(source)
    commented = _COMMENTED.search(text)
    skipping = _SKIP_TEST.search(text) or (_SKIPPED.search(text) and _FRAMEWORK.search(text))
    if not commented and not skipping:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    found = list(_in_comments(source)) if commented else []
    if skipping:
        found += _in_code(tree)
    return sorted(found)


def allowances(text: bytes) -> list[int]:
    """The lines of a text of any language that are declared to hold no secret: for what looks for
    secrets it is no matter whether that stands in a comment. One for each declaration."""
    found, at, line = [], 0, 1
    for declared in _ALLOWED.finditer(text):
        line += text.count(b"\n", at, declared.start())
        at = declared.start()
        found.append(line)
    return found


def is_blanket(kind: str, line: str) -> bool:
    """Whether a suppression in a line is one of all rules, where the kind may name some."""
    names = _NAMED.get(kind)
    return names is not None and not names.search(line)


def _ascii_compatible(source: bytes) -> bytes:
    """The source as bytes in which ASCII words can be searched for, whatever its encoding; as it
    is where it is in none."""
    if not _COOKIE.search(source[:2000]):
        return source
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return source.decode(encoding).encode("utf-8", "backslashreplace")
    except (SyntaxError, LookupError, ValueError):
        return source


def _in_comments(source: bytes) -> Iterator[tuple[int, str]]:
    """At most one of each kind a comment: the tools read no more."""
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT:
                for kind, pattern in COMMENTS.items():
                    if pattern.search(token.string):
                        yield token.start[0], kind
    except tokenize.TokenError as error:
        raise SyntaxError(str(error.args[0])) from None


def _in_code(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Skips and expected failures. What is kept in a variable counts where it is written, once."""
    nodes = list(ast.walk(tree))
    names = _imported(nodes)
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Name):
            if kind := MARKS.get(_dotted(node, names)):
                yield node.lineno, kind
            continue
        for used in _used(node):
            if isinstance(used, ast.Attribute) and used.attr == "skipTest":
                yield used.lineno, "skip"
            elif kind := CALLS.get(_dotted(used, names)):
                yield used.lineno, kind


def _used(node: ast.AST) -> list[ast.expr]:
    """What a node calls, raises or is decorated by; a call among these comes by itself as well."""
    if isinstance(node, ast.Call):
        return [node.func]
    if isinstance(node, ast.Raise):
        return [node.exc] if node.exc else []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.decorator_list
    return []


def _imported(nodes: list[ast.AST]) -> dict[str, str]:
    """Names of a module and the dotted names that they stand for, as far as it matters here."""
    names = {"pytest": "pytest", "unittest": "unittest"}
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                starred = alias.name == "*"
                own = _STARRED.get(node.module, ()) if starred else (alias.name,)
                names |= {alias.asname or name: f"{node.module}.{name}" for name in own}
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """``pytest.mark.skip`` for what means it in this module; empty for what has no such name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    whole = ".".join([names[node.id], *reversed(parts)])
    return whole.replace("unittest.case.", "unittest.", 1)
