// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IToken {
    function allowance(address owner, address spender) external view returns (uint256);

    function balanceOf(address account) external view returns (uint256);
}

interface IAaveV3 {
    function flashLoanSimple(address receiver, address asset, uint256 amount, bytes calldata params, uint16 referral)
        external;
}

interface IAaveV2 {
    function flashLoan(
        address receiver,
        address[] calldata assets,
        uint256[] calldata amounts,
        uint256[] calldata modes,
        address onBehalfOf,
        bytes calldata params,
        uint16 referral
    ) external;
}

interface IMorphoBlue {
    function flashLoan(address token, uint256 assets, bytes calldata data) external;
}

interface IPair {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 updated);
    function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata data) external;
}

interface IVault {
    function asset() external view returns (address);
    function redeem(uint256 shares, address receiver, address owner) external returns (uint256 assets);
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
/// in the revert; `conclude` is left standing so that its Transfer logs can be read. It knows no protocol's
/// liquidations: a trial is a list of calls.
contract Probe {
    struct Question {
        address to;
        bytes data;
    }

    /// The first word of an answer goes into a call's data, at a byte offset, just before the call.
    struct Fill {
        uint256 offset;
        address source;
        bytes ask;
    }

    /// `value` is native; the maximum of the type stands for all there is.
    struct Step {
        address to;
        uint256 value;
        bytes data;
        Fill[] fills;
    }

    /// Calls that take `collateral` for `debt`, which `spender` may pull.
    struct Trial {
        address debt;
        address collateral;
        address spender;
        uint256 gas;
        Step[] steps;
    }

    /// Two hops; a sale through one pool leaves the second zero. A hop is an address, above it eight bits of what it is
    /// and above those the fee of a pair, in basis points.
    struct Sale {
        address token;
        uint256 amount;
        uint256 first;
        uint256 second;
    }

    struct Loan {
        uint256 kind;
        address lender;
        uint256 amount;
    }

    /// The pools the seized collateral goes through, then those that what is left of the debt token goes through.
    struct Exit {
        uint256 first;
        uint256 second;
        uint256 homeFirst;
        uint256 homeSecond;
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
    error NoAnswer(address source);
    error NoSuchLoan(uint256 kind);

    uint256 private constant AAVE_V3 = 0;
    uint256 private constant AAVE_V2 = 1;
    uint256 private constant MORPHO_BLUE = 2;
    // What a hop is; 0 is a pool that calls back.
    uint256 private constant PAIR = 1;
    uint256 private constant VAULT = 2;
    /// Enough for any view; what asks for more answers nothing, so that one contract cannot hold up all others.
    uint256 private constant QUESTION_GAS = 5_000_000;
    uint160 private constant LOWEST_PRICE = 4295128739 + 1;
    uint160 private constant HIGHEST_PRICE = 1461446703485210103287273052203988822378723970342 - 1;

    modifier onlySelf() {
        if (msg.sender != address(this)) revert OnlySelf(msg.sender);
        _;
    }

    /// @notice Wrapped native tokens and markets of the native token pay out here.
    receive() external payable {}

    /// @notice Ask many contracts; a revert is an answer.
    function ask(Question[] calldata questions) external returns (bool[] memory kept, bytes[] memory answers) {
        kept = new bool[](questions.length);
        answers = new bytes[](questions.length);

        for (uint256 i = 0; i < questions.length; ++i) {
            (kept[i], answers[i]) = questions[i].to.call{gas: QUESTION_GAS}(questions[i].data);
        }
    }

    /// @notice Make each trial alone and undo it. Needs a balance of every debt token.
    /// @return tried what was pulled and what was gained, in base units, or the first word of the revert
    function trials(Trial[] calldata wanted) external returns (Tried[] memory tried) {
        tried = new Tried[](wanted.length);

        for (uint256 i = 0; i < wanted.length; ++i) {
            try this.tryAndUndo{gas: wanted[i].gas}(wanted[i]) {}
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
    /// @dev What costs nothing needs no loan, and there are lenders that refuse to lend nothing.
    function conclude(Loan calldata loan, Trial calldata trial, Exit calldata exit) external {
        bytes memory plan = abi.encode(loan.lender, trial, exit);

        if (loan.amount == 0) {
            this.onMorphoFlashLoan(0, plan);
        } else if (loan.kind == AAVE_V3) {
            IAaveV3(loan.lender).flashLoanSimple(address(this), trial.debt, loan.amount, plan, 0);
        } else if (loan.kind == AAVE_V2) {
            address[] memory assets = new address[](1);
            uint256[] memory amounts = new uint256[](1);
            (assets[0], amounts[0]) = (trial.debt, loan.amount);
            IAaveV2(loan.lender).flashLoan(
                address(this), assets, amounts, new uint256[](1), address(this), plan, 0
            );
        } else if (loan.kind == MORPHO_BLUE) {
            IMorphoBlue(loan.lender).flashLoan(trial.debt, loan.amount, plan);
        } else {
            revert NoSuchLoan(loan.kind);
        }
    }

    /// @notice Aave V3's callback: the loan is here.
    function executeOperation(address, uint256 amount, uint256 premium, address, bytes calldata plan)
        external
        returns (bool)
    {
        _carryOut(plan, amount, premium);
        return true;
    }

    /// @notice Aave V2's callback: the loan is here.
    function executeOperation(
        address[] calldata,
        uint256[] calldata amounts,
        uint256[] calldata premiums,
        address,
        bytes calldata plan
    ) external returns (bool) {
        _carryOut(plan, amounts[0], premiums[0]);
        return true;
    }

    /// @notice Morpho Blue's callback: the loan is here, and free.
    function onMorphoFlashLoan(uint256 amount, bytes calldata plan) external {
        _carryOut(plan, amount, 0);
    }

    /// @notice The swap pool's callback: pay what it asks in the token sold.
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        address token = abi.decode(data, (address));
        uint256 owed = uint256(amount0 > 0 ? amount0 : amount1);
        _accepted(token, abi.encodeWithSignature("transfer(address,uint256)", msg.sender, owed));
    }

    function tryAndUndo(Trial calldata trial) external onlySelf {
        uint256 held = IToken(trial.debt).balanceOf(address(this));
        uint256 before = IToken(trial.collateral).balanceOf(address(this));
        _make(trial, held);

        uint256 afterwards = IToken(trial.collateral).balanceOf(address(this));

        if (trial.debt != trial.collateral) {
            revert Undone(held - IToken(trial.debt).balanceOf(address(this)), afterwards - before);
        }

        // By what is left of the allowance: balances cannot tell where one token is both debt and collateral.
        uint256 repaid = held - IToken(trial.debt).allowance(address(this), trial.spender);
        revert Undone(repaid, afterwards + repaid - before);
    }

    function sellAndUndo(Sale calldata sale) external onlySelf {
        revert Undone(_sell(sale), 0);
    }

    function _carryOut(bytes calldata plan, uint256 amount, uint256 premium) private {
        (address lender, Trial memory trial, Exit memory exit) = abi.decode(plan, (address, Trial, Exit));
        _make(trial, amount);

        if (exit.first != 0) {
            uint256 seized = IToken(trial.collateral).balanceOf(address(this));
            _sell(Sale(trial.collateral, seized, exit.first, exit.second));
        }

        if (exit.homeFirst != 0) {
            uint256 left = IToken(trial.debt).balanceOf(address(this)) - amount - premium;
            _sell(Sale(trial.debt, left, exit.homeFirst, exit.homeSecond));
        }

        if (amount != 0) _approve(trial.debt, lender, amount + premium);
    }

    function _make(Trial memory trial, uint256 allowance) private {
        _approve(trial.debt, trial.spender, allowance);

        for (uint256 i = 0; i < trial.steps.length; ++i) {
            _step(trial.steps[i]);
        }
    }

    function _step(Step memory step) private {
        bytes memory data = step.data;

        for (uint256 i = 0; i < step.fills.length; ++i) {
            (bool answered, bytes memory answer) = step.fills[i].source.staticcall(step.fills[i].ask);

            if (!answered || answer.length < 32) revert NoAnswer(step.fills[i].source);

            uint256 offset = step.fills[i].offset;
            assembly ("memory-safe") {
                mstore(add(add(data, 32), offset), mload(add(answer, 32)))
            }
        }

        uint256 value = step.value == type(uint256).max ? address(this).balance : step.value;
        (bool kept, bytes memory reason) = step.to.call{value: value}(data);

        if (!kept) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }

    function _sell(Sale memory sale) private returns (uint256 received) {
        address token;
        (token, received) = _swap(sale.first, sale.token, sale.amount);

        if (sale.second != 0) (, received) = _swap(sale.second, token, received);
    }

    function _swap(uint256 hop, address token, uint256 amount) private returns (address other, uint256 received) {
        uint256 kind = (hop >> 160) & 0xff;

        if (kind == VAULT) return _redeem(IVault(address(uint160(hop))), amount);
        if (kind == PAIR) return _swapOnPair(IPair(address(uint160(hop))), hop >> 168, token, amount);

        return _swapOnPool(address(uint160(hop)), token, amount);
    }

    function _redeem(IVault vault, uint256 shares) private returns (address asset, uint256 received) {
        asset = vault.asset();
        uint256 before = IToken(asset).balanceOf(address(this));
        vault.redeem(shares, address(this), address(this));
        received = IToken(asset).balanceOf(address(this)) - before;
    }

    function _swapOnPair(IPair pair, uint256 feeBps, address token, uint256 amount)
        private
        returns (address other, uint256 received)
    {
        bool zeroForOne = pair.token0() == token;
        other = zeroForOne ? pair.token1() : pair.token0();
        (uint256 held, uint256 offered,) = pair.getReserves();

        if (!zeroForOne) (held, offered) = (offered, held);

        uint256 counted = amount * (10_000 - feeBps);
        received = (counted * offered) / (held * 10_000 + counted);
        _accepted(token, abi.encodeWithSignature("transfer(address,uint256)", address(pair), amount));
        pair.swap(zeroForOne ? 0 : received, zeroForOne ? received : 0, address(this), "");
    }

    function _swapOnPool(address pool, address token, uint256 amount)
        private
        returns (address other, uint256 received)
    {
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
