// Twin of MakerDAO's Clipper: our own small Solidity, not the real contract.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TwinDog} from "./TwinDog.sol";
import {BLN, RAY, TwinMath} from "./TwinMath.sol";
import {IPip, TwinSpotter} from "./TwinSpotter.sol";
import {TwinVat} from "./TwinVat.sol";
import {TwinRelying} from "./TwinWarded.sol";

interface ICurve {
    /// @param top ray
    /// @param dur s since the auction began
    /// @return ray
    function price(uint256 top, uint256 dur) external view returns (uint256);
}

interface ICallee {
    /// @param owe rad
    /// @param slice wad
    function clipperCall(address sender, uint256 owe, uint256 slice, bytes calldata data) external;
}

/// @title Sells collateral at a price that falls from block to block
/// @notice wad: lot, chip; ray: top, buf, cusp; rad: tab, tip, chost; s: tail, tic.
contract TwinClipper is TwinRelying {
    using TwinMath for uint256;

    struct Sale {
        uint256 pos;
        uint256 tab;
        uint256 lot;
        address usr;
        uint96 tic;
        uint256 top;
    }

    bytes32 public immutable ilk;
    TwinVat public immutable vat;

    TwinDog public dog;
    address public vow;
    TwinSpotter public spotter;
    ICurve public calc;

    uint256 public buf = RAY;
    uint256 public tail;
    uint256 public cusp;
    uint64 public chip;
    uint192 public tip;
    uint256 public chost;

    uint256 public kicks;
    uint256[] public active;
    mapping(uint256 id => Sale) public sales;

    uint256 public stopped;
    uint256 private _locked;

    event File(bytes32 indexed what, uint256 data);
    event File(bytes32 indexed what, address data);
    event Kick(
        uint256 indexed id,
        uint256 top,
        uint256 tab,
        uint256 lot,
        address indexed usr,
        address indexed kpr,
        uint256 coin
    );
    event Take(
        uint256 indexed id,
        uint256 max,
        uint256 price,
        uint256 owe,
        uint256 tab,
        uint256 lot,
        address indexed usr
    );
    event Redo(
        uint256 indexed id,
        uint256 top,
        uint256 tab,
        uint256 lot,
        address indexed usr,
        address indexed kpr,
        uint256 coin
    );
    event Yank(uint256 id);

    modifier auth() {
        _requireWard("Clipper/not-authorized");
        _;
    }

    modifier lock() {
        require(_locked == 0, "Clipper/system-locked");
        _locked = 1;
        _;
        _locked = 0;
    }

    modifier unlessStopped(uint256 level) {
        require(stopped < level, "Clipper/stopped-incorrect");
        _;
    }

    constructor(TwinVat vat_, TwinSpotter spotter_, TwinDog dog_, bytes32 ilk_) {
        vat = vat_;
        spotter = spotter_;
        dog = dog_;
        ilk = ilk_;
    }

    // Administration

    function rely(address usr) external auth {
        _rely(usr);
    }

    function deny(address usr) external auth {
        _deny(usr);
    }

    /// @notice Values of chip and tip are cut to their width.
    function file(bytes32 what, uint256 data) external auth lock {
        if (what == "buf") buf = data;
        else if (what == "tail") tail = data;
        else if (what == "cusp") cusp = data;
        else if (what == "chip") chip = uint64(data);
        else if (what == "tip") tip = uint192(data);
        else if (what == "stopped") stopped = data;
        else revert("Clipper/file-unrecognized-param");

        emit File(what, data);
    }

    function file(bytes32 what, address data) external auth lock {
        if (what == "spotter") spotter = TwinSpotter(data);
        else if (what == "dog") dog = TwinDog(data);
        else if (what == "vow") vow = data;
        else if (what == "calc") calc = ICurve(data);
        else revert("Clipper/file-unrecognized-param");

        emit File(what, data);
    }

    /// @notice Take the smallest debt worth an auction over from the Vat and the Dog.
    function upchost() external {
        (,,,, uint256 dust) = vat.ilks(ilk);
        chost = dust.wmulDown(dog.chop(ilk));
    }

    // Auctions

    /// @notice Begin an auction of collateral that is here already.
    function kick(uint256 tab, uint256 lot, address usr, address kpr)
        external
        auth
        lock
        unlessStopped(1)
        returns (uint256 id)
    {
        require(tab > 0, "Clipper/zero-tab");
        require(lot > 0, "Clipper/zero-lot");
        require(usr != address(0), "Clipper/zero-usr");
        require(kicks != type(uint256).max, "Clipper/overflow");
        id = ++kicks;

        uint256 top = _feedPrice().rmulDown(buf);
        require(top > 0, "Clipper/zero-top-price");

        active.push(id);
        sales[id] = Sale(active.length - 1, tab, lot, usr, uint96(block.timestamp), top);

        uint256 coin = tip > 0 || chip > 0 ? _reward(tab, kpr) : 0;
        emit Kick(id, top, tab, lot, usr, kpr, coin);
    }

    /// @notice Begin an auction anew that has run too long or fallen too far.
    function redo(uint256 id, address kpr) external lock unlessStopped(2) {
        Sale storage sale = sales[id];
        require(sale.usr != address(0), "Clipper/not-running-auction");

        (bool done,) = _status(sale);
        require(done, "Clipper/cannot-reset");

        uint256 feedPrice = _feedPrice();
        sale.tic = uint96(block.timestamp);
        sale.top = feedPrice.rmulDown(buf);
        require(sale.top > 0, "Clipper/zero-top-price");

        bool rewarded =
            (tip > 0 || chip > 0) && sale.tab >= chost && sale.lot.mul(feedPrice) >= chost;
        uint256 coin = rewarded ? _reward(sale.tab, kpr) : 0;
        emit Redo(id, sale.top, sale.tab, sale.lot, sale.usr, kpr, coin);
    }

    /// @notice Buy at most `amt` of the collateral at the price of now.
    /// @param max The highest price accepted, ray.
    /// @param who Receives the collateral, and is called where there is data, before the caller pays.
    function take(uint256 id, uint256 amt, uint256 max, address who, bytes calldata data)
        external
        lock
        unlessStopped(3)
    {
        Sale memory sale = sales[id];
        require(sale.usr != address(0), "Clipper/not-running-auction");

        uint256 price = _askedPrice(id, max);
        (uint256 owe, uint256 slice) = _fill(sale, amt, price);
        sale.tab -= owe;
        sale.lot -= slice;

        vat.flux(ilk, address(this), who, slice);

        if (data.length > 0 && who != address(vat) && who != address(dog)) {
            ICallee(who).clipperCall(msg.sender, owe, slice, data);
        }

        vat.move(msg.sender, vow, owe);
        dog.digs(ilk, sale.lot == 0 ? sale.tab.add(owe) : owe);
        _settle(id, sale);
        emit Take(id, max, price, owe, sale.tab, sale.lot, sale.usr);
    }

    /// @notice Call an auction off: what is left of the collateral goes to the caller.
    function yank(uint256 id) external auth lock {
        Sale memory sale = sales[id];
        require(sale.usr != address(0), "Clipper/not-running-auction");

        dog.digs(ilk, sale.tab);
        vat.flux(ilk, address(this), msg.sender, sale.lot);
        _remove(id);
        emit Yank(id);
    }

    // Views

    function count() external view returns (uint256) {
        return active.length;
    }

    function list() external view returns (uint256[] memory) {
        return active;
    }

    function getStatus(uint256 id)
        external
        view
        returns (bool needsRedo, uint256 price, uint256 lot, uint256 tab)
    {
        Sale storage sale = sales[id];
        bool done;
        (done, price) = _status(sale);
        needsRedo = done && sale.usr != address(0);
        (lot, tab) = (sale.lot, sale.tab);
    }

    // Helpers

    function _askedPrice(uint256 id, uint256 max) private view returns (uint256) {
        (bool done, uint256 price) = _status(sales[id]);
        require(!done, "Clipper/needs-reset");
        require(max >= price, "Clipper/too-expensive");
        return price;
    }

    /// @dev What is paid and what is sold: never more than is owed, and never so much that dust is left.
    function _fill(Sale memory sale, uint256 amt, uint256 price)
        private
        view
        returns (uint256 owe, uint256 slice)
    {
        slice = TwinMath.min(sale.lot, amt);
        owe = slice.mul(price);

        if (owe > sale.tab) return (sale.tab, sale.tab / price);

        if (owe == sale.tab || slice == sale.lot || sale.tab - owe >= chost) return (owe, slice);

        require(sale.tab > chost, "Clipper/no-partial-purchase");
        owe = sale.tab - chost;
        slice = owe.divDown(price);
    }

    /// @dev Write down what is left; an auction ends when either is used up.
    function _settle(uint256 id, Sale memory sale) private {
        if (sale.lot == 0) {
            _remove(id);
        } else if (sale.tab == 0) {
            vat.flux(ilk, address(this), sale.usr, sale.lot);
            _remove(id);
        } else {
            (sales[id].tab, sales[id].lot) = (sale.tab, sale.lot);
        }
    }

    /// @dev The last of the list takes the place of the one that leaves.
    function _remove(uint256 id) private {
        uint256 last = active[active.length - 1];

        if (last != id) {
            uint256 pos = sales[id].pos;
            active[pos] = last;
            sales[last].pos = pos;
        }

        active.pop();
        delete sales[id];
    }

    function _reward(uint256 tab, address kpr) private returns (uint256 coin) {
        coin = uint256(tip).add(tab.wmulDown(chip));
        vat.suck(vow, kpr, coin);
    }

    function _status(Sale storage sale) private view returns (bool done, uint256 price) {
        uint256 dur = block.timestamp.sub(sale.tic);
        price = calc.price(sale.top, dur);
        done = dur > tail || price.rdivDown(sale.top) < cusp;
    }

    /// @dev What the feed says now, which may be newer than what the Vat goes by.
    function _feedPrice() private returns (uint256) {
        (IPip pip,) = spotter.ilks(ilk);
        (bytes32 val, bool has) = pip.peek();
        require(has, "Clipper/invalid-price");
        return uint256(val).mul(BLN).rdivDown(spotter.par());
    }
}
