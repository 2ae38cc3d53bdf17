"""What tokens revert with, in words: the custom errors of ERC-20s, which pass through whatever moves them.

Sources: IERC20Errors of ERC-6093, SafeERC20, Address and Errors of OpenZeppelin contracts 5; the names others chose for
the same.
"""

from collections.abc import Mapping
from typing import Final

TOKEN_MEANINGS: Final[Mapping[str, str]] = {
    "ERC20InsufficientBalance(address,uint256,uint256)": "token: {0} has {1} base units, {2} are needed",
    "ERC20InsufficientAllowance(address,uint256,uint256)": "token: {0} may take {1} base units, {2} are needed",
    "ERC20InvalidSender(address)": "token: {0} cannot send",
    "ERC20InvalidReceiver(address)": "token: {0} cannot receive",
    "ERC20InvalidApprover(address)": "token: {0} cannot allow anything",
    "ERC20InvalidSpender(address)": "token: {0} cannot be allowed anything",
    "SafeERC20FailedOperation(address)": "token {0}: the operation failed",
    "AddressEmptyCode(address)": "{0} has no code (called as a token)",
    "FailedCall()": "a call failed without a reason",
    "InsufficientBalance(uint256,uint256)": "the balance is {0} wei, {1} are needed",
    "InsufficientBalance(address,uint256,uint256)": "token: {0} has {1} base units, {2} are needed",
    "InsufficientAllowance(address,uint256,uint256)": "token: {0} may take {1} base units, {2} are needed",
}
