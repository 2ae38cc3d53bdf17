// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

interface IPool {
    function token0() external view returns (address);
    function swap(address recipient, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
}

/// @title A collateral token that means harm, with a pool that makes it look worth taking
/// @notice Honest until turned. Then it cannot be sold, or it empties its own pool in the middle of a liquidation.
contract SandboxHostileToken {
    enum Mode {
        Honest,
        Unsellable,
        Reentrant
    }

    uint160 private constant MIN_SQRT_RATIO = 4295128739;
    uint160 private constant MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342;
    uint256 private constant DUMPED = 1e30;

    uint8 public constant decimals = 18;
    string public constant symbol = "BAIT";

    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    Mode public mode;
    address private pool;
    address private lender;

    event Transfer(address indexed from, address indexed to, uint256 value);

    /// @param pool_ Where it is sold.
    /// @param lender_ Who hands it to a liquidator.
    function turn(Mode mode_, address pool_, address lender_) external {
        (mode, pool, lender) = (mode_, pool_, lender_);
    }

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        return move(from, to, value);
    }

    /// @dev The pool asks for what was dumped; it is made on the spot.
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        balanceOf[msg.sender] += uint256(amount0 > 0 ? amount0 : amount1);
    }

    function move(address from, address to, uint256 value) private returns (bool) {
        require(mode != Mode.Unsellable || to != pool, "not for sale");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);

        if (mode == Mode.Reentrant && from == lender) {
            bool first = IPool(pool).token0() == address(this);
            uint160 limit = first ? MIN_SQRT_RATIO + 1 : MAX_SQRT_RATIO - 1;
            IPool(pool).swap(address(this), first, int256(DUMPED), limit, "");
        }

        return true;
    }
}
