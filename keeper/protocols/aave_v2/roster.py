"""Which reserves a pool has and which tokens they go by; each reserve keeps its place for ever.

Source: LendingPool.initReserve, which never drops a reserve and never gives one other tokens.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from keeper.errors import StateError
from keeper.types import Address

MAX_RESERVES: Final = 128
"""Places in a roster, as many as the pool can list."""


class Role(Enum):
    """What a token of a reserve stands for."""

    SUPPLY = "supply"
    VARIABLE_DEBT = "variable_debt"
    STABLE_DEBT = "stable_debt"


@dataclass(frozen=True, slots=True)
class Listing:
    """A reserve's asset and its three tokens."""

    asset: Address
    a_token: Address
    stable_token: Address
    variable_token: Address


@dataclass(frozen=True, slots=True)
class Roster:
    """All listings by place, the place of each asset, and place and role of each token."""

    listings: tuple[Listing, ...]
    places: Mapping[Address, int]
    tokens: Mapping[Address, tuple[int, Role]]

    @classmethod
    def of(cls, listings: Iterable[Listing]) -> "Roster":
        """Index listings in the order given."""
        kept = tuple(listings)
        if len(kept) > MAX_RESERVES:
            raise StateError(f"{len(kept)} reserves are listed; this keeper has room for {MAX_RESERVES}")

        tokens: dict[Address, tuple[int, Role]] = {}
        for i, listing in enumerate(kept):
            tokens[listing.a_token] = (i, Role.SUPPLY)
            tokens[listing.variable_token] = (i, Role.VARIABLE_DEBT)
            tokens[listing.stable_token] = (i, Role.STABLE_DEBT)

        return cls(kept, {listing.asset: i for i, listing in enumerate(kept)}, tokens)

    def extended(self, listings: Iterable[Listing]) -> "Roster":
        """Append listings whose asset is new."""
        fresh = [listing for listing in listings if listing.asset not in self.places]
        return self if not fresh else Roster.of((*self.listings, *fresh))
