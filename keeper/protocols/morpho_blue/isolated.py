"""One market at one block: its totals brought to a time, its price, and what keeps it from being decided.

Markets share nothing with one another: whatever is wrong with one of them stays in it.
"""

from dataclasses import dataclass, replace

from keeper.protocols.morpho_blue import curve, math
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.oracle import Formula
from keeper.protocols.morpho_blue.params import MarketParams
from keeper.types import Address


@dataclass(frozen=True, slots=True)
class IsolatedMarket:
    """A market's state and parameters.

    `stored` are the contract's totals, `now` the same with interest up to the target. `price` is the oracle's, None
    where unknown. `rate` is per second in wad, as the model answered it for the target; `rate_at_target` is set
    where the model is known to follow the adaptive curve, so that its rate over any other time is known too.
    `formula` is set where the oracle's price follows from its feeds.
    `trouble` says why the market cannot be decided; empty where it can.
    """

    params: MarketParams
    stored: Totals
    now: Totals
    price: int | None
    rate: int = 0
    rate_at_target: int | None = None
    formula: Formula | None = None
    trouble: str = ""

    @property
    def usable_price(self) -> int | None:
        """The price, None where anything is wrong with this market."""
        return None if self.trouble else self.price

    def projected(self, timestamp: int) -> "IsolatedMarket":
        """Bring the totals to a time; exact until somebody touches the market, where the rate is known for it."""
        accrued = math.accrue(self.stored, self._rate_until(timestamp), timestamp)
        if accrued is None:
            return replace(self, now=self.stored, trouble="its interest outgrows what the contract can count")

        return replace(self, now=accrued)

    def with_stored(self, stored: Totals, timestamp: int) -> "IsolatedMarket":
        """Replace the contract's totals, and bring them to a time."""
        return replace(self, stored=stored).projected(timestamp)

    def with_price(self, price: int | None) -> "IsolatedMarket":
        """Replace the price; a market whose price was all that was wrong can be decided again."""
        only_the_price = self.trouble in ("", trouble_with(None))
        return replace(self, price=price, trouble=trouble_with(price) if only_the_price else self.trouble)

    def following(self, formula: Formula) -> "IsolatedMarket":
        """The same market, its price known to follow from feeds where a formula gives just this price."""
        return replace(self, formula=formula) if formula.price == self.price else self

    def told(self, emitter: Address, answer: int) -> "IsolatedMarket":
        """The same market after a contract emitted an answer of one of its oracle's feeds."""
        if self.formula is None or not self.formula.knows(emitter):
            return self

        formula = self.formula.told(emitter, answer)
        return replace(self.with_price(formula.price), formula=formula)

    def _rate_until(self, timestamp: int) -> int:
        if self.rate_at_target is None:
            return self.rate

        return curve.borrow_rate(self.rate_at_target, self.stored, max(timestamp - self.stored.last_update, 0))


def trouble_with(price: int | None) -> str:
    """Say what is wrong with a price; empty for one that can be used."""
    return "its oracle has no price" if price is None else ""
