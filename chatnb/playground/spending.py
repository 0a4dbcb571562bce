"""What the tokens of an exchange were spent on, and what the session has cost so far."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chatnb.records import Exchange, Message, Request
from chatnb.rendering.receipt import dollars

Spending = dict[str, Any]

# The name of each part, by which the front end colors it, and what it is called.
SYSTEM, HISTORY, PROMPT, ANSWER = "system", "history", "prompt", "answer"
_CALLED = {HISTORY: "old history", PROMPT: "new prompt"}
_SYSTEM_ROLES = ("system", "developer")


def spending(exchange: Exchange) -> Spending:
    """The parts of a stacked bar: what was sent and what came back.

    >>> spending(exchange)["parts"][0]                                      # doctest: +SKIP
    {'name': 'system', 'tokens': 12, 'title': 'system: about 12 of 60 prompt tokens'}

    A server counts the tokens of all messages in one sum. That sum is split here by the messages'
    share of characters, an estimate (`estimated`: some part is one) that cannot see what is no
    text, such as an image; the sums are the server's own. Where the server counted nothing, `unit`
    is "characters" in place of "tokens" and every number (still named `tokens`) is exact.

    `total` is the sum of the parts. `cached` is how many of the prompt tokens came from the
    server's cache, None where it did not say.
    """
    sent, answered = sent_characters(exchange.request), _answered(exchange)
    usage = exchange.reply.usage
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        parts = [*sent.items(), *([(ANSWER, answered)] if answered else [])]
        shown = [_part(name, count, f"{count:,} characters") for name, count in parts]
        return _bar(shown, None, "characters", estimated=False)
    cached = usage.cached_tokens
    shown = [
        *_prompt_parts(sent, usage.prompt_tokens),
        _part(ANSWER, usage.completion_tokens, _answer_words(exchange, usage.completion_tokens)),
    ]
    cached = None if cached is None else min(cached, usage.prompt_tokens)
    return _bar(shown, cached, "tokens", estimated=len(sent) > 1)


def _bar(parts: list[Spending], cached: int | None, unit: str, *, estimated: bool) -> Spending:
    total = sum(part["tokens"] for part in parts)
    return {
        "parts": parts, "total": total, "cached": cached, "unit": unit, "estimated": estimated,
    }  # fmt: skip


def _part(name: str, count: int, words: str) -> Spending:
    return {"name": name, "tokens": count, "title": f"{_CALLED.get(name, name)}: {words}"}


def _prompt_parts(sent: Mapping[str, int], tokens: int) -> Iterator[Spending]:
    if len(sent) == 1:
        yield _part(next(iter(sent)), tokens, _tokens(tokens))
        return
    for name, share in zip(sent, shares(list(sent.values()), tokens), strict=True):
        yield _part(name, share, f"about {share:,} of {tokens:,} prompt tokens")


def _answer_words(exchange: Exchange, tokens: int) -> str:
    choices, usage = len(exchange.reply.choices), exchange.reply.usage
    several = f" in {choices} choices" if choices > 1 else ""
    thought = usage.reasoning_tokens if usage else None
    return f"{_tokens(tokens)}{several}" + (f", {thought:,} of them reasoning" if thought else "")


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count:,} tokens"


def sent_characters(request: Request) -> dict[str, int]:
    """The characters of each part of a request that has messages, in the order of sending."""
    found: dict[str, int] = {}
    last = len(request.messages) - 1
    for position, message in enumerate(request.messages):
        name = PROMPT if position == last else HISTORY
        if name == HISTORY and message.role in _SYSTEM_ROLES:
            name = SYSTEM
        found[name] = found.get(name, 0) + len(text_of(message))
    return found


def _answered(exchange: Exchange) -> int:
    return sum(
        len(choice.text or choice.refusal or "") + len(choice.reasoning)
        for choice in exchange.reply.choices
    )


def text_of(message: Message) -> str:
    """What a message says as text; of an image or a sound its kind alone.

    >>> text_of(Message("user", [{"type": "text", "text": "What is this?"}, {"type": "image_url"}]))
    'What is this?\\n[image_url]'

    A message without content, such as the call of a tool, is its other fields as JSON.
    """
    content = message.content
    if isinstance(content, str):
        return content
    if content is None:
        return json.dumps(dict(message.fields), ensure_ascii=False) if message.fields else ""
    return "\n".join(_part_text(part) for part in content)


def _part_text(part: Any) -> str:
    """A part of a message's content; an image would count a million characters of base64."""
    if not isinstance(part, Mapping):
        return str(part)
    text = part.get("text")
    return text if isinstance(text, str) else f"[{part.get('type', 'part')}]"


