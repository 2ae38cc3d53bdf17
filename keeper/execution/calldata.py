"""Programs for the executor contract: operations to bytes.

The other half of `contracts/src/Program.sol`, which documents the packing; `explain.py` is the way back. Everything
here is static: it lays bytes out and never asks what they do.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from eth_utils.crypto import keccak

from keeper.execution.operations import (
    Allow,
    Amount,
    Answer,
    Call,
    Expect,
    Grant,
    Header,
    Op,
    Pay,
    PoolId,
    Require,
    Source,
    Tip,
    Transfer,
    Try,
    Unwrap,
    Watch,
)
from keeper.types import Address

EXECUTE_SELECTOR: Final = keccak(text="execute((uint40,uint40,address,uint128,uint16,uint128,uint128,uint8),bytes)")[:4]
_HEADER_WORDS: Final = 8

CALL, TRANSFER, PAY, REQUIRE, TRY, UNWRAP, TIP, GRANT, WATCH = range(1, 10)
MAX_PATCHES, MAX_ALLOWS, MAX_EXPECTS = 15, 3, 3
ALLOWS_SHIFT, EXPECTS_SHIFT = 4, 6
POOL_FLAG, KEEP_FLAG = 0x100, 0x200
EXPLICIT_FLAG, AT_LEAST_FLAG, NO_SLOT = 0x80, 0x80, 0xFF
SCALED_FLAG, UP_FLAG, NEGATE_FLAG = 0x10, 0x20, 0x40


def encode_execute(header: Header, ops: Iterable[Op]) -> bytes:
    """Encode the call of `Executor.execute`; `ValueError` for what the contract's format cannot hold."""
    program = encode_program(ops)
    words = (*_header_words(header), (_HEADER_WORDS + 1) * 32, len(program))
    padding = bytes(-len(program) % 32)
    return EXECUTE_SELECTOR + b"".join(word.to_bytes(32, "big") for word in words) + program + padding


def encode_program(ops: Iterable[Op]) -> bytes:
    """Pack operations."""
    return b"".join(map(_encode_op, ops))


def encode_atlas(
    header: Header, environment: Address, bid: tuple[Address, int], max_gas: int, ops: Iterable[Op]
) -> bytes:
    """Encode the `solverOpData` of an Atlas auction: header, terms, program. `bid` is the token and the most of it.

    `max_gas` is in wei, taken from our bond. The zero address as bid token is the native one.
    """
    terms = (int.from_bytes(environment, "big"), int.from_bytes(bid[0], "big"), _fit(bid[1], 16), _fit(max_gas, 16))
    words = (*_header_words(header), *terms)
    return b"".join(word.to_bytes(32, "big") for word in words) + encode_program(ops)


def _header_words(header: Header) -> Sequence[int]:
    if header.min_profit < 1:
        raise ValueError("min_profit must be at least 1: the executor refuses a frame that need not pay")

    return (
        _fit(header.deadline, 5),
        _fit(header.max_block, 5),
        int.from_bytes(header.profit_token, "big"),
        _fit(header.min_profit, 16),
        _fit(header.tip_bps, 2),
        _fit(header.min_tip, 16),
        _fit(header.max_tip, 16),
        _fit(header.flags, 1),
    )


def _encode_op(op: Op) -> bytes:  # noqa: C901, PLR0911  # one case per operation
    match op:
        case Call():
            return _encode_call(op)
        case Transfer(token, to, amount):
            return _u(TRANSFER, 1) + _address(token) + _address(to) + _amount(amount)
        case Pay(token, amount):
            return _u(PAY, 1) + _address(token) + _amount(amount)
        case Require(target, data, index, bound, at_least):
            if index >= AT_LEAST_FLAG:
                raise ValueError(f"word {index} of an answer cannot be read, the last is {AT_LEAST_FLAG - 1}")

            where = _u(index | (AT_LEAST_FLAG if at_least else 0), 1) + _u(bound, 16)
            return _u(REQUIRE, 1) + _address(target) + where + _sized(data)
        case Try(gas, ops):
            return _u(TRY, 1) + _u(gas, 4) + _sized(encode_program(ops))
        case Unwrap(amount):
            return _u(UNWRAP, 1) + _amount(amount)
        case Tip(wei):
            return _u(TIP, 1) + _u(wei, 16)
        case Grant(on, selector, target, called):
            return _u(GRANT, 1) + _address(on) + _selector(selector) + _address(target) + _selector(called)
        case Watch(token):
            return _u(WATCH, 1) + _address(token)


