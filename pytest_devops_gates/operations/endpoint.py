"""A server that the configuration names: its address, what is sent to it, and its certificates.

What comes from the environment is a secret: it goes to that server, and into no message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from pytest_devops_gates import web
from pytest_devops_gates.errors import CannotTell, UsageError


class Endpoint(msgspec.Struct, frozen=True):
    """``url`` is its address, or ``url_env`` the variable that holds it. ``headers`` are sent as
    they stand, and ``header_env`` names the variables that hold others, ``token_env`` the one that
    holds a bearer token. ``authority`` is a file with certificates to trust, relative to the
    project's root."""

    url: str | None = None
    url_env: str | None = None
    headers: Mapping[str, str] = {}
    header_env: Mapping[str, str] = {}
    authority: str | None = None
    token_env: str | None = None

    def check(self, path: str, key: str = "url") -> None:
        """Raises UsageError for what can be no server. ``key`` is what its address is called."""
        if (self.url is None) == (self.url_env is None):
            raise UsageError(f"{path}: needs either {key} or {key}-env")
        if self.url is not None and (wrong := _flaw(self.url) or self.leak(self.url)):
            raise UsageError(f"{path}.{key}: {wrong}")
        for name in [*self.headers, *self.header_env]:
            if not name or not name.isascii() or not name.replace("-", "").isalnum():
                raise UsageError(f"{path}: '{name[:70]}' is no name of a header")
        if twice := {n.lower() for n in self.headers} & {n.lower() for n in self.header_env}:
            raise UsageError(f"{path}: headers and header-env both say {min(twice)}")
        if any(not _is_value(value) for value in self.headers.values()):
            raise UsageError(f"{path}.headers: a value holds what no header does")
        if self.token_env and "authorization" in map(str.lower, [*self.headers, *self.header_env]):
            raise UsageError(f"{path}.token-env: the headers say Authorization as well")

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the environment that it needs."""
        return (*filter(None, [self.url_env, self.token_env]), *self.header_env.values())

    def leak(self, url: str) -> str | None:
        """Why what is secret must not go there."""
        if web.is_open(url) and (self.header_env or self.token_env):
            return "http would show what the environment holds to everybody; use https"
        return None


class Server(msgspec.Struct, frozen=True):
    """An endpoint with all that it needs. ``shown`` is what may be said of it."""

    url: str
    shown: str
    headers: Mapping[str, str]
    authority: str | None
    is_secret: bool

    def __repr__(self) -> str:
        return f"<Server {self.shown}>"

    def in_words(self, error: Exception) -> str:
        """What the room that speaks HTTP says of it, without its address; without any other to
        which a secret one led."""
        if self.is_secret and isinstance(error, web.NoAnswer):
            return error.why
        return str(error).removeprefix(f"{web.shown(self.url)}: ")


def resolve(endpoint: Endpoint, root: Path, environment: Mapping[str, str]) -> Server:
    """The server with what the environment holds. Raises CannotTell for what is missing there, and
    for certificates that cannot be read: it is our own trouble, and none of the server's."""
    url = endpoint.url or _held(environment, endpoint.url_env or "")
    if endpoint.url is None and (wrong := _flaw(url) or endpoint.leak(url)):
        raise CannotTell(f"{endpoint.url_env}: {wrong}")
    sent = {name: _secret(environment, held) for name, held in endpoint.header_env.items()}
    if endpoint.token_env:
        sent["Authorization"] = f"Bearer {_secret(environment, endpoint.token_env)}"
    shown = f"${endpoint.url_env}" if endpoint.url is None else web.shown(url)
    return Server(
        url=url,
        shown=shown,
        headers={**endpoint.headers, **sent},
        authority=_trusted(endpoint.authority, root),
        is_secret=endpoint.url is None,
    )


def variables(endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    """The variables that all of them need."""
    return tuple(dict.fromkeys(name for one in endpoints for name in one.variables))


def _held(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise CannotTell(f"{name} is not set · set it in the environment of the run")
    return value


def _secret(environment: Mapping[str, str], name: str) -> str:
    value = _held(environment, name)
    if not _is_value(value):  # an error would show it
        raise CannotTell(f"{name} holds what no header does · set it anew")
    return value


def _flaw(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "is no address of http or https"
    if parts.username or parts.password:
        return "holds a user or a password: send them by header-env"
    if any(char.isspace() or not char.isprintable() for char in url):
        return "holds blanks"
    return None


def _is_value(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _trusted(authority: str | None, root: Path) -> str | None:
    import ssl

    if authority is None:
        return None
    path = root / authority
    try:
        ssl.create_default_context(cafile=str(path))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, FileNotFoundError) else "holds no certificates"
        raise CannotTell(f"authority {authority}: {str(why).lower()}") from None
    return str(path)
