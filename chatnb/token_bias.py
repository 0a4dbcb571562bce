"""logit_bias by word: the API wants token ids, and a word is several of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chatnb.errors import InvalidInput
from chatnb.records import Adjustment, Request


def spellings(word: str) -> tuple[str, ...]:
    """The ways a word stands in a text: with and without a blank before it, small and capital.

    >>> spellings("blue")
    ('blue', ' blue', 'Blue', ' Blue')
    """
    bare = word.strip()
    cases = dict.fromkeys((bare, bare[:1].upper() + bare[1:], bare.lower()))
    return tuple(before + case for case in cases for before in ("", " "))


# The token ids of a text; None where nobody tells them.
TokenIds = Callable[[str], Sequence[int] | None]


def with_token_ids(request: Request, token_ids: TokenIds) -> Request:
    """The request with each word of its logit_bias replaced by the ids of its spellings."""
    asked: Mapping[str, Any] = request.parameters.get("logit_bias") or {}
    words = [token for token in asked if not token.lstrip("-").isdigit()]
    if not words:
        return request
    biases = {token: bias for token, bias in asked.items() if token not in words}
    told = []
    for word in words:
        ids, longer = ids_of(word, token_ids)
        biases |= {str(token): asked[word] for token in ids}
        told.append(f"{word!r} is {len(ids)} token ids: {', '.join(map(str, ids))}")
        if longer:
            told.append("several tokens long, so left out: " + ", ".join(map(repr, longer)))
    adjustment = Adjustment("logit_bias", "; ".join(told), dict(asked), biases)
    return replace(
        request,
        parameters={**request.parameters, "logit_bias": biases},
        adjusted=(*request.adjusted, adjustment),
    )


def ids_of(word: str, token_ids: TokenIds) -> tuple[list[int], list[str]]:
    """The token ids of a word's spellings, and the spellings that are longer than one token.

    A longer spelling is left out, since biasing its first token would hit every word that begins
    so; where every spelling is longer, their first tokens are all there is to bias.
    """
    found: dict[str, list[int]] = {}
    for spelling in spellings(word):
        tokens = token_ids(spelling)
        if tokens is None:
            raise InvalidInput(
                f"logit_bias takes token ids here: this server does not tell those of {word!r}.",
                kind="usage",
                param="logit_bias",
            )
        found[spelling] = list(tokens)
    single = [tokens[0] for tokens in found.values() if len(tokens) == 1]
    longer = [spelling for spelling, tokens in found.items() if len(tokens) > 1]
    first = [tokens[0] for tokens in found.values() if tokens]
    return list(dict.fromkeys(single or first)), longer if single else []
