"""A running auction: its price now, what a purchase of it moves, and when it must be started anew.

Source: Clipper of dss fa4f663. The order of the checks is its own, and so are the reasons.
"""

from dataclasses import dataclass, replace
from typing import Final

from keeper.protocols.maker.bark import Start
from keeper.protocols.maker.checked import mul, rdiv, require, sub
from keeper.protocols.maker.math import Curve, price_at

NO_REDO: Final = 2
"""The level of `stopped` from which no auction is started anew."""
NO_TAKE: Final = 3
"""The level from which nothing can be bought."""


@dataclass(frozen=True, slots=True)
class Sale:
    """An auction: `tab` (rad) to be raised by `lot` (wad), falling from `top` (ray) since `tic` (unix s)."""

    tab: int
    lot: int
    tic: int
    top: int
    running: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """What a Clipper sells by: `tail` in seconds, `cusp` in ray, `chost` in rad as it was last worked out."""

    curve: Curve
    tail: int
    cusp: int
    chost: int
    stopped: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a purchase moves: `owe` (rad) for `slice` (wad), and what is left of the auction.

    `digs` is taken off what is being raised; `usr_gem` goes back to the vault's owner.
    """

    price: int
    owe: int
    slice: int
    tab: int
    lot: int

    @property
    def closed(self) -> bool:
        """Whether nothing is left to sell, or to raise."""
        return self.lot == 0 or self.tab == 0

    @property
    def digs(self) -> int:
        """What no longer counts as being raised, in rad: once all is sold, also what it did not raise."""
        return self.tab + self.owe if self.lot == 0 else self.owe

    @property
    def usr_gem(self) -> int:
        """Collateral left when everything was raised, in wad."""
        return self.lot if self.tab == 0 else 0


def status(sale: Sale, rules: Rules, now: int) -> tuple[bool, int]:
    """Whether an auction must be started anew, and its price in ray. Clipper.status."""
    elapsed = sub(now, sale.tic)
    price = price_at(rules.curve, sale.top, elapsed)
    return elapsed > rules.tail or rdiv(price, sale.top) < rules.cusp, price


def get_status(sale: Sale, rules: Rules, now: int) -> tuple[bool, int, int, int]:
    """Answer as Clipper.getStatus does: (needs redo, price, lot, tab)."""
    done, price = status(sale, rules, now)
    return sale.running and done, price, sale.lot, sale.tab


def take(sale: Sale, rules: Rules, now: int, amt: int, most: int) -> Purchase:
    """Buy up to `amt` (wad) at no more than `most` (ray) per unit; `RevertedError` where the Clipper would.

    An amount that would leave less to raise than `chost` is cut, so that exactly `chost` is left; the payment then
    stays exact while the collateral is rounded down. Clipper.take.
    """
    require(rules.stopped < NO_TAKE, "Clipper/stopped-incorrect")
    require(sale.running, "Clipper/not-running-auction")
    done, price = status(sale, rules, now)
    require(not done, "Clipper/needs-reset")
    require(most >= price, "Clipper/too-expensive")
    bought = min(sale.lot, amt)
    owe = mul(bought, price)
    if owe > sale.tab:
        owe = sale.tab
        bought = owe // price
    elif owe < sale.tab and bought < sale.lot and sale.tab - owe < rules.chost:
        require(sale.tab > rules.chost, "Clipper/no-partial-purchase")
        owe = sale.tab - rules.chost
        bought = owe // price

    return Purchase(price, owe, bought, sale.tab - owe, sale.lot - bought)


def paid(purchase: Purchase, taker_dai: int, raised: tuple[int, int], *, allowed: bool) -> tuple[int, int]:
    """Pay for a purchase and take it off (Dirt, dirt); `RevertedError` where the Vat or the Dog would. All in rad."""
    require(allowed, "Vat/not-allowed")
    sub(taker_dai, purchase.owe)
    return sub(raised[0], purchase.digs), sub(raised[1], purchase.digs)


def redo(sale: Sale, rules: Rules, start: Start, now: int) -> tuple[Sale, int]:
    """Start an auction anew: it, and what that pays in rad, nothing where too little is left. Clipper.redo."""
    require(rules.stopped < NO_REDO, "Clipper/stopped-incorrect")
    require(sale.running, "Clipper/not-running-auction")
    done, _ = status(sale, rules, now)
    require(done, "Clipper/cannot-reset")
    top = start.top()
    worth_it = (start.tip or start.chip) and sale.tab >= rules.chost and mul(sale.lot, start.feed()) >= rules.chost
    return replace(sale, tic=now, top=top), start.coin(sale.tab) if worth_it else 0
