// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Roles} from "./Roles.sol";

/// What a (target, selector) may be used for.
enum Kind {
    NONE,
    CALL, // called by a program, without value
    PAYABLE, // called by a program, with value
    CALLBACK, // named as a caller by an expectation, where it is not the target itself that calls back
    GRANT, // called with one address to give it a right, taken back by `revoke` before the frame ends
    RECIPIENT // paid by TRANSFER; the selector is zero
}

struct Rule {
    address target;
    bytes4 selector;
    Kind kind;
    bytes4 revoke;
    address spender; // who pulls what the call pays, or whom a grant is for; zero for nobody
}

struct Listing {
    address token;
    bool listed;
    bool pinned;
}

struct Factory {
    address factory;
    bytes32 initCodeHash;
}

/// @title What programs can reach
/// @notice Programs come from a hot key, so what they can call is decided here, by the owner: targets by selector, each
/// with the one spender that goes with it, the tokens worth holding, and the factories whose pools need no entry each.
abstract contract Allowlist is Roles {
    error BannedSelector(bytes4 selector);
    error BadRule(address target, bytes4 selector);
    error TooManyPinned();
    error NotAllowed(address target, bytes4 selector);
    error NoSpender(address target, bytes4 selector);
    error NotListed(address token);
    error UnknownFactory(address factory);

    event RuleSet(address indexed target, bytes4 indexed selector, Kind kind, bytes4 revoke, address spender);
    event TokenSet(address indexed token, bool listed, bool pinned);
    event FactorySet(address indexed factory, bytes32 initCodeHash);

    /// Each pinned token costs every frame two balance reads.
    uint256 internal constant MAX_PINNED = 8;

    bytes4 internal constant SWAP = bytes4(keccak256("swap(address,bool,int256,uint160,bytes)"));
    bytes4 internal constant FLASH = bytes4(keccak256("flash(address,uint256,uint256,bytes)"));

    struct Grade {
        bool listed;
        bool pinned;
    }

    // Packed into one word, as every call of a program reads one: kind 8 bits, revoke 32, spender 160.
    mapping(uint256 targetAndSelector => uint256 rule) private rules;
    mapping(address token => Grade grade) public tokens;
    mapping(address factory => bytes32 initCodeHash) public initCodeHashOf;
    address[MAX_PINNED] internal pinned;

    /// @notice Changes what programs can reach; a rule of kind NONE, an unlisted token or a zero hash takes an entry out.
    /// Selectors that move or promise tokens can only be used through the operations for it.
    function configure(Rule[] calldata rules_, Listing[] calldata listings, Factory[] calldata factories)
        external
        onlyOwner
    {
        for (uint256 i; i < rules_.length; ++i) {
            _setRule(rules_[i]);
        }

        for (uint256 i; i < listings.length; ++i) {
            _setToken(listings[i]);
        }

        for (uint256 i; i < factories.length; ++i) {
            initCodeHashOf[factories[i].factory] = factories[i].initCodeHash;
            emit FactorySet(factories[i].factory, factories[i].initCodeHash);
        }
    }

    /// @notice What a program may use this (target, selector) for, the selector that takes a grant back, and the spender.
    function ruleOf(address target, bytes4 selector) external view returns (Kind kind, bytes4 revoke, address spender) {
        uint256 rule = _ruleOf(target, selector);
        return (Kind(_kindOf(rule)), _revokeOf(rule), _spenderOf(rule));
    }

    /// @notice The tokens every frame checks, whether or not its program names them.
    function pinnedTokens() external view returns (address[] memory list) {
        list = new address[](pinnedCount);

        for (uint256 i; i < list.length; ++i) {
            list[i] = pinned[i];
        }
    }

    function _ruleOf(address target, bytes4 selector) internal view returns (uint256) {
        return rules[(uint256(uint160(target)) << 32) | uint32(selector)];
    }

    function _kindOf(uint256 rule) internal pure returns (uint256) {
        return uint8(rule);
    }

    function _revokeOf(uint256 rule) internal pure returns (bytes4) {
        return bytes4(uint32(rule >> 8));
    }

    function _spenderOf(uint256 rule) internal pure returns (address) {
        return address(uint160(rule >> 40));
    }

    function _requireKind(address target, bytes4 selector, Kind kind) internal view returns (uint256 rule) {
        rule = _ruleOf(target, selector);

        if (_kindOf(rule) != uint256(kind)) revert NotAllowed(target, selector);
    }

    function _requireListed(address token) internal view {
        if (!tokens[token].listed) revert NotListed(token);
    }

    /// The address of a V3-style pool, which nobody but its factory can have code at. Both tokens must be listed: a
    /// genuine pool of a worthless token is anybody's to make.
    function _poolOf(address factory, address token0, address token1, uint256 fee)
        internal
        view
        returns (address pool)
    {
        bytes32 initCodeHash = initCodeHashOf[factory];

        if (initCodeHash == 0) revert UnknownFactory(factory);

        _requireListed(token0);
        _requireListed(token1);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shr(96, shl(96, token0)))
            mstore(add(free, 32), shr(96, shl(96, token1)))
            mstore(add(free, 64), fee)
            let salt := keccak256(free, 96)
            mstore8(free, 0xff)
            mstore(add(free, 1), shl(96, factory))
            mstore(add(free, 21), salt)
            mstore(add(free, 53), initCodeHash)
            pool := shr(96, shl(96, keccak256(free, 85)))
        }
    }

    function _setRule(Rule calldata rule) private {
        if (!_isCoherent(rule)) revert BadRule(rule.target, rule.selector);
        if ((rule.kind == Kind.CALL || rule.kind == Kind.PAYABLE) && _isBanned(rule.selector)) {
            revert BannedSelector(rule.selector);
        }

        rules[(uint256(uint160(rule.target)) << 32) | uint32(rule.selector)] =
            uint256(rule.kind) | (uint256(uint32(rule.revoke)) << 8) | (uint256(uint160(rule.spender)) << 40);
        emit RuleSet(rule.target, rule.selector, rule.kind, rule.revoke, rule.spender);
    }

    function _isCoherent(Rule calldata rule) private view returns (bool) {
        if (rule.target == address(0) || rule.target == address(this) || rule.spender == address(this)) return false;
        if ((rule.kind == Kind.GRANT) != (rule.revoke != 0)) return false;
        if (rule.kind == Kind.NONE) return rule.spender == address(0);

        return (rule.kind == Kind.RECIPIENT) == (rule.selector == 0);
    }

    function _setToken(Listing calldata listing) private {
        if (listing.pinned && !listing.listed) revert NotListed(listing.token);

        bool wasPinned = tokens[listing.token].pinned;
        tokens[listing.token] = Grade(listing.listed, listing.pinned);

        if (listing.pinned && !wasPinned) {
            if (pinnedCount == MAX_PINNED) revert TooManyPinned();

            pinned[pinnedCount++] = listing.token;
        } else if (wasPinned && !listing.pinned) {
            _unpin(listing.token);
        }

        emit TokenSet(listing.token, listing.listed, listing.pinned);
    }

    function _unpin(address token) private {
        uint256 last = --pinnedCount;

        for (uint256 i; i < last; ++i) {
            if (pinned[i] == token) {
                pinned[i] = pinned[last];
                break;
            }
        }

        pinned[last] = address(0);
    }

    /// Selectors that move tokens, or give somebody the right to; a guard against a slip of the owner's.
    function _isBanned(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("approve(address,uint256)")) || s == bytes4(keccak256("transfer(address,uint256)"))
            || s == bytes4(keccak256("transferFrom(address,address,uint256)"))
            || s == bytes4(keccak256("increaseAllowance(address,uint256)"))
            || s == bytes4(keccak256("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"))
            || s == bytes4(keccak256("permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)"))
            || s == bytes4(keccak256("approve(address,address,uint160,uint48)"))
            || s == bytes4(keccak256("setApprovalForAll(address,bool)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256,bytes)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256,uint256,bytes)"))
            || s == bytes4(keccak256("safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"))
            || s == bytes4(keccak256("authorizeOperator(address)")) || s == bytes4(keccak256("hope(address)"))
            || s == bytes4(keccak256("allow(address,bool)")) || s == bytes4(keccak256("setAuthorization(address,bool)"))
            || s == bytes4(keccak256("approveDelegation(address,uint256)"))
            || s == bytes4(keccak256("setLocalOperator(address,bool)"))
            || s == bytes4(keccak256("setOperator(bytes19,address,uint256)"))
            || s == bytes4(keccak256("setAccountOperator(address,address,bool)"));
    }
}
