"""Literal values in files of the usual formats, with the lines that they stand on. Pure."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator

import msgspec

from pytest_devops_gates.errors import CannotTell

TAG_ARGUMENTS = {
    "use_scm_version": "setuptools-scm",
    "pbr": "pbr",
    "vcversioner": "vcversioner",
    "setuptools_git_versioning": "setuptools-git-versioning",
    "version_config": "setuptools-git-versioning",
}
"""Arguments of ``setup()`` with which a tool takes the version from git tags."""


class Literal(msgspec.Struct, frozen=True):
    """A string as it is written, and its line, counted from 1."""

    text: str
    line: int


class SetupCall(msgspec.Struct, frozen=True):
    """What a setup.py says of the version without running.

    ``called`` is whether it calls ``setup()``; ``computed`` whether it gives a version that is no
    literal; ``from_tags`` names the tool that takes it from git tags.
    """

    called: bool = False
    version: Literal | None = None
    computed: bool = False
    from_tags: str | None = None


def assigned(source: str, path: str, names: Collection[str]) -> Iterator[tuple[str, Literal]]:
    """The strings that a module assigns to these names at its top level, in order.

    What stands in a ``try`` or an ``if`` is left out: it is a fallback, or one of several. Raises
    CannotTell when the source cannot be parsed.
    """
    for node in syntax(source, path).body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        literal = _string(node.value)
        for target in targets:
            if literal and isinstance(target, ast.Name) and target.id in names:
                yield target.id, literal


def setup_call(source: str, path: str) -> SetupCall:
    """The call of ``setup()`` in a setup.py. Raises CannotTell when it cannot be parsed."""
    call = next((n for n in ast.walk(syntax(source, path)) if _is_setup(n)), None)
    if not isinstance(call, ast.Call):
        return SetupCall()
    given = {word.arg: word.value for word in call.keywords if word.arg}
    tool = next((TAG_ARGUMENTS[name] for name in given if name in TAG_ARGUMENTS), None)
    value = given.get("version")
    if value is not None and "versioneer" in ast.dump(value):
        tool = "versioneer"
    unpacked = any(word.arg is None for word in call.keywords)
    version = _string(value)
    computed = version is None and (value is not None or unpacked)
    return SetupCall(True, version, computed, tool)


def syntax(source: str, path: str) -> ast.Module:
    """The syntax tree of a module. Raises CannotTell when there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of the project's own code
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CannotTell(f"{path} cannot be parsed: {error}") from None


def key_line(text: str, table: str, key: str) -> int | None:
    """The line of a key in a table of a TOML or INI file; None where it is written otherwise."""
    found = _key(text, table, key)
    return found[0] if found else None


def key_value(text: str, table: str, key: str) -> str | None:
    """The quoted string that a key in a table of a TOML file has, by its line alone."""
    found = _key(text, table, key)
    quoted = re.match(r"""\s*(["'])(.*?)\1""", found[1]) if found else None
    return quoted[2] if quoted else None


def yaml_value(text: str, path: str, key: str) -> Literal | None:
    """A scalar in the outermost mapping of a YAML file, as it is written: ``1.10`` stays that.

    Raises CannotTell for what is no YAML.
    """
    if key not in text:
        return None
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise CannotTell(f"{path} cannot be read: {said}") from None
    for name, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if name.value == key and isinstance(value, yaml.ScalarNode):
            return Literal(_plain(str(value.value)), value.start_mark.line + 1)
    return None


def _key(text: str, table: str, key: str) -> tuple[int, str] | None:
    inside = False
    wanted = re.compile(rf"""["']?{re.escape(key)}["']?\s*[=:](.*)""")
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if header := re.fullmatch(r"\[\[?([^\[\]]+)\]\]?\s*(?:[#;].*)?", stripped):
            inside = re.sub(r"[\s\"']", "", header[1]) == table
        elif inside and (found := wanted.match(stripped)):
            return number, found[1]
    return None


def _string(node: ast.expr | None) -> Literal | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return Literal(_plain(node.value), node.lineno)
    return None


def _plain(text: str) -> str:
    """The text with lone surrogates, which no report can hold, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_setup(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name == "setup"
