"""The market just before a point inside a block, from its parent's and the logs before that point."""

import pytest

from keeper.protocols.aave_v3 import abi
from keeper.types import Address
from keeper.units import RAY
from tests.fakes.aave_v3_chain import OTHER, USER, event, minted, observed, started, two
from tests.fakes.aave_v3_market import DOLLAR, KEY, NOW, POOL, head, target


def following(**changes):
    """A market whose first reserve is priced by a proxy with an aggregator behind it."""
    aave = two()
    aave.reserves[0].source, aave.reserves[0].aggregator = Address(b"\x31" * 20), Address(b"\x32" * 20)
    aave.reserves[0].round_answer = DOLLAR
    for name, value in changes.items():
        setattr(aave.reserves[0], name, value)

    sync = started(aave)
    return sync, aave, observed(sync, aave)


def answered(address, answer):
    return event(address, (abi.ANSWER_UPDATED, (answer % 2**256).to_bytes(32, "big"), bytes(32)), NOW)


@pytest.mark.parametrize("address", [Address(b"\x31" * 20), Address(b"\x32" * 20)])
def test_preceding_takes_the_answer_of_a_direct_feed(address):
    sync, aave, parent = following()
    met = sync.preceding(parent, [answered(address, 7 * DOLLAR), answered(POOL, 9 * DOLLAR)], target(NOW + 12))
    assert [r.price for r in met.reserves] == [7 * DOLLAR, DOLLAR]
    assert (parent.reserves[0].price, met.target.timestamp) == (DOLLAR, NOW + 12)
    assert aave.reserves[0].price == DOLLAR


@pytest.mark.parametrize("answer", [0, -5])
def test_preceding_takes_an_answer_that_is_no_price_for_unknown(answer):
    sync, _, parent = following()
    assert sync.preceding(parent, [answered(Address(b"\x32" * 20), answer)], target()).reserves[0].price is None


def test_preceding_leaves_an_adapters_price_alone():
    """The source's own round is not the price, so its aggregator's answer is not either."""
    sync, _, parent = following(round_answer=3 * DOLLAR)
    assert sync.preceding(parent, [answered(Address(b"\x32" * 20), 7 * DOLLAR)], target()).reserves[0].price == DOLLAR


def test_preceding_follows_an_aggregator_that_was_replaced():
    """One feed is asked again in each block: both after two."""
    sync, aave, _ = following()
    aave.reserves[0].aggregator = Address(b"\x33" * 20)
    for number in (100, 101):
        aave.drive(sync.observe(head(number), target()))

    assert Address(b"\x33" * 20) in observed(sync, aave).reserves[0].feeds


def test_preceding_applies_accounts_and_indices_without_touching_the_state():
    sync, aave, _ = following()
    first, second = aave.reserves
    sync.apply([minted(first.a_token, USER, 100), minted(second.v_token, USER, 40)])
    parent = observed(sync, aave)
    logs = [
        event(POOL, (abi.RESERVE_DATA_UPDATED, second.asset), 11, 0, 22, 3 * RAY, 2 * RAY),
        event(second.v_token, (abi.BURN, USER, OTHER), 10, 0, 2 * RAY),
    ]
    met = sync.preceding(parent, logs, target(NOW + 12))
    # 40 scaled are 80 at an index of 2; less 10 is 70, so 35 scaled.
    assert met.account(KEY).borrowed == ((1, 35),)
    reserve = met.reserves[1]
    assert (reserve.income, reserve.debt_index, reserve.liquidity_rate, reserve.borrow_rate) == (
        3 * RAY,
        2 * RAY,
        11,
        22,
    )
    assert reserve.last_update == NOW + 12
    assert observed(sync, aave).account(KEY).borrowed == ((1, 40),)
