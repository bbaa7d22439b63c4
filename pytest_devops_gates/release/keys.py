"""Keys that sign evidence, and those that check it: ed25519, through securesystemslib.

A private key reaches this process in a file or in the environment, and no other process from here:
``take`` removes it before anything is started. What may know it is a value of ``Given`` or
``SigningKey``, neither of which shows it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from pytest_devops_gates import disk
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.release.envelope import Envelope, Signature

VARIABLE = "DEVOPS_GATES_SIGNING_KEY"
"""The environment's variable: a private key as PEM text, or the path of its file."""

INSTALL = "python -m pip install 'pytest-devops-gates[release]'"
MAKE = "devops-gates release key"
LARGEST = 16_384
"""Bytes of a file that may be a key."""


class Given:
    """What the environment said, out of everybody's sight."""

    def __init__(self, text: str) -> None:
        self._text = text

    def load(self) -> SigningKey:
        """The key that it is, or leads to. Raises UsageError, which never quotes it."""
        if "-----BEGIN" in self._text:
            return _signing(self._text.encode("utf-8", "replace"), VARIABLE)
        path = self._text.strip()
        if "\n" in path or "\0" in path or len(path) > 4_096:
            raise UsageError(f"{VARIABLE}: is neither a key in PEM nor a path · {MAKE}")
        try:
            data = _read(Path(path))
        except OSError as error:  # a key without its first line would be shown as a path
            told = f"is no PEM, and as a path it leads to nothing: {error.strerror}"
            raise UsageError(f"{VARIABLE}: {told} · {MAKE}") from None
        return _signing(data, f"the file that {VARIABLE} names")


class SigningKey:
    """A private key at work."""

    def __init__(self, signer: Any) -> None:
        self._signer = signer

    @property
    def keyid(self) -> str:
        """The digest of its public half."""
        return str(self._signer.public_key.keyid)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self._signer.public_key)

    def sign(self, envelope: Envelope) -> Envelope:
        """The envelope with its signature, beside those that others made."""
        from securesystemslib.dsse import Envelope as Dsse

        made = Dsse(envelope.payload, envelope.payload_type, {}).sign(self._signer)
        mine = Signature(bytes.fromhex(made.signature), made.keyid)
        others = tuple(s for s in envelope.signatures if s.keyid != made.keyid)
        return Envelope(envelope.payload_type, envelope.payload, (*others, mine))


class PublicKey:
    """The half that checks."""

    def __init__(self, key: Any) -> None:
        self._key = key

    @property
    def keyid(self) -> str:
        return str(self._key.keyid)

    def signed(self, envelope: Envelope) -> bool:
        """Whether it is signed by this key. The key's id in it is a hint alone, as DSSE says, and
        everyone can write what he likes there."""
        from securesystemslib.dsse import Envelope as Dsse
        from securesystemslib.exceptions import UnverifiedSignatureError

        signed = _signer(VARIABLE).Signature
        encoded = Dsse(envelope.payload, envelope.payload_type, {}).pae()
        for signature in envelope.signatures:
            with contextlib.suppress(UnverifiedSignatureError):
                self._key.verify_signature(signed(self.keyid, signature.sig.hex()), encoded)
                return True
        return False


def take(environ: MutableMapping[str, str]) -> Given | None:
    """Take the key out of the environment, for whoever is started from now on, and out of the block
    that the system shows of this process (``/proc/PID/environ``). None where there is none."""
    if VARIABLE not in environ:
        return None
    if environ is os.environ:
        _wipe(VARIABLE)
    text = environ.pop(VARIABLE)
    return Given(text) if text.strip() else None


def load(given: Given | None, path: str | None, root: Path) -> SigningKey | None:
    """The key that signs: the environment's, or that of the file which the configuration names.

    Raises UsageError for one that cannot be used, or without the libraries that use it.
    """
    if given is not None:
        return given.load()
    if path is None:
        return None
    return read_private(root / path, "tool.devops-gates.evidence.key")


def read_private(path: Path, told: str) -> SigningKey:
    """The private key of a file, which ``told`` names. Raises UsageError."""
    return _signing(_read_told(path, told), f"{told}: {path}")


def read_public(path: Path, told: str) -> PublicKey:
    """The public key of a file, which ``told`` names. Raises UsageError."""
    data = _read_told(path, told)
    _signer(told)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    here = f"{told}: {path}"
    if b"PRIVATE KEY" in data:
        raise UsageError(f"{here}: is a private key; name the public one, {path}.pub")
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{here}: is no public key in PEM · {MAKE}") from None
    return PublicKey(_ed25519(key, here))


def make(path: Path) -> str:
    """Make a pair: the private key at ``path``, for its owner's eyes alone, and the public one
    beside it, as ``.pub``. Returns its id. Raises UsageError; nothing is overwritten."""
    library = _signer("a key")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = path.with_name(f"{path.name}.pub")
    for each in (path, public):
        if os.path.lexists(each):
            raise UsageError(f"{each}: is there already; name another file: --to PATH")
    key = Ed25519PrivateKey.generate()
    signer = library.CryptoSigner(key)
    half = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        _create(path, signer.private_bytes, 0o600)
        _create(public, half, 0o644)
    except OSError as error:
        raise UsageError(f"{error.filename or path}: {error.strerror}") from None
    return str(signer.public_key.keyid)


def _signing(data: bytes, told: str) -> SigningKey:
    """The key of a PEM text. What the library says of a bad one is left out: it has seen it."""
    library = _signer(told)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        how = "make one without, and keep it as a secret of the CI"
        raise UsageError(f"{told}: is protected by a passphrase; {how} · {MAKE}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{told}: is no private key in PEM · {MAKE}") from None
    public = _ed25519(key.public_key(), told)
    return SigningKey(library.CryptoSigner(key, public))


def _ed25519(key: Any, told: str) -> Any:
    """A public key for securesystemslib."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{told}: is no ed25519 key · {MAKE}")
    return _signer(told).SSlibKey.from_crypto(key)


def _signer(told: str) -> Any:
    """securesystemslib's room of keys. Raises UsageError without it, or what it stands on."""
    try:
        importlib.import_module("cryptography")
        return importlib.import_module("securesystemslib.signer")
    except ImportError:
        raise UsageError(f"{told}: needs securesystemslib · {INSTALL}") from None


def _read_told(path: Path, told: str) -> bytes:
    try:
        return _read(path)
    except OSError as error:
        raise UsageError(f"{told}: {path}: {error.strerror} · {MAKE}") from None


def _read(path: Path) -> bytes:
    return disk.read_plain(path)[:LARGEST]


def _create(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is not there yet; not through disk.write, since nobody else may see it, not
    even for a moment."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, mode), "wb") as stream:
        stream.write(data)


def _wipe(name: str) -> None:
    """Overwrite a variable's value where the system keeps it, as far as that can be done."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError, ValueError):
        library = ctypes.CDLL(None)
        library.getenv.restype = ctypes.c_void_p
        library.getenv.argtypes = [ctypes.c_char_p]
        place = library.getenv(os.fsencode(name))
        if place:
            ctypes.memset(place, 0, len(ctypes.string_at(place)))
