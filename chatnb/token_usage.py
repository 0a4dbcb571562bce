"""How many tokens an answer took, as the server counted them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


def _count(value: object) -> int | None:
    """A token count that can be believed: a non-negative integer; anything else is unknown."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; None is "not said", never 0.

    >>> str(Usage(17, 26, 43))
    '17 + 26 = 43 tokens'
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["server", "summed"] = "server"

    @classmethod
    def from_wire(cls, raw: object) -> Usage | None:
        """What can be believed of the `usage` object of an answer; None where nothing can."""
        if not isinstance(raw, Mapping):
            return None
        prompt = raw.get("prompt_tokens_details")
        completion = raw.get("completion_tokens_details")
        counts = (
            _count(raw.get("prompt_tokens")),
            _count(raw.get("completion_tokens")),
            _count(raw.get("total_tokens")),
            _count(prompt.get("cached_tokens")) if isinstance(prompt, Mapping) else None,
            _count(completion.get("reasoning_tokens")) if isinstance(completion, Mapping) else None,
        )
        return cls(*counts) if any(count is not None for count in counts) else None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            _sum(self.total_tokens, other.total_tokens),
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
            "summed",
        )

    def __str__(self) -> str:
        prompt, completion, total = (
            "?" if count is None else f"{count:,}"
            for count in (self.prompt_tokens, self.completion_tokens, self.total_tokens)
        )
        return f"{prompt} + {completion} = {total} tokens"


def _sum(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return first if second is None else second
    return first + second
