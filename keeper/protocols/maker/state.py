"""The state of one deployment: its vaults kept by the Vat's notes, and the market it freezes every block."""

from collections.abc import Collection, Iterable, Sequence

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.base import Applied, Row
from keeper.protocols.ledger import Ledger
from keeper.protocols.maker.discovery import Addresses, checked, read_contracts, read_urns
from keeper.protocols.maker.fold import folded
from keeper.protocols.maker.ilk import Listing
from keeper.protocols.maker.market import Contracts, MakerMarket
from keeper.protocols.maker.notes import OF_VAULTS, note_of
from keeper.protocols.maker.observation import read_ilk, read_shared
from keeper.protocols.maker.preceding import preceding
from keeper.protocols.maker.urn import EMPTY, KEY_BYTES, Urn, decode_urn, encode_urn
from keeper.protocols.reads import Reads, gather_all
from keeper.types import BlockHead, BlockTarget, Log, LogQuery, PositionKey


class MakerSync:
    """Keeps one deployment. Invariant: after every log up to a block was applied, the vaults equal the Vat's."""

    def __init__(self, deployment: str, named: Addresses) -> None:
        self._deployment = deployment
        self._named = named
        self._contracts: Contracts | None = None
        self._listings: tuple[Listing, ...] = ()
        self._ledger: Ledger[Urn] = Ledger()
        self._due: set[PositionKey] = set()

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Ask who belongs together; may be repeated at any block."""
        del head
        try:
            self._contracts, self._listings = yield from read_contracts(self._deployment, self._named)
        except ConfigError as error:
            raise checked(error, known=self._contracts is not None) from error

    def sources(self) -> tuple[LogQuery, ...]:
        """The Vat's notes about vaults of the collateral types that are followed."""
        ilks = tuple(listing.ilk for listing in self._listings)
        return (LogQuery((self._known().vat,), (OF_VAULTS, ilks)),)

    # Logs -----------------------------------------------------------------------------------------------------------

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold notes in; a vault that would have less than nothing is read again."""
        vat = self._known().vat
        followed = {listing.ilk for listing in self._listings}
        notes = [note for log in logs if (note := note_of(log, vat)) is not None and note.ilk in followed]
        changes, doubtful = folded(notes, self._urn)
        self._put(changes)
        self._due |= doubtful
        return Applied(frozenset(changes))

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[MakerMarket]:
        """Read everything but the vaults, after settling what is in doubt."""
        contracts = self._known()
        if self._due:
            self._put((yield from read_urns(contracts.vat, sorted(self._due))))

        shared = yield from read_shared(contracts)
        ilks = yield from gather_all([read_ilk(contracts, listing, shared) for listing in self._listings])
        return MakerMarket(
            deployment=self._deployment,
            head=head,
            target=target,
            contracts=contracts,
            par=shared.par,
            ilks={ilk.listing.ilk: ilk.at(target.timestamp) for ilk in ilks},
            ledger=self._ledger,
        )

    def preceding(self, parent: MakerMarket, logs: Sequence[Log], target: BlockTarget) -> MakerMarket:
        """The market just before a point inside the block after `parent`; wants the block's logs unfiltered."""
        return preceding(parent, logs, target)

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace these vaults by the Vat's."""
        del head
        self._put((yield from read_urns(self._known().vat, sorted(keys))))

    # Store ----------------------------------------------------------------------------------------------------------

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these vaults; None saves everything. Nothing else comes from logs."""
        chosen = self._ledger.items() if keys is None else ((key, self._urn(key)) for key in keys)
        for key, urn in chosen:
            yield Row(bytes(key), b"" if urn == EMPTY else encode_urn(urn))

    def restore(self, rows: Iterable[Row]) -> None:
        """Take vaults back, before any log; `DecodeError` for any other row."""
        found: dict[PositionKey, Urn] = {}
        for row in rows:
            if len(row.key) != KEY_BYTES:
                raise DecodeError(f"a saved row of unknown kind: {row.key.hex()}")

            found[PositionKey(row.key)] = decode_urn(row.value) if row.value else EMPTY

        self._ledger, self._due = Ledger(), set()
        self._put(found)

    # Helpers --------------------------------------------------------------------------------------------------------

    def _known(self) -> Contracts:
        if self._contracts is None:
            raise StateError(f"{self._deployment} was not bootstrapped")

        return self._contracts

    def _urn(self, key: PositionKey) -> Urn:
        return self._ledger.get(key) or EMPTY

    def _put(self, changes: dict[PositionKey, Urn]) -> None:
        self._ledger = self._ledger.updated({key: None if urn == EMPTY else urn for key, urn in changes.items()})
        self._due.difference_update(changes)
