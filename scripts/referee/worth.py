"""What a profit is worth and what it must beat, in US dollars; rounded against the finding."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING

from referee.abi import as_int, as_signed, selector
from referee.chain import View
from referee.manifest import Floor, Manifest
from referee.parts.base import USD_UNIT, Reading
from referee.probe import Loan

WEI_PER_NATIVE = 10**18
BPS = 10_000
ROUND_DATA = selector("latestRoundData()")
DECIMALS = selector("decimals()")


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of whole tokens in units of USD_UNIT, the tokens' decimals, and the native coin's price and its unit."""

    tokens: Mapping[str, int]
    decimals: Mapping[str, int]
    native: int
    native_unit: int


@dataclass(frozen=True, slots=True)
class Worth:
    """Profit, gas and floor, in units of USD_UNIT."""

    profit: int
    gas: int
    floor: int

    @property
    def enough(self) -> bool:
        return self.profit > self.gas + self.floor

    @property
    def net(self) -> int:
        return self.profit - self.gas


def read_prices(view: View, manifest: Manifest, tokens: Iterable[str], readings: Iterable[Reading]) -> Prices:
    """Price tokens: by the first deployment that prices them itself, else by the manifest's feed, else not at all."""
    listed = list(dict.fromkeys([*tokens, *manifest.feeds]))
    feeds = list(manifest.feeds.items())
    places = view.ask([(token, DECIMALS) for token in listed])
    units = view.must([(feed, DECIMALS) for _, feed in feeds])
    answers = view.must([(feed, ROUND_DATA) for _, feed in feeds])
    # No price: nothing in that token is worth anything.
    dollars = {
        token: max(0, as_signed(answer, 1)) * USD_UNIT // 10 ** as_int(unit)
        for (token, _), answer, unit in zip(feeds, answers, units, strict=True)
    }

    for reading in reversed(list(readings)):
        dollars |= reading.dollars

    native, native_unit = view.must([(manifest.native_usd, ROUND_DATA), (manifest.native_usd, DECIMALS)])
    return Prices(
        tokens=dollars,
        decimals={token: as_int(answer) for token, answer in zip(listed, places, strict=True) if answer},
        native=as_int(native, 1),
        native_unit=10 ** as_int(native_unit),
    )


def premium(loan: Loan, amount: int) -> int:
    """Return a flash loan's fee on an amount, base units of the token, rounded up."""
    return -(-amount * loan.fee_bps // BPS)


def token_worth(token: str, amount: int, prices: Prices) -> int:
    """Value an amount of a token, rounded down."""
    if token not in prices.tokens or token not in prices.decimals:
        return 0

    return amount * prices.tokens[token] // int(10 ** prices.decimals[token])


def native_worth(wei: int, prices: Prices) -> int:
    """Value an amount of the native coin at its feed, rounded up."""
    return -(-wei * prices.native * USD_UNIT // (WEI_PER_NATIVE * prices.native_unit))


def floor_worth(floor: Floor, prices: Prices) -> int:
    """Value the least profit, rounded up to the unit."""
    if floor.unit == "native":
        return native_worth(int(floor.amount * WEI_PER_NATIVE), prices)

    return int((floor.amount * USD_UNIT).to_integral_value(ROUND_CEILING))


def gas_worth(gas: int, base_fee: int, manifest: Manifest, prices: Prices) -> int:
    """Value what a trial burnt plus the allowance, at a base fee and the manifest's tip, rounded up."""
    return native_worth((gas + manifest.gas_allowance) * (base_fee + manifest.tip_wei), prices)
