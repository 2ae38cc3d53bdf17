"""What the executor's owner does on the chain: deploy it, list what it may reach, sweep it.

Off the hot path and rare, so each step is one transaction that is rehearsed first and waited for. Where the owner is a
Safe, nothing is sent: the same calls, as values, are proposed to it instead.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from eth_utils.crypto import keccak

from keeper.chain.port import ChainPort, Hypothesis, Receipt
from keeper.errors import ChainError, ExecutorError, SubmissionError
from keeper.execution.allowlist import Allowlist, encode_configure
from keeper.execution.artifact import (
    CREATE2_DEPLOYER,
    Artifact,
    ExecutorParams,
    create2_address,
    executor_creation_code,
    load_artifact,
    vault_creation_code,
)
from keeper.execution.explain import explain_revert
from keeper.types import Address, BlockHead, BlockTarget, Call, to_checksum
from keeper.units import GWEI

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from eth_account.types import TransactionDictType

NO_SALT: Final = bytes(32)
DEPLOY_GAS: Final = 6_000_000
"""Enough for 17 kB of code; what is not used is not paid for."""
CALL_GAS: Final = 200_000
ENTRY_GAS: Final = 60_000
"""One entry of the allow-list at its dearest: a new storage word and its event."""
SWEEP_SELECTOR: Final = keccak(text="sweep(address)")[:4]
# Stores 1 in transient storage, reads it back and returns nothing as code: reverts where there is none (before Cancun).
_TRANSIENT_PROBE: Final = bytes.fromhex("60015f5d5f5c6001900360115760005ff35bfe")


class OwnerChain(ChainPort, Protocol):
    """A chain that can also name its newest head."""

    async def latest(self) -> BlockHead | None:
        """Fetch the newest head; None where no node names one."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long a transaction is waited for, and how often one looks, in seconds."""

    timeout_s: float = 300.0
    poll_s: float = 1.0


class Wallet:
    """The key that pays for and signs the owner's transactions, one after the other."""

    def __init__(
        self, chain: OwnerChain, account: "LocalAccount", tip_wei: int = GWEI, waiting: Waiting | None = None
    ) -> None:
        self._chain = chain
        self._account = account
        self._tip_wei = tip_wei
        self._waiting = waiting or Waiting()
        self.address = Address(bytes.fromhex(account.address.removeprefix("0x")))

    async def send(self, to: Address, data: bytes, gas: int) -> Receipt:
        """Rehearse a call, send it and wait until it is mined; `ExecutorError` if it reverts."""
        head = await head_of(self._chain)
        await rehearse(self._chain, head, Call(to, data, sender=self.address, gas=gas))
        fields: TransactionDictType = {
            "type": 2,
            "chainId": self._chain.chain_id,
            "nonce": await self._chain.nonce(self.address, pending=True),
            "to": bytes(to),
            "value": 0,
            "data": data,
            "gas": gas,
            "maxFeePerGas": 2 * head.base_fee_wei + self._tip_wei,
            "maxPriorityFeePerGas": self._tip_wei,
        }
        tx_hash = await self._chain.send_raw(bytes(self._account.sign_transaction(fields).raw_transaction))
        receipt = await self._mined(tx_hash)

        if receipt.status != 1:
            raise ExecutorError(
                f"transaction 0x{tx_hash.hex()} reverted, though its rehearsal did not", tx_hash=tx_hash
            )

        return receipt

    async def _mined(self, tx_hash: bytes) -> Receipt:
        try:
            async with asyncio.timeout(self._waiting.timeout_s):
                while True:
                    receipt = await self._chain.receipt(tx_hash)

                    if receipt is not None:
                        return receipt

                    await asyncio.sleep(self._waiting.poll_s)
        except TimeoutError:
            message = (
                f"transaction 0x{tx_hash.hex()} was not mined within {self._waiting.timeout_s:g} s; it may still be"
            )
            raise SubmissionError(message, tx_hash=tx_hash) from None


# Deploying ----------------------------------------------------------------------------------------------------------


