"""Whether what an endpoint answered will do, or the next one has to be asked."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from keeper.chain.envelope import Answer
from keeper.chain.faults import ELSEWHERE, CallError

Judge: TypeAlias = Callable[[Sequence[Answer]], bool]
"""Tells whether answers without a node's fault will do; False asks the next endpoint."""


def will_do(answers: Sequence[Answer] | CallError, judge: Judge | None) -> bool:
    """Tell whether answers may be handed out as they are."""
    if isinstance(answers, CallError) or count_faulty(answers):
        return False

    return judge is None or judge(answers)


def count_faulty(answers: Sequence[Answer]) -> int:
    """Count the faults another node may not have."""
    return sum(answer.fault is not None and answer.fault.kind in ELSEWHERE for answer in answers)
