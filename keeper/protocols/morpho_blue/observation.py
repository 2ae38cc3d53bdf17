"""What is read every block of a market somebody owes in: its price, its rate, and what Morpho holds of its tokens.

Oracles and tokens are anybody's: they are asked alone, with little gas, and whatever they do costs their own market
only. Interest rate models are enabled by the protocol's owner and answer together.
"""

from collections.abc import Sequence
from typing import Final

from keeper.protocols.morpho_blue import abi, curve
from keeper.protocols.morpho_blue.isolated import IsolatedMarket, trouble_with
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketParams
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, encode, selector, word
from keeper.types import ZERO_ADDRESS, Address, BlockHead, BlockTarget, Call, Returned
from keeper.units import MAX_UINT256

ORACLE_GAS: Final = 2_000_000
"""Ten times what an oracle of four feeds and two vaults takes, and less than returning a megabyte does."""
TOKEN_GAS: Final = 300_000


def read_adaptive(irms: Sequence[tuple[Address, MarketParams]]) -> Reads[dict[Address, bool]]:
    """Ask which models keep a rate at target, each by one of its markets."""
    answers = yield from ask(*(Call(irm, encode(abi.RATE_AT_TARGET, params.id)) for irm, params in irms))
    return {irm: _is_word(returned) for (irm, _), returned in zip(irms, answers, strict=True)}


def read_market(
    params: MarketParams, stored: Totals, head: BlockHead, target: BlockTarget, *, adaptive: bool
) -> Reads[IsolatedMarket]:
    """Read one market in one round; the rate is that of the target's time, not of the block read at."""
    requests = [Call(params.oracle, selector(abi.PRICE), gas=ORACLE_GAS)]
    if params.irm != ZERO_ADDRESS:
        requests.append(Call(params.irm, _rate_call(params, stored, target.timestamp - head.timestamp)))

    if adaptive:
        requests.append(Call(params.irm, encode(abi.RATE_AT_TARGET, params.id)))

    answers = yield from ask(*requests)
    price = _price(answers[0])
    if params.irm == ZERO_ADDRESS:
        rate: int | None = 0
    else:
        rate = word(answers[1].data, 0) if _is_word(answers[1]) else None

    market = IsolatedMarket(
        params=params,
        stored=stored,
        now=stored,
        price=price,
        rate=rate or 0,
        rate_at_target=_rate_at_target(answers[-1], stored, rate, target.timestamp) if adaptive else None,
        trouble="its interest rate model does not answer" if rate is None else trouble_with(price),
    )
    return market.projected(target.timestamp)


def resting(params: MarketParams, stored: Totals) -> IsolatedMarket:
    """A market whose oracle is left alone in this block."""
    return IsolatedMarket(params, stored, stored, None, trouble="its oracle had no price and is asked again later")


def read_prices(oracles: Sequence[Address]) -> Reads[dict[Address, int | None]]:
    """Ask the oracles that pre-liquidation contracts go by instead of their market's; None where one has no price."""
    answers = yield from ask(*(Call(oracle, selector(abi.PRICE), gas=ORACLE_GAS) for oracle in oracles))
    return {oracle: _price(returned) for oracle, returned in zip(oracles, answers, strict=True)}


def read_balances(morpho: Address, tokens: Sequence[Address]) -> Reads[dict[Address, int]]:
    """Ask what Morpho holds; a token that does not say is left out."""
    asked = [Call(token, encode(abi.BALANCE_OF, morpho), gas=TOKEN_GAS) for token in tokens]
    answers = yield from ask(*asked)
    return {token: word(a.data, 0) for token, a in zip(tokens, answers, strict=True) if _is_word(a)}


def _rate_call(params: MarketParams, stored: Totals, ahead_s: int) -> bytes:
    """Ask for the rate of a market last touched `ahead_s` earlier than it was: what it will be that much later."""
    totals = (
        stored.supply_assets,
        stored.supply_shares,
        stored.borrow_assets,
        stored.borrow_shares,
        max(stored.last_update - ahead_s, 0),
        stored.fee,
    )
    return selector(abi.BORROW_RATE_VIEW) + params.encoded + b"".join(n.to_bytes(WORD, "big") for n in totals)


def _rate_at_target(returned: Returned, stored: Totals, rate: int | None, timestamp: int) -> int | None:
    """Believe in the adaptive curve where it gives the very rate the model answered."""
    if not _is_word(returned):
        return None

    at_target = word(returned.data, 0)
    if at_target > curve.MAX_RATE_AT_TARGET:
        return None

    expected = curve.borrow_rate(at_target, stored, max(timestamp - stored.last_update, 0))
    return at_target if expected == rate else None


def _price(returned: Returned) -> int | None:
    """Read a price; None for a revert, a wrong shape, zero, or more than any price."""
    if not _is_word(returned):
        return None

    price = word(returned.data, 0)
    return price if 0 < price <= MAX_UINT256 >> 1 else None


def _is_word(returned: Returned) -> bool:
    return returned.ok and len(returned.data) == WORD
