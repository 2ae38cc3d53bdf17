"""What a deployment asks before its first log and every block, and what it refuses, on a chain of plain answers."""

import pytest

from keeper.errors import ConfigError, StateError
from keeper.protocols.aave_v3 import build
from keeper.types import Address
from keeper.units import RAY, WAD
from tests.fakes.aave_v3_chain import (
    CONFIGURATOR,
    ORACLE,
    OTHER,
    PROVIDER,
    SENTINEL,
    FakeReserve,
    observed,
    started,
    two,
)
from tests.fakes.aave_v3_market import DOLLAR, NOW, POOL, head, word


@pytest.mark.parametrize(
    ("revision", "version"),
    [(1, "3.0"), (2, "3.0"), (3, "3.0"), (4, "3.1"), (5, "3.2"), (6, "3.2"), (7, "3.3"), (8, "3.4"), (9, "3.5"),
     (10, "3.6"), (11, "3.7")],
)  # fmt: skip
def test_rules_follow_the_pools_revision(revision, version):
    aave = two(revision=revision)
    assert observed(started(aave), aave).rules.version == version


@pytest.mark.parametrize("revision", [0, 12])
def test_an_unknown_revision_is_refused_with_what_to_do(revision):
    with pytest.raises(StateError, match=rf"has revision {revision}, .* upgrade the keeper or remove the deployment"):
        started(two(revision=revision))


def test_an_address_that_is_no_provider_is_a_config_error():
    aave = two()
    sync = build("core", Address(b"\x99" * 20)).sync
    with pytest.raises(ConfigError, match=r"deployment core: .* does not answer like a PoolAddressesProvider"):
        aave.drive(sync.bootstrap(head()))


def test_a_market_priced_in_another_token_is_refused():
    with pytest.raises(StateError, match="not in US dollars"):
        started(two(base_currency=OTHER))


def test_nothing_can_be_asked_before_bootstrap():
    with pytest.raises(StateError, match="was not bootstrapped"):
        build("aave", PROVIDER).sync.sources()


def test_sources_name_pool_configurator_oracle_and_every_token():
    queries = started(two()).sources()
    assert [q.addresses[0] for q in queries] == [POOL, CONFIGURATOR, ORACLE, FakeReserve(0).a_token]
    assert queries[3].addresses == tuple(t for n in (0, 1) for t in (FakeReserve(n).a_token, FakeReserve(n).v_token))


def test_bootstrap_finds_every_emode_category():
    aave = two(categories={1: (0b01, 9_300, 10_200), 255: (0b11, 9_500, 10_100)})
    market = observed(started(aave), aave)
    assert [(e.id, e.threshold, e.bonus, e.bitmap) for e in market.emodes.values()] == [
        (1, 9_300, 10_200, 0b01), (255, 9_500, 10_100, 0b11),
    ]  # fmt: skip


def test_bootstrap_up_to_31_reads_categories_with_their_price_source():
    aave = two(categories={2: (9_000, 9_300, 10_200)}, revision=1)
    (category,) = observed(started(aave), aave).emodes.values()
    assert (category.id, category.threshold, category.bonus, category.price_source) == (2, 9_300, 10_200, None)


# Every block -------------------------------------------------------------------------------------------------------


def test_observe_asks_everything_in_one_round():
    aave = two()
    sync = started(aave)
    aave.rounds.clear()
    observed(sync, aave)
    assert len(aave.rounds) == 1


def test_observe_sees_parameters_that_changed_without_an_event():
    aave = two(categories={1: (0b01, 9_300, 10_200)})
    sync = started(aave)
    observed(sync, aave)
    aave.reserves[0].config = word(bonus=11_500, paused=True)
    aave.categories[1] = (0b10, 9_400, 10_300)
    market = observed(sync, aave)
    assert (market.reserves[0].bonus, market.reserves[0].paused) == (11_500, True)
    assert (market.emodes[1].threshold, market.emodes[1].bonus, market.emodes[1].bitmap) == (9_400, 10_300, 0b10)


@pytest.mark.parametrize(
    ("allowed", "sentinel", "expected"), [(True, SENTINEL, True), (False, SENTINEL, False), (False, None, True)]
)
def test_observe_asks_the_sentinel_where_there_is_one(allowed, sentinel, expected):
    aave = two(sentinel=sentinel, allowed=allowed)
    assert observed(started(aave), aave).liquidations_allowed == expected


