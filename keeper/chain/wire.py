"""The JSON a node speaks, decoded strictly into the keeper's values, and back.

Wrong shapes are `ValueError`: a null where a number belongs is unknown, never 0. No I/O here.
"""

from typing import Any, TypeAlias

import msgspec

from keeper.chain.port import Receipt
from keeper.types import Address, BlockHead, Call, Log, LogQuery

Json: TypeAlias = Any  # an arbitrary JSON value on its way into `params`

# No chain comes near: a larger one is a lie, and would not fit where heads are recorded.
_MAX_HEADER_QUANTITY = 2**63 - 1


def quantity(value: object, limit: int = 2**256 - 1) -> int:
    """Read a hex quantity."""
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 66:
        raise ValueError(f"expected a hex quantity, found {type(value).__name__}")

    number = int(value, 16)
    if number > limit:
        raise ValueError(f"a quantity beyond {limit}")

    return number


def blob(value: object, size: int | None = None) -> bytes:
    """Read hex bytes, of exactly `size` where given."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError(f"expected hex bytes, found {type(value).__name__}")

    data = bytes.fromhex(value[2:])
    if size is not None and len(data) != size:
        raise ValueError(f"expected {size} bytes, found {len(data)}")

    return data


def word(value: object) -> bytes:
    """Read a quantity or up to 32 bytes as one big-endian word; nodes differ in whether they pad storage."""
    return quantity(value).to_bytes(32, "big")


def hexed(data: bytes) -> str:
    """Write bytes."""
    return "0x" + data.hex()


class Header(msgspec.Struct, frozen=True):
    """A head and the bloom of its logs, which tells what an empty answer may hide."""

    head: BlockHead
    logs_bloom: bytes


class _WireHeader(msgspec.Struct, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    gas_used: str
    gas_limit: str
    miner: str
    logs_bloom: str
    base_fee_per_gas: str | None = None


class _WireLog(msgspec.Struct, rename="camel"):
    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool = False


class _WireReceipt(msgspec.Struct, rename="camel"):
    transaction_hash: str
    block_hash: str
    block_number: str
    transaction_index: str
    status: str
    gas_used: str
    effective_gas_price: str
    logs: list[_WireLog]


_headers = msgspec.json.Decoder(_WireHeader | None)
_logs = msgspec.json.Decoder(list[_WireLog])
_receipts = msgspec.json.Decoder(_WireReceipt | None)


def read_header(raw: bytes) -> Header | None:
    """Read a block header; None for null. A chain without EIP-1559 sends no base fee, which is a base fee of 0."""
    wire = _headers.decode(raw)
    if wire is None:
        return None

    head = BlockHead(
        number=quantity(wire.number, _MAX_HEADER_QUANTITY),
        hash=blob(wire.hash, 32),
        parent_hash=blob(wire.parent_hash, 32),
        timestamp=quantity(wire.timestamp, _MAX_HEADER_QUANTITY),
        base_fee_wei=0 if wire.base_fee_per_gas is None else quantity(wire.base_fee_per_gas, _MAX_HEADER_QUANTITY),
        gas_used=quantity(wire.gas_used, _MAX_HEADER_QUANTITY),
        gas_limit=quantity(wire.gas_limit, _MAX_HEADER_QUANTITY),
        coinbase=Address(blob(wire.miner, 20)),
    )
    return Header(head, blob(wire.logs_bloom, 256))


def read_logs(raw: bytes) -> list[Log]:
    """Read the answer of eth_getLogs; a log marked removed, or not in a block yet, has no place in it."""
    words = _Words()
    return [_log(wire, words) for wire in _logs.decode(raw)]


def read_receipt(raw: bytes) -> Receipt | None:
    """Read a receipt; None for null."""
    wire = _receipts.decode(raw)
    if wire is None:
        return None

    words = _Words()
    return Receipt(
        tx_hash=blob(wire.transaction_hash, 32),
        block_hash=blob(wire.block_hash, 32),
        block_number=quantity(wire.block_number, _MAX_HEADER_QUANTITY),
        index=quantity(wire.transaction_index, _MAX_HEADER_QUANTITY),
        status=quantity(wire.status, 1),
        gas_used=quantity(wire.gas_used, _MAX_HEADER_QUANTITY),
        effective_gas_price_wei=quantity(wire.effective_gas_price, _MAX_HEADER_QUANTITY),
        logs=tuple(_log(log, words) for log in wire.logs),
    )


class _Words(dict[str, bytes]):
    """32-byte words by their hex: hashes and topics repeat from log to log, and reading them is half the work."""

    def __missing__(self, text: str) -> bytes:
        word = self[text] = blob(text, 32)
        return word


def _log(wire: _WireLog, words: _Words) -> Log:
    if wire.removed:
        raise ValueError("a log of an orphaned block")

    return Log(
        Address(blob(wire.address, 20)),
        tuple([words[topic] for topic in wire.topics]),
        blob(wire.data),
        quantity(wire.block_number, _MAX_HEADER_QUANTITY),
        words[wire.block_hash],
        words[wire.transaction_hash],
        quantity(wire.log_index, _MAX_HEADER_QUANTITY),
    )


def at_hash(block_hash: bytes) -> dict[str, Json]:
    """Name a block by hash (EIP-1898), canonical only: state of an orphaned block is no answer."""
    return {"blockHash": hexed(block_hash), "requireCanonical": True}


def call_object(call: Call) -> dict[str, Json]:
    """Write a call as eth_call takes it."""
    written: dict[str, Json] = {"to": hexed(call.to), "data": hexed(call.data)}
    if call.value_wei:
        written["value"] = hex(call.value_wei)

    if call.sender is not None:
        written["from"] = hexed(call.sender)

    if call.gas is not None:
        written["gas"] = hex(call.gas)

    return written


def log_filter(query: LogQuery) -> dict[str, Json]:
    """Write a query as eth_getLogs takes it, without a range."""
    topics: list[Json] = [[hexed(topic) for topic in topics] or None for topics in query.topics]
    written: dict[str, Json] = {"topics": topics} if topics else {}
    if query.addresses:
        written["address"] = [hexed(address) for address in query.addresses]

    return written


def block_range(from_block: int, to_block: int) -> dict[str, Json]:
    """Write an inclusive range of block numbers."""
    return {"fromBlock": hex(from_block), "toBlock": hex(to_block)}
