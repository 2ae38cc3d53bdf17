"""Bytes in and out: calls, events, permissions, reverts, flash loans, and signatures against the protocol's own."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from eth_abi import decode, encode

from keeper.protocols.aave.pair import SeizePair
from keeper.protocols.aave_v3 import abi, build, errors
from keeper.protocols.base import Lender
from keeper.protocols.calls import Permission
from keeper.protocols.words import selector, topic
from keeper.types import Address, Log, Offer, OfferKind, Payment, Rejected, TokenAmount
from keeper.units import MAX_UINT256
from tests.fakes.aave_v3_market import DOLLAR, KEY, POOL, asset, market, reserve, word

ADAPTER = build("aave", Address(b"\x77" * 20))
OFFER = Offer("aave", OfferKind.SEIZE, KEY, asset(1), asset(0), asset(1), ((1, 5),), SeizePair(POOL, 0, 1))
SCENE = market([reserve(0, DOLLAR), reserve(1, DOLLAR, word(decimals=6))], {})
PACKAGE = Path(__file__).parents[3] / "contracts/node_modules/@aave/core-v3/artifacts/contracts"


def liquidated(collateral=0, debt=1, user=KEY, pool=POOL, amounts=(70, 30)):
    topics = (abi.LIQUIDATED, *(bytes(12) + bytes(a) for a in (asset(collateral), asset(debt), user)))
    data = encode(["uint256", "uint256", "address", "bool"], [*amounts, "0x" + "1d" * 20, False])
    return Log(pool, topics, data, 1, bytes(32), bytes(32), 0)


@pytest.mark.parametrize("size", [5, MAX_UINT256])
def test_calls_ask_the_pool_for_the_collateral_itself(size):
    (guarded,) = ADAPTER.encoder.calls(OFFER, size, None, SCENE, b"")
    assert (guarded.call.to, guarded.call.value_wei, guarded.callback) == (POOL, 0, None)
    assert guarded.call.data[:4].hex() == "00a718a9"
    arguments = decode(["address", "address", "address", "uint256", "bool"], guarded.call.data[4:])
    assert arguments == (*("0x" + a.hex() for a in (asset(0), asset(1), KEY)), size, False)


def test_calls_have_no_callback_to_run_a_program_in():
    with pytest.raises(ValueError, match="no callback"):
        ADAPTER.encoder.calls(OFFER, 5, None, SCENE, b"\x01")


def test_an_offer_of_another_adapter_is_refused():
    with pytest.raises(TypeError, match="not an offer"):
        ADAPTER.encoder.calls(replace(OFFER, detail=object()), 5, None, SCENE, b"")


def test_realised_is_what_the_pools_event_says():
    others = [liquidated(debt=0), liquidated(user=POOL), liquidated(pool=asset(5)), liquidated(collateral=1)]
    found = ADAPTER.encoder.realised(OFFER, [*others, liquidated(amounts=(71, 31)), liquidated()])
    assert found.pays == (Payment(asset(1), 71, 71, POOL),)
    assert found.receives == (TokenAmount(asset(0), 31),)


def test_realised_without_the_event_is_a_rejection():
    assert isinstance(ADAPTER.encoder.realised(OFFER, [liquidated(debt=0)]), Rejected)


def test_permissions_cover_the_pools_entries_and_every_approval():
    assert list(ADAPTER.encoder.permissions(SCENE)) == [
        Permission(POOL, bytes.fromhex("00a718a9")),
        Permission(POOL, bytes.fromhex("42b0b77c")),
        Permission(asset(0), bytes.fromhex("095ea7b3"), POOL),
        Permission(asset(1), bytes.fromhex("095ea7b3"), POOL),
    ]


# Reverts -----------------------------------------------------------------------------------------------------------


def revert_string(text):
    return bytes.fromhex("08c379a0") + encode(["string"], [text])


@pytest.mark.parametrize(
    ("revert", "name"),
    [
        ("930bb771", "HealthFactorNotBelowThreshold"),
        ("44511af1", "SelfLiquidation"),
        ("90cd6f24", "ReserveInactive"),
        ("d37f5f1c", "ReservePaused"),
        ("91037009", "PriceOracleSentinelCheckFailed"),
        ("9e3e6060", "LiquidationGraceSentinelCheckFailed"),
        ("979b5ce8", "CollateralCannotBeLiquidated"),
        ("3653732b", "SpecifiedCurrencyNotBorrowedByUser"),
        ("b629b0e4", "MustNotLeaveDust"),
        ("2075cc10", "InvalidBurnAmount"),
        ("2c5211c6", "InvalidAmount"),
    ],
)
def test_custom_errors_are_named(revert, name):
    """Selectors as the deployed contracts return them."""
    assert ADAPTER.encoder.explain(bytes.fromhex(revert)) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("45", "HealthFactorNotBelowThreshold ('45')"),
        ("103", "MustNotLeaveDust ('103')"),
        ("97", "LiquidationGraceSentinelCheckFailed ('97')"),
        ("ERC20: transfer amount exceeds balance", "ERC20: transfer amount exceeds balance"),
        ("9999", "9999"),
    ],
)
def test_revert_strings_are_named_where_they_are_numbers(text, said):
    assert errors.explain(revert_string(text)) == said


def test_panics_and_strangers_are_shown_as_what_they_are():
    assert errors.explain(bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")).startswith("Panic(0x11): arithmetic")
    assert errors.explain(bytes.fromhex("4e487b71") + (0x99).to_bytes(32, "big")) == "Panic(0x99): unknown code"
    assert errors.explain(bytes.fromhex("deadbeef01")) == "0xdeadbeef01"
    assert errors.explain(bytes.fromhex("08c379a0")) == "0x08c379a0"
    assert errors.explain(b"") == "reverted without a reason"


# Flash loans -------------------------------------------------------------------------------------------------------


def test_lenders_are_the_reserves_that_lend():
    reserves = [
        reserve(0, DOLLAR, underlying=7, virtual=9),
        reserve(1, DOLLAR, word(paused=True)),
        reserve(2, DOLLAR, word(active=False)),
        reserve(3, DOLLAR, word(flash=False)),
        reserve(4, DOLLAR, underlying=0),
        reserve(5, None, underlying=9, virtual=8),
    ]
    found = ADAPTER.lenders.lenders(market(reserves, {}, flash_premium=9))
    assert found == [
        Lender("aave_v3", POOL, asset(0), 7, 9, fee_rounds_up=True),
        Lender("aave_v3", POOL, asset(5), 8, 9, fee_rounds_up=True),
    ]


def test_lenders_before_31_have_no_virtual_balance_and_before_35_round_half_up():
    (found,) = ADAPTER.lenders.lenders(market([reserve(0, DOLLAR, underlying=7, virtual=None)], {}, version="3.0"))
    assert (found.available, found.fee_rounds_up) == (7, False)


# Signatures --------------------------------------------------------------------------------------------------------


def signatures(name, kind):
    """Every signature of one kind in an artifact of the published package."""
    (path,) = PACKAGE.rglob(f"{name}.json")
    return {
        f"{entry['name']}({','.join(flat(i) for i in entry['inputs'])})"
        for entry in json.loads(path.read_text())["abi"]
        if entry["type"] == kind
    }


def flat(argument):
    if not argument["type"].startswith("tuple"):
        return argument["type"]

    return "(" + ",".join(flat(c) for c in argument["components"]) + ")" + argument["type"][5:]


NEWER = {
    abi.GET_VIRTUAL_UNDERLYING_BALANCE, abi.GET_LIQUIDATION_GRACE_PERIOD,
    abi.GET_EMODE_COLLATERAL_CONFIG, abi.GET_EMODE_COLLATERAL_BITMAP,
}  # fmt: skip
"""Functions later than the published artifacts: the parity tests call them on 3.6."""
FEEDS = {abi.LATEST_ROUND_DATA, abi.AGGREGATOR}
"""Functions of Chainlink's contracts."""


