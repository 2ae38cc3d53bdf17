"""Which reserves a pool has and which tokens they go by; each reserve keeps its place for ever.

Places are ours and only grow. The pool's own ids can be dropped and given to another asset.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from keeper.errors import StateError
from keeper.types import Address

MAX_RESERVES: Final = 256
"""Places in a roster: an account's masks and saved entries give a reserve one byte. The pool itself lists 128."""


class Role(Enum):
    """What a token of a reserve stands for."""

    SUPPLY = "supply"
    DEBT = "debt"
    STABLE_DEBT = "stable_debt"


@dataclass(frozen=True, slots=True)
class Listing:
    """A reserve's asset and its tokens; `stable_token` is None where there is none."""

    asset: Address
    a_token: Address
    v_token: Address
    stable_token: Address | None

    @property
    def tokens(self) -> tuple[Address, ...]:
        """Every token whose logs tell balances."""
        stable = () if self.stable_token is None else (self.stable_token,)
        return (self.a_token, self.v_token, *stable)


@dataclass(frozen=True, slots=True)
class Roster:
    """All listings by place, the places of each asset, and place and role of each token.

    An asset has more than one place only if it was dropped and listed again; nobody holds what was dropped.
    """

    listings: tuple[Listing, ...]
    places: Mapping[Address, tuple[int, ...]]
    tokens: Mapping[Address, tuple[int, Role]]

    @classmethod
    def of(cls, listings: Iterable[Listing]) -> "Roster":
        """Index listings in the order given."""
        kept = tuple(listings)
        if len(kept) > MAX_RESERVES:
            raise StateError(f"{len(kept)} reserves were ever listed; this keeper has room for {MAX_RESERVES}")

        places: dict[Address, tuple[int, ...]] = {}
        tokens: dict[Address, tuple[int, Role]] = {}
        for i, listing in enumerate(kept):
            places[listing.asset] = (*places.get(listing.asset, ()), i)
            tokens[listing.a_token] = (i, Role.SUPPLY)
            tokens[listing.v_token] = (i, Role.DEBT)
            if listing.stable_token is not None:
                tokens[listing.stable_token] = (i, Role.STABLE_DEBT)

        return cls(kept, places, tokens)

    def extended(self, listings: Iterable[Listing]) -> "Roster":
        """Append listings whose tokens are new; an asset listed again with other tokens takes a new place."""
        fresh = [listing for listing in listings if listing.a_token not in self.tokens]
        return self if not fresh else Roster.of((*self.listings, *fresh))
