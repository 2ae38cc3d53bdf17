"""The dYdX perpetual's twin on the sandbox's chain: an adapter that follows it, and a keeper that plans and lands."""

from functools import partial

from keeper.protocols.dydx_perpetual import Taker, build
from keeper.protocols.dydx_perpetual.discovery import read_accounts
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.dydx_perpetual import Agreed, deploy_dydx_perpetual, depositing, price, trading
from keeper.types import PositionKey
from keeper.units import WAD
from tests.anvil.aave_v3_follow import Follower as AaveFollower
from tests.anvil.compound_v2_world import Keeper as VenusKeeper
from tests.anvil.compound_v2_world import answer_at
from tests.anvil.executor_kit import wire
from tests.parity.aave_v3_lab import drive_batched, hexed

MARGIN, DEPTH, FUND = 6, 7, 8
"""Accounts: the margin account of the operator, whoever is on the other side of everybody, the insurance fund."""
ETHER = 10**8
"""Position units of one ether."""


def deploy(scene, *, dollars=1_000_000):
    """A perpetual that follows ether, with margin for the operator's account and for the other side."""
    chain, usdc = scene.chain, scene.asset("USDC")
    dydx = deploy_dydx_perpetual(chain, scene.packages, usdc, scene.asset("WETH"), chain.accounts[FUND])
    deposit(scene, dydx, chain.accounts[MARGIN], dollars)
    deposit(scene, dydx, chain.accounts[DEPTH], 50_000_000)
    return dydx


def deposit(scene, dydx, who, dollars):
    usdc = scene.asset("USDC")
    fund(scene.chain, usdc, who, dollars * 10**6)
    approve(scene.chain, usdc, who, dydx.perpetual)
    return scene.chain.execute(depositing(scene.chain, dydx, who, dollars * 10**6))


def hold(scene, dydx, who, dollars, ether):
    """Deposit dollars and go long so many ether, or short below zero, at the oracle's price."""
    chain = scene.chain
    deposit(scene, dydx, who, dollars)
    position = abs(ether) * ETHER
    sides = (who, chain.accounts[DEPTH]) if ether > 0 else (chain.accounts[DEPTH], who)
    return chain.execute(trading(chain, dydx, Agreed(*sides, position * price(chain, dydx) // WAD, position)))


class Follower(AaveFollower):
    """An adapter bootstrapped at the head it is made at, and brought up to each later head by `advance`."""

    def __init__(self, chain, dydx, taker, *, from_block=0):
        self.chain = chain
        self.adapter = build("followed", (dydx.perpetual, dydx.proxy), taker, is_usd=True)
        self.sync = self.adapter.sync
        self.perpetual = dydx.perpetual
        self.next_block = from_block
        self.touched = set()
        self.run(self.sync.bootstrap(self.head()))
        self.market = self.advance()

    def run(self, read, head=None):
        return drive_batched(read, partial(answer_at, self.chain, hexed((head or self.head()).hash)))

    def accounts_on_chain(self, keys):
        return self.run(read_accounts(self.perpetual, sorted(keys)))


class Keeper(VenusKeeper):
    """A follower of the perpetual, a margin account that lets an executor act for it, and the planner between them."""

    def __init__(self, scene, dydx, *, collateral_bps=12_000, exit_cost_bps=100):
        self.scene, self.chain, self.dydx = scene, scene.chain, dydx
        self.account = scene.chain.accounts[MARGIN]
        self.follower = Follower(scene.chain, dydx, Taker(self.account, collateral_bps, exit_cost_bps))
        self.lender = AaveFollower(scene.chain, scene.aave)
        self.wired = wire(scene)
        self.allow()
        self.let(approved=True)

    def let(self, *, approved):
        """Let the executor act for the margin account, or stop it."""
        function = "setLocalOperator(address,bool)"
        asked = self.chain.transaction(
            self.dydx.perpetual, function, self.wired.executor, approved, sender=self.account
        )
        self.chain.execute(asked)

    def stored(self, who):
        """An account as the contract keeps it now."""
        key = PositionKey(bytes(who))
        return self.follower.accounts_on_chain([key])[key]
