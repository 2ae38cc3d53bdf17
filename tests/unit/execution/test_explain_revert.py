"""Reverts in words, and no error of the contracts without any."""

import json
from importlib.resources import files

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from keeper.execution.explain import explain_revert, explains


def revert(signature, *values):
    types = [kind for kind in signature.partition("(")[2].rstrip(")").split(",") if kind]
    return keccak(text=signature)[:4] + encode(types, values)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (revert("NotEnoughProfit(uint256,uint256)", 4, 5), "NotEnoughProfit: profit 4 is below the least, 5"),
        (
            revert("NotAllowed(address,bytes4)", "0x" + "11" * 20, bytes.fromhex("a9059cbb")),
            "NotAllowed: 0x1111111111111111111111111111111111111111 with selector 0xa9059cbb is not on the allow-list",
        ),
        (revert("Paused()"), "Paused: the executor is paused"),
        (revert("Error(string)", "STF"), "STF"),
        (
            revert("InsufficientBalance(address,uint256,uint256)", "0x" + "11" * 20, 4, 5),
            "InsufficientBalance: token: 0x1111111111111111111111111111111111111111 has 4 base units, 5 are needed",
        ),
        (
            revert("ERC20InsufficientAllowance(address,uint256,uint256)", "0x" + "11" * 20, 4, 5),
            f"ERC20InsufficientAllowance: token: 0x{'11' * 20} may take 4 base units, 5 are needed",
        ),
        (revert("Panic(uint256)", 0x11), "panic 0x11 (overflow)"),
        (revert("Panic(uint256)", 0x99), "panic 0x99 (unnamed)"),
        (bytes.fromhex("930bb771"), "0x930bb771"),
        (b"", "reverted without a reason"),
        (revert("NotEnoughProfit(uint256,uint256)", 4, 5)[:40], None),
    ],
)
def test_revert_is_put_in_words(data, words):
    assert explain_revert(data) == (f"0x{data.hex()}" if words is None else words)


def test_text_of_a_hostile_contract_keeps_its_control_characters_to_itself():
    words = explain_revert(revert("Error(string)", "\x1b[31mall is well\u202e"))
    assert words.isascii()
    assert words.isprintable()


@pytest.mark.parametrize("name", ["Executor", "Vault"])
def test_every_error_of_the_contracts_is_explained(name):
    abi = json.loads((files("keeper.execution") / "artifacts" / f"{name}.json").read_text())["abi"]
    errors = [f"{e['name']}({','.join(i['type'] for i in e['inputs'])})" for e in abi if e["type"] == "error"]

    assert errors
    assert [error for error in errors if not explains(keccak(text=error)[:4])] == []
