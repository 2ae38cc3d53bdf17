"""Aave V3 and its forks, of any release: their loans are simple ones, their prices dollars."""

from referee.chain import View
from referee.errors import RefereeError
from referee.manifest import Deployment
from referee.parts.aave import Aave, Version, open_aave
from referee.probe import AAVE_V3

KIND = "aave_v3"
VERSION = Version(
    pool="getPool()",
    borrow="Borrow(address,address,address,uint256,uint8,uint256,uint16)",
    loan_kind=AAVE_V3,
    a_token=8,
    dollars=True,
)


def open_part(view: View, deployment: Deployment) -> Aave:
    """Read a deployment; raises RefereeError where it does not price in US dollars."""
    aave = open_aave(view, deployment, VERSION)

    if not aave.prices_in_dollars(view):
        message = f"the oracle {aave.oracle} does not price in USD"
        raise RefereeError(message)

    return aave
