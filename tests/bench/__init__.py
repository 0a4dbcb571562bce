"""`make bench`: how fast chatnb is, against the bare SDK in the same run. Never a timed test."""
