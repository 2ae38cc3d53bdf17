"""The calldata and answers of Multicall3's `aggregate3`, laid out by hand. No I/O.

Every batch ends with a gauge: a call that only succeeds while plenty of gas is left. Gas only falls, so a gauge that
succeeded says that no call before it was starved by a neighbour that burned its share; one that did not says that
nothing in the batch can be believed.
Source: Multicall3, aggregate3((address,bool,bytes)[]) returns ((bool,bytes)[]).
"""

from collections.abc import Sequence
from typing import Final

from keeper.types import Address, Call, Returned

_AGGREGATE3: Final = bytes.fromhex("82ad56cb")
_HEAD: Final = 0x60  # offset of the call data within (address, bool, bytes)

# The modular exponentiation precompile, with 1,024 bytes of modulus and a 129-bit exponent: 0.7M gas by EIP-2565,
# 4.2M by EIP-7883. The modulus is zero, so computing it costs the node nothing.
_GAUGE_TARGET: Final = Address((5).to_bytes(20, "big"))
_GAUGE_OUTPUT_BYTES: Final = 1_024
_GAUGE_INPUT: Final = b"".join(n.to_bytes(32, "big") for n in (0, 32, _GAUGE_OUTPUT_BYTES, 2**129 - 1))


def encode_aggregate3(calls: Sequence[Call]) -> bytes:
    """Lay out the calls, each allowed to fail, and the gauge."""
    tuples = [_call3(call.to, call.data) for call in calls]
    tuples.append(_call3(_GAUGE_TARGET, _GAUGE_INPUT))
    offset = 32 * len(tuples)
    offsets = []
    for encoded in tuples:
        offsets.append(offset.to_bytes(32, "big"))
        offset += len(encoded)

    length = len(tuples).to_bytes(32, "big")
    return b"".join([_AGGREGATE3, (32).to_bytes(32, "big"), length, *offsets, *tuples])


def decode_aggregate3(data: bytes, count: int, max_answer_bytes: int) -> list[Returned] | None:
    """Read the answers; None where the gauge says they were starved.

    An answer longer than `max_answer_bytes` is a failed one, without its data. `ValueError` for any other layout:
    there is no Multicall3 at that address.
    """
    array = _word(data, 0)
    if _word(data, array) != count + 1:
        raise ValueError(f"{_word(data, array)} answers to {count + 1} calls")

    base = array + 32
    answers = [_result(data, base + _word(data, base + 32 * i)) for i in range(count + 1)]
    gauge = answers.pop()
    if not gauge.ok or len(gauge.data) != _GAUGE_OUTPUT_BYTES:
        return None

    return [answer if len(answer.data) <= max_answer_bytes else Returned(ok=False, data=b"") for answer in answers]


def _call3(target: Address, data: bytes) -> bytes:
    words = (target.rjust(32, b"\0"), (1).to_bytes(32, "big"), _HEAD.to_bytes(32, "big"), len(data).to_bytes(32, "big"))
    return b"".join((*words, data, bytes(-len(data) % 32)))


def _result(data: bytes, at: int) -> Returned:
    ok = _word(data, at)
    start = at + _word(data, at + 32)
    length = _word(data, start)
    if ok > 1 or start + 32 + length > len(data):
        raise ValueError("an answer beyond the end")

    return Returned(ok == 1, data[start + 32 : start + 32 + length])


def _word(data: bytes, at: int) -> int:
    if at + 32 > len(data):
        raise ValueError("an offset beyond the end")

    return int.from_bytes(data[at : at + 32], "big")
