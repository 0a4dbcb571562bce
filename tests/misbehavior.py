"""How the loopback server answers, by the name of the model. Adding a way is adding a function."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.loopback import USAGE, Answer, Exchange, completion, delta

ANSWERS: dict[str, Answer] = {}

PIECES = ("Hello, ", "wörld ", "\u2028and \x85 ", "🎉!")
TEXT = "".join(PIECES)


def answers(*names: str) -> Callable[[Answer], Answer]:
    """This function answers whoever asks for a model of these names."""

    def register(answer: Answer) -> Answer:
        for name in names:
            assert name not in ANSWERS, f"{name} is taken"
            ANSWERS[name] = answer
        return answer

    return register


def answer_for(exchange: Exchange) -> Answer:
    """The way to answer: by path for everything but completions, then by the model's name.

    A list of models misbehaves as its path says: /wait-a-minute/models.
    """
    if exchange.received.path.endswith("/models"):
        return ANSWERS.get(exchange.received.path.split("/")[1], _two_models)
    if not exchange.received.path.endswith("/chat/completions"):
        return lambda exchange: exchange.json({"detail": "Not Found"}, 404)
    model = exchange.received.model
    if matched := re.fullmatch(r"status-(\d+)(-then-ok|-twice-then-ok)?", model):
        tries = {"-then-ok": 1, "-twice-then-ok": 2}.get(matched[2], float("inf"))
        return echo if exchange.try_number > tries else _status(int(matched[1]))
    from tests.hostile_answers import HOSTILE
    from tests.odd_answers import ODD

    # What follows "=" in a model's name is for the answer: `exchange.argument`.
    return {**ANSWERS, **ODD, **HOSTILE}.get(model.partition("=")[0], _no_model)


def _two_models(exchange: Exchange) -> None:
    exchange.json({"data": [{"id": "echo"}, {"id": "slow"}]})


def _status(status: int) -> Answer:
    """That status, with `retry-after-ms` so that no test waits."""
    error = {"message": f"status {status}", "type": "test", "param": None, "code": None}
    return lambda exchange: exchange.json({"error": error}, status, {"retry-after-ms": "1"})


def _no_model(exchange: Exchange) -> None:
    name = exchange.received.model
    error = {"message": f"The model '{name}' does not exist", "code": "model_not_found"}
    exchange.json({"error": error}, 404)


def error_body(status: int, headers: dict[str, str] | None = None, **error: Any) -> Answer:
    return lambda exchange: exchange.json({"error": error}, status, headers)


def raw_body(status: int, body: bytes, content_type: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.body(status, body, content_type, named)


PAGE = b"<!DOCTYPE html><html><body>Welcome to the hotel's wireless</body></html>"

ANSWERS |= {
    "context-length": error_body(
        400, code="context_length_exceeded", message="maximum context length is 8 tokens"
    ),
    "unsupported-parameter": error_body(
        400,
        code="unsupported_parameter",
        param="max_tokens",
        message="'max_tokens' is not supported with this model.",
    ),
    "unsupported-value": error_body(
        400, code="unsupported_value", param="temperature", message="does not support 0.2"
    ),
    "missing-model": error_body(404, code="model_not_found", message="no such model"),
    "status-402": error_body(402, message="top up"),
    "quota": error_body(429, {"retry-after-ms": "1"}, code="insufficient_quota", message="pay"),
    "retry-after-121": error_body(429, {"retry-after": "121"}, message="later"),
    "text-400": raw_body(400, b"that was wrong", "text/plain"),
    "string-422": raw_body(422, b'"a JSON string"', "application/json"),
    "empty-413": raw_body(413, b"", "text/plain"),
    "error-text-400": raw_body(400, b'{"error": "just text"}', "application/json"),
    "html-403": raw_body(403, PAGE, "text/html"),
    "html-404": raw_body(404, PAGE, "text/html"),
    "html-502": raw_body(502, PAGE, "text/html", retry_after_ms="1"),
    "html": raw_body(200, PAGE, "text/html"),
    "empty": raw_body(200, b"", "text/plain"),
    "not-json": raw_body(200, b"{broken", "application/json"),
    "json-null": raw_body(200, b"null", "application/json"),
    "json-object": raw_body(200, b"{}", "application/json"),
    "json-string": raw_body(200, b'"hello"', "application/json"),
    "json-list": raw_body(200, b"[1]", "application/json"),
    "no-choices": raw_body(200, b'{"choices": []}', "application/json"),
    "null-choices-only": raw_body(200, b'{"choices": null}', "application/json"),
    "no-message": raw_body(200, b'{"choices": [{"index": 0}]}', "application/json"),
    "choice-is-text": raw_body(200, b'{"choices": ["hello"]}', "application/json"),
    "message-is-text": raw_body(200, b'{"choices": [{"message": "hello"}]}', "application/json"),
    "content-is-number": raw_body(
        200, b'{"choices": [{"message": {"content": 5}}]}', "application/json"
    ),
    "broken-utf-8": raw_body(
        200, b'{"choices": [{"message": {"content": "\xff"}}]}', "application/json"
    ),
    "deep": raw_body(200, b"[" * 100_000, "application/json"),
    "error-200": raw_body(200, b'{"error": {"message": "no GPU"}}', "application/json"),
    "flat-error-200": raw_body(
        200, b'{"object": "error", "message": "no GPU"}', "application/json"
    ),
    "text-error-200": raw_body(200, b'{"error": "no GPU"}', "application/json"),
    "redirect-301": raw_body(301, b"", "text/plain", location="/elsewhere"),
    "redirect-303": raw_body(303, b"", "text/plain", location="/v1"),
    "redirect-302": raw_body(302, b"", "text/plain", location="http://127.0.0.1:9/v1"),
    "redirect-307": raw_body(307, b"", "text/plain", location="/v1/chat/completions"),
    "redirect-308": raw_body(308, b"", "text/plain", location="/v1/chat/completions"),
}  # fmt: skip


@answers("echo")
def echo(exchange: Exchange) -> None:
    """A proper answer: the last message, plain or streamed word by word."""
    text = str(exchange.received.json["messages"][-1]["content"])
    if not exchange.streams:
        exchange.json(completion(text))
        return
    exchange.begin_stream()
    exchange.event(delta({"role": "assistant", "content": ""}))
    for word in re.findall(r"\S+\s*|\s+", text):
        exchange.text(word)
    exchange.finish()


@answers("slow")
def slow(exchange: Exchange) -> None:
    """A paced answer of 200 words, 50 a second."""
    if not exchange.streams:
        exchange.pause(4)
        exchange.json(completion("word " * 200))
        return
    exchange.begin_stream()
    for _ in range(200):
        exchange.text("word ")
        exchange.pause(0.02)
    exchange.finish()


@answers("no-content")
def no_content(exchange: Exchange) -> None:
    exchange.head(204, {})


@answers("echo-key")
def echo_key(exchange: Exchange) -> None:
    """An error that repeats the key, as some proxies do."""
    key = exchange.received.headers.get("authorization", "")
    exchange.json({"error": {"message": f"bad header {key}", "code": "x"}}, 400)


@answers("echo-key-in-stream")
def echo_key_in_stream(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.event({"error": {"message": exchange.received.headers["authorization"]}})
    exchange.end()


@answers("retry-after-date")
def retry_after_date(exchange: Exchange) -> None:
    """Asks to wait until a date that has passed, then answers."""
    if exchange.try_number > 1:
        echo(exchange)
    else:
        exchange.json({}, 429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"})


@answers("wait-a-minute")
def wait_a_minute(exchange: Exchange) -> None:
    exchange.json({"error": {"message": "busy"}}, 503, {"retry-after": "60"})


@answers("reset-then-ok")
def reset_then_ok(exchange: Exchange) -> None:
    echo(exchange) if exchange.try_number > 1 else exchange.reset()


@answers("reset")
def reset(exchange: Exchange) -> None:
    exchange.reset()


@answers("close")
def close(exchange: Exchange) -> None:
    exchange.close()


@answers("not-http")
def not_http(exchange: Exchange) -> None:
    exchange.send(b"220 mail.example ESMTP\r\n\r\n")
    exchange.close()


@answers("absurd-headers")
def absurd_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000 + b"\r\n\r\n")
    exchange.close()


@answers("stall-before-headers")
def stall_before_headers(exchange: Exchange) -> None:
    exchange.stall()


@answers("stall-after-headers")
def stall_after_headers(exchange: Exchange) -> None:
    """An answer is announced, and never begins."""
    if exchange.streams:
        exchange.begin_stream()
    else:
        exchange.head(200, {"content-type": "application/json", "content-length": "1000"})
    exchange.stall()


@answers("sse-comments-only")
def comments_only(exchange: Exchange) -> None:
    exchange.begin_stream()
    for _ in count():
        exchange.chunk(b": keep-alive\n\n")
        exchange.pause(0.02)


@answers("stall-in-body")
def stall_in_body(exchange: Exchange) -> None:
    """Half an answer, then silence."""
    _half(exchange)
    exchange.stall()


@answers("stall-without-line-end")
def stall_without_line_end(exchange: Exchange) -> None:
    """Bytes keep coming, but no line ever ends."""
    _half(exchange)
    for _ in count():
        exchange.chunk(b"data: {")
        exchange.pause(0.02)


@answers("sse-comments-forever")
def comments_forever(exchange: Exchange) -> None:
    _half(exchange)
    for _ in count():
        exchange.chunk(b": keep-alive\n\n")
        exchange.pause(0.02)


@answers("cut-mid-stream")
def cut_mid_stream(exchange: Exchange) -> None:
    _half(exchange)
    exchange.close()


@answers("reset-mid-stream")
def reset_mid_stream(exchange: Exchange) -> None:
    _half(exchange)
    # The client must have read what came before the reset, or its system drops it.
    exchange.pause(0.1)
    exchange.reset()


def _half(exchange: Exchange) -> None:
    if exchange.streams:
        exchange.begin_stream()
        exchange.text("Hello")
    else:
        exchange.head(200, {"content-type": "application/json", "content-length": "1000"})
        exchange.send(b'{"choices": [')


@answers("cut-without-framing")
def cut_without_framing(exchange: Exchange) -> None:
    """A stream that ends with its connection: nothing tells a cut from an end."""
    exchange.head(200, {"content-type": "text/event-stream", "connection": "close"})
    exchange.send(b"data: " + json.dumps(delta({"content": "Hello"})).encode() + b'\n\ndata: {"ch')
    exchange.close()


@answers("done-without-finish")
def done_without_finish(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.event(b"[DONE]")
    exchange.end()


@answers("end-without-finish")
def end_without_finish(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.end()


def _after_hello(data: bytes) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.text("Hello")
        exchange.chunk(data)
        exchange.end()

    return answer


ANSWERS |= {
    "broken-json-in-stream": _after_hello(b'data: {"choices": [}\n\n'),
    "broken-utf-8-in-stream": _after_hello(
        b'data: {"choices": [{"index": 0, "delta": {"content": "\xff"}}]}\n\n'
    ),
    "list-in-stream": _after_hello(b"data: [1]\n\n"),
    "bad-choice-in-stream": _after_hello(b'data: {"choices": [7]}\n\n'),
    "error-in-stream": _after_hello(b'data: {"error": {"message": "no GPU"}}\n\n'),
    "text-error-in-stream": _after_hello(b'data: {"error": "no GPU"}\n\n'),
    "flat-error-in-stream": _after_hello(b'data: {"object": "error", "message": "no GPU"}\n\n'),
    "error-event-in-stream": _after_hello(b'event: error\ndata: {"message": "no GPU"}\n\n'),
}


@answers("error-at-stream-start")
def error_at_stream_start(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.event({"error": {"message": "no GPU"}})
    exchange.end()


@answers("stays-open-after-done")
def stays_open_after_done(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.event(delta({}, "stop"))
    exchange.event(b"[DONE]")
    exchange.stall()


@answers("cut-after-finish")
def cut_after_finish(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.event(delta({}, "stop"))
    exchange.close()


# Odd but legal streams: the same text every time, written in every way the standards allow.


def legal_events() -> list[bytes]:
    """TEXT, one event a piece, then the finish, the usage and the end."""
    values = [delta({"role": "assistant"}), *(delta({"content": piece}) for piece in PIECES)]
    values += [delta({}, "stop"), {"choices": [], "usage": USAGE}]
    return [*(json.dumps(value, ensure_ascii=False).encode() for value in values), b"[DONE]"]


def lines(end: bytes = b"\n", start: bytes = b"data: ") -> bytes:
    return b"".join(start + event + end + end for event in legal_events())


def _stream_of(*pieces: bytes, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(exchange: Exchange) -> None:
        exchange.begin_stream(named)
        for piece in pieces:
            exchange.chunk(piece)
        exchange.end()

    return answer


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _in_lines(event: bytes) -> bytes:
    """One event over many `data:` lines, at places where JSON allows a line end."""
    text = json.dumps(json.loads(event), ensure_ascii=False, indent=1) if event[0] == 123 else None
    lines = (text.encode() if text else event).split(b"\n")
    return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


_commented = b": hello\n\n" + lines().replace(b"\n\n", b"\n\n: keep-alive\n\n")

LEGAL: dict[str, Answer] = {
    "crlf": _stream_of(lines(b"\r\n")),
    "cr": _stream_of(lines(b"\r")),
    "split-crlf": _stream_of(*re.findall(rb"(?s)\n?[^\r]*\r?", lines(b"\r\n"))[:-1]),
    "comments": _stream_of(_commented),
    "no-space-after-colon": _stream_of(lines(start=b"data:")),
    "other-fields": _stream_of(lines(start=b"id: 1\nretry: 5\nevent: message\ndata: ")),
    "byte-order-mark": _stream_of(b"\xef\xbb\xbf" + lines()),
    "multi-line-data": _stream_of(*(_in_lines(event) for event in legal_events())),
    "one-byte-chunks": _stream_of(*_cut(lines(), 1)),
    "one-byte-chunks-crlf": _stream_of(*_cut(lines(b"\r\n"), 1)),
    "seven-byte-chunks": _stream_of(*_cut(lines(), 7)),
    "one-chunk-for-all": _stream_of(lines()),
    "gzip": _stream_of(*_cut(gzip.compress(lines()), 50), content_encoding="gzip"),
    "deflate": _stream_of(*_cut(zlib.compress(lines()), 50), content_encoding="deflate"),
    "no-done": _stream_of(lines().removesuffix(b"data: [DONE]\n\n")),
    "no-last-empty-line": _stream_of(lines().removesuffix(b"data: [DONE]\n\n").rstrip()),
    "more-after-done": _stream_of(lines() + b"data: {broken\n\n"),
    "null-choices": _stream_of(b'data: {"choices": null}\n\n' + lines()),
    "two-finish-chunks": _stream_of(
        lines().replace(b"data: [DONE]", b"data: " + json.dumps(delta({}, "stop")).encode())
    ),
    "null-error": _stream_of(lines().replace(b'{"id"', b'{"error": null, "id"')),
}  # fmt: skip
ANSWERS |= LEGAL


@answers("usage-in-every-chunk")
def usage_in_every_chunk(exchange: Exchange) -> None:
    exchange.begin_stream()
    for number, piece in enumerate(PIECES, 1):
        usage = {"prompt_tokens": 3, "completion_tokens": number, "total_tokens": 3 + number}
        exchange.event(delta({"content": piece}) | {"usage": usage})
    exchange.event(delta({}, "stop"))
    exchange.event(b"[DONE]")
    exchange.end()


@answers("odd-usage")
def odd_usage(exchange: Exchange) -> None:
    usage = {"prompt_tokens": "3", "completion_tokens": 2, "total_tokens": None}
    exchange.json(completion("Hello") | {"usage": usage})


@answers("interleaved-choices")
def interleaved_choices(exchange: Exchange) -> None:
    if not exchange.streams:
        first, second = (
            completion("0:one 0:two 0:three"),
            completion("1:one 1:two 1:three", "length"),
        )
        second["choices"][0]["index"] = 1
        # The second one first: the index counts, not the place.
        exchange.json(first | {"choices": second["choices"] + first["choices"]})
        return
    exchange.begin_stream()
    for word in ("one ", "two ", "three"):
        for index in (1, 0):
            exchange.text(f"{index}:{word}", index)
    exchange.event(delta({}, "length", 1))
    exchange.event(delta({}, "stop", 0))
    exchange.event(b"[DONE]")
    exchange.end()


@answers("burst")
def burst(exchange: Exchange) -> None:
    """A thousand words in one piece."""
    exchange.begin_stream()
    event = b"data: " + json.dumps(delta({"content": "word "})).encode() + b"\n\n"
    exchange.chunk(event * 1000)
    exchange.finish()


def message_with(finish_reason: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """A plain answer whose message has these fields."""
    answer = completion(None, finish_reason)
    answer["choices"][0]["message"] |= fields
    return answer


HOSTILE = """<script>window.hacked = 1</script>
<img src=x onerror="window.hacked = 2"> <svg onload="window.hacked = 3"></svg>
<iframe src="javascript:parent.hacked = 4"></iframe> <b onmouseover="window.hacked = 5">bold</b>
<form action="/hacked"><input autofocus onfocus="window.hacked = 6"></form>
<style>body { display: none }</style> <base href="http://elsewhere.test/">
<div style="position: fixed; inset: 0; z-index: 9999">cover</div> <plaintext>

