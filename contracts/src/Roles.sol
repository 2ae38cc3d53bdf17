// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Who may do what
/// @notice The owner (a cold key or a Safe) decides everything slowly or rarely changed, the operators (hot keys, one per
/// nonce lane) may only run programs, the guardian may only pause. The owner is fixed for the contract's life: a
/// contract that holds nothing is replaced, not handed over.
abstract contract Roles {
    error NotOwner(address caller);
    error NotOperator(address caller);
    error NotGuardian(address caller);
    error Paused();
    error ZeroAddress();
    error NoTreasuryProposed();
    error TreasuryTooEarly(uint256 from);

    event OperatorSet(address indexed operator, bool allowed);
    event GuardianSet(address indexed guardian);
    event TreasuryProposed(address indexed treasury, uint256 from);
    event TreasurySet(address indexed treasury);
    event PauseSet(bool paused);

    /// How long a new treasury waits, so that a stolen owner key can be noticed before profits go elsewhere.
    uint256 internal constant TREASURY_DELAY = 2 days;

    address public immutable owner;

    // Read together in every frame, so kept in one slot.
    address public treasury;
    bool public paused;
    uint8 internal pinnedCount;

    address public guardian;
    address public proposedTreasury;
    uint256 public treasuryFrom;

    mapping(address account => bool allowed) public isOperator;

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    constructor(address owner_, address guardian_, address treasury_, address[] memory operators) {
        if (owner_ == address(0) || treasury_ == address(0)) revert ZeroAddress();

        owner = owner_;
        guardian = guardian_;
        treasury = treasury_;

        emit GuardianSet(guardian_);
        emit TreasurySet(treasury_);

        for (uint256 i; i < operators.length; ++i) {
            _setOperator(operators[i], true);
        }
    }

    /// @notice Adds a hot key to the operator set or takes it out; takes effect at once.
    function setOperator(address operator, bool allowed) external onlyOwner {
        _setOperator(operator, allowed);
    }

    /// @notice Replaces the guardian; the zero address leaves pausing to the owner.
    function setGuardian(address guardian_) external onlyOwner {
        guardian = guardian_;
        emit GuardianSet(guardian_);
    }

    /// @notice Announces a new treasury, which `acceptTreasury` makes the real one once the delay has passed.
    function proposeTreasury(address treasury_) external onlyOwner {
        if (treasury_ == address(0)) revert ZeroAddress();

        proposedTreasury = treasury_;
        treasuryFrom = block.timestamp + TREASURY_DELAY;
        emit TreasuryProposed(treasury_, treasuryFrom);
    }

    /// @notice Makes the announced treasury the one that profits go to.
    function acceptTreasury() external onlyOwner {
        if (proposedTreasury == address(0)) revert NoTreasuryProposed();
        if (block.timestamp < treasuryFrom) revert TreasuryTooEarly(treasuryFrom);

        treasury = proposedTreasury;
        proposedTreasury = address(0);
        emit TreasurySet(treasury);
    }

    /// @notice Stops every entry until the owner resumes.
    function pause() external {
        if (msg.sender != guardian && msg.sender != owner) revert NotGuardian(msg.sender);

        paused = true;
        emit PauseSet(true);
    }

    /// @notice Lets programs run again; only the owner, so that a guardian cannot undo its own alarm.
    function unpause() external onlyOwner {
        paused = false;
        emit PauseSet(false);
    }

    function _setOperator(address operator, bool allowed) private {
        if (operator == address(0)) revert ZeroAddress();

        isOperator[operator] = allowed;
        emit OperatorSet(operator, allowed);
    }
}
