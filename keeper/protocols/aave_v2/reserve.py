"""One reserve at one block, with the configuration word taken apart.

Sources: DataTypes.ReserveConfigurationMap and ReserveLogic of Aave V2.
"""

from dataclasses import dataclass, replace

from keeper.protocols.aave_v2.math import compounded_interest, linear_interest, ray_mul
from keeper.types import Address


@dataclass(frozen=True, slots=True)
class Reserve:
    """A reserve as read, and its two indices at the market's target.

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
        """Liquidation threshold in bps; a supply with none does not count."""
        return self.config >> 16 & 0xFFFF

    @property
    def bonus(self) -> int:
        """Liquidation bonus in bps, the 100 % included."""
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

    @property
    def burn_index(self) -> int:
        """The index that the pool burns variable debt by at the target.

        A reserve that earns nothing does not accrue when it is touched, though balances are read as if it had.
        Source: ReserveLogic._updateIndexes.
        """
        return self.debt_index if self.liquidity_rate > 0 else self.borrow_index

    def projected(self, timestamp: int) -> "Reserve":
        """Accrue both indices to a time, exactly as the pool would; rates hold until somebody touches the reserve.

        Source: ReserveLogic.getNormalizedIncome, getNormalizedDebt.
        """
        elapsed_s = max(timestamp - self.last_update, 0)
        return replace(
            self,
            income=ray_mul(linear_interest(self.liquidity_rate, elapsed_s), self.liquidity_index),
            debt_index=ray_mul(compounded_interest(self.borrow_rate, elapsed_s), self.borrow_index),
        )

    def touched(self, timestamp: int, change: int) -> "Reserve":
        """Update the state as an action at the target's time does, and add to the holdings, or take from them."""
        return replace(
            self,
            liquidity_index=self.income,
            borrow_index=self.burn_index,
            debt_index=self.burn_index,
            last_update=timestamp,
            underlying=self.underlying + change,
        )
