"""Who borrows: accounts drawn from templates and placed on the path, each healthy until the step meant for it.

An account's health is a ratio of sums of amount x price x threshold, so its debts are found from the health wanted
at its step. The floats here only choose round amounts; whether an account is liquidatable is the contract's word.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from keeper.sandbox.assets import LISTINGS
from keeper.sandbox.feeds import DOLLAR
from keeper.sandbox.market.draw import Draw
from keeper.sandbox.market.path import Prices, Step
from keeper.sandbox.market.templates import Template
from keeper.sandbox.packages import SandboxError
from keeper.types import Address

BORROWABLE: Final = 0.997
"""The share of what the market would lend that is used at most: interest runs while the others borrow."""
TRIES: Final = 200

Amounts: TypeAlias = tuple[tuple[str, int], ...]
"""Base units by symbol."""


class Weight(NamedTuple):
    """The share of a collateral that counts: for borrowing, and before it is liquidated."""

    borrowing: float
    threshold: float


Weigh: TypeAlias = Callable[[Template, str], Weight]
"""How a market weighs a collateral of an account of some kind."""


@dataclass(frozen=True, slots=True)
class Borrower:
    """One account: what it supplies and borrows, in this order, and when it is meant to become liquidatable."""

    name: str
    kind: str
    account: Address
    supplies: Amounts
    borrows: Amounts
    weights: tuple[Weight, ...]
    """Of what it supplies."""
    emode: int
    step: str | None
    """The step that makes it liquidatable; None for the healthy."""


def plan_borrowers(draw: Draw, templates: Iterable[Template], weigh: Weigh) -> tuple[Borrower, ...]:
    """Draw every template's accounts; the same draw gives the same."""
    rng = draw.rng()
    drawn: list[Borrower] = []

    for template in templates:
        for place in range(template.count):
            name = f"{template.kind}-{place + 1}"
            drawn.append(_borrower(rng, draw, template, weigh, name))

    return tuple(drawn)


def health(borrower: Borrower, prices: Prices) -> float:
    """Compute an account's health at some prices, without interest; infinite without debt."""
    debt = sum(value(symbol, amount, prices) for symbol, amount in borrower.borrows)
    cover = sum(
        value(symbol, amount, prices) * weight.threshold
        for (symbol, amount), weight in zip(borrower.supplies, borrower.weights, strict=True)
    )
    return cover / debt if debt else float("inf")


def value(symbol: str, amount: int, prices: Prices) -> float:
    """Convert base units to US dollars."""
    return float(amount * prices[symbol] / (DOLLAR * 10 ** _DECIMALS[symbol]))


def _borrower(rng: random.Random, draw: Draw, template: Template, weigh: Weigh, name: str) -> Borrower:
    """Draw until the account can be opened and stays healthy until its step."""
    prices = _known_prices(draw.path)
    at = prices[template.step] if template.step is not None else prices[draw.path[0].name]
    weights = tuple(weigh(template, symbol) for symbol in template.collateral)

    for _ in range(TRIES):
        debt = rng.uniform(*template.dollars)
        wanted = rng.uniform(*template.health)
        borrows = _split(rng, template.debt, debt, at)
        unit_supplies = _split(rng, template.collateral, 1_000_000.0, at)
        cover = sum(
            value(symbol, amount, at) * weight.threshold
            for (symbol, amount), weight in zip(unit_supplies, weights, strict=True)
        )
        supplies = tuple((symbol, int(amount * wanted * debt / cover)) for symbol, amount in unit_supplies)
        drawn = Borrower(
            name, template.kind, draw.account(name), supplies, borrows, weights, template.emode, template.step
        )

        if _can_be_opened(drawn, draw.path[0].feeds) and _is_healthy_before(drawn, draw.path, prices):
            return drawn

    raise SandboxError(f"no account of kind {template.kind} fits the path: its health or its step must change")


def _split(rng: random.Random, symbols: Iterable[str], dollars: float, prices: Prices) -> Amounts:
    """Split a value over tokens, no share less than a third of an even one."""
    names = tuple(symbols)
    shares = [rng.uniform(0.5, 1.5) for _ in names]
    return tuple(
        (symbol, int(dollars * share / sum(shares) * DOLLAR / prices[symbol] * 10 ** _DECIMALS[symbol]))
        for symbol, share in zip(names, shares, strict=True)
    )


def _can_be_opened(borrower: Borrower, prices: Prices) -> bool:
    debt = sum(value(symbol, amount, prices) for symbol, amount in borrower.borrows)
    limit = sum(
        value(symbol, amount, prices) * weight.borrowing
        for (symbol, amount), weight in zip(borrower.supplies, borrower.weights, strict=True)
    )
    return debt <= limit * BORROWABLE


def _is_healthy_before(borrower: Borrower, path: Sequence[Step], prices: Mapping[str, Prices]) -> bool:
    """Look at every step before the account's own; the healthy stay so to the end."""
    for step in path:
        if step.name == borrower.step:
            return health(borrower, prices[step.name]) < 1

        if health(borrower, prices[step.name]) <= 1:
            return False

    return True


def _known_prices(path: Iterable[Step]) -> dict[str, Prices]:
    """Read the feeds of every step, a blank one as what it said before."""
    known: dict[str, int] = {}
    found: dict[str, Prices] = {}

    for step in path:
        known.update((symbol, price) for symbol, price in step.feeds.items() if price)
        found[step.name] = dict(known)

    return found


_DECIMALS: Final = {listing.symbol: listing.decimals for listing in LISTINGS}
