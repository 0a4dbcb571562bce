"""chatnb: learn, try and measure a chat model inside a notebook."""
