from dataclasses import replace

import pytest

from keeper.errors import ConfigError, DecodeError, DriftError
from keeper.protocols.base import Row
from keeper.protocols.words import selector, signed
from keeper.routing.tick_math import sqrt_ratio_at_tick
from keeper.routing.uniswap_v3_logs import POOL_CREATED, POOL_TOPICS
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.types import CodeAt, LogQuery, Returned
from tests.fakes.heads import head
from tests.fakes.pools import FACTORY, address, v3_pool
from tests.fakes.reads import drive
from tests.fakes.uniswap_v3_events import burn, initialize, mint, pool_created, swap, word

WETH, USDC, DAI, POOL = address(1), address(2), address(3), address(7)
PRICE = sqrt_ratio_at_tick(30)
EXPECTED = v3_pool(7, (WETH, USDC), 3_000, PRICE, [(-600, 600, 10**18), (0, 60, 5 * 10**18)])


def created():
    return pool_created(POOL, WETH, USDC, 3_000, 60, block=1)


def history():
    """The life of the expected pool: created in block 1, initialised and filled in block 2."""
    return [
        initialize(POOL, PRICE, 30, block=2, index=0),
        mint(POOL, -600, 600, 10**18, block=2, index=1),
        mint(POOL, 0, 60, 6 * 10**18, block=2, index=2),
        burn(POOL, 0, 60, 10**18, block=2, index=3),
    ]


@pytest.fixture
def sync():
    """A sync that has seen the pool's whole life."""
    sync = UniswapV3Sync(FACTORY, (WETH, USDC))
    sync.apply([created()])
    sync.apply(history())
    return sync


