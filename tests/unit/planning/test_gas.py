from keeper.planning.gas import GasTable
from keeper.routing.base import Hop
from tests.fakes.pools import ConstantProductPool, address, deep_pool

A, B, C = address(1), address(2), address(3)
TABLE = GasTable(
    frame=10, loans={"aave_v3": 200}, takes={"aave_v3": 3_000}, hops={"uniswap_v3": 40_000}, unlisted=10**6
)


def test_expected_gas_adds_up_the_pieces():
    pool = deep_pool(9, A, 10**18, B, 10**18, 500)
    two = (Hop(pool, A, B), Hop(pool, B, A))

    assert TABLE.expected("aave_v3", "aave_v3", ()) == 3_210
    assert TABLE.expected("aave_v3", "aave_v3", two) == 83_210


def test_offer_that_says_what_it_burns_is_believed_for_every_call():
    assert TABLE.expected("aave_v3", "aave_v3", (), take=7_000) == 7_210
    assert TABLE.expected("unheard_of", "aave_v3", (), take=7_000, calls=3) == 21_210


def test_what_is_not_listed_counts_as_too_much():
    strange = Hop(ConstantProductPool(address(9), (A, C), (1, 1)), A, C)

    assert TABLE.expected("unheard_of", "aave_v3", ()) == 1_000_210
    assert TABLE.expected("aave_v3", "vault", ()) == 1_003_010
    assert TABLE.expected("aave_v3", "aave_v3", (strange,)) == 1_003_210


def test_limit_is_over_the_expected_rounded_up():
    assert GasTable(limit_bps=14_000, first_sight=1_000).limit(333) == 1_467  # 466.2 up, and 1 000
