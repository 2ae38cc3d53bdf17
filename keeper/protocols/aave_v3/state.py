"""The state of one deployment: its roster, its accounts kept by events, and the market it freezes every block.

Accounts come from logs alone; what a log cannot be trusted for (a token that was upgraded, stable debt) is reread
before the next market is frozen. Everything governance can change is reread every block.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.aave_v3 import abi, saved
from keeper.protocols.aave_v3.account import EMPTY, Account
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
from keeper.protocols.aave_v3.roster import Roster
from keeper.protocols.aave_v3.rounding import read_rounding, rules_told_by
from keeper.protocols.base import Applied, Row
from keeper.protocols.feeds import NO_FEED, Feed, read_aggregator, read_feeds
from keeper.protocols.ledger import Ledger
from keeper.protocols.reads import Reads, gather, gather_all
from keeper.protocols.words import indexed_address, word
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey, to_checksum


class AaveV3Sync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied, the accounts equal the chain's at that block, except those
    in `_due`, which the next `observe` rereads before it freezes a market.
    """

    def __init__(self, deployment: str, provider: Address) -> None:
        self._deployment = deployment
        self._provider = provider
        self._contracts: Contracts | None = None
        self._facts: PoolFacts | None = None
        self._base_unit = 0
        self._roster = Roster.of(())
        self._ids: dict[int, int] = {}
        self._emodes: dict[int, EMode] = {}
        self._feeds: dict[Address, Feed] = {}
        self._ledger: Ledger[Account] = Ledger()
        self._due: set[PositionKey] = set()
        self._set_aside: frozenset[PositionKey] = frozenset()
        self._roster_saved = False

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Ask for contracts, rules, reserves, price sources and categories; may be repeated at any block."""
        del head
        contracts = yield from self._read_contracts_or_refuse()
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
        self._extend(Roster.of(listing for listing, _ in listings))
        self._ids = {self._roster.tokens[listing.a_token][0]: pool_id for listing, pool_id in listings}

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
        fold = Fold(self._roster, facts.rules, contracts.pool, self._account)
        fold.apply(logs)
        self._doubt(fold)
        self._put(fold.changes)
        self._due |= fold.doubtful
        return Applied(frozenset(fold.changes), fresh)

    def _configure(self, logs: Sequence[Log], contracts: Contracts, facts: PoolFacts) -> tuple[LogQuery, ...]:
        """Take note of new reserves, categories and price sources; a reserve's flags may follow in the same logs."""
        before = len(self._roster.listings)
        for log in logs:
            kind = log.topics[0] if log.topics else b""
            if log.address == contracts.oracle and kind == abi.ASSET_SOURCE_UPDATED:
                self._feeds.pop(indexed_address(log, 1), None)
            elif log.address == contracts.configurator and kind == abi.EMODE_CATEGORY_ADDED:
                category = word(log.topics[1], 0)
                self._emodes.setdefault(category, EMode(category, 0, 0))
            elif log.address == contracts.configurator and kind == abi.RESERVE_INITIALIZED:
                self._extend(Roster.of([new_listing(log, facts.rules)]))

        tokens = [token for x in self._roster.listings[before:] for token in (x.a_token, x.v_token, x.stable_token)]
        addresses = tuple(token for token in tokens if token is not None)
        return (LogQuery(addresses, (_TOKEN_TOPICS,)),) if addresses else ()

    def _doubt(self, fold: Fold) -> None:
        """Mark every holder of an upgraded token: what was reconstructed so far may have followed other rules."""
        mask = sum(1 << place for place in fold.upgraded)
        if mask == 0:
            return

        for key, account in self._ledger.items():
            if key not in fold.changes and _touches(account, mask):
                fold.changes[key] = account

        for key, account in fold.changes.items():
            if _touches(account, mask):
                fold.changes[key] = replace(account, unsure=account.unsure | mask)

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget, previous: AaveV3Market | None) -> Reads[AaveV3Market]:
        """Read the block's reserves, prices and parameters in one round, after rereading accounts in doubt.

        A pool that was upgraded raises `StateError`: its rules are asked for again before anything is decided.
        """
        del previous
        contracts, facts = self._known()
        yield from self._settle_doubts()
        due = [a for a in self._roster.places if a not in self._feeds]
        if due:
            self._feeds.update((yield from read_feeds(contracts.oracle, due)))

        listings = self._roster.listings
        reserve_reads = [read_reserve(contracts, facts.rules, x, self._feeds.get(x.asset, NO_FEED)) for x in listings]
        probed = self._probe(head)
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
            roster=self._roster,
            reserves=tuple(r.projected(target.timestamp, facts.rules) for r in reserves),
            emodes=emodes,
            ledger=self._ledger,
            set_aside=self._set_aside,
        )

    def _probe(self, head: BlockHead) -> Address:
        """The asset whose feed is asked again in this block: each in turn."""
        return self._roster.listings[head.number % len(self._roster.listings)].asset

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

        strangers = [asset for asset in pool_now.assets if asset not in self._roster.places]
        if strangers:
            names = ", ".join(to_checksum(asset) for asset in strangers)
            raise StateError(f"the pool lists reserves that no event announced: {names}")

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

    def _known(self) -> tuple[Contracts, PoolFacts]:
        if self._contracts is None or self._facts is None:
            raise StateError(f"{self._deployment} was not bootstrapped")

        return self._contracts, self._facts

    def _account(self, key: PositionKey) -> Account:
        return self._ledger.get(key) or EMPTY

    def _put(self, changes: dict[PositionKey, Account]) -> None:
        self._ledger = self._ledger.updated({k: None if a == EMPTY else a for k, a in changes.items()})
        aside = {key for key, account in changes.items() if account.stable_debt}
        self._set_aside = (self._set_aside - changes.keys()) | aside
        self._due.difference_update(changes)
        # An account that owes nothing may stay in doubt: only what backs a debt matters.
        self._due.update(key for key, account in changes.items() if account.unsure and account.borrowed)

    def _extend(self, roster: Roster) -> None:
        extended = self._roster.extended(roster.listings)
        if extended is not self._roster:
            self._roster, self._roster_saved = extended, False


_TOKEN_TOPICS = (abi.MINT, abi.BURN, abi.BALANCE_TRANSFER, abi.UPGRADED, abi.STABLE_MINT, abi.STABLE_BURN)


def _touches(account: Account, mask: int) -> bool:
    return any(mask >> place & 1 for place, _ in account.supplied + account.borrowed)
