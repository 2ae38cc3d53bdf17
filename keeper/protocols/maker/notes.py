"""Reading the Vat's anonymous notes: the one place that knows their layout.

A note has four topics: the function's selector, padded on the right, and the first three words of the call; its data
is the call itself behind two words, cut or padded to 224 bytes. Who called is not told. Source: LibNote of dss 1.0.8.
"""

from dataclasses import dataclass
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.maker import abi
from keeper.protocols.words import WORD, selector, signed
from keeper.types import Address, Log

_DATA_BYTES: Final = 288
_CALL: Final = 2 * WORD


def _padded(signature: str) -> bytes:
    return selector(signature).ljust(WORD, b"\0")


FROB: Final = _padded(abi.FROB)
FORK: Final = _padded(abi.FORK)
GRAB: Final = _padded(abi.GRAB)
FOLD: Final = _padded(abi.FOLD)
FILE: Final = _padded(abi.FILE_ILK)
FLUX: Final = _padded(abi.FLUX)
OF_VAULTS: Final = (FROB, FORK, GRAB)
"""Notes that change vaults."""


@dataclass(frozen=True, slots=True)
class Note:
    """A call the Vat ran: its selector, padded, and its arguments as words."""

    kind: bytes
    words: tuple[bytes, ...]

    @property
    def ilk(self) -> bytes:
        """The first argument."""
        return self.words[0]

    def address(self, place: int) -> Address:
        """An argument as an address; the Vat does not look at the upper bytes either."""
        return Address(self.words[place][-20:])

    def number(self, place: int) -> int:
        """An argument as an unsigned number."""
        return int.from_bytes(self.words[place], "big")

    def signed(self, place: int) -> int:
        """An argument as a signed number."""
        return signed(self.number(place))


def note_of(log: Log, vat: Address) -> Note | None:
    """Read a note of the Vat; None for any other log, `DecodeError` for one of another shape."""
    if log.address != vat or not log.topics:
        return None

    if len(log.topics) != 4 or len(log.data) != _DATA_BYTES:
        raise DecodeError("a note of the Vat with another shape", block=log.block_number, index=log.index)

    called = log.data[_CALL:]
    words = tuple(called[4 + WORD * i : 4 + WORD * (i + 1)] for i in range(6))
    if log.topics[0][:4] != called[:4] or log.topics[1:] != words[:3]:
        raise DecodeError("a note of the Vat whose topics are not its call", block=log.block_number, index=log.index)

    return Note(log.topics[0], words)
