"""What is read every block: each reserve whole, categories, sentinel, and the accounts whose balances are in doubt.

A reserve's configuration word comes with its indices in one answer, so a parameter that changed without an event is
seen in the block it changed in.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from keeper.errors import StateError
from keeper.protocols.aave.reading import held_in, number_in, read_whole
from keeper.protocols.aave.roster import Listing, Roster
from keeper.protocols.aave_v3 import abi
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.discovery import Contracts, read_categories
from keeper.protocols.aave_v3.reserve import EMode, Reserve
from keeper.protocols.aave_v3.rules import Rules
from keeper.protocols.feeds import LATEST_ROUND_DATA, Feed, answer, call, price_in, round_in
from keeper.protocols.reads import Reads, ask, gather
from keeper.protocols.words import address_at, word
from keeper.types import Address, Call, PositionKey, Returned, to_checksum


def read_reserve(contracts: Contracts, rules: Rules, listing: Listing, feed: Feed) -> Reads[Reserve]:
    """Read one reserve whole, in one round; a failing price leaves only this reserve without one."""
    pool, asset = contracts.pool, listing.asset
    requests = [
        call(pool, abi.GET_RESERVE_DATA, asset),
        call(contracts.oracle, abi.GET_ASSET_PRICE, asset),
        call(asset, abi.BALANCE_OF, listing.a_token),
    ]
    if rules.grace_period:
        requests.append(call(pool, abi.GET_VIRTUAL_UNDERLYING_BALANCE, asset))
        requests.append(call(pool, abi.GET_LIQUIDATION_GRACE_PERIOD, asset))

    if feed.source is not None and feed.dated:
        requests.append(call(feed.source, LATEST_ROUND_DATA))

    answers = yield from ask(*requests)
    data = answer(answers[0], "getReserveData", pool)
    dropped = address_at(data, 8) != listing.a_token
    if not dropped and address_at(data, 10) != listing.v_token:
        raise StateError(f"the debt token of {to_checksum(asset)} is not the one it was listed with")

    price = price_in(answers[1])
    virtual = grace_until = None
    if rules.grace_period:
        virtual = word(answer(answers[3], "getVirtualUnderlyingBalance", pool), 0)
        grace_until = word(answer(answers[4], "getLiquidationGracePeriod", pool), 0)

    # From 3.1 to 3.3 a reserve may leave its liquidity unaccounted; what the token holds is then all there is.
    if rules.virtual_flag and not word(data, 0) >> 252 & 1:
        virtual = None

    direct, updated_at = round_in(answers[-1], price) if feed.has_rounds else (True, None)
    return Reserve(
        asset=asset,
        a_token=listing.a_token,
        v_token=listing.v_token,
        id=word(data, 7),
        config=0 if dropped else word(data, 0),
        liquidity_index=word(data, 1),
        liquidity_rate=word(data, 2),
        borrow_index=word(data, 3),
        borrow_rate=word(data, 4),
        last_update=word(data, 6),
        income=word(data, 1),
        debt_index=word(data, 3),
        price=price,
        price_updated_at=updated_at,
        feeds=feed.emitters if direct else frozenset(),
        virtual=virtual,
        underlying=held_in(answers[2]),
        grace_until=grace_until or 0,
    )


def read_sentinel(contracts: Contracts, rules: Rules) -> Reads[bool]:
    """Ask whether liquidations above a health of 0.95 are allowed; a sentinel that fails forbids them."""
    if contracts.sentinel is None or not rules.sentinel:
        return True

    (allowed,) = yield from ask(call(contracts.sentinel, abi.IS_LIQUIDATION_ALLOWED))
    return allowed.ok and len(allowed.data) == 32 and word(allowed.data, 0) == 1


def read_emodes(contracts: Contracts, rules: Rules, known: dict[int, EMode]) -> Reads[dict[int, EMode]]:
    """Read the categories in use again, in one round, with the price of those that have their own.

    A price source that was only now configured is priced from the next block on and unknown until then.
    """
    sources = {e.price_source for e in known.values() if e.price_source is not None}
    fresh, prices = yield from gather(read_categories(contracts, rules, known), _read_prices(contracts.oracle, sources))
    return {i: e if e.price_source is None else replace(e, price=prices.get(e.price_source)) for i, e in fresh.items()}


def _read_prices(oracle: Address, sources: Collection[Address]) -> Reads[dict[Address, int | None]]:
    order = sorted(sources)
    answers = yield from ask(*(call(oracle, abi.GET_ASSET_PRICE, source) for source in order))
    return {source: price_in(a) for source, a in zip(order, answers, strict=True)}


def read_accounts(
    contracts: Contracts, roster: Roster, ids: Mapping[int, int], keys: Sequence[PositionKey]
) -> Reads[dict[PositionKey, Account]]:
    """Read accounts whole: flags, category and every scaled balance, exactly as the chain has them."""
    return read_whole(
        keys,
        lambda key: _account_calls(contracts, roster, key),
        lambda coming: _account(contracts, roster, ids, coming),
    )


def _account_calls(contracts: Contracts, roster: Roster, key: PositionKey) -> list[Call]:
    requests = [call(contracts.pool, abi.GET_USER_CONFIGURATION, key), call(contracts.pool, abi.GET_USER_EMODE, key)]
    for listing in roster.listings:
        requests.append(call(listing.a_token, abi.SCALED_BALANCE_OF, key))
        requests.append(call(listing.v_token, abi.SCALED_BALANCE_OF, key))
        if listing.stable_token is not None:
            requests.append(call(listing.stable_token, abi.BALANCE_OF, key))

    return requests


def _account(contracts: Contracts, roster: Roster, ids: Mapping[int, int], coming: Iterator[Returned]) -> Account:
    flags = word(answer(next(coming), "getUserConfiguration", contracts.pool), 0)
    emode = word(answer(next(coming), "getUserEMode", contracts.pool), 0)
    supplied, borrowed = [], []
    collateral = stable = 0
    for place, listing in enumerate(roster.listings):
        supply = number_in(next(coming), listing.a_token, listed=place in ids)
        debt = number_in(next(coming), listing.v_token, listed=place in ids)
        supplied += [(place, supply)] if supply else []
        borrowed += [(place, debt)] if debt else []
        if place in ids:
            collateral |= (flags >> 2 * ids[place] + 1 & 1) << place

        if listing.stable_token is not None:
            stable += number_in(next(coming), listing.stable_token, listed=place in ids)

    return Account(tuple(supplied), tuple(borrowed), collateral, emode, stable_debt=stable > 0)
