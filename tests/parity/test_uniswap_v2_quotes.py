"""Pairs made from logs alone quote what the real router quotes, to the wei, in both directions, at two fees."""

import random

import pytest

from keeper.sandbox.node import NodeError
from tests.fakes.heads import head
from tests.fakes.reads import drive_rounds
from tests.parity.node_answers import answers
from tests.parity.uniswap_v2_lab import V2Lab

pytestmark = pytest.mark.anvil

AMOUNTS_OUT = "getAmountsOut(uint256,address[])(uint256[])"
AMOUNTS_IN = "getAmountsIn(uint256,address[])(uint256[])"


@pytest.fixture(scope="module", params=[30, 50])
def lab(request, running_scene, random_seed):
    with running_scene.chain.undone():
        yield V2Lab(running_scene, request.param, random_seed)


def test_bootstrap_accepts_the_real_router_and_its_fee(lab):
    drive_rounds(lab.sync.bootstrap(head(1)), lambda requests: answers(lab.chain, requests))


def test_reread_finds_what_the_logs_said(lab):
    from_logs = lab.pools()

    drive_rounds(lab.sync.reread(head(0)), lambda requests: answers(lab.chain, requests))

    assert list(lab.sync.pools()) == from_logs
    assert len(from_logs) == 5


def test_quotes_equal_the_routers(lab, random_seed):
    _compare(lab, random_seed, 100)


@pytest.mark.full
def test_ten_thousand_quotes_equal_the_routers(lab, random_seed):
    _compare(lab, random_seed, 5_000)  # at each of two fees


def test_swaps_leave_the_pairs_as_predicted(lab, random_seed):
    chance = random.Random(f"swaps {random_seed}")
    for _ in range(8):
        pool = chance.choice(lab.pools())
        token = chance.choice(pool.tokens)
        held = pool.reserves[pool.tokens.index(token)]
        amount = max(int(held * 10 ** chance.uniform(-5, 0.5)), 1_000)
        quote = pool.quote_in(token, amount)

        lab.swap(pool, token, amount)

        assert next(p for p in lab.pools() if p.address == pool.address) == quote.after


def _compare(lab, seed, count):
    chance = random.Random(seed)
    pools = lab.pools()
    asked, refused = [], 0
    for _ in range(count):
        pool = chance.choice(pools)
        side = chance.randrange(2)
        exact_in = chance.random() < 0.5
        held = pool.reserves[side if exact_in else 1 - side]
        asked.append((pool, side, exact_in, max(int(held * 10 ** chance.uniform(-9, 1)), 1)))

    for (pool, side, exact_in, amount), theirs in zip(asked, _routers(lab, asked), strict=True):
        token_in = pool.tokens[side]
        ours = pool.quote_in(token_in, amount) if exact_in else pool.quote_out(token_in, amount)
        if ours is None:
            assert theirs is None or theirs[-1] == 0
            refused += 1
            continue

        assert (ours.amount_in, ours.amount_out) == tuple(theirs)

    assert refused < count // 3


def _routers(lab, asked):
    """The router's amounts for each question; None for a revert."""
    calls = []
    for pool, side, exact_in, amount in asked:
        path = [pool.tokens[side], pool.tokens[1 - side]]
        calls.append((lab.exchange.router, AMOUNTS_OUT if exact_in else AMOUNTS_IN, amount, path))

    try:
        return list(lab.chain.call_many(calls))
    except NodeError:
        if len(calls) == 1:
            return [None]

    half = len(asked) // 2
    return _routers(lab, asked[:half]) + _routers(lab, asked[half:])
