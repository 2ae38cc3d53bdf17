"""Programs: every byte placed by hand once, and everything that can be written can be read back."""

import pytest
from eth_abi.abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

from keeper.errors import DecodeError
from keeper.execution.calldata import encode_atlas, encode_execute, encode_program
from keeper.execution.explain import decode_execute, decode_program
from keeper.execution.operations import (
    CALL_VALUE,
    GAIN,
    Allow,
    Amount,
    Answer,
    Call,
    Expect,
    Flag,
    Grant,
    Header,
    Patch,
    Pay,
    PoolId,
    Require,
    Source,
    Tip,
    Transfer,
    Try,
    Unwrap,
    Watch,
    argument,
    exact,
    gain_of,
)
from keeper.types import Address

A, B, C = (Address(bytes([n] * 20)) for n in (0xAA, 0xBB, 0xCC))
HEADER = Header(deadline=1_700_000_000, profit_token=A, min_profit=5)


def bits(text):
    return bytes.fromhex(text.replace(" ", "").replace("A", "aa" * 20).replace("B", "bb" * 20).replace("C", "cc" * 20))


@pytest.mark.parametrize(
    ("op", "packed"),
    [
        (Watch(A), "09 A"),
        (Unwrap(GAIN), "06 01"),
        (Tip(258), "07 00000000000000000000000000000102"),
        (Transfer(A, B, exact(1)), "02 A B 00 00000000000000000000000000000001"),
        (Pay(A, argument(1)), "03 A 03 01"),
        (Pay(A, gain_of(B)), "03 A 02 B"),
        (Pay(A, Amount(Source.WORD, 1, divide_pow10=27, round_up=True)), "03 A 33 01 1b"),
        (Pay(A, Amount(Source.RETURNED, 2, negate=True)), "03 A 44 02"),
        (Grant(A, b"\1\2\3\4", B, b"\5\6\7\10"), "08 A 01020304 B 05060708"),
        (Require(A, b"\xff", 5, 10), "04 A 05 0000000000000000000000000000000a 0001 ff"),
        (Require(A, b"", 0, 0, at_least=True), "04 A 80 00000000000000000000000000000000 0000"),
        (Try(100_000, (Watch(A),)), "05 000186a0 0015 09 A"),
        (Call(A, b"\1\2\3\4"), "01 0000 A 0004 01020304"),
        (Call(A, b"\1\2\3\4", keep=True), "01 0200 A 0004 01020304"),
        (Call(PoolId(A, B, C, 500), b"\1\2\3\4"), "01 0100 A B C 0001f4 0004 01020304"),
        (Call(A, b"\1\2\3\4", (Patch(4, GAIN),)), "01 0001 A 0004 01020304 0004 01"),
        (Call(A, b"\1\2\3\4", (Patch(CALL_VALUE, gain_of(B)),)), "01 0001 A 0004 01020304 ffff 02 B"),
        (Call(A, b"\1\2\3\4", allows=(Allow(B, GAIN),)), "01 0010 A 0004 01020304 B 01"),
    ],
)
def test_operation_is_packed_as_the_contract_reads_it(op, packed):
    assert encode_program([op]) == bits(packed)


def test_expected_callback_is_packed_after_everything_else_of_its_call():
    expect = Expect(b"\1\2\3\4", 4, 164, 7, Answer.TRUE, initiator_argument=3)
    call = Call(A, b"\5\6\7\10", expects=(expect,))

    # selector, data slot 4, initiator slot 3, answer 1, may pay 7, offset 164
    packed = "01 0040 A 0004 05060708 01020304 04 03 01 00000000000000000000000000000007 00a4"
    assert encode_program([call]) == bits(packed)


def test_callback_that_brings_no_data_has_no_offset_and_may_answer_a_word():
    expect = Expect(b"\1\2\3\4", None, answer=Answer.WORD, caller=B, word=b"\x77" * 32)
    call = Call(A, b"\5\6\7\10", expects=(expect,))

    packed = "01 0040 A 0004 05060708 01020304 ff ff 84 00000000000000000000000000000000 B" + "77" * 32
    assert encode_program([call]) == bits(packed)


def test_callback_that_comes_first_is_announced_last():
    first, second = Expect(b"\1" * 4, None), Expect(b"\2" * 4, None)
    packed = encode_program([Call(A, b"\0" * 4, expects=(first, second))])

    assert packed.index(b"\2" * 4) < packed.index(b"\1" * 4)


def test_execute_is_encoded_as_the_abi_has_it():
    header = Header(1_700_000_000, A, 5, 99, 10, 20, 30, Flag.SKIP_FAILED | Flag.QUIET_MISS)
    program = encode_program([Watch(A)])
    types = ("(uint40,uint40,address,uint128,uint16,uint128,uint128,uint8)", "bytes")
    encoded = abi_encode(types, ((1_700_000_000, 99, A, 5, 10, 20, 30, 5), program))

    # execute((uint40,uint40,address,uint128,uint16,uint128,uint128,uint8),bytes)
    assert encode_execute(header, [Watch(A)]) == bytes.fromhex("15be4620") + encoded


