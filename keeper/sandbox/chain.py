"""A local chain seen by someone who needs no keys: every account is unlocked, time and balances can be set."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from keeper.sandbox.artifact import Artifact, signature
from keeper.sandbox.node import Node, NodeError, to_address, to_hex
from keeper.sandbox.packages import SandboxError
from keeper.types import Address
from keeper.units import GWEI

GAS: Final = 15_000_000
"""Gas limit of a transaction: above the dearest deployment, half a block by default."""
BLOCK_TIME_S: Final = 12


@dataclass(frozen=True, slots=True)
class Transaction:
    """A call, or a creation where `to` is None, by an unlocked account."""

    sender: Address
    to: Address | None
    data: bytes
    value_wei: int = 0
    gas: int = GAS
    """Its limit; block space counts limits, not use."""

    def fields(self) -> dict[str, str]:
        fields = {"from": to_hex(self.sender), "data": to_hex(self.data), "gas": hex(self.gas)}

        if self.to is not None:
            fields["to"] = to_hex(self.to)

        if self.value_wei:
            fields["value"] = hex(self.value_wei)

        return fields


class LocalChain:
    """A local chain, and `account`, who sends unless another sender is named.

    Single sends expect a chain that mines each transaction as it comes, which is how a chain starts.
    """

    def __init__(self, url: str, account: Address | None = None) -> None:
        """Connect; the first of the chain's funded accounts sends by default."""
        self.node = Node(url)
        self.url = url
        self.accounts = tuple(to_address(text) for text in self.node.rpc("eth_accounts"))
        self.account = account or self.accounts[0]

    def close(self) -> None:
        self.node.close()

    # Contracts -----------------------------------------------------------------------------------------------------

    def call(self, to: Address, function: str, *values: object, sender: Address | None = None) -> Any:  # noqa: ANN401
        """Read at the latest block: `call(token, "balanceOf(address)(uint256)", account)`."""
        return self.call_many([(to, function, *values)], sender=sender)[0]

    def call_many(self, calls: Iterable[tuple[Any, ...]], *, sender: Address | None = None) -> list[Any]:
        """Read many things: each `(contract, function, *arguments)`."""
        transactions = [self.transaction(to, function, *values, sender=sender) for to, function, *values in calls]
        answers = self.node.rpc_many(("eth_call", (transaction.fields(), "latest")) for transaction in transactions)
        functions = [function for _, function, *_ in calls]
        return [
            signature(function).decode(bytes.fromhex(answer[2:]))
            for function, answer in zip(functions, answers, strict=True)
        ]

    def send(
        self, to: Address, function: str, *values: object, sender: Address | None = None, value_wei: int = 0
    ) -> Mapping[str, Any]:
        """Send a call and return its receipt; a revert raises `NodeError` with the revert data."""
        return self.execute(self.transaction(to, function, *values, sender=sender, value_wei=value_wei))

    def transaction(
        self,
        to: Address,
        function: str,
        *values: object,
        sender: Address | None = None,
        value_wei: int = 0,
        gas: int = GAS,
    ) -> Transaction:
        """Write a call down, to be sent with others."""
        return Transaction(sender or self.account, to, signature(function).encode(*values), value_wei, gas)

    def deploy(self, artifact: Artifact, *arguments: object, libraries: Mapping[str, Address] | None = None) -> Address:
        """Create a contract and return its address."""
        code = artifact.creation_code(arguments, libraries)
        return to_address(self.execute(Transaction(self.account, None, code))["contractAddress"])

    # Transactions --------------------------------------------------------------------------------------------------

    def execute(self, transaction: Transaction) -> Mapping[str, Any]:
        """Send one transaction and return its receipt."""
        receipt: Mapping[str, Any] = self.node.rpc("eth_sendTransactionSync", transaction.fields())

        if receipt["status"] != "0x1":
            # The receipt does not say why; asking again at the block before does.
            self.node.rpc("eth_call", transaction.fields(), hex(int(receipt["blockNumber"], 16) - 1))
            raise SandboxError(f"transaction {receipt['transactionHash']} reverted, but not when asked again")

        return receipt

    def execute_many(self, transactions: Sequence[Transaction]) -> None:
        """Send transactions that need no order between senders, and mine them in one block.

        Those of one sender keep theirs. If any reverts it raises, after all were mined.
        """
        senders = list(dict.fromkeys(transaction.sender for transaction in transactions))
        counts = self.node.rpc_many(("eth_getTransactionCount", (to_hex(sender), "latest")) for sender in senders)
        nonces = {sender: int(count, 16) for sender, count in zip(senders, counts, strict=True)}
        requests = []

        for transaction in transactions:
            # Said here because a batch is not worked off in order.
            requests.append(
                ("eth_sendTransaction", ({**transaction.fields(), "nonce": hex(nonces[transaction.sender])},))
            )
            nonces[transaction.sender] += 1

        with self._one_block_for(len(transactions)):
            hashes = self.node.rpc_many(requests)
            self.node.rpc("anvil_mine", "0x1")

        receipts = self.node.rpc_many(("eth_getTransactionReceipt", (name,)) for name in hashes)
        failed = [place for place, receipt in enumerate(receipts) if receipt is None or receipt["status"] != "0x1"]

        if failed:
            self.node.rpc("eth_call", transactions[failed[0]].fields(), "latest")
            raise SandboxError(f"{len(failed)} of {len(transactions)} transactions reverted, first number {failed[0]}")

    @contextmanager
    def _one_block_for(self, transactions: int) -> Iterator[None]:
        """Hold mining back and make the next block large enough."""
        automine = self.node.rpc("anvil_getAutomine")
        limit = self.node.rpc("eth_getBlockByNumber", "latest", False)["gasLimit"]
        self.node.rpc("evm_setAutomine", False)
        self.node.rpc("evm_setBlockGasLimit", hex(max(int(limit, 16), transactions * GAS)))

        try:
            yield
        finally:
            self.node.rpc("evm_setBlockGasLimit", limit)
            self.node.rpc("evm_setAutomine", automine)

    # The chain itself ----------------------------------------------------------------------------------------------

    def head(self) -> Mapping[str, Any]:
        """Return the latest block's header as the node writes it."""
        header: Mapping[str, Any] = self.node.rpc("eth_getBlockByNumber", "latest", False)
        return header

    def timestamp(self) -> int:
        """Return the latest block's time in unix s."""
        return int(self.head()["timestamp"], 16)

    def mine(self, blocks: int = 1, *, interval_s: int = BLOCK_TIME_S, base_fee_wei: int | None = GWEI) -> None:
        """Mine blocks `interval_s` apart.

        The base fee is held at `base_fee_wei`: on an idle chain it would decay to nothing and gas would cost
        nothing. None leaves it to the chain.
        """
        for _ in range(blocks):
            if base_fee_wei is not None:
                self.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))

            self.node.rpc("evm_setNextBlockTimestamp", self.timestamp() + interval_s)
            self.node.rpc("anvil_mine", "0x1")

    def set_balance(self, account: Address, wei: int) -> None:
        """Give an account exactly this much of the native token."""
        self.node.rpc("anvil_setBalance", to_hex(account), hex(wei))

    def set_code(self, account: Address, code: bytes) -> None:
        """Replace an account's runtime code."""
        self.node.rpc("anvil_setCode", to_hex(account), to_hex(code))

    def code(self, account: Address) -> bytes:
        """Return an account's runtime code."""
        return bytes.fromhex(self.node.rpc("eth_getCode", to_hex(account), "latest")[2:])

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo, at the end, everything that happened on the chain inside."""
        snapshot = self.node.rpc("evm_snapshot")

        try:
            yield
        finally:
            self.revert(snapshot)

    def revert(self, snapshot: str) -> None:
        """Undo everything since a snapshot (`evm_snapshot`), for good."""
        self.node.rpc("evm_revert", snapshot)
        # Anvil may put undone transactions back into its pool, more so when it is busy, and mine them with the next.
        self.node.rpc("anvil_dropAllTransactions")


__all__ = ["BLOCK_TIME_S", "GAS", "LocalChain", "NodeError", "Transaction"]
