// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Interpreter} from "./Interpreter.sol";
import {Program} from "./Program.sol";
import {Roles} from "./Roles.sol";
import {IWrappedNative, Tokens} from "./Tokens.sol";

/// What a frame is worth, and until when.
struct Header {
    uint40 deadline; // last timestamp
    uint40 maxBlock; // last block, 0 for any
    address profitToken;
    uint128 minProfit;
    uint16 tipBps; // of what exceeds minProfit; only where the profit token is the wrapped native asset
    uint128 minTip;
    uint128 maxTip;
    uint8 flags;
}

/// What the solver of an Atlas auction agreed to.
struct AtlasTerms {
    address environment;
    address bidToken; // zero: native
    uint128 maxBid;
    uint128 maxGasSpend; // of our bond, for gas
}

interface IAtlas {
    function shortfall() external view returns (uint256 gasLiability, uint256 borrowLiability);
    function reconcile(uint256 maxApprovedGasSpend) external payable returns (uint256 owed);
}

/// @title The contract every liquidation runs through
/// @notice Empty between transactions, and trusting nobody: an operator's program runs inside a frame, can reach only
/// what the owner listed, and counts only if at the end every loan, allowance and balance is as it was and the
/// profit, in a token the owner listed, went to the treasury.
contract Executor is Interpreter {
    error WrongChain(uint256 chainId);
    error Expired(uint256 deadline, uint256 maxBlock);
    error ZeroMinProfit();
    error TipNeedsWrappedNative(address profitToken);
    error ExpectationsLeft(uint256 count);
    error TipFailed(address coinbase, uint256 tip);
    error BalanceLost(address token, uint256 start, uint256 balance);
    error NotEnoughProfit(uint256 profit, uint256 minProfit);
    error WrongInitiator(address initiator);
    error WrongData(address caller, bytes4 selector);
    error NativeTransferFailed(address to, uint256 amount);
    error NotAtlas(address caller);
    error WrongTerms();

    /// The frame settled; `profit` is what the treasury got of the profit token.
    event Executed(address indexed operator, address indexed profitToken, uint256 profit, uint256 tip);
    /// There was nothing to liquidate, and the operator had asked to be told quietly.
    event Missed(address indexed operator);

    /// Header flag: the frame reverts if the tip cannot be paid.
    uint256 public constant FLAG_TIP_REQUIRED = 2;
    /// Header flag: a leading condition that is not met ends the call without an error.
    uint256 public constant FLAG_QUIET_MISS = 4;

    /// Enough for a coinbase that is a contract and books what it gets, too little to harm.
    uint256 private constant COINBASE_GAS = 30_000;
    uint256 private constant BPS = 10_000;
    uint256 private constant HEADER_SIZE = 8 * 32;
    uint256 private constant TERMS_SIZE = 4 * 32;

    address public immutable atlas;
    uint256 public immutable chainId;

    constructor(
        address owner_,
        address guardian_,
        address treasury_,
        address wrappedNative_,
        address atlas_,
        address[] memory operators
    ) Roles(owner_, guardian_, treasury_, operators) Interpreter(wrappedNative_) {
        atlas = atlas_;
        chainId = block.chainid;
    }

    // Entry -------------------------------------------------------------------------------------------------------

    /// @notice Runs a program, for an operator. Value sent is for the tip; what is left of it goes to the treasury.
    function execute(Header calldata header, bytes calldata program) external payable {
        if (!isOperator[msg.sender]) revert NotOperator(msg.sender);

        bool quiet = header.flags & FLAG_QUIET_MISS != 0;

        if (_begin(header, program, quiet)) {
            _settle(header, msg.sender);
        } else {
            emit Missed(msg.sender);
        }
    }

    /// @notice Runs a program as the solver of an Atlas auction; Atlas has checked the operator's signature of it.
    /// @param solverOpData The header, the terms, and then the program itself.
    function atlasSolverCall(
        address solverOpFrom,
        address environment,
        address bidToken,
        uint256 bidAmount,
        bytes calldata solverOpData,
        bytes calldata
    ) external payable {
        if (atlas == address(0) || msg.sender != atlas) revert NotAtlas(msg.sender);
        if (!isOperator[solverOpFrom]) revert NotOperator(solverOpFrom);
        if (solverOpData.length < HEADER_SIZE + TERMS_SIZE) revert WrongTerms();

        Header calldata header;
        AtlasTerms calldata terms;
        assembly ("memory-safe") {
            header := solverOpData.offset
            terms := add(header, HEADER_SIZE)
        }

        if (environment != terms.environment || bidToken != terms.bidToken || bidAmount > terms.maxBid) {
            revert WrongTerms();
        }

        _begin(header, solverOpData[HEADER_SIZE + TERMS_SIZE:], false);
        _payBid(environment, bidToken, bidAmount);
        _reconcile(terms.maxGasSpend);
        _settle(header, solverOpFrom);
    }

    /// @notice Takes native assets only while a frame is open: unwrapping, and protocols that pay in them.
    receive() external payable {
        if (frame == 0) revert NoFrame(msg.sender);
    }

    /// Opens the frame and runs the program. False, with nothing done, if a leading condition is not met and `quiet`.
    function _begin(Header calldata header, bytes calldata program, bool quiet) private returns (bool) {
        _check(header);
        uint256 cursor;
        uint256 end;
        assembly ("memory-safe") {
            cursor := program.offset
            end := add(cursor, program.length)
        }

        while (cursor < end && Program.u8(cursor) == Program.REQUIRE) {
            (bool met, uint256 value, uint256 next) = _test(cursor + 1);

            if (!met && !quiet) revert NotLiquidatable(Program.addr(cursor + 1), value);
            if (!met) return false;

            cursor = next;
        }

        _open(header.flags);
        _watch(header.profitToken);
        _watchPinned();

        for (; cursor < end && Program.u8(cursor) == Program.WATCH; cursor += 21) {
            _watch(Program.addr(cursor + 1));
        }

        _run(cursor, end, address(0), 0);

        return true;
    }

    function _check(Header calldata header) private view {
        if (paused) revert Paused();
        if (frame != 0) revert FrameOpen();
        if (block.chainid != chainId) revert WrongChain(block.chainid);
        if (block.timestamp > header.deadline || (header.maxBlock != 0 && block.number > header.maxBlock)) {
            revert Expired(header.deadline, header.maxBlock);
        }
        if (header.minProfit == 0) revert ZeroMinProfit();
        if (header.tipBps != 0 && header.profitToken != wrappedNative) revert TipNeedsWrappedNative(header.profitToken);

        _requireListed(header.profitToken);
    }

    function _watchPinned() private {
        uint256 count = pinnedCount;

        for (uint256 i; i < count; ++i) {
            _watch(pinned[i]);
        }
    }

    // Callbacks ---------------------------------------------------------------------------------------------------

    /// @notice Every callback arrives here and must be the one announced last: by the same caller and selector, with
    /// the data that was announced, which is the program to run.
    fallback(bytes calldata) external returns (bytes memory) {
        if (frame == 0) revert NoFrame(msg.sender);

        Expectation memory e = _consume(msg.sender, msg.sig);

        if (e.initiatorSlot != Program.NO_SLOT) {
            address initiator = address(uint160(Program.word(4 + (e.initiatorSlot << 5))));

            if (initiator != address(this)) revert WrongInitiator(initiator);
        }

        if (e.dataSlot != Program.NO_SLOT) {
            uint256 start = 36 + Program.word(4 + (e.dataSlot << 5));
            uint256 length = Program.word(start - 32);

            if (length > msg.data.length || _hash(start, length) != e.dataHash) {
                revert WrongData(msg.sender, msg.sig);
            }

            _run(start, start + length, msg.sender, e.mayPay);
        }

        return _answer(e);
    }

    function _answer(Expectation memory e) private pure returns (bytes memory) {
        uint256 answer = e.answer & Program.ANSWER;

        if (answer == Program.ANSWER_NOTHING) return "";
        if (answer == Program.ANSWER_TRUE) return abi.encode(true);
        if (answer == Program.ANSWER_ERC3156) return abi.encode(keccak256("ERC3156FlashBorrower.onFlashLoan"));
        if (answer == Program.ANSWER_EMPTY_BYTES) return abi.encode("");

        return abi.encode(e.word);
    }

    function _hash(uint256 start, uint256 length) private pure returns (bytes32 dataHash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, start, length)
            dataHash := keccak256(free, length)
        }
    }

    // Settlement --------------------------------------------------------------------------------------------------

    /// The end of a frame, in an order that matters: the tip is a call to a stranger, so everything is checked after it.
    function _settle(Header calldata header, address operator) private {
        if (expectationCount != 0) revert ExpectationsLeft(expectationCount);

        uint256 tip = _payTip(header);
        _takeBack();
        uint256 profit = _collect(header.minProfit);
        _collectNative();
        _close();

        emit Executed(operator, header.profitToken, profit, tip);
    }

    function _payTip(Header calldata header) private returns (uint256 tip) {
        tip = header.minTip + tipAdded;

        if (header.tipBps != 0) {
            uint256 gain = _gain(wrappedNative);
            uint256 share = gain > header.minProfit ? (gain - header.minProfit) * header.tipBps / BPS : 0; // down

            if (share > tip) tip = share;
        }

        if (tip > header.maxTip) tip = header.maxTip;
        if (tip == 0) return 0;

        bool paid = _haveNative(tip);

        if (paid) {
            assembly ("memory-safe") {
                paid := call(COINBASE_GAS, coinbase(), tip, 0, 0, 0, 0)
            }
        }

        if (paid) return tip;
        if (header.flags & FLAG_TIP_REQUIRED != 0) revert TipFailed(block.coinbase, tip);

        return 0;
    }

    /// Unwraps what is missing of `amount`; false if the frame has not gained that much.
    function _haveNative(uint256 amount) private returns (bool) {
        uint256 available = _gain(address(0));

        if (available >= amount) return true;
        if (!_isWatched(wrappedNative) || _gain(wrappedNative) < amount - available) return false;

        IWrappedNative(wrappedNative).withdraw(amount - available);

        return true;
    }

    /// Checks that no watched token is short, and sends what was gained to the treasury. The first is the profit token.
    function _collect(uint256 minProfit) private returns (uint256 profit) {
        uint256 count = watchedCount;

        for (uint256 i; i < count; ++i) {
            address token = _watchedAt(i);
            uint256 start = _startOf(token);
            uint256 balance = IWrappedNative(token).balanceOf(address(this));

            if (balance < start) revert BalanceLost(token, start, balance);

            uint256 gain = balance - start;

            if (i == 0) {
                if (gain < minProfit) revert NotEnoughProfit(gain, minProfit);

                profit = gain;
            }

            if (gain != 0) Tokens.transfer(token, treasury, gain);

            _unwatch(token);
        }
    }

    function _collectNative() private {
        uint256 balance = address(this).balance;

        if (balance < nativeStart) revert BalanceLost(address(0), nativeStart, balance);
        if (balance > nativeStart) _sendNative(treasury, balance - nativeStart);
    }

    function _payBid(address environment, address bidToken, uint256 amount) private {
        if (amount == 0) return;

        if (bidToken != address(0)) {
            if (!_isWatched(bidToken)) revert NotWatched(bidToken);

            Tokens.transfer(bidToken, environment, amount);
            return;
        }

        if (!_haveNative(amount)) revert NativeTransferFailed(environment, amount);

        _sendNative(environment, amount);
    }

    /// Pays back what Atlas lent for this call, and lets it take gas from our bond.
    function _reconcile(uint256 maxGasSpend) private {
        (, uint256 borrowed) = IAtlas(atlas).shortfall();

        if (!_haveNative(borrowed)) revert NativeTransferFailed(atlas, borrowed);

        IAtlas(atlas).reconcile{value: borrowed}(maxGasSpend);
    }

    function _sendNative(address to, uint256 amount) private {
        (bool success,) = to.call{value: amount}("");

        if (!success) revert NativeTransferFailed(to, amount);
    }

    // Rescue ------------------------------------------------------------------------------------------------------

    /// @notice Sends what does not belong here to the treasury; the zero address is the native asset.
    function sweep(address token) external onlyOwner {
        if (frame != 0) revert FrameOpen();

        if (token == address(0)) {
            _sendNative(treasury, address(this).balance);
        } else {
            Tokens.transfer(token, treasury, IWrappedNative(token).balanceOf(address(this)));
        }
    }
}
