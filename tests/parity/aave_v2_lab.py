"""A laboratory on the real Aave V2: any position, parameter and price, set by storage overrides, in one request.

Slots are learned by asking the node which ones a getter reads; only the packing of a reserve's words is written here.
"""

from dataclasses import replace

from keeper.protocols.aave_v2 import build
from keeper.sandbox.aave_v2 import deploy_aave_v2
from keeper.sandbox.artifact import signature
from keeper.types import BlockTarget, Call
from keeper.units import MAX_UINT256
from tests.parity.aave_v3_lab import (
    KEY,
    LIQUIDATOR,
    USER,
    WALLET,
    Lab,
    Overrides,
    block_head,
    drive_batched,
    hexed,
    read_at,
)


class LabV2(Lab):
    """One market on a running chain, its slots learned, its adapter bootstrapped and observing."""

    def __init__(self, scene):
        self.chain, self.assets = scene.chain, scene.world.assets
        self.aave = deploy_aave_v2(self.chain, scene.packages, self.assets)
        self.adapter = build("parity", self.aave.addresses_provider)
        self.head = block_head(self.chain.head())
        answer = read_at(self.chain, hexed(self.head.hash))
        drive_batched(self.adapter.sync.bootstrap(self.head), answer)
        target = BlockTarget(self.head.number + 1, self.head.timestamp + 12, 10**9, self.head.timestamp + 36)
        self.base = drive_batched(self.adapter.sync.observe(self.head, target), answer)
        self.places = {s: self.base.roster.places[self.assets[s].token][0] for s in self.aave.reserves}
        self.contracts, self.ids = self.adapter.sync._contracts, self.adapter.sync._ids
        self._learn()

    def _learn(self):
        pool = self.aave.pool
        self.user_config = self.slot(pool, "getUserConfiguration(address)", USER)
        self.paused = self.slot(pool, "paused()")
        self.config, self.price, self.held, self.wallet, self.allowed = ({} for _ in range(5))
        self.scaled, self.total, self.stable = {}, {}, {}
        for symbol, place in self.places.items():
            asset, reserve = self.assets[symbol], self.aave.reserves[symbol]
            self.config[place] = self.slot(pool, "getConfiguration(address)", asset.token)
            if reserve.feed is not None:
                self.price[place] = self.slot(reserve.feed.aggregator, "latestAnswer()")

            self.held[place] = self.slot(asset.token, "balanceOf(address)", reserve.a_token)
            self.wallet[place] = self.slot(asset.token, "balanceOf(address)", LIQUIDATOR)
            self.allowed[place] = self.slot(asset.token, "allowance(address,address)", LIQUIDATOR, pool)
            for is_debt, token in ((False, reserve.a_token), (True, reserve.variable_debt_token)):
                self.scaled[place, is_debt] = self.slot(token, "scaledBalanceOf(address)", USER)
                self.total[place, is_debt] = self.slot(token, "scaledTotalSupply()")

            self.stable[place] = [
                self.slot(reserve.stable_debt_token, f"{getter}(address)", USER)
                for getter in ("principalBalanceOf", "getUserStableRate", "getUserLastUpdated")
            ]

    # One case ------------------------------------------------------------------------------------------------------

    def market(self, case):
        """The adapter's market of a case, from the observed one and the case's numbers."""
        target = BlockTarget(self.head.number + 1, case.timestamp, 10**9, case.timestamp + 36)
        reserves = {
            place: replace(
                self.base.reserves[place],
                config=r.config,
                liquidity_index=r.liquidity_index,
                liquidity_rate=r.liquidity_rate,
                borrow_index=r.borrow_index,
                borrow_rate=r.borrow_rate,
                last_update=r.last_update,
                price=r.price or None,
                underlying=r.available,
            )
            for place, r in case.reserves.items()
        }
        market = replace(self.base.with_reserves(reserves), paused=case.paused)
        return market.with_accounts({KEY: case.account}).at(target)

    def overrides(self, case):
        found = Overrides()
        flags = 0
        for place, scaled in case.account.supplied:
            self._hold(found, place, scaled, is_debt=False)
            flags |= case.account.uses_as_collateral(place) << 2 * self.base.reserves[place].id + 1

        for place, scaled in case.account.borrowed:
            self._hold(found, place, scaled, is_debt=True)

        for debt in case.account.stable:
            for slot, number in zip(self.stable[debt.reserve], debt[1:], strict=True):
                found.set(slot, number)

        for place in case.account.debts():
            flags |= 1 << 2 * self.base.reserves[place].id

        found.set(self.user_config, flags)
        found.set(self.paused, int(case.paused))
        for place, r in case.reserves.items():
            slot = self.config[place]
            found.set(slot, r.config)
            found.set(slot, r.liquidity_index | r.borrow_index << 128, 1)
            found.set(slot, r.liquidity_rate | r.borrow_rate << 128, 2)
            found.set(slot, r.last_update << 128, 3)
            if place in self.price:
                found.set(self.price[place], r.price)

            found.set(self.held[place], r.available)
            found.set(self.wallet[place], WALLET)
            found.set(self.allowed[place], MAX_UINT256)

        return found

    def _hold(self, found, place, scaled, *, is_debt):
        found.set(self.scaled[place, is_debt], scaled)
        found.set(self.total[place, is_debt], scaled + (0 if is_debt else 10**24))


def account_data_call(lab) -> Call:
    return Call(lab.aave.pool, signature("getUserAccountData(address)").encode(USER))
