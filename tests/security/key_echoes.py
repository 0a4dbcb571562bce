"""Servers that repeat the key they were given, wherever an answer has room for it."""

from __future__ import annotations

import json

from tests.loopback import USAGE, Exchange, LoopbackServer, completion, delta
from tests.misbehavior import answers

COOKIE = "canary-of-a-session"
# Where the key stands in each of them, by the name of the model.
ECHOES = (
    *("key-in-answer", "key-in-pieces", "key-in-reasoning", "key-in-refusal", "key-in-model-name"),
    *("key-in-finish-reason", "key-in-broken-answer", "key-in-request-id", "key-in-redirect"),
    *("key-in-page", "key-in-headers", "key-in-status-line", "echo-key", "echo-key-in-stream"),
    *("key-in-escapes", "key-in-escapes-of-an-error"),
)


def _key(exchange: Exchange) -> str:
    return exchange.received.headers["authorization"].removeprefix("Bearer ")


def _answer(exchange: Exchange, **message: str) -> None:
    """One message, plain or streamed."""
    if not exchange.streams:
        value = completion("Hello")
        value["choices"][0]["message"] |= message
        exchange.json(value)
        return
    exchange.begin_stream()
    exchange.event(delta(message))
    exchange.pause(0.2)  # so that it is shown while it comes
    exchange.finish()


@answers("key-in-answer")
def key_in_answer(exchange: Exchange) -> None:
    _answer(exchange, content=f"You sent {_key(exchange)} to me")


@answers("key-in-pieces")
def key_in_pieces(exchange: Exchange) -> None:
    key = _key(exchange)
    exchange.begin_stream()
    for piece in ("You sent ", key[:9], key[9:], " to me"):
        exchange.text(piece)
        exchange.pause(0.15)
    exchange.finish()


@answers("key-in-reasoning")
def key_in_reasoning(exchange: Exchange) -> None:
    _answer(exchange, content="Hm", reasoning_content=f"They sent {_key(exchange)}")


@answers("key-in-refusal")
def key_in_refusal(exchange: Exchange) -> None:
    _answer(exchange, refusal=f"I will not use {_key(exchange)}")


@answers("key-in-model-name")
def key_in_model_name(exchange: Exchange) -> None:
    value = delta({"content": "Hello"}, "stop") | {"model": f"model-{_key(exchange)}"}
    exchange.begin_stream()
    exchange.event(value | {"system_fingerprint": _key(exchange), "usage": USAGE})
    exchange.event(b"[DONE]")
    exchange.end()


@answers("key-in-finish-reason")
def key_in_finish_reason(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.finish(f"because of {_key(exchange)}")


@answers("key-in-broken-answer")
def key_in_broken_answer(exchange: Exchange) -> None:
    exchange.body(200, f'{{"choices": [{_key(exchange)}'.encode())


@answers("key-in-request-id")
def key_in_request_id(exchange: Exchange) -> None:
    exchange.json(completion("Hello"), headers={"x-request-id": _key(exchange)})


@answers("key-in-redirect")
def key_in_redirect(exchange: Exchange) -> None:
    exchange.body(302, b"", headers={"location": f"https://x.example/?key={_key(exchange)}"})


@answers("key-in-page")
def key_in_page(exchange: Exchange) -> None:
    page = f"<html><body>Who is {_key(exchange)}?</body></html>"
    exchange.body(403, page.encode(), "text/html")


def escaped(key: str) -> str:
    """The key as a server may spell it in JSON."""
    return "".join(f"\\u{ord(each):04X}" if each in "-0a" else each for each in key)


@answers("key-in-escapes")
def key_in_escapes(exchange: Exchange) -> None:
    value = delta({"content": "Hi KEY", "reasoning_content": "KEY"}, "KEY") | {"model": "KEY"}
    data = json.dumps(value | {"id": "KEY", "system_fingerprint": "KEY", "usage": USAGE})
    exchange.begin_stream()
    exchange.event(data.replace("KEY", escaped(_key(exchange))).encode())
    exchange.event(b"[DONE]")
    exchange.end()


@answers("key-in-escapes-of-an-error")
def key_in_escapes_of_an_error(exchange: Exchange) -> None:
    data = json.dumps({"error": {"message": "KEY", "code": "KEY", "param": "KEY"}})
    exchange.body(400, data.replace("KEY", escaped(_key(exchange))).encode())


@answers("key-in-headers")
def key_in_headers(exchange: Exchange) -> None:
    """Among them the words after the status, and a cookie with a secret of its own."""
    key, body = _key(exchange), json.dumps(completion("Hello")).encode()
    lines = (
        f"HTTP/1.1 200 {key}",
        f"x-echo: Bearer {key}",
        f"x-request-id: {key}",
        f"{key}: name",
        f"set-cookie: a={key}",
        f"Set-Cookie: session={COOKIE}; Path=/; Comment='(\\\")'",
        "content-type: application/json",
        f"content-length: {len(body)}",
    )
    exchange.send("\r\n".join([*lines, "", ""]).encode() + body)


@answers("key-in-status-line")
def key_in_status_line(exchange: Exchange) -> None:
    exchange.send(f"{_key(exchange)}\r\n\r\n".encode())
    exchange.close()


class RepeatingServer(LoopbackServer):
    """One that repeats the key in its list of models too."""

    def _answer(self, exchange: Exchange) -> bool:
        if exchange.received.path.endswith("/models"):
            exchange.json({"data": [{"id": f"model-{_key(exchange)}"}, {"id": _key(exchange)}]})
            return True
        return super()._answer(exchange)
