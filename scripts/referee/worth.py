"""What a profit is worth and what it must beat, in the deployment's base currency; rounded against the finding."""

from dataclasses import dataclass
from decimal import ROUND_CEILING

from referee.manifest import Floor, Manifest
from referee.market import Market
from referee.state import Prices

WEI_PER_NATIVE = 10**18
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Worth:
    """Profit, gas and floor, in units of the oracle's base currency (USD with 8 decimals on Aave)."""

    profit: int
    gas: int
    floor: int

    @property
    def enough(self) -> bool:
        return self.profit > self.gas + self.floor

    @property
    def net(self) -> int:
        return self.profit - self.gas


def premium(repaid: int, prices: Prices) -> int:
    """Return the flash loan's fee on an amount, base units of the token, rounded up."""
    return -(-repaid * prices.premium_bps // BPS)


def token_worth(token: str, amount: int, market: Market, prices: Prices) -> int:
    """Value an amount of a reserve's token at the oracle's price, rounded down."""
    return amount * prices.tokens[token] // int(10 ** market.reserves[token].decimals)


def native_worth(wei: int, market: Market, prices: Prices) -> int:
    """Value an amount of the native coin at its feed, rounded up."""
    return -(-wei * prices.native * market.price_unit // (WEI_PER_NATIVE * prices.native_unit))


def floor_worth(floor: Floor, market: Market, prices: Prices) -> int:
    """Value the least profit, rounded up to the base unit."""
    if floor.unit == "native":
        return native_worth(int(floor.amount * WEI_PER_NATIVE), market, prices)

    return int((floor.amount * market.price_unit).to_integral_value(ROUND_CEILING))


def gas_worth(gas: int, base_fee: int, market: Market, manifest: Manifest, prices: Prices) -> int:
    """Value what a trial burnt plus the allowance, at a base fee and the manifest's tip, rounded up."""
    return native_worth((gas + manifest.gas_allowance) * (base_fee + manifest.tip_wei), market, prices)
