"""Reading what lenders that are no lending deployment have today: the operator's vault, Balancer V2, ERC-3156.

A source that does not answer, is paused, empty, or charges what no whole number of basis points is, offers nothing.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from keeper.planning.funding import VAULT
from keeper.protocols.base import Lender
from keeper.protocols.reads import Reads, ask, gather_all
from keeper.protocols.words import encode, selector, word
from keeper.types import Address, Call, Returned
from keeper.units import BPS, WAD

LenderKind: TypeAlias = Literal["vault", "balancer_v2", "erc3156"]

BORROW: Final = {
    "vault": selector("lend(address,uint256,bytes)"),
    "balancer_v2": selector("flashLoan(address,address[],uint256[],bytes)"),
    "erc3156": selector("flashLoan(address,address,uint256,bytes)"),
}
"""What the executor calls to borrow, by kind."""
PULLS_BACK: Final = frozenset({"erc3156"})
"""Kinds that pull what they are owed; the others are paid by a transfer."""

_BALANCE: Final = "balanceOf(address)"
_CAPS: Final = "caps(address)"
_USES: Final = "uses(address)"
_PAUSED: Final = "getPausedState()"
_COLLECTOR: Final = "getProtocolFeesCollector()"
_PERCENTAGE: Final = "getFlashLoanFeePercentage()"
_MOST: Final = "maxFlashLoan(address)"
_FEE: Final = "flashFee(address,uint256)"
_DAY_S: Final = 86_400


class Source(NamedTuple):
    """A lender to ask, and what it is."""

    kind: LenderKind
    address: Address


def read_lenders(sources: Sequence[Source], tokens: Sequence[Address], timestamp: int) -> Reads[tuple[Lender, ...]]:
    """Ask every source what it lends of every token; `timestamp` (unix s) is that of the block aimed for."""
    found = yield from gather_all([_read(source, tokens, timestamp) for source in sources])
    return tuple(lender for lenders in found for lender in lenders)


def _read(source: Source, tokens: Sequence[Address], timestamp: int) -> Reads[list[Lender]]:
    match source.kind:
        case "vault":
            return _read_vault(source.address, tokens, timestamp // _DAY_S)
        case "balancer_v2":
            return _read_balancer(source.address, tokens)
        case "erc3156":
            return _read_erc3156(source.address, tokens)


def _read_vault(vault: Address, tokens: Sequence[Address], day: int) -> Reads[list[Lender]]:
    """What it holds, within what one loan and one day (UTC) may take. Source: Vault.lend of our own contracts."""
    calls = [
        call
        for token in tokens
        for call in (
            Call(token, encode(_BALANCE, vault)),
            Call(vault, encode(_CAPS, token)),
            Call(vault, encode(_USES, token)),
        )
    ]
    answers = yield from ask(*calls)
    found: list[Lender] = []
    for place, token in enumerate(tokens):
        held, caps, uses = answers[3 * place : 3 * place + 3]
        balance, per_loan, per_day = _word(held, 0), _word(caps, 0), _word(caps, 1)
        used_on, used = _word(uses, 0), _word(uses, 1)
        if balance is None or per_loan is None or per_day is None or used_on is None or used is None:
            continue

        left = per_day - used if used_on == day else per_day
        found += _lender(VAULT, vault, token, min(balance, per_loan, left), 0)

    return found


def _read_balancer(vault: Address, tokens: Sequence[Address]) -> Reads[list[Lender]]:
    """What the vault holds, at the fee its collector names. Source: FlashLoans.flashLoan, Balancer V2."""
    paused, collector, *held = yield from ask(
        Call(vault, encode(_PAUSED)),
        Call(vault, encode(_COLLECTOR)),
        *(Call(token, encode(_BALANCE, vault)) for token in tokens),
    )
    keeps = _word(collector, 0)
    if _word(paused, 0) != 0 or keeps is None:
        return []

    (answer,) = yield from ask(Call(Address(keeps.to_bytes(20, "big")), encode(_PERCENTAGE)))
    percentage = _word(answer, 0)
    if percentage is None or percentage * BPS % WAD:
        return []

    fee_bps = percentage * BPS // WAD
    return [
        lender
        for token, balance in zip(tokens, held, strict=True)
        for lender in _lender("balancer_v2", vault, token, _word(balance, 0) or 0, fee_bps)
    ]


def _read_erc3156(lender: Address, tokens: Sequence[Address]) -> Reads[list[Lender]]:
    """What it says it lends, at the fee it asks for all of that. Source: ERC-3156, IERC3156FlashLender."""
    most = yield from ask(*(Call(lender, encode(_MOST, token)) for token in tokens))
    lent = {token: amount for token, answer in zip(tokens, most, strict=True) if (amount := _word(answer, 0))}
    fees = yield from ask(*(Call(lender, encode(_FEE, token, amount // BPS * BPS)) for token, amount in lent.items()))
    found: list[Lender] = []
    for (token, amount), answer in zip(lent.items(), fees, strict=True):
        fee, whole = _word(answer, 0), amount // BPS * BPS
        if fee is not None and whole and fee * BPS % whole == 0:
            found += _lender("erc3156", lender, token, amount, fee * BPS // whole)

    return found


def _lender(kind: str, lender: Address, token: Address, available: int, fee_bps: int) -> list[Lender]:
    if available <= 0 or fee_bps >= BPS:
        return []

    return [Lender(kind, lender, token, available, fee_bps, fee_rounds_up=True)]


def _word(returned: Returned, index: int) -> int | None:
    """A word of an answer, None where there is none: a revert, an account without code, a short answer."""
    if not returned.ok or len(returned.data) < 32 * (index + 1):
        return None

    return word(returned.data, index)
