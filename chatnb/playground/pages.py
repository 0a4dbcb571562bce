"""The pages beside the chat: each is made only while somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from chatnb.playground.code_page import code_event
from chatnb.playground.log_page import row_event, rows_event
from chatnb.playground.worker import Latest, in_background
from chatnb.sessions import Session

Event = dict[str, Any]


class Pages:
    """Keeps the open page of one panel up to date; `tell` sends events to its front end."""

    def __init__(self, session: Session, tell: Callable[[Iterable[Event]], None]) -> None:
        self._session = session
        self._tell = tell
        self._open = "chat"
        self._draft = ""
        self._settled: int | None = None  # up to where the front end has the log
        self._work = Latest()

    def open(self, name: str) -> None:
        """Another page has come into sight."""
        self._open = name
        self._settled = None
        self._refresh()

    def typed(self, draft: str) -> None:
        """The prompt box holds something else."""
        self._draft = draft
        if self._open == "code":
            self._refresh()

    def changed(self) -> None:
        """Parameters, conversation or log are not what they were."""
        if self._open in ("code", "log"):
            self._refresh()

    def row(self, id: int) -> None:
        """One row of the log, whole."""
        in_background(lambda: self._tell([row_event(self._session.log, id)]))

    def _refresh(self) -> None:
        # Beside the main thread: the log needs pandas, and the code may need a server's answer.
        if self._open == "code":
            self._work.run(lambda: self._tell([code_event(self._session, self._draft)]))
        elif self._open == "log":
            self._work.run(self._tell_rows)

    def _tell_rows(self) -> None:
        event = rows_event(self._session.log, since=self._settled)
        self._settled = event["settled"]
        self._tell([event])
