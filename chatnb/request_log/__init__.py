"""The log of requests: every exchange is a row, whatever happens to it and to the disk.

A row is written before its request is sent and completed when it has ended. While the file cannot
be written, rows stay in memory and go to a spool beside it; they return once it can be written.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from chatnb.log_lookup import MEMORY, default_path
from chatnb.redaction import redact
from chatnb.request_log import spool
from chatnb.request_log.answer_keys import answer_key
from chatnb.request_log.exchange_row import finished_row, started_row
from chatnb.request_log.log_access import FAILURES, LogAccess
from chatnb.request_log.log_file import UnusableLogError
from chatnb.request_log.log_record import Cleaner, Owner, Record, unpacked
from chatnb.request_log.log_rows import mark_lost
from chatnb.request_log.log_store import LogStore
from chatnb.request_log.process_identity import ProcessIdentity

if TYPE_CHECKING:
    from chatnb.records import Exchange, Request

Value = TypeVar("Value")


class RequestLog:
    """The log of one kernel process; its threads share it, a forked child begins its own.

    >>> RequestLog(Path(":memory:")).unwritten()
    ()

    `path`: CHATNB_LOG (a path or ":memory:"), else the platform's directory for state. Nothing is
    opened or created before the first row is written or read. `secrets` gives the keys that no
    stored string may hold. No method raises for a disk that fails: an answer is never lost because
    of the log.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        kernel: str | None = None,
        notebook: str | None = None,
        secrets: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.path = path or default_path()
        self.kernel = kernel or uuid.uuid4().hex
        self.notebook = notebook
        self._secrets = secrets
        self._begin_process()

    def start(self, request: Request, started: datetime) -> int:
        """Write the row of a request that is about to be sent; its id, negative while in memory."""
        cleaner = Cleaner(self._secrets())
        row = started_row(request, started, cleaner)
        with self._alone:
            try:
                number = self._access.use(lambda log: log.insert(row, request.messages, cleaner))
            except FAILURES as failure:
                self._last_number -= 1
                number = self._last_number
                self._keep(Record(number, self._owner, row, request.messages), failure)
            else:
                self._say_once(self._where())
            self._flying[number] = Record(number, self._owner, row, request.messages)
            return number

    def finish(self, exchange: Exchange) -> None:
        """Write how the exchange ended; its id is the one that `start` gave."""
        cleaner = Cleaner(self._secrets())
        row = finished_row(exchange, cleaner, self._key_of(exchange))
        with self._alone:
            given = exchange.id or 0
            number = self._moved.get(given, given)
            record = Record(number, self._owner, row, exchange.request.messages)
            # Here and not only on the stack: what reopens the log writes what is in the air.
            self._flying[number] = record
            if number in self._unwritten:
                self._unwritten[number] = record
            try:
                self._access.use(lambda log: self._complete(log, record, cleaner))
            except FAILURES as failure:
                # It may have got another id on the way: what was caught up is written.
                self._keep(replace(record, id=self._moved.get(number, number)), failure)
            self._flying.pop(self._moved.pop(given, given), None)

    def _key_of(self, exchange: Exchange) -> str | None:
        """The key that the row got when it was started: to hash its messages again takes time."""
        given = exchange.id or 0
        started = self._flying.get(self._moved.get(given, given))
        return started.row.answer_key if started else answer_key(exchange.request)

    def take_notices(self) -> tuple[str, ...]:
        """Lines that the user should see once: where the log is, what happened to it."""
        with self._alone:
            notices = tuple(self._notices)
            self._notices.clear()
            return notices

    def redacted(self, text: str) -> str:
        """The text without the keys that no row holds, for whatever else is kept."""
        return redact(text, self._secrets())

    def close(self) -> None:
        """End: rows in the air are marked interrupted. The log opens again when it is used."""
        with self._alone:
            flying = dict(self._flying)
            self._flying.clear()
            for number, record in flying.items():
                if number in self._unwritten:
                    row = replace(record.row, status="interrupted")
                    self._unwritten[number] = replace(record, row=row)
                    self._append_to_spool(self._unwritten[number])
            written = [number for number in flying if number not in self._unwritten]
            if written and self._access.is_open:
                with suppress(*FAILURES):
                    self._access.use(lambda log: log.interrupt(written))
            self._access.close()

    def read(self, action: Callable[[sqlite3.Connection], Value]) -> Value | None:
        """What the action reads; None where there is no log, or none that can be read."""
        with self._alone:
            try:
                return self.change(action)
            except UnusableLogError as failure:
                self._say_once(f"The log {self.path} cannot be used: {failure}.")
            except (sqlite3.Error, OSError) as failure:
                try:
                    return self._access.read_only(action)
                except (sqlite3.Error, OSError):
                    self._say_once(f"The log {self.path} cannot be read ({failure}).")
            return None

    def change(self, action: Callable[[sqlite3.Connection], Value]) -> Value | None:
        """What the action returns that changes the file; None where there is none.

        Raises one of FAILURES, unlike all else here: nobody may take for done what was not.
        """
        with self._alone:
            if not self.exists():
                return None
            return self._access.use(lambda log: action(log.connection))

    def exists(self) -> bool:
        """Whether there is a log; one in a directory that may not be entered counts."""
        if self._access.is_open or self.path == MEMORY:
            return True
        try:
            self.path.stat()
        except OSError as error:
            return not isinstance(error, (FileNotFoundError, NotADirectoryError))
        return True

    def unwritten(self) -> tuple[Record, ...]:
        """The rows that are in memory only, oldest first; also newer versions of written ones."""
        with self._alone:
            return tuple(self._unwritten.values())

    def _begin_process(self) -> None:
        """Everything that belongs to this process: a forked child shares none of it."""
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._owner = Owner(self.kernel, self.notebook, ProcessIdentity.current())
        self._access = LogAccess(self.path, self._owner, self._catch_up, self._say_once)
        self._notices: list[str] = []
        self._said: set[str] = set()
        self._flying: dict[int, Record] = {}
        self._unwritten: dict[int, Record] = {}
        self._moved: dict[int, int] = {}
        self._last_number = 0
        self._spool: Path | None = None
        self._spools = 0
        self.kept: dict[bool, Any] = {}  # what log_frame keeps for the next frame

    @property
    def _alone(self) -> threading.RLock:
        """The lock that orders the threads of this process."""
        if self._pid != os.getpid():
            # Closing the parent's connection here could take its write-ahead log away: keep it.
            self._inherited = self._access
            self._begin_process()
        return self._lock

    def _complete(self, log: LogStore, record: Record, cleaner: Cleaner) -> None:
        number = self._moved.get(record.id, record.id)
        log.update(number, record.row, record.messages, cleaner)

    def _catch_up(self, log: LogStore) -> None:
        """What a log that was just opened lacks: of this process, and of those that ended."""
        cleaner = Cleaner(self._secrets())
        missing = {**self._flying, **self._unwritten}.values()
        if missing:
            name = self._spool.name if self._spool else None
            in_order = sorted(missing, key=lambda record: unpacked(record.row.numbers)[0] or 0)
            self._move(log.replay(in_order, name, cleaner))
        for path, records in spool.left_behind(self.path, self._owner.process):
            if records:
                log.replay(records, path.name, cleaner)
            with suppress(OSError):  # another kernel was faster
                path.unlink()
        mark_lost(log.connection, self._owner.process)

    def _move(self, ids: dict[int, int]) -> None:
        """Rows that were in memory have a place, and perhaps a new id."""
        for old, new in ids.items():
            if old in self._flying:
                self._flying[new] = replace(self._flying.pop(old), id=new)
                self._moved |= {given: new for given, now in self._moved.items() if now == old}
                self._moved[old] = new
        if self._unwritten:
            self._said = {self._where()}  # a second failure is worth a line again
            self._say_once(f"The log {self.path} can be written again; its rows are complete.")
        self._unwritten.clear()
        if self._spool is not None:
            with suppress(OSError):
                self._spool.unlink()
            self._spool = None

    def _keep(self, record: Record, failure: BaseException) -> None:
        """A row that cannot be written now stays in memory, and in the spool where that works."""
        self._unwritten[record.id] = record
        where = (
            f"in {self._spool} until it can"
            if self._append_to_spool(record)
            else "in memory only: set CHATNB_LOG to a file that can be written"
        )
        self._say_once(f"The log {self.path} cannot be written ({failure}); rows go {where}.")

    def _append_to_spool(self, record: Record) -> bool:
        if self.path == MEMORY:
            return False
        if self._spool is None:
            self._spools += 1
            self._spool = spool.spool_for(self.path, self._owner, self._spools)
        try:
            spool.append(self._spool, record)
        except OSError:
            return False
        return True

    def _where(self) -> str:
        if self.path == MEMORY:
            return "Requests are logged in memory only (CHATNB_LOG is :memory:)."
        return f"Requests are logged in {self.path}."

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._notices.append(line)
