"""What events do to accounts, in the shapes forks give them, and what is kept of them in the store."""

from dataclasses import replace

import pytest

from keeper.errors import DecodeError, StateError
from keeper.protocols.base import Row
from keeper.protocols.compound_v2 import abi, saved
from keeper.protocols.compound_v2.account import EMPTY, Loan
from keeper.protocols.compound_v2.fold import Fold
from keeper.protocols.compound_v2.roster import MAX_MARKETS, Roster
from keeper.types import Address, Log, PositionKey
from keeper.units import WAD
from tests.fakes.compound_v2_market import COMPTROLLER, CONTRACTS, account, token_at

ANN, BOB = PositionKey(b"\x01" * 20), PositionKey(b"\x02" * 20)
LIQUIDATOR, VAI = Address(b"\x11" * 20), Address(b"\x5a" * 20)
PLACES = {token_at(0): 0, token_at(1): 1}


def padded(word):
    return word.rjust(32, b"\0") if isinstance(word, bytes) else word.to_bytes(32, "big")


def log(emitter, kind, *data, topics=()):
    return Log(emitter, (kind, *map(padded, topics)), b"".join(map(padded, data)), 1, bytes(32), bytes(32), 0)


def fold(*logs, accounts=None, indices=None):
    contracts = replace(CONTRACTS, liquidator=LIQUIDATOR, vai=VAI)
    made = Fold(contracts, PLACES, indices or {}, lambda key: (accounts or {}).get(key, EMPTY))
    made.apply(logs)
    return made


def moved(sender, to, amount):
    return log(token_at(0), abi.TRANSFER, amount, topics=(sender, to))


def test_minted_ctokens_come_from_the_market_and_burned_ones_go_to_it():
    done = fold(moved(token_at(0), ANN, 100), moved(ANN, BOB, 30), moved(BOB, token_at(0), 10))
    assert done.changes == {ANN: account({0: 70}, [], entered=0), BOB: account({0: 20}, [], entered=0)}


def test_more_ctokens_than_there_were_cannot_be():
    with pytest.raises(DecodeError, match="start_block must not be after"):
        fold(moved(ANN, BOB, 1))


def test_a_debt_is_kept_with_the_index_of_the_accrual_before_it():
    done = fold(
        log(token_at(1), abi.ACCRUED, 5, 6, 3 * WAD, 8),
        log(token_at(1), abi.BORROWED, ANN, 50, 700, 900),
        log(token_at(1), abi.ACCRUED_BRIEFLY, 6, 4 * WAD, 8),
        log(token_at(1), abi.REPAID, BOB, ANN, 100, 600, 800),
    )
    assert done.changes == {ANN: account({}, [Loan(1, 600, 4 * WAD)], entered=0)}
    assert done.indices == {1: 4 * WAD}


def test_a_market_that_never_accrued_lends_at_an_index_of_one_and_a_known_one_at_its_own():
    borrowed = log(token_at(1), abi.BORROWED, ANN, 50, 700, 900)
    assert fold(borrowed).changes[ANN].borrowed == (Loan(1, 700, WAD),)
    assert fold(borrowed, indices={1: 2 * WAD}).changes[ANN].borrowed == (Loan(1, 700, 2 * WAD),)


def test_a_debt_repaid_is_gone():
    owing = {ANN: account({}, [Loan(1, 700, WAD)], entered=0)}
    done = fold(log(token_at(1), abi.REPAID, ANN, ANN, 700, 0, 0), accounts=owing)
    assert done.changes == {ANN: EMPTY}


@pytest.mark.parametrize("indexed", [False, True])
def test_memberships_are_read_whether_or_not_their_arguments_are_indexed(indexed):
    words = (token_at(1), ANN)
    shape = {"topics": words} if indexed else {}
    data = () if indexed else words
    entered = fold(log(COMPTROLLER, abi.MARKET_ENTERED, *data, **shape))
    assert entered.changes[ANN].entered == 0b10
    left = fold(log(COMPTROLLER, abi.MARKET_EXITED, *data, **shape), accounts=entered.changes)
    assert left.changes[ANN].entered == 0


def test_only_the_deployments_own_contracts_are_believed():
    strangers = [
        log(LIQUIDATOR, abi.MARKET_ENTERED, token_at(1), ANN),
        log(COMPTROLLER, abi.RESTRICTED, topics=(ANN,)),
        log(token_at(7), abi.TRANSFER, 5, topics=(token_at(7), ANN)),
        log(COMPTROLLER, abi.MARKET_ENTERED, token_at(7), ANN),
        Log(COMPTROLLER, (), b"", 1, bytes(32), bytes(32), 0),
    ]
    assert fold(*strangers).changes == {}


def test_flags_are_set_and_cleared():
    done = fold(
        log(LIQUIDATOR, abi.RESTRICTED, topics=(ANN,)),
        log(COMPTROLLER, abi.POOL_SELECTED, 0, topics=(ANN, 3)),
        log(VAI, abi.VAI_MINTED, BOB, 7),
    )
    assert (done.changes[ANN].restricted, done.changes[ANN].pool, done.changes[BOB].mints) == (True, True, True)
    again = fold(
        log(LIQUIDATOR, abi.UNRESTRICTED, topics=(ANN,)),
        log(COMPTROLLER, abi.POOL_SELECTED, 3, topics=(ANN, 0)),
        accounts=done.changes,
    )
    assert again.changes == {ANN: EMPTY}


# Store -------------------------------------------------------------------------------------------------------------


def test_everything_saved_comes_back():
    roster = Roster.of([token_at(0), token_at(1)])
    owner = account({0: 5}, [Loan(1, 6, WAD)])
    rows = [
        saved.roster_row(roster), saved.indices_row({1: 2 * WAD, 0: WAD}),
        saved.account_row(ANN, owner), saved.account_row(BOB, EMPTY),
    ]  # fmt: skip
    found = saved.decoded(rows)
    assert (found.roster, found.indices) == (roster, {0: WAD, 1: 2 * WAD})
    assert found.accounts == {ANN: owner, BOB: EMPTY}


@pytest.mark.parametrize(
    "row", [Row(b"what", b""), Row(saved.ROSTER_KEY, b"\1"), Row(saved.INDICES_KEY, b"\1" * 33), Row(b"\1" * 21, b"")]
)
def test_rows_of_another_shape_are_refused(row):
    with pytest.raises(DecodeError):
        saved.decoded([row])


def test_a_roster_keeps_places_and_has_an_end():
    roster = Roster.of([token_at(0)])
    assert roster.extended([token_at(0)]) is roster
    assert roster.extended([token_at(1), token_at(0)]).places == PLACES
    many = [Address(i.to_bytes(20, "big")) for i in range(MAX_MARKETS + 1)]
    with pytest.raises(StateError, match="has room for"):
        Roster.of(many)
