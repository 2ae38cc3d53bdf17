"""What the report leaves out: transactions, liquidations and positions nobody booked, money left in the executor."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from referee.abi import as_int, topic
from referee.chain import Next, View, fetch_logs
from referee.judge import Judge, Record
from referee.probe import encode_balance
from referee.receipts import Liquidation, Mismatch, check_transaction, read_liquidation
from referee.report import LANDED, REVERTED, Row

LIQUIDATION = topic("LiquidationCall(address,address,address,uint256,uint256,address,bool)")


def fetch_liquidations(judge: Judge) -> list[Liquidation]:
    """Read every liquidation of the judged blocks, whoever made it."""
    span = (judge.records[0].block.number, judge.records[-1].block.number)
    return [read_liquidation(log) for log in fetch_logs(judge.rpc, [judge.market.lender], [LIQUIDATION], span)]


def landings(liquidations: Iterable[Liquidation], executor: str) -> dict[str, set[int]]:
    """Return the blocks in which the keeper's executor liquidated, by borrower."""
    found: dict[str, set[int]] = defaultdict(set)

    for liquidation in liquidations:
        if liquidation.liquidator == executor:
            found[liquidation.borrower].add(liquidation.block)

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
            found.append(Mismatch("no_transaction", row.where, row.status, "no tx_hash"))

    for liquidation in liquidations:
        by_transaction[liquidation.tx_hash].append(liquidation)

    for tx_hash, booked in by_hash.items():
        receipt = judge.rpc.call("eth_getTransactionReceipt", tx_hash)
        found.extend(check_transaction(receipt, booked, by_transaction.get(tx_hash, []), judge.manifest))

    return [*found, *_unbooked(judge, by_hash, liquidations), *_unaccounted(judge.records, rows), *_left_behind(judge)]


def _unbooked(
    judge: Judge, by_hash: Mapping[str, Sequence[Row]], liquidations: Sequence[Liquidation]
) -> list[Mismatch]:
    executor = judge.manifest.executor
    sent = [tx for record in judge.records for tx in record.block.transactions]
    # Whoever calls the executor is an operator, where the manifest does not say who they are.
    operators = set(judge.manifest.operators) or {sender for _, sender, to in sent if to == executor}
    unbooked = {tx_hash: f"sent by {sender}" for tx_hash, sender, _ in sent if sender in operators}
    unbooked |= {it.tx_hash: f"liquidated {it.borrower}" for it in liquidations if it.liquidator == executor}
    return [
        Mismatch("unbooked_transaction", tx_hash, "nothing", what)
        for tx_hash, what in unbooked.items()
        if tx_hash not in by_hash
    ]


def _unaccounted(records: Sequence[Record], rows: Sequence[Row]) -> list[Mismatch]:
    """Return the positions that stood liquidatable in a state the keeper could read, and that it never mentioned."""
    mentioned = {row.borrower for row in rows}
    found: dict[str, Mismatch] = {}

    # Trials look one block ahead: a position liquidatable after two blocks running was so in the second one itself.
    for earlier, record in pairwise(records):
        for borrower, health in record.unsafe.items():
            if borrower in earlier.unsafe and borrower not in mentioned and borrower not in found:
                where = f"block {record.block.number}, borrower {borrower}"
                found[borrower] = Mismatch("unaccounted_position", where, "nothing", f"health {health}")

    return list(found.values())


def _left_behind(judge: Judge) -> list[Mismatch]:
    """Return the balances the executor holds after the last block: it must be empty between transactions."""
    block, executor = judge.records[-1].block, judge.manifest.executor
    view = View(judge.rpc, block, Next(block.number + 1, block.timestamp + 1, block.base_fee))
    reserves = judge.market.reserves.values()
    tokens = dict.fromkeys(
        [
            *(token for reserve in reserves for token in (reserve.token, reserve.a_token, reserve.v_token)),
            *(token for pool in judge.market.pools.values() for token in pool.tokens),
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
