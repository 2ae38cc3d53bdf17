"""The audit: each check holds the journal against the chain, or against its own rules, and yields what is wrong."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations

from auditor.chain import Chain
from auditor.ledger import Booking, Ledger, Transaction

ENDED = frozenset({"final", "replaced", "refused", "lost"})
"""States a transaction may stay in; a restless keeper has others besides."""
BUMP_BPS = 11_250
BPS = 10_000
PLAN_STATUSES = {0: ("reverted",), 1: ("landed", "missed")}


def audit(ledger: Ledger, chain: Chain, *, at_rest: bool) -> Iterator[str]:
    """Yield every fault found, in words; `at_rest` also wants everything to have come to its end."""
    yield from ledger.damage
    yield from nothing_unknown_left(ledger, chain)
    yield from bookings_are_what_happened(ledger, chain)
    yield from nonces_are_whole(ledger, chain)
    yield from one_intent_per_nonce(ledger)
    yield from one_intent_per_position(ledger)
    yield from alternatives_are_declared_and_worth_it(ledger)
    yield from steps_are_complete(ledger)
    if at_rest:
        yield from everything_ended(ledger, chain)


def nothing_unknown_left(ledger: Ledger, chain: Chain) -> Iterator[str]:
    """A transaction of ours on the chain has a row, at the same nonce."""
    rows = {(tx.hash, tx.sender, tx.nonce) for tx in ledger.transactions}
    for tx in chain.mined:
        ours = tx.nonce >= ledger.first_nonces.get(tx.sender, 0)
        if ours and (tx.hash, tx.sender, tx.nonce) not in rows:
            yield f"lost row: {tx.hash} at nonce {tx.nonce} was mined and the journal does not know it"


def bookings_are_what_happened(ledger: Ledger, chain: Chain) -> Iterator[str]:
    """The canonical bookings are the mined transactions, field by field, each once, and nothing else."""
    kinds = {tx.hash: tx.kind for tx in ledger.transactions}
    booked: dict[str, Booking] = {}
    for booking in ledger.bookings:
        if booking.canonical and booking.tx in booked:
            yield f"wrong booking: {booking.tx} is booked in two blocks at once"
        elif booking.canonical:
            booked[booking.tx] = booking

    mined = {tx.hash: tx for tx in chain.mined if tx.hash in kinds}
    for tx_hash in mined.keys() - booked.keys():
        yield f"wrong booking: {tx_hash} was mined in block {mined[tx_hash].block_number} and is not booked"

    for tx_hash in booked.keys() - mined.keys():
        yield f"wrong booking: {tx_hash} is booked and is in no block"

    for tx_hash in mined.keys() & booked.keys():
        tx, booking = mined[tx_hash], booked[tx_hash]
        allowed = ("expired",) if kinds[tx_hash] == "cancel" else PLAN_STATUSES[tx.status]
        told = (booking.block_hash, booking.block_number, booking.gas_used, booking.gas_price)
        if told != (tx.block_hash, tx.block_number, tx.gas_used, tx.gas_price) or booking.status not in allowed:
            yield f"wrong booking: {tx_hash} is booked as {booking.status} {told}, and was {tx}"

        if booking.profit is not None and booking.status != "landed":
            yield f"wrong booking: {tx_hash} has a profit of {booking.profit} and {booking.status}"


def nonces_are_whole(ledger: Ledger, chain: Chain) -> Iterator[str]:
    """Every nonce of a key, from the first that is ours to the chain's count, was used once, by us."""
    for sender, first in ledger.first_nonces.items():
        used = sorted(tx.nonce for tx in chain.mined if tx.sender == sender and tx.nonce >= first)
        wanted = list(range(first, chain.nonces.get(sender, first)))
        if used != wanted:
            yield f"nonce gap: {sender} used {used}, expected {wanted}"


def one_intent_per_nonce(ledger: Ledger) -> Iterator[str]:
    """What was signed for a nonce and not refused is one plan's, or a cancel; and it was intended before."""
    plans: dict[tuple[str, int], set[str]] = defaultdict(set)
    for tx in ledger.transactions:
        if tx.kind == "plan" and (tx.status != "refused" or "included" in tx.steps):
            plans[tx.sender, tx.nonce].add(tx.plan)

    for (sender, nonce), found in plans.items():
        if len(found) > 1:
            yield f"double intent: nonce {nonce} of {sender} is for {sorted(found)}"

    live = Counter((sender, nonce) for sender, nonce, _, status in ledger.intents if status != "dropped")
    yield from (
        f"double intent: nonce {nonce} of {sender} is intended twice" for (sender, nonce), n in live.items() if n > 1
    )
    intended = {(sender, nonce) for sender, nonce, _, _ in ledger.intents}
    for tx in ledger.transactions:
        if (tx.sender, tx.nonce) not in intended:
            yield f"lost row: {tx.hash} was signed for nonce {tx.nonce}, which nothing was intended for"


