"""A fixed book of positions to liquidate: Aave V3 markets and Uniswap V3 pools made from numbers, thin and deep.

Only the numbers are made up; the arithmetic is the adapter's and the pools' own.
"""

import random
from dataclasses import dataclass
from math import isqrt
from typing import Final

from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import Policy
from keeper.planning.board import Board
from keeper.planning.deal import Deal, Way
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.ways import ways_to
from keeper.protocols import aave_v3
from keeper.protocols.aave.roster import Listing, Roster
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.reserve import Reserve
from keeper.protocols.aave_v3.rules import BY_REVISION
from keeper.protocols.ledger import Ledger
from keeper.routing.base import Liquidity
from keeper.routing.tick_math import MAX_TICK, tick_at_sqrt_ratio
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.routing.uniswap_v3_logs import LiquidityChanged, PoolCreated
from keeper.routing.uniswap_v3_state import PoolState
from keeper.types import Address, BlockHead, BlockTarget, Declined, Health, Offer, PositionKey
from keeper.units import GWEI, RAY, USD

SEED: Final = 1
NOW: Final = 1_700_000_000
SPACINGS: Final = {100: 1, 500: 10, 3_000: 60}

_WETH, _USDC, _DAI, _WBTC, _LINK = (Address(bytes([0xC0, place]) + bytes(18)) for place in range(5))
_DECIMALS: Final = {_WETH: 18, _USDC: 6, _DAI: 18, _WBTC: 8, _LINK: 18}
_DOLLARS: Final = {_WETH: 2_500, _USDC: 1, _DAI: 1, _WBTC: 60_000, _LINK: 15}
_THRESHOLDS: Final = {_WETH: 8_300, _USDC: 7_800, _DAI: 7_700, _WBTC: 7_800, _LINK: 7_000}
_BONUSES: Final = {_WETH: 10_500, _USDC: 10_450, _DAI: 10_500, _WBTC: 10_600, _LINK: 10_700}
_TOKENS: Final = tuple(_DECIMALS)
PAIRS: Final = (
    (_WETH, _USDC, 500),
    (_WETH, _USDC, 3_000),
    (_WETH, _DAI, 3_000),
    (_WBTC, _WETH, 3_000),
    (_WBTC, _USDC, 3_000),
    (_LINK, _WETH, 3_000),
    (_LINK, _USDC, 3_000),
    (_DAI, _USDC, 100),
)


@dataclass(frozen=True)
class Situation:
    """One position's offer, the market it stands in, and every way to do it."""

    offer: Offer
    market: AaveV3Market
    ways: tuple[Way, ...]

    def deal(self) -> Deal:
        """The offer, with nothing worked out yet."""
        model = _ADAPTER.offers
        return Deal(self.offer, lambda size: model.settle(self.offer, size, self.market))

    def usd(self, amount: int) -> int:
        """An amount of the paid token in US dollars times 10**18."""
        token = self.offer.pay_token
        return amount * _DOLLARS[token] * USD // 10 ** _DECIMALS[token]


_ADAPTER: Final = aave_v3.build("aave", Address(b"\xab" * 20))


def situation(number: int) -> Situation:
    """A position of 1,000 to 3,000,000 dollars; depth from a fiftieth of it to fifty times as much."""
    chance = random.Random(f"{SEED}/{number}")  # noqa: S311  # a book to measure with
    collateral, debt = chance.choice(
        [(_WETH, _USDC), (_WETH, _DAI), (_WBTC, _USDC), (_LINK, _USDC), (_WBTC, _DAI), (_LINK, _WETH), (_WBTC, _WETH)]
    )
    owed = 10 ** chance.uniform(3, 6.5)
    block = _input(
        chance, {PositionKey(b"\x01" * 20): (collateral, debt, owed)}, owed * 10 ** chance.uniform(-1.7, 1.7)
    )
    (view,) = block.views
    (offer,) = view.offers
    ways = ways_to(offer, block.policies[0], Board.of(block), block)
    return Situation(offer, view.market, ways)


def crowded_block(positions: int) -> PlanningInput:
    """Positions of up to 100,000 dollars each over the same pools."""
    chance = random.Random(SEED)  # noqa: S311  # a book to measure with
    owing = {
        PositionKey(number.to_bytes(20, "big")): (
            chance.choice((_WETH, _WBTC, _LINK)),
            chance.choice((_USDC, _DAI)),
            10 ** chance.uniform(3, 5),
        )
        for number in range(1, positions + 1)
    }
    return _input(chance, owing, 3e6)


