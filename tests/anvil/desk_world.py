"""A desk on a real node behind geth's rules: it mines when told to, and pays 80 for a position, once and in time."""

from contextlib import asynccontextmanager

from keeper.chain.live import ChainSettings, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.execution.bidding import next_base_fee
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain
from keeper.types import BlockTarget, to_checksum
from keeper.units import GWEI, WAD
from tests.fakes.desk import OPERATOR, Office
from tests.fakes.geth_rules import GethRules
from tests.fakes.plans import EXECUTOR, NATIVE_USD, make_plan

PAYS_80_ONCE_IN_TIME = "0x4360243510601f5760043554601f57600160043555605060005260206000f35b60006000fd"
"""Calldata is a selector, a position and a last block. Returns 80 and marks the position, or reverts."""
OPTIONS = AnvilOptions(chain_id=1, extra=("--no-mining", "--base-fee", str(GWEI)))


@asynccontextmanager
async def desk_world(packages, folder):
    """Start the node, the rules, and an armed desk whose key has one native token."""
    with Anvil(packages, OPTIONS) as anvil, GethRules(anvil.url) as rules:
        local = LocalChain(anvil.url)
        local.node.rpc("anvil_setCode", to_checksum(EXECUTOR), PAYS_80_ONCE_IN_TIME)
        local.node.rpc("anvil_setBalance", to_checksum(OPERATOR), hex(WAD))
        chain = await open_chain(ChainSettings(1, [parse_rpc_url(rules.url)]))
        office = Office(folder, chain=chain)
        await office.desk.arm()
        yield World(local, chain, office, rules)
        office.close()
        await chain.close()
        local.close()


class World:
    def __init__(self, local, chain, office, rules):
        self.local = local
        self.chain = chain
        self.office = office
        self.rules = rules

    def rpc(self, method, *params):
        return self.local.node.rpc(method, *params)

    async def plan(self, index=1, **changes):
        """A plan for the next block that may land in it and the two after."""
        head = await self.chain.latest()
        at = BlockTarget(head.number + 1, head.timestamp + 12, next_base_fee(head), head.timestamp + 3_600)
        plan = make_plan(index, at, **changes)
        return make_plan(index, at, **{"data": plan.data + plan.max_block.to_bytes(32, "big"), **changes})

    async def execute(self, *plans):
        return await self.office.desk.execute(plans, await self.chain.latest(), NATIVE_USD)

    async def mine(self, blocks=1, base_fee_wei=None):
        """Mine and track block by block; everything booked on the way."""
        outcomes = []
        for _ in range(blocks):
            if base_fee_wei is not None:
                self.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))

            self.rpc("evm_mine")
            outcomes += await self.office.desk.track(await self.chain.latest())

        return outcomes

    def pending(self):
        """Transactions in the node's pool, by nonce."""
        content = self.rpc("txpool_content")
        return {
            int(nonce): tx
            for kind in ("pending", "queued")
            for account in content[kind].values()
            for nonce, tx in account.items()
        }

    def mined(self):
        return int(self.rpc("eth_getTransactionCount", to_checksum(OPERATOR), "latest"), 16)

    def stranger(self, sender, data=b"", tip_wei=GWEI):
        """Send a transaction of somebody else's, or of our key by somebody else's hand, to the executor."""
        fees = {"maxFeePerGas": hex(100 * GWEI), "maxPriorityFeePerGas": hex(tip_wei), "gas": hex(100_000)}
        call = {"from": sender, "to": to_checksum(EXECUTOR), "data": "0x" + data.hex()}
        return self.rpc("eth_sendTransaction", call | fees)
