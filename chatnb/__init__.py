"""chatnb: learn, try and measure a chat model inside a notebook.

    %load_ext chatnb

    %%chat
    Hello, can you tell me a joke?

Public names are loaded when they are first used, so that `import chatnb` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatnb.backend import Connection
    from chatnb.errors import ChatError, Interrupted, InvalidInput
    from chatnb.extraction import extract
    from chatnb.kernel import Session, ask, connect, log, session
    from chatnb.playground import panel
    from chatnb.records import Exchange, Message, Reply, Usage
    from chatnb.samples import sample

    __version__: str

_HOMES = {
    "ask": "kernel", "connect": "kernel", "log": "kernel", "session": "kernel",
    "Session": "kernel", "sample": "samples", "extract": "extraction", "panel": "playground",
    "Connection": "backend", "ChatError": "errors",
    "Interrupted": "errors", "InvalidInput": "errors", "Exchange": "records",
    "Message": "records", "Reply": "records", "Usage": "records",
}  # fmt: skip

__all__ = [
    "ChatError", "Connection", "Exchange", "Interrupted", "InvalidInput", "Message", "Reply",
    "Session", "Usage", "ask", "connect", "extract", "log", "panel", "sample", "session",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("chatnb")
    if name not in _HOMES:
        raise AttributeError(f"module 'chatnb' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"chatnb.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext chatnb`: the magics, and a line where an earlier conversation can go on."""
    from chatnb.magics.registration import register, say_resumable
    from chatnb.playground import panel_magic

    register(shell)
    panel_magic.register(shell)
    say_resumable()


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext chatnb`."""
    from chatnb.magics.registration import unregister
    from chatnb.playground import panel_magic

    unregister(shell)
    panel_magic.unregister(shell)
