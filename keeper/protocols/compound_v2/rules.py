"""What a comptroller says about itself: the contracts around it, its numbers, and which questions it answers.

Forks differ in which questions they answer. Which ones is found out once, each question alone and with little gas,
because an old native market takes any call it does not know for a deposit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.compound_v2 import abi
from keeper.protocols.compound_v2.math import NO_SPLIT, Split
from keeper.protocols.feeds import answer, call
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, address_at, addresses, encode, word
from keeper.types import ZERO_ADDRESS, Address, Call, Returned, to_checksum

PROBE_GAS: Final = 300_000
"""More than any getter takes that is asked of a contract which may not have it."""
REDEEM_ACTION, REPAY_ACTION, SEIZE_ACTION, LIQUIDATE_ACTION = 1, 3, 4, 5
"""ComptrollerStorage.Action of Venus."""
_OPTIONAL: Final = (
    abi.COMPTROLLER_IMPLEMENTATION,
    abi.FACET_ADDRESSES,
    abi.SEIZE_GUARDIAN_PAUSED,
    abi.PROTOCOL_PAUSED,
    abi.LIQUIDATOR_CONTRACT,
    abi.REDEEM_FEE,
    abi.VAI_CONTROLLER,
)
_OPTIONAL_OF_A_MARKET: Final = (abi.IS_DEPRECATED, abi.FORCED_LIQUIDATION, abi.USER_POOL)


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts of one deployment, and what its comptroller can be asked.

    `code` names the comptroller's implementation, as it says it. `liquidator` is who alone may liquidate, None where
    anybody may, and `of_bonus` how that contract reckons its share. `vai` is Venus's stablecoin controller.
    """

    comptroller: Address
    oracle: Address
    liquidator: Address | None
    of_bonus: bool
    vai: Address | None
    code: bytes
    speaks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """The comptroller's numbers, all in wad; `paused` is everything at once."""

    close_factor: int
    incentive: int
    redeem_fee: int
    split: Split
    paused: bool


def read_markets(comptroller: Address) -> Reads[tuple[Address, ...]]:
    """Ask for all cTokens; `DecodeError` if this is no comptroller."""
    listed, oracle = yield from ask(call(comptroller, abi.GET_ALL_MARKETS), call(comptroller, abi.ORACLE))
    if not (listed.ok and len(listed.data) >= 2 * WORD and oracle.ok and len(oracle.data) == WORD):
        raise DecodeError(f"{to_checksum(comptroller)} does not answer like a Comptroller of Compound V2")

    return addresses(listed.data)


def read_dialect(comptroller: Address) -> Reads[frozenset[str]]:
    """Find out which questions only some forks answer."""
    probes = [
        *(Call(comptroller, encode(getter), gas=PROBE_GAS) for getter in _OPTIONAL),
        Call(comptroller, encode(abi.ACTION_PAUSED, ZERO_ADDRESS, LIQUIDATE_ACTION), gas=PROBE_GAS),
        *(Call(comptroller, encode(getter, ZERO_ADDRESS), gas=PROBE_GAS) for getter in _OPTIONAL_OF_A_MARKET),
    ]
    answers = yield from ask(*probes)
    names = (*_OPTIONAL, abi.ACTION_PAUSED, *_OPTIONAL_OF_A_MARKET)
    return frozenset(name for name, a in zip(names, answers, strict=True) if a.ok and len(a.data) >= WORD)


def read_contracts(comptroller: Address, speaks: frozenset[str]) -> Reads[Contracts]:
    """Ask for the contracts around the comptroller and for its own code."""
    asked = [getter for getter in _CONTRACT_GETTERS if getter == abi.ORACLE or getter in speaks]
    answers = yield from ask(*(call(comptroller, getter) for getter in asked))
    found = _by_name(asked, answers, comptroller)
    liquidator = _address(found.get(abi.LIQUIDATOR_CONTRACT))
    of_bonus = False
    if liquidator is not None:
        (reserve,) = yield from ask(Call(liquidator, encode(abi.PROTOCOL_SHARE_RESERVE), gas=PROBE_GAS))
        of_bonus = reserve.ok and len(reserve.data) == WORD

    return Contracts(
        comptroller=comptroller,
        oracle=address_at(found[abi.ORACLE], 0),
        liquidator=liquidator,
        of_bonus=of_bonus,
        vai=_address(found.get(abi.VAI_CONTROLLER)),
        code=found.get(abi.COMPTROLLER_IMPLEMENTATION, b"") + found.get(abi.FACET_ADDRESSES, b""),
        speaks=speaks,
    )


def read_rules(contracts: Contracts) -> Reads[Rules]:
    """Ask for what governance may change without a word."""
    comptroller, speaks = contracts.comptroller, contracts.speaks
    asked = [abi.CLOSE_FACTOR, abi.LIQUIDATION_INCENTIVE]
    asked += [getter for getter in (abi.REDEEM_FEE, abi.PROTOCOL_PAUSED, abi.SEIZE_GUARDIAN_PAUSED) if getter in speaks]
    requests = [call(comptroller, getter) for getter in asked]
    if contracts.liquidator is not None:
        requests.append(call(contracts.liquidator, abi.LIQUIDATOR_SHARE))

    answers = yield from ask(*requests)
    found = {name: word(data, 0) for name, data in _by_name(asked, answers[: len(asked)], comptroller).items()}
    incentive = found[abi.LIQUIDATION_INCENTIVE]
    split = NO_SPLIT
    if contracts.liquidator is not None:
        percent = word(answer(answers[-1], abi.LIQUIDATOR_SHARE, contracts.liquidator), 0)
        split = Split(percent, incentive, contracts.of_bonus)

    return Rules(
        close_factor=found[abi.CLOSE_FACTOR],
        incentive=incentive,
        redeem_fee=found.get(abi.REDEEM_FEE, 0),
        split=split,
        paused=bool(found.get(abi.PROTOCOL_PAUSED, 0) or found.get(abi.SEIZE_GUARDIAN_PAUSED, 0)),
    )


_CONTRACT_GETTERS: Final = (
    abi.ORACLE,
    abi.LIQUIDATOR_CONTRACT,
    abi.VAI_CONTROLLER,
    abi.COMPTROLLER_IMPLEMENTATION,
    abi.FACET_ADDRESSES,
)


def _by_name(names: Sequence[str], answers: Sequence[Returned], asked: Address) -> dict[str, bytes]:
    return {name: answer(returned, name, asked) for name, returned in zip(names, answers, strict=True)}


def _address(data: bytes | None) -> Address | None:
    found = None if data is None else address_at(data, 0)
    return None if found == ZERO_ADDRESS else found
