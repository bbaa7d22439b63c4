"""Secrets that are known by their looks, masked wherever they stand in a text. Pure.

Precise before complete: what is masked is a secret by the shape that its maker gave it, by the
place in a URL or a header that it stands in, or by the name that it is assigned to. A name in lower
case may be a word of a sentence, and counts with a quoted value alone. The time that all of it
takes grows with the length of the text and no faster, whatever the text.
"""

from __future__ import annotations

import re

from pytest_devops_gates import token_shapes

MASK = "***"

_START = token_shapes.START
_TOKEN = re.compile(token_shapes.one_pattern())
_TOKEN_HINTS = token_shapes.hints()
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----)"
    r"(?=[\s\\nr\"'+,]{0,40}(?:[A-Za-z0-9+/=]{16}|Proc-Type|DEK-Info|Version|Comment))"
    r"(?:[^-]|-(?!----END))*(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----)?"
)
_USER = re.compile(r"(?<=://)[^/\s'\"<>]+(?=@)")
_TOKEN_AS_USER = 16
"""Characters from which on a user without a password is a token in its place."""

_SIGNATURE = re.compile(
    r"(?<=[?&])((?:x-amz-|x-goog-)?(?:signature|credential)|sig|key)=[^&\s'\"#]{6,}", re.IGNORECASE
)
_HEADER = re.compile(
    rf"{_START}(?:"
    r"(authorization\\?['\"]?[:=]\s{0,4}b?\\?['\"]?[a-z][a-z0-9-]{2,20} )[^\s'\"\\]{6,}"
    r"|((?:x-[a-z0-9-]{1,40}(?:token|key|secret|auth)|private-token|job-token): )[^\s'\"\\]{6,}"
    r"|((?:set-)?cookie: )(?=[^\s'\"]{1,80}=)[^\r\n'\"]+"
    r"|((?:bearer|basic) )(?=[^\s'\"\\]{0,80}[0-9])[a-z0-9._~+/-]{16,}=*"
    r")",
    re.IGNORECASE,
)
_HEADER_HINTS = ("authorization", "x-", "-token: ", "cookie: ", "bearer ", "basic ")
_HARDCODED = "hardcoded password: '"
"""bandit's B105 to B107: what is quoted, to the end, may hold quotes itself."""

_WORDS = (
    *("token", "secret", "passw", "passphrase", "credential", "apikey", "api_key", "api-key"),
    *("accesskey", "access_key", "access-key", "privatekey", "private_key", "private-key", "auth"),
)
_WORD = re.compile(
    rf"(?:{'|'.join(_WORDS)})(?=[a-z0-9_-]{{0,60}}\\?['\"]?\]?[ \t]{{0,8}}(?::|=(?!=)))"
)
_FLAG = re.compile(
    r"(?<![A-Za-z0-9-])(--[a-z0-9-]{0,40}(?:token|secret|passw|passphrase|key)[a-z0-9-]{0,40} )"
    r"(?!-)[^\s'\"]+"
)
_NAME = re.compile(r"[A-Za-z0-9_-]{4,80}")
NO_SECRET = re.compile(
    r"tokens(?![a-z])|tokeni[zs]|secretar|author(?!i[zs])|authentic|passw(?:or)?dless"
    r"|(?<!hook)[_-](?:url|uri|file|path|dir|name|type|header|field|class|backend|len|length|count|min|max"
    r"|ttl|timeout|limit|size|age|expir[a-z]+|enabled|required|prefix|pattern|regex|policy|sock)s?\Z",
    re.IGNORECASE,
)
"""Names that hold a word of secrets, and are those of none."""
_SIGN = re.compile(
    r"\\?['\"]?\]?[ \t]{0,8}(?::[ \t]{0,8}[A-Za-z_][A-Za-z0-9_.,| \[\]]{0,40}(?==))?"
    r"(?P<sign>=>|:=|[:=](?!=))[ \t]{0,8}"
)
_QUOTED = re.compile(
    r"[bBrRuUfF]{0,2}(?:\\(['\"])((?:(?!\\['\"])[^\n])*)|(['\"])((?:\\.|(?!\3)[^\\\n])*))"
)
_BARE = re.compile(r"(?:(?!\\[nrt])[^\s'\"])+")
_IN_QUERY = re.compile(r"[^&#\s'\"]+")
_REFERENCE = re.compile(
    r"[A-Za-z_][A-Za-z0-9_.]{0,80}[(\[]|\$[{(]|(?:None|null|true|false|str|bytes|int|bool)\b", re.I
)
_PROSE = re.compile(r"(?i:expected|unknown|illegal|next|previous|end|last)[ -]\Z")
"""What a parser says of a token."""

