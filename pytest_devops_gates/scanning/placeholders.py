"""What stands where a secret would, and is none: placeholders and values that are public. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter

ENTROPY = 2.8
"""Bits a character from which on a value of twenty or more characters may be random: those that
are made of the 16 hexadecimal digits have about 3.4."""

LONG = 20
"""Characters from which on the entropy of a value says something."""

_WORDS = re.compile(
    rb"example|x{4}|\*{3}|\.{3}|placeholder|change_?me|dummy|redacted|insert|replace|your[_-]?"
    rb"|sample|not_?real|fake|12345678|abcdefgh|deadbeef|foobar|_here\b",
    re.IGNORECASE,
)
_REFERENCE = re.compile(rb"[${}<>%*\[\]]")
_PUBLIC = (b"Eby8vdM02xNO", b"SflKxwRJSMeKKF2Q", b"TJVA95OrM7E2cBab")
"""How values begin that their makers have published for everybody: the key of the Azure storage
emulator, and the signatures of the sample tokens of jwt.io."""

_PASSWORDS = frozenset(
    b"password passwd passw0rd pass pwd secret admin root user username guest test testing postgres"
    b" mysql redis mongo rabbit rabbitmq token none null default qwerty letmein hunter2 p4ssw0rd"
    b" s3cr3t".split()
)
_LOCAL = re.compile(
    rb"(?:localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[?::1\]?|host|hostname|server|db|database|postgres"
    rb"|mysql|mariadb|redis|mongo|mongodb|rabbitmq|(?:[\w.-]*\.)?(?:example(?:\.\w+)?|test|local"
    rb"|localhost|invalid|internal\.test))\Z",
    re.IGNORECASE,
)


def is_placeholder(value: bytes) -> bool:
    """Whether a value is no secret for sure: it says so itself, it is a reference to one, it is
    known to all, or its characters are not those of a random one."""
    if _WORDS.search(value) or _REFERENCE.search(value) or len(set(value)) <= 4:
        return True
    if any(public in value for public in _PUBLIC):
        return True
    return len(value) >= LONG and entropy(value) < ENTROPY


def is_weak_password(user: bytes, password: bytes, host: bytes) -> bool:
    """Whether a password of a URL guards nothing: a word that all use, its user's name, or one for
    a server on the same machine, of a compose file, or of a name that is reserved for examples."""
    low = password.lower()
    return (
        low in _PASSWORDS
        or low == user.lower()
        or bool(_LOCAL.match(host))
        or bool(_WORDS.search(password) or _REFERENCE.search(password))
    )


def entropy(value: bytes) -> float:
    """Shannon's entropy of the characters, in bits."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())
