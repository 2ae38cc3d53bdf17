"""The Compound V3 adapter on a deployed market, on a fork of the operator's node: what the twin stands in for.

`KEEPER_FORK_URL` names the node, `KEEPER_FORK_COMET` the market; Ethereum's USDC market where it is left out.
"""

import os
from functools import partial

import pytest

from keeper.protocols.calls import EXECUTOR
from keeper.protocols.compound_v3 import abi, build, math
from keeper.protocols.compound_v3.snapshots import read_accounts, whole
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.types import Address, BlockTarget, Offer, PositionKey, parse_address
from tests.anvil.compound_v2_world import answer_at
from tests.parity.aave_v3_lab import as_log, block_head, drive_batched, hexed
from tests.parity.twin_chain import answering

pytestmark = [pytest.mark.fork, pytest.mark.timeout(1_800)]

COMET = os.environ.get("KEEPER_FORK_COMET", "0xc3d688B66703497DAA19211EEdff47f25384cdc3")
BLOCKS = 5_000
"""How far back borrowers are looked for."""
MOST = 40
BUYER = Address(b"\xb0" * 20)


class Fork:
    """A chain of our own that goes on from the operator's, and the adapter on one of its markets."""

    def __init__(self, packages):
        self.anvil = Anvil(packages, AnvilOptions(fork_url=os.environ["KEEPER_FORK_URL"]))
        self.chain = LocalChain(self.anvil.url)
        self.comet = parse_address(COMET)
        self.adapter = build("fork", self.comet)
        self.run(self.adapter.sync.bootstrap(self.head()))

    def head(self):
        return block_head(self.chain.node.rpc("eth_getBlockByNumber", "latest", False))

    def run(self, read):
        return drive_batched(read, partial(answer_at, self.chain, hexed(self.head().hash)))

    def observed(self, keys=(), *, ahead_s=0):
        """The market at the head with these accounts read whole, accrued to so many seconds after it."""
        head = self.head()
        self.run(self.adapter.sync.reread(keys, head))
        at = head.timestamp + ahead_s
        return self.run(self.adapter.sync.observe(head, BlockTarget(head.number + 1, at, head.base_fee_wei, at)))

    def borrowers(self):
        """Some who borrowed lately and still owe."""
        head = self.head().number
        asked = {"address": hexed(self.comet), "topics": [hexed(abi.WITHDRAWN)]}
        asked |= {"fromBlock": hex(max(head - BLOCKS, 0)), "toBlock": hex(head)}
        logs = [as_log(log) for log in self.chain.node.rpc("eth_getLogs", asked)]
        keys = list(dict.fromkeys(PositionKey(log.topics[1][12:]) for log in logs))[-4 * MOST :]
        market = self.observed(keys)
        return [key for key in keys if market.account(key).owes][-MOST:]


@pytest.fixture(scope="module")
def fork(packages):
    fork = Fork(packages)
    yield fork
    fork.chain.close()
    fork.anvil.stop()


def test_a_deployed_market_holds_and_quotes_what_the_adapter_says(fork):
    market = fork.observed()
    assert market.trouble == ""
    assert [asset.trouble for asset in market.assets] == [""] * len(market.assets)
    views = fork.chain.call_many(
        [(fork.comet, "getReserves()(int256)")]
        + [(fork.comet, "getCollateralReserves(address)(uint256)", one.listed.asset) for one in market.assets]
    )
    assert views == [market.reserves, *(one.stock for one in market.assets)]


def test_borrowers_of_a_deployed_market_owe_and_stand_as_it_says(fork):
    """The market's own view goes by stored indices, its balances by those accrued to the head."""
    keys = fork.borrowers()
    assert keys, f"nobody who borrowed in the last {BLOCKS} blocks still owes"
    market = fork.observed(keys)
    owed = fork.chain.call_many([(fork.comet, "borrowBalanceOf(address)(uint256)", key) for key in keys])
    assert owed == [-math.present_value(market.account(key).principal, market.now) for key in keys]
    told = fork.chain.call_many([(fork.comet, "isLiquidatable(address)(bool)", key) for key in keys])
    accounts = [market.account(key) for key in keys]
    assert told == [
        math.is_liquidatable(one.principal, market.collateral_of(one), market.stored, market.base) for one in accounts
    ]


def test_a_borrower_of_a_deployed_market_is_absorbed_and_bought_to_the_unit(fork):
    """Feeds of what the largest of them holds fall to a fiftieth; money comes out of the market's own."""
    market = fork.observed(keys := fork.borrowers())
    key = min(keys, key=lambda one: market.account(one).principal)
    for offset, _ in market.account(key).held:
        asset = market.assets[offset]
        fallen = answering(1, max(asset.quoted.price // 50, 1), 0, fork.head().timestamp, 1)
        fork.chain.set_code(asset.listed.feed.source, fallen)

    base, comet = market.listing.base_token, fork.comet
    for account in (comet, BUYER):
        fork.chain.set_balance(account, 10**20)

    money = market.balance // 2
    fork.chain.send(base, "transfer(address,uint256)", BUYER, money, sender=comet)
    fork.chain.send(base, "approve(address,uint256)", comet, money, sender=BUYER)
    market = fork.observed([key], ahead_s=12)
    offers = [one for one in fork.adapter.offers.offers(key, market) if isinstance(one, Offer)]
    assert offers
    offer = offers[0]
    size = min(offer.sizes[-1][1], money)
    settlement = fork.adapter.offers.settle(offer, size, market)
    (bought,) = fork.adapter.encoder.calls(offer, size, settlement, market, b"")
    calls = (*offer.prelude, bought.call)
    before = _held(fork, base, offer.receive_token)
    fork.chain.node.rpc("evm_setNextBlockTimestamp", market.target.timestamp)
    fork.chain.execute_many(
        [Transaction(BUYER, call.to, call.data.replace(EXECUTOR, BUYER), gas=5_000_000) for call in calls]
    )
    after = _held(fork, base, offer.receive_token)
    moved = (before[0] - after[0], after[1] - before[1])
    assert moved == (settlement.pays[0].amount, settlement.receives[0].amount)
    left = fork.adapter.offers.after(offer, size, market)
    found = fork.run(read_accounts(market.listing, whole([key])))
    assert found == {key: left.account(key)}
    seen = fork.observed()
    assert [(one.balance, one.total_supply) for one in seen.assets] == [
        (one.balance, one.total_supply) for one in left.assets
    ]


def _held(fork, *tokens):
    return fork.chain.call_many([(token, "balanceOf(address)(uint256)", BUYER) for token in tokens])
