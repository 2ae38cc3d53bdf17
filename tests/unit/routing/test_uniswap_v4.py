from dataclasses import replace

import pytest

from keeper.errors import ConfigError, DecodeError, DriftError
from keeper.protocols.base import Row
from keeper.routing.tick_math import sqrt_ratio_at_tick
from keeper.routing.uniswap_v4 import PoolKey, UniswapV4Pool, address_of
from keeper.routing.uniswap_v4_sync import INITIALIZE, MODIFY, POOL_TOPICS, PROTOCOL_FEE, SWAP, UniswapV4Sync
from keeper.types import ZERO_ADDRESS, Address, LogQuery, Returned
from tests.fakes.heads import head
from tests.fakes.pools import address, v3_pool
from tests.fakes.reads import drive
from tests.fakes.uniswap_v3_events import log

MANAGER, WETH, USDC, HOOK = address(0xAA), address(1), address(2), address(9)
KEY = PoolKey(WETH, USDC, 3_000, 60, ZERO_ADDRESS)
PRICE = sqrt_ratio_at_tick(30)
RANGES = [(-600, 600, 10**18), (0, 60, 5 * 10**18)]
TWIN = v3_pool(7, (WETH, USDC), 3_000, PRICE, RANGES)
"""The same pool as V3 has it: all but the protocol's share is alike."""


def initialize(key=KEY, **place):
    words = (key.fee, key.tick_spacing, key.hooks, PRICE, 30)
    return log(MANAGER, (INITIALIZE, key.pool_id, key.currency0, key.currency1), words, **place)


def modify(lower, upper, delta, **place):
    return log(MANAGER, (MODIFY, KEY.pool_id, b"\x0a" * 20), (lower, upper, delta, 0), **place)


def swap(price, liquidity, tick, **place):
    return log(MANAGER, (SWAP, KEY.pool_id, b"\x0a" * 20), (-5, 6, price, liquidity, tick, 3_000), **place)


def protocol_fee(fee, **place):
    return log(MANAGER, (PROTOCOL_FEE, KEY.pool_id), (fee,), **place)


def history():
    filled = [modify(*one, block=2, index=i) for i, one in enumerate(RANGES)]
    return [initialize(block=1), *filled, modify(0, 60, 10**18, block=2, index=8), modify(0, 60, -(10**18), block=3)]


@pytest.fixture
def sync():
    sync = UniswapV4Sync(MANAGER, (WETH, USDC))
    sync.apply(history())
    return sync


def test_pool_of_logs_quotes_as_its_twin_of_v3(sync):
    (pool,) = sync.pools()
    assert (pool.address, pool.tokens, pool.kind) == (address_of(KEY.pool_id), (WETH, USDC), "uniswap_v4")

    for token, amount in ((WETH, 10**15), (WETH, 2 * 10**16), (USDC, 10**15), (USDC, 2 * 10**16)):
        ours, twin = pool.quote_in(token, amount), TWIN.quote_in(token, amount)
        assert ours.amount_out == twin.amount_out
        assert (ours.after.sqrt_price_x96, ours.after.tick) == (twin.after.sqrt_price_x96, twin.after.tick)
        bought = pool.quote_out(token, ours.amount_out)
        assert bought.amount_in == TWIN.quote_out(token, ours.amount_out).amount_in
        assert bought.after.tick == TWIN.quote_out(token, ours.amount_out).after.tick


def test_protocol_takes_its_share_of_one_direction(sync):
    # 500 of the input first, then 3,000 of the rest: 500 + 3,000 - 500 * 3,000 // 1,000,000 = 3,499.
    sync.apply([protocol_fee(500, block=4)])
    (pool,) = sync.pools()

    assert (pool.swap_fee(WETH), pool.swap_fee(USDC)) == (3_499, 3_000)
    assert pool.quote_in(WETH, 10**15).amount_out < TWIN.quote_in(WETH, 10**15).amount_out
    assert pool.quote_in(USDC, 10**15).amount_out == TWIN.quote_in(USDC, 10**15).amount_out


def test_pool_cannot_give_or_take_what_it_does_not_hold(sync):
    (pool,) = sync.pools()

    assert pool.quote_in(WETH, 10**40) is None
    assert pool.quote_out(WETH, 10**40) is None
    with pytest.raises(ValueError, match="not a currency"):
        pool.quote_in(HOOK, 1)


