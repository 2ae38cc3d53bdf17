"""The dYdX perpetual adapter on a deployed market, on a fork of the operator's node: what the twin stands in for.

`KEEPER_FORK_URL` names the node and `KEEPER_FORK_LIQUIDATOR_PROXY` the market's P1LiquidatorProxy, whose perpetual is
asked of it. The market was wound down: a node that goes on from an older block shows more.
"""

import os
from functools import partial

import pytest

from keeper.protocols.calls import EXECUTOR
from keeper.protocols.dydx_perpetual import Taker, abi, build, math
from keeper.protocols.dydx_perpetual.discovery import read_accounts
from keeper.protocols.dydx_perpetual.market import terms_of
from keeper.protocols.words import address_at, encode
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.types import Address, BlockTarget, Call, Offer, PositionKey, parse_address
from keeper.units import WAD
from tests.anvil.compound_v2_world import answer_at
from tests.parity.aave_v3_lab import as_log, block_head, drive_batched, hexed
from tests.parity.twin_chain import answering

pytestmark = [pytest.mark.fork, pytest.mark.timeout(1_800)]

BLOCKS = 50_000
"""How far back traders are looked for."""
EXECUTING, ACCOUNT = Address(b"\xb0" * 20), Address(b"\xb1" * 20)
"""Who acts, and the margin account it acts for."""


class Fork:
    """A chain of our own that goes on from the operator's, and the adapter on its market."""

    def __init__(self, packages):
        proxy = parse_address(os.environ["KEEPER_FORK_LIQUIDATOR_PROXY"])
        self.anvil = Anvil(packages, AnvilOptions(fork_url=os.environ["KEEPER_FORK_URL"]))
        self.chain = LocalChain(self.anvil.url)
        self.perpetual = address_at(self.run(_ask(Call(proxy, encode(abi.PERPETUAL_V1)))), 0)
        self.adapter = build("fork", (self.perpetual, proxy), Taker(ACCOUNT, 10_000, 100), is_usd=True)
        self.sync = self.adapter.sync
        self.run(self.sync.bootstrap(self.head()))
        head = self.head().number
        asked = {"address": hexed(self.perpetual), "topics": [[hexed(event) for event in abi.EVENTS]]}
        asked |= {"fromBlock": hex(max(head - BLOCKS, 0)), "toBlock": hex(head)}
        self.touched = self.sync.apply([as_log(log) for log in self.chain.node.rpc("eth_getLogs", asked)]).touched

    def head(self):
        return block_head(self.chain.node.rpc("eth_getBlockByNumber", "latest", False))

    def run(self, read):
        return drive_batched(read, partial(answer_at, self.chain, hexed(self.head().hash)))

    def observed(self, *, ahead_s=0):
        head = self.head()
        at = head.timestamp + ahead_s
        return self.run(self.sync.observe(head, BlockTarget(head.number + 1, at, head.base_fee_wei, at)))

    def stored(self, *keys):
        return self.run(read_accounts(self.perpetual, keys))


def _ask(call):
    (said,) = yield (call,)
    return said.data


@pytest.fixture(scope="module")
def fork(packages):
    fork = Fork(packages)
    yield fork
    fork.chain.close()
    fork.anvil.stop()


def test_accounts_of_a_deployed_market_are_what_its_logs_say(fork):
    """Each event tells the whole balance, and the last index that was logged is the contract's."""
    assert fork.touched, f"nobody was named in the last {BLOCKS} blocks"
    market = fork.observed()
    assert market.rules.trouble == ""
    assert {key: market.account(key) for key in fork.touched} == fork.stored(*sorted(fork.touched))


def test_a_position_of_a_deployed_market_is_taken_over_to_the_unit(fork):
    """The price goes to where the largest position can just be liquidated; money comes out of the market's own."""
    chain, market = fork.chain, fork.observed()
    assert market.rules.refuses == ""
    key = max(fork.touched, key=lambda one: market.account(one).balance.position.value)
    for account in (fork.perpetual, EXECUTING, ACCOUNT):
        chain.set_balance(account, 10**20)

    token = market.contracts.token
    (held,) = chain.call_many([(token, "balanceOf(address)(uint256)", fork.perpetual)])
    money = held // 2
    chain.send(token, "transfer(address,uint256)", EXECUTING, money, sender=fork.perpetual)
    chain.send(token, "approve(address,uint256)", fork.perpetual, money, sender=EXECUTING)
    chain.send(fork.perpetual, "deposit(address,uint256)", ACCOUNT, money, sender=EXECUTING)
    chain.send(fork.perpetual, "setLocalOperator(address,bool)", EXECUTING, True, sender=ACCOUNT)
    fork.run(fork.sync.reread([key, PositionKey(bytes(ACCOUNT))], fork.head()))
    market = fork.observed(ahead_s=12)
    settled = math.settled(*market.account(key), terms_of(market).current).balance
    margin, size, least = settled.margin.value, settled.position.value, market.rules.min_collateral
    bound = margin * least // size if settled.position.is_positive else margin * WAD * WAD // (size * least)
    (oracle,) = chain.call_many([(fork.perpetual, "getOracleContract()(address)")])
    # A thousandth past it: funding until we land goes by the price as well.
    past = -bound // 1_000 if settled.position.is_positive else bound // 1_000
    chain.set_code(oracle, answering(bound + past))
    market = fork.observed(ahead_s=12)
    (offer,) = fork.adapter.offers.offers(key, market)
    assert isinstance(offer, Offer), offer
    size = offer.sizes[0][1]
    settlement = fork.adapter.offers.settle(offer, size, market)
    calls = [one.call for one in fork.adapter.encoder.calls(offer, size, settlement, market, b"")]
    chain.node.rpc("evm_setNextBlockTimestamp", market.target.timestamp)
    chain.execute_many(
        [Transaction(EXECUTING, one.to, one.data.replace(EXECUTOR, EXECUTING), gas=5_000_000) for one in calls]
    )
    logs = [as_log(log) for log in chain.node.rpc("eth_getLogs", {"fromBlock": "latest", "toBlock": "latest"})]
    assert fork.adapter.encoder.realised(offer, logs) == settlement
    left = fork.adapter.offers.after(offer, size, market)
    assert fork.stored(key, left.taker_key) == {one: left.account(one) for one in (key, left.taker_key)}
