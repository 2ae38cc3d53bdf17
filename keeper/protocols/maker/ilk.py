"""One collateral type at one block: what vaults of it are judged by, what its auctions are, what is wrong with it.

Everything here was read at the block; `now` values are projected to the target's time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from keeper.protocols.maker import math
from keeper.protocols.maker.auction import Rules, Sale
from keeper.protocols.maker.bark import Limits, Start
from keeper.protocols.maker.checked import RevertedError
from keeper.types import Address
from keeper.units import RAY

WAD_DECIMALS: Final = 18


@dataclass(frozen=True, slots=True)
class Listing:
    """What never changes of a collateral type: its name, join and token; `place` is that in the configuration."""

    place: int
    ilk: bytes
    join: Address
    gem: Address
    decimals: int

    @property
    def unit(self) -> int:
        """How much of the Vat's 18 decimals one base unit of the token is."""
        return int(10 ** (WAD_DECIMALS - self.decimals))

    @property
    def name(self) -> str:
        """The name for people."""
        return self.ilk.rstrip(b"\0").decode("ascii", errors="replace")


@dataclass(frozen=True, slots=True)
class Feed:
    """A price: `val` (wad) as it is answered, None where it has none.

    A feed that holds prices back (the OSM) has the next one in `waiting`, and lets it in when it is poked from `due`
    (unix s) on. `since` is the time of the price it has. None where the feed is not of that kind, or is stopped.
    """

    pip: Address
    val: int | None
    waiting: int | None = None
    due: int | None = None
    since: int | None = None

    def lets_in(self, timestamp: int) -> int | None:
        """The price a poke would let in at a time; None where it would not."""
        return None if self.due is None or timestamp < self.due else self.waiting


class Poke(Enum):
    """What must be called for a vault to be judged by a price."""

    NOTHING = "nothing"
    SPOT = "spotter"
    FEED = "feed, then spotter"


@dataclass(frozen=True, slots=True)
class Auction:
    """A running auction and the vault it is of."""

    sale: Sale
    owner: Address


@dataclass(frozen=True, slots=True)
class Ilk:
    """A collateral type.

    `rate` (ray) is as stored, `rate_now` as a drip would make it at the target; `fee` (ray) is what it grows by each
    second, since `rho` (unix s). `spot` (ray) is as stored, `dust` in rad, `mat` in ray. `limits` and `start.par` carry
    what all collateral types share. `spots` are the prices vaults can be judged by at the target, cheapest first.
    """

    listing: Listing
    clip: Address
    rate: int
    spot: int
    dust: int
    fee: int
    rho: int
    mat: int
    feed: Feed
    limits: Limits
    start: Start
    rules: Rules
    auctions: Mapping[int, Auction] = field(default_factory=dict)
    trouble: str = ""
    rate_now: int = 0
    spots: tuple[tuple[Poke, int], ...] = ()

    def at(self, timestamp: int) -> "Ilk":
        """Project to a time."""
        if self.trouble:
            return self

        try:
            rate_now = math.dripped(self.rate, self.fee, max(timestamp - self.rho, 0))
            offered = ((Poke.SPOT, self.feed.val), (Poke.FEED, self.feed.lets_in(timestamp)))
            poked = ((how, math.spot_price(val, self.start.par, self.mat)) for how, val in offered if val is not None)
            spots = tuple((how, spot) for how, spot in ((Poke.NOTHING, self.spot), *poked) if spot)
        except RevertedError:
            return replace(self, trouble="its rate or price is more than the contracts can count with")

        return replace(self, rate_now=rate_now, spots=spots)

    @property
    def lowest_spot(self) -> int | None:
        """The lowest price vaults can be judged by at the target; None without any."""
        return min((spot for _, spot in self.spots), default=None)

    def poked(self, how: Poke, timestamp: int) -> "Ilk":
        """After what it takes to be judged by a price, and a drip."""
        val = self.feed.lets_in(timestamp) if how is Poke.FEED else self.feed.val
        return replace(
            self,
            rate=self.rate_now,
            rho=timestamp,
            spot=dict(self.spots).get(how, 0),
            feed=replace(self.feed, val=val, due=None) if how is Poke.FEED else self.feed,
            start=replace(self.start, val=val),
        )

    def with_auction(self, number: int, auction: Auction | None) -> "Ilk":
        """With an auction as it now is, or without it."""
        others = {n: one for n, one in self.auctions.items() if n != number}
        return replace(self, auctions=others if auction is None else {**others, number: auction})

    def value(self, ink: int) -> int:
        """What collateral is worth in base units of DAI at the price it has, rounded down; by `spot` without one."""
        if self.start.val is None:
            return ink * self.spot * self.mat // RAY**2  # down, once: for people only

        return ink * self.start.feed() // RAY  # down
