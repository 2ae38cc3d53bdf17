"""The detail of an offer: one (collateral, debt) pair of one position, and the pool that seizes."""

from dataclasses import dataclass

from keeper.types import Address, Offer, PositionKey


@dataclass(frozen=True, slots=True)
class SeizePair:
    """An offer's detail: the pool, and the pair by place in the roster."""

    pool: Address
    collateral: int
    debt: int


def pair_of(offer: Offer) -> tuple[SeizePair, PositionKey]:
    """Return an offer's own detail and position; any other adapter's offer is a programming error."""
    if not isinstance(offer.detail, SeizePair) or offer.key is None:
        raise TypeError("not an offer of this adapter")

    return offer.detail, offer.key
