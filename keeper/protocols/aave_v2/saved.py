"""How a deployment's state is written down: one row per account and one for the roster their places refer to."""

from collections.abc import Iterable
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.aave_v2.account import EMPTY, Account, decode_account, encode_account
from keeper.protocols.aave_v2.roster import Listing, Roster
from keeper.protocols.base import Row
from keeper.types import Address, PositionKey

ROSTER_KEY: Final = b"roster"
_ADDRESS_BYTES: Final = 20
_LISTING_BYTES: Final = 4 * _ADDRESS_BYTES


def roster_row(roster: Roster) -> Row:
    """Write the roster: asset, supply token, stable and variable debt token of each reserve, in order."""
    pieces = (x.asset + x.a_token + x.stable_token + x.variable_token for x in roster.listings)
    return Row(ROSTER_KEY, b"".join(pieces))


def account_row(key: PositionKey, account: Account) -> Row:
    """Write an account; one without anything is an empty row."""
    return Row(bytes(key), b"" if account == EMPTY else encode_account(account))


def decoded(rows: Iterable[Row]) -> tuple[Roster, dict[PositionKey, Account]]:
    """Read all rows back; `DecodeError` for any other shape."""
    roster = Roster.of(())
    accounts: dict[PositionKey, Account] = {}
    for row in rows:
        if row.key == ROSTER_KEY:
            roster = _roster(row.value)
        elif len(row.key) == _ADDRESS_BYTES:
            accounts[PositionKey(row.key)] = decode_account(row.value) if row.value else EMPTY
        else:
            raise DecodeError(f"a saved row of unknown kind: {row.key.hex()}")

    return roster, accounts


def _roster(data: bytes) -> Roster:
    if len(data) % _LISTING_BYTES:
        raise DecodeError("the saved roster has another shape", length=len(data))

    listings = []
    for start in range(0, len(data), _LISTING_BYTES):
        offsets = range(start, start + _LISTING_BYTES, _ADDRESS_BYTES)
        listings.append(Listing(*(Address(data[i : i + _ADDRESS_BYTES]) for i in offsets)))

    return Roster.of(listings)
