"""The state of one deployment: which accounts there are by events, what they have by reading those that were touched.

Events tell who was touched, and where makers' liquidity lies; what an account was settled at only the contracts know.
"""

from collections.abc import Collection, Iterable, Sequence

from keeper.errors import StateError
from keeper.protocols.base import Applied, Row
from keeper.protocols.ledger import Ledger
from keeper.protocols.perp_curie import abi, saved
from keeper.protocols.perp_curie.account import EMPTY, Account
from keeper.protocols.perp_curie.discovery import (
    proxies,
    read_accounts,
    read_contracts,
    read_implementations,
    read_ticks,
)
from keeper.protocols.perp_curie.fold import bases, order_change, preceding, traders
from keeper.protocols.perp_curie.instrument import Instrument, Intervals
from keeper.protocols.perp_curie.learning import Learned
from keeper.protocols.perp_curie.market import Contracts, PerpCurieMarket
from keeper.protocols.perp_curie.observation import Place, read_funding, read_instrument
from keeper.protocols.perp_curie.roster import Roster
from keeper.protocols.perp_curie.rules import read_collaterals, read_rules
from keeper.protocols.reads import Reads, gather, gather_all
from keeper.protocols.words import indexed_address
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey, to_checksum

COLLATERAL_TWAP_S = 900
"""Window of a collateral's price. Vault, constant."""


