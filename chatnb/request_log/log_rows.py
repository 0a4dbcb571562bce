"""Reading the log back: rows, the messages of a row, a notebook's last conversation."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from chatnb.records import Message
from chatnb.request_log.log_chain import chain
from chatnb.request_log.log_record import Stored, restored, stored, unpacked
from chatnb.request_log.process_identity import ProcessIdentity

if TYPE_CHECKING:
    from chatnb.request_log import RequestLog
    from chatnb.request_log.log_record import Record

_COLUMNS = "id, context, status, numbers, cell, prompt, reply, request_id, response, details"
_OF_KERNEL = "process IN (SELECT id FROM process WHERE kernel = :kernel)"
_PROCESSES = "SELECT id FROM process WHERE notebook = ? AND kernel <> ? ORDER BY id DESC"
_LAST_EXCHANGE = """
SELECT exchange.id, exchange.reply, exchange.numbers,
  json_extract(context.body, '$.conversation') AS conversation,
  CASE WHEN json_extract(context.body, '$.own_system') IS NULL THEN exchange.id ELSE (
    SELECT max(earlier.id) FROM exchange AS earlier
    JOIN context AS said ON said.id = earlier.context
    JOIN process AS sender ON sender.id = earlier.process
    WHERE sender.kernel = process.kernel AND earlier.id < exchange.id
      AND json_extract(said.body, '$.conversation')
        = json_extract(context.body, '$.conversation')
      AND json_extract(said.body, '$.own_system') IS NULL) END
FROM exchange JOIN context ON context.id = exchange.context
JOIN process ON process.id = exchange.process
WHERE exchange.process = ? AND status IN ('ok', 'refused')
  AND json_extract(context.body, '$.error_kind') IS NULL AND conversation IS NOT NULL
ORDER BY exchange.id DESC LIMIT 1
"""


class LogRow(NamedTuple):
    """A row as the file has it; `context` is the id of what it shares with other rows."""

    id: int
    context: int
    status: str
    numbers: bytes
    cell: Stored
    prompt: Stored
    reply: Stored
    request_id: Stored
    response: str | None
    details: str | None


# A row, what it shares with others, and the id of the last message that was sent.
Found = tuple[LogRow, Mapping[str, Any], int | None]


@dataclass(frozen=True)
class StoredConversation:
    """A conversation as its last good exchange left it; its messages are read when touched.

    `standing`: the newest exchange that was sent with the conversation's own system message.
    """

    name: str
    started: datetime
    reply: str
    exchange: int
    standing: int | None
    log: RequestLog = field(repr=False, compare=False)

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """What was sent last, under the conversation's system message, and the reply to it."""
        sent = messages_of(self.log, self.exchange)
        if self.standing != self.exchange:
            before = () if self.standing is None else messages_of(self.log, self.standing)
            sent = (*_system(before), *sent[len(_system(sent)) :])
        return (*sent, Message("assistant", self.reply))

    @property
    def turns(self) -> int:
        return sum(message.role == "user" for message in self.messages)


def rows_after(
    connection: sqlite3.Connection, last: int, again: Iterable[int], kernel: str | None
) -> list[Any]:
    """The rows `again` and those after an id, of one kernel or of all, as tuples of a LogRow."""
    which = "" if kernel is None else f" AND {_OF_KERNEL}"
    values = {"last": last, "again": json.dumps(list(again)), "kernel": kernel}
    new = f"SELECT {_COLUMNS} FROM exchange WHERE id > :last{which}"  # noqa: S608 - constants only
    old = f"SELECT {_COLUMNS} FROM exchange WHERE id IN (SELECT value FROM json_each(:again))"  # noqa: S608 - constants only
    rows = connection.execute(new, values).fetchall()
    return rows if values["again"] == "[]" else connection.execute(old, values).fetchall() + rows


def contexts_after(
    connection: sqlite3.Connection, last: int, kernel: str | None
) -> dict[int, Mapping[str, Any]]:
    """What rows share, by id: from the row's JSON and from its kernel process."""
    sql = """
    SELECT context.id, body, kernel, notebook FROM context
    JOIN process ON process.id = context.process
    WHERE context.id > ? AND coalesce(kernel = ?, TRUE)
    """
    return {
        number: context_of(body, owner, None if notebook is None else restored(notebook))
        for number, body, owner, notebook in connection.execute(sql, (last, kernel))
    }


