"""The fault matrix: what each misbehavior of a server becomes, at the wire, in a cell, in the log.

One row of FAULTS is one way to misbehave (a name of `misbehavior` or `odd_answers`); CLASSES names
the classes that they belong to. The wire's tests and the kernel's read the same table.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatnb.errors import ChatError, EmptyReply, PartialReply, RequestFailed
from tests.hostile_answers import INK
from tests.misbehavior import LEGAL, TEXT
from tests.odd_answers import CHARACTERS, LEGAL_JSON, LONG, UNFINISHED

BOTH = (False, True)
PLAIN = (False,)
STREAMED = (True,)

# The key that the tests connect with, under a name of its own.
KEY_VARIABLE = "LOOPBACK_KEY"
CANARY = "canary-2f9c41d07be8"

# What stalls is given so long, in seconds; all else more than a busy machine can miss.
SOON_S = 0.4
LATE_S = 10

_NOT_THE_API = "{host} did not answer like an OpenAI API. Is base_url right?"
_PAGE = "a web page instead of JSON: a proxy or login page?"
_BROKE = "The connection broke; {n} characters kept. Run the cell again."
_SILENT = "{host} stopped sending; {n} characters kept. It was silent for 0.4 s: "
_STOPPED = f"{_SILENT}%chat_set idle_timeout=0.8 waits longer."
_NOT_BEGUN = f"{_SILENT}%chat_set first_token_timeout=0.8 waits longer."
_AGAIN = "Run the cell again; %chat_connect names another server."
_BASE_URL = "Is base_url right? %chat_connect names another."
_BROKEN = "{host} sent a broken stream; {n} characters kept."
_NO_END = "The answer ended without a finish signal; it may be cut short."
_TYPES: dict[str, type[ChatError]] = {
    "error": RequestFailed, "partial": PartialReply, "empty": EmptyReply,
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A way to misbehave, and what becomes of it."""

    of_class: str
    model: str
    status: str
    kind: str | None = None
    line: str = ""  # of the error
    text: str = ""  # that came, whole or not
    streams: tuple[bool, ...] = BOTH
    attempts: tuple[int | None, ...] = (200,)  # the HTTP status of each
    param: str | None = None
    options: str = ""  # of the cell, for those answers that need them
    judged_by: str = "wire"  # or by the engine: for the wire it is an answer

    @property
    def http_status(self) -> int | None:
        return self.attempts[-1]

    @property
    def error(self) -> type[ChatError]:
        return _TYPES[self.status]

    @property
    def patience_s(self) -> float:
        return patience_s(self.model)

    def line_of(self, host: str) -> str:
        return self.line.format(host=host, n=len(self.text))


def patience_s(model: str) -> float:
    """The deadlines for first token and silence: short ones for what stalls."""
    return SOON_S if model.startswith(("stall-", "sse-", "stays-")) else LATE_S


def refused(
    of_class: str, model: str, status: int, kind: str, line: str, tries: int = 1, **more: str
) -> Fault:
    return Fault(of_class, model, "error", kind, line, attempts=(status,) * tries, **more)  # type: ignore[arg-type]


def unreached(of_class: str, model: str, kind: str, line: str) -> Fault:
    return Fault(of_class, model, "error", kind, line, attempts=(None,) * 3)


def bad(model: str, streams: tuple[bool, ...] = BOTH, status: int = 200) -> Fault:
    of_class = "200 that is no answer"
    line = _NOT_THE_API
    return Fault(of_class, model, "error", "bad_response", line, "", streams, (status,))


def partial(
    of_class: str, model: str, kind: str, line: str, text: str = "Hello", stream: bool = True
) -> Fault:
    return Fault(of_class, model, "partial", kind, line, text, (stream,))


def judged(of_class: str, model: str, status: str, kind: str, line: str, text: str = "") -> Fault:
    """An answer to the wire, and a fault to the engine."""
    return Fault(of_class, model, status, kind, line, text, judged_by="engine")


