"""What must be known of a deployment before its first log: contracts, rules, reserves, price sources, categories.

Configuration names one address, the PoolAddressesProvider; everything else is asked of it. All of it is asked again
while running, because governance may change any of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from keeper.errors import DecodeError, StateError
from keeper.protocols.aave.roster import Listing
from keeper.protocols.aave_v3 import abi
from keeper.protocols.aave_v3.reserve import EMode
from keeper.protocols.aave_v3.rules import Rules, rules_of
from keeper.protocols.feeds import answer, call
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import address_at, addresses, word
from keeper.types import ZERO_ADDRESS, Address, to_checksum

ALL_CATEGORIES = range(1, 256)
"""Every eMode id there can be; the pool does not list those in use."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts of one deployment; `sentinel` is None where none is configured."""

    provider: Address
    pool: Address
    configurator: Address
    oracle: Address
    sentinel: Address | None


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What a pool says about itself; `flash_premium` in bps."""

    rules: Rules
    assets: tuple[Address, ...]
    flash_premium: int


def read_contracts(provider: Address) -> Reads[Contracts]:
    """Ask the provider for the contracts of the market; `DecodeError` if it is no provider."""
    getters = (abi.GET_POOL, abi.GET_POOL_CONFIGURATOR, abi.GET_PRICE_ORACLE, abi.GET_PRICE_ORACLE_SENTINEL)
    answers = yield from ask(*(call(provider, getter) for getter in getters))
    if not all(a.ok and len(a.data) == 32 for a in answers):
        raise DecodeError(f"{to_checksum(provider)} does not answer like a PoolAddressesProvider of Aave V3")

    pool, configurator, oracle, sentinel = (address_at(a.data, 0) for a in answers)
    return Contracts(provider, pool, configurator, oracle, None if sentinel == ZERO_ADDRESS else sentinel)


def read_pool_facts(pool: Address) -> Reads[PoolFacts]:
    """Ask a pool for its revision, its reserves and the price of a flash loan."""
    revision, listed, premium = yield from ask(
        call(pool, abi.POOL_REVISION), call(pool, abi.GET_RESERVES_LIST), call(pool, abi.FLASHLOAN_PREMIUM_TOTAL)
    )
    return PoolFacts(
        rules=rules_of(word(answer(revision, "POOL_REVISION", pool), 0), pool),
        assets=addresses(answer(listed, "getReservesList", pool)),
        flash_premium=word(answer(premium, "FLASHLOAN_PREMIUM_TOTAL", pool), 0),
    )


def read_base_unit(oracle: Address) -> Reads[int]:
    """Ask how many units of the base currency make a dollar; `StateError` where it is no dollar."""
    currency, unit = yield from ask(call(oracle, abi.BASE_CURRENCY), call(oracle, abi.BASE_CURRENCY_UNIT))
    base = address_at(answer(currency, "BASE_CURRENCY", oracle), 0)
    if base != ZERO_ADDRESS:
        raise StateError(
            f"the market's prices are in {to_checksum(base)}, not in US dollars: its size rules and the keeper's "
            "profit would be in that token; only dollar markets are supported"
        )

    return word(answer(unit, "BASE_CURRENCY_UNIT", oracle), 0)


def read_listings(pool: Address, assets: Sequence[Address], rules: Rules) -> Reads[list[tuple[Listing, int]]]:
    """Ask for the tokens and the pool's own id of each reserve."""
    answers = yield from ask(*(call(pool, abi.GET_RESERVE_DATA, asset) for asset in assets))
    found = []
    for asset, returned in zip(assets, answers, strict=True):
        data = answer(returned, "getReserveData", pool)
        stable = address_at(data, 9)
        has_stable = stable != ZERO_ADDRESS and not rules.emode_bitmap
        listing = Listing(asset, address_at(data, 8), address_at(data, 10), stable if has_stable else None)
        found.append((listing, word(data, 7)))

    return found


def read_categories(contracts: Contracts, rules: Rules, ids: Collection[int]) -> Reads[dict[int, EMode]]:
    """Ask for eMode categories; an id that was never configured is left out. One round, two with a price source."""
    order = tuple(ids)
    if rules.emode_bitmap:
        return (yield from _read_bitmap_categories(contracts.pool, order))

    answers = yield from ask(*(call(contracts.pool, abi.GET_EMODE_CATEGORY_DATA, i) for i in order))
    found: dict[int, EMode] = {}
    for i, returned in zip(order, answers, strict=True):
        data = answer(returned, "getEModeCategoryData", contracts.pool)
        start = word(data, 0) // 32  # the struct holds a text, so it comes by offset
        threshold, bonus, source = word(data, start + 1), word(data, start + 2), address_at(data, start + 3)
        if threshold:
            found[i] = EMode(i, threshold, bonus, price_source=None if source == ZERO_ADDRESS else source)

    return found


def _read_bitmap_categories(pool: Address, order: Sequence[int]) -> Reads[dict[int, EMode]]:
    getters = (abi.GET_EMODE_COLLATERAL_CONFIG, abi.GET_EMODE_COLLATERAL_BITMAP)
    answers = yield from ask(*(call(pool, getter, i) for i in order for getter in getters))
    found: dict[int, EMode] = {}
    for position, i in enumerate(order):
        config = answer(answers[2 * position], "getEModeCategoryCollateralConfig", pool)
        bitmap = answer(answers[2 * position + 1], "getEModeCategoryCollateralBitmap", pool)
        if word(config, 1):
            found[i] = EMode(i, word(config, 1), word(config, 2), bitmap=word(bitmap, 0))

    return found
