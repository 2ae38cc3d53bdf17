"""Addresses of main networks, as data: one file per protocol, kind of venue, and one of chains. See docs/presets.md."""
