"""What other jobs built, brought into the folder of the run that puts them together."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_devops_gates.config import ShardTable
from pytest_devops_gates.release.evidence import sha256
from pytest_devops_gates.shards.combining import may_speak
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import Artefact

SBOM = "sbom.cdx.json"


def bring(parts: Sequence[Part], shards: Mapping[str, ShardTable], run_dir: Path) -> list[str]:
    """Copy the artefacts of those that may speak for the build; returns what is wrong with them."""
    builders = [part for part in parts if may_speak(part, Stage.BUILD.value, shards)]
    wrong = list(_conflicts(builders))
    for part in [] if wrong else builders:
        for artefact in part.verdict.artefacts if part.verdict else ():
            target = run_dir / "dist" / artefact.name
            wrong += [] if target.exists() else _copied(part, artefact, target)
        sbom = part.file(SBOM)
        if sbom and not (run_dir / SBOM).exists():
            shutil.copyfile(sbom, run_dir / SBOM)
    return wrong


def _copied(part: Part, artefact: Artefact, target: Path) -> list[str]:
    source = part.file(f"dist/{artefact.name}")
    if source is None:
        return [f"the shard {part.name} built {artefact.name}, and does not bring it"]
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, target)
    if sha256(target) == artefact.sha256:
        return []
    target.unlink()
    return [f"the shard {part.name} built another {artefact.name} than it brings"]


def _conflicts(parts: Sequence[Part]) -> Iterator[str]:
    """Artefacts of one name that are different files."""
    digests: dict[str, set[str]] = {}
    for part in parts:
        for artefact in part.verdict.artefacts if part.verdict else ():
            digests.setdefault(artefact.name, set()).add(artefact.sha256)
    for name, several in digests.items():
        if len(several) > 1:
            yield f"the shards built different files {name}"
