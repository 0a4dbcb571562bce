"""This kernel's session, its log and its connection: the one place with global state."""

from __future__ import annotations

import atexit
import functools
import os
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatnb import sessions
from chatnb.backend import Connection
from chatnb.budgets import Budget
from chatnb.connections import connection_to, opened
from chatnb.conversation import Place
from chatnb.errors import ChatError
from chatnb.prompts import Connected
from chatnb.records import Reply
from chatnb.request_log import RequestLog

if TYPE_CHECKING:
    import pandas


class Kernel:
    """What this kernel process holds: an id, a log, a connection and a session."""

    def __init__(self) -> None:
        self.log = RequestLog(kernel=uuid.uuid4().hex, notebook=notebook(), secrets=self.secrets)
        self.connected: Connected | None = None
        self.connections: list[Connection] = []
        self._connecting = threading.RLock()
        self.budget = Budget()
        self.session = sessions.Session(self.current, self.log, place=place, budget=self.budget)
        atexit.register(self.log.close)

    def connect(self, connection: Connection) -> Connected:
        """Send this kernel's requests there from now on; nothing is sent yet."""
        if self.connected is not None:
            self.connected.backend.close()
        self.connected = self.open(connection)
        self.session.announce()
        return self.connected

    def open(self, connection: Connection) -> Connected:
        self.connections.append(connection)
        return opened(connection)

    def current(self) -> Connected:
        """The connection in use; the default one at the first use."""
        with self._connecting:
            return self.connected or self.connect(connection_to())

    def secrets(self) -> Iterator[str]:
        """The keys of this kernel's connections, which no stored string may hold."""
        for connection in self.connections:
            if connection.key is None and connection.secret is None:
                continue
            try:
                key = connection.api_key()
            except ChatError:
                key = None
            if key:
                yield key


_first_use = threading.Lock()  # functools.cache alone lets two threads make two kernels


def this_kernel() -> Kernel:
    with _first_use:
        return _made_once()


@functools.cache
def _made_once() -> Kernel:
    _reply_shows_itself()
    return Kernel()


def session() -> sessions.Session:
    """This kernel's session, which cells, panel and Python share.

    >>> chatnb.session().add("assistant", "It was Washington.")  # doctest: +SKIP
    """
    return this_kernel().session


def connect(
    base_url: str | None = None,
    *,
    model: str | None = None,
    key: str | None = None,
    path: str | None = None,
) -> Connection:
    """Send this kernel's requests to a server from now on, and return the connection.

    >>> connection = chatnb.connect("local")                      # doctest: +SKIP
    >>> openai.OpenAI(**connection.client_options())              # doctest: +SKIP

    `base_url` is "local" (the embedded model, or the GGUF file at `path`) or a URL that ends in
    /v1; `key` the name of the environment variable that holds the key. Without a `base_url`:
    OPENAI_BASE_URL, else OpenAI where OPENAI_API_KEY is set, else the embedded model. A standing
    model (`%chat_set model=...`) is unset. Nothing is sent, fetched or started before the first
    request. Raises InvalidInput.
    """
    connection = connection_to(base_url, model=model, key=key, path=path)
    # A standing model is one of the server before.
    session().parameters.model = None
    return this_kernel().connect(connection).connection


def ask(prompt: str, *, system: str | None = None, **parameters: Any) -> Reply:
    """The Reply to one question: no history, entered nowhere, logged, nothing drawn.

    >>> chatnb.ask("Hello", temperature=0).text                   # doctest: +SKIP
    >>> chatnb.ask(review, response_format=Review).parsed         # doctest: +SKIP

    `response_format` takes a pydantic model, a JSON schema or the API's own form; the answer in
    that form is `.parsed`: an instance of the model, or what the JSON says. Raises ChatError where
    no good answer came; of kind `bad_schema`, with the text in `.reply`, where it does not fit.
    """
    return session().ask(prompt, system=system, **parameters)


def log(*, all: bool = False) -> pandas.DataFrame:
    """The log as a DataFrame: one row for each exchange of this kernel, failures included.

    >>> chatnb.log()[["model", "total_tokens", "seconds"]]        # doctest: +SKIP

    `all=True` reads every kernel's rows. Columns and their types are the same when it is empty.
    """
    from chatnb.request_log.log_frame import frame

    return frame(this_kernel().log, all=all)


class Session(sessions.Session):
    """A session of your own: its own conversation and connection, this kernel's log.

    >>> chat = chatnb.Session("local")                            # doctest: +SKIP
    >>> chat.send("Hello").text                                   # doctest: +SKIP

    Arguments as for `connect`.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        model: str | None = None,
        key: str | None = None,
        path: str | None = None,
    ) -> None:
        kernel = this_kernel()
        connected = kernel.open(connection_to(base_url, model=model, key=key, path=path))
        super().__init__(lambda: connected, kernel.log, place=place, budget=kernel.budget)


def place() -> Place:
    """The cell that runs now, and which run of it; neither where no front end tells.

    Lab and Notebook 7 send the id of the cell with each run; nbclient sends none.
    """
    shell = _shell()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    header, metadata = parent.get("header") or {}, parent.get("metadata") or {}
    return Place(metadata.get("cellId"), header.get("msg_id"))


def notebook() -> str | None:
    """The path of the notebook that this kernel belongs to, where the front end tells."""
    named = os.environ.get("JPY_SESSION_NAME")  # Jupyter Server
    if not named:
        named = getattr(_shell(), "user_ns", {}).get("__vsc_ipynb_file__")  # VS Code
    return str(Path(named)) if named else None


def _shell() -> Any:
    """The running IPython, without importing it where nobody else has."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _reply_shows_itself() -> None:
    """A Reply that ends a cell is drawn like an answer; records cannot know how."""
    shell = _shell()
    if shell is None:
        return
    from chatnb.rendering.reply_view import reply_mimebundle

    formatter = shell.display_formatter.mimebundle_formatter
    formatter.for_type(Reply, lambda reply, **_: reply_mimebundle(reply))
