"""Checks of what is on the chain: the native price, each deployment, each venue, and the executor with its rights."""

from collections.abc import AsyncIterator

from keeper.app.doctor.finding import Finding, failed, from_error, passed, warned
from keeper.app.executor import check_executor
from keeper.app.permissions import wanted_allowlist
from keeper.app.wiring import build_adapter
from keeper.chain.live import LiveChain
from keeper.config.model import Deployment, KeeperConfig, Venue
from keeper.errors import KeeperError
from keeper.execution.allowlist import missing
from keeper.execution.verify import read_executor
from keeper.mind import Pace
from keeper.oracles.feeds import read_feed
from keeper.types import Address, BlockHead, Reason, to_checksum
from keeper.units import USD


async def check_contracts(config: KeeperConfig, chain: LiveChain, *, live: bool) -> AsyncIterator[Finding]:
    """Look at everything the configuration names, at the newest block."""
    head = await chain.latest()
    if head is None:
        yield failed("chain", "no node names a head", "wait until the node is synced")
        return

    yield await _native_price(config, chain, head)
    for deployment in config.deployments:
        yield await _deployment(deployment, config, chain, head)

    for venue in config.venues:
        yield await _venue(venue, chain)

    async for finding in _executor(config, chain, live=live):
        yield finding


async def _native_price(config: KeeperConfig, chain: LiveChain, head: BlockHead) -> Finding:
    check, feed = "native price", to_checksum(config.chain.native_usd)
    answer = await chain.reads(read_feed(config.chain.native_usd, head.timestamp - config.assets.max_price_age_s), head)
    if isinstance(answer, Reason):
        hint = "correct [chain] native_usd; nothing is planned while gas cannot be valued"
        return failed(check, f"{feed} gives no price that can be used ({answer.value})", hint)

    return passed(check, f"{answer.usd / USD:,.2f} USD, {head.timestamp - answer.updated_at} s old")


async def _deployment(table: Deployment, config: KeeperConfig, chain: LiveChain, head: BlockHead) -> Finding:
    """Bring a deployment up as a run would, short of its accounts, and count the prices it has."""
    check = f"deployment {table.name}"
    adapter = build_adapter(table)
    try:
        await chain.reads(adapter.sync.bootstrap(head), head)
        target = Pace(config.chain.block_time_s).target(head)
        market = await chain.reads(adapter.sync.observe(head, target), head)
    except KeeperError as error:
        return from_error(check, error)

    oldest = head.timestamp - config.assets.max_price_age_s
    prices = market.token_prices()
    ages = {token: price.updated_at for token, price in prices.items() if price.updated_at is not None}
    stale = sorted(to_checksum(token) for token, updated_at in ages.items() if updated_at < oldest)
    if stale:
        text = f"{len(stale)} of {len(prices)} prices are stale: {', '.join(stale)}"
        return warned(check, text, "positions that need them are declined until its oracle moves")

    return passed(check, f"{table.adapter}, {len(prices)} prices")


async def _venue(table: Venue, chain: LiveChain) -> Finding:
    check = f"venue {table.name}"
    named = {
        name: value
        for name, value in table
        if isinstance(value, bytes) and len(value) == 20 and name in ("factory", "router", "wrapper")
    }
    for name, address in named.items():
        if not await chain.code(Address(address)):
            text = f"no contract at {to_checksum(Address(address))}"
            return failed(check, text, f"correct {name} in [[venue]] {table.name}")

    return passed(check, table.kind)


async def _executor(config: KeeperConfig, chain: LiveChain, *, live: bool) -> AsyncIterator[Finding]:
    check = "executor"
    if config.executor is None:
        if live:
            yield failed(check, "no [executor] table", "`keeper executor deploy`, then write its address there")
        else:
            yield passed(check, "none configured; a dry run needs none")

        return

    try:
        await check_executor(config, chain, live=live)
        state = await read_executor(chain, config.executor.address, config.executor.start_block)
        lacking = missing(await wanted_allowlist(config, chain), state.allowlist)
    except KeeperError as error:
        yield from_error(check, error)
        return

    yield passed(check, f"{to_checksum(state.address)}, owner {to_checksum(state.owner)}")
    if config.executor.code_hash is None:
        hint = f'pin it: [executor] code_hash = "0x{state.code_hash.hex()}"'
        yield warned(check, "its code is not pinned", hint)

    count = len(lacking.rules) + len(lacking.listings) + len(lacking.factories)
    if count:
        hint = "`keeper executor allow --from-config`, by the owner"
        yield failed(check, f"its allow-list lacks {count} entries", hint)
    else:
        yield passed(check, "its allow-list holds everything this configuration needs")
