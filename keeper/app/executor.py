"""The executor contract, looked at before a run relies on it: there, ours, and willing to take this key's orders."""

from typing import Final

from eth_utils.crypto import keccak

from keeper.app.keys import operators_of, refuse_shared_roles
from keeper.chain.live import LiveChain
from keeper.config.model import KeeperConfig
from keeper.errors import ExecutorError
from keeper.protocols.reads import Reads, ask
from keeper.types import Address, Call, to_checksum

_IS_OPERATOR: Final = bytes(keccak(text="isOperator(address)")[:4])
_OWNER: Final = bytes(keccak(text="owner()")[:4])
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
    if head is None:
        return

    operators = operators_of(config) if live else ()
    owner = await chain.reads(_check(address, operators), head)
    refuse_shared_roles(config, {"the executor's owner": owner} if live else {})


def _check(executor: Address, operators: tuple[Address, ...]) -> Reads[Address]:
    """Refuse an executor that is none, is paused, or is deaf to an operator; return its owner."""
    whose = operators or (executor,)
    asked = (_PAUSED, _OWNER, *(_IS_OPERATOR + bytes(12) + operator for operator in whose))
    answers = yield from ask(*(Call(executor, data) for data in asked))
    if not all(answer.ok and len(answer.data) == 32 for answer in answers):
        raise ExecutorError(
            f"the contract at {to_checksum(executor)} is not a keeper executor: check [executor] address",
            executor=to_checksum(executor),
        )

    paused, owner, *allowed = answers
    if operators and any(paused.data):
        raise ExecutorError(f"the executor {to_checksum(executor)} is paused: its owner must unpause it first")

    for operator, answer in zip(operators, allowed, strict=False):
        if not any(answer.data):
            raise ExecutorError(
                f"the executor {to_checksum(executor)} does not take orders from {to_checksum(operator)}, a key of "
                "[keys] or [[lane]]: its owner must add it with `keeper executor operator add`",
                executor=to_checksum(executor),
                operator=to_checksum(operator),
            )

    return Address(owner.data[12:])
