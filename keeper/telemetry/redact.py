"""Keep secrets out of everything that is written: logs, errors, tables.

Three nets: names that only ever hold secrets, patterns (URLs with paths or passwords, signed transactions), and the
exact secrets this process knows. Keys and passphrases are never handed to a logger; the nets are for the day one is.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, urlsplit

HIDDEN: Final = "***"
_SECRET_NAME: Final = re.compile(
    r"(pass(word|phrase|wd)|private_?key|secret|mnemonic|api_?key|auth(orization)?|cookie|raw(_tx|_transaction)?)$",
    re.IGNORECASE,
)
_URL: Final = re.compile(r"\b(?:https?|wss?)://[^\s'\"<>\\)\]}]+", re.IGNORECASE)
_SIGNED_TX: Final = re.compile(r"\b0x(?:0[1-4])?f[89a-f][0-9a-f]{160,}", re.IGNORECASE)
_SHORTEST_SECRET: Final = 6
"""Shorter texts occur by chance everywhere; replacing them would make output unreadable and hint at the secret."""


class Redactor:
    """Replaces secrets in text. Invariant: whatever was handed to `learn` never leaves `text` again."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Add secrets this process has come to know, also in the form URLs quote them in.

        A URL of scheme, host and port alone hides nothing, and hidden it would leave nobody knowing which node it was.
        """
        found = {form for secret in secrets if not _is_bare(secret) for form in (secret, quote(secret, safe=""))}
        found |= set(self._secrets)
        # Longest first: a secret that contains another must not leave its rest behind.
        self._secrets = sorted((s for s in found if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)

    def text(self, text: str) -> str:
        """Replace known secrets, whatever follows a URL's host, and signed transactions."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)

        text = _URL.sub(_shown_in_text, text)
        return _SIGNED_TX.sub(HIDDEN, text)

    def value(self, name: str, value: object) -> object:
        """Redact a value under its name, into lists and mappings; a name that means a secret hides anything."""
        if _SECRET_NAME.search(name) and value is not None:
            return HIDDEN

        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {key: self.value(str(key), inner) for key, inner in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.value(name, inner) for inner in value]
            case _:
                return value


def _shown_in_text(found: re.Match[str]) -> str:
    """Leave the colon of "URL: what went wrong" out of the URL, which would have a broken port with it."""
    url = found.group()
    body = url.rstrip(":")
    return shown_url(body) + url[len(body) :]


def _is_bare(secret: str) -> bool:
    return _URL.fullmatch(secret) is not None and shown_url(secret) == secret.rstrip("/")


def shown_url(url: str) -> str:
    """Render scheme, host and port of a URL; its path, query and user hold keys often enough to hide them always."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return HIDDEN

    rest = f"/{HIDDEN}" if parts.path.strip("/") or parts.query or parts.fragment or parts.username else ""
    return f"{parts.scheme}://{parts.hostname or HIDDEN}{port}{rest}"
