"""DSSE envelopes and the keys that sign them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as Dsse
from securesystemslib.signer import CryptoSigner

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.release import envelope, keys
from pytest_devops_gates.release.envelope import PAYLOAD_TYPE, Envelope, Signature
from pytest_devops_gates.release.keys import SigningKey
from tests.conformance.make import OTHER, RELEASE, private
from tests.unit.samples import same_every_time


def pem(key: Any = None, secret: bytes | None = None) -> str:
    encryption = BestAvailableEncryption(secret) if secret else NoEncryption()
    written: bytes = (key or private("release")).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption
    )
    return written.decode()


def line(**fields: Any) -> str:
    told = {"payload": "e30=", "payloadType": PAYLOAD_TYPE, "signatures": []}
    return json.dumps(told | fields)


def test_what_is_signed_is_what_dsse_says() -> None:
    told = Dsse(b"hello world", "http://example.com/HelloWorld", {}).pae()
    assert told == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@same_every_time
@given(st.binary(max_size=60), st.lists(st.tuples(st.binary(max_size=64), st.text(max_size=9))))
def test_an_envelope_comes_back_from_its_line(
    payload: bytes, signatures: list[tuple[bytes, str]]
) -> None:
    made = Envelope(PAYLOAD_TYPE, payload, tuple(Signature(*each) for each in signatures))
    written = envelope.write(made)
    assert "\n" not in written
    assert envelope.read(written) == made
    url_safe = json.loads(written)
    url_safe["payload"] = base64.urlsafe_b64encode(payload).decode()
    assert envelope.read(json.dumps(url_safe)) == made


BAD = [
    ("", "no JSON"),
    ("[]", "no JSON object"),
    ("{", "no JSON"),
    ("[" * 100_000, "no JSON"),
    ('{"payload": NaN}', "NaN"),
    (line() + line(), "no JSON"),
    ('{"payload": "", "payload": ""}', "duplicate keys"),
    (line(payloadType=None), "payloadType"),
    (line(payloadType=""), "payloadType"),
    (line(payload=1), "payload"),
    (line(payload="e30"), "base64"),
    (line(payload="e30=\n"), "base64"),
    (line(payload="e31="), "base64"),  # spare bits: another text for the same bytes
    (line(payload="+-8="), "base64"),  # two alphabets
    (line(payload="é30="), "base64"),
    (line(signatures={}), "signatures"),
    (line(signatures=["x"]), "signature"),
    (line(signatures=[{"keyid": "x"}]), "sig"),
    (line(signatures=[{"keyid": 1, "sig": ""}]), "keyid"),
]


@pytest.mark.parametrize(("text", "told"), BAD, ids=[f"{n}-{t}" for n, (_, t) in enumerate(BAD)])
def test_what_is_no_envelope_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        envelope.read(text)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (Envelope("application/json", b"{}"), "payloadType"),
        (Envelope(PAYLOAD_TYPE, b"\xff"), "UTF-8"),
        (Envelope(PAYLOAD_TYPE, b"[]"), "no JSON object"),
        (Envelope(PAYLOAD_TYPE, b'{"a": 1, "a": 2}'), "duplicate keys"),
        (Envelope(PAYLOAD_TYPE, b"{} {}"), "no JSON"),
    ],
)
def test_what_is_no_statement_is_refused(made: Envelope, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        envelope.statement(made)


def test_a_signature_holds_for_its_payload_type_and_key_alone() -> None:
    signed = RELEASE.sign(Envelope(PAYLOAD_TYPE, b"{}"))
    public = RELEASE.public
    assert public.signed(signed)
    assert not OTHER.public.signed(signed)
    assert not public.signed(Envelope(PAYLOAD_TYPE, b"{} ", signed.signatures))
    assert not public.signed(Envelope("text/plain", b"{}", signed.signatures))
    assert not public.signed(Envelope(PAYLOAD_TYPE, b"{}"))
    assert not public.signed(Envelope(PAYLOAD_TYPE, b"{}", (Signature(b"", public.keyid),)))
    assert not public.signed(Envelope(PAYLOAD_TYPE, b"{}", (Signature(b"x" * 64, public.keyid),)))


def test_the_key_s_id_is_a_hint() -> None:
    signed = RELEASE.sign(Envelope(PAYLOAD_TYPE, b"{}"))
    both = OTHER.sign(signed)
    assert RELEASE.public.signed(both)
    assert OTHER.public.signed(both)
    nameless = Signature(signed.signatures[0].sig)
    assert RELEASE.public.signed(Envelope(PAYLOAD_TYPE, b"{}", (nameless,)))


def test_to_sign_again_leaves_one_signature() -> None:
    once = RELEASE.sign(Envelope(PAYLOAD_TYPE, b"{}"))
    assert RELEASE.sign(once) == once


def test_a_pair_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "release.key"
    keyid = keys.make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    key = keys.read_private(path, "--key")
    public = keys.read_public(path.with_name("release.key.pub"), "--key")
    assert key.keyid == public.keyid == keyid
    assert public.signed(key.sign(Envelope(PAYLOAD_TYPE, b"{}")))


@pytest.mark.parametrize("there", ["release.key", "release.key.pub"])
def test_no_key_is_overwritten(tmp_path: Path, there: str) -> None:
    os.symlink(tmp_path / "nowhere", tmp_path / there)
    with pytest.raises(UsageError, match="is there already"):
        keys.make(tmp_path / "release.key")
    assert not (tmp_path / "nowhere").exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_key_in_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        keys.make(tmp_path / "nowhere" / "release.key")


def test_a_private_key_is_no_public_one(tmp_path: Path) -> None:
    path = tmp_path / "release.key"
    path.write_text(pem())
    with pytest.raises(UsageError, match="is a private key"):
        keys.read_public(path, "--key")


def given_as(text: str) -> SigningKey:
    taken = keys.take({keys.VARIABLE: text})
    assert taken
    return taken.load()


def test_a_key_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "release.key"
    path.write_text(pem())
    assert given_as(pem()).keyid == RELEASE.keyid
    assert given_as(f"{path}\n").keyid == RELEASE.keyid
    assert keys.take({}) is None
    assert keys.take({keys.VARIABLE: " \n"}) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (pem(secret=b"xyzzy"), "passphrase"),
        (pem(generate_private_key(SECP256R1())), "no ed25519 key"),
        (pem()[:-40], "no private key in PEM"),
        (pem().replace("-----BEGIN PRIVATE KEY-----\n", ""), "neither a key in PEM nor a path"),
        ("MC4CAQAwBQYDK2VwBCIEINowhere", "leads to nothing"),
        ("/", "leads to nothing"),
        ("a\0b", "neither"),
    ],
)
def test_a_bad_key_is_told_and_never_shown(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        given_as(text)
    for part in text.split():
        assert len(part) < 20 or part not in str(caught.value)
    assert "release key" in str(caught.value)


def test_nothing_shows_a_key() -> None:
    secret = pem().split("\n")[1]
    given_key = keys.take({keys.VARIABLE: pem()})
    assert given_key
    for shown in (given_key, given_key.load(), given_key.load().public):
        assert secret not in f"{shown!r} {shown}"


def test_the_configuration_names_a_file(tmp_path: Path) -> None:
    (tmp_path / "release.key").write_text(pem())
    loaded = keys.load(None, "release.key", tmp_path)
    assert loaded
    assert loaded.keyid == RELEASE.keyid
    assert keys.load(None, None, tmp_path) is None
    with pytest.raises(UsageError, match=r"tool\.devops-gates\.evidence\.key: .*No such file"):
        keys.load(None, "nowhere.key", tmp_path)
    other = keys.take({keys.VARIABLE: pem(private("other"))})
    loaded = keys.load(other, "release.key", tmp_path)
    assert loaded
    assert loaded.keyid == OTHER.keyid


def test_without_the_library_the_line_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib.signer", None)
    with pytest.raises(UsageError, match=r"pip install 'pytest-devops-gates\[release\]'"):
        given_as(pem())


LOOKS = """
import os, subprocess, sys
from pathlib import Path
from pytest_devops_gates.release import keys
before = Path("/proc/self/environ").read_bytes() if os.path.exists("/proc/self/environ") else b""
given = keys.take(os.environ)
after = Path("/proc/self/environ").read_bytes() if before else b""
child = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"],
                       capture_output=True, text=True, check=True).stdout
print(bool(before) and b"PRIVATE KEY" not in before, b"PRIVATE KEY" in after,
      "SIGNING_KEY" in child, "SIGNING_KEY" in str(os.environ), given.load().keyid)
"""


def test_nobody_else_sees_the_key() -> None:
    """Neither who is started from now on, nor who reads what the system shows of this process."""
    env = {**os.environ, keys.VARIABLE: pem()}
    ran = subprocess.run(
        [sys.executable, "-c", LOOKS], env=env, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "False", "False", "False", RELEASE.keyid]


def test_the_library_agrees_on_our_envelopes() -> None:
    """Read by securesystemslib's own reader, the signature holds."""
    signer = CryptoSigner(private("release"))
    made = RELEASE.sign(Envelope(PAYLOAD_TYPE, b'{"a":1}'))
    theirs = Dsse.from_dict(json.loads(envelope.write(made)))
    assert theirs.verify([signer.public_key], 1)
