// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockToken} from "./MockTokens.sol";

interface ICallbacks {
    function executeOperation(address, uint256, uint256, address, bytes calldata) external returns (bool);
    function onMorphoFlashLoan(uint256, bytes calldata) external;
    function onMorphoLiquidate(uint256, bytes calldata) external;
    function onFlashLoan(address, address, uint256, uint256, bytes calldata) external returns (bytes32);
    function receiveFlashLoan(address[] memory, uint256[] memory, uint256[] memory, bytes calldata) external;
    function clipperCall(address, uint256, uint256, bytes calldata) external;
    function uniswapV2Call(address, uint256, uint256, bytes calldata) external;
    function unlockCallback(bytes calldata) external returns (bytes memory);
    function callFunction(address, address, uint256, bytes calldata) external returns (bytes32);
    function onPlainCallback(uint256) external;
}

/// A lending pool with the calls, callbacks and order of events of Aave V3, and one position that is always
/// liquidatable: whoever pays `debt` gets `seized` of the collateral.
contract AaveTwin {
    uint256 public health = 0.9e18;
    uint256 public premiumBps = 5;
    uint256 public seizedPerDebt; // wad
    bool public greedy; // pulls all it was allowed to

    event LiquidationCall(address indexed collateral, address indexed debt, address indexed user, uint256 covered);

    function setHealth(uint256 health_) external {
        health = health_;
    }

    function setSeizedPerDebt(uint256 wad) external {
        seizedPerDebt = wad;
    }

    function setGreedy(bool greedy_) external {
        greedy = greedy_;
    }

    function getUserAccountData(address) external view returns (uint256, uint256, uint256, uint256, uint256, uint256) {
        return (1, 2, 3, 4, 5, health);
    }

    function flashLoanSimple(address receiver, address asset, uint256 amount, bytes calldata params, uint16) external {
        uint256 premium = (amount * premiumBps + 9_999) / 10_000;
        MockToken(asset).transfer(receiver, amount);
        require(
            ICallbacks(receiver).executeOperation(asset, amount, premium, msg.sender, params), "InvalidFlashloanReturn"
        );
        MockToken(asset).transferFrom(receiver, address(this), amount + premium);
    }

    function liquidationCall(address collateral, address debt, address user, uint256 debtToCover, bool) external {
        require(health < 1e18, "HealthFactorNotBelowThreshold");
        uint256 pulled = greedy ? MockToken(debt).allowance(msg.sender, address(this)) : debtToCover;
        MockToken(collateral).transfer(msg.sender, debtToCover * seizedPerDebt / 1e18);
        MockToken(debt).transferFrom(msg.sender, address(this), pulled);
        emit LiquidationCall(collateral, debt, user, debtToCover);
    }
}

/// One lender that calls back in every dialect, pulling or waiting to be paid as each does.
contract Polyglot {
    MockToken public immutable token;
    bytes32 private constant ERC3156 = keccak256("ERC3156FlashBorrower.onFlashLoan");

    constructor(MockToken token_) {
        token = token_;
    }

    function morpho(address, uint256 amount, bytes calldata data) external {
        token.transfer(msg.sender, amount);
        ICallbacks(msg.sender).onMorphoFlashLoan(amount, data);
        token.transferFrom(msg.sender, address(this), amount);
    }

    /// Morpho's order: collateral out, callback, debt in.
    function liquidate(MockToken collateral, uint256 seized, uint256 repaid, bytes calldata data) external {
        collateral.transfer(msg.sender, seized);
        ICallbacks(msg.sender).onMorphoLiquidate(repaid, data);
        token.transferFrom(msg.sender, address(this), repaid);
    }

    function erc3156(address receiver, address, uint256 amount, bytes calldata data) external {
        token.transfer(receiver, amount);
        bytes32 answer = ICallbacks(receiver).onFlashLoan(msg.sender, address(token), amount, 0, data);
        require(answer == ERC3156, "wrong answer");
        token.transferFrom(receiver, address(this), amount);
    }

    function balancer(address receiver, address[] calldata tokens, uint256[] calldata amounts, bytes calldata data)
        external
    {
        uint256 start = token.balanceOf(address(this));
        token.transfer(receiver, amounts[0]);
        ICallbacks(receiver).receiveFlashLoan(tokens, amounts, new uint256[](1), data);
        require(token.balanceOf(address(this)) >= start, "not repaid");
    }

    function clipper(uint256 owe, uint256 slice, address who, bytes calldata data) external {
        token.transfer(who, slice);
        ICallbacks(who).clipperCall(msg.sender, owe, slice, data);
    }

    function pair(uint256 amount0, address to, bytes calldata data) external {
        uint256 start = token.balanceOf(address(this));
        token.transfer(to, amount0);
        ICallbacks(to).uniswapV2Call(msg.sender, amount0, 0, data);
        require(token.balanceOf(address(this)) >= start, "K");
    }

    function unlock(bytes calldata data) external {
        bytes memory answer = ICallbacks(msg.sender).unlockCallback(data);
        require(answer.length == 0, "wrong answer");
    }

    function word(address receiver, bytes calldata data) external {
        require(ICallbacks(receiver).callFunction(receiver, receiver, 0, data) == bytes32("done"), "wrong answer");
    }

    function plain() external {
        ICallbacks(msg.sender).onPlainCallback(7);
    }

    /// Makes two callbacks in one call.
    function twice(bytes calldata first, bytes calldata second) external {
        ICallbacks(msg.sender).onMorphoFlashLoan(1, first);
        ICallbacks(msg.sender).onMorphoLiquidate(2, second);
    }

    /// Has someone else call back.
    function through(Polyglot other, bytes calldata data) external {
        other.forwarded(msg.sender, data);
    }

    function forwarded(address receiver, bytes calldata data) external {
        ICallbacks(receiver).onMorphoFlashLoan(0, data);
    }

    function answers(uint256 value) external pure returns (uint256, uint256) {
        return (value, value + 1);
    }

    function many() external pure returns (uint256[6] memory) {
        return [uint256(1), 2, 3, 4, 5, 6];
    }

    uint256 public seen;
    uint256 public paid;

    function take(uint256 value) external payable {
        seen = value;
        paid = msg.value;
    }

    function pull(uint256 amount) external {
        token.transferFrom(msg.sender, address(this), amount);
    }

    function give(uint256 amount) external {
        token.transfer(msg.sender, amount);
    }

    function silent() external {}

    // A permission of the kind Maker's Vat gives.
    mapping(address from => mapping(address to => bool allowed)) public can;

    function hope(address to) external {
        can[msg.sender][to] = true;
    }

    function nope(address to) external {
        can[msg.sender][to] = false;
    }

    function useHope() external view {
        require(can[msg.sender][address(this)], "not allowed");
    }
}
