"""What Multicall3 does with its calldata, through an ABI library: a second opinion on our own layout."""

from eth_abi import decode, encode

from keeper.types import Address, Call

MODEXP = bytes(19) + b"\x05"
GAUGE_ANSWER = (True, bytes(1_024))


def calls_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """The (target, calldata) pairs of an aggregate3 call, the gauge included."""
    assert data[:4].hex() == "82ad56cb"  # aggregate3((address,bool,bytes)[])
    (calls,) = decode(["(address,bool,bytes)[]"], data[4:])
    assert all(allow for _, allow, _ in calls)
    return [(bytes.fromhex(target[2:]), sent) for target, _, sent in calls]


def results(found: list[tuple[bool, bytes]]) -> bytes:
    return encode(["(bool,bytes)[]"], [found])


def call(n: int, size: int = 4) -> Call:
    """A call told apart by its target and data."""
    return Call(Address(n.to_bytes(20, "big")), bytes([n % 256]) * size)