[link](javascript:window.hacked=7) [data](data:text/html,<script>window.hacked=8</script>)
[page](/lab/tree/x?hacked) <javascript:window.hacked=9> ![beacon](http://elsewhere.test/beacon.png)
[ref]

[ref]: javascript:window.hacked=10

$\\href{javascript:window.hacked=11}{x}$ $\\unicode{<img src=x onerror=window.hacked=12>}$

```<img src=x onerror=window.hacked=13>
</code></pre><script>window.hacked = 14</script>
```

| a | b |
|---|---|
| <script>window.hacked = 15</script> | ![](http://elsewhere.test/cell.png) |
"""
ROW = "| " + " | ".join(f"cell {column}" for column in range(12)) + " |\n"
RIGHT_TO_LEFT = (
    "\u05e9\u05dc\u05d5\u05dd \u202eoverride\u202c \u2066isolate **\u0645\u0631\u062d\u0628\u0627**"
)


def _long(text: str, size: int) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.begin_stream()
        for start in range(0, len(text), size):
            exchange.text(text[start : start + size])
        exchange.finish()

    return answer


ANSWERS |= {
    "hostile": _long(HOSTILE, 40),
    "huge-table": _long(ROW + "|---" * 12 + "|\n" + ROW * 1_000, 5_000),
    "five-megabytes": _long("hostile <b>words</b>" * 250_000, 50_000),
    "right-to-left": _long(RIGHT_TO_LEFT, 10),
}


@answers("thinking")
def thinking(exchange: Exchange) -> None:
    if not exchange.streams:
        exchange.json(message_with(content="Hello", reasoning_content="Hm, well."))
        return
    exchange.begin_stream()
    exchange.event(delta({"reasoning_content": "Hm, "}))
    exchange.event(delta({"reasoning": "well."}))
    exchange.text("Hello")
    exchange.finish()


@answers("refusal")
def refusal(exchange: Exchange) -> None:
    if not exchange.streams:
        exchange.json(message_with(refusal="I will not."))
        return
    exchange.begin_stream()
    exchange.event(delta({"content": None, "refusal": "I will "}))
    exchange.event(delta({"refusal": "not."}))
    exchange.finish()


@answers("tool-call")
def tool_call(exchange: Exchange) -> None:
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "add"}}
    if not exchange.streams:
        call = first | {"function": {"name": "add", "arguments": '{"a": 1}'}}
        exchange.json(message_with("tool_calls", tool_calls=[call]))
        return
    exchange.begin_stream()
    exchange.event(delta({"content": None, "tool_calls": [first]}))
    for piece in ('{"a": ', "1}"):
        call = {"index": 0, "function": {"arguments": piece}}
        exchange.event(delta({"tool_calls": [call]}))
    exchange.finish("tool_calls")


@answers("logprobs")
def logprobs(exchange: Exchange) -> None:
    exchange.begin_stream()
    for piece in PIECES:
        chunk = delta({"content": piece})
        chunk["choices"][0]["logprobs"] = {"content": [{"token": piece, "logprob": -0.5}]}
        exchange.event(chunk)
    exchange.finish()


@answers("lone-surrogate")
def lone_surrogate(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("half \ud83d")
    exchange.finish()


@answers("content-filter")
def content_filter(exchange: Exchange) -> None:
    if not exchange.streams:
        exchange.json(message_with("content_filter", content="Hello"))
        return
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.finish("content_filter")
