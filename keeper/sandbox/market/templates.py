"""What kinds of account the market has, and around which step each lives.

A range of health is the account's health right after its step. What a step can reach is bounded by how far it moves
the price (an account is healthy before it) and by what the market lends at the start.
"""

from dataclasses import dataclass
from typing import Final

from keeper.sandbox.market.path import BLANK, DEPEG, DIP, FALL, GAP, LAST, RALLY, SLIDE, UNBLANK, UNSTABLE

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Template:
    """`count` accounts of one kind."""

    kind: str
    count: int
    collateral: tuple[str, ...]
    debt: tuple[str, ...]
    dollars: Range
    """Of all debts together, at the account's step."""
    health: Range
    """Right after its step; at the start for those that stay healthy."""
    step: str | None
    emode: int = 0


ETHER_MODE: Final = 1
STABLE_MODE: Final = 2

TEMPLATES: Final = (
    # Healthy to the end.
    Template("healthy", 6, ("WETH",), ("USDC",), (5_000, 60_000), (1.7, 3.0), None),
    Template("healthy-mixed", 4, ("WBTC", "WETH"), ("DAI", "USDC"), (5_000, 60_000), (1.8, 2.5), None),
    Template("lender", 2, ("WETH", "DAI"), (), (1_000, 9_000), (1.0, 1.0), None),
    # One pair, the everyday case: half may be repaid.
    Template("short", 3, ("USDC",), ("WETH",), (8_000, 40_000), (0.965, 0.995), RALLY),
    Template("long", 5, ("WETH",), ("USDC",), (8_000, 60_000), (0.955, 0.995), FALL),
    Template("long-dai", 2, ("WETH",), ("DAI",), (6_000, 25_000), (0.955, 0.995), FALL),
    Template("bitcoin", 3, ("WBTC",), ("USDC",), (10_000, 60_000), (0.962, 0.995), DIP),
    Template("link", 3, ("LINK",), ("USDC",), (4_000, 14_000), (0.955, 0.99), DIP),
    # Around the health below which all may be repaid.
    Template("just-half", 2, ("WETH",), ("USDC",), (8_000, 30_000), (0.9502, 0.9515), SLIDE),
    Template("just-full", 2, ("WETH",), ("USDC",), (8_000, 30_000), (0.9480, 0.9498), SLIDE),
    Template("full", 4, ("WETH",), ("USDC",), (5_000, 30_000), (0.936, 0.947), SLIDE),
    # Around the 2,000 dollars below which all may be repaid whatever the health, and the 1,000 that may not be left.
    Template("below-2000", 3, ("WETH",), ("USDC",), (1_300, 1_950), (0.955, 0.99), FALL),
    Template("above-2000", 3, ("WETH",), ("USDC",), (2_150, 2_900), (0.955, 0.99), FALL),
    Template("split-2000", 2, ("WETH",), ("USDC", "DAI"), (3_000, 3_900), (0.96, 0.99), SLIDE),
    # Too small to pay for the gas and the floor.
    Template("dust", 4, ("WETH",), ("USDC",), (15, 70), (0.955, 0.99), FALL),
    Template("speck", 2, ("WETH",), ("DAI",), (0.05, 1.5), (0.955, 0.99), FALL),
    # Several collaterals and debts.
    Template("mixed", 4, ("WETH", "WBTC"), ("USDC", "DAI"), (9_000, 50_000), (0.955, 0.99), SLIDE),
    Template("wide", 3, ("WETH", "LINK", "WBTC"), ("USDC", "DAI", "WETH"), (9_000, 40_000), (0.965, 0.99), SLIDE),
    Template("owes-bitcoin", 2, ("WETH", "wstETH"), ("WBTC",), (9_000, 30_000), (0.94, 0.985), DEPEG),
    # Efficiency modes.
    Template("staker", 4, ("wstETH",), ("WETH",), (20_000, 90_000), (0.955, 0.99), DEPEG, ETHER_MODE),
    Template("staker-full", 2, ("wstETH",), ("WETH",), (15_000, 60_000), (0.932, 0.948), DEPEG, ETHER_MODE),
    Template("staker-link", 2, ("wstETH", "LINK"), ("WETH",), (15_000, 50_000), (0.955, 0.99), DEPEG, ETHER_MODE),
    Template("stable", 3, ("DAI",), ("USDC",), (6_000, 40_000), (0.955, 0.99), UNSTABLE, STABLE_MODE),
    # Unpriced when it matters: must be left alone until its feed is back.
    Template("blind", 2, ("WETH", "LINK"), ("USDC",), (8_000, 25_000), (0.965, 0.985), BLANK),
    # Worth less than owed after a gap: what is left becomes a deficit.
    Template("gapped", 3, ("LINK",), ("USDC",), (2_500, 9_000), (0.64, 0.70), GAP),
    # More than the pools can take.
    Template("whale-bitcoin", 1, ("WBTC",), ("USDC", "DAI"), (5_000_000, 7_000_000), (0.962, 0.985), DIP),
    Template("whale-staker", 1, ("wstETH",), ("WETH",), (5_000_000, 7_000_000), (0.975, 0.985), UNBLANK, ETHER_MODE),
    # Where the sale loses more than the bonus brings.
    Template("stranded", 3, ("WBTC",), ("USDC",), (6_000, 40_000), (0.945, 0.98), LAST),
)
