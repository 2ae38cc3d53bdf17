import pytest

from keeper.planning.funding import VAULT
from keeper.planning.sources import Source, read_lenders
from keeper.protocols.base import Lender
from keeper.protocols.words import encode
from keeper.types import Returned
from tests.fakes.planning import DAI, USDC
from tests.fakes.pools import address
from tests.fakes.reads import drive

PURSE, COLLECTOR = address(700), address(701)
NOON = 20_000 * 86_400 + 43_200
"""Noon of day 20,000."""


def words(*values):
    return Returned(True, b"".join(value.to_bytes(32, "big") for value in values))


def asked(kind, answers, tokens=(USDC,)):
    """Read one source; a call nobody answers reverts."""
    known = {(to, encode(*call)): returned for (to, *call), returned in answers.items()}
    reading = read_lenders([Source(kind, PURSE)], tokens, NOON)
    return drive(reading, lambda call: known.get((call.to, call.data), Returned(False, b"")))


def vault(held, caps, used):
    return {
        (USDC, "balanceOf(address)", PURSE): words(held),
        (PURSE, "caps(address)", USDC): words(*caps),
        (PURSE, "uses(address)", USDC): words(*used),
    }


@pytest.mark.parametrize(
    ("held", "caps", "used", "available"),
    [
        (500, (1_000, 5_000), (0, 0), 500),
        (9_000, (1_000, 5_000), (0, 0), 1_000),
        (9_000, (1_000, 5_000), (20_000, 4_400), 600),
        (9_000, (1_000, 5_000), (19_999, 4_400), 1_000),
    ],
    ids=["what it holds", "what one loan may take", "what is left of today", "yesterday does not count"],
)
def test_vault_lends_what_it_holds_within_its_caps(held, caps, used, available):
    expected = Lender(VAULT, PURSE, USDC, available, 0, fee_rounds_up=True)
    assert asked("vault", vault(held, caps, used)) == (expected,)


@pytest.mark.parametrize("used", [(20_000, 5_000), (20_000, 6_000)])
def test_vault_that_lent_all_it_may_today_lends_nothing(used):
    assert asked("vault", vault(9_000, (1_000, 5_000), used)) == ()


def balancer(percentage=0, paused=0):
    return {
        (PURSE, "getPausedState()"): words(paused, 0, 0),
        (PURSE, "getProtocolFeesCollector()"): words(int.from_bytes(COLLECTOR, "big")),
        (COLLECTOR, "getFlashLoanFeePercentage()"): words(percentage),
        (USDC, "balanceOf(address)", PURSE): words(7_000),
    }


def test_balancer_lends_what_it_holds_at_its_collectors_fee():
    # 10**14 is a hundredth of a percent: one basis point.
    expected = Lender("balancer_v2", PURSE, USDC, 7_000, 1, fee_rounds_up=True)
    assert asked("balancer_v2", balancer(10**14), (USDC, DAI)) == (expected,)


@pytest.mark.parametrize("answers", [balancer(paused=1), balancer(10**13), {}], ids=["paused", "fine fee", "silent"])
def test_balancer_that_is_paused_silent_or_charges_fractions_lends_nothing(answers):
    assert asked("balancer_v2", answers) == ()


def test_flash_lender_says_what_it_lends_and_asks():
    answers = {
        (PURSE, "maxFlashLoan(address)", DAI): words(1_000_007),
        (PURSE, "flashFee(address,uint256)", DAI, 1_000_000): words(300),
        (PURSE, "maxFlashLoan(address)", USDC): words(0),
    }
    expected = Lender("erc3156", PURSE, DAI, 1_000_007, 3, fee_rounds_up=True)
    assert asked("erc3156", answers, (DAI, USDC)) == (expected,)


def test_flash_lender_whose_fee_is_no_share_lends_nothing():
    answers = {
        (PURSE, "maxFlashLoan(address)", DAI): words(1_000_000),
        (PURSE, "flashFee(address,uint256)", DAI, 1_000_000): words(1),
    }
    assert asked("erc3156", answers, (DAI,)) == ()
