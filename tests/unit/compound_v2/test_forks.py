"""Forks no registry has, answered by a table: seconds instead of blocks, a seizure share, other guards and factors."""

import pytest
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from keeper.errors import ConfigError, StateError
from keeper.protocols.compound_v2 import abi, build
from keeper.protocols.compound_v2.account import Loan
from keeper.protocols.compound_v2.snapshots import Slots, read_accounts
from keeper.protocols.feeds import AGGREGATOR, LATEST_ROUND_DATA
from keeper.protocols.words import selector
from keeper.types import ZERO_ADDRESS, Address, Log, PositionKey, Reason, Returned, StorageAt
from keeper.units import WAD
from tests.fakes.aave_v3_market import head
from tests.fakes.compound_v2_market import COMPTROLLER, ORACLE, TARGET, asset, token_at
from tests.fakes.reads import drive

ANN = PositionKey(b"\x01" * 20)
FEED, BEHIND, CODE = Address(b"\xfe" * 20), Address(b"\xbe" * 20), Address(b"\xcc" * 20)
LIQUIDATOR, VAI = Address(b"\x11" * 20), Address(b"\x5a" * 20)
NO = Returned(ok=False, data=b"")


def words(*values):
    return b"".join(v.rjust(32, b"\0") if isinstance(v, bytes) else v.to_bytes(32, "big") for v in values)


