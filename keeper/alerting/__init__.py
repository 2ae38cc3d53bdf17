"""Who is told what, when: margin calls of watched accounts and what stops the keeper, never in the way of its work."""
