"""What goes wrong on the wire, as errors of one line: statuses, broken answers, silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from chatnb.errors import ChatError, Interrupted, PartialReply, RequestFailed
from chatnb.records import Reply
from chatnb.redaction import redact
from chatnb.wire.advice import advised
from chatnb.wire.error_bodies import ErrorBody, error_body, is_web_page, one_line
from chatnb.wire.key_filter import KeyFilter

_EXCERPT = 2_000
_Failure = TypeVar("_Failure", ChatError, RequestFailed, PartialReply, Interrupted)
_CONTEXT = re.compile(
    r"context[ _](length|size|window)|maximum context|prompt is too long|too many tokens", re.I
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of whom: the names that a line of error uses, and the keys it must not."""

    host: str
    path: str
    model: str = ""
    key_name: str = "OPENAI_API_KEY"
    keys: tuple[str, ...] = field(default=(), repr=False)
    embedded: bool = False
    base_url: str = ""

    @property
    def answerer(self) -> str:
        return "the embedded model" if self.embedded else self.host

    def clean(self, text: str) -> str:
        """The text without keys, also where it is JSON that nobody has read."""
        return redact(KeyFilter(self.keys).unread(text), self.keys)

    def clean_causes(self, error: BaseException) -> None:
        """No key in what the errors behind an error say: servers like to echo it.

        Nor in the variables of their frames, which `%xmode Verbose` shows: the HTTP libraries hold
        the headers there.
        """
        link = error.__cause__
        while link is not None:
            link.__traceback__ = None
            link.args = tuple(self.clean(x) if isinstance(x, str) else x for x in link.args)
            link = link.__cause__ or link.__context__


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that is no success."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")

    @property
    def body(self) -> ErrorBody:
        return error_body(self.text)


def rejected(answer: Answer, asked: Asked, tries: int, wait: float | None = None) -> RequestFailed:
    """The error that an HTTP status of 300 and above amounts to, after so many tries.

    `wait`: the seconds that the server asked for, where that is too long to wait.
    """
    kind, line = _verdict(answer, asked, tries, wait)
    return _failure(
        RequestFailed,
        advised(line, kind, asked, answer.body.param),
        asked,
        kind=kind,
        http_status=answer.status,
        request_id=answer.request_id,
        param=answer.body.param,
        detail=answer.text,
    )


def _verdict(answer: Answer, asked: Asked, tries: int, wait: float | None) -> tuple[str, str]:
    """The kind and the line."""
    status, host = answer.status, asked.host
    if is_quota(answer):
        return "quota", "No credit left on this account."
    if status == 429:
        return "rate_limit", _rate_limited(tries, wait)
    if status == 408 or status >= 500:
        return "server", _down(answer, host, tries)
    if status < 400:
        where = one_line(answer.headers.get("location") or "nowhere")
        return "redirect", f"{host} redirected the request to {where}; not followed."
    return _refused(answer, asked)


def _down(answer: Answer, host: str, tries: int) -> str:
    line = f"{host} is overloaded or down ({answer.status}) after {_tries(tries)}"
    said = "" if is_web_page(answer.text) else answer.body.message
    return f"{line}: {said}" if said else f"{line}. Run the cell again later."


def _rate_limited(tries: int, wait: float | None) -> str:
    if wait is not None:
        return f"Rate limited (429): the server asks to wait {_duration(wait)}."
    return f"Rate limited (429) after {_tries(tries)}."


def _refused(answer: Answer, asked: Asked) -> tuple[str, str]:
    if answer.status == 401:
        return "auth", _unauthorized(asked)
    if answer.status == 403:
        return "permission", f"Not allowed (403): {_message(answer)}"
    if answer.status == 404:
        return _not_found(answer.body, asked)
    return _bad_request(answer, asked)


def _unauthorized(asked: Asked) -> str:
    if asked.keys:
        return f"The API key was rejected (401). Check {asked.key_name} for {asked.host}."
    where = "%chat_connect URL --key NAME_OF_VARIABLE"
    return f"{asked.host} wants a key and none was sent: {where}."


def _not_found(body: ErrorBody, asked: Asked) -> tuple[str, str]:
    names_model = asked.model and asked.model in body.message and "model" in body.message.lower()
    if "model_not_found" in (body.code, body.type) or body.param == "model" or names_model:
        return "model_not_found", f"{asked.host} has no model '{asked.model}' (or no access)."
    return "not_found", f"{asked.host} has nothing at {asked.path}. Does base_url end in /v1?"


def _bad_request(answer: Answer, asked: Asked) -> tuple[str, str]:
    body = answer.body
    name = asked.model or "The model"
    if body.code in ("unsupported_parameter", "unsupported_value") and body.param:
        line = f"{name} does not accept '{body.param}' (or this value of it): unset it."
        return body.code, line
    if "context_length_exceeded" in (body.code, body.type) or _CONTEXT.search(body.message):
        line = f"The conversation is too long for {name}: undo turns or reset."
        return "context_length", line
    line = f"{asked.host} rejected the request ({answer.status}): {_message(answer)}"
    return "bad_request", line


