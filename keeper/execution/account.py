"""The operator's account on the chain: what it can spend, how long that lasts, and whether it is still only ours."""

from typing import Final

import structlog

from keeper.chain.port import AccountChain
from keeper.errors import SigningKeyError
from keeper.execution.runway import WINDOW_S, GasRunway, gas_runway
from keeper.journal.records import TxState
from keeper.journal.store import Journal
from keeper.types import Address, BlockHead, to_checksum

CODE_EVERY_BLOCKS: Final = 5
"""Heads between looks at the account's code: a minute on Ethereum."""
CHECKED_EVERY_BLOCKS: Final = 50
"""Heads between looks at the account's balance: ten minutes on Ethereum."""

log = structlog.get_logger(__name__)


class OperatorAccount:
    """Watches one account; `delegated` says why it may not sign any more, None while it may."""

    def __init__(self, chain: AccountChain, journal: Journal, address: Address, *, warning_days: int) -> None:
        """Warn when the gas money lasts less than `warning_days`."""
        self._chain = chain
        self._journal = journal
        self._address = address
        self._warning_days = warning_days
        self._code_checked_at: int | None = None
        self._checked_at: int | None = None
        self.delegated: str | None = None

    async def nonce(self, *, pending: bool = False) -> int:
        """Fetch the number of its transactions that were mined, or with `pending` that a pool has too."""
        return await self._chain.nonce(self._address, pending=pending)

    async def free_funds_wei(self) -> int:
        """Compute what it can spend if everything in flight costs the most it can; may be negative."""
        records = self._journal.transactions.open(self._address)
        paid = {record.tx.nonce for record in records if record.state is TxState.INCLUDED}
        worst: dict[int, int] = {}
        for record in records:
            # Alternatives exclude each other: a nonce costs its dearest one, and nothing more once one was mined.
            if record.tx.nonce not in paid:
                cost = record.tx.gas_limit * record.fees.max_fee_wei
                worst[record.tx.nonce] = max(cost, worst.get(record.tx.nonce, 0))

        return await self._chain.balance(self._address) - sum(worst.values())

    async def runway(self, head: BlockHead) -> GasRunway:
        """Compute how long its gas money lasts at the rate of the last week."""
        balance = await self._chain.balance(self._address)
        first = self._journal.transactions.first_spending_timestamp()
        since = max(head.timestamp - WINDOW_S, head.timestamp if first is None else first)
        return gas_runway(balance, self._journal.transactions.gas_spent_wei(since), head.timestamp - since)

    async def check(self, head: BlockHead) -> None:
        """Look for a delegation and a short runway, each every so many heads."""
        if self._is_due(self._code_checked_at, head, CODE_EVERY_BLOCKS):
            try:
                await self.refuse_delegation()
            except SigningKeyError as error:
                self.delegated = error.message

            self._code_checked_at = head.number

        if not self._is_due(self._checked_at, head, CHECKED_EVERY_BLOCKS):
            return

        runway = await self.runway(head)
        self._checked_at = head.number
        if runway.days is not None and runway.days < self._warning_days:
            log.warning(
                "gas_runway_short",
                days=runway.days,
                balance_wei=runway.balance_wei,
                daily_wei=runway.daily_wei,
                advice=f"send native tokens to {to_checksum(self._address)}",
            )

    @staticmethod
    def _is_due(last: int | None, head: BlockHead, every: int) -> bool:
        return last is None or head.number - last >= every

    async def refuse_delegation(self) -> None:
        """Raise `SigningKeyError` for an account with code: a delegate (EIP-7702) could spend what is its."""
        if await self._chain.code(self._address):
            raise SigningKeyError(
                f"the operator account {to_checksum(self._address)} has code (an EIP-7702 delegation): "
                "revoke it, or make a new key"
            )
