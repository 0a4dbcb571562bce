"""A turn as the front end draws it: safe HTML made here, all else as plain values."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from chatnb.conversation import Conversation, Turn, answer_of
from chatnb.playground.spending import spending, text_of
from chatnb.records import Choice, Exchange, Message
from chatnb.rendering import (
    LONGEST_FORMATTED,
    LONGEST_SHOWN,
    literal_html,
    printable,
    reply_html,
)
from chatnb.rendering.receipt import ending, receipt, who_answered
from chatnb.rendering.reply_view import thinking_html

View = dict[str, Any]

KEPT_CHARACTERS = 8_000_000  # of HTML; Markdown of 50 KB costs 0.1 s


def turn_view(turn: Turn, number: int | None, exchange: Exchange | None) -> View:
    """What the front end needs of a turn.

    >>> turn_view(turn, 1, exchange)                                        # doctest: +SKIP
    {'key': '5b0c…', 'number': 1, 'stale': False, 'source': 'cell', 'who': 'gpt-6-luna', ...}

    `prompt` and `answer` are HTML (None: there is none), `prompt_text` and `answer_text` what may
    be edited: empty where there is nothing to edit, or where it is longer than can be shown.
    `choices` has a card for each where there are several, else nothing. `messages` are those of a
    turn that is no prompt with its answer, such as a hand-written system message; it has neither
    then. `edited`: prompt or answer is not what was sent, or came back.

    `exchange` is None where neither this kernel nor its log knows it: then there is no receipt and
    no bar, and nobody knows `source` and `who`.
    """
    prompt, answer, others = _parts(turn)
    return {
        "key": turn.key,
        "number": number,
        "stale": turn.stale,
        "source": exchange.request.origin.source if exchange else None,
        "who": who_said(exchange) if exchange else None,
        "prompt": None if prompt is None else prompt_html(text_of(prompt)),
        "prompt_text": _editable(prompt),
        "answer": None if answer is None else _answer_html(turn, answer),
        "answer_text": _editable(answer),
        "choices": _cards(turn) if len(turn.choices) > 1 else [],
        "messages": [{"role": each.role, "html": message_html(each)} for each in others],
        "edited": is_edited(turn, exchange),
        "receipt": receipt(exchange, who=False).html if exchange else "",
        "bar": spending(exchange) if exchange else None,
    }


def numbered(conversation: Conversation) -> Iterator[tuple[Turn, int | None]]:
    """The turns with their numbers; those that were set aside have none."""
    number = 0
    for turn in conversation.turns:
        number += not turn.stale
        yield turn, None if turn.stale else number


def _parts(turn: Turn) -> tuple[Message | None, Message | None, tuple[Message, ...]]:
    """The prompt and the answer; or neither, and all messages."""
    match [message.role for message in turn.messages]:
        case ["user", "assistant"]:
            return turn.messages[0], turn.messages[1], ()
        case ["user"]:
            return turn.messages[0], None, ()
        case ["assistant"]:
            return None, turn.messages[0], ()
    return None, None, turn.messages


def who_said(exchange: Exchange) -> str:
    """The model that answered, and where."""
    return printable(who_answered(exchange.request, exchange.reply))


def is_edited(turn: Turn, exchange: Exchange | None) -> bool:
    """Whether a turn that was sent is no longer what was sent and came back."""
    kept = kept_choice(turn)
    if kept is None:
        return False
    asked_otherwise = exchange is not None and turn.messages[0] != exchange.request.messages[-1]
    return asked_otherwise or turn.messages[-1] != answer_of(kept)


def kept_choice(turn: Turn) -> Choice | None:
    """The choice that is sent back, or was before it was edited; None in a hand-written turn."""
    return turn.choices[turn.kept] if turn.choices else None


def _cards(turn: Turn) -> list[View]:
    """The kept one says what is sent, whoever wrote it."""
    return [
        {
            "index": at,
            "html": _thinking(choice) + formatted(said_in(turn, at)),
            "label": choice_label(choice),
            "kept": at == turn.kept,
        }
        for at, choice in enumerate(turn.choices)
    ]


def said_in(turn: Turn, at: int) -> str:
    """The text of a choice as it stands in the conversation: the kept one may have been edited."""
    choice = turn.choices[at]
    return text_of(turn.messages[-1]) if at == turn.kept else choice.text or choice.refusal or ""


def choice_label(choice: Choice) -> str:
    """The choice's number, and why it ended where it did not just end."""
    refused = "refused" if choice.refusal and not choice.text else ""
    facts = (f"choice {choice.index}", ending(choice.finish_reason), refused)
    return printable(" · ".join(filter(None, facts)))


def _answer_html(turn: Turn, answer: Message) -> str:
    kept = kept_choice(turn)
    return (_thinking(kept) if kept else "") + message_html(answer)


def _thinking(choice: Choice) -> str:
    return thinking_html(shortened(choice.reasoning)) if choice.reasoning else ""


def message_html(message: Message) -> str:
    """A message as HTML: an answer formatted, any other as the text that it is."""
    text = text_of(message)
    return formatted(text) if message.role == "assistant" else prompt_html(text)


def prompt_html(text: str) -> str:
    """A prompt is text, not Markdown."""
    return literal_html(shortened(text))


def shortened(text: str) -> str:
    """The text, or its beginning and how long it is."""
    if len(text) <= LONGEST_FORMATTED:
        return text
    return f"{text[:LONGEST_SHOWN]}\n… {LONGEST_SHOWN:,} of {len(text):,} characters shown."


def _editable(message: Message | None) -> str:
    """The text of a message where it can be edited; half a text must not become the whole."""
    if message is None or not isinstance(message.content, str):
        return ""
    return printable(message.content) if len(message.content) <= LONGEST_FORMATTED else ""


class Formatter:
    """The HTML of answers: one that was set aside, or is shown once more, is not formatted again.

    The newest are kept, up to so many characters.
    """

    def __init__(self) -> None:
        self._html: dict[str, str] = {}
        self._characters = 0
        self._lock = threading.Lock()

    def __call__(self, text: str) -> str:
        with self._lock:
            html = self._html.pop(text, None)
            if html is not None:
                self._html[text] = html
                return html
        html = reply_html(text)
        with self._lock:
            if text not in self._html:
                self._characters += len(html)
            self._html[text] = html
            while self._characters > KEPT_CHARACTERS:
                oldest = next(iter(self._html))
                self._characters -= len(self._html.pop(oldest))
        return html


formatted = Formatter()
