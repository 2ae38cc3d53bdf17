"""What programs may reach, as the executor's owner decides it: values, and the call that sets them.

Pure. Changing it on a chain and comparing it with what a chain holds is `deploy.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from eth_utils.crypto import keccak

from keeper.protocols.calls import Permission
from keeper.types import ZERO_ADDRESS, Address


class Kind(IntEnum):
    """What a (target, selector) may be used for."""

    NONE = 0
    CALL = 1
    PAYABLE = 2
    """called with value as well"""
    CALLBACK = 3
    """named as the caller of a callback, where it is not the target itself that calls back"""
    GRANT = 4
    """called with one address to give it a right, taken back by `revoke`"""
    RECIPIENT = 5
    """paid by transfer; the selector is four zero bytes"""


NO_SELECTOR: Final = bytes(4)


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the allow-list; `spender` pulls what the call pays, usually the target itself."""

    target: Address
    selector: bytes
    kind: Kind = Kind.CALL
    spender: Address | None = None
    revoke: bytes = NO_SELECTOR


@dataclass(frozen=True, slots=True)
class Listing:
    """A token worth holding: profit may be in it, pools may trade it. A pinned one is checked in every frame."""

    token: Address
    listed: bool = True
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Factory:
    """A V3-style factory (or its pool deployer), whose pools of listed tokens need no entry each."""

    factory: Address
    init_code_hash: bytes


@dataclass(frozen=True, slots=True)
class Allowlist:
    """Everything an executor's programs may reach, or a part of it."""

    rules: tuple[Rule, ...] = ()
    listings: tuple[Listing, ...] = ()
    factories: tuple[Factory, ...] = ()

    @classmethod
    def from_permissions(cls, permissions: Iterable[Permission]) -> Self:
        """Turn what adapters say their plans call and approve into entries, each once.

        An approval is not an entry of its own: it lists the token, and names the spender of its target's calls. A call
        whose target pulls what it is paid names no token, and lists none.
        """
        wanted = tuple(dict.fromkeys(permissions))
        spenders = {entry.spender for entry in wanted if entry.spender is not None}
        called = (entry for entry in wanted if entry.spender in (None, entry.target))
        rules = (
            Rule(entry.target, entry.selector, Kind.GRANT, revoke=entry.revoke)
            if entry.revoke is not None
            else Rule(
                entry.target,
                entry.selector,
                Kind.PAYABLE if entry.payable else Kind.CALL,
                entry.target if entry.target in spenders else None,
            )
            for entry in called
        )
        tokens = dict.fromkeys(entry.target for entry in wanted if entry.spender not in (None, entry.target))
        return cls(tuple(rules), tuple(map(Listing, tokens)))

    def __add__(self, other: "Allowlist") -> "Allowlist":
        return Allowlist(
            tuple(dict.fromkeys(self.rules + other.rules)),
            tuple(dict.fromkeys(self.listings + other.listings)),
            tuple(dict.fromkeys(self.factories + other.factories)),
        )

    def __bool__(self) -> bool:
        return bool(self.rules or self.listings or self.factories)


def missing(wanted: Allowlist, present: Allowlist) -> Allowlist:
    """Entries that must be set for `present` to hold what is wanted."""
    return Allowlist(
        tuple(rule for rule in wanted.rules if rule not in present.rules),
        tuple(listing for listing in wanted.listings if listing not in present.listings),
        tuple(factory for factory in wanted.factories if factory not in present.factories),
    )


def surplus(wanted: Allowlist, present: Allowlist) -> Allowlist:
    """Entries nobody wants, each in the form that takes it out."""
    rules = {(rule.target, rule.selector) for rule in wanted.rules}
    tokens = {listing.token for listing in wanted.listings}
    factories = {factory.factory for factory in wanted.factories}
    return Allowlist(
        tuple(
            Rule(rule.target, rule.selector, Kind.NONE)
            for rule in present.rules
            if (rule.target, rule.selector) not in rules
        ),
        tuple(Listing(entry.token, listed=False) for entry in present.listings if entry.token not in tokens),
        tuple(Factory(entry.factory, bytes(32)) for entry in present.factories if entry.factory not in factories),
    )


UNISWAP_V3_INIT_CODE_HASH: Final = bytes.fromhex("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54")
CONFIGURE_SELECTOR: Final = keccak(
    text="configure((address,bytes4,uint8,bytes4,address)[],(address,bool,bool)[],(address,bytes32)[])"
)[:4]


def encode_configure(allowlist: Allowlist) -> bytes:
    """Encode the owner's call that sets these entries and leaves all others as they are."""
    arrays = (
        _array(map(_rule, allowlist.rules)),
        _array(_left(entry.token) + _uint(entry.listed) + _uint(entry.pinned) for entry in allowlist.listings),
        _array(_left(f.factory) + f.init_code_hash for f in allowlist.factories),
    )
    head = b""
    start = 32 * len(arrays)

    for array in arrays:
        head += _uint(start)
        start += len(array)

    return CONFIGURE_SELECTOR + head + b"".join(arrays)


def _rule(rule: Rule) -> bytes:
    named = _left(rule.target) + _right(rule.selector) + _uint(rule.kind) + _right(rule.revoke)
    return named + _left(rule.spender or ZERO_ADDRESS)


def _array(items: Iterable[bytes]) -> bytes:
    encoded = tuple(items)
    return _uint(len(encoded)) + b"".join(encoded)


def _uint(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _left(address: Address) -> bytes:
    return address.rjust(32, b"\0")


def _right(selector: bytes) -> bytes:
    return selector.ljust(32, b"\0")
