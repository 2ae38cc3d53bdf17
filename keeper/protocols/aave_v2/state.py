"""The state of one deployment: its roster, its accounts kept by events, and the market it freezes every block.

Accounts come from logs alone; what a log does not settle (a debt at a stable rate, a token that was upgraded) is
reread before the next market is frozen. Everything governance can change is reread every block.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from keeper.errors import StateError
from keeper.protocols.aave.accounts import Accounts
from keeper.protocols.aave.reading import or_refuse, probed_in, refuse_strangers
from keeper.protocols.aave.roster import Listing
from keeper.protocols.aave_v2 import abi
from keeper.protocols.aave_v2.account import CODEC
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
from keeper.protocols.base import Applied, Row
from keeper.protocols.feeds import NO_FEED, Feed, read_aggregator, read_feeds
from keeper.protocols.reads import Reads, gather, gather_all
from keeper.protocols.words import indexed_address
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey, to_checksum


class AaveV2Sync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied, the accounts equal the chain's at that block, except those
    due in `_kept`, which the next `observe` rereads before it freezes a market.
    """

    def __init__(self, deployment: str, provider: Address) -> None:
        self._deployment = deployment
        self._provider = provider
        self._contracts: Contracts | None = None
        self._base: Base | None = None
        self._ids: dict[int, int] = {}
        self._feeds: dict[Address, Feed] = {}
        self._kept = Accounts(CODEC)

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Ask for contracts, reserves, price sources and what they are quoted in; may be repeated at any block."""
        del head
        contracts = yield from self._read_contracts()
        facts, base = yield from gather(read_pool_facts(contracts.pool), read_base(contracts.oracle))
        listings, feeds = yield from gather(
            read_listings(contracts.pool, facts.assets), read_feeds(contracts.oracle, facts.assets)
        )
        self._contracts, self._base, self._feeds = contracts, base, feeds
        self._kept.extend(listings)
        self._note_ids(facts)

    def _read_contracts(self) -> Reads[Contracts]:
        read = read_contracts(self._provider)
        # What was followed before, in this run or an earlier one, is no mistake of the operator's.
        known = self._contracts is not None or bool(self._kept.roster.listings)
        return (yield from (read if known else or_refuse(read, self._deployment)))

    def sources(self) -> tuple[LogQuery, ...]:
        """Logs of the pool, its tokens, its configurator and its oracle."""
        contracts, _ = self._known()
        tokens = tuple(self._kept.roster.tokens)
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
        fold = Fold(self._kept.roster, contracts.pool, self._kept.get)
        fold.apply(logs)
        self._doubt(fold)
        self._kept.put(fold.changes)
        return Applied(frozenset(fold.changes), fresh)

    def _configure(self, logs: Sequence[Log], contracts: Contracts) -> tuple[LogQuery, ...]:
        """Take note of new reserves and price sources; a reserve's flags may follow in the same logs."""
        fresh: list[Listing] = []
        for log in logs:
            kind = log.topics[0] if log.topics else b""
            if log.address == contracts.oracle and kind == abi.ASSET_SOURCE_UPDATED:
                self._feeds.pop(indexed_address(log, 1), None)
            elif log.address == contracts.configurator and kind == abi.RESERVE_INITIALIZED:
                fresh += self._kept.extend([new_listing(log)])

        tokens = tuple(token for listing in fresh for token in listing.tokens)
        return (LogQuery(tokens, (_TOKEN_TOPICS,)),) if tokens else ()

    def _doubt(self, fold: Fold) -> None:
        """Mark every holder of an upgraded token: the new code may count otherwise."""
        if not fold.upgraded:
            return

        for key, account in [*self._kept.ledger.items(), *fold.changes.items()]:
            held = fold.changes.get(key, account)
            if fold.upgraded & {place for place, _ in held.supplied} | fold.upgraded & set(held.debts()):
                fold.changes[key] = replace(held, unsure=True)

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[AaveV2Market]:
        """Read the block's reserves, prices and parameters in one round, after rereading accounts in doubt.

        A market whose contracts changed raises `StateError`: everything is asked for again before anything is decided.
        """
        contracts, base = self._known()
        yield from self.reread(self._kept.due, head)
        due = [asset for asset in self._kept.roster.places if asset not in self._feeds]
        if due:
            self._feeds.update((yield from read_feeds(contracts.oracle, due)))

        listings = self._kept.roster.listings
        probed = probed_in(head, self._kept.roster)
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
            roster=self._kept.roster,
            reserves=tuple(r.projected(target.timestamp) for r in reserves),
            ledger=self._kept.ledger,
            set_aside=self._kept.set_aside,
        )

    def preceding(self, parent: AaveV2Market, logs: Sequence[Log], target: BlockTarget) -> AaveV2Market:
        """The market just before a point inside the block after `parent`; wants the block's logs unfiltered."""
        return preceding(parent, logs, target)

    def _check(self, contracts: Contracts, now: Contracts, facts: PoolFacts) -> None:
        if now != contracts:
            raise StateError(f"the market of {to_checksum(self._provider)} has new contracts: everything is read again")

        refuse_strangers(facts.assets, self._kept.roster)

    def _note_ids(self, facts: PoolFacts) -> None:
        # A reserve's number is its place in the pool's own list.
        places = self._kept.roster.places
        self._ids = {place: i for i, asset in enumerate(facts.assets) for place in places[asset]}

    # Rereading ------------------------------------------------------------------------------------------------------

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace these accounts by the chain's."""
        del head
        if not keys:
            return

        contracts, _ = self._known()
        self._kept.put((yield from read_accounts(contracts, self._kept.roster, self._ids, sorted(keys))))

    # Store ----------------------------------------------------------------------------------------------------------

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these accounts, and of the roster where it changed; None saves everything."""
        return self._kept.save(keys)

    def restore(self, rows: Iterable[Row]) -> None:
        """Take accounts and roster back; before or after `bootstrap`, but before any log."""
        self._kept.restore(rows)

    # Helpers --------------------------------------------------------------------------------------------------------

    def _known(self) -> tuple[Contracts, Base]:
        if self._contracts is None or self._base is None:
            raise StateError(f"{self._deployment} was not bootstrapped")

        return self._contracts, self._base


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
