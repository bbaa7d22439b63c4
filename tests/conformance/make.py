"""Makes the cases beside this file, the same ones each time.

python -m tests.conformance.make
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner

from pytest_devops_gates.release import envelope, statements
from pytest_devops_gates.release.envelope import Envelope
from pytest_devops_gates.release.keys import SigningKey
from pytest_devops_gates.verdict import Verdict
from tests.conformance import sample

HERE = Path(__file__).parent
ZIP = "bundle.zip"
EVIDENCE = "evidence.intoto.jsonl"
FOREVER = ("--max-age", "36500d")
WHEEL = ("--artifact", f"../../artefacts/{sample.WHEEL}")
BOTH = (*WHEEL, f"../../artefacts/{sample.SDIST}")
KEY = ("--key", "../../keys/release.pub")

Files = dict[str, bytes]
Table = dict[str, Any]


class Case(msgspec.Struct, frozen=True):
    """``says`` stands in what is told, in whatever case."""

    name: str
    exit: int
    says: str
    files: Files
    args: Sequence[str] = FOREVER
    is_folder: bool = False


def private(seed: str) -> Ed25519PrivateKey:
    """A key that anybody can make again: for these cases, and nothing else."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sample.sha256(seed.encode())))


RELEASE, OTHER = (SigningKey(CryptoSigner(private(seed))) for seed in ("release", "other"))


def text(value: Any) -> bytes:
    return (json.dumps(value) + "\n").encode()


def lines(envelopes: list[Envelope]) -> bytes:
    return "".join(envelope.write(each) + "\n" for each in envelopes).encode()


def read(files: Files) -> list[Envelope]:
    return [envelope.read(line) for line in files[EVIDENCE].decode().splitlines()]


def bundle(
    change: Callable[[Table], object] = lambda _: None, key: SigningKey | None = None
) -> Files:
    """A run's files whose evidence is true to them, after a change of the verdict."""
    told = sample.verdict()
    change(told)
    files = {"verdict.json": text(told), "tests.jsonl": sample.TESTS}
    digests = {name: sample.sha256(data) for name, data in files.items()}
    made = statements.make(msgspec.convert(told, Verdict), digests)
    envelopes = [envelope.pack(statement) for statement in made.values()]
    files[EVIDENCE] = lines([key.sign(each) if key else each for each in envelopes])
    return files


def edited(change: Callable[[Table], object], key: SigningKey | None = None) -> Files:
    """A run's files whose verdict was changed behind the back of the evidence."""
    files, told = bundle(key=key), sample.verdict()
    change(told)
    return {**files, "verdict.json": text(told)}


def restated(change: Callable[[Table], object], at: int, key: SigningKey | None = None) -> Files:
    """A run's files of which one statement says something else."""
    files = bundle(key=key)
    envelopes = read(files)
    statement = json.loads(envelopes[at].payload)
    change(statement)
    made = envelope.pack(statement)
    envelopes[at] = key.sign(made) if key else made
    return {**files, EVIDENCE: lines(envelopes)}


def resealed(change: Callable[[list[Envelope]], list[Envelope]], key: SigningKey | None) -> Files:
    """A run's files with other envelopes."""
    files = bundle(key=key)
    return {**files, EVIDENCE: lines(change(read(files)))}


def replaced(name: str, old: bytes, new: bytes, key: SigningKey | None = None) -> Files:
    """A run's files with other bytes in one of them."""
    files = bundle(key=key)
    assert old in files[name], (name, old)
    return {**files, name: files[name].replace(old, new, 1)}


def without(name: str) -> Files:
    return {n: data for n, data in bundle().items() if n != name}


def zipped(files: Files, *more: tuple[str | zipfile.ZipInfo, bytes]) -> Files:
    """The same as a zip, of no particular time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in [*files.items(), *more]:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            archive.writestr(info, data, zipfile.ZIP_DEFLATED, 9)
    return {ZIP: stream.getvalue()}


def link(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = 3, 0o120777 << 16
    return made


def write(root: Path) -> None:
    """Write artefacts, public keys and all cases below a folder."""
    from tests.conformance.table import CASES

    for folder in ("cases", "keys", "artefacts"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for name, data in sample.ARTEFACTS.items():
        put(root / "artefacts" / name, data)
        put(root / "artefacts" / "changed" / name, data.replace(b"bytes", b"bytez"))
    for name in ("release", "other"):
        half = private(name).public_key()
        pem = half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        put(root / "keys" / f"{name}.pub", pem)
    for case in CASES:
        put_case(root / "cases" / case.name, case)


def put_case(folder: Path, case: Case) -> None:
    """Most are zips, which take a third of the room; a few are folders, to look into."""
    files = case.files if case.is_folder or ZIP in case.files else zipped(case.files)
    for name, data in files.items():
        put(folder / (name if name == ZIP else f"bundle/{name}"), data)
    told = {"args": [ZIP if ZIP in files else "bundle", *case.args]}
    told |= {"exit": case.exit, "says": case.says}
    put(folder / "expected.json", (json.dumps(told) + "\n").encode())


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
    write(HERE)
    sys.exit(0)
