"""Keys never appear anywhere: what is stored or shown goes through `redact` first."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "[key removed]"

# 20 key characters or more, so that "sk-learn" and "Bearer of news" stay as they are.
_KEY_LIKE = re.compile(r"(?:(?<![A-Za-z0-9])sk-|(?<=Bearer ))[A-Za-z0-9_\-.]{20,}")
_DIGIT = re.compile(r"\d")


def redact(text: str, keys: Iterable[str] = ()) -> str:
    """The text without the known keys, and without anything that looks like one.

    >>> redact("Authorization: Bearer abcdefghijklmnopqrstuvwx")
    'Authorization: Bearer [key removed]'
    """
    for key in keys:
        if key in text and is_secret(key):
            text = text.replace(key, MASK)
    if "sk-" in text or "Bearer " in text:
        text = _KEY_LIKE.sub(MASK, text)
    return text


def is_secret(key: str) -> bool:
    """Whether a key is one to hide, and no word that a server without keys is given for one.

    >>> is_secret("ollama"), is_secret("not-needed"), is_secret("gsk_4f9a1c0b")
    (False, False, True)
    """
    return len(key) >= 16 or (len(key) >= 8 and _DIGIT.search(key) is not None)
