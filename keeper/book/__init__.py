"""Positions of every protocol as numpy columns and the one kernel that screens them; the only home of floats."""
