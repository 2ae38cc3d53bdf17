// Twin of MakerDAO's arithmetic: our own small Solidity, not the real contracts.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

uint256 constant WAD = 1e18;
uint256 constant RAY = 1e27;
// A wad times this is a ray.
uint256 constant BLN = 1e9;

/// @title Checked arithmetic that fails as the compilers of the real contracts did
/// @notice An overflow reverts without data, where today's compiler would say Panic; a division by zero is an invalid
/// opcode, which also burns all gas it was given.
library TwinMath {
    uint256 private constant HIGHEST_SIGNED = uint256(type(int256).max);

    function add(uint256 x, uint256 y) internal pure returns (uint256 z) {
        unchecked {
            z = x + y;
        }
        require(z >= x);
    }

    function sub(uint256 x, uint256 y) internal pure returns (uint256 z) {
        require(x >= y);
        unchecked {
            z = x - y;
        }
    }

    function mul(uint256 x, uint256 y) internal pure returns (uint256 z) {
        unchecked {
            z = x * y;
            require(x == 0 || z / x == y);
        }
    }

    /// @notice Add what may be negative; the sum may not.
    function shift(uint256 x, int256 y) internal pure returns (uint256) {
        return y < 0 ? sub(x, magnitude(y)) : add(x, uint256(y));
    }

    /// @notice Take away what may be negative; what is left may not.
    function unshift(uint256 x, int256 y) internal pure returns (uint256) {
        return y < 0 ? add(x, magnitude(y)) : sub(x, uint256(y));
    }

    /// @notice x * y, both of which and the product fit a signed word.
    function mulSigned(uint256 x, int256 y) internal pure returns (int256) {
        require(x <= HIGHEST_SIGNED);
        uint256 product = mul(x, magnitude(y));

        // The lowest signed word has no positive twin.
        require(product <= HIGHEST_SIGNED || (y < 0 && product == HIGHEST_SIGNED + 1));
        return y < 0 ? negative(product) : int256(product);
    }

    /// @notice x - y, of two words that each fit a signed one.
    function difference(uint256 x, uint256 y) internal pure returns (int256) {
        require(x <= HIGHEST_SIGNED && y <= HIGHEST_SIGNED);
        return int256(x) - int256(y);
    }

    function negative(uint256 x) internal pure returns (int256) {
        unchecked {
            return -int256(x);
        }
    }

    function magnitude(int256 x) internal pure returns (uint256) {
        unchecked {
            return x < 0 ? uint256(-x) : uint256(x);
        }
    }

    /// @notice x / y rounded down.
    function divDown(uint256 x, uint256 y) internal pure returns (uint256) {
        if (y == 0) {
            assembly ("memory-safe") {
                invalid()
            }
        }

        unchecked {
            return x / y;
        }
    }

    /// @notice x * y / WAD rounded down.
    function wmulDown(uint256 x, uint256 y) internal pure returns (uint256) {
        return mul(x, y) / WAD;
    }

    /// @notice x * y / RAY rounded down.
    function rmulDown(uint256 x, uint256 y) internal pure returns (uint256) {
        return mul(x, y) / RAY;
    }

    /// @notice x * RAY / y rounded down.
    function rdivDown(uint256 x, uint256 y) internal pure returns (uint256) {
        return divDown(mul(x, RAY), y);
    }

    /// @notice x to the power n, one being RAY: square and multiply, each product rounded half up.
    function rpow(uint256 x, uint256 n) internal pure returns (uint256 z) {
        z = n % 2 == 0 ? RAY : x;

        for (n /= 2; n != 0; n /= 2) {
            x = _rmulHalfUp(x, x);

            if (n % 2 != 0) z = _rmulHalfUp(z, x);
        }
    }

    function min(uint256 x, uint256 y) internal pure returns (uint256) {
        return x < y ? x : y;
    }

    function _rmulHalfUp(uint256 x, uint256 y) private pure returns (uint256) {
        return add(mul(x, y), RAY / 2) / RAY;
    }
}
