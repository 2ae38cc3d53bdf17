// Twin of MakerDAO's Dai: our own small Solidity, not the real contract.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TwinMath} from "./TwinMath.sol";
import {TwinCallerNoted, TwinWarded} from "./TwinWarded.sol";

/// @title The token; wards make it, anybody may burn their own
contract TwinDai is TwinWarded, TwinCallerNoted {
    using TwinMath for uint256;

    string public constant name = "Dai Stablecoin";
    string public constant symbol = "DAI";
    string public constant version = "1";
    uint8 public constant decimals = 18;

    uint256 public totalSupply;
    mapping(address usr => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    event Approval(address indexed src, address indexed guy, uint256 wad);
    event Transfer(address indexed src, address indexed dst, uint256 wad);

    modifier auth() {
        _requireWard("Dai/not-authorized");
        _;
    }

    function rely(address usr) external note auth {
        wards[usr] = 1;
    }

    function deny(address usr) external note auth {
        wards[usr] = 0;
    }

    function transfer(address dst, uint256 wad) external returns (bool) {
        return transferFrom(msg.sender, dst, wad);
    }

    function transferFrom(address src, address dst, uint256 wad) public returns (bool) {
        _spend(src, wad);
        balanceOf[dst] = balanceOf[dst].add(wad);
        emit Transfer(src, dst, wad);
        return true;
    }

    function mint(address usr, uint256 wad) external auth {
        balanceOf[usr] = balanceOf[usr].add(wad);
        totalSupply = totalSupply.add(wad);
        emit Transfer(address(0), usr, wad);
    }

    function burn(address usr, uint256 wad) external {
        _spend(usr, wad);
        totalSupply = totalSupply.sub(wad);
        emit Transfer(usr, address(0), wad);
    }

    function approve(address usr, uint256 wad) external returns (bool) {
        allowance[msg.sender][usr] = wad;
        emit Approval(msg.sender, usr, wad);
        return true;
    }

    /// @dev Take from a balance; an allowance of all ones does not shrink.
    function _spend(address src, uint256 wad) private {
        require(balanceOf[src] >= wad, "Dai/insufficient-balance");
        uint256 allowed = allowance[src][msg.sender];

        if (src != msg.sender && allowed != type(uint256).max) {
            require(allowed >= wad, "Dai/insufficient-allowance");
            allowance[src][msg.sender] = allowed - wad;
        }

        balanceOf[src] = balanceOf[src].sub(wad);
    }
}
