"""Writing to one open log: rows, the contexts they share, and the process they belong to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from chatnb.records import Message
from chatnb.request_log.log_chain import MessageChain
from chatnb.request_log.log_file import set_durable, transaction
from chatnb.request_log.log_record import Cleaner, Owner, Record, Row, stored

_CONTEXTS_AT_MOST = 5_000
_INSERT = """
INSERT INTO exchange(status, numbers, cell, prompt, reply, request_id, response, details,
  context, process, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
UPDATE exchange SET status = ?, numbers = ?, cell = ?, prompt = ?, reply = ?, request_id = ?,
  response = ?, details = ?, context = ?
WHERE id = ? AND (SELECT kernel FROM process WHERE process.id = exchange.process) = ?
"""
_UPDATE_UNLESS_PURGED = f"{_UPDATE} AND (SELECT count(*) FROM purge) = ?"  # noqa: S608 - constants only
_ANSWER = "INSERT INTO answer(exchange, request) VALUES (?, ?)"
_INTERRUPT = "UPDATE exchange SET status = 'interrupted' WHERE id = ? AND status = 'started'"
_PROCESS = """
INSERT INTO process(kernel, notebook, host, boot, pid, started) VALUES (?, ?, ?, ?, ?, ?)
"""


class LogStore:
    """One open database, and what this process knows of it.

    Every method is one transaction; it raises sqlite3.Error, and then nothing is written.
    """

    def __init__(self, connection: sqlite3.Connection, owner: Owner) -> None:
        self.connection = connection
        self._owner = owner
        self._on_disk = bool(connection.execute("PRAGMA database_list").fetchone()[2])
        self._chain = MessageChain()
        self._contexts: dict[tuple[int, str], int] = {}
        self._processes: dict[Owner, int] = {}
        self._heads: dict[int, int | None] = {}
        self._purges = -1

    def insert(self, row: Row, messages: tuple[Message, ...], cleaner: Cleaner) -> int:
        """Write a row before its request is sent; its id."""
        with self._transaction():
            return self._insert(row, messages, cleaner, self._owner)

    def update(
        self, exchange: int, row: Row, messages: tuple[Message, ...], cleaner: Cleaner
    ) -> int:
        """Write how it ended, so that it survives a power cut; the id, new if it was purged."""
        if not self._update_alone(exchange, row):
            with self._transaction(durable=True):
                if not self._update(exchange, row, self._owner):
                    return self._insert(row, messages, cleaner, self._owner)
        self._chain.replied(self._heads.pop(exchange, None), exchange, row.reply)
        return exchange

    def interrupt(self, exchanges: Iterable[int]) -> None:
        """Say of rows in the air that their process ended before their answer came."""
        with self._transaction(durable=True):
            self.connection.executemany(_INTERRUPT, [(exchange,) for exchange in exchanges])

    def replay(
        self, records: Iterable[Record], spool: str | None, cleaner: Cleaner
    ) -> dict[int, int]:
        """Write rows that could not be written before; the id that each has now.

        A spool is replayed once, even if it could not be removed afterwards.
        """
        ids: dict[int, int] = {}
        with self._transaction(durable=True):
            if spool is not None and not self._first_replay_of(spool):
                return ids
            for record in records:
                ids[record.id] = self._write(record, cleaner)
            self._begin_ids_after(max(ids, default=0))
        return ids

    def _first_replay_of(self, spool: str) -> bool:
        sql = "INSERT OR IGNORE INTO replayed(spool) VALUES (?)"
        return self.connection.execute(sql, (spool,)).rowcount == 1

    def _write(self, record: Record, cleaner: Cleaner) -> int:
        if record.id > 0 and self._update(record.id, record.row, record.owner):
            return record.id
        free = record.id > 0 and not self._has(record.id)
        preferred = record.id if free else None
        return self._insert(record.row, record.messages, cleaner, record.owner, preferred)

    def _has(self, exchange: int) -> bool:
        found = self.connection.execute("SELECT 1 FROM exchange WHERE id = ?", (exchange,))
        return found.fetchone() is not None

    def _begin_ids_after(self, exchange: int) -> None:
        """An id that was given out for a file that is gone must not come again for another row."""
        sql = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'exchange'"
        self.connection.execute(sql, (exchange,))

    def _insert(
        self,
        row: Row,
        messages: tuple[Message, ...],
        cleaner: Cleaner,
        owner: Owner,
        exchange: int | None = None,
    ) -> int:
        process = self._process(owner)
        values = (*_values(row), self._context(process, row.context), process, exchange)
        exchange = int(self.connection.execute(_INSERT, values).lastrowid or 0)
        head = self._chain.head(self.connection, messages, exchange, cleaner)
        self.connection.execute("UPDATE exchange SET message = ? WHERE id = ?", (head, exchange))
        if row.answer_key is not None:
            self.connection.execute(_ANSWER, (exchange, row.answer_key))
        if row.status == "started":
            self._heads[exchange] = head
        return exchange

    def _update_alone(self, exchange: int, row: Row) -> bool:
        """Update in one statement, as most rows can: their context is known and nothing is gone."""
        context = self._contexts.get((self._processes.get(self._owner, 0), row.context))
        if context is None:
            return False
        self._set_durable(True)
        values = (*_values(row), context, exchange, self._owner.kernel, self._purges)
        return self.connection.execute(_UPDATE_UNLESS_PURGED, values).rowcount == 1

    def _update(self, exchange: int, row: Row, owner: Owner) -> bool:
        context = self._context(self._process(owner), row.context)
        values = (*_values(row), context, exchange, owner.kernel)
        return self.connection.execute(_UPDATE, values).rowcount == 1

    def _context(self, process: int, body: str) -> int:
        known = self._contexts.get((process, body))
        if known is None:
            if len(self._contexts) > _CONTEXTS_AT_MOST:
                self._contexts.clear()
            sql = "INSERT INTO context(process, body) VALUES (?, ?)"
            known = int(self.connection.execute(sql, (process, body)).lastrowid or 0)
            self._contexts[process, body] = known
        return known

    def _process(self, owner: Owner) -> int:
        known = self._processes.get(owner)
        if known is None:
            here = owner.process
            notebook = None if owner.notebook is None else stored(owner.notebook)
            values = (owner.kernel, notebook, here.host, here.boot, here.pid, here.started)
            known = int(self.connection.execute(_PROCESS, values).lastrowid or 0)
            self._processes[owner] = known
        return known

    @contextmanager
    def _transaction(self, *, durable: bool = False) -> Iterator[None]:
        self._set_durable(durable)
        try:
            with transaction(self.connection):
                self._notice_a_purge()
                yield
        except BaseException:
            self._forget()  # what was rolled back is not there
            raise

    def _set_durable(self, durable: bool) -> None:
        # In memory there is nothing to set, but what was interrupted is rolled back.
        if self._on_disk or self.connection.in_transaction:
            set_durable(self.connection, durable)

    def _notice_a_purge(self) -> None:
        """A purge, perhaps by another process, may have deleted what this one remembers."""
        (purges,) = self.connection.execute("SELECT count(*) FROM purge").fetchone()
        if purges != self._purges:
            self._forget()
            self._purges = purges

    def _forget(self) -> None:
        self._chain.forget()
        self._contexts.clear()
        self._processes.clear()
        self._heads.clear()


def _values(row: Row) -> tuple[object, ...]:
    return (
        row.status,
        row.numbers,
        row.cell,
        row.prompt,
        row.reply,
        row.request_id,
        row.response,
        row.details,
    )
