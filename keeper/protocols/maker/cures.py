"""What a vault's owner can move, the price it hangs on, and what governance can change under it. Source: Vat.frob.

Each move is a frob right after a drip, so that the debt is what is owed at the target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.errors import StateError
from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.protocols.maker.checked import RevertedError
from keeper.protocols.maker.frob import Books, Consents, Terms, frob
from keeper.protocols.maker.health import trouble_of
from keeper.protocols.maker.ilk import Ilk
from keeper.protocols.maker.market import MakerMarket
from keeper.protocols.maker.urn import Urn, number_of
from keeper.types import Address, PositionKey
from keeper.units import RAY, WAD, div_up

RATIO: Final = "liquidation_ratio_wad"
PENALTY: Final = "liquidation_penalty_wad"
_MOST: Final = 1 << 112
_RAY_OVER_WAD: Final = RAY // WAD


def levers(key: PositionKey, market: MakerMarket) -> Sequence[Lever]:
    """Collateral in or out of a vault, and DAI back; an auction is nobody's to cure."""
    ilk, urn = market.ilk_for(key), market.urn(key)
    if ilk is None or trouble_of(ilk) or number_of(key):
        return ()

    held = urn.ink // ilk.listing.unit  # down: what can leave the Vat
    owed = div_up(urn.art * ilk.rate_now, RAY)
    found = [Lever(Action.DEPOSIT, ilk.listing.gem, held, _MOST)]
    found += [Lever(Action.REPAY, market.contracts.dai, owed, owed)] if owed else []
    return [*found, Lever(Action.WITHDRAW, ilk.listing.gem, held, held)] if held else found


def moved(key: PositionKey, lever: Lever, amount: int, market: MakerMarket) -> MakerMarket | None:
    """Frob at the market's target; what little DAI buys no unit of debt stays the owner's."""
    ilk, urn = market.ilk_for(key), market.urn(key)
    if ilk is None or trouble_of(ilk):
        return None

    dink = dart = 0
    if lever.action is Action.REPAY:
        dart = -min(amount * RAY // ilk.rate_now, urn.art)  # down: DAI pays for whole units of debt
    else:
        dink = amount * ilk.listing.unit * (1 if lever.action is Action.DEPOSIT else -1)

    owed = urn.art * ilk.rate_now
    books = Books(urn.ink, urn.art, urn.art, owed, gem_v=max(dink, 0), dai_w=owed)
    terms = Terms(live=1, rate=ilk.rate_now, spot=ilk.spot, line=0, Line=0, dust=ilk.dust)
    try:
        after = frob(books, terms, dink, dart, Consents())
    except RevertedError:
        return None

    return market.with_urns({key: Urn(after.ink, after.art)})


def exposures(key: PositionKey, market: MakerMarket) -> Sequence[Exposure]:
    """The one price a vault hangs on: that of its feed, in US dollars as the protocol takes DAI to be."""
    ilk = market.ilk_for(key)
    if ilk is None or ilk.trouble or ilk.feed.val is None:
        return ()

    return (Exposure(ilk.listing.gem, ilk.feed.pip, ilk.feed.val, WAD),)


def parameters(market: MakerMarket) -> Mapping[Parameter, int]:
    """What must cover a debt, and what is added to it at a liquidation; each collateral type named by its join."""
    found: dict[Parameter, int] = {}
    for ilk in market.ilks.values():
        found[Parameter(RATIO, ilk.listing.join)] = ilk.mat // _RAY_OVER_WAD
        found[Parameter(PENALTY, ilk.listing.join)] = ilk.limits.chop

    return found


def with_parameter(parameter: Parameter, value: int, market: MakerMarket) -> MakerMarket:
    """The market with one of them changed; a ratio counts from the next poke, which anybody may make."""
    ilk = _of_join(parameter.token, market)
    if parameter.name == RATIO:
        changed = replace(ilk, mat=value * _RAY_OVER_WAD).at(market.target.timestamp)
    else:
        changed = replace(ilk, limits=replace(ilk.limits, chop=value))

    return market.with_ilk(changed)


def _of_join(join: Address | None, market: MakerMarket) -> Ilk:
    for ilk in market.ilks.values():
        if ilk.listing.join == join:
            return ilk

    raise StateError("a parameter of no collateral type of this deployment")