Span = tuple[int, int]


def mask(text: str) -> str:
    """The text with each secret that it shows masked; the text itself if there is none."""
    if any(hint in text for hint in _TOKEN_HINTS):
        text = _TOKEN.sub(MASK, text)
    if "-----BEGIN " in text:
        text = _PRIVATE_KEY.sub(rf"\1{MASK}", text)
    if "://" in text:
        text = _USER.sub(lambda user: MASK if _is_secret_user(user[0]) else user[0], text)
        text = _SIGNATURE.sub(rf"\1={MASK}", text)
    low = _lower(text)
    if any(hint in low for hint in _HEADER_HINTS):
        text = _HEADER.sub(lambda found: f"{found[found.lastindex or 0]}{MASK}", text)
        low = _lower(text)
    if any(word in low for word in _WORDS):
        told, marked, _ = text.partition(_HARDCODED)
        if marked and text.endswith("'"):
            return f"{mask(told)}{marked}{MASK}'"
        text = _without_assigned(text, low)
        if "--" in text:
            text = _FLAG.sub(rf"\1{MASK}", text)
    return text


def _lower(text: str) -> str:
    """The text in lower case, each character in its place."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _is_secret_user(user: str) -> bool:
    return ":" in user or len(user) >= _TOKEN_AS_USER


def _without_assigned(text: str, low: str) -> str:
    kept, at, seen = [], 0, 0
    for word in _WORD.finditer(low):
        if word.start() < seen:
            continue
        name = _NAME.match(text, _begin(text, word.start()))
        if name is None:
            continue
        seen = name.end()
        span = None if NO_SECRET.search(name[0]) else _assigned(text, name)
        if span:
            kept += [text[at : span[0]], MASK]
            at = seen = span[1]
    return "".join([*kept, text[at:]]) if kept else text


def _assigned(text: str, name: re.Match[str]) -> Span | None:
    """Where the value stands that is assigned to a name, if it is a secret."""
    is_flag = name[0].startswith("--")
    in_query = text[name.start() - 1 : name.start()] in ("?", "&")
    is_variable = name[0] == name[0].upper()
    sign = _SIGN.match(text, name.end())
    if sign is None:
        return None
    quoted = _QUOTED.match(text, sign.end())
    if quoted:
        told = is_variable or is_flag or _is_telling(text, name)
        start, end = quoted.span(2 if quoted[1] else 4)
        return (start, end) if told and end - start >= 4 else None
    if in_query:
        return _bare(text, sign.end(), _IN_QUERY)
    if is_variable and sign["sign"] == ":" and "_" not in name[0]:
        value = _BARE.match(text, sign.end())
        return (
            None if value and value[0].strip(".,;:!").isalpha() else _bare(text, sign.end(), _BARE)
        )
    return _bare(text, sign.end(), _BARE) if is_variable or is_flag else None


def _begin(text: str, at: int) -> int:
    """Where the name begins that ``at`` lies in."""
    least = max(0, at - 40)
    while (
        at > least and text[at - 1].isascii() and (text[at - 1].isalnum() or text[at - 1] in "_-")
    ):
        at -= 1
    is_escape = at > 0 and text[at - 1] == "\\" and text[at] in "nrt"
    return at + is_escape


def _is_telling(text: str, name: re.Match[str]) -> bool:
    """Whether a name in lower case is that of a secret, and no word of a sentence."""
    low = name[0].lower()
    if low.startswith("auth") and not low.startswith(("authori", "auth_", "auth-")):
        return False
    return low != "token" or not _PROSE.search(text, max(0, name.start() - 12), name.start())


def _bare(text: str, at: int, shape: re.Pattern[str]) -> Span | None:
    """The value that begins at ``at`` without quotes, unless it is code that leads to one."""
    found = None if _REFERENCE.match(text, at) else shape.match(text, at)
    if found is None:
        return None
    length = len(found[0].rstrip(",;.)]}>"))
    return (at, at + length) if length else None
