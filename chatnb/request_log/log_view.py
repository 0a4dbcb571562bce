"""How the log looks as the output of a cell: its newest rows, and what they add up to."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 20
_CLIP = 60
_HEADINGS = ("time (UTC)", "model", "status", "prompt", "reply", "tokens", "cost", "s")
_RIGHT = ("tokens", "cost", "s")
_WRAPPED = ("model", "prompt", "reply")
_GOOD = ("ok", "refused", "started")
_EMPTY = "No requests yet: ask something with %%chat, and it appears here."


def as_text(log: pd.DataFrame) -> str:
    """The newest rows and the totals as plain text."""
    if log.empty:
        return _EMPTY
    table = [_HEADINGS, *_cells(log, clip=28)]
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
    body = "".join(_row(row) for row in _cells(log, clip=_CLIP))
    below = "".join(f"<div>{escape(line)}</div>" for line in (*_earlier(log), totals(log)))
    # The classes keep MathJax from typesetting what stands between two dollar signs.
    return (
        '<div class="tex2jax_ignore mathjax_ignore" style="'
        "color: var(--jp-content-font-color1, inherit);"
        ' font-size: var(--jp-code-font-size, inherit); overflow-x: auto">'
        '<table class="dataframe" style="border-collapse: collapse">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<div style="color: var(--jp-content-font-color2, inherit)">{below}</div></div>'
    )


def totals(log: pd.DataFrame) -> str:
    """Requests, failures, tokens and cost in one line; what is unknown is said, not counted as 0.

    >>> from pathlib import Path
    >>> from chatnb.request_log.log_frame import frame
    >>> from chatnb.request_log import RequestLog
    >>> totals(frame(RequestLog(Path(":memory:"))))
    '0 requests, 0 failures, 0 tokens, cost 0 US dollars'
    """
    failures = int((~log["status"].isin(_GOOD)).sum())
    cost = f"cost {_dollars(float(log['cost'].sum()))} US dollars"
    ended = log[log["status"] != "started"]
    return ", ".join(
        (
            _counted(len(log), "request"),
            _counted(failures, "failure"),
            f"{int(log['total_tokens'].sum()):,} tokens{_unknown(ended['total_tokens'])}",
            f"{cost}{_unknown(ended['cost'])}",
        )
    )


def _cells(log: pd.DataFrame, clip: int) -> list[tuple[str, ...]]:
    """The newest rows first, as the texts of their cells."""
    newest = log.tail(_ROWS).iloc[::-1]
    columns = ("started", "model", "status", "prompt", "reply")
    numbers = ("prompt_tokens", "completion_tokens", "cost", "seconds")
    rows = zip(*(newest[name].astype(object) for name in (*columns, *numbers)), strict=True)
    one_day = newest["started"].dt.date.nunique() == 1
    when = "%H:%M:%S" if one_day else "%m-%d %H:%M"
    return [
        (
            f"{started:{when}}",
            _clipped(model, clip),
            str(status),
            _clipped(prompt, clip),
            _clipped(reply, clip),
            f"{_number(asked)} + {_number(answered)}",
            _dollars(cost) if isinstance(cost, float) else "?",
            f"{seconds:.2f}" if isinstance(seconds, float) else "",
        )
        for started, model, status, prompt, reply, asked, answered, cost, seconds in rows
    ]


def _row(cells: tuple[str, ...]) -> str:
    pairs = zip(cells, _HEADINGS, strict=True)
    return f"<tr>{''.join(_cell('td', cell, heading) for cell, heading in pairs)}</tr>"


def _cell(tag: str, text: str, heading: str) -> str:
    side = "right" if heading in _RIGHT else "left"
    wrap = "" if heading in _WRAPPED else "; white-space: nowrap"
    return f'<{tag} style="text-align: {side}; padding: 2px 8px{wrap}">{escape(text)}</{tag}>'


def _clipped(text: object, clip: int) -> str:
    """One line of printable text; empty where there is none."""
    if not isinstance(text, str):
        return ""
    line = "".join(each if each.isprintable() else " " for each in text[: 4 * clip])
    line = " ".join(line.split())
    return line if len(line) <= clip else f"{line[: clip - 1]}…"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "?"


def _dollars(amount: float) -> str:
    """Enough digits for a small price: 0.00034, 0.021, 12.50."""
    if amount == 0:
        return "0"
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.2g}"


def _unknown(values: pd.Series) -> str:
    missing = int(values.isna().sum())
    return f" (not known for {missing:,})" if missing else ""


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _earlier(log: pd.DataFrame) -> list[str]:
    return [f"… {len(log) - _ROWS:,} earlier"] if len(log) > _ROWS else []
