"""Fetches OSV's archive of PyPI: whole or not at all, with a manifest beside it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.advisories import archive, osv, store
from pytest_devops_gates.advisories.store import MANIFEST, Manifest
from pytest_devops_gates.dependencies.package import without_credentials
from pytest_devops_gates.errors import CannotTell

URL = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
FILE = "PyPI.zip"
LARGEST = disk.LARGEST
ANSWER = 20
"""Seconds without a byte after which the network is taken to be none."""


def refresh(url: str, target: Path) -> Manifest:
    """Download an archive of OSV records to the file ``target``.

    Raises CannotTell, and leaves what was there, where it cannot be had, or is none.
    """
    if not url.startswith(("https://", "http://")):
        raise CannotTell(f"{without_credentials(url)[:200]} is no http(s) address")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise CannotTell(f"{target.parent} cannot be written: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            _download(url, stream)
            stream.flush()
            os.fsync(stream.fileno())
        manifest = _checked(temporary.read_bytes(), url)
        temporary.chmod(0o644)
        beside = target.with_name(target.name + MANIFEST)
        # the older manifest does not fit the new archive: without any, the archive still counts
        beside.unlink(missing_ok=True)
        temporary.replace(target)
        disk.write(beside, msgspec.json.format(msgspec.json.encode(manifest)).decode() + "\n")
    except OSError as error:
        raise CannotTell(f"{target.name} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return manifest


def _download(url: str, stream: IO[bytes]) -> None:
    """The bytes at an address; the proxies of the environment are used (HTTPS_PROXY, NO_PROXY)."""
    shown = without_credentials(url)
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "pytest-devops-gates"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=ANSWER) as answer:  # noqa: S310
            told = int(answer.headers.get("Content-Length") or -1)
            size = 0
            while block := answer.read(2**20):
                size += len(block)
                if size > LARGEST:
                    raise CannotTell(f"{shown} is larger than {LARGEST >> 20} MiB")
                stream.write(block)
    except urllib.error.HTTPError as error:
        error.close()
        raise CannotTell(f"{shown} answered {error.code} {error.reason}") from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ValueError,
            ConnectionError) as error:  # fmt: skip
        why = getattr(error, "reason", None) or error
        raise CannotTell(f"{shown} cannot be reached: {str(why)[:200]}") from None
    if told not in (-1, size):
        raise CannotTell(f"{shown} broke off after {size:,} of {told:,} bytes")


def _checked(data: bytes, url: str) -> Manifest:
    """What the manifest says of an archive. Raises CannotTell unless it holds OSV records."""
    with archive.opened(data, "what was downloaded") as opened:
        titles = [one.filename for one in opened.members]
        if not titles:
            raise CannotTell("what was downloaded holds no OSV records")
        now = datetime.now(timezone.utc)
        found = store.index(titles, opened.read, now)
        for at in (0, len(titles) // 2, len(titles) - 1):
            osv.decode(opened.read(at), titles[at])
    if osv.moment(found.modified) is None or not found.names:
        raise CannotTell("what was downloaded holds no OSV records of packages of PyPI")
    return Manifest(
        source=without_credentials(url),
        fetched=now.isoformat(timespec="seconds"),
        modified=found.modified,
        records=found.count,
        sha256=hashlib.sha256(data).hexdigest(),
    )
