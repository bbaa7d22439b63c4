"""Names that no wheel or sdist should hold: files of secrets, and what tools leave about. Pure."""

from __future__ import annotations

import re

from pytest_devops_gates.project import BESIDE_CODE

_SECRET = re.compile(
    r"(?:\.env(?:\.(?!example$|sample$|template$|dist$|defaults?$|tests?$)[^/]+)?|\.envrc|\.pypirc"
    r"|[._]netrc|\.git-credentials|\.htpasswd|\.pgpass|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?"
    r"|credentials(?:\.(?:json|csv|ini|ya?ml))?|client_secrets?\.json|service[-_]account\.json"
    r"|[^/]+\.(?:p12|pfx|jks|keystore|kdbx|ppk))",
    re.IGNORECASE,
)
_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY")
_FOLDERS = frozenset(
    "__pycache__ .git .hg .svn .pytest_cache .mypy_cache .ruff_cache .hypothesis .tox .nox .venv"
    " .idea __MACOSX node_modules .ipynb_checkpoints".split()
)
_FILE = re.compile(
    r".*\.py[co]|\.DS_Store|Thumbs\.db|desktop\.ini|.*~|#.*#|\.#.*|.*\.sw[nop]|.*\.(?:bak|orig|rej)"
    r"|\.coverage(?:\.(?!toml$|ya?ml$|ini$).+)?|\.git",
    re.IGNORECASE,
)
_TOP = re.compile(
    r"(?:readme|changes|changelog|history|news|licen[cs]e|copying|notice|authors|contributing"
    r"|makefile|todo)(?:\.(?!pyi?$).*)?|pyproject\.toml|(?:setup|conftest|noxfile)\.py|setup\.cfg"
    r"|tox\.ini|requirements.*\.txt|dockerfile|manifest\.in|\..*",
    re.IGNORECASE,
)
_ORIGINALS = frozenset({"pyproject.toml.orig", "Cargo.toml.orig"})
"""uv_build and cargo keep the file that they wrote anew under such a name."""

STRAY = BESIDE_CODE | {"src", "build", "dist"}
"""Names at the top of a wheel that every environment would share."""


def is_secret(name: str, content: bytes) -> bool:
    """Whether a file is one that secrets are kept in: by its name, or a private key in it."""
    is_key = name.endswith((".pem", ".key")) and _KEY.search(content)
    return bool(is_key or _SECRET.fullmatch(name.rpartition("/")[2]))


def is_litter(name: str) -> bool:
    """Whether a tool, an editor or a file manager left a file by the way."""
    *folders, base = name.split("/")
    if base in _ORIGINALS:
        return False
    return bool(not _FOLDERS.isdisjoint(folders) or _FILE.fullmatch(base))


def is_stray(top: str, *, folder: bool) -> bool:
    """Whether the topmost name of a wheel is none that is imported under."""
    return top.lower() in STRAY if folder else bool(_TOP.fullmatch(top))
