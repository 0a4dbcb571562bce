"""The magics: `%%chat`, `%chat` and the line magics around them. They decide nothing.

Loading this file must stay cheap (`%load_ext chatnb` in 10 ms), so the engine is imported when the
first magic runs.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
        hidden = self._names_of_ipython()
        options, prompt = parsed(line, *namespaces, hidden=hidden)
        if cell is not None:
            prompt = _only_prompt(prompt, cell)
        if options.output is not None:
            _checked_name(options.output)
        prompt = prompt if options.raw else filled(prompt, *namespaces, hidden=hidden)
        if options.dry_run:
            self._show_request(prompt, options)
            return
        with self._without_older(options.output):
            self._send(prompt, options, whole_cell=cell is not None)

    def _names_of_ipython(self) -> set[str]:
        """`open`, `exit`, `In` and the like, unless the user gave the name another value."""
        known = self.shell.user_ns
        return {
            name for name, value in self.shell.user_ns_hidden.items() if known.get(name) is value
        }

    @contextmanager
    def _without_older(self, name: str | None) -> Iterator[None]:
        """A failed cell leaves no older answer behind; a mistake that sent nothing takes none."""
        variables = self.shell.user_ns
        older = {name: variables.pop(name)} if name in variables else {}
        try:
            yield
        except InvalidInput as refused:
            if refused.exchange is None:
                variables.update(older)
            raise

    def _send(self, prompt: str, options: Options, *, whole_cell: bool) -> None:
        from chatnb.interrupts import deferred
        from chatnb.magics.cell_view import CellView

        session = self.session
        # Stop pressed again must not break off what is drawn at the end.
        with deferred(), CellView(session, self.shell, whole_cell=whole_cell):
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

    def _show_request(self, prompt: str, options: Options) -> None:
        from chatnb.conversation import Entry
        from chatnb.prompts import Asked

        asked = Asked(
            prompt, options.parameters, options.system, options.conversation,
            Entry(append=options.append), options.fresh, "cell",
        )  # fmt: skip
        request = self.session.prepared(asked)
        body = json.dumps(request.body(), indent=2, ensure_ascii=False)
        connection = self.session.connection
        where = "the embedded model" if connection.embedded else connection.base_url
        say(f"POST /chat/completions to {where} (not sent)\n{body}")

    def chat_set(self, line: str) -> None:
        """Set parameters and settings of this kernel from now on; alone: the table, what is spent.

            %chat_set temperature=0.2 stop=unset
            %chat_set conversation=pirates idle_timeout=10
            %chat_set budget=0.50 max_requests=100

        `unset` clears a value. All are checked first: if one is wrong, nothing is changed.
        """
        from chatnb.magics.standing import apply, assignments, told
        from chatnb.magics.tables import standing_table

        session = self.session
        if not line.strip():
            _show(standing_table(session.parameters, session.settings, session.budget))
            return
        changes = assignments(line)
        apply(session, changes)
        say(told(changes))

    def chat_system(self, line: str) -> None:
        """Set the conversation's system message; alone: show it; `unset` removes it.

        %chat_system You are a pirate
        """
        session = self.session
        if line.strip():
            session.system(None if line.strip() == "unset" else _unquoted(line.strip()))
        system = session.conversation.system
        say("No system message." if system is None else f"System message: {system}")

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
        server, rest = _first_word(line)
        found, rest = split(rest, options, "%chat_connect")
        if not server:
            server, rest = _first_word(rest)
        if rest.strip():
            raise InvalidInput(f"%chat_connect does not understand {rest!r}.", kind="usage")
        named = {options[name].target: text for name, text in found.items()}
        standing = self.session.parameters.model
        connect(server or None, **named)
        dropped = f" model unset (it was {standing})." if standing else ""
        say(self.session.introduction() + dropped)

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
        say(f"Took back {self.session.undo()}. %chat_redo brings it again.")

    def chat_redo(self, line: str) -> None:
        """Do again what %chat_undo took back."""
        _takes_nothing("chat_redo", line)
        say(f"Brought back {self.session.redo()}.")

    def chat_reset(self, line: str) -> None:
        """Empty the conversation, its system message too; the log keeps everything."""
        _takes_nothing("chat_reset", line)
        self.session.reset()
        say("The conversation is empty. %chat_undo brings it back; the log keeps everything.")


def _only_prompt(rest: str, cell: str) -> str:
    if rest.strip():
        raise InvalidInput(
            f"The line of %%chat takes options, and {rest.split(maxsplit=1)[0]!r} is none: the "
            "prompt goes below it.",
            kind="usage",
        )
    return cell[:-1] if cell.endswith("\n") else cell


def _first_word(line: str) -> tuple[str, str]:
    """The first word and the rest, or nothing where an option comes first."""
    word, _, rest = line.strip().partition(" ")
    return ("", line) if word.startswith("-") else (word, rest)


def _checked_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidInput(f"-o takes the name of a variable, not {name!r}.", kind="usage")


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _takes_nothing(name: str, line: str) -> None:
    if line.strip():
        raise InvalidInput(f"%{name} takes nothing, not {line.strip()!r}.", kind="usage")


def say(text: str) -> None:
    from chatnb.rendering import terminal_text

    print(terminal_text(text))


def _show(bundle: dict[str, str]) -> None:
    from IPython.display import display

    display(bundle, raw=True)  # type: ignore[no-untyped-call]
