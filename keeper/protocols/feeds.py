"""Reading prices of oracles that name a feed per asset, and the small questions every adapter asks while discovering.

An oracle's price may be the answer of a feed itself or of an adapter in front of it; only the former moves with the
feed's own events, so that what stands behind each price is asked as well.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import address_at, encode, signed, word
from keeper.types import ZERO_ADDRESS, Address, Call, Returned, to_checksum
from keeper.units import MAX_UINT256

GET_SOURCE_OF_ASSET: Final = "getSourceOfAsset(address)"
LATEST_ROUND_DATA: Final = "latestRoundData()"
AGGREGATOR: Final = "aggregator()"


@dataclass(frozen=True, slots=True)
class Feed:
    """Where a price comes from; `aggregator` is the contract behind a proxy, `dated` tells that rounds have a time."""

    source: Address | None
    aggregator: Address | None
    dated: bool

    @property
    def has_rounds(self) -> bool:
        """Tell whether `latestRoundData` is worth asking."""
        return self.source is not None and self.dated

    @property
    def emitters(self) -> frozenset[Address]:
        """Contracts whose events may tell the price."""
        return frozenset(address for address in (self.source, self.aggregator) if address is not None)


NO_FEED: Final = Feed(None, None, dated=False)


def call(to: Address, signature: str, *arguments: int | bytes) -> Call:
    """Build a read of a function of static arguments."""
    return Call(to, encode(signature, *arguments))


def answer(returned: Returned, what: str, asked: Address) -> bytes:
    """Return the data of an answer that must not be a revert."""
    if not returned.ok:
        raise DecodeError(f"{to_checksum(asked)} refused {what}", data=returned.data[:256].hex())

    return returned.data


def price_in(returned: Returned) -> int | None:
    """Read a price; None for a revert, a wrong shape, zero, or more than any price."""
    if not returned.ok or len(returned.data) != 32:
        return None

    price = word(returned.data, 0)
    return price if 0 < price <= MAX_UINT256 >> 1 else None


def round_in(returned: Returned, price: int | None) -> tuple[bool, int | None]:
    """Tell whether a source's round is the price itself, and its time; an adapter's round may be something else."""
    if not returned.ok or len(returned.data) != 160:
        return False, None

    return price is None or signed(word(returned.data, 1)) == price, word(returned.data, 3) or None


def read_feeds(oracle: Address, assets: Collection[Address]) -> Reads[dict[Address, Feed]]:
    """Ask where prices come from and what can be told about each source. Two rounds."""
    order = tuple(assets)
    answers = yield from ask(*(call(oracle, GET_SOURCE_OF_ASSET, asset) for asset in order))
    sources = [address_at(a.data, 0) if a.ok and len(a.data) == 32 else ZERO_ADDRESS for a in answers]
    probes = [call(s, getter) for s in sources for getter in (AGGREGATOR, LATEST_ROUND_DATA)]
    answers = yield from ask(*probes)
    feeds: dict[Address, Feed] = {}
    for i, (asset, source) in enumerate(zip(order, sources, strict=True)):
        behind, rounds = answers[2 * i], answers[2 * i + 1]
        aggregator = _address_or_none(behind)
        dated = rounds.ok and len(rounds.data) == 160
        feeds[asset] = Feed(None if source == ZERO_ADDRESS else source, aggregator, dated)

    return feeds


def read_aggregator(feed: Feed) -> Reads[Feed]:
    """Ask a proxy again which contract is behind it; that one emits the answers, and it changes without notice."""
    if feed.source is None:
        return feed

    (behind,) = yield from ask(call(feed.source, AGGREGATOR))
    return replace(feed, aggregator=_address_or_none(behind))


def _address_or_none(returned: Returned) -> Address | None:
    if not returned.ok or len(returned.data) != 32 or word(returned.data, 0) >> 160:
        return None

    address = address_at(returned.data, 0)
    return None if address == ZERO_ADDRESS else address