class PerpCurieSync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied, `observe` at that block rereads every account and market
    the logs touched before it freezes a market. What was learned other than from logs is forgotten at every
    `bootstrap`, but for which code the contracts ran at the first.
    """

    def __init__(self, deployment: str, clearing_house: Address) -> None:
        self._deployment = deployment
        self._clearing_house = clearing_house
        self._contracts: Contracts | None = None
        self._code: dict[Address, bytes] = {}
        self._roster = Roster()
        self._ticks: dict[Address, dict[int, tuple[int, int]]] = {}
        self._ledger: Ledger[Account] = Ledger()
        self._makers: frozenset[PositionKey] = frozenset()
        self._due: set[PositionKey] = set()
        self._dirty: set[Address] = set()
        self._learned: dict[Address, Learned] = {}
        self._unsaved: set[Address] = set()
        self._roster_saved = False

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Ask the ClearingHouse for the other contracts and note their code; may be repeated at any block."""
        del head
        self._contracts = yield from read_contracts(self._deployment, self._clearing_house)
        code = yield from read_implementations(proxies(self._contracts))
        self._check(code)
        self._code = {**code, **self._code}
        self._learned.clear()

    def sources(self) -> tuple[LogQuery, ...]:
        """Every log that changes an account, a market's funding or the list of markets."""
        known = self._known()
        emitters = (
            known.clearing_house, known.account_balance, known.vault, known.exchange, known.market_registry,
        )  # fmt: skip
        return (LogQuery(emitters, (abi.EVENTS,)),)

    # Logs -----------------------------------------------------------------------------------------------------------

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Note who and which markets were touched, new markets, and where liquidity went."""
        for log in logs:
            if log.topics[0] == abi.POOL_ADDED:
                self._roster_saved &= not self._roster.add(indexed_address(log, 1), indexed_address(log, 3))
                self._ticks.setdefault(indexed_address(log, 1), {})
                self._unsaved.add(indexed_address(log, 1))
            elif log.topics[0] == abi.LIQUIDITY_CHANGED:
                self._shift(indexed_address(log, 2), log)

        touched = frozenset(traders(logs)) - {PositionKey(self._known().insurance_fund)}
        self._dirty.update(bases(logs))
        self._due |= touched
        return Applied(touched)

    def _shift(self, base: Address, log: Log) -> None:
        if base not in self._ticks:
            raise StateError(
                f"an event of market {to_checksum(base)}, whose creation was not seen: start_block must not be after "
                "the block the protocol was deployed in"
            )

        lower, upper, change = order_change(log)
        ticks = self._ticks[base]
        for tick, sign in ((lower, 1), (upper, -1)):
            net, gross = ticks.pop(tick, (0, 0))
            if gross + change:
                ticks[tick] = (net + sign * change, gross + change)

        self._unsaved.add(base)

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[PerpCurieMarket]:
        """Reread what was touched, then read rules, prices and pools of every market, and freeze it all."""
        known = self._known()
        yield from self._watch_code(head)
        if self._due:
            self._put((yield from read_accounts(known, sorted(self._due))))

        rules, intervals, insurance = yield from read_rules(known)
        places = [Place(base, pool, known, self._ticks.get(base, {})) for base, pool in self._roster.pools.items()]
        yield from self._read_funding(places)
        instruments, collaterals = yield from gather(
            gather_all([self._read(place, head, intervals) for place in places]),
            read_collaterals(known, self._collateral_tokens(), COLLATERAL_TWAP_S),
        )
        return PerpCurieMarket(
            deployment=self._deployment,
            head=head,
            target=target,
            contracts=known,
            rules=rules,
            instruments={one.base: _projected(one, target) for one in instruments},
            places=dict(self._roster.places),
            collaterals=collaterals,
            insurance=insurance,
            ledger=self._ledger,
            makers=self._makers,
        )

    def preceding(self, parent: PerpCurieMarket, logs: Sequence[Log], target: BlockTarget) -> PerpCurieMarket:
        """The markets just before a point inside the block after `parent`."""
        return preceding(parent, logs, target)

    def _read(self, place: Place, head: BlockHead, intervals: Intervals) -> Reads[Instrument]:
        learned = self._learned.get(place.base, Learned())
        one, self._learned[place.base] = yield from read_instrument(place, learned, head, intervals)
        return one

    def _read_funding(self, places: Sequence[Place]) -> Reads[None]:
        """Reread what markets last settled where somebody was settled in them, or where it is not known."""
        wanted = [
            place
            for place in places
            if place.base in self._dirty or self._learned.get(place.base, Learned()).funding is None
        ]
        read = yield from gather_all(
            [
                read_funding(place, self._learned.get(place.base, Learned()), self._order_ticks(place.base))
                for place in wanted
            ]
        )
        for place, learned in zip(wanted, read, strict=True):
            self._learned[place.base] = learned

        self._dirty.clear()

    def _order_ticks(self, base: Address) -> list[int]:
        orders = [order for key in self._makers for order in self._account(key).holding(base).orders]
        return sorted({tick for order in orders for tick in (order.lower, order.upper)})

    def _watch_code(self, head: BlockHead) -> Reads[None]:
        """Ask for the code of one contract in each block: an upgrade may change what a liquidation does."""
        watched = proxies(self._known())
        self._check((yield from read_implementations([watched[head.number % len(watched)]])))

    def _check(self, code: dict[Address, bytes]) -> None:
        for place, found in code.items():
            if self._code.get(place, found) != found:
                raise StateError(
                    f"{to_checksum(place)} was upgraded: its rules may be others now. Restart once they are known",
                    was=self._code[place].hex(),
                    now=found.hex(),
                )

    # Doubts ---------------------------------------------------------------------------------------------------------

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace these accounts and all ticks by the contracts'; forget what was learned from orphaned blocks."""
        del head
        self._learned.clear()
        self._put((yield from read_accounts(self._known(), sorted(keys))))
        for base, ticks in self._ticks.items():
            found = yield from read_ticks(self._roster.pools[base], sorted(ticks))
            self._ticks[base] = {tick: one for tick, one in found.items() if one[1]}

    # Store ----------------------------------------------------------------------------------------------------------

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these accounts, of ticks that changed, and of all places where one is new; None saves all."""
        if keys is None or not self._roster_saved:
            yield saved.roster_row(self._roster)
            self._roster_saved = True

        for base in sorted(self._ticks if keys is None else self._unsaved):
            yield saved.ticks_row(base, self._ticks[base])

        self._unsaved.clear()
        chosen = self._ledger.items() if keys is None else ((key, self._account(key)) for key in keys)
        for key, account in chosen:
            yield saved.account_row(key, account)

    def restore(self, rows: Iterable[Row]) -> None:
        """Take places, ticks and accounts back, before `bootstrap` and before any log."""
        found = saved.decoded(rows)
        if any(base not in found.roster.pools for base in found.ticks):
            raise StateError("saved ticks of a market that was not saved")

        self._roster = found.roster
        self._ticks = {base: found.ticks.get(base, {}) for base in found.roster.pools}
        self._ledger, self._makers, self._due = Ledger(), frozenset(), set()
        self._put(found.accounts)

    # Helpers --------------------------------------------------------------------------------------------------------

    def _known(self) -> Contracts:
        if self._contracts is None:
            raise StateError("nothing is known of this deployment before its bootstrap")

        return self._contracts

    def _account(self, key: PositionKey) -> Account:
        return self._ledger.get(key) or EMPTY

    def _collateral_tokens(self) -> list[Address]:
        return [token for token in self._roster.places if token not in self._roster.pools]

    def _put(self, changes: dict[PositionKey, Account]) -> None:
        self._ledger = self._ledger.updated({key: None if one == EMPTY else one for key, one in changes.items()})
        self._due.difference_update(changes)
        makers = {key for key, one in changes.items() if one.has_orders}
        self._makers = (self._makers - changes.keys()) | makers
        self._dirty.update(base for key in makers for base, _ in changes[key].holdings)
        for one in changes.values():
            for token, _ in one.collaterals:
                self._roster_saved &= not self._roster.place(token)


def _projected(one: Instrument, target: BlockTarget) -> Instrument:
    return one if one.trouble else one.at(target.timestamp)
