"""Reads one Uniswap V3 pool's whole state from the chain: what heals a state that logs can no longer be trusted for.

The bitmap names the initialised ticks, so nothing needs to be remembered about them.
"""

from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import encode, selector, signed, word
from keeper.routing.tick_math import MAX_TICK, MIN_TICK
from keeper.routing.uniswap_v3_state import PoolState
from keeper.types import Address, BlockHead, Call, Returned

_SLOT0: Final = selector("slot0()")
_LIQUIDITY: Final = selector("liquidity()")
_AFTER_ALL_LOGS: Final = 2**63


def read_pool(state: PoolState, head: BlockHead) -> Reads[PoolState | None]:
    """Read a pool's price, liquidity and every initialised tick at a block; None where there is no such pool.

    Two rounds: price and bitmap, then the ticks it names. `DecodeError` for answers of another shape.
    """
    pool, spacing = state.created.pool, state.created.tick_spacing
    words = range(MIN_TICK // spacing >> 8, (MAX_TICK // spacing >> 8) + 1)
    answers = yield from ask(
        Call(pool, _SLOT0),
        Call(pool, _LIQUIDITY),
        *(Call(pool, encode("tickBitmap(int16)", _unsigned(place))) for place in words),
    )
    if not answers[0].data:
        return None

    slot0 = _checked(pool, answers[0], words=7)
    liquidity = word(_checked(pool, answers[1], words=1), 0)
    indexes = [
        ((place << 8) + bit) * spacing
        for place, answer in zip(words, answers[2:], strict=True)
        for bit in _bits(word(_checked(pool, answer, words=1), 0))
    ]
    ticks = yield from _read_ticks(pool, indexes)
    price, tick = word(slot0, 0), signed(word(slot0, 1))
    read = PoolState(state.created, price, tick, liquidity, ticks, (head.number, _AFTER_ALL_LOGS))
    read.check()
    return read


def _read_ticks(pool: Address, indexes: list[int]) -> Reads[dict[int, tuple[int, int]]]:
    """Read (gross, net) of these ticks; no question for none."""
    if not indexes:
        return {}

    answers = yield from ask(*(Call(pool, encode("ticks(int24)", _unsigned(index))) for index in indexes))
    found = [_checked(pool, answer, words=8) for answer in answers]
    return {index: (word(data, 0), signed(word(data, 1))) for index, data in zip(indexes, found, strict=True)}


def _unsigned(value: int) -> int:
    return value % 2**256


def _bits(bitmap: int) -> list[int]:
    return [bit for bit in range(256) if bitmap >> bit & 1]


def _checked(pool: Address, answer: Returned, *, words: int) -> bytes:
    if not answer.ok or len(answer.data) != 32 * words:
        raise DecodeError(
            f"pool 0x{pool.hex()} answered {len(answer.data)} bytes (ok: {answer.ok}), expected {32 * words}: "
            "not a Uniswap V3 pool",
            pool=pool,
        )

    return answer.data
