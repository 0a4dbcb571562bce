"""What a request can cost, before it is sent: a price where it is known, and estimated tokens."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from chatnb.prices import cost, has_prices
from chatnb.records import Reply, Request, Usage
from chatnb.request_log.exchange_row import text_of

# English has about 4 bytes to a token, code and JSON about 3: rather too many tokens than too few.
_BYTES_PER_TOKEN = 3
_TOKENS_PER_MESSAGE = 4
_STEP = 16  # an estimate needs no more; a price takes half a millisecond, and many texts share it
_LIMITS = ("max_completion_tokens", "max_tokens")
_BESIDE = ("response_format", "tools", "functions")  # what counts as prompt, beside the messages


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has; rather more than fewer.

    >>> estimated_tokens("Who was the first president?")
    10
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return math.ceil(size / _BYTES_PER_TOKEN)


def estimated_prompt(request: Request) -> int:
    """About how many tokens a request sends; pictures and sounds are not counted."""
    sent = sum(estimated_tokens(text_of(message) or "") for message in request.messages)
    fields = {**request.parameters, **request.extra}
    beside = (json.dumps(fields[name], default=str) for name in _BESIDE if name in fields)
    return sent + sum(map(estimated_tokens, beside)) + _TOKENS_PER_MESSAGE * len(request.messages)


def estimated_answer(reply: Reply) -> int:
    """About how many tokens an answer took whose server did not count them."""
    return sum(estimated_tokens(each.text + each.reasoning) for each in reply.choices)


def answer_limit(request: Request) -> int | None:
    """The most tokens that the answer may have, all its choices together; None without a limit."""
    fields = {**request.parameters, **request.extra}
    limits = [fields[name] for name in _LIMITS if isinstance(fields.get(name), int)]
    choices = fields.get("n")
    return min(limits) * (choices if isinstance(choices, int) else 1) if limits else None


def estimated_cost(request: Request, answer_tokens: int) -> float | None:
    """About what a request costs (US dollars) with an answer of so many tokens; None if unknown."""
    if request.embedded:
        return 0.0
    if not has_prices(request.base_url):
        return None  # before a long history is measured
    prompt = math.ceil(estimated_prompt(request) / _STEP) * _STEP
    tier = {**request.parameters, **request.extra}.get("service_tier")
    usage = Usage(prompt, answer_tokens, prompt + answer_tokens)
    return _cost(request.model, usage, request.base_url, str(tier) if tier else None)


@functools.lru_cache(maxsize=4096)
def _cost(model: str, usage: Usage, base_url: str, tier: str | None) -> float | None:
    return cost(model, usage, base_url=base_url, service_tier=tier)


def told_before(requests: Sequence[Request], unknown: set[object]) -> tuple[str, ...]:
    """What requests can cost, one line a model; none for what is free.

    >>> told_before([request] * 240, set())                                 # doctest: +SKIP
    ('240 requests: at most $0.02 with gpt-6-luna (~9,600 prompt tokens, answers of 20 tokens).',)

    `unknown`: the models whose price was said to be unknown; it is said once.
    """
    paid = [request for request in requests if not request.embedded]
    models = dict.fromkeys((request.base_url, request.model) for request in paid)
    told = (
        _told([each for each in paid if (each.base_url, each.model) == model], unknown)
        for model in models
    )
    return tuple(filter(None, told))


def _told(requests: Sequence[Request], unknown: set[object]) -> str:
    first, many = requests[0], f"{len(requests):,} request{'s' if len(requests) > 1 else ''}"
    alone = _summed(estimated_cost(request, 0) for request in requests)
    if alone is None:
        which = (first.base_url, first.model)
        if which in unknown:
            return ""
        unknown.add(which)
        host = urlsplit(first.base_url).netloc.rpartition("@")[2]
        return f"{many} to {host}: the price of {first.model} there is unknown."
    limits = [answer_limit(request) for request in requests]
    tokens = float(f"{sum(map(estimated_prompt, requests)):.2g}")
    prompts = f"~{tokens:,.0f} prompt tokens"
    known = [limit for limit in limits if limit is not None]
    if len(known) < len(limits):
        return (
            f"{many} with {first.model}: no upper limit, since max_completion_tokens is unset; "
            f"{prompts} cost ~{rounded_up(alone)}."
        )
    pairs = zip(requests, known, strict=True)
    most = _summed(estimated_cost(request, limit) for request, limit in pairs)
    answers = f"answers of {max(known):,} tokens"
    return f"{many}: at most {rounded_up(most or 0)} with {first.model} ({prompts}, {answers})."


def rounded_up(cost: float) -> str:
    """US dollars with at most two digits that count, rather too many.

    >>> rounded_up(0.02), rounded_up(0.000111), rounded_up(1.234)
    ('$0.02', '$0.00012', '$1.24')
    """
    if cost <= 0:
        return "$0"
    places = max(2, 1 - math.floor(math.log10(cost)))
    whole, _, cents = f"{math.ceil(cost * 10**places - 1e-6) / 10**places:,.{places}f}".partition(
        "."
    )
    return f"${whole}.{cents.rstrip('0'):0<2}"


def _summed(costs: Iterable[float | None]) -> float | None:
    """The sum; None where any is unknown."""
    found = list(costs)
    return None if None in found else sum(each or 0 for each in found)
