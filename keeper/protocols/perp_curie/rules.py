"""What is read of a deployment every block: ratios, windows, funds, and what other tokens count for as collateral."""

from collections.abc import Sequence

from keeper.protocols.perp_curie import abi
from keeper.protocols.perp_curie.account import Account
from keeper.protocols.perp_curie.discovery import answer, mapped
from keeper.protocols.perp_curie.instrument import Intervals
from keeper.protocols.perp_curie.market import Collateral, Contracts, Rules
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, encode, signed, word
from keeper.types import Address, Call, StorageAt


def read_rules(contracts: Contracts) -> Reads[tuple[Rules, Intervals, Account]]:
    """Read ratios, windows, funds, and the insurance fund's account."""
    config, token, vault = contracts.config, contracts.settlement_token, contracts.vault
    fund = contracts.insurance_fund
    getters = (
        abi.GET_IM_RATIO, abi.GET_MM_RATIO, abi.GET_LIQUIDATION_PENALTY_RATIO, abi.GET_TWAP_INTERVAL,
        abi.GET_MARK_PRICE_CONFIG, abi.GET_MAX_FUNDING_RATE, abi.GET_SETTLEMENT_TOKEN_BALANCE_CAP,
    )  # fmt: skip
    answers = yield from ask(
        *(Call(config, encode(getter)) for getter in getters),
        Call(contracts.clearing_house, encode(abi.PAUSED)),
        Call(vault, encode(abi.PAUSED)),
        Call(token, encode(abi.BALANCE_OF, vault)),
        Call(token, encode(abi.BALANCE_OF, fund)),
        Call(vault, encode(abi.GET_BALANCE_BY_TOKEN, fund, token)),
        StorageAt(contracts.account_balance, mapped(fund, abi.OWED_REALIZED_PNL_SLOT)),
    )
    data = [answer(a, "a parameter", config) for a in answers]
    numbers = [word(one, 0) for one in data]
    rules = Rules(
        im_ratio=numbers[0],
        mm_ratio=numbers[1],
        penalty_ratio=numbers[2],
        balance_cap=numbers[6],
        vault_tokens=numbers[9],
        insurance_tokens=numbers[10],
        paused=bool(numbers[7] or numbers[8]),
    )
    intervals = Intervals(numbers[3], numbers[4], word(data[4], 1), numbers[5])
    return rules, intervals, Account(balance=signed(numbers[11]), owed=signed(numbers[12]))


def read_collaterals(
    contracts: Contracts, tokens: Sequence[Address], interval_s: int
) -> Reads[dict[Address, Collateral]]:
    """Read what other tokens count for; one whose feed does not answer has no price."""
    manager = contracts.collateral_manager
    asked = []
    for token in tokens:
        asked += [
            Call(manager, encode(abi.GET_COLLATERAL_CONFIG, token)),
            Call(manager, encode(abi.GET_COLLATERAL_PRICE, token, interval_s)),
            Call(manager, encode(abi.GET_PRICE_FEED_DECIMALS, token)),
            Call(token, encode(abi.DECIMALS)),
        ]

    answers = yield from ask(*asked)
    found = {}
    for i, token in enumerate(tokens):
        config, price, price_decimals, decimals = answers[4 * i : 4 * i + 4]
        known = all(one.ok and len(one.data) == WORD for one in (price, price_decimals, decimals))
        found[token] = Collateral(
            decimals=word(decimals.data, 0) if known else 18,
            price=word(price.data, 0) or None if known else None,
            price_decimals=word(price_decimals.data, 0) if known else 0,
            ratio=word(answer(config, "getCollateralConfig", manager), 1),
        )

    return found
