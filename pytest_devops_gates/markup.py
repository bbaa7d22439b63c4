"""XML that nobody vouches for: one pass of expat, with nothing fetched and nothing expanded.

Only UTF-8 is read, and no DOCTYPE: without one there are no entities but the five that XML has by
itself, so that no document can name a file, a host or a bomb. What is read is bounded in depth and
in elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from pytest_devops_gates.errors import CannotTell

DEPTH = 100
ELEMENTS = 2_000_000
ENCODINGS = {"utf-8", "utf8"}
_BLANKS = re.compile(rb"[ \t\r\n]*")
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
    _check_start(data)
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

    parser = expat.ParserCreate("utf-8")
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


def _check_start(data: bytes) -> None:
    """What must be known before expat sees a byte.

    An exception in one of its handlers does not stop expat before the end of its buffer, and
    versions before 2.4 expand entities without a limit: a DOCTYPE must not reach it.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotTell(f"wrote bytes that are not UTF-8 at offset {error.start}") from None
    if not data.strip():
        raise CannotTell("wrote nothing where XML was expected")
    place = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while True:
        place += len(_BLANKS.match(data, place)[0])  # type: ignore[index]
        for opening, closing in ((b"<?", b"?>"), (b"<!--", b"-->")):
            if data.startswith(opening, place):
                place = data.find(closing, place + len(opening)) + len(closing)
                break
        else:
            break
        if place < len(closing):  # it has no end, which expat will tell
            return
    if data[place : place + 9].upper() == b"<!DOCTYPE":
        raise CannotTell(DOCTYPE)


def _declared(version: str, encoding: str | None, standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise CannotTell(f"declares the encoding {encoding[:40]!r}; only UTF-8 is read")


def _doctype(*_: object) -> None:
    raise CannotTell(DOCTYPE)
