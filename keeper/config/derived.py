"""What other layers take from a configuration, in their own values; light, for verbs that must start fast."""

from pathlib import Path

from keeper.config.model import GovernorConfig, KeeperConfig
from keeper.execution.thresholds import Thresholds
from keeper.journal.place import Place, PostgresPlace
from keeper.margin.state import DEFAULT_MARGIN_CALL_WAD


def place_of(config: KeeperConfig) -> Place:
    """Where journals are kept: the file of `[run] journal`, or the database of `[run] postgres`."""
    url = config.run.postgres
    return config.run.journal if url is None else PostgresPlace(url.reveal(), str(url), config.run.lease_s)


def switch_path(config: KeeperConfig) -> Path:
    """Where the operator's switch is: as configured, or beside the live journal."""
    journal = config.run.journal
    return config.governor.switch_file or journal.with_name(journal.name + ".switch")


def thresholds(config: GovernorConfig) -> Thresholds:
    """Take the governor's numbers out of its table."""
    return Thresholds(
        gas_budget_wei=config.gas_budget_per_day.amount,
        max_loss_usd=config.max_loss_per_day.amount,
        max_drawdown_usd=config.max_drawdown.amount,
        max_reverts=config.max_consecutive_reverts,
        revert_hold_s=config.revert_hold_s,
        max_per_minute=config.max_transactions_per_minute,
        cooldown_s=config.cooldown_s,
    )


def watchlist_path(config: KeeperConfig) -> Path:
    """Where the watchlist is: as configured, or beside the live journal."""
    named = None if config.watch is None else config.watch.watchlist
    return named or config.run.journal.with_name(config.run.journal.name + ".watchlist")


def margin_call_wad(config: KeeperConfig, deployment: str) -> int:
    """Health below which a deployment's positions are watched: its own word, else its strategies' widest, else ours."""
    for table in config.deployments:
        if table.name == deployment and table.margin_call_health_wad is not None:
            return table.margin_call_health_wad

    said = [s.margin_call_health_wad for s in config.strategies if deployment in s.deployments]
    plain = DEFAULT_MARGIN_CALL_WAD if config.watch is None else config.watch.margin_call_health_wad
    return max(said, default=plain)
