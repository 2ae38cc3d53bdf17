"""The market just before a point inside a block: the parent's, and what the block's logs before that point changed.

Balances in events become principals again by the contract's own rounding. Prices move by the answers of the feeds
themselves; a price behind an adapter keeps its last value. What no event tells, a transfer of base tokens between
debtors, stays unknown: it moves no amount of a purchase.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from keeper.errors import StateError
from keeper.protocols.compound_v3 import abi, math
from keeper.protocols.compound_v3.account import Doubt
from keeper.protocols.compound_v3.fold import Fold
from keeper.protocols.compound_v3.market import CompoundV3Market, Quoted
from keeper.protocols.compound_v3.terms import BASE_INDEX_SCALE, Totals
from keeper.protocols.words import indexed_address, signed, word
from keeper.types import ZERO_ADDRESS, Address, BlockTarget, Log, PositionKey
from keeper.units import div_up


def preceding(parent: CompoundV3Market, logs: Sequence[Log], target: BlockTarget) -> CompoundV3Market:
    """Overlay logs on the parent's market; touches nothing else."""
    market = parent.at(target)
    comet = market.listing.comet
    places = {one.listed.asset: offset for offset, one in enumerate(market.assets)}
    fold = Fold(comet, places, market.account)
    fold.apply(logs)
    if fold.upgraded:
        raise StateError("the market was upgraded in the very block")

    ledger = _Ledger(market.now, lambda key: market.account(key).principal)
    for log in logs:
        if log.address == comet and log.topics:
            ledger.take(log)

    # An action on base tokens accrues; without one the totals stay as they were stored.
    stored = ledger.totals if ledger.is_accrued else market.stored
    accounts = {
        key: replace(account, principal=ledger.principals.get(key, account.principal), doubt=Doubt.NOTHING)
        for key, account in fold.changes.items()
    }
    market = replace(market, stored=stored, now=ledger.totals).with_accounts(accounts)
    for log in logs:
        market = _moved(market, log, places)

    return market


@dataclass(slots=True)
class _Ledger:
    """Principals and totals while a block's events are read; all of them at the indices of the block."""

    totals: Totals
    known: Callable[[PositionKey], int]
    principals: dict[PositionKey, int] = field(default_factory=dict)
    is_accrued: bool = False
    _repeats: tuple[int, bytes, tuple[Address, Address]] | None = None
    """The transfer that would only repeat the event before it: its place, its transaction, and from whom to whom."""

    def take(self, log: Log) -> None:
        """Take one event of the market."""
        kind = log.topics[0]
        if kind == abi.SUPPLIED:
            owner = indexed_address(log, 2)
            self._supply(owner, word(log.data, 0))
            self._repeats = log.index + 1, log.tx_hash, (ZERO_ADDRESS, owner)
        elif kind == abi.WITHDRAWN:
            owner = indexed_address(log, 1)
            self._withdraw(owner, word(log.data, 0))
            self._repeats = log.index + 1, log.tx_hash, (owner, ZERO_ADDRESS)
        elif kind == abi.DEBT_ABSORBED:
            owner = indexed_address(log, 2)
            self._absorb(owner, word(log.data, 0))
            self._repeats = log.index + 1, log.tx_hash, (ZERO_ADDRESS, owner)
        elif kind == abi.TRANSFER:
            self._transfer(log)

    def _transfer(self, log: Log) -> None:
        """Take a transfer that stands alone: from one account to another."""
        source, destination = indexed_address(log, 1), indexed_address(log, 2)
        if self._repeats != (log.index, log.tx_hash, (source, destination)):
            moved = self._principal_of(word(log.data, 0))
            if source != ZERO_ADDRESS:
                self._shift(source, -moved)

            if destination != ZERO_ADDRESS:
                self._shift(destination, moved)

    def _principal_of(self, told: int) -> int:
        """The supplied principal behind a transferred balance: the only one that is rounded down to it."""
        return div_up(told * BASE_INDEX_SCALE, self.totals.base_supply_index)

    def _shift(self, owner: Address, change: int) -> None:
        """Move supplied principal from one account to another; what is owed on either side is not told."""
        key, principal = self._principal(owner)
        self.principals[key] = principal + change
        self.totals = math.moved(self.totals, principal, principal + change)
        self.is_accrued = True

    def _principal(self, owner: Address) -> tuple[PositionKey, int]:
        key = PositionKey(owner)
        return key, self.principals[key] if key in self.principals else self.known(key)

    def _supply(self, owner: Address, amount: int) -> None:
        key, principal = self._principal(owner)
        self.principals[key], self.totals = math.supplied(principal, amount, self.totals)
        self.is_accrued = True

    def _withdraw(self, owner: Address, amount: int) -> None:
        key, principal = self._principal(owner)
        self.principals[key], self.totals = math.withdrawn(principal, amount, self.totals)
        self.is_accrued = True

    def _absorb(self, owner: Address, paid_out: int) -> None:
        """What was paid out beyond the debt is left as a supply."""
        key, principal = self._principal(owner)
        new = math.principal_value(max(math.present_value(principal, self.totals) + paid_out, 0), self.totals)
        self.principals[key], self.totals = new, math.moved(self.totals, principal, new)
        self.is_accrued = True


def _moved(market: CompoundV3Market, log: Log, places: dict[Address, int]) -> CompoundV3Market:
    """Take what a log says of balances, collateral sums, prices and pauses."""
    kind = log.topics[0] if log.topics else b""
    comet = market.listing.comet
    if log.address == comet:
        return _told(market, log, kind, places)

    if kind == abi.TRANSFER and len(log.topics) == 3 and len(log.data) == 32:
        change = word(log.data, 0) * ((indexed_address(log, 2) == comet) - (indexed_address(log, 1) == comet))
        if log.address == market.listing.base_token:
            return replace(market, balance=market.balance + change)

        if log.address in places:
            asset = market.assets[places[log.address]]
            return market.with_assets({places[log.address]: replace(asset, balance=asset.balance + change)})

    if kind == abi.ANSWER_UPDATED and len(log.topics) > 1:
        return _answered(market, log.address, signed(int.from_bytes(log.topics[1], "big")))

    return market


def _told(market: CompoundV3Market, log: Log, kind: bytes, places: dict[Address, int]) -> CompoundV3Market:
    if kind == abi.PAUSED:
        flags = sum(bool(word(log.data, bit)) << bit for bit in range(5))
        return replace(market, pause_flags=flags)

    sign = _SUMS.get(kind)
    offset = places.get(indexed_address(log, 3)) if sign else None
    if sign is None or offset is None:
        return market

    asset = market.assets[offset]
    return market.with_assets({offset: replace(asset, total_supply=asset.total_supply + sign * word(log.data, 0))})


_SUMS = {abi.COLLATERAL_SUPPLIED: 1, abi.COLLATERAL_WITHDRAWN: -1, abi.COLLATERAL_ABSORBED: -1}
"""Which events move the sum of what accounts hold of a collateral."""


def _answered(market: CompoundV3Market, emitter: Address, answer: int) -> CompoundV3Market:
    quoted = Quoted(answer if answer > 0 else None, market.target.timestamp)
    if emitter in market.listing.base_feed.emitters:
        market = replace(market, base_quoted=quoted)

    fed = {i: replace(a, quoted=quoted) for i, a in enumerate(market.assets) if emitter in a.listed.feed.emitters}
    return market.with_assets(fed) if fed else market
