// Twin of MakerDAO's Jug: our own small Solidity, not the real contract.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {RAY, TwinMath} from "./TwinMath.sol";
import {TwinVat} from "./TwinVat.sol";
import {TwinCallerNoted, TwinWarded} from "./TwinWarded.sol";

/// @title Collects stability fees
/// @notice ray per second: duty, base.
contract TwinJug is TwinWarded, TwinCallerNoted {
    using TwinMath for uint256;

    struct Ilk {
        uint256 duty;
        uint256 rho;
    }

    mapping(bytes32 ilk => Ilk) public ilks;
    TwinVat public vat;
    address public vow;
    uint256 public base;

    modifier auth() {
        _requireWard("Jug/not-authorized");
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

    function init(bytes32 ilk) external note auth {
        require(ilks[ilk].duty == 0, "Jug/ilk-already-init");
        ilks[ilk] = Ilk(RAY, block.timestamp);
    }

    function file(bytes32 ilk, bytes32 what, uint256 data) external note auth {
        require(block.timestamp == ilks[ilk].rho, "Jug/rho-not-updated");
        require(what == "duty", "Jug/file-unrecognized-param");
        ilks[ilk].duty = data;
    }

    function file(bytes32 what, uint256 data) external note auth {
        require(what == "base", "Jug/file-unrecognized-param");
        base = data;
    }

    function file(bytes32 what, address data) external note auth {
        require(what == "vow", "Jug/file-unrecognized-param");
        vow = data;
    }

    /// @notice Let the rate grow to now, and give what is owed more to the Vow.
    function drip(bytes32 ilk) external note returns (uint256 rate) {
        Ilk storage terms = ilks[ilk];
        require(block.timestamp >= terms.rho, "Jug/invalid-now");

        (, uint256 before,,,) = vat.ilks(ilk);
        rate = base.add(terms.duty).rpow(block.timestamp - terms.rho).rmulDown(before);
        vat.fold(ilk, vow, rate.difference(before));
        terms.rho = block.timestamp;
    }
}
