// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IToken {
    function allowance(address owner, address spender) external view returns (uint256);

    function balanceOf(address account) external view returns (uint256);
}

interface ILender {
    function liquidationCall(address collateral, address debt, address borrower, uint256 size, bool receiveAToken) external;

    function flashLoanSimple(address receiver, address asset, uint256 amount, bytes calldata params, uint16 referral)
        external;
}

interface ISwapPool {
    function token0() external view returns (address);

    function swap(address to, bool zeroForOne, int256 amount, uint160 priceLimit, bytes calldata data)
        external
        returns (int256 amount0, int256 amount1);
}

/// @title The referee's hands: what it tries on a chain, it tries with this code
/// @notice Never deployed. The node is asked to run it at an unused address, by a state override, in a simulated
/// block, so that nothing of it stays. `trials` and `sales` undo each try by reverting it and pass the result out
/// in the revert; `conclude` is left standing so that its Transfer logs can be read.
contract Probe {
    struct Question {
        address to;
        bytes data;
    }

    struct Trial {
        address collateral;
        address debt;
        address borrower;
        uint256 size;
    }

    /// Two hops; a sale through one pool leaves the second zero.
    struct Sale {
        address token;
        uint256 amount;
        address first;
        address second;
    }

    /// The pools the seized collateral goes through, then those that what is left of the debt token goes through.
    struct Exit {
        address first;
        address second;
        address homeFirst;
        address homeSecond;
    }

    struct Tried {
        uint256 repaid;
        uint256 seized;
        bytes32 reason;
    }

    /// The result of a try that went through, carried out of the frame that is being undone.
    error Undone(uint256 a, uint256 b);
    error OnlySelf(address caller);
    error TokenRefused(address token);

    uint160 private constant LOWEST_PRICE = 4295128739 + 1;
    uint160 private constant HIGHEST_PRICE = 1461446703485210103287273052203988822378723970342 - 1;

    modifier onlySelf() {
        if (msg.sender != address(this)) revert OnlySelf(msg.sender);
        _;
    }

    /// @notice Ask many contracts; a revert is an answer.
    function ask(Question[] calldata questions) external returns (bool[] memory kept, bytes[] memory answers) {
        kept = new bool[](questions.length);
        answers = new bytes[](questions.length);

        for (uint256 i = 0; i < questions.length; ++i) {
            (kept[i], answers[i]) = questions[i].to.call(questions[i].data);
        }
    }

    /// @notice Liquidate each trial alone and undo it. Needs a balance of every debt token.
    /// @return tried what the pool took and gave, in base units, or the first word of the pool's revert
    function trials(address lender, Trial[] calldata wanted) external returns (Tried[] memory tried) {
        tried = new Tried[](wanted.length);

        for (uint256 i = 0; i < wanted.length; ++i) {
            try this.liquidateAndUndo(lender, wanted[i]) {}
            catch (bytes memory reason) {
                (bool done, uint256 repaid, uint256 seized) = _undone(reason);
                tried[i] = done ? Tried(repaid, seized, 0) : Tried(0, 0, _firstWord(reason));
            }
        }
    }

    /// @notice Sell each amount alone through the pools and undo it. Needs a balance of every token sold.
    /// @return received base units of the last token, 0 where the sale reverts
    function sales(Sale[] calldata wanted) external returns (uint256[] memory received) {
        received = new uint256[](wanted.length);

        for (uint256 i = 0; i < wanted.length; ++i) {
            try this.sellAndUndo(wanted[i]) {}
            catch (bytes memory reason) {
                (, received[i],) = _undone(reason);
            }
        }
    }

    /// @notice Borrow, liquidate, sell and repay, and let it stand. Starts without a balance of anything.
    function conclude(address lender, Trial calldata trial, uint256 loan, Exit calldata exit) external {
        ILender(lender).flashLoanSimple(address(this), trial.debt, loan, abi.encode(lender, trial, exit), 0);
    }

    /// @notice The lender's callback: the loan is here.
    function executeOperation(address asset, uint256 amount, uint256 premium, address, bytes calldata params)
        external
        returns (bool)
    {
        (address lender, Trial memory trial, Exit memory exit) = abi.decode(params, (address, Trial, Exit));
        _liquidate(lender, trial, amount);

        if (exit.first != address(0)) {
            uint256 seized = IToken(trial.collateral).balanceOf(address(this));
            _sell(Sale(trial.collateral, seized, exit.first, exit.second));
        }

        if (exit.homeFirst != address(0)) {
            uint256 left = IToken(asset).balanceOf(address(this)) - amount - premium;
            _sell(Sale(asset, left, exit.homeFirst, exit.homeSecond));
        }

        _approve(asset, lender, amount + premium);
        return true;
    }

    /// @notice The swap pool's callback: pay what it asks in the token sold.
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        address token = abi.decode(data, (address));
        uint256 owed = uint256(amount0 > 0 ? amount0 : amount1);
        _accepted(token, abi.encodeWithSignature("transfer(address,uint256)", msg.sender, owed));
    }

    function liquidateAndUndo(address lender, Trial calldata trial) external onlySelf {
        uint256 held = IToken(trial.debt).balanceOf(address(this));
        uint256 before = IToken(trial.collateral).balanceOf(address(this));
        _liquidate(lender, trial, held);

        // By what is left of the allowance: balances cannot tell where one token is both debt and collateral.
        uint256 repaid = held - IToken(trial.debt).allowance(address(this), lender);
        uint256 afterwards = IToken(trial.collateral).balanceOf(address(this));
        revert Undone(repaid, trial.debt == trial.collateral ? afterwards + repaid - before : afterwards - before);
    }

    function sellAndUndo(Sale calldata sale) external onlySelf {
        revert Undone(_sell(sale), 0);
    }

    function _liquidate(address lender, Trial memory trial, uint256 allowance) private {
        _approve(trial.debt, lender, allowance);
        ILender(lender).liquidationCall(trial.collateral, trial.debt, trial.borrower, trial.size, false);
    }

    function _sell(Sale memory sale) private returns (uint256 received) {
        address token;
        (token, received) = _swap(sale.first, sale.token, sale.amount);

        if (sale.second != address(0)) (, received) = _swap(sale.second, token, received);
    }

    function _swap(address pool, address token, uint256 amount) private returns (address other, uint256 received) {
        bool zeroForOne = ISwapPool(pool).token0() == token;
        other = zeroForOne ? _token1(pool) : ISwapPool(pool).token0();
        (int256 amount0, int256 amount1) = ISwapPool(pool).swap(
            address(this), zeroForOne, int256(amount), zeroForOne ? LOWEST_PRICE : HIGHEST_PRICE, abi.encode(token)
        );
        received = uint256(-(zeroForOne ? amount1 : amount0));
    }

    function _token1(address pool) private view returns (address token) {
        (, bytes memory answer) = pool.staticcall(abi.encodeWithSignature("token1()"));
        token = abi.decode(answer, (address));
    }

    function _approve(address token, address spender, uint256 amount) private {
        // Some tokens refuse to change an allowance that is not zero.
        _accepted(token, abi.encodeWithSignature("approve(address,uint256)", spender, 0));
        _accepted(token, abi.encodeWithSignature("approve(address,uint256)", spender, amount));
    }

    function _accepted(address token, bytes memory data) private {
        (bool kept, bytes memory answer) = token.call(data);

        if (!kept || (answer.length != 0 && !abi.decode(answer, (bool)))) revert TokenRefused(token);
    }

    function _undone(bytes memory reason) private pure returns (bool done, uint256 a, uint256 b) {
        if (reason.length != 68 || bytes4(reason) != Undone.selector) return (false, 0, 0);

        assembly ("memory-safe") {
            a := mload(add(reason, 36))
            b := mload(add(reason, 68))
        }

        done = true;
    }

    function _firstWord(bytes memory reason) private pure returns (bytes32 word) {
        // A revert without data must not look like a try that went through.
        word = reason.length == 0 ? bytes32(uint256(1)) : bytes32(reason);
    }
}
