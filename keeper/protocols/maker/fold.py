"""What the Vat's notes do to vaults: one function for the state's own log and for the notes of half a block."""

from collections.abc import Callable, Iterable

from keeper.protocols.maker.notes import FORK, FROB, GRAB, Note
from keeper.protocols.maker.urn import Urn, urn_key
from keeper.types import Address, PositionKey

_U, _FORK_TO = 1, 2
_OF_FROB, _OF_FORK = (4, 5), (3, 4)
"""Places of dink and dart among the arguments."""


def folded(
    notes: Iterable[Note], find: Callable[[PositionKey], Urn]
) -> tuple[dict[PositionKey, Urn], set[PositionKey]]:
    """Vaults as they stand after these notes, and those that went below zero, which no true vault does."""
    changed: dict[PositionKey, Urn] = {}
    doubtful: set[PositionKey] = set()

    def move(note: Note, owner: Address, sign: int, places: tuple[int, int]) -> None:
        key = urn_key(note.ilk, owner)
        urn = changed.get(key) or find(key)
        ink, art = urn.ink + sign * note.signed(places[0]), urn.art + sign * note.signed(places[1])
        if min(ink, art) < 0:
            doubtful.add(key)

        changed[key] = Urn(max(ink, 0), max(art, 0))

    for note in notes:
        if note.kind in (FROB, GRAB):
            move(note, note.address(_U), 1, _OF_FROB)
        elif note.kind == FORK:
            move(note, note.address(_U), -1, _OF_FORK)
            move(note, note.address(_FORK_TO), 1, _OF_FORK)

    return changed, doubtful