@pytest.mark.parametrize("price", [0, None, 2**255])
def test_observe_without_a_price_keeps_the_other_reserves(price):
    aave = two()
    aave.reserves[0].price = price
    market = observed(started(aave), aave)
    assert [r.price for r in market.reserves] == [None, DOLLAR]
    assert list(market.token_prices()) == [aave.reserves[1].asset]


def test_observe_dates_a_price_whose_source_tells_when():
    aave = two()
    aave.reserves[0].source, aave.reserves[0].round_answer = Address(b"\x31" * 20), DOLLAR
    market = observed(started(aave), aave)
    prices = market.token_prices()
    assert prices[aave.reserves[0].asset].updated_at == NOW - 7
    assert prices[aave.reserves[1].asset].updated_at is None
    assert (prices[aave.reserves[0].asset].price, prices[aave.reserves[0].asset].decimals) == (WAD, 18)


def test_observe_raises_when_the_pool_was_upgraded_and_bootstrap_brings_it_back():
    aave = two()
    sync = started(aave)
    aave.revision = 11
    with pytest.raises(StateError, match=r"3\.6 before, 3\.7 now"):
        observed(sync, aave)

    aave.drive(sync.bootstrap(head()))
    assert observed(sync, aave).rules.version == "3.7"


def test_observe_raises_for_a_reserve_no_event_announced():
    aave = two()
    sync = started(aave)
    aave.reserves.append(FakeReserve(2, id=2))
    with pytest.raises(StateError, match="reserves that no event announced"):
        observed(sync, aave)


def test_a_dropped_reserve_stays_in_its_place_without_any_use():
    aave = two()
    sync = started(aave)
    aave.reserves[0].listed = False
    market = observed(sync, aave)
    assert (market.reserves[0].active, market.reserves[0].threshold) == (False, 0)
    assert market.reserves[1].active


# A total of 10 scaled units at an index of 1.05 rays is 10.5: 11 half up or up, 10 down. At 1.03 it is 10.3: 10 half
# up or down, 11 up. So a supply of 10.5 and a debt of 10.3 tell the roundings apart, and whole totals tell nothing.
def rounded(aave, *, supply, debt, index):
    first = aave.reserves[0]
    aave.index = index
    for token, total in ((first.a_token, supply), (first.v_token, debt)):
        aave.scaled_totals[token], aave.totals[token] = 10, total

    return aave


HALF_UP, DIRECTED = "3.0", "3.0, rounded as in 3.5"


@pytest.mark.parametrize(
    ("index", "supply", "debt", "version"),
    [
        (RAY, 10, 10, HALF_UP),  # nothing tells: the rules the revision names
        (RAY * 105 // 100, 11, 11, HALF_UP),
        (RAY * 105 // 100, 10, 11, DIRECTED),
        (RAY * 103 // 100, 10, 10, HALF_UP),
        (RAY * 103 // 100, 10, 11, DIRECTED),
    ],
)
def test_first_release_is_read_by_how_its_totals_round(index, supply, debt, version):
    aave = rounded(two(revision=2), supply=supply, debt=debt, index=index)
    assert observed(started(aave), aave).rules.version == version


def test_totals_that_follow_no_known_rounding_are_refused():
    with pytest.raises(StateError, match="round their totals in a way no known rules do"):
        started(rounded(two(revision=2), supply=12, debt=11, index=RAY * 105 // 100))


def test_later_releases_are_not_asked_for_totals():
    aave = two(revision=10)
    started(rounded(aave, supply=12, debt=99, index=RAY))


def test_pool_whose_rounding_changes_under_the_same_revision_stops_and_is_read_anew():
    """A port of 3.5's roundings kept the revision number: the totals show it in the block the probed reserve tells."""
    aave = rounded(two(revision=2), supply=11, debt=11, index=RAY * 105 // 100)
    sync = started(aave)
    assert observed(sync, aave).rules.version == HALF_UP
    rounded(aave, supply=10, debt=11, index=RAY * 105 // 100)
    with pytest.raises(StateError, match=r"has new contracts or rules \(3.0 before, 3.0, rounded as in 3.5 now\)"):
        observed(sync, aave)

    aave.drive(sync.bootstrap(head()))
    assert observed(sync, aave).rules.version == DIRECTED
