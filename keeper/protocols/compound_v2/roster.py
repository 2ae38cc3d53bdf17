"""Which markets a comptroller has; each keeps its place for ever.

Source: Comptroller.supportMarket, which never drops a market from its list.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from keeper.errors import StateError
from keeper.types import Address

MAX_MARKETS: Final = 2**14
"""Places in a roster: each takes two slots of the screen."""


@dataclass(frozen=True, slots=True)
class Roster:
    """All cTokens by place, and the place of each."""

    tokens: tuple[Address, ...]
    places: Mapping[Address, int]

    @classmethod
    def of(cls, tokens: Iterable[Address]) -> "Roster":
        """Index cTokens in the order given."""
        kept = tuple(dict.fromkeys(tokens))
        if len(kept) > MAX_MARKETS:
            raise StateError(f"{len(kept)} markets are listed; this keeper has room for {MAX_MARKETS}")

        return cls(kept, {token: i for i, token in enumerate(kept)})

    def extended(self, tokens: Iterable[Address]) -> "Roster":
        """Append cTokens that are new."""
        fresh = [token for token in tokens if token not in self.places]
        return self if not fresh else Roster.of((*self.tokens, *fresh))
