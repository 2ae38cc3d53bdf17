"""What is read every block of each market: its sums, factors, price and pauses, in one round.

A market whose answers do not fit one another is set aside with the reason; nothing it says is used.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from keeper.protocols.compound_v2 import abi, math
from keeper.protocols.compound_v2.ctoken import CToken, Listing
from keeper.protocols.compound_v2.math import Totals
from keeper.protocols.compound_v2.rules import (
    LIQUIDATE_ACTION,
    REDEEM_ACTION,
    REPAY_ACTION,
    SEIZE_ACTION,
    Contracts,
    Rules,
)
from keeper.protocols.feeds import LATEST_ROUND_DATA, call, price_in
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, signed, word
from keeper.types import Address, BlockTarget, Call, Returned, to_checksum

_ACTIONS: Final = (LIQUIDATE_ACTION, REPAY_ACTION, SEIZE_ACTION, REDEEM_ACTION)
_SUMS: Final = (
    abi.GET_CASH,
    abi.TOTAL_BORROWS,
    abi.TOTAL_RESERVES,
    abi.TOTAL_SUPPLY,
    abi.BORROW_INDEX,
    abi.RESERVE_FACTOR,
    abi.EXCHANGE_RATE_STORED,
)


def read_token(contracts: Contracts, listing: Listing) -> Reads[tuple[CToken, int | None]]:
    """Read one market as it stands, and the incentive its comptroller gives it where it has one of its own."""
    if listing.trouble:
        return CToken(listing, trouble=listing.trouble), None

    answers = yield from ask(*_requests(contracts, listing))
    return _decoded(contracts, listing, iter(answers))


def settled(found: tuple[CToken, int | None], rules: Rules, target: BlockTarget) -> CToken:
    """Bring a market as read to the target, under its comptroller's rules."""
    token, incentive = found
    if token.trouble:
        return token

    return replace(token, incentive=incentive or rules.incentive).projected(target)


def _requests(contracts: Contracts, listing: Listing) -> Iterator[Call]:
    token, comptroller, speaks = listing.token, contracts.comptroller, contracts.speaks
    yield from (call(token, getter) for getter in _SUMS)
    yield from (call(token, getter) for getter in listing.getters)
    yield call(comptroller, abi.MARKETS, token)
    yield call(contracts.oracle, abi.UNDERLYING_PRICE, token)
    if listing.implementation is not None:
        yield call(token, abi.IMPLEMENTATION)

    if listing.has_share:
        yield call(token, abi.SEIZE_SHARE)

    yield from (call(comptroller, getter, token) for getter in _FORCED if getter in speaks)
    if abi.ACTION_PAUSED in speaks:
        yield from (call(comptroller, abi.ACTION_PAUSED, token, action) for action in _ACTIONS)

    if listing.feed.source is not None:
        yield call(listing.feed.source, LATEST_ROUND_DATA)


_FORCED: Final = (abi.IS_DEPRECATED, abi.FORCED_LIQUIDATION)


def _decoded(contracts: Contracts, listing: Listing, coming: Iterator[Returned]) -> tuple[CToken, int | None]:
    speaks = contracts.speaks
    numbers = [_number(next(coming)) for _ in range(len(_SUMS) + 2)]
    market, price = next(coming), price_in(next(coming))
    implementation = _address(next(coming)) if listing.implementation is not None else None
    share = _number(next(coming)) if listing.has_share else 0
    forced = [_number(next(coming)) for getter in _FORCED if getter in speaks]
    paused = [_number(next(coming)) for _ in _ACTIONS] if abi.ACTION_PAUSED in speaks else [0, 0, 0, 0]
    rounds = next(coming) if listing.feed.source is not None else None

    if implementation != listing.implementation:
        now = "none" if implementation is None else to_checksum(implementation)
        return _troubled(listing, f"its implementation is {now} and was another: restart once its rules are known")

    if any(number is None for number in (*numbers, share, *forced, *paused)) or len(market.data) < 2 * WORD:
        return _troubled(listing, "it does not answer what a cToken answers")

    cash, borrows, reserves, supply, index, reserve_factor, exchange_rate, accrued_at, rate = _known(numbers)
    stored = Totals(cash, borrows, reserves, supply, index, accrued_at)
    token = CToken(
        listing=listing,
        stored=stored,
        now=stored,
        initial_rate=0 if supply else exchange_rate,
        rate=rate,
        reserve_factor=reserve_factor,
        factor=_factor(market.data),
        share=share or 0,
        price=price,
        listed=bool(word(market.data, 0)),
        debt_paused=bool(paused[0] or paused[1]),
        collateral_paused=bool(paused[2] or paused[3]),
        forced=any(forced),
    )
    trouble = _trouble(token, exchange_rate)
    if trouble:
        return _troubled(listing, trouble)

    if rounds is not None:
        token = _dated(token, rounds)

    own = word(market.data, 4) if len(market.data) >= 5 * WORD else 0
    return token, own or None


def _trouble(token: CToken, exchange_rate: int) -> str:
    """Say why these answers cannot be a cToken's by the rules that are known here; empty where they can."""
    stored = token.stored
    if stored.cash + stored.borrows < stored.reserves:
        return "its reserves exceed what it has"

    if stored.borrow_index == 0:
        return "its borrow index is zero"

    if math.exchange_rate(stored, token.initial_rate) != exchange_rate:
        return "its exchange rate is not what its sums give: it goes by other rules"

    return "it does not accrue: its borrow rate is too high" if token.rate > math.BORROW_RATE_MAX else ""


def _factor(market: bytes) -> int:
    """What a cToken's worth may back: the liquidation threshold where the comptroller has one, else the factor."""
    return word(market, 3) if len(market) >= 5 * WORD else word(market, 1)


def _dated(token: CToken, rounds: Returned) -> CToken:
    """Note a feed's time, and that the price follows it where it does."""
    listing = token.listing
    if not rounds.ok or len(rounds.data) != 5 * WORD:
        return token

    follows = token.price == signed(word(rounds.data, 1)) * listing.scale
    feeds = listing.feed.emitters if follows else frozenset[Address]()
    return replace(token, price_updated_at=word(rounds.data, 3) or None, feeds=feeds)


def _troubled(listing: Listing, why: str) -> tuple[CToken, int | None]:
    return CToken(listing, trouble=why), None


def _known(numbers: list[int | None]) -> list[int]:
    return [number for number in numbers if number is not None]


def _number(returned: Returned) -> int | None:
    return word(returned.data, 0) if returned.ok and len(returned.data) == WORD else None


def _address(returned: Returned) -> Address | None:
    number = _number(returned)
    return None if number is None or number >> 160 else Address(number.to_bytes(20, "big"))
