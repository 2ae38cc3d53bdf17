"""The chain at one block: what it says, and what it would do in the next block.

Every read and every trial runs at the timestamp and number the next block has, on the state the judged block left.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from referee import probe
from referee.abi import decode_answers, encode_questions, selector, topic
from referee.errors import RefereeError, RpcError
from referee.rpc import Rpc

T = TypeVar("T")
GAS = 2_000_000_000
QUESTIONS_PER_CALL = 400
LOG_BLOCKS_PER_CALL = 10_000
SIMULATIONS_PER_POST = 8
ASK = selector("ask((address,bytes)[])")
TRANSFER = topic("Transfer(address,address,uint256)")
# What a wrapped native token says instead where it is made and unmade.
WRAPPED = topic("Deposit(address,uint256)")
UNWRAPPED = topic("Withdrawal(address,uint256)")


@dataclass(frozen=True, slots=True)
class Block:
    """A block as mined: unix seconds, wei per gas, transactions as (hash, from, to)."""

    number: int
    hash: str
    parent: str
    timestamp: int
    base_fee: int
    transactions: tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Next:
    """The block a trial pretends to be in."""

    number: int
    timestamp: int
    base_fee: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """A transaction that was run and thrown away."""

    kept: bool
    gas: int
    logs: tuple[Mapping[str, Any], ...]
    revert: bytes


class View:
    """The state after one block, seen from the next.

    permits: state overrides that let the probe do what others let the executor do; a part adds what it needs.
    """

    def __init__(self, rpc: Rpc, block: Block, following: Next) -> None:
        self.rpc = rpc
        self.block = block
        self.following = following
        self.permits: dict[str, Mapping[str, Any]] = {}
        self._tag = hex(block.number)
        self._overrides = {
            "number": hex(following.number),
            "time": hex(following.timestamp),
            "gasLimit": hex(2 * GAS),
        }

    def ask(self, questions: Sequence[tuple[str, bytes]]) -> list[bytes | None]:
        """Return every answer, None for a revert, in the order asked."""
        answers: list[bytes | None] = []

        for start in range(0, len(questions), QUESTIONS_PER_CALL):
            part = list(questions[start : start + QUESTIONS_PER_CALL])
            answers.extend(decode_answers(self.run(ASK + encode_questions(part), {})))

        return answers

    def must(self, questions: Sequence[tuple[str, bytes]]) -> list[bytes]:
        """Return every answer; raises RefereeError where a contract reverts or has no code."""
        answers = []

        for (to, data), answer in zip(questions, self.ask(questions), strict=True):
            if not answer:
                message = f"{to} does not answer 0x{data[:4].hex()} at block {self.block.number}"
                raise RefereeError(message)

            answers.append(answer)

        return answers

    def run(self, data: bytes, funds: Mapping[str, Mapping[str, Any]]) -> bytes:
        """Run the probe on top of the state with some tokens' storage replaced, and return its answer."""
        overrides = {**self.permits, **funds, probe.ADDRESS: {"code": probe.code()}}
        request = {"to": probe.ADDRESS, "data": "0x" + data.hex(), "gas": hex(GAS)}
        answer = self.rpc.call("eth_call", request, self._tag, overrides, self._overrides)
        return bytes.fromhex(answer[2:])

    def access_list(self, to: str, data: bytes) -> list[tuple[str, str]]:
        """Return the (account, slot) that a call touches."""
        request = {"to": to, "data": "0x" + data.hex()}
        answer = self.rpc.call("eth_createAccessList", request, self._tag)
        return [(item["address"], slot) for item in answer["accessList"] for slot in item["storageKeys"]]

    def simulate(self, calls: Sequence[bytes]) -> list[Simulated]:
        """Run each call to the probe alone, with no state replaced but its code and permits, and keep its logs."""
        results: list[Simulated] = []

        for start in range(0, len(calls), SIMULATIONS_PER_POST):
            part = calls[start : start + SIMULATIONS_PER_POST]
            wanted = [("eth_simulateV1", (self._simulation(data), self._tag)) for data in part]
            results.extend(_simulated(answer[0]["calls"][0]) for answer in self.rpc.batch(wanted))

        return results

    def _simulation(self, data: bytes) -> dict[str, Any]:
        return {
            "blockStateCalls": [
                {
                    "blockOverrides": self._overrides,
                    "stateOverrides": {**self.permits, probe.ADDRESS: {"code": probe.code()}},
                    "calls": [{"to": probe.ADDRESS, "input": "0x" + data.hex(), "gas": hex(GAS)}],
                }
            ],
            "validation": False,
            "traceTransfers": False,
        }


def _simulated(call: Mapping[str, Any]) -> Simulated:
    kept = call["status"] == "0x1"
    error = call.get("error") or {}
    revert = call.get("returnData") or error.get("data") or "0x"
    return Simulated(kept, int(call["gasUsed"], 16), tuple(call["logs"]), b"" if kept else bytes.fromhex(revert[2:]))


def parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most so many."""
    return (items[start : start + size] for start in range(0, len(items), size))


def fetch_block(rpc: Rpc, number: int) -> Block:
    """Read one block with its transactions; raises RefereeError where the node has none."""
    raw = rpc.call("eth_getBlockByNumber", hex(number), True)  # noqa: FBT003 (the wire format: with full transactions)

    if raw is None:
        message = f"the node has no block {number}"
        raise RefereeError(message)

    return Block(
        number=number,
        hash=raw["hash"],
        parent=raw["parentHash"],
        timestamp=int(raw["timestamp"], 16),
        base_fee=int(raw.get("baseFeePerGas") or "0x0", 16),
        transactions=tuple(
            (tx["hash"], tx["from"].lower(), (tx["to"] or "").lower() or None) for tx in raw["transactions"]
        ),
    )


def fetch_logs(rpc: Rpc, addresses: Sequence[str], topics: Sequence[object], span: tuple[int, int]) -> list[Any]:
    """Read the logs of a span of blocks, both ends included, halving the range where the node refuses it."""
    first, last = span
    found: list[Any] = []
    step = LOG_BLOCKS_PER_CALL

    while first <= last:
        until = min(last, first + step - 1)
        query = {"address": list(addresses), "topics": list(topics), "fromBlock": hex(first), "toBlock": hex(until)}

        try:
            found.extend(rpc.call("eth_getLogs", query))
        except RpcError:
            if until == first:
                raise

            step = max(1, (until - first + 1) // 2)
        else:
            first = until + 1

    return found


def flows(logs: Sequence[Mapping[str, Any]], account: str) -> dict[str, int]:
    """Add up the Transfer logs of an account: base units received less base units sent, by token.

    Wrapping and unwrapping native tokens counts as well.
    """
    net: dict[str, int] = {}
    key = account[2:].lower()

    for log in logs:
        kind, *parties = log["topics"] or [""]
        who = [party[-40:].lower() == key for party in parties]

        if kind == TRANSFER and len(who) == 2:
            sign = who[1] - who[0]
        elif kind in (WRAPPED, UNWRAPPED) and len(who) == 1:
            sign = who[0] if kind == WRAPPED else -who[0]
        else:
            continue

        token = log["address"].lower()
        net[token] = net.get(token, 0) + sign * int(log["data"], 16)

    return {token: value for token, value in net.items() if value}
