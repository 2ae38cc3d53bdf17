"""Morpho Blue on the stage: isolated markets priced by oracles of their own, one of which turns on whoever asks it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from keeper.sandbox.assets import Asset
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.market.borrowers import Borrower, Weight, plan_borrowers
from keeper.sandbox.market.opening import Phase, approving, open_accounts
from keeper.sandbox.market.path import DEPEG, DIP, FALL, RALLY, SLIDE
from keeper.sandbox.market.templates import Template
from keeper.sandbox.morpho_blue import (
    LLTVS_WAD,
    PARAMS,
    SCALE_DECIMALS,
    LoanMarket,
    MorphoBlue,
    compile_morpho_blue,
    create_market,
    create_markets,
    deploy_morpho_blue,
    lend,
    market_id,
)
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site, Turn
from keeper.sandbox.scenes.past import read_at
from keeper.sandbox.world import World
from keeper.types import Address, to_checksum
from keeper.units import WAD

NAME: Final = "morpho_blue"
LENT_DOLLARS: Final = 2_000_000
"""Supplied to each market."""
HOSTILE_KIND: Final = "hostile"
HOSTILE_FROM: Final = FALL
"""The step at which an oracle turns, just when there is work elsewhere."""
TURN_GAS: Final = 100_000
ORACLE_SCALE: Final = 10**SCALE_DECIMALS
VIRTUAL_ASSETS: Final = 1
VIRTUAL_SHARES: Final = 10**6

_LOW, _HIGH = LLTVS_WAD[2], LLTVS_WAD[3]
PAIRS: Final = (
    ("WETH", "USDC", _LOW),
    ("USDC", "WETH", _LOW),
    ("WBTC", "DAI", _LOW),
    ("wstETH", "WETH", _HIGH),
    ("wstETH", "USDC", _HIGH),
)
"""Collateral, loan and threshold of each market; the hostile one stands beside them."""
HOSTILE_PAIR: Final = ("WETH", "DAI", LLTVS_WAD[1])

TEMPLATES: Final = (
    Template("healthy", 2, ("WETH",), ("USDC",), (5_000, 30_000), (1.8, 3.0), None),
    Template("short", 2, ("USDC",), ("WETH",), (8_000, 25_000), (0.965, 0.99), RALLY),
    Template("long", 3, ("WETH",), ("USDC",), (8_000, 30_000), (0.955, 0.99), FALL),
    Template("bitcoin", 2, ("WBTC",), ("DAI",), (8_000, 30_000), (0.962, 0.99), DIP),
    Template("late", 2, ("WETH",), ("USDC",), (6_000, 25_000), (0.94, 0.985), SLIDE),
    Template("staker", 2, ("wstETH",), ("WETH",), (15_000, 50_000), (0.955, 0.99), DEPEG),
    # Worth less than owed: what is left without collateral is the lenders' loss.
    Template("underwater", 2, ("wstETH",), ("USDC",), (6_000, 20_000), (0.929, 0.942), DEPEG),
    Template("dust", 2, ("WETH",), ("USDC",), (15, 60), (0.955, 0.99), FALL),
    Template(HOSTILE_KIND, 2, ("WETH",), ("DAI",), (8_000, 20_000), (1.02, 1.3), None),
)


class Held(NamedTuple):
    """What an account's health is asked of."""

    id: bytes
    oracle: Address
    lltv_wad: int


