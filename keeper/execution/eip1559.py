"""Type-2 transactions as bytes: what is hashed to be signed, what leaves, and who signed it; pure.

Written out by hand because a general library takes ten times as long on the way to the pool; every test compares the
bytes with that library's. Source: EIP-1559, EIP-2718, Ethereum yellow paper appendix B (RLP) and F (signatures).
"""

from dataclasses import dataclass
from typing import Final

import sha3
from coincurve import PublicKey

from keeper.execution.base import Fees
from keeper.types import Address

_TYPE: Final = b"\x02"
_NO_ACCESS_LIST: Final = b"\xc0"
_SIGNED_ITEMS: Final = 12
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half of secp256k1's order; a signature with a larger `s` is another spelling of the same one. Source: EIP-2."""


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
class Signature:
    """A signature by secp256k1: the parity of the point's y, and two numbers."""

    y_parity: int
    r: int
    s: int


def keccak(data: bytes) -> bytes:
    """Hash with Keccak-256."""
    return bytes(sha3.keccak_256(data).digest())


def signing_digest(tx: UnsignedTx, chain_id: int) -> bytes:
    """Hash what a signature must be over; no value and no access list, ever."""
    return keccak(_TYPE + _list(_fields(tx, chain_id)))


def signed_bytes(tx: UnsignedTx, chain_id: int, signature: Signature) -> bytes:
    """Write the transaction as it leaves."""
    tail = _int(signature.y_parity) + _int(signature.r) + _int(signature.s)
    return _TYPE + _list(_fields(tx, chain_id) + tail)


def signature_of(raw: bytes) -> Signature | None:
    """Read the signature off a signed type-2 transaction; None where the bytes are none.

    Nothing else of it is looked at: whoever asked for it writes `signed_bytes` and compares.
    """
    if raw[:1] != _TYPE:
        return None

    try:
        start, end = _payload(raw, 1)
        items: list[bytes] = []
        while start < end:
            found, start = _string(raw, start)
            items.append(found)
    except (IndexError, ValueError):
        return None

    if len(items) != _SIGNED_ITEMS:
        return None

    y_parity, r, s = (int.from_bytes(item) for item in items[-3:])
    return Signature(y_parity, r, s)


def sender_of(digest: bytes, signature: Signature) -> Address | None:
    """Recover who signed a digest; None for a signature that is none, or not in its low form."""
    if signature.y_parity not in (0, 1) or not 0 < signature.s <= _HALF_ORDER or not 0 < signature.r < 2**256:
        return None

    packed = signature.r.to_bytes(32) + signature.s.to_bytes(32) + bytes([signature.y_parity])
    try:
        public = PublicKey.from_signature_and_message(packed, digest, hasher=None)
    except ValueError:
        return None

    return Address(keccak(public.format(compressed=False)[1:])[12:])


# RLP ----------------------------------------------------------------------------------------------------------------


def _fields(tx: UnsignedTx, chain_id: int) -> bytes:
    return b"".join(
        (
            _int(chain_id),
            _int(tx.nonce),
            _int(tx.fees.tip_wei),
            _int(tx.fees.max_fee_wei),
            _int(tx.gas_limit),
            _bytes(tx.to),
            _int(0),  # value
            _bytes(tx.data),
            _NO_ACCESS_LIST,
        )
    )


def _int(value: int) -> bytes:
    return _bytes(value.to_bytes((value.bit_length() + 7) // 8))


def _bytes(value: bytes) -> bytes:
    if len(value) == 1 and value[0] < 0x80:
        return value

    return _header(0x80, len(value)) + value


def _list(payload: bytes) -> bytes:
    return _header(0xC0, len(payload)) + payload


def _header(base: int, size: int) -> bytes:
    if size < 56:
        return bytes([base + size])

    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([base + 55 + len(length)]) + length


def _string(raw: bytes, at: int) -> tuple[bytes, int]:
    """Read one item and where the next begins; a list inside gives its payload."""
    start, end = _payload(raw, at)
    if end > len(raw):
        raise ValueError("cut off")

    return raw[start:end], end


def _payload(raw: bytes, at: int) -> tuple[int, int]:
    """Return where an item's payload starts and ends."""
    first = raw[at]
    if first < 0x80:
        return at, at + 1

    base = 0x80 if first < 0xC0 else 0xC0
    if first < base + 56:
        return at + 1, at + 1 + first - base

    start = at + 1 + first - base - 55
    return start, start + int.from_bytes(raw[at + 1 : start])
