"""What events do to the state, and what a state does about events it should not see."""

import pytest

from keeper.errors import ConfigError, DecodeError, DriftError, StateError
from keeper.protocols.base import Row
from keeper.protocols.morpho_blue import abi, saved
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.params import MarketParams
from keeper.protocols.morpho_blue.state import MorphoBlueSync
from keeper.protocols.words import encode, selector
from keeper.types import Address, Returned
from keeper.units import WAD
from tests.fakes.morpho_blue_market import BORROWER, KEY, MORPHO, NOW, PARAMS, head, log, target
from tests.fakes.reads import drive

CALLER = Address(b"\x0a" * 20)
ID = PARAMS.id
CREATED = log(abi.CREATE_MARKET, ID, data=PARAMS.encoded)
SUPPLIED = log(abi.SUPPLY, ID, CALLER, CALLER, words=(5_000, 5_000_000_000), index=1)
PLEDGED = log(abi.SUPPLY_COLLATERAL, ID, CALLER, BORROWER, words=(70,), index=2)
BORROWED = log(abi.BORROW, ID, BORROWER, CALLER, words=(CALLER.rjust(32, b"\0"), 1_000, 1_000_000_000), index=3)
OPENED = [CREATED, SUPPLIED, PLEDGED, BORROWED]


def words(*values):
    return Returned(True, b"".join(v.to_bytes(32, "big") for v in values))


class Chain:
    """A Morpho that answers what it is told; counts what it was asked."""

    def __init__(self, totals=(5_000, 5_000_000_000, 1_000, 1_000_000_000, NOW, 0), position=(0, 1_000_000_000, 70)):
        self.totals, self.position, self.asked = totals, position, []

    def __call__(self, call):
        self.asked.append(call.data[:4])
        answers = {
            selector(abi.MARKET): words(*self.totals),
            selector(abi.POSITION): words(*self.position),
            selector(abi.ID_TO_MARKET_PARAMS): words(0, 0, 0, 0, 0),
            selector(abi.PRICE): words(10**38),
            selector(abi.BORROW_RATE_VIEW): words(0),
            selector(abi.BALANCE_OF): words(4_000),
        }
        return answers.get(call.data[:4], Returned(False, b""))

    def count(self, signature):
        return self.asked.count(selector(signature))


def opened(chain=None):
    sync = MorphoBlueSync("morpho", MORPHO)
    drive(sync.bootstrap(head()), chain or Chain())
    sync.apply(OPENED)
    return sync


def test_market_follows_its_events():
    market = drive(opened().observe(head(), target(NOW + 12)), Chain())
    stored = market.isolated[ID].stored
    assert (stored.supply_assets, stored.supply_shares) == (5_000, 5_000_000_000)
    assert (stored.borrow_assets, stored.borrow_shares, stored.last_update) == (1_000, 1_000_000_000, NOW)
    assert market.borrower(KEY) == Borrower(1_000_000_000, 70)
    assert market.balances == {PARAMS.loan_token: 4_000, PARAMS.collateral_token: 4_000}


def test_market_of_the_newest_block_needs_no_read_of_its_totals():
    chain = Chain()
    drive(opened().observe(head(), target()), chain)
    assert chain.count(abi.MARKET) == 0


def test_market_of_an_older_block_is_asked_when_it_was_last_accrued():
    chain = Chain()
    market = drive(opened().observe(head(number=101, timestamp=NOW + 500), target(NOW + 512)), chain)
    assert chain.count(abi.MARKET) == 1
    assert market.isolated[ID].stored.last_update == NOW


def test_totals_that_differ_from_the_contracts_stop_the_deployment_and_are_read_again():
    sync = opened()
    chain = Chain(totals=(5_001, 5_000_000_000, 1_000, 1_000_000_000, NOW, 0))
    with pytest.raises(DriftError, match="not what its events add up to"):
        drive(sync.observe(head(number=101), target()), chain)

    drive(sync.bootstrap(head(number=102)), chain)
    assert drive(sync.observe(head(number=102), target()), chain).isolated[ID].stored.supply_assets == 5_001


def test_market_nobody_owes_in_is_not_read():
    sync = MorphoBlueSync("morpho", MORPHO)
    drive(sync.bootstrap(head()), Chain())
    sync.apply(OPENED[:3])
    chain = Chain()
    assert drive(sync.observe(head(), target()), chain).isolated == {}
    assert chain.asked == []


