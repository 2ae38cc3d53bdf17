"""The accounts of one pool as its logs tell them, which of them are in doubt, and how all of it is written down."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from keeper.errors import DecodeError
from keeper.protocols.aave.roster import Listing, Roster
from keeper.protocols.base import Row
from keeper.protocols.ledger import Ledger
from keeper.types import ZERO_ADDRESS, Address, PositionKey

ROSTER_KEY: Final = b"roster"
_ADDRESS_BYTES: Final = 20
_LISTING_BYTES: Final = 4 * _ADDRESS_BYTES


class Holder(Protocol):
    """What must be known of an account to keep it; each release's account says it in its own way."""

    @property
    def owes(self) -> bool:
        """Whether there is any debt that must be known exactly."""
        ...

    @property
    def in_doubt(self) -> bool:
        """Whether logs do not settle its balances."""
        ...

    @property
    def owes_at_stable_rate(self) -> bool:
        """Whether it owes what no linear form describes."""
        ...


A = TypeVar("A", bound=Holder)


@dataclass(frozen=True, slots=True)
class Codec(Generic[A]):
    """How a release's account is written down; `empty` is the account of a stranger."""

    empty: A
    encode: Callable[[A], bytes]
    decode: Callable[[bytes], A]


class Accounts(Generic[A]):
    """The newest version of a pool's accounts and roster.

    Invariant: `due` holds the accounts that owe and are in doubt, `set_aside` those that owe at a stable rate.
    """

    def __init__(self, codec: Codec[A]) -> None:
        self.ledger: Ledger[A] = Ledger()
        self.roster = Roster.of(())
        self.due: set[PositionKey] = set()
        self.set_aside: frozenset[PositionKey] = frozenset()
        self._codec = codec
        self._roster_saved = False

    def get(self, key: PositionKey) -> A:
        """Return an account, the empty one for a stranger."""
        return self.ledger.get(key) or self._codec.empty

    def put(self, changes: Mapping[PositionKey, A]) -> None:
        """Replace accounts; an empty one is forgotten."""
        empty = self._codec.empty
        self.ledger = self.ledger.updated({k: None if a == empty else a for k, a in changes.items()})
        aside = {key for key, account in changes.items() if account.owes_at_stable_rate}
        self.set_aside = (self.set_aside - changes.keys()) | aside
        self.due.difference_update(changes)
        # An account that owes nothing may stay in doubt: only what backs a debt matters.
        self.due.update(key for key, account in changes.items() if account.in_doubt and account.owes)

    def extend(self, listings: Iterable[Listing]) -> tuple[Listing, ...]:
        """Append the listings that are new, and return those."""
        before = len(self.roster.listings)
        extended = self.roster.extended(listings)
        if extended is not self.roster:
            self.roster, self._roster_saved = extended, False

        return self.roster.listings[before:]

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these accounts, and of the roster where it changed; None saves everything."""
        if keys is None or not self._roster_saved:
            yield _roster_row(self.roster)
            self._roster_saved = True

        chosen = self.ledger.items() if keys is None else ((key, self.get(key)) for key in keys)
        for key, account in chosen:
            yield Row(bytes(key), b"" if account == self._codec.empty else self._codec.encode(account))

    def restore(self, rows: Iterable[Row]) -> None:
        """Take accounts and roster back; `DecodeError` for rows of any other shape."""
        saved = Roster.of(())
        accounts: dict[PositionKey, A] = {}
        for row in rows:
            if row.key == ROSTER_KEY:
                saved = _roster(row.value)
            elif len(row.key) == _ADDRESS_BYTES:
                accounts[PositionKey(row.key)] = self._codec.decode(row.value) if row.value else self._codec.empty
            else:
                raise DecodeError(f"a saved row of unknown kind: {row.key.hex()}")

        self.roster = saved.extended(self.roster.listings)
        self.ledger = Ledger()
        self.due, self.set_aside = set(), frozenset()
        self.put(accounts)


def _roster_row(roster: Roster) -> Row:
    """Write the roster: asset, supply token, debt token and stable debt token of each reserve, in order."""
    pieces = (
        listing.asset + listing.a_token + listing.v_token + (listing.stable_token or ZERO_ADDRESS)
        for listing in roster.listings
    )
    return Row(ROSTER_KEY, b"".join(pieces))


def _roster(data: bytes) -> Roster:
    if len(data) % _LISTING_BYTES:
        raise DecodeError("the saved roster has another shape", length=len(data))

    listings = []
    for start in range(0, len(data), _LISTING_BYTES):
        offsets = range(start, start + _LISTING_BYTES, _ADDRESS_BYTES)
        asset, a_token, v_token, stable = (Address(data[i : i + _ADDRESS_BYTES]) for i in offsets)
        listings.append(Listing(asset, a_token, v_token, None if stable == ZERO_ADDRESS else stable))

    return Roster.of(listings)
