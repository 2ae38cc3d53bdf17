// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Tokens} from "../src/Tokens.sol";
import {FalseToken, FeeToken, MockToken, SilentToken, StickyToken} from "./support/MockTokens.sol";
import {Setup} from "./support/Setup.sol";

interface IPlain {
    function balanceOf(address account) external view returns (uint256);
    function allowance(address holder, address spender) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function approve(address spender, uint256 amount) external returns (bool);
}

/// What `Tokens` means, in the compiler's own calls.
library PlainTokens {
    function balanceOf(address token, address account) internal view returns (uint256) {
        return IPlain(token).balanceOf(account);
    }

    function allowance(address token, address holder, address spender) internal view returns (uint256) {
        return IPlain(token).allowance(holder, spender);
    }

    function transfer(address token, address to, uint256 amount) internal {
        require(_worked(token, abi.encodeCall(IPlain.transfer, (to, amount))), "transfer");
    }

    function approve(address token, address spender, uint256 amount) internal {
        if (_worked(token, abi.encodeCall(IPlain.approve, (spender, amount)))) return;

        require(_worked(token, abi.encodeCall(IPlain.approve, (spender, 0))), "approve zero");
        require(_worked(token, abi.encodeCall(IPlain.approve, (spender, amount))), "approve");
    }

    function _worked(address token, bytes memory data) private returns (bool) {
        (bool success, bytes memory returned) = token.call(data);

        if (!success) return false;
        if (returned.length == 0) return token.code.length != 0;

        return returned.length >= 32 && bytes32(returned) == bytes32(uint256(1));
    }
}

contract Assembled {
    function balanceOf(address token, address account) external view returns (uint256) {
        return Tokens.balanceOf(token, account);
    }

    function allowance(address token, address holder, address spender) external view returns (uint256) {
        return Tokens.allowance(token, holder, spender);
    }

    function transfer(address token, address to, uint256 amount) external {
        Tokens.transfer(token, to, amount);
    }

    function approve(address token, address spender, uint256 amount) external {
        Tokens.approve(token, spender, amount);
    }
}

contract Plain {
    function balanceOf(address token, address account) external view returns (uint256) {
        return PlainTokens.balanceOf(token, account);
    }

    function allowance(address token, address holder, address spender) external view returns (uint256) {
        return PlainTokens.allowance(token, holder, spender);
    }

    function transfer(address token, address to, uint256 amount) external {
        PlainTokens.transfer(token, to, amount);
    }

    function approve(address token, address spender, uint256 amount) external {
        PlainTokens.approve(token, spender, amount);
    }
}

/// Answers with whatever bytes it is told.
contract OddToken {
    bytes private answer;

    function setAnswer(bytes calldata answer_) external {
        answer = answer_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return answer;
    }
}

/// The assembled token calls do what the plain ones do, for every kind of token.
contract TokensTest is Setup {
    address private assembled;
    address private plain;

    function setUp() public override {
        assembled = address(new Assembled());
        plain = address(new Plain());
    }

    function test_everyKindOfToken_isTreatedAlike() public {
        address[7] memory kinds = [
            address(new MockToken()),
            address(new FeeToken()),
            address(new FalseToken()),
            address(new SilentToken()),
            address(new StickyToken()),
            address(0xdead),
            address(this)
        ];

        for (uint256 i; i < kinds.length; ++i) {
            _compare(kinds[i], 5, 3);
            _compare(kinds[i], 3, 5);
            _compare(kinds[i], 0, 0);
        }
    }

    function testFuzz_oddAnswers_areTreatedAlike(bytes memory answer, uint256 amount) public {
        OddToken odd = new OddToken();
        odd.setAnswer(answer);
        _alike(abi.encodeCall(Plain.balanceOf, (address(odd), STRANGER)));
        _alike(abi.encodeCall(Plain.allowance, (address(odd), STRANGER, USER)));
        _alike(abi.encodeCall(Plain.transfer, (address(odd), USER, amount)));
        _alike(abi.encodeCall(Plain.approve, (address(odd), USER, amount)));
    }

    function testFuzz_amounts_areTreatedAlike(uint256 held, uint256 amount, uint256 second) public {
        MockToken token = new MockToken();
        SilentToken silent = new SilentToken();
        held = held % (1 << 255);
        _compareWith(address(token), held, amount, second);
        _compareWith(address(silent), held, amount, second);
    }

    function _compare(address token, uint256 held, uint256 amount) private {
        if (token.code.length != 0 && token != address(this)) {
            MockToken(token).mint(assembled, held);
            MockToken(token).mint(plain, held);
        }

        _calls(token, amount, amount + 1);
    }

    function _compareWith(address token, uint256 held, uint256 amount, uint256 second) private {
        MockToken(token).mint(assembled, held);
        MockToken(token).mint(plain, held);
        _calls(token, amount, second);
    }

    function _calls(address token, uint256 amount, uint256 second) private {
        _alike(abi.encodeCall(Plain.transfer, (token, USER, amount)));
        _alike(abi.encodeCall(Plain.approve, (token, USER, amount)));
        _alike(abi.encodeCall(Plain.approve, (token, USER, second)));
        _alike(abi.encodeCall(Plain.balanceOf, (token, USER)));
        _same(_read(assembled, token), _read(plain, token), "balances");
        _same(_allowed(assembled, token), _allowed(plain, token), "allowances");
    }

    function _alike(bytes memory call) private {
        (bool left, bytes memory leftData) = assembled.call(call);
        (bool right, bytes memory rightData) = plain.call(call);

        _true(left == right, "one of them failed");
        if (left) _same(uint256(keccak256(leftData)), uint256(keccak256(rightData)), "answers");
    }

    function _read(address holder, address token) private view returns (uint256 amount) {
        (bool success, bytes memory data) = token.staticcall(abi.encodeCall(IPlain.balanceOf, (holder)));
        if (success && data.length == 32) amount = abi.decode(data, (uint256));
    }

    function _allowed(address holder, address token) private view returns (uint256 amount) {
        (bool success, bytes memory data) = token.staticcall(abi.encodeCall(IPlain.allowance, (holder, USER)));
        if (success && data.length == 32) amount = abi.decode(data, (uint256));
    }
}
