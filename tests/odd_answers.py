"""Answers that are whole, or nearly so, and yet not what one expects: plain and streamed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tests.loopback import USAGE, Answer, Exchange, completion, delta
from tests.misbehavior import PIECES, TEXT, echo, error_body

# 5 MB, of words of which no two are alike, so that a lost or doubled one shows.
LONG = "".join(f"word {number} " for number in range(450_000))[:5_000_000]
CHARACTERS = "".join(chr(ord("a") + number % 26) for number in range(100_000))

Fields = Mapping[str, Any]


def answer_with(
    message: Fields, finish_reason: str | None = "stop", *, usage: object = USAGE
) -> Answer:
    """The same answer plain and streamed; `usage`: `...` leaves it out."""

    def answer(exchange: Exchange) -> None:
        told = {} if usage is ... else {"usage": usage}
        if not exchange.streams:
            whole = completion(None, finish_reason)
            whole["choices"][0]["message"] |= message
            del whole["usage"]
            exchange.json(whole | told)
            return
        exchange.begin_stream()
        exchange.event(delta(message))
        if finish_reason is not None:
            exchange.event(delta({}, finish_reason))
        exchange.event({"id": "chatcmpl-1", "choices": [], **told})
        exchange.event(b"[DONE]")
        exchange.end()

    return answer


def usage_of(usage: object) -> Answer:
    return answer_with({"content": "Hello"}, usage=usage)


def usage_in_the_choice(exchange: Exchange) -> None:
    """As some gateways send it."""
    if not exchange.streams:
        whole = completion("Hello")
        whole["choices"][0]["usage"] = whole.pop("usage")
        exchange.json(whole)
        return
    exchange.begin_stream()
    exchange.text("Hello")
    last = delta({}, "stop")
    last["choices"][0]["usage"] = USAGE
    exchange.event(last)
    exchange.event(b"[DONE]")
    exchange.end()


def always_json(exchange: Exchange) -> None:
    """JSON, also where a stream was asked."""
    exchange.json(completion(TEXT))


def json_in(*pieces: bytes, **headers: str) -> Answer:
    """A plain answer in chunks; streams are asked of the table of legal streams."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(exchange: Exchange) -> None:
        exchange.begin_stream({"content-type": "application/json", **named})
        for piece in pieces:
            exchange.chunk(piece)
        exchange.end()

    return answer


def until_close(start_line: str) -> Answer:
    """No length and no chunks: the answer ends with its connection."""

    def answer(exchange: Exchange) -> None:
        kind = "text/event-stream" if exchange.streams else "application/json"
        exchange.send(f"{start_line}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode())
        if exchange.streams:
            for value in (*(delta({"content": piece}) for piece in PIECES), delta({}, "stop")):
                exchange.send(b"data: " + json.dumps(value).encode() + b"\n\n")
            exchange.send(b"data: [DONE]\n\n")
        else:
            exchange.send(json.dumps(completion(TEXT)).encode())
        exchange.close()

    return answer


def five_megabytes(exchange: Exchange) -> None:
    if not exchange.streams:
        exchange.json(completion(LONG))
        return
    exchange.begin_stream()
    for start in range(0, len(LONG), 50_000):
        exchange.text(LONG[start : start + 50_000])
    exchange.finish()


def hundred_thousand_chunks(exchange: Exchange) -> None:
    if not exchange.streams:
        exchange.json(completion(CHARACTERS))
        return
    exchange.begin_stream()
    for thousand in _chunks_of_characters():
        exchange.send(thousand)
    exchange.finish()


@cache
def _chunks_of_characters() -> tuple[bytes, ...]:
    """The chunks, a thousand together."""
    events = (
        b"data: %b\n\n" % json.dumps(delta({"content": each})).encode() for each in CHARACTERS
    )
    chunks = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    return tuple(b"".join(chunks[at : at + 1_000]) for at in range(0, len(chunks), 1_000))


def busy(exchange: Exchange) -> None:
    """429 with the header of the model's name, `busy=retry-after: 7`; then an answer."""
    if exchange.try_number > 1:
        echo(exchange)
        return
    name, _, value = exchange.argument.partition(": ")
    exchange.json({"error": {"message": "busy"}}, 429, {name: value} if name else {})


def redirect_to(exchange: Exchange) -> None:
    """To the address in the model's name."""
    exchange.body(307, b"", "text/plain", {"location": exchange.argument})


def refuses_for_long(headers: dict[str, str]) -> Answer:
    return error_body(429, headers, message="later")


_JSON = json.dumps(completion(TEXT), ensure_ascii=False).encode()


def _cut(data: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(data[start : start + size] for start in range(0, len(data), size))


# Plain answers, written in every way that HTTP and JSON allow.
LEGAL_JSON: dict[str, Answer] = {
    "json-one-byte-chunks": json_in(*_cut(_JSON, 1)),
    "json-gzip": json_in(*_cut(gzip.compress(_JSON), 50), content_encoding="gzip"),
    "json-deflate": json_in(*_cut(zlib.compress(_JSON), 50), content_encoding="deflate"),
    "json-after-blanks": json_in(*[b"\n"] * 20, _JSON, b"\n\n"),
    "json-of-another-type": json_in(_JSON, content_type="text/plain; charset=latin-1"),
}

# Ends that are none, by the words that servers use for them.
UNFINISHED = ("abort", "error", "insufficient_system_resource")

ODD: dict[str, Callable[[Exchange], None]] = {
    **LEGAL_JSON,
    "always-json": always_json,
    "until-close": until_close("HTTP/1.1 200 OK"),
    "http-1.0": until_close("HTTP/1.0 200 OK"),
    "five-megabytes": five_megabytes,
    "hundred-thousand-chunks": hundred_thousand_chunks,
    "no-finish": answer_with({"content": "Hello"}, None),
    "length": answer_with({"content": "Hello"}, "length"),
    "length-empty": answer_with(
        {"reasoning_content": "Hm, well."}, "length",
        usage=USAGE | {"completion_tokens_details": {"reasoning_tokens": 2}},
    ),
    "null-content": answer_with({"content": None}),
    "empty-content": answer_with({"content": ""}),
    "content-filter-empty": answer_with({"content": None}, "content_filter"),
    "text-and-tool-call": answer_with(
        {"content": "Hello", "tool_calls": [{"index": 0, "id": "1", "function": {"name": "f"}}]},
        "tool_calls",
    ),
    **{f"finish-{word}": answer_with({"content": "Hello"}, word) for word in UNFINISHED},
    "finish-STOP": answer_with({"content": "Hello"}, "STOP"),
    "finish-eos": answer_with({"content": "Hello"}, "eos_token"),
    "usage-missing": usage_of(...),
    "usage-null": usage_of(None),
    "usage-empty": usage_of({}),
    "usage-text": usage_of("five"),
    "usage-partial": usage_of({"prompt_tokens": 3}),
    "usage-strings": usage_of(
        {"prompt_tokens": "3", "completion_tokens": 2.5, "total_tokens": True}
    ),
    "usage-negative": usage_of(
        {"prompt_tokens": -3, "completion_tokens": 10**30, "total_tokens": 5}
    ),
    "usage-in-the-choice": usage_in_the_choice,
    "busy": busy,
    "redirect-to": redirect_to,
    "retry-after-days": refuses_for_long({"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    "retry-after-ms-long": refuses_for_long({"retry-after-ms": "121000"}),
    "retry-after-infinite": refuses_for_long({"retry-after": "inf"}),
    "retry-after-absurd": refuses_for_long({"retry-after": "1" * 400}),
}  # fmt: skip
