"""What is read of the contracts: their addresses once, the rules every block, accounts where logs cannot tell."""

from collections.abc import Sequence
from typing import Final

from keeper.errors import ConfigError, DecodeError
from keeper.protocols.dydx_perpetual import abi, trade
from keeper.protocols.dydx_perpetual.account import kept
from keeper.protocols.dydx_perpetual.market import Contracts, Rules, trouble_with
from keeper.protocols.dydx_perpetual.math import Balance, Index, Signed
from keeper.protocols.dydx_perpetual.trade import Account
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, address_at, encode, word
from keeper.types import Address, Call, PositionKey, Returned, account_of, to_checksum

PER_ROUND: Final = 1_000
"""Accounts asked for in one round, which the shell splits further."""
_HOUR_S: Final = 3_600
_MOST: Final = 1 << 200
"""A price or a rate above this is none; the contract itself would overflow on it."""


def read_contracts(deployment: str, perpetual: Address, proxy: Address, *, is_usd: bool) -> Reads[Contracts]:
    """Ask both contracts for what belongs to them; `ConfigError` where they do not belong together."""
    token, behind = yield from ask(
        Call(perpetual, encode(abi.GET_TOKEN_CONTRACT)), Call(proxy, encode(abi.PERPETUAL_V1))
    )
    if not all(one.ok and len(one.data) == WORD for one in (token, behind)):
        raise ConfigError(
            f"deployment {deployment}: {to_checksum(perpetual)} or {to_checksum(proxy)} does not answer like dYdX's "
            "PerpetualV1 and its P1LiquidatorProxy on this chain; check both, and the chain"
        )

    if address_at(behind.data, 0) != perpetual:
        raise ConfigError(
            f"deployment {deployment}: the proxy {to_checksum(proxy)} liquidates on "
            f"{to_checksum(address_at(behind.data, 0))}, not on {to_checksum(perpetual)}"
        )

    settlement = address_at(token.data, 0)
    (decimals,) = yield from ask(Call(settlement, encode(abi.DECIMALS)))
    return Contracts(perpetual, proxy, settlement, word(answer(decimals, "decimals", settlement), 0), is_usd)


def read_rules(contracts: Contracts) -> Reads[Rules]:
    """Read the rules, the price and the funding rate of a block; an oracle or funder that fails sets the market aside.

    The oracle answers the perpetual alone. A funder whose answer is not so much per second cannot be followed.
    """
    perpetual, proxy = contracts.perpetual, contracts.proxy
    answers = yield from ask(
        Call(perpetual, encode(abi.GET_GLOBAL_INDEX)),
        Call(perpetual, encode(abi.GET_MIN_COLLATERAL)),
        Call(perpetual, encode(abi.GET_FINAL_SETTLEMENT_ENABLED)),
        Call(perpetual, encode(abi.GET_IS_GLOBAL_OPERATOR, proxy)),
        Call(perpetual, encode(abi.GET_ORACLE_CONTRACT)),
        Call(perpetual, encode(abi.GET_FUNDER_CONTRACT)),
        Call(proxy, encode(abi.INSURANCE_FEE)),
    )
    index, least, closed, allowed, oracle, funder, fee = (answer(a, "a parameter", perpetual) for a in answers)
    price, second, hour = yield from ask(
        Call(address_at(oracle, 0), encode(abi.GET_PRICE), sender=perpetual),
        Call(address_at(funder, 0), encode(abi.GET_FUNDING, 1)),
        Call(address_at(funder, 0), encode(abi.GET_FUNDING, _HOUR_S)),
    )
    found, rate = _price(price), _rate(second, hour)
    refuses = "" if word(allowed, 0) else trade.NOT_OPERATOR
    return Rules(
        index=_index(index),
        rate=rate or Signed(0, is_positive=False),
        price=found,
        min_collateral=word(least, 0),
        insurance_fee=word(fee, 0),
        refuses=trade.FINAL_SETTLEMENT if word(closed, 0) else refuses,
        trouble="its funder gives no rate per second" if rate is None else trouble_with(found),
    )


def read_accounts(perpetual: Address, keys: Sequence[PositionKey]) -> Reads[dict[PositionKey, Account]]:
    """Read accounts as the contract stores them."""
    found: dict[PositionKey, Account] = {}
    for start in range(0, len(keys), PER_ROUND):
        chunk = keys[start : start + PER_ROUND]
        answers = yield from ask(
            *(
                Call(perpetual, encode(getter, account_of(key)))
                for key in chunk
                for getter in (abi.GET_ACCOUNT_BALANCE, abi.GET_ACCOUNT_INDEX)
            )
        )
        data = [answer(a, "an account", perpetual) for a in answers]
        for i, key in enumerate(chunk):
            found[key] = kept(_balance(data[2 * i]), _index(data[2 * i + 1]))

    return found


def answer(returned: Returned, what: str, asked: Address) -> bytes:
    """Return the data of an answer that must not fail."""
    if not returned.ok:
        raise DecodeError(f"{to_checksum(asked)} refused {what}", data=returned.data[:256].hex())

    return returned.data


def _index(data: bytes) -> Index:
    return Index(word(data, 0), Signed(word(data, 2), is_positive=bool(word(data, 1))))


def _balance(data: bytes) -> Balance:
    margin = Signed(word(data, 2), is_positive=bool(word(data, 0)))
    return Balance(margin, Signed(word(data, 3), is_positive=bool(word(data, 1))))


def _price(returned: Returned) -> int:
    """A price, 0 for none."""
    if not returned.ok or len(returned.data) != WORD:
        return 0

    price = word(returned.data, 0)
    return price if price < _MOST else 0


def _rate(second: Returned, hour: Returned) -> Signed | None:
    """What the index moves by per second; None where an hour is not as many times as much."""
    if not all(one.ok and len(one.data) == 2 * WORD for one in (second, hour)):
        return None

    rate, over = word(second.data, 1), word(hour.data, 1)
    if over != rate * _HOUR_S or rate > _MOST:
        return None

    return Signed(rate, is_positive=bool(word(second.data, 0)))
