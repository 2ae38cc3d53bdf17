"""Whether a rollup's sequencer is up, by the uptime feed Chainlink keeps on the rollup itself.

While it is down only those who can post through the parent chain move, and once it is back what they queued is played
first, at old prices: a position seen in that time may be neither what it was nor what it will be.
"""

from typing import Final

from eth_utils.crypto import keccak

from keeper.protocols.reads import Reads, ask
from keeper.types import Address, Call

_LATEST_ROUND_DATA: Final = bytes(keccak(text="latestRoundData()")[:4])
_ROUND_BYTES: Final = 5 * 32
_UP: Final = 0


def read_sequencer(feed: Address, now: int, grace_s: int) -> Reads[str | None]:
    """Say why the sequencer is not to be relied on; None where it has been up for at least `grace_s` before `now`.

    `now` is unix s of the rollup's block. Anything but an answer of 0 is down, a round without a start is none.
    Source: SequencerUptimeFeed.latestRoundData (answer 0 up, 1 down; startedAt when that began).
    """
    (returned,) = yield from ask(Call(feed, _LATEST_ROUND_DATA))
    if not returned.ok or len(returned.data) < _ROUND_BYTES:
        return "its uptime feed gives no answer"

    _round_id, answer, started_at, _updated_at, _answered_in = (
        int.from_bytes(returned.data[at : at + 32], "big") for at in range(0, _ROUND_BYTES, 32)
    )
    if answer != _UP:
        return "it is down"

    if started_at == 0:
        return "its uptime feed has no round yet"

    if now - started_at < grace_s:
        return f"it is back only since {started_at}, left alone until {started_at + grace_s}"

    return None
