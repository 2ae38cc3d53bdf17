"""Reading the chain as it was after a past block, many things at once."""

from collections.abc import Iterable
from typing import Any, Final

from keeper.sandbox.artifact import signature
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.multicall3 import MULTICALL3
from keeper.sandbox.node import to_hex

AGGREGATE: Final = "aggregate3((address,bool,bytes)[])((bool,bytes)[])"
READ_GAS: Final = 500_000_000
"""Gas of one batch of reads: far above a block's, a local chain allows it."""


def read_at(chain: LocalChain, block: int, calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Read many things at a past block, each `(contract, function, *arguments)`; None where one reverts."""
    asked = [(to, signature(function), values) for to, function, *values in calls]
    batch = [(to, True, function.encode(*values)) for to, function, values in asked]
    call = {"to": to_hex(MULTICALL3), "data": to_hex(signature(AGGREGATE).encode(batch)), "gas": hex(READ_GAS)}
    answer = chain.node.rpc("eth_call", call, hex(block))
    returned = signature(AGGREGATE).decode(bytes.fromhex(answer[2:]))
    return [function.decode(data) if ok else None for (_, function, _), (ok, data) in zip(asked, returned, strict=True)]
