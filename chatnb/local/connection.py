"""The connection to the embedded model: looks like any other, and starts its server when asked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from chatnb.backend import Connection
from chatnb.local.model_file import alias_of, fetch, named_path


@dataclass(frozen=True)
class LocalConnection(Connection):
    """Where requests to the embedded model go, or to the GGUF file at `path` (or CHATNB_GGUF).

    >>> LocalConnection(path="/models/tiny.gguf").model
    'tiny'

    Making one fetches and starts nothing. It pickles; each process finds the server itself.
    """

    base_url: str = "local"
    embedded: bool = True
    path: str | None = None

    def __post_init__(self) -> None:
        named = named_path(self.path)
        # A relative path means the directory of now, not of the first request.
        path = named and os.path.abspath(os.path.expanduser(named))  # noqa: PTH100, PTH111 - a str
        object.__setattr__(self, "path", path)
        if self.model is None:
            object.__setattr__(self, "model", alias_of(path))

    @property
    def host(self) -> str:
        return "this machine"

    def client_options(self) -> dict[str, Any]:
        """The arguments that make the bare SDK talk to the same server, which is started if needed.

        >>> openai.OpenAI(**LocalConnection().client_options())   # doctest: +SKIP
        """
        from chatnb.local.server import ensure

        running = ensure(fetch(self.path))
        return {"base_url": running.base_url, "api_key": running.token}
