"""One reserve and one eMode category at one block, with the configuration word taken apart.

Sources: DataTypes.ReserveConfigurationMap, DataTypes.EModeCategory and ReserveLogic of Aave V3.
"""

from dataclasses import dataclass, replace

from keeper.protocols.aave.math import linear_interest, ray_mul
from keeper.protocols.aave.reserve import PoolReserve
from keeper.protocols.aave_v3.math import compounded_interest
from keeper.protocols.aave_v3.rules import Rules
from keeper.types import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve(PoolReserve):
    """A reserve of Aave V3.

    `virtual` is what the pool accounts for, in token base units, None where it leaves that to the token; until
    `grace_until` (unix s) nothing of it can be liquidated.
    """

    v_token: Address
    virtual: int | None
    grace_until: int

    @property
    def paused(self) -> bool:
        """Tell whether everything is stopped; a frozen reserve, by contrast, can be liquidated."""
        return bool(self.config >> 60 & 1)

    @property
    def lends_flash(self) -> bool:
        """Tell whether flash loans are switched on."""
        return bool(self.config >> 63 & 1)

    @property
    def protocol_fee(self) -> int:
        """Share of the bonus that goes to the treasury, in bps."""
        return self.config >> 152 & 0xFFFF

    @property
    def emode_category(self) -> int:
        """The one category the reserve belongs to, up to 3.1."""
        return self.config >> 168 & 0xFF

    @property
    def virtual_accounting(self) -> bool:
        """Tell whether the pool accounts for the reserve's liquidity itself; meaningful from 3.1 to 3.3."""
        return bool(self.config >> 252 & 1)

    @property
    def available(self) -> int:
        """What can leave the pool: the smaller of what it accounts for and what is really there."""
        return self.underlying if self.virtual is None else min(self.virtual, self.underlying)

    def projected(self, timestamp: int, rules: Rules) -> "Reserve":
        """Accrue both indices to a time, exactly as the pool would; rates hold until somebody touches the reserve.

        Source: ReserveLogic.getNormalizedIncome, getNormalizedDebt.
        """
        elapsed_s = max(timestamp - self.last_update, 0)
        growth = compounded_interest(self.borrow_rate, elapsed_s, rules)
        return replace(
            self,
            income=ray_mul(linear_interest(self.liquidity_rate, elapsed_s), self.liquidity_index),
            debt_index=ray_mul(growth, self.borrow_index),
        )

    def moved(self, change: int) -> "Reserve":
        """Add to the pool's holdings, or take from them."""
        virtual = None if self.virtual is None else self.virtual + change
        return replace(self, virtual=virtual, underlying=self.underlying + change)


@dataclass(frozen=True, slots=True)
class EMode:
    """An eMode category: threshold and bonus in bps, and the set of its collaterals by reserve id (3.2+).

    Up to 3.1 a category may have one price for all its assets: `price_source` names it as an asset of the oracle,
    None where there is none; `price` is None when that source gave none.
    """

    id: int
    threshold: int
    bonus: int
    bitmap: int = 0
    price_source: Address | None = None
    price: int | None = None

    def covers(self, reserve: Reserve, rules: Rules) -> bool:
        """Tell whether a reserve is collateral of this category."""
        if rules.emode_bitmap:
            return bool(self.bitmap >> reserve.id & 1)

        return reserve.emode_category == self.id
