"""Small tables for a cell: what is set, what the conversation is. As HTML and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chatnb.budgets import Budget
from chatnb.conversation import Conversation, Turn
from chatnb.parameters import Parameters, Table
from chatnb.rendering import escaped, terminal_text
from chatnb.settings import Settings

_QUIET = "color: var(--jp-ui-font-color2, #616161)"
_CELL = "text-align: left; vertical-align: top; padding: 2px 12px 2px 0; white-space: pre-wrap"


def standing_table(parameters: Parameters, settings: Settings, budget: Budget) -> dict[str, str]:
    """Every parameter and setting with its value, its range and its help; what is spent."""
    used = {"budget": f" · {budget.spent} spent", "max_requests": f" · {budget.sent:,} sent"}
    rows = [
        [
            name,
            _value(table, name) + used.get(name, ""),
            kind.range,
            kind.help,
        ]
        for table in (parameters, settings)
        for name, kind in table.table().items()
    ]
    title = "Standing values of this kernel; what is unset is not sent"
    return _bundle(title, ["name", "value", "range", "help"], rows, quiet=_unset)


def _value(table: Table, name: str) -> str:
    value = getattr(table, name)
    if value is None:
        default = table.definition(name).api_default
        return f"unset ({default})" if default else "unset"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unset(row: Sequence[str]) -> bool:
    return row[1].startswith("unset")


def history_table(conversation: Conversation, name: str) -> dict[str, str]:
    """The messages of a conversation in order; those of stale turns are marked and not sent."""
    rows = list(_history_rows(conversation))
    live = len(conversation.live)
    title = f"Conversation {name}: {live} {'turn' if live == 1 else 'turns'} will be sent"
    if not rows:
        return _bundle(f"Conversation {name} is empty", [], [])
    return _bundle(title, ["turn", "role", "content"], rows, quiet=_stale)


def _history_rows(conversation: Conversation) -> Iterator[list[str]]:
    if conversation.system is not None:
        yield ["", "system", conversation.system]
    number = 0
    for turn in conversation.turns:
        number += not turn.stale
        label = "set aside" if turn.stale else str(number)
        yield from ([label, message.role, _content(message.content)] for message in turn.messages)
        yield from _other_choices(turn, label)


def _other_choices(turn: Turn, label: str) -> Iterator[list[str]]:
    for choice in turn.choices:
        if choice.index != turn.kept:
            yield [label, "assistant", f"{choice.text}\n(choice {choice.index}, not sent)"]


def _content(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _stale(row: Sequence[str]) -> bool:
    return row[0].startswith("set aside") or row[2].endswith(", not sent)")


def _bundle(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], quiet: Any = None
) -> dict[str, str]:
    """The table as text/html and text/plain."""
    heads = "".join(f'<th style="{_CELL}; {_QUIET}">{escaped(each)}</th>' for each in head)
    lines = []
    for row in rows:
        look = f"{_CELL}; {_QUIET}" if quiet and quiet(row) else _CELL
        cells = "".join(f'<td style="{look}" dir="auto">{escaped(each)}</td>' for each in row)
        lines.append(f"<tr>{cells}</tr>")
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    caption = f'<div style="{_QUIET}">{escaped(title)}</div>'
    # MathJax would typeset what stands between two dollar signs.
    frame = '<div class="chatnb-table mathjax_ignore" style="overflow-x: auto">'
    html = f"{frame}{caption}{table if rows else ''}</div>"
    return {"text/html": html, "text/plain": _plain(title, rows)}


def _plain(title: str, rows: Sequence[Sequence[str]]) -> str:
    widths = [min(24, max(len(row[at]) for row in rows)) for at in range(2)] if rows else []
    lines = [title]
    for first, second, *rest in rows:
        beside = "  ".join(rest)
        lines.append(f"{first:<{widths[0]}}  {second:<{widths[1]}}  {beside}".rstrip())
    return terminal_text("\n".join(lines))
