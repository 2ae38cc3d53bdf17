import pytest

from keeper.errors import DecodeError
from keeper.protocols.morpho_blue.params import MarketParams, decode_params, market_of, position_key
from keeper.types import parse_address
from tests.fakes.morpho_blue_market import BORROWER

WSTETH_WETH = MarketParams(
    loan_token=parse_address("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"),
    collateral_token=parse_address("0x7f39C581F595B53c5cb19bD0b3f8dA6c935E2Ca0"),
    oracle=parse_address("0x2a01EB9496094dA03c4E364Def50f5aD1280AD72"),
    irm=parse_address("0x870aC11D48B15DB9a138Cf899d20F13F79Ba00BC"),
    lltv=945_000_000_000_000_000,
)


def test_id_of_a_market_of_the_main_network():
    """The wstETH / WETH market at 94.5 %, by its published id."""
    assert WSTETH_WETH.id.hex() == "c54d7acf14de29e0e5527cabd7a576506870346a78a11a6762e2cca66322ec41"


def test_params_survive_their_encoding():
    assert decode_params(WSTETH_WETH.encoded) == WSTETH_WETH


def test_params_with_an_address_that_is_none_are_refused():
    with pytest.raises(DecodeError, match="no address"):
        decode_params(b"\xff" * 160)


def test_position_key_names_market_and_borrower():
    key = position_key(WSTETH_WETH.id, BORROWER)
    assert (len(key), market_of(key), key[-20:]) == (52, WSTETH_WETH.id, BORROWER)
