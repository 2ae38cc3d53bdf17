"""What is read of a market every block: its totals, what it holds, its prices, and a quote to check our own against."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.compound_v3 import abi, math
from keeper.protocols.compound_v3.listing import Collateral, Listing
from keeper.protocols.compound_v3.market import Asset, Quoted
from keeper.protocols.compound_v3.terms import Base, RevertError, Totals
from keeper.protocols.feeds import LATEST_ROUND_DATA, Feed, answer, call
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, signed, word
from keeper.types import ZERO_ADDRESS, Call, Returned, to_checksum

PROBE_UNITS: Final = 1_000
"""Whole base tokens the market is asked to quote for: enough digits to tell another rule from ours."""
_BASICS: Final = 8
_ROUND_WORDS: Final = 5
_PER_ASSET: Final = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """One block's answers."""

    totals: Totals
    pause_flags: int
    base_quoted: Quoted
    balance: int
    assets: tuple[Asset, ...]


def read_market(listing: Listing) -> Reads[Seen]:
    """Ask everything in one round."""
    comet, token = listing.comet, listing.base_token
    requests = [call(comet, abi.TOTALS_BASIC), call(token, abi.BALANCE_OF, comet), _round(listing.base_feed)]
    for one in listing.assets:
        requests += [
            call(comet, abi.TOTALS_COLLATERAL, one.asset),
            call(one.asset, abi.BALANCE_OF, comet),
            _round(one.feed),
            call(comet, abi.QUOTE_COLLATERAL, one.asset, PROBE_UNITS * listing.base_scale),
        ]

    basic, balance, base_round, *rest = yield from ask(*requests)
    data = answer(basic, abi.TOTALS_BASIC, comet)
    if len(data) != _BASICS * WORD:
        raise DecodeError(f"{to_checksum(comet)} tells its totals in {len(data)} bytes")

    numbers = [word(data, i) for i in range(_BASICS)]
    base_quoted = quoted_in(base_round)
    base = Base(listing.base_scale, base_quoted.price)
    coming = iter(rest)
    return Seen(
        totals=Totals(numbers[0], numbers[1], numbers[4], numbers[5], numbers[6]),
        pause_flags=numbers[7],
        base_quoted=base_quoted,
        balance=word(answer(balance, abi.BALANCE_OF, token), 0),
        assets=tuple(_asset(one, coming, base, listing) for one in listing.assets),
    )


def _round(feed: Feed) -> Call:
    return call(feed.source or ZERO_ADDRESS, LATEST_ROUND_DATA)


def quoted_in(returned: Returned) -> Quoted:
    """Take a feed's round: the price as the contract takes it, which asks for no more than a positive answer."""
    if not returned.ok or len(returned.data) != _ROUND_WORDS * WORD:
        return Quoted(None)

    price = signed(word(returned.data, 1))
    return Quoted(price if price > 0 else None, word(returned.data, 3) or None)


def _asset(listed: Collateral, coming: Iterator[Returned], base: Base, listing: Listing) -> Asset:
    total, balance, rounds, quote = (next(coming) for _ in range(_PER_ASSET))
    supply = word(answer(total, abi.TOTALS_COLLATERAL, listing.comet), 0)
    if not balance.ok or len(balance.data) != WORD:
        return Asset(listed, Quoted(None), supply, supply, "its token does not say what the market has of it")

    asset = Asset(listed, quoted_in(rounds), supply, word(balance.data, 0))
    if asset.balance < supply:
        return replace(asset, trouble="the market has less of it than it owes its accounts")

    return replace(asset, trouble=_trouble(asset, quote, base, listing))


def _trouble(asset: Asset, quote: Returned, base: Base, listing: Listing) -> str:
    """Say so where the market quotes otherwise than by the rules known here; empty where it does not."""
    try:
        ours = math.quote_collateral(
            PROBE_UNITS * listing.base_scale, asset.terms, base, listing.store_front_price_factor
        )
    except RevertError:
        return ""

    if not quote.ok or len(quote.data) != WORD:
        return "the market does not quote it, though its price is known"

    return "" if word(quote.data, 0) == ours else "the market quotes it by other rules than the known ones"
