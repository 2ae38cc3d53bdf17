"""Numbers that are each legal and make no sense: together, or for what they are for."""

from collections.abc import Iterator
from typing import Final

from keeper.config.lines import KeyPath
from keeper.config.model import ExpectedValueBid, FixedBid, KeeperConfig, ProfitShareBid, StrategyConfig
from keeper.config.problems import Problem
from keeper.units import BPS, WAD

_MOST_GAS: Final = 100_000 * WAD
"""No chain's busiest keeper pays so much of its token for gas in a day."""


def absurd_numbers(config: KeeperConfig) -> Iterator[Problem]:
    """Find numbers with which nothing could ever be sent, or that are a slip of units."""
    governor = config.governor
    for name in ("gas_budget_per_day", "signing_budget_per_day"):
        amount = getattr(governor, name).amount
        if amount == 0:
            yield Problem(("governor", name), "zero", "nothing would ever be sent; for that leave [run] live false")

        if amount > _MOST_GAS:
            yield Problem(("governor", name), "more than any day costs", 'write whole units, not wei: "1 native"')

    for index, strategy in enumerate(config.strategies):
        yield from _absurd_strategy(("strategy", index), strategy, config)


def odd_numbers(config: KeeperConfig) -> Iterator[Problem]:
    """Find numbers that work, and hardly as meant."""
    governor = config.governor
    for name, what in (("max_loss_per_day", "for a day"), ("max_drawdown", 'until "keeper resume"')):
        if getattr(governor, name).amount == 0:
            yield Problem(("governor", name), "zero", f"the gas of a single miss holds everything {what}")

    if governor.signing_budget_per_day.amount < governor.gas_budget_per_day.amount:
        yield Problem(
            ("governor", "signing_budget_per_day"),
            "below gas_budget_per_day",
            "it counts each signature at its worst, so it ends a day long before the other: make it many times that",
        )

    for index, strategy in enumerate(config.strategies):
        yield from _odd_bid(("strategy", index, "bid"), strategy)

    lends = any(lender.kind == "vault" for lender in config.lenders)
    asks = [index for index, strategy in enumerate(config.strategies) if "inventory" in strategy.funding]
    if lends and not asks:
        where = next(index for index, lender in enumerate(config.lenders) if lender.kind == "vault")
        yield Problem(("lender", where, "kind"), "no strategy may use it", 'add "inventory" to a strategy\'s funding')

    for index in asks:
        if not lends and set(config.strategies[index].funding) != {"inventory"}:
            yield Problem(
                ("strategy", index, "funding"), '"inventory" without a [[lender]] of kind "vault"', "it has no effect"
            )


def _absurd_strategy(path: KeyPath, strategy: StrategyConfig, config: KeeperConfig) -> Iterator[Problem]:
    offered = strategy.bid
    if isinstance(offered, ExpectedValueBid) and offered.start_share_bps > offered.max_share_bps:
        yield Problem(
            (*path, "bid", "start_share_bps"),
            f"above max_share_bps, which is {offered.max_share_bps}",
            "it starts within what it may ever offer: lower the one or raise the other",
        )

    lends = any(lender.kind == "vault" for lender in config.lenders)
    if set(strategy.funding) == {"inventory"} and not lends:
        yield Problem(
            (*path, "funding"),
            'only "inventory", and no [[lender]] of kind "vault"',
            'nothing could be paid for: add the vault, or "flash_loan"',
        )


def _odd_bid(path: KeyPath, strategy: StrategyConfig) -> Iterator[Problem]:
    match strategy.bid:
        case FixedBid(tip_wei=0):
            yield Problem((*path, "tip_wei"), "zero", "most nodes refuse a transaction without a tip: 1 wei is enough")
        case ProfitShareBid(share_bps=share) if share == BPS:
            yield Problem((*path, "share_bps"), "all of the profit", "nothing is left, so nothing will be planned")
        case ExpectedValueBid(max_share_bps=0):
            yield Problem((*path, "max_share_bps"), "zero", "nothing is ever offered beyond the base fee")
        case _:
            return