def test_atlas_data_is_header_terms_and_program_back_to_back():
    data = encode_atlas(HEADER, B, (C, 7), 9, [Watch(A)])
    types = ("uint40", "uint40", "address", "uint128", "uint16", "uint128", "uint128", "uint8")
    terms = ("address", "address", "uint128", "uint128")

    assert data == (
        abi_encode(types, (1_700_000_000, 0, A, 5, 0, 0, 0, 0)) + abi_encode(terms, (B, C, 7, 9)) + bits("09 A")
    )


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (Tip(2**128), "16 bytes"),
        (Tip(-1), "16 bytes"),
        (Watch(Address(b"\1")), "20 bytes"),
        (Grant(A, b"\1", B, b"\1" * 4), "4 bytes"),
        (Require(A, b"", 128, 0), "the last is 127"),
        (Call(A, bytes(65_536)), "2 bytes"),
        (Call(A, b"", tuple(Patch(0, GAIN) for _ in range(16))), "at most"),
        (Call(A, b"", allows=tuple(Allow(A, GAIN) for _ in range(4))), "at most"),
        (Call(A, b"", expects=tuple(Expect(bytes(4), None) for _ in range(4))), "at most"),
        (Call(A, b"", expects=(Expect(bytes(4), 255),)), "cannot be named"),
        (Call(A, b"", expects=(Expect(bytes(4), None, answer=Answer.WORD),)), "32 bytes"),
    ],
)
def test_what_the_format_cannot_hold_is_an_error(op, reason):
    with pytest.raises(ValueError, match=reason):
        encode_program([op])


def test_frame_that_need_not_pay_is_an_error():
    with pytest.raises(ValueError, match="at least 1"):
        encode_execute(Header(1, A, 0), [])


addresses = st.binary(min_size=20, max_size=20).map(Address)
selectors = st.binary(min_size=4, max_size=4)
uint128s = st.integers(0, 2**128 - 1)
forms = st.fixed_dictionaries(
    {}, optional={"divide_pow10": st.integers(0, 77), "round_up": st.booleans(), "negate": st.booleans()}
)
amounts = st.one_of(
    st.builds(lambda value, form: Amount(Source.EXACT, value, **form), uint128s, forms),
    st.builds(lambda form: Amount(Source.GAIN, **form), forms),
    st.builds(lambda token, form: Amount(Source.GAIN_OF, token=token, **form), addresses, forms),
    st.builds(
        lambda source, index, form: Amount(source, index, **form),
        st.sampled_from([Source.WORD, Source.RETURNED]),
        st.integers(0, 255),
        forms,
    ),
)
pool_ids = st.builds(PoolId, addresses, addresses, addresses, st.integers(0, 2**24 - 1))
slots = st.none() | st.integers(0, 254)


@st.composite
def expects(draw):
    answer = draw(st.sampled_from(Answer))
    slot = draw(slots)
    return Expect(
        draw(selectors),
        slot,
        0 if slot is None else draw(st.integers(0, 65_535)),
        draw(uint128s),
        answer,
        draw(slots),
        draw(st.none() | addresses),
        draw(st.binary(min_size=32, max_size=32)) if answer is Answer.WORD else b"",
    )


calls = st.builds(
    Call,
    addresses | pool_ids,
    st.binary(max_size=200),
    st.lists(st.builds(Patch, st.integers(0, 65_535), amounts), max_size=3).map(tuple),
    st.lists(st.builds(Allow, addresses, amounts), max_size=3).map(tuple),
    st.lists(expects(), max_size=3).map(tuple),
    st.booleans(),
)
simple = st.one_of(
    calls,
    st.builds(Transfer, addresses, addresses, amounts),
    st.builds(Pay, addresses, amounts),
    st.builds(Require, addresses, st.binary(max_size=100), st.integers(0, 127), uint128s, st.booleans()),
    st.builds(Unwrap, amounts),
    st.builds(Tip, uint128s),
    st.builds(Grant, addresses, selectors, addresses, selectors),
    st.builds(Watch, addresses),
)
operations = simple | st.builds(Try, st.integers(0, 2**32 - 1), st.lists(simple, max_size=3).map(tuple))
programs = st.lists(operations, max_size=6).map(tuple)
headers = st.builds(
    Header,
    st.integers(0, 2**40 - 1),
    addresses,
    st.integers(1, 2**128 - 1),
    st.integers(0, 2**40 - 1),
    st.integers(0, 65_535),
    uint128s,
    uint128s,
    st.integers(0, 7).map(Flag),
)


@given(headers, programs)
def test_execute_reads_back_as_it_was_written(header, ops):
    assert decode_execute(encode_execute(header, ops)) == (header, ops)


@given(programs, st.data())
def test_program_cut_off_is_an_error_or_whole_operations(ops, data):
    packed = encode_program(ops)
    cut = data.draw(st.integers(0, len(packed)))
    boundaries = {len(encode_program(ops[:n])) for n in range(len(ops) + 1)}

    if cut in boundaries:
        assert encode_program(decode_program(packed[:cut])) == packed[:cut]
    else:
        with pytest.raises(DecodeError):
            decode_program(packed[:cut])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_program_or_a_decode_error(data):
    try:
        decode_program(data)
    except DecodeError:
        return


@pytest.mark.parametrize("data", [b"", b"\1\2\3\4" + bytes(320), bytes.fromhex("15be4620") + b"\xff" * 320])
def test_other_calls_are_no_execute(data):
    with pytest.raises(DecodeError):
        decode_execute(data)
