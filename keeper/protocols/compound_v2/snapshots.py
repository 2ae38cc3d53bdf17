"""Accounts read whole from the chain: cTokens, memberships, and debts as the contract keeps them.

No function tells a debt's principal and index, only what it comes to. Both lie side by side in a mapping whose slot
is found by looking for a pair that gives just that; where it is not found, what the debt comes to is taken as its
principal, which is right but for a unit or two.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from eth_utils.crypto import keccak

from keeper.protocols.compound_v2 import abi, math
from keeper.protocols.compound_v2.account import Account, Loan
from keeper.protocols.compound_v2.roster import Roster
from keeper.protocols.compound_v2.rules import Contracts
from keeper.protocols.feeds import answer, call
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, addresses, word
from keeper.types import Address, PositionKey, Request, Returned, StorageAt, account_of

ACCOUNTS_PER_ROUND: Final = 32
"""Accounts reread in one round: a few thousand calls, which the shell splits further."""
SLOTS: Final = range(64)
"""Where the mapping of debts may lie; in every fork known it is among the first thirty."""


@dataclass(slots=True)
class Slots:
    """Where each market keeps its debts, by place; None where that was looked for in vain."""

    known: dict[int, int | None] = field(default_factory=dict)


def read_accounts(
    contracts: Contracts, roster: Roster, keys: Collection[PositionKey], slots: Slots
) -> Reads[dict[PositionKey, Account]]:
    """Read accounts as the chain has them; learns slots on the way."""
    order = sorted(keys)
    found: dict[PositionKey, Account] = {}
    for start in range(0, len(order), ACCOUNTS_PER_ROUND):
        found |= yield from _read_chunk(contracts, roster, order[start : start + ACCOUNTS_PER_ROUND], slots)

    return found


def _read_chunk(
    contracts: Contracts, roster: Roster, keys: Sequence[PositionKey], slots: Slots
) -> Reads[dict[PositionKey, Account]]:
    requests: list[Request] = [call(token, abi.BORROW_INDEX) for token in roster.tokens]
    for key in keys:
        requests += _questions(contracts, roster, key)

    coming = iter((yield from ask(*requests)))
    indices = [_number(next(coming)) for _ in roster.tokens]
    found = {key: _account(contracts, roster, indices, coming) for key in keys}
    owing = [(key, loan) for key, account in found.items() for loan in account.borrowed]
    exact = yield from _read_loans(roster, owing, slots)
    for (key, _), loan in zip(owing, exact, strict=True):
        found[key] = found[key].with_loan(loan)

    return found


def _questions(contracts: Contracts, roster: Roster, key: PositionKey) -> Iterator[Request]:
    yield call(contracts.comptroller, abi.GET_ASSETS_IN, key)
    for token in roster.tokens:
        yield call(token, abi.BALANCE_OF, key)
        yield call(token, abi.BORROW_BALANCE, key)

    if abi.USER_POOL in contracts.speaks:
        yield call(contracts.comptroller, abi.USER_POOL, key)

    if contracts.liquidator is not None:
        yield call(contracts.liquidator, abi.LIQUIDATION_RESTRICTED, key)

    if contracts.vai is not None:
        yield call(contracts.vai, abi.VAI_REPAY_AMOUNT, key)


def _account(contracts: Contracts, roster: Roster, indices: Sequence[int], coming: Iterator[Returned]) -> Account:
    """Take one account's answers; a market that does not answer keeps nothing of it, and is set aside elsewhere."""
    entered = addresses(answer(next(coming), abi.GET_ASSETS_IN, contracts.comptroller))
    account = Account()
    for place, index in enumerate(indices):
        account = account.with_tokens(place, _number(next(coming)))
        account = account.with_loan(Loan(place, _number(next(coming)), index))

    for token in entered:
        if token in roster.places:
            account = account.with_entered(roster.places[token], entered=True)

    pool = abi.USER_POOL in contracts.speaks and _number(next(coming)) > 0
    restricted = contracts.liquidator is not None and _number(next(coming)) > 0
    mints = contracts.vai is not None and _number(next(coming)) > 0
    return replace(account, pool=pool, restricted=restricted, mints=mints)


# Debts as they are kept --------------------------------------------------------------------------------------------


def _read_loans(roster: Roster, owing: Sequence[tuple[PositionKey, Loan]], slots: Slots) -> Reads[list[Loan]]:
    """Replace what debts come to by principal and index."""
    yield from _learn(roster, owing, slots)
    wanted = [(key, loan) for key, loan in owing if slots.known[loan.place] is not None]
    requests = [
        request
        for key, loan in wanted
        for request in _words(roster.tokens[loan.place], key, slots.known[loan.place] or 0)
    ]
    answers = yield from ask(*requests)
    read = {(key, loan.place): _loan(loan, answers[2 * i], answers[2 * i + 1]) for i, (key, loan) in enumerate(wanted)}
    return [read.get((key, loan.place)) or loan for key, loan in owing]


def _learn(roster: Roster, owing: Sequence[tuple[PositionKey, Loan]], slots: Slots) -> Reads[None]:
    """Look for the slot of markets whose slot was not looked for, each by one of its borrowers."""
    samples: Mapping[int, tuple[PositionKey, Loan]] = {
        loan.place: (key, loan) for key, loan in owing if loan.place not in slots.known
    }
    requests = [
        request
        for place, (key, _) in samples.items()
        for slot in SLOTS
        for request in _words(roster.tokens[place], key, slot)
    ]
    if not requests:
        return

    answers = yield from ask(*requests)
    for i, (place, (_, loan)) in enumerate(samples.items()):
        mine = answers[2 * len(SLOTS) * i : 2 * len(SLOTS) * (i + 1)]
        fitting = [slot for slot in SLOTS if _loan(loan, mine[2 * slot], mine[2 * slot + 1]) is not None]
        slots.known[place] = fitting[0] if len(fitting) == 1 else None


def _words(token: Address, key: PositionKey, slot: int) -> tuple[StorageAt, StorageAt]:
    base = int.from_bytes(keccak(account_of(key).rjust(WORD, b"\0") + slot.to_bytes(WORD, "big")), "big")
    return StorageAt(token, base), StorageAt(token, base + 1)


def _loan(known: Loan, principal: Returned, index: Returned) -> Loan | None:
    """Read principal and index where they give the very amount the market says is owed at its index."""
    found = Loan(known.place, _number(principal), _number(index))
    if not 0 < found.interest_index <= known.interest_index:
        return None

    owed = math.borrow_balance(found.principal, found.interest_index, known.interest_index)
    return found if owed == known.principal else None


def _number(returned: Returned) -> int:
    return word(returned.data, 0) if returned.ok and len(returned.data) == WORD else 0