def one_intent_per_position(ledger: Ledger) -> Iterator[str]:
    """A position is not taken on again while something signed for it may still succeed."""
    by_subject: dict[tuple[str, str], dict[str, list[Transaction]]] = defaultdict(dict)
    for tx in ledger.transactions:
        if tx.kind == "plan" and tx.status != "refused":
            by_subject[ledger.plans[tx.plan].subject].setdefault(tx.plan, []).append(tx)

    seen: dict[str, list[int]] = defaultdict(list)
    for booking in ledger.bookings:
        seen[booking.tx].append(booking.block_number)

    for subject, plans in by_subject.items():
        for (_, earlier), (later, _) in combinations(plans.items(), 2):
            head = ledger.plans[later].head_number
            nonces = {(tx.sender, tx.nonce) for tx in earlier}
            at_nonce = [tx.hash for tx in ledger.transactions if (tx.sender, tx.nonce) in nonces]
            was_used = any(number <= head for tx_hash in at_nonce for number in seen[tx_hash])
            if head < min(tx.max_block for tx in earlier) and not was_used:
                yield f"double intent: {later} takes {subject} on at block {head} while {earlier[0].plan} may land"

    plan_of = {tx.hash: tx.plan for tx in ledger.transactions}
    landings = [booking.tx for booking in ledger.bookings if booking.canonical and booking.status == "landed"]
    landed = Counter(plan_of[tx_hash] for tx_hash in landings)
    yield from (f"double intent: {plan} landed {times} times" for plan, times in landed.items() if times > 1)


def alternatives_are_declared_and_worth_it(ledger: Ledger) -> Iterator[str]:
    """An alternative names what it replaces at its own nonce, outbids it, and keeps within its plan's ceiling."""
    by_hash = {tx.hash: tx for tx in ledger.transactions}
    for tx in ledger.transactions:
        if tx.kind == "plan" and tx.max_fee > ledger.plans[tx.plan].ceiling:
            yield f"bad bid: {tx.hash} offers {tx.max_fee}, its plan is worth {ledger.plans[tx.plan].ceiling}"

        old = by_hash.get(tx.replaces) if tx.replaces is not None else None
        if tx.replaces is None:
            continue

        if old is None or (old.sender, old.nonce) != (tx.sender, tx.nonce) or old.seq >= tx.seq:
            yield f"lost row: {tx.hash} replaces {tx.replaces}, which is not at its nonce before it"
        elif old.status != "refused" and not _outbids(old, tx):
            yield f"bad bid: {tx.hash} does not outbid {old.hash} by an eighth on both fields"


def _outbids(old: Transaction, new: Transaction) -> bool:
    pairs = ((old.max_fee, new.max_fee), (old.tip, new.tip))
    return all(after * BPS >= before * BUMP_BPS and after > before for before, after in pairs)


def steps_are_complete(ledger: Ledger) -> Iterator[str]:
    """Every row's state is the last of its recorded steps, the first is that it was signed."""
    for tx in ledger.transactions:
        if not tx.steps or tx.steps[0] != "signed" or tx.steps[-1] != tx.status:
            yield f"lost row: {tx.hash} is {tx.status}, its steps are {tx.steps}"


def everything_ended(ledger: Ledger, chain: Chain) -> Iterator[str]:
    """Nothing is under way: every transaction is settled, every plan has its end, and no pool holds anything."""
    for tx in ledger.transactions:
        if tx.status not in ENDED:
            yield f"lost row: {tx.hash} at nonce {tx.nonce} is still {tx.status}"

    ended = {tx.plan for tx in ledger.transactions if tx.status in ENDED}
    for plan in ledger.plans.values():
        if plan.id not in ended and plan.verdict in (None, "planned"):
            yield f"lost row: {plan.id} was planned and has no end"

    for sender, count in chain.pending.items():
        if count:
            yield f"nonce gap: {count} transactions of {sender} are still pending"
