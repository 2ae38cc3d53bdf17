// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Executor} from "../../src/Executor.sol";
import {Header, Settlement} from "../../src/Settlement.sol";
import {Setup} from "../support/Setup.sol";

/// Attack 12: a coinbase that is a contract with plans.
contract CoinbaseTest is Setup {
    function test_attack12_coinbaseThatReverts_isLeftOut() public {
        vm.coinbase(address(new Reverting()));
        _tipped(0);
        _same(usd.balanceOf(TREASURY), 1e6, "profit");
        _same(TREASURY.balance, 1 ether, "tip kept");
    }

    function test_attack12_coinbaseThatRevertsButMustBePaid_failsTheFrame() public {
        address coinbase = address(new Reverting());
        vm.coinbase(coinbase);
        Header memory header = _tipHeader(2);
        bytes memory program = _gainOne();
        vm.expectRevert(abi.encodeWithSelector(Settlement.TipFailed.selector, coinbase, 1 ether));
        vm.prank(OPERATOR);
        executor.execute{value: 1 ether}(header, program);
    }

    function test_attack12_coinbaseThatBurnsGas_burnsLittle() public {
        vm.coinbase(address(new Burning()));
        Header memory header = _tipHeader(0);
        bytes memory program = _gainOne();
        uint256 start = gasleft();
        vm.prank(OPERATOR);
        executor.execute{value: 1 ether}(header, program);

        _true(start - gasleft() < 250_000, "burnt");
    }

    function test_attack12_coinbaseThatReturnsMuch_isNotListenedTo() public {
        vm.coinbase(address(new Talking()));
        _tipped(0);
        _same(usd.balanceOf(TREASURY), 1e6, "profit");
    }

    function test_attack12_coinbaseThatReenters_isRefusedAndPaidNothing() public {
        Reentering coinbase = new Reentering(executor, abi.encodeCall(executor.execute, (_header(), _gainOne())));
        vm.prank(OWNER);
        executor.setOperator(address(coinbase), true);
        vm.coinbase(address(coinbase));
        _tipped(0);

        _same(usd.balanceOf(TREASURY), 1e6, "ran twice");
    }

    function test_attack12_coinbaseThatSendsItBack_changesNothing() public {
        vm.coinbase(address(new Returning()));
        _tipped(0);
        _same(TREASURY.balance, 1 ether, "tip kept");
        _empty();
    }

    function _tipHeader(uint8 flags) private view returns (Header memory header) {
        header = _header();
        header.minTip = 1 ether;
        header.maxTip = 1 ether;
        header.flags = flags;
    }

    function _tipped(uint8 flags) private {
        Header memory header = _tipHeader(flags);
        bytes memory program = _gainOne();
        vm.prank(OPERATOR);
        executor.execute{value: 1 ether}(header, program);
    }
}

contract Reverting {
    receive() external payable {
        revert("no");
    }
}

contract Burning {
    uint256 private sink;

    receive() external payable {
        while (true) ++sink;
    }
}

contract Talking {
    receive() external payable {
        assembly ("memory-safe") {
            return(0, 20000)
        }
    }
}

contract Reentering {
    Executor private immutable executor;
    bytes private call;

    constructor(Executor executor_, bytes memory call_) {
        (executor, call) = (executor_, call_);
    }

    receive() external payable {
        (bool success,) = address(executor).call(call);
        require(success, "refused");
    }
}

contract Returning {
    receive() external payable {
        (bool success,) = msg.sender.call{value: msg.value}("");
        require(success, "refused");
    }
}
