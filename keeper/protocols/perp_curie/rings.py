"""Reading rings of observations: only what is newer than what is known, or back to the start of the longest window.

A pool and an index feed keep theirs alike: a place for the newest, older ones before it, wrapping around.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from keeper.protocols.perp_curie import abi
from keeper.protocols.perp_curie.discovery import answer
from keeper.protocols.perp_curie.twap import Observation
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import encode, signed, word
from keeper.types import Address, Call

T = TypeVar("T")
FEED_RING: Final = 1_800
"""Places of an index feed's ring. CumulativeTwap, constant."""
_FIRST: Final = 16
_MOST: Final = 512


def read_ring(
    contract: Address, newest: int, size: int, known: int | None, decode: Callable[[bytes], tuple[int, T] | None]
) -> Callable[[int], Reads[list[T]]]:
    """Prepare to read a ring from the newest place back to a known one, or to the first older than a time.

    `decode` gives an observation with its time, None for a place never written. Answers are ascending by time; the
    known place itself is among them.
    """

    def until(oldest: int) -> Reads[list[T]]:
        count = size if known is None else (newest - known) % size + 1
        found: list[T] = []
        step, done = _FIRST, 0
        while done < count:
            places = [(newest - i) % size for i in range(done, min(done + step, count))]
            answers = yield from ask(*(Call(contract, encode(abi.OBSERVATIONS, place)) for place in places))
            for returned in answers:
                one = decode(answer(returned, "observations", contract))
                if one is None:
                    return found[::-1]

                found.append(one[1])
                if one[0] <= oldest:
                    return found[::-1]

            done += len(places)
            step = min(step * 4, _MOST)

        return found[::-1]

    return until


def tick_observation(data: bytes) -> tuple[int, tuple[int, int]] | None:
    """Decode a pool's observation as its time, with that and the sum of ticks. UniswapV3Pool.observations."""
    if not word(data, 3):
        return None

    time = word(data, 0)
    return time, (time, signed(word(data, 1)))


def price_observation(data: bytes) -> tuple[int, Observation] | None:
    """Decode an index feed's observation with its time. CumulativeTwap.observations."""
    one = Observation(word(data, 0), word(data, 1), word(data, 2))
    return (one.time, one) if one.time else None
