"""From the legal sizes of a pair to an offer, or to why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from keeper.protocols.aave.pair import SeizePair
from keeper.protocols.aave.reserve import PoolReserve
from keeper.types import Declined, Offer, OfferKind, PositionKey, Reason, to_checksum

Interval: TypeAlias = tuple[int, int]


def open_offers(market: object) -> Sequence[Offer | Declined]:
    """Nothing stands open: a pool sells nothing of its own."""
    del market
    return ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Legal sizes, ascending and disjoint, both ends legal; the last may be the point `MAX_UINT256`: all there is.

    `short_of_liquidity` tells that more sizes would be legal if the pool held more of the collateral.
    """

    intervals: tuple[Interval, ...]
    short_of_liquidity: bool


@dataclass(frozen=True, slots=True)
class Pairing:
    """One pair of one position, to be offered or declined."""

    deployment: str
    key: PositionKey
    pair: SeizePair
    collateral: PoolReserve
    debt: PoolReserve

    def declined(self, reason: Reason, **numbers: int) -> Declined:
        """Decline the pair by name."""
        names = {"collateral": to_checksum(self.collateral.asset), "debt": to_checksum(self.debt.asset)}
        return Declined(self.deployment, self.key, reason, {**names, **numbers})

    def offered(self, sizes: Sizes, available: int) -> Offer | Declined:
        """Offer the legal sizes; without any, say whether the pool's liquidity is what lacks."""
        if not sizes.intervals:
            reason = Reason.NO_LIQUIDITY if sizes.short_of_liquidity else Reason.NO_LEGAL_SIZE
            return self.declined(reason, available=available)

        return Offer(
            deployment=self.deployment,
            kind=OfferKind.SEIZE,
            key=self.key,
            pay_token=self.debt.asset,
            receive_token=self.collateral.asset,
            size_token=self.debt.asset,
            sizes=sizes.intervals,
            detail=self.pair,
        )
