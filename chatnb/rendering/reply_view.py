"""A whole reply as a cell shows it: thinking folded, choices as cards, the receipt below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chatnb.rendering import escaped, literal_html, reply_html, reply_text
from chatnb.rendering.receipt import Receipt, ending, receipt, reply_receipt

if TYPE_CHECKING:
    from chatnb.records import Choice, Exchange, Live, Reply

_CARDS = (
    '<div class="chatnb-choices" style="display:grid;gap:10px;margin:0 0 10px 8px;'
    'grid-template-columns:repeat(auto-fit,minmax(min(100%,250px),1fr))">{cards}</div>'
)
_CARD = (
    '<div class="chatnb-choice" style="border:1px solid var(--jp-border-color2,#bdbdbd);'
    'border-radius:4px;padding:8px 12px 0 4px;min-width:0">'
    '<div style="margin:0 0 6px 8px;font-size:12px;font-family:var(--jp-ui-font-family,system-ui);'
    'color:var(--jp-ui-font-color2,#767676)">{label}</div>{body}</div>'
)
_STATUS = (
    '<div class="chatnb-status mathjax_ignore" style="margin:0 0 1em;padding-left:8px;'
    'color:var(--jp-ui-font-color2,#767676)">{}</div>'
)
_THINKING = (
    '<details class="chatnb-thinking" style="margin:0 0 1em;padding-left:8px;'
    'color:var(--jp-ui-font-color2,#767676)">'
    '<summary style="cursor:pointer">thinking</summary>{body}</details>'
)
_TAIL = 1_000  # characters of each choice that are shown while several stream


def exchange_mimebundle(exchange: Exchange) -> dict[str, str]:
    """The final output of a turn: HTML, and plain text beside it."""
    return _bundle(exchange.reply, receipt(exchange))


def reply_mimebundle(reply: Reply) -> dict[str, str]:
    """A Reply as the value of an expression, for IPython's formatter."""
    return _bundle(reply, reply_receipt(reply))


def has_text(reply: Reply) -> bool:
    """Whether there is anything of the model's to show."""
    return any(choice.text or choice.refusal or choice.reasoning for choice in reply.choices)


def status_html(words: str) -> str:
    """A quiet line in the place of the text that is still to come."""
    return _STATUS.format(escaped(words))


def waiting_words(live: Live) -> str:
    """What is shown while there is no text: what is waited for, or that the model thinks."""
    attempt = live.attempt
    if attempt is not None and attempt.wait is not None:
        what = str(attempt.status or attempt.reason or "no answer")
        return f"{what}: trying again in {attempt.wait:.2g} s"
    return live.waiting or ("thinking…" if live.reasoning else "")


def thinking_html(reasoning: str = "") -> str:
    """The folded reasoning; without text, its place above an answer that still streams."""
    return _THINKING.format(body=literal_html(reasoning) if reasoning else "")


def streaming_choices_html(texts: Sequence[str]) -> str:
    """All choices side by side while they grow; of a long one its end."""
    return _cards((f"choice {index}", _tail(text)) for index, text in enumerate(texts))


def _tail(text: str) -> str:
    return reply_html(text) if len(text) <= _TAIL else literal_html(f"… {text[-_TAIL:]}")


def _bundle(reply: Reply, told: Receipt) -> dict[str, str]:
    return {
        "text/html": _body_html(reply) + told.html,
        "text/plain": "\n".join(filter(None, (reply_body_text(reply), told.text))),
    }


def _body_html(reply: Reply) -> str:
    if len(reply.choices) > 1:
        return _cards((_label(choice), _choice_html(choice)) for choice in reply.choices)
    return _choice_html(reply.first)


def _choice_html(choice: Choice) -> str:
    thinking = thinking_html(choice.reasoning) if choice.reasoning else ""
    text = choice.text or choice.refusal
    return thinking + (reply_html(text) if text else "")


def _label(choice: Choice) -> str:
    return " · ".join(filter(None, (f"choice {choice.index}", ending(choice.finish_reason))))


def _cards(choices: Iterable[tuple[str, str]]) -> str:
    cards = "".join(_CARD.format(label=escaped(label), body=body) for label, body in choices)
    return _CARDS.format(cards=cards)


def reply_body_text(reply: Reply, *, after_first: bool = False) -> str:
    """The choices as plain text, each with its label where there are several."""
    shown = reply.choices[1:] if after_first else reply.choices
    if len(reply.choices) > 1:
        return "\n\n".join(f"[{_label(each)}]\n{_choice_text(each)}" for each in shown)
    return "".join(map(_choice_text, shown))


def _choice_text(choice: Choice) -> str:
    return reply_text(choice.text or choice.refusal or "")
