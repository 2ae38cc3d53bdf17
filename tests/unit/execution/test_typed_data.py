import copy

import pytest
from eth_account import Account

from keeper.errors import SigningKeyError
from keeper.execution.typed_data import Schema, check_typed_data, encode_type
from keeper.types import parse_address

# The example of EIP-712 itself.
MAIL = "Mail(Person from,Person to,string contents)Person(string name,address wallet)"
CONTRACT = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"
MESSAGE = {
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person"},
            {"name": "contents", "type": "string"},
        ],
    },
    "primaryType": "Mail",
    "domain": {"name": "Ether Mail", "version": "1", "chainId": 1, "verifyingContract": CONTRACT},
    "message": {
        "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
        "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
        "contents": "Hello, Bob!",
    },
}
SCHEMAS = frozenset({Schema(parse_address(CONTRACT), MAIL)})


def changed(*path, to):
    message = copy.deepcopy(MESSAGE)
    inner = message
    for key in path[:-1]:
        inner = inner[key]

    inner[path[-1]] = to
    return message


def test_a_type_is_spelled_as_the_standard_does():
    assert encode_type("Mail", MESSAGE["types"]) == MAIL


def test_a_listed_message_is_signed_as_the_standards_example_is():
    # EIP-712 gives the signature of this message by the key keccak256("cow").
    key = bytes.fromhex("c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4")
    signed = Account.from_key(key).sign_message(check_typed_data(MESSAGE, SCHEMAS, 1))
    assert signed.r == 0x4355C47D63924E8A72E509B65029052EB6C299D53A04E167C5775FD466751C9D
    assert signed.s == 0x07299936D304C153F6443DFA05F40FF007D72911B6F72307F996231605B91562
    assert signed.v == 28


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (changed("domain", "chainId", to=2), "chain 2"),
        (changed("domain", "verifyingContract", to="0x" + "11" * 20), "not one that is listed"),
        (changed("types", "Person", to=[{"name": "name", "type": "string"}]), "malformed|not one that is listed"),
        (changed("primaryType", to="Person"), "malformed|not one that is listed"),
        (changed("primaryType", to="EIP712Domain"), "malformed"),
        (changed("domain", to={}), "malformed"),
        ({}, "malformed"),
    ],
)
def test_any_other_message_is_refused(message, words):
    with pytest.raises(SigningKeyError, match=words):
        check_typed_data(message, SCHEMAS, 1)
