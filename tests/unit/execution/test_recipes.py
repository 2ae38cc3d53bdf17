"""Loans and swaps as operations: the call as the protocol's ABI has it, and the callback where the protocol puts it."""

import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from keeper.execution.calldata import encode_program
from keeper.execution.explain import decode_program
from keeper.execution.operations import (
    CALL_VALUE,
    Allow,
    Answer,
    Grant,
    Patch,
    Pay,
    PoolId,
    Require,
    Tip,
    Transfer,
    Watch,
    argument,
    exact,
    gain_of,
)
from keeper.execution.operations import Call as ChainOp
from keeper.execution.recipes import (
    NO_LIMIT_DOWN,
    NO_LIMIT_UP,
    Loan,
    V3Swap,
    ensured,
    flash_aave_v2,
    flash_aave_v3,
    flash_balancer_v2,
    flash_erc3156,
    flash_morpho,
    flash_v3,
    guarded,
    lend_from_vault,
    placed,
    rights,
    v2_swap,
    v3_swap,
)
from keeper.protocols.calls import EXECUTOR as UNKNOWN
from keeper.protocols.calls import Callback, Ensure, Gain, GuardedCall, Right
from keeper.types import ZERO_ADDRESS, Address, Call, TokenAmount

EXECUTOR, LENDER, TOKEN, OTHER = (Address(bytes([n] * 20)) for n in (1, 2, 3, 4))
LOAN = Loan(LENDER, TOKEN, 1_000, 5)
INNER = (Watch(OTHER), Tip(9))


def decoded(call, signature):
    """The arguments of a call, if it is of this signature."""
    assert call.data[:4] == keccak(text=signature)[:4]
    types = signature.partition("(")[2].removesuffix(")").split(",")
    return abi_decode(types, call.data[4:])


def carried(call):
    """The program that the announced callback must bring."""
    (expect,) = call.expects
    start = expect.data_offset + 32
    length = int.from_bytes(call.data[expect.data_offset : start], "big")
    return decode_program(call.data[start : start + length])


def announced(call):
    (expect,) = call.expects
    return expect.selector, expect.data_argument, expect.may_pay, expect.answer, expect.initiator_argument


def text(address):
    return f"0x{address.hex()}"


def test_aave_loan_is_pulled_back_and_names_its_initiator():
    call = flash_aave_v3(EXECUTOR, LOAN, INNER, spends=300)
    arguments = decoded(call, "flashLoanSimple(address,address,uint256,bytes,uint16)")

    assert arguments == (text(EXECUTOR), text(TOKEN), 1_000, encode_program(INNER), 0)
    assert carried(call) == INNER
    # executeOperation(asset, amount, premium, initiator, params)
    selector = keccak(text="executeOperation(address,uint256,uint256,address,bytes)")[:4]
    assert announced(call) == (selector, 4, 0, Answer.TRUE, 3)
    assert call.allows == (Allow(TOKEN, exact(1_305)),)


def test_aave_v2_loan_is_of_one_asset_and_repaid_at_once():
    call = flash_aave_v2(EXECUTOR, LOAN, INNER, spends=300)
    arguments = decoded(call, "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)")

    assert arguments == (
        text(EXECUTOR), (text(TOKEN),), (1_000,), (0,), text(EXECUTOR), encode_program(INNER), 0,
    )  # fmt: skip
    assert carried(call) == INNER
    # executeOperation(assets, amounts, premiums, initiator, params)
    selector = keccak(text="executeOperation(address[],uint256[],uint256[],address,bytes)")[:4]
    assert announced(call) == (selector, 4, 0, Answer.TRUE, 3)
    assert call.allows == (Allow(TOKEN, exact(1_305)),)


def test_morpho_loan_is_pulled_back():
    call = flash_morpho(LOAN, INNER)

    assert decoded(call, "flashLoan(address,uint256,bytes)") == (text(TOKEN), 1_000, encode_program(INNER))
    assert carried(call) == INNER
    assert announced(call) == (keccak(text="onMorphoFlashLoan(uint256,bytes)")[:4], 1, 0, Answer.NOTHING, None)
    assert call.allows == (Allow(TOKEN, exact(1_005)),)


def test_erc3156_loan_is_pulled_back_and_wants_its_hash():
    call = flash_erc3156(EXECUTOR, LOAN, INNER)
    arguments = decoded(call, "flashLoan(address,address,uint256,bytes)")

    assert arguments == (text(EXECUTOR), text(TOKEN), 1_000, encode_program(INNER))
    assert carried(call) == INNER
    selector = keccak(text="onFlashLoan(address,address,uint256,uint256,bytes)")[:4]
    assert announced(call) == (selector, 4, 0, Answer.ERC3156, 0)
    assert call.allows == (Allow(TOKEN, exact(1_005)),)


