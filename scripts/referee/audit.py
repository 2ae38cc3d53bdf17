"""What the report leaves out: transactions, liquidations and positions nobody booked, money left in the executor."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from referee.abi import as_int
from referee.chain import Next, View
from referee.judge import Judge, Record
from referee.parts.base import Liquidation
from referee.probe import Subject, encode_balance
from referee.receipts import Mismatch, check_transaction
from referee.report import LANDED, REVERTED, Row


def fetch_liquidations(judge: Judge) -> list[Liquidation]:
    """Read every liquidation of the judged blocks, whoever made it."""
    span = (judge.records[0].block.number, judge.records[-1].block.number)
    return [liquidation for part in judge.parts for liquidation in part.liquidations(judge.rpc, span)]


def landings(liquidations: Iterable[Liquidation], executor: str) -> dict[Subject, set[int]]:
    """Return the blocks in which the keeper's executor liquidated, by position."""
    found: dict[Subject, set[int]] = defaultdict(set)

    for liquidation in liquidations:
        if liquidation.liquidator == executor:
            found[liquidation.subject].add(liquidation.block)

    return dict(found)


def audit(judge: Judge, rows: Sequence[Row], liquidations: Sequence[Liquidation]) -> list[Mismatch]:
    """Return everything that the report has wrong or leaves out."""
    by_hash: dict[str, list[Row]] = defaultdict(list)
    by_transaction: dict[str, list[Liquidation]] = defaultdict(list)
    found: list[Mismatch] = []

    for row in rows:
        if row.tx_hash:
            by_hash[row.tx_hash].append(row)
        elif row.status in (LANDED, REVERTED):
            found.append(Mismatch("no_transaction", row.where, row.status, "no tx_hash", row.subject.deployment))

    for liquidation in liquidations:
        by_transaction[liquidation.tx_hash].append(liquidation)

    for tx_hash, booked in by_hash.items():
        receipt = judge.rpc.call("eth_getTransactionReceipt", tx_hash)
        deployment = booked[0].subject.deployment
        differences = check_transaction(receipt, booked, by_transaction.get(tx_hash, []), judge.manifest)
        found.extend(replace(difference, deployment=deployment) for difference in differences)

    return [*found, *_unbooked(judge, by_hash, liquidations), *_unaccounted(judge.records, rows), *_left_behind(judge)]


def _unbooked(
    judge: Judge, by_hash: Mapping[str, Sequence[Row]], liquidations: Sequence[Liquidation]
) -> list[Mismatch]:
    executor = judge.manifest.executor
    sent = [tx for record in judge.records for tx in record.block.transactions]
    # Whoever calls the executor is an operator, where the manifest does not say who they are.
    operators = set(judge.manifest.operators) or {sender for _, sender, to in sent if to == executor}
    unbooked = {tx_hash: (f"sent by {sender}", "") for tx_hash, sender, _ in sent if sender in operators}
    unbooked |= {
        it.tx_hash: (f"liquidated {it.subject.position}", it.subject.deployment)
        for it in liquidations
        if it.liquidator == executor
    }
    return [
        Mismatch("unbooked_transaction", tx_hash, "nothing", what, deployment)
        for tx_hash, (what, deployment) in unbooked.items()
        if tx_hash not in by_hash
    ]


def _unaccounted(records: Sequence[Record], rows: Sequence[Row]) -> list[Mismatch]:
    """Return the positions that stood liquidatable in a state the keeper could read, and that it never mentioned."""
    mentioned = {row.subject for row in rows}
    found: dict[Subject, Mismatch] = {}

    # Trials look one block ahead: a position liquidatable after two blocks running was so in the second one itself.
    for earlier, record in pairwise(records):
        for subject, health in record.unsafe.items():
            if subject in earlier.unsafe and subject not in mentioned and subject not in found:
                where = f"block {record.block.number}, position {subject.position}"
                found[subject] = Mismatch(
                    "unaccounted_position", where, "nothing", f"health {health}", subject.deployment
                )

    return list(found.values())


def _left_behind(judge: Judge) -> list[Mismatch]:
    """Return the balances the executor holds after the last block: it must be empty between transactions."""
    block, executor = judge.records[-1].block, judge.manifest.executor
    view = View(judge.rpc, block, Next(block.number + 1, block.timestamp + 1, block.base_fee))
    tokens = dict.fromkeys(
        [
            *(token for part in judge.parts for token in (*part.tokens, *part.claims)),
            *(token for pool in judge.pools.known.values() for token in pool.tokens),
            *([judge.manifest.wrapped_native] if judge.manifest.wrapped_native else []),
        ]
    )
    answers = view.must([(token, encode_balance(executor)) for token in tokens])
    held = {token: as_int(answer) for token, answer in zip(tokens, answers, strict=True)}
    held["native"] = int(judge.rpc.call("eth_getBalance", executor, hex(block.number)), 16)
    return [
        Mismatch("executor_not_empty", f"block {block.number}, {token}", "0", str(amount))
        for token, amount in held.items()
        if amount
    ]
