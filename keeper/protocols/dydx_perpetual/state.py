"""The state of one deployment: accounts by events, each of which tells the whole balance, and the market of a block."""

from collections.abc import Collection, Iterable, Sequence

from keeper.errors import DecodeError, DriftError, StateError
from keeper.protocols.base import Applied, Row
from keeper.protocols.dydx_perpetual import abi, fold
from keeper.protocols.dydx_perpetual.account import EMPTY, decode_account, encode_account
from keeper.protocols.dydx_perpetual.discovery import read_accounts, read_contracts, read_rules
from keeper.protocols.dydx_perpetual.market import Contracts, DydxPerpetualMarket, Taker
from keeper.protocols.dydx_perpetual.math import Index
from keeper.protocols.dydx_perpetual.trade import Account
from keeper.protocols.ledger import Ledger
from keeper.protocols.reads import Reads
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey

_KEY_BYTES = 20


class DydxPerpetualSync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied, accounts equal the contract's at that block, but for the
    index of those without a position. The last index the logs told is compared with the contract's every block.
    """

    def __init__(self, deployment: str, where: tuple[Address, Address], taker: Taker, *, is_usd: bool) -> None:
        """`where` are PerpetualV1 and its P1LiquidatorProxy."""
        self._deployment = deployment
        self._perpetual, self._proxy = where
        self._taker = taker
        self._is_usd = is_usd
        self._contracts: Contracts | None = None
        self._index: Index | None = None
        self._ledger: Ledger[Account] = Ledger.packed(encode_account, decode_account)

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Check both contracts and ask for the settlement token; may be repeated at any block."""
        del head
        where = (self._deployment, self._perpetual, self._proxy)
        self._contracts = yield from read_contracts(*where, is_usd=self._is_usd)
        self._index = None

    def sources(self) -> tuple[LogQuery, ...]:
        """Every log of the perpetual that changes an account or the index."""
        return (LogQuery((self._perpetual,), (abi.EVENTS,)),)

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; `DecodeError` for an account's event without an index before it in the same batch."""
        found = fold.folded(logs, self._perpetual)
        self._index = found.current or self._index
        self._put(found.accounts)
        return Applied(frozenset(found.accounts))

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace these accounts by the contract's; the next index is taken as it is read."""
        del head
        self._index = None
        self._put((yield from read_accounts(self._perpetual, sorted(keys))))

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[DydxPerpetualMarket]:
        """Read the rules, the price and the funding rate, and freeze it all."""
        if self._contracts is None:
            raise StateError("nothing is known of this deployment before its bootstrap")

        rules = yield from read_rules(self._contracts)
        if self._index is not None and self._index != rules.index:
            told, self._index = self._index, None
            raise DriftError("the index is not what the logs told: all is read again", ours=told, chain=rules.index)

        return DydxPerpetualMarket(
            deployment=self._deployment,
            head=head,
            target=target,
            contracts=self._contracts,
            taker=self._taker,
            rules=rules,
            ledger=self._ledger,
        )

    def preceding(self, parent: DydxPerpetualMarket, logs: Sequence[Log], target: BlockTarget) -> DydxPerpetualMarket:
        """The market just before a point inside the block after `parent`."""
        return fold.preceding(parent, logs, target)

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these accounts, all of them for None; one without anything is an empty row."""
        chosen = self._ledger.items() if keys is None else ((key, self._ledger.get(key) or EMPTY) for key in keys)
        for key, account in chosen:
            yield Row(bytes(key), b"" if account == EMPTY else encode_account(account))

    def restore(self, rows: Iterable[Row]) -> None:
        """Take accounts back, before `bootstrap` and before any log."""
        found: dict[PositionKey, Account] = {}
        for row in rows:
            if len(row.key) != _KEY_BYTES:
                raise DecodeError(f"a saved row of unknown kind: {row.key.hex()}")

            found[PositionKey(row.key)] = decode_account(row.value) if row.value else EMPTY

        self._ledger = Ledger.packed(encode_account, decode_account)
        self._put(found)

    def _put(self, changes: dict[PositionKey, Account]) -> None:
        self._ledger = self._ledger.updated({key: None if one == EMPTY else one for key, one in changes.items()})
