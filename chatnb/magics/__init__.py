"""The magics: `%%chat`, `%chat` and the line magics around them. They decide nothing.

Loading this file must stay cheap (`%load_ext chatnb` in 10 ms), so the engine is imported when the
first magic runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

from chatnb.errors import InvalidInput

if TYPE_CHECKING:
    from chatnb.magics.magic_options import Options
    from chatnb.sessions import Session


class ChatMagics:
    """The magics of one IPython shell, on this kernel's session."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    @property
    def session(self) -> Session:
        from chatnb.kernel import session

        return session()

    def chat(
        self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None
    ) -> None:
        """Send a prompt and show the answer while it comes; `%%chat?` is the manual."""
        from chatnb.magics.magic_line import filled
        from chatnb.magics.magic_options import parsed

        namespaces = (local_ns or {}, self.shell.user_ns)
        options, prompt = parsed(line, *namespaces)
        if cell is not None:
            prompt = _only_prompt(prompt, cell)
        if options.output is not None:
            self._clear(options.output)
        prompt = prompt if options.raw else filled(prompt, *namespaces)
        if options.dry_run:
            self._show_request(prompt, options)
        else:
            self._send(prompt, options, whole_cell=cell is not None)

    def _send(self, prompt: str, options: Options, *, whole_cell: bool) -> None:
        from chatnb.magics.cell_view import CellView

        session = self.session
        with CellView(session, self.shell, whole_cell=whole_cell):
            reply = session.send(
                prompt,
                system=options.system,
                conversation=options.conversation,
                append=options.append,
                fresh=options.fresh,
                source="cell",
                **options.parameters,
            )
        if options.output is not None:
            self.shell.user_ns[options.output] = reply

    def _clear(self, name: str) -> None:
        if not name.isidentifier():
            raise InvalidInput(f"-o takes the name of a variable, not {name!r}.", kind="usage")
        self.shell.user_ns.pop(name, None)

    def _show_request(self, prompt: str, options: Options) -> None:
        from chatnb.prompts import Asked

        asked = Asked(
            prompt, options.parameters, options.system, options.conversation,
            options.append, options.fresh, "cell",
        )  # fmt: skip
        _, request = self.session.prepared(asked)
        body = json.dumps(request.body(), indent=2, ensure_ascii=False)
        print(f"POST {self.session.connection.base_url}/chat/completions (not sent)\n{body}")

    def chat_set(self, line: str) -> None:
        """Set parameters and settings of this kernel from now on; alone: show the table.

            %chat_set temperature=0.2 stop=unset
            %chat_set conversation=pirates idle_timeout=10

        `unset` clears a value. All are checked first: if one is wrong, nothing is changed.
        """
        from chatnb.magics.standing import apply, assignments
        from chatnb.magics.tables import standing_table

        session = self.session
        if line.strip():
            apply(session, assignments(line))
        _show(standing_table(session.parameters, session.settings))

    def chat_system(self, line: str) -> None:
        """Set the conversation's system message; alone: show it; `unset` removes it.

        %chat_system You are a pirate
        """
        session = self.session
        if line.strip():
            session.system(None if line.strip() == "unset" else _unquoted(line.strip()))
        system = session.conversation.system
        _say("No system message." if system is None else f"System message: {system}")

    def chat_connect(self, line: str) -> None:
        """Send this kernel's requests to another server from now on.

            %chat_connect local
            %chat_connect https://api.openai.com/v1 -m gpt-6-luna --key OPENAI_API_KEY

        `local` is the embedded model: no key, no cost. `--key` takes the NAME of an environment
        variable (or of a keyring entry; else it is asked for), never the key itself. `--path` names
        a GGUF file for `local`. Alone: the default connection. Nothing is sent before the first
        request.
        """
        from chatnb.kernel import connect
        from chatnb.magics.magic_line import Option, split

        model, key, path = Option("model"), Option("key"), Option("path")
        options = {"-m": model, "--model": model, "--key": key, "--path": path}
        words, rest = _around_options(line)
        found, extra = split(rest, options)
        if extra:
            raise InvalidInput(f"%chat_connect does not understand {extra!r}.", kind="usage")
        named = {options[name].target: text for name, text in found.items()}
        connect(words or None, **named)
        _say((self.session.introduction() or "That is where requests go already") + ".")

    def chat_log(self, line: str) -> Any:
        """The log of this kernel as a DataFrame, shown newest first; `all` reads every kernel's.

        df = %chat_log
        """
        from chatnb.kernel import log

        if line.strip() not in ("", "all", "--all"):
            raise InvalidInput("%chat_log takes nothing, or all.", kind="usage")
        return log(all=bool(line.strip()))

    def chat_history(self, line: str) -> None:
        """Show the conversation as it will be sent; turns that a re-run set aside are marked."""
        from chatnb.magics.tables import history_table

        _takes_nothing("chat_history", line)
        _show(history_table(self.session.conversation, self.session.state.current))

    def chat_undo(self, line: str) -> None:
        """Take back the last change of the conversation, whatever it was."""
        _takes_nothing("chat_undo", line)
        _say(f"Took back {self.session.undo()}. %chat_redo brings it again.")

    def chat_redo(self, line: str) -> None:
        """Do again what %chat_undo took back."""
        _takes_nothing("chat_redo", line)
        _say(f"Brought back {self.session.redo()}.")

    def chat_reset(self, line: str) -> None:
        """Empty the conversation, its system message too; the log keeps everything."""
        _takes_nothing("chat_reset", line)
        self.session.reset()
        _say("The conversation is empty. %chat_undo brings it back; the log keeps everything.")


