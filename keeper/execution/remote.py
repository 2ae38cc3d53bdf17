"""A key that another process holds: asked by JSON-RPC as web3signer speaks it, believed only as far as bytes prove.

`keeper signer` answers on a Unix socket, web3signer by HTTP; the requests are the same.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from keeper.errors import SignerAwayError, SignerError, SigningKeyError
from keeper.execution.base import SignedTx
from keeper.execution.eip1559 import UnsignedTx
from keeper.execution.signer import SigningPolicy, accept, check_policy
from keeper.types import Address, to_checksum

TIMEOUT_S: Final = 2.0
"""How long a signature is waited for: later than this it would miss its block anyway."""
CHECK_TIMEOUT_S: Final = 1.0
"""How long a signer is waited for that is only asked whether it is there: other keys' plans wait meanwhile."""


class Wire(Protocol):
    """A way to a signer."""

    async def call(self, method: str, params: Sequence[object]) -> object:
        """Ask once and return the result; `SignerError` for a refusal, in its words, its `Away` for a broken wire."""
        ...

    async def close(self) -> None:
        """Close it; safe to call twice."""
        ...


class RemoteSigner:
    """One account of a remote signer. Invariant: what `sign` returns is what was asked for, signed by that account."""

    def __init__(
        self, wire: Wire, address: Address, policy: SigningPolicy, epoch: Callable[[], int | None] = lambda: None
    ) -> None:
        """`epoch` tells the lease this process acts under, for a signer that several hosts share; None sends none."""
        self._wire = wire
        self._address = address
        self._policy = policy
        self._epoch = epoch

    def act_under(self, epoch: Callable[[], int | None]) -> None:
        """Say from now on under which lease a signature is asked for."""
        self._epoch = epoch

    @property
    def address(self) -> Address:
        return self._address

    async def check(self) -> None:
        """Raise `SignerError` where it makes no sense, `SigningKeyError` where it does not hold the account."""
        held = await self._ask("eth_accounts", (), CHECK_TIMEOUT_S)
        if not isinstance(held, list):
            raise SignerAwayError("the signer answered something other than a list of accounts")

        if to_checksum(self._address).lower() not in [str(one).lower() for one in held]:
            raise SigningKeyError(
                f"the signer does not hold {to_checksum(self._address)}: correct [keys] address, or its own keys",
                address=to_checksum(self._address),
            )

    async def sign(self, tx: UnsignedTx) -> SignedTx:
        """Ask for a signature, within our own policy too, and verify every byte of what comes back.

        `SigningKeyError` for what our own policy forbids, `SignerError` for what the signer does not give.
        """
        check_policy(tx, self._address, self._policy)
        epoch = self._epoch()
        params: list[object] = [fields_of(tx, self._address)]
        if epoch is not None:
            params.append({"epoch": epoch})

        raw = _hex(await self._ask("eth_signTransaction", params, TIMEOUT_S))
        try:
            return accept(raw, tx, self._address, self._policy.chain_id)
        except SigningKeyError as error:
            raise SignerAwayError(error.message) from None

    async def close(self) -> None:
        """Close the wire; safe to call twice."""
        await self._wire.close()

    async def _ask(self, method: str, params: Sequence[object], timeout_s: float) -> object:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._wire.call(method, params)
        except TimeoutError:
            raise SignerAwayError(f"the signer did not answer {method} within {timeout_s:g} s") from None

    def __repr__(self) -> str:
        return f"RemoteSigner({to_checksum(self._address)})"


def fields_of(tx: UnsignedTx, sender: Address) -> dict[str, str]:
    """Write a transaction as `eth_signTransaction` takes it; the chain is the signer's own, and verified after."""
    return {
        "from": to_checksum(sender),
        "to": to_checksum(tx.to),
        "gas": hex(tx.gas_limit),
        "maxFeePerGas": hex(tx.fees.max_fee_wei),
        "maxPriorityFeePerGas": hex(tx.fees.tip_wei),
        "nonce": hex(tx.nonce),
        "value": "0x0",
        "data": "0x" + tx.data.hex(),
    }


def result_of(answer: object, request_id: int) -> object:
    """Take the result out of a JSON-RPC answer; `SignerError` for a refusal, its `Away` for an answer to another."""
    if not isinstance(answer, Mapping) or answer.get("id") != request_id:
        raise SignerAwayError("the signer answered something that was not asked")

    error: Any = answer.get("error")
    if error is not None:
        words = error.get("message") if isinstance(error, Mapping) else None
        raise SignerError(f"the signer refused: {str(words)[:500]}")

    return answer.get("result")


def _hex(value: object) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise SignerAwayError("the signer answered something other than a transaction in hex")

    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        raise SignerAwayError("the signer answered something other than a transaction in hex") from None
