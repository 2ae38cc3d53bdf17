from dataclasses import replace

import pytest

from keeper.errors import ConfigError, DecodeError
from keeper.protocols.base import Row
from keeper.protocols.words import selector
from keeper.routing.uniswap_v2 import UniswapV2Pool
from keeper.routing.uniswap_v2_sync import PAIR_CREATED, SYNC, UniswapV2Sync
from keeper.types import CodeAt, LogQuery, Returned
from tests.fakes.heads import head
from tests.fakes.pools import address
from tests.fakes.reads import drive
from tests.fakes.uniswap_v2_events import FORK, pair_created, sync
from tests.fakes.uniswap_v3_events import word

WETH, USDC = address(1), address(2)
PAIR = FORK.pair_of(WETH, USDC)
RESERVES = LogQuery((PAIR,), ((SYNC,),))


@pytest.fixture
def venue():
    venue = UniswapV2Sync(FORK, (USDC, WETH))
    venue.apply([pair_created(WETH, USDC, block=1)])
    venue.apply([sync(PAIR, 10, 20, block=2, index=3)])
    return venue


def expected(reserve0, reserve1):
    return (UniswapV2Pool(PAIR, FORK, (WETH, USDC), (reserve0, reserve1)),)


def test_sources_ask_the_factory_for_pairs_of_tokens_of_interest_only():
    tokens = (bytes(12) + WETH, bytes(12) + USDC)
    venue = UniswapV2Sync(FORK, (USDC, WETH))

    assert venue.sources() == (LogQuery((FORK.factory,), ((PAIR_CREATED,), tokens, tokens)),)
    assert UniswapV2Sync(FORK).sources() == ()


def test_new_pair_asks_for_its_own_logs():
    venue = UniswapV2Sync(FORK, (USDC, WETH))

    assert venue.apply([pair_created(WETH, USDC)]).new_sources == (RESERVES,)
    assert RESERVES in venue.sources()
    assert venue.pools() == ()  # it holds nothing yet


def test_reserves_are_those_of_the_last_log(venue):
    venue.apply([sync(PAIR, 11, 19, block=2, index=4), sync(PAIR, 12, 18, block=3, index=0)])

    assert venue.pools() == expected(12, 18)


def test_log_seen_twice_changes_nothing(venue):
    venue.apply([sync(PAIR, 12, 18, block=3, index=0)])
    venue.apply([pair_created(WETH, USDC, block=1), sync(PAIR, 10, 20, block=2, index=3)])

    assert venue.pools() == expected(12, 18)


def test_drained_pair_is_no_pool(venue):
    venue.apply([sync(PAIR, 0, 0, block=3)])

    assert venue.pools() == ()


def test_pair_of_other_code_is_refused_naming_the_key():
    with pytest.raises(ConfigError, match="init_code_hash"):
        UniswapV2Sync(FORK, (USDC, WETH)).apply([pair_created(WETH, USDC, pair=address(77))])


def test_logs_of_another_shape_are_errors(venue):
    with pytest.raises(DecodeError):
        venue.apply([replace(sync(PAIR, 1, 2, block=5), data=bytes(63))])

    with pytest.raises(DecodeError):
        venue.apply([replace(pair_created(WETH, address(3), block=5), data=bytes(32))])


def test_reread_takes_the_chains_reserves_for_pairs_touched_above(venue):
    venue.apply([sync(PAIR, 12, 18, block=9)])
    answer = Returned(ok=True, data=word(10) + word(20) + word(5))

    drive(venue.reread(head(8)), lambda _request: answer)

    assert venue.pools() == expected(10, 20)
    venue.apply([sync(PAIR, 1, 2, block=8)])
    assert venue.pools() == expected(10, 20)  # that was read already


def test_reread_forgets_a_pair_whose_creation_was_orphaned(venue):
    drive(venue.reread(head(0)), lambda _request: Returned(ok=True, data=b""))

    assert venue.pools() == ()
    assert RESERVES not in venue.sources()


def test_reread_asks_nothing_when_nothing_was_touched(venue):
    def unasked(request):
        raise AssertionError(request)

    drive(venue.reread(head(8)), unasked)


def test_preceding_moves_given_pools_and_not_its_own(venue):
    given = {PAIR: venue.pools()[0]}

    moved = venue.preceding(given, [sync(PAIR, 5, 6, block=3)])

    assert (moved[PAIR],) == expected(5, 6)
    assert venue.pools() == expected(10, 20)


def test_restored_venue_goes_on_where_the_saved_one_was(venue):
    other = UniswapV2Sync(FORK)
    other.restore(venue.save())

    assert other.pools() == venue.pools()
    assert other.sources() == venue.sources()
    other.apply([sync(PAIR, 1, 1, block=2, index=3)])
    assert other.pools() == venue.pools()


@pytest.mark.parametrize("value", [b"", b"{}", b"[1]", b'[2,["01","02"],[1,2],[3,4]]', b"[1,[1,2],[1,2],[3,4]]"])
def test_restore_of_unreadable_rows_says_what_to_do(value):
    with pytest.raises(DecodeError):
        UniswapV2Sync(FORK).restore([Row(PAIR, value)])


def on_chain(factory=FORK.factory, code=b"\x60", out=None):
    def answer(request):
        if isinstance(request, CodeAt):
            return Returned(ok=True, data=code)

        if request.data == selector("factory()"):
            return Returned(ok=True, data=factory.rjust(32, b"\0"))

        amount, reserve_in, reserve_out = (
            int.from_bytes(request.data[4 + 32 * i : 36 + 32 * i], "big") for i in range(3)
        )
        fair = amount * 997 * reserve_out // (reserve_in * 1_000 + amount * 997)
        return Returned(ok=True, data=word(fair if out is None else out))

    return answer


def test_bootstrap_accepts_the_router_of_the_factory_and_fee():
    drive(UniswapV2Sync(FORK).bootstrap(head(1)), on_chain())


@pytest.mark.parametrize(
    ("chain", "named"),
    [
        (on_chain(code=b""), "factory"),
        (on_chain(factory=address(9)), "router"),
        (on_chain(out=1), "fee_bps"),
    ],
)
def test_bootstrap_refuses_what_does_not_fit_together(chain, named):
    with pytest.raises(ConfigError, match=f"`{named}`"):
        drive(UniswapV2Sync(FORK).bootstrap(head(1)), chain)


@pytest.mark.parametrize("fee_bps", [25, 29, 31])
def test_bootstrap_refuses_another_fee_than_the_routers(fee_bps):
    with pytest.raises(ConfigError, match="fee_bps"):
        drive(UniswapV2Sync(replace(FORK, fee_bps=fee_bps)).bootstrap(head(1)), on_chain())
