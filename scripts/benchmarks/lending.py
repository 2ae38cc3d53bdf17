"""A seeded lending market of any size: 45 reserves, about three entries an account, some of them liquidatable.

Made for timing, so it is built from numbers, without a chain; the rules are Aave V3.6's. Health is log-normal around
1.8, about 0.6 % of it below 1, as on a main network after a bad day.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from keeper.protocols.aave.roster import Listing, Roster
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.reserve import Reserve
from keeper.protocols.aave_v3.rules import BY_REVISION
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockHead, BlockTarget, PositionKey
from keeper.units import RAY

RESERVES = 45
DOLLAR = 10**8
THRESHOLD_BPS = 8_000
NOW = 1_700_000_000
RULES = BY_REVISION[10]


@dataclass(frozen=True, slots=True)
class Reserves:
    """The figures of each reserve, by place: price in base currency, decimals, both indices in ray."""

    prices: list[int]
    decimals: list[int]
    incomes: list[int]
    debt_indices: list[int]


def draw_reserves(seed: int) -> Reserves:
    """Draw the reserves; a third of them stable, the others between a dime and 100,000 dollars."""
    rng = np.random.default_rng(seed)
    dollars = np.where(np.arange(RESERVES) % 3 == 0, 1.0, 10.0 ** rng.uniform(-1, 5, RESERVES))
    return Reserves(
        prices=[int(price * DOLLAR) for price in dollars],
        decimals=[(6, 18, 8)[place % 3] for place in range(RESERVES)],
        incomes=[int(RAY * (1 + x)) for x in rng.uniform(0, 0.3, RESERVES)],
        debt_indices=[int(RAY * (1 + x)) for x in rng.uniform(0, 0.5, RESERVES)],
    )


def draw_accounts(seed: int, count: int, reserves: Reserves) -> Iterator[tuple[PositionKey, Account]]:
    """Draw accounts: one to three supplies, one or two debts, in scaled units."""
    rng = np.random.default_rng(seed + 1)
    keys = rng.bytes(20 * count)
    supplies = rng.choice((1, 2, 3), count, p=(0.55, 0.3, 0.15)).tolist()
    debts = rng.choice((1, 2), count, p=(0.6, 0.4)).tolist()
    places = rng.integers(0, RESERVES, (count, 5)).tolist()
    dollars = (10.0 ** rng.uniform(2, 6, count)).tolist()
    health = np.exp(rng.normal(0.6, 0.24, count)).tolist()

    for i in range(count):
        supplied = sorted(set(places[i][: supplies[i]]))
        borrowed = sorted(set(places[i][3 : 3 + debts[i]]))
        held, owed = dollars[i] / len(supplied), dollars[i] * THRESHOLD_BPS / 10**4 / health[i] / len(borrowed)
        yield (
            PositionKey(keys[20 * i : 20 * i + 20]),
            Account(
                supplied=tuple((p, _scaled(held, reserves, p, reserves.incomes)) for p in supplied),
                borrowed=tuple((p, _scaled(owed, reserves, p, reserves.debt_indices)) for p in borrowed),
                collateral=sum(1 << p for p in supplied),
            ),
        )


def build_market(reserves: Reserves, ledger: Ledger[Account], number: int = 100) -> AaveV3Market:
    """The market these reserves and accounts make at one block."""
    made = tuple(_reserve(place, reserves) for place in range(RESERVES))
    head = BlockHead(number, number.to_bytes(32, "big"), bytes(32), NOW, 10**9, 0, 30_000_000, Address(bytes(20)))
    return AaveV3Market(
        deployment="bench",
        head=head,
        target=BlockTarget(number + 1, NOW, 10**9, NOW),
        rules=RULES,
        pool=Address(b"\xaa" * 20),
        base_unit=DOLLAR,
        flash_premium=5,
        liquidations_allowed=True,
        roster=Roster.of(Listing(r.asset, r.a_token, r.v_token, None) for r in made),
        reserves=made,
        emodes={},
        ledger=ledger,
        set_aside=frozenset(),
    )


def exact_scan(accounts: dict[PositionKey, Account], reserves: Reserves) -> set[PositionKey]:
    """Decide every account in integers, as plainly and as fast as Python over tuples and lists goes."""
    prices, units = reserves.prices, [10**decimals for decimals in reserves.decimals]
    incomes, indices = reserves.incomes, reserves.debt_indices
    found = set()

    for key, account in accounts.items():
        cover = 0
        for place, scaled in account.supplied:
            cover += scaled * incomes[place] // RAY * prices[place] // units[place]

        debt = 0
        for place, scaled in account.borrowed:
            debt -= scaled * indices[place] // -RAY * prices[place] // units[place]

        if cover * THRESHOLD_BPS < debt * 10**4:
            found.add(key)

    return found


def _scaled(dollars: float, reserves: Reserves, place: int, indices: list[int]) -> int:
    tokens = int(dollars * 10**6) * 10 ** reserves.decimals[place] * DOLLAR // (reserves.prices[place] * 10**6)
    return max(tokens * RAY // indices[place], 1)


def _reserve(place: int, reserves: Reserves) -> Reserve:
    def token(kind: int) -> Address:
        return Address(bytes([kind, place]) + bytes(18))

    return Reserve(
        asset=token(0xC0),
        a_token=token(0xA0),
        v_token=token(0xD0),
        id=place,
        config=THRESHOLD_BPS << 16 | 10_500 << 32 | reserves.decimals[place] << 48 | 1 << 56 | 1 << 63 | 1_000 << 152,
        liquidity_index=reserves.incomes[place],
        liquidity_rate=0,
        borrow_index=reserves.debt_indices[place],
        borrow_rate=0,
        last_update=NOW,
        income=reserves.incomes[place],
        debt_index=reserves.debt_indices[place],
        price=reserves.prices[place],
        price_updated_at=None,
        feeds=frozenset(),
        virtual=10**40,
        underlying=10**40,
        grace_until=0,
    )
