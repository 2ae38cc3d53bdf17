"""What an offer is worth to a strategy: an opportunity with exact numbers, or the reason against it with its own."""

from collections.abc import Sequence
from typing import Final

from keeper.planning.base import Opportunity, Policy
from keeper.planning.basket import bought_together
from keeper.planning.board import Board
from keeper.planning.deal import Sized, Way
from keeper.planning.inputs import PlanningInput, Subject
from keeper.planning.profit import Net, gas_in_token, net_of_gas
from keeper.planning.repeat import best_calls
from keeper.planning.ways import available_to, ways_to
from keeper.types import Declined, Health, Offer, Reason, TokenAmount, to_checksum

_UNKNOWN: Final = -(2**300)


def appraise(
    subject: Subject, offers: Sequence[Offer], board: Board, inputs: PlanningInput
) -> tuple[Opportunity, Policy] | Declined:
    """Find the best of a subject's offers for the first strategy that takes one, or the no that was closest."""
    deployment, key = subject
    policies = [policy for policy in inputs.policies if deployment in policy.deployments]
    if not policies:
        return Declined(deployment, key, Reason.NO_STRATEGY, {})

    closest: Declined | None = None
    for policy in policies:
        verdict = _best_for(policy, subject, offers, board, inputs)
        if isinstance(verdict, Opportunity):
            return verdict, policy

        if closest is None or _closeness(verdict) > _closeness(closest):
            closest = verdict

    return closest or Declined(deployment, key, Reason.NO_LEGAL_SIZE, {})


def _best_for(
    policy: Policy, subject: Subject, offers: Sequence[Offer], board: Board, inputs: PlanningInput
) -> Opportunity | Declined:
    deployment, key = subject
    health = None if key is None else board.views[deployment].healths.get(key)
    if health is not None and _leaves_bad_debt(health) and not policy.take_bad_debt:
        numbers = {"collateral_base": health.collateral_base, "debt_base": health.debt_base}
        return Declined(deployment, key, Reason.BAD_DEBT, {"strategy": policy.name, **numbers})

    verdicts = [Appraisal(offer, policy, board, inputs).verdict() for offer in offers]
    taken = [verdict for verdict in verdicts if isinstance(verdict, Opportunity)]
    together = bought_together(
        offers, policy, board, inputs, lambda offer, lax, later: Appraisal(offer, lax, later, inputs).verdict()
    )
    if together is not None:
        taken.append(together)

    if taken:
        return max(taken, key=lambda one: one.net_usd)

    refused = [verdict for verdict in verdicts if isinstance(verdict, Declined)]
    return max(refused, key=_closeness, default=Declined(deployment, key, Reason.NO_LEGAL_SIZE, {}))


def _leaves_bad_debt(health: Health) -> bool:
    return health.collateral_base < health.debt_base


def _closeness(declined: Declined) -> int:
    """How near a no was to a yes: its net profit where it came to one."""
    net = declined.numbers.get("net_usd")
    return net if isinstance(net, int) else _UNKNOWN


class Appraisal:
    """One offer under one policy."""

    def __init__(self, offer: Offer, policy: Policy, board: Board, inputs: PlanningInput) -> None:
        self._offer = offer
        self._policy = policy
        self._board = board
        self._inputs = inputs

    def verdict(self) -> Opportunity | Declined:
        """Go through the conditions in the order in which they are cheap to tell."""
        token, numeraire = self._offer.pay_token, self._inputs.numeraire
        if token not in self._inputs.trusted:
            return self._no(Reason.UNTRUSTED_PROFIT_TOKEN)

        if gas_in_token(token, 0, numeraire) is None:
            return self._no(Reason.UNKNOWN_PRICE)

        if self._board.unsettled(self._offer):
            return self._no(Reason.CONFLICT, why="a flash loan's fee of an earlier plan changes what it moves")

        ways = ways_to(self._offer, self._policy, self._board, self._inputs)
        return self._best_of(ways) if ways else self._no_way()

    def _best_of(self, ways: tuple[Way, ...]) -> Opportunity | Declined:
        deal = self._board.deal(self._offer)
        least = self._offer.sizes[0][0]
        if not deal.fundable(least):
            return self._no(Reason.NO_FUNDING, why="asks for more than one token")

        found = best_calls(deal, ways, self._policy, self._board, self._inputs)
        if found is None:
            needed, available = deal.terms(least).at_most, max(way.lender.available for way in ways)
            reason = Reason.NO_FUNDING if needed > available else Reason.NO_ROUTE
            return self._no(reason, needed=needed, available=available, routes=len(ways))

        return self._judge(found)

    def _no_way(self) -> Declined:
        available = available_to(self._offer, self._policy, self._board)
        return self._no(Reason.NO_ROUTE, routes=0) if available else self._no(Reason.NO_FUNDING, available=0)

    def _judge(self, found: Sized) -> Opportunity | Declined:
        """Weigh the best there is against the policy."""
        inputs = self._inputs
        profit = TokenAmount(self._offer.pay_token, found.profit)
        calls = max(len(found.steps), 1)
        cost_wei = found.way.gas * inputs.gas_price_wei + inputs.data_fee_wei(len(found.way.route.hops), calls)
        net = net_of_gas(profit, cost_wei, inputs.numeraire)
        if net is None:
            return self._no(Reason.UNKNOWN_PRICE)

        worthless = found.profit <= 0 or not found.is_covered
        if worthless or net.net_usd < self._policy.min_profit_usd:
            reason = Reason.UNPROFITABLE if worthless else Reason.BELOW_MIN_PROFIT
            return self._no(reason, **self._numbers(found, net))

        return Opportunity(
            strategy=self._policy.name,
            offer=found.steps[-1].offer if found.steps else self._offer,
            size=found.size,
            settlement=found.terms.settlement,
            route=found.quote,
            funding=found.funding,
            profit=profit,
            gas=found.way.gas,
            gas_cost_wei=net.gas_cost_wei,
            profit_usd=net.profit_usd,
            net_usd=net.net_usd,
            steps=found.steps,
        )

    def _numbers(self, found: Sized, net: Net) -> dict[str, int | str]:
        """What decided: the best that could be done, in the paid token and in US dollars times 10**18."""
        return {
            "size": found.size,
            "repaid": found.terms.paid,
            "seized": found.terms.received,
            "sold_for": found.quote.amount_out,
            "hops": len(found.quote.swaps),
            "funding": found.funding.lender.kind,
            "loan_fee": found.funding.fee,
            "expected_profit": found.profit,
            "profit_token": to_checksum(self._offer.pay_token),
            "profit_usd": net.profit_usd,
            "gas": found.way.gas,
            "gas_cost_wei": net.gas_cost_wei,
            "net_usd": net.net_usd,
            "min_profit_usd": self._policy.min_profit_usd,
        }

    def _no(self, reason: Reason, **numbers: int | str) -> Declined:
        offer = self._offer
        names = {
            "strategy": self._policy.name,
            "debt_token": to_checksum(offer.pay_token),
            "collateral_token": to_checksum(offer.receive_token),
        }
        return Declined(offer.deployment, offer.key, reason, {**names, **numbers})
