"""What is asked once of a market: its constants, its assets, and where prices come from.

Every one of them is a constant of the implementation behind the proxy; governance changes them by an upgrade, which
its event tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.compound_v3 import abi
from keeper.protocols.compound_v3.terms import Curve, Curves, Terms
from keeper.protocols.feeds import Feed, answer, call, read_aggregator
from keeper.protocols.reads import Reads, ask, gather_all
from keeper.protocols.words import WORD, address_at, word
from keeper.types import Address, to_checksum

MAX_ASSETS: Final = 24
"""What the larger of both builds has room for."""
_INFO_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class Collateral:
    """One asset as the market lists it; `terms` have no price yet."""

    asset: Address
    feed: Feed
    decimals: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Listing:
    """One market's constants; assets in the order of their offsets."""

    comet: Address
    base_token: Address
    base_feed: Feed
    base_scale: int
    curves: Curves
    store_front_price_factor: int
    target_reserves: int
    assets: tuple[Collateral, ...]

    @property
    def base_decimals(self) -> int:
        """Decimals of the base token; a scale is a power of ten."""
        return len(str(self.base_scale)) - 1

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The base token's feed, then every asset's."""
        return (self.base_feed, *(one.feed for one in self.assets))

    def with_feed(self, place: int, feed: Feed) -> "Listing":
        """The same with one of `feeds` replaced."""
        if place == 0:
            return replace(self, base_feed=feed)

        assets = [replace(one, feed=feed) if i == place - 1 else one for i, one in enumerate(self.assets)]
        return replace(self, assets=tuple(assets))


def read_listing(comet: Address) -> Reads[Listing]:
    """Ask for everything; `DecodeError` if this is no Comet. Three rounds."""
    names = (
        abi.BASE_TOKEN, abi.BASE_PRICE_FEED, abi.BASE_SCALE, abi.NUM_ASSETS, abi.STORE_FRONT_PRICE_FACTOR,
        abi.TARGET_RESERVES, *abi.SUPPLY_CURVE, *abi.BORROW_CURVE,
    )  # fmt: skip
    answers = yield from ask(*(call(comet, name) for name in names))
    if any(not one.ok or len(one.data) != WORD for one in answers):
        raise DecodeError(f"{to_checksum(comet)} does not answer like a Comet of Compound V3")

    token, feed = (address_at(one.data, 0) for one in answers[:2])
    scale, count, factor, target, *rates = (word(one.data, 0) for one in answers[2:])
    if count > MAX_ASSETS:
        raise DecodeError(f"{to_checksum(comet)} lists {count} assets; no build of Comet has more than {MAX_ASSETS}")

    assets = yield from _read_assets(comet, count)
    feeds = yield from gather_all([read_aggregator(one) for one in (_at(feed), *(one.feed for one in assets))])
    return Listing(
        comet=comet,
        base_token=token,
        base_feed=feeds[0],
        base_scale=scale,
        curves=Curves(Curve(*rates[:4]), Curve(*rates[4:])),
        store_front_price_factor=factor,
        target_reserves=target,
        assets=tuple(replace(one, feed=found) for one, found in zip(assets, feeds[1:], strict=True)),
    )


def _read_assets(comet: Address, count: int) -> Reads[Sequence[Collateral]]:
    answers = yield from ask(*(call(comet, abi.ASSET_INFO, offset) for offset in range(count)))
    found = []
    for one in answers:
        data = answer(one, abi.ASSET_INFO, comet)
        if len(data) != _INFO_WORDS * WORD:
            raise DecodeError(f"{to_checksum(comet)} describes an asset in {len(data)} bytes")

        scale, borrow, liquidate, liquidation = (word(data, i) for i in range(3, 7))
        terms = Terms(scale, borrow, liquidate, liquidation, None)
        found.append(Collateral(address_at(data, 1), _at(address_at(data, 2)), len(str(scale)) - 1, terms))

    return found


def _at(source: Address) -> Feed:
    return Feed(source, None, dated=True)
