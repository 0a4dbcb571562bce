"""The key of a request: what two requests share that would be answered alike."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatnb.records import Request


def answer_key(request: Request) -> str | None:
    """A hash of who is asked and of the whole body; None for what no later request can equal.

    >>> from chatnb.records import Message, Request
    >>> asked = Request("tiny", (Message("user", "Hi"),), base_url="http://127.0.0.1:1/v1")
    >>> answer_key(asked) == answer_key(asked)
    True

    The turns of a conversation have none: hashing their history anew at each turn would cost more
    than the rest of the row. What is streamed has none: samples are not.
    """
    if request.stream or request.origin.conversation is not None:
        return None
    who = request.model_file or request.base_url
    text = json.dumps([who, request.body()], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
