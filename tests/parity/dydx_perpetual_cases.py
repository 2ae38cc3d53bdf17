"""Random accounts, prices and times for the dYdX perpetual, each near something that decides."""

from dataclasses import dataclass

from keeper.protocols.dydx_perpetual import math
from keeper.protocols.dydx_perpetual.market import Taker
from keeper.protocols.dydx_perpetual.math import Balance, Index, Signed
from keeper.protocols.dydx_perpetual.trade import Account
from keeper.types import Address
from keeper.units import WAD
from tests.parity.twin_dydx_lab import HIGH_MAKER, LOW_MAKER, TAKER

READ_AT = 1_700_000_000
THEMES = (
    "bound", "bound", "cushion", "cushion", "cushion", "underwater", "no position", "bare account", "tight account",
    "opposite account", "leveraged account", "closed", "fired", "no price", "dust",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A trader and the margin account as stored at `READ_AT`, and when somebody takes over what part of a payout."""

    theme: str
    maker: Address
    theirs: Account
    ours: Account
    taker: Taker
    index: Index
    rate: Signed
    price: int
    min_collateral: int
    insurance_fee: int
    timestamp: int
    part: int
    """In thousandths of the most that could be withdrawn."""

    @property
    def closed(self):
        return self.theme == "closed"

    @property
    def fired(self):
        return self.theme == "fired"


def signed(number):
    return Signed(abs(number), is_positive=number > 0)


def draw(rng):
    """One case of a theme; money from a few units to billions."""
    theme = rng.choice(THEMES)
    sign = rng.choice([1, -1])
    price = rng.randrange(1, 10**6) * 10 ** rng.randrange(14, 20)
    min_collateral = rng.choice([1_075 * 10**15] * 5 + [11 * 10**17] * 2 + [WAD])
    index = Index(READ_AT - rng.randrange(1, 10**6), signed(rng.randrange(-(10**18), 10**18)))
    rate = signed(rng.randrange(-260_416_666_666, 260_416_666_667) * rng.choice([0, 1, 1]))
    timestamp = READ_AT + rng.choice([1, 12, 12, 3_600, 86_400])
    size = sign * (rng.randrange(1, 50) if theme == "dust" else rng.randrange(10**4, 10 ** rng.randrange(5, 14)))
    worth = abs(size) * price // WAD
    local = Index(
        index.timestamp - rng.randrange(1, 10**6), signed(index.value.number + rng.randrange(-(10**15), 10**15))
    )
    if theme == "no position":
        theirs = Account(Balance(signed(-1), signed(0)), local)
    else:
        # What it is to be worth at the takeover, less the funding until then.
        now = math.advanced(index, timestamp, math.funding_over(rate, timestamp - index.timestamp), price)
        due = math.settled(Balance(signed(0), signed(size)), local, now).credit
        margin = _margin(rng, theme, worth * sign, min_collateral) - due.number
        theirs = Account(Balance(signed(margin), signed(size)), local)

    return Case(
        theme=theme,
        maker=Address(rng.choice([HIGH_MAKER, LOW_MAKER])),
        theirs=theirs,
        ours=_ours(rng, theme, size * price // WAD, size, index),
        taker=Taker(Address(TAKER), rng.choice([10_000, 12_000, 12_000, 20_000]), rng.choice([0, 10, 100])),
        index=index,
        rate=rate,
        price=0 if theme == "no price" else price,
        min_collateral=min_collateral,
        insurance_fee=rng.choice([0, 2 * 10**17, 5 * 10**17]),
        timestamp=timestamp,
        part=rng.choice([1_000, 1_000, rng.randrange(1, 1_000)]),
    )


def _margin(rng, theme, worth, min_collateral):
    """Margin of a position worth this: at its bound give or take a unit, below it, or below what it owes."""
    bound = -worth * min_collateral // WAD if worth < 0 else -worth * WAD // min_collateral
    if theme == "bound":
        return bound + rng.randrange(-2, 3)

    if theme == "underwater":
        return -worth - abs(worth) * rng.randrange(1, 100) // 1_000 - 1

    # Of the cushion between the bound and nothing
    return bound - (bound + worth) * rng.randrange(1, 900) // 1_000


def _ours(rng, theme, worth, theirs, index):
    """The margin account: rich unless the theme says otherwise."""
    settled_at = Index(
        index.timestamp - rng.randrange(10), signed(index.value.number + rng.randrange(-(10**12), 10**12))
    )
    rich = abs(worth) * rng.randrange(20, 100) + 10**6
    margin, held = rich, 0
    if theme == "bare account":
        margin = 0
    elif theme == "tight account":
        margin = abs(worth) * rng.randrange(5, 200) // 1_000 + 1
    elif theme == "opposite account":
        held = -theirs * rng.randrange(1, 3_000) // 1_000
    elif theme == "leveraged account":
        # More of the same: what a keeper has that took positions over before.
        held = theirs * rng.randrange(1, 2_000) // 1_000

    return Account(Balance(signed(margin), signed(held)), settled_at)
