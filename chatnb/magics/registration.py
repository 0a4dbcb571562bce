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
    magics = ChatMagics(shell)
    chat = _plain(magics.chat, magics.chat.__doc__)
    chat.needs_local_scope = True
    chat.getdoc = _manual  # what IPython asks for first: made from the parameters, when asked for
    shell.register_magic_function(chat, "line_cell", "chat")
    for name in LINE_MAGICS:
        method = getattr(magics, name)
        shell.register_magic_function(_plain(method, method.__doc__), "line", name)
    shell.input_transformers_cleanup.insert(0, kept_prompts)  # before IPython removes anything
    shell.input_transformers_cleanup.append(rewritten_questions)


def kept_prompts(lines: list[str]) -> list[str]:
    """What `cell_prompts` does, which a kernel loads with its first cell that needs it."""
    if not any(line.startswith("%%chat") for line in lines):
        return lines
    from chatnb.magics.cell_prompts import kept

    return kept(lines)


# Whether a cell is complete is asked at each line of a terminal, and must not see the call.
kept_prompts.has_side_effects = True  # type: ignore[attr-defined]


def rewritten_questions(lines: list[str]) -> list[str]:
    """What `question_lines` does, likewise."""
    if not any("%chat" in line and "?" in line for line in lines):
        return lines
    from chatnb.magics.question_lines import rewritten

    return rewritten(lines)


def unregister(shell: Any) -> None:
    """Forget the magics; the session and its log stay."""
    shell.magics_manager.magics["cell"].pop("chat", None)
    for name in ("chat", *LINE_MAGICS):
        shell.magics_manager.magics["line"].pop(name, None)
    for ours in (kept_prompts, rewritten_questions):
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
