"""Messages are stored once: a request is the chain that ends in its last message.

Each message of the log names its parent, so that 500 turns of a conversation write what is new and
not the whole history 500 times. A text that an exchange already holds, its prompt or its reply, is
not written a second time: the message names the exchange.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from chatnb.records import Message
from chatnb.request_log.exchange_row import prompt_message
from chatnb.request_log.log_record import Cleaner, Stored, restored

_KNOWN_AT_MOST = 50_000
_CHARACTERS_AT_MOST = 50_000_000  # more than any model reads at once: no history is written twice

_CHAIN = """
WITH RECURSIVE chain(id, parent, role, content, fields, exchange, depth) AS (
  SELECT id, parent, role, content, fields, exchange, 0 FROM message WHERE id = ?
  UNION ALL
  SELECT m.id, m.parent, m.role, m.content, m.fields, m.exchange, depth + 1
  -- A parent is older than its child: without this a damaged file could lead round in circles.
  FROM message m JOIN chain ON m.id = chain.parent AND m.id < chain.id)
SELECT chain.role, chain.fields, coalesce(content, CASE chain.role
    WHEN 'user' THEN exchange.prompt ELSE exchange.reply END)
FROM chain LEFT JOIN exchange ON exchange.id = chain.exchange ORDER BY depth DESC
"""


# Every message of many chains once: UNION leaves out what is there already.
_CHAINS = """
WITH RECURSIVE needed(id) AS (
  SELECT value FROM json_each(?)
  UNION
  SELECT m.parent FROM message m JOIN needed ON m.id = needed.id WHERE m.parent < m.id)
SELECT m.id, m.parent, m.role, m.fields, coalesce(content, CASE m.role
    WHEN 'user' THEN exchange.prompt ELSE exchange.reply END)
FROM needed JOIN message m ON m.id = needed.id LEFT JOIN exchange ON exchange.id = m.exchange
ORDER BY m.id
"""


class MessageChain:
    """What this process has stored, so that nothing known is looked up or written again.

    Other processes store their own chains: that costs space, never correctness.
    """

    def __init__(self) -> None:
        # By parent and message; a message that is no plain text is known by its identity, and
        # kept so that nothing else can get that identity.
        self._known: dict[tuple[int | None, str, Any], tuple[int, Message]] = {}
        self._replies: dict[int, tuple[int, str]] = {}
        self._characters = 0  # of all these texts
        # The last chain with its ids: most requests begin as the one before did.
        self._last: tuple[tuple[Message, ...], list[int]] = ((), [])

    def head(
        self,
        connection: sqlite3.Connection,
        messages: tuple[Message, ...],
        exchange: int,
        cleaner: Cleaner,
    ) -> int | None:
        """The id of the last message, once all of them are stored.

        `exchange` is the row that holds the text of the prompt.
        """
        if len(self._known) > _KNOWN_AT_MOST or self._characters > _CHARACTERS_AT_MOST:
            self.forget()
        shared = self._shared_with_last(messages)
        ids = self._last[1][:shared]
        prompt = prompt_message(messages)
        for message in messages[shared:]:
            parent = ids[-1] if ids else None
            key = _key(message, parent)
            if key not in self._known:
                holder = exchange if message is prompt else self._holder_of(message, parent)
                number = _insert(connection, message, parent, holder, cleaner)
                self._known[key] = (number, message)
                self._characters += len(str(message.content))
            ids.append(self._known[key][0])
        self._last = (messages, ids)
        return ids[-1] if ids else None

    def _shared_with_last(self, messages: tuple[Message, ...]) -> int:
        """How many messages, from the first, are the very ones of the last chain."""
        last = self._last[0]
        pairs = enumerate(zip(messages, last, strict=False))
        least = min(len(messages), len(last))
        return next((place for place, (new, old) in pairs if new is not old), least)

    def replied(self, head: int | None, exchange: int, text: Stored) -> None:
        """The row that holds the text of a reply, which the next request may send."""
        if head is not None and isinstance(text, str):
            self._replies[head] = (exchange, text)
            self._characters += len(text)

    def forget(self) -> None:
        self._characters = 0
        self._known.clear()
        self._replies.clear()
        self._last = ((), [])

    def _holder_of(self, message: Message, parent: int | None) -> int | None:
        if message.role != "assistant" or parent not in self._replies:
            return None
        exchange, text = self._replies[parent]
        return exchange if message.content == text else None


def _key(message: Message, parent: int | None) -> tuple[int | None, str, Any]:
    plain = isinstance(message.content, str) and not message.fields
    return parent, message.role, message.content if plain else id(message)


def _insert(
    connection: sqlite3.Connection,
    message: Message,
    parent: int | None,
    holder: int | None,
    cleaner: Cleaner,
) -> int:
    plain = isinstance(message.content, str)
    fields = dict(message.fields) if plain else {"content": message.content, **message.fields}
    cursor = connection.execute(
        "INSERT INTO message(parent, role, content, fields, exchange) VALUES (?, ?, ?, ?, ?)",
        (
            parent,
            cleaner.text(message.role),
            cleaner.text(message.content) if plain and holder is None else None,
            cleaner.json(fields) if fields else None,
            holder if plain else None,
        ),
    )
    return int(cursor.lastrowid or 0)


def chain(connection: sqlite3.Connection, head: int | None) -> tuple[Message, ...]:
    """The messages that end in a message, exactly as they were sent but for keys."""
    return tuple(_message(*row) for row in connection.execute(_CHAIN, (head,)))


def chains(
    connection: sqlite3.Connection, heads: Iterable[int | None]
) -> dict[int | None, tuple[Message, ...]]:
    """The messages that end in each of these, read in one go: what they share is read once."""
    wanted = set(heads)
    found: dict[int | None, tuple[Message, ...]] = {None: ()}
    numbers = json.dumps([head for head in wanted if head is not None])
    for number, parent, *message in connection.execute(_CHAINS, (numbers,)):
        found[number] = (*found.get(parent, ()), _message(*message))
    return {head: found.get(head, ()) for head in wanted}


def _message(role: str | bytes, fields: str | None, content: str | bytes | None) -> Message:
    rest: dict[str, Any] = json.loads(fields) if fields else {}
    if content is not None:
        return Message(restored(role), restored(content), rest)
    return Message(restored(role), rest.pop("content", None), rest)
