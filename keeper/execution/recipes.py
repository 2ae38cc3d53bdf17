"""How loans, swaps and protocol calls are spelled as operations for the executor.

Pure, and no judgement: sizes, routes and bounds are the planner's. `executor` is the address the program runs at,
since most protocols want to be told where to send things.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from eth_utils.crypto import keccak

from keeper.execution.calldata import encode_program
from keeper.execution.operations import (
    CALL_VALUE,
    Allow,
    Amount,
    Answer,
    Call,
    Expect,
    Grant,
    Op,
    Patch,
    Pay,
    PoolId,
    Require,
    Source,
    Transfer,
    argument,
    exact,
    gain_of,
)
from keeper.protocols.calls import EXECUTOR, GuardedCall
from keeper.types import Address, TokenAmount
from keeper.units import MAX_UINT256

NO_LIMIT_DOWN: Final = 4_295_128_740
"""The lowest price limit a V3 pool takes."""
NO_LIMIT_UP: Final = 0xFFFD << 144
"""A price limit as good as the highest, in two bytes that are not zero: calldata is paid for by those."""
_V3_AMOUNT_OFFSET: Final = 4 + 2 * 32
_V3_DATA: Final = 4
"""The head index of `bytes data` in a V3 pool's swap."""


def _selector(signature: str) -> bytes:
    return bytes(keccak(text=signature)[:4])


_V3_SWAP: Final = _selector("swap(address,bool,int256,uint160,bytes)")
_V3_SWAP_CALLBACK: Final = _selector("uniswapV3SwapCallback(int256,int256,bytes)")
_V3_FLASH: Final = _selector("flash(address,uint256,uint256,bytes)")
_V3_FLASH_CALLBACK: Final = _selector("uniswapV3FlashCallback(uint256,uint256,bytes)")
_V2_SWAP: Final = _selector("swap(uint256,uint256,address,bytes)")
_AAVE_FLASH: Final = _selector("flashLoanSimple(address,address,uint256,bytes,uint16)")
_AAVE_CALLBACK: Final = _selector("executeOperation(address,uint256,uint256,address,bytes)")
_AAVE_V2_FLASH: Final = _selector("flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)")
_AAVE_V2_CALLBACK: Final = _selector("executeOperation(address[],uint256[],uint256[],address,bytes)")
_MORPHO_FLASH: Final = _selector("flashLoan(address,uint256,bytes)")
_MORPHO_CALLBACK: Final = _selector("onMorphoFlashLoan(uint256,bytes)")
_ERC3156_FLASH: Final = _selector("flashLoan(address,address,uint256,bytes)")
_ERC3156_CALLBACK: Final = _selector("onFlashLoan(address,address,uint256,uint256,bytes)")
_BALANCER_FLASH: Final = _selector("flashLoan(address,address[],uint256[],bytes)")
_BALANCER_CALLBACK: Final = _selector("receiveFlashLoan(address[],uint256[],uint256[],bytes)")
_VAULT_LEND: Final = _selector("lend(address,uint256,bytes)")
_VAULT_CALLBACK: Final = _selector("onVaultLoan(address,uint256,bytes)")


@dataclass(frozen=True, slots=True)
class Loan:
    """What is borrowed: `amount` of `token` from `lender`, which wants `fee` on top."""

    lender: Address
    token: Address
    amount: int
    fee: int = 0

    @property
    def owed(self) -> int:
        return self.amount + self.fee


# Loans --------------------------------------------------------------------------------------------------------------


def flash_aave_v3(executor: Address, loan: Loan, inner: Sequence[Op], *, spends: int = 0) -> Call:
    """Borrow from an Aave V3 pool for the length of `inner`.

    The pool pulls what it is owed at the end. `spends` is what it may pull of the token besides, inside `inner`: one
    allowance for both costs 4k gas less than two.
    """
    program = encode_program(inner)
    data = _abi(_AAVE_FLASH, _int(executor), _int(loan.token), loan.amount, program, 0)
    callback = Expect(_AAVE_CALLBACK, 4, bytes_offset(data, 3), 0, Answer.TRUE, initiator_argument=3)
    return Call(loan.lender, data, (), _pulls(loan, spends), (callback,))


