import pytest

from keeper.errors import ReorgError, RpcError
from keeper.execution.simulate import Simulated, Simulator
from keeper.types import Call, Declined, Reason, Returned
from tests.fakes.desk import OPERATOR, explain
from tests.fakes.ledger_chain import LedgerChain
from tests.fakes.plans import EXECUTOR, make_plan

PLAN = make_plan()


def word(value):
    return value.to_bytes(32, "big")


async def run(returned, *, exact=1):
    chain = LedgerChain(simulated={PLAN.data: returned})
    (found,) = await Simulator(chain, OPERATOR, explain).run([PLAN], chain.head, exact=exact)
    return found


async def run_both(first, second, *, exact=2):
    after = make_plan(id="plan-2", data=b"after")
    chain = LedgerChain(simulated={PLAN.data: first, after.data: second})
    return await Simulator(chain, OPERATOR, explain).run([PLAN, after], chain.head, exact=exact)


async def test_a_plan_is_run_by_the_operator_in_the_block_it_aims_for():
    chain = LedgerChain()
    assert await Simulator(chain, OPERATOR, explain).run([PLAN], chain.head, exact=1) == [Simulated(80)]
    call, head, hypothesis = chain.simulations[0]
    assert (call.sender, call.to, call.data, call.gas) == (OPERATOR, EXECUTOR, PLAN.data, PLAN.gas_limit)
    assert head == chain.head
    assert (hypothesis.target, hypothesis.coinbase) == (PLAN.target, chain.head.coinbase)


async def test_a_revert_is_declined_in_the_protocols_words():
    found = await run(Returned(ok=False, data=b"\xab\xcd"))
    assert isinstance(found, Declined)
    assert found.reason is Reason.SIMULATION_FAILED
    assert found.numbers == {"plan": "plan-1", "revert": "market: 0xabcd"}


async def test_a_quiet_miss_is_declined():
    found = await run(Returned(ok=True, data=word(0)))
    assert found.reason is Reason.SIMULATION_FAILED
    assert "quiet miss" in found.numbers["revert"]


@pytest.mark.parametrize("profit", [79, 81])
async def test_another_profit_than_the_models_is_declined_with_both(profit):
    found = await run(Returned(ok=True, data=word(profit)))
    assert found.reason is Reason.SIMULATION_DIFFERS
    assert found.numbers == {"plan": "plan-1", "expected_profit": 80, "simulated_profit": profit}


async def test_another_profit_than_the_models_behind_a_plan_that_went_through_is_declined():
    first, second = await run_both(Returned(ok=True, data=word(80)), Returned(ok=True, data=word(79)))
    assert first == Simulated(80)
    assert second.reason is Reason.SIMULATION_DIFFERS


async def test_another_profit_behind_a_plan_that_failed_goes_through():
    first, second = await run_both(Returned(ok=False, data=b"\xab"), Returned(ok=True, data=word(79)))
    assert first.reason is Reason.SIMULATION_FAILED
    assert second == Simulated(79)


async def test_another_profit_out_of_the_planned_order_goes_through():
    assert await run(Returned(ok=True, data=word(79)), exact=0) == Simulated(79)


async def run_behind(ahead, returned):
    """The plan behind a transaction that is under way, which returns this."""
    first = Call(EXECUTOR, b"under way", sender=OPERATOR)
    chain = LedgerChain(simulated={first.data: ahead, PLAN.data: returned})
    (found,) = await Simulator(chain, OPERATOR, explain).run([PLAN], chain.head, exact=1, ahead=[first])
    return found


async def test_another_profit_than_the_models_behind_what_is_under_way_is_declined():
    found = await run_behind(Returned(ok=True, data=word(5)), Returned(ok=True, data=word(79)))
    assert found.reason is Reason.SIMULATION_DIFFERS


@pytest.mark.parametrize("ahead", [Returned(ok=False, data=b"\xab"), Returned(ok=True, data=word(0))])
async def test_another_profit_behind_what_will_not_land_goes_through(ahead):
    assert await run_behind(ahead, Returned(ok=True, data=word(79))) == Simulated(79)


async def test_a_quiet_miss_out_of_the_planned_order_is_declined_all_the_same():
    assert (await run(Returned(ok=True, data=word(0)), exact=0)).reason is Reason.SIMULATION_FAILED


async def test_an_executor_that_returns_nothing_is_declined():
    assert (await run(Returned(ok=True, data=b""))).reason is Reason.SIMULATION_FAILED


async def test_no_answer_for_several_declines_them_all():
    first, second = await run_both(RpcError("no node answers"), Returned(ok=True, data=word(80)))
    assert first.numbers["node"] == second.numbers["node"] == "no node answers"


async def test_an_answer_of_another_shape_is_declined():
    found = await run(Returned(ok=True, data=b"\x01"))
    assert found.reason is Reason.SIMULATION_FAILED


@pytest.mark.parametrize("error", [RpcError("no node answers"), ReorgError("orphaned")])
async def test_no_answer_is_declined(error):
    found = await run(error)
    assert found.reason is Reason.SIMULATION_FAILED
    assert found.numbers["node"] == error.message
