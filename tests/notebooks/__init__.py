"""The notebooks, executed: by tests, and by `make notebooks`."""