def _encode_call(op: Call) -> bytes:
    counts = (len(op.patches), MAX_PATCHES), (len(op.allows), MAX_ALLOWS), (len(op.expects), MAX_EXPECTS)

    if any(count > most for count, most in counts):
        raise ValueError(
            f"a call takes {MAX_PATCHES} patches, {MAX_ALLOWS} allowances, {MAX_EXPECTS} callbacks at most"
        )

    flags = len(op.patches) | len(op.allows) << ALLOWS_SHIFT | len(op.expects) << EXPECTS_SHIFT
    flags |= KEEP_FLAG if op.keep else 0

    if isinstance(op.target, PoolId):
        pool = op.target
        flags |= POOL_FLAG
        target = _address(pool.factory) + _address(pool.token0) + _address(pool.token1) + _u(pool.fee, 3)
    else:
        target = _address(op.target)

    patches = b"".join(_u(patch.offset, 2) + _amount(patch.amount) for patch in op.patches)
    allows = b"".join(_encode_allow(allow) for allow in op.allows)
    # The contract keeps them on a stack: the callback that comes first is announced last.
    expects = b"".join(map(_encode_expect, reversed(op.expects)))
    return _u(CALL, 1) + _u(flags, 2) + target + _sized(op.data) + patches + allows + expects


def _encode_allow(allow: Allow) -> bytes:
    return _address(allow.token) + _amount(allow.amount)


def _encode_expect(expect: Expect) -> bytes:
    answer = expect.answer | (EXPLICIT_FLAG if expect.caller is not None else 0)
    packed = _selector(expect.selector) + _slot(expect.data_argument) + _slot(expect.initiator_argument)
    packed += _u(answer, 1) + _u(expect.may_pay, 16)

    if expect.data_argument is not None:
        packed += _u(expect.data_offset, 2)

    if expect.caller is not None:
        packed += _address(expect.caller)

    if expect.answer is Answer.WORD:
        if len(expect.word) != 32:
            raise ValueError("a callback that answers a word needs 32 bytes of it")

        packed += expect.word

    return packed


def _amount(amount: Amount) -> bytes:
    form = int(amount.source)
    form |= SCALED_FLAG if amount.divide_pow10 is not None else 0
    form |= UP_FLAG if amount.round_up else 0
    form |= NEGATE_FLAG if amount.negate else 0

    what = b""

    match amount.source:
        case Source.EXACT:
            what = _u(amount.value, 16)
        case Source.GAIN_OF:
            what = _address(amount.token)
        case Source.WORD | Source.RETURNED:
            what = _u(amount.value, 1)
        case Source.GAIN:
            pass

    scale = b"" if amount.divide_pow10 is None else _u(amount.divide_pow10, 1)
    return _u(form, 1) + what + scale


def _fit(value: int, size: int) -> int:
    """Return the value if it is an unsigned integer of this many bytes."""
    if not 0 <= value < 1 << 8 * size:
        raise ValueError(f"{value} does not fit {size} bytes of a program")

    return int(value)


def _u(value: int, size: int) -> bytes:
    try:
        return value.to_bytes(size, "big")
    except OverflowError:
        raise ValueError(f"{value} does not fit {size} bytes of a program") from None


def _sized(data: bytes) -> bytes:
    return _u(len(data), 2) + data


def _slot(index: int | None) -> bytes:
    if index == NO_SLOT:
        raise ValueError(f"argument {index} cannot be named, the last is {NO_SLOT - 1}")

    return _u(NO_SLOT if index is None else index, 1)


def _address(address: Address) -> bytes:
    if len(address) != 20:
        raise ValueError(f"an address has 20 bytes, not {len(address)}")

    return address


def _selector(selector: bytes) -> bytes:
    if len(selector) != 4:
        raise ValueError(f"a selector has 4 bytes, not {len(selector)}")

    return selector
