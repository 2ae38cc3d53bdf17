"""From an offer to a plan: size, route, funding, net profit, selection; pure."""
