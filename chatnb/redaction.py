"""Keys never appear anywhere: what is stored or shown goes through `redact` first."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "[key removed]"

# 20 key characters or more, so that "sk-learn" and "Bearer of news" stay as they are.
_KEY_LIKE = re.compile(r"(?:(?<![A-Za-z0-9])sk-|(?<=Bearer ))[A-Za-z0-9_\-.]{20,}")


def redact(text: str, keys: Iterable[str] = ()) -> str:
    """The text without the known keys, and without anything that looks like one.

    >>> redact("Authorization: Bearer abcdefghijklmnopqrstuvwx")
    'Authorization: Bearer [key removed]'
    """
    for key in keys:
        if key and key in text:
            text = text.replace(key, MASK)
    if "sk-" in text or "Bearer " in text:
        text = _KEY_LIKE.sub(MASK, text)
    return text
