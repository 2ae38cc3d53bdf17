"""The state of a deployment kept by logs: what it takes, doubts, rereads and writes down."""

import pytest

from keeper.errors import DecodeError
from keeper.protocols.aave_v3 import abi, build
from keeper.protocols.aave_v3.account import EMPTY
from keeper.protocols.base import Row
from keeper.types import Address, PositionKey
from keeper.units import RAY
from tests.fakes.aave_v3_chain import (
    CONFIGURATOR,
    ORACLE,
    OTHER,
    PROVIDER,
    USER,
    FakeAave,
    FakeReserve,
    event,
    minted,
    observed,
    started,
    two,
)
from tests.fakes.aave_v3_market import DOLLAR, KEY, POOL, account, head


def test_events_move_balances_flags_and_modes():
    aave = two()
    sync = started(aave)
    first, second = aave.reserves
    applied = sync.apply(
        [
            minted(first.a_token, USER, 100),
            event(POOL, (abi.COLLATERAL_ENABLED, first.asset, USER)),
            minted(second.v_token, USER, 40),
            event(POOL, (abi.USER_EMODE_SET, USER), 7),
            event(second.v_token, (abi.BURN, USER, OTHER), 10, 0, RAY),
            event(first.a_token, (abi.BALANCE_TRANSFER, USER, OTHER), 25, RAY),
        ]
    )
    assert applied.touched == {KEY, PositionKey(OTHER)}
    market = observed(sync, aave)
    assert market.account(KEY) == account({0: 75}, {1: 30}, emode=7)
    assert market.account(PositionKey(OTHER)) == account({0: 25}, {}, collateral=0)
    sync.apply([event(POOL, (abi.COLLATERAL_DISABLED, first.asset, USER))])
    assert observed(sync, aave).account(KEY).collateral == 0
    assert market.account(KEY).collateral == 1


def test_a_market_keeps_answering_as_of_its_block():
    aave = two()
    sync = started(aave)
    sync.apply([minted(aave.reserves[0].a_token, USER, 100)])
    before = observed(sync, aave)
    sync.apply([event(aave.reserves[0].a_token, (abi.BURN, USER, USER), 100, 0, RAY)])
    after = observed(sync, aave)
    assert (before.account(KEY).supplied, after.account(KEY)) == (((0, 100),), EMPTY)
    assert (len(before.ledger), len(after.ledger)) == (1, 0)


def test_a_new_reserve_asks_for_its_tokens_logs_and_takes_flags_at_once():
    aave = two()
    sync = started(aave)
    fresh = FakeReserve(2, id=2)
    aave.reserves.append(fresh)
    applied = sync.apply(
        [
            event(CONFIGURATOR, (abi.RESERVE_INITIALIZED, fresh.asset, fresh.a_token), 0, bytes(12) + fresh.v_token, 0),
            event(POOL, (abi.COLLATERAL_ENABLED, fresh.asset, USER), index=1),
        ]
    )
    assert [q.addresses for q in applied.new_sources] == [(fresh.a_token, fresh.v_token)]
    assert sync.apply([minted(fresh.a_token, USER, 5)]).new_sources == ()
    assert observed(sync, aave).account(KEY) == account({2: 5}, {})


def test_a_new_category_is_read_in_the_same_block():
    aave = two()
    sync = started(aave)
    aave.categories[9] = (0b1, 9_000, 10_100)
    sync.apply([event(CONFIGURATOR, (abi.EMODE_CATEGORY_ADDED, (9).to_bytes(32, "big")))])
    assert observed(sync, aave).emodes[9].threshold == 9_000


def test_a_new_price_source_is_asked_in_the_same_block():
    aave = two()
    sync = started(aave)
    aave.reserves[0].source, aave.reserves[0].round_answer = Address(b"\x31" * 20), DOLLAR
    sync.apply([event(ORACLE, (abi.ASSET_SOURCE_UPDATED, aave.reserves[0].asset, aave.reserves[0].source))])
    assert observed(sync, aave).reserves[0].feeds == {aave.reserves[0].source}


@pytest.mark.parametrize(
    "log",
    [
        event(FakeReserve(0).a_token, (abi.MINT, USER, USER), 1, 0),
        event(FakeReserve(0).a_token, (abi.MINT, USER, USER), 1, 0, 0),
        event(FakeReserve(0).a_token, (abi.MINT, USER), 1, 0, RAY),
        event(POOL, (abi.USER_EMODE_SET, USER)),
        event(POOL, (abi.COLLATERAL_ENABLED, USER)),
    ],
)
def test_an_event_of_another_shape_stops_the_deployment(log):
    with pytest.raises(DecodeError):
        started(two()).apply([log])


# Doubt -------------------------------------------------------------------------------------------------------------


