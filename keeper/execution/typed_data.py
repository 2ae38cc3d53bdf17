"""Typed data a signer may sign: only messages of listed types, for listed contracts, on the signer's chain; pure.

Source: EIP-712.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from eth_utils.exceptions import ValidationError

from keeper.errors import SigningKeyError
from keeper.types import Address, parse_address

if TYPE_CHECKING:
    from eth_account.messages import SignableMessage

_DOMAIN_TYPE: Final = "EIP712Domain"
_ARRAY: Final = re.compile(r"(\[\d*\])+$")


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of message: who checks it, and its type spelled as EIP-712's `encodeType` does."""

    contract: Address
    type: str


def check_typed_data(message: Mapping[str, Any], schemas: Iterable[Schema], chain_id: int) -> "SignableMessage":
    """Return what is to be signed; `SigningKeyError` for another chain, contract or type than is listed."""
    from eth_account.messages import encode_typed_data  # noqa: PLC0415  # half a second of curves few runs need

    try:
        domain = message["domain"]
        spelled = encode_type(message["primaryType"], message["types"])
        contract = parse_address(domain["verifyingContract"])
        chain = int(str(domain["chainId"]), 0)
        signable = encode_typed_data(full_message=dict(message))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, ValidationError):
        raise SigningKeyError("refused to sign typed data that is malformed, or names no chain or contract") from None

    if chain != chain_id:
        raise SigningKeyError(f"refused to sign typed data for chain {chain}: this signer is for {chain_id}")

    if Schema(contract, spelled) not in schemas:
        raise SigningKeyError(f"refused to sign typed data of type {spelled[:200]}: not one that is listed")

    return signable


def encode_type(primary: str, types: Mapping[str, Any]) -> str:
    """Spell a type and all it refers to, the others in alphabetical order. Source: EIP-712, `encodeType`."""
    needed: set[str] = set()
    waiting = [primary]
    while waiting:
        name = waiting.pop()
        if name in needed or name not in types:
            continue

        needed.add(name)
        waiting += [_ARRAY.sub("", field["type"]) for field in types[name]]

    if primary not in needed or _DOMAIN_TYPE in needed:
        raise ValueError(primary)

    return "".join(_spell(name, types[name]) for name in (primary, *sorted(needed - {primary})))


def _spell(name: str, fields: Iterable[Mapping[str, str]]) -> str:
    inside = ",".join(f"{field['type']} {field['name']}" for field in fields)
    return f"{name}({inside})"
