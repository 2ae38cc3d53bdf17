"""What an executor on the chain is, held against what it should be: code, roles, allow-list.

The allow-list is read from the executor's own events, so that entries nobody remembers show up too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak

from keeper.errors import DecodeError, ExecutorError
from keeper.execution.allowlist import Allowlist, Factory, Kind, Listing, Rule, missing, surplus
from keeper.execution.artifact import ExecutorParams, load_artifact
from keeper.execution.deploy import OwnerChain, head_of
from keeper.protocols.reads import Reads, ask
from keeper.types import ZERO_ADDRESS, Address, Call, Log, LogQuery, to_checksum

_RULE_SET: Final = keccak(text="RuleSet(address,bytes4,uint8,bytes4,address)")
_TOKEN_SET: Final = keccak(text="TokenSet(address,bool,bool)")
_FACTORY_SET: Final = keccak(text="FactorySet(address,bytes32)")
_OPERATOR_SET: Final = keccak(text="OperatorSet(address,bool)")
_TOPICS: Final = (_RULE_SET, _TOKEN_SET, _FACTORY_SET, _OPERATOR_SET)


@dataclass(frozen=True, slots=True)
class ExecutorState:
    """An executor as the chain has it; `code_hash` is what a configuration pins."""

    address: Address
    code_hash: bytes
    owner: Address
    guardian: Address
    treasury: Address
    proposed_treasury: Address
    wrapped_native: Address
    atlas: Address
    chain_id: int
    paused: bool
    operators: frozenset[Address]
    allowlist: Allowlist


async def read_executor(chain: OwnerChain, executor: Address, from_block: int = 0) -> ExecutorState:
    """Read all there is; `from_block` is any block up to the one it was deployed in."""
    code = await chain.code(executor)

    if not code:
        raise ExecutorError(f"no contract at {to_checksum(executor)}", executor=to_checksum(executor))

    artifact = load_artifact()

    if not artifact.is_code_of(code):
        raise ExecutorError(
            f"the contract at {to_checksum(executor)} is not the executor of this version of keeper: "
            f"its code hashes to 0x{keccak(code).hex()}",
            executor=to_checksum(executor),
        )

    head = await head_of(chain)
    guardian, treasury, proposed, paused = await chain.reads(_roles(executor), head)
    logs = await chain.logs([LogQuery((executor,), (_TOPICS,))], from_block, head)
    return ExecutorState(
        address=executor,
        code_hash=bytes(keccak(code)),
        owner=_address(artifact.immutable(code, "owner")),
        guardian=guardian,
        treasury=treasury,
        proposed_treasury=proposed,
        wrapped_native=_address(artifact.immutable(code, "wrappedNative")),
        atlas=_address(artifact.immutable(code, "atlas")),
        chain_id=artifact.immutable(code, "chainId"),
        paused=paused,
        operators=operators_of(logs),
        allowlist=allowlist_of(logs),
    )


def findings(state: ExecutorState, params: ExecutorParams, allowlist: Allowlist, chain_id: int) -> tuple[str, ...]:
    """Say what differs from what should be, one sentence each; nothing means all is well."""
    found = [
        f"{name} is {_show(actual)}, not {_show(wanted)}"
        for name, actual, wanted in (
            ("owner", state.owner, params.owner),
            ("guardian", state.guardian, params.guardian),
            ("treasury", state.treasury, params.treasury),
            ("wrapped native token", state.wrapped_native, params.wrapped_native),
            ("Atlas", state.atlas, params.atlas),
        )
        if actual != wanted
    ]

    if state.chain_id != chain_id:
        found.append(f"it was deployed for chain {state.chain_id}, this is {chain_id}")

    if state.paused:
        found.append("it is paused")

    if state.proposed_treasury != ZERO_ADDRESS:
        found.append(f"a new treasury is proposed: {_show(state.proposed_treasury)}")

    wanted_operators = frozenset(params.operators)
    found += [f"operator {_show(each)} is missing" for each in sorted(wanted_operators - state.operators)]
    found += [f"operator {_show(each)} is one too many" for each in sorted(state.operators - wanted_operators)]
    found += [f"{each} is missing" for each in _entries(missing(allowlist, state.allowlist))]
    found += [f"{each} is one too many" for each in _entries(surplus(allowlist, state.allowlist))]
    return tuple(found)


# Events -------------------------------------------------------------------------------------------------------------


def operators_of(logs: Sequence[Log]) -> frozenset[Address]:
    """Fold the operator set out of an executor's events, which are in order."""
    allowed = {_topic_address(log, 1): _word(log, 0) == 1 for log in logs if log.topics[0] == _OPERATOR_SET}
    return frozenset(operator for operator, is_allowed in allowed.items() if is_allowed)


