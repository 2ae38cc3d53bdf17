"""Transactions written by hand are those of the library, byte for byte."""

from eth_account import Account
from hypothesis import example, given
from hypothesis import strategies as st

from keeper.execution.base import Fees
from keeper.execution.eip1559 import UnsignedTx, sender_of, signature_of, signed_bytes, signing_digest
from keeper.execution.signer import accept
from keeper.types import Address

KEYS = st.integers(1, 2**255).map(lambda number: number.to_bytes(32))
NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
TRANSACTIONS = st.builds(
    UnsignedTx,
    plan_id=st.none(),
    to=st.binary(min_size=20, max_size=20).map(Address),
    data=st.one_of(st.binary(max_size=80), st.integers(0, 3_000).map(lambda size: b"\x7f" * size)),
    nonce=NUMBERS,
    gas_limit=st.integers(21_000, 2**24),
    fees=st.builds(Fees, max_fee_wei=NUMBERS, tip_wei=NUMBERS),
)


@given(TRANSACTIONS, st.integers(1, 2**63 - 1), KEYS)
@example(UnsignedTx(None, Address(bytes(20)), b"\x00", 0, 21_000, Fees(0, 0)), 1, b"\x01" * 32)
def test_signed_bytes_are_the_librarys(tx, chain_id, key):
    account = Account.from_key(key)
    fields = {
        "type": 2,
        "chainId": chain_id,
        "nonce": tx.nonce,
        "maxPriorityFeePerGas": tx.fees.tip_wei,
        "maxFeePerGas": tx.fees.max_fee_wei,
        "gas": tx.gas_limit,
        "to": bytes(tx.to),
        "value": 0,
        "data": tx.data,
    }
    signed = account.sign_transaction(fields)
    raw = bytes(signed.raw_transaction)
    signature = signature_of(raw)
    assert (signature.y_parity, signature.r, signature.s) == (signed.v, signed.r, signed.s)
    assert signed_bytes(tx, chain_id, signature) == raw
    sender = bytes.fromhex(account.address[2:])
    assert sender_of(signing_digest(tx, chain_id), signature) == sender
    assert accept(raw, tx, Address(sender), chain_id).hash == bytes(signed.hash)


@given(st.binary(max_size=300))
@example(b"\x02")
@example(b"\x02\xc0")
@example(b"\x02\xff")
@example(b"\x02\xf8\xff\x01")
def test_any_bytes_are_read_or_refused(raw):
    found = signature_of(raw)
    assert found is None or raw[:1] == b"\x02"