def flash_aave_v2(executor: Address, loan: Loan, inner: Sequence[Op], *, spends: int = 0) -> Call:
    """Borrow one asset from an Aave V2 pool, which knows loans of many only; `spends` as for Aave V3."""
    token, amount, repaid_at_once = (_int(loan.token),), (loan.amount,), (0,)
    data = _abi(_AAVE_V2_FLASH, _int(executor), token, amount, repaid_at_once, _int(executor), encode_program(inner), 0)
    callback = Expect(_AAVE_V2_CALLBACK, 4, bytes_offset(data, 5), 0, Answer.TRUE, initiator_argument=3)
    return Call(loan.lender, data, (), _pulls(loan, spends), (callback,))


def flash_morpho(loan: Loan, inner: Sequence[Op], *, spends: int = 0) -> Call:
    """Borrow from Morpho Blue, which takes no fee; `spends` as for Aave."""
    data = _abi(_MORPHO_FLASH, _int(loan.token), loan.amount, encode_program(inner))
    callback = Expect(_MORPHO_CALLBACK, 1, bytes_offset(data, 2))
    return Call(loan.lender, data, (), _pulls(loan, spends), (callback,))


def flash_erc3156(executor: Address, loan: Loan, inner: Sequence[Op]) -> Call:
    """Borrow from an ERC-3156 lender, which pulls what it is owed."""
    data = _abi(_ERC3156_FLASH, _int(executor), _int(loan.token), loan.amount, encode_program(inner))
    callback = Expect(_ERC3156_CALLBACK, 4, bytes_offset(data, 3), 0, Answer.ERC3156, initiator_argument=0)
    return Call(loan.lender, data, (), _pulls(loan, 0), (callback,))


def flash_balancer_v2(executor: Address, loan: Loan, inner: Sequence[Op]) -> Call:
    """Borrow one token from the Balancer V2 vault, which wants to be paid by transfer."""
    program = encode_program((*inner, Pay(loan.token, exact(loan.owed))))
    data = _abi(_BALANCER_FLASH, _int(executor), (_int(loan.token),), (loan.amount,), program)
    return Call(loan.lender, data, expects=(Expect(_BALANCER_CALLBACK, 3, bytes_offset(data, 3), loan.owed),))


def flash_v3(
    executor: Address, pool: Address | PoolId, amounts: tuple[int, int], loan: Loan, inner: Sequence[Op]
) -> Call:
    """Borrow from a V3-style pool; `amounts` are of its (token0, token1), one of them zero, the other the loan's."""
    program = encode_program((*inner, Pay(loan.token, exact(loan.owed))))
    data = _abi(_V3_FLASH, _int(executor), *amounts, program)
    return Call(pool, data, expects=(Expect(_V3_FLASH_CALLBACK, 2, bytes_offset(data, 3), loan.owed),))


def lend_from_vault(loan: Loan, inner: Sequence[Op]) -> Call:
    """Borrow the operator's own capital from its vault."""
    program = encode_program((*inner, Pay(loan.token, exact(loan.owed))))
    data = _abi(_VAULT_LEND, _int(loan.token), loan.amount, program)
    return Call(loan.lender, data, expects=(Expect(_VAULT_CALLBACK, 2, bytes_offset(data, 2), loan.owed),))


def _pulls(loan: Loan, spends: int) -> tuple[Allow]:
    return (Allow(loan.token, exact(loan.owed + spends)),)


# Swaps --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class V3Swap:
    """One swap on a V3-style pool.

    `amount` is what goes in, or what comes out where `exact_output` (which must be a number then); `may_pay` bounds
    what the pool may ask of `token_in`. `callback` is the selector of the pool's callback, where a fork renamed it.
    """

    pool: Address | PoolId
    token_in: Address
    zero_for_one: bool
    amount: Amount
    may_pay: int
    exact_output: bool = False
    sqrt_price_limit: int | None = None
    callback: bytes = _V3_SWAP_CALLBACK


def v3_swap(executor: Address, swap: V3Swap, before_paying: Sequence[Op] = ()) -> Call:
    """Swap on a V3-style pool, paying it from its callback.

    `before_paying` runs between receiving and paying: an exact-output swap that hands over the debt token first is
    the loan of a liquidation that is paid with the collateral it seizes.
    """
    owed = argument(0 if swap.zero_for_one else 1)
    program = encode_program((*before_paying, Pay(swap.token_in, owed)))
    limit = swap.sqrt_price_limit

    if limit is None:
        limit = NO_LIMIT_DOWN if swap.zero_for_one else NO_LIMIT_UP

    known = swap.amount.source is Source.EXACT
    specified = swap.amount.value if known else 0
    signed = -specified if swap.exact_output else specified

    if swap.exact_output and not known:
        raise ValueError("an exact output must be a number")

    data = _abi(_V3_SWAP, _int(executor), int(swap.zero_for_one), signed & MAX_UINT256, limit, program)
    callback = Expect(swap.callback, 2, bytes_offset(data, _V3_DATA), swap.may_pay)
    patches = () if known else (Patch(_V3_AMOUNT_OFFSET, swap.amount),)
    return Call(swap.pool, data, patches, expects=(callback,))


