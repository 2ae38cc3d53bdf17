"""What one table of the configuration says about another: names that must exist, amounts that must make sense.

Pure: the validated configuration in, problems and warnings out. What only the chain can answer (its id, the
executor's owner) is checked where the chain is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from keeper.config.lines import KeyPath
from keeper.config.model import FixedBid, KeeperConfig, KeyConfig, MoneyUnit
from keeper.config.numbers import absurd_numbers, odd_numbers
from keeper.config.problems import Problem, did_you_mean
from keeper.units import USD, WAD

_IMPLAUSIBLE_FLOOR: Final = {MoneyUnit.USD: 1_000_000 * USD, MoneyUnit.NATIVE: 10_000 * WAD}


def check(config: KeeperConfig) -> tuple[Problem, ...]:
    """Find what contradicts itself; any of these refuses the configuration."""
    return (
        *_duplicate_names(config),
        *_unknown_references(config),
        *_implausible_numbers(config),
        *_unclear_keys(config),
        *_unclear_urls(config),
        *absurd_numbers(config),
    )


def warn(config: KeeperConfig) -> tuple[Problem, ...]:
    """Find what is legal and probably not meant."""
    return (*_doubtful(config), *odd_numbers(config))


def not_ready_to_go_live(config: KeeperConfig) -> tuple[Problem, ...]:
    """Find what going live lacks; the same configuration may serve a dry run, or the verbs that set things up."""
    missing = []
    if not config.strategies:
        missing.append(
            Problem(
                ("run", "live"),
                "there is nothing to go live with: no [[strategy]]",
                "a run that only watches sends nothing; leave out --live",
            )
        )

    if config.keys is None:
        missing.append(
            Problem(
                ("run", "live"),
                "going live needs a [keys] table",
                'run "keeper keys new", then name its keystore in [keys]; or leave out --live',
            )
        )

    if config.executor is None:
        missing.append(
            Problem(
                ("run", "live"),
                "going live needs an [executor] table",
                'run "keeper executor deploy", then write its address there; or leave out --live',
            )
        )

    return tuple(missing)


def missing_tables(document: Mapping[str, object]) -> tuple[Problem, ...]:
    """Find what a file lacks: with a strategy it must know what money is, and without one it can only watch."""
    missing = []
    watches_only = "watch" in document and "strategy" not in document
    if "assets" not in document and not watches_only:
        missing.append(Problem(("assets",), "the table is missing", f"assets: {_described('assets')}"))

    if "strategy" not in document and not watches_only:
        hint = "say what to earn with; or add a [watch] table to only watch"
        missing.append(Problem(("strategy",), "the table is missing", hint))

    return tuple(missing)


def _described(field: str) -> str:
    return KeeperConfig.model_fields[field].description or ""


def _unclear_urls(config: KeeperConfig) -> Iterator[Problem]:
    """Find channels without a URL, or with two; and a heartbeat with two."""
    for index, channel in enumerate(config.channels):
        if (channel.url_file is None) == (channel.url_env is None):
            yield Problem(
                ("channel", index), "needs a url_file or a url_env, one of them", "the URL itself is a secret"
            )

    if config.alerts.heartbeat_url_file is not None and config.alerts.heartbeat_url_env is not None:
        yield Problem(
            ("alerts",), "has two places for one heartbeat URL", "keep heartbeat_url_file or heartbeat_url_env"
        )


def _duplicate_names(config: KeeperConfig) -> Iterator[Problem]:
    tables: tuple[tuple[str, Sequence[str]], ...] = (
        ("deployment", [table.name for table in config.deployments]),
        ("venue", [table.name for table in config.venues]),
        ("lender", [table.name for table in config.lenders]),
        ("strategy", [table.name for table in config.strategies]),
        ("channel", [table.name for table in config.channels]),
    )
    for table, names in tables:
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Problem((table, index, "name"), f'"{name}" is taken', f"every [[{table}]] needs its own name")

    markets = [(table.adapter, getattr(table, table.identified_by)) for table in config.deployments]
    for index, market in enumerate(markets):
        if market in markets[:index]:
            twin = config.deployments[markets.index(market)].name
            yield Problem(
                ("deployment", index, config.deployments[index].identified_by),
                f'the same market as "{twin}"',
                "one market may be listed once; let both strategies name it instead",
            )

    yield from _listed_twice(config)


def _listed_twice(config: KeeperConfig) -> Iterator[Problem]:
    """Find one contract under two names: what it holds would be counted twice."""
    contracts: list[tuple[KeyPath, str, object]] = [
        (("venue", index, key), table.name, getattr(table, key))
        for index, table in enumerate(config.venues)
        for key in ("factory", "manager", "wrapper")
        if hasattr(table, key)
    ]
    contracts += [
        (("venue", index, "vaults", position), table.name, vault)
        for index, table in enumerate(config.venues)
        for position, vault in enumerate(getattr(table, "vaults", ()))
    ]
    contracts += [
        (("lender", index, "address"), table.name, ("lender", table.address))
        for index, table in enumerate(config.lenders)
    ]
    contracts += [
        (("venue", index, "kind"), table.name, table.kind)
        for index, table in enumerate(config.venues)
        if table.kind == "wrapped_native"
    ]
    named: dict[object, str] = {}
    for path, name, contract in contracts:
        if contract in named:
            what = {"vaults": "vault", "kind": "exit", "address": "contract"}.get(str(path[2]), str(path[2]))
            yield Problem(path, f'the same {what} as "{named[contract]}"', f"list each {path[0]} once")

        named.setdefault(contract, name)


def _unknown_references(config: KeeperConfig) -> Iterator[Problem]:
    deployments = [table.name for table in config.deployments]
    venues = {name for table in config.venues for name in (table.name, table.kind)}
    for index, strategy in enumerate(config.strategies):
        for position, name in enumerate(strategy.deployments):
            if name not in deployments:
                yield Problem(
                    ("strategy", index, "deployments", position),
                    f'no [[deployment]] is named "{name}"',
                    did_you_mean(name, deployments),
                )

        for position, name in enumerate(strategy.routes):
            if name not in venues:
                yield Problem(
                    ("strategy", index, "routes", position),
                    f'no [[venue]] has the name or kind "{name}"',
                    did_you_mean(name, venues) or "add a [[venue]] table",
                )


def _implausible_numbers(config: KeeperConfig) -> Iterator[Problem]:
    for index, strategy in enumerate(config.strategies):
        if strategy.min_profit.amount > _IMPLAUSIBLE_FLOOR[strategy.min_profit.unit]:
            yield Problem(
                ("strategy", index, "min_profit"),
                f"{strategy.min_profit} is more than any liquidation pays",
                'write whole units, not wei: "5 USD" is five dollars',
            )

        if isinstance(strategy.bid, FixedBid) and strategy.bid.tip_wei > strategy.bid.max_fee_per_gas_wei:
            yield Problem(
                ("strategy", index, "bid", "tip_wei"),
                "the tip is above max_fee_per_gas_wei",
                "no transaction could carry it: lower the tip or raise the cap",
            )

    if config.chain.native_usd == config.chain.wrapped_native:
        yield Problem(
            ("chain", "native_usd"),
            "the same address as wrapped_native",
            "native_usd is a price feed (it answers latestRoundData), not a token",
        )


def _unclear_keys(config: KeeperConfig) -> Iterator[Problem]:
    tables: list[tuple[KeyPath, KeyConfig]] = [(("lane", index), lane) for index, lane in enumerate(config.lanes)]
    if config.keys is not None:
        tables.insert(0, (("keys",), config.keys))
    elif config.lanes:
        yield Problem(("lane", 0), "more keys, but no first one", "name the first operator key in [keys]")

    for path, key in tables:
        yield from _unclear_key(path, key)

    named: dict[object, KeyPath] = {}
    for path, key in tables:
        for what in (key.keystore, key.address):
            if what is not None and named.setdefault(what, path) != path:
                yield Problem(path, "the same key as another table's", "every lane needs a key of its own")


def _unclear_key(path: KeyPath, key: KeyConfig) -> Iterator[Problem]:
    if (key.keystore is None) == (key.signer is None):
        yield Problem(path, "needs a keystore or a signer, one of them", 'see "keeper keys new" and "keeper signer"')

    if key.signer is not None and key.address is None:
        yield Problem((*path, "signer"), "whose key it is is not said", "write its address beside it")

    if key.signer is not None and key.signer.scheme not in ("http", "https", "ipc"):
        yield Problem((*path, "signer"), "not a way to a signer", "ipc:///path/to/socket, or http(s):// for web3signer")

    if key.passphrase_file is not None and key.passphrase_credential is not None:
        yield Problem((*path, "passphrase_credential"), "beside passphrase_file", "name one of them")


def _doubtful(config: KeeperConfig) -> Iterator[Problem]:
    used = {name for strategy in config.strategies for name in strategy.deployments}
    for index, deployment in enumerate(config.deployments):
        if deployment.name not in used and config.strategies:
            yield Problem(
                ("deployment", index, "name"),
                f'no strategy works on "{deployment.name}"',
                "it is followed and reported, never liquidated",
            )

    for index, strategy in enumerate(config.strategies):
        if strategy.min_profit.amount == 0:
            yield Problem(
                ("strategy", index, "min_profit"),
                "zero, after gas",
                "a failed attempt still costs gas: ask for at least what one costs",
            )

    if not config.venues:
        yield Problem(("venue",), "none listed", "collateral cannot be sold: hardly anything will pay")

    if len(set(config.assets.trusted)) != len(config.assets.trusted):
        yield Problem(("assets", "trusted"), "the same token twice", "harmless; remove one")