def shares(weights: Sequence[int], total: int) -> list[int]:
    """A whole number split in proportion to the weights; the shares add up to it.

    >>> shares([1, 1, 1], 10)
    [4, 3, 3]
    """
    whole = sum(weights)
    if not whole:
        return [0] * (len(weights) - 1) + [total]
    found = [total * weight // whole for weight in weights]
    largest_rest = sorted(range(len(weights)), key=lambda at: -(total * weights[at] % whole))
    for at in largest_rest[: total - sum(found)]:
        found[at] += 1
    return found


def totals(exchanges: Sequence[Exchange]) -> dict[str, str]:
    """Tokens, cost and time in words: of the last exchange, and of all.

    >>> totals([exchange])                                                  # doctest: +SKIP
    {'last': 'last: 17 + 26 = 43 tokens · free · 1.2 s',
     'session': 'session: 1 request · 43 tokens · free · 1.2 s'}

    Failures are counted; tokens or costs that nobody told are said to be unknown. Both texts are
    empty where there is no exchange.
    """
    if not exchanges:
        return {"last": "", "session": ""}
    last, every = exchanges[-1], list(exchanges)
    said = str(last.reply.usage) if last.reply.usage else _all_tokens([last])
    ended = [] if last.status == "ok" else [last.status]
    facts = {
        "last": [*ended, said, _cost([last]), _time([last])],
        "session": [_requests(every), _all_tokens(every), _cost(every), _time(every)],
    }
    return {name: f"{name}: {' · '.join(filter(None, told))}" for name, told in facts.items()}


def _requests(exchanges: list[Exchange]) -> str:
    count = len(exchanges)
    stopped = sum(each.status == "interrupted" for each in exchanges)
    failed = sum(each.error is not None for each in exchanges) - stopped
    said = "1 request" if count == 1 else f"{count:,} requests"
    said += f", {failed:,} failed" if failed else ""
    return said + (f", {stopped:,} stopped" if stopped else "")


def _all_tokens(exchanges: list[Exchange]) -> str:
    counts = [_token_count(each) for each in exchanges if _was_worked_on(each)]
    known = [count for count in counts if count is not None]
    if not known:
        return "tokens unknown" if counts else ""
    return _tokens(sum(known)) + _unknown(len(counts) - len(known))


def _token_count(exchange: Exchange) -> int | None:
    usage = exchange.reply.usage
    if usage is None:
        return None
    if usage.total_tokens is not None:
        return usage.total_tokens
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return usage.prompt_tokens + usage.completion_tokens


def _cost(exchanges: list[Exchange]) -> str:
    paid = [each for each in exchanges if not each.request.embedded and _was_worked_on(each)]
    known = [each.reply.cost for each in paid if each.reply.cost is not None]
    if known:
        return dollars(sum(known)) + _unknown(len(paid) - len(known))
    if paid:
        return "cost unknown"
    return "free" if any(each.request.embedded for each in exchanges) else ""


def _was_worked_on(exchange: Exchange) -> bool:
    """Whether it can have cost anything: a request that was turned away has no tokens to miss."""
    return exchange.status != "error" or exchange.reply.usage is not None


def _unknown(count: int) -> str:
    return f" + {count:,} unknown" if count else ""


def _time(exchanges: list[Exchange]) -> str:
    seconds = sum(each.seconds or 0 for each in exchanges)
    return f"{seconds:.2f} s" if seconds < 0.1 else f"{seconds:,.1f} s"
