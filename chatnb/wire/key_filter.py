"""Takes the key that was sent out of what comes back: some servers repeat it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from chatnb.records import Choice, Reply
from chatnb.redaction import MASK, is_secret


class KeyFilter:
    """Everything that one answer brings passes here before anybody sees it.

    >>> keys = KeyFilter(["key-0123456789"])
    >>> keys.piece(0, "It is key-01"), keys.piece(0, "23456789, I think")
    ('It is ', '[key removed], I think')

    Nothing but the exact keys is touched: what else looks like a key the model made up.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = tuple(key for key in keys if is_secret(key))
        self._in_json = tuple(map(_in_json, self._keys))
        self._held: dict[int, str] = {}

    def json(self, data: bytes) -> bytes:
        """The bytes of a JSON value without the keys, however they are spelled in it."""
        has_escapes = b"\\u" in data or b"\\/" in data
        for plain, spelled in self._in_json:
            if plain in data:
                data = data.replace(plain, MASK.encode())
            if has_escapes:
                data = spelled.sub(MASK.encode(), data)
        return data

    def unread(self, text: str) -> str:
        """The same of a text that may be JSON."""
        return self.json(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def text(self, text: str) -> str:
        """A whole text without the keys."""
        for key in self._keys:
            text = text.replace(key, MASK)
        return text

    def piece(self, choice: int, text: str) -> str:
        """What can be shown of a text that comes in pieces: the beginning of a key waits."""
        if not self._keys:
            return text
        text = self.text(self._held.pop(choice, "") + text)
        waits = max(_beginning_of(key, text) for key in self._keys)
        if not waits:
            return text
        self._held[choice] = text[-waits:]
        return text[:-waits]

    def rest(self) -> Iterator[tuple[int, str]]:
        """What still waits once the answer has ended: it was no key after all."""
        while self._held:
            yield self._held.popitem()

    def reply(self, reply: Reply) -> Reply:
        """The reply without keys that came in pieces."""
        if not self._keys:
            return reply
        return replace(reply, choices=tuple(map(self._choice, reply.choices)))

    def _choice(self, choice: Choice) -> Choice:
        refusal = choice.refusal and self.text(choice.refusal)
        text, reasoning = self.text(choice.text), self.text(choice.reasoning)
        return replace(choice, text=text, refusal=refusal, reasoning=reasoning)


@lru_cache
def _in_json(key: str) -> tuple[bytes, re.Pattern[bytes]]:
    """The key as JSON usually has it, and in any spelling: each character may be an escape."""
    characters = []
    for each in key:
        spellings = {re.escape(json.dumps(each)[1:-1]), rf"\\u(?i:{ord(each):04x})"}
        spellings |= {r"\\/"} if each == "/" else set()
        characters.append(f"(?:{'|'.join(spellings)})")
    return json.dumps(key)[1:-1].encode(), re.compile("".join(characters).encode())


def _beginning_of(key: str, text: str) -> int:
    """How many characters at the end of the text may be the first ones of the key."""
    end = text[1 - len(key) :]
    at = end.find(key[0])
    while at >= 0:
        if key.startswith(end[at:]):
            return len(end) - at
        at = end.find(key[0], at + 1)
    return 0