def stored_row(connection: sqlite3.Connection, exchange: int, kernel: str) -> Found | None:
    """One row of a kernel; None where it is gone, or another kernel's."""
    found = _found(connection, f"id = :exchange AND {_OF_KERNEL}", kernel, exchange=exchange)
    return found[0] if found else None


def last_rows(connection: sqlite3.Connection, kernel: str, limit: int) -> list[Found]:
    """The newest rows of a kernel, the newest first."""
    return _found(connection, f"{_OF_KERNEL} ORDER BY id DESC LIMIT :limit", kernel, limit=limit)


def _found(connection: sqlite3.Connection, which: str, kernel: str, **values: int) -> list[Found]:
    sql = f"SELECT {_COLUMNS}, message FROM exchange WHERE {which}"  # noqa: S608 - constants only
    rows = connection.execute(sql, {"kernel": kernel, **values}).fetchall()
    first = min((row[1] for row in rows), default=0)
    contexts = contexts_after(connection, first - 1, kernel) if rows else {}
    return [(LogRow(*row[:-1]), contexts[row[1]], row[-1]) for row in rows]


def context_of(body: str, kernel: str, notebook: str | None) -> Mapping[str, Any]:
    return {**json.loads(body), "kernel": kernel, "notebook": notebook}


def as_log_row(record: Record, context: int) -> LogRow:
    """A row that is in memory only, as the file would have it."""
    values = {name: getattr(record.row, name) for name in LogRow._fields[2:]}
    return LogRow(id=record.id, context=context, **values)


def purges(connection: sqlite3.Connection) -> int:
    """How often rows were removed: what was read before may be gone when it changes."""
    return int(connection.execute("SELECT count(*) FROM purge").fetchone()[0])


def messages_of(log: RequestLog, exchange: int) -> tuple[Message, ...]:
    """The messages of a row, as they were sent but for keys; none where the row is gone."""
    for record in log.unwritten():
        if record.id == exchange:
            return record.messages
    return log.read(lambda connection: stored_messages(connection, exchange)) or ()


def stored_messages(connection: sqlite3.Connection, exchange: int) -> tuple[Message, ...]:
    row = connection.execute("SELECT message FROM exchange WHERE id = ?", (exchange,)).fetchone()
    return chain(connection, row[0]) if row else ()


def last_conversation(log: RequestLog, notebook: str) -> StoredConversation | None:
    """The conversation that another kernel of this notebook ended with; None if there is none.

    Whether that kernel still lives does not matter: after a restart it does not.
    """
    row = log.read(lambda connection: _last_exchange(connection, notebook, log.kernel))
    if row is None:
        return None
    exchange, reply, numbers, name, standing = row
    started = started_of(numbers)
    return StoredConversation(name, started, restored(reply or ""), exchange, standing, log)


def _last_exchange(connection: sqlite3.Connection, notebook: str, kernel: str) -> Any:
    """Kernel by kernel, latest first: an index leads to the last row of each."""
    for process in connection.execute(_PROCESSES, (stored(notebook), kernel)).fetchall():
        row = connection.execute(_LAST_EXCHANGE, process).fetchone()
        if row is not None:
            return row
    return None


def _system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The system message that comes first, if one does."""
    return messages[:1] if messages and messages[0].role == "system" else ()


def started_of(numbers: bytes) -> datetime:
    """When the request of a row was sent, in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=unpacked(numbers)[0] or 0)


def mark_lost(connection: sqlite3.Connection, here: ProcessIdentity) -> int:
    """Rows that stayed `started` and whose process is gone become `lost`; how many."""
    sql = """
    SELECT DISTINCT process.id, host, boot, pid, process.started
    FROM exchange JOIN process ON process.id = exchange.process WHERE status = 'started'
    """
    gone = [
        (number,)
        for number, *process in connection.execute(sql).fetchall()
        if ProcessIdentity(*process).is_gone(here)
    ]
    if not gone:
        return 0
    sql = "UPDATE exchange SET status = 'lost' WHERE status = 'started' AND process = ?"
    # One statement each, so that no transaction begins by reading.
    return sum(connection.execute(sql, process).rowcount for process in gone)
