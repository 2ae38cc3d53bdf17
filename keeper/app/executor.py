"""The executor contract, looked at before a run relies on it: there, ours, and willing to take this key's orders."""

from typing import Final

from eth_utils.crypto import keccak

from keeper.chain.live import LiveChain
from keeper.config.model import KeeperConfig
from keeper.errors import ExecutorError
from keeper.execution.keys import read_address
from keeper.protocols.reads import Reads, ask
from keeper.types import Address, Call, to_checksum

_IS_OPERATOR: Final = bytes(keccak(text="isOperator(address)")[:4])
_PAUSED: Final = bytes(keccak(text="paused()")[:4])


async def check_executor(config: KeeperConfig, chain: LiveChain, *, live: bool) -> None:
    """Refuse a live run with an executor that is missing, somebody else's, paused, or deaf to the key.

    A dry run checks only that what the configuration names is an executor.
    """
    if config.executor is None:
        return

    address = config.executor.address
    code = await chain.code(address)
    if not code:
        raise ExecutorError(
            f"no contract at {to_checksum(address)}, which [executor] address names: "
            "deploy one with `keeper executor deploy`, or correct the address",
            executor=to_checksum(address),
        )

    wanted = config.executor.code_hash
    if wanted is not None and keccak(code) != wanted:
        raise ExecutorError(
            f"the code at {to_checksum(address)} is not the one [executor] code_hash pins: it hashes to "
            f"0x{keccak(code).hex()}. Find out who changed it before sending anything",
            executor=to_checksum(address),
        )

    head = await chain.latest()
    if head is not None:
        operator = read_address(config.keys.keystore) if live and config.keys is not None else None
        await chain.reads(_check(address, operator), head)


def _check(executor: Address, operator: Address | None) -> Reads[None]:
    whose = operator or executor
    paused, allowed = yield from ask(Call(executor, _PAUSED), Call(executor, _IS_OPERATOR + bytes(12) + whose))
    if not (paused.ok and allowed.ok and len(paused.data) == len(allowed.data) == 32):
        raise ExecutorError(
            f"the contract at {to_checksum(executor)} is not a keeper executor: check [executor] address",
            executor=to_checksum(executor),
        )

    if operator is None:
        return

    if any(paused.data):
        raise ExecutorError(f"the executor {to_checksum(executor)} is paused: its owner must unpause it first")

    if not any(allowed.data):
        raise ExecutorError(
            f"the executor {to_checksum(executor)} does not take orders from {to_checksum(operator)}, the key in "
            "[keys] keystore: its owner must add it as an operator",
            executor=to_checksum(executor),
            operator=to_checksum(operator),
        )
