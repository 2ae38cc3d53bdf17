"""One folder per protocol: state, math, offers and encoding, all pure; `base` names the facets they share."""
