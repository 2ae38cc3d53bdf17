"""What the referee is given: the manifest and the keeper's report, good and bad."""

import json
from decimal import Decimal

import pytest
from referee import manifest, report
from referee.errors import RefereeError
from referee.manifest import Floor
from referee.rpc import Rpc
from referee.sizes import COUNT, sizes

ADDRESS = "0x" + "Ab" * 20
MANIFEST = {
    "deployments": [{"kind": "aave_v3", "name": "aave", "addresses_provider": ADDRESS}],
    "venues": [{"factory": ADDRESS}],
    "native_usd": ADDRESS,
    "min_profit": "5 USD",
    "executor": ADDRESS,
    "treasury": ADDRESS,
}


@pytest.fixture
def load_manifest(tmp_path):
    def load(**changes):
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(MANIFEST | changes))
        return manifest.load(path)

    return load


@pytest.fixture
def load_report(tmp_path):
    def load(text):
        path = tmp_path / "report.jsonl"
        path.write_text(text)
        return report.load(path)

    return load


def test_manifest_addresses_are_lower_case(load_manifest):
    assert load_manifest().executor == ADDRESS.lower()


@pytest.mark.parametrize(
    ("text", "floor"), [("5 USD", Floor(Decimal(5), "USD")), ("0.004 native", Floor(Decimal("0.004"), "native"))]
)
def test_manifest_floor_is_an_amount_and_a_unit(load_manifest, text, floor):
    assert load_manifest(min_profit=text).floor == floor


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_profit": "5 EUR"}, "min_profit must look like '5 USD' or '0.004 native', not '5 EUR'"),
        ({"executor": "0x12"}, "$.executor"),
        ({"treasurer": ADDRESS}, "treasurer"),
        ({"deployments": []}, "$.deployments"),
        ({"deployments": [{"name": "aave"}]}, "deployment 1 needs a kind and a name"),
        ({"deployments": [{"kind": "aave_v3", "name": "a"}] * 2}, "two deployments of one name"),
        ({"venues": [{"factory": ADDRESS, "kind": "curve"}]}, "uniswap_v3, uniswap_v2 and erc4626 venues, not 'curve'"),
    ],
)
def test_manifest_bad_field_is_named(load_manifest, changes, message):
    with pytest.raises(RefereeError) as error:
        load_manifest(**changes)

    assert message in str(error.value)


@pytest.mark.parametrize(
    "venue",
    [{}, {"kind": "erc4626"}, {"kind": "erc4626", "factory": ADDRESS, "vaults": [ADDRESS]}, {"vaults": [ADDRESS]}],
)
def test_venue_without_what_its_kind_needs_is_refused(load_manifest, venue):
    with pytest.raises(RefereeError, match=r"has (vaults|a factory), no other"):
        load_manifest(venues=[venue])


def test_venues_of_every_kind_are_taken(load_manifest):
    pairs = {"kind": "uniswap_v2", "factory": ADDRESS, "fee_bps": 25}
    vaults = {"kind": "erc4626", "vaults": [ADDRESS]}
    found = load_manifest(venues=[{"factory": ADDRESS}, pairs, vaults]).venues
    assert [(one.kind, one.fee_bps, one.vaults) for one in found] == [
        ("uniswap_v3", 30, ()),
        ("uniswap_v2", 25, ()),
        ("erc4626", 30, (ADDRESS.lower(),)),
    ]


def test_deployment_facts_are_lower_case(load_manifest):
    (deployment,) = load_manifest().deployments

    assert deployment.addresses("addresses_provider") == (ADDRESS.lower(),)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({}, "a aave_v3 has addresses_provider, not -"),
        ({"addresses_provider": ADDRESS, "pool": ADDRESS}, "has addresses_provider, not addresses_provider, pool"),
        ({"addresses_provider": "0x12"}, "addresses_provider is no address: '0x12'"),
    ],
)
def test_deployment_with_other_facts_is_refused(load_manifest, facts, message):
    (deployment,) = load_manifest(deployments=[{"kind": "aave_v3", "name": "aave", **facts}]).deployments

    with pytest.raises(RefereeError) as error:
        deployment.addresses("addresses_provider")

    assert message in str(error.value)


def test_report_lines_and_document_read_the_same(load_report):
    landed = {"position": f"aave:{ADDRESS}", "status": "landed", "repaid": "12", "tx_hash": "0xAB"}
    declined = {"position": ADDRESS, "reason": "below_min_profit"}
    lines = load_report(json.dumps(landed) + "\n\n" + json.dumps(declined) + "\n")
    document = load_report(json.dumps({"outcomes": [landed], "declined": [declined], "seconds": {}}, indent=1))

    assert [(row.subject.position, row.status, row.repaid, row.tx_hash, row.reason) for row in lines] == [
        (ADDRESS.lower(), "landed", 12, "0xab", None),
        (ADDRESS.lower(), "declined", None, None, "below_min_profit"),
    ]
    assert [(row.subject, row.status, row.repaid) for row in document] == [
        (row.subject, row.status, row.repaid) for row in lines
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "report.jsonl:1: "),
        ('{"position": "nobody"}', "report.jsonl:1: position names no address"),
        (json.dumps({"position": ADDRESS, "repaid": "1.5"}), "report.jsonl:1: "),
        (json.dumps({"position": ADDRESS, "repaid": 1.5}), "$.repaid"),
    ],
)
def test_report_bad_line_is_named(load_report, line, message):
    with pytest.raises(RefereeError) as error:
        load_report(line)

    assert message in str(error.value)


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        pytest.param(f"0x{'12' * 32}{ADDRESS[2:]}", f"0x{'12' * 32}{ADDRESS[2:].lower()}", id="market and borrower"),
        pytest.param(None, "", id="nobody's"),
    ],
)
def test_report_position_is_a_whole_key_of_its_deployment(load_report, position, expected):
    (row,) = load_report(json.dumps({"deployment": "morpho", "position": position}))

    assert row.subject == ("morpho", expected)


def test_report_empty_has_no_rows(load_report):
    assert load_report("") == []


def test_rpc_url_is_not_repeated_when_it_is_refused():
    with pytest.raises(RefereeError) as error:
        Rpc("wss://user:secret@example.org")

    assert "secret" not in str(error.value)


def test_sizes_run_from_a_millionth_to_all_and_the_maximum():
    listed = sizes(10**12)

    assert len(listed) == COUNT == 20
    assert (listed[0], listed[-2], listed[-1]) == (10**6, 10**12, 2**256 - 1)
    assert 10**12 // 2 in listed


def test_sizes_of_a_debt_of_one_unit_are_that_and_the_maximum():
    assert sizes(1) == (1, 2**256 - 1)
