// Twin of MakerDAO's Spotter: our own small Solidity, not the real contract.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BLN, RAY, TwinMath} from "./TwinMath.sol";
import {TwinVat} from "./TwinVat.sol";
import {TwinCallerNoted, TwinWarded} from "./TwinWarded.sol";

interface IPip {
    /// @return val wad
    /// @return has whether there is a value
    function peek() external returns (bytes32 val, bool has);
}

/// @title Brings prices to the Vat
/// @notice ray: par, mat.
contract TwinSpotter is TwinWarded, TwinCallerNoted {
    using TwinMath for uint256;

    struct Ilk {
        IPip pip;
        uint256 mat;
    }

    mapping(bytes32 ilk => Ilk) public ilks;
    TwinVat public vat;
    uint256 public par = RAY;
    uint256 public live = 1;

    event Poke(bytes32 ilk, bytes32 val, uint256 spot);

    modifier auth() {
        _requireWard("Spotter/not-authorized");
        _;
    }

    modifier whileLive() {
        require(live == 1, "Spotter/not-live");
        _;
    }

    constructor(TwinVat vat_) {
        vat = vat_;
    }

    function rely(address usr) external note auth {
        wards[usr] = 1;
    }

    function deny(address usr) external note auth {
        wards[usr] = 0;
    }

    function file(bytes32 ilk, bytes32 what, address pip) external note auth whileLive {
        require(what == "pip", "Spotter/file-unrecognized-param");
        ilks[ilk].pip = IPip(pip);
    }

    function file(bytes32 what, uint256 data) external note auth whileLive {
        require(what == "par", "Spotter/file-unrecognized-param");
        par = data;
    }

    function file(bytes32 ilk, bytes32 what, uint256 data) external note auth whileLive {
        require(what == "mat", "Spotter/file-unrecognized-param");
        ilks[ilk].mat = data;
    }

    function cage() external note auth {
        live = 0;
    }

    /// @notice Write what a unit of collateral may back into the Vat: zero where the feed has no value.
    function poke(bytes32 ilk) external {
        (bytes32 val, bool has) = ilks[ilk].pip.peek();
        uint256 spot = has ? uint256(val).mul(BLN).rdivDown(par).rdivDown(ilks[ilk].mat) : 0;

        vat.file(ilk, "spot", spot);
        emit Poke(ilk, val, spot);
    }
}
