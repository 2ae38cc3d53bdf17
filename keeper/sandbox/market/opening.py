"""Opening the accounts on a chain, through the market's own entry points: supply, efficiency mode, borrow."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from keeper.sandbox.aave import VARIABLE_RATE, AaveV3
from keeper.sandbox.assets import NATIVE, Asset
from keeper.sandbox.chain import BLOCK_TIME_S, LocalChain, Transaction
from keeper.sandbox.market.borrowers import Borrower
from keeper.sandbox.uniswap_v3 import UniswapV3
from keeper.sandbox.world import World
from keeper.types import Address
from keeper.units import MAX_UINT256, WAD

GAS_MONEY_WEI: Final = 10 * WAD
ARBITRAGE_DOLLARS: Final = 1_000_000_000
"""What whoever moves the pools has of every token: never a reason not to."""
ARBITRAGEUR: Final = 8
"""Which of the chain's accounts that is."""


def open_market(chain: LocalChain, world: World, borrowers: Sequence[Borrower]) -> None:
    """Open every account on Aave V3.6, in three blocks.

    Blocks are 12 s apart by the chain's clock however fast they are mined, so that the same accounts give the same
    chain. Raises where the market refuses one of them.
    """
    chain.node.rpc("anvil_setBlockTimestampInterval", BLOCK_TIME_S)
    fund_arbitrage(chain, world.assets.values(), world.uniswap)

    for borrower in borrowers:
        native = sum(amount for symbol, amount in borrower.supplies if symbol == NATIVE)
        chain.set_balance(borrower.account, native + GAS_MONEY_WEI)

    for phase in (_mint, _supply, _borrow):
        chain.execute_many([tx for borrower in borrowers for tx in phase(chain, world, borrower)])


def fund_arbitrage(chain: LocalChain, assets: Iterable[Asset], uniswap: UniswapV3) -> None:
    """Give the account that moves the pools all it will ever need."""
    arbitrageur = chain.accounts[ARBITRAGEUR]
    assets = tuple(assets)
    wrapped = sum(asset.worth(ARBITRAGE_DOLLARS) for asset in assets if asset.listing.symbol == NATIVE)
    chain.set_balance(arbitrageur, wrapped + GAS_MONEY_WEI)
    chain.execute_many(
        [
            transaction
            for asset in assets
            for transaction in (
                _get(chain, asset, arbitrageur, asset.worth(ARBITRAGE_DOLLARS)),
                _approve(chain, asset, arbitrageur, uniswap.router),
            )
        ]
    )


def _mint(chain: LocalChain, world: World, borrower: Borrower) -> Iterator[Transaction]:
    for symbol, amount in borrower.supplies:
        yield _get(chain, world.assets[symbol], borrower.account, amount)


def _supply(chain: LocalChain, world: World, borrower: Borrower) -> Iterator[Transaction]:
    pool, user = world.aave36.pool, borrower.account

    if borrower.emode:
        yield chain.transaction(pool, "setUserEMode(uint8)", borrower.emode, sender=user)

    for symbol, amount in borrower.supplies:
        asset = world.assets[symbol]
        yield _approve(chain, asset, user, pool)
        yield chain.transaction(
            pool, "supply(address,uint256,address,uint16)", asset.token, amount, user, 0, sender=user
        )


def _borrow(chain: LocalChain, world: World, borrower: Borrower) -> Iterator[Transaction]:
    for symbol, amount in borrower.borrows:
        yield borrowing(chain, world.aave36, world.assets[symbol], borrower.account, amount)


def borrowing(chain: LocalChain, aave: AaveV3, asset: Asset, user: Address, amount: int) -> Transaction:
    """Write a loan at the variable rate down."""
    function = "borrow(address,uint256,uint256,uint16,address)"
    return chain.transaction(aave.pool, function, asset.token, amount, VARIABLE_RATE, 0, user, sender=user)


def _get(chain: LocalChain, asset: Asset, account: Address, amount: int) -> Transaction:
    if asset.listing.symbol == NATIVE:
        return chain.transaction(asset.token, "deposit()", sender=account, value_wei=amount)

    return chain.transaction(asset.token, "mint(address,uint256)", account, amount)


def _approve(chain: LocalChain, asset: Asset, owner: Address, spender: Address) -> Transaction:
    return chain.transaction(asset.token, "approve(address,uint256)", spender, MAX_UINT256, sender=owner)
