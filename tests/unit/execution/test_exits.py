from eth_utils.crypto import keccak

from keeper.execution.calldata import encode_program
from keeper.execution.exits import (
    V4Pool,
    redeem_shares,
    unwrap_native,
    unwrap_wsteth,
    v2_router_swap,
    v4_swap,
    wrap_native,
)
from keeper.execution.explain import decode_program
from keeper.execution.operations import CALL_VALUE, Allow, Answer, Patch, Pay, Unwrap, exact, gain_of
from keeper.protocols.words import selector
from keeper.sandbox.artifact import signature
from tests.fakes.pools import address

EXECUTOR, ROUTER, MANAGER, A, B = (address(n) for n in (0xEE, 0x40, 0xAA, 1, 2))


def test_v2_swap_sells_a_gain_through_the_router_that_may_pull_just_that():
    call = v2_router_swap(EXECUTOR, ROUTER, (A, B), gain_of(A))

    expected = signature("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)")
    assert call.data == expected.encode(0, 0, [A, B], EXECUTOR, 2**40)
    assert call.target == ROUTER
    assert call.patches == (Patch(4, gain_of(A)),)
    assert call.allows == (Allow(A, gain_of(A)),)


def test_shares_are_redeemed_for_and_of_the_executor_without_an_allowance():
    call = redeem_shares(EXECUTOR, A, exact(7))

    assert call.data == signature("redeem(uint256,address,address)").encode(0, EXECUTOR, EXECUTOR)
    assert (call.patches, call.allows) == ((Patch(4, exact(7)),), ())


def test_wrappers_are_taken_off_and_put_on():
    assert unwrap_wsteth(A, gain_of(A)).data == signature("unwrap(uint256)").encode(0)
    assert unwrap_native(exact(5)) == Unwrap(exact(5))
    assert wrap_native(A, exact(5)).data == selector("deposit()")
    assert wrap_native(A, exact(5)).patches == (Patch(CALL_VALUE, exact(5)),)


def test_v4_swap_pays_inside_the_unlock_and_takes_what_is_owed():
    pool = V4Pool(MANAGER, (A, B), 3_000, 60)
    call = v4_swap(EXECUTOR, pool, B, gain_of(B), 99)

    (expected,) = call.expects
    assert (expected.selector, expected.may_pay, expected.answer) == (
        selector("unlockCallback(bytes)"),
        99,
        Answer.EMPTY_BYTES,
    )
    length = int.from_bytes(call.data[36:68], "big")
    inner = decode_program(call.data[68 : 68 + length])
    swap, sync, pay, settle, delta, take = inner
    assert encode_program(inner) == call.data[68 : 68 + length]
    assert swap.data[:4] == selector("swap((address,address,uint24,int24,address),(bool,int256,uint160),bytes)")
    (patch,) = swap.patches
    assert (patch.offset, patch.amount.negate, patch.amount.token) == (4 + 6 * 32, True, B)
    assert sync.data[-20:] == B
    assert pay == Pay(B, gain_of(B))
    assert settle.data == selector("settle()")
    assert delta.keep
    assert delta.data[4:] == keccak(EXECUTOR.rjust(32, b"\0") + A.rjust(32, b"\0"))
    assert take.data == signature("take(address,address,uint256)").encode(A, EXECUTOR, 0)
    assert take.patches[0].offset == 4 + 64
