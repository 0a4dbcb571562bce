"""The log page: the last exchanges as rows, and the log as a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatnb.playground.log_row import loaded, row_event
from chatnb.request_log import RequestLog

if TYPE_CHECKING:
    import pandas as pd

Event = dict[str, Any]

_EXCERPT = 120
_MAY_CHANGE = ("started", "lost")
_COLUMNS = (
    *("id", "started", "source", "conversation", "model", "status", "finish_reason", "prompt"),
    *("reply", "prompt_tokens", "completion_tokens", "total_tokens", "cost", "seconds", "error"),
    "comparison",
)
_CLIPPED = ("prompt", "reply", "error")


def rows_event(log: RequestLog, limit: int = 200, since: int | None = None) -> Event:
    """The `log` event: the last exchanges of this kernel, oldest first, and their totals in words.

    >>> rows_event(RequestLog(Path(":memory:")))["totals"]
    '0 requests, 0 failures, 0 tokens, cost $0'

    `since`: the `settled` of an earlier event, so that only rows that are new, or that could still
    change then, come again. Ids below 0 are rows that the disk does not have yet: they come with
    every event, in place of all earlier ones.
    """
    from chatnb.request_log.log_frame import frame

    rows = frame(log)
    new = _newer(rows, since)
    return {
        "event": "log",
        # More than a page has room for, as after many samples: the earlier ones are counted anew.
        "all": since is None or len(new) > limit,
        "rows": _compact(new.tail(limit)),
        "earlier": max(0, len(rows) - limit),
        "totals": _totals(rows),
        "settled": _settled(rows),
    }


def exported(log: RequestLog, format: str, directory: Path) -> str:
    """Write the log to a new .csv, .jsonl or .parquet file in a directory; a line that says where.

    Raises InvalidInput, with what to install where Parquet is not there.
    """
    from chatnb.request_log.log_export import export

    name = f"chatnb-log-{datetime.now():%Y-%m-%d-%H%M%S}.{format}"
    path = _free(directory.resolve() / Path(name).name)
    count = export(path, log, all=False)
    return f"{count:,} {'row is' if count == 1 else 'rows are'} in {path}."


def _free(path: Path) -> Path:
    """The path, or one beside it with a number, where nothing is yet."""
    candidate, number = path, 2
    while candidate.exists():
        candidate = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return candidate


def _newer(rows: pd.DataFrame, since: int | None) -> pd.DataFrame:
    return rows if since is None else rows[(rows["id"] > since) | (rows["id"] < 0)]


def _settled(rows: pd.DataFrame) -> int:
    """The last id up to which no row changes any more."""
    written = rows[rows["id"] > 0]
    open_rows = written[written["status"].isin(_MAY_CHANGE)]
    if not open_rows.empty:
        return int(open_rows["id"].min()) - 1
    return 0 if written.empty else int(written["id"].max())


def _totals(rows: pd.DataFrame) -> str:
    from chatnb.request_log.log_view import totals

    seconds = float(rows["seconds"].sum())
    return totals(rows) + (f", {seconds:,.1f} s" if seconds else "")


def _compact(rows: pd.DataFrame) -> list[dict[str, Any]]:
    plain = rows[list(_COLUMNS)].astype(object)
    records = plain.where(plain.notna(), None).to_dict("records")
    for record in records:
        record["started"] = record["started"].isoformat()
        record |= {name: _excerpt(record[name]) for name in _CLIPPED}
    return [{str(name): value for name, value in record.items()} for record in records]


def _excerpt(text: str | None) -> str | None:
    """The beginning of a text, on one line."""
    if text is None:
        return None
    line = " ".join(text[: 4 * _EXCERPT].split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 1]}…"


__all__ = ["exported", "loaded", "row_event", "rows_event"]
