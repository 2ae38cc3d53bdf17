// Twin of a buyer's contract as MakerDAO's Clipper calls it: our own small Solidity.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TwinClipper} from "./TwinClipper.sol";

/// @title Writes down what it is called with, and misbehaves if told to
contract TwinCallee {
    enum Manner {
        RECORD,
        TAKE,
        REDO,
        REVERT
    }

    Manner public manner;
    uint256 public calls;
    uint256 public owe;
    uint256 public slice;

    function behave(Manner manner_) external {
        manner = manner_;
    }

    function clipperCall(address, uint256 owe_, uint256 slice_, bytes calldata) external {
        if (manner == Manner.TAKE) TwinClipper(msg.sender).take(1, 1, type(uint256).max, address(this), "");
        if (manner == Manner.REDO) TwinClipper(msg.sender).redo(1, address(this));
        require(manner != Manner.REVERT, "callee says no");

        calls += 1;
        (owe, slice) = (owe_, slice_);
    }
}