def v2_swap(
    executor: Address, pair: Address, token_in: Address, amount_in: Amount, amounts_out: tuple[int, int]
) -> tuple[Op, Op]:
    """Swap on a V2-style pair: pay first, then take `amounts_out` of (token0, token1), one of them zero."""
    return (
        Transfer(token_in, pair, amount_in),
        Call(pair, _abi(_V2_SWAP, *amounts_out, _int(executor), b"")),
    )


# Protocols ----------------------------------------------------------------------------------------------------------


def placed(step: GuardedCall, executor: Address) -> GuardedCall:
    """Put the executor's address where an adapter, which does not know it, left `EXECUTOR`."""
    call, callback = step.call, step.callback
    if callback is not None:
        callback = replace(callback, data=callback.data.replace(EXECUTOR, executor))

    return replace(step, call=replace(call, data=call.data.replace(EXECUTOR, executor)), callback=callback)


def rights(step: GuardedCall) -> tuple[Grant, ...]:
    """What must be given before a protocol's call, if anything; the frame's end takes it back."""
    if step.right is None:
        return ()

    return (Grant(step.right.on, step.right.selector, step.call.to, step.call.data[:4]),)


def guarded(step: GuardedCall, pays: Sequence[TokenAmount] = ()) -> Call:
    """Turn a protocol's call into an operation: what it may pull, and the callback it makes, if any.

    Protocols pull what they are owed, so that the callback itself may pay nothing.
    """
    allows = tuple(Allow(token, exact(amount)) for token, amount in pays)
    sent = (Patch(CALL_VALUE, exact(step.call.value_wei)),) if step.call.value_wei else ()
    filled = (Patch(CALL_VALUE if g.offset is None else g.offset, gain_of(g.token)) for g in step.gains)
    patches = (*sent, *filled)

    if step.callback is None:
        return Call(step.call.to, step.call.data, patches, allows)

    callback = step.callback
    offset = _offset_of(step.call.data, callback.data)
    expect = Expect(callback.selector, callback.data_argument, offset)
    return Call(step.call.to, step.call.data, patches, allows, (expect,))


def ensured(step: GuardedCall, executor: Address) -> tuple[Require, ...]:
    """What must hold right after a protocol's call, if anything."""
    ensures = step.ensures
    if ensures is None:
        return ()

    data = ensures.data.replace(EXECUTOR, executor)
    return (Require(ensures.target, data, ensures.index, ensures.bound, at_least=ensures.at_least),)


# ABI ----------------------------------------------------------------------------------------------------------------


def bytes_offset(data: bytes, index: int) -> int:
    """Return where, in a call's data, the length word of the `bytes` argument at a head index stands."""
    return 4 + int.from_bytes(data[4 + 32 * index : 36 + 32 * index], "big")


def _offset_of(data: bytes, argument_data: bytes) -> int:
    """Find the `bytes` value in a call's data, wherever it is nested; `ValueError` unless it is there once."""
    wanted = len(argument_data).to_bytes(32, "big") + argument_data

    if data.count(wanted) != 1:
        raise ValueError(f"the callback's {len(argument_data)} bytes are in the call's data {data.count(wanted)} times")

    return data.index(wanted)


def _abi(selector: bytes, *values: int | bytes | tuple[int, ...]) -> bytes:
    """Encode a call: ints and addresses (as ints) are words; bytes and arrays of words are dynamic, in their order."""
    head = b""
    tail = b""

    for value in values:
        if isinstance(value, int):
            head += _word(value)
            continue

        head += _word(32 * len(values) + len(tail))
        tail += _word(len(value))
        tail += b"".join(map(_word, value)) if isinstance(value, tuple) else value + bytes(-len(value) % 32)

    return selector + head + tail


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _int(address: Address) -> int:
    return int.from_bytes(address, "big")
