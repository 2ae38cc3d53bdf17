"""Values in US dollars, rounded against the finding: profit down, costs up."""

from decimal import Decimal

import pytest
from referee.manifest import Floor
from referee.pools import Pools, SwapPool
from referee.probe import AAVE_V3, PAIR, POOL, VAULT, Loan
from referee.worth import Prices, Worth, floor_worth, native_worth, premium, token_worth

# USDC at 1 dollar with 6 decimals; the native coin at 3,000 dollars; counted in 1e-8 dollars.
PRICES = Prices(tokens={"usdc": 99_999_999}, decimals={"usdc": 6}, native=3_000 * 10**8, native_unit=10**8)
LOAN = Loan(AAVE_V3, "0xlender", "usdc", 10**12, 5)


def test_token_worth_is_rounded_down():
    """1.5 USDC at 0.99999999: 1.499999985 dollars."""
    assert token_worth("usdc", 1_500_000, PRICES) == 149_999_998


def test_token_without_a_price_is_worth_nothing():
    assert token_worth("link", 10**18, PRICES) == 0


def test_native_worth_is_rounded_up():
    """One wei is 3e-7 units of 1e-8 dollars."""
    assert native_worth(1, PRICES) == 1
    assert native_worth(10**18, PRICES) == 3_000 * 10**8


@pytest.mark.parametrize(
    ("floor", "units"),
    [
        (Floor(Decimal(5), "USD"), 5 * 10**8),
        (Floor(Decimal("0.000000001"), "USD"), 1),
        (Floor(Decimal("0.004"), "native"), 12 * 10**8),
    ],
)
def test_floor_worth_is_rounded_up(floor, units):
    assert floor_worth(floor, PRICES) == units


def test_premium_is_rounded_up():
    """1000000001 at 5 bps is 500000.0005."""
    assert premium(LOAN, 1_000_000_001) == 500_001


@pytest.mark.parametrize(("profit", "enough"), [(111, True), (110, False)])
def test_profit_must_exceed_floor_and_gas(profit, enough):
    assert Worth(profit=profit, gas=10, floor=100).enough is enough


def test_shares_of_a_vault_are_redeemed_and_never_bought():
    vault, pair = SwapPool(VAULT, "0x" + "aa" * 20, ("s", "a"), 0), SwapPool(PAIR, "0x" + "bb" * 20, ("a", "b"), 30)
    known = Pools((), {pool.hop: pool for pool in (vault, pair)})

    assert known.routes("s", "b") == [(vault.hop, pair.hop)]
    assert known.routes("b", "s") == []
    assert vault.hop == "0x000002" + "aa" * 20
    assert pair.hop == "0x001e01" + "bb" * 20


def test_routes_are_direct_pools_then_two_hops_through_any_connector():
    """Two direct pools, one connector reached by two pools, and a pool that leads nowhere."""
    pools = [("p1", ("a", "b")), ("p2", ("b", "a")), ("p3", ("a", "c")), ("p4", ("c", "a")), ("p5", ("b", "c"))]
    pools.append(("p6", ("a", "d")))
    known = Pools((), {name: SwapPool(POOL, name, tokens, 0) for name, tokens in pools})

    assert set(known.routes("a", "b")) == {("p1",), ("p2",), ("p3", "p5"), ("p4", "p5")}
