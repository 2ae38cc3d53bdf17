"""How a deployment's state is written down: a row per borrower, one per market's totals, one for all markets."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.base import Row
from keeper.protocols.morpho_blue.borrower import EMPTY, Borrower, decode_borrower, encode_borrower
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import PARAMS_BYTES, MarketId, decode_params
from keeper.protocols.morpho_blue.roster import Roster
from keeper.types import PositionKey

ROSTER_KEY: Final = b"roster"
OPT_INS_KEY: Final = b"opt_ins"
_ID_BYTES: Final = 32
_KEY_BYTES: Final = 52
_WORD: Final = 16  # the contract keeps each of a market's totals in 128 bits
_PLACES: Final = 4


@dataclass(slots=True)
class Saved:
    """Everything that was saved."""

    roster: Roster = field(default_factory=Roster)
    totals: dict[MarketId, Totals] = field(default_factory=dict)
    borrowers: dict[PositionKey, Borrower] = field(default_factory=dict)
    opt_ins: bytes | None = None


def roster_row(roster: Roster) -> Row:
    """Write all markets: the number of those with a place, these in their order, then the others."""
    placed = list(roster.places)
    others = [market for market in roster.params if market not in roster.places]
    params = b"".join(roster.params[market].encoded for market in placed + others)
    return Row(ROSTER_KEY, len(placed).to_bytes(_PLACES, "big") + params)


def totals_row(market: MarketId, totals: Totals) -> Row:
    """Write a market's totals."""
    return Row(bytes(market), b"".join(n.to_bytes(_WORD, "big") for n in astuple(totals)))


def borrower_row(key: PositionKey, borrower: Borrower) -> Row:
    """Write a borrower; one without anything is an empty row."""
    return Row(bytes(key), b"" if borrower == EMPTY else encode_borrower(borrower))


def decoded(rows: Iterable[Row]) -> Saved:
    """Read all rows back; `DecodeError` for any other shape."""
    saved = Saved()
    for row in rows:
        if row.key == ROSTER_KEY:
            saved.roster = _roster(row.value)
        elif row.key == OPT_INS_KEY:
            saved.opt_ins = row.value
        elif len(row.key) == _ID_BYTES:
            saved.totals[MarketId(row.key)] = _totals(row.value)
        elif len(row.key) == _KEY_BYTES:
            saved.borrowers[PositionKey(row.key)] = decode_borrower(row.value) if row.value else EMPTY
        else:
            raise DecodeError(f"a saved row of unknown kind: {row.key.hex()}")

    return saved


def _roster(data: bytes) -> Roster:
    placed, body = int.from_bytes(data[:_PLACES], "big"), data[_PLACES:]
    if len(data) < _PLACES or len(body) % PARAMS_BYTES or placed * PARAMS_BYTES > len(body):
        raise DecodeError("the saved markets have another shape", length=len(data))

    roster = Roster()
    for i in range(0, len(body), PARAMS_BYTES):
        params = decode_params(body[i : i + PARAMS_BYTES])
        roster.add(params)
        if i < placed * PARAMS_BYTES:
            roster.place(params.id)

    return roster


def _totals(data: bytes) -> Totals:
    if len(data) != 6 * _WORD:
        raise DecodeError("a market's saved totals have another shape", length=len(data))

    return Totals(*(int.from_bytes(data[i : i + _WORD], "big") for i in range(0, len(data), _WORD)))
