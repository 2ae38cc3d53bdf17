"""Where the URLs of channels and of the heartbeat are read: a file or the environment, never the configuration itself.

A URL is a credential; no error, log or table repeats one.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from keeper.config.model import KeeperConfig
from keeper.errors import ConfigError

_LARGEST: Final = 10_000
_PARTS: Final = re.compile(r"[/:@?&=,#]+")
_SHORTEST_PART: Final = 8
_PLACE: Final = re.compile(r"(\d{1,3}\.){3}\d{1,3}|([a-z0-9-]+\.)+[a-z]{2,}|localhost", re.IGNORECASE)
"""Where a URL leads to is no secret, and hidden it would leave nobody knowing what a log line is about."""


def read_url(what: str, file: Path | None, variable: str | None) -> str | None:
    """Read a URL from where the configuration says it is; None where it says nothing, `ConfigError` where it is not."""
    if file is not None:
        try:
            with file.open(encoding="utf-8") as opened:
                text = opened.read(_LARGEST)
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text"
            raise ConfigError(f"{what}: {file} cannot be read: {why}\n  put its URL on the first line") from None

        return _checked(text.split("\n", 1)[0].strip(), f"{what}: {file}")

    if variable is not None:
        return _checked(os.environ.get(variable, "").strip(), f"{what}: the environment variable {variable}")

    return None


def known_secrets(config: KeeperConfig) -> list[str]:
    """Every URL that can be read now, and its telling parts, for the redactor."""
    return [
        part
        for url in _urls(config)
        for part in (url, *_PARTS.split(url))
        if len(part) >= _SHORTEST_PART and not _PLACE.fullmatch(part)
    ]


def heartbeat_url(config: KeeperConfig) -> str | None:
    """The URL that is fetched while blocks are processed; http or https."""
    alerts = config.alerts
    url = read_url("[alerts] heartbeat", alerts.heartbeat_url_file, alerts.heartbeat_url_env)
    if url is not None and not url.startswith(("http://", "https://")):
        raise ConfigError("[alerts] heartbeat: its URL must begin with http:// or https://")

    return url


def _urls(config: KeeperConfig) -> Iterator[str]:
    places = [(one.url_file, one.url_env) for one in config.channels]
    for file, variable in (*places, (config.alerts.heartbeat_url_file, config.alerts.heartbeat_url_env)):
        try:
            url = read_url("", file, variable)
        except ConfigError:
            continue  # whoever needs it says so

        if url is not None:
            yield url


def _checked(url: str, where: str) -> str:
    if not url or not url.isprintable() or " " in url or ":" not in url:
        raise ConfigError(f"{where} holds no URL\n  one line such as tgram://TOKEN/CHAT or discord://ID/TOKEN")

    return url