def good(
    of_class: str, model: str, text: str, streams: tuple[bool, ...] = BOTH, *before: int | None,
    options: str = "",
) -> Fault:  # fmt: skip
    """An answer, after these attempts."""
    return Fault(
        of_class, model, "ok", text=text, streams=streams, attempts=(*before, 200), options=options
    )


_TOOL = "The model asked to call a tool"
_FILTERED = "The content filter cut this answer."

FAULTS = [
    refused(
        "401", "status-401", 401, "auth",
        "The API key was rejected (401). Check LOOPBACK_KEY for {host}.",
    ),
    refused("403", "status-403", 403, "permission", "Not allowed (403): status 403"),
    refused("403", "html-403", 403, "permission", f"Not allowed (403): {_PAGE}"),
    refused(
        "404 model", "missing-model", 404, "model_not_found",
        "{host} has no model 'missing-model' (or no access).",
    ),
    refused(
        "404 without a model", "html-404", 404, "not_found",
        "{host} has nothing at /v1/chat/completions. Does base_url end in /v1?",
    ),
    refused(
        "404 without a model", "status-404", 404, "not_found",
        "{host} has nothing at /v1/chat/completions. Does base_url end in /v1?",
    ),
    refused(
        "400 context length", "context-length", 400, "context_length",
        "The conversation is too long for context-length: undo turns or reset.",
    ),
    refused(
        "400 unsupported parameter", "unsupported-parameter", 400, "unsupported_parameter",
        "unsupported-parameter does not accept 'max_tokens' (or this value of it): unset it.",
        param="max_tokens",
    ),
    refused(
        "400 unsupported parameter", "unsupported-value", 400, "unsupported_value",
        "unsupported-value does not accept 'temperature' (or this value of it): unset it.",
        param="temperature",
    ),
    *(
        refused("400 of any shape", model, status, "bad_request",
                f"{{host}} rejected the request ({status}): {said}")
        for model, status, said in (
            ("text-400", 400, "that was wrong"), ("string-422", 422, "a JSON string"),
            ("empty-413", 413, "no reason given"), ("error-text-400", 400, "just text"),
        )
    ),
    *(
        good("passing fault", f"status-{status}-then-ok", "hello there", BOTH, status)
        for status in (408, 409, 429, 500, 502, 503, 504, 529)
    ),
    good("passing fault", "status-503-twice-then-ok", "hello there", BOTH, 503, 503),
    good("passing fault", "reset-then-ok", "hello there", BOTH, None),
    refused("429 always", "status-429", 429, "rate_limit", "Rate limited (429) after 3 tries.", 3),
    *(
        refused("429 always", model, 429, "rate_limit",
                f"Rate limited (429): the server asks to wait {wait}.")
        for model, wait in (
            ("retry-after-121", "2 minutes"), ("retry-after-ms-long", "2 minutes"),
            ("retry-after-infinite", "forever"), ("retry-after-absurd", "forever"),
        )
    ),
    refused("429 quota", "quota", 429, "quota", "No credit left on this account."),
    refused("429 quota", "status-402", 402, "quota", "No credit left on this account."),
    refused("5xx always", "status-409", 409, "bad_request",
            "{host} rejected the request (409): status 409", 3),
    *(
        refused("5xx always", f"status-{status}", status, "server",
                f"{{host}} is overloaded or down ({status}) after 3 tries: status {status}", 3)
        for status in (408, 500, 502, 503, 504, 529)
    ),
    refused(
        "5xx always", "html-502", 502, "server",
        "{host} is overloaded or down (502) after 3 tries. Run the cell again later.", 3,
    ),
    *(
        unreached("no HTTP", model, "connection",
                  f"Could not talk to {{host}}: {reason} (3 tries). {remedy}")
        for model, reason, remedy in (
            ("reset", "Connection reset by peer", _AGAIN),
            ("close", "it closed without an answer", _AGAIN),
            ("not-http", "what it sends is not HTTP", _BASE_URL),
            ("absurd-headers", "what it sends is not HTTP", _BASE_URL),
        )
    ),
    unreached("silence before headers", "stall-before-headers", "timeout",
              "No answer from {host} within 0.4 s (3 tries). "
              "%chat_set first_token_timeout=0.8 waits longer."),
    *(bad(model) for model in (
        "html", "empty", "not-json", "json-null", "json-object", "json-string", "json-list",
        "no-choices", "null-choices-only", "no-message", "choice-is-text", "message-is-text",
        "content-is-number", "broken-utf-8", "deep",
    )),
    bad("no-content", status=204),
    bad("crlf", PLAIN),
    good("200 that is no answer", "always-json", TEXT),
    *(
        Fault("error object under 200", model, "error", "server", "{host}: no GPU")
        for model in ("error-200", "flat-error-200", "text-error-200")
    ),
    Fault("error object under 200", "error-at-stream-start", "error", "server", "{host}: no GPU",
          streams=STREAMED),
    *(
        partial("error object under 200", model, "server", "{host}: no GPU; {n} characters kept.")
        for model in (
            "error-in-stream", "text-error-in-stream", "flat-error-in-stream",
            "error-event-in-stream",
        )
    ),
    *(
        partial("cut in the middle", model, "connection", _BROKE, text, stream)
        for model in ("cut-mid-stream", "reset-mid-stream")
        for text, stream in (("Hello", True), ("", False))
    ),
    partial("silence in the middle", "stall-after-headers", "timeout", _NOT_BEGUN, ""),
    partial("silence in the middle", "stall-after-headers", "timeout", _STOPPED, "", stream=False),
    partial("silence in the middle", "sse-comments-only", "timeout", _NOT_BEGUN, ""),
    partial("silence in the middle", "stall-in-body", "timeout", _STOPPED),
    partial("silence in the middle", "stall-in-body", "timeout", _STOPPED, "", stream=False),
    partial("silence in the middle", "stall-without-line-end", "timeout", _STOPPED),
    partial("silence in the middle", "sse-comments-forever", "timeout", _STOPPED),
    partial("no finish reason", "done-without-finish", "no_finish_reason", _NO_END),
    partial("no finish reason", "no-finish", "no_finish_reason", _NO_END),
    partial("no finish reason", "no-finish", "no_finish_reason", _NO_END, stream=False),
    partial("no finish reason", "end-without-finish", "truncated", _NO_END),
    partial("no finish reason", "cut-without-framing", "truncated", _NO_END),
    *(
        partial("broken stream", model, "bad_response", _BROKEN)
        for model in (
            "broken-json-in-stream", "broken-utf-8-in-stream", "list-in-stream",
            "bad-choice-in-stream",
        )
    ),
    good("length", "length", "Hello"),
    good("thinking", "thinking", "Hello"),
    judged("length without text", "length-empty", "empty", "length",
           "No visible text: the whole limit went into reasoning. Raise it."),
    judged("content filter", "content-filter", "partial", "content_filter", _FILTERED, "Hello"),
    judged("content filter", "content-filter-empty", "partial", "content_filter", _FILTERED),
    Fault("refusal", "refusal", "refused", text="I will not.", judged_by="engine"),
    judged("tool calls, null content", "tool-call", "empty", "tool_calls",
           f"{_TOOL} and said nothing; chatnb calls no tools."),
    judged("tool calls, null content", "text-and-tool-call", "partial", "tool_calls",
           f"{_TOOL}, and chatnb calls none; {{n}} characters kept.", "Hello"),
    judged("tool calls, null content", "null-content", "empty", "no_text",
           "The answer has no text."),
    judged("tool calls, null content", "empty-content", "empty", "no_text",
           "The answer has no text."),
    *(
        judged("no finish reason", f"finish-{word}", "partial", "no_finish_reason",
               f"The answer ended with finish_reason {word}, not stop or length; "
               "{n} characters kept.", "Hello")
        for word in UNFINISHED
    ),
    good("no finish reason", "finish-STOP", "Hello"),
    good("no finish reason", "finish-eos", "Hello"),
    *(
        refused("redirect", f"redirect-{status}", status, "redirect",
                f"{{host}} redirected the request to {where}; not followed.")
        for status, where in (
            (301, "/elsewhere"), (302, "http://127.0.0.1:9/v1"), (303, "/v1"),
            (307, "/v1/chat/completions"), (308, "/v1/chat/completions"),
        )
    ),
    *(good("odd but legal", model, TEXT, STREAMED) for model in LEGAL),
    *(good("odd but legal", model, TEXT, PLAIN) for model in LEGAL_JSON),
    good("odd but legal", "until-close", TEXT),
    good("odd but legal", "http-1.0", TEXT),
    good("odd but legal", "usage-in-every-chunk", TEXT, STREAMED),
    good("odd but legal", "stays-open-after-done", "Hello", STREAMED),
    good("odd but legal", "cut-after-finish", "Hello", STREAMED),
    good("odd but legal", "interleaved-choices", "0:one 0:two 0:three", options="--n 2"),
    *(
        good("usage", f"usage-{said}", "Hello")
        for said in (
            "missing", "null", "empty", "text", "partial", "strings", "negative", "in-the-choice",
        )
    ),
    good("odd but legal", "continue", "hello there"),
    good("odd but legal", "trailers", "Hello"),
    good("odd but legal", "last-of-its-connection", "Hello"),
    good("odd but legal", "byte-order-mark-json", "Hello", PLAIN),
    *(bad(model) for model in (
        "bomb", "too-short-a-length", "no-gzip", "half-gzip", "brotli", "done-only",
    )),
    bad("bomb-in-stream", PLAIN),
    bad("line-without-end", PLAIN),
    partial("broken stream", "bomb-in-stream", "bad_response", _BROKEN),
    partial("broken stream", "line-without-end", "bad_response", _BROKEN),
    partial("cut in the middle", "too-long-a-length", "connection", _BROKE, "", stream=False),
    refused("400 of any shape", "bomb-400", 400, "bad_request",
            "{host} rejected the request (400): no reason given"),
    refused("400 of any shape", "ink-in-error", 400, "bad_request",
            "{host} rejected the request (400): one two [31m", param=INK),
    refused("401", "stall-401-body", 401, "auth",
            "The API key was rejected (401). Check LOOPBACK_KEY for {host}."),
    refused("5xx always", "stall-500-body", 500, "server",
            "{host} is overloaded or down (500) after 3 tries", 3),
    refused("5xx always", "status-699", 699, "server",
            "{host} is overloaded or down (699) after 3 tries: status 699", 3),
    *(
        unreached("silence before headers", model, "timeout",
                  "No answer from {host} within 0.4 s (3 tries). "
                  "%chat_set first_token_timeout=0.8 waits longer.")
        for model in ("stall-in-headers", "stall-with-continue")
    ),
    unreached("no HTTP", "two-lengths", "connection",
              f"Could not talk to {{host}}: what it sends is not HTTP (3 tries). {_BASE_URL}"),
    refused("redirect", "not-modified", 304, "redirect",
            "{host} redirected the request to nowhere; not followed."),
    refused("redirect", "far-redirect", 302, "redirect",
            "{host} redirected the request to http://127.0.0.1:9/xxx"),
    good("long", "five-megabytes", LONG),
    good("long", "hundred-thousand-chunks", CHARACTERS),
]  # fmt: skip

CLASSES = frozenset(fault.of_class for fault in FAULTS)
WIRE_FAULTS = [fault for fault in FAULTS if fault.status != "ok" and fault.judged_by == "wire"]


def one_of_each_kind() -> list[Fault]:
    """The first fault of each status and kind: a fair part of all, where each costs a while."""
    found: dict[tuple[str, str | None], Fault] = {}
    for fault in FAULTS:
        found.setdefault((fault.status, fault.kind), fault)
    return list(found.values())


def tried(faults: list[Fault]) -> list[tuple[Fault, bool]]:
    """Each fault plain and streamed, where it can be both."""
    return [(fault, stream) for fault in faults for stream in fault.streams]


def name_of(fault: Fault, stream: bool) -> str:
    return f"{fault.model}-{'streamed' if stream else 'plain'}"
