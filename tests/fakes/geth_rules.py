"""Between the keeper and Anvil: what a geth node would refuse is refused, and what a network loses is lost.

Anvil takes a replacement that pays 5 % more, and without a switch any gas limit; it mines what its pool holds although
a geth pool would never have had it. Rules and words: go-ethereum, `core/txpool/validation.go` and
`core/txpool/legacypool/list.go` (price bump 10 % of both fields), EIP-7825 (gas limit), EIP-7623 (calldata floor).
HTTP is spoken by hand: most requests only pass through, and libraries on both sides would cost more than the node.
"""

import asyncio
import json
import threading
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_hash.auto import keccak
from hexbytes import HexBytes

PRICE_BUMP_PERCENT = 10
MAX_TX_GAS = 16_777_216
SEND = "eth_sendRawTransaction"
PENDING_COUNT = "eth_getTransactionCount"
BY_HASH = "eth_getTransactionByHash"


class Loss(StrEnum):
    """What becomes of the next request of a method."""

    REQUEST = "request"
    """never arrives; the connection is cut"""
    ANSWER = "answer"
    """arrives and is acted on; the answer is cut off"""
    HANG = "hang"
    """arrives and is acted on; the answer never comes"""
    BUSY = "busy"
    """turned away with 429, before it was read"""
    DENIED = "denied"
    """turned away with an error in the node's own words"""


@dataclass(frozen=True)
class Pooled:
    """A transaction as the pool rules see it."""

    hash: str
    sender: str
    nonce: int
    gas: int
    fee_cap: int
    tip_cap: int
    value: int
    data: bytes

    @property
    def cost(self):
        return self.gas * self.fee_cap + self.value


def decode(raw):
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return Pooled(
        hash="0x" + keccak(raw).hex(),
        sender=Account.recover_transaction(raw).lower(),
        nonce=fields["nonce"],
        gas=fields["gas"],
        fee_cap=fields["maxFeePerGas"],
        tip_cap=fields["maxPriorityFeePerGas"],
        value=fields["value"],
        data=bytes(fields["data"]),
    )


def refusal(tx, pool, mined, balance):
    """What geth says to a transaction, None when it takes it; `pool` is what it holds of the sender, by nonce."""
    old = pool.get(tx.nonce)
    floor = 21_000 + 10 * sum(1 if byte == 0 else 4 for byte in tx.data)
    need = tx.cost + sum(other.cost for other in pool.values()) - (old.cost if old else 0)
    checks = (
        (old is not None and old.hash == tx.hash, "already known"),
        (tx.gas > MAX_TX_GAS, f"transaction gas limit too high (cap: {MAX_TX_GAS}, tx: {tx.gas})"),
        (tx.tip_cap > tx.fee_cap, f"max priority fee per gas higher than max fee per gas: {tx.tip_cap} > {tx.fee_cap}"),
        (tx.gas < floor, f"intrinsic gas too low: gas {tx.gas}, minimum needed {floor}"),
        (tx.tip_cap < 1, f"transaction underpriced: gas tip cap {tx.tip_cap}, minimum needed 1"),
        (tx.nonce < mined, f"nonce too low: next nonce {mined}, tx nonce {tx.nonce}"),
        (balance < need, f"insufficient funds for gas * price + value: balance {balance}, tx cost {tx.cost}, {need=}"),
        (old is not None and not replaces(old, tx), "replacement transaction underpriced"),
    )
    return next((words for holds, words in checks if holds), None)


def replaces(old, new):
    """Both fields strictly more, and at least the bump; the division truncates as there."""
    bump = 100 + PRICE_BUMP_PERCENT
    enough = new.fee_cap >= old.fee_cap * bump // 100 and new.tip_cap >= old.tip_cap * bump // 100
    return enough and new.fee_cap > old.fee_cap and new.tip_cap > old.tip_cap


