"""Answers that the log has already: by a key of what was asked, and of whom."""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chatnb.records import Exchange, Request
from chatnb.request_log.answer_keys import answer_key
from chatnb.request_log.log_exchanges import StoredExchange
from chatnb.request_log.log_rows import LogRow

if TYPE_CHECKING:
    from chatnb.request_log import RequestLog

# A row that its reader refused (error_kind bad_schema) is no answer to take again.
_IDS = """
SELECT answer.request, answer.exchange
FROM json_each(?) AS wanted JOIN answer ON answer.request = wanted.value
JOIN exchange ON exchange.id = answer.exchange JOIN context ON context.id = exchange.context
WHERE status = 'ok' AND json_extract(body, '$.error_kind') IS NULL ORDER BY answer.exchange
"""
_ROWS = f"""
SELECT exchange.id, body, {", ".join(f"exchange.{name}" for name in LogRow._fields[1:])}
FROM json_each(?) AS wanted JOIN exchange ON exchange.id = wanted.value
JOIN context ON context.id = exchange.context
"""  # noqa: S608 - constants only


def logged_answers(log: RequestLog, requests: Sequence[Request]) -> list[Exchange | None]:
    """The logged exchange of each request that was answered before, whoever asked; None of others.

    The same request is the same base_url and the same body; for the embedded model, whose port
    changes, the same model file. Of several equal requests each takes an answer of its own, the
    oldest first.
    """
    keys = [answer_key(request) for request in requests]
    waiting = log.read(lambda connection: _waiting(connection, set(filter(None, keys)))) or {}
    taken = [_next(waiting, key) for key in keys]
    wanted = [number for number in taken if number is not None]
    rows = log.read(lambda connection: _rows(connection, wanted)) or {}
    return [
        replace(rows[number].exchange, request=request) if number in rows else None
        for request, number in zip(requests, taken, strict=True)
    ]


def _waiting(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, deque[int]]:
    found: dict[str, deque[int]] = {}
    for key, number in connection.execute(_IDS, (json.dumps(list(keys)),)):
        found.setdefault(key, deque()).append(number)
    return found


def _next(waiting: Mapping[str, deque[int]], key: str | None) -> int | None:
    numbers = waiting.get(key or "")
    return numbers.popleft() if numbers else None


def _rows(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, StoredExchange]:
    rows = connection.execute(_ROWS, (json.dumps(numbers),)).fetchall()
    return {
        number: StoredExchange(LogRow(number, *row), json.loads(body), ())
        for number, body, *row in rows
    }
