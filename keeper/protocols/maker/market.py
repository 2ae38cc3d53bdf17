"""All collateral types of one deployment at one block, frozen, and every vault as of that block."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from keeper.protocols.ledger import Ledger
from keeper.protocols.maker.ilk import Ilk
from keeper.protocols.maker.urn import EMPTY, Urn, ilk_of
from keeper.types import Address, BlockHead, BlockTarget, PositionKey, TokenPrice
from keeper.units import RAY, WAD


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts all collateral types share."""

    vat: Address
    dog: Address
    vow: Address
    spotter: Address
    jug: Address
    dai_join: Address
    dai: Address


@dataclass(frozen=True, slots=True)
class MakerMarket:
    """One deployment at one block; rates, prices and auctions are projected to `target`. `par` is in ray."""

    deployment: str
    head: BlockHead
    target: BlockTarget
    contracts: Contracts
    par: int
    ilks: Mapping[bytes, Ilk]
    ledger: Ledger[Urn]
    overlay: Mapping[PositionKey, Urn] = field(default_factory=dict)

    def at(self, target: BlockTarget) -> Self:
        """Project to another block: exact until somebody calls, since only time moves rates and auctions."""
        return replace(self, target=target, ilks={i: ilk.at(target.timestamp) for i, ilk in self.ilks.items()})

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace prices by feed (the collateral's `pip`), in wad; 0 is unknown."""
        ilks = {
            i: self._repriced(ilk, prices[ilk.feed.pip]) if ilk.feed.pip in prices else ilk
            for i, ilk in self.ilks.items()
        }
        return replace(self, ilks=ilks)

    def _repriced(self, ilk: Ilk, price: int) -> Ilk:
        val = price or None
        feed = replace(ilk.feed, val=val, due=None)
        return replace(ilk, feed=feed, start=replace(ilk.start, val=val)).at(self.target.timestamp)

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Collateral at its feed's price, DAI at the price the protocol itself redeems it for."""
        found = {self.contracts.dai: TokenPrice(self.par * WAD // RAY, 18)}
        for ilk in self.ilks.values():
            if ilk.feed.val is not None and not ilk.trouble:
                found[ilk.listing.gem] = TokenPrice(ilk.feed.val, ilk.listing.decimals, ilk.feed.since)

        return found

    # Inside the adapter -------------------------------------------------------------------------------------------

    def urn(self, key: PositionKey) -> Urn:
        """Return a vault, the empty one for a stranger."""
        found = self.overlay.get(key)
        return found if found is not None else self.ledger.get(key) or EMPTY

    def urns(self, keys: Collection[PositionKey] | None) -> Iterator[tuple[PositionKey, Urn]]:
        """Yield these vaults, or all of them for None."""
        if keys is not None:
            yield from ((key, self.urn(key)) for key in keys)
            return

        yield from self.overlay.items()
        yield from ((key, urn) for key, urn in self.ledger.items() if key not in self.overlay)

    def ilk_for(self, key: PositionKey) -> Ilk | None:
        """The collateral type of a vault or an auction; None where it is not followed."""
        return self.ilks.get(ilk_of(key))

    def with_urns(self, changes: Mapping[PositionKey, Urn]) -> Self:
        """The same market with these vaults replaced."""
        return replace(self, overlay={**self.overlay, **changes})

    def with_ilk(self, ilk: Ilk) -> Self:
        """The same market with a collateral type replaced."""
        return replace(self, ilks={**self.ilks, ilk.listing.ilk: ilk})

    def raising(self, ilk: Ilk, tab: int) -> Self:
        """The same market with this collateral type, and so much more (or less) being raised, by it and by all."""
        ilks = {
            i: replace(one, limits=replace(one.limits, Dirt=max(one.limits.Dirt + tab, 0)))
            for i, one in self.with_ilk(ilk).ilks.items()
        }
        own = ilks[ilk.listing.ilk]
        own = replace(own, limits=replace(own.limits, dirt=max(own.limits.dirt + tab, 0)))
        return replace(self, ilks={**ilks, ilk.listing.ilk: own})
