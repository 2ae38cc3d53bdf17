"""What an account's owner can move, the prices it hangs on, and what governance can change under it.

Supply caps and pauses of minting are left out: a market does not hold them. Sources: CToken.mintFresh,
repayBorrowFresh, redeemFresh.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.errors import StateError
from keeper.protocols.compound_v2.account import Account, Loan
from keeper.protocols.compound_v2.ctoken import CToken
from keeper.protocols.compound_v2.health import owed
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.types import Address, PositionKey
from keeper.units import WAD, div_up, mul_div

_MOST: Final = 1 << 112
_PRICE_DIGITS: Final = 36
"""A price is dollars times 10**(36 - decimals) per base unit."""


def levers(key: PositionKey, market: CompoundV2Market) -> Sequence[Lever]:
    """Deposits into markets whose cTokens back its debts already, repayments, and withdrawals.

    Of two markets of one token (the wrapped native and the native one) the first counts.
    """
    if market.rules.paused:
        return ()

    account = market.account(key)
    found: dict[tuple[Action, Address], Lever] = {}

    def add(lever: Lever) -> None:
        found.setdefault((lever.action, lever.token), lever)

    for place, token in _backing(account, market):
        held = mul_div(token.now_rate, account.tokens_in(place), WAD)
        add(Lever(Action.DEPOSIT, token.listing.underlying, held, _MOST))
        if not token.collateral_paused:
            add(Lever(Action.WITHDRAW, token.listing.underlying, held, held))

    for loan in account.borrowed:
        token = market.tokens[loan.place]
        balance = owed(account, loan.place, market)
        if not token.debt_paused:
            add(Lever(Action.REPAY, token.listing.underlying, balance, balance))

    return sorted(found.values(), key=lambda lever: list(Action).index(lever.action))


def moved(key: PositionKey, lever: Lever, amount: int, market: CompoundV2Market) -> CompoundV2Market | None:
    """Mint, repay or redeem at the market's target; the one market this touches has accrued then, no other."""
    account = market.account(key)
    place, token = _place(account, lever, market)
    now, held, refused = token.now, account.tokens_in(place), True
    match lever.action:
        case Action.DEPOSIT:
            minted = mul_div(amount, WAD, token.now_rate)  # none for too little, which the contract keeps all the same
            account = account.with_tokens(place, held + minted)
            now = replace(now, cash=now.cash + amount, supply=now.supply + minted)
            refused = False
        case Action.REPAY:
            left = owed(account, place, market) - amount
            account = account.with_loan(Loan(place, max(left, 0), now.borrow_index))
            now = replace(now, cash=now.cash + amount, borrows=max(now.borrows - amount, 0))
            refused = left < 0
        case Action.WITHDRAW:
            redeemed = div_up(amount * WAD, token.now_rate)  # up: forks differ, and up costs the account
            account = account.with_tokens(place, max(held - redeemed, 0))
            now = replace(now, cash=max(now.cash - amount, 0), supply=max(now.supply - redeemed, 0))
            refused = redeemed > held or amount > token.now.cash

    if refused:
        return None

    return market.with_accounts({key: account}).with_tokens({place: token.with_stored(now, market.target)})


def exposures(key: PositionKey, market: CompoundV2Market) -> Sequence[Exposure]:
    """The prices of what backs its debts, then of what it owes."""
    account = market.account(key)
    tokens = [token for _, token in _backing(account, market)]
    tokens += [market.tokens[loan.place] for loan in account.borrowed]
    found: dict[Address, Exposure] = {}
    for token in tokens:
        price, asset = token.usable_price, token.listing.underlying
        if price is not None:
            unit = int(10 ** max(_PRICE_DIGITS - token.listing.decimals, 0))
            found.setdefault(asset, Exposure(asset, asset, price, unit))

    return tuple(found.values())


def parameters(market: CompoundV2Market) -> Mapping[Parameter, int]:
    """What the comptroller says of each market, named by its cToken."""
    found: dict[Parameter, int] = {}
    for token in market.tokens:
        name = token.listing.token
        found[Parameter("collateral_factor_wad", name)] = token.factor
        found[Parameter("liquidation_incentive_wad", name)] = token.incentive
        found[Parameter("forced_liquidation", name)] = token.forced
        found[Parameter("listed", name)] = token.listed

    return found


def with_parameter(parameter: Parameter, value: int, market: CompoundV2Market) -> CompoundV2Market:
    """The comptroller with one of its parameters changed."""
    if parameter.token is None:
        raise StateError("a parameter of no market", name=parameter.name)

    place = market.places[parameter.token]
    token = market.tokens[place]
    match parameter.name:
        case "collateral_factor_wad":
            token = replace(token, factor=value)
        case "liquidation_incentive_wad":
            token = replace(token, incentive=value)
        case "forced_liquidation":
            token = replace(token, forced=bool(value))
        case _:
            token = replace(token, listed=bool(value))

    return market.with_tokens({place: token})


def _backing(account: Account, market: CompoundV2Market) -> Iterator[tuple[int, CToken]]:
    for place, _ in account.held:
        token = market.tokens[place]
        if account.has_entered(place) and token.factor > 0 and token.usable_price is not None:
            yield place, token


def _place(account: Account, lever: Lever, market: CompoundV2Market) -> tuple[int, CToken]:
    if lever.action is Action.REPAY:
        places = ((loan.place, market.tokens[loan.place]) for loan in account.borrowed)
    else:
        places = ((place, token) for place, token in _backing(account, market))

    for place, token in places:
        if token.listing.underlying == lever.token:
            return place, token

    raise StateError("a token that the account has nothing of", token=lever.token.hex())
