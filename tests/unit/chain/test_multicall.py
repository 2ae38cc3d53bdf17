import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.chain.multicall import decode_aggregate3, encode_aggregate3
from keeper.types import Address, Call, Returned
from tests.fakes.multicall import GAUGE_ANSWER, MODEXP, call, calls_of, results

CALLS = st.lists(st.builds(Call, st.binary(min_size=20, max_size=20).map(Address), st.binary(max_size=100)), max_size=9)


@given(CALLS)
def test_encode_aggregate3_is_what_the_abi_library_reads(calls):
    assert calls_of(encode_aggregate3(calls))[:-1] == [(c.to, c.data) for c in calls]


def test_encode_aggregate3_ends_with_the_gauge():
    target, data = calls_of(encode_aggregate3([call(1)]))[-1]

    # Lengths of base, exponent and modulus, then the exponent: 129 bits, so 128 rounds of 1,024 bytes.
    assert target == MODEXP
    assert [int.from_bytes(data[i : i + 32], "big") for i in range(0, 128, 32)] == [0, 32, 1_024, 2**129 - 1]
    assert len(data) == 128


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=100)), max_size=9))
def test_decode_aggregate3_reads_what_the_abi_library_writes(found):
    read = decode_aggregate3(results([*found, GAUGE_ANSWER]), len(found), 1_000)

    assert read == [Returned(ok, data) for ok, data in found]


@pytest.mark.parametrize("gauge", [(False, b""), (True, b""), (True, bytes(1_023))])
def test_decode_aggregate3_without_a_full_gauge_believes_nothing(gauge):
    assert decode_aggregate3(results([(True, b"\x01"), gauge]), 1, 1_000) is None


def test_decode_aggregate3_answer_beyond_the_cap_fails_alone():
    found = [(True, bytes(1_001)), (True, bytes(1_000)), (False, bytes(1_001))]
    failed = Returned(ok=False, data=b"")

    assert decode_aggregate3(results([*found, GAUGE_ANSWER]), 3, 1_000) == [
        failed,
        Returned(True, bytes(1_000)),
        failed,
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(31),
        bytes(64),
        b"\xff" * 320,
        results([(True, b"")]),  # one answer too few
        results([(True, b"\x01" * 32), GAUGE_ANSWER])[:-33],
        (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"\xff" * 64,
    ],
)
def test_decode_aggregate3_of_something_else_is_refused(data):
    with pytest.raises(ValueError, match=r"an offset beyond|an answer beyond|answers to"):
        decode_aggregate3(data, 1, 1_000)


@given(st.binary(max_size=400))
def test_decode_aggregate3_of_noise_never_breaks_otherwise(data):
    try:
        found = decode_aggregate3(data, 1, 1_000)
    except ValueError:
        return

    assert found is None or len(found) == 1
