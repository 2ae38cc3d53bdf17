// Twins of MakerDAO's price sources: our own small Solidity, not the real contracts.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TwinCallerNoted, TwinWarded} from "./TwinWarded.sol";

/// @title A value that anyone on the local chain may set
contract TwinPip {
    bytes32 private _val;
    bool private _has;

    function poke(bytes32 val) external {
        (_val, _has) = (val, true);
    }

    function void() external {
        _has = false;
    }

    function peek() external view returns (bytes32, bool) {
        return (_val, _has);
    }

    function read() external view returns (bytes32) {
        require(_has);
        return _val;
    }
}

/// @title A value that everybody knows up to an hour before it counts
/// @notice Storage is laid out as the real one's, since that is how it is read by who may not ask: slot 2 has source,
/// hop and zzz, slots 3 and 4 the current and the next value, each with its flag in the upper half.
contract TwinOsm is TwinWarded, TwinCallerNoted {
    struct Feed {
        uint128 val;
        uint128 has;
    }

    uint256 public stopped;
    address public src;
    uint16 public hop = 3600;
    uint64 public zzz;
    Feed private _cur;
    Feed private _nxt;
    mapping(address usr => uint256) public bud;

    event LogValue(bytes32 val);

    modifier auth() {
        _requireWard("OSM/not-authorized");
        _;
    }

    modifier unlessStopped() {
        require(stopped == 0, "OSM/is-stopped");
        _;
    }

    modifier toll() {
        require(bud[msg.sender] == 1, "OSM/contract-not-whitelisted");
        _;
    }

    constructor(address src_) {
        src = src_;
    }

    function rely(address usr) external note auth {
        wards[usr] = 1;
    }

    function deny(address usr) external note auth {
        wards[usr] = 0;
    }

    function stop() external note auth {
        stopped = 1;
    }

    function start() external note auth {
        stopped = 0;
    }

    function change(address src_) external note auth {
        src = src_;
    }

    function step(uint16 seconds_) external auth {
        require(seconds_ > 0, "OSM/ts-is-zero");
        hop = seconds_;
    }

    function void() external note auth {
        delete _cur;
        delete _nxt;
        stopped = 1;
    }

    function kiss(address usr) external note auth {
        require(usr != address(0), "OSM/no-contract-0");
        bud[usr] = 1;
    }

    function diss(address usr) external note auth {
        bud[usr] = 0;
    }

    function pass() public view returns (bool) {
        return block.timestamp >= zzz + hop;
    }

    /// @notice Let the next value count and ask the source for another; changes nothing where the source has none.
    function poke() external note unlessStopped {
        require(pass(), "OSM/not-passed");
        (bytes32 val, bool has) = TwinPip(src).peek();

        if (!has) return;

        _cur = _nxt;
        _nxt = Feed(uint128(uint256(val)), 1);
        zzz = uint64(block.timestamp - block.timestamp % hop);
        emit LogValue(bytes32(uint256(_cur.val)));
    }

    function peek() external view toll returns (bytes32, bool) {
        return (bytes32(uint256(_cur.val)), _cur.has == 1);
    }

    function peep() external view toll returns (bytes32, bool) {
        return (bytes32(uint256(_nxt.val)), _nxt.has == 1);
    }

    function read() external view toll returns (bytes32) {
        require(_cur.has == 1, "OSM/no-current-value");
        return bytes32(uint256(_cur.val));
    }
}
