"""Exchanges of this kernel as the log has them: what a view that opens late has not seen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from chatnb.errors import ChatError, Interrupted
from chatnb.records import (
    Adjustment,
    Attempt,
    Choice,
    Exchange,
    Message,
    Origin,
    Reply,
    Request,
    Source,
    Status,
    Usage,
)
from chatnb.request_log.log_chain import chains
from chatnb.request_log.log_record import NUMBERS, restored, unpacked
from chatnb.request_log.log_rows import LogRow, as_log_row, last_rows, started_of, stored_row

if TYPE_CHECKING:
    from chatnb.request_log import RequestLog

_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
)


@dataclass(frozen=True)
class StoredExchange:
    """A row with what it shares with others, and its messages as they were sent but for keys."""

    row: LogRow
    context: Mapping[str, Any]
    messages: tuple[Message, ...]

    @cached_property
    def numbers(self) -> Mapping[str, float | None]:
        return dict(zip(NUMBERS, unpacked(self.row.numbers), strict=True))

    @cached_property
    def details(self) -> Mapping[str, Any]:
        return cast(dict[str, Any], json.loads(self.row.details or "{}"))

    @cached_property
    def texts(self) -> list[str]:
        """What each choice says."""
        reply = self.row.reply
        return self.details.get("choices") or ([] if reply is None else [restored(reply)])

    @property
    def request(self) -> Request:
        """The request as it was sent; `stream` stands between its parameters and its extra."""
        sent: dict[str, Any] = dict(self.context["parameters"])
        first_extra = list(sent).index("stream") + 1
        extra = {name: sent[name] for name in list(sent)[first_extra:]}
        stream = sent.pop("stream")
        parameters = {name: value for name, value in sent.items() if name not in extra}
        return Request(
            self.context["model"], self.messages, parameters, extra, stream,
            base_url=self.context.get("base_url", ""),
            embedded=self.numbers["cost"] == 0,  # what is priced at all costs something
            origin=self._origin,
            adjusted=tuple(Adjustment(**each) for each in self.context.get("adjusted", ())),
        )  # fmt: skip

    @property
    def exchange(self) -> Exchange:
        """The exchange; its receipt has no notes, since they are in no row."""
        told = self.details.get("attempt_log") or self.context.get("attempt_log") or ()
        status = cast(Status, self.row.status)
        return Exchange(
            self.request, started_of(self.row.numbers), self.row.id, status, self._reply,
            _error(status, self.details, self.context), tuple(Attempt(**each) for each in told),
            self.numbers["first_token_s"], self.numbers["seconds"],
        )  # fmt: skip

    @property
    def _origin(self) -> Origin:
        turn, cell = self.numbers["turn"], self.row.cell
        return Origin(
            cast(Source, self.context.get("source", "python")),
            self.context.get("conversation"),
            None if turn is None else int(turn),
            None if cell is None else restored(cell),
            self.context.get("comparison"),
        )

    @property
    def _reply(self) -> Reply:
        reasons = [self.context.get("finish_reason"), *[None] * len(self.texts)]  # of the first
        choices = tuple(Choice(at, text, reasons[at]) for at, text in enumerate(self.texts))
        model, cost = self.context.get("response_model"), self.numbers["cost"]
        return Reply(choices, model, self._usage, cost)

    @property
    def _usage(self) -> Usage | None:
        counts = {name: self.numbers[name] for name in _COUNTS}
        known = {name: int(count) for name, count in counts.items() if count is not None}
        source = self.context.get("usage_source", "server")
        return Usage(**known, source=source) if known else None


def stored_exchange(log: RequestLog, id: int) -> StoredExchange | None:
    """One row of this kernel, whole; None where it is gone."""
    for each in _unwritten(log):
        if each.row.id == id:
            return each
    return log.read(lambda connection: _stored(connection, id, log.kernel))


def stored_exchanges(log: RequestLog, limit: int) -> list[Exchange]:
    """The last exchanges of this kernel, oldest first, read at once.

    A message that many of them sent is read once. Requests in the air are not among them.
    """
    read = log.read(lambda connection: list(_last(connection, log.kernel, limit))) or []
    found = {each.row.id: each for each in [*read, *_unwritten(log)]}
    ended = [each.exchange for each in found.values() if each.row.status != "started"]
    return sorted(ended, key=lambda exchange: exchange.started)[-limit:]


def _unwritten(log: RequestLog) -> Iterator[StoredExchange]:
    for record in log.unwritten():
        row = as_log_row(record, 0)
        yield StoredExchange(row, json.loads(record.row.context), record.messages)


def _stored(connection: sqlite3.Connection, id: int, kernel: str) -> StoredExchange | None:
    found = stored_row(connection, id, kernel)
    if found is None:
        return None
    row, context, head = found
    return StoredExchange(row, context, chains(connection, [head])[head])


def _last(connection: sqlite3.Connection, kernel: str, limit: int) -> Iterator[StoredExchange]:
    rows = last_rows(connection, kernel, limit)
    sent = chains(connection, [head for _, _, head in rows])
    return (StoredExchange(row, context, sent[head]) for row, context, head in rows)


def _error(
    status: Status, details: Mapping[str, Any], context: Mapping[str, Any]
) -> ChatError | Interrupted | None:
    line = details.get("error")
    if line is None:
        return None
    kind = Interrupted if status == "interrupted" else ChatError
    return kind(line, kind=context.get("error_kind", "error"), param=context.get("error_param"))
