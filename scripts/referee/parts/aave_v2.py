"""Aave V2 and its forks: priced in ether more often than not, so that the manifest's feeds say what profit is worth."""

from referee.chain import View
from referee.manifest import Deployment
from referee.parts.aave import Aave, Version, open_aave
from referee.probe import AAVE_V2

KIND = "aave_v2"
VERSION = Version(
    pool="getLendingPool()",
    borrow="Borrow(address,address,address,uint256,uint256,uint256,uint16)",
    loan_kind=AAVE_V2,
    a_token=7,
    dollars=False,
)


def open_part(view: View, deployment: Deployment) -> Aave:
    """Read a deployment."""
    return open_aave(view, deployment, VERSION)
