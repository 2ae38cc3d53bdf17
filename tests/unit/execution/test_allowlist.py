"""The allow-list as values: from permissions, to calldata, from events, and the differences between two."""

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from keeper.execution.allowlist import (
    Allowlist,
    Factory,
    Kind,
    Listing,
    Rule,
    encode_configure,
    missing,
    surplus,
)
from keeper.execution.verify import allowlist_of, operators_of
from keeper.protocols.calls import Permission
from keeper.types import Address, Log

POOL, TOKEN, OTHER, EXECUTOR = (Address(bytes([n] * 20)) for n in (1, 2, 3, 4))
APPROVE, LIQUIDATE = bytes.fromhex("095ea7b3"), bytes.fromhex("00a718a9")
HASH = b"\x11" * 32


def event(signature, topics, types, values):
    padded = tuple(topic.rjust(32, b"\0") if len(topic) == 20 else topic.ljust(32, b"\0") for topic in topics)
    names = (keccak(text=signature), *padded)
    return Log(EXECUTOR, names, abi_encode(types, values), 1, bytes(32), bytes(32), 0)


def rule_set(target, selector, kind, revoke=bytes(4), spender=bytes(20)):
    signature = "RuleSet(address,bytes4,uint8,bytes4,address)"
    return event(signature, (target, selector), ("uint8", "bytes4", "address"), (kind, revoke, spender))


def test_approvals_name_the_spender_of_their_targets_calls_and_list_the_token():
    permissions = [Permission(POOL, LIQUIDATE), Permission(TOKEN, APPROVE, POOL), Permission(OTHER, LIQUIDATE)]

    assert Allowlist.from_permissions([*permissions, *permissions]) == Allowlist(
        (Rule(POOL, LIQUIDATE, Kind.CALL, POOL), Rule(OTHER, LIQUIDATE, Kind.CALL)), (Listing(TOKEN),)
    )


def test_a_payable_call_may_be_sent_value():
    permissions = [Permission(POOL, LIQUIDATE, payable=True), Permission(POOL, APPROVE)]

    assert Allowlist.from_permissions(permissions).rules == (
        Rule(POOL, LIQUIDATE, Kind.PAYABLE),
        Rule(POOL, APPROVE, Kind.CALL),
    )


def test_a_call_that_gives_a_right_is_listed_with_the_one_that_takes_it_back():
    permissions = [Permission(POOL, LIQUIDATE, POOL), Permission(POOL, APPROVE, revoke=b"\1\2\3\4")]

    assert Allowlist.from_permissions(permissions).rules == (
        Rule(POOL, LIQUIDATE, Kind.CALL, POOL),
        Rule(POOL, APPROVE, Kind.GRANT, None, b"\1\2\3\4"),
    )


def test_configure_is_encoded_as_the_abi_has_it():
    allowlist = Allowlist(
        (Rule(POOL, LIQUIDATE, Kind.CALL, POOL), Rule(OTHER, b"\1" * 4, Kind.GRANT, None, b"\2" * 4)),
        (Listing(TOKEN, pinned=True), Listing(OTHER, listed=False)),
        (Factory(OTHER, HASH),),
    )
    types = ("(address,bytes4,uint8,bytes4,address)[]", "(address,bool,bool)[]", "(address,bytes32)[]")
    values = (
        [(POOL, LIQUIDATE, 1, bytes(4), POOL), (OTHER, b"\1" * 4, 4, b"\2" * 4, bytes(20))],
        [(TOKEN, True, True), (OTHER, False, False)],
        [(OTHER, HASH)],
    )
    assert encode_configure(allowlist)[4:] == abi_encode(types, values)


def test_events_fold_into_the_last_word_on_each_entry():
    logs = [
        rule_set(POOL, LIQUIDATE, 1, spender=POOL),
        rule_set(OTHER, LIQUIDATE, 1),
        event("TokenSet(address,bool,bool)", (TOKEN,), ("bool", "bool"), (True, False)),
        event("TokenSet(address,bool,bool)", (OTHER,), ("bool", "bool"), (True, True)),
        event("FactorySet(address,bytes32)", (POOL,), ("bytes32",), (HASH,)),
        event("FactorySet(address,bytes32)", (OTHER,), ("bytes32",), (HASH,)),
        rule_set(OTHER, LIQUIDATE, 0),
        event("TokenSet(address,bool,bool)", (OTHER,), ("bool", "bool"), (False, False)),
        event("FactorySet(address,bytes32)", (OTHER,), ("bytes32",), (bytes(32),)),
    ]
    assert allowlist_of(logs) == Allowlist(
        (Rule(POOL, LIQUIDATE, Kind.CALL, POOL),), (Listing(TOKEN),), (Factory(POOL, HASH),)
    )


def test_operators_fold_into_those_still_allowed():
    changes = [(POOL, True), (OTHER, True), (POOL, False)]
    logs = [event("OperatorSet(address,bool)", (who,), ("bool",), (allowed,)) for who, allowed in changes]
    assert operators_of(logs) == {OTHER}


def test_differences_set_what_is_missing_and_take_out_what_is_too_many():
    wanted = Allowlist((Rule(POOL, LIQUIDATE, Kind.CALL, POOL),), (Listing(TOKEN),), (Factory(POOL, HASH),))
    present = Allowlist((Rule(POOL, LIQUIDATE), Rule(OTHER, APPROVE)), (Listing(OTHER),), (Factory(OTHER, HASH),))

    assert missing(wanted, present) == wanted
    assert surplus(wanted, present) == Allowlist(
        (Rule(OTHER, APPROVE, Kind.NONE),), (Listing(OTHER, listed=False),), (Factory(OTHER, bytes(32)),)
    )
    assert not missing(wanted, wanted)
    assert not surplus(wanted, wanted)


def test_sum_of_two_lists_holds_each_entry_once():
    one = Allowlist((Rule(POOL, LIQUIDATE),), (Listing(TOKEN),))
    two = Allowlist((Rule(POOL, LIQUIDATE),), (Listing(OTHER),), (Factory(POOL, HASH),))
    assert one + two == Allowlist((Rule(POOL, LIQUIDATE),), (Listing(TOKEN), Listing(OTHER)), (Factory(POOL, HASH),))
