"""Shares are worth to us what the vault itself says and pays: with fees, finer shares, gains and money lent out."""

import random

import pytest

from keeper.routing.conversion_sync import ConversionSync, Erc4626Exits
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.node import NodeError
from keeper.sandbox.vaults import Terms, deploy_vault, deposit, earn
from tests.fakes.heads import head
from tests.fakes.reads import drive_rounds
from tests.parity.node_answers import answers

pytestmark = pytest.mark.anvil

PREVIEW = "previewRedeem(uint256)(uint256)"
REDEEM = "redeem(uint256,address,address)(uint256)"
VAULTS = (
    ("USDC", Terms()),
    ("USDC", Terms(finer=12)),
    ("WETH", Terms(finer=3, exit_fee_bps=25, fee_on_paid=True)),
    ("WBTC", Terms(exit_fee_bps=100)),
    ("GUSD", Terms(finer=16)),
    ("DAI", Terms(exit_fee_bps=1, fee_on_paid=True)),
)


class VaultLab:
    def __init__(self, scene, seed):
        self.chain = scene.chain
        chance = random.Random(f"vaults {seed}")
        own = compile_own(scene.packages, "sandbox")
        self.assets = {}
        for symbol, terms in VAULTS:
            asset = scene.asset(symbol)
            vault = deploy_vault(self.chain, own, asset, terms)
            deposit(self.chain, vault, asset, self.chain.account, asset.worth(10 ** chance.uniform(3, 7)))
            earn(self.chain, vault, asset, asset.worth(10 ** chance.uniform(0, 4)) + chance.randrange(1, 99))
            self.assets[vault] = asset

        self.sync = ConversionSync(Erc4626Exits(tuple(self.assets)))
        drive_rounds(self.sync.bootstrap(head(1)), self.answers)

    def answers(self, requests):
        return answers(self.chain, requests)

    def exits(self):
        drive_rounds(self.sync.observe(head(1)), self.answers)
        return self.sync.pools()


@pytest.fixture(scope="module")
def lab(running_scene, random_seed):
    with running_scene.chain.undone():
        yield VaultLab(running_scene, random_seed)


def test_every_vault_is_understood_without_a_margin(lab):
    exits = lab.exits()

    assert {one.address for one in exits} == set(lab.assets)
    assert {one.rate.margin for one in exits} == {0}


def test_quotes_equal_the_vaults_previews(lab, random_seed):
    _compare(lab, random_seed, 200)


@pytest.mark.full
def test_ten_thousand_quotes_equal_the_vaults_previews(lab, random_seed):
    _compare(lab, random_seed, 10_000)


def test_redeeming_pays_what_was_quoted(lab, random_seed):
    chance = random.Random(random_seed)
    with lab.chain.undone():
        for one in lab.exits():
            share, asset = one.tokens
            held = lab.chain.call(share, "balanceOf(address)(uint256)", lab.chain.account)
            amount = int(held * chance.uniform(0.01, 0.4))
            quoted = one.quote_in(share, amount)
            before = lab.chain.call(asset, "balanceOf(address)(uint256)", lab.chain.account)

            lab.chain.send(one.address, REDEEM, amount, lab.chain.account, lab.chain.account)

            after = lab.chain.call(asset, "balanceOf(address)(uint256)", lab.chain.account)
            assert after - before == quoted.amount_out


def test_what_is_lent_out_cannot_be_redeemed(lab):
    with lab.chain.undone():
        one = lab.exits()[0]
        share, asset = one.tokens
        idle = lab.chain.call(asset, "balanceOf(address)(uint256)", one.address)
        lab.chain.send(one.address, "lend(address,uint256)", lab.chain.accounts[5], idle * 3 // 4)

        one = lab.exits()[0]

        assert one.rate.out(one.limit) == idle - idle * 3 // 4  # all that is there, and not a unit more
        assert one.quote_in(share, one.limit + 1) is None
        account = lab.chain.account
        assert lab.chain.call(one.address, REDEEM, one.limit, account, account) == idle - idle * 3 // 4
        with pytest.raises(NodeError):
            lab.chain.call(one.address, REDEEM, one.limit * 101 // 100, account, account)


def _compare(lab, seed, count):
    chance = random.Random(seed)
    exits = lab.exits()
    asked = [(one := chance.choice(exits), int(one.limit * 10 ** chance.uniform(-9, 0)) or 1) for _ in range(count)]
    theirs = lab.chain.call_many([(one.address, PREVIEW, amount) for one, amount in asked])
    given = 0
    for (one, amount), preview in zip(asked, theirs, strict=True):
        quote = one.quote_in(one.tokens[0], amount)
        assert (quote.amount_out if quote is not None else 0) == preview
        given += preview > 0

    assert given > count // 2
