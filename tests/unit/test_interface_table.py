"""The table of docs/architecture.md against the code: which adapter uses what, and why where it is one alone."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTOCOLS = ROOT / "keeper" / "protocols"
SHARED = {"aave_v2": "aave", "aave_v3": "aave"}
"""Folders whose code is an adapter's as well."""
SIGNS = {
    "kind `SEIZE`": r"OfferKind\.SEIZE",
    "kind `SALE`": r"OfferKind\.SALE",
    "kind `ASSUME`": r"OfferKind\.ASSUME",
    "kind `TRIGGER`": r"OfferKind\.TRIGGER",
    "`MAX_UINT256` as a size": r"\(\(?MAX_UINT256, MAX_UINT256\)",
    "`Offer.prelude`": r"\bprelude=",
    "`Offer.calls_back`": r"\bcalls_back=",
    "`Offer.free`": r"\bfree=True",
    "`Offer.gas`": r"\bgas=",
    "`GuardedCall.callback`": r"\bCallback\(",
    "`GuardedCall.ensures`": r"\bEnsure\(",
    "`GuardedCall.gains`": r"\bGain\(",
    "`GuardedCall.right`": r"\bRight\(",
    "`EXECUTOR`": r"\bimport [^\n]*\bEXECUTOR\b",
    "`Permission.payable`": r"\bpayable=",
    "`Applied.new_sources`": r"\bnew_sources\b",
    "`Health.base_token`": r"\bbase_token=",
    "`TokenPrice.quote`": r"\bquote=",
    "`LenderModel`": r"\bdef lenders\(",
    "`CureModel`": r"\bdef levers\(",
}
"""What in an adapter's source shows that it uses something."""


def adapters():
    return {place.parent.name for place in PROTOCOLS.glob("*/facets.py")}


def source(adapter):
    folders = {adapter, SHARED.get(adapter, adapter)}
    return "\n".join(file.read_text() for folder in folders for file in sorted((PROTOCOLS / folder).glob("*.py")))


def rows():
    """What, and the cell that says who uses it."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text[text.index("| what | means | used by |") :].split("\n\n")[0]
    return {what.strip(): used for _, what, _, used, _ in (line.split("|") for line in table.splitlines()[2:])}


def test_table_has_a_row_for_everything_that_is_looked_for():
    assert set(rows()) == set(SIGNS)


@pytest.mark.parametrize("what", SIGNS)
def test_row_names_just_the_adapters_that_use_it(what):
    named = set(re.findall(r"[a-z]+_[a-z0-9]+|\bmaker\b", rows()[what].split(" (")[0]))
    assert named == {one for one in adapters() if re.search(SIGNS[what], source(one))}
    assert len(named) > 1 or "**alone**" in rows()[what]
