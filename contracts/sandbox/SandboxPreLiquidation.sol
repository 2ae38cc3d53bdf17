// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

struct MarketParams {
    address loanToken;
    address collateralToken;
    address oracle;
    address irm;
    uint256 lltv;
}

struct PreLiquidationParams {
    uint256 preLltv;
    uint256 preLCF1;
    uint256 preLCF2;
    uint256 preLIF1;
    uint256 preLIF2;
    address preLiquidationOracle;
}

interface IMorpho {
    function accrueInterest(MarketParams calldata params) external;
    function idToMarketParams(bytes32 id) external view returns (MarketParams memory);
    function market(bytes32 id) external view returns (uint128, uint128, uint128, uint128, uint128, uint128);
    function position(bytes32 id, address user) external view returns (uint256, uint128, uint128);
    function repay(MarketParams calldata, uint256 assets, uint256 shares, address onBehalf, bytes calldata data)
        external
        returns (uint256, uint256);
    function withdrawCollateral(MarketParams calldata, uint256 assets, address onBehalf, address receiver) external;
}

interface IPriced {
    function price() external view returns (uint256);
}

interface IToken {
    function approve(address spender, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

interface IPreLiquidationCallback {
    function onPreLiquidate(uint256 repaidAssets, bytes calldata data) external;
}

/// @title A twin of Morpho's pre-liquidation contract
/// @notice Written from its rules, because no package registry carries it: the same calls, events, errors and rounding.
contract SandboxPreLiquidation {
    error InconsistentInput();
    error LiquidatablePosition();
    error NotMorpho();
    error NotPreLiquidatablePosition();
    error PreLiquidationTooLarge(uint256 repaidShares, uint256 repayableShares);

    event PreLiquidate(
        bytes32 indexed id,
        address indexed liquidator,
        address indexed borrower,
        uint256 repaidAssets,
        uint256 repaidShares,
        uint256 seizedAssets
    );

    uint256 private constant WAD = 1e18;
    uint256 private constant ORACLE_PRICE_SCALE = 1e36;

    IMorpho public immutable MORPHO;
    bytes32 public immutable ID;
    MarketParams private params;
    PreLiquidationParams private terms;

    constructor(address morpho, bytes32 id, PreLiquidationParams memory terms_) {
        MORPHO = IMorpho(morpho);
        ID = id;
        params = MORPHO.idToMarketParams(id);
        terms = terms_;
        IToken(params.loanToken).approve(morpho, type(uint256).max);
    }

    struct Found {
        uint256 assets;
        uint256 shares;
        uint256 price;
        uint256 incentive;
        uint256 repayable;
    }

    /// @notice Repays a part of a borrower's debt for collateral; exactly one of the two amounts is not zero.
    function preLiquidate(address borrower, uint256 seizedAssets, uint256 repaidShares, bytes calldata data)
        external
        returns (uint256, uint256)
    {
        require((seizedAssets == 0) != (repaidShares == 0), InconsistentInput());
        Found memory found = look(borrower);

        if (seizedAssets > 0) {
            uint256 worth = up(up(seizedAssets * found.price, ORACLE_PRICE_SCALE) * WAD, found.incentive);
            repaidShares = up(worth * (found.shares + 1e6), found.assets + 1);
        } else {
            uint256 worth = repaidShares * (found.assets + 1) / (found.shares + 1e6);
            seizedAssets = worth * found.incentive / WAD * ORACLE_PRICE_SCALE / found.price;
        }

        require(repaidShares <= found.repayable, PreLiquidationTooLarge(repaidShares, found.repayable));
        bytes memory context = abi.encode(seizedAssets, borrower, msg.sender, data);
        (uint256 repaidAssets,) = MORPHO.repay(params, 0, repaidShares, borrower, context);
        emit PreLiquidate(ID, msg.sender, borrower, repaidAssets, repaidShares, seizedAssets);

        return (seizedAssets, repaidAssets);
    }

    /// @dev Reads the market with interest up to now, the price, and what it means for this borrower.
    function look(address borrower) private returns (Found memory found) {
        MORPHO.accrueInterest(params);
        (,, found.assets, found.shares,,) = MORPHO.market(ID);
        (, uint256 borrowShares, uint256 collateral) = MORPHO.position(ID, borrower);
        found.price = IPriced(terms.preLiquidationOracle).price();
        uint256 borrowed = up(borrowShares * (found.assets + 1), found.shares + 1e6);
        uint256 quotient = where(collateral * found.price / ORACLE_PRICE_SCALE, borrowed);
        found.incentive = quotient * (terms.preLIF2 - terms.preLIF1) / WAD + terms.preLIF1;
        found.repayable = borrowShares * (quotient * (terms.preLCF2 - terms.preLCF1) / WAD + terms.preLCF1) / WAD;
    }

    /// @notice Morpho's call back: hands the collateral over, calls the liquidator back, then takes the payment.
    function onMorphoRepay(uint256 repaidAssets, bytes calldata context) external {
        require(msg.sender == address(MORPHO), NotMorpho());
        (uint256 seizedAssets, address borrower, address liquidator, bytes memory data) =
            abi.decode(context, (uint256, address, address, bytes));
        MORPHO.withdrawCollateral(params, seizedAssets, borrower, liquidator);

        if (data.length > 0) {
            IPreLiquidationCallback(liquidator).onPreLiquidate(repaidAssets, data);
        }

        require(IToken(params.loanToken).transferFrom(liquidator, address(this), repaidAssets), "transferFrom failed");
    }

    /// @dev How far between the two thresholds a position stands, in wad; reverts outside them.
    function where(uint256 value, uint256 borrowed) private view returns (uint256) {
        require(borrowed <= value * params.lltv / WAD, LiquidatablePosition());
        require(borrowed > value * terms.preLltv / WAD, NotPreLiquidatablePosition());

        return (up(borrowed * WAD, value) - terms.preLltv) * WAD / (params.lltv - terms.preLltv);
    }

    function up(uint256 dividend, uint256 divisor) private pure returns (uint256) {
        return (dividend + divisor - 1) / divisor;
    }
}

/// @title A twin of the factory of pre-liquidation contracts
contract SandboxPreLiquidationFactory {
    event CreatePreLiquidation(address indexed preLiquidation, bytes32 id, PreLiquidationParams preLiquidationParams);

    address public immutable MORPHO;

    constructor(address morpho) {
        MORPHO = morpho;
    }

    /// @notice Deploys a contract for a market; anybody may, with any terms the real one would accept.
    function createPreLiquidation(bytes32 id, PreLiquidationParams calldata terms) external returns (address created) {
        created = address(new SandboxPreLiquidation(MORPHO, id, terms));
        emit CreatePreLiquidation(created, id, terms);
    }
}
