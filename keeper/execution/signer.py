"""The one place a key signs, and what it refuses to sign whoever asks.

The policy holds whatever the strategy believes: a wrong plan can waste gas, it cannot move anything else. Whoever
signs, here or elsewhere, what comes back is written out anew from what was asked and compared byte by byte.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from coincurve import PrivateKey

from keeper.errors import SigningKeyError
from keeper.execution.base import SignedTx
from keeper.execution.bidding import MAX_TX_GAS
from keeper.execution.eip1559 import (
    Signature,
    UnsignedTx,
    keccak,
    sender_of,
    signature_of,
    signed_bytes,
    signing_digest,
)
from keeper.types import Address, to_checksum

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

TRANSFER_GAS: Final = 21_000
"""What a transfer without data costs, and so a cancel."""
CANCEL_FEE_HEADROOM: Final = 4
"""A cancel may offer this many times the fee cap: it must outbid what it replaces, and costs a transfer's gas."""

__all__ = [
    "CANCEL_FEE_HEADROOM",
    "TRANSFER_GAS",
    "LocalSigner",
    "Meter",
    "Signer",
    "SigningPolicy",
    "UnsignedTx",
    "accept",
    "check_policy",
]


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """What may be signed: this chain, these functions of these contracts, fees up to this; no value ever."""

    chain_id: int
    executors: frozenset[Address]
    selectors: frozenset[bytes]
    max_fee_wei: int
    max_gas: int = MAX_TX_GAS


class Signer(Protocol):
    """Whoever holds the key."""

    @property
    def address(self) -> Address:
        """Whose transactions these are."""
        ...

    async def check(self) -> None:
        """Raise `SignerError` where it cannot sign at present, `SigningKeyError` where it never will."""
        ...

    async def sign(self, tx: UnsignedTx) -> SignedTx:
        """Sign, or raise `SigningKeyError` for what the policy forbids, `SignerError` for what may be had later."""
        ...


class Meter(Protocol):
    """Whoever counts what was signed."""

    def admit(self, sender: Address, tx: UnsignedTx) -> None:
        """Count a transaction that is about to be signed; `SignerError` where it would be one too many."""
        ...


class LocalSigner:
    """Holds the decrypted key of one account; nothing it prints or raises shows it."""

    __slots__ = ("_address", "_key", "_meter", "_policy")

    def __init__(self, account: "LocalAccount", policy: SigningPolicy, meter: Meter | None = None) -> None:
        self._key = PrivateKey(bytes(account.key))
        self._address = Address(bytes.fromhex(account.address.removeprefix("0x")))
        self._policy = policy
        self._meter = meter

    @property
    def address(self) -> Address:
        return self._address

    async def check(self) -> None:
        """Find nothing wrong: the key is here."""

    async def sign(self, tx: UnsignedTx) -> SignedTx:
        """Sign a type-2 transaction and prove that it is what was asked for, from whom it should be."""
        return self.sign_at_once(tx)

    def sign_at_once(self, tx: UnsignedTx) -> SignedTx:
        """Sign without waiting for anything."""
        check_policy(tx, self._address, self._policy)
        if self._meter is not None:
            self._meter.admit(self._address, tx)

        chain_id = self._policy.chain_id
        packed = self._key.sign_recoverable(signing_digest(tx, chain_id), hasher=None)
        signature = Signature(packed[64], int.from_bytes(packed[:32]), int.from_bytes(packed[32:64]))
        return accept(signed_bytes(tx, chain_id, signature), tx, self._address, chain_id)

    def __repr__(self) -> str:
        return f"LocalSigner({to_checksum(self._address)})"


def check_policy(tx: UnsignedTx, sender: Address, policy: SigningPolicy) -> None:
    """Refuse what the policy does not allow, with what it was and what is allowed."""
    is_cancel = tx.to == sender
    if is_cancel and tx.data:
        raise SigningKeyError("refused to sign a transaction to ourselves that carries data: a cancel carries none")

    if not is_cancel:
        _check_call(tx, policy)

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
    if not TRANSFER_GAS <= tx.gas_limit <= allowed_gas or not 0 <= tx.nonce < 2**64:
        raise SigningKeyError(f"refused to sign a gas limit of {tx.gas_limit}: at most {allowed_gas}")


def accept(raw: bytes, asked: UnsignedTx, sender: Address, chain_id: int) -> SignedTx:
    """Take a signed transaction only if it is, byte by byte, the one asked for, signed by this account.

    `SigningKeyError` for anything else: another field, another key, a value, an access list, a signature's twin.
    """
    signature = signature_of(raw)
    same = signature is not None and signed_bytes(asked, chain_id, signature) == raw
    if signature is None or not same or sender_of(signing_digest(asked, chain_id), signature) != sender:
        raise SigningKeyError("the signature that came back is not of the transaction that was asked for")

    return SignedTx(
        plan_id=asked.plan_id,
        hash=keccak(raw),
        raw=raw,
        sender=sender,
        nonce=asked.nonce,
        fees=asked.fees,
        gas_limit=asked.gas_limit,
    )


def _check_call(tx: UnsignedTx, policy: SigningPolicy) -> None:
    if tx.to not in policy.executors:
        raise SigningKeyError(
            f"refused to sign a call of {to_checksum(tx.to)}: not the executor", to=to_checksum(tx.to)
        )

    if tx.data[:4] not in policy.selectors:
        raise SigningKeyError(f"refused to sign a call of function 0x{tx.data[:4].hex()}: not one that runs programs")
