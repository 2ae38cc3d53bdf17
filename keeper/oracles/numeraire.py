"""What an amount of a token is worth in US dollars and in native wei; unknown is None, never a guess.

Prices come from the protocols' own oracles and the native token's feed. Where two markets price the same token,
the lower price values what we get and the higher one what we pay, so that a quarrel between oracles never shows as
profit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from keeper.types import Address, TokenPrice
from keeper.units import WAD, mul_div, mul_div_up


@dataclass(frozen=True, slots=True)
class _Range:
    """The lowest and the highest price of one whole token (US dollars times 10**18), and its decimals."""

    low: int
    high: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Numeraire:
    """Prices of one block. `native_usd` is US dollars times 10**18 for 10**18 wei."""

    native_usd: int
    _ranges: Mapping[Address, _Range]

    @classmethod
    def of(
        cls, native_usd: int, wrapped_native: Address, markets: Iterable[Mapping[Address, TokenPrice]], oldest: int
    ) -> Self:
        """Merge markets' prices; one whose source reports a time before `oldest` (unix s), zero or less is left out.

        A price quoted in another token is worth what that token is by the prices in US dollars, at its lowest and at
        its highest; nothing where that is unknown. A token whose decimals two markets disagree on has no price.
        """
        ranges: dict[Address, _Range] = {wrapped_native: _Range(native_usd, native_usd, 18)}
        quarrels: set[Address] = set()
        fresh = [
            (token, price)
            for prices in markets
            for token, price in prices.items()
            if price.price > 0 and (price.updated_at is None or price.updated_at >= oldest)
        ]
        for token, price in fresh:
            if price.quote is None:
                _merge(ranges, quarrels, token, _Range(price.price, price.price, price.decimals))

        quotes = {token: found for token, found in ranges.items() if token not in quarrels}
        for token, price in fresh:
            quote = None if price.quote is None else quotes.get(price.quote)
            if quote is not None:
                low, high = mul_div(price.price, quote.low, WAD), mul_div_up(price.price, quote.high, WAD)
                _merge(ranges, quarrels, token, _Range(low, high, price.decimals))

        known = {token: found for token, found in ranges.items() if token not in quarrels and found.low > 0}
        return cls(native_usd, known)

    def gain_usd(self, token: Address, amount: int) -> int | None:
        """Value what we get, US dollars times 10**18, rounded down."""
        found = self._ranges.get(token)
        return None if found is None else mul_div(amount, found.low, 10**found.decimals)

    def cost_usd(self, token: Address, amount: int) -> int | None:
        """Value what we pay, US dollars times 10**18, rounded up."""
        found = self._ranges.get(token)
        return None if found is None else mul_div_up(amount, found.high, 10**found.decimals)

    def gas_usd(self, wei: int) -> int:
        """Value native wei we spend, US dollars times 10**18, rounded up."""
        return mul_div_up(wei, self.native_usd, WAD)

    def amount_worth(self, token: Address, usd: int) -> int | None:
        """Amount of a token that is worth at least this much (US dollars times 10**18), rounded up."""
        found = self._ranges.get(token)
        return None if found is None else mul_div_up(usd, 10**found.decimals, found.low)


def _merge(ranges: dict[Address, _Range], quarrels: set[Address], token: Address, fresh: _Range) -> None:
    """Widen a token's range; markets that disagree on its decimals quarrel."""
    known = ranges.setdefault(token, fresh)
    if known.decimals != fresh.decimals:
        quarrels.add(token)

    ranges[token] = _Range(min(known.low, fresh.low), max(known.high, fresh.high), known.decimals)
