"""Clinics on the protocols' own contracts: a deposit or a repayment made there, and the health they then tell."""

from keeper.protocols.cures import Action
from keeper.types import Call, PositionKey
from keeper.units import MAX_UINT256, WAD
from tests.parity import (
    aave_v2_cases,
    aave_v3_cases,
    compound_v2_cases,
    morpho_blue_cases,
    perp_curie_cases,
)
from tests.parity.aave_v3_lab import KEY, LIQUIDATOR, USER, WALLET, account_data_call
from tests.parity.cure_clinic import Clinic, encoded, patient_of, words

PARAMS = "(address,address,address,address,uint256)"


class AaveV3Clinic(Clinic):
    """Somebody else supplies, or repays, on the user's behalf; the pool then says the health."""

    cases = aave_v3_cases

    def draw(self, rng):
        case = self.cases.draw(self.lab, rng, "margin_call")
        return case, patient_of(self.lab.adapter, KEY, self.lab.market(case))

    def health(self, case, lever, amount):
        pool, asset = self.lab.aave.pool, lever.token
        calls = {
            Action.DEPOSIT: ("supply(address,uint256,address,uint16)", (asset, amount, USER, 0)),
            Action.REPAY: ("repay(address,uint256,uint256,address)", (asset, amount, 2, USER)),
        }
        return self._after(case, Call(pool, encoded(*calls[lever.action])))

    def _after(self, case, call):
        (done, _, _), (said, data, _) = self.lab.simulate(
            case, [(LIQUIDATOR, call), (USER, account_data_call(self.lab))]
        )
        assert said
        return words(data)[5] if done else None


class AaveV2Clinic(AaveV3Clinic):
    """The same on the release before, where a debt has one of two rates."""

    cases = aave_v2_cases

    def health(self, case, lever, amount):
        pool, asset = self.lab.aave.pool, lever.token
        places = self.lab.base.roster.places[asset]
        mode = 2 if any(place in places for place, _ in case.account.borrowed) else 1
        calls = {
            Action.DEPOSIT: ("deposit(address,uint256,address,uint16)", (asset, amount, USER, 0)),
            Action.REPAY: ("repay(address,uint256,uint256,address)", (asset, amount, mode, USER)),
        }
        return self._after(case, Call(pool, encoded(*calls[lever.action])))


