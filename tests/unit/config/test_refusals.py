"""A configuration that is wrong is refused once, at its line, with what to do."""

import pytest

from tests.unit.config.sample import GOOD, changed, refusal

WETH = '  "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",'
REFUSED = [
    # what the operator wrote instead of what, the line it is on, and what must be said
    ("id = 1", "idd = 1", 2, ["[chain] idd: unknown key", 'did you mean "id"?']),
    ("id = 1", 'id = "1"', 2, ["[chain] id: expected a whole number without quotes"]),
    ("id = 1", "id = 0", 2, ["[chain] id: must be at least 1, found 0"]),
    ("id = 1", "id = 1\nid = 2", 3, ["not TOML", "a key may be given once"]),
    ("https://user", "https//user", 3, ["[chain] rpc #1: the RPC endpoint", '"https://..."']),
    (":8545", ":port", 3, ["[chain] rpc #1: the RPC endpoint is not a URL"]),
    ('rpc = ["', 'rpc = [] # ["', 3, ["[chain] rpc: must not be empty"]),
    ('wrapped_native = "0xC02a', 'wrapped_native = "0xc02a', 4, ["wrong checksum", "0xC02aaA39b223FE"]),
    (WETH, WETH.replace('"', ""), 14, ["[assets] trusted #1: an address is quoted text"]),
    (WETH, WETH.replace("6Cc2", "6CC2"), 14, ["[assets] trusted #1", "wrong checksum"]),
    (
        'native_usd = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"',
        f'native_usd = "0x{"c0ffee00" * 8}"',
        5,
        ["[chain] native_usd: an address is quoted text", "found 66 characters"],
    ),
    (
        '"0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"',
        '"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"',
        5,
        ["native_usd: the same address as wrapped_native", "a price feed"],
    ),
    ('"0x1111111111111111111111111111111111111111"', f'"0x{"0" * 40}"', 11, ["the zero address is never right"]),
    ("live = true", 'live = "yes"', 7, ["[run] live: expected true or false, without quotes"]),
    ("live = true", "live = yes", 7, ["not TOML", "text goes between quotes"]),
    ("live = true", "live: true", 7, ["not TOML", "looks like YAML"]),
    ("[assets]", "[asets]", 12, ["[asets]: unknown table", 'did you mean "assets"?']),
    ("[assets]", "[assets", 12, ["not TOML", "as many brackets"]),
    ("[assets]", "[[assets]]", 12, ["[assets]: expected a table", "write [assets]"]),
    ("[[deployment]]", "[deployment]", 17, ["[[deployment]]: expected a list of tables", "two brackets"]),
    ('"aave_v3"', '"aave_v33"', 19, ['unknown adapter "aave_v33"', 'did you mean "aave_v3"?']),
    ('"aave_v3"', "3", 19, ['unknown adapter "3"', "known: aave_v2, aave_v3"]),
    ('adapter = "aave_v3"\n', "", 17, ["[[deployment]] #1 adapter: missing", "say which one it is"]),
    ('"uniswap_v3"', '"curve"', 24, ['[[venue]] #1 kind: unknown kind "curve"', "known: erc4626, uniswap_v2"]),
    ("start_block = 16291127", "start_block = -1", 21, ["start_block: must be at least 0, found -1"]),
    ('["aave-core"]', '["aave-cor"]', 28, ['no [[deployment]] is named "aave-cor"', 'did you mean "aave-core"?']),
    ('["aave-core"]', '["aave-core"]\nroutes = ["sushi"]', 29, ['no [[venue]] has the name or kind "sushi"']),
    ('"5 USD"', '"5"', 29, ["min_profit: '5' has no unit", 'write "5 USD" or "5 native"']),
    ('"5 USD"', '"5 EUR"', 29, ["min_profit: unknown unit 'EUR'", '"USD" or "native"']),
    ('"5 USD"', "5", 29, ["min_profit: an amount of money is quoted text with a unit"]),
    ('"5 USD"', '"5000000000000000000 USD"', 29, ["more than any liquidation pays", "not wei"]),
    ('"fixed"', '"fixd"', 30, ['bid.kind: unknown kind "fixd"', 'did you mean "fixed"?']),
    ('kind = "fixed"', "tip_wei = 3", 30, ["bid.kind: missing"]),
    ('kind = "fixed"', 'kind = "fixed", tip_weii = 3', 30, ["bid.tip_weii: unknown key", 'did you mean "tip_wei"?']),
    ('kind = "fixed"', 'kind = "fixed", tip_wei = "900 gwei"', 30, ["bid.tip_wei: the tip is above"]),
    ('kind = "fixed"', 'kind = "fixed", max_fee_per_gas_wei = "2000000 gwei"', 30, ["wei: must be at most 10"]),
    ('{ kind = "fixed" }', '"fixed"', 30, ["bid: expected a table"]),
    ('name = "aave-flash"', 'name = "aave flash"', 27, ["[[strategy]] #1 name: expected letters, digits"]),
    ('name = "aave-flash"', 'name = "x"\nmargin_call_health = 1.05', 28, ["a ratio is quoted text"]),
    ('name = "aave-flash"', 'name = "x"\nmargin_call_health = "1"', 28, ["margin_call_health: a margin call"]),
    ('name = "aave-flash"', 'name = "x"\nfunding = ["flashloan"]', 28, ['unknown funding "flashloan"', '"flash_loan"']),
    ('keystore = "operator.json"', 'keystore = ""', 9, ["[keys] keystore: an empty path"]),
    ('"operator.json"', '"op\\u0000.json"', 9, ["[keys] keystore: the path holds a control character"]),
    ('"operator.json"', '"operator.json"\n"can ary\\u001b" = 1', 10, ['[keys] "...": unknown key', "keystore"]),
    ('kind = "uniswap_v3"', 'kimd = "uniswap_v3"', 22, ["[[venue]] #1 kind: missing", "say which one it is"]),
    ('factory = "', 'facotry = "', 25, ["facotry: unknown key", 'did you mean "factory"?']),
    ("live = true", 'live = true\nrecording = "keeper.db"', 8, ["[run] recording: the same file as [run] journal"]),
    ("[executor]", '[governor]\nswitch_file = "keeper.db"\n[executor]', 11, ["the same file as [run] journal"]),
    ("[executor]", '[governor]\nswitch_file = "keeper.toml"\n[executor]', 11, ["the same file as this configuration"]),
    ("[executor]", '[governor]\nswitch_file = "keeper.dry.db"\n[executor]', 11, ["the same file as [run] journal"]),
    ("[executor]", '[governor]\nswitch_file = "keeper.db-wal"\n[executor]', 11, ["the same file as [run] journal"]),
    ("live = true", 'live = true\njournal = "keeper.toml"', 8, ["[run] journal: the same file as this configuration"]),
    ("[executor]", '[governor]\ngas_budget_per_day = "0 native"\n[executor]', 11, ["zero", "ever be sent"]),
    ("[executor]", '[governor]\nsigning_budget_per_day = "0 native"\n[executor]', 11, ["zero", "ever be sent"]),
    ("[executor]", f'[governor]\ngas_budget_per_day = "{10**18} native"\n[executor]', 11, ["not wei"]),
    (
        'kind = "fixed"',
        'kind = "expected_value", start_share_bps = 9600',
        30,
        ["bid.start_share_bps: above max_share_bps, which is 9500"],
    ),
    ('name = "aave-flash"', 'name = "x"\nfunding = ["inventory"]', 28, ['no [[lender]] of kind "vault"']),
    ("[executor]", '[governor]\nswitch_file = "./x/../operator.json"\n[executor]', 11, ["as [keys] keystore"]),
    ("live = true", 'live = true\npostgres = "postgresql://u:canary@h:port/d"', 8, ["postgres: not a PostgreSQL"]),
    ("live = true", 'live = true\npostgres = "postgresql://u:p/canary@h/d"', 8, ["in a password written as its code"]),
    ("live = true", 'live = true\npostgres = "postgresql://u:1#canary@h/d"', 8, ["postgres: not a PostgreSQL"]),
    ("live = true", 'live = true\npostgres = "postgresql://u:canary@h:99999/d"', 8, ["its port a number"]),
    ('"operator.json"', '"operator.json"\npassphrase = "canary"', 10, ["a secret does not belong", "passphrase_file"]),
    ('"operator.json"', '"operator.json"\nprivate_key = "canary"', 10, ["a secret does not belong", "compromised"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "said"), REFUSED, ids=[f"{new[:40]!r}" for _, new, _, _ in REFUSED])
def test_config_broken_in_one_place_is_refused_once_at_its_line(tmp_path, old, new, line, said):
    message = refusal(tmp_path, changed(old, new))
    assert message.startswith(f"keeper.toml:{line}: ")
    assert message.count("keeper.toml") == 1
    assert [words for words in said if words not in message] == []
    assert [secret for secret in ("can ary", "canary", "hunter2", "c0ffee00") if secret in message] == []


TWICE = [
    ("venue", 'kind = "uniswap_v4"\nmanager = "{}"', 8, "manager: the same manager as"),
    ("venue", 'kind = "wsteth"\nwrapper = "{}"', 8, "wrapper: the same wrapper as"),
    ("venue", 'kind = "erc4626"\nvaults = ["{}"]', 8, "vaults #1: the same vault as"),
    ("venue", 'kind = "wrapped_native"', 6, "kind: the same exit as"),
    ("lender", 'kind = "erc3156"\naddress = "{}"', 8, "address: the same contract as"),
]


@pytest.mark.parametrize(("table", "text", "line", "said"), TWICE, ids=[said.split(":")[0] for _, _, _, said in TWICE])
def test_one_contract_under_two_names_is_refused(tmp_path, table, text, line, said):
    entry = text.replace("{}", "0x" + "22" * 20)
    twice = "".join(f'[[{table}]]\nname = "{name}"\n{entry}\n' for name in ("one", "two"))
    message = refusal(tmp_path, GOOD + twice)
    assert message.startswith(f"keeper.toml:{len(GOOD.splitlines()) + line}: ")
    assert f'{said} "one"' in message


def test_config_with_several_mistakes_names_each_once_in_order(tmp_path):
    message = refusal(tmp_path, changed("id = 1", "idd = 1").replace('"5 USD"', '"5"'))
    assert [line.split(":")[1] for line in message.splitlines() if line.startswith("keeper.toml")] == ["2", "29"]


def test_config_with_a_hundred_mistakes_names_a_dozen(tmp_path):
    message = refusal(tmp_path, GOOD + "".join(f"[wrong{i}]\n" for i in range(100)))
    assert message.count("keeper.toml:") == 12
    assert message.endswith("... and 88 more")


@pytest.mark.parametrize(
    ("table", "name", "extra"),
    [
        ("deployment", "aave-core", f'adapter = "aave_v3"\naddresses_provider = "0x{"22" * 20}"'),
        ("venue", "uniswap", f'kind = "uniswap_v3"\nfactory = "0x{"22" * 20}"'),
        ("strategy", "aave-flash", 'deployments = ["aave-core"]'),
    ],
)
def test_config_with_a_name_twice_is_refused(tmp_path, table, name, extra):
    message = refusal(tmp_path, f'{GOOD}[[{table}]]\nname = "{name}"\n{extra}\n')
    assert message.startswith(f'keeper.toml:32: [[{table}]] #2 name: "{name}" is taken')


def test_config_with_a_market_twice_is_refused(tmp_path):
    provider = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
    twin = f'[[deployment]]\nname = "b"\nadapter = "aave_v3"\naddresses_provider = "{provider}"'
    assert 'addresses_provider: the same market as "aave-core"' in refusal(tmp_path, f"{GOOD}{twin}\n")


def test_config_with_a_venue_twice_is_refused(tmp_path):
    twin = '[[venue]]\nname = "b"\nkind = "uniswap_v3"\nfactory = "0x1F98431c8aD98523631AE4a59f267346ea31F984"'
    assert 'factory: the same factory as "uniswap"' in refusal(tmp_path, f"{GOOD}{twin}\n")
