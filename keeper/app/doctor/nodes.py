"""Checks of the endpoints, each by itself: reachable, on the right chain, up to date, able to do what a run asks."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeAlias

from keeper.app.doctor.finding import Finding, failed, from_error, passed, warned
from keeper.chain.live import ChainSettings, LiveChain, open_chain
from keeper.chain.port import Hypothesis
from keeper.chain.vigil import DEVELOPMENT_CHAINS, MAX_SKEW_S
from keeper.config.model import ChainConfig, KeeperConfig
from keeper.config.urls import RpcUrl
from keeper.errors import KeeperError
from keeper.mind import Pace
from keeper.types import ZERO_ADDRESS, BlockHead, Call

Finder: TypeAlias = Callable[[str, str, str], Finding]

_REACH_BLOCKS: Final = 64
"""How far back a run rereads after a reorg."""
_ARCHIVE_BLOCKS: Final = 10_000
_LATE_BLOCKS: Final = 3
_CLOCK_FAIL_S: Final = 60
_SET_CLOCK: Final = "set this machine's clock (chrony, ntpd)"


async def check_nodes(config: KeeperConfig) -> AsyncIterator[Finding]:
    """Look at every endpoint, then whether they agree."""
    heads: list[BlockHead] = []
    for place, url in enumerate(config.chain.rpc, 1):
        check = f"node {place}"
        try:
            chain = await open_chain(
                ChainSettings(config.chain.id, (url,), config.chain.multicall3, genesis=config.chain.genesis)
            )
        except KeeperError as error:
            yield from_error(check, error, "start the node, or correct [chain] rpc")
            continue

        try:
            async for finding in _check_node(check, url, chain, config):
                yield finding

            head = await chain.latest()
            heads += [] if head is None else [head]
        except KeeperError as error:
            yield from_error(check, error)
        finally:
            await chain.close()

    if heads:
        yield _agreement(heads)

    warning = warn_of_one_provider(config.chain.rpc)
    if warning is not None:
        yield warning


def warn_of_one_provider(endpoints: Sequence[RpcUrl]) -> Finding | None:
    """Warn where everything hangs on one provider: nobody answers when it fails, nobody contradicts when it lies."""
    if len(endpoints) == 1:
        return warned("nodes", "only one endpoint", "name a second one in [chain] rpc: nodes fail")

    if len({url.place for url in endpoints}) == 1:
        text = f"all {len(endpoints)} endpoints are at one place, {endpoints[0].place}"
        return warned("nodes", text, "name one of another operator in [chain] rpc: they fail, and err, together")

    return None


async def _check_node(check: str, url: RpcUrl, chain: LiveChain, config: KeeperConfig) -> AsyncIterator[Finding]:
    head = await chain.latest()
    if head is None:
        yield failed(check, f"{url} names no head", "wait until the node is synced")
        return

    yield _age(check, url, head, config.chain)
    yield _clock(check, head, config.chain.block_time_s)
    target = Pace(config.chain.block_time_s).target(head)
    try:
        await chain.simulate(Call(ZERO_ADDRESS, b""), head, Hypothesis(target, ZERO_ADDRESS))
        yield passed(check, "simulates in the block it aims for (eth_call with block overrides)")
    except KeeperError as error:
        yield from_error(check, error, "use a node whose eth_call takes block overrides: nothing is sent unsimulated")

    try:
        calls = (Call(ZERO_ADDRESS, b""),) * 2
        await chain.simulate_in_turn(calls, head, Hypothesis(target, ZERO_ADDRESS))
        yield passed(check, "simulates several plans in turn (eth_simulateV1)")
    except KeeperError as error:
        hint = "use a node with eth_simulateV1, or set max_plans_per_block = 1"
        yield warned(check, f"cannot simulate several plans of one block: {error.message}", hint)

    yield await _history(check, chain, head, _grave(config.chain))


def _grave(chain: ChainConfig) -> Finder:
    """How grave it is that a chain stands still or has no past: not at all where a developer keeps it."""
    return warned if chain.id in DEVELOPMENT_CHAINS else failed


def _age(check: str, url: RpcUrl, head: BlockHead, chain: ChainConfig) -> Finding:
    age_s = int(time.time()) - head.timestamp
    text = f"{url}: block {head.number}, {age_s} s old"
    if age_s > 10 * chain.block_time_s + _CLOCK_FAIL_S:
        return _grave(chain)(check, text, "the node is behind, or this machine's clock ahead: wait for it to sync")

    return passed(check, text)


def _clock(check: str, head: BlockHead, block_time_s: int) -> Finding:
    ahead_s = head.timestamp - int(time.time())
    if ahead_s > _CLOCK_FAIL_S + block_time_s:
        return failed(
            check, f"the newest block is {ahead_s} s in the future", "set this machine's clock (chrony, ntpd)"
        )

    if ahead_s > MAX_SKEW_S:
        return warned(
            check, f"the newest block is {ahead_s} s in the future", "set this machine's clock (chrony, ntpd)"
        )

    return passed(check, "the clock agrees with the chain")


async def _history(check: str, chain: LiveChain, head: BlockHead, grave: Finder) -> Finding:
    """Ask for old state: recent state is needed after a reorg, older state only to explain the past."""
    for reach in (_ARCHIVE_BLOCKS, _REACH_BLOCKS):
        number = max(head.number - reach, 0)
        answer = await chain.endpoints.call("eth_getBalance", "0x" + bytes(ZERO_ADDRESS).hex(), hex(number))
        if answer.fault is None:
            if reach == _ARCHIVE_BLOCKS:
                return passed(check, f"has the state of {head.number - number:,} blocks ago")

            hint = "enough for a run; `keeper explain --block` further back needs an archive node"
            return warned(check, f"has the state of {reach} blocks ago, but not of {_ARCHIVE_BLOCKS:,}", hint)

    hint = f"use a node that keeps at least {_REACH_BLOCKS} blocks of state"
    return grave(check, f"has no state of {_REACH_BLOCKS} blocks ago: a reorg could not be followed", hint)


def _agreement(heads: list[BlockHead]) -> Finding:
    numbers = [head.number for head in heads]
    if max(numbers) - min(numbers) > _LATE_BLOCKS:
        text = f"endpoints are {max(numbers) - min(numbers)} blocks apart"
        return warned("nodes", text, "the one behind will be passed over until it catches up")

    if len({head.hash for head in heads if head.number == max(numbers)}) > 1:
        return warned("nodes", f"endpoints differ about block {max(numbers)}", "a fork at the tip; look again")

    return passed("nodes", f"{len(heads)} answering, at block {max(numbers)}")
