// Twin of MakerDAO's Dog: our own small Solidity, not the real contract.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {WAD, TwinMath} from "./TwinMath.sol";
import {TwinVat} from "./TwinVat.sol";
import {TwinRelying} from "./TwinWarded.sol";

interface IClipper {
    function ilk() external view returns (bytes32);

    function kick(uint256 tab, uint256 lot, address usr, address kpr) external returns (uint256 id);
}

interface IVow {
    function fess(uint256 tab) external;
}

/// @title Starts liquidations
/// @notice wad: chop; rad: Hole, Dirt, hole, dirt.
contract TwinDog is TwinRelying {
    using TwinMath for uint256;

    struct Ilk {
        address clip;
        uint256 chop;
        uint256 hole;
        uint256 dirt;
    }

    /// Of the collateral and debt that a call takes.
    struct Taken {
        uint256 ink;
        uint256 art;
        uint256 due;
        uint256 tab;
    }

    TwinVat public immutable vat;
    mapping(bytes32 ilk => Ilk) public ilks;
    IVow public vow;
    uint256 public live = 1;
    uint256 public Hole;
    uint256 public Dirt;

    event File(bytes32 indexed what, uint256 data);
    event File(bytes32 indexed what, address data);
    event File(bytes32 indexed ilk, bytes32 indexed what, uint256 data);
    event File(bytes32 indexed ilk, bytes32 indexed what, address clip);
    event Bark(
        bytes32 indexed ilk,
        address indexed urn,
        uint256 ink,
        uint256 art,
        uint256 due,
        address clip,
        uint256 indexed id
    );
    event Digs(bytes32 indexed ilk, uint256 rad);
    event Cage();

    modifier auth() {
        _requireWard("Dog/not-authorized");
        _;
    }

    constructor(TwinVat vat_) {
        vat = vat_;
    }

    function rely(address usr) external auth {
        _rely(usr);
    }

    function deny(address usr) external auth {
        _deny(usr);
    }

    function file(bytes32 what, address data) external auth {
        require(what == "vow", "Dog/file-unrecognized-param");
        vow = IVow(data);
        emit File(what, data);
    }

    function file(bytes32 what, uint256 data) external auth {
        require(what == "Hole", "Dog/file-unrecognized-param");
        Hole = data;
        emit File(what, data);
    }

    function file(bytes32 ilk, bytes32 what, uint256 data) external auth {
        if (what == "chop") {
            require(data >= WAD, "Dog/file-chop-lt-WAD");
            ilks[ilk].chop = data;
        } else if (what == "hole") {
            ilks[ilk].hole = data;
        } else {
            revert("Dog/file-unrecognized-param");
        }

        emit File(ilk, what, data);
    }

    function file(bytes32 ilk, bytes32 what, address clip) external auth {
        require(what == "clip", "Dog/file-unrecognized-param");
        require(ilk == IClipper(clip).ilk(), "Dog/file-ilk-neq-clip.ilk");
        ilks[ilk].clip = clip;
        emit File(ilk, what, clip);
    }

    function cage() external auth {
        live = 0;
        emit Cage();
    }

    function chop(bytes32 ilk) external view returns (uint256) {
        return ilks[ilk].chop;
    }

    /// @notice Put an unsafe vault, or as much of it as there is room for, up for auction.
    /// @param kpr Receives the incentive, as DAI in the Vat.
    function bark(bytes32 ilk, address urn, address kpr) external returns (uint256 id) {
        require(live == 1, "Dog/not-live");

        Ilk memory terms = ilks[ilk];
        Taken memory taken = _measure(ilk, urn, terms);
        vat.grab(
            ilk, urn, terms.clip, address(vow), TwinMath.negative(taken.ink), TwinMath.negative(taken.art)
        );
        vow.fess(taken.due);

        taken.tab = taken.due.wmulDown(terms.chop);
        Dirt = Dirt.add(taken.tab);
        ilks[ilk].dirt = terms.dirt.add(taken.tab);

        id = IClipper(terms.clip).kick(taken.tab, taken.ink, urn, kpr);
        emit Bark(ilk, urn, taken.ink, taken.art, taken.due, terms.clip, id);
    }

    /// @notice Make room: so much less is at auction.
    function digs(bytes32 ilk, uint256 rad) external auth {
        Dirt = Dirt.sub(rad);
        ilks[ilk].dirt = ilks[ilk].dirt.sub(rad);
        emit Digs(ilk, rad);
    }

    /// @dev What to take of a vault; reverts where it is safe, or nothing can be taken.
    function _measure(bytes32 ilk, address urn, Ilk memory terms) private view returns (Taken memory taken) {
        (uint256 ink, uint256 art) = vat.urns(ilk, urn);
        (, uint256 rate, uint256 spot,, uint256 dust) = vat.ilks(ilk);

        require(spot > 0 && ink.mul(spot) < art.mul(rate), "Dog/not-unsafe");
        require(Hole > Dirt && terms.hole > terms.dirt, "Dog/liquidation-limit-hit");

        uint256 room = TwinMath.min(Hole - Dirt, terms.hole - terms.dirt);
        taken.art = TwinMath.min(art, room.mul(WAD).divDown(rate).divDown(terms.chop));

        if (art > taken.art) {
            if ((art - taken.art).mul(rate) < dust) taken.art = art;
            else if (taken.art.mul(rate) < dust) _revertDusty();
        }

        taken.ink = ink.mul(taken.art).divDown(art);
        require(taken.ink > 0, "Dog/null-auction");
        require(taken.art <= 2 ** 255 && taken.ink <= 2 ** 255, "Dog/overflow");
        taken.due = taken.art.mul(rate);
    }

    /// @dev A reason longer than a word, behind which the real contract leaves memory that is not zero.
    function _revertDusty() private pure {
        bytes memory reason = "Dog/dusty-auction-from-partial-liquidation";

        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(224, 0x08c379a0))
            mstore(add(free, 4), 32)
            mstore(add(free, 36), mload(reason))
            mcopy(add(free, 68), add(reason, 32), mload(reason))
            // All ones up to the end of the second word.
            mstore(add(add(free, 68), mload(reason)), not(0))
            revert(free, 132)
        }
    }
}
