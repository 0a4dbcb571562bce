"""Requests and exchanges as the engine would make them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chatnb.records import Choice, Exchange, Message, Origin, Reply, Request, Usage
from chatnb.request_log import RequestLog

BASE_URL = "https://api.openai.com/v1"


def request(*texts: str, origin: Origin | None = None, **changes: Any) -> Request:
    """A request whose messages are of the user and the assistant by turns."""
    roles = ("user", "assistant")
    messages = tuple(Message(roles[place % 2], text) for place, text in enumerate(texts))
    values: dict[str, Any] = {"model": "gpt-6-luna", "messages": messages, "base_url": BASE_URL}
    return Request(**{**values, "origin": origin or Origin(conversation="main"), **changes})


def reply(text: str = "Hello!", **changes: Any) -> Reply:
    values: dict[str, Any] = {
        "choices": (Choice(0, text, "stop"),),
        "model": "gpt-6-luna",
        "usage": Usage(17, 26, 43),
        "http_status": 200,
    }
    return Reply(**{**values, **changes})


def logged(log: RequestLog, asked: Request, answer: Reply | None = None, **changes: Any) -> int:
    """The id of the row of a whole exchange."""
    started = datetime.now(UTC)
    number = log.start(asked, started)
    values: dict[str, Any] = {"status": "ok", "reply": answer or reply(), "seconds": 0.5}
    log.finish(Exchange(asked, started, number, **{**values, **changes}))
    return number
