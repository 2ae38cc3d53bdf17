// Twins of MakerDAO's three price curves: our own small Solidity, not the real contracts.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICurve} from "./TwinClipper.sol";
import {RAY, TwinMath} from "./TwinMath.sol";
import {TwinRelying} from "./TwinWarded.sol";

/// @title What the curves have in common
abstract contract TwinCurve is TwinRelying, ICurve {
    event File(bytes32 indexed what, uint256 data);
}

/// @title Falls in a straight line, to nothing after tau seconds
contract TwinLinearDecrease is TwinCurve {
    using TwinMath for uint256;

    uint256 public tau;

    modifier auth() {
        _requireWard("LinearDecrease/not-authorized");
        _;
    }

    function rely(address usr) external auth {
        _rely(usr);
    }

    function deny(address usr) external auth {
        _deny(usr);
    }

    function file(bytes32 what, uint256 data) external auth {
        require(what == "tau", "LinearDecrease/file-unrecognized-param");
        tau = data;
        emit File(what, data);
    }

    /// @inheritdoc ICurve
    function price(uint256 top, uint256 dur) external view override returns (uint256) {
        if (dur >= tau) return 0;

        // Down, and down again.
        return top.rmulDown((tau - dur).mul(RAY) / tau);
    }
}

/// @title Falls to a fraction of itself every so many seconds
contract TwinStairstepExponentialDecrease is TwinCurve {
    using TwinMath for uint256;

    uint256 public step;
    /// @notice ray
    uint256 public cut;

    modifier auth() {
        _requireWard("StairstepExponentialDecrease/not-authorized");
        _;
    }

    function rely(address usr) external auth {
        _rely(usr);
    }

    function deny(address usr) external auth {
        _deny(usr);
    }

    function file(bytes32 what, uint256 data) external auth {
        if (what == "cut") {
            require(data <= RAY, "StairstepExponentialDecrease/cut-gt-RAY");
            cut = data;
        } else if (what == "step") {
            step = data;
        } else {
            revert("StairstepExponentialDecrease/file-unrecognized-param");
        }

        emit File(what, data);
    }

    /// @inheritdoc ICurve
    function price(uint256 top, uint256 dur) external view override returns (uint256) {
        return top.rmulDown(cut.rpow(dur.divDown(step)));
    }
}

/// @title Falls to a fraction of itself every second
contract TwinExponentialDecrease is TwinCurve {
    using TwinMath for uint256;

    /// @notice ray
    uint256 public cut;

    modifier auth() {
        _requireWard("ExponentialDecrease/not-authorized");
        _;
    }

    function rely(address usr) external auth {
        _rely(usr);
    }

    function deny(address usr) external auth {
        _deny(usr);
    }

    function file(bytes32 what, uint256 data) external auth {
        require(what == "cut", "ExponentialDecrease/file-unrecognized-param");
        require(data <= RAY, "ExponentialDecrease/cut-gt-RAY");
        cut = data;
        emit File(what, data);
    }

    /// @inheritdoc ICurve
    function price(uint256 top, uint256 dur) external view override returns (uint256) {
        return top.rmulDown(cut.rpow(dur));
    }
}
