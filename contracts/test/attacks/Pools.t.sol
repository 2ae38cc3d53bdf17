// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist} from "../../src/Allowlist.sol";
import {Calls} from "../../src/Calls.sol";
import {Interpreter} from "../../src/Interpreter.sol";
import {MockToken} from "../support/MockTokens.sol";
import {Ops} from "../support/Ops.sol";
import {IV3Callbacks, IV3Factory, IV3Pool, V3} from "../support/V3.sol";

/// Attacks 6 and 7: pools that are not what they seem, and pools that ask for more.
contract PoolsTest is V3 {
    function test_attack06_poolOfAnotherFactory_isRefused() public {
        IV3Factory genuine = factory;
        factory = _deployFactory(); // the thief's own, with genuine code
        _openPool(address(weth), address(usd), 1e15);
        bytes memory program = bytes.concat(_gainOne(), _sell(address(usd), address(weth), 1e6));
        bytes memory reason = abi.encodeWithSelector(Allowlist.UnknownFactory.selector, address(factory));
        _refuse(program, reason);
        factory = genuine;
    }

    function test_attack06_poolWithOtherCode_isNotFound() public {
        // A contract that calls itself a pool of the genuine factory cannot be at the address that follows from it.
        new FakePool(address(factory), address(weth), address(usd));
        bytes memory program =
            bytes.concat(Ops.watch(address(weth)), _gainOne(), _sell(address(usd), address(weth), 1e6));
        _refuse(program, Calls.NoCode.selector);
    }

    function test_attack06_fakePoolByItsAddress_isNotAllowed() public {
        FakePool fake = new FakePool(address(factory), address(weth), address(usd));
        bytes memory data = _swapData(address(usd), address(weth), 1, "");
        bytes memory reason =
            abi.encodeWithSelector(Allowlist.NotAllowed.selector, address(fake), IV3Pool.swap.selector);
        _refuse(Ops.call(address(fake), data), reason);
    }

    function test_attack06_genuinePoolOfAFakeToken_isRefused() public {
        _refuseFake(_tokenOn(true));
        _refuseFake(_tokenOn(false));
    }

    function _refuseFake(MockToken fake) private {
        _openPool(address(fake), address(usd), 1e15);
        bytes memory program = bytes.concat(_gainOne(), _sell(address(usd), address(fake), 1e6));
        _refuse(program, abi.encodeWithSelector(Allowlist.NotListed.selector, address(fake)));
    }

    /// A token that is the pool's token0, or its token1.
    function _tokenOn(bool lower) private returns (MockToken fake) {
        do {
            fake = new MockToken();
        } while ((address(fake) < address(usd)) != lower);
    }

    function test_attack06_tokensInTheWrongOrder_nameNoPool() public {
        _openPool(address(weth), address(usd), 1e15);
        (address token0, address token1) = _sorted(address(weth), address(usd));
        bytes memory data = _swapData(token0, token1, 1, "");
        bytes memory program = Ops.pool(address(factory), token1, token0, FEE, data, Ops.none());
        _refuse(program, Calls.NoCode.selector);
    }

    function test_attack07_poolThatAsksForMore_isNotPaid() public {
        GreedyPool greedy = new GreedyPool();
        _rule(address(greedy), IV3Pool.swap.selector, address(0));
        bytes memory inner = Ops.pay(address(usd), Ops.argument(0));
        bytes memory data = abi.encodeCall(IV3Pool.swap, (address(executor), true, 1e6, LOWEST, inner));
        Ops.Extras memory x = _expectSwap(Ops.none(), data, 1e6);
        bytes memory program = bytes.concat(_gain(10e6), Ops.call(address(greedy), data, x));
        _refuse(program, abi.encodeWithSelector(Interpreter.PaysTooMuch.selector, 1e6 + 1, 1e6));
    }

    function test_attack07_poolWhosePriceMoved_failsTheRouteNotTheTreasury() public {
        IV3Pool pool = _openPool(address(weth), address(usd), 1e15);
        // A sandwich before us: the thief sells much of what we are about to sell.
        Seller seller = new Seller();
        usd.mint(address(seller), 1e14);
        seller.sell(pool, usd, 1e14, pool.token0() == address(usd));
        bytes memory buy = _buy(address(usd), address(weth), 1e6, "", 1.01e6);
        vm.expectPartialRevert(Interpreter.PaysTooMuch.selector);
        vm.prank(OPERATOR);
        executor.execute(_header(), bytes.concat(Ops.watch(address(weth)), _gain(10e6), buy));
    }

    function test_attack07_lenderThatPullsAllItMay_takesNoMoreThanAllowed() public {
        MockToken collateral = new MockToken();
        collateral.mint(address(aave), 1e18);
        aave.setGreedy(true);
        // Allowed 2000 where the debt is 1000: the pool takes it, the profit is gone, nothing happens.
        bytes memory liquidation = Ops.call(
            address(aave),
            abi.encodeWithSignature(
                "liquidationCall(address,address,address,uint256,bool)", collateral, usd, USER, 1_000e6, false
            ),
            Ops.allow(Ops.none(), address(usd), Ops.exact(2_000e6))
        );
        bytes memory program =
            bytes.concat(Ops.watch(address(collateral)), _borrow(5_000e6, bytes.concat(liquidation, _gain(1_100e6))));
        vm.expectRevert();
        vm.prank(OPERATOR);
        executor.execute(_header(), program);
    }
}

/// Says of itself what a genuine pool says.
contract FakePool {
    address public immutable factory;
    address public immutable token0;
    address public immutable token1;

    constructor(address factory_, address a, address b) {
        (factory, token0, token1) = (factory_, a < b ? a : b, a < b ? b : a);
    }

    function swap(address, bool, int256, uint160, bytes calldata data) external {
        IV3Callbacks(msg.sender).uniswapV3SwapCallback(type(int256).max, 0, data);
    }
}

/// Asks for one more than the swap was for.
contract GreedyPool {
    function swap(address, bool, int256 amount, uint160, bytes calldata data) external {
        IV3Callbacks(msg.sender).uniswapV3SwapCallback(amount + 1, 0, data);
    }
}

contract Seller {
    MockToken private token;

    function sell(IV3Pool pool, MockToken token_, uint256 amount, bool zeroForOne) external {
        token = token_;
        pool.swap(address(this), zeroForOne, int256(amount), zeroForOne ? 4_295_128_740 : uint160(0xfffd) << 144, "");
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        token.transfer(msg.sender, uint256(amount0 > 0 ? amount0 : amount1));
    }
}
