"""What events do to accounts: one pure function for the state's own log and for the logs of half a block.

Source: ScaledBalanceTokenBase, AToken, PoolConfigurator and Pool events of Aave V3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from keeper.errors import DecodeError
from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.roster import Listing, Role, Roster
from keeper.protocols.aave_v3 import abi
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.math import scaled_after_event
from keeper.protocols.aave_v3.rules import Rules
from keeper.protocols.words import address_at, indexed_address, word
from keeper.types import ZERO_ADDRESS, Address, Log, PositionKey


def new_listing(log: Log, rules: Rules) -> Listing:
    """Read the tokens of a new reserve from the configurator's event."""
    stable = address_at(log.data, 0)
    return Listing(
        asset=indexed_address(log, 1),
        a_token=indexed_address(log, 2),
        v_token=address_at(log.data, 1),
        stable_token=None if stable == ZERO_ADDRESS or rules.emode_bitmap else stable,
    )


@dataclass(slots=True)
class Fold:
    """What a run of logs changed, gathered while it is read.

    `changes` are the accounts as they now stand. `upgraded` are reserves whose tokens got another implementation,
    so that reconstructions around it are unsure; `doubtful` positions must be reread whole.
    """

    roster: Roster
    rules: Rules
    pool: Address
    lookup: Callable[[PositionKey], Account]
    changes: dict[PositionKey, Account] = field(default_factory=dict)
    upgraded: set[int] = field(default_factory=set)
    doubtful: set[PositionKey] = field(default_factory=set)

    def apply(self, logs: Sequence[Log]) -> None:
        """Fold logs in, in order; those that say nothing about accounts are passed over."""
        for log in logs:
            token = self.roster.tokens.get(log.address)
            if not log.topics:
                continue

            if token is not None:
                self._token(log, *token)
            elif log.address == self.pool:
                self._flag(log)

    def _account(self, address: Address) -> tuple[PositionKey, Account]:
        key = PositionKey(address)
        found = self.changes.get(key)
        return key, found if found is not None else self.lookup(key)

    def _flag(self, log: Log) -> None:
        kind = log.topics[0]
        if kind in (abi.COLLATERAL_ENABLED, abi.COLLATERAL_DISABLED):
            key, account = self._account(indexed_address(log, 2))
            for place in self.roster.places.get(indexed_address(log, 1), ()):
                account = account.with_collateral(place, used=kind == abi.COLLATERAL_ENABLED)

            self.changes[key] = account
        elif kind == abi.USER_EMODE_SET:
            key, account = self._account(indexed_address(log, 1))
            self.changes[key] = replace(account, emode=word(log.data, 0) & 0xFF)

    def _token(self, log: Log, place: int, role: Role) -> None:
        kind = log.topics[0]
        if role is Role.STABLE_DEBT:
            if kind in (abi.STABLE_MINT, abi.STABLE_BURN):
                key, account = self._account(indexed_address(log, 2 if kind == abi.STABLE_MINT else 1))
                self.changes[key] = replace(account, stable_debt=True)
                self.doubtful.add(key)
        elif kind == abi.UPGRADED:
            self.upgraded.add(place)
        elif kind == abi.MINT:
            change = word(log.data, 0) - word(log.data, 1)
            self._reconstruct(log, indexed_address(log, 2), (place, role), change)
        elif kind == abi.BURN:
            change = -word(log.data, 0) - word(log.data, 1)
            self._reconstruct(log, indexed_address(log, 1), (place, role), change)
        elif kind == abi.BALANCE_TRANSFER and role is Role.SUPPLY:
            amount = word(log.data, 0)
            self._shift(indexed_address(log, 1), place, -amount)
            self._shift(indexed_address(log, 2), place, amount)

    def _reconstruct(self, log: Log, holder: Address, token: tuple[int, Role], change: int) -> None:
        key, account = self._account(holder)
        place, role = token
        is_debt = role is Role.DEBT
        index = word(log.data, 2)
        if index == 0:
            raise DecodeError("a balance event without an index", token=log.address.hex(), block=log.block_number)

        before = amount_of(account.borrowed if is_debt else account.supplied, place)
        scaled = scaled_after_event(before, change, index, self.rules, is_debt=is_debt)
        self._put(key, account, place, scaled, is_debt=is_debt)

    def _shift(self, holder: Address, place: int, change: int) -> None:
        key, account = self._account(holder)
        self._put(key, account, place, amount_of(account.supplied, place) + change, is_debt=False)

    def _put(self, key: PositionKey, account: Account, place: int, scaled: int, *, is_debt: bool) -> None:
        # Below zero: an earlier event was read under rules that were not in force then. The reread settles it.
        unsure = scaled < 0 or place in self.upgraded
        account = account.with_scaled(place, max(scaled, 0), is_debt=is_debt)
        self.changes[key] = replace(account, unsure=account.unsure | 1 << place) if unsure else account
