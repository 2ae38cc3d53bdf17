import pytest

from keeper.chain.phrases import Refusal
from keeper.errors import RpcError
from keeper.execution.submit import Answer, BidForm, PublicPool, Reach
from tests.fakes.desk import ACCOUNT
from tests.fakes.ledger_chain import LedgerChain
from tests.unit.execution.test_signer import POLICY, TX, LocalSigner


@pytest.fixture
async def signed():
    return await LocalSigner(ACCOUNT, POLICY).sign(TX)


async def test_the_pool_takes_a_transaction(signed):
    chain = LedgerChain()
    found = await PublicPool(chain).submit(signed)
    assert (found.answer, found.reason) == (Answer.TAKEN, None)
    assert chain.sends == [signed.raw]


@pytest.mark.parametrize(
    ("refusal", "answer"),
    [
        (Refusal.AMBIGUOUS, Answer.UNKNOWN),
        # ours may be the one that used it
        (Refusal.NONCE_TOO_LOW, Answer.UNKNOWN),
        (Refusal.UNDERPRICED, Answer.REFUSED),
        (Refusal.FEE_TOO_LOW, Answer.REFUSED),
        (Refusal.INSUFFICIENT_FUNDS, Answer.REFUSED),
        (Refusal.REJECTED, Answer.REFUSED),
        (Refusal.UNREACHED, Answer.REFUSED),
    ],
)
async def test_an_answer_is_sorted_and_never_tried_again(signed, refusal, answer):
    chain = LedgerChain(answer=refusal)
    found = await PublicPool(chain).submit(signed)
    assert found.answer is answer
    assert str(refusal) in found.reason
    assert len(chain.sends) == 1


async def test_a_transport_error_leaves_its_fate_unknown(signed):
    chain = LedgerChain()

    async def fail(raw):
        chain.sends.append(raw)
        raise RpcError("connection reset")

    chain.send_raw = fail
    found = await PublicPool(chain).submit(signed)
    assert (found.answer, found.reason) == (Answer.UNKNOWN, "connection reset")
    assert len(chain.sends) == 1


def test_the_public_pool_is_won_by_fee_and_lands_anywhere():
    pool = PublicPool(LedgerChain())
    assert (pool.name, pool.bid_form, pool.reach, pool.gas_cap) == ("public", BidForm.FEE, Reach.ANY_BLOCK, None)