class CompoundV2Clinic(Clinic):
    """For each pair in turn the pair's two markets accrue after the cure; the worst of what is then said counts."""

    def draw(self, rng):
        case = compound_v2_cases.draw(self.lab, rng, "margin_call")
        return case, patient_of(self.lab.adapter, KEY, self.lab.market_of(case))

    def health(self, case, lever, amount):
        account, tokens = case.account, self.lab.base.tokens
        debts = [loan.place for loan in account.borrowed]
        if lever.action is Action.DEPOSIT:
            held = [place for place, _ in account.held if account.has_entered(place)]
            (place,) = [at for at in held if tokens[at].listing.underlying == lever.token]
            data = encoded("mintBehalf(address,uint256)", (USER, amount))
        else:
            (place,) = [at for at in debts if tokens[at].listing.underlying == lever.token]
            data = encoded("repayBorrowBehalf(address,uint256)", (USER, amount))

        call = Call(tokens[place].listing.token, data)
        found = [self._after(case, call, pair) for pair in ((c, d) for d in debts for c, _ in account.held)]
        return None if None in found else min(found)

    def _after(self, case, call, pair):
        accrue = [Call(self.lab.base.tokens[at].listing.token, encoded("accrueInterest()", ())) for at in pair]
        owed = [self.lab.base.tokens[loan.place].listing.token for loan in case.account.borrowed]
        questions = [
            *(Call(token, encoded("borrowBalanceStored(address)", (USER,))) for token in owed),
            *(Call(self.lab.base.contracts.oracle, encoded("getUnderlyingPrice(address)", (token,))) for token in owed),
            Call(self.lab.comptroller, encoded("getAccountLiquidity(address)", (USER,))),
        ]
        answers = self.lab.simulate(case, [(LIQUIDATOR, each) for each in (call, *accrue, *questions)])
        ok, data, _ = answers[0]
        if not ok or any(data):  # an error code, with no revert, is a refusal too
            return None

        numbers = [words(data) for _, data, _ in answers[3:]]
        balances, prices = numbers[: len(owed)], numbers[len(owed) : 2 * len(owed)]
        required = sum(b[0] * p[0] // WAD for b, p in zip(balances, prices, strict=True))
        _, liquidity, shortfall = numbers[-1]
        return (required + liquidity - shortfall) * WAD // required if required else MAX_UINT256


class MorphoBlueClinic(Clinic):
    """The market and the position as the contract then stores them, by its own formula of health."""

    def __init__(self, lab):
        super().__init__(lab)
        morpho = lab.morpho
        self.wallet = lab.slot(lab.collateral, "balanceOf(address)", LIQUIDATOR)
        self.allowed = lab.slot(lab.collateral, "allowance(address,address)", LIQUIDATOR, morpho)

    def draw(self, rng):
        case = morpho_blue_cases.draw(self.lab, rng, "margin call")
        return case, patient_of(self.lab.adapter, case.key, self.lab.live(case).market)

    def health(self, case, lever, amount):
        params = _params(case)
        calls = {
            Action.DEPOSIT: (f"supplyCollateral({PARAMS},uint256,address,bytes)", (params, amount, USER, b"")),
            Action.REPAY: (f"repay({PARAMS},uint256,uint256,address,bytes)", (params, amount, 0, USER, b"")),
        }
        call = Call(self.lab.morpho, encoded(*calls[lever.action]))
        return self._after(case, call, Call(self.lab.morpho, encoded(f"accrueInterest({PARAMS})", (params,))))

    def _after(self, case, call, accrued):
        lab, key = self.lab, case.params.id
        asked = [
            Call(lab.morpho, encoded("market(bytes32)", (key,))),
            Call(lab.morpho, encoded("position(bytes32,address)", (key, USER))),
            Call(lab.oracle, encoded("price()", ())),
        ]
        state = lab.overrides(case)
        state.set(self.wallet, WALLET)
        state.set(self.allowed, MAX_UINT256)
        first = lab._block(case.read_at, [], state.as_json())
        second = lab._block(case.timestamp, [call, accrued, *asked])
        request = {"blockStateCalls": [first, second], "validation": False}
        answers = [lab._answer(one) for one in lab.chain.node.rpc("eth_simulateV1", request, "latest")[1]["calls"]]
        if not answers[0].ok:
            return None

        (_, _, assets, shares, *_), (_, owed_shares, collateral), (price,) = (words(a.data) for a in answers[2:])
        most = collateral * price // 10**36 * case.params.lltv // WAD
        owed = -(-owed_shares * (assets + 1) // (shares + 10**6))
        return most * WAD // owed if owed else MAX_UINT256


def _params(case):
    p = case.params
    return p.loan_token, p.collateral_token, p.oracle, p.irm, p.lltv


class PerpCurieClinic(Clinic):
    """Somebody else deposits for the trader; the ClearingHouse then says what the account is worth and must be."""

    def __init__(self, lab):
        super().__init__(lab)
        self.drawn = 0

    def draw(self, rng):
        if self.drawn % 7 == 0:
            self.lab.next_epoch()

        self.drawn += 1
        case = perp_curie_cases.draw(self.lab, rng, "margin call")
        key = PositionKey(bytes(case.trader))
        market = self.lab.market_with(self.lab.read(case.trader), case)
        # Marks are read at the case's time; the position in it.
        return case, patient_of(self.lab.adapter, key, market)

    def health(self, case, lever, amount):
        perp, lab = self.lab.perp, self.lab
        needed = "getMarginRequirementForLiquidation(address)"
        calls = [
            Call(perp.vault, encoded("depositFor(address,address,uint256)", (case.trader, lever.token, amount))),
            Call(perp.clearing_house, encoded("getAccountValue(address)", (case.trader,))),
            Call(perp.account_balance, encoded(needed, (case.trader,))),
        ]
        done, value, required = lab._simulate(case.timestamp, calls)
        if done["status"] != "0x1":
            return None

        worth, needs = (
            int.from_bytes(bytes.fromhex(a["returnData"][2:]), "big", signed=True) for a in (value, required)
        )
        return max(worth, 0) * WAD // needs