class Fork:
    """A comptroller of two markets that answers what is in its table, and refuses the rest as an old proxy does."""

    def __init__(self, **changes):
        number = changes.pop("accrued_at", TARGET.timestamp - 100)
        self.table, self.storage = {}, {}
        self.says(COMPTROLLER, abi.GET_ALL_MARKETS, abi_encode(["address[]"], [[token_at(0), token_at(1)]]))
        self.says(COMPTROLLER, abi.ORACLE, words(ORACLE))
        self.says(COMPTROLLER, abi.CLOSE_FACTOR, words(WAD // 2))
        self.says(COMPTROLLER, abi.LIQUIDATION_INCENTIVE, words(11 * WAD // 10))
        for token in (token_at(0), token_at(1)):
            place = token[1]
            sums = {
                abi.GET_CASH: 10**24, abi.TOTAL_BORROWS: 10**24, abi.TOTAL_RESERVES: 0, abi.TOTAL_SUPPLY: 10**16,
                abi.BORROW_INDEX: 2 * WAD, abi.RESERVE_FACTOR: WAD // 10, abi.EXCHANGE_RATE_STORED: 2 * 10**26,
                abi.ACCRUAL_TIMESTAMP: number, abi.RATE_PER_SECOND: 10**9,
            }  # fmt: skip
            for getter, value in sums.items():
                self.says(token, getter, words(value))

            self.says(token, abi.UNDERLYING, words(asset(place)))
            self.says(asset(place), abi.DECIMALS, words(18))
            self.says(COMPTROLLER, abi.MARKETS, words(1, 8 * WAD // 10, 0), of=token)
            self.says(ORACLE, abi.UNDERLYING_PRICE, words((2_000 - 1_999 * place) * WAD), of=token)

    def says(self, to, getter, data, of=None):
        self.table[to, getter, of] = data

    def forget(self, to, getter):
        self.table = {key: data for key, data in self.table.items() if key[:2] != (to, getter)}

    def __call__(self, request):
        if isinstance(request, StorageAt):
            return Returned(ok=True, data=words(self.storage.get((request.to, request.slot), 0)))

        arguments = Address(request.data[16:36]) if len(request.data) >= 36 else None
        for (to, getter, of), data in self.table.items():
            if to == request.to and selector(getter) == request.data[:4] and of in (None, arguments):
                return Returned(ok=True, data=data)

        return NO


def adapter(fork, native=None):
    made = build("fork", COMPTROLLER, native)
    drive(made.sync.bootstrap(head()), fork)
    return made


def observed(fork, made=None):
    made = made or adapter(fork)
    return drive(made.sync.observe(head(), TARGET), fork)


def test_seconds_are_counted_where_the_getters_are_named_by_them():
    market = observed(Fork())
    # 10**9 * 100 s of 10**24
    assert [token.now.borrows - token.stored.borrows for token in market.tokens] == [10**17, 10**17]
    assert [token.listing.by_time for token in market.tokens] == [True, True]


def test_blocks_are_counted_where_the_old_names_are_kept_unless_the_market_says_otherwise():
    fork = Fork()
    for token in (token_at(0), token_at(1)):
        fork.says(token, abi.ACCRUAL_BLOCK, words(TARGET.number - 10))
        fork.says(token, abi.RATE_PER_BLOCK, words(10**9))

    fork.says(token_at(1), abi.IS_TIME_BASED, words(1))
    fork.says(token_at(1), abi.ACCRUAL_BLOCK, words(TARGET.timestamp - 20))
    market = observed(fork)
    assert [token.now.borrows - token.stored.borrows for token in market.tokens] == [10**16, 2 * 10**16]


def test_a_seizure_share_is_read_where_there_is_one():
    fork = Fork()
    fork.says(token_at(0), abi.SEIZE_SHARE, words(3 * 10**16))
    assert [token.share for token in observed(fork).tokens] == [3 * 10**16, 0]


def test_the_newest_venus_gives_each_market_a_threshold_an_incentive_and_forced_liquidation():
    fork = Fork()
    fork.says(
        COMPTROLLER, abi.MARKETS, words(1, 7 * WAD // 10, 0, 8 * WAD // 10, 105 * WAD // 100, 0, 1), of=token_at(0)
    )
    fork.says(COMPTROLLER, abi.FORCED_LIQUIDATION, words(1), of=token_at(1))
    fork.says(COMPTROLLER, abi.FORCED_LIQUIDATION, words(0))
    fork.says(COMPTROLLER, abi.LIQUIDATOR_CONTRACT, words(LIQUIDATOR))
    fork.says(LIQUIDATOR, abi.LIQUIDATOR_SHARE, words(WAD // 2))
    fork.says(LIQUIDATOR, abi.PROTOCOL_SHARE_RESERVE, words(BEHIND))
    market = observed(fork)
    assert [token.factor for token in market.tokens] == [8 * WAD // 10, 8 * WAD // 10]
    assert [token.incentive for token in market.tokens] == [105 * WAD // 100, 11 * WAD // 10]
    assert [token.forced for token in market.tokens] == [False, True]
    assert (market.rules.split.percent, market.rules.split.of_bonus) == (WAD // 2, True)
    assert market.contracts.liquidator == LIQUIDATOR


def test_compounds_guardian_pauses_all_seizures_and_deprecates_single_markets():
    fork = Fork()
    fork.says(COMPTROLLER, abi.SEIZE_GUARDIAN_PAUSED, words(1))
    fork.says(COMPTROLLER, abi.IS_DEPRECATED, words(0))
    fork.says(COMPTROLLER, abi.IS_DEPRECATED, words(1), of=token_at(1))
    fork.table = dict(reversed(fork.table.items()))
    market = observed(fork)
    assert market.rules.paused
    assert [token.forced for token in market.tokens] == [False, True]


def test_a_price_follows_the_feed_an_oracle_names_by_symbol():
    fork = Fork()
    fork.says(asset(0), abi.SYMBOL, abi_encode(["string"], ["WETH"]))
    fork.says(ORACLE, abi.GET_FEED, words(FEED))
    fork.says(FEED, AGGREGATOR, words(BEHIND))
    fork.says(FEED, abi.DECIMALS, words(8))
    fork.says(FEED, LATEST_ROUND_DATA, words(1, 2_000 * 10**8, 5, 1_699_999_999, 1))
    made = adapter(fork)
    market = observed(fork, made)
    assert market.tokens[0].feeds == {FEED, BEHIND}
    assert (market.tokens[0].price_updated_at, market.tokens[1].feeds) == (1_699_999_999, frozenset())

    told = Log(BEHIND, (abi.ANSWER_UPDATED, words(1_900 * 10**8), words(2)), words(6), 1_000, bytes(32), bytes(32), 0)
    after = made.sync.preceding(market, [told], TARGET)
    assert [token.price for token in after.tokens] == [1_900 * WAD, WAD]

    # An oracle that says anything else does not follow its feed.
    fork.says(ORACLE, abi.UNDERLYING_PRICE, words(2_001 * WAD), of=token_at(0))
    assert observed(fork, made).tokens[0].feeds == frozenset()


@pytest.mark.parametrize(
    ("getter", "data", "why"),
    [
        (abi.TOTAL_RESERVES, words(3 * 10**24), "its reserves exceed what it has"),
        (abi.BORROW_INDEX, words(0), "its borrow index is zero"),
        (abi.EXCHANGE_RATE_STORED, words(2 * 10**26 + 1), "it goes by other rules"),
        (abi.RATE_PER_SECOND, words(5 * 10**12 + 1), "its borrow rate is too high"),
        (abi.GET_CASH, b"\1", "does not answer what a cToken answers"),
        (abi.GET_CASH, words(1, 2), "does not answer what a cToken answers"),
    ],
)
def test_answers_that_do_not_fit_set_their_market_aside(getter, data, why):
    fork = Fork()
    made = adapter(fork)
    fork.says(token_at(0), getter, data)
    market = observed(fork, made)
    assert why in market.tokens[0].trouble
    assert market.tokens[1].trouble == ""
    assert market.tokens[0].usable_price is None
    (no,) = made.offers.open_offers(market)
    assert no.reason is Reason.QUARANTINED


def test_a_market_that_is_no_ctoken_is_listed_with_its_trouble():
    fork = Fork()
    fork.forget(token_at(1), abi.ACCRUAL_TIMESTAMP)
    fork.forget(token_at(0), abi.UNDERLYING)
    market = observed(fork)
    assert "names no token" in market.tokens[0].trouble
    assert market.tokens[1].trouble == "it does not answer like a cToken"
    native = observed(fork, adapter(fork, native=asset(0)))
    assert (native.tokens[0].trouble, native.tokens[0].listing.native) == ("", True)


def test_code_that_was_replaced_stops_its_market_or_everything():
    fork = Fork()
    fork.says(token_at(0), abi.IMPLEMENTATION, words(CODE))
    fork.says(COMPTROLLER, abi.COMPTROLLER_IMPLEMENTATION, words(CODE))
    made = adapter(fork)
    assert observed(fork, made).tokens[0].trouble == ""
    fork.says(token_at(0), abi.IMPLEMENTATION, words(BEHIND))
    assert "was another" in observed(fork, made).tokens[0].trouble
    # Reading everything again does not make it known.
    drive(made.sync.bootstrap(head()), fork)
    assert "was another" in observed(fork, made).tokens[0].trouble

    fork.says(COMPTROLLER, abi.COMPTROLLER_IMPLEMENTATION, words(BEHIND))
    with pytest.raises(StateError, match="runs other code"):
        observed(fork, made)

    with pytest.raises(StateError, match="runs other code"):
        drive(made.sync.bootstrap(head()), fork)


def test_what_is_no_comptroller_is_refused_at_the_start_and_a_fault_later():
    fork = Fork()
    made = adapter(fork)
    fork.forget(COMPTROLLER, abi.ORACLE)
    with pytest.raises(ConfigError, match="check comptroller"):
        adapter(fork)

    with pytest.raises(StateError):
        drive(made.sync.bootstrap(head()), fork)

    with pytest.raises(StateError, match="was not bootstrapped"):
        build("fork", COMPTROLLER).sync.sources()


def test_new_markets_ask_for_their_own_logs_and_are_read_in_the_same_block():
    fork = Fork()
    made = adapter(fork)
    listed = Log(COMPTROLLER, (abi.MARKET_LISTED,), words(token_at(9)), 5, bytes(32), bytes(32), 0)
    (fresh,) = made.sync.apply([listed]).new_sources
    assert fresh.addresses == (token_at(9),)
    assert made.sync.apply([listed]).new_sources == ()
    assert "does not answer like a cToken" in observed(fork, made).tokens[2].trouble


# Accounts read whole -----------------------------------------------------------------------------------------------


def slot_of(owner, slot):
    return int.from_bytes(keccak(words(owner, slot)), "big")


def owing(fork, *, principal, index, at=14):
    """Ann owes in the first market, whose debts lie in the mapping at a slot."""
    fork.says(COMPTROLLER, abi.GET_ASSETS_IN, abi_encode(["address[]"], [[token_at(0), token_at(1)]]))
    fork.says(token_at(1), abi.BALANCE_OF, words(77))
    fork.says(token_at(0), abi.BORROW_BALANCE, words(principal * 2 * WAD // index))
    fork.storage[token_at(0), slot_of(ANN, at)] = principal
    fork.storage[token_at(0), slot_of(ANN, at) + 1] = index
    return fork


def test_debts_are_read_as_the_market_keeps_them():
    fork = owing(Fork(), principal=1_000_003, index=3 * WAD // 2)
    made = adapter(fork)
    slots = Slots()
    found = drive(read_accounts(made.sync._contracts, made.sync._roster, [ANN], slots), fork)
    assert found[ANN].borrowed == (Loan(0, 1_000_003, 3 * WAD // 2),)
    assert (found[ANN].held, found[ANN].entered) == (((1, 77),), 0b11)
    assert slots.known == {0: 14}
    drive(made.sync.reread([ANN], head()), fork)
    assert made.sync._account(ANN) == found[ANN]


@pytest.mark.parametrize("at", [70, None])
def test_debts_that_are_nowhere_are_taken_for_what_they_come_to(at):
    """Beyond the slots looked at, or in two places that fit: 1,333,337 at the index of now."""
    fork = owing(Fork(), principal=1_000_003, index=3 * WAD // 2, at=at or 14)
    if at is None:
        fork.storage[token_at(0), slot_of(ANN, 20)] = 1_333_337
        fork.storage[token_at(0), slot_of(ANN, 20) + 1] = 2 * WAD

    made, slots = adapter(fork), Slots()
    found = drive(read_accounts(made.sync._contracts, made.sync._roster, [ANN], slots), fork)
    assert found[ANN].borrowed == (Loan(0, 1_333_337, 2 * WAD),)
    assert slots.known == {0: None}


def test_flags_around_an_account_are_read_where_there_is_somebody_to_ask():
    fork = owing(Fork(), principal=10**6, index=2 * WAD)
    fork.says(COMPTROLLER, abi.LIQUIDATOR_CONTRACT, words(LIQUIDATOR))
    fork.says(COMPTROLLER, abi.VAI_CONTROLLER, words(VAI))
    fork.says(COMPTROLLER, abi.USER_POOL, words(2))
    fork.says(LIQUIDATOR, abi.LIQUIDATOR_SHARE, words(0))
    fork.says(LIQUIDATOR, abi.LIQUIDATION_RESTRICTED, words(1))
    fork.says(VAI, abi.VAI_REPAY_AMOUNT, words(5 * WAD))
    made = adapter(fork)
    drive(made.sync.reread([ANN], head()), fork)
    account = made.sync._account(ANN)
    assert (account.restricted, account.pool, account.mints) == (True, True, True)
    assert observed(fork, made).vai == {ANN: 5 * WAD}
    assert {query.addresses for query in made.sync.sources()} == {
        (COMPTROLLER,), (token_at(0), token_at(1)), (LIQUIDATOR,), (VAI,),
    }  # fmt: skip
    # A repayment needs no event to be noticed.
    fork.says(VAI, abi.VAI_REPAY_AMOUNT, words(0))
    drive(made.sync.reread([ANN], head()), fork)
    assert observed(fork, made).vai == {}
    assert ZERO_ADDRESS not in {address for query in made.sync.sources() for address in query.addresses}
