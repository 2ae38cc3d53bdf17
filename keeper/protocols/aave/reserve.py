"""What a reserve of either release is made of at one block, and the part of its configuration word both lay out alike.

Sources: DataTypes.ReserveConfigurationMap and the event ReserveDataUpdated of Aave V2 and V3.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

from keeper.protocols.words import word
from keeper.types import Address, Log


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReserve:
    """A reserve as read, and its two indices at the market's target; each release adds what only it has.

    Indices and rates are rays, `price` is base currency per whole token (None where the oracle gave none),
    `underlying` is what the supply token holds, in token base units. `income` and `debt_index` are the indices
    projected to the target.
    """

    asset: Address
    a_token: Address
    id: int
    config: int
    liquidity_index: int
    liquidity_rate: int
    borrow_index: int
    borrow_rate: int
    last_update: int
    income: int
    debt_index: int
    price: int | None
    price_updated_at: int | None
    feeds: frozenset[Address]
    underlying: int

    @property
    def threshold(self) -> int:
        """Liquidation threshold in bps, outside any eMode."""
        return self.config >> 16 & 0xFFFF

    @property
    def bonus(self) -> int:
        """Liquidation bonus in bps, the 100 % included, outside any eMode."""
        return self.config >> 32 & 0xFFFF

    @property
    def decimals(self) -> int:
        """Decimals of the token."""
        return self.config >> 48 & 0xFF

    @property
    def unit(self) -> int:
        """One whole token in base units."""
        return int(10**self.decimals)

    @property
    def active(self) -> bool:
        """Tell whether anything can be done with the reserve; a frozen one, by contrast, can be liquidated."""
        return bool(self.config >> 56 & 1)


R = TypeVar("R", bound=PoolReserve)


def as_told(reserve: R, log: Log, timestamp: int) -> R:
    """Take a reserve's indices and rates from its own event, which tells them as of the block's time."""
    liquidity_index, borrow_index = word(log.data, 3), word(log.data, 4)
    return replace(
        reserve,
        liquidity_rate=word(log.data, 0),
        borrow_rate=word(log.data, 2),
        liquidity_index=liquidity_index,
        borrow_index=borrow_index,
        income=liquidity_index,
        debt_index=borrow_index,
        last_update=timestamp,
    )
