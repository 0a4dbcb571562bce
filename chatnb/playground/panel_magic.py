"""`%chat_panel`, made known to a shell."""

from __future__ import annotations

from typing import Any

NAME = "chat_panel"


def chat_panel(line: str) -> Any:
    """Open the playground: chat, sliders, comparison, log and code, on this conversation.

    `%chat_panel dock` puts it into JupyterLab's right sidebar.
    """
    from chatnb.errors import InvalidInput
    from chatnb.playground import panel

    if line.strip() not in ("", "dock"):
        raise InvalidInput(f"%chat_panel takes nothing, or dock, not {line!r}.", kind="usage")
    return panel(dock=bool(line.strip()))


def register(shell: Any) -> None:
    """Make `%chat_panel` known."""
    shell.register_magic_function(chat_panel, "line", NAME)


def unregister(shell: Any) -> None:
    """Forget `%chat_panel`; open panels stay."""
    shell.magics_manager.magics["line"].pop(NAME, None)
