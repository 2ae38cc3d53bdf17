"""The state of one deployment: its roster, its accounts kept by events, and the market it freezes every block.

Accounts come from logs alone; what a log does not settle (a debt at a stable rate, a token that was upgraded) is
reread before the next market is frozen. Everything governance can change is reread every block.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.aave_v2 import abi, saved
from keeper.protocols.aave_v2.account import EMPTY, Account
from keeper.protocols.aave_v2.discovery import (
    Base,
    Contracts,
    PoolFacts,
    read_base,
    read_contracts,
    read_listings,
    read_pool_facts,
)
from keeper.protocols.aave_v2.fold import Fold, new_listing
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.observation import read_accounts, read_reserve
from keeper.protocols.aave_v2.preceding import preceding
from keeper.protocols.aave_v2.roster import Roster
from keeper.protocols.base import Applied, Row
from keeper.protocols.feeds import NO_FEED, Feed, read_aggregator, read_feeds
from keeper.protocols.ledger import Ledger
from keeper.protocols.reads import Reads, gather, gather_all
from keeper.protocols.words import indexed_address
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey, to_checksum


class AaveV2Sync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied, the accounts equal the chain's at that block, except those
    in `_due`, which the next `observe` rereads before it freezes a market.
    """

    def __init__(self, deployment: str, provider: Address) -> None:
        self._deployment = deployment
        self._provider = provider
        self._contracts: Contracts | None = None
        self._base: Base | None = None
        self._roster = Roster.of(())
        self._ids: dict[int, int] = {}
        self._feeds: dict[Address, Feed] = {}
        self._ledger: Ledger[Account] = Ledger()
        self._due: set[PositionKey] = set()
        self._set_aside: frozenset[PositionKey] = frozenset()
        self._roster_saved = False

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Ask for contracts, reserves, price sources and what they are quoted in; may be repeated at any block."""
        del head
        contracts = yield from self._read_contracts_or_refuse()
        facts, base = yield from gather(read_pool_facts(contracts.pool), read_base(contracts.oracle))
        listings, feeds = yield from gather(
            read_listings(contracts.pool, facts.assets), read_feeds(contracts.oracle, facts.assets)
        )
        self._contracts, self._base, self._feeds = contracts, base, feeds
        self._extend(Roster.of(listings))
        self._note_ids(facts)

    def _read_contracts_or_refuse(self) -> Reads[Contracts]:
        try:
            return (yield from read_contracts(self._provider))
        except DecodeError as error:
            if self._contracts is not None:
                raise

            raise ConfigError(
                f"deployment {self._deployment}: {error.message} on this chain; check addresses_provider, and the chain"
            ) from error

    def sources(self) -> tuple[LogQuery, ...]:
        """Logs of the pool, its tokens, its configurator and its oracle."""
        contracts, _ = self._known()
        tokens = tuple(self._roster.tokens)
        return (
            LogQuery((contracts.pool,), ((abi.COLLATERAL_ENABLED, abi.COLLATERAL_DISABLED),)),
            LogQuery((contracts.configurator,), ((abi.RESERVE_INITIALIZED,),)),
            LogQuery((contracts.oracle,), ((abi.ASSET_SOURCE_UPDATED,),)),
            *(() if not tokens else (LogQuery(tokens, (_TOKEN_TOPICS,)),)),
        )

    # Logs -----------------------------------------------------------------------------------------------------------

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; a new reserve asks for its tokens' logs over the same range."""
        contracts, _ = self._known()
        fresh = self._configure(logs, contracts)
        fold = Fold(self._roster, contracts.pool, self._account)
        fold.apply(logs)
        self._doubt(fold)
        self._put(fold.changes)
        return Applied(frozenset(fold.changes), fresh)

    def _configure(self, logs: Sequence[Log], contracts: Contracts) -> tuple[LogQuery, ...]:
        """Take note of new reserves and price sources; a reserve's flags may follow in the same logs."""
        before = len(self._roster.listings)
        for log in logs:
            kind = log.topics[0] if log.topics else b""
            if log.address == contracts.oracle and kind == abi.ASSET_SOURCE_UPDATED:
                self._feeds.pop(indexed_address(log, 1), None)
            elif log.address == contracts.configurator and kind == abi.RESERVE_INITIALIZED:
                self._extend(Roster.of([new_listing(log)]))

        fresh = self._roster.listings[before:]
        tokens = tuple(t for listing in fresh for t in (listing.a_token, listing.stable_token, listing.variable_token))
        return (LogQuery(tokens, (_TOKEN_TOPICS,)),) if tokens else ()

    def _doubt(self, fold: Fold) -> None:
        """Mark every holder of an upgraded token: the new code may count otherwise."""
        if not fold.upgraded:
            return

        for key, account in [*self._ledger.items(), *fold.changes.items()]:
            held = fold.changes.get(key, account)
            if fold.upgraded & {place for place, _ in held.supplied} | fold.upgraded & set(held.debts()):
                fold.changes[key] = replace(held, unsure=True)

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget, previous: AaveV2Market | None) -> Reads[AaveV2Market]:
        """Read the block's reserves, prices and parameters in one round, after rereading accounts in doubt.

        A market whose contracts changed raises `StateError`: everything is asked for again before anything is decided.
        """
        del previous
        contracts, base = self._known()
        yield from self._settle_doubts()
        due = [asset for asset in self._roster.places if asset not in self._feeds]
        if due:
            self._feeds.update((yield from read_feeds(contracts.oracle, due)))

        listings = self._roster.listings
        probed = self._probe(head)
        ((now, facts), feed), reserves = yield from gather(
            gather(
                gather(read_contracts(self._provider), read_pool_facts(contracts.pool)),
                read_aggregator(self._feeds.get(probed, NO_FEED)),
            ),
            gather_all([read_reserve(contracts, x, self._feeds.get(x.asset, NO_FEED)) for x in listings]),
        )
        self._check(contracts, now, facts)
        self._note_ids(facts)
        self._feeds[probed] = feed
        return AaveV2Market(
            deployment=self._deployment,
            head=head,
            target=target,
            pool=contracts.pool,
            base=base,
            flash_premium=facts.flash_premium,
            paused=facts.paused,
            roster=self._roster,
            reserves=tuple(r.projected(target.timestamp) for r in reserves),
            ledger=self._ledger,
            set_aside=self._set_aside,
        )

    def _probe(self, head: BlockHead) -> Address:
        """The asset whose feed is asked again in this block: each in turn."""
        return self._roster.listings[head.number % len(self._roster.listings)].asset

    def preceding(self, parent: AaveV2Market, logs: Sequence[Log], target: BlockTarget) -> AaveV2Market:
        """The market just before a point inside the block after `parent`; wants the block's logs unfiltered."""
        return preceding(parent, logs, target)

    def _check(self, contracts: Contracts, now: Contracts, facts: PoolFacts) -> None:
        if now != contracts:
            raise StateError(f"the market of {to_checksum(self._provider)} has new contracts: everything is read again")

        strangers = [asset for asset in facts.assets if asset not in self._roster.places]
        if strangers:
            names = ", ".join(to_checksum(asset) for asset in strangers)
            raise StateError(f"the pool lists reserves that no event announced: {names}")

    def _note_ids(self, facts: PoolFacts) -> None:
        # A reserve's number is its place in the pool's own list.
        self._ids = {self._roster.places[asset]: i for i, asset in enumerate(facts.assets)}

    # Rereading ------------------------------------------------------------------------------------------------------

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace these accounts by the chain's."""
        del head
        contracts, _ = self._known()
        self._put((yield from read_accounts(contracts, self._roster, self._ids, sorted(keys))))

    def _settle_doubts(self) -> Reads[None]:
        if self._due:
            contracts, _ = self._known()
            self._put((yield from read_accounts(contracts, self._roster, self._ids, sorted(self._due))))

    # Store ----------------------------------------------------------------------------------------------------------

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these accounts, and of the roster where it changed; None saves everything."""
        if keys is None or not self._roster_saved:
            yield saved.roster_row(self._roster)
            self._roster_saved = True

        chosen = self._ledger.items() if keys is None else ((key, self._account(key)) for key in keys)
        for key, account in chosen:
            yield saved.account_row(key, account)

    def restore(self, rows: Iterable[Row]) -> None:
        """Take accounts and roster back; before or after `bootstrap`, but before any log."""
        roster, accounts = saved.decoded(rows)
        self._roster = roster.extended(self._roster.listings)
        self._ledger = Ledger()
        self._due, self._set_aside = set(), frozenset()
        self._put(accounts)

    # Helpers --------------------------------------------------------------------------------------------------------

    def _known(self) -> tuple[Contracts, Base]:
        if self._contracts is None or self._base is None:
            raise StateError(f"{self._deployment} was not bootstrapped")

        return self._contracts, self._base

    def _account(self, key: PositionKey) -> Account:
        return self._ledger.get(key) or EMPTY

    def _put(self, changes: dict[PositionKey, Account]) -> None:
        self._ledger = self._ledger.updated({k: None if a == EMPTY else a for k, a in changes.items()})
        aside = {key for key, account in changes.items() if account.stable}
        self._set_aside = (self._set_aside - changes.keys()) | aside
        self._due.difference_update(changes)
        # An account that owes nothing may stay in doubt: only what backs a debt matters.
        self._due.update(key for key, account in changes.items() if account.unsure and account.owes)

    def _extend(self, roster: Roster) -> None:
        extended = self._roster.extended(roster.listings)
        if extended is not self._roster:
            self._roster, self._roster_saved = extended, False


_TOKEN_TOPICS = (
    abi.SUPPLY_MINT,
    abi.SUPPLY_BURN,
    abi.BALANCE_TRANSFER,
    abi.DEBT_MINT,
    abi.DEBT_BURN,
    abi.STABLE_MINT,
    abi.STABLE_BURN,
    abi.UPGRADED,
)
