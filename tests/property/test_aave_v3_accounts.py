"""Accounts kept by events against tokens that do the contract's arithmetic, and the ledger against plain copies."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.roster import Listing, Roster
from keeper.protocols.aave_v3 import abi
from keeper.protocols.aave_v3.account import EMPTY, Account, decode_account, encode_account
from keeper.protocols.aave_v3.fold import Fold
from keeper.protocols.ledger import Ledger
from keeper.types import Address, Log, PositionKey
from keeper.units import RAY
from tests.fakes.aave_v3_market import POOL, RULES, SPARK_PORT

SUPPLY, DEBT = Address(b"\xa1" * 20), Address(b"\xd1" * 20)
ROSTER = Roster.of([Listing(Address(b"\xc1" * 20), SUPPLY, DEBT, None)])
HOLDERS = [Address(bytes([i]) * 20) for i in (1, 2, 3)]


class Token:
    """A scaled balance token as the contract has it: mint, burn and transfer, each with its events."""

    def __init__(self, address, rules):
        self.address, self.directed, self.tells_balances = address, rules.directed_rounding, rules.events_tell_balances
        self.rounding = ceil if address == DEBT else floor
        self.scaled = dict.fromkeys(HOLDERS, 0)
        self.seen = dict.fromkeys(HOLDERS, RAY)
        self.logs = []

    def balance(self, scaled, index):
        exact = Fraction(scaled * index, RAY)
        return self.rounding(exact) if self.directed else floor(exact + Fraction(1, 2))

    def told(self, scaled, index):
        """A balance as the event's interest is worked out from: half up where the event tells the amount asked for."""
        return (
            self.balance(scaled, index)
            if self.tells_balances
            else floor(Fraction(scaled * index, RAY) + Fraction(1, 2))
        )

    def accrued(self, holder, index):
        before, now = (self.told(self.scaled[holder], each) for each in (self.seen[holder], index))
        increase = now - before
        self.seen[holder] = index
        return before, increase

    def move(self, holder, amount, index):
        """Mint, or burn where the amount is negative, with the pool's rounding of the scaled amount."""
        scaled = self.pool_scaled(amount, index)
        if scaled == 0 or self.scaled[holder] + scaled < 0:
            return

        before, increase = self.accrued(holder, index)
        self.scaled[holder] += scaled
        change = self.balance(self.scaled[holder], index) - before if self.tells_balances else amount + increase

        if amount > 0 or change > 0:
            self.log(abi.MINT, (holder, holder), (change, increase, index))
        else:
            self.log(abi.BURN, (holder, HOLDERS[0]), (-change, increase, index))

    def pool_scaled(self, amount, index):
        if not self.directed:
            size = (abs(amount) * RAY + index // 2) // index
        else:
            # Supplies mint down and burn up, debts the other way.
            up = (amount < 0) != (self.address == DEBT)
            size = (ceil if up else floor)(Fraction(abs(amount) * RAY, index))

        return size if amount > 0 else -size

    def transfer(self, sender, recipient, scaled, index):
        scaled = min(scaled, self.scaled[sender])
        for holder in dict.fromkeys((sender, recipient)):
            _, increase = self.accrued(holder, index)
            if increase > 0:
                self.log(abi.MINT, (sender, holder), (increase, increase, index))

        self.scaled[sender] -= scaled
        self.scaled[recipient] += scaled
        self.log(abi.BALANCE_TRANSFER, (sender, recipient), (scaled, index))

    def log(self, topic, indexed, words):
        topics = (topic, *(bytes(12) + address for address in indexed))
        data = b"".join(w.to_bytes(32, "big") for w in words)
        self.logs.append(Log(self.address, topics, data, 1, bytes(32), bytes(32), len(self.logs)))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["supply", "withdraw", "borrow", "repay", "transfer"]),
        st.integers(0, 2),
        st.integers(0, 2),
        st.one_of(st.integers(1, 5), st.integers(1, 10**24)),
        st.integers(0, RAY // 50),
    ),
    max_size=30,
)


@pytest.mark.parametrize("version", ["3.0", SPARK_PORT, "3.4", "3.5", "3.6"])
@given(steps=STEPS, data=st.data())
def test_scaled_balances_follow_the_tokens_exactly(version, steps, data):
    rules = RULES[version]
    supply, debt = Token(SUPPLY, rules), Token(DEBT, rules)
    logs, index = [], RAY
    for action, who, whom, amount, growth in steps:
        index += growth
        token = debt if action in ("borrow", "repay") else supply
        token.logs = []
        if action == "transfer":
            supply.transfer(HOLDERS[who], HOLDERS[whom], amount, index)
        else:
            held = token.balance(token.scaled[HOLDERS[who]], index)
            signed = -min(amount, held) if action in ("withdraw", "repay") else amount
            if signed:
                token.move(HOLDERS[who], signed, index)

        logs += token.logs

    fold = Fold(ROSTER, rules, POOL, lambda _: EMPTY)
    cut = data.draw(st.integers(0, len(logs)))
    fold.apply(logs[:cut])
    fold.apply(logs[cut:])
    for holder in HOLDERS:
        found = fold.changes.get(PositionKey(holder), EMPTY)
        assert amount_of(found.supplied, 0) == supply.scaled[holder]
        assert amount_of(found.borrowed, 0) == debt.scaled[holder]
        assert not found.unsure


ENTRIES = st.dictionaries(st.integers(0, 255), st.integers(1, 2**120 - 1), max_size=6).map(
    lambda found: tuple(sorted(found.items()))
)
ACCOUNTS = st.builds(
    Account,
    ENTRIES,
    ENTRIES,
    st.integers(0, 2**256 - 1),
    st.integers(0, 255),
    st.integers(0, 2**256 - 1),
    st.booleans(),
)


@given(ACCOUNTS)
def test_account_survives_its_encoding(owner):
    assert decode_account(encode_account(owner)) == owner


KEYS = st.integers(0, 5).map(lambda i: PositionKey(bytes([i]) * 20))
CHANGES = st.dictionaries(KEYS, st.one_of(st.none(), st.integers(1, 9).map(lambda i: Account(((0, i),)))), max_size=4)


@given(st.lists(CHANGES, max_size=8))
def test_every_version_of_the_ledger_keeps_answering_as_it_was(batches):
    ledger, plain = Ledger(), {}
    versions = [(ledger, dict(plain))]
    for changes in batches:
        ledger = ledger.updated(changes)
        plain = {k: a for k, a in {**plain, **changes}.items() if a is not None}
        versions.append((ledger, dict(plain)))

    for version, expected in versions:
        assert dict(version.items()) == expected
        assert len(version) == len(expected)
        assert all(version.get(PositionKey(bytes([i]) * 20)) == expected.get(bytes([i]) * 20) for i in range(6))
