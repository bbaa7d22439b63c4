"""XML that nobody vouches for: one pass of expat, with nothing fetched and nothing expanded.

Only UTF-8 is read, and no DOCTYPE: without one there are no entities but the five that XML has by
itself, so that no document can name a file, a host or a bomb. What is read is bounded in depth and
in elements.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from pytest_devops_gates.errors import CannotTell

DEPTH = 100
ELEMENTS = 2_000_000
ENCODINGS = {"utf-8", "utf8"}
DOCTYPE = "holds a DOCTYPE, which is refused; take it off with: sed -i 's/<!DOCTYPE[^>]*>//' FILE"

Attributes = dict[str, str]


def walk(
    data: bytes,
    start: Callable[[str, Attributes], object],
    end: Callable[[str], object] | None = None,
    text: Callable[[str], object] | None = None,
) -> None:
    """Call ``start``, ``end`` and ``text`` for what stands in a document, in its order.

    Names are as they are written: prefixes are not resolved. Raises CannotTell for what is no
    well-formed XML in UTF-8, holds a DOCTYPE, or is larger than DEPTH and ELEMENTS allow.
    """
    _check_encoding(data)
    depth = count = 0

    def opened(name: str, attributes: Attributes) -> None:
        nonlocal depth, count
        depth += 1
        count += 1
        if depth > DEPTH:
            raise CannotTell(f"wrote XML nested deeper than {DEPTH} elements")
        if count > ELEMENTS:
            raise CannotTell(f"wrote XML of more than {ELEMENTS:,} elements")
        start(name, attributes)

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        if end:
            end(name)

    parser = expat.ParserCreate("utf-8")  # what a handler raises stops it there and then
    parser.buffer_text = True
    parser.XmlDeclHandler = _declared
    parser.StartDoctypeDeclHandler = _doctype
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    if text:
        parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise CannotTell(f"wrote XML that cannot be read: {error}") from None


def tree(data: bytes) -> Element:
    """The whole document as an element, of the standard library's kind. Raises as ``walk`` does."""
    builder = TreeBuilder()
    walk(data, builder.start, builder.end, builder.data)
    return builder.close()


def _check_encoding(data: bytes) -> None:
    """Raises CannotTell unless it is UTF-8; expat guesses UTF-16 whatever encoding it is told."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotTell(f"wrote bytes that are not UTF-8 at offset {error.start}") from None
    if b"\0" in data:
        raise CannotTell("wrote XML with NUL bytes in it, which is UTF-16 or broken")
    if not data.strip():
        raise CannotTell("wrote nothing where XML was expected")


def _declared(version: str, encoding: str | None, standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise CannotTell(f"declares the encoding {encoding[:40]!r}; only UTF-8 is read")


def _doctype(*_: object) -> None:
    """Called before any entity is declared, let alone expanded."""
    raise CannotTell(DOCTYPE)
