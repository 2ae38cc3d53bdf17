"""What events do to accounts, funding and orders: the part of a block that came before ours, without reading anything.

Source: the events of ClearingHouse, AccountBalance, Exchange and Vault of Perp v2 (Curie) 2.8.4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from keeper.errors import DecodeError
from keeper.protocols.perp_curie import abi, math
from keeper.protocols.perp_curie.account import Account
from keeper.protocols.perp_curie.market import Contracts, PerpCurieMarket
from keeper.protocols.words import indexed_address, signed, word
from keeper.types import Address, BlockTarget, Log, PositionKey, account_of


def traders(logs: Sequence[Log]) -> Iterator[PositionKey]:
    """The accounts that some events are about."""
    for log in logs:
        if log.topics[0] in abi.BY_TRADER:
            yield PositionKey(indexed_address(log, 1))
        elif log.topics[0] in abi.BY_TOKEN:
            yield PositionKey(indexed_address(log, 2))


def bases(logs: Sequence[Log]) -> Iterator[Address]:
    """The markets that some events are about."""
    for log in logs:
        if log.topics[0] in abi.BY_BASE:
            yield indexed_address(log, 2)
        elif log.topics[0] == abi.FUNDING_UPDATED:
            yield indexed_address(log, 1)


def order_change(log: Log) -> tuple[int, int, int]:
    """Lower tick, upper tick and change of liquidity of a `LiquidityChanged`."""
    lower, upper, change = (signed(word(log.data, i)) for i in (0, 1, 4))
    return lower, upper, change


def is_ours(log: Log, contracts: Contracts) -> bool:
    """Whether a log is one of the protocol's that is followed."""
    emitters = (
        contracts.clearing_house,
        contracts.account_balance,
        contracts.vault,
        contracts.exchange,
        contracts.market_registry,
    )
    return bool(log.topics) and log.topics[0] in abi.EVENTS and log.address in emitters


def preceding(parent: PerpCurieMarket, logs: Sequence[Log], target: BlockTarget) -> PerpCurieMarket:
    """Overlay logs on the parent's market; touches nothing else.

    Orders that somebody else's swap crosses in the same block keep the growths they had: what they earned in it is
    left out.
    """
    market = parent.at(target)
    pools = {one.pool_address: base for base, one in market.instruments.items()}
    for log in logs:
        if log.topics[:1] == (abi.ANSWER_UPDATED,) and len(log.topics) == 3:
            market = _answered(market, log)
        elif log.address in pools and log.topics[:1] == (abi.SWAP,):
            market = _swapped(market, pools[log.address], log)
        elif is_ours(log, market.contracts):
            market = _folded(market, log)

    return market


def _answered(market: PerpCurieMarket, log: Log) -> PerpCurieMarket:
    """A feed answered: prices follow at once, funding with the next that settles it."""
    price, round_id = signed(int.from_bytes(log.topics[1], "big")), int.from_bytes(log.topics[2], "big")
    for one in market.instruments.values():
        index = one.index.told(log.address, price, word(log.data, 0), round_id)
        if index is not one.index:
            moved = replace(one, index=index)
            market = market.with_instrument(moved.at(market.target.timestamp))

    return market


def _swapped(market: PerpCurieMarket, base: Address, log: Log) -> PerpCurieMarket:
    one = market.instruments[base]
    price, liquidity, tick = word(log.data, 2), word(log.data, 3), signed(word(log.data, 4))
    pool = replace(one.pool, sqrt_price_x96=price, liquidity=liquidity, tick=tick)
    return market.with_instrument(replace(one, pool=pool))


