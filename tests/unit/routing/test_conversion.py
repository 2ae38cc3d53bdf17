import pytest

from keeper.errors import ConfigError
from keeper.protocols.words import encode, selector
from keeper.routing.conversion import Conversion, Rate
from keeper.routing.conversion_sync import ConversionSync, Erc4626Exits, NativeExits, WstethExits
from keeper.routing.rates import LARGE, PROBES, rate_of
from keeper.types import ZERO_ADDRESS, Returned
from keeper.units import MAX_UINT256, RAY
from tests.fakes.heads import head
from tests.fakes.pools import address
from tests.fakes.reads import drive
from tests.fakes.uniswap_v3_events import word

SHARE, ASSET, OTHER = address(1), address(2), address(3)


THREE_FOR_TWO = Rate(3, 2)


def vault(rate=THREE_FOR_TWO, limit=1_000):
    return Conversion("erc4626", SHARE, (SHARE, ASSET), rate, limit)


def test_conversion_gives_its_rate_rounded_down():
    quote = vault().quote_in(SHARE, 333)  # 499.5

    assert (quote.amount_in, quote.amount_out, quote.after.limit) == (333, 499, 667)


def test_conversion_asks_for_the_least_that_gives_as_much():
    assert [vault().quote_out(SHARE, out).amount_in for out in (1, 2, 3, 499, 500)] == [1, 2, 2, 333, 334]


@pytest.mark.parametrize("amount", [-1, 0, 1_001])
def test_conversion_of_nothing_or_over_the_limit_is_none(amount):
    assert vault().quote_in(SHARE, amount) is None


def test_conversion_of_more_than_the_limit_gives_is_none():
    assert vault().quote_out(SHARE, 1_500).amount_in == 1_000
    assert vault().quote_out(SHARE, 1_501) is None
    assert vault().quote_out(SHARE, 0) is None


def test_conversion_goes_one_way_only():
    assert vault().curve(ASSET) is None
    assert vault().quote_in(ASSET, 5) is None
    assert vault().quote_out(ASSET, 5) is None
    assert vault(limit=0).curve(SHARE) is None


def test_fee_of_the_worth_and_of_what_is_paid_are_rounded_up():
    # Worth 1,000; one per cent of it is 10. Of what is paid: 1,000 * 100 / 10,100 = 9.9 -> 10.
    assert Rate(1, 1, fee_bps=100).out(1_000) == 990
    assert Rate(1, 1, fee_bps=100).out(1_001) == 990
    assert Rate(1, 1, fee_bps=100, fee_on_paid=True).out(1_000) == 990
    assert Rate(1, 1, fee_bps=100, fee_on_paid=True).out(1_011) == 1_000
    assert Rate(1, 1, margin=2).out(1_000) == 998


def test_every_unit_of_a_conversion_is_worth_the_same():
    curve = vault().curve(SHARE)

    assert [curve.input_to(3, 2), curve.input_to(14, 10), curve.input_to(16, 10)] == [1_000, 1_000, 0]
    assert curve.segment_at(999) is not None
    assert curve.segment_at(1_000) is None


# Rates ---------------------------------------------------------------------------------------------------------------


def previews(function):
    return {amount: function(amount) for amount in PROBES}


