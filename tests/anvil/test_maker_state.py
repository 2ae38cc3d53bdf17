"""The state kept by the Vat's notes on the twin, and collateral types that break beside others that do not."""

import random
from dataclasses import replace

import pytest

from keeper.errors import ConfigError
from keeper.margin.cure import Patient, cures
from keeper.protocols.cures import Action
from keeper.protocols.maker import build
from keeper.protocols.maker.discovery import read_contracts
from keeper.protocols.maker.urn import KEY_BYTES, urn_key
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.maker import FROB, Curve, art_of, bark, open_vault, urn
from keeper.sandbox.node import NodeError
from keeper.types import BlockTarget, Declined, Offer, Reason
from keeper.units import GWEI, MAX_UINT256, RAY, WAD
from tests.anvil.maker_world import OWNERS, TERMS, Follower, addresses, crash, deploy

pytestmark = pytest.mark.anvil

FORK = "fork(bytes32,address,address,int256,int256)"
FILE_ADDRESS = "file(bytes32,address)"
FILE = "file(bytes32,uint256)"


class Crowd:
    """Four owners who do what comes to mind with their vaults; what the Vat refuses did not happen."""

    ACTIONS = ("lock", "free", "draw", "pay", "move", "drip", "liquidate")

    def __init__(self, scene, maker, names, rng):
        self.chain, self.maker, self.names, self.rng = scene.chain, maker, names, rng
        self.users = [scene.chain.accounts[owner] for owner in OWNERS]
        self.done = dict.fromkeys(self.ACTIONS, 0)
        for name in names:
            for user in self.users:
                open_vault(scene.chain, maker, maker.ilks[name], user, (self.worth(name, 40_000), 8_000 * WAD))
                fund(scene.chain, maker.ilks[name].asset, user, self.worth(name, 10**6))
                approve(scene.chain, maker.ilks[name].asset, user, maker.ilks[name].join)
                join = "join(address,uint256)"
                scene.chain.send(maker.ilks[name].join, join, user, self.worth(name, 10**6), sender=user)

        for user in self.users:
            approve(scene.chain, scene.asset("DAI"), user, maker.dai_join)
            for other in self.users:
                scene.chain.send(maker.vat, "hope(address)", other, sender=user)

    def worth(self, name, dollars):
        return self.maker.ilks[name].asset.worth(dollars)

    def act(self):
        rarest = min(self.ACTIONS, key=lambda action: self.done[action])
        action = self.rng.choice([rarest, self.rng.choice(self.ACTIONS)])
        try:
            getattr(self, action)(self.maker.ilks[self.rng.choice(self.names)], self.rng.choice(self.users))
        except NodeError:
            return

        self.done[action] += 1

    def frob(self, ilk, user, dink, dart):
        """Change somebody's vault with somebody's collateral and DAI: the notes name all three."""
        v, w = self.rng.choice(self.users), self.rng.choice(self.users)
        self.chain.send(self.maker.vat, FROB, ilk.key, user, v, w, dink, dart, sender=user)

    def lock(self, ilk, user):
        self.frob(ilk, user, self.rng.randrange(1, 10 * WAD), 0)

    def free(self, ilk, user):
        self.frob(ilk, user, -self.rng.randrange(1, WAD), 0)

    def draw(self, ilk, user):
        self.frob(ilk, user, 0, self.rng.randrange(1, 500 * WAD))

    def pay(self, ilk, user):
        self.chain.send(self.maker.dai_join, "join(address,uint256)", user, 900 * WAD, sender=user)
        art, _ = art_of(self.chain, self.maker, ilk, 800 * WAD)
        self.chain.send(self.maker.vat, FROB, ilk.key, user, user, user, 0, -art, sender=user)

    def move(self, ilk, user):
        other = self.rng.choice(self.users)
        dink, dart = self.rng.randrange(5 * WAD), self.rng.randrange(900 * WAD)
        self.chain.send(self.maker.vat, FORK, ilk.key, user, other, dink, dart, sender=user)

    def drip(self, ilk, user):
        self.chain.send(self.maker.jug, "drip(bytes32)", ilk.key, sender=user)

    def liquidate(self, ilk, user):
        price = ilk.asset.listing.price
        for share in (20, 100):
            crash_to(self.chain, ilk, price * share // 100)
            self.chain.send(self.maker.spotter, "poke(bytes32)", ilk.key)
            if share == 20:
                bark(self.chain, self.maker, ilk, user)


def crash_to(chain, ilk, price):
    chain.send(ilk.source, "poke(bytes32)", (price * WAD // 10**8).to_bytes(32, "big"))


@pytest.mark.parametrize(
    ("names", "rounds"), [(("ETH-A",), 2), pytest.param(("ETH-A", "WBTC-A"), 8, marks=pytest.mark.full)]
)
def test_vaults_kept_by_notes_are_the_vats_whoever_does_what(scene, names, rounds):
    """Every function that changes a vault, and a restart from what was saved in the middle."""
    rng = random.Random(11)
    maker = deploy(scene, names)
    crowd = Crowd(scene, maker, names, rng)
    follower = Follower(scene.chain, maker, from_block=0)
    for _ in range(rounds):
        for _ in range(16):
            crowd.act()

        follower.advance()
        ours = dict(follower.market.urns(None))
        assert len(ours) > 2
        assert follower.urns_on_chain(ours) == ours

    assert min(crowd.done.values()) > 1, crowd.done
    fresh = build("again", addresses(maker))
    fresh.sync.restore(follower.sync.save(None))
    follower.run(fresh.sync.bootstrap(follower.head()))
    again = follower.run(fresh.sync.observe(follower.head(), follower.market.target))
    assert dict(again.urns(None)) == ours
    assert {len(key) for key in ours} == {KEY_BYTES}


def test_reorganised_vaults_are_read_again(scene):
    maker = deploy(scene)
    owner = scene.chain.accounts[OWNERS[0]]
    ilk = maker.ilks["ETH-A"]
    open_vault(scene.chain, maker, ilk, owner, (ilk.asset.worth(40_000), 8_000 * WAD))
    follower = Follower(scene.chain, maker)
    key = urn_key(ilk.key, owner)
    snapshot = scene.chain.node.rpc("evm_snapshot")
    before = follower.market.urn(key)
    scene.chain.send(maker.vat, FROB, ilk.key, owner, owner, owner, -WAD, 0, sender=owner)
    orphaned = follower.advance()
    scene.chain.node.rpc("evm_revert", snapshot)
    follower.run(follower.sync.reread([key], follower.head()))
    assert orphaned.urn(key).ink == before.ink - WAD
    assert follower.advance().urn(key) == before
    # What was frozen of the orphaned block stays as it was.
    assert orphaned.urn(key).ink == before.ink - WAD


def test_market_projects_rate_and_price_to_the_block_that_comes(scene):
    """What the Jug makes of the rate in a later block, and the calculator of the price, is what we said."""
    maker = deploy(scene, ("WSTETH-A", "ETH-A"))
    owner, ilk = scene.chain.accounts[OWNERS[0]], maker.ilks["ETH-A"]
    open_vault(scene.chain, maker, ilk, owner, (ilk.asset.worth(12_000), 7_680 * WAD))
    crash(scene, maker, "ETH-A", 95)
    scene.chain.send(maker.spotter, "poke(bytes32)", ilk.key)
    number = bark(scene.chain, maker, ilk, owner)
    follower = Follower(scene.chain, maker)
    head = follower.head()
    target = BlockTarget(head.number + 1, head.timestamp + 100, GWEI, head.timestamp + 100)
    ours = follower.market.at(target).ilks[ilk.key]
    scene.chain.node.rpc("evm_setNextBlockTimestamp", target.timestamp)
    scene.chain.send(maker.jug, "drip(bytes32)", ilk.key)
    after = follower.advance().ilks[ilk.key]
    (offer,) = follower.adapter.offers.open_offers(follower.market)
    assert (after.rate, after.rho) == (ours.rate_now, target.timestamp)
    assert ours.rate_now > ours.rate
    _, price, lot, tab = scene.chain.call(ilk.clipper, "getStatus(uint256)(bool,uint256,uint256,uint256)", number)
    assert (offer.detail.price, ours.auctions[number].sale.lot, ours.auctions[number].sale.tab) == (price, lot, tab)


@pytest.mark.parametrize(
    ("breaks", "why"),
    [
        ("calc", "how its auctions' price falls is none of the three known ways"),
        pytest.param("spotter", "its Clipper goes by another Spotter", marks=pytest.mark.full),
        pytest.param("source", "its feed has no price", marks=pytest.mark.full),
        ("clip", "its Clipper does not answer as one"),
    ],
)
def test_collateral_type_that_breaks_is_set_aside_alone(scene, breaks, why):
    maker = deploy(scene, ("ETH-A", "WBTC-A"))
    broken = maker.ilks["WBTC-A"]
    owner = scene.chain.accounts[OWNERS[0]]
    for ilk in maker.ilks.values():
        open_vault(scene.chain, maker, ilk, owner, (ilk.asset.worth(12_000), 7_680 * WAD))
        crash_to(scene.chain, ilk, ilk.asset.listing.price * 95 // 100)

    follower = Follower(scene.chain, maker)
    if breaks == "source":
        scene.chain.send(broken.source, "void()")
        scene.chain.send(maker.spotter, "poke(bytes32)", broken.key)
    elif breaks == "clip":
        scene.chain.set_code(broken.clipper, b"\0")
    else:
        scene.chain.send(broken.clipper, FILE_ADDRESS, breaks.encode().ljust(32, b"\0"), maker.vow)

    market = follower.advance()
    verdicts = [follower.adapter.offers.offers(urn_key(ilk.key, owner), market)[0] for ilk in maker.ilks.values()]
    assert isinstance(verdicts[0], Offer)
    assert isinstance(verdicts[1], Declined)
    assert (verdicts[1].reason, verdicts[1].numbers["why"]) == (Reason.QUARANTINED, why)
    assert [no.numbers["why"] for no in follower.adapter.offers.open_offers(market)] == [why]


def test_address_that_is_something_else_is_named(scene):
    maker = deploy(scene)
    named, token = addresses(maker), scene.asset("WETH").token
    follower = Follower(scene.chain, maker)
    for wrong in ("dog", "jug", "dai_join", "gem_joins"):
        other = (token,) if wrong == "gem_joins" else token
        with pytest.raises(ConfigError, match=f"check {wrong}"):
            follower.run(read_contracts("maker", replace(named, **{wrong: other})))

    with pytest.raises(ConfigError, match="two joins of ETH-A"):
        follower.run(read_contracts("maker", replace(named, gem_joins=named.gem_joins * 2)))


@pytest.mark.full
def test_curves_are_told_by_what_they_answer(scene):
    maker = deploy(scene, tuple(TERMS))
    follower = Follower(scene.chain, maker)
    told = {name: type(follower.market.ilks[ilk.key].rules.curve).__name__ for name, ilk in maker.ilks.items()}
    assert told == {"ETH-A": "Stairstep", "WSTETH-A": "Exponential", "WBTC-A": "Linear"}
    assert [terms.curve for terms in TERMS.values()] == [Curve.STAIRSTEP, Curve.EXPONENTIAL, Curve.LINEAR]
    assert follower.market.par == RAY
    held = follower.market.ilks[maker.ilks["WSTETH-A"].key].feed
    assert None not in (held.val, held.waiting, held.due, held.since)
    assert MAX_UINT256 > held.val > WAD


@pytest.mark.full
def test_cures_reach_their_target_on_the_twin_and_one_unit_less_does_not(scene):
    """A deposit and a repayment, made by the owner right after a drip; health is the Vat's own two products."""
    maker = deploy(scene)
    ilk, owner, chain = maker.ilks["ETH-A"], scene.chain.accounts[OWNERS[0]], scene.chain
    open_vault(chain, maker, ilk, owner, (ilk.asset.worth(12_000), 7_680 * WAD))
    fund(chain, ilk.asset, owner, 10 * ilk.asset.worth(12_000))
    approve(chain, ilk.asset, owner, ilk.join)
    approve(chain, scene.asset("DAI"), owner, maker.dai_join)
    chain.send(ilk.join, "join(address,uint256)", owner, ilk.asset.worth(100_000), sender=owner)
    chain.send(maker.dai_join, "join(address,uint256)", owner, 7_000 * WAD, sender=owner)
    key, target_wad = urn_key(ilk.key, owner), 110 * WAD // 100

    follower = Follower(chain, maker)
    head = follower.head()
    target = BlockTarget(head.number + 1, head.timestamp + 12, GWEI, head.timestamp + 12)

    def factor_after(lever, amount):
        snapshot = chain.node.rpc("evm_snapshot")
        chain.node.rpc("evm_setNextBlockTimestamp", target.timestamp)
        chain.send(maker.jug, "drip(bytes32)", ilk.key)
        _, rate, spot, _, _ = vat_ilk(chain, maker, ilk)
        dink = amount if lever.action is Action.DEPOSIT else 0
        dart = 0 if dink else -(amount * RAY // rate)
        chain.send(maker.vat, FROB, ilk.key, owner, owner, owner, dink, dart, sender=owner)
        ink, art = urn(chain, maker, ilk, owner)
        chain.node.rpc("evm_revert", snapshot)
        return ink * spot * WAD // (art * rate)

    found = cures(Patient(follower.adapter, key, follower.market.at(target)), target_wad)
    assert {cure.lever.action for cure in found} == {Action.DEPOSIT, Action.REPAY}
    for cure in found:
        assert factor_after(cure.lever, cure.amount) == cure.factor_wad >= target_wad
        assert factor_after(cure.lever, cure.amount - 1) < target_wad


def vat_ilk(chain, maker, ilk):
    return chain.call(maker.vat, "ilks(bytes32)(uint256,uint256,uint256,uint256,uint256)", ilk.key)
