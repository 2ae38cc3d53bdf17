"""Secrets do not leave: by name, by pattern, and by being known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.telemetry.redact import HIDDEN, Redactor, shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://eth.example/v2/KEY", "https://eth.example/***"),
        ("wss://eth.example:8546?key=KEY", "wss://eth.example:8546/***"),
        ("http://user:KEY@10.0.0.1:8545", "http://10.0.0.1:8545/***"),
        ("http://127.0.0.1:8545/", "http://127.0.0.1:8545"),
        ("https://h:KEY/x", "***"),
    ],
)
def test_url_shows_scheme_host_and_port_alone(url, shown):
    assert shown_url(url) == shown


def test_text_with_urls_and_a_signed_transaction_keeps_the_rest():
    raw = "0x02f8" + "ab" * 100
    text = f"429 for https://eth.example/v2/KEY, then ('wss://u:p@h/x') sent {raw}; tx 0x{'cd' * 32}"
    shown = Redactor().text(text)
    # The comma goes too: it could as well be part of a key.
    assert shown == f"429 for https://eth.example/*** then ('wss://h/***') sent {HIDDEN}; tx 0x{'cd' * 32}"


@pytest.mark.parametrize("prefix", ["0xf86c", "0xf901", "0x01f8", "0x02f9", "0x03fa", "0x04f8"])
def test_signed_transaction_of_any_type_is_hidden(prefix):
    assert Redactor().text(f"raw={prefix}{'00' * 100}") == f"raw={HIDDEN}"


def test_known_secret_is_hidden_also_where_a_url_quotes_it_and_inside_another():
    redactor = Redactor(["sec ret/1", "sec ret/1 longer"])
    assert redactor.text("a sec ret/1 longer b sec%20ret%2F1 c") == "a *** b *** c"


def test_secret_learnt_later_is_hidden_too():
    redactor = Redactor()
    redactor.learn(["passphrase"])
    assert redactor.text("my passphrase") == "my ***"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8545", "ws://node.example", "http://127.0.0.1:8545/"])
def test_known_url_with_nothing_after_its_host_still_names_the_node(url):
    """An operator of three nodes must be told which one does not answer."""
    node = url.rstrip("/")
    assert Redactor([url]).text(f"{node}: cannot connect to {node}") == f"{node}: cannot connect to {node}"


def test_url_before_a_colon_shows_its_host_and_hides_its_key():
    assert Redactor().text("https://eth.example:8545/v2/KEY: HTTP 429") == "https://eth.example:8545/***: HTTP 429"


def test_short_secret_does_not_blank_out_ordinary_text():
    assert Redactor(["a"]).text("banana") == "banana"


@pytest.mark.parametrize(
    "name", ["raw", "passphrase", "keystore_passphrase", "private_key", "api_key", "apikey", "Authorization", "secret"]
)
def test_value_under_a_secret_name_is_hidden_whatever_it_is(name):
    assert Redactor().value(name, b"\x01") == HIDDEN


@pytest.mark.parametrize("name", ["draws", "passphrase_file", "raw_price", "keys", "token"])
def test_value_under_an_ordinary_name_is_kept(name):
    assert Redactor().value(name, "x") == "x"


def test_values_inside_lists_and_mappings_are_redacted():
    found = Redactor(["canary"]).value("data", {"a": ["canary 1", ("canary",)], "raw": "x", "n": 5, "none": None})
    assert found == {"a": ["*** 1", ["***"]], "raw": HIDDEN, "n": 5, "none": None}


@given(st.text(st.characters(exclude_characters="*"), min_size=6), st.text(), st.text())
def test_known_secret_never_survives(secret, before, after):
    assert secret not in Redactor([secret]).text(before + secret + after)
