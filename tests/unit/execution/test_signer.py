from dataclasses import replace

import pytest
from eth_account import Account

from keeper.errors import SigningKeyError
from keeper.execution.base import Fees
from keeper.execution.eip1559 import Signature, UnsignedTx, signature_of, signed_bytes
from keeper.execution.signer import LocalSigner, SigningPolicy, accept
from keeper.types import Address
from keeper.units import GWEI
from tests.fakes.ledger_chain import decode
from tests.fakes.plans import EXECUTOR, SELECTOR

ACCOUNT = Account.from_key(b"\x11" * 32)
OPERATOR = Address(bytes.fromhex("19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"))
POLICY = SigningPolicy(1, frozenset({EXECUTOR}), frozenset({SELECTOR}), max_fee_wei=100 * GWEI)
TX = UnsignedTx("plan-1", EXECUTOR, SELECTOR + b"\x12\x34", nonce=3, gas_limit=700_000, fees=Fees(100 * GWEI, 2 * GWEI))
CANCEL = UnsignedTx("plan-1", OPERATOR, b"", nonce=3, gas_limit=21_000, fees=Fees(400 * GWEI, 2 * GWEI))


@pytest.fixture
def signer():
    return LocalSigner(ACCOUNT, POLICY)


async def test_a_signed_plan_is_what_was_asked_for(signer):
    signed = await signer.sign(TX)
    found = decode(signed.raw)
    assert (found.sender, found.nonce, found.to, found.data) == (OPERATOR, 3, EXECUTOR, SELECTOR + b"\x12\x34")
    assert (found.max_fee_wei, found.tip_wei) == (100 * GWEI, 2 * GWEI)
    assert signed.hash == found.hash
    assert (signed.plan_id, signed.sender, signed.nonce, signed.gas_limit) == ("plan-1", OPERATOR, 3, 700_000)


async def test_signing_twice_gives_the_same_bytes(signer):
    assert await signer.sign(TX) == await signer.sign(TX)


async def test_a_cancel_may_pass_the_fee_cap_by_its_headroom(signer):
    assert decode((await signer.sign(CANCEL)).raw).max_fee_wei == 400 * GWEI


@pytest.mark.parametrize(
    ("tx", "message"),
    [
        (replace(TX, to=Address(b"\x99" * 20)), "not the executor"),
        (replace(TX, data=b"\x09\x5e\xa7\xb3" + bytes(64)), "0x095ea7b3: not one that runs programs"),
        (replace(TX, data=b""), "not one that runs programs"),
        (replace(TX, nonce=2**64), "refused"),
        (replace(TX, fees=Fees(100 * GWEI + 1, 0)), "the cap is 100000000000"),
        (replace(TX, fees=Fees(GWEI, GWEI + 1)), "refused to sign fees"),
        (replace(TX, fees=Fees(GWEI, -1)), "refused to sign fees"),
        (replace(TX, gas_limit=16_777_217), "at most 16777216"),
        (replace(TX, gas_limit=20_999), "gas limit"),
        (replace(TX, nonce=-1), "refused"),
        (replace(CANCEL, data=b"\x00"), "carries data"),
        (replace(CANCEL, gas_limit=21_001), "at most 21000"),
        (replace(CANCEL, fees=Fees(400 * GWEI + 1, 0)), "the cap is 400000000000"),
    ],
)
async def test_what_the_policy_forbids_is_not_signed(signer, tx, message):
    with pytest.raises(SigningKeyError, match=message):
        await signer.sign(tx)


def signed_elsewhere(account=ACCOUNT, **changes):
    """What a remote signer could send back: this transaction, but for the changes."""
    fields = {
        "type": 2,
        "chainId": 1,
        "nonce": TX.nonce,
        "maxPriorityFeePerGas": TX.fees.tip_wei,
        "maxFeePerGas": TX.fees.max_fee_wei,
        "gas": TX.gas_limit,
        "to": bytes(TX.to),
        "value": 0,
        "data": TX.data,
    }
    return bytes(account.sign_transaction({**fields, **changes}).raw_transaction)


def test_the_right_bytes_of_somebody_else_are_accepted():
    assert accept(signed_elsewhere(), TX, OPERATOR, 1) == LocalSigner(ACCOUNT, POLICY).sign_at_once(TX)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": b"\x99" * 20},
        {"value": 1},
        {"nonce": 4},
        {"chainId": 2},
        {"gas": 700_001},
        {"maxFeePerGas": 100 * GWEI - 1},
        {"maxPriorityFeePerGas": 2 * GWEI - 1},
        {"data": SELECTOR + b"\x12\x35"},
        {"accessList": [{"address": b"\x99" * 20, "storageKeys": []}]},
        {"account": Account.from_key(b"\x22" * 32)},
    ],
)
def test_a_signature_of_something_else_is_refused(changes):
    with pytest.raises(SigningKeyError, match="not of the transaction"):
        accept(signed_elsewhere(**changes), TX, OPERATOR, 1)


def test_a_signatures_twin_is_refused():
    # (r, n - s) with the other parity recovers to the same key, and would be another hash for the same transaction.
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    good = signature_of(signed_elsewhere())
    twin = signed_bytes(TX, 1, Signature(1 - good.y_parity, good.r, order - good.s))
    assert bytes.fromhex(Account.recover_transaction(twin)[2:]) == OPERATOR
    with pytest.raises(SigningKeyError):
        accept(twin, TX, OPERATOR, 1)


@pytest.mark.parametrize("cut", [0, 1, 2, 40, -1])
def test_half_a_transaction_is_refused(cut):
    with pytest.raises(SigningKeyError):
        accept(signed_elsewhere()[:cut], TX, OPERATOR, 1)


def test_what_is_counted_too_often_is_not_signed():
    class Full:
        def admit(self, sender, tx):
            raise SigningKeyError(f"no more from {sender.hex()} at nonce {tx.nonce}")

    with pytest.raises(SigningKeyError, match="at nonce 3"):
        LocalSigner(ACCOUNT, POLICY, Full()).sign_at_once(TX)


def test_a_signer_shows_its_address_and_no_key(signer):
    assert repr(signer) == "LocalSigner(0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A)"
    assert "11" * 16 not in f"{signer!r} {signer} {vars(type(signer))}"
