"""What is read every block: each reserve whole; and accounts whole, where logs do not settle them.

A reserve's configuration word comes with its indices in one answer, so a parameter that changed without an event is
seen in the block it changed in.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from keeper.errors import StateError
from keeper.protocols.aave.reading import held_in, number_in, read_whole
from keeper.protocols.aave.roster import Listing, Roster
from keeper.protocols.aave_v2 import abi
from keeper.protocols.aave_v2.account import Account, StableDebt
from keeper.protocols.aave_v2.discovery import Contracts
from keeper.protocols.aave_v2.reserve import Reserve
from keeper.protocols.feeds import LATEST_ROUND_DATA, Feed, answer, call, price_in, round_in
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import address_at, word
from keeper.types import ZERO_ADDRESS, Call, PositionKey, Returned, to_checksum

STABLE_GETTERS: Final = (abi.PRINCIPAL_BALANCE_OF, abi.GET_USER_STABLE_RATE, abi.GET_USER_LAST_UPDATED)


def read_reserve(contracts: Contracts, listing: Listing, feed: Feed) -> Reads[Reserve]:
    """Read one reserve whole, in one round; a failing price leaves only this reserve without one."""
    pool, asset = contracts.pool, listing.asset
    requests = [
        call(pool, abi.GET_RESERVE_DATA, asset),
        call(contracts.oracle, abi.GET_ASSET_PRICE, asset),
        call(asset, abi.BALANCE_OF, listing.a_token),
    ]
    if feed.source is not None and feed.dated:
        requests.append(call(feed.source, LATEST_ROUND_DATA))

    answers = yield from ask(*requests)
    data = answer(answers[0], "getReserveData", pool)
    tokens = tuple(address_at(data, i) for i in (7, 8, 9))
    unlisted = tokens[0] == ZERO_ADDRESS  # its listing was orphaned
    if not unlisted and tokens != (listing.a_token, listing.stable_token, listing.v_token):
        raise StateError(f"the tokens of {to_checksum(asset)} are not those it was listed with")

    price = price_in(answers[1])
    direct, updated_at = round_in(answers[3], price) if feed.has_rounds else (True, None)
    return Reserve(
        asset=asset,
        a_token=listing.a_token,
        id=word(data, 11),
        config=word(data, 0),
        liquidity_index=word(data, 1),
        liquidity_rate=word(data, 3),
        borrow_index=word(data, 2),
        borrow_rate=word(data, 4),
        last_update=word(data, 6),
        income=word(data, 1),
        debt_index=word(data, 2),
        price=price,
        price_updated_at=updated_at,
        feeds=feed.emitters if direct else frozenset(),
        underlying=held_in(answers[2]),
    )


def read_accounts(
    contracts: Contracts, roster: Roster, ids: Mapping[int, int], keys: Sequence[PositionKey]
) -> Reads[dict[PositionKey, Account]]:
    """Read accounts whole: flags, scaled balances and stable debts, exactly as the chain has them.

    `ids` are the pool's own numbers of reserves by place, for the flags.
    """
    return read_whole(
        keys,
        lambda key: _account_calls(contracts, roster, key),
        lambda coming: _account(contracts, roster, ids, coming),
    )


def _account_calls(contracts: Contracts, roster: Roster, key: PositionKey) -> list[Call]:
    requests = [call(contracts.pool, abi.GET_USER_CONFIGURATION, key)]
    for listing in roster.listings:
        requests.append(call(listing.a_token, abi.SCALED_BALANCE_OF, key))
        requests.append(call(listing.v_token, abi.SCALED_BALANCE_OF, key))
        if listing.stable_token is not None:
            requests.extend(call(listing.stable_token, getter, key) for getter in STABLE_GETTERS)

    return requests


def _account(contracts: Contracts, roster: Roster, ids: Mapping[int, int], coming: Iterator[Returned]) -> Account:
    flags = word(answer(next(coming), "getUserConfiguration", contracts.pool), 0)
    account = Account()
    for place, listing in enumerate(roster.listings):
        # A reserve whose listing was orphaned has no tokens; nobody holds any.
        listed = place in ids
        account = account.with_supplied(place, number_in(next(coming), listing.a_token, listed=listed))
        account = account.with_borrowed(place, number_in(next(coming), listing.v_token, listed=listed))
        if listing.stable_token is not None:
            stable = (number_in(next(coming), listing.stable_token, listed=listed) for _ in range(3))
            account = account.with_stable(StableDebt(place, *stable))

        if listed:
            account = account.with_collateral(place, used=bool(flags >> 2 * ids[place] + 1 & 1))

    return account
