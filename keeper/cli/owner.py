"""What the executor's owner does, from a configuration and a key to the chain and back; `executor.py` has the verbs."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keeper.app.keys import operators_of
from keeper.app.permissions import wanted_allowlist
from keeper.app.run import open_chain_of
from keeper.chain.live import LiveChain
from keeper.config.model import ExecutorConfig, KeeperConfig
from keeper.errors import ConfigError, ExecutorError
from keeper.execution.allowlist import Allowlist, missing, surplus
from keeper.execution.artifact import ExecutorParams, create2_address, executor_creation_code
from keeper.execution.deploy import Wallet, configure_call, deploy_executor, head_of, role_call, send_all, sweep_call
from keeper.execution.verify import ExecutorState, findings, read_executor
from keeper.protocols.reads import ask
from keeper.types import ZERO_ADDRESS, Address, BalanceAt, Call, Returned, TokenAmount, to_checksum

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_BALANCE_OF = bytes.fromhex("70a08231")  # balanceOf(address)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the operator says an executor should be; None is not said, and taken as it is found."""

    owner: Address | None = None
    guardian: Address | None = None
    treasury: Address | None = None
    operators: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """Calls the owner should make, and what they change, in words; `sent` says that they were made."""

    calls: tuple[Call, ...]
    changes: tuple[str, ...]
    sent: bool


async def deploy(
    config: KeeperConfig, payer: "LocalAccount", params: ExecutorParams, salt: bytes
) -> tuple[ExecutorState, int]:
    """Deploy and read back; the block number is one its events can be read from."""
    async with _chain(config) as chain:
        before = await head_of(chain)
        was_there = await chain.code(create2_address(executor_creation_code(params), salt))
        address = await deploy_executor(chain, Wallet(chain, payer), params, salt)
        # Of one that was there already nobody knows since when, and events left out would be taken for missing.
        block = 0 if was_there else before.number
        return await read_executor(chain, address, block), block


async def verify(config: KeeperConfig, expected: Expected) -> tuple[ExecutorState, tuple[str, ...]]:
    """Read an executor and say what differs from the configuration and from what was expected."""
    async with _chain(config) as chain:
        state = await _read(config, chain)
        wanted = await wanted_allowlist(config, chain)

    params = ExecutorParams(
        owner=expected.owner or state.owner,
        guardian=expected.guardian or state.guardian,
        treasury=expected.treasury or state.treasury,
        wrapped_native=config.chain.wrapped_native,
        operators=expected.operators or _operators(config) or tuple(state.operators),
        atlas=state.atlas,
    )
    found = findings(state, params, _as_pinned(wanted, state), config.chain.id)
    if state.owner in state.operators:
        found = (*found, "the owner is an operator too: whoever steals the hot key owns the executor")

    return state, found


async def allow(config: KeeperConfig, owner: "LocalAccount | None", *, prune: bool) -> Prepared:
    """Bring the allow-list to what the configuration needs; entries nobody needs are taken out with `prune`."""
    async with _chain(config) as chain:
        state = await _read(config, chain)
        wanted = _as_pinned(await wanted_allowlist(config, chain), state)
        change = missing(wanted, state.allowlist)
        if prune:
            change = change + surplus(wanted, state.allowlist)

        calls = (configure_call(state.address, change),) if change else ()
        return await _carry_out(chain, state, owner, calls, _entries(change))


async def sweep(config: KeeperConfig, owner: "LocalAccount | None", tokens: Sequence[Address]) -> Prepared:
    """Send what the executor holds to its treasury: the tokens named, or everything it lists and the native token."""
    async with _chain(config) as chain:
        state = await _read(config, chain)
        listed = tokens or (ZERO_ADDRESS, *(listing.token for listing in state.allowlist.listings))
        held = await _holdings(chain, state.address, listed)
        calls = tuple(sweep_call(state.address, token) for token, _ in held)
        return await _carry_out(chain, state, owner, calls, [f"{amount} of {_name(token)}" for token, amount in held])


