"""A signer of its own: holds keys, listens on a Unix socket, and signs by its own policy and count.

Whoever takes over the keeper can ask it for no more than calls of the executor, at bounded fees, so many a day.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from keeper.errors import SigningKeyError
from keeper.execution.base import Fees
from keeper.execution.eip1559 import UnsignedTx
from keeper.execution.meter import SigningMeter
from keeper.execution.signer import LocalSigner, SigningPolicy
from keeper.execution.switch import Order, Switch
from keeper.execution.typed_data import Schema, check_typed_data
from keeper.types import Address, parse_address, to_checksum

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

LARGEST: Final = 1_000_000
"""Bytes of one request."""
_REFUSED: Final = -32_000
_UNKNOWN_METHOD: Final = -32_601
_FIELDS: Final = frozenset(
    {"from", "to", "gas", "maxFeePerGas", "maxPriorityFeePerGas", "nonce", "value", "data", "chainId", "type"}
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the service decides by."""

    policy: SigningPolicy
    meter: SigningMeter
    switch: Switch
    schemas: frozenset[Schema] = frozenset()
    client_uids: frozenset[int] = frozenset()
    """users that may ask besides the service's own"""


class SignerService:
    """Signs for one account. Invariant: nothing is signed that policy, count, switch or epoch forbid."""

    def __init__(self, account: "LocalAccount", rules: Rules) -> None:
        self._account = account
        self._rules = rules
        self._signer = LocalSigner(account, rules.policy, rules.meter)

    @property
    def address(self) -> Address:
        """Whose signatures it makes."""
        return self._signer.address

    def answer(self, line: bytes) -> bytes:
        """Answer one JSON-RPC request; a refusal is an error with its reason."""
        request_id: object = None
        try:
            request = json.loads(line)
            request_id = request["id"]
            result = self._perform(request["method"], request.get("params") or [])
        except SigningKeyError as error:
            log.warning("signature_refused", reason=error.message)
            return _error(request_id, _REFUSED, error.message)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
            return _error(request_id, _REFUSED, "not a request this signer understands")

        if result is None:
            return _error(request_id, _UNKNOWN_METHOD, "no such method")

        return json.dumps({"jsonrpc": "2.0", "id": request_id, "result": result}).encode() + b"\n"

    async def serve(self, path: Path, stop: asyncio.Event) -> None:
        """Listen until `stop`; `SigningKeyError` where another signer listens at the path."""
        listener = _listen(path, shared=bool(self._rules.client_uids))
        server = await asyncio.start_unix_server(self._converse, sock=listener, limit=LARGEST)
        log.info("signer_ready", socket=str(path), address=to_checksum(self.address))
        async with server:
            await stop.wait()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            uid = _peer_uid(writer)
            if uid != os.geteuid() and uid not in self._rules.client_uids:
                log.error("stranger_refused", uid=uid)
                return

            while line := await reader.readline():
                writer.write(self.answer(line))
                await writer.drain()
        except (ConnectionError, ValueError):
            log.debug("client_dropped")  # gone, or a line too long to be a request
        finally:
            writer.close()

    def _perform(self, method: str, params: Sequence[Any]) -> object:
        match method:
            case "eth_accounts":
                return [to_checksum(self.address)]
            case "eth_signTransaction":
                return self._sign_transaction(params[0], params[1] if len(params) > 1 else {})
            case "eth_signTypedData":
                return self._sign_typed_data(params[0], params[1])
            case _:
                return None

    def _sign_transaction(self, fields: Mapping[str, str], more: Mapping[str, int]) -> str:
        self._heed_switch()
        tx = self._read(fields)
        # An epoch that was once shown is asked for ever after: leaving it out is no way around the fence.
        self._rules.meter.advance(int(more.get("epoch", 0)))
        signed = self._signer.sign_at_once(tx)
        log.info("transaction_signed", nonce=tx.nonce, max_fee_wei=tx.fees.max_fee_wei, gas_limit=tx.gas_limit)
        return "0x" + signed.raw.hex()

    def _sign_typed_data(self, sender: str, message: Mapping[str, Any]) -> str:
        self._heed_switch()
        if parse_address(sender) != self.address:
            raise SigningKeyError(f"this signer does not hold {sender[:42]}")

        signable = check_typed_data(message, self._rules.schemas, self._rules.policy.chain_id)
        return "0x" + bytes(self._account.sign_message(signable).signature).hex()

    def _read(self, fields: Mapping[str, str]) -> UnsignedTx:
        unknown = set(fields) - _FIELDS
        if unknown:
            raise SigningKeyError(f"refused to sign a transaction with {', '.join(sorted(unknown))[:100]}")

        numbers = {name: int(fields[name], 16) for name in _FIELDS & fields.keys() - {"from", "to", "data"}}
        if numbers.get("type", 2) != 2 or numbers.get("value", 0) != 0:
            raise SigningKeyError("refused to sign a transaction that carries value, or is not of type 2")

        ours = self._rules.policy.chain_id
        if numbers.get("chainId", ours) != ours:
            raise SigningKeyError(f"refused to sign for chain {numbers['chainId']}: this signer is for {ours}")

        if parse_address(fields["from"]) != self.address:
            raise SigningKeyError(f"this signer does not hold {fields['from'][:42]}")

        return UnsignedTx(
            plan_id=None,
            to=parse_address(fields["to"]),
            data=bytes.fromhex(fields["data"].removeprefix("0x")),
            nonce=numbers["nonce"],
            gas_limit=numbers["gas"],
            fees=Fees(numbers["maxFeePerGas"], numbers["maxPriorityFeePerGas"]),
        )

    def _heed_switch(self) -> None:
        """Sign nothing while the switch says kill; a pause is the keeper's, which still has to cancel."""
        word = self._rules.switch.read()
        if word is not None and word.order is Order.KILL:
            raise SigningKeyError(f"killed by the operator: {word.reason}")


def _error(request_id: object, code: int, message: str) -> bytes:
    answer = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}
    return json.dumps(answer).encode() + b"\n"


def _listen(path: Path, *, shared: bool) -> socket.socket:
    """Bind the socket, for this user alone or for those whose id is checked on each connection."""
    if _is_answered(path):
        raise SigningKeyError(f"another signer listens at {path}: stop it first")

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)  # left by one that ended
        before = os.umask(0o111 if shared else 0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
    except OSError as error:
        listener.close()
        raise SigningKeyError(f"cannot listen at {path}: {error.strerror}") from None

    return listener


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False

    return True


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """Ask the kernel which user is at the other end."""
    connection = writer.get_extra_info("socket")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", found)
    return int(uid)
