"""Everything that talks to a node: JSON-RPC, heads, logs, pinned reads, the flight recorder."""
