"""What the server of the benchmark answers, as whole HTTP messages that are built once.

The model's name says what comes: `echo` (the last message), `tokens-10000` (that many tokens of
Markdown at full speed), `tokens-600-at-200` (so many a second).
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any

_MARKDOWN = """## Rivers of the north

A river rises in the hills, gathers **small streams** on its way, and slows down where the
valley opens. Its water carries sand and gravel; whatever is heavy stays behind first, and the
*finest* clay goes on to the sea.

- a spring, where the ground lets the water go
- a bend, whose outer bank is worn away
- a mouth, where tides push back

Whoever measures the flow needs a cross section and a speed:

```python
def flow(width, depth, speed):
    return width * depth * speed
```

The result is in cubic meters a second. A gentle brook brings about `0.5`, a great river several
thousands, and in spring the melting snow adds as much again before the summer takes it back.

"""
_TOKENS = re.findall(r"\s*\w{1,6}|\s*[^\w\s]+|\s+$", _MARKDOWN)
_HEAD = b"HTTP/1.1 200 OK\r\nx-request-id: bench\r\nContent-Type: "


@dataclass(frozen=True)
class Answer:
    """The bytes of one answer: what comes before the first text, the chunks of text, the end."""

    head: bytes
    chunks: tuple[bytes, ...] = ()
    end: bytes = b""
    per_second: float | None = None

    @functools.cached_property
    def whole(self) -> bytes:
        """Everything, for an answer that comes at full speed."""
        return b"".join((*self.chunks, self.end))


def tokens(count: int) -> tuple[str, ...]:
    """So many tokens of Markdown, the same each time."""
    repeated = _TOKENS * (count // len(_TOKENS) + 1)
    return tuple(repeated[:count])


def answer_to(body: bytes) -> Answer:
    """The answer that the request's model names."""
    model = _last_string(body, b'"model":')
    streams = re.search(rb'"stream": ?true', body) is not None
    if model == "echo":
        return _answer(_cut(_last_string(body, b'"content":')), model, streams=streams)
    return _prebuilt(model, streams)


def json_answer(value: Any, status: bytes = b"200 OK") -> bytes:
    body = json.dumps(value).encode()
    head = _HEAD.replace(b"200 OK", status)
    return head + b"application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@functools.cache
def _prebuilt(model: str, streams: bool) -> Answer:
    count, _, pace = model.removeprefix("tokens-").partition("-at-")
    per_second = float(pace) if pace else None
    return _answer(tokens(int(count)), model, streams=streams, per_second=per_second)


def _last_string(body: bytes, key: bytes) -> str:
    """The string after the last such key: cheaper than parsing 500 turns."""
    rest = body[body.rindex(key) + len(key) :].decode()
    return str(json.JSONDecoder().raw_decode(rest.lstrip())[0])


def _cut(text: str) -> tuple[str, ...]:
    return tuple(text[start : start + 4] for start in range(0, len(text), 4))


def _answer(
    texts: tuple[str, ...], model: str, *, streams: bool, per_second: float | None = None
) -> Answer:
    usage = {"prompt_tokens": 8, "completion_tokens": len(texts), "total_tokens": 8 + len(texts)}
    if not streams:
        message = {"role": "assistant", "content": "".join(texts)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = {**_common(model, "chat.completion"), "choices": [choice], "usage": usage}
        return Answer(json_answer(whole))
    head = _HEAD + b"text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    first = _event(model, {"role": "assistant", "content": ""})
    chunks = tuple(_event(model, {"content": text}) for text in texts)
    last = {**_common(model, "chat.completion.chunk"), "choices": [], "usage": usage}
    end = _event(model, {}, "stop") + _framed(last) + _chunk(b"data: [DONE]\n\n") + _chunk(b"")
    return Answer(head + first, chunks, end, per_second)


def _common(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-bench", "object": kind, "created": 1, "model": model}


def _event(model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _framed({**_common(model, "chat.completion.chunk"), "choices": [choice]})


def _framed(value: dict[str, Any]) -> bytes:
    return _chunk(b"data: " + json.dumps(value).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
