// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Executor, AtlasTerms} from "../../src/Executor.sol";
import {Frame} from "../../src/Frame.sol";
import {Roles} from "../../src/Roles.sol";
import {Header, Settlement} from "../../src/Settlement.sol";
import {Polyglot} from "../support/MockLenders.sol";
import {MockToken, MockWrapped} from "../support/MockTokens.sol";
import {Ops} from "../support/Ops.sol";
import {Program} from "../../src/Program.sol";
import {Setup} from "../support/Setup.sol";

/// Attack 11, and what an honest auction does.
contract AuctionTest is Setup {
    address private constant ENVIRONMENT = address(0xe7);
    Polyglot private wethLender;
    AtlasTwin private atlas;

    function setUp() public override {
        super.setUp();
        vm.etch(ATLAS, address(new AtlasTwin()).code);
        atlas = AtlasTwin(payable(ATLAS));
        wethLender = new Polyglot(weth);
        weth.mint(address(wethLender), 100 ether);
        _rule(address(wethLender), Polyglot.give.selector, address(0));
    }

    function test_bidInATokenIsPaidBeforeTheProfit() public {
        atlas.solve(
            executor, OPERATOR, ENVIRONMENT, address(usd), 0.4e6, _data(_terms(address(usd), 0.4e6), _gainOne())
        );

        _same(usd.balanceOf(ENVIRONMENT), 0.4e6, "bid");
        _same(usd.balanceOf(TREASURY), 0.6e6, "treasury");
        _same(atlas.reconciledGas(), 7, "gas");
        _empty();
    }

    function test_nativeBidIsUnwrapped_andLentValueGivenBack() public {
        vm.deal(ATLAS, 3 ether);
        bytes memory give = Ops.call(address(wethLender), abi.encodeCall(Polyglot.give, (10 ether)));
        bytes memory wrap = Ops.call(
            address(weth),
            abi.encodeCall(MockWrapped.deposit, ()),
            Ops.patch(Ops.none(), Program.VALUE, Ops.gainOf(address(0)))
        );
        bytes memory program = bytes.concat(Ops.watch(address(weth)), give, wrap, _gainOne());
        atlas.setValue(3 ether);
        atlas.solve(executor, OPERATOR, ENVIRONMENT, address(0), 2 ether, _data(_terms(address(0), 2 ether), program));

        _same(ENVIRONMENT.balance, 2 ether, "bid");
        _same(ATLAS.balance, 3 ether, "lent");
        _same(weth.balanceOf(TREASURY), 8 ether, "treasury");
        _empty();
    }

    function test_floorIsCheckedAfterTheBid() public {
        Header memory header = _header();
        header.minProfit = 0.7e6;
        bytes memory data = _encode(header, _terms(address(usd), 0.4e6), _gainOne());
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotEnoughProfit.selector, 0.6e6, 0.7e6));
        atlas.solve(executor, OPERATOR, ENVIRONMENT, address(usd), 0.4e6, data);
    }

    function test_quietFlag_doesNotMakeALosingSolverLookGood() public {
        Header memory header = _header();
        header.flags = 4;
        bytes memory never = Ops.atLeast(address(aave), abi.encodeWithSignature("health()"), 0, type(uint128).max);
        bytes memory data = _encode(header, _terms(address(usd), 1), bytes.concat(never, _gainOne()));
        vm.expectRevert();
        atlas.solve(executor, OPERATOR, ENVIRONMENT, address(usd), 1, data);
    }

    function test_bidThatIsNotThere_reverts() public {
        bytes memory data = _data(_terms(address(weth), 1), _gainOne());
        vm.expectRevert(abi.encodeWithSelector(Frame.NotWatched.selector, address(weth)));
        atlas.solve(executor, OPERATOR, ENVIRONMENT, address(weth), 1, data);
        data = _data(_terms(address(0), 5), _gainOne());
        vm.expectRevert(abi.encodeWithSelector(Settlement.NativeTransferFailed.selector, ENVIRONMENT, 5));
        atlas.solve(executor, OPERATOR, ENVIRONMENT, address(0), 5, data);
    }

    function test_lentValueThatIsGone_reverts() public {
        vm.deal(ATLAS, 3 ether);
        atlas.setValue(3 ether);
        bytes memory spend = Ops.call(
            address(lender),
            abi.encodeCall(Polyglot.take, (1)),
            Ops.patch(Ops.none(), Program.VALUE, Ops.exact(1 ether))
        );
        bytes memory data = _data(_terms(address(usd), 0), bytes.concat(spend, _gainOne()));
        vm.expectRevert(abi.encodeWithSelector(Settlement.NativeTransferFailed.selector, ATLAS, 3 ether));
        atlas.solve(executor, OPERATOR, ENVIRONMENT, address(usd), 0, data);
    }

    function test_attack11_anotherSender_isRefused() public {
        bytes memory data = _data(_terms(address(usd), 1), _gainOne());
        vm.expectRevert(abi.encodeWithSelector(Executor.NotAtlas.selector, STRANGER));
        vm.prank(STRANGER);
        executor.atlasSolverCall(OPERATOR, ENVIRONMENT, address(usd), 1, data, "");
    }

    function test_attack11_evenAnOperator_isNotAtlas() public {
        bytes memory data = _data(_terms(address(usd), 1), _gainOne());
        vm.expectRevert(abi.encodeWithSelector(Executor.NotAtlas.selector, OPERATOR));
        vm.prank(OPERATOR);
        executor.atlasSolverCall(OPERATOR, ENVIRONMENT, address(usd), 1, data, "");
    }

    function test_attack11_withoutAnAtlas_noAddressWillDo() public {
        Executor without = new Executor(OWNER, GUARDIAN, TREASURY, address(weth), address(0), new address[](0));
        bytes memory data = _data(_terms(address(usd), 1), _gainOne());
        vm.expectRevert(abi.encodeWithSelector(Executor.NotAtlas.selector, address(0)));
        vm.prank(address(0));
        without.atlasSolverCall(OPERATOR, ENVIRONMENT, address(usd), 1, data, "");
    }

    function test_attack11_operationOfAStranger_isRefused() public {
        bytes memory data = _data(_terms(address(usd), 1), _gainOne());
        vm.expectRevert(abi.encodeWithSelector(Roles.NotOperator.selector, STRANGER));
        atlas.solve(executor, STRANGER, ENVIRONMENT, address(usd), 1, data);
    }

    function test_attack11_bidAboveTheTerms_isRefused() public {
        _refuseTerms(ENVIRONMENT, address(usd), 11);
    }

    function test_attack11_bidInAnotherToken_isRefused() public {
        _refuseTerms(ENVIRONMENT, address(weth), 10);
    }

    function test_attack11_anotherEnvironment_isRefused() public {
        _refuseTerms(STRANGER, address(usd), 10);
    }

    function test_attack11_dataTooShort_isRefused() public {
        bytes memory data = _data(_terms(address(usd), 10), "");
        assembly ("memory-safe") {
            mstore(data, sub(mload(data), 1))
        }
        vm.expectRevert(Executor.WrongTerms.selector);
        atlas.solve(executor, OPERATOR, ENVIRONMENT, address(usd), 10, data);
    }

    function test_attack11_environmentThatReenters_isRefused() public {
        bytes memory data = _data(_terms(address(usd), 1), _gainOne());
        atlas.setReenter(abi.encodeCall(executor.atlasSolverCall, (OPERATOR, ENVIRONMENT, address(usd), 1, data, "")));
        vm.expectRevert();
        atlas.solve(executor, OPERATOR, ENVIRONMENT, address(usd), 1, data);
    }

    function _refuseTerms(address environment, address token, uint256 amount) private {
        bytes memory data = _data(_terms(address(usd), 10), _gainOne());
        vm.expectRevert(Executor.WrongTerms.selector);
        atlas.solve(executor, OPERATOR, environment, token, amount, data);
    }

    function _terms(address token, uint128 bid) private pure returns (AtlasTerms memory) {
        return AtlasTerms(ENVIRONMENT, token, bid, 7);
    }

    function _data(AtlasTerms memory terms, bytes memory program) private view returns (bytes memory) {
        return _encode(_header(), terms, program);
    }

    function _encode(Header memory header, AtlasTerms memory terms, bytes memory program)
        private
        pure
        returns (bytes memory)
    {
        return bytes.concat(abi.encode(header), abi.encode(terms), program);
    }
}

/// The part of Atlas that a solver meets.
contract AtlasTwin {
    uint256 private value;
    bytes private reenter;
    uint256 public reconciledGas;
    bool private reconciled;

    function setValue(uint256 value_) external {
        value = value_;
    }

    function setReenter(bytes calldata call) external {
        reenter = call;
    }

    function solve(
        Executor executor,
        address from,
        address environment,
        address bidToken,
        uint256 bid,
        bytes calldata data
    ) external {
        executor.atlasSolverCall{value: value}(from, environment, bidToken, bid, data, "");
        require(reconciled, "not reconciled");
    }

    function shortfall() external view returns (uint256, uint256) {
        return (123, value);
    }

    function reconcile(uint256 maxApprovedGasSpend) external payable returns (uint256) {
        if (reenter.length != 0) {
            (bool success,) = msg.sender.call(reenter);
            require(success, "refused");
        }

        require(msg.value == value, "not repaid");
        reconciledGas = maxApprovedGasSpend;
        reconciled = true;
        return 0;
    }

    receive() external payable {}
}
