"""No key in what the libraries log: at DEBUG they write the headers that a server sends."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from chatnb.redaction import MASK, redact

# The SDK, and what it sends with: httpx2 and httpcore2 today, httpx and httpcore before.
_LIBRARIES = ("openai", "httpx", "httpcore")
# A cookie may be the session of a login in front of the server.
_COOKIE = re.compile(r"(?i)(set-cookie['\"], ).*?\)(?=[,\]])")


class _KeylessRecords(logging.Filter):
    """Takes the keys that were ever sent out of a record before any handler sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        # The longest first: another key may begin with a shorter one.
        keys = sorted(self.keys, key=len, reverse=True)
        shown = _COOKIE.sub(rf"\1{MASK})", redact(said, keys))
        if shown != said:
            record.msg, record.args = shown, None
        return True


_FILTER = _KeylessRecords()


def hide(keys: Iterable[str]) -> None:
    """From now on these keys are in no record, as they are or as bytes are shown."""
    for key in keys:
        _FILTER.keys |= {key, repr(key)[1:-1]}


def watch_libraries() -> None:
    """To be called once they are imported; a filter hears its own logger only, not those below."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(_LIBRARIES):
            logging.getLogger(name).addFilter(_FILTER)
