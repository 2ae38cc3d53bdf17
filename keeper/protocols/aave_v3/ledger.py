"""A mapping whose old versions stay readable while the newest one is updated in place.

A block touches a handful of a million accounts, so a market cannot own a copy of them. The newest version holds the
real table; each older one holds only what the step to its successor replaced, and asks the successor for the rest.
Versions nobody holds are garbage, because references only point forward.
"""

from collections.abc import Iterator, Mapping

from keeper.protocols.aave_v3.account import Account
from keeper.types import PositionKey


class Ledger:
    """One version of all accounts.

    Invariant: answers never change, whatever `updated` makes of it later. Only the newest version has a `table`;
    an older one has `replaced` and its `newer`. Not for use from several threads at once.
    """

    __slots__ = ("newer", "replaced", "table")

    def __init__(self, accounts: Mapping[PositionKey, Account] | None = None) -> None:
        self.table: dict[PositionKey, Account] = dict(accounts or {})
        self.replaced: dict[PositionKey, Account | None] = {}
        self.newer: Ledger | None = None

    def get(self, key: PositionKey) -> Account | None:
        """Return an account, None where this version has none."""
        version = self
        while version.newer is not None:
            if key in version.replaced:
                return version.replaced[key]

            version = version.newer

        return version.table.get(key)

    def updated(self, changes: Mapping[PositionKey, Account | None]) -> "Ledger":
        """Return the next version; None removes an account. Only the newest version can be updated."""
        if self.newer is not None:
            raise ValueError("this version of the ledger has a successor already")

        newer = Ledger.__new__(Ledger)
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

    def items(self) -> Iterator[tuple[PositionKey, Account]]:
        """Yield every account of this version; meaningless if the ledger is updated meanwhile."""
        replaced: dict[PositionKey, Account | None] = {}
        version = self
        while version.newer is not None:
            replaced = {**version.replaced, **replaced}
            version = version.newer

        yield from ((key, account) for key, account in replaced.items() if account is not None)
        yield from ((key, account) for key, account in version.table.items() if key not in replaced)

    def __len__(self) -> int:
        return sum(1 for _ in self.items()) if self.newer is not None else len(self.table)