async def rule(
    config: KeeperConfig, account: "LocalAccount | None", signature: str, arguments: tuple[Address | int, ...]
) -> Prepared:
    """Make one of the calls by which the owner rules the contract; the guardian may pause it too."""
    async with _chain(config) as chain:
        state = await _read(config, chain)
        call = role_call(state.address, signature, *arguments)
        shown = [to_checksum(each) if isinstance(each, bytes) else str(bool(each)).lower() for each in arguments]
        allowed = (state.owner, state.guardian) if signature == "pause()" else (state.owner,)
        change = f"{signature.partition('(')[0]} {' '.join(shown)}".strip()
        return await _carry_out(chain, state, account, (call,), [change], allowed)


@asynccontextmanager
async def _chain(config: KeeperConfig) -> AsyncIterator[LiveChain]:
    chain = await open_chain_of(config)
    try:
        yield chain
    finally:
        await chain.close()


def executor_of(config: KeeperConfig) -> ExecutorConfig:
    """Return the `[executor]` table; `ConfigError` where the configuration has none."""
    if config.executor is None:
        raise ConfigError("this needs an [executor] table with the address `keeper executor deploy` printed")

    return config.executor


async def _read(config: KeeperConfig, chain: LiveChain) -> ExecutorState:
    named = executor_of(config)
    state = await read_executor(chain, named.address, named.start_block)
    if named.code_hash is not None and state.code_hash != named.code_hash:
        raise ExecutorError(
            f"the code at {to_checksum(named.address)} hashes to 0x{state.code_hash.hex()}, "
            "which is not what [executor] code_hash pins",
            executor=to_checksum(named.address),
        )

    return state


async def _carry_out(  # noqa: PLR0913  # what every call of the owner needs
    chain: LiveChain,
    state: ExecutorState,
    owner: "LocalAccount | None",
    calls: tuple[Call, ...],
    changes: Sequence[str],
    allowed: Sequence[Address] = (),
) -> Prepared:
    """Send the owner's calls, or only hand them back where no key was given; `allowed` is the owner alone if empty."""
    if owner is None or not calls:
        return Prepared(calls, tuple(changes), sent=owner is not None)

    wallet = Wallet(chain, owner)
    if wallet.address not in (allowed or (state.owner,)):
        raise ExecutorError(
            f"the executor's owner is {to_checksum(state.owner)}, the key given is {to_checksum(wallet.address)}: "
            "name the owner's keystore with --keystore, or let --propose print the calls for it",
            owner=to_checksum(state.owner),
        )

    await send_all(wallet, calls)
    return Prepared(calls, tuple(changes), sent=True)


async def _holdings(chain: LiveChain, executor: Address, tokens: Iterable[Address]) -> list[TokenAmount]:
    listed = list(dict.fromkeys(tokens))
    head = await head_of(chain)
    answers = await chain.reads(
        ask(
            *(
                BalanceAt(executor) if token == ZERO_ADDRESS else Call(token, _BALANCE_OF + executor.rjust(32, b"\0"))
                for token in listed
            )
        ),
        head,
    )
    amounts = [TokenAmount(token, _amount(answer)) for token, answer in zip(listed, answers, strict=True)]
    return [held for held in amounts if held.amount]


def _amount(answer: Returned) -> int:
    return int.from_bytes(answer.data) if answer.ok and len(answer.data) == 32 else 0


def _operators(config: KeeperConfig) -> tuple[Address, ...]:
    return operators_of(config)


def _as_pinned(wanted: Allowlist, state: ExecutorState) -> Allowlist:
    """Keep the owner's pins: a listed token that is watched in every frame is not less than a listed one."""
    pinned = {listing.token for listing in state.allowlist.listings if listing.pinned}
    return replace(wanted, listings=tuple(replace(each, pinned=each.token in pinned) for each in wanted.listings))


def _entries(change: Allowlist) -> list[str]:
    return [
        *(f"{rule.kind.name.lower()} {to_checksum(rule.target)} 0x{rule.selector.hex()}" for rule in change.rules),
        *(f"{'token' if each.listed else 'no token'} {to_checksum(each.token)}" for each in change.listings),
        *(
            f"{'factory' if any(each.init_code_hash) else 'no factory'} {to_checksum(each.factory)}"
            for each in change.factories
        ),
    ]


def _name(token: Address) -> str:
    return "the native token" if token == ZERO_ADDRESS else to_checksum(token)
