"""Rows of the log without what tells whose they are, for someone who collects logs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chatnb.addresses import is_loopback, is_private
from chatnb.redaction import MASK, redact

if TYPE_CHECKING:
    import pandas as pd

LEFT_OUT = ("request_id", "error_detail", "request", "response", "metadata")
NUMBERED = (
    *("kernel", "notebook", "conversation", "comparison"),
    *("user", "safety_identifier", "prompt_cache_key"),
)
KEPT_OUT = (
    "Prompts and replies are kept: read the file before you hand it on. Left out: "
    f"{', '.join(LEFT_OUT)}, images and files, paths, keys, and where a private server is. "
    f"Numbers, in the order of their first row, stand for each {', '.join(NUMBERED)} and name."
)

# What chatnb and servers write may name paths of any kind; in a prompt "and/or" is none, so that
# only those below somebody's home directory count there.
_WRITTEN_BY_MACHINES = ("model", "response_model", "error", "attempt_log", "adjusted")
_JSON = ("stop", "logit_bias", "response_format", "attempt_log", "adjusted")
_REST = r"""[^\s"'`<>|,;]*"""
_ANY_PATH = re.compile(rf"(?<![\w:/.~])(?:~?/|[A-Za-z]:[\\/])[\w.~-]{_REST}")
_HOME_PATH = re.compile(
    rf"(?:file:/*|(?<![\w/]))(?:~/|/home/|/Users/|/root\b|[A-Za-z]:[\\/]Users[\\/]){_REST}",
    re.IGNORECASE,
)
_PATH = "[path]"
_KEPT_PARTS = ("text", "refusal", "function")  # of an image or a file only its type is kept
_KEY_LIKE = re.compile(r"\b(?:sk|gsk|hf|xai|pk|ghp)[_-][\w.-]{16,}")
_SECRET_NAMES = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")


class Anonymizer:
    """Makes the rows of one export anonymous, batch after batch.

    >>> Anonymizer().text("see ~/thesis.txt")
    'see [path]'
    """

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, str]] = {}
        self._keys = [
            value
            for name, value in os.environ.items()
            if name.upper().endswith(_SECRET_NAMES) and len(value) >= 8
        ]
        home = os.path.expanduser("~")  # noqa: PTH111 - it never raises
        self._own_path = re.compile(re.escape(home) + _REST) if len(home) > 3 else None

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The same rows and columns; `messages` and `choices` are lists."""
        rows = rows.copy()
        for name in NUMBERED:
            rows[name] = rows[name].map(lambda value, of=name: self._number(of, value), "ignore")
        urls = list(rows["base_url"])
        rows["base_url"] = rows["base_url"].map(_where, "ignore")
        for name in rows.select_dtypes("string"):
            texts = zip(rows[name], urls, strict=True)
            rows[name] = _column(rows[name], [self._cell(name, *each) for each in texts])
        for name in LEFT_OUT:
            rows[name] = _column(rows[name], [None] * len(rows))
        for name in ("messages", "choices"):
            rows[name] = [self._value(value) for value in rows[name]]
        return rows

    def text(self, text: str) -> str:
        """The text without keys, and without paths below a home directory."""
        text = _KEY_LIKE.sub(MASK, redact(text, self._keys))
        if self._own_path is not None:
            text = self._own_path.sub(_PATH, text)
        return _HOME_PATH.sub(_PATH, text)

    def _cell(self, name: str, text: Any, base_url: Any) -> Any:
        if not isinstance(text, str):
            return text
        written = name in _WRITTEN_BY_MACHINES
        clean = partial(self._machine_text, base_url=base_url) if written else self.text
        return in_json(text, clean) if name in _JSON else clean(text)

    def _machine_text(self, text: str, base_url: Any) -> str:
        address = urlsplit(base_url).netloc if isinstance(base_url, str) else ""
        if address and not _is_public(base_url):
            text = text.replace(address, _where(base_url))
        return _ANY_PATH.sub(_PATH, self.text(text))

    def _number(self, kind: str, value: str) -> str:
        """What stands for a name in this export."""
        found = self._numbers.setdefault(kind, {})
        return found.setdefault(value, f"{kind}-{len(found) + 1}")

    def _value(self, value: Any) -> Any:
        """A message, or a part of one."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            if value.get("type", "text") not in _KEPT_PARTS:
                return {"type": value["type"]}
            of_message = "role" in value
            return {
                key: self._number("name", str(item))
                if of_message and key == "name"
                else self._value(item)
                for key, item in value.items()
            }
        return [self._value(item) for item in value] if isinstance(value, (list, tuple)) else value


def in_json(text: str, clean: Callable[[str], str]) -> str:
    """JSON with every text in it cleaned; what is no JSON is a text.

    >>> in_json('["a\\\\n"]', str.upper)
    '["A\\\\n"]'
    """

    def cleaned(value: Any) -> Any:
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, dict):
            return {clean(key): cleaned(item) for key, item in value.items()}
        return [cleaned(item) for item in value] if isinstance(value, list) else value

    try:
        return json.dumps(cleaned(json.loads(text)))
    except ValueError:
        return clean(text)


def _is_public(base_url: str) -> bool:
    return not is_private(urlsplit(base_url).hostname or "")


def _where(base_url: str) -> str:
    """Who answered, so far as it says nothing of the user: a public host, never a path."""
    host = urlsplit(base_url).hostname or ""
    if _is_public(base_url):
        return f"https://{host}"
    return "this machine" if is_loopback(host) else "a private server"


def _column(like: pd.Series[Any], values: list[Any]) -> Any:
    import pandas as pd

    return pd.Series(values, like.index, like.dtype)
