"""``evidence.intoto.jsonl``: what a run of the profile ``release`` leaves for others to check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.json_text import whole
from pytest_devops_gates.packaged import building
from pytest_devops_gates.release import envelope, statements
from pytest_devops_gates.release.keys import SigningKey
from pytest_devops_gates.verdict import PASS, Artefact, Verdict

FILE = "evidence.intoto.jsonl"
PROFILE = "release"
"""The profile whose runs leave evidence."""

DIST = "dist"
BUILDER = "package"
"""The gate that builds what lies there, and notes what it was."""

RESTS_ON = re.compile(
    r"verdict\.json|tests(\.gw\d+)?\.jsonl|coverage\.json|findings\.sarif|sbom\.cdx\.json"
)
"""The files of a run that its verdict rests on, or that tell it in the format of others."""

_ARTEFACT = re.compile(r".+\.(whl|tar\.gz|zip)", re.DOTALL)
_BUILT = re.compile(r".+\.(whl|tar\.gz)", re.DOTALL)
"""What the gate ``package`` looks into: no sdist that is a zip."""


def is_artefact(name: str) -> bool:
    """Whether a file is of a kind that is built, by its name."""
    return bool(_ARTEFACT.fullmatch(name))


def artefacts(folder: Path) -> tuple[Artefact, ...]:
    """What the run in ``folder`` built, by name. Raises OSError for what cannot be read."""
    return tuple(
        Artefact(whole(path.name), *disk.digest(path))
        for path in _plain(folder / DIST)
        if _BUILT.fullmatch(path.name)
    )


def built(verdict: Verdict, folder: Path) -> tuple[Artefact, ...]:
    """What the run in ``folder`` built and its gate ``package`` judged, by name: no other file, and
    none that is another by now, as tests may write there as well.

    Raises OSError for what cannot be read; ValueError where the verdict is a pass, and what lies
    there is not what was judged.
    """
    judged = building.noted(n for r in verdict.gates if r.name == BUILDER for n in r.notes)
    found = artefacts(folder)
    kept = tuple(one for one in found if judged.get(one.name) == one.sha256)
    wrong = {one.name for one in found}.union(judged) - {one.name for one in kept}
    if wrong and verdict.verdict == PASS:
        name = whole(min(wrong))
        raise ValueError(f"{DIST}/{name} is not what the gate {BUILDER} built · run it anew")
    return kept


def rests_on(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of the run that the statements name. Raises OSError."""
    return {p.name: disk.digest(p)[0] for p in _plain(folder) if RESTS_ON.fullmatch(p.name)}


def sha256(path: Path) -> str:
    """The digest of a plain file. Raises OSError."""
    return disk.digest(path)[0]


def write(folder: Path, key: SigningKey | None) -> str:
    """Write the evidence of a run whose other files are all there, verdict.json as it stays: that
    is what is stated, to the letter, and not what somebody remembers of it.

    Returns what is told of it: ``unsigned`` or by which key. Raises OSError, and ValueError for a
    verdict.json that cannot be read again.
    """
    verdict = msgspec.json.decode(disk.read_plain(folder / statements.VERDICT), type=Verdict)
    made = statements.make(verdict, rests_on(folder))
    envelopes = [envelope.pack(each) for each in made.values()]
    if key:
        envelopes = [key.sign(each) for each in envelopes]
    store(folder, envelopes)
    return f"signed by the key {key.keyid[:16]}" if key else "unsigned"


def store(folder: Path, envelopes: list[envelope.Envelope]) -> None:
    """Write the envelopes, one a line. Raises OSError."""
    disk.write(folder / FILE, "".join(envelope.write(each) + "\n" for each in envelopes))


def _plain(folder: Path) -> Iterator[Path]:
    """The plain files of a folder, by name; no links, and none where there is no folder."""
    if folder.is_dir():
        yield from sorted(p for p in folder.iterdir() if p.is_file() and not p.is_symlink())
