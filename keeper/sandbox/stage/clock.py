"""Time on a stage: blocks an exact time apart by the chain's clock, at whatever pace the wall clock allows."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from keeper.sandbox.chain import BLOCK_TIME_S, LocalChain, Transaction
from keeper.units import GWEI

BASE_FEE_FLOOR_WEI: Final = GWEI
"""An idle chain's base fee would decay to nothing, and with it the cost of a failed attempt."""
FIRST_FEE_WEI: Final = 10_000 * GWEI
"""What a transaction that is to be first in its block offers per gas: more than any keeper's cap."""


class Clock:
    """Mines a chain block by block. Invariant: nothing is mined but by `tick`, so transactions wait for it."""

    def __init__(self, chain: LocalChain, pace_s: float, block_time_s: int = BLOCK_TIME_S) -> None:
        """Take the chain's mining over; `pace_s` is the wall time between blocks, 0 for as fast as they come."""
        self.chain = chain
        self.pace_s = pace_s
        self._block_time_s = block_time_s
        self._due = time.monotonic()
        chain.node.rpc("evm_setAutomine", False)

    @property
    def number(self) -> int:
        """The latest block."""
        return int(self.chain.node.rpc("eth_blockNumber"), 16)

    def tick(self, first: Sequence[Transaction] = ()) -> int:
        """Wait until the next block is due and mine it; `first` comes before all else in it. Returns its number."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due + self.pace_s, time.monotonic())
        node, head = self.chain.node, self.chain.head()

        for transaction in first:
            node.rpc("eth_sendTransaction", urgent(transaction))

        node.rpc("anvil_setNextBlockBaseFeePerGas", hex(following_base_fee(head)))
        node.rpc("evm_setNextBlockTimestamp", int(head["timestamp"], 16) + self._block_time_s)
        node.rpc("anvil_mine", "0x1")
        return int(head["number"], 16) + 1


def urgent(transaction: Transaction) -> dict[str, str]:
    """Spell a transaction so that it is first in its block."""
    fee = {"maxFeePerGas": hex(FIRST_FEE_WEI), "maxPriorityFeePerGas": hex(GWEI)}
    return {**transaction.fields(), **fee}


def following_base_fee(head: Mapping[str, Any]) -> int:
    """Compute the base fee of the block after a header, by EIP-1559 but for the floor."""
    fee, used = int(head["baseFeePerGas"], 16), int(head["gasUsed"], 16)
    target = int(head["gasLimit"], 16) // 2
    change = fee * abs(used - target) // target // 8
    following = fee + max(change, 1) if used > target else fee - change if used < target else fee
    return max(following, BASE_FEE_FLOOR_WEI)
