"""ERC-4626 vaults, from OpenZeppelin's published contracts: shares that are collateral, redeemed rather than sold."""

from collections.abc import Mapping
from dataclasses import dataclass

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain
from keeper.types import Address


@dataclass(frozen=True, slots=True)
class Terms:
    """How a vault counts: decimals its shares are finer by, its fee on leaving, and whether that is of what is paid."""

    finer: int = 0
    exit_fee_bps: int = 0
    fee_on_paid: bool = False


def deploy_vault(chain: LocalChain, own: Mapping[str, Artifact], asset: Asset, terms: Terms) -> Address:
    """Deploy a vault of an asset; `own` are the sandbox's compiled contracts."""
    symbol = f"v{asset.listing.symbol}"
    arguments = (symbol, asset.token, terms.finer, terms.exit_fee_bps, terms.fee_on_paid)
    return chain.deploy(own["SandboxVault"], *arguments)


def deposit(chain: LocalChain, vault: Address, asset: Asset, owner: Address, amount: int) -> None:
    """Give an account shares for fresh tokens."""
    fund(chain, asset, owner, amount)
    approve(chain, asset, owner, vault)
    chain.send(vault, "deposit(uint256,address)", amount, owner, sender=owner)


def earn(chain: LocalChain, vault: Address, asset: Asset, amount: int) -> None:
    """Let a vault gain so much: its shares are worth more from then on."""
    fund(chain, asset, chain.account, amount)
    chain.send(asset.token, "transfer(address,uint256)", vault, amount)
