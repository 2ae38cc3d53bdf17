"""The state of one deployment: its roster, its accounts kept by events, and the market it freezes every block.

Accounts come from logs alone; what a log cannot be trusted for (a token that was upgraded, stable debt) is reread
before the next market is frozen. Everything governance can change is reread every block.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from keeper.errors import StateError
from keeper.protocols.aave.accounts import Accounts
from keeper.protocols.aave.reading import or_refuse, probed_in, refuse_strangers
from keeper.protocols.aave.roster import Listing
from keeper.protocols.aave_v3 import abi
from keeper.protocols.aave_v3.account import CODEC, Account
from keeper.protocols.aave_v3.discovery import (
    ALL_CATEGORIES,
    Contracts,
    PoolFacts,
    read_base_unit,
    read_categories,
    read_contracts,
    read_listings,
    read_pool_facts,
)
from keeper.protocols.aave_v3.fold import Fold, new_listing
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.observation import read_accounts, read_emodes, read_reserve, read_sentinel
from keeper.protocols.aave_v3.preceding import preceding
from keeper.protocols.aave_v3.reserve import EMode
from keeper.protocols.aave_v3.rounding import read_rounding, rules_told_by
from keeper.protocols.base import Applied, Row
from keeper.protocols.feeds import NO_FEED, Feed, read_aggregator, read_feeds
from keeper.protocols.reads import Reads, gather, gather_all
from keeper.protocols.words import indexed_address, word
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey, to_checksum


class AaveV3Sync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied, the accounts equal the chain's at that block, except those
    due in `_kept`, which the next `observe` rereads before it freezes a market.
    """

    def __init__(self, deployment: str, provider: Address) -> None:
        self._deployment = deployment
        self._provider = provider
        self._contracts: Contracts | None = None
        self._facts: PoolFacts | None = None
        self._base_unit = 0
        self._ids: dict[int, int] = {}
        self._emodes: dict[int, EMode] = {}
        self._feeds: dict[Address, Feed] = {}
        self._kept = Accounts(CODEC)

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Ask for contracts, rules, reserves, price sources and categories; may be repeated at any block."""
        del head
        contracts = yield from self._read_contracts()
        facts, base_unit = yield from gather(read_pool_facts(contracts.pool), read_base_unit(contracts.oracle))
        (listings, feeds), emodes = yield from gather(
            gather(
                read_listings(contracts.pool, facts.assets, facts.rules), read_feeds(contracts.oracle, facts.assets)
            ),
            read_categories(contracts, facts.rules, ALL_CATEGORIES),
        )
        rounding = yield from read_rounding(contracts.pool, [listing for listing, _ in listings], facts.rules)
        facts = replace(facts, rules=rules_told_by(rounding, facts.rules, contracts.pool))
        self._contracts, self._facts, self._base_unit = contracts, facts, base_unit
        self._feeds, self._emodes = feeds, emodes
        self._kept.extend(listing for listing, _ in listings)
        self._ids = {self._kept.roster.tokens[listing.a_token][0]: pool_id for listing, pool_id in listings}

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
            LogQuery((contracts.pool,), ((abi.COLLATERAL_ENABLED, abi.COLLATERAL_DISABLED, abi.USER_EMODE_SET),)),
            LogQuery((contracts.configurator,), ((abi.RESERVE_INITIALIZED, abi.EMODE_CATEGORY_ADDED),)),
            LogQuery((contracts.oracle,), ((abi.ASSET_SOURCE_UPDATED,),)),
            *(() if not tokens else (LogQuery(tokens, (_TOKEN_TOPICS,)),)),
        )

    # Logs -----------------------------------------------------------------------------------------------------------

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; a new reserve asks for its tokens' logs over the same range."""
        contracts, facts = self._known()
        fresh = self._configure(logs, contracts, facts)
        fold = Fold(self._kept.roster, facts.rules, contracts.pool, self._kept.get)
        fold.apply(logs)
        self._doubt(fold)
        self._kept.put(fold.changes)
        self._kept.due |= fold.doubtful
        return Applied(frozenset(fold.changes), fresh)

    def _configure(self, logs: Sequence[Log], contracts: Contracts, facts: PoolFacts) -> tuple[LogQuery, ...]:
        """Take note of new reserves, categories and price sources; a reserve's flags may follow in the same logs."""
        fresh: list[Listing] = []
        for log in logs:
            kind = log.topics[0] if log.topics else b""
            if log.address == contracts.oracle and kind == abi.ASSET_SOURCE_UPDATED:
                self._feeds.pop(indexed_address(log, 1), None)
            elif log.address == contracts.configurator and kind == abi.EMODE_CATEGORY_ADDED:
                category = word(log.topics[1], 0)
                self._emodes.setdefault(category, EMode(category, 0, 0))
            elif log.address == contracts.configurator and kind == abi.RESERVE_INITIALIZED:
                fresh += self._kept.extend([new_listing(log, facts.rules)])

        tokens = tuple(token for listing in fresh for token in listing.tokens)
        return (LogQuery(tokens, (_TOKEN_TOPICS,)),) if tokens else ()

    def _doubt(self, fold: Fold) -> None:
        """Mark every holder of an upgraded token: what was reconstructed so far may have followed other rules."""
        mask = sum(1 << place for place in fold.upgraded)
        if mask == 0:
            return

        for key, account in self._kept.ledger.items():
            if key not in fold.changes and _touches(account, mask):
                fold.changes[key] = account

        for key, account in fold.changes.items():
            if _touches(account, mask):
                fold.changes[key] = replace(account, unsure=account.unsure | mask)

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[AaveV3Market]:
        """Read the block's reserves, prices and parameters in one round, after rereading accounts in doubt.

        A pool that was upgraded raises `StateError`: its rules are asked for again before anything is decided.
        """
        contracts, facts = self._known()
        yield from self.reread(self._kept.due, head)
        due = [a for a in self._kept.roster.places if a not in self._feeds]
        if due:
            self._feeds.update((yield from read_feeds(contracts.oracle, due)))

        listings = self._kept.roster.listings
        reserve_reads = [read_reserve(contracts, facts.rules, x, self._feeds.get(x.asset, NO_FEED)) for x in listings]
        probed = probed_in(head, self._kept.roster)
        suspects = [listings[place] for place in self._ids if listings[place].asset == probed]
        ((now, (pool_now, rounding)), feed), ((reserves, emodes), allowed) = yield from gather(
            gather(
                gather(
                    read_contracts(self._provider),
                    gather(read_pool_facts(contracts.pool), read_rounding(contracts.pool, suspects, facts.rules)),
                ),
                read_aggregator(self._feeds.get(probed, NO_FEED)),
            ),
            gather(
                gather(gather_all(reserve_reads), read_emodes(contracts, facts.rules, self._emodes)),
                read_sentinel(contracts, facts.rules),
            ),
        )
        if pool_now.rules.rounding_untold:
            kept = facts.rules if facts.rules.rounding_untold else pool_now.rules
            pool_now = replace(pool_now, rules=rules_told_by(rounding, kept, contracts.pool))

        self._check(contracts, now, pool_now)
        self._facts, self._feeds[probed] = pool_now, feed
        self._ids = {i: r.id for i, r in enumerate(reserves) if r.config}
        self._emodes = emodes | {i: e for i, e in self._emodes.items() if i not in emodes}
        return AaveV3Market(
            deployment=self._deployment,
            head=head,
            target=target,
            rules=facts.rules,
            pool=contracts.pool,
            base_unit=self._base_unit,
            flash_premium=pool_now.flash_premium,
            liquidations_allowed=allowed,
            roster=self._kept.roster,
            reserves=tuple(r.projected(target.timestamp, facts.rules) for r in reserves),
            emodes=emodes,
            ledger=self._kept.ledger,
            set_aside=self._kept.set_aside,
        )

    def preceding(self, parent: AaveV3Market, logs: Sequence[Log], target: BlockTarget) -> AaveV3Market:
        """The market just before a point inside the block after `parent`; wants the block's logs unfiltered."""
        return preceding(parent, logs, target)

    def _check(self, contracts: Contracts, now: Contracts, pool_now: PoolFacts) -> None:
        _, facts = self._known()
        if now != contracts or pool_now.rules != facts.rules:
            raise StateError(
                f"the market of {to_checksum(self._provider)} has new contracts or rules "
                f"({facts.rules.version} before, {pool_now.rules.version} now): everything is read again"
            )

        refuse_strangers(pool_now.assets, self._kept.roster)

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

    def _known(self) -> tuple[Contracts, PoolFacts]:
        if self._contracts is None or self._facts is None:
            raise StateError(f"{self._deployment} was not bootstrapped")

        return self._contracts, self._facts


_TOKEN_TOPICS = (abi.MINT, abi.BURN, abi.BALANCE_TRANSFER, abi.UPGRADED, abi.STABLE_MINT, abi.STABLE_BURN)


def _touches(account: Account, mask: int) -> bool:
    return any(mask >> place & 1 for place, _ in account.supplied + account.borrowed)
