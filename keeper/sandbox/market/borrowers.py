"""Who borrows: accounts drawn from templates and placed on the path, each healthy until the step meant for it.

An account's health is a ratio of sums of amount x price x threshold, so its debts are found from the health wanted
at its step. The floats here only choose round amounts; whether an account is liquidatable is the contract's word.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from keeper.sandbox.aave import EMODES
from keeper.sandbox.assets import LISTINGS
from keeper.sandbox.feeds import DOLLAR
from keeper.sandbox.market.path import Prices, Step
from keeper.sandbox.market.templates import TEMPLATES, Template
from keeper.sandbox.packages import SandboxError
from keeper.types import Address
from keeper.units import BPS

BORROWABLE: Final = 0.997
"""The share of what the market would lend that is used at most: interest runs while the others borrow."""
TRIES: Final = 200

Amounts = tuple[tuple[str, int], ...]
"""Base units by symbol."""


@dataclass(frozen=True, slots=True)
class Borrower:
    """One account: what it supplies and borrows, in this order, and when it is meant to become liquidatable."""

    name: str
    kind: str
    account: Address
    supplies: Amounts
    borrows: Amounts
    emode: int
    step: str | None
    """The step that makes it liquidatable; None for the healthy."""


def plan_borrowers(rng: random.Random, path: Sequence[Step], seed: int) -> tuple[Borrower, ...]:
    """Draw every template's accounts; the same seed draws the same."""
    drawn: list[Borrower] = []

    for template in TEMPLATES:
        for place in range(template.count):
            name = f"{template.kind}-{place + 1}"
            account = Address(keccak(f"keeper sandbox {seed} {name}".encode())[-20:])
            supplies, borrows = _amounts(rng, path, template)
            drawn.append(Borrower(name, template.kind, account, supplies, borrows, template.emode, template.step))

    return tuple(drawn)


def health(borrower: Borrower, prices: Prices) -> float:
    """Compute an account's health at some prices, without interest; infinite without debt."""
    debt = sum(value(symbol, amount, prices) for symbol, amount in borrower.borrows)
    cover = _weighted(borrower.supplies, prices, borrower.emode, borrowing=False)
    return cover / debt if debt else float("inf")


def value(symbol: str, amount: int, prices: Prices) -> float:
    """Convert base units to US dollars."""
    return float(amount * prices[symbol] / (DOLLAR * 10 ** _BY_SYMBOL[symbol].decimals))


def _amounts(rng: random.Random, path: Sequence[Step], template: Template) -> tuple[Amounts, Amounts]:
    """Draw until the account can be opened and stays healthy until its step."""
    prices = _known_prices(path)
    at = prices[template.step] if template.step is not None else prices[path[0].name]

    for _ in range(TRIES):
        debt = rng.uniform(*template.dollars)
        wanted = rng.uniform(*template.health)
        borrows = _split(rng, template.debt, debt, at)
        unit_supplies = _split(rng, template.collateral, 1_000_000.0, at)
        scale = wanted * debt / _weighted(unit_supplies, at, template.emode, borrowing=False)
        supplies = tuple((symbol, int(amount * scale)) for symbol, amount in unit_supplies)
        drawn = Borrower("", template.kind, Address(bytes(20)), supplies, borrows, template.emode, template.step)

        if _can_be_opened(drawn, path[0].feeds) and _is_healthy_before(drawn, path, prices):
            return supplies, borrows

    raise SandboxError(f"no account of kind {template.kind} fits the path: its health or its step must change")


def _split(rng: random.Random, symbols: Iterable[str], dollars: float, prices: Prices) -> Amounts:
    """Split a value over tokens, no share less than a third of an even one."""
    names = tuple(symbols)
    shares = [rng.uniform(0.5, 1.5) for _ in names]
    return tuple(
        (
            symbol,
            int(dollars * share / sum(shares) * DOLLAR / prices[symbol] * 10 ** _BY_SYMBOL[symbol].decimals),
        )
        for symbol, share in zip(names, shares, strict=True)
    )


def _can_be_opened(borrower: Borrower, prices: Prices) -> bool:
    debt = sum(value(symbol, amount, prices) for symbol, amount in borrower.borrows)
    return debt <= _weighted(borrower.supplies, prices, borrower.emode, borrowing=True) * BORROWABLE


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


def _weighted(supplies: Amounts, prices: Prices, emode: int, *, borrowing: bool) -> float:
    return sum(
        value(symbol, amount, prices) * share
        for (symbol, amount), share in zip(supplies, _shares(supplies, emode, borrowing=borrowing), strict=True)
    )


def _shares(supplies: Amounts, emode: int, *, borrowing: bool) -> Iterator[float]:
    """Yield how much of each collateral counts: for borrowing, or before it is liquidated."""
    for symbol, _ in supplies:
        listing = _BY_SYMBOL[symbol]
        mode = _MODES.get(emode) if listing.emode == emode else None
        source = mode if mode is not None else listing
        yield (source.ltv_bps if borrowing else source.threshold_bps) / BPS


_BY_SYMBOL: Final = {listing.symbol: listing for listing in LISTINGS}
_MODES: Final = {mode.category: mode for mode in EMODES}
