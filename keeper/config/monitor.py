"""The `[monitor]` table: where metrics and health can be read while the keeper runs."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from keeper.config.adapters import Section

_EXPECTED = 'an address and a port, like "127.0.0.1:9464" or "[::1]:9464"'
_MOST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens: an IP address, or `localhost`, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(value: object) -> Listen:
    """Read "host:port"; `ValueError` for names other than localhost: what a name leads to may change."""
    if isinstance(value, Listen):
        return value

    if not isinstance(value, str) or ":" not in value:
        raise ValueError(_EXPECTED)

    host, _, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host if host != "localhost" else "127.0.0.1")
    except ValueError:
        raise ValueError(f"{_EXPECTED}; {host!r} is no IP address") from None

    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= _MOST_PORT:
        raise ValueError(f"{_EXPECTED}; the port is a number from 1 to {_MOST_PORT:,}")

    return Listen(host, int(port))


ListenText: TypeAlias = Annotated[
    Listen,
    BeforeValidator(parse_listen),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "description": _EXPECTED}),
]


class MonitorConfig(Section):
    """`[monitor]`: a page for Prometheus and health checks, read-only; without this table nothing listens."""

    listen: ListenText = Listen("127.0.0.1", 9464)
    """Address and port of `/metrics`, `/livez` and `/readyz`; loopback, because there is no password on it."""
