// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Program} from "../../src/Program.sol";
import {MockToken} from "./MockTokens.sol";
import {Ops} from "./Ops.sol";
import {Setup} from "./Setup.sol";

interface IV3Factory {
    function createPool(address a, address b, uint24 fee) external returns (address);
}

interface IV3Pool {
    function token0() external view returns (address);
    function initialize(uint160 sqrtPriceX96) external;
    function mint(address to, int24 lower, int24 upper, uint128 amount, bytes calldata data) external;
    function swap(address to, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data) external;
    function flash(address to, uint256 amount0, uint256 amount1, bytes calldata data) external;
}

interface IV3Callbacks {
    function uniswapV3SwapCallback(int256, int256, bytes calldata) external;
    function uniswapV3FlashCallback(uint256, uint256, bytes calldata) external;
}

/// @title Real Uniswap V3, from the artifacts its authors publish
/// @notice WETH and USD are worth the same per base unit in the pools made here, so that amounts read easily.
abstract contract V3 is Setup {
    bytes32 internal constant INIT_CODE_HASH = 0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54;
    uint160 internal constant PRICE_ONE = 1 << 96;
    uint160 internal constant LOWEST = 4_295_128_740;
    uint160 internal constant HIGHEST = uint160(0xfffd) << 144;
    uint24 internal constant FEE = 500;

    IV3Factory internal factory;

    function setUp() public virtual override {
        super.setUp();
        factory = _deployFactory();
        _factory(address(factory), INIT_CODE_HASH);
    }

    function _deployFactory() internal returns (IV3Factory) {
        string memory path =
            "node_modules/@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json";
        bytes memory code = vm.parseJsonBytes(vm.readFile(path), ".bytecode");
        address deployed;
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        return IV3Factory(deployed);
    }

    /// Opens a pool of two tokens, `depth` of each around the price of one.
    function _openPool(address a, address b, uint256 depth) internal returns (IV3Pool pool) {
        pool = IV3Pool(factory.createPool(a, b, FEE));
        pool.initialize(PRICE_ONE);
        MockToken(a).mint(address(this), depth * 2);
        MockToken(b).mint(address(this), depth * 2);
        pool.mint(address(this), -887_270, 887_270, uint128(depth), abi.encode(a, b));
    }

    function uniswapV3MintCallback(uint256 owed0, uint256 owed1, bytes calldata data) external {
        (address a, address b) = abi.decode(data, (address, address));
        (address token0, address token1) = a < b ? (a, b) : (b, a);
        MockToken(token0).transfer(msg.sender, owed0);
        MockToken(token1).transfer(msg.sender, owed1);
    }

    function _sorted(address a, address b) internal pure returns (address, address) {
        return a < b ? (a, b) : (b, a);
    }

    /// Sells a gain on a pool that is found by its tokens. `before` runs before the pool is paid.
    function _sell(address tokenIn, address tokenOut, uint128 mayPay) internal view returns (bytes memory) {
        bytes memory inner = Ops.pay(tokenIn, Ops.argument(tokenIn < tokenOut ? 0 : 1));
        bytes memory data = _swapData(tokenIn, tokenOut, 0, inner);
        Ops.Extras memory x = Ops.patch(Ops.none(), 68, Ops.gainOf(tokenIn));
        return _onPool(tokenIn, tokenOut, data, _expectSwap(x, data, mayPay));
    }

    /// Buys an exact amount first, runs `before`, and then pays: the swap as a loan.
    function _buy(address tokenIn, address tokenOut, uint256 amountOut, bytes memory before, uint128 mayPay)
        internal
        view
        returns (bytes memory)
    {
        bytes memory inner = bytes.concat(before, Ops.pay(tokenIn, Ops.argument(tokenIn < tokenOut ? 0 : 1)));
        bytes memory data = _swapData(tokenIn, tokenOut, -int256(amountOut), inner);
        return _onPool(tokenIn, tokenOut, data, _expectSwap(Ops.none(), data, mayPay));
    }

    function _swapData(address tokenIn, address tokenOut, int256 amount, bytes memory inner)
        internal
        view
        returns (bytes memory)
    {
        bool zeroForOne = tokenIn < tokenOut;
        return
            abi.encodeCall(IV3Pool.swap, (address(executor), zeroForOne, amount, zeroForOne ? LOWEST : HIGHEST, inner));
    }

    function _expectSwap(Ops.Extras memory x, bytes memory data, uint128 mayPay)
        internal
        pure
        returns (Ops.Extras memory)
    {
        return Ops.expect(x, IV3Callbacks.uniswapV3SwapCallback.selector, 2, Ops.offsetOf(data, 4), mayPay, 0);
    }

    function _onPool(address a, address b, bytes memory data, Ops.Extras memory x)
        internal
        view
        returns (bytes memory)
    {
        (address token0, address token1) = _sorted(a, b);
        return Ops.pool(address(factory), token0, token1, FEE, data, x);
    }

    function _liquidate(address collateral, uint256 cover) internal view returns (bytes memory) {
        bytes memory data = abi.encodeWithSignature(
            "liquidationCall(address,address,address,uint256,bool)", collateral, usd, USER, cover, false
        );
        return Ops.call(address(aave), data);
    }

    function _liquidateAllowing(address collateral, uint256 cover) internal view returns (bytes memory) {
        bytes memory data = abi.encodeWithSignature(
            "liquidationCall(address,address,address,uint256,bool)", collateral, usd, USER, cover, false
        );
        return Ops.call(address(aave), data, Ops.allow(Ops.none(), address(usd), Ops.exact(cover)));
    }
}
