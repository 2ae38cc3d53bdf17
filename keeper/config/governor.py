"""The `[governor]` table: what the keeper may spend and lose before it stops, whatever a strategy believes."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, StrictInt

from keeper.config.adapters import Section
from keeper.config.values import ConfigPath, Money, MoneyText, MoneyUnit
from keeper.units import USD, WAD


def _native(money: Money) -> Money:
    if money.unit is not MoneyUnit.NATIVE:
        raise ValueError('gas is paid in the chain\'s own token: write "1 native"')

    return money


def _dollars(money: Money) -> Money:
    if money.unit is not MoneyUnit.USD:
        raise ValueError('profit and loss are counted in dollars: write "100 USD"')

    return money


GasMoney: TypeAlias = Annotated[MoneyText, AfterValidator(_native)]
DollarMoney: TypeAlias = Annotated[MoneyText, AfterValidator(_dollars)]


class GovernorConfig(Section):
    """`[governor]`: limits on what really happened; a live run obeys them, and so does its signer."""

    gas_budget_per_day: GasMoney = Money(WAD, MoneyUnit.NATIVE)
    """Gas of a day, spent or at stake in flight: "1 native" is a hundred liquidations at 15 gwei, and no disaster."""
    max_loss_per_day: DollarMoney = Money(100 * USD, MoneyUnit.USD)
    """What realised profits less gas may lose in a day, then nothing is planned for a day; "100 USD" is some misses."""
    max_drawdown: DollarMoney = Money(250 * USD, MoneyUnit.USD)
    """How far realised profits less gas may fall from their peak of a week, then nothing goes on before `resume`."""
    max_consecutive_reverts: Annotated[StrictInt, Field(ge=1, le=1_000)] = 5
    """Blocks in a row in which something reverted and nothing landed, misses aside; 5 is more than bad luck."""
    revert_hold_s: Annotated[StrictInt, Field(ge=1, le=30 * 86_400)] = 3_600
    """For how long, in seconds; an hour is enough for a market to change and for somebody to look."""
    max_transactions_per_minute: Annotated[StrictInt, Field(ge=1, le=100_000)] = 120
    """Transactions of a minute, replacements and cancels included; 120 is more than any busy day, and ends a loop."""
    cooldown_s: Annotated[StrictInt, Field(ge=0, le=86_400)] = 60
    """Seconds a position is left alone after a transaction for it reverted; 60 is five of Ethereum's blocks."""
    signing_budget_per_day: GasMoney = Money(20 * WAD, MoneyUnit.NATIVE)
    """What the signer lets out in a day, each transaction at its worst (all its gas, full fee): far above cost."""
    switch_file: ConfigPath | None = None
    """The file `keeper pause`, `resume` and `kill` write; beside the journal (`keeper.db.switch`) when left out."""
