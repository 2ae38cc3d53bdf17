"""Markets as they would be, and how they are asked for."""

import pytest

from keeper.margin.suppose import Supposition, parse_supposition, suppose
from keeper.protocols.aave_v3 import build
from keeper.types import to_checksum
from keeper.units import RAY, WAD
from tests.fakes.aave_v3_market import DOLLAR, KEY, NOW, account, asset, market, reserve, target, word

WETH, USDC = 0, 1
ADAPTER = build("aave", asset(9))
TOKEN = to_checksum(asset(WETH))


def scene():
    """10 WETH at 2 000 and 83 % against 15 000 USDC at 10 % a year: 1.1066."""
    reserves = [reserve(WETH, 2_000 * DOLLAR), reserve(USDC, DOLLAR, word(decimals=6), borrow_rate=RAY // 10)]
    return market(reserves, {KEY: account({WETH: 10 * WAD}, {USDC: 15_000 * 10**6})}).at(target(NOW + 12))


def factor(text):
    found = suppose(ADAPTER, [KEY], scene(), parse_supposition(text))
    return None if found is None else ADAPTER.health.health(KEY, found).factor_wad


def test_price_moves_by_a_share_of_itself():
    """2 000 less 10 %: 14 940 of 15 000."""
    assert factor(f"price:{TOKEN}=-10%") // 10**12 == 995_999


def test_parameter_takes_its_new_value():
    """20 000 at 75 % is 15 000, less the interest of twelve seconds."""
    assert factor(f"liquidation_threshold_bps:{TOKEN}=7500") // 10**12 == 999_999


def test_time_goes_on_with_interest():
    """A year at 10 % compounded: 15 000 * 1.10517 = 16 577.5 of 16 600."""
    assert factor("time=+365d") // 10**14 == 10_013


def test_what_nobody_hangs_on_is_no_market():
    stranger = to_checksum(asset(7))
    assert factor(f"price:{stranger}=-10%") is None
    assert factor(f"liquidation_threshold_bps:{stranger}=1") is None
    assert factor("made_up_bps=1") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"price:{TOKEN}=+5%", Supposition("price", asset(WETH), 10_500)),
        ("time=12h", Supposition("time", None, 43_200)),
        ("maintenance_margin_ppm=70000", Supposition("maintenance_margin_ppm", None, 70_000)),
    ],
)
def test_supposition_is_read(text, found):
    assert parse_supposition(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "price=-20%", f"price:{TOKEN}=20", f"price:{TOKEN}=20%", f"price:{TOKEN}=-100%", "time=-3d", "time=3", "x=+1",
     "x=1%", "price:0x12=-1%", f"price:{TOKEN}=-1.5%"],
)  # fmt: skip
def test_supposition_that_says_nothing_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_supposition(text)
