"""The receipt: one quiet line under an answer, and below it what was changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chatnb.rendering import escaped, terminal_text

if TYPE_CHECKING:
    from chatnb.records import Adjustment, Attempt, Exchange, Reply, Request

_HTML = (
    '<div class="chatnb-receipt mathjax_ignore" style="margin:0 0 2px;padding-left:8px;'
    "font-size:12px;line-height:1.5;font-family:var(--jp-ui-font-family,system-ui,sans-serif);"
    'color:var(--jp-ui-font-color2,#767676)">{lines}</div>'
)
_FACT = '<span style="white-space:nowrap">{}</span>'
_ENDINGS = {
    "content_filter": "cut by the content filter",
    "tool_calls": "asked to call a tool",
    "function_call": "asked to call a tool",
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """Facts for one line, and further lines."""

    facts: tuple[str, ...]
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The receipt as plain text, one line or more."""
        return terminal_text("\n".join([" · ".join(self.facts), *self.lines]))

    @property
    def html(self) -> str:
        """The receipt as HTML; the line breaks between two facts where it must."""
        facts = " · ".join(_FACT.format(escaped(fact)) for fact in self.facts)
        return _HTML.format(lines="<br>".join([facts, *map(escaped, self.lines)]))


def receipt(exchange: Exchange, *, who: bool = True) -> Receipt:
    """What an exchange was: who answered where, why it ended, tokens, cost, time.

    >>> receipt(exchange).text                                              # doctest: +SKIP
    'SmolLM2-135M-Instruct on this machine · 17 + 26 = 43 tokens · free · 1.2 s'

    `who=False`: for a place that says who answered already.
    """
    request, reply = exchange.request, exchange.reply
    facts = [
        *([exchange.status] if exchange.status != "ok" else []),
        *([who_answered(request, reply)] if who else []),
        *_ending(reply, _limit(request)),
        *_tokens_and_cost(reply, embedded=request.embedded),
        *_time(exchange),
        *_tries(exchange.attempts),
        *_defaults(exchange.adjusted),
    ]
    return Receipt(tuple(facts), tuple(_lines(exchange)))


def reply_receipt(reply: Reply) -> Receipt:
    """What a reply alone tells of itself: model, why it ended, tokens, cost."""
    who = [reply.model] if reply.model else []
    facts = (
        *who,
        *_ending(reply, None),
        *_tokens_and_cost(reply, embedded=reply.cost == 0),
        *_defaults(reply.adjusted),
    )
    return Receipt(facts, tuple(_changes(reply.adjusted)))


def ending(finish_reason: str | None, limit: object = None) -> str:
    """Why a choice ended, in words; empty where it just ended."""
    if finish_reason == "length":
        return f"stopped at the token limit{f' ({limit})' if limit is not None else ''}"
    if finish_reason in (None, "stop"):
        return ""
    return _ENDINGS.get(str(finish_reason), f"finish_reason {finish_reason}")


def who_answered(request: Request, reply: Reply) -> str:
    """The model that answered and where, and that it was this machine where it was."""
    if request.embedded:
        return f"{request.model} on this machine"
    host = urlsplit(request.base_url).netloc.rpartition("@")[2]
    answered = reply.model or request.model
    where = f" at {host}" if host else ""
    if answered.startswith(request.model):  # a dated name says both
        return f"{answered}{where}"
    return f"{request.model}{where} (answered by {answered})"


def _limit(request: Request) -> object:
    asked = request.parameters
    return asked.get("max_completion_tokens", asked.get("max_tokens"))


def _ending(reply: Reply, limit: object) -> Iterator[str]:
    """Of the first choice; where there are several each card says its own."""
    words = ending(reply.finish_reason, limit)
    if words and len(reply.choices) == 1:
        yield words


def _tokens_and_cost(reply: Reply, *, embedded: bool) -> Iterator[str]:
    if reply.usage is not None:
        yield str(reply.usage)
    if embedded:
        yield "free"
    elif reply.cost is not None:
        yield dollars(reply.cost)
    elif reply.usage is not None:
        yield "cost unknown"


def dollars(cost: float) -> str:
    """A cost in US dollars with two digits that count.

    >>> dollars(0.00123), dollars(0.0000041), dollars(2)
    ('$0.0012', '$0.0000041', '$2.00')
    """
    if cost <= 0:
        return "$0"
    if cost >= 1:
        return f"${cost:,.2f}"
    return f"${cost:.{max(4, 1 - math.floor(math.log10(cost)))}f}"


def _time(exchange: Exchange) -> Iterator[str]:
    if exchange.seconds is None:
        return
    first, total = exchange.first_token_s, _seconds(exchange.seconds)
    worth_saying = first is not None and first >= 0.1 and _seconds(first) != total
    yield f"{total} (first token {_seconds(first)})" if first and worth_saying else total


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 0.1 else f"{seconds:,.1f} s"


def _tries(attempts: tuple[Attempt, ...]) -> Iterator[str]:
    """One more than the attempts that another one followed."""
    tries = 1 + sum(attempt.wait is not None for attempt in attempts)
    if tries > 1:
        yield f"{tries} tries"


def _lines(exchange: Exchange) -> Iterator[str]:
    reply = exchange.reply
    if reply.refusal and reply.text:
        yield f"The model refused: {reply.refusal}"
    if reply.misfit and not exchange.error:
        yield reply.misfit.line
    yield from _changes(exchange.adjusted)
    yield from exchange.notes


def _defaults(adjusted: Iterable[Adjustment]) -> Iterator[str]:
    """The temperature that was at work because none was set: a fact, since nothing was changed."""
    for each in adjusted:
        if _is_default(each):
            yield f"{each.field} {each.sent} (unset)"


def _changes(adjusted: Iterable[Adjustment]) -> Iterator[str]:
    return (_adjustment(each) for each in adjusted if not _is_default(each))


def _is_default(adjustment: Adjustment) -> bool:
    return adjustment.field == "temperature" and adjustment.why.startswith("unset")


def _adjustment(adjustment: Adjustment) -> str:
    """The field and why, with one colon.

    >>> from chatnb.records import Adjustment
    >>> _adjustment(Adjustment("tools", "no effect: the embedded model calls no tools"))
    'tools (no effect): the embedded model calls no tools'
    """
    what, colon, reason = adjustment.why.partition(": ")
    if what.startswith(adjustment.field):
        return adjustment.why
    return f"{adjustment.field} ({what}): {reason}" if colon else f"{adjustment.field}: {what}"