async def deploy_executor(chain: OwnerChain, wallet: Wallet, params: ExecutorParams, salt: bytes = NO_SALT) -> Address:
    """Put an executor where its parameters and the salt say, and return where; one that is there already is left."""
    return await _deploy(chain, wallet, executor_creation_code(params), salt, load_artifact())


async def deploy_vault(
    chain: OwnerChain, wallet: Wallet, owner: Address, executor: Address, salt: bytes = NO_SALT
) -> Address:
    """Put a vault that lends to one executor; one that is there already is left."""
    return await _deploy(chain, wallet, vault_creation_code(owner, executor), salt, load_artifact("Vault"))


async def check_chain(chain: OwnerChain) -> None:
    """Refuse a chain the executor cannot work on: without the keyless deployer or without transient storage."""
    if not await chain.code(CREATE2_DEPLOYER):
        raise ExecutorError(
            f"chain {chain.chain_id} has no deployer at {to_checksum(CREATE2_DEPLOYER)}: it must be put there first, "
            "by the one signed transaction that is the same on every chain",
            chain_id=chain.chain_id,
        )

    probe = Call(CREATE2_DEPLOYER, NO_SALT + _TRANSIENT_PROBE, gas=CALL_GAS)
    try:
        await rehearse(chain, await head_of(chain), probe)
    except ExecutorError:
        message = f"chain {chain.chain_id} has no transient storage (EIP-1153), which the executor's safety rests on"
        raise ExecutorError(message, chain_id=chain.chain_id) from None


async def _deploy(chain: OwnerChain, wallet: Wallet, creation_code: bytes, salt: bytes, artifact: Artifact) -> Address:
    await check_chain(chain)
    address = create2_address(creation_code, salt)

    if not await chain.code(address):
        await wallet.send(CREATE2_DEPLOYER, salt + creation_code, DEPLOY_GAS)

    if not artifact.is_code_of(await chain.code(address)):
        message = f"the code at {to_checksum(address)} is not what was deployed: do not use it"
        raise ExecutorError(message, executor=to_checksum(address))

    return address


# The owner's calls --------------------------------------------------------------------------------------------------


def configure_call(executor: Address, allowlist: Allowlist) -> Call:
    """The owner's call that sets entries of the allow-list."""
    entries = len(allowlist.rules) + len(allowlist.listings) + len(allowlist.factories)
    return Call(executor, encode_configure(allowlist), gas=CALL_GAS + entries * ENTRY_GAS)


def sweep_call(executor: Address, token: Address) -> Call:
    """The owner's call that sends a token's whole balance to the treasury; the zero address is the native one."""
    return Call(executor, SWEEP_SELECTOR + token.rjust(32, b"\0"), gas=CALL_GAS)


def role_call(executor: Address, signature: str, *arguments: Address | int) -> Call:
    """The owner's other calls, by signature: `setOperator(address,bool)`, `pause()`, `proposeTreasury(address)`."""
    words = (a.to_bytes(32, "big") if isinstance(a, int) else a.rjust(32, b"\0") for a in arguments)
    return Call(executor, keccak(text=signature)[:4] + b"".join(words), gas=CALL_GAS)


async def send_all(wallet: Wallet, calls: tuple[Call, ...]) -> tuple[Receipt, ...]:
    """Send the owner's calls in order, each mined before the next."""
    return tuple([await wallet.send(call.to, call.data, call.gas or CALL_GAS) for call in calls])


# Rehearsal ----------------------------------------------------------------------------------------------------------


async def head_of(chain: OwnerChain) -> BlockHead:
    """Fetch the newest head; `ChainError` where no node names one."""
    head = await chain.latest()

    if head is None:
        raise ChainError("no node names a latest block")

    return head


async def rehearse(chain: OwnerChain, head: BlockHead, call: Call) -> bytes:
    """Run a call on the newest state; `ExecutorError` in words if it reverts."""
    target = BlockTarget(head.number + 1, head.timestamp + 1, head.base_fee_wei, head.timestamp + 1)
    returned = await chain.simulate(call, head, Hypothesis(target, head.coinbase))

    if not returned.ok:
        raise ExecutorError(f"{to_checksum(call.to)} refuses: {explain_revert(returned.data)}", revert=returned.data)

    return returned.data
