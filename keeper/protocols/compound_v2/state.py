"""The state of one deployment: its roster, its accounts kept by events, and the market it freezes every block.

Accounts come from logs alone. Everything governance can change is reread every block; a comptroller or a market whose
code was replaced goes by rules nobody looked at, and is left alone until the keeper is started again.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.base import Applied, Row
from keeper.protocols.compound_v2 import abi, saved
from keeper.protocols.compound_v2.account import EMPTY, Account, decode_account, encode_account
from keeper.protocols.compound_v2.ctoken import Listing
from keeper.protocols.compound_v2.fold import Fold, argument
from keeper.protocols.compound_v2.listings import read_listings
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.protocols.compound_v2.observation import read_token, settled
from keeper.protocols.compound_v2.preceding import preceding
from keeper.protocols.compound_v2.roster import Roster
from keeper.protocols.compound_v2.rules import Contracts, read_contracts, read_dialect, read_markets, read_rules
from keeper.protocols.compound_v2.snapshots import Slots, read_accounts
from keeper.protocols.feeds import answer, call, read_aggregator
from keeper.protocols.ledger import Ledger
from keeper.protocols.reads import Reads, ask, gather, gather_all
from keeper.protocols.words import word
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey, to_checksum


class CompoundV2Sync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied, the accounts equal the chain's at that block. `_codes` is
    the code each contract had when it was first asked; it is never forgotten while this runs.
    """

    def __init__(self, deployment: str, comptroller: Address, wrapped_native: Address | None = None) -> None:
        self._deployment = deployment
        self._comptroller = comptroller
        self._native = wrapped_native
        self._contracts: Contracts | None = None
        self._code: bytes | None = None
        self._codes: dict[Address, Address | None] = {}
        self._roster = Roster.of(())
        self._listings: dict[Address, Listing] = {}
        self._indices: dict[int, int] = {}
        self._slots = Slots()
        self._ledger: Ledger[Account] = Ledger.packed(encode_account, decode_account)
        self._minters: frozenset[PositionKey] = frozenset()
        self._unsaved = True

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Ask for markets, oracle and what the comptroller can be asked; may be repeated at any block."""
        del head
        try:
            markets = yield from read_markets(self._comptroller)
        except DecodeError as error:
            if self._contracts is not None:
                raise

            raise ConfigError(
                f"deployment {self._deployment}: {error.message} on this chain; check comptroller, and the chain"
            ) from error

        speaks = yield from read_dialect(self._comptroller)
        contracts = yield from read_contracts(self._comptroller, speaks)
        self._code = contracts.code if self._code is None else self._code
        self._check_code(contracts)
        self._contracts = contracts
        self._extend(markets)
        self._listings.clear()
        yield from self._learn()

    def _learn(self) -> Reads[None]:
        """Ask about markets nothing is known of."""
        contracts = self._known()
        fresh = [token for token in self._roster.tokens if token not in self._listings]
        for listing in (yield from read_listings(contracts, fresh, self._native)):
            # What a market runs is remembered from the first time: later answers are compared with that.
            first = self._codes.setdefault(listing.token, listing.implementation)
            self._listings[listing.token] = replace(listing, implementation=first)

    def sources(self) -> tuple[LogQuery, ...]:
        """Logs of the comptroller, of its markets and of what Venus put around them."""
        contracts = self._known()
        queries = [LogQuery((contracts.comptroller,), (_COMPTROLLER_TOPICS,))]
        if self._roster.tokens:
            queries.append(LogQuery(self._roster.tokens, (_TOKEN_TOPICS,)))

        if contracts.liquidator is not None:
            queries.append(LogQuery((contracts.liquidator,), ((abi.RESTRICTED, abi.UNRESTRICTED),)))

        if contracts.vai is not None:
            queries.append(LogQuery((contracts.vai,), ((abi.VAI_MINTED,),)))

        return tuple(queries)

    # Logs -----------------------------------------------------------------------------------------------------------

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; a new market asks for its own logs over the same range."""
        before = len(self._roster.tokens)
        for log in logs:
            if log.address == self._comptroller and log.topics[:1] == (abi.MARKET_LISTED,):
                self._extend([argument(log, 0)])

        fresh = self._roster.tokens[before:]
        fold = Fold(self._known(), self._roster.places, dict(self._indices), self._account)
        fold.apply(logs)
        self._unsaved |= fold.indices != self._indices
        self._indices = fold.indices
        self._put(fold.changes)
        return Applied(frozenset(fold.changes), (LogQuery(fresh, (_TOKEN_TOPICS,)),) if fresh else ())

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[CompoundV2Market]:
        """Read the comptroller's rules and every market in one round.

        Contracts that changed raise `StateError`: everything is asked for again before anything is decided.
        """
        contracts = self._known()
        yield from self._learn()
        minters = sorted(self._minters)
        ((now, rules), owed), found = yield from gather(
            gather(
                gather(read_contracts(self._comptroller, contracts.speaks), read_rules(contracts)), self._vai(minters)
            ),
            gather_all([read_token(contracts, self._listings[token]) for token in self._roster.tokens]),
        )
        self._check_code(now)
        if now != contracts:
            who = to_checksum(self._comptroller)
            raise StateError(f"the comptroller at {who} has new contracts around it: everything is read again")

        yield from self._probe(head)
        return CompoundV2Market(
            deployment=self._deployment,
            head=head,
            target=target,
            contracts=contracts,
            rules=rules,
            tokens=tuple(settled(token, rules, target) for token in found),
            places=self._roster.places,
            ledger=self._ledger,
            vai=dict(zip(minters, owed, strict=True)),
        )

    def _vai(self, minters: Sequence[PositionKey]) -> Reads[list[int]]:
        """Ask what these accounts owe in VAI, interest included."""
        vai = self._known().vai
        if vai is None or not minters:
            return []

        answers = yield from ask(*(call(vai, abi.VAI_REPAY_AMOUNT, key) for key in minters))
        return [word(answer(a, abi.VAI_REPAY_AMOUNT, vai), 0) for a in answers]

    def _probe(self, head: BlockHead) -> Reads[None]:
        """Ask one feed in each block which contract is behind it: that one emits the answers, and changes silently."""
        fed = [token for token in self._roster.tokens if self._listings[token].feed.source is not None]
        if fed:
            probed = fed[head.number % len(fed)]
            feed = yield from read_aggregator(self._listings[probed].feed)
            self._listings[probed] = replace(self._listings[probed], feed=feed)

    def preceding(self, parent: CompoundV2Market, logs: Sequence[Log], target: BlockTarget) -> CompoundV2Market:
        """The market just before a point inside the block after `parent`; wants the block's logs unfiltered."""
        return preceding(parent, logs, target)

    def _check_code(self, now: Contracts) -> None:
        if now.code != self._code:
            raise StateError(
                f"the comptroller at {to_checksum(self._comptroller)} runs other code than when the keeper started; "
                "restart it once you know that the rules are the same"
            )

    # Rereading ------------------------------------------------------------------------------------------------------

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace these accounts by the chain's."""
        del head
        self._put((yield from read_accounts(self._known(), self._roster, keys, self._slots)))

    # Store ----------------------------------------------------------------------------------------------------------

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these accounts, and of roster and indices where they changed; None saves everything."""
        if keys is None or self._unsaved:
            yield saved.roster_row(self._roster)
            yield saved.indices_row(self._indices)
            self._unsaved = False

        chosen = self._ledger.items() if keys is None else ((key, self._account(key)) for key in keys)
        for key, account in chosen:
            yield saved.account_row(key, account)

    def restore(self, rows: Iterable[Row]) -> None:
        """Take accounts, roster and indices back; before or after `bootstrap`, but before any log."""
        found = saved.decoded(rows)
        self._roster = found.roster.extended(self._roster.tokens)
        self._indices = found.indices
        self._ledger = Ledger.packed(encode_account, decode_account)
        self._minters = frozenset()
        self._put(found.accounts)

    # Helpers --------------------------------------------------------------------------------------------------------

    def _known(self) -> Contracts:
        if self._contracts is None:
            raise StateError(f"{self._deployment} was not bootstrapped")

        return self._contracts

    def _account(self, key: PositionKey) -> Account:
        return self._ledger.get(key) or EMPTY

    def _put(self, changes: dict[PositionKey, Account]) -> None:
        self._ledger = self._ledger.updated({k: None if a == EMPTY else a for k, a in changes.items()})
        minters = {key for key, account in changes.items() if account.mints}
        if minters or not self._minters.isdisjoint(changes):
            self._minters = (self._minters - changes.keys()) | minters

    def _extend(self, tokens: Iterable[Address]) -> None:
        extended = self._roster.extended(tokens)
        if extended is not self._roster:
            self._roster, self._unsaved = extended, True


_COMPTROLLER_TOPICS = (abi.MARKET_LISTED, abi.MARKET_ENTERED, abi.MARKET_EXITED, abi.POOL_SELECTED)
_TOKEN_TOPICS = (abi.ACCRUED, abi.ACCRUED_BRIEFLY, abi.BORROWED, abi.REPAID, abi.TRANSFER)
