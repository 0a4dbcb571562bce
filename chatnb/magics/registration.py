"""Making the magics known to a shell, and what `%load_ext chatnb` says."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.core.magic import no_var_expand

from chatnb.magics import ChatMagics

LINE_MAGICS = (
    "chat_set", "chat_system", "chat_connect", "chat_log", "chat_history", "chat_undo",
    "chat_redo", "chat_reset",
)  # fmt: skip


def register(shell: Any) -> None:
    """Make the magics known to a shell, and keep its hands off what is a prompt."""
    from chatnb.magics.cell_prompts import kept
    from chatnb.magics.question_lines import rewritten

    magics = ChatMagics(shell)
    chat = _plain(magics.chat, magics.chat.__doc__)
    chat.needs_local_scope = True
    chat.getdoc = _manual  # what IPython asks for first: made from the parameters, when asked for
    shell.register_magic_function(chat, "line_cell", "chat")
    for name in LINE_MAGICS:
        method = getattr(magics, name)
        shell.register_magic_function(_plain(method, method.__doc__), "line", name)
    shell.input_transformers_cleanup.insert(0, kept)  # before IPython removes anything
    shell.input_transformers_cleanup.append(rewritten)


def unregister(shell: Any) -> None:
    """Forget the magics; the session and its log stay."""
    from chatnb.magics.cell_prompts import kept
    from chatnb.magics.question_lines import rewritten

    shell.magics_manager.magics["cell"].pop("chat", None)
    for name in ("chat", *LINE_MAGICS):
        shell.magics_manager.magics["line"].pop(name, None)
    for ours in (kept, rewritten):
        while ours in shell.input_transformers_cleanup:
            shell.input_transformers_cleanup.remove(ours)


def say_resumable() -> None:
    """One line, where this notebook's log has a conversation of an earlier kernel."""
    notebook = os.environ.get("JPY_SESSION_NAME")  # other front ends do not tell
    if not notebook:
        return
    # Not the engine's way to the log: importing that would take longer than all else here.
    from chatnb.log_lookup import default_path, last_turns

    found = last_turns(default_path(), str(Path(notebook)), _this_kernel())
    if found is not None:
        started, count = found
        turns = f"{count} turn" + ("" if count == 1 else "s")
        when = started.astimezone().strftime("%Y-%m-%d %H:%M")
        print(f"The conversation of {when} ({turns}) can go on: chatnb.session().resume()")


def _this_kernel() -> str:
    """This kernel's name in the log; before anything was sent it has none."""
    wiring = sys.modules.get("chatnb.kernel")
    return "" if wiring is None else str(wiring.this_kernel().log.kernel)


def _plain(method: Callable[..., Any], doc: str | None) -> Any:
    def magic(*args: Any, **named: Any) -> Any:
        return method(*args, **named)

    magic.__doc__, magic.__name__ = doc, method.__name__
    # IPython would evaluate {expr} and $name in the line: no prompt may run code.
    return no_var_expand(magic)


def _manual() -> str:
    from chatnb.magics.magic_options import manual

    return manual()
