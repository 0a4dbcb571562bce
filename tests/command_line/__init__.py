"""The `chatnb` command."""
