"""The Maker adapter on the deployed contracts, on a fork; and the same on the twin, so that the test itself is tested.

A vault of our own is opened, its price falls in the feed's storage, it is barked at through an executor, and part of
its auction is bought. Set KEEPER_FORK_URL to an archive-capable node of Ethereum.
"""

import os
from dataclasses import dataclass, replace

import pytest

from keeper.config.presets import shipped
from keeper.execution.artifact import ExecutorParams, executor_creation_code
from keeper.protocols.maker import Addresses
from keeper.protocols.maker.auction import take
from keeper.protocols.maker.urn import urn_key
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.maker import FROB
from keeper.sandbox.node import to_address, to_hex
from keeper.types import BlockTarget, OfferKind, parse_address
from keeper.units import GWEI, MAX_UINT256, RAY, WAD
from tests.anvil.executor_kit import TREASURY, Wired
from tests.anvil.maker_world import TERMS, Follower, Keeper, addresses, deploy

RECENT_BLOCKS = 5_000
ETH_A = b"ETH-A".ljust(32, b"\0")
CUR = 3
"""The OSM's slot of its current price: the value in the low half, a flag above it."""
LOCKED = 40 * WAD


class Lone(Keeper):
    """A keeper with an executor but without pools: what pays by itself needs none."""

    def __init__(self, chain, named, from_block):
        self.chain = chain
        self.follower = Follower(chain, named, from_block=from_block)
        gem = self.market.ilks[ETH_A].listing.gem
        self.tokens, self.weth = [self.market.contracts.dai, gem], gem
        params = ExecutorParams(chain.account, chain.account, TREASURY, gem, (chain.accounts[5],))
        receipt = chain.execute(Transaction(chain.account, None, executor_creation_code(params)))
        self.wired = Wired(chain, to_address(receipt["contractAddress"]), chain.accounts[5], gem)
        self.allow()

    def pools(self):
        return ()


@dataclass
class Owner:
    """Somebody with a vault of ether, as near to its limit as may be."""

    keeper: Lone
    account: bytes

    @property
    def ilk(self):
        return self.keeper.market.ilks[ETH_A]

    def open(self):
        chain, listing, vat = self.keeper.chain, self.ilk.listing, self.keeper.market.contracts.vat
        chain.send(self.keeper.market.contracts.spotter, "poke(bytes32)", ETH_A)
        chain.send(self.keeper.market.contracts.jug, "drip(bytes32)", ETH_A)
        self.keeper.advance()
        chain.send(listing.gem, "deposit()", sender=self.account, value_wei=LOCKED)
        chain.send(listing.gem, "approve(address,uint256)", listing.join, LOCKED, sender=self.account)
        chain.send(listing.join, "join(address,uint256)", self.account, LOCKED, sender=self.account)
        art = LOCKED * self.ilk.spot // self.ilk.rate * 99 // 100
        chain.send(vat, FROB, ETH_A, self.account, self.account, self.account, LOCKED, art, sender=self.account)

    def crash(self):
        """A tenth off the price that counts, in the feed's storage; nobody pokes the Spotter."""
        val = self.ilk.feed.val * 9 // 10
        word = val | (1 << 128)
        self.keeper.chain.node.rpc("anvil_setStorageAt", to_hex(self.ilk.feed.pip), hex(CUR), f"0x{word:064x}")


def check(chain, named, from_block):
    keeper = Lone(chain, named, from_block)
    market = keeper.market
    assert {ilk.listing.name: ilk.trouble for ilk in market.ilks.values() if ilk.trouble} == {}
    # Only the last blocks' notes were read: what they touched is read whole.
    vaults = [key for key, _ in market.urns(None)]
    keeper.follower.run(keeper.follower.sync.reread(vaults, keeper.follower.head()))

    # The rate of the next block.
    head = keeper.follower.head()
    target = BlockTarget(head.number + 1, head.timestamp + 12, GWEI, head.timestamp + 12)
    projected = market.at(target).ilks[ETH_A].rate_now
    chain.node.rpc("evm_setNextBlockTimestamp", target.timestamp)
    chain.send(market.contracts.jug, "drip(bytes32)", ETH_A)
    assert keeper.advance().ilks[ETH_A].rate == projected

    # A vault by its notes, a bark by the executor.
    owner = Owner(keeper, chain.accounts[1])
    owner.open()
    key = urn_key(ETH_A, owner.account)
    assert keeper.advance().urn(key) == keeper.follower.urns_on_chain([key])[key]
    owner.crash()
    plan = next(plan for plan in keeper.plan().plans if plan.opportunity.offer.key == key)
    opportunity = plan.opportunity
    assert opportunity.offer.kind is OfferKind.TRIGGER
    receipt = keeper.land(plan.data)
    assert receipt["status"] == "0x1", keeper.adapter.encoder.explain(b"")
    assert keeper.settled(opportunity, receipt) == opportunity.settlement == keeper.realised(opportunity, receipt)
    assert int(receipt["gasUsed"], 16) < plan.gas_limit

    # A part of its auction, by its owner, whose DAI is in the Vat already.
    before = keeper.advance().ilks[ETH_A]
    number, auction = next((n, one) for n, one in before.auctions.items() if one.owner == owner.account)
    vat, clip = keeper.market.contracts.vat, before.clip
    chain.send(vat, "hope(address)", clip, sender=owner.account)
    gem, dai = "gem(bytes32,address)(uint256)", "dai(address)(uint256)"
    held = chain.call_many([(vat, gem, ETH_A, owner.account), (vat, dai, owner.account)])
    amt = auction.sale.lot // 3
    bought = chain.send(
        clip, "take(uint256,uint256,uint256,address,bytes)", number, amt, MAX_UINT256, owner.account, b"",
        sender=owner.account,
    )  # fmt: skip
    block = chain.node.rpc("eth_getBlockByHash", bought["blockHash"], False)
    ours = take(auction.sale, before.rules, int(block["timestamp"], 16), amt, MAX_UINT256)
    left = chain.call_many([(vat, gem, ETH_A, owner.account), (vat, dai, owner.account)])
    assert (left[0] - held[0], held[1] - left[1]) == (ours.slice, ours.owe)
    after = keeper.advance().ilks[ETH_A].auctions[number].sale
    assert (after.tab, after.lot) == (ours.tab, ours.lot)
    assert ours.price > RAY


def preset():
    """What ships for Ethereum."""
    values = shipped()["deployment"]["maker_ethereum"].values
    dog, jug, dai_join = (parse_address(values[name]) for name in ("dog", "jug", "dai_join"))
    return Addresses(dog, jug, dai_join, tuple(parse_address(join) for join in values["gem_joins"]))


@pytest.mark.fork
@pytest.mark.timeout(1_800)
def test_adapter_works_on_the_deployed_contracts(packages):
    with Anvil(packages, AnvilOptions(fork_url=os.environ["KEEPER_FORK_URL"])) as anvil:
        chain = LocalChain(anvil.url)
        check(chain, preset(), int(chain.node.rpc("eth_blockNumber"), 16) - RECENT_BLOCKS)
        chain.close()


@pytest.mark.full
def test_the_same_works_on_the_twin(scene, monkeypatch):
    """Everything the test above does but for the deployed contracts."""
    monkeypatch.setitem(TERMS, "ETH-A", replace(TERMS["ETH-A"], hop_s=24))
    check(scene.chain, addresses(deploy(scene)), 0)
