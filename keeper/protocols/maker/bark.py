"""Liquidating a vault: how much of it may be put up for auction, at what price, and what that pays.

Sources: Dog.bark, Vat.grab and Clipper.kick of dss fa4f663. The order of the checks is theirs, and so are the reasons.
"""

from dataclasses import dataclass
from typing import Final

from keeper.protocols.maker.checked import add, div, mul, mul_signed, require, rmul, wmul
from keeper.protocols.maker.math import feed_price, is_unsafe
from keeper.units import MAX_UINT256, WAD

_MOST: Final = 2**255
NO_KICK: Final = 1
"""The level of `stopped` from which no auction starts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the Dog allows, all in and of one collateral: rad. `live` is 1 until the system is shut down."""

    live: int
    Hole: int
    Dirt: int
    hole: int
    dirt: int
    chop: int

    @property
    def room(self) -> int:
        """How much more may be raised at the same time, penalty included, in rad."""
        return max(min(self.Hole - self.Dirt, self.hole - self.dirt), 0)

    def with_more(self, tab: int) -> "Limits":
        """After an auction of so much started, or for a negative `tab` was paid."""
        return Limits(self.live, self.Hole, add(self.Dirt, tab), self.hole, add(self.dirt, tab), self.chop)


@dataclass(frozen=True, slots=True)
class Start:
    """What a Clipper starts auctions by: feed in wad, None without a price; buf ray, tip rad, chip wad."""

    val: int | None
    par: int
    buf: int
    tip: int
    chip: int
    stopped: int
    kicks: int

    def top(self) -> int:
        """The price an auction starts at, in ray, rounded down: the feed's own, not the one vaults are judged by."""
        require(self.val is not None, "Clipper/invalid-price")
        top = rmul(self.feed(), self.buf)
        require(top > 0, "Clipper/zero-top-price")
        return top

    def feed(self) -> int:
        """The feed's price in ray, rounded down."""
        return feed_price(self.val or 0, self.par)

    def coin(self, tab: int) -> int:
        """What whoever starts an auction of `tab` is given, in rad, rounded down."""
        return add(self.tip, wmul(tab, self.chip)) if self.tip or self.chip else 0


@dataclass(frozen=True, slots=True)
class Bark:
    """What a liquidation does: `dink` and `dart` leave the vault, `due` is their debt, `tab` what must be raised."""

    dink: int
    dart: int
    due: int
    tab: int
    top: int
    coin: int
    id: int


def bark(
    urn: tuple[int, int], at: tuple[int, int, int], limits: Limits, start: Start, *, has_owner: bool = True
) -> Bark:
    """Liquidate a vault of (ink, art) at (rate, spot, dust), as far as limits allow; `RevertedError` where not."""
    (ink, art), (rate, spot, dust) = urn, at
    require(limits.live == 1, "Dog/not-live")
    require(is_unsafe(ink, art, rate, spot), "Dog/not-unsafe")
    dart = _dart(art, rate, dust, limits)
    dink = mul(ink, dart) // art
    require(dink > 0, "Dog/null-auction")
    require(dart <= _MOST and dink <= _MOST, "Dog/overflow")
    mul_signed(rate, -dart)  # Vat.grab counts it signed
    due = mul(dart, rate)
    tab = wmul(due, limits.chop)
    limits.with_more(tab)
    require(start.stopped < NO_KICK, "Clipper/stopped-incorrect")
    require(tab > 0, "Clipper/zero-tab")
    require(has_owner, "Clipper/zero-usr")
    require(start.kicks < MAX_UINT256, "Clipper/overflow")
    return Bark(dink, dart, due, tab, start.top(), start.coin(tab), start.kicks + 1)


def _dart(art: int, rate: int, dust: int, limits: Limits) -> int:
    """How much normalised debt is put up for auction: all, or what there is room for and leaves no dust."""
    require(limits.Hole > limits.Dirt and limits.hole > limits.dirt, "Dog/liquidation-limit-hit")
    dart = min(art, div(mul(limits.room, WAD) // rate, limits.chop))
    if dart == art:
        return art

    if mul(art - dart, rate) < dust:
        return art

    require(mul(dart, rate) >= dust, "Dog/dusty-auction-from-partial-liquidation")
    return dart
