// Twins of MakerDAO's joins: our own small Solidity, not the real contracts.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {RAY, TwinMath} from "./TwinMath.sol";
import {TwinDai} from "./TwinDai.sol";
import {TwinVat} from "./TwinVat.sol";
import {TwinCallerNoted, TwinWarded} from "./TwinWarded.sol";

interface IGem {
    function decimals() external view returns (uint8);

    function transfer(address to, uint256 value) external returns (bool);

    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// @title Brings collateral of 18 decimals into the Vat and out of it
contract TwinGemJoin is TwinWarded, TwinCallerNoted {
    TwinVat public vat;
    bytes32 public ilk;
    IGem public gem;
    uint256 public dec;
    uint256 public live = 1;

    modifier auth() {
        _requireWard("GemJoin/not-authorized");
        _;
    }

    constructor(TwinVat vat_, bytes32 ilk_, IGem gem_) {
        vat = vat_;
        ilk = ilk_;
        gem = gem_;
        dec = gem_.decimals();
    }

    function rely(address usr) external note auth {
        wards[usr] = 1;
    }

    function deny(address usr) external note auth {
        wards[usr] = 0;
    }

    function cage() external note auth {
        live = 0;
    }

    /// @param wad Token units, of which there are 1e18 to a whole.
    function join(address usr, uint256 wad) external note {
        require(live == 1, "GemJoin/not-live");
        require(int256(wad) >= 0, "GemJoin/overflow");
        vat.slip(ilk, usr, int256(wad));
        require(gem.transferFrom(msg.sender, address(this), wad), "GemJoin/failed-transfer");
    }

    function exit(address usr, uint256 wad) external note {
        require(wad <= 2 ** 255, "GemJoin/overflow");
        vat.slip(ilk, msg.sender, TwinMath.negative(wad));
        require(gem.transfer(usr, wad), "GemJoin/failed-transfer");
    }
}

/// @title Brings collateral of fewer decimals into the Vat, where all have 18, and out of it
contract TwinGemJoin5 is TwinWarded, TwinCallerNoted {
    using TwinMath for uint256;

    TwinVat public vat;
    bytes32 public ilk;
    IGem public gem;
    uint256 public dec;
    uint256 public live = 1;

    modifier auth() {
        _requireWard("GemJoin5/not-authorized");
        _;
    }

    constructor(TwinVat vat_, bytes32 ilk_, IGem gem_) {
        vat = vat_;
        ilk = ilk_;
        gem = gem_;
        dec = gem_.decimals();
        require(dec < 18, "GemJoin5/decimals-18-or-higher");
    }

    function rely(address usr) external note auth {
        wards[usr] = 1;
    }

    function deny(address usr) external note auth {
        wards[usr] = 0;
    }

    function cage() external note auth {
        live = 0;
    }

    /// @param amt Token units.
    function join(address usr, uint256 amt) external note {
        require(live == 1, "GemJoin5/not-live");
        uint256 wad = _wad(amt);
        require(int256(wad) >= 0, "GemJoin5/overflow");
        vat.slip(ilk, usr, int256(wad));
        require(gem.transferFrom(msg.sender, address(this), amt), "GemJoin5/failed-transfer");
    }

    /// @param amt Token units.
    function exit(address usr, uint256 amt) external note {
        uint256 wad = _wad(amt);
        require(int256(wad) >= 0, "GemJoin5/overflow");
        vat.slip(ilk, msg.sender, TwinMath.negative(wad));
        require(gem.transfer(usr, amt), "GemJoin5/failed-transfer");
    }

    function _wad(uint256 amt) private view returns (uint256) {
        return amt.mul(10 ** (18 - dec));
    }
}

/// @title Turns DAI of the Vat into tokens and back
contract TwinDaiJoin is TwinWarded, TwinCallerNoted {
    using TwinMath for uint256;

    TwinVat public vat;
    TwinDai public dai;
    uint256 public live = 1;

    modifier auth() {
        _requireWard("DaiJoin/not-authorized");
        _;
    }

    constructor(TwinVat vat_, TwinDai dai_) {
        vat = vat_;
        dai = dai_;
    }

    function rely(address usr) external note auth {
        wards[usr] = 1;
    }

    function deny(address usr) external note auth {
        wards[usr] = 0;
    }

    function cage() external note auth {
        live = 0;
    }

    function join(address usr, uint256 wad) external note {
        vat.move(address(this), usr, RAY.mul(wad));
        dai.burn(msg.sender, wad);
    }

    function exit(address usr, uint256 wad) external note {
        require(live == 1, "DaiJoin/not-live");
        vat.move(msg.sender, address(this), RAY.mul(wad));
        dai.mint(usr, wad);
    }
}
