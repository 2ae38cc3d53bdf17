from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.datastructures import SignedTransaction

from keeper.errors import SigningKeyError
from keeper.execution.base import Fees
from keeper.execution.signer import LocalSigner, SigningPolicy, UnsignedTx, verify
from keeper.types import Address
from keeper.units import GWEI
from tests.fakes.ledger_chain import decode
from tests.fakes.plans import EXECUTOR

ACCOUNT = Account.from_key(b"\x11" * 32)
OPERATOR = Address(bytes.fromhex("19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"))
POLICY = SigningPolicy(chain_id=1, executors=frozenset({EXECUTOR}), max_fee_wei=100 * GWEI)
TX = UnsignedTx("plan-1", EXECUTOR, b"\x12\x34", nonce=3, gas_limit=700_000, fees=Fees(100 * GWEI, 2 * GWEI))
CANCEL = UnsignedTx("plan-1", OPERATOR, b"", nonce=3, gas_limit=21_000, fees=Fees(400 * GWEI, 2 * GWEI))


@pytest.fixture
def signer():
    return LocalSigner(ACCOUNT, POLICY)


def test_a_signed_plan_is_what_was_asked_for(signer):
    signed = signer.sign(TX)
    found = decode(signed.raw)
    assert (found.sender, found.nonce, found.to, found.data) == (OPERATOR, 3, EXECUTOR, b"\x12\x34")
    assert (found.max_fee_wei, found.tip_wei) == (100 * GWEI, 2 * GWEI)
    assert signed.hash == found.hash
    assert (signed.plan_id, signed.sender, signed.nonce, signed.gas_limit) == ("plan-1", OPERATOR, 3, 700_000)


def test_signing_twice_gives_the_same_bytes(signer):
    assert signer.sign(TX) == signer.sign(TX)


def test_a_cancel_may_pass_the_fee_cap_by_its_headroom(signer):
    assert decode(signer.sign(CANCEL).raw).max_fee_wei == 400 * GWEI


@pytest.mark.parametrize(
    ("tx", "message"),
    [
        (replace(TX, to=Address(b"\x99" * 20)), "not the executor"),
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
def test_what_the_policy_forbids_is_not_signed(signer, tx, message):
    with pytest.raises(SigningKeyError, match=message):
        signer.sign(tx)


class LyingAccount:
    """A remote signer that signs something else, or with another key, and reports what it likes."""

    def __init__(self, account, **changes):
        self.address = ACCOUNT.address
        self._account = account
        self._changes = changes

    def sign_transaction(self, fields) -> SignedTransaction:
        return self._account.sign_transaction({**fields, **self._changes})


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
        {"data": b"\x12\x35"},
        {"accessList": [{"address": b"\x99" * 20, "storageKeys": []}]},
    ],
)
def test_a_signature_of_something_else_is_refused(changes):
    with pytest.raises(SigningKeyError, match="not of the transaction"):
        LocalSigner(LyingAccount(ACCOUNT, **changes), POLICY).sign(TX)


def test_a_signature_by_another_key_is_refused():
    with pytest.raises(SigningKeyError, match="not of the transaction"):
        LocalSigner(LyingAccount(Account.from_key(b"\x22" * 32)), POLICY).sign(TX)


def test_a_wrong_hash_beside_right_bytes_is_refused(signer):
    signed = signer.sign(TX)
    with pytest.raises(SigningKeyError):
        verify(signed.raw, b"\x00" * 32, TX, OPERATOR, 1)


def test_a_signer_shows_its_address_and_no_key(signer):
    assert repr(signer) == "LocalSigner(0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A)"
    assert "11" * 16 not in f"{signer!r} {signer} {vars(type(signer))}"