def allowlist_of(logs: Sequence[Log]) -> Allowlist:
    """Fold the allow-list out of an executor's events, which are in order."""
    rules: dict[tuple[Address, bytes], Rule] = {}
    listings: dict[Address, Listing] = {}
    factories: dict[Address, Factory] = {}

    for log in logs:
        subject = _topic_address(log, 1)

        if log.topics[0] == _RULE_SET:
            rule = _rule(log, subject)
            rules[subject, rule.selector] = rule
        elif log.topics[0] == _TOKEN_SET:
            listings[subject] = Listing(subject, listed=_word(log, 0) == 1, pinned=_word(log, 1) == 1)
        elif log.topics[0] == _FACTORY_SET:
            factories[subject] = Factory(subject, log.data[:32])

    return Allowlist(
        tuple(rule for rule in rules.values() if rule.kind is not Kind.NONE),
        tuple(listing for listing in listings.values() if listing.listed),
        tuple(factory for factory in factories.values() if any(factory.init_code_hash)),
    )


def _rule(log: Log, target: Address) -> Rule:
    spender = _address(_word(log, 2))
    kind = Kind(_word(log, 0))
    return Rule(target, log.topics[2][:4], kind, None if spender == ZERO_ADDRESS else spender, log.data[32:36])


def _topic_address(log: Log, index: int) -> Address:
    if len(log.topics) <= index:
        raise DecodeError("an executor's event lacks a topic", tx_hash=log.tx_hash.hex())

    return Address(log.topics[index][12:])


def _word(log: Log, index: int) -> int:
    piece = log.data[32 * index : 32 * index + 32]

    if len(piece) != 32:
        raise DecodeError("an executor's event is cut off", tx_hash=log.tx_hash.hex())

    return int.from_bytes(piece, "big")


# Reading and showing ------------------------------------------------------------------------------------------------


def _roles(executor: Address) -> Reads[tuple[Address, Address, Address, bool]]:
    getters = ("guardian()", "treasury()", "proposedTreasury()", "paused()")
    answers = yield from ask(*(Call(executor, keccak(text=getter)[:4]) for getter in getters))

    if not all(answer.ok and len(answer.data) == 32 for answer in answers):
        raise ExecutorError(f"{to_checksum(executor)} does not answer as an executor does")

    guardian, treasury, proposed = (Address(answer.data[12:]) for answer in answers[:3])
    return guardian, treasury, proposed, any(answers[3].data)


def _entries(allowlist: Allowlist) -> list[str]:
    return [
        *(f"rule {rule.kind.name} for {_show(rule.target)} 0x{rule.selector.hex()}" for rule in allowlist.rules),
        *(f"listing of token {_show(listing.token)}" for listing in allowlist.listings),
        *(f"factory {_show(factory.factory)}" for factory in allowlist.factories),
    ]


def _address(value: int) -> Address:
    return Address(value.to_bytes(20, "big"))


def _show(address: Address) -> str:
    return "nobody" if address == ZERO_ADDRESS else to_checksum(address)