def test_balancer_loan_is_paid_by_transfer_within_what_is_owed():
    call = flash_balancer_v2(EXECUTOR, LOAN, INNER)
    owed = (*INNER, Pay(TOKEN, exact(1_005)))
    arguments = decoded(call, "flashLoan(address,address[],uint256[],bytes)")

    assert arguments == (text(EXECUTOR), (text(TOKEN),), (1_000,), encode_program(owed))
    assert carried(call) == owed
    selector = keccak(text="receiveFlashLoan(address[],uint256[],uint256[],bytes)")[:4]
    assert announced(call) == (selector, 3, 1_005, Answer.NOTHING, None)
    assert call.allows == ()


def test_pool_loan_is_paid_by_transfer_within_what_is_owed():
    call = flash_v3(EXECUTOR, LENDER, (0, 1_000), LOAN, INNER)
    owed = (*INNER, Pay(TOKEN, exact(1_005)))

    assert decoded(call, "flash(address,uint256,uint256,bytes)") == (text(EXECUTOR), 0, 1_000, encode_program(owed))
    assert carried(call) == owed
    selector = keccak(text="uniswapV3FlashCallback(uint256,uint256,bytes)")[:4]
    assert announced(call) == (selector, 2, 1_005, Answer.NOTHING, None)


def test_vault_loan_is_paid_by_transfer():
    call = lend_from_vault(Loan(LENDER, TOKEN, 1_000), INNER)
    owed = (*INNER, Pay(TOKEN, exact(1_000)))

    assert decoded(call, "lend(address,uint256,bytes)") == (text(TOKEN), 1_000, encode_program(owed))
    assert carried(call) == owed
    assert announced(call) == (keccak(text="onVaultLoan(address,uint256,bytes)")[:4], 2, 1_000, Answer.NOTHING, None)


SWAP = "swap(address,bool,int256,uint160,bytes)"
CALLBACK = keccak(text="uniswapV3SwapCallback(int256,int256,bytes)")[:4]


@pytest.mark.parametrize(
    ("zero_for_one", "limit", "owed"), [(True, NO_LIMIT_DOWN, argument(0)), (False, NO_LIMIT_UP, argument(1))]
)
def test_swap_of_a_gain_patches_the_amount_and_pays_what_is_asked(zero_for_one, limit, owed):
    pool = PoolId(OTHER, TOKEN, LENDER, 500)
    call = v3_swap(EXECUTOR, V3Swap(pool, TOKEN, zero_for_one, gain_of(TOKEN), 77))
    program = (Pay(TOKEN, owed),)

    assert call.target == pool
    assert decoded(call, SWAP) == (text(EXECUTOR), zero_for_one, 0, limit, encode_program(program))
    assert call.patches == (Patch(68, gain_of(TOKEN)),)
    assert carried(call) == program
    assert announced(call) == (CALLBACK, 2, 77, Answer.NOTHING, None)


def test_swap_of_a_number_needs_no_patch():
    call = v3_swap(EXECUTOR, V3Swap(LENDER, TOKEN, zero_for_one=True, amount=exact(5), may_pay=5, sqrt_price_limit=9))
    assert decoded(call, SWAP)[2:4] == (5, 9)
    assert call.patches == ()


def test_exact_output_is_negative_and_pays_last():
    swap = V3Swap(LENDER, TOKEN, zero_for_one=False, amount=exact(5), may_pay=7, exact_output=True)
    call = v3_swap(EXECUTOR, swap, INNER)

    assert decoded(call, SWAP)[2] == -5
    assert carried(call) == (*INNER, Pay(TOKEN, argument(1)))


def test_exact_output_of_an_unknown_amount_is_an_error():
    swap = V3Swap(LENDER, TOKEN, zero_for_one=False, amount=gain_of(TOKEN), may_pay=7, exact_output=True)
    with pytest.raises(ValueError, match="must be a number"):
        v3_swap(EXECUTOR, swap)


@pytest.mark.parametrize("limit", [NO_LIMIT_DOWN, NO_LIMIT_UP])
def test_price_limits_are_inside_what_a_pool_takes(limit):
    """TickMath: MIN_SQRT_RATIO and MAX_SQRT_RATIO, both exclusive."""
    assert 4_295_128_739 < limit < 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342