@pytest.mark.parametrize(
    "key",
    [KEY._replace(hooks=HOOK), KEY._replace(fee=0x800000), KEY._replace(currency0=ZERO_ADDRESS)],
    ids=["hooks", "dynamic fee", "native"],
)
def test_pools_somebody_else_has_a_say_in_are_not_looked_at(key):
    sync = UniswapV4Sync(MANAGER, (WETH, USDC))

    assert sync.apply([initialize(key)]).new_sources == ()
    assert sync.pools() == ()


def test_sources_are_new_pools_of_the_tokens_and_events_by_name(sync):
    tokens = (bytes(12) + WETH, bytes(12) + USDC)
    events = LogQuery((MANAGER,), (POOL_TOPICS, (KEY.pool_id,)))

    assert sync.sources() == (LogQuery((MANAGER,), ((INITIALIZE,), (), tokens, tokens)), events)
    assert UniswapV4Sync(MANAGER).sources() == ()
    assert UniswapV4Sync(MANAGER, (WETH, USDC)).apply([initialize()]).new_sources == (events,)


def test_logs_of_others_and_logs_seen_twice_change_nothing(sync):
    before = sync.pools()
    stranger = replace(modify(0, 60, 10**20, block=5), address=HOOK)
    other = replace(modify(0, 60, 10**20, block=5), topics=(MODIFY, b"\x01" * 32, bytes(32)))

    sync.apply([*history(), stranger, other])

    assert sync.pools() == before


def test_missing_log_is_noticed_and_nothing_offered_until_the_reread(sync):
    with pytest.raises(DriftError):
        sync.apply([swap(PRICE, 10**19, 30, block=5)])

    assert sync.pools() == ()


def test_event_of_another_shape_is_an_error(sync):
    with pytest.raises(DecodeError):
        sync.apply([replace(protocol_fee(5, block=5), data=bytes(64))])


def test_preceding_moves_given_pools_and_not_its_own(sync):
    (pool,) = sync.pools()
    lower = sqrt_ratio_at_tick(-10)
    logs = [swap(lower, 10**18, -10, block=5), replace(swap(1, 1, 1, block=5), address=HOOK)]

    moved = sync.preceding({pool.address: pool, HOOK: TWIN}, logs)

    after = moved[pool.address]
    assert isinstance(after, UniswapV4Pool)
    assert (after.sqrt_price_x96, after.tick, after.liquidity) == (lower, -10, 10**18)
    assert moved[HOOK] == TWIN
    assert sync.pools() == (pool,)


def test_restored_sync_goes_on_where_the_saved_one_was(sync):
    sync.apply([protocol_fee(77 << 12, block=4)])
    other = UniswapV4Sync(MANAGER)
    other.restore(sync.save())

    assert other.pools() == sync.pools()
    assert other.sources() == sync.sources()
    with pytest.raises(DecodeError):
        other.restore([Row(b"interest", b"[1]")])


def test_bootstrap_refuses_a_manager_without_code():
    with pytest.raises(ConfigError, match="`manager`"):
        drive(UniswapV4Sync(MANAGER).bootstrap(head(1)), lambda _request: Returned(ok=True, data=b""))


def test_reread_forgets_a_pool_whose_creation_was_orphaned_and_refuses_another_contract(sync):
    with pytest.raises(DecodeError, match="not Uniswap V4"):
        drive(sync.reread(head(0)), lambda _request: Returned(ok=False, data=b""))

    drive(sync.reread(head(0)), lambda _request: Returned(ok=True, data=bytes(32)))
    assert sync.pools() == ()
    drive(sync.observe(head(1)), lambda _request: Returned(ok=False, data=b""))


def test_pool_id_is_the_hash_of_the_key():
    """ETH/USDC at 5 basis points on the main network, as the manager names it."""
    usdc = Address(bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"))
    key = PoolKey(ZERO_ADDRESS, usdc, 500, 10, ZERO_ADDRESS)

    assert key.pool_id.hex() == "21c67e77068de97969ba93d4aab21826d33ca12bb9f565d8496e8fda8a82ca27"
