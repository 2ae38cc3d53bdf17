"""Opening accounts on a chain, through a market's own entry points, many accounts to a block."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from keeper.sandbox.assets import NATIVE, Asset
from keeper.sandbox.chain import LocalChain, Transaction
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

Phase: TypeAlias = Callable[[Borrower], Iterable[Transaction]]
"""What an account does in one block."""


def open_accounts(chain: LocalChain, world: World, borrowers: Sequence[Borrower], phases: Iterable[Phase]) -> None:
    """Give every account what it supplies in one block, and let all do each phase in a block of its own.

    Raises where the market refuses one of them.
    """
    for borrower in borrowers:
        native = sum(amount for symbol, amount in borrower.supplies if symbol == NATIVE)
        chain.set_balance(borrower.account, native + GAS_MONEY_WEI)

    def mint(borrower: Borrower) -> Iterator[Transaction]:
        for symbol, amount in borrower.supplies:
            yield _get(chain, world.assets[symbol], borrower.account, amount)

    for phase in (mint, *phases):
        chain.execute_many([transaction for borrower in borrowers for transaction in phase(borrower)])


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
                approving(chain, asset, arbitrageur, uniswap.router),
            )
        ]
    )


def approving(chain: LocalChain, asset: Asset, owner: Address, spender: Address) -> Transaction:
    """Write down that a spender may take all of an owner's tokens."""
    return chain.transaction(asset.token, "approve(address,uint256)", spender, MAX_UINT256, sender=owner)


def _get(chain: LocalChain, asset: Asset, account: Address, amount: int) -> Transaction:
    if asset.listing.symbol == NATIVE:
        return chain.transaction(asset.token, "deposit()", sender=account, value_wei=amount)

    return chain.transaction(asset.token, "mint(address,uint256)", account, amount)