def test_holders_of_an_upgraded_token_are_reread_before_the_next_market():
    """Their balances were reconstructed under rules that may not have been in force; those who owe are reread."""
    aave = two()
    sync = started(aave)
    first, second = aave.reserves
    sync.apply([minted(first.a_token, USER, 100), minted(second.v_token, USER, 40), minted(first.a_token, OTHER, 9)])
    applied = sync.apply([event(first.a_token, (abi.UPGRADED, USER))])
    aave.scaled = {(first.a_token, USER): 101, (second.v_token, USER): 40, (first.a_token, OTHER): 10}
    aave.flags = {USER: 0b10}
    market = observed(sync, aave)
    assert applied.touched == {KEY, PositionKey(OTHER)}
    assert market.account(KEY) == account({0: 101}, {1: 40})
    assert market.account(PositionKey(OTHER)).supplied == ((0, 9),)
    # The other account is reread once it owes something.
    sync.apply([minted(second.v_token, OTHER, 1)])
    aave.scaled[second.v_token, OTHER] = 1
    assert observed(sync, aave).account(PositionKey(OTHER)).supplied == ((0, 10),)


def test_events_right_after_an_upgrade_are_in_doubt_as_well():
    aave = two()
    sync = started(aave)
    first, second = aave.reserves
    sync.apply(
        [
            event(second.v_token, (abi.UPGRADED, USER)),
            minted(first.a_token, USER, 100, index=1),
            minted(second.v_token, USER, 40, index=2),
        ]
    )
    aave.scaled = {(first.a_token, USER): 100, (second.v_token, USER): 39}
    assert observed(sync, aave).account(KEY).borrowed == ((1, 39),)


def test_a_balance_below_zero_is_reread_and_not_believed():
    aave = two()
    sync = started(aave)
    first, second = aave.reserves
    sync.apply([minted(second.v_token, USER, 40), event(first.a_token, (abi.BURN, USER, USER), 3, 0, RAY)])
    aave.scaled = {(first.a_token, USER): 2, (second.v_token, USER): 40}
    assert observed(sync, aave).account(KEY).supplied == ((0, 2),)


def test_stable_debt_sets_an_account_aside_until_it_is_gone():
    stable = Address(b"\xe0" * 20)
    aave = FakeAave([FakeReserve(0, stable=stable)], revision=1)
    sync = started(aave)
    sync.apply([event(stable, (abi.STABLE_MINT, OTHER, USER), 5, 0, 0, 0, 0, 0)])
    aave.scaled = {(stable, USER): 5}
    assert observed(sync, aave).set_aside == {KEY}
    sync.apply([event(stable, (abi.STABLE_BURN, USER), 5, 5, 0, 0, 0)])
    aave.scaled = {}
    assert observed(sync, aave).set_aside == frozenset()


def test_reread_takes_the_chains_word_and_forgives_tokens_that_are_gone():
    """A reserve of an orphaned block has no tokens: calls to them answer nothing."""
    aave = two()
    sync = started(aave)
    orphan = FakeReserve(2, id=2)
    sync.apply(
        [event(CONFIGURATOR, (abi.RESERVE_INITIALIZED, orphan.asset, orphan.a_token), 0, bytes(12) + orphan.v_token, 0)]
    )
    aave.scaled = {(aave.reserves[0].a_token, USER): 12, (aave.reserves[1].v_token, USER): 3}
    aave.flags, aave.modes = {USER: 0b0010 | 0b0100}, {USER: 4}
    aave.drive(sync.reread([KEY], head()))
    assert observed(sync, aave).account(KEY) == account({0: 12}, {1: 3}, emode=4)


# Store -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bootstrap_first", [True, False])
def test_saved_state_comes_back(bootstrap_first):
    aave = two()
    sync = started(aave)
    first, second = aave.reserves
    sync.apply([minted(first.a_token, USER, 100), minted(second.v_token, USER, 40), minted(first.a_token, OTHER, 9)])
    sync.apply([event(first.a_token, (abi.BURN, OTHER, OTHER), 9, 0, RAY)])
    rows = list(sync.save(None)) + list(sync.save([PositionKey(OTHER)]))
    aave.reserves.insert(0, FakeReserve(7, id=7))

    again = build("aave", PROVIDER).sync
    if bootstrap_first:
        aave.drive(again.bootstrap(head()))

    again.restore(rows)
    if not bootstrap_first:
        aave.drive(again.bootstrap(head()))

    market = observed(again, aave)
    assert [r.asset for r in market.reserves] == [first.asset, second.asset, aave.reserves[0].asset]
    assert dict(market.ledger.items()) == {KEY: account({0: 100}, {1: 40}, collateral=0)}


def test_save_writes_the_roster_once_and_again_when_it_grew():
    sync = started(two())
    assert [row.key for row in sync.save([])] == [b"roster"]
    assert list(sync.save([])) == []
    fresh = FakeReserve(2)
    sync.apply(
        [event(CONFIGURATOR, (abi.RESERVE_INITIALIZED, fresh.asset, fresh.a_token), 0, bytes(12) + fresh.v_token, 0)]
    )
    assert [row.key for row in sync.save([])] == [b"roster"]


@pytest.mark.parametrize(
    "row", [Row(b"what", b""), Row(b"roster", b"\x01"), Row(bytes(20), b"\x01"), Row(bytes(20), bytes(70))]
)
def test_a_saved_row_of_another_shape_is_refused(row):
    with pytest.raises(DecodeError):
        started(two()).restore([row])
