"""What chatnb protects. `threats.py` names for each threat the tests that show it."""
