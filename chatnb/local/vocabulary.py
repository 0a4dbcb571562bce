"""The control tokens of a model: what its tokenizer takes for a command, not for text."""

from __future__ import annotations

import functools
import mmap
import re
import struct
from pathlib import Path
from typing import Any

# Those of the embedded model, known before its file is there.
SMOLLM2_CONTROL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>",
    "<filename>", "<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>",
    "<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<jupyter_script>",
    "<empty_output>",
)  # fmt: skip

_TOKENS, _TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_UNKNOWN_TOKEN, _CONTROL_TOKEN = 2, 3
# llama.cpp takes what looks like this for a control token, whatever type the file gives it.
_LOOKS_LIKE_CONTROL = re.compile(r"<[|｜].+[|｜]>")
# https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
_NUMBERS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
    10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_STRING, _ARRAY = 8, 9


@functools.lru_cache(maxsize=4)
def control_tokens(path: str | None) -> tuple[str, ...]:
    """The control tokens in the vocabulary of a GGUF file; None is the embedded model.

    >>> control_tokens(None)[1:3]
    ('<|im_start|>', '<|im_end|>')

    A file that cannot be understood has none: the server is the one to say what is wrong with it.
    """
    if path is None:
        return SMOLLM2_CONTROL
    try:
        with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=1) as data:
            found = _Metadata(data).read(_TOKENS, _TYPES)
    except (OSError, ValueError, KeyError, struct.error):
        return ()
    tokens, types = found.get(_TOKENS, []), found.get(_TYPES, [])
    return tuple(
        token
        for token, kind in zip(tokens, types, strict=False)
        if kind in (_UNKNOWN_TOKEN, _CONTROL_TOKEN) or _LOOKS_LIKE_CONTROL.fullmatch(token)
    )


class _Metadata:
    """The key-value pairs at the head of a GGUF file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 8

    def read(self, *wanted: str) -> dict[str, list[Any]]:
        """The wanted arrays; what follows the last of them is not read."""
        self._number("<Q")
        found: dict[str, list[Any]] = {}
        for _ in range(self._number("<Q")):
            key, value = self._string(), self._value(self._number("<I"))
            if key in wanted:
                found[key] = value
                if len(found) == len(wanted):
                    break
        return found

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array(self._number("<I"), self._number("<Q"))
        return self._number(_NUMBERS[kind])

    def _array(self, kind: int, length: int) -> list[Any]:
        if kind not in _NUMBERS:
            return [self._value(kind) for _ in range(length)]
        layout = f"<{length}{_NUMBERS[kind][1]}"
        values = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return list(values)

    def _number(self, layout: str) -> Any:
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return value

    def _string(self) -> str:
        length = self._number("<Q")
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise ValueError("a string beyond the end of the file")
        return self._data[start : self._at].decode("utf-8", "replace")