def open_scene(site: Site) -> Opened:
    """Deploy Morpho, open and fund its markets, and open every account."""
    chain, world = site.chain, site.world
    morpho = deploy_morpho_blue(chain, compile_morpho_blue(site.packages))
    own = compile_own(site.packages, "sandbox")
    pairs = [(world.assets[collateral], world.assets[loan], lltv) for collateral, loan, lltv in PAIRS]
    markets = dict(zip(PAIRS, create_markets(chain, morpho, own, pairs), strict=True))
    collateral, loan, lltv = HOSTILE_PAIR
    oracle = chain.deploy(own["SandboxHostileOracle"], _price(world.assets[collateral], world.assets[loan]))
    hostile = LoanMarket(world.assets[loan], world.assets[collateral], oracle, morpho.irm, lltv)
    create_market(chain, morpho, hostile)

    for market in (*markets.values(), hostile):
        lend(chain, morpho, market, site.draw.account("lender"), market.loan.worth(LENT_DOLLARS))

    borrowers = plan_borrowers(site.draw, TEMPLATES, _weigh)
    place = {
        borrower.account: hostile if borrower.kind == HOSTILE_KIND else markets[_pair(borrower)]
        for borrower in borrowers
    }
    open_accounts(chain, world, borrowers, _phases(chain, world, morpho, place))
    held = {account: Held(market_id(m), m.oracle, m.lltv_wad) for account, m in place.items() if m is not hostile}

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return _healths(
            chain, morpho.morpho, {account: held[account] for account in accounts if account in held}, block
        )

    def moves(chain: LocalChain, turn: Turn) -> Sequence[Transaction]:
        if turn.place != 0 or turn.step.name != HOSTILE_FROM:
            return ()

        return [chain.transaction(oracle, "turn()", gas=TURN_GAS)]

    return Opened(
        names={borrower.account: borrower.name for borrower in borrowers},
        deployment={"adapter": "morpho_blue", "morpho": to_checksum(morpho.morpho)},
        referee={"kind": "morpho_blue", "morpho": to_checksum(morpho.morpho)},
        healths=healths,
        moves=moves,
    )


def _price(collateral: Asset, loan: Asset) -> int:
    """Price collateral in the loan token at the listed prices, as an oracle says it; down."""
    scale = 10 ** (SCALE_DECIMALS + loan.listing.decimals - collateral.listing.decimals)
    return int(scale * collateral.listing.price // loan.listing.price)


def _pair(borrower: Borrower) -> tuple[str, str, int]:
    return _THRESHOLDS[borrower.supplies[0][0], borrower.borrows[0][0]]


def _weigh(template: Template, symbol: str) -> Weight:
    """Weigh by the market's threshold, which is what it lends up to as well."""
    pair = HOSTILE_PAIR if template.kind == HOSTILE_KIND else _THRESHOLDS[symbol, template.debt[0]]
    return Weight(pair[2] / WAD, pair[2] / WAD)


def _phases(
    chain: LocalChain, world: World, morpho: MorphoBlue, place: Mapping[Address, LoanMarket]
) -> tuple[Phase, Phase]:
    def pledge(borrower: Borrower) -> Iterator[Transaction]:
        user, function = borrower.account, f"supplyCollateral({PARAMS},uint256,address,bytes)"

        for symbol, amount in borrower.supplies:
            yield approving(chain, world.assets[symbol], user, morpho.morpho)
            yield chain.transaction(morpho.morpho, function, place[user].params, amount, user, b"", sender=user)

    def borrow(borrower: Borrower) -> Iterator[Transaction]:
        user, function = borrower.account, f"borrow({PARAMS},uint256,uint256,address,address)"

        for _, amount in borrower.borrows:
            yield chain.transaction(morpho.morpho, function, place[user].params, amount, 0, user, user, sender=user)

    return pledge, borrow


def _healths(chain: LocalChain, morpho: Address, held: Mapping[Address, Held], block: int) -> Healths:
    """Divide what each account may owe by what it owes, as the contract and the oracles say both, without new interest.

    The hostile market is not asked: nobody can be liquidated where asking never ends.
    """
    totals = "market(bytes32)(uint128,uint128,uint128,uint128,uint128,uint128)"
    position = "position(bytes32,address)(uint256,uint128,uint128)"
    answers = read_at(
        chain,
        block,
        [
            call
            for account, where in held.items()
            for call in (
                (morpho, totals, where.id),
                (morpho, position, where.id, account),
                (where.oracle, "price()(uint256)"),
            )
        ],
    )
    found: dict[Address, int | None] = {}

    for place, (account, where) in enumerate(held.items()):
        market, (_, shares, collateral), price = answers[3 * place : 3 * place + 3]
        borrowed = -(-shares * (market[2] + VIRTUAL_ASSETS) // (market[3] + VIRTUAL_SHARES))  # up, like the contract
        limit = None if not price else collateral * price // ORACLE_SCALE * where.lltv_wad // WAD  # down, twice
        found[account] = None if limit is None or not borrowed else limit * WAD // borrowed  # down

    return found


_THRESHOLDS: Final = {(pair[0], pair[1]): pair for pair in PAIRS}
SCENE: Final = Scene(NAME, open_scene)
