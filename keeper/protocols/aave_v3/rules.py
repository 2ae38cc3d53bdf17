"""Which rules a pool follows: one frozen value per protocol version, chosen by the pool's own revision number.

Everything else in this package asks these fields and never a version number, so a fork that mixes rules is one more
value here. Spark and other forks of the first release follow 3.0, or 3.0 with the roundings of 3.5 under the same
revision number: which of the two, the tokens' own totals tell.
"""

from dataclasses import dataclass, replace
from typing import Final

from keeper.errors import StateError
from keeper.types import Address, to_checksum


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between versions, each field named by what is true in the newer one."""

    version: str
    grace_period: bool
    """3.1+: a reserve that was just unpaused cannot be liquidated for a while; pools keep a virtual balance."""
    virtual_flag: bool
    """3.1 to 3.3: a reserve without the virtual accounting bit mints its debt itself and discounts it per user."""
    emode_bitmap: bool
    """3.2+: an eMode lists its collaterals; before, a reserve named its one category and stable debt could exist."""
    size_rules: bool
    """3.3+: close factor on the whole debt, minimum sizes, leftovers, bad debt burned."""
    taylor_interest: bool
    """3.4+: compounded interest as nested products; before, as a binomial series over seconds."""
    rounding_untold: bool
    """3.0: forks changed the rounding and kept the revision number, so the tokens' totals are compared with both."""
    directed_rounding: bool
    """3.5+: supply rounds down and debt up, health keeps full precision; before, everything rounds half up."""
    directed_payments: bool
    """3.5+: what the liquidator pays for all of a collateral, and for a flash loan, rounds up; before, half up."""
    events_tell_balances: bool
    """3.5+: balance events tell the difference of two rounded balances; before, the amount that was asked for."""
    zero_threshold_counts: bool
    """3.6+: a flagged collateral counts, and can be seized, even where its own threshold is zero."""
    sentinel: bool
    """Up to 3.6: a price oracle sentinel may forbid liquidations above a health of 0.95."""
    directed_seizure: bool
    """3.7+: seized collateral rounds down and the protocol's fee up; before, half up."""


def _rules(minor: int) -> Rules:
    return Rules(
        version=f"3.{minor}",
        grace_period=minor >= 1,
        virtual_flag=1 <= minor <= 3,
        emode_bitmap=minor >= 2,
        size_rules=minor >= 3,
        taylor_interest=minor >= 4,
        rounding_untold=minor == 0,
        directed_rounding=minor >= 5,
        directed_payments=minor >= 5,
        events_tell_balances=minor >= 5,
        zero_threshold_counts=minor >= 6,
        sentinel=minor <= 6,
        directed_seizure=minor >= 7,
    )


PLAIN_30: Final = _rules(0)
"""The first release: everything rounds half up."""
DIRECTED_30: Final = replace(PLAIN_30, version="3.0, rounded as in 3.5", directed_rounding=True)
"""SparkLend's port of 3.5's token and health arithmetic (TokenMath, GenericLogic); seizures and events are 3.0's."""
BY_REVISION: Final = {
    1: PLAIN_30,
    2: PLAIN_30,
    3: PLAIN_30,
    4: _rules(1),
    5: _rules(2),
    6: _rules(2),
    7: _rules(3),
    8: _rules(4),
    9: _rules(5),
    10: _rules(6),
    11: _rules(7),
}
"""Rules by `POOL_REVISION()` of the pool's implementation; only an upgrade by governance changes it."""


def rules_of(revision: int, pool: Address) -> Rules:
    """Choose the rules of a pool; `StateError` for a revision nobody has written rules for."""
    rules = BY_REVISION.get(revision)
    if rules is None:
        newest = max(BY_REVISION)
        raise StateError(
            f"the pool at {to_checksum(pool)} has revision {revision}, whose liquidation rules this keeper does not "
            f"know (newest known: {newest}, Aave {BY_REVISION[newest].version}); upgrade the keeper or remove the "
            "deployment",
            revision=revision,
        )

    return rules
