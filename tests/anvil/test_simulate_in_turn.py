"""Calls simulated in turn on a real node: each meets what those before it left, in the block it aims for."""

from dataclasses import replace

import pytest

from keeper.chain.live import ChainSettings, open_chain
from keeper.chain.port import Hypothesis
from keeper.config.urls import RpcUrl
from keeper.errors import ReorgError
from keeper.sandbox.artifact import signature
from keeper.types import Address, BlockTarget, Call, Returned

DEPOSIT = signature("deposit()")
BALANCE = signature("balanceOf(address)(uint256)")
WITHDRAW = signature("withdraw(uint256)")
BUILDER = Address(b"\xbb" * 20)


@pytest.fixture
async def chain(aave36):
    opened = await open_chain(ChainSettings(31_337, [RpcUrl(aave36.anvil.url)]))
    yield opened
    await opened.close()


def aim(head):
    return Hypothesis(
        BlockTarget(head.number + 1, head.timestamp + 12, head.base_fee_wei, head.timestamp + 36), BUILDER
    )


def calls(scene):
    weth, me = scene.asset("WETH").token, scene.chain.accounts[5]
    return [
        Call(weth, BALANCE.encode(me), sender=me),
        Call(weth, DEPOSIT.encode(), value_wei=7, sender=me),
        Call(weth, BALANCE.encode(me), sender=me),
        Call(weth, WITHDRAW.encode(10**30), sender=me),
        Call(weth, BALANCE.encode(me), sender=me),
    ]


def word(value):
    return Returned(ok=True, data=value.to_bytes(32, "big"))


async def test_calls_in_turn_meet_what_those_before_them_left(aave36, chain):
    head = await chain.latest()
    before, deposited, after, refused, last = await chain.simulate_in_turn(calls(aave36), head, aim(head))
    had = int.from_bytes(before.data, "big")
    assert deposited.ok
    assert after == last == word(had + 7)
    assert not refused.ok
    assert aave36.chain.call(aave36.asset("WETH").token, "balanceOf(address)(uint256)", aave36.chain.accounts[5]) == had


async def test_calls_in_turn_on_an_orphaned_block_are_a_reorg(aave36, chain):
    head = await chain.latest()
    orphan = replace(head, hash=b"\x01" * 32)
    with pytest.raises(ReorgError):
        await chain.simulate_in_turn(calls(aave36), orphan, aim(head))
