// Twin of MakerDAO's Vow, without its auctions of debt and surplus: our own small Solidity, not the real contract.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TwinMath} from "./TwinMath.sol";
import {TwinVat} from "./TwinVat.sol";
import {TwinCallerNoted, TwinWarded} from "./TwinWarded.sol";

/// @title Holds what is owed to nobody and by nobody
/// @notice rad: sin, Sin, Ash; s: wait.
contract TwinVow is TwinWarded, TwinCallerNoted {
    using TwinMath for uint256;

    TwinVat public vat;
    mapping(uint256 era => uint256) public sin;
    uint256 public Sin;
    uint256 public Ash;
    uint256 public wait;
    uint256 public live = 1;

    modifier auth() {
        _requireWard("Vow/not-authorized");
        _;
    }

    constructor(TwinVat vat_) {
        vat = vat_;
    }

    function rely(address usr) external note auth {
        require(live == 1, "Vow/not-live");
        wards[usr] = 1;
    }

    function deny(address usr) external note auth {
        wards[usr] = 0;
    }

    function file(bytes32 what, uint256 data) external note auth {
        require(what == "wait", "Vow/file-unrecognized-param");
        wait = data;
    }

    /// @notice Queue debt that an auction is to cover.
    function fess(uint256 tab) external note auth {
        sin[block.timestamp] = sin[block.timestamp].add(tab);
        Sin = Sin.add(tab);
    }

    /// @notice Take debt off the queue after its time.
    function flog(uint256 era) external note {
        require(era.add(wait) <= block.timestamp, "Vow/wait-not-finished");
        Sin = Sin.sub(sin[era]);
        sin[era] = 0;
    }

    /// @notice Pay debt that is not queued with DAI that came in.
    function heal(uint256 rad) external note {
        require(rad <= vat.dai(address(this)), "Vow/insufficient-surplus");
        require(rad <= vat.sin(address(this)).sub(Sin).sub(Ash), "Vow/insufficient-debt");
        vat.heal(rad);
    }
}
