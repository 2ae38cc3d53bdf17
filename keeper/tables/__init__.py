"""Tables of a million rows without a million objects: an index over flat arrays, and records packed behind it."""
