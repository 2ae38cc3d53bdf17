"""What the chain says of some keys: every transaction of theirs that was mined, their nonces, and what is pending."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

PAGE = 100
TIMEOUT_S = 30
Json = Any
"""What a node answers has every shape; each reader knows its own."""


class ChainError(Exception):
    """The node did not say."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction of one of the keys in a block, with what its receipt says."""

    hash: str
    sender: str
    nonce: int
    block_hash: str
    block_number: int
    status: int
    gas_used: int
    gas_price: int
    data: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The keys' history up to `head`; `pending` counts what the pool holds of each beyond its nonce."""

    head: int
    mined: tuple[Mined, ...]
    nonces: dict[str, int]
    pending: dict[str, int]


class Node:
    """JSON-RPC over one kept HTTP connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self, *questions: tuple[object, ...]) -> list[Json]:
        """Ask (method, parameters...) each, in one request; the answers in that order."""
        frames = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
            for place, (method, *params) in enumerate(questions)
        ]
        self._connection.request("POST", self._path, json.dumps(frames), {"Content-Type": "application/json"})
        answers = {answer["id"]: answer for answer in json.loads(self._connection.getresponse().read())}
        for place, (method, *_) in enumerate(questions):
            if "error" in answers[place]:
                raise ChainError(f"{method}: {answers[place]['error'].get('message')}")

        return [answers[place]["result"] for place in range(len(questions))]


def read(url: str, senders: Sequence[str], first_block: int) -> Chain:
    """Read the history of some keys from a block on."""
    node = Node(url)
    try:
        (head,) = node.ask(("eth_blockNumber",))
        found = [tx for block in _blocks(node, first_block, int(head, 16)) for tx in block if tx["from"] in senders]
        receipts = node.ask(*(("eth_getTransactionReceipt", tx["hash"]) for tx in found)) if found else []
        latest = node.ask(*(("eth_getTransactionCount", sender, "latest") for sender in senders))
        pending = node.ask(*(("eth_getTransactionCount", sender, "pending") for sender in senders))
    finally:
        node.close()

    nonces = {sender: int(count, 16) for sender, count in zip(senders, latest, strict=True)}
    waiting = {sender: int(count, 16) - nonces[sender] for sender, count in zip(senders, pending, strict=True)}
    mined = tuple(_mined(tx, receipt) for tx, receipt in zip(found, receipts, strict=True))
    return Chain(int(head, 16), mined, nonces, waiting)


def _blocks(node: Node, first: int, last: int) -> Iterator[list[Json]]:
    for start in range(first, last + 1, PAGE):
        numbers = range(start, min(start + PAGE, last + 1))
        for block in node.ask(*(("eth_getBlockByNumber", hex(number), True) for number in numbers)):
            yield block["transactions"]


def _mined(tx: Json, receipt: Json) -> Mined:
    return Mined(
        hash=tx["hash"],
        sender=tx["from"],
        nonce=int(tx["nonce"], 16),
        block_hash=receipt["blockHash"],
        block_number=int(receipt["blockNumber"], 16),
        status=int(receipt["status"], 16),
        gas_used=int(receipt["gasUsed"], 16),
        gas_price=int(receipt["effectiveGasPrice"], 16),
        data=tx["input"],
    )
