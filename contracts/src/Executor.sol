// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Interpreter} from "./Interpreter.sol";
import {Program} from "./Program.sol";
import {Roles} from "./Roles.sol";
import {Header, Settlement} from "./Settlement.sol";
import {Tokens} from "./Tokens.sol";

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
/// @dev It never holds a position in a protocol. Where one makes the liquidator take a position over, a small account
/// contract of its own does that and is listed here as a target: opened, emptied and closed within the frame.
contract Executor is Settlement {
    error WrongChain(uint256 chainId);
    error Expired(uint256 deadline, uint256 maxBlock);
    error ZeroMinProfit();
    error TipNeedsWrappedNative(address profitToken);
    error WrongInitiator(address initiator);
    error WrongData(address caller, bytes4 selector);
    error NotAtlas(address caller);
    error WrongTerms();

    /// There was nothing to liquidate, and the operator had asked to be told quietly.
    event Missed(address indexed operator);

    /// Header flag: a leading condition that is not met ends the call without an error.
    uint256 internal constant FLAG_QUIET_MISS = 4;

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
    /// @return profit What the treasury got of the profit token, for whoever simulates; 0 is a quiet miss.
    function execute(Header calldata header, bytes calldata program) external payable returns (uint256 profit) {
        if (!isOperator[msg.sender]) revert NotOperator(msg.sender);

        bool quiet = header.flags & FLAG_QUIET_MISS != 0;

        if (_begin(header, program, quiet)) return _settle(header, msg.sender);

        emit Missed(msg.sender);

        if (msg.value != 0) _sendNative(msg.sender, msg.value);
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
        if (!_isOpen()) revert NoFrame(msg.sender);
    }

    /// Opens the frame and runs the program. False, with nothing done, if a leading condition is not met and `quiet`.
    function _begin(Header calldata header, bytes calldata program, bool quiet) private returns (bool) {
        _checkHeader(header);
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

        // After the conditions: these read storage, and a miss should cost as little as it can.
        if (paused) revert Paused();

        _requireListed(header.profitToken);
        uint256 count = _watch(header.profitToken, 0);

        for (; cursor < end && Program.u8(cursor) == Program.WATCH; cursor += 21) {
            count = _watch(Program.addr(cursor + 1), count);
        }

        for (uint256 i = pinnedCount; i != 0; --i) {
            count = _watch(pinned[i - 1], count);
        }

        _open(header.flags, count);
        _run(cursor, end, Context(address(0), 0, 0));

        return true;
    }

    function _checkHeader(Header calldata header) private view {
        if (_isOpen()) revert FrameOpen();
        if (block.chainid != chainId) revert WrongChain(block.chainid);
        if (block.timestamp > header.deadline || (header.maxBlock != 0 && block.number > header.maxBlock)) {
            revert Expired(header.deadline, header.maxBlock);
        }
        if (header.minProfit == 0) revert ZeroMinProfit();
        if (header.tipBps != 0 && header.profitToken != wrappedNative) {
            revert TipNeedsWrappedNative(header.profitToken);
        }
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

    // Callbacks ---------------------------------------------------------------------------------------------------

    /// @notice Every callback arrives here and must be the one announced last: by the same caller and selector, with
    /// the data that was announced, which is the program to run.
    fallback(bytes calldata) external returns (bytes memory) {
        (uint256 expectation, uint256 head) = _consume(msg.sender, msg.sig);
        uint256 slot = (head >> 8) & 0xff;

        if (slot != Program.NO_SLOT) {
            uint256 initiator = Program.argument(slot);

            if (initiator != uint160(address(this))) revert WrongInitiator(address(uint160(initiator)));
        }

        slot = (head >> 16) & 0xff;

        if (slot != Program.NO_SLOT) {
            uint256 start = 36 + Program.argument(slot);
            uint256 length = Program.word(start - 32);

            if (length > msg.data.length || _hash(start, length) != _dataHashOf(expectation)) {
                revert WrongData(msg.sender, msg.sig);
            }

            _run(start, start + length, Context(msg.sender, _mayPayOf(expectation), 0));
        }

        return _answer(expectation, head & Program.ANSWER);
    }

    function _answer(uint256 expectation, uint256 kind) private returns (bytes memory) {
        if (kind == Program.ANSWER_NOTHING) return "";
        if (kind == Program.ANSWER_TRUE) return abi.encode(true);
        if (kind == Program.ANSWER_ERC3156) return abi.encode(keccak256("ERC3156FlashBorrower.onFlashLoan"));
        if (kind == Program.ANSWER_EMPTY_BYTES) return abi.encode("");

        return abi.encode(_takeWord(expectation));
    }

    function _hash(uint256 start, uint256 length) private pure returns (bytes32 dataHash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, start, length)
            dataHash := keccak256(free, length)
        }
    }

    // Rescue ------------------------------------------------------------------------------------------------------

    /// @notice Sends what does not belong here to the treasury; the zero address is the native asset.
    function sweep(address token) external onlyOwner {
        if (_isOpen()) revert FrameOpen();

        if (token == address(0)) {
            _sendNative(treasury, address(this).balance);
        } else {
            Tokens.transfer(token, treasury, Tokens.balanceOf(token, address(this)));
        }
    }
}
