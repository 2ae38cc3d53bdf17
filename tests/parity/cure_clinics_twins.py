"""Clinics on the twins of protocols whose contracts cannot be had: our own code that answers like theirs."""

from keeper.protocols.cures import Action
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.maker import compile_maker
from keeper.types import Address, Call, PositionKey
from keeper.units import MAX_UINT256, WAD
from tests.parity import compound_v3_cases, dydx_perpetual_cases, maker_cases, maker_twin_cases
from tests.parity.compound_v3_lab import TARGET_S
from tests.parity.compound_v3_lab import USER as COMET_USER
from tests.parity.cure_clinic import Clinic, encoded, patient_of, words
from tests.parity.dydx_perpetual_lab import Lab as DydxTwins
from tests.parity.maker_twin_lab import OWNER as MAKER_OWNER
from tests.parity.maker_twin_lab import MakerTwinLab
from tests.parity.test_maker_parity import Parity as MakerParity
from tests.parity.twin_chain import mapped
from tests.parity.twin_comet_lab import ALLOWANCES
from tests.parity.twin_dydx_lab import OUTSIDER, TOKENS


class CompoundV3Clinic(Clinic):
    """On the twin of Comet: the user supplies or repays and accrues; debt and cover by what the twin then stores."""

    def close(self):
        self.lab.stop()

    def draw(self, rng):
        state = compound_v3_cases.draw(self.lab, rng, "healthy")
        adapter = self.lab.adapters[state["market"]]
        return state, patient_of(adapter, PositionKey(COMET_USER), self.lab.observed(state))

    def health(self, state, lever, amount):
        name = state["market"]
        market, constants = self.lab.markets[name], self.lab.constants(name)
        comet = Address(market.twin)
        (user,) = [one for one in state["accounts"] if one["id"] == "u0"]
        held = [int(offset) for offset in user["collateral"]]
        calls = [
            Call(comet, encoded("supply(address,uint256)", (lever.token, amount))),
            Call(comet, encoded("accrueAccount(address)", (COMET_USER,))),
            Call(comet, encoded("totalsBasic()", ())),
            Call(comet, encoded("userBasic(address)", (COMET_USER,))),
            *(
                Call(comet, encoded("userCollateral(address,address)", (COMET_USER, market.assets[at][0])))
                for at in held
            ),
        ]
        answers = self.lab.run(self.lab.staged(state, TARGET_S), [(COMET_USER, call) for call in calls])
        if not answers[0][0].ok:
            return None

        totals, basic, *found = (words(said.data) for said, _ in answers[2:])
        principal = basic[0] - 2**256 * (basic[0] >> 255)
        price, scale = state["basePrice"], int(constants["baseScale"])
        debt = -principal * totals[1] // 10**15 * price // scale
        cover = 0
        for at, (amount_held, *_) in zip(held, found, strict=True):
            asset = constants["assets"][at]
            value = amount_held * int(state["assets"][str(at)]["price"]) // int(asset["scale"])
            cover += value * int(asset["liquidateCollateralFactor"]) // WAD

        return cover * WAD // debt if principal < 0 and debt else MAX_UINT256


class MakerClinic(Clinic):
    """On the twin of Maker: the owner locks collateral or pays debt by a frob; then the vault as the Vat has it."""

    def __init__(self, anvil, packages):
        self.anvil = anvil
        self.chain = LocalChain(anvil.__enter__().url)
        super().__init__(MakerTwinLab(self.chain, compile_maker(packages)))
        self.parity = MakerParity(self.lab)

    def close(self):
        self.chain.close()
        self.anvil.__exit__(None, None, None)

    def draw(self, rng):
        case = maker_cases.bark(rng, "healthy")
        return case, patient_of(self.parity.adapter, self.parity.key(case), self.parity.market(case))

    def health(self, case, lever, amount):
        vat, key = self.lab.maker.vat, self.lab.key
        script = maker_twin_cases.write_bark(self.lab, {"state": case.state, "call": case.call})
        script.asked.clear()
        dink = dart = 0
        if lever.action is Action.DEPOSIT:
            dink = amount * 10 ** (18 - case.decimals)
            script.set(vat, "slip(bytes32,address,int256)", key, MAKER_OWNER, dink)
        else:
            dart = -min(amount * 10**27 // case.state["rate"], case.state["art"])
            script.set(vat, "suck(address,address,uint256)", self.lab.maker.vow, MAKER_OWNER, amount * 10**27)

        owner = (MAKER_OWNER,) * 3
        script.ask("call", vat, maker_twin_cases.FROB, key, *owner, dink, dart, sender=MAKER_OWNER)
        script.ask("urn", vat, maker_twin_cases.VAT_URN, key, MAKER_OWNER)
        script.ask("ilk", vat, maker_twin_cases.VAT_ILK, key)
        (heard,) = self.lab.play([script])
        if not heard["call"].ok:
            return None

        (ink, art), (_, rate, spot, *_) = heard["urn"].values, heard["ilk"].values
        return ink * spot * WAD // (art * rate) if art else MAX_UINT256


class DydxLab(DydxTwins):
    """The twins, and an outsider with money of its own to deposit for others."""

    def _words(self, case):
        words = super()._words(case)
        words[self.token] |= {
            mapped(TOKENS, OUTSIDER): 10**36,
            mapped(ALLOWANCES, OUTSIDER, self.perpetual): MAX_UINT256,
        }
        return words


class DydxPerpetualClinic(Clinic):
    """On the twin of the perpetual: somebody else deposits, which settles funding; then what the account is worth."""

    def close(self):
        self.lab.stop()

    def draw(self, rng):
        while True:
            case = dydx_perpetual_cases.draw(rng)
            adapter, market = self.lab.read(case)
            patient = patient_of(adapter, PositionKey(bytes(case.maker)), market)
            factor = patient.factor(market)
            if factor not in (None, MAX_UINT256) and factor > 0 and not case.closed:
                return case, patient

    def health(self, case, lever, amount):
        assert lever.action is Action.DEPOSIT
        calls = [
            Call(self.lab.perpetual, encoded("deposit(address,uint256)", (case.maker, amount))),
            Call(self.lab.perpetual, encoded("getAccountBalance(address)", (case.maker,))),
        ]
        (done, said), _ = self.lab._simulate(case, case.timestamp, calls)
        if not done.ok:
            return None

        margin_up, position_up, margin, position = words(said.data)
        worth = [(margin * WAD, margin_up), (position * case.price, position_up)]
        positive, negative = (sum(value for value, up in worth if bool(up) is side) for side in (True, False))
        return positive * WAD * WAD // (negative * case.min_collateral) if negative else MAX_UINT256
