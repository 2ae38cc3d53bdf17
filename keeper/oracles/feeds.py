"""Reading a Chainlink-style feed without trusting it: decimals, answer and age, or the reason it cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak

from keeper.protocols.reads import Reads, ask
from keeper.types import Address, Call, Reason, Returned
from keeper.units import USD

_DECIMALS: Final = bytes(keccak(text="decimals()")[:4])
_LATEST_ROUND_DATA: Final = bytes(keccak(text="latestRoundData()")[:4])
_WORD: Final = 32
_MAX_DECIMALS: Final = 36


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole unit's price in US dollars times 10**18, and when its source says it was made (unix s)."""

    usd: int
    updated_at: int


def read_feed(feed: Address, oldest: int) -> Reads[Answer | Reason]:
    """Read a feed; `UNKNOWN_PRICE` for no answer, zero or less, `STALE_PRICE` for one made before `oldest` (unix s).

    Rounded down to 18 decimals.
    """
    answers = yield from ask(Call(feed, _DECIMALS), Call(feed, _LATEST_ROUND_DATA))
    decimals, words = _word(answers[0], 0), [_word(answers[1], i) for i in range(5)]
    if decimals is None or decimals > _MAX_DECIMALS or any(word is None for word in words):
        return Reason.UNKNOWN_PRICE

    return _judge([word for word in words if word is not None], decimals, oldest)


def _judge(round_data: Sequence[int], decimals: int, oldest: int) -> Answer | Reason:
    _round_id, raw, _started_at, updated_at, _answered_in = round_data
    answer = raw - 2**256 if raw >> 255 else raw
    if answer <= 0:
        return Reason.UNKNOWN_PRICE

    if updated_at < oldest:
        return Reason.STALE_PRICE

    return Answer(answer * USD // 10**decimals, updated_at)  # down: never worth more than the source says


def _word(returned: Returned, index: int) -> int | None:
    if not returned.ok or len(returned.data) < _WORD * (index + 1):
        return None

    return int.from_bytes(returned.data[_WORD * index : _WORD * (index + 1)], "big")