def _folded(market: PerpCurieMarket, log: Log) -> PerpCurieMarket:
    if log.topics[0] == abi.FUNDING_UPDATED:
        one = market.instruments.get(indexed_address(log, 1))
        return market if one is None else market.with_instrument(one.settled(market.target.timestamp))

    found = list(traders([log]))
    if not found:
        return market

    (key,) = found
    if account_of(key) == market.contracts.insurance_fund:
        return replace(market, insurance=_account(market.insurance, market, log))

    account = _account(market.account(key), market, log)
    market = market.with_accounts({key: account})
    if log.topics[0] == abi.BAD_DEBT_SETTLED:
        fund = market.insurance
        return replace(market, insurance=replace(fund, balance=fund.balance - word(log.data, 0)))

    if log.topics[0] == abi.LIQUIDITY_CHANGED:
        one = market.instruments.get(indexed_address(log, 2))
        if one is not None:
            market = market.with_instrument(replace(one, pool=one.pool.shifted(*order_change(log))))

    return market


def _account(account: Account, market: PerpCurieMarket, log: Log) -> Account:
    """One account after one event about what it has, or about a market it is in."""
    if log.topics[0] in abi.BY_BASE:
        return _in_market(account, indexed_address(log, 2), market, log)

    data = log.data
    match log.topics[0]:
        case abi.PNL_REALIZED:
            return replace(account, owed=account.owed + signed(word(data, 0)))
        case abi.DEPOSITED:
            return _moved(account, indexed_address(log, 1), word(data, 0), market)
        case abi.WITHDRAWN:
            return _withdrawn(account, indexed_address(log, 1), word(data, 0), market)
        case abi.COLLATERAL_LIQUIDATED:
            account = replace(account, balance=account.balance + word(data, 1))
            return account.with_collateral(indexed_address(log, 2), -word(data, 0))
        case abi.BAD_DEBT_SETTLED:
            account = replace(account, balance=account.balance + word(data, 0))

    return account


def _in_market(account: Account, base: Address, market: PerpCurieMarket, log: Log) -> Account:
    match log.topics[0]:
        case abi.POSITION_CHANGED:
            return _position(account, base, log, market)
        case abi.POSITION_CLOSED:
            return replace(account, holdings=tuple(item for item in account.holdings if item[0] != base))
        case abi.LIQUIDITY_CHANGED:
            return _order(account, base, log, market)

    return account


def _withdrawn(account: Account, token: Address, amount: int, market: PerpCurieMarket) -> Account:
    """A withdrawal books what was owed first, rounded down. Vault._settleAndDecreaseBalance."""
    if token == market.contracts.settlement_token:
        booked = math.format_settlement(account.owed, market.contracts.decimals)
        account = replace(account, owed=0, balance=account.balance + booked)

    return _moved(account, token, -amount, market)


def _moved(account: Account, token: Address, amount: int, market: PerpCurieMarket) -> Account:
    if token == market.contracts.settlement_token:
        return replace(account, balance=account.balance + amount)

    return account.with_collateral(token, amount)


def _position(account: Account, base: Address, log: Log, market: PerpCurieMarket) -> Account:
    """Size moves by what was exchanged; the event tells the open notional itself, and funding was settled before."""
    one, holding = market.instruments.get(base), account.holding(base)
    growth = holding.last_growth_x96 if one is None else one.growth.premium_x96
    changed = replace(
        holding,
        size=holding.size + signed(word(log.data, 0)),
        open_notional=signed(word(log.data, 3)),
        last_growth_x96=growth,
    )
    return account.with_holding(base, changed)


def _order(account: Account, base: Address, log: Log, market: PerpCurieMarket) -> Account:
    """Take out an order that is gone; what a new or changed one was settled at is not told, and is read later."""
    lower, upper, change = order_change(log)
    holding = account.holding(base)
    orders = []
    for order in holding.orders:
        if (order.lower, order.upper) != (lower, upper):
            orders.append(order)
        elif order.liquidity + change > 0:
            orders.append(order._replace(liquidity=order.liquidity + change))

    if market.instruments.get(base) is None and change > 0:
        raise DecodeError("an order in a market that is not known", block=log.block_number)

    return replace(
        account,
        holdings=tuple(
            (token, replace(one, orders=tuple(orders)) if token == base else one) for token, one in account.holdings
        ),
    )
