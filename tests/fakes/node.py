"""A node in memory that speaks JSON-RPC over HTTP, WebSocket and IPC, and misbehaves as it is told.

It mines blocks with the logs it is given, reorganises, and answers calls from a table. `fail` puts a fault before the
answers to a method: each fault is used the number of times it was scripted for, then things are in order again.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiohttp import WSMsgType, web
from eth_hash.auto import keccak

from keeper.config.urls import parse_rpc_url
from keeper.types import Address, BlockHead, Log

GENESIS_TIME = 1_700_000_000


# What can go wrong -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Error:
    """A JSON-RPC error."""

    code: int
    message: str
    data: object = None


@dataclass(frozen=True)
class Status:
    """An HTTP status with a body that is no JSON-RPC."""

    status: int
    body: str = "<html>no</html>"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Body:
    """Other bytes than an answer."""

    data: bytes


@dataclass(frozen=True)
class Rewrite:
    """The right answer, changed before it leaves: `change` gets the whole frame."""

    change: Callable[[dict], dict]


@dataclass(frozen=True)
class Result:
    """Another result."""

    value: object


class Hang:
    """Accepts and never answers."""


@dataclass(frozen=True)
class Slow:
    """The right answer, so many seconds late; over HTTP."""

    seconds: float


class Drop:
    """Cuts the connection instead of answering."""


class Cut:
    """Cuts the connection in the middle of an answer."""


@dataclass
class Rule:
    method: str
    fault: object
    times: int


class ReplacedError(Exception):
    def __init__(self, fault):
        self.fault = fault


# The chain ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    head: BlockHead
    logs: tuple[Log, ...]


def bloom_of(logs) -> bytes:
    """The header's bloom, item by item as the yellow paper has it."""
    bloom = bytearray(256)
    for item in [item for log in logs for item in (log.address, *log.topics)]:
        digest = keccak(item)
        for i in (0, 2, 4):
            bit = int.from_bytes(digest[i : i + 2], "big") % 2048
            bloom[255 - bit // 8] |= 1 << (bit % 8)

    return bytes(bloom)


def event(address: Address, *topics: bytes, data: bytes = b"") -> Log:
    """A log that has not been mined yet."""
    return Log(address, topics, data, 0, b"", b"", 0)


@dataclass
class FakeNode:
    chain_id: int = 31_337
    salt: str = ""
    blocks: list[Block] = field(default_factory=list)
    calls: dict[tuple[bytes, bytes], object] = field(default_factory=dict)
    codes: dict[bytes, bytes] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    asked: list[tuple[str, list]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    hides_logs: bool = False
    page_limit: int | None = None
    answers_calls: Callable[[dict, object], object] | None = None
    port: int = 0
    ipc_path: str = ""
    connections: int = 0
    mute: bool = False
    _sockets: list = field(default_factory=list)
    _forks: int = 0

    def __post_init__(self):
        self.mine()

    # What a test does -----------------------------------------------------------------------------------------------

    def mine(self, *logs: Log) -> BlockHead:
        """Add a block and tell subscribers unless muted."""
        number = len(self.blocks)
        block_hash = keccak(f"{self.salt}/{self._forks}/{number}".encode())
        parent = self.blocks[-1].head.hash if self.blocks else bytes(32)
        placed = tuple(
            replace(
                log,
                block_number=number,
                block_hash=block_hash,
                tx_hash=keccak(block_hash + i.to_bytes(2, "big")),
                index=i,
            )
            for i, log in enumerate(logs)
        )
        head = BlockHead(
            number, block_hash, parent, GENESIS_TIME + 12 * number, 10**9, 21_000, 30_000_000, Address(bytes(20))
        )
        self.blocks.append(Block(head, placed))
        self._notify(self.blocks[-1])
        return head

    def reorg(self, depth: int) -> None:
        """Drop the last blocks; what is mined next has other hashes."""
        del self.blocks[-depth:]
        self._forks += 1

    def fail(self, method: str, fault: object, times: int = 1_000_000) -> None:
        """Answer the next requests of a method (or any, for `*`) with a fault."""
        self.rules.append(Rule(method, fault, times))

    def heal(self) -> None:
        self.rules.clear()

    def count(self, method: str) -> int:
        return sum(name == method for name, _ in self.asked)

    @property
    def head(self) -> BlockHead:
        return self.blocks[-1].head

    @property
    def http_url(self):
        return parse_rpc_url(f"http://127.0.0.1:{self.port}/v2/SECRETKEY")

    @property
    def ws_url(self):
        return parse_rpc_url(f"ws://127.0.0.1:{self.port}/v2/SECRETKEY")

    @property
    def ipc_url(self):
        return parse_rpc_url(f"ipc://{self.ipc_path}")

    def hang_up(self) -> None:
        """Cut every open socket without a goodbye."""
        for _, close in self._sockets:
            close()

        self._sockets.clear()

    # What a node does -----------------------------------------------------------------------------------------------

    def answer(self, frame: dict) -> dict:
        method, params = frame["method"], frame.get("params", [])
        self.asked.append((method, params))
        rule = next((r for r in self.rules if r.method in (method, "*") and r.times > 0), None)
        fault = rule.fault if rule else None
        if rule:
            rule.times -= 1

        if isinstance(fault, (Hang, Drop, Cut, Status, Body)):
            raise ReplacedError(fault)

        found = {"jsonrpc": "2.0", "id": frame["id"]}
        try:
            if isinstance(fault, Error):
                found["error"] = JsonRpcError(fault).body()
            else:
                found["result"] = fault.value if isinstance(fault, Result) else self._result(method, params)
        except JsonRpcError as error:
            found["error"] = error.body()

        return fault.change(found) if isinstance(fault, Rewrite) else found

    def _result(self, method, params):
        simple = {
            "eth_chainId": lambda: hex(self.chain_id),
            "eth_blockNumber": lambda: hex(self.head.number),
            "eth_getBlockByNumber": lambda: self._header_json(self._by_tag(params[0])),
            "eth_getBlockByHash": lambda: self._header_json(self._by_hash(params[0])),
            "eth_getLogs": lambda: self._logs(params[0]),
            "eth_unsubscribe": lambda: True,
            "eth_getTransactionCount": lambda: "0x7" if params[1] == "pending" else "0x5",
            "eth_getTransactionReceipt": lambda: None,
        }
        if method in simple:
            return simple[method]()

        if method == "eth_sendRawTransaction":
            self.sent.append(params[0])
            return "0x" + keccak(bytes.fromhex(params[0][2:])).hex()

        if method in ("eth_call", "eth_getCode", "eth_getBalance", "eth_getStorageAt"):
            where = params[2] if method == "eth_getStorageAt" else params[1]
            if isinstance(where, dict) and self._by_hash(where["blockHash"]) is None:
                raise JsonRpcError(Error(-32001, "Resource not found"))

            return self._state(method, params)

        raise JsonRpcError(Error(-32601, "Method not found"))

    def _state(self, method, params):
        if method == "eth_getCode":
            return "0x" + self.codes.get(bytes.fromhex(params[0][2:]), b"").hex()

        if method == "eth_getBalance":
            return hex(10**20)

        if method == "eth_getStorageAt":
            return hex(int(params[1], 16) + 1)

        if self.answers_calls is not None:
            found = self.answers_calls(params[0], params[3] if len(params) > 3 else None)
        else:
            found = self.calls.get((bytes.fromhex(params[0]["to"][2:]), bytes.fromhex(params[0]["data"][2:])), b"")

        if isinstance(found, Error):
            raise JsonRpcError(found)

        return "0x" + found.hex()

    def _by_tag(self, tag):
        number = self.head.number if tag == "latest" else int(tag, 16)
        return self.blocks[number] if number < len(self.blocks) else None

    def _by_hash(self, text):
        return next((b for b in self.blocks if b.head.hash.hex() == text[2:]), None)

    def _header_json(self, block):
        if block is None:
            return None

        h = block.head
        return {
            "number": hex(h.number),
            "hash": "0x" + h.hash.hex(),
            "parentHash": "0x" + h.parent_hash.hex(),
            "timestamp": hex(h.timestamp),
            "baseFeePerGas": hex(h.base_fee_wei),
            "gasUsed": hex(h.gas_used),
            "gasLimit": hex(h.gas_limit),
            "miner": "0x" + h.coinbase.hex(),
            "logsBloom": "0x" + bloom_of(block.logs).hex(),
            "extraData": "0x",
        }

    def _logs(self, query):
        if "blockHash" in query:
            block = self._by_hash(query["blockHash"])
            if block is None:
                raise JsonRpcError(Error(-32000, "unknown block"))

            blocks = [block]
        else:
            blocks = self.blocks[int(query["fromBlock"], 16) : int(query["toBlock"], 16) + 1]

        found = [log for block in blocks for log in block.logs if self._selected(query, log)]
        if self.hides_logs:
            return []

        if self.page_limit is not None and len(found) > self.page_limit:
            raise JsonRpcError(Error(-32005, f"query returned more than {self.page_limit} results"))

        return [log_json(log) for log in found]

    @staticmethod
    def _selected(query, log):
        addresses = query.get("address", [])
        if addresses and "0x" + log.address.hex() not in addresses:
            return False

        topics = query.get("topics", [])
        if len(topics) > len(log.topics):
            return False

        return all(w is None or "0x" + t.hex() in w for w, t in zip(topics, log.topics, strict=False))

    # How it is reached ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serve(self, folder=None):
        """Listen on a free port, and on a socket in `folder` where given."""
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{tail:.*}", self._http)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        server = None
        if folder is not None:
            self.ipc_path = str(folder / "node.ipc")
            server = await asyncio.start_unix_server(self._ipc, self.ipc_path, limit=2**26)

        try:
            yield self
        finally:
            self.hang_up()
            if server is not None:
                server.close()
                await server.wait_closed()

            await runner.cleanup()

    async def _http(self, request):
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._ws(request)

        body = json.loads(await request.read())
        await asyncio.sleep(self._delay_s(body))
        try:
            found = [self.answer(f) for f in body] if isinstance(body, list) else self.answer(body)
        except ReplacedError as replaced:
            return await self._misbehave(request, replaced.fault)

        return web.Response(body=json.dumps(found), content_type="application/json")

    def _delay_s(self, body):
        methods = [frame["method"] for frame in (body if isinstance(body, list) else [body])]
        rules = [r for r in self.rules if isinstance(r.fault, Slow) and r.method in (*methods, "*") and r.times > 0]
        return max((rule.fault.seconds for rule in rules), default=0)

    async def _misbehave(self, request, fault):
        if isinstance(fault, Hang):
            await asyncio.sleep(30)

        if isinstance(fault, Drop):
            request.transport.abort()
            return web.Response()

        if isinstance(fault, Cut):
            started = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
            await started.prepare(request)
            await started.write(b'{"jsonrpc":"2.0","id":1,"result":"0x7a')
            request.transport.abort()
            return started

        if isinstance(fault, Status):
            return web.Response(status=fault.status, text=fault.body, headers=dict(fault.headers))

        return web.Response(body=fault.data, content_type="application/json")

    async def _ws(self, request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.connections += 1
        subscribed = []
        self._sockets.append((lambda text: subscribed and _soon(ws, text(subscribed[0])), request.transport.abort))
        async for message in ws:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break

            reply = self._stream(json.loads(message.data), subscribed)
            if isinstance(reply, Drop):
                request.transport.abort()
            elif reply is not None:
                await ws.send_bytes(reply) if isinstance(reply, bytes) else await ws.send_str(json.dumps(reply))

        return ws

    async def _ipc(self, reader, writer):
        self.connections += 1
        subscribed = []

        def say(text):
            if subscribed:
                writer.write(text(subscribed[0]).encode() + b"\n")

        self._sockets.append((say, writer.transport.abort))
        try:
            while line := await reader.readline():
                reply = self._stream(json.loads(line), subscribed)
                if isinstance(reply, Drop):
                    writer.transport.abort()
                elif reply is not None:
                    writer.write((reply if isinstance(reply, bytes) else json.dumps(reply).encode()) + b"\n")
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _stream(self, frame, subscribed):
        """Answer on a connection that can also notify."""
        if self.mute:
            return None

        try:
            if frame["method"] != "eth_subscribe" or any(r.method in ("eth_subscribe", "*") for r in self.rules):
                return self.answer(frame)
        except ReplacedError as replaced:
            return (
                replaced.fault.data
                if isinstance(replaced.fault, Body)
                else (replaced.fault if isinstance(replaced.fault, Drop) else None)
            )

        self.asked.append(("eth_subscribe", frame["params"]))
        subscribed[:] = [f"0x{self.connections:x}"]
        return {"jsonrpc": "2.0", "id": frame["id"], "result": subscribed[0]}

    def _notify(self, block):
        if self.mute:
            return

        def text(subscription):
            params = {"subscription": subscription, "result": self._header_json(block)}
            return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})

        for say, _ in self._sockets:
            say(text)


class JsonRpcError(Exception):
    def __init__(self, error):
        self.error = error

    def body(self):
        body = {"code": self.error.code, "message": self.error.message}
        return body if self.error.data is None else {**body, "data": self.error.data}


def log_json(log: Log) -> dict:
    return {
        "address": "0x" + log.address.hex(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        "blockNumber": hex(log.block_number),
        "blockHash": "0x" + log.block_hash.hex(),
        "transactionHash": "0x" + log.tx_hash.hex(),
        "transactionIndex": "0x0",
        "logIndex": hex(log.index),
        "removed": False,
    }


def _soon(ws, text):
    """Send from where nothing can be awaited; the loop keeps the order."""
    task = asyncio.ensure_future(ws.send_str(text))
    _SENDING.add(task)
    task.add_done_callback(_SENDING.discard)


_SENDING: set = set()