def _input(
    chance: random.Random, owing: dict[PositionKey, tuple[Address, Address, float]], depth: float
) -> PlanningInput:
    market = _market({key: _account(chance, *each) for key, each in owing.items()})
    healths: dict[PositionKey, Health] = {}
    offers: list[Offer] = []
    for key in owing:
        health = _ADAPTER.health.health(key, market)
        if not isinstance(health, Declined):
            healths[key] = health
            offers += [offer for offer in _ADAPTER.offers.offers(key, market) if isinstance(offer, Offer)]

    pools = [_pool(chance, number, pair, depth) for number, pair in enumerate(PAIRS)]
    policy = Policy("any", ("aave",), USD, 2, 9_000, max_plans_per_block=100, take_bad_debt=True)
    return PlanningInput(
        target=market.target,
        views=(View(_ADAPTER, market, healths, tuple(offers)),),
        liquidity=Liquidity.of(pools),
        policies=(policy,),
        numeraire=Numeraire.of(_DOLLARS[_WETH] * USD, _WETH, [market.token_prices()], 0),
        trusted=frozenset(_TOKENS),
        busy=frozenset(),
        gas_price_wei=2 * GWEI,
        executor=Address(b"\xee" * 20),
        max_block=103,
    )


def _account(chance: random.Random, collateral: Address, debt: Address, owed: float) -> Account:
    """Health between 0.90 and 0.999: all of the debt may be repaid below 0.95, half of it above."""
    health = chance.uniform(0.90, 0.999)
    held = owed * health * 10_000 / _THRESHOLDS[collateral]
    places = _TOKENS.index(collateral), _TOKENS.index(debt)
    return Account(
        ((places[0], _amount(collateral, held)),), ((places[1], _amount(debt, owed)),), 1 << places[0], emode=0
    )


def _amount(token: Address, dollars: float) -> int:
    return int(dollars * 10 ** _DECIMALS[token]) // _DOLLARS[token]


def _market(accounts: dict[PositionKey, Account]) -> AaveV3Market:
    head = BlockHead(100, bytes(32), bytes(32), NOW, GWEI, 0, 30_000_000, Address(bytes(20)))
    rules = BY_REVISION[10]
    reserves = tuple(_reserve(place, token).projected(NOW, rules) for place, token in enumerate(_TOKENS))
    return AaveV3Market(
        deployment="aave",
        head=head,
        target=BlockTarget(101, NOW, GWEI, NOW),
        rules=rules,
        pool=Address(b"\xaa" * 20),
        base_unit=10**8,
        flash_premium=5,
        liquidations_allowed=True,
        roster=Roster.of(Listing(r.asset, r.a_token, r.v_token, None) for r in reserves),
        reserves=reserves,
        emodes={},
        ledger=Ledger(accounts),
        set_aside=frozenset(),
    )


def _reserve(place: int, token: Address) -> Reserve:
    decimals = _DECIMALS[token]
    config = _THRESHOLDS[token] << 16 | _BONUSES[token] << 32 | decimals << 48 | 1 << 56 | 1 << 63 | 1_000 << 152
    return Reserve(
        asset=token,
        a_token=Address(bytes([0xA0, place]) + bytes(18)),
        v_token=Address(bytes([0xD0, place]) + bytes(18)),
        id=place,
        config=config | 1 << 252,
        liquidity_index=RAY,
        liquidity_rate=0,
        borrow_index=RAY,
        borrow_rate=0,
        last_update=NOW,
        income=RAY,
        debt_index=RAY,
        price=_DOLLARS[token] * 10**8,
        price_updated_at=None,
        feeds=frozenset(),
        virtual=10**40,
        underlying=10**40,
        grace_until=0,
    )


def _pool(chance: random.Random, number: int, pair: tuple[Address, Address, int], depth: float) -> UniswapV3Pool:
    """Some forty ranges around the price, most of the depth near it; off the oracle by up to half a percent."""
    token0, token1, fee = (*sorted(pair[:2]), pair[2])
    near = chance.uniform(0.995, 1.005)
    amounts = _amount(Address(token0), depth), int(_amount(Address(token1), depth) * near)
    price = isqrt((amounts[1] << 192) // amounts[0])
    state = PoolState(
        PoolCreated(Address(b"\xfa" * 20), Address(token0), Address(token1), fee, SPACINGS[fee], _address(number))
    )
    state.sqrt_price_x96, state.tick = price, tick_at_sqrt_ratio(price)
    spacing = SPACINGS[fee]
    edge, here = MAX_TICK // spacing * spacing, state.tick // spacing * spacing
    whole = isqrt(amounts[0] * amounts[1])
    ranges = [(-edge, edge, whole)]
    ranges += [
        (here - chance.randint(1, 40) * spacing, here + chance.randint(1, 40) * spacing, chance.randint(1, whole))
        for _ in range(20)
    ]

    for place, (lower, upper, liquidity) in enumerate(ranges):
        state.fold(LiquidityChanged(lower, upper, liquidity), (0, place))

    return state.freeze()


def _address(number: int) -> Address:
    return Address((1_000 + number).to_bytes(20, "big"))
