"""Between offers and bytes: the calls of each kind of offer, and the permissions they need.

Collateral is handed over inside the Vat, and DAI is taken inside it: a purchase takes the one out of the Vat, and puts
the other in, in the callback the Clipper makes in between. Both amounts are the ones that callback names. What the Vat
holds for the executor is moved by the Clipper, or by DaiJoin, with a right given for the transaction.
"""

from collections.abc import Iterator, Sequence

from keeper.execution.calldata import encode_program
from keeper.execution.operations import Allow, Amount, Op, Patch, Source
from keeper.execution.operations import Call as Operation
from keeper.protocols.calls import EXECUTOR, Callback, GuardedCall, Permission, Right
from keeper.protocols.maker import abi
from keeper.protocols.maker.ilk import WAD_DECIMALS, Ilk
from keeper.protocols.maker.market import Contracts, MakerMarket
from keeper.protocols.maker.offers import Buying, Liquidation
from keeper.protocols.maker.settle import detail_of
from keeper.protocols.maker.urn import owner_of
from keeper.protocols.words import WORD, encode, selector
from keeper.types import Call, Offer, Settlement
from keeper.units import MAX_UINT256

_OWE, _SLICE, _DATA = 1, 2, 3
"""Arguments of the Clipper's callback."""
_AMOUNT = 4 + WORD
"""Where a join's amount stands in its calldata."""
_RAD_OVER_WAD = 27


def permissions(market: MakerMarket) -> Sequence[Permission]:
    """List what barks, restarts and purchases call, and the tokens they leave the executor with."""
    contracts = market.contracts
    shared = [
        Permission(contracts.dai, selector(abi.APPROVE), contracts.dai_join),
        Permission(contracts.dai_join, selector(abi.JOIN), contracts.dai_join),
        Permission(contracts.dai_join, selector(abi.EXIT), contracts.dai_join),
        Permission(contracts.vat, selector(abi.HOPE), revoke=selector(abi.NOPE)),
        Permission(contracts.dog, selector(abi.BARK)),
        Permission(contracts.spotter, selector(abi.POKE_ILK)),
        Permission(contracts.jug, selector(abi.DRIP)),
    ]
    own = [permission for ilk in market.ilks.values() if not ilk.trouble for permission in _permissions_of(ilk)]
    return list(dict.fromkeys([*shared, *own]))


def _permissions_of(ilk: Ilk) -> Iterator[Permission]:
    listing = ilk.listing
    yield Permission(ilk.clip, selector(abi.TAKE), ilk.clip)
    yield Permission(ilk.clip, selector(abi.REDO), ilk.clip)
    yield Permission(listing.join, selector(abi.EXIT))
    # Nobody pulls it: it is what names the collateral as a token worth selling.
    yield Permission(listing.gem, selector(abi.APPROVE), listing.join)
    if ilk.feed.since is not None:
        yield Permission(ilk.feed.pip, selector(abi.POKE))


def calls(
    offer: Offer, size: int, settlement: Settlement, market: MakerMarket, inner: bytes
) -> tuple[GuardedCall, ...]:
    """Build the calls; `inner` sells the collateral inside the callback, and is empty where DAI is there already."""
    del settlement, market
    detail, key = detail_of(offer)
    contracts = detail.contracts
    if isinstance(detail, Buying):
        return (_purchase(detail, size, inner),)

    if isinstance(detail, Liquidation):
        pays = Call(contracts.dog, encode(abi.BARK, detail.ilk, owner_of(key), EXECUTOR))
    else:
        pays = Call(detail.clip, encode(abi.REDO, detail.number, EXECUTOR))

    out = Call(contracts.dai_join, encode(abi.EXIT, EXECUTOR, size))
    return GuardedCall(pays), GuardedCall(out, right=Right(contracts.vat, selector(abi.HOPE)))


def _purchase(detail: Buying, size: int, inner: bytes) -> GuardedCall:
    """Buy: the Clipper calls back between handing collateral over and taking its pay."""
    amt = size if size == MAX_UINT256 else size * detail.unit
    data = encode_program(_taken_out(detail)) + inner + encode_program(_put_in(detail.contracts))
    numbers = (detail.number, amt, detail.price)
    head = encode(abi.TAKE, *numbers, EXECUTOR, 5 * WORD, len(data))
    call = Call(detail.clip, head + data + bytes(-len(data) % WORD))
    callback = Callback(selector(abi.CLIPPER_CALL), _DATA, data)
    return GuardedCall(call, callback, right=Right(detail.contracts.vat, selector(abi.HOPE)))


def _taken_out(detail: Buying) -> tuple[Op, ...]:
    """Take the collateral bought out of the Vat, rounded down to what the token can count."""
    bought = Amount(Source.WORD, _SLICE, divide_pow10=WAD_DECIMALS - detail.decimals or None)
    return (Operation(detail.join, encode(abi.EXIT, EXECUTOR, 0), (Patch(_AMOUNT, bought),)),)


def _put_in(contracts: Contracts) -> tuple[Op, ...]:
    """Put DAI into the Vat for what is owed, rounded up."""
    owed = Amount(Source.WORD, _OWE, divide_pow10=_RAD_OVER_WAD, round_up=True)
    join = encode(abi.JOIN, EXECUTOR, 0)
    return (Operation(contracts.dai_join, join, (Patch(_AMOUNT, owed),), (Allow(contracts.dai, owed),)),)
