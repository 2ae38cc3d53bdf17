"""Reads one Uniswap V4 pool's whole state out of the manager's storage: what heals a state logs cannot be trusted for.

Source of the layout: StateLibrary, v4-core 1.0.
"""

from typing import Final

from eth_utils.crypto import keccak

from keeper.errors import DecodeError
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import encode, word
from keeper.routing.tick_math import MAX_TICK, MIN_TICK
from keeper.routing.uniswap_v3_state import PoolState
from keeper.types import Address, BlockHead, Call, Returned

_POOLS_SLOT: Final = 6
_LIQUIDITY, _TICKS, _BITMAP = 3, 4, 5
"""Where these stand within a pool's storage."""
_AFTER_ALL_LOGS: Final = 2**63


def read_pool(
    manager: Address, pool_id: bytes, state: PoolState, head: BlockHead
) -> Reads[tuple[PoolState, int] | None]:
    """Read a pool's price, fee, liquidity and every initialised tick at a block; None where there is no such pool."""
    base = _mapped(pool_id, _POOLS_SLOT)
    spacing = state.created.tick_spacing
    words = range(MIN_TICK // spacing >> 8, (MAX_TICK // spacing >> 8) + 1)
    answers = yield from ask(
        _load(manager, base),
        _load(manager, base + _LIQUIDITY),
        *(_load(manager, _mapped(_signed_word(place), base + _BITMAP)) for place in words),
    )
    slot0, liquidity, *bitmaps = (_checked(answer) for answer in answers)
    price = slot0 & (1 << 160) - 1
    if not price:
        return None

    indexes = [
        ((place << 8) + bit) * spacing
        for place, bitmap in zip(words, bitmaps, strict=True)
        for bit in range(256)
        if bitmap >> bit & 1
    ]
    ticks: dict[int, tuple[int, int]] = {}
    if indexes:
        found = yield from ask(*(_load(manager, _mapped(_signed_word(index), base + _TICKS)) for index in indexes))
        for index, answer in zip(indexes, found, strict=True):
            packed = _checked(answer)
            ticks[index] = (packed & (1 << 128) - 1, _narrow(packed >> 128, 128))

    tick, protocol_fee = _narrow(slot0 >> 160 & 0xFFFFFF, 24), slot0 >> 184 & 0xFFFFFF
    place = (head.number, _AFTER_ALL_LOGS)
    read = PoolState(state.created, price, tick, liquidity & (1 << 128) - 1, ticks, place)
    read.check()
    return read, protocol_fee


def _load(manager: Address, slot: int) -> Call:
    return Call(manager, encode("extsload(bytes32)", slot % 2**256))


def _mapped(key: bytes, slot: int) -> int:
    return int.from_bytes(keccak(key + (slot % 2**256).to_bytes(32, "big")), "big")


def _signed_word(value: int) -> bytes:
    return value.to_bytes(32, "big", signed=True)


def _narrow(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def _checked(answer: Returned) -> int:
    if not answer.ok or len(answer.data) != 32:
        raise DecodeError("the pool manager does not tell its storage: not Uniswap V4's")

    return word(answer.data, 0)
