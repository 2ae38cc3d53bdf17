// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Header, Settlement} from "../../src/Settlement.sol";
import {Tokens} from "../../src/Tokens.sol";
import {Polyglot} from "../support/MockLenders.sol";
import {FalseToken, FeeToken, HookToken, MockToken, SilentToken, StickyToken} from "../support/MockTokens.sol";
import {Ops} from "../support/Ops.sol";
import {V3} from "../support/V3.sol";

/// Attacks 8, 9 and 15: bait that keeps an allowance, tokens with manners of their own, profit that is not one.
contract HostileTokensTest is V3 {
    function test_attack08_wrapperThatLeavesTheAllowance_findsItGone() public {
        Bait bait = new Bait(usd);
        _rule(address(bait), Bait.wrap.selector, address(bait));
        bytes memory use = Ops.call(
            address(bait), abi.encodeCall(Bait.wrap, (100)), Ops.allow(Ops.none(), address(usd), Ops.exact(1_000e6))
        );

        for (uint256 i; i < 10; ++i) {
            _run(bytes.concat(use, _gainOne()));
        }

        _same(usd.allowance(address(executor), address(bait)), 0, "allowance");
        usd.mint(address(executor), 1_000e6);
        vm.expectRevert();
        bait.harvest(address(executor), 1);
    }

    function test_attack08_tokenThatKeepsTheAllowance_revertsTheFrame() public {
        StickyToken sticky = new StickyToken();
        Bait bait = new Bait(sticky);
        _rule(address(bait), Bait.wrap.selector, address(bait));
        bytes memory use = Ops.call(
            address(bait), abi.encodeCall(Bait.wrap, (100)), Ops.allow(Ops.none(), address(sticky), Ops.exact(1_000e6))
        );
        bytes memory reason = abi.encodeWithSelector(Tokens.ApproveFailed.selector, address(sticky), address(bait), 0);
        _refuse(bytes.concat(Ops.watch(address(sticky)), use, _gainOne()), reason);
    }

    function test_attack09_transferFeeOnTheProfit_failsTheLoanNotUs() public {
        FeeToken fee = new FeeToken();
        Polyglot feeLender = _lenderOf(fee);
        _list(address(fee), true, false);
        Header memory header = _header();
        header.profitToken = address(fee);
        bytes memory data = abi.encodeCall(Polyglot.morpho, (address(fee), 1e6, ""));
        Ops.Extras memory x = Ops.allow(Ops.none(), address(fee), Ops.exact(1e6));
        x = Ops.expect(x, bytes4(keccak256("onMorphoFlashLoan(uint256,bytes)")), 1, Ops.offsetOf(data, 2), 0, 0);
        vm.expectRevert();
        vm.prank(OPERATOR);
        executor.execute(header, Ops.call(address(feeLender), data, x));
    }

    function test_attack09_transferFeeIsSeenInTheProfit() public {
        FeeToken fee = new FeeToken();
        Polyglot feeLender = _lenderOf(fee);
        _list(address(fee), true, false);
        Header memory header = _header();
        header.profitToken = address(fee);
        header.minProfit = 1e6;
        bytes memory give = Ops.call(address(feeLender), abi.encodeCall(Polyglot.give, (1e6)));
        bytes memory reason = abi.encodeWithSelector(Settlement.NotEnoughProfit.selector, 0.99e6, 1e6);
        _refuse(header, give, reason);
    }

    function test_attack09_tokenThatReturnsFalse_isAnError() public {
        FalseToken no = new FalseToken();
        Polyglot noLender = new Polyglot(no);
        _rule(address(noLender), Polyglot.pull.selector, address(noLender));
        bytes memory use = Ops.call(
            address(noLender), abi.encodeCall(Polyglot.pull, (0)), Ops.allow(Ops.none(), address(no), Ops.exact(1))
        );
        bytes memory reason = abi.encodeWithSelector(Tokens.ApproveFailed.selector, address(no), address(noLender), 1);
        _refuse(bytes.concat(Ops.watch(address(no)), use, _gainOne()), reason);
    }

    function test_attack09_profitInATokenThatReturnsFalse_isAnError() public {
        FalseToken no = new FalseToken();
        _list(address(no), true, false);
        Minter minter = new Minter(no);
        _rule(address(minter), Minter.give.selector, address(0));
        Header memory header = _header();
        header.profitToken = address(no);
        bytes memory reason = abi.encodeWithSelector(Tokens.TransferFailed.selector, address(no), TREASURY, 7);
        _refuse(header, Ops.call(address(minter), abi.encodeCall(Minter.give, (7))), reason);
    }

    function test_attack09_tokenThatReturnsNothing_works() public {
        SilentToken silent = new SilentToken();
        _list(address(silent), true, false);
        Header memory header = _header();
        header.profitToken = address(silent);
        Minter minter = new Minter(MockToken(address(silent)));
        _rule(address(minter), Minter.give.selector, address(0));
        _run(header, Ops.call(address(minter), abi.encodeCall(Minter.give, (7))));

        _same(silent.balanceOf(TREASURY), 7, "treasury");
    }

    function test_attack15_donationBeforeTheFrame_isNoProfit() public {
        usd.mint(address(executor), 1_000e6);
        bytes memory reason = abi.encodeWithSelector(Settlement.NotEnoughProfit.selector, 0, 1);
        _refuse(Ops.call(address(lender), abi.encodeCall(Polyglot.silent, ())), reason);
    }

    function test_attack15_donationBeforeTheFrame_doesNotBlockARouteEither() public {
        weth.mint(address(executor), 1);
        _openPool(address(weth), address(usd), 1e15);
        Polyglot wethLender = new Polyglot(weth);
        weth.mint(address(wethLender), 10e6);
        _rule(address(wethLender), Polyglot.give.selector, address(0));
        bytes memory give = Ops.call(address(wethLender), abi.encodeCall(Polyglot.give, (5e6)));
        _run(bytes.concat(Ops.watch(address(weth)), give, _sell(address(weth), address(usd), 5e6)));

        _same(weth.balanceOf(address(executor)), 1, "donation");
    }

    function test_attack15_flashMintedProfit_mustBeGivenBackBeforeItCounts() public {
        bytes memory reason = abi.encodeWithSelector(Settlement.NotEnoughProfit.selector, 0, 1);
        _refuse(_borrow(1_000e6, ""), reason);
    }

    function test_attack15_rebaseDownwards_reverts() public {
        Rebaser rebaser = new Rebaser(weth, address(executor));
        weth.mint(address(executor), 10);
        _rule(address(rebaser), Rebaser.rebase.selector, address(0));
        bytes memory program = bytes.concat(
            Ops.watch(address(weth)), Ops.call(address(rebaser), abi.encodeCall(Rebaser.rebase, ())), _gainOne()
        );
        _refuse(program, abi.encodeWithSelector(Settlement.BalanceLost.selector, address(weth), 10, 9));
    }

    function test_attack15_viewsReadInsideAFrame_sayTheSame() public {
        HookToken hook = new HookToken();
        Polyglot hookLender = _lenderOf(hook);
        hook.setHook(address(executor), abi.encodeCall(executor.treasury, ()), true);
        bytes memory give = Ops.call(address(hookLender), abi.encodeCall(Polyglot.give, (1)));
        _run(bytes.concat(give, _gainOne()));

        _same(abi.decode(hook.answer(), (address)), TREASURY, "treasury");
    }

    function test_attack15_tokenThatPaysOnlyWhenSimulated_revertsOnChain() public {
        Salmonella bait = new Salmonella();
        bait.mint(address(this), 1e18);
        _list(address(bait), true, false);
        Polyglot baitLender = new Polyglot(bait);
        bait.mint(address(baitLender), 1e18);
        _rule(address(baitLender), Polyglot.give.selector, address(0));
        Header memory header = _header();
        header.profitToken = address(bait);
        header.minProfit = 90;
        bytes memory give = Ops.call(address(baitLender), abi.encodeCall(Polyglot.give, (100)));
        vm.coinbase(address(0)); // as many simulations leave it
        _run(header, give);
        vm.coinbase(COINBASE);
        _refuse(header, give, abi.encodeWithSelector(Settlement.NotEnoughProfit.selector, 10, 90));
    }

    function _lenderOf(MockToken token) private returns (Polyglot made) {
        made = new Polyglot(token);
        token.mint(address(made), 1e18);
        _rule(address(made), Polyglot.give.selector, address(0));
        _rule(address(made), Polyglot.morpho.selector, address(made));
    }
}

/// A wrapper that asks for much, takes little, and comes back for the rest.
contract Bait {
    MockToken private immutable token;

    constructor(MockToken token_) {
        token = token_;
    }

    function wrap(uint256) external {}

    function harvest(address from, uint256 amount) external {
        token.transferFrom(from, address(this), amount);
    }
}

contract Minter {
    MockToken private immutable token;

    constructor(MockToken token_) {
        token = token_;
    }

    function give(uint256 amount) external {
        token.mint(msg.sender, amount);
    }
}

contract Rebaser {
    MockToken private immutable token;
    address private immutable holder;

    constructor(MockToken token_, address holder_) {
        (token, holder) = (token_, holder_);
    }

    function rebase() external {
        token.burn(holder, 1);
    }
}

/// Delivers whole amounts in a simulation and a tenth in a block.
contract Salmonella is MockToken {
    function _move(address from, address to, uint256 amount) internal override {
        balanceOf[from] -= amount;
        balanceOf[to] += block.coinbase == address(0) ? amount : amount / 10;
    }
}
