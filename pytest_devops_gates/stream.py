"""The event stream of the test process: an append-only file that shows every gap and forgery.

Each line is one JSON object whose last key is ``mac``: a BLAKE2b, keyed with a secret that reached
the recorder through an inherited pipe, over the MAC of the line before and the line's own bytes.
A line that was added, changed, dropped or replayed by anyone without the key breaks the chain.

Writing happens inside processes that tests do terrible things to. So the writer holds on to the
functions it needs in closures (patches of ``os``, ``open`` or ``json`` do not reach them), stays
silent in forked children, and looks at its descriptor before each write.
"""

from __future__ import annotations

import _thread
import hashlib
import io
import json
import os
from collections.abc import Callable
from typing import Any

MAC_BYTES = 16
_MARK = b',"mac":"'


def derive(key: bytes, who: str) -> bytes:
    """The key of another process's stream, such as an xdist worker's."""
    return hashlib.blake2b(who.encode(), key=key, digest_size=32).digest()


def open_writer(path: str, key: bytes) -> Callable[..., None]:
    """A function ``emit(event, **fields)`` that appends one line to the file at ``path``.

    A write that fails is not repeated: the gap shows when the stream is read.
    """
    path = os.path.abspath(path)
    blake2b, encode = hashlib.blake2b, json.JSONEncoder(separators=(",", ":")).encode
    os_open, os_write, os_fstat, os_stat, getpid = os.open, os.write, os.fstat, os.stat, os.getpid
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    lock = _thread.allocate_lock()
    owner = getpid()
    descriptor = os_open(path, flags)
    found = os_fstat(descriptor)
    identity = (found.st_dev, found.st_ino)
    mac = ""

    def usable() -> bool:
        try:
            now = os_fstat(descriptor)
        except OSError:
            return False
        return (now.st_dev, now.st_ino) == identity

    def emit(event: str, **fields: Any) -> None:
        nonlocal descriptor, mac
        if getpid() != owner:
            return
        with lock:
            body = encode({"event": event, **fields})[:-1].encode("ascii")
            mac = blake2b(mac.encode() + body, key=key, digest_size=MAC_BYTES).hexdigest()
            line = body + _MARK + mac.encode() + b'"}\n'
            try:
                if not usable():
                    now = os_stat(path)
                    if (now.st_dev, now.st_ino) != identity:
                        return
                    descriptor = os_open(path, flags)
                while line:
                    line = line[os_write(descriptor, line) :]
            except OSError:
                return

    return emit


def verify(data: bytes, key: bytes) -> tuple[list[bytes], str | None]:
    """The events (JSON objects) up to the first line that does not hold, and what is wrong."""
    events: list[bytes] = []
    mac = ""
    for at, line in enumerate(io.BytesIO(data), 1):  # one at a time: there may be gigabytes
        if not line.endswith(b"\n"):
            return events, "the event stream ends in the middle of a line"
        body, mark, tail = line.rpartition(_MARK)
        mac = hashlib.blake2b(mac.encode() + body, key=key, digest_size=MAC_BYTES).hexdigest()
        if not mark or tail != mac.encode() + b'"}\n':
            return events, f"the event stream was tampered with or lost lines, at line {at}"
        events.append(body + b"}")
    return events, None
