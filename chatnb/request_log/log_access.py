"""Keeping the log open: again after it was deleted, beside a corrupt one, later when it fails."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from chatnb.log_lookup import MEMORY
from chatnb.request_log.log_file import (
    UnusableLogError,
    identity_of,
    is_corrupt,
    move_away,
    open_log,
)
from chatnb.request_log.log_record import Owner
from chatnb.request_log.log_store import LogStore

Value = TypeVar("Value")
_NOTICEABLE_S = 0.2
FAILURES = (sqlite3.Error, OSError, UnusableLogError)


class LogAccess:
    """The way to the store of one process; not safe for threads by itself.

    `opened` is called with each store that was newly opened, before it is used; `say` with each
    line that the user should see.
    """

    def __init__(
        self,
        path: Path,
        owner: Owner,
        opened: Callable[[LogStore], None],
        say: Callable[[str], None],
    ) -> None:
        self._path = path
        self._on_disk = path != MEMORY
        self._owner = owner
        self._opened = opened
        self._say = say
        self._store: LogStore | None = None
        self._file: tuple[int, int] | None = None
        self._failure: BaseException | None = None
        self._not_before = 0.0

    @property
    def is_open(self) -> bool:
        return self._store is not None

    def use(self, action: Callable[[LogStore], Value]) -> Value:
        """What the action returns; raises one of FAILURES where the log cannot be used.

        A log that fails at once, a full disk, is tried again at each request; one that lets the
        user wait for it, a locked file, only after ten times that wait.
        """
        if self._failure is not None and time.monotonic() < self._not_before:
            raise self._failure
        begun = time.monotonic()
        try:
            value = self._use_sound(action)
        except FAILURES as failure:
            self.close()
            self._failure = failure
            took = time.monotonic() - begun
            self._not_before = time.monotonic() + (10 * took if took > _NOTICEABLE_S else 0)
            raise
        self._failure = None
        return value

    def read_only(self, action: Callable[[sqlite3.Connection], Value]) -> Value:
        """What the action reads in a file that cannot be written; sqlite3.Error, OSError."""
        try:
            return self._read(action, "mode=ro")
        except (sqlite3.Error, OSError):
            # Where the directory cannot be written either, WAL has no place for its index.
            return self._read(action, "immutable=1")

    def _read(self, action: Callable[[sqlite3.Connection], Value], mode: str) -> Value:
        with closing(sqlite3.connect(f"{self._path.as_uri()}?{mode}", uri=True)) as connection:
            return action(connection)

    def close(self) -> None:
        if self._store is not None:
            with suppress(sqlite3.Error):
                self._store.connection.close()
            self._store = None

    def _use_sound(self, action: Callable[[LogStore], Value]) -> Value:
        try:
            return action(self._ready())
        except sqlite3.Error as error:
            if not is_corrupt(error):
                raise
            self._put_away()
        return action(self._ready())

    def _ready(self) -> LogStore:
        # What is written into a deleted file is gone without an error.
        replaced = self._on_disk and identity_of(self._path) != self._file
        if self._store is None or replaced:
            self.close()
            connection, notices = open_log(self._path)
            self._file = identity_of(self._path)
            self._store = LogStore(connection, self._owner)
            for notice in notices:
                self._say(notice)
            self._opened(self._store)
        return self._store

    def _put_away(self) -> None:
        corrupt = self._file or identity_of(self._path)
        self.close()
        self._file = None
        target = move_away(self._path, corrupt)
        if target is not None:
            self._say(f"The log was corrupt: it is kept as {target}, and a new one was begun.")
