// Twin of MakerDAO's Vat as deployed in 2019: our own small Solidity, not the real contract.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {RAY, TwinMath} from "./TwinMath.sol";
import {TwinNoted, TwinWarded} from "./TwinWarded.sol";

/// @title The ledger: vaults, collateral and internal DAI
/// @notice wad: ink, art, gem; ray: rate, spot; rad: line, dust, dai, sin, debt, vice.
contract TwinVat is TwinWarded, TwinNoted {
    using TwinMath for uint256;

    struct Ilk {
        uint256 Art;
        uint256 rate;
        uint256 spot;
        uint256 line;
        uint256 dust;
    }

    struct Urn {
        uint256 ink;
        uint256 art;
    }

    mapping(address owner => mapping(address usr => uint256)) public can;
    mapping(bytes32 ilk => Ilk) public ilks;
    mapping(bytes32 ilk => mapping(address owner => Urn)) public urns;
    mapping(bytes32 ilk => mapping(address usr => uint256)) public gem;
    mapping(address usr => uint256) public dai;
    mapping(address usr => uint256) public sin;

    uint256 public debt;
    uint256 public vice;
    uint256 public Line;
    uint256 public live = 1;

    event LogNote(
        bytes4 indexed sig, bytes32 indexed arg1, bytes32 indexed arg2, bytes32 indexed arg3, bytes data
    ) anonymous;

    modifier auth() {
        _requireWard("Vat/not-authorized");
        _;
    }

    modifier whileLive() {
        require(live == 1, "Vat/not-live");
        _;
    }

    modifier note() {
        _;
        emit LogNote(msg.sig, _argument(0), _argument(1), _argument(2), _calldata());
    }

    // Administration

    function rely(address usr) external note auth whileLive {
        wards[usr] = 1;
    }

    function deny(address usr) external note auth whileLive {
        wards[usr] = 0;
    }

    function init(bytes32 ilk) external note auth {
        require(ilks[ilk].rate == 0, "Vat/ilk-already-init");
        ilks[ilk].rate = RAY;
    }

    function file(bytes32 what, uint256 data) external note auth whileLive {
        require(what == "Line", "Vat/file-unrecognized-param");
        Line = data;
    }

    function file(bytes32 ilk, bytes32 what, uint256 data) external note auth whileLive {
        if (what == "spot") ilks[ilk].spot = data;
        else if (what == "line") ilks[ilk].line = data;
        else if (what == "dust") ilks[ilk].dust = data;
        else revert("Vat/file-unrecognized-param");
    }

    function cage() external note auth {
        live = 0;
    }

    // Permission

    function hope(address usr) external note {
        can[msg.sender][usr] = 1;
    }

    function nope(address usr) external note {
        can[msg.sender][usr] = 0;
    }

    // Balances

    function slip(bytes32 ilk, address usr, int256 wad) external note auth {
        gem[ilk][usr] = gem[ilk][usr].shift(wad);
    }

    function flux(bytes32 ilk, address src, address dst, uint256 wad) external note {
        require(_consents(src), "Vat/not-allowed");
        gem[ilk][src] = gem[ilk][src].sub(wad);
        gem[ilk][dst] = gem[ilk][dst].add(wad);
    }

    function move(address src, address dst, uint256 rad) external note {
        require(_consents(src), "Vat/not-allowed");
        dai[src] = dai[src].sub(rad);
        dai[dst] = dai[dst].add(rad);
    }

    // Vaults

    /// @notice Change a vault's collateral, which comes from v, and debt, which goes to w.
    function frob(bytes32 i, address u, address v, address w, int256 dink, int256 dart) external note whileLive {
        Urn memory urn = urns[i][u];
        Ilk memory ilk = ilks[i];
        require(ilk.rate != 0, "Vat/ilk-not-init");

        _shift(urn, ilk, dink, dart);
        int256 dtab = ilk.rate.mulSigned(dart);
        uint256 tab = ilk.rate.mul(urn.art);
        debt = debt.shift(dtab);

        _requireFrob(urn, ilk, tab, dink, dart);
        require((dart <= 0 && dink >= 0) || _consents(u), "Vat/not-allowed-u");
        require(dink <= 0 || _consents(v), "Vat/not-allowed-v");
        require(dart >= 0 || _consents(w), "Vat/not-allowed-w");
        require(urn.art == 0 || tab >= ilk.dust, "Vat/dust");

        gem[i][v] = gem[i][v].unshift(dink);
        dai[w] = dai[w].shift(dtab);
        urns[i][u] = urn;
        ilks[i] = ilk;
    }

    /// @notice Move part of a vault into another.
    function fork(bytes32 ilk, address src, address dst, int256 dink, int256 dart) external note {
        Urn storage from = urns[ilk][src];
        Urn storage to = urns[ilk][dst];
        Ilk storage terms = ilks[ilk];

        from.ink = from.ink.unshift(dink);
        from.art = from.art.unshift(dart);
        to.ink = to.ink.shift(dink);
        to.art = to.art.shift(dart);

        uint256 tabFrom = from.art.mul(terms.rate);
        uint256 tabTo = to.art.mul(terms.rate);

        require(_consents(src) && _consents(dst), "Vat/not-allowed");
        require(tabFrom <= from.ink.mul(terms.spot), "Vat/not-safe-src");
        require(tabTo <= to.ink.mul(terms.spot), "Vat/not-safe-dst");
        require(tabFrom >= terms.dust || from.art == 0, "Vat/dust-src");
        require(tabTo >= terms.dust || to.art == 0, "Vat/dust-dst");
    }

    /// @notice Take from a vault by force: collateral goes to v, debt becomes the sin of w.
    function grab(bytes32 i, address u, address v, address w, int256 dink, int256 dart) external note auth {
        Urn memory urn = urns[i][u];
        Ilk memory ilk = ilks[i];

        _shift(urn, ilk, dink, dart);
        int256 dtab = ilk.rate.mulSigned(dart);

        gem[i][v] = gem[i][v].unshift(dink);
        sin[w] = sin[w].unshift(dtab);
        vice = vice.unshift(dtab);
        urns[i][u] = urn;
        ilks[i] = ilk;
    }

    // Settlement and rates

    function heal(uint256 rad) external note {
        sin[msg.sender] = sin[msg.sender].sub(rad);
        dai[msg.sender] = dai[msg.sender].sub(rad);
        vice = vice.sub(rad);
        debt = debt.sub(rad);
    }

    function suck(address u, address v, uint256 rad) external note auth {
        sin[u] = sin[u].add(rad);
        dai[v] = dai[v].add(rad);
        vice = vice.add(rad);
        debt = debt.add(rad);
    }

    function fold(bytes32 i, address u, int256 rate) external note auth whileLive {
        Ilk storage ilk = ilks[i];
        ilk.rate = ilk.rate.shift(rate);

        int256 rad = ilk.Art.mulSigned(rate);
        dai[u] = dai[u].shift(rad);
        debt = debt.shift(rad);
    }

    function _shift(Urn memory urn, Ilk memory ilk, int256 dink, int256 dart) private pure {
        urn.ink = urn.ink.shift(dink);
        urn.art = urn.art.shift(dart);
        ilk.Art = ilk.Art.shift(dart);
    }

    /// @dev Both products are worked out whatever the change is: one that overflows reverts.
    function _requireFrob(Urn memory urn, Ilk memory ilk, uint256 tab, int256 dink, int256 dart) private view {
        bool belowCeilings = ilk.Art.mul(ilk.rate) <= ilk.line && debt <= Line;
        require(dart <= 0 || belowCeilings, "Vat/ceiling-exceeded");

        bool safe = tab <= urn.ink.mul(ilk.spot);
        require((dart <= 0 && dink >= 0) || safe, "Vat/not-safe");
    }

    function _consents(address usr) private view returns (bool) {
        return usr == msg.sender || can[usr][msg.sender] == 1;
    }
}
