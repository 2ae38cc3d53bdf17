"""What taking an offer moves, exactly, and the market the next offer of the same block will see.

Source: CToken.liquidateBorrowFresh, seizeInternal, redeemFresh.
"""

from dataclasses import replace

from keeper.protocols.compound_v2 import math
from keeper.protocols.compound_v2.account import Loan
from keeper.protocols.compound_v2.ctoken import CToken
from keeper.protocols.compound_v2.health import owed
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.protocols.compound_v2.math import Moved
from keeper.protocols.compound_v2.pair import SeizePair, pair_of, terms_of
from keeper.types import ZERO_ADDRESS, Offer, Payment, PositionKey, Settlement, TokenAmount


def settle(offer: Offer, size: int, market: CompoundV2Market) -> Settlement:
    """Work out exactly what is moved at the market's target: the contracts pull what they are told to, no more."""
    pair, key = pair_of(offer)
    moved = math.move(size, terms_of(key, pair, market))
    native = market.tokens[pair.debt].listing.native
    payment = Payment(offer.pay_token, size, size, ZERO_ADDRESS if native else pair.payee)
    return Settlement((payment,), (TokenAmount(offer.receive_token, moved.received),))


def after(offer: Offer, size: int, market: CompoundV2Market) -> CompoundV2Market:
    """Apply a liquidation and the redemption of what it seized.

    Both markets have accrued then. Their new borrow rates are left out: neither accrues again in this block.
    """
    pair, key = pair_of(offer)
    moved = math.move(size, terms_of(key, pair, market))
    account = market.account(key)
    left = owed(account, pair.debt, market) - size
    index = market.tokens[pair.debt].now.borrow_index
    account = account.with_tokens(pair.collateral, account.tokens_in(pair.collateral) - moved.seized)
    account = account.with_loan(Loan(pair.debt, left, index))
    return market.with_accounts({key: account}).with_tokens(_touched(key, pair, moved, market))


def _touched(key: PositionKey, pair: SeizePair, moved: Moved, market: CompoundV2Market) -> dict[int, CToken]:
    debt, collateral = market.tokens[pair.debt], market.tokens[pair.collateral]
    terms = terms_of(key, pair, market)
    seized = math.after_seize(moved.repaid, moved.burned, terms)
    redeemed = replace(seized, cash=seized.cash - moved.redeemed, supply=seized.supply - moved.ours)
    changed = {pair.collateral: collateral.with_stored(redeemed, market.target)}
    if not terms.same:
        paid = replace(debt.now, cash=debt.now.cash + moved.repaid, borrows=debt.now.borrows - moved.repaid)
        changed[pair.debt] = debt.with_stored(paid, market.target)

    return changed
