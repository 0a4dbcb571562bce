"""The conversation as plain output: what a saved notebook shows where no panel lives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
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
    who_said,
)
from chatnb.records import Exchange
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


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is saved of a turn, or of the system message."""

    html: str
    plain: str
    formulas: int

    @classmethod
    def of(cls, said: Iterable[Said]) -> Drawn:
        every = list(said)
        formulas = sum(len(_FORMULA.findall(each.text)) for each in every if each.formatted)
        plain = "\n\n".join(each.plain for each in every)
        return cls("".join(each.html for each in every), plain, formulas)


class SavedTranscript:
    """The conversation as HTML and as plain text; a turn is drawn again only where it changed.

    >>> SavedTranscript(exchanges.get).bundle(conversation, "main")         # doctest: +SKIP
    {'text/html': '<div>...Conversation main: 2 turns...</div>', 'text/plain': ...}

    The HTML is safe to display and needs no style sheet. `exchange_of` gives the exchange of a row
    of the log, None where it is not known: then the answer has no receipt. `redacted` takes keys
    out of a text: a notebook is given away. Turns that are not sent are marked "set aside".
    """

    def __init__(
        self, exchange_of: ExchangeOf, redacted: Callable[[str], str] = lambda text: text
    ) -> None:
        self._exchange_of = exchange_of
        self._redacted = redacted
        self._drawn: dict[str, tuple[Turn, str, Exchange | None, Drawn]] = {}

    def bundle(self, conversation: Conversation, name: str) -> dict[str, str]:
        """Both forms, by their MIME types."""
        title = _title(conversation, name)
        drawn = [*self._system(conversation), *self._turns(conversation)]
        many = sum(each.formulas for each in drawn) > MOST_FORMULAS
        kind = ' class="mathjax_ignore"' if many else ""
        html = _LABEL.format(escaped(title)) + "".join(each.html for each in drawn)
        plain = [reply_text(title), *(each.plain for each in drawn)]
        return {"text/html": f"<div{kind}>{html}</div>", "text/plain": "\n\n".join(plain)}

    def _system(self, conversation: Conversation) -> Iterator[Drawn]:
        if conversation.system is not None:
            yield Drawn.of([Said("system", self._redacted(conversation.system))])

    def _turns(self, conversation: Conversation) -> Iterator[Drawn]:
        before, self._drawn = self._drawn, {}
        for turn, number in numbered(conversation):
            place = SET_ASIDE if number is None else str(number)
            exchange = None if turn.exchange is None else self._exchange_of(turn.exchange)
            known = before.get(turn.key)
            if known is None or known[0] is not turn or known[1:3] != (place, exchange):
                drawn = Drawn.of(_in_turn(turn, place, exchange, self._redacted))
                known = (turn, place, exchange, drawn)
            self._drawn[turn.key] = known
            yield known[3]


def _title(conversation: Conversation, name: str) -> str:
    turns = len(conversation.live)
    if not conversation.turns and conversation.system is None:
        return f"Conversation {name} is empty"
    return f"Conversation {name}: {turns} {'turn' if turns == 1 else 'turns'}"


def _in_turn(
    turn: Turn, place: str, exchange: Exchange | None, redacted: Callable[[str], str]
) -> Iterator[Said]:
    by_hand = turn.messages[:-1] if turn.choices else turn.messages
    for message in by_hand:
        answer, text = message.role == "assistant", redacted(text_of(message))
        yield Said(f"{place} · {message.role}", text, formatted=answer, stale=turn.stale)
    last = len(turn.choices) - 1
    for at in range(len(turn.choices)):
        who = f"{place} · {_answerer(turn, at, exchange)}"
        told = receipt(exchange, who=False) if exchange and at == last else None
        text = redacted(said_in(turn, at))
        yield Said(who, text, formatted=True, stale=turn.stale, told=told)


def _answerer(turn: Turn, at: int, exchange: Exchange | None) -> str:
    facts = [who_said(exchange) if exchange else "assistant"]
    if len(turn.choices) > 1:
        facts.append(choice_label(turn.choices[at]))
    if at != turn.kept:
        facts.append("not sent")
    elif is_edited(turn, exchange):
        facts.append("edited by hand")
    return " · ".join(facts)
