// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// An ERC-20 that anyone may mint.
contract MockToken {
    mapping(address account => uint256 amount) public balanceOf;
    mapping(address holder => mapping(address spender => uint256 amount)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function burn(address from, uint256 amount) external {
        balanceOf[from] -= amount;
    }

    function approve(address spender, uint256 amount) external virtual returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external virtual returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }
}

/// The wrapped native asset, as far as the executor uses it.
contract MockWrapped is MockToken {
    function deposit() external payable {
        balanceOf[msg.sender] += msg.value;
    }

    function withdraw(uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        (bool success,) = msg.sender.call{value: amount, gas: 2300}("");
        require(success, "stipend too small");
    }

    receive() external payable {}
}

/// Keeps one percent of every transfer.
contract FeeToken is MockToken {
    function _move(address from, address to, uint256 amount) internal override {
        balanceOf[from] -= amount;
        balanceOf[to] += amount - amount / 100;
    }
}

/// Says no instead of reverting, and moves nothing.
contract FalseToken is MockToken {
    function transfer(address, uint256) external pure override returns (bool) {
        return false;
    }

    function approve(address, uint256) external pure override returns (bool) {
        return false;
    }
}

/// Returns nothing, and changes an allowance only from or to zero, as USDT does.
contract SilentToken {
    mapping(address account => uint256 amount) public balanceOf;
    mapping(address holder => mapping(address spender => uint256 amount)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        require(amount == 0 || allowance[msg.sender][spender] == 0, "from or to zero only");
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// Claims to clear an allowance and keeps it.
contract StickyToken is MockToken {
    function approve(address spender, uint256 amount) external override returns (bool) {
        if (amount != 0) allowance[msg.sender][spender] = amount;

        return true;
    }
}

/// Calls somebody in the middle of every transfer.
contract HookToken is MockToken {
    address public hooked;
    bytes public hook;
    bool public passOn;
    bool public reached;
    bytes public answer;

    function setHook(address target, bytes calldata data, bool passOn_) external {
        (hooked, hook, passOn) = (target, data, passOn_);
    }

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);

        if (hooked == address(0)) return;

        (bool success, bytes memory data) = hooked.call(hook);
        reached = true;
        answer = data;

        if (!success && passOn) {
            assembly ("memory-safe") {
                revert(add(data, 32), mload(data))
            }
        }
    }
}
