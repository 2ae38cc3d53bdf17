"""A mapping whose old versions stay readable while the newest one is updated in place.

A block touches a handful of a million accounts, so a market cannot own a copy of them. The newest version holds the
real table; each older one holds only what the step to its successor replaced, and asks the successor for the rest.
Versions nobody holds are garbage, because references only point forward.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Generic, TypeVar

from keeper.tables.packed import PackedTable
from keeper.types import PositionKey

V = TypeVar("V")


class Ledger(Generic[V]):
    """One version of all of a deployment's positions, each by its key.

    Invariant: answers never change, whatever `updated` makes of it later. Only the newest version has a `table`;
    an older one has `replaced` and its `newer`. Not for use from several threads at once.
    """

    __slots__ = ("newer", "replaced", "table")

    def __init__(self, accounts: Mapping[PositionKey, V] | None = None) -> None:
        self.table: MutableMapping[PositionKey, V] = dict(accounts or {})
        self.replaced: dict[PositionKey, V | None] = {}
        self.newer: Ledger[V] | None = None

    @classmethod
    def packed(cls, pack: Callable[[V], bytes], unpack: Callable[[bytes], V]) -> "Ledger[V]":
        """Make an empty one that keeps its positions as packed bytes: a tenth of the memory."""
        ledger: Ledger[V] = cls()
        ledger.table = PackedTable(pack, unpack)
        return ledger

    def get(self, key: PositionKey) -> V | None:
        """Return a position, None where this version has none."""
        version = self
        while version.newer is not None:
            if key in version.replaced:
                return version.replaced[key]

            version = version.newer

        return version.table.get(key)

    def updated(self, changes: Mapping[PositionKey, V | None]) -> "Ledger[V]":
        """Return the next version; None removes a position. Only the newest version can be updated."""
        if self.newer is not None:
            raise ValueError("this version of the ledger has a successor already")

        newer: Ledger[V] = Ledger.__new__(Ledger)
        newer.table, newer.replaced, newer.newer = self.table, {}, None
        self.replaced = {key: self.table.get(key) for key in changes}
        self.newer = newer
        self.table = {}
        for key, account in changes.items():
            if account is None:
                newer.table.pop(key, None)
            else:
                newer.table[key] = account

        return newer

    def items(self) -> Iterator[tuple[PositionKey, V]]:
        """Yield every position of this version; meaningless if the ledger is updated meanwhile."""
        replaced: dict[PositionKey, V | None] = {}
        version = self
        while version.newer is not None:
            replaced = {**version.replaced, **replaced}
            version = version.newer

        yield from ((key, account) for key, account in replaced.items() if account is not None)
        yield from ((key, account) for key, account in version.table.items() if key not in replaced)

    def __len__(self) -> int:
        return sum(1 for _ in self.items()) if self.newer is not None else len(self.table)
