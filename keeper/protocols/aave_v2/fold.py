"""What events do to accounts: one pure function for the state's own log and for the logs of half a block.

Source: AToken, VariableDebtToken, StableDebtToken and LendingPool events of Aave V2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from keeper.errors import DecodeError
from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.math import ray_div
from keeper.protocols.aave.roster import Listing, Role, Roster
from keeper.protocols.aave_v2 import abi
from keeper.protocols.aave_v2.account import Account, StableDebt
from keeper.protocols.words import address_at, indexed_address, word
from keeper.types import ZERO_ADDRESS, Address, Log, PositionKey


def new_listing(log: Log) -> Listing:
    """Read the tokens of a new reserve from the configurator's event."""
    return Listing(indexed_address(log, 1), indexed_address(log, 2), address_at(log.data, 1), address_at(log.data, 0))


@dataclass(slots=True)
class Fold:
    """What a run of logs changed, gathered while it is read.

    `changes` are the accounts as they now stand. `upgraded` are reserves whose tokens got another implementation.
    `timestamp` (unix s) is the logs' own where all are of one block: a stable debt's interest runs from then. Without
    it such a debt is left unsure, and so is any balance that a log contradicts.
    """

    roster: Roster
    pool: Address
    lookup: Callable[[PositionKey], Account]
    timestamp: int | None = None
    changes: dict[PositionKey, Account] = field(default_factory=dict)
    upgraded: set[int] = field(default_factory=set)
    borrowed_at: int = -2
    """Index of the last log that said a stable debt token was newly made: the Mint after it is a loan, no repayment."""

    def apply(self, logs: Sequence[Log]) -> None:
        """Fold logs in, in order; those that say nothing about accounts are passed over."""
        for log in logs:
            token = self.roster.tokens.get(log.address)
            if not log.topics:
                continue

            if token is not None:
                self._token(log, *token)
            elif log.address == self.pool and log.topics[0] in (abi.COLLATERAL_ENABLED, abi.COLLATERAL_DISABLED):
                self._flag(log)

    def _account(self, address: Address) -> tuple[PositionKey, Account]:
        key = PositionKey(address)
        found = self.changes.get(key)
        return key, found if found is not None else self.lookup(key)

    def _flag(self, log: Log) -> None:
        key, account = self._account(indexed_address(log, 2))
        for place in self.roster.places.get(indexed_address(log, 1), ()):
            used = log.topics[0] == abi.COLLATERAL_ENABLED
            self.changes[key] = account.with_collateral(place, used=used)

    def _token(self, log: Log, place: int, role: Role) -> None:
        if log.topics[0] == abi.UPGRADED:
            self.upgraded.add(place)
        elif role is Role.SUPPLY:
            self._supply(log, place)
        elif role is Role.DEBT:
            self._variable(log, place)
        else:
            self._stable(log, place)

    def _supply(self, log: Log, place: int) -> None:
        kind = log.topics[0]
        if kind == abi.SUPPLY_MINT:
            self._shift_supply(indexed_address(log, 1), place, scaled_in(log))
        elif kind == abi.SUPPLY_BURN:
            self._shift_supply(indexed_address(log, 1), place, -scaled_in(log))
        elif kind == abi.BALANCE_TRANSFER:
            self._shift_supply(indexed_address(log, 1), place, -scaled_in(log))
            self._shift_supply(indexed_address(log, 2), place, scaled_in(log))

    def _variable(self, log: Log, place: int) -> None:
        kind = log.topics[0]
        if kind not in (abi.DEBT_MINT, abi.DEBT_BURN):
            return

        minted = kind == abi.DEBT_MINT
        key, account = self._account(indexed_address(log, 2 if minted else 1))
        scaled = amount_of(account.borrowed, place) + (scaled_in(log) if minted else -scaled_in(log))
        account = account.with_borrowed(place, max(scaled, 0))
        self.changes[key] = account if scaled >= 0 else replace(account, unsure=True)

    def _shift_supply(self, holder: Address, place: int, change: int) -> None:
        key, account = self._account(holder)
        scaled = amount_of(account.supplied, place) + change
        account = account.with_supplied(place, max(scaled, 0))
        self.changes[key] = account if scaled >= 0 else replace(account, unsure=True)

    def _stable(self, log: Log, place: int) -> None:
        kind = log.topics[0]
        if kind == abi.TRANSFER and indexed_address(log, 1) == ZERO_ADDRESS:
            self.borrowed_at = log.index
            return

        if kind not in (abi.STABLE_MINT, abi.STABLE_BURN):
            return

        key, account = self._account(indexed_address(log, 2 if kind == abi.STABLE_MINT else 1))
        amount, balance, increase = (word(log.data, i) for i in range(3))
        known = account.stable_in(place)
        if kind == abi.STABLE_BURN:
            principal, rate = balance - increase - amount, 0 if known is None else known.rate
        else:
            # A repayment smaller than the interest mints the difference; a loan adds to the balance with interest.
            is_loan = self.borrowed_at == log.index - 1
            principal, rate = balance + amount if is_loan else balance - increase + amount, word(log.data, 3)

        if self.timestamp is None:
            # Some principal, so that the account counts as owing and is reread.
            account = account.with_stable(StableDebt(place, max(principal, 1), rate, 0))
            self.changes[key] = replace(account, unsure=True)
        else:
            self.changes[key] = account.with_stable(StableDebt(place, principal, rate, self.timestamp))


def scaled_in(log: Log) -> int:
    """Scaled amount of a balance event, which tells the amount and the index it was scaled by, half up."""
    amount, index = word(log.data, 0), word(log.data, 1)
    if index == 0:
        raise DecodeError("a balance event without an index", token=log.address.hex(), block=log.block_number)

    return ray_div(amount, index)
