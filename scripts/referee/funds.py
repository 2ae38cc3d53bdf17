"""Where a token keeps the probe's balance, so that trials can be made without owning anything.

Asked of the token itself: the storage it touches for balanceOf is replaced slot by slot until the answer follows.
"""

from collections.abc import Iterable
from typing import Any

from referee import probe
from referee.abi import as_int, decode_answers, encode_questions
from referee.chain import ASK, View
from referee.errors import RefereeError


def find_funds(view: View, tokens: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the state overrides that give the probe a balance of every token.

    Raises RefereeError for a token whose balance follows no single slot.
    """
    overrides: dict[str, dict[str, Any]] = {}

    for token in tokens:
        account, slot = _balance_slot(view, token)
        overrides.setdefault(account, {"stateDiff": {}})["stateDiff"][slot] = _funds()

    return overrides


def _balance_slot(view: View, token: str) -> tuple[str, str]:
    question = probe.encode_balance(probe.ADDRESS)

    for account, slot in view.access_list(token, question):
        funds = {account: {"stateDiff": {slot: _funds()}}}
        answer = next(decode_answers(view.run(ASK + encode_questions([(token, question)]), funds)))

        if answer and as_int(answer) == probe.FUNDS:
            return account, slot

    message = f"token {token}: no storage slot gives the probe a balance, so its pairs cannot be tried"
    raise RefereeError(message)


def _funds() -> str:
    return "0x" + probe.FUNDS.to_bytes(32, "big").hex()
