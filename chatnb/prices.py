"""What a request costs, in US dollars, from the dated price table of genai-prices.

Only requests to OpenAI's own host are priced. Elsewhere the same name has another price, counts
mean other things (some servers leave hidden reasoning out of completion_tokens, or report cached
tokens in fields of their own), and a deployment may be called anything: unknown is better than
wrong. Regional hosts of OpenAI bill a surcharge that no table has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

    from chatnb.records import Usage

_OPENAI = "api.openai.com"
_ORDINARY = (None, "auto", "default")
# The table has no date of its own, but says of most models when somebody looked.
_CHECKED = re.compile(r"verified on (\d{4}-\d{2}-\d{2})")


def cost(
    model: str,
    usage: Usage | None,
    *,
    base_url: str,
    embedded: bool = False,
    service_tier: str | None = None,
) -> float | None:
    """The US dollars that a request cost; None where the price or the usage is not known.

    >>> from chatnb.records import Usage
    >>> cost("gpt-6-luna", Usage(1000, 1000, 2000), base_url="https://api.openai.com/v1")
    0.0006
    >>> cost("gpt-6-luna", Usage(1000, 1000, 2000), base_url="http://127.0.0.1:8000/v1")

    The embedded model costs nothing. Cached prompt tokens count at their own price. `service_tier`
    is the one that the server says it used, where it said so.
    """
    if embedded:
        return 0.0
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    if not has_prices(base_url):
        return None
    info = _known(model)
    if info is None or not _has_tier(info, service_tier):
        return None
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=min(usage.cached_tokens or 0, usage.prompt_tokens),
        output_tokens=usage.completion_tokens,
    )
    context = {"service_tier": service_tier} if service_tier else None
    price = calc_price(tokens, model, provider_id="openai", price_context=context)
    return float(price.total_price)


def has_prices(base_url: str) -> bool:
    """Whether the table's prices hold there.

    >>> has_prices("https://api.openai.com/v1"), has_prices("http://127.0.0.1:8000/v1")
    (True, False)
    """
    return urlsplit(base_url).hostname == _OPENAI


def price(model: str) -> tuple[float, float, float] | None:
    """US dollars per million tokens of prompt, cached prompt and answer; None where unknown.

    >>> price("gpt-6-luna")
    (0.1, 0.01, 0.5)
    """
    info = _known(model)
    if info is None:
        return None
    from datetime import UTC, datetime

    prices: Any = info.get_prices(datetime.now(UTC))
    prompt, cached, answer = (
        getattr(each, "base", each)  # long prompts cost more; this is what the others cost
        for each in (prices.input_mtok, prices.cache_read_mtok, prices.output_mtok)
    )
    if prompt is None or answer is None:
        return None
    return float(prompt), float(prompt if cached is None else cached), float(answer)


def told_price(model: str, base_url: str) -> str:
    """The price of a model in words, with the date on which the table checked it; else nothing.

    >>> told_price("gpt-6-luna", "http://127.0.0.1:8000/v1")
    ''
    """
    found = price(model) if has_prices(base_url) else None
    if found is None:
        return ""
    prompt, cached, answer = found
    per = f"${prompt:,.2f} prompt, ${cached:,.2f} cached, ${answer:,.2f} answer per 1M tokens"
    info = _known(model)
    dates = _CHECKED.findall((info.price_comments if info else None) or "")
    return f"{per} (genai-prices{f', checked {max(dates)}' if dates else ''})"


def _known(model: str) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model, None, "openai", None)[1]
    except LookupError:
        return None


def _has_tier(info: ModelInfo, tier: str | None) -> bool:
    """Whether the table knows the price of a tier; it would take the ordinary one instead."""
    variants = info.price_variants or ()
    return tier in _ORDINARY or any(each.when.get("service_tier") == tier for each in variants)
