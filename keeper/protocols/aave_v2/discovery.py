"""What must be known of a deployment before its first log: contracts, reserves, and what prices are quoted in.

Configuration names one address, the LendingPoolAddressesProvider; everything else is asked of it. All of it is asked
again while running, because governance may change any of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keeper.errors import DecodeError, StateError
from keeper.protocols.aave.roster import Listing
from keeper.protocols.aave_v2 import abi
from keeper.protocols.feeds import answer, call
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import address_at, addresses, word
from keeper.types import ZERO_ADDRESS, Address, to_checksum
from keeper.units import WAD

KNOWN_REVISIONS: Final = (1, 2)
"""Revisions of the pool whose rules these are; only an upgrade by governance changes one."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts of one deployment; the pool delegates liquidations to the collateral manager's code."""

    provider: Address
    pool: Address
    configurator: Address
    collateral_manager: Address
    oracle: Address


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What a pool says about itself; `flash_premium` in bps."""

    revision: int
    assets: tuple[Address, ...]
    flash_premium: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Base:
    """What the oracle's prices are in: `unit` of it make one whole `token`, or one US dollar where that is None."""

    token: Address | None
    unit: int


def read_contracts(provider: Address) -> Reads[Contracts]:
    """Ask the provider for the contracts of the market; `DecodeError` if it is no provider."""
    getters = (abi.GET_LENDING_POOL, abi.GET_CONFIGURATOR, abi.GET_COLLATERAL_MANAGER, abi.GET_PRICE_ORACLE)
    answers = yield from ask(*(call(provider, getter) for getter in getters))
    if not all(a.ok and len(a.data) == 32 for a in answers):
        raise DecodeError(f"{to_checksum(provider)} does not answer like a LendingPoolAddressesProvider of Aave V2")

    return Contracts(provider, *(address_at(a.data, 0) for a in answers))


def read_pool_facts(pool: Address) -> Reads[PoolFacts]:
    """Ask a pool for its revision, its reserves, the price of a flash loan and whether it is paused.

    `StateError` for a revision nobody has written rules for.
    """
    getters = (abi.LENDINGPOOL_REVISION, abi.GET_RESERVES_LIST, abi.FLASHLOAN_PREMIUM_TOTAL, abi.PAUSED)
    answers = yield from ask(*(call(pool, getter) for getter in getters))
    revision, listed, premium, paused = (answer(a, g, pool) for a, g in zip(answers, getters, strict=True))
    if word(revision, 0) not in KNOWN_REVISIONS:
        raise StateError(
            f"the pool at {to_checksum(pool)} has revision {word(revision, 0)}, whose liquidation rules this keeper "
            f"does not know (known: {', '.join(map(str, KNOWN_REVISIONS))}); upgrade the keeper or remove the "
            "deployment",
            revision=word(revision, 0),
        )

    return PoolFacts(word(revision, 0), addresses(listed), word(premium, 0), paused=bool(word(paused, 0)))


def read_base(oracle: Address) -> Reads[Base]:
    """Ask what prices are quoted in; `StateError` for an oracle that says it in neither of the known ways."""
    getters = (abi.BASE_CURRENCY, abi.BASE_CURRENCY_UNIT, abi.WETH)
    currency, unit, weth = yield from ask(*(call(oracle, getter) for getter in getters))
    if all(a.ok and len(a.data) == 32 for a in (currency, unit)) and word(unit.data, 0):
        token = address_at(currency.data, 0)
        return Base(None if token == ZERO_ADDRESS else token, word(unit.data, 0))

    if weth.ok and len(weth.data) == 32:
        return Base(address_at(weth.data, 0), WAD)

    raise StateError(
        f"the oracle at {to_checksum(oracle)} does not say what its prices are in: it has neither BASE_CURRENCY nor "
        "WETH; only markets priced in US dollars or in a token are supported"
    )


def read_listings(pool: Address, assets: Sequence[Address]) -> Reads[list[Listing]]:
    """Ask for the tokens of each reserve."""
    answers = yield from ask(*(call(pool, abi.GET_RESERVE_DATA, asset) for asset in assets))
    found = [answer(a, "getReserveData", pool) for a in answers]
    return [
        Listing(asset, address_at(data, 7), address_at(data, 9), address_at(data, 8))
        for asset, data in zip(assets, found, strict=True)
    ]
