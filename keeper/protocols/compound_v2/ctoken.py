"""One market, a cToken, at one block: its sums as stored and as of the target, its factors, and what is wrong with it.

A liquidation accrues only the two markets of its pair, so both versions of the sums count. Source: CToken, Comptroller.
"""

from dataclasses import dataclass, replace

from keeper.protocols.compound_v2 import abi, math
from keeper.protocols.compound_v2.math import Totals
from keeper.protocols.feeds import NO_FEED, Feed
from keeper.types import ZERO_ADDRESS, Address, BlockTarget
from keeper.units import WAD

NOTHING = Totals(0, 0, 0, 0, WAD, 0)


@dataclass(frozen=True, slots=True)
class Listing:
    """What stays as it is of a market.

    `underlying` is what it lends, or the token that stands for the native asset where `native`. `by_time`: it accrues
    by seconds, not by blocks; `getters` tell when it last did and its rate. `implementation` is the code behind a
    proxy. `feed` is where its price comes from where the oracle tells, and `scale` the oracle's price per unit of the
    feed's answer. `trouble` says why it cannot be used; empty where it can.
    """

    token: Address
    underlying: Address = ZERO_ADDRESS
    native: bool = False
    decimals: int = 0
    by_time: bool = False
    getters: tuple[str, str] = (abi.ACCRUAL_BLOCK, abi.RATE_PER_BLOCK)
    has_share: bool = False
    implementation: Address | None = None
    feed: Feed = NO_FEED
    scale: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class CToken:
    """A market as read.

    `stored` is the contract's own state and `now` the same accrued to the target, `stored_rate` and `now_rate` their
    exchange rates (`initial_rate` while there are no cTokens). `rate` is per block or second; `factor` is what a
    cToken's worth may back; `share` is what a seizure burns; all in wad, as is `incentive`. `price` is the oracle's,
    dollars times 10**(36 - decimals), None where it gives none. `feeds` emit answers that move the price. `forced`:
    its borrowers need no shortfall.
    """

    listing: Listing
    stored: Totals = NOTHING
    now: Totals = NOTHING
    stored_rate: int = 0
    now_rate: int = 0
    initial_rate: int = 0
    rate: int = 0
    reserve_factor: int = 0
    factor: int = 0
    incentive: int = WAD
    share: int = 0
    price: int | None = None
    price_updated_at: int | None = None
    feeds: frozenset[Address] = frozenset()
    listed: bool = False
    debt_paused: bool = False
    collateral_paused: bool = False
    forced: bool = False
    trouble: str = ""

    @property
    def usable_price(self) -> int | None:
        """The price, None where anything is wrong with this market."""
        return None if self.trouble else self.price

    def projected(self, target: BlockTarget) -> "CToken":
        """Accrue to a target; exact until somebody touches the market."""
        time = target.timestamp if self.listing.by_time else target.number
        now = math.accrue(self.stored, self.rate, self.reserve_factor, time)
        return replace(
            self,
            now=now,
            stored_rate=math.exchange_rate(self.stored, self.initial_rate),
            now_rate=math.exchange_rate(now, self.initial_rate),
        )

    def with_stored(self, stored: Totals, target: BlockTarget) -> "CToken":
        """Replace the contract's own state."""
        return replace(self, stored=stored).projected(target)

    def denom(self, *, accrued: bool) -> int:
        """What one cToken may back, in wad; 0 without a price."""
        rate = self.now_rate if accrued else self.stored_rate
        return math.tokens_to_denom(self.factor, rate, self.usable_price or 0)

    def index(self, *, accrued: bool) -> int:
        """The borrow index, in wad."""
        return self.now.borrow_index if accrued else self.stored.borrow_index
