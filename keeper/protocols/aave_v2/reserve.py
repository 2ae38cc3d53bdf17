"""One reserve at one block, with the configuration word taken apart.

Sources: DataTypes.ReserveConfigurationMap and ReserveLogic of Aave V2.
"""

from dataclasses import dataclass, replace

from keeper.protocols.aave.math import linear_interest, ray_mul
from keeper.protocols.aave.reserve import PoolReserve
from keeper.protocols.aave_v2.math import compounded_interest


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve(PoolReserve):
    """A reserve of Aave V2; one without a threshold does not count as collateral."""

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