def test_interest_and_fee_arrive_by_event():
    sync = opened()
    sync.apply([log(abi.ACCRUE_INTEREST, ID, words=(1, 100, 9)), log(abi.SET_FEE, ID, words=(WAD // 10,), index=1)])
    stored = drive(sync.observe(head(), target()), Chain()).isolated[ID].stored
    assert (stored.supply_assets, stored.supply_shares, stored.borrow_assets) == (5_100, 5_000_000_009, 1_100)
    assert stored.fee == WAD // 10


def test_liquidation_with_bad_debt_clears_borrower_and_lenders():
    """Repaid 600 of 1000 assets and 6e8 of 1e9 shares; the rest, 400, is written off."""
    sync = opened()
    sync.apply([log(abi.LIQUIDATED, ID, CALLER, BORROWER, words=(600, 600_000_000, 70, 400, 400_000_000))])
    assert sync._totals[ID].supply_assets == 4_600
    assert (sync._totals[ID].borrow_assets, sync._totals[ID].borrow_shares) == (0, 0)
    assert sync._borrower(KEY) == Borrower()


def test_last_repayment_of_a_unit_too_much_leaves_nothing():
    sync = opened()
    applied = sync.apply([log(abi.REPAY, ID, CALLER, BORROWER, words=(1_001, 1_000_000_000))])
    assert sync._totals[ID].borrow_assets == 0
    assert sync._doubted == set()
    assert applied.touched == {KEY}


def test_withdrawals_are_the_senders_side_of_what_was_put_in():
    sync = opened()
    receiver = CALLER.rjust(32, b"\0")
    sync.apply([
        log(abi.WITHDRAW, ID, CALLER, CALLER, words=(receiver, 1_000, 1_000_000_000)),
        log(abi.WITHDRAW_COLLATERAL, ID, BORROWER, CALLER, words=(receiver, 30), index=1),
    ])  # fmt: skip
    assert (sync._totals[ID].supply_assets, sync._totals[ID].supply_shares) == (4_000, 4_000_000_000)
    assert sync._borrower(KEY).collateral == 40


def test_what_goes_below_zero_is_reread():
    sync, chain = opened(), Chain()
    sync.apply([log(abi.REPAY, ID, CALLER, BORROWER, words=(2_000, 2_000_000_000))])
    market = drive(sync.observe(head(), target()), chain)
    assert (chain.count(abi.POSITION), chain.count(abi.MARKET)) == (1, 1)
    assert market.borrower(KEY) == Borrower(1_000_000_000, 70)
    assert market.isolated[ID].stored.borrow_shares == 1_000_000_000


def test_event_of_a_market_never_created_stops_the_deployment():
    sync = MorphoBlueSync("morpho", MORPHO)
    with pytest.raises(StateError, match="start_block must not be after"):
        sync.apply([SUPPLIED])


def test_market_whose_id_is_not_its_hash_is_refused():
    other = MarketParams(CALLER, CALLER, CALLER, CALLER, 1)
    with pytest.raises(DecodeError, match="not the hash"):
        MorphoBlueSync("morpho", MORPHO).apply([log(abi.CREATE_MARKET, ID, data=other.encoded)])


def test_reread_after_a_reorganisation_doubts_what_was_touched_since():
    sync, chain = opened(), Chain(position=(0, 5, 6))
    drive(sync.observe(head(), target()), Chain())
    sync.apply([log(abi.SUPPLY, ID, CALLER, CALLER, words=(7, 7), block=101)])
    drive(sync.reread([KEY], head()), chain)
    market = drive(sync.observe(head(number=102), target()), chain)
    assert market.borrower(KEY) == Borrower(5, 6)
    assert market.isolated[ID].stored.supply_assets == 5_000


def test_state_survives_its_rows():
    first = opened()
    drive(first.observe(head(), target()), Chain())
    second, chain = MorphoBlueSync("morpho", MORPHO), Chain()
    second.restore(list(first.save(None)))
    drive(second.bootstrap(head()), chain)
    market = drive(second.observe(head(), target()), chain)
    assert market.isolated == drive(first.observe(head(), target()), Chain()).isolated
    assert dict(market.borrowers(None)) == {KEY: Borrower(1_000_000_000, 70)}
    assert chain.count(abi.MARKET) == 2  # once to see that it is a Morpho


def test_save_writes_what_changed_and_then_nothing():
    sync = opened()
    assert [row.key for row in sync.save([KEY])] == [saved.ROSTER_KEY, bytes(ID), bytes(KEY)]
    assert list(sync.save([])) == []


@pytest.mark.parametrize(
    "row",
    [Row(b"what", b""), Row(saved.ROSTER_KEY, b"\x00"), Row(bytes(32), b"\x00"), Row(bytes(52), b"\x00")],
    ids=["kind", "markets", "totals", "borrower"],
)
def test_rows_of_another_shape_are_refused(row):
    with pytest.raises(DecodeError):
        MorphoBlueSync("morpho", MORPHO).restore([row])


def test_bootstrap_where_there_is_no_morpho_names_the_deployment():
    with pytest.raises(ConfigError, match=r"deployment morpho: .* does not answer like Morpho Blue"):
        drive(MorphoBlueSync("morpho", MORPHO).bootstrap(head()), lambda _: Returned(True, b""))


def test_rate_is_asked_for_the_targets_time():
    """A market last touched at NOW, read at NOW + 100 for NOW + 112, is asked as if last touched 12 s earlier."""
    asked = []
    chain = Chain()

    def answer(call):
        asked.append(call)
        return chain(call)

    drive(opened().observe(head(number=101, timestamp=NOW + 100), target(NOW + 112)), answer)
    (rate,) = [call for call in asked if call.data[:4] == encode(abi.BORROW_RATE_VIEW)]
    assert rate.data[4 : 4 + 160] == PARAMS.encoded
    assert int.from_bytes(rate.data[4 + 9 * 32 : 4 + 10 * 32], "big") == NOW - 12


def test_anybodys_contracts_are_asked_alone_with_little_gas():
    asked = []
    chain = Chain()

    def answer(call):
        asked.append(call)
        return chain(call)

    drive(opened().observe(head(), target()), answer)
    assert {call.to for call in asked if call.gas is None} == {PARAMS.irm}
    assert max(call.gas or 0 for call in asked) == 2_000_000
