"""How a deployment's state is written down: a row per account, one per market's ticks, one for all places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.base import Row
from keeper.protocols.perp_curie.account import EMPTY, Account, decode_account, encode_account
from keeper.protocols.perp_curie.roster import Roster
from keeper.types import ZERO_ADDRESS, Address, PositionKey

ROSTER_KEY: Final = b"roster"
TICKS_KEY: Final = b"ticks:"
_ADDRESS: Final = 20
_TICK: Final = 4
_AMOUNT: Final = 17  # liquidity in 128 bits, and a sign


@dataclass(slots=True)
class Saved:
    """Everything that was saved."""

    roster: Roster = field(default_factory=Roster)
    ticks: dict[Address, dict[int, tuple[int, int]]] = field(default_factory=dict)
    accounts: dict[PositionKey, Account] = field(default_factory=dict)


def roster_row(roster: Roster) -> Row:
    """Write all places in their order, each with its pool, none for a collateral."""
    return Row(ROSTER_KEY, b"".join(token + roster.pools.get(token, ZERO_ADDRESS) for token in roster.places))


def ticks_row(base: Address, ticks: Mapping[int, tuple[int, int]]) -> Row:
    """Write the liquidity at a market's ticks."""
    parts = (
        tick.to_bytes(_TICK, "big", signed=True)
        + net.to_bytes(_AMOUNT, "big", signed=True)
        + gross.to_bytes(_AMOUNT, "big")
        for tick, (net, gross) in sorted(ticks.items())
    )
    return Row(TICKS_KEY + base, b"".join(parts))


def account_row(key: PositionKey, account: Account) -> Row:
    """Write an account; one without anything is an empty row."""
    return Row(bytes(key), b"" if account == EMPTY else encode_account(account))


def decoded(rows: Iterable[Row]) -> Saved:
    """Read all rows back; `DecodeError` for any other shape."""
    saved = Saved()
    for row in rows:
        if row.key == ROSTER_KEY:
            saved.roster = _roster(row.value)
        elif row.key.startswith(TICKS_KEY) and len(row.key) == len(TICKS_KEY) + _ADDRESS:
            saved.ticks[Address(row.key[len(TICKS_KEY) :])] = _ticks(row.value)
        elif len(row.key) == _ADDRESS:
            saved.accounts[PositionKey(row.key)] = decode_account(row.value) if row.value else EMPTY
        else:
            raise DecodeError(f"a saved row of unknown kind: {row.key.hex()}")

    return saved


def _roster(data: bytes) -> Roster:
    if len(data) % (2 * _ADDRESS):
        raise DecodeError("the saved places have another shape", length=len(data))

    roster = Roster()
    for i in range(0, len(data), 2 * _ADDRESS):
        token, pool = (Address(data[at : at + _ADDRESS]) for at in (i, i + _ADDRESS))
        if pool == ZERO_ADDRESS:
            roster.place(token)
        else:
            roster.add(token, pool)

    return roster


def _ticks(data: bytes) -> dict[int, tuple[int, int]]:
    width = _TICK + 2 * _AMOUNT
    if len(data) % width:
        raise DecodeError("the saved ticks have another shape", length=len(data))

    found = {}
    for i in range(0, len(data), width):
        tick = int.from_bytes(data[i : i + _TICK], "big", signed=True)
        net = int.from_bytes(data[i + _TICK : i + _TICK + _AMOUNT], "big", signed=True)
        found[tick] = (net, int.from_bytes(data[i + _TICK + _AMOUNT : i + width], "big"))

    return found