@dataclass
class GethRules:
    """A proxy at `url` in a thread of its own; `lose` scripts what happens to the next requests of a method.

    `refused` keeps the words of every refusal, `taken` the hashes that went through; `is_private` hides what is
    pending, `denial` is what a node says that denies.
    """

    upstream: str
    refused: list = field(default_factory=list)
    taken: list = field(default_factory=list)
    is_private: bool = False
    denial: str = "transaction denied by the node's policy"
    url: str = ""
    _losses: dict = field(default_factory=dict)

    def lose(self, method, *losses):
        """Let these become of the next requests of a method, in turn."""
        self._losses.setdefault(method, deque()).extend(losses)

    def heal(self):
        self._losses.clear()

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="geth-rules", daemon=True)
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self):
        self._serving = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _stop(self):
        self._server.close()
        for each in self._serving:
            each.cancel()

        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader, writer):
        """One connection of the keeper, and one to the node behind it."""
        self._serving.add(asyncio.current_task())
        address = urlsplit(self.upstream)
        node_reader, node_writer = await asyncio.open_connection(address.hostname, address.port)
        node = _Node(node_reader, node_writer)
        with closing(writer), closing(node_writer):
            try:
                while True:
                    answer = await self._answer(await _read(reader), node)
                    if answer is None:
                        writer.transport.abort()
                        return

                    writer.write(answer)
            except (ConnectionError, EOFError):
                pass  # whoever asked has gone
            finally:
                self._serving.discard(asyncio.current_task())

    async def _answer(self, body, node):
        """What goes back, None for a connection that is cut."""
        frames = json.loads(body)
        first = frames if isinstance(frames, dict) else frames[0]
        if first["method"].startswith("rules_"):
            answer = _frame(first, result=self._obey(first))
            return _ok(answer if first is frames else [answer])

        losses = self._losses.get(first["method"])
        loss = losses.popleft() if losses else None
        if loss is Loss.BUSY:
            return b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"

        if loss is Loss.DENIED:
            return _ok(_frame(first, error={"code": -32000, "message": self.denial}))

        if loss is Loss.REQUEST:
            return None

        answer = await self._forward(frames, body, node)
        if loss is Loss.HANG:
            await asyncio.sleep(30)

        return answer if loss is None else None

    def _obey(self, frame):
        """Do what another process asks: `rules_lose` (method, losses...), `rules_heal`, `rules_refused`."""
        if frame["method"] == "rules_lose":
            method, *losses = frame["params"]
            self.lose(method, *map(Loss, losses))
        elif frame["method"] == "rules_heal":
            self.heal()

        return list(self.refused)

    async def _forward(self, frames, body, node):
        if isinstance(frames, dict) and frames["method"] == SEND:
            return _ok(await self._send(frames, node))

        if self.is_private and isinstance(frames, dict):
            if frames["method"] == PENDING_COUNT:
                frames["params"][1] = "latest"
                body = json.dumps(frames).encode()

            if frames["method"] == BY_HASH:
                (found,) = await node.ask((BY_HASH, *frames["params"]))
                is_mined = found is not None and found["blockHash"] is not None
                return _ok(_frame(frames, result=found if is_mined else None))

        return _wrapped(await node.post(body))

    async def _send(self, frame, node):
        tx = decode(bytes.fromhex(frame["params"][0][2:]))
        mined, balance, content = await node.ask(
            (PENDING_COUNT, tx.sender, "latest"), ("eth_getBalance", tx.sender, "latest"), ("txpool_content",)
        )
        words = refusal(tx, _pool(content, tx.sender), int(mined, 16), int(balance, 16))
        if words is not None:
            self.refused.append(words)
            return _frame(frame, error={"code": -32000, "message": words})

        answered = json.loads(await node.post(json.dumps(_frame(frame, method=SEND, params=frame["params"])).encode()))
        if "error" in answered:
            self.refused.append(answered["error"]["message"])
            return _frame(frame, error=answered["error"])

        self.taken.append(tx.hash)
        return _frame(frame, result=answered["result"])


class _Node:
    """A connection to the node, one question at a time."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    async def post(self, body):
        head = b"POST / HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._writer.write(head % len(body) + body)
        return await _read(self._reader)

    async def ask(self, *questions):
        frames = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
            for place, (method, *params) in enumerate(questions)
        ]
        found = {answer["id"]: answer["result"] for answer in json.loads(await self.post(json.dumps(frames).encode()))}
        return [found[place] for place in range(len(questions))]


async def _read(reader):
    """The body of the next message, of the length its head says."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
    return await reader.readexactly(int(length))


def _ok(answer):
    return _wrapped(json.dumps(answer).encode())


def _wrapped(body):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


def _frame(asked, **content):
    return {"jsonrpc": "2.0", "id": asked["id"], **content}


def _pool(content, sender):
    """What the pool holds of a sender, by nonce."""
    accounts = [(who.lower(), txs) for kind in content.values() for who, txs in kind.items()]
    found = [tx for who, txs in accounts if who == sender for tx in txs.values()]
    return {int(tx["nonce"], 16): _pooled(tx) for tx in found}


def _pooled(tx):
    return Pooled(
        hash=tx["hash"],
        sender=tx["from"].lower(),
        nonce=int(tx["nonce"], 16),
        gas=int(tx["gas"], 16),
        fee_cap=int(tx.get("maxFeePerGas") or tx["gasPrice"], 16),
        tip_cap=int(tx.get("maxPriorityFeePerGas") or tx["gasPrice"], 16),
        value=int(tx["value"], 16),
        data=bytes.fromhex(tx["input"][2:]),
    )


async def serve(upstream, tell):
    """Enforce the rules for as long as the process lasts; `tell` is given the URL."""
    rules = GethRules(upstream)
    tell(await rules._start())
    await asyncio.Event().wait()
