"""What a wheel says of itself: RECORD, against what is in it, and its METADATA. Pure.

Format: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import base64
import csv
import email.parser
import email.policy
from collections.abc import Iterator, Mapping

from pytest_devops_gates.packaged.members import Member

_UNLISTED = ("RECORD.jws", "RECORD.p7s")


def metadata(content: bytes, header: str) -> list[str]:
    """The values of a header of METADATA or PKG-INFO."""
    parser = email.parser.BytesHeaderParser(policy=email.policy.compat32)
    return [str(value).strip() for value in parser.parsebytes(content).get_all(header) or []]


def information(files: Mapping[str, Member], name: str) -> Member | None:
    """A file of the wheel's folder ``.dist-info`` by its name, or None."""
    found = (m for path, m in files.items() if path.count("/") == 1 and path.endswith("/" + name))
    return next((member for member in found if ".dist-info/" in member.name), None)


def flaws(files: Mapping[str, Member]) -> Iterator[str]:
    """Where RECORD and the files of a wheel differ."""
    record = information(files, "RECORD")
    if record is None:
        yield "the wheel has no RECORD"
        return
    try:
        listed = _rows(record.content)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        yield f"RECORD cannot be read: {error}"
        return
    folder = record.name.rpartition("/")[0]
    free = {record.name, *(f"{folder}/{name}" for name in _UNLISTED)}
    for name, member in files.items():
        if name not in listed:
            if name not in free:
                yield f"{name} is not listed in RECORD"
        elif name not in free and (told := _other(member, *listed[name])):
            yield f"{name} has another {told} than RECORD lists"
    for name in listed.keys() - files.keys():
        yield f"{name} is listed in RECORD, and not in the wheel"


def _rows(content: bytes) -> dict[str, tuple[str, str]]:
    rows: dict[str, tuple[str, str]] = {}
    for row in csv.reader(content.decode("utf-8").splitlines()):
        if not row:
            continue
        if len(row) != 3:
            raise ValueError(f"a row of {len(row)} fields")
        if row[0] in rows:
            raise ValueError(f"{row[0]} is listed twice")
        rows[row[0]] = (row[1], row[2])
    return rows


def _other(member: Member, digest: str, size: str) -> str | None:
    """What of a member is not as its row says: its hash, or its size."""
    kind, _, told = digest.partition("=")
    own = member.sha256 if kind == "sha256" else member.digests.get(kind)
    if own is None:
        return "kind of hash (sha256, sha384 or sha512 is asked for)"
    if told.rstrip("=") != base64.urlsafe_b64encode(own).rstrip(b"=").decode():
        return "hash"
    return "size" if size and size != str(member.size) else None