def test_every_function_is_one_of_the_protocols():
    ours = {value for name, value in vars(abi).items() if name.isupper() and isinstance(value, str)}
    contracts = ("PoolAddressesProvider", "Pool", "AaveOracle", "PriceOracleSentinel", "AToken")
    known = set().union(*(signatures(name, "function") for name in contracts))
    assert ours - NEWER - FEEDS <= known
    assert not NEWER & known


def test_every_event_is_one_of_the_protocols():
    ours = {value for name, value in vars(abi).items() if name.isupper() and isinstance(value, bytes)}
    contracts = (
        "IPool", "AToken", "VariableDebtToken", "StableDebtToken", "PoolConfigurator", "AaveOracle",
        "BaseUpgradeabilityProxy",
    )  # fmt: skip
    known = {topic(s) for name in contracts for s in signatures(name, "event")}
    assert ours - known == {abi.ANSWER_UPDATED}
    assert abi.ANSWER_UPDATED.hex() == "0559884fd3a460db3073b7fc896cc77986f16e378210ded43186175bf646fc5f"


def test_numeric_errors_are_the_protocols():
    """Against the constants of the published source; two are younger than it."""
    source = (PACKAGE.parents[1] / "contracts/protocol/libraries/helpers/Errors.sol").read_text()
    constants = dict(re.findall(r"constant ([A-Z_0-9]+) = '(\d+)'", source))
    numbers = {name.replace("_", "").lower(): number for name, number in constants.items()}
    younger = {"LiquidationGraceSentinelCheckFailed": "97", "MustNotLeaveDust": "103"}
    for number, name in errors.STRINGS.items():
        assert numbers.get(name.lower(), younger.get(name)) == number


def test_custom_errors_are_the_protocols():
    """Against the published source of the version that has them; two are the token libraries' own."""
    source = PACKAGE.parents[3] / "@aave-dao/aave-v3-origin/src/contracts/protocol/libraries/helpers/Errors.sol"
    published = {selector(f"{name}({','.join(types)})") for name, types in declared(source.read_text())}
    others = {"AddressEmptyCode", "FailedCall", "SafeCastOverflowedUintDowncast"}
    assert {name for code, name in errors.CUSTOM.items() if code not in published} == others


def declared(source):
    for name, arguments in re.findall(r"error (\w+)\(([^)]*)\)", source):
        yield name, [argument.split()[0] for argument in arguments.split(",") if argument.strip()]
