"""The one place a key signs, and what it refuses to sign whoever asks.

The policy holds whatever the strategy believes: a wrong plan can waste gas, it cannot move anything else. Signing is
eth-account's; what it returns is checked against what was asked before it is used.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_account.types import TransactionDictType
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from keeper.errors import SigningKeyError
from keeper.execution.base import Fees, SignedTx
from keeper.execution.bidding import MAX_TX_GAS
from keeper.types import Address, to_checksum

TRANSFER_GAS: Final = 21_000
"""What a transfer without data costs, and so a cancel."""
CANCEL_FEE_HEADROOM: Final = 4
"""A cancel may offer this many times the fee cap: it must outbid what it replaces, and costs a transfer's gas."""


@dataclass(frozen=True, slots=True)
class UnsignedTx:
    """What is to be signed; a cancel goes to the sender itself, carries nothing, and names the plan it cancels."""

    plan_id: str | None
    to: Address
    data: bytes
    nonce: int
    gas_limit: int
    fees: Fees


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """What may be signed: this chain, these contracts, fees up to this; no value ever."""

    chain_id: int
    executors: frozenset[Address]
    max_fee_wei: int
    max_gas: int = MAX_TX_GAS


class Signer(Protocol):
    """Whoever holds the key."""

    @property
    def address(self) -> Address:
        """Whose transactions these are."""
        ...

    def sign(self, tx: UnsignedTx) -> SignedTx:
        """Sign, or raise `SigningKeyError` for what the policy forbids."""
        ...


class LocalSigner:
    """Holds the decrypted key of one account; nothing it prints or raises shows it."""

    __slots__ = ("_account", "_address", "_policy")

    def __init__(self, account: LocalAccount, policy: SigningPolicy) -> None:
        self._account = account
        self._address = Address(bytes.fromhex(account.address.removeprefix("0x")))
        self._policy = policy

    @property
    def address(self) -> Address:
        return self._address

    def sign(self, tx: UnsignedTx) -> SignedTx:
        """Sign a type-2 transaction and prove that it is what was asked for, from whom it should be."""
        check_policy(tx, self._address, self._policy)
        fields: TransactionDictType = {
            "type": 2,
            "chainId": self._policy.chain_id,
            "nonce": tx.nonce,
            "maxPriorityFeePerGas": tx.fees.tip_wei,
            "maxFeePerGas": tx.fees.max_fee_wei,
            "gas": tx.gas_limit,
            "to": bytes(tx.to),
            "value": 0,
            "data": tx.data,
        }
        signed = self._account.sign_transaction(fields)
        raw, tx_hash = bytes(signed.raw_transaction), bytes(signed.hash)
        verify(raw, tx_hash, tx, self._address, self._policy.chain_id)
        return SignedTx(
            plan_id=tx.plan_id,
            hash=tx_hash,
            raw=raw,
            sender=self._address,
            nonce=tx.nonce,
            fees=tx.fees,
            gas_limit=tx.gas_limit,
        )

    def __repr__(self) -> str:
        return f"LocalSigner({to_checksum(self._address)})"


def check_policy(tx: UnsignedTx, sender: Address, policy: SigningPolicy) -> None:
    """Refuse what the policy does not allow, with what it was and what is allowed."""
    is_cancel = tx.to == sender
    if not is_cancel and tx.to not in policy.executors:
        raise SigningKeyError(
            f"refused to sign a call of {to_checksum(tx.to)}: not the executor", to=to_checksum(tx.to)
        )

    if is_cancel and tx.data:
        raise SigningKeyError("refused to sign a transaction to ourselves that carries data: a cancel carries none")

    cap = policy.max_fee_wei * CANCEL_FEE_HEADROOM if is_cancel else policy.max_fee_wei
    if not 0 <= tx.fees.tip_wei <= tx.fees.max_fee_wei <= cap:
        raise SigningKeyError(
            f"refused to sign fees of {tx.fees.max_fee_wei} wei per gas with a tip of {tx.fees.tip_wei}: "
            f"the cap is {cap}",
            max_fee_wei=tx.fees.max_fee_wei,
            tip_wei=tx.fees.tip_wei,
            cap_wei=cap,
        )

    allowed_gas = TRANSFER_GAS if is_cancel else policy.max_gas
    if not TRANSFER_GAS <= tx.gas_limit <= allowed_gas or tx.nonce < 0:
        raise SigningKeyError(f"refused to sign a gas limit of {tx.gas_limit}: at most {allowed_gas}")


def verify(raw: bytes, tx_hash: bytes, asked: UnsignedTx, sender: Address, chain_id: int) -> None:
    """Check field by field that a signed transaction is the one asked for, by its own bytes."""
    found = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    same = (
        raw[0] == 2
        and found["chainId"] == chain_id
        and found["nonce"] == asked.nonce
        and found["maxPriorityFeePerGas"] == asked.fees.tip_wei
        and found["maxFeePerGas"] == asked.fees.max_fee_wei
        and found["gas"] == asked.gas_limit
        and bytes(found["to"]) == asked.to
        and found["value"] == 0
        and bytes(found["data"]) == asked.data
        and not found["accessList"]
        and keccak(raw) == tx_hash
    )
    recovered = Account.recover_transaction(raw)
    if not same or bytes.fromhex(recovered.removeprefix("0x")) != sender:
        raise SigningKeyError("the signature that came back is not of the transaction that was asked for")
