"""Compiled contracts, and calls written as signatures.

A call is named the way a person would: `"balanceOf(address)(uint256)"`, arguments first, results second. That
needs no ABI file, and the reader of a deployment sees the types.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from eth_abi.codec import ABICodec
from eth_abi.decoding import AddressDecoder
from eth_abi.encoding import AddressEncoder
from eth_abi.registry import ABIRegistry, registry
from eth_hash.auto import keccak

from keeper.types import Address


class _RawAddressDecoder(AddressDecoder):
    """Decode an address to its 20 bytes; the library would make text."""

    @staticmethod
    def decoder_fn(data: bytes) -> Address:  # type: ignore[override]  # that is the point
        return Address(data)


def _codec() -> ABICodec:
    raw: ABIRegistry = registry.copy()  # type: ignore[no-untyped-call]  # the library leaves it bare
    raw.unregister("address")
    raw.register("address", AddressEncoder, _RawAddressDecoder)
    return ABICodec(raw)


CODEC = _codec()
"""ABI encoding in which addresses are 20 raw bytes both ways."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A contract's creation code before its libraries are known."""

    name: str
    bytecode: str
    """Hex digits without prefix; a library's place holds a placeholder that starts with two underscores."""
    constructor: tuple[str, ...]
    """The ABI types of the constructor's arguments."""
    links: Mapping[str, tuple[int, ...]]
    """The byte offsets at which each library's address goes, by the library's name."""

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read a Hardhat or Truffle artifact."""
        artifact = json.loads(content)
        code = artifact.get("evm", artifact)["bytecode"]
        references = artifact.get("linkReferences", {})

        if isinstance(code, dict):
            references, code = code.get("linkReferences", {}), code["object"]

        return cls.from_compiler(artifact.get("contractName", ""), artifact["abi"], code, references)

    @classmethod
    def from_compiler(
        cls, name: str, abi: Sequence[Mapping[str, Any]], code: str, references: Mapping[str, Any]
    ) -> Self:
        """Build from the fields of the compiler's standard JSON output."""
        inputs = next((entry["inputs"] for entry in abi if entry["type"] == "constructor"), ())
        links = {
            library: tuple(place["start"] for place in places)
            for libraries in references.values()
            for library, places in libraries.items()
        }
        return cls(name, code.removeprefix("0x"), tuple(map(_abi_type, inputs)), links)

    def creation_code(self, arguments: Sequence[object] = (), libraries: Mapping[str, Address] | None = None) -> bytes:
        """Link the libraries and append the constructor's arguments."""
        code = self.bytecode

        for library, places in self.links.items():
            address = (libraries or {})[library].hex()

            for start in places:
                code = code[: 2 * start] + address + code[2 * start + 40 :]

        if "__" in code:
            raise ValueError(f"{self.name} has a library placeholder that its link references do not list")

        return bytes.fromhex(code) + CODEC.encode(self.constructor, arguments)


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's selector and types."""

    selector: bytes
    arguments: tuple[str, ...]
    results: tuple[str, ...]

    def encode(self, *values: object) -> bytes:
        """Encode a call."""
        return self.selector + CODEC.encode(self.arguments, values)

    def decode(self, data: bytes) -> Any:  # noqa: ANN401  # as many types as the chain has
        """Decode what the call returned: None, the one value, or a tuple."""
        values = CODEC.decode(self.results, data)
        return values[0] if len(values) == 1 else (values or None)


@lru_cache(maxsize=1_024)
def signature(text: str) -> Signature:
    """Parse `name(argument types)(result types)`; the results may be left out."""
    name, _, _ = text.partition("(")
    arguments, results = _groups(text[len(name) :])
    selector = keccak(f"{name}({','.join(arguments)})".encode())[:4]
    return Signature(selector, arguments, results)


def encode_values(types: Sequence[str], values: Sequence[object]) -> bytes:
    """Encode values without a selector, for arguments that carry encoded structs."""
    return bytes(CODEC.encode(types, values))


def _groups(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split `(a,(b,c)[])(d)` into the types of its first and second parenthesis."""
    groups: list[tuple[str, ...]] = []
    depth, start, types = 0, 0, list[str]()

    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")

        if depth == 1 and letter == "(":
            start, types = place + 1, []

        if (depth == 1 and letter == ",") or (depth == 0 and letter == ")"):
            if place > start:
                types.append(text[start:place].strip())

            start = place + 1

        if depth == 0 and letter == ")":
            groups.append(tuple(types))

    return groups[0], groups[1] if len(groups) > 1 else ()


def _abi_type(entry: Mapping[str, Any]) -> str:
    """Spell a tuple by its components, as the codec wants it."""
    if not entry["type"].startswith("tuple"):
        return str(entry["type"])

    return f"({','.join(map(_abi_type, entry['components']))}){entry['type'].removeprefix('tuple')}"