def test_v2_swap_pays_the_pair_first():
    transfer, call = v2_swap(EXECUTOR, LENDER, TOKEN, gain_of(TOKEN), (0, 55))

    assert transfer == Transfer(TOKEN, LENDER, gain_of(TOKEN))
    assert decoded(call, "swap(uint256,uint256,address,bytes)") == (0, 55, text(EXECUTOR), b"")


def test_protocol_call_without_a_callback_allows_what_it_pulls():
    step = GuardedCall(Call(LENDER, b"\1\2\3\4"))
    call = guarded(step, [TokenAmount(TOKEN, 7)])

    assert (call.target, call.data, call.allows, call.expects) == (
        LENDER,
        b"\1\2\3\4",
        (Allow(TOKEN, exact(7)),),
        (),
    )


def test_protocol_call_with_value_sends_it():
    call = guarded(GuardedCall(Call(LENDER, b"\1\2\3\4", value_wei=8)))
    assert call.patches == (Patch(CALL_VALUE, exact(8)),)


def test_what_a_call_must_leave_is_asked_about_the_executor():
    """A position must not stay behind: word 2 of what the protocol answers about the executor is below 1."""
    call, about = Call(LENDER, b"\1\2\3\4"), b"\5\6\7\x08" + bytes(12)

    assert ensured(GuardedCall(call), EXECUTOR) == ()
    assert ensured(GuardedCall(call, ensures=Ensure(OTHER, about + UNKNOWN, 1, 2)), EXECUTOR) == (
        Require(OTHER, about + EXECUTOR, 2, 1),
    )


def test_what_a_call_must_have_brought_about_may_concern_somebody_else():
    """Word 3 of what is answered about another account is at least 7."""
    ensures = Ensure(OTHER, b"\5\6\7\x08" + TOKEN, 7, 3, at_least=True)

    assert ensured(GuardedCall(Call(LENDER, b"\1\2\3\4"), ensures=ensures), EXECUTOR) == (
        Require(OTHER, b"\5\6\7\x08" + TOKEN, 3, 7, at_least=True),
    )


def test_executor_takes_its_place_in_the_call_and_in_what_the_callback_brings():
    """Adapters do not know who runs their calls: a recipient is left open until a plan is built."""
    inner = encode_program([ChainOp(TOKEN, b"\1\2\3\4" + UNKNOWN)])
    data = b"\1\2\3\4" + abi_encode(["address", "bytes"], [text(UNKNOWN), inner])
    call = guarded(placed(GuardedCall(Call(LENDER, data), Callback(b"\5\6\7\10", 0, inner)), EXECUTOR))

    assert call.data[4:36] == EXECUTOR.rjust(32, b"\0")
    assert carried(call) == (ChainOp(TOKEN, b"\1\2\3\4" + EXECUTOR),)


def test_right_is_given_to_the_spender_of_the_call_it_comes_with():
    step = GuardedCall(Call(LENDER, b"\1\2\3\4rest"), right=Right(OTHER, b"\5\6\7\x08"))

    assert rights(GuardedCall(step.call)) == ()
    assert rights(step) == (Grant(OTHER, b"\5\6\7\x08", LENDER, b"\1\2\3\4"),)


def test_protocol_call_is_filled_in_with_what_was_gained():
    """Seized receipts are redeemed at the landing block's rate: nobody knows beforehand how many there will be."""
    gains = (Gain(TOKEN, 4), Gain(ZERO_ADDRESS, None))
    call = guarded(GuardedCall(Call(LENDER, b"\1\2\3\4" + bytes(32)), gains=gains))

    assert call.patches == (Patch(4, gain_of(TOKEN)), Patch(CALL_VALUE, gain_of(ZERO_ADDRESS)))


def test_protocol_callback_is_found_wherever_its_data_is():
    inner = encode_program(INNER)
    data = b"\1\2\3\4" + abi_encode(["(uint256,bytes)", "uint256"], [(7, inner), 8])
    step = GuardedCall(Call(LENDER, data), Callback(b"\5\6\7\10", 1, inner))
    call = guarded(step)

    assert carried(call) == INNER
    assert call.expects[0].caller is None


@pytest.mark.parametrize("copies", [0, 2])
def test_callback_data_that_is_not_in_the_call_once_is_an_error(copies):
    inner = encode_program(INNER)
    data = b"\1\2\3\4" + abi_encode(["bytes"] * copies, [inner] * copies)

    with pytest.raises(ValueError, match=f"{copies} times"):
        guarded(GuardedCall(Call(LENDER, data), Callback(b"\5\6\7\10", 0, inner)))
