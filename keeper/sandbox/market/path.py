"""Where prices go, step by step: what the feeds say, and what the pools trade at, which is not always the same.

The order of the steps is fixed, because the borrowers are placed around them; how far each goes depends on the seed.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keeper.sandbox.assets import LISTINGS
from keeper.sandbox.feeds import DOLLAR

JITTER: Final = 0.04
"""How much of a move is left to the seed, either way: little, since the borrowers' thresholds lie between the steps."""

Prices = Mapping[str, int]
"""US dollars with 8 decimals, by symbol."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is true from the block of this step on, until the next one `blocks` later."""

    name: str
    feeds: Prices
    """What is published; zero is an answer too."""
    traded: Prices
    """What arbitrage moves the pools to."""
    blocks: int


@dataclass(frozen=True, slots=True)
class Move:
    """One step relative to the one before: factors on the feeds, and where the pools stand relative to the feeds.

    A symbol in `blank` is published as zero; `stay` leaves the pools where they were.
    """

    name: str
    blocks: int
    factors: Mapping[str, float]
    off: Mapping[str, float]
    blank: tuple[str, ...] = ()
    stay: bool = False


START: Final = "start"
RALLY: Final = "ether rallies"
FALL: Final = "ether falls back"
DIP: Final = "bitcoin and LINK fall"
SLIDE: Final = "ether falls, the pools wait"
FOLLOW: Final = "the pools follow"
BOUNCE: Final = "prices recover a little"
DEPEG: Final = "staked ether loses its peg"
BLANK: Final = "the LINK feed reads zero, ether falls"
UNBLANK: Final = "the LINK feed is back, staked ether slips"
UNSTABLE: Final = "DAI loses its peg"
GAP: Final = "LINK gaps down, its pools fall further"
RETURN: Final = "the LINK pools return"
LAST: Final = "bitcoin falls, its pools collapse"

MOVES: Final = (
    Move(RALLY, 3, {"WETH": 1.09, "wstETH": 1.09}, {}),
    Move(FALL, 4, {"WETH": 0.865, "wstETH": 0.865, "WBTC": 0.95, "LINK": 0.94}, {}),
    Move(DIP, 4, {"WBTC": 0.94, "LINK": 0.92}, {}),
    Move(SLIDE, 4, {"WETH": 0.925, "wstETH": 0.925}, {}, stay=True),
    Move(FOLLOW, 3, {}, {}),
    Move(BOUNCE, 2, {"WETH": 1.03, "wstETH": 1.03, "WBTC": 1.02}, {}),
    Move(DEPEG, 5, {"wstETH": 0.90}, {}),
    Move(BLANK, 4, {"WETH": 0.93, "wstETH": 0.93}, {}, blank=("LINK",)),
    Move(UNBLANK, 4, {"LINK": 0.95, "wstETH": 0.97}, {}),
    Move(UNSTABLE, 4, {"DAI": 0.93}, {}),
    Move(GAP, 3, {"LINK": 0.62}, {"LINK": 0.80}),
    Move(RETURN, 4, {}, {}),
    Move(LAST, 4, {"WBTC": 0.91}, {"WBTC": 0.75}),
)


def make_path(rng: random.Random) -> tuple[Step, ...]:
    """Draw a path; its first step is the chain as it was built and takes no block."""
    told = {listing.symbol: listing.price for listing in LISTINGS}
    traded = dict(told)
    steps = [Step(START, dict(told), dict(traded), blocks=0)]

    for move in MOVES:
        jitter = 1 + rng.uniform(-JITTER, JITTER)

        for symbol, factor in move.factors.items():
            told[symbol] = round_price(told[symbol] * (1 + (factor - 1) * jitter))

        if not move.stay:
            traded = {symbol: round_price(price * move.off.get(symbol, 1.0)) for symbol, price in told.items()}

        feeds = {symbol: 0 if symbol in move.blank else price for symbol, price in told.items()}
        steps.append(Step(move.name, feeds, dict(traded), move.blocks))

    return tuple(steps)


def round_price(price: float) -> int:
    """Round to a hundredth of a cent: prices people can read, the same on every machine."""
    grain = DOLLAR // 10_000
    return int(price) // grain * grain
