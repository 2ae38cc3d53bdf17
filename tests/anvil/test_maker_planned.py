"""Plans made from the twins of Maker's contracts land on them with the profit they said, each of three kinds."""

import pytest

from keeper.protocols.maker.urn import auction_key
from keeper.protocols.words import word
from keeper.sandbox.maker import open_vault
from keeper.settler import EXECUTED
from keeper.types import OfferKind
from keeper.units import WAD
from tests.anvil.maker_world import OWNERS, SYMBOLS, Keeper, crash, deploy
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil

EVERY = tuple(SYMBOLS)


def executed(receipt):
    (event,) = [log for log in receipt["logs"] if log["topics"][0] == hexed(EXECUTED)]
    return word(bytes.fromhex(event["data"][2:]), 0)


def amounts(settlement):
    return [(p.token, p.amount) for p in settlement.pays], list(settlement.receives)


def lands(keeper, plan, **how):
    """Land a plan; the model, the logs and the treasury must say the same."""
    receipt = keeper.land(plan.data, **how)
    assert receipt["status"] == "0x1"
    opportunity = plan.opportunity
    settled, realised = keeper.settled(opportunity, receipt), keeper.realised(opportunity, receipt)
    assert amounts(settled) == amounts(realised) == amounts(opportunity.settlement)
    assert executed(receipt) == opportunity.profit.amount > 0
    assert int(receipt["gasUsed"], 16) < plan.gas_limit
    return receipt


def vault(keeper_or_scene, maker, name, owner, dollars=12_000):
    """A vault that owes 64 % of what its collateral is worth, of 66 %: a fall by 4 % is enough."""
    chain = keeper_or_scene.chain
    asset = maker.ilks[name].asset
    open_vault(chain, maker, maker.ilks[name], chain.accounts[owner], (asset.worth(dollars), dollars * 64 * WAD // 100))


@pytest.fixture
def keeper(scene):
    maker = deploy(scene)
    vault(scene, maker, "ETH-A", OWNERS[0])
    return Keeper(scene, maker)


def test_bark_pays_what_it_said_and_the_auction_is_bought_once_it_pays(keeper):
    """30 DAI and a thousandth for the bark; then blocks pass until a purchase clears a dollar after gas."""
    assert keeper.plan().plans == ()
    crash(keeper.scene, keeper.maker, "ETH-A", 90)
    (bark,) = keeper.plan().plans
    assert bark.opportunity.offer.kind is OfferKind.TRIGGER
    lands(keeper, bark)

    bought = None
    for _ in range(20):
        result = keeper.plan()
        if result.plans:
            (bought,) = result.plans
            break

        keeper.chain.mine()
        keeper.pass_time(12)

    assert bought is not None, result.declined
    assert bought.opportunity.offer.kind is OfferKind.SALE
    assert bought.opportunity.offer.key == auction_key(keeper.maker.ilks["ETH-A"].key, 1, keeper.chain.accounts[1])
    lands(keeper, bought)
    keeper.advance()
    assert not keeper.market.ilks[keeper.maker.ilks["ETH-A"].key].auctions