def test_rate_with_virtual_shares_is_recognised():
    found = rate_of(previews(lambda s: s * (10**12 + 1) // (10**18 + 10**6)), 10**12, 10**18, 6)

    assert found == Rate(10**12 + 1, 10**18 + 10**6)


def test_rate_of_the_bare_totals_is_recognised():
    assert rate_of(previews(lambda s: s * 77 // 31), 77, 31, 0) == Rate(77, 31)


def test_rate_kept_in_ray_is_recognised_without_the_totals():
    kept = 1_037_000_000_000_000_000_000_000_123

    assert rate_of(previews(lambda s: s * kept // RAY), 5, 9, 0) == Rate(kept, RAY)


@pytest.mark.parametrize("fee_bps", [1, 25, 1_000])
def test_fee_is_found_in_what_is_missing(fee_bps):
    def of_worth(shares):
        worth = shares * 11 // 10
        return worth - -(-worth * fee_bps // 10_000)

    def of_paid(shares):
        worth = shares * 11 // 10
        return worth - -(-worth * fee_bps // (10_000 + fee_bps))

    assert rate_of(previews(of_worth), 11, 10, 0) == Rate(11, 10, fee_bps)
    assert rate_of(previews(of_paid), 11, 10, 0) == Rate(11, 10, fee_bps, fee_on_paid=True)


def test_unknown_but_even_rate_is_used_a_little_below_what_it_gives():
    def preview(shares):
        worth = shares * 1_234_567 // 1_000_000
        return worth - worth * 3 // 100_000  # three tenths of a basis point, rounded down: no formula here has that

    found = rate_of(previews(preview), 7, 7, 0)

    assert found.margin == 2
    assert all(preview(s) - 4 <= found.out(s) <= preview(s) for s in (10**6, 10**18 + 1, 3 * 10**21, 12_345_678_901))


def test_rate_that_changes_with_the_amount_is_not_understood():
    assert rate_of(previews(lambda s: min(s, 10**19)), 1, 1, 0) is None
    assert rate_of(previews(lambda _shares: 0), 1, 1, 0) is None


# Reading -------------------------------------------------------------------------------------------------------------


class Chain:
    """A vault of 1,500 assets for 1,000 shares, with the virtual share, and 600 assets not lent out."""

    def __init__(self, **answers):
        self.answers = {
            (SHARE, "asset()"): ASSET.rjust(32, b"\0"),
            (SHARE, "decimals()"): word(18),
            (ASSET, "decimals()"): word(18),
            (SHARE, "totalAssets()"): word(1_500),
            (SHARE, "totalSupply()"): word(1_000),
            **answers.get("more", {}),
        }
        self.refuses = answers.get("refuses", ())

    def __call__(self, request):
        for (to, name), data in self.answers.items():
            if request.to == to and request.data[:4] == selector(name):
                return Returned(ok=name not in self.refuses, data=data)

        if request.data == encode("balanceOf(address)", SHARE):
            return Returned(ok=True, data=word(600))

        amount = int.from_bytes(request.data[4:36], "big")
        if amount in self.refuses:
            return Returned(ok=False, data=b"")

        return Returned(ok=True, data=word(amount * 1_501 // 1_001))


def observed(chain, *, boot=None):
    sync = ConversionSync(Erc4626Exits((SHARE,)))
    drive(sync.bootstrap(head(1)), boot or Chain())
    drive(sync.observe(head(1)), chain)
    return sync.pools()


def test_vault_is_read_with_its_rate_and_what_it_can_pay_at_once():
    # 600 assets are worth 400.2 shares; 400 give 599, 401 would give 601.
    assert observed(Chain()) == (vault(Rate(1_501, 1_001), 400),)


def test_vault_that_refuses_the_large_probe_is_read_by_the_others():
    assert observed(Chain(refuses=(LARGE,))) == (vault(Rate(1_501, 1_001), 400),)


def test_vault_that_refuses_to_tell_its_totals_is_left_out():
    assert observed(Chain(refuses=("totalAssets()",))) == ()
    assert observed(Chain(refuses=PROBES)) == ()


def test_what_is_no_vault_is_refused_naming_the_key():
    with pytest.raises(ConfigError, match="`vaults`"):
        observed(Chain(), boot=Chain(refuses=("asset()",)))


def test_reread_reads_the_block_again_and_the_rest_has_nothing_to_do():
    sync = ConversionSync(Erc4626Exits((SHARE,)))
    drive(sync.bootstrap(head(1)), Chain())
    drive(sync.reread(head(1)), Chain())
    pools = {SHARE: sync.pools()[0]}

    assert sync.sources() == ()
    assert sync.apply([]).new_sources == ()
    assert sync.save() == ()
    sync.restore([])
    assert sync.preceding(pools, []) == pools


def steth(request):
    if request.data == selector("stETH()"):
        return Returned(ok=True, data=ASSET.rjust(32, b"\0"))

    totals = {"getTotalPooledEther()": 1_150, "getTotalShares()": 1_000, "totalSupply()": 300}
    for name, value in totals.items():
        if request.data == selector(name):
            return Returned(ok=True, data=word(value))

    return Returned(ok=True, data=word(int.from_bytes(request.data[4:], "big") * 1_150 // 1_000))


def test_wsteth_is_read_at_the_ratio_of_the_totals_less_what_arrives_short():
    sync = ConversionSync(WstethExits(SHARE))
    drive(sync.bootstrap(head(1)), steth)
    drive(sync.observe(head(1)), steth)

    assert sync.pools() == (Conversion("wsteth", SHARE, (SHARE, ASSET), Rate(1_150, 1_000, margin=2), 300),)


def test_wsteth_with_other_answers_is_left_out_or_refused():
    def silent(_request):
        return Returned(ok=False, data=b"")

    sync = ConversionSync(WstethExits(SHARE))
    drive(sync.bootstrap(head(1)), steth)
    drive(sync.observe(head(1)), silent)
    assert sync.pools() == ()
    drive(sync.observe(head(1)), lambda request: steth(request) if len(request.data) == 4 else Returned(True, word(7)))
    assert sync.pools() == ()

    with pytest.raises(ConfigError, match="`wrapper`"):
        drive(ConversionSync(WstethExits(OTHER)).bootstrap(head(1)), silent)


def test_native_token_is_one_for_one():
    sync = ConversionSync(NativeExits(SHARE))
    drive(sync.bootstrap(head(1)), steth)
    drive(sync.observe(head(1)), steth)
    (native,) = sync.pools()

    assert native.tokens == (SHARE, ZERO_ADDRESS)
    assert native.quote_in(SHARE, 10**18).amount_out == 10**18
    assert native.quote_in(SHARE, MAX_UINT256) is None
