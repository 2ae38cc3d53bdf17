import pytest

from keeper.sandbox.artifact import Artifact, signature
from keeper.types import Address

LIBRARY = Address(bytes.fromhex("aa" * 20))


def test_signature_selector_is_that_of_the_contract():
    assert signature("transfer(address,uint256)").selector.hex() == "a9059cbb"


def test_signature_without_results_decodes_to_none():
    assert signature("poke()").decode(b"") is None


def test_signature_with_nested_tuples_splits_at_the_outer_commas():
    parsed = signature("f(uint256,(address,uint8)[],bytes)((uint256,bool),address)")
    assert parsed.arguments == ("uint256", "(address,uint8)[]", "bytes")
    assert parsed.results == ("(uint256,bool)", "address")


def test_addresses_are_raw_bytes_both_ways():
    parsed = signature("f(address)(address,(address[],bool))")
    encoded = parsed.encode(LIBRARY)
    assert encoded[4:] == bytes(12) + LIBRARY
    data = signature("f(address,(address[],bool))").encode(LIBRARY, ([LIBRARY], True))[4:]
    assert parsed.decode(data) == (LIBRARY, ((LIBRARY,), True))


def test_creation_code_puts_library_and_arguments_in_place():
    code = "6001" + "__$0123456789abcdef0123456789abcdef01$__" + "6002"
    artifact = Artifact("Linked", code, ("uint8",), {"Lib": (2,)})
    assert artifact.creation_code([7], {"Lib": LIBRARY}).hex() == "6001" + "aa" * 20 + "6002" + "00" * 31 + "07"


def test_creation_code_with_an_unlisted_placeholder_raises():
    with pytest.raises(ValueError, match="placeholder"):
        Artifact("Unlinked", "__$0123456789abcdef0123456789abcdef01$__", (), {}).creation_code()
