"""An answer whose status is no success: read as far as it is worth, and no longer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

# A message is cut at 300 characters; the rest of a longer body is nothing but time and memory.
_LONGEST_BODY = 64_000
# The status says most: what explains it comes at once or not at all.
BODY_S = 10.0


class Rejected(Exception):
    """The server refused; `text` is what came of the body that explains it."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status
        self.headers = headers
        self.text = text


def raise_if_rejected(response: Any) -> None:
    """The HTTP client's event hook, before the SDK would read the body, however long or slow."""
    if response.status_code < 300:
        return
    body = bytearray()
    # A body that breaks off, stalls or cannot be decoded takes nothing from the status.
    with contextlib.suppress(Exception):
        for piece in response.iter_bytes():
            body += piece
            if len(body) > _LONGEST_BODY:
                break
    text = bytes(body[:_LONGEST_BODY]).decode(response.charset_encoding or "utf-8", "replace")
    raise Rejected(response.status_code, response.headers, text)
