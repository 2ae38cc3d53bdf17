"""What events do to accounts: one pure function for the state's own log and for the logs of half a block.

Source: CToken, Comptroller, Liquidator and VAIController events.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from keeper.errors import DecodeError
from keeper.protocols.compound_v2 import abi
from keeper.protocols.compound_v2.account import Account, Loan
from keeper.protocols.compound_v2.rules import Contracts
from keeper.protocols.words import address_at, indexed_address, word
from keeper.types import Address, Log, PositionKey
from keeper.units import WAD


@dataclass(slots=True)
class Fold:
    """What a run of logs changed, gathered while it is read.

    `contracts` are whose word counts. `indices` are each market's borrow index as of the last log: a debt's event does
    not tell the index it was brought to, but the accrual before it, in the same block or second, does. A market that
    never accrued has that of one.
    `changes` are the accounts as they now stand.
    """

    contracts: Contracts
    places: Mapping[Address, int]
    indices: dict[int, int]
    lookup: Callable[[PositionKey], Account]
    changes: dict[PositionKey, Account] = field(default_factory=dict)

    def apply(self, logs: Sequence[Log]) -> None:
        """Fold logs in, in order; those that say nothing about accounts are passed over."""
        for log in logs:
            kind = log.topics[0] if log.topics else b""
            place = self.places.get(log.address)
            if place is not None:
                self._token(log, kind, place)
            elif log.address == self.contracts.comptroller:
                self._comptroller(log, kind)
            elif log.address in (self.contracts.liquidator, self.contracts.vai):
                self._flag(log, kind)

    def _account(self, address: Address) -> tuple[PositionKey, Account]:
        key = PositionKey(address)
        found = self.changes.get(key)
        return key, found if found is not None else self.lookup(key)

    def _token(self, log: Log, kind: bytes, place: int) -> None:
        if kind == abi.TRANSFER:
            self._transfer(log, place)
        elif kind == abi.ACCRUED:
            self.indices[place] = word(log.data, 2)
        elif kind == abi.ACCRUED_BRIEFLY:
            self.indices[place] = word(log.data, 1)
        elif kind == abi.BORROWED:
            self._owe(address_at(log.data, 0), place, word(log.data, 2))
        elif kind == abi.REPAID:
            self._owe(address_at(log.data, 1), place, word(log.data, 3))

    def _transfer(self, log: Log, place: int) -> None:
        """Move cTokens; what is minted comes from the market itself, what is burned goes to it."""
        amount = word(log.data, 0)
        for side, change in ((1, -amount), (2, amount)):
            holder = indexed_address(log, side)
            if holder == log.address:
                continue

            key, account = self._account(holder)
            tokens = account.tokens_in(place) + change
            if tokens < 0:
                raise DecodeError(
                    f"a transfer of more cTokens than {holder.hex()} was seen to get: start_block must not be after "
                    "the block the comptroller was deployed in",
                    block=log.block_number,
                )

            self.changes[key] = account.with_tokens(place, tokens)

    def _owe(self, borrower: Address, place: int, principal: int) -> None:
        key, account = self._account(borrower)
        self.changes[key] = account.with_loan(Loan(place, principal, self.indices.get(place, WAD)))

    def _comptroller(self, log: Log, kind: bytes) -> None:
        if kind in (abi.MARKET_ENTERED, abi.MARKET_EXITED):
            place = self.places.get(argument(log, 0))
            if place is not None:
                key, account = self._account(argument(log, 1))
                self.changes[key] = account.with_entered(place, entered=kind == abi.MARKET_ENTERED)
        elif kind == abi.POOL_SELECTED:
            key, account = self._account(argument(log, 0))
            self.changes[key] = replace(account, pool=bool(int.from_bytes(log.topics[-1], "big")))

    def _flag(self, log: Log, kind: bytes) -> None:
        if kind not in (abi.VAI_MINTED, abi.RESTRICTED, abi.UNRESTRICTED):
            return

        key, account = self._account(argument(log, 0))
        if kind == abi.VAI_MINTED:
            self.changes[key] = replace(account, mints=True)
        else:
            self.changes[key] = replace(account, restricted=kind == abi.RESTRICTED)


def argument(log: Log, index: int) -> Address:
    """Read one of the addresses an event begins with; forks differ in whether all of them or none are indexed."""
    return address_at(log.data, index) if len(log.topics) == 1 else indexed_address(log, 1 + index)
