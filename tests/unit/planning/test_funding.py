import pytest

from keeper.planning.base import Funding
from keeper.planning.funding import fund, loan_fee, worthwhile
from keeper.protocols.base import Lender
from tests.fakes.pools import address

TOKEN, OTHER = address(1), address(2)


def lender(number, fee_bps, available, *, up=True, token=TOKEN, kind="aave_v3"):
    return Lender(kind, address(number), token, available, fee_bps, fee_rounds_up=up)


@pytest.mark.parametrize(("up", "fee"), [(True, 500_001), (False, 500_000)])
def test_fee_is_rounded_as_the_lender_rounds(up, fee):
    # 1,000,000,001 * 5 bps = 500,000.0005: up, or to the nearest.
    assert loan_fee(lender(7, 5, 10**12, up=up), 1_000_000_001) == fee


def test_fee_that_rounds_half_up_rounds_a_half_up():
    # 1,000 * 5 / 10,000 = 0.5
    assert loan_fee(lender(7, 5, 10**12, up=False), 1_000) == 1
    assert loan_fee(lender(7, 5, 10**12, up=False), 999) == 0


def test_fee_that_rounds_down_drops_its_fraction():
    # 1,999 * 5 / 10,000 = 0.9995
    assert (
        loan_fee(Lender("aave_v2", address(7), TOKEN, 10**12, 5, fee_rounds_up=False, fee_rounds_down=True), 1_999) == 0
    )


def test_loan_covers_what_the_payment_may_grow_to():
    assert fund(lender(7, 5, 20_000), 20_000) == Funding(lender(7, 5, 20_000), 20_000, 10)
    assert fund(lender(7, 5, 20_000), 20_001) is None


def test_worthwhile_lenders_are_cheapest_first_and_dearer_ones_only_if_deeper():
    free, cheap, dear, deep = lender(4, 0, 100), lender(3, 5, 90), lender(2, 5, 200), lender(1, 9, 300)

    assert worthwhile([deep, dear, cheap, free], TOKEN) == (free, dear, deep)


def test_worthwhile_lenders_lend_the_token_and_are_not_barred():
    assert worthwhile([lender(1, 0, 10, token=OTHER), lender(2, 5, 10)], TOKEN) == (lender(2, 5, 10),)
    assert worthwhile([lender(1, 0, 10), lender(2, 5, 10)], TOKEN, {address(1)}) == (lender(2, 5, 10),)


def test_equal_lenders_are_taken_in_address_order():
    assert worthwhile([lender(2, 5, 10), lender(1, 5, 10)], TOKEN) == (lender(1, 5, 10),)
