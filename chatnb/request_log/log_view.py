"""How the log looks as the output of a cell: its newest rows, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 20
_CLIP = 60
_HEADINGS = ("time (UTC)", "model", "status", "prompt", "reply", "tokens", "cost", "s")
_RIGHT = ("tokens", "cost", "s")
_WRAPPED = ("prompt", "reply")
_NO_FAILURE = ("ok", "refused", "started", "interrupted")
_QUIET = "color: var(--jp-content-font-color2, inherit)"
_EMPTY = "No requests yet: ask something with %%chat, and it appears here."


@dataclass(frozen=True, slots=True)
class _Row:
    """The texts of a row's cells, one a heading, and what its reply cell says of its error."""

    cells: tuple[str, ...]
    error: str

    def plain(self) -> tuple[str, ...]:
        """The cells as they are where nothing can be quiet."""
        return tuple(
            " · ".join(filter(None, (cell, self.error))) if heading == "reply" else cell
            for cell, heading in zip(self.cells, _HEADINGS, strict=True)
        )


def as_text(log: pd.DataFrame) -> str:
    """The newest rows and the totals as plain text."""
    if log.empty:
        return _EMPTY
    table = [_HEADINGS, *(row.plain() for row in _rows(log, clip=28))]
    widths = [max(len(row[place]) for row in table) for place in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            cell.rjust(width) if heading in _RIGHT else cell.ljust(width)
            for cell, width, heading in zip(row, widths, _HEADINGS, strict=True)
        ).rstrip()
        for row in table
    ]
    return "\n".join([*lines, *_earlier(log), totals(log)])


def as_html(log: pd.DataFrame) -> str:
    """The same as a table that follows the theme; every text escaped, nothing active."""
    if log.empty:
        return f"<p>{escape(_EMPTY)}</p>"
    head = "".join(_cell("th", heading, heading) for heading in _HEADINGS)
    body = "".join(_row(row) for row in _rows(log, clip=_CLIP))
    below = "".join(f"<div>{escape(line)}</div>" for line in (*_earlier(log), totals(log)))
    # The classes keep MathJax from typesetting what stands between two dollar signs.
    return (
        '<div class="tex2jax_ignore mathjax_ignore" style="'
        "color: var(--jp-content-font-color1, inherit);"
        ' font-size: var(--jp-code-font-size, inherit); overflow-x: auto">'
        '<table class="dataframe" style="border-collapse: collapse">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<div style="padding: 2px 6px; {_QUIET}">{below}</div></div>'
    )


def totals(log: pd.DataFrame) -> str:
    """Requests, failures, tokens and cost in one line; what is unknown is said, not counted as 0.

    >>> from pathlib import Path
    >>> from chatnb.request_log.log_frame import frame
    >>> from chatnb.request_log import RequestLog
    >>> totals(frame(RequestLog(Path(":memory:"))))
    '0 requests, 0 failures, 0 tokens, cost $0'
    """
    failures = int((~log["status"].isin(_NO_FAILURE)).sum())
    stopped = int((log["status"] == "interrupted").sum())
    ended = log[log["status"] != "started"]
    return ", ".join(
        (
            _counted(len(log), "request"),
            _counted(failures, "failure"),
            *([f"{stopped:,} stopped"] if stopped else []),
            _tokens(ended["total_tokens"]),
            _cost(ended["cost"]),
        )
    )


def _tokens(values: pd.Series) -> str:
    if _none_known(values):
        return "tokens unknown"
    return f"{int(values.sum()):,} tokens{_unknown(values)}"


def _cost(values: pd.Series) -> str:
    if _none_known(values):
        return "cost unknown"
    return f"cost ${_dollars(float(values.sum()))}{_unknown(values)}"


def _rows(log: pd.DataFrame, clip: int) -> list[_Row]:
    """The newest rows first, as the texts of their cells."""
    newest = log.tail(_ROWS).iloc[::-1]
    columns = ("started", "model", "status", "prompt", "reply", "error")
    numbers = ("prompt_tokens", "completion_tokens", "cost", "seconds")
    rows = zip(*(newest[name].astype(object) for name in (*columns, *numbers)), strict=True)
    one_day = newest["started"].dt.date.nunique() == 1
    when = "%H:%M:%S" if one_day else "%m-%d %H:%M"
    return [
        _Row(
            (
                f"{started:{when}}",
                _clipped(model, clip),
                str(status),
                _clipped(prompt, clip),
                _clipped(reply, clip),
                _both(asked, answered),
                _dollars(cost) if isinstance(cost, float) else "",
                f"{seconds:.2f}" if isinstance(seconds, float) else "",
            ),
            _clipped(error, clip),
        )
        for started, model, status, prompt, reply, error, asked, answered, cost, seconds in rows
    ]


def _row(row: _Row) -> str:
    pairs = zip(row.cells, _HEADINGS, strict=True)
    return f"<tr>{''.join(_cell('td', cell, heading, row.error) for cell, heading in pairs)}</tr>"


def _cell(tag: str, text: str, heading: str, error: str = "") -> str:
    side = "right" if heading in _RIGHT else "left"
    wrap = "min-width: 8em" if heading in _WRAPPED else "white-space: nowrap"
    style = f"text-align: {side}; vertical-align: top; padding: 2px 6px; {wrap}"
    quiet = f'<div style="{_QUIET}">{escape(error)}</div>' if error and heading == "reply" else ""
    return f'<{tag} style="{style}">{escape(text)}{quiet}</{tag}>'


def _clipped(text: object, clip: int) -> str:
    """One line of printable text; empty where there is none."""
    if not isinstance(text, str):
        return ""
    line = "".join(each if each.isprintable() else " " for each in text[: 4 * clip])
    line = " ".join(line.split())
    return line if len(line) <= clip else f"{line[: clip - 1]}…"


def _both(asked: object, answered: object) -> str:
    """Tokens of the prompt and of the answer; empty where neither is known."""
    known = isinstance(asked, int) or isinstance(answered, int)
    return f"{_number(asked)} + {_number(answered)}" if known else ""


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "?"


def _dollars(amount: float) -> str:
    """Enough digits for a small price: 0.00034, 0.021, 12.50."""
    if amount == 0:
        return "0"
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.2g}"


def _none_known(values: pd.Series) -> bool:
    return len(values) > 0 and bool(values.isna().all())


def _unknown(values: pd.Series) -> str:
    missing = int(values.isna().sum())
    return f" (unknown for {missing:,})" if missing else ""


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _earlier(log: pd.DataFrame) -> list[str]:
    return [f"… {len(log) - _ROWS:,} earlier"] if len(log) > _ROWS else []
