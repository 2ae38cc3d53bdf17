"""What must be known before the first log, and what is reread of the contracts: accounts and ticks.

Configuration names the ClearingHouse; every other contract is asked of it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from eth_utils.crypto import keccak

from keeper.errors import ConfigError, DecodeError
from keeper.protocols.perp_curie import abi
from keeper.protocols.perp_curie.account import Account, Holding, Order
from keeper.protocols.perp_curie.market import Contracts
from keeper.protocols.reads import Reads, ask, gather_all
from keeper.protocols.words import WORD, address_at, addresses, encode, signed, word
from keeper.types import Address, Call, PositionKey, Request, Returned, StorageAt, account_of, to_checksum

PER_ROUND: Final = 1_000
"""Accounts read side by side, each in a few requests."""
_OF_HOUSE: Final = (
    abi.GET_CONFIG, abi.GET_VAULT, abi.GET_EXCHANGE, abi.GET_ORDER_BOOK, abi.GET_ACCOUNT_BALANCE,
    abi.GET_INSURANCE_FUND,
)  # fmt: skip


def read_contracts(deployment: str, clearing_house: Address) -> Reads[Contracts]:
    """Ask the ClearingHouse for the others; `ConfigError` where it does not answer like one."""
    answers = yield from ask(*(Call(clearing_house, encode(getter)) for getter in _OF_HOUSE))
    if not all(returned.ok and len(returned.data) == WORD for returned in answers):
        raise ConfigError(
            f"deployment {deployment}: {to_checksum(clearing_house)} does not answer like Perp's ClearingHouse on this "
            "chain; check clearing_house, and the chain"
        )

    config, vault, exchange, order_book, account_balance, insurance = (address_at(a.data, 0) for a in answers)
    asked = (
        Call(vault, encode(abi.GET_SETTLEMENT_TOKEN)),
        Call(vault, encode(abi.DECIMALS)),
        Call(vault, encode(abi.GET_COLLATERAL_MANAGER)),
        Call(exchange, encode(abi.GET_MARKET_REGISTRY)),
    )
    token, decimals, collateral, registry = yield from ask(*asked)
    return Contracts(
        clearing_house=clearing_house,
        config=config,
        vault=vault,
        exchange=exchange,
        order_book=order_book,
        account_balance=account_balance,
        insurance_fund=insurance,
        collateral_manager=address_at(answer(collateral, "getCollateralManager", vault), 0),
        market_registry=address_at(answer(registry, "getMarketRegistry", exchange), 0),
        settlement_token=address_at(answer(token, "getSettlementToken", vault), 0),
        decimals=word(answer(decimals, "decimals", vault), 0),
    )


def proxies(contracts: Contracts) -> tuple[Address, ...]:
    """The contracts whose code decides what a liquidation does, and may be replaced by their owner."""
    return (
        contracts.clearing_house,
        contracts.account_balance,
        contracts.vault,
        contracts.exchange,
        contracts.order_book,
        contracts.config,
        contracts.market_registry,
    )


def read_implementations(places: Sequence[Address]) -> Reads[dict[Address, bytes]]:
    """Read which code stands behind each proxy; zeros for a contract that is none."""
    answers = yield from ask(*(StorageAt(place, abi.IMPLEMENTATION_SLOT) for place in places))
    return {place: answer(a, "its implementation", place) for place, a in zip(places, answers, strict=True)}


# Accounts -----------------------------------------------------------------------------------------------------------


def read_accounts(contracts: Contracts, keys: Sequence[PositionKey]) -> Reads[dict[PositionKey, Account]]:
    """Read accounts as the contracts store them, orders included."""
    found: dict[PositionKey, Account] = {}
    for start in range(0, len(keys), PER_ROUND):
        chunk = keys[start : start + PER_ROUND]
        read = yield from gather_all([_read_account(contracts, account_of(key)) for key in chunk])
        found |= dict(zip(chunk, read, strict=True))

    return found


def _read_account(contracts: Contracts, trader: Address) -> Reads[Account]:
    vault, accounts = contracts.vault, contracts.account_balance
    balance, tokens, bases, owed = yield from ask(
        Call(vault, encode(abi.GET_BALANCE_BY_TOKEN, trader, contracts.settlement_token)),
        Call(vault, encode(abi.GET_COLLATERAL_TOKENS, trader)),
        Call(accounts, encode(abi.GET_BASE_TOKENS, trader)),
        StorageAt(accounts, mapped(trader, abi.OWED_REALIZED_PNL_SLOT)),
    )
    held = addresses(answer(tokens, "getCollateralTokens", vault))
    markets = addresses(answer(bases, "getBaseTokens", accounts))
    collaterals: list[tuple[Address, int]] = []
    holdings: list[tuple[Address, Holding]] = []
    if held or markets:
        asked: list[Request] = [Call(vault, encode(abi.GET_BALANCE_BY_TOKEN, trader, token)) for token in held]
        asked += [Call(accounts, encode(abi.GET_ACCOUNT_INFO, trader, base)) for base in markets]
        asked += [Call(contracts.order_book, encode(abi.GET_OPEN_ORDER_IDS, trader, base)) for base in markets]
        answers = yield from ask(*asked)
        data = [answer(a, "an account's state", accounts) for a in answers]
        collaterals = [(token, signed(word(one, 0))) for token, one in zip(held, data, strict=False)]
        infos, ids = data[len(held) :][: len(markets)], data[len(held) + len(markets) :]
        orders = yield from _read_orders(contracts, [_order_ids(one) for one in ids])
        for base, info, own in zip(markets, infos, orders, strict=True):
            size, notional, growth = (signed(word(info, i)) for i in range(3))
            holdings.append((base, Holding(size, notional, growth, own)))

    return Account(
        balance=signed(word(answer(balance, "getBalanceByToken", vault), 0)),
        owed=signed(word(answer(owed, "its storage", accounts), 0)),
        collaterals=tuple(collaterals),
        holdings=tuple(holdings),
    )


def _read_orders(contracts: Contracts, ids: Sequence[Sequence[bytes]]) -> Reads[list[tuple[Order, ...]]]:
    """Read the orders of each of some lists of ids."""
    wanted = [one for some in ids for one in some]
    if not wanted:
        return [() for _ in ids]

    book = contracts.order_book
    answers = yield from ask(*(Call(book, encode(abi.GET_OPEN_ORDER_BY_ID, one)) for one in wanted))
    orders = iter([_order(answer(a, "getOpenOrderById", book)) for a in answers])
    return [tuple(next(orders) for _ in some) for some in ids]


def _order(data: bytes) -> Order:
    unsigned = (0, 3, 7, 8)
    return Order._make(word(data, i) if i in unsigned else signed(word(data, i)) for i in range(9))


def _order_ids(data: bytes) -> list[bytes]:
    start = word(data, 0) // WORD
    count = word(data, start)
    if count > len(data) // WORD:
        raise DecodeError(f"a list of {count} orders in {len(data)} bytes")

    return [word(data, start + 1 + i).to_bytes(WORD, "big") for i in range(count)]


def mapped(key: bytes, slot: int) -> int:
    """Where a mapping by address at a slot keeps an entry."""
    return int.from_bytes(keccak(key.rjust(WORD, b"\0") + slot.to_bytes(WORD, "big")), "big")


def mapped_tick(base: Address, tick: int, slot: int) -> int:
    """Where a mapping by address and tick at a slot keeps an entry."""
    inner = mapped(base, slot).to_bytes(WORD, "big")
    return int.from_bytes(keccak(tick.to_bytes(WORD, "big", signed=True) + inner), "big")


def answer(returned: Returned, what: str, asked: Address) -> bytes:
    """Return the data of an answer that must not fail."""
    if not returned.ok:
        raise DecodeError(f"{to_checksum(asked)} refused {what}", data=returned.data[:256].hex())

    return returned.data


def read_ticks(pool: Address, ticks: Sequence[int]) -> Reads[Mapping[int, tuple[int, int]]]:
    """Read the net change of liquidity and all that references it at some ticks of a pool."""
    answers = yield from ask(*(Call(pool, encode(abi.TICKS, tick % (1 << 256))) for tick in ticks))
    data = [answer(a, "ticks", pool) for a in answers]
    return {tick: (signed(word(one, 1)), word(one, 0)) for tick, one in zip(ticks, data, strict=True)}