def is_quota(answer: Answer) -> bool:
    """Whether the account is out of credit: waiting does not help, so nothing is retried."""
    body = answer.body
    return answer.status == 402 or (
        answer.status == 429 and "insufficient_quota" in (body.code, body.type)
    )


def _message(answer: Answer) -> str:
    if is_web_page(answer.text):
        return "a web page instead of JSON: a proxy or login page?"
    return answer.body.message or "no reason given"


def unreachable(reason: str, remedy: str, asked: Asked, tries: int) -> RequestFailed:
    """Nothing that speaks HTTP answered."""
    line = f"Could not talk to {asked.host}: {reason} ({_tries(tries)}). {remedy}"
    return _failure(RequestFailed, line, asked, kind="connection")


def silent(setting: str, seconds: float, asked: Asked, tries: int) -> RequestFailed:
    """Nothing came within the seconds of that setting."""
    line = f"No answer from {asked.host} within {seconds:g} s ({_tries(tries)})."
    line += f" {_longer(setting, seconds)}"
    return _failure(RequestFailed, line, asked, kind="timeout")


def not_the_api(asked: Asked, reply: Reply, detail: str) -> RequestFailed:
    """A success by its status, but not by what it says."""
    line = f"{asked.host} did not answer like an OpenAI API. Is base_url right?"
    line = advised(line, "bad_response", asked)
    return _failure(RequestFailed, line, asked, kind="bad_response", reply=reply, detail=detail)


def told_error(value: object, asked: Asked, reply: Reply) -> ChatError:
    """An error object under 200, or in the middle of a stream."""
    body = error_body(value)
    start = f"{asked.host}: {body.message or 'an error without a message'}"
    kept = characters(reply)
    line = f"{start}; {kept} characters kept." if kept else start
    error_type: type[ChatError] = PartialReply if kept else RequestFailed
    return _failure(
        error_type, line, asked, kind="server", reply=reply, param=body.param, detail=str(value)
    )


def broken_off(asked: Asked, reply: Reply, detail: str = "") -> PartialReply:
    """The connection ended in the middle of the answer."""
    line = f"The connection broke; {characters(reply)} characters kept. Run the cell again."
    return _failure(PartialReply, line, asked, kind="connection", reply=reply, detail=detail)


def stalled(setting: str, seconds: float, asked: Asked, reply: Reply) -> PartialReply:
    """The answer began and did not go on within the seconds of that setting."""
    line = f"{asked.host} stopped sending; {characters(reply)} characters kept."
    line += f" It was silent for {seconds:g} s: {_longer(setting, seconds)}"
    return _failure(PartialReply, line, asked, kind="timeout", reply=reply)


def garbled(asked: Asked, reply: Reply, detail: str) -> PartialReply:
    """Broken JSON or UTF-8 inside a stream that had begun well."""
    line = f"{asked.host} sent a broken stream; {characters(reply)} characters kept."
    return _failure(PartialReply, line, asked, kind="bad_response", reply=reply, detail=detail)


def unfinished(asked: Asked, reply: Reply, *, said_done: bool) -> PartialReply:
    """A clean end, but nobody said why the answer ended."""
    line = "The answer ended without a finish signal; it may be cut short."
    kind = "no_finish_reason" if said_done else "truncated"
    return _failure(PartialReply, line, asked, kind=kind, reply=reply)


def interrupted(asked: Asked, reply: Reply) -> Interrupted:
    """The user stopped it."""
    kept = characters(reply)
    line = f"Stopped; {kept} characters kept." if kept else "Stopped before any text came."
    return _failure(Interrupted, line, asked, kind="interrupted", reply=reply)


def characters(reply: Reply) -> int:
    """How much text a reply has, over all choices."""
    return sum(len(choice.text) for choice in reply.choices)


def _failure(
    error_type: type[_Failure],
    line: str,
    asked: Asked,
    *,
    kind: str,
    reply: Reply | None = None,
    http_status: int | None = None,
    request_id: str | None = None,
    param: str | None = None,
    detail: str = "",
) -> _Failure:
    request_id = request_id and asked.clean(request_id)
    reply = reply or Reply(http_status=http_status, request_id=request_id)
    return error_type(
        asked.clean(line),
        kind=kind,
        reply=reply,
        http_status=reply.http_status,
        request_id=reply.request_id,
        param=param,
        # Cleaned before it is cut, so that no half of a key is left at the end.
        detail=asked.clean(detail)[:_EXCERPT],
    )


def _longer(setting: str, seconds: float) -> str:
    return f"%chat_set {setting}={2 * seconds:g} waits longer."


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def _duration(seconds: float) -> str:
    if seconds == float("inf"):
        return "forever"
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
