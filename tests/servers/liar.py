"""A server on the loopback that answers with whatever bytes it is told to, as no honest one does."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

Answer = bytes | Callable[[socket.socket], None]
"""The bytes of the whole answer, or what is done with the connection."""


def page(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An honest answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode() + body


def reset(connection: socket.socket) -> None:
    """Hang up without a word, as a process does that dies."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def dripping(data: bytes, seconds: float) -> Callable[[socket.socket], None]:
    """Send byte by byte, and no end of it."""

    def drip(connection: socket.socket) -> None:
        for at in range(1_000_000):
            connection.sendall(data[at : at + 1] or b"x")
            if _STOPPED.wait(seconds):
                return

    return drip


_STOPPED = threading.Event()


@contextlib.contextmanager
def liar(answer: Answer) -> Iterator[str]:
    """The address of a server that gives everybody the same answer."""
    _STOPPED.clear()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, answer), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            _STOPPED.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _serve(server: socket.socket, answer: Answer) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection, answer), daemon=True).start()


def _answer(connection: socket.socket, answer: Answer) -> None:
    with connection, contextlib.suppress(OSError):
        connection.recv(65_536)
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)
