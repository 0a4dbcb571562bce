"""The conversation as plain output: what a saved notebook shows where no panel lives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chatnb.conversation import Conversation, Turn
from chatnb.playground.spending import text_of
from chatnb.playground.turn_view import (
    choice_label,
    formatted,
    is_edited,
    numbered,
    prompt_html,
    said_in,
    shortened,
    who_answered,
)
from chatnb.records import Exchange, Message
from chatnb.rendering import escaped, reply_text
from chatnb.rendering.receipt import Receipt, receipt

ExchangeOf = Callable[[int], Exchange | None]

SET_ASIDE = "set aside"
# MathJax typesets each update, seen or not: a thousand formulas hold the page up for a second.
MOST_FORMULAS = 100
_FORMULA = re.compile(r"\$|\\[(\[]|\\begin")

_QUIET = "var(--jp-ui-font-color2,#767676)"
_LABEL = (
    '<div class="mathjax_ignore" style="margin:0 0 4px;padding-left:8px;font-size:12px;'
    f'font-family:var(--jp-ui-font-family,system-ui,sans-serif);color:{_QUIET}">{{}}</div>'
)
_SAID = '<div style="margin:0 0 8px;{look}">{label}{body}</div>'
# Half transparent: it shows on white and on black.
_PROMPT = "padding:6px 8px 0 0;border-radius:4px;background:rgba(127,127,127,.1)"
_STALE = f"padding:2px 0 0 8px;border-left:3px dashed {_QUIET}"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said: by whom, the text, and what its request was."""

    who: str
    text: str
    formatted: bool = False
    stale: bool = False
    told: Receipt | None = None

    @property
    def html(self) -> str:
        look = _STALE if self.stale else "" if self.formatted else _PROMPT
        body = formatted(self.text) if self.formatted else prompt_html(self.text)
        body += self.told.html if self.told else ""
        return _SAID.format(look=look, label=_LABEL.format(escaped(self.who)), body=body)

    @property
    def plain(self) -> str:
        text = self.text if self.formatted else shortened(self.text)
        lines = (f"[{self.who}]", text, self.told.text if self.told else "")
        return reply_text("\n".join(filter(None, lines)))


def transcript_html(conversation: Conversation, name: str, exchange_of: ExchangeOf) -> str:
    """The conversation as HTML that is safe to display and needs no style sheet.

    >>> transcript_html(conversation, "main", exchanges.get)                # doctest: +SKIP
    '<div>...Conversation main: 2 turns...</div>'

    `exchange_of` gives the exchange of a row of the log, None where it is not known: then the
    answer has no receipt. Turns that are not sent are marked "set aside".
    """
    said = list(_said(conversation, exchange_of))
    title = _LABEL.format(escaped(_title(conversation, name)))
    formulas = sum(len(_FORMULA.findall(each.text)) for each in said if each.formatted)
    kind = ' class="mathjax_ignore"' if formulas > MOST_FORMULAS else ""
    return f"<div{kind}>{title}{''.join(each.html for each in said)}</div>"


def transcript_text(conversation: Conversation, name: str, exchange_of: ExchangeOf) -> str:
    """The conversation as plain text.

    >>> print(transcript_text(conversation, "main", exchanges.get))         # doctest: +SKIP
    Conversation main: 1 turn
    <BLANKLINE>
    [1 · user]
    Hello
    """
    said = _said(conversation, exchange_of)
    return "\n\n".join([reply_text(_title(conversation, name)), *(each.plain for each in said)])


def _title(conversation: Conversation, name: str) -> str:
    turns = len(conversation.live)
    if not conversation.turns and conversation.system is None:
        return f"Conversation {name} is empty"
    return f"Conversation {name}: {turns} {'turn' if turns == 1 else 'turns'}"


def _said(conversation: Conversation, exchange_of: ExchangeOf) -> Iterator[Said]:
    if conversation.system is not None:
        yield Said("system", conversation.system)
    for turn, number in numbered(conversation):
        exchange = None if turn.exchange is None else exchange_of(turn.exchange)
        place = SET_ASIDE if number is None else str(number)
        yield from _in_turn(turn, place, exchange)


def _in_turn(turn: Turn, place: str, exchange: Exchange | None) -> Iterator[Said]:
    if not turn.choices:
        for message in turn.messages:
            yield _message(message, place, stale=turn.stale)
        return
    for message in turn.messages[:-1]:
        yield _message(message, place, stale=turn.stale)
    last = len(turn.choices) - 1
    for at in range(len(turn.choices)):
        who = f"{place} · {_answerer(turn, at, exchange)}"
        told = receipt(exchange) if exchange and at == last else None
        yield Said(who, said_in(turn, at), formatted=True, stale=turn.stale, told=told)


def _message(message: Message, place: str, *, stale: bool) -> Said:
    answer = message.role == "assistant"
    return Said(f"{place} · {message.role}", text_of(message), formatted=answer, stale=stale)


def _answerer(turn: Turn, at: int, exchange: Exchange | None) -> str:
    facts = [who_answered(exchange) if exchange else "assistant"]
    if len(turn.choices) > 1:
        facts.append(choice_label(turn.choices[at]))
    if at != turn.kept:
        facts.append("not sent")
    elif is_edited(turn, exchange):
        facts.append("edited by hand")
    return " · ".join(facts)
