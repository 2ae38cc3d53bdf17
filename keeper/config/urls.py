"""Addresses of nodes and databases as an operator writes them: what is secret in them never shows."""

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from keeper.config.values import text_of

RPC_SCHEMES: Final = ("http", "https", "ws", "wss", "ipc")


@dataclass(frozen=True, slots=True, repr=False)
class RpcUrl:
    """An endpoint; rendering shows scheme, host and port only, because paths, queries and user names carry keys."""

    _url: str

    def reveal(self) -> str:
        """Return the whole URL, for the connection alone."""
        return self._url

    @property
    def scheme(self) -> str:
        """How it is spoken to."""
        return urlsplit(self._url).scheme

    @property
    def place(self) -> str:
        """Where it is, by host and port or by socket: endpoints of one place are one provider's, and fail together."""
        parts = urlsplit(self._url)
        if parts.scheme == "ipc":
            return parts.path

        usual = 443 if parts.scheme in ("https", "wss") else 80
        return f"{parts.hostname}:{parts.port or usual}"

    def __str__(self) -> str:
        """Render without anything that may be a credential."""
        parts = urlsplit(self._url)
        if parts.scheme == "ipc":
            return self._url

        host = parts.hostname or "?"
        port = f":{parts.port}" if parts.port else ""
        hidden = "/***" if parts.path.strip("/") or parts.query or parts.username else ""
        return f"{parts.scheme}://{host}{port}{hidden}"

    def __repr__(self) -> str:
        """Render like `str`: tracebacks print this."""
        return f"RpcUrl({self})"


def parse_rpc_url(value: object) -> RpcUrl:
    """Read an endpoint: http(s), ws(s), or a socket as `ipc:///path`; the text is never repeated in the error."""
    if isinstance(value, RpcUrl):
        return value

    expected = 'expected "https://...", "wss://..." or "ipc:///path/to/node.ipc"'
    text = text_of(value, f"an RPC endpoint is quoted text: {expected}")
    if not text.isprintable() or any(character.isspace() for character in text):
        raise ValueError(f"the RPC endpoint holds a space or a control character: {expected}")

    try:
        parts = urlsplit(text)
        complete = bool(parts.path) if parts.scheme == "ipc" else bool(parts.hostname) and parts.port != 0
    except ValueError:
        # `from None`: the standard library's message repeats what may be a password.
        raise ValueError(f"the RPC endpoint is not a URL: {expected}") from None

    if parts.scheme not in RPC_SCHEMES or not complete:
        raise ValueError(f"the RPC endpoint is not a URL the keeper can use: {expected}")

    return RpcUrl(text)


def parse_postgres_url(value: object) -> RpcUrl:
    """Read a `postgresql://` URL; the text is never repeated in the error, since it may hold a password."""
    if isinstance(value, RpcUrl):
        return value

    expected = 'expected "postgresql://user@host/database"'
    text = text_of(value, f"a database is quoted text: {expected}")
    if not text.startswith(("postgresql://", "postgres://")) or not text.isprintable() or " " in text:
        raise ValueError(f"not a PostgreSQL URL: {expected}")

    try:
        parts = urlsplit(text)
        misread = parts.port == 0 or bool(parts.fragment)  # the port is read here: a bad one raises
    except ValueError:
        misread = True

    if misread:
        # Outside the `except`: the standard library's message repeats what may be a password.
        raise ValueError(
            f"not a PostgreSQL URL: {expected}, one host, its port a number, "
            "and any of /:?#[]@% in a password written as its code (%2F for /)"
        )

    return RpcUrl(text)


RpcUrlText: TypeAlias = Annotated[
    RpcUrl,
    BeforeValidator(parse_rpc_url),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "URL"}),
]
PostgresUrlText: TypeAlias = Annotated[
    RpcUrl,
    BeforeValidator(parse_postgres_url),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "URL"}),
]
