"""Wheels and sdists as build backends write them, made for tests."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

INFO = "demo-1.0.dist-info"
METADATA = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nRequires-Dist: click>=8\n"
WHEEL, SDIST = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"


def row(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}"


def wheel(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    metadata: bytes = METADATA,
    record: str | None = None,
    when: tuple[int, int, int, int, int, int] = (2020, 1, 1, 0, 0, 0),
    mode: int = 0o100644,
    level: int = 6,
) -> Path:
    """A wheel with these files, and a RECORD that is right unless it is given."""
    everything = {**files, f"{INFO}/METADATA": metadata, f"{INFO}/WHEEL": b"Wheel-Version: 1.0\n"}
    rows = [*(row(name, content) for name, content in everything.items()), f"{INFO}/RECORD,,"]
    everything[f"{INFO}/RECORD"] = ("\n".join(rows) if record is None else record).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WHEEL
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in everything.items():
            info = zipfile.ZipInfo(name, when)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compresslevel=level)
    return path


def sdist(folder: Path, files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> Path:
    """An sdist with these files and symbolic links; names that begin with / or .. stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SDIST
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"PKG-INFO": METADATA, **files}.items():
            info = tarfile.TarInfo(name if name[0] in "./" else f"demo-1.0/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(f"demo-1.0/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path
