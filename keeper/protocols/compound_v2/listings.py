"""What is asked once of each market: what it lends, how it accrues, which code it runs, and where its price comes from.

A market that does not answer is listed with its trouble and costs nobody else anything.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from keeper.protocols.compound_v2 import abi
from keeper.protocols.compound_v2.ctoken import Listing
from keeper.protocols.compound_v2.rules import PROBE_GAS, Contracts
from keeper.protocols.feeds import AGGREGATOR, LATEST_ROUND_DATA, NO_FEED, Feed
from keeper.protocols.reads import Reads, ask, gather_all
from keeper.protocols.words import WORD, encode, selector, word
from keeper.types import ZERO_ADDRESS, Address, Call, Returned, to_checksum

MAX_DECIMALS: Final = 36
"""Prices are scaled by 36 less the decimals."""
_PROBES: Final = (
    abi.UNDERLYING,
    abi.ACCRUAL_BLOCK,
    abi.ACCRUAL_TIMESTAMP,
    abi.IS_TIME_BASED,
    abi.IMPLEMENTATION,
    abi.EXCHANGE_RATE_STORED,
    abi.SEIZE_SHARE,
    abi.SYMBOL,
)


def read_listings(contracts: Contracts, tokens: Sequence[Address], native: Address | None) -> Reads[list[Listing]]:
    """Ask several markets side by side; `native` is the token that stands for the native asset."""
    return (yield from gather_all([_read_listing(contracts, token, native) for token in tokens]))


def _read_listing(contracts: Contracts, token: Address, native: Address | None) -> Reads[Listing]:
    answers = yield from ask(*(Call(token, encode(getter), gas=PROBE_GAS) for getter in _PROBES))
    underlying, block, timestamp, time_based, implementation, worth, share, symbol = answers
    if not (_is_word(worth) and (_is_word(block) or _is_word(timestamp))):
        return Listing(token, trouble="it does not answer like a cToken")

    lent = _address(underlying)
    if lent is None and native is None:
        return Listing(token, trouble="it lends the native asset, and the configuration names no token for that")

    is_native = lent is None
    asset = lent or native or ZERO_ADDRESS
    decimals, asset_symbol = yield from ask(
        Call(asset, encode(abi.DECIMALS), gas=PROBE_GAS), Call(asset, encode(abi.SYMBOL), gas=PROBE_GAS)
    )
    if not _is_word(decimals) or word(decimals.data, 0) > MAX_DECIMALS:
        return Listing(token, trouble=f"{to_checksum(asset)} does not say its decimals")

    # A fork that counts in seconds renamed its getters, or kept the names and says so.
    renamed = not _is_word(block)
    listing = Listing(
        token=token,
        underlying=asset,
        native=is_native,
        decimals=word(decimals.data, 0),
        by_time=renamed or (_is_word(time_based) and word(time_based.data, 0) == 1),
        getters=(abi.ACCRUAL_TIMESTAMP, abi.RATE_PER_SECOND) if renamed else (abi.ACCRUAL_BLOCK, abi.RATE_PER_BLOCK),
        has_share=_is_word(share),
        implementation=_address(implementation),
    )
    # Oracles know the native asset by its market's name, and any other by its own.
    return (yield from _with_feed(listing, contracts.oracle, _text(symbol if is_native else asset_symbol)))


def _with_feed(listing: Listing, oracle: Address, symbol: bytes) -> Reads[Listing]:
    """Find the feed behind a price, where the oracle names feeds by symbol; most forks of the first oracle do."""
    if not symbol:
        return listing

    (named,) = yield from ask(Call(oracle, _get_feed(symbol), gas=PROBE_GAS))
    source = _address(named)
    if source is None:
        return listing

    probes = (AGGREGATOR, LATEST_ROUND_DATA, abi.DECIMALS)
    behind, rounds, decimals = yield from ask(*(Call(source, encode(getter), gas=PROBE_GAS) for getter in probes))
    if not (rounds.ok and len(rounds.data) == 5 * WORD and _is_word(decimals)):
        return listing

    shift = MAX_DECIMALS - listing.decimals - word(decimals.data, 0)
    if shift < 0:
        return replace(listing, feed=NO_FEED)

    return replace(listing, feed=Feed(source, _address(behind), dated=True), scale=10**shift)


def _get_feed(symbol: bytes) -> bytes:
    padded = symbol + bytes(-len(symbol) % WORD)
    return selector(abi.GET_FEED) + WORD.to_bytes(WORD, "big") + len(symbol).to_bytes(WORD, "big") + padded


def _text(returned: Returned) -> bytes:
    """Read a string answer; empty for anything else."""
    if not returned.ok or len(returned.data) < 2 * WORD or word(returned.data, 0) != WORD:
        return b""

    return returned.data[2 * WORD : 2 * WORD + min(word(returned.data, 1), WORD)]


def _address(returned: Returned) -> Address | None:
    if not _is_word(returned) or word(returned.data, 0) >> 160:
        return None

    found = Address(returned.data[12:])
    return None if found == ZERO_ADDRESS else found


def _is_word(returned: Returned) -> bool:
    return returned.ok and len(returned.data) == WORD