LINE_MAGICS = (
    "chat_set", "chat_system", "chat_connect", "chat_log", "chat_history", "chat_undo",
    "chat_redo", "chat_reset",
)  # fmt: skip


def register(shell: Any) -> None:
    """Make the magics known to a shell, and let a prompt end in a question mark."""
    from chatnb.magics.question_lines import rewritten

    magics = ChatMagics(shell)
    chat = _plain(magics.chat, magics.chat.__doc__)
    chat.needs_local_scope = True
    chat.getdoc = _manual  # what IPython asks for first: made from the parameters, when asked for
    shell.register_magic_function(chat, "line_cell", "chat")
    for name in LINE_MAGICS:
        method = getattr(magics, name)
        shell.register_magic_function(_plain(method, method.__doc__), "line", name)
    shell.input_transformers_cleanup.append(rewritten)


def unregister(shell: Any) -> None:
    """Forget the magics; the session and its log stay."""
    from chatnb.magics.question_lines import rewritten

    shell.magics_manager.magics["cell"].pop("chat", None)
    for name in ("chat", *LINE_MAGICS):
        shell.magics_manager.magics["line"].pop(name, None)
    while rewritten in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(rewritten)


def say_resumable() -> None:
    """One line, where this notebook's log has a conversation of an earlier kernel."""
    # Other kernels have no notebook to look for, and load in a few milliseconds.
    if not os.environ.get("JPY_SESSION_NAME"):
        return
    from chatnb.kernel import resumable

    stored = resumable()
    if stored is not None:
        turns = f"{stored.turns} turn" + ("" if stored.turns == 1 else "s")
        when = stored.started.astimezone().strftime("%Y-%m-%d %H:%M")
        _say(f"The conversation of {when} ({turns}) can go on: chatnb.session().resume()")


def _plain(method: Callable[..., Any], doc: str | None) -> Any:
    def magic(*args: Any, **named: Any) -> Any:
        return method(*args, **named)

    magic.__doc__, magic.__name__ = doc, method.__name__
    # IPython would evaluate {expr} and $name in the line: no prompt may run code.
    return no_var_expand(magic)


def _manual() -> str:
    from chatnb.magics.magic_options import manual

    return manual()


def _only_prompt(rest: str, cell: str) -> str:
    if rest.strip():
        raise InvalidInput(
            f"The line of %%chat takes options, and {rest.split(maxsplit=1)[0]!r} is none: the "
            "prompt goes below it.",
            kind="usage",
        )
    return cell[:-1] if cell.endswith("\n") else cell


def _around_options(line: str) -> tuple[str, str]:
    """The first word, wherever the options stand, and the rest."""
    word, _, rest = line.strip().partition(" ")
    return ("", line) if word.startswith("-") else (word, rest)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _takes_nothing(name: str, line: str) -> None:
    if line.strip():
        raise InvalidInput(f"%{name} takes nothing, not {line.strip()!r}.", kind="usage")


def _say(text: str) -> None:
    from chatnb.rendering import printable

    print(printable(text))


def _show(bundle: dict[str, str]) -> None:
    from IPython.display import display

    display(bundle, raw=True)  # type: ignore[no-untyped-call]