def on_chain(pool):
    """Answer as the pool's own contract would, in the state of a model."""
    table = pool.ticks

    def answer(request):
        if isinstance(request, CodeAt):
            return Returned(ok=True, data=b"\x60")

        if request.to != pool.address:
            return Returned(ok=True, data=b"")

        name = request.data[:4]
        argument = signed(int.from_bytes(request.data[4:], "big"))
        if name == selector("slot0()"):
            words = (pool.sqrt_price_x96, pool.tick, 0, 1, 1, 0, 1)
        elif name == selector("liquidity()"):
            words = (pool.liquidity,)
        elif name == selector("tickBitmap(int16)"):
            compressed = [tick // pool.tick_spacing for tick in table.indexes]
            words = (sum(1 << (tick & 255) for tick in compressed if tick >> 8 == argument),)
        else:
            at = table.indexes.index(argument)
            words = (table.gross[at], table.net[at], 0, 0, 0, 0, 0, 1)

        return Returned(ok=True, data=b"".join(map(word, words)))

    return answer


def test_sources_ask_the_factory_for_pairs_of_tokens_of_interest_only():
    tokens = (bytes(12) + WETH, bytes(12) + USDC)
    assert UniswapV3Sync(FACTORY, (USDC, WETH)).sources() == (LogQuery((FACTORY,), ((POOL_CREATED,), tokens, tokens)),)


def test_sources_without_interest_are_none():
    assert UniswapV3Sync(FACTORY).sources() == ()


def test_new_pool_asks_for_its_own_logs():
    sync = UniswapV3Sync(FACTORY, (WETH, USDC))
    query = LogQuery((POOL,), (POOL_TOPICS,))

    assert sync.apply([created()]).new_sources == (query,)
    assert query in sync.sources()
    assert sync.pools() == ()  # it has no price yet


def test_pool_folded_from_its_logs_is_the_pool(sync):
    assert sync.pools() == (EXPECTED,)


def test_pool_seen_again_asks_for_nothing_and_keeps_its_state(sync):
    assert sync.apply([created()]).new_sources == ()
    assert sync.pools() == (EXPECTED,)


def test_log_delivered_twice_changes_nothing(sync):
    sync.apply(history())
    assert sync.pools() == (EXPECTED,)


def test_swap_log_moves_price_tick_and_liquidity(sync):
    quote = EXPECTED.quote_in(WETH, 3 * 10**16)
    after = quote.after

    sync.apply([swap(POOL, after.sqrt_price_x96, after.liquidity, after.tick, block=3)])

    assert sync.pools() == (after,)


def test_burn_of_everything_at_a_tick_takes_the_tick_out(sync):
    sync.apply([burn(POOL, 0, 60, 5 * 10**18, block=3)])
    assert sync.pools() == (v3_pool(7, (WETH, USDC), 3_000, PRICE, [(-600, 600, 10**18)]),)


def test_burn_of_nothing_changes_nothing(sync):
    sync.apply([burn(POOL, 0, 60, 0, block=3), burn(POOL, 120, 180, 0, block=3, index=1)])
    assert sync.pools() == (EXPECTED,)


def test_logs_of_others_are_not_ours(sync):
    assert sync.apply([swap(address(8), PRICE, 1, 30, block=3)]).new_sources == ()
    assert sync.pools() == (EXPECTED,)


def test_swap_that_contradicts_the_ticks_is_drift_and_nothing_is_offered(sync):
    with pytest.raises(DriftError, match="a log is missing"):
        sync.apply([swap(POOL, PRICE, 10**18, 30, block=3)])

    assert sync.pools() == ()


def test_burn_of_liquidity_never_minted_is_drift(sync):
    with pytest.raises(DriftError, match="more liquidity out of tick 120"):
        sync.apply([burn(POOL, 120, 180, 1, block=3)])


def test_log_of_another_shape_is_a_decode_error(sync):
    whole = mint(POOL, 0, 60, 5, block=3)
    with pytest.raises(DecodeError, match="expected 4 and 128"):
        sync.apply([replace(whole, data=whole.data[:-32])])


def test_reread_after_drift_takes_the_chains_state_and_offers_it_again(sync):
    with pytest.raises(DriftError):
        sync.apply([swap(POOL, PRICE, 10**18, 30, block=3)])

    after = EXPECTED.quote_in(USDC, 10**16).after
    drive(sync.reread(head(3)), on_chain(after))

    assert sync.pools() == (after,)


def test_reread_at_an_ancestor_reads_only_pools_with_logs_above_it(sync):
    asked = []
    drive(sync.reread(head(2)), asked.append)
    assert asked == []

    drive(sync.reread(head(1)), on_chain(EXPECTED))
    assert sync.pools() == (EXPECTED,)


def test_logs_at_or_below_a_reread_block_are_not_folded_twice(sync):
    drive(sync.reread(head(1)), on_chain(EXPECTED))
    sync.apply([mint(POOL, 0, 60, 1, block=1, index=9)])
    assert sync.pools() == (EXPECTED,)

    sync.apply([mint(POOL, 0, 60, 1, block=2)])
    assert sync.pools()[0].liquidity == EXPECTED.liquidity + 1


def test_reread_of_a_pool_whose_creation_was_orphaned_forgets_it(sync):
    drive(sync.reread(head(0)), on_chain(v3_pool(8, (WETH, USDC), 3_000, PRICE, [])))
    assert sync.pools() == ()
    assert len(sync.sources()) == 1


def test_interest_that_grows_asks_the_factory_again_and_only_then():
    sync = UniswapV3Sync(FACTORY, (WETH, USDC))

    assert sync.interest((USDC, WETH)) == ()
    assert sync.interest((DAI,)) == (sync.sources()[0],)
    assert sync.sources()[0].topics[1] == tuple(bytes(12) + token for token in (WETH, USDC, DAI))


def test_restore_takes_back_what_save_gave(sync):
    other = UniswapV3Sync(FACTORY)
    other.restore(sync.save())

    assert other.pools() == sync.pools()
    assert other.sources() == sync.sources()
    other.apply(history())  # the place of the last log came along
    assert other.pools() == (EXPECTED,)


@pytest.mark.parametrize("row", [Row(b"interest", b"["), Row(bytes(POOL), b"[]"), Row(bytes(POOL), b"{")])
def test_restore_of_a_damaged_row_is_a_decode_error(row):
    with pytest.raises(DecodeError, match="delete the saved state"):
        UniswapV3Sync(FACTORY).restore([row])


def test_preceding_folds_logs_into_given_pools_and_leaves_the_sync_alone(sync):
    after = EXPECTED.quote_in(WETH, 3 * 10**16).after
    logs = [swap(POOL, after.sqrt_price_x96, after.liquidity, after.tick, block=3)]
    given = {POOL: EXPECTED}

    assert sync.preceding(given, logs) == {POOL: after}
    assert given == {POOL: EXPECTED}
    assert sync.pools() == (EXPECTED,)


def test_preceding_leaves_pools_of_another_factory_to_their_own_venue():
    fork = UniswapV3Sync(address(99))
    assert fork.preceding({POOL: EXPECTED}, [mint(POOL, 0, 60, 1, block=3)]) == {POOL: EXPECTED}


def test_bootstrap_refuses_a_factory_without_code():
    with pytest.raises(ConfigError, match="no contract at the factory address"):
        drive(UniswapV3Sync(FACTORY).bootstrap(head()), lambda _: Returned(ok=True, data=b""))
