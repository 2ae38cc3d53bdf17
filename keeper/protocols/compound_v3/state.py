"""The state of one market: its accounts kept by events, and the market it freezes every block.

Collateral comes from logs alone. Principals are read where an event touched them, since events tell only rounded
balances; and because a transfer of the base token from one debt to another writes no event at all, a few of those who
could owe are read again in every block, in turn.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.base import Applied, Row
from keeper.protocols.compound_v3 import abi, saved
from keeper.protocols.compound_v3.account import EMPTY, Account, Doubt, decode_account, encode_account
from keeper.protocols.compound_v3.fold import Fold
from keeper.protocols.compound_v3.listing import Listing, read_listing
from keeper.protocols.compound_v3.market import CompoundV3Market, accrued_to
from keeper.protocols.compound_v3.observation import read_market
from keeper.protocols.compound_v3.preceding import preceding
from keeper.protocols.compound_v3.snapshots import read_accounts, whole
from keeper.protocols.feeds import read_aggregator
from keeper.protocols.ledger import Ledger
from keeper.protocols.reads import Reads, gather
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey, to_checksum

READ_IN_TURN: Final = 32
"""Accounts read again in every block: the whole of a large market within hours."""


class CompoundV3Sync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied and the block was observed, the accounts equal the chain's at
    that block, but for silent transfers not yet come upon. `_due` are the accounts in doubt, `_turn` those that
    could owe more without an event when they were last put there.
    """

    def __init__(self, deployment: str, comet: Address, price_token: Address | None = None) -> None:
        self._deployment = deployment
        self._comet = comet
        self._price_token = price_token
        self._listing: Listing | None = None
        self._places: dict[Address, int] = {}
        self._ledger: Ledger[Account] = Ledger.packed(encode_account, decode_account)
        self._due: set[PositionKey] = set()
        self._turn: deque[PositionKey] = deque()
        self._strays: frozenset[PositionKey] = frozenset()
        self._upgraded = False
        self._unsaved = True

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Ask for constants and assets; may be repeated at any block."""
        del head
        try:
            listing = yield from read_listing(self._comet)
        except DecodeError as error:
            if self._listing is not None:
                raise

            raise ConfigError(
                f"deployment {self._deployment}: {error.message} on this chain; check comet, and the chain"
            ) from error

        self._learn(listing)

    def _learn(self, listing: Listing) -> bool:
        """Take what an implementation says; false where an asset changed its offset, and all accounts are in doubt."""
        assets = [one.asset for one in listing.assets]
        known = list(self._places)
        self._listing, self._upgraded = listing, False
        self._places = {asset: offset for offset, asset in enumerate(assets)}
        if known != assets:
            self._unsaved = True

        if assets[: len(known)] == known:
            return True

        self._put({key: account.doubted(Doubt.ALL) for key, account in self._ledger.items()})
        return False

    def sources(self) -> tuple[LogQuery, ...]:
        """Logs of the market itself."""
        return (LogQuery((self._comet,), (_TOPICS,)),)

    # Logs -----------------------------------------------------------------------------------------------------------

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; whose principal they touched is read with the next block."""
        fold = Fold(self._comet, self._places, self._account)
        fold.apply(logs)
        self._upgraded |= fold.upgraded
        self._strays = self._strays.difference(fold.changes)
        self._put(fold.changes)
        return Applied(frozenset(fold.changes))

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[CompoundV3Market]:
        """Read the market, the accounts in doubt, and the borrowers whose turn it is. One round mostly."""
        if self._upgraded and not self._learn((yield from read_listing(self._comet))):
            # The screen counts by offsets too: everything is to be read again, not these accounts alone.
            raise StateError(f"the assets of {to_checksum(self._comet)} changed places: everything is read again")

        listing = self._known()
        due = {key: self._account(key) for key in self._due}
        turn = self._next_in_turn()
        seen, found = yield from gather(read_market(listing), read_accounts(listing, {**turn, **due}))
        # Whoever was not in doubt and is another all the same paid or was paid without an event.
        self._strays |= {key for key, account in turn.items() if key not in due and found[key] != account}
        self._put(found)
        yield from self._probe(head)
        now, trouble = accrued_to(seen.totals, listing, target)
        return CompoundV3Market(
            deployment=self._deployment,
            head=head,
            target=target,
            listing=self._known(),
            stored=seen.totals,
            now=now,
            base_quoted=seen.base_quoted,
            balance=seen.balance,
            pause_flags=seen.pause_flags,
            assets=seen.assets,
            ledger=self._ledger,
            price_token=self._price_token,
            strays=self._strays,
            trouble=trouble,
        )

    def _next_in_turn(self) -> dict[PositionKey, Account]:
        """Take the next accounts out of the queue and put them at its end; those that cannot change leave it."""
        chosen: dict[PositionKey, Account] = {}
        for _ in range(min(READ_IN_TURN, len(self._turn))):
            key = self._turn.popleft()
            account = self._account(key)
            if account.may_change_silently and key not in chosen:
                chosen[key] = account
                self._turn.append(key)

        return chosen

    def _probe(self, head: BlockHead) -> Reads[None]:
        """Ask one feed in each block which contract is behind it: that one emits the answers, and changes silently."""
        listing = self._known()
        place = head.number % len(listing.feeds)
        feed = yield from read_aggregator(listing.feeds[place])
        self._listing = listing.with_feed(place, feed)

    def preceding(self, parent: CompoundV3Market, logs: Sequence[Log], target: BlockTarget) -> CompoundV3Market:
        """The market just before a point inside the block after `parent`; wants the block's logs unfiltered."""
        return preceding(parent, logs, target)

    # Rereading ------------------------------------------------------------------------------------------------------

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace these accounts by the chain's."""
        del head
        # What was learned of an upgrade in an orphaned block is asked again too.
        self._upgraded = True
        self._put((yield from read_accounts(self._known(), whole(keys))))

    # Store ----------------------------------------------------------------------------------------------------------

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these accounts, and of the assets where they changed; None saves everything."""
        if keys is None or self._unsaved:
            yield saved.assets_row(tuple(self._places))
            self._unsaved = False

        chosen = self._ledger.items() if keys is None else ((key, self._account(key)) for key in keys)
        for key, account in chosen:
            yield saved.account_row(key, account)

    def restore(self, rows: Iterable[Row]) -> None:
        """Take accounts and assets back; before or after `bootstrap`, but before any log."""
        found = saved.decoded(rows)
        listing = self._listing
        self._places = {asset: offset for offset, asset in enumerate(found.assets)}
        self._ledger = Ledger.packed(encode_account, decode_account)
        self._due, self._strays = set(), frozenset()
        self._turn.clear()
        self._put(found.accounts)
        if listing is not None:
            self._learn(listing)

    # Helpers --------------------------------------------------------------------------------------------------------

    def _known(self) -> Listing:
        if self._listing is None:
            raise StateError(f"{self._deployment} was not bootstrapped")

        return self._listing

    def _account(self, key: PositionKey) -> Account:
        return self._ledger.get(key) or EMPTY

    def _put(self, changes: Mapping[PositionKey, Account]) -> None:
        for key, account in changes.items():
            if account.may_change_silently and not self._account(key).may_change_silently:
                self._turn.append(key)

        if len(self._turn) > 2 * len(self._ledger) + READ_IN_TURN:
            # Whoever comes to owe again and again is in it as often.
            self._turn = deque(dict.fromkeys(self._turn))

        self._due.difference_update(changes)
        self._due.update(key for key, account in changes.items() if account.doubt)
        self._ledger = self._ledger.updated({k: None if a == EMPTY else a for k, a in changes.items()})


_TOPICS: Final = (
    abi.SUPPLIED,
    abi.WITHDRAWN,
    abi.TRANSFER,
    abi.COLLATERAL_SUPPLIED,
    abi.COLLATERAL_MOVED,
    abi.COLLATERAL_WITHDRAWN,
    abi.DEBT_ABSORBED,
    abi.COLLATERAL_ABSORBED,
    abi.UPGRADED,
)
