"""What events do to accounts: collateral exactly, and whose principal must be read because no event tells it.

Source: the events of CometMainInterface. Base-token events carry balances, which the contract rounds on the way to
principals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from keeper.errors import DecodeError
from keeper.protocols.compound_v3 import abi
from keeper.protocols.compound_v3.account import Account, Doubt
from keeper.protocols.words import indexed_address, word
from keeper.types import ZERO_ADDRESS, Address, Log, PositionKey


@dataclass(slots=True)
class Fold:
    """What a run of logs changed, gathered while it is read.

    `places` are the assets' offsets. `changes` are the accounts as they now stand; `upgraded` tells that everything
    asked once must be asked again.
    """

    comet: Address
    places: Mapping[Address, int]
    lookup: Callable[[PositionKey], Account]
    changes: dict[PositionKey, Account] = field(default_factory=dict)
    upgraded: bool = False

    def apply(self, logs: Sequence[Log]) -> None:
        """Fold logs in, in order; those that say nothing about accounts are passed over."""
        for log in logs:
            if log.address == self.comet and log.topics:
                self._one(log, log.topics[0])

    def _one(self, log: Log, kind: bytes) -> None:
        if kind in _PRINCIPALS:
            for position in _PRINCIPALS[kind]:
                self._doubt(indexed_address(log, position), Doubt.PRINCIPAL)
        elif kind in _COLLATERALS:
            source, destination, asset = _COLLATERALS[kind]
            amount = word(log.data, 0)
            if source:
                self._move(log, indexed_address(log, source), indexed_address(log, asset), -amount)

            if destination:
                self._move(log, indexed_address(log, destination), indexed_address(log, asset), amount)
        elif kind == abi.UPGRADED:
            self.upgraded = True

    def _doubt(self, owner: Address, doubt: Doubt) -> None:
        # A mint and a burn of supply name nobody on their other side.
        if owner != ZERO_ADDRESS:
            key, account = self._account(owner)
            self.changes[key] = account.doubted(doubt)

    def _move(self, log: Log, owner: Address, asset: Address, change: int) -> None:
        offset = self.places.get(asset)
        if offset is None:
            # Listed by an upgrade that was not asked about yet.
            self._doubt(owner, Doubt.ALL)
            return

        key, account = self._account(owner)
        amount = account.amount_of(offset) + change
        if amount < 0 and account.doubt is not Doubt.ALL:
            raise DecodeError(
                f"more collateral leaves {owner.hex()} than was seen to come: start_block must not be after the block "
                "the market was deployed in",
                block=log.block_number,
            )

        self.changes[key] = account.with_held(offset, max(amount, 0))

    def _account(self, owner: Address) -> tuple[PositionKey, Account]:
        key = PositionKey(owner)
        found = self.changes.get(key)
        return key, found if found is not None else self.lookup(key)


_PRINCIPALS: Mapping[bytes, tuple[int, ...]] = {
    abi.SUPPLIED: (2,),
    abi.WITHDRAWN: (1,),
    abi.TRANSFER: (1, 2),
    abi.DEBT_ABSORBED: (2,),
}
"""Which indexed arguments of an event are accounts whose principal changed."""
_COLLATERALS: Mapping[bytes, tuple[int, int, int]] = {
    abi.COLLATERAL_SUPPLIED: (0, 2, 3),
    abi.COLLATERAL_WITHDRAWN: (1, 0, 3),
    abi.COLLATERAL_MOVED: (1, 2, 3),
    abi.COLLATERAL_ABSORBED: (2, 0, 3),
}
"""Which indexed arguments of an event are the account it is taken from, the one it goes to (0: none), and the asset."""
