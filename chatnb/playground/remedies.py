"""The change that would mend a failed request, as a button.

The table says by the error's kind what may help; the first of its row that fits is offered. A new
button is a function `(failure) -> Remedy | None` and its name in the row of each kind it mends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chatnb.errors import ChatError, Interrupted, PartialReply
from chatnb.parameters import Parameters
from chatnb.playground.spending import HISTORY, sent_characters
from chatnb.records import Exchange, Reply, Request
from chatnb.session_state import MAIN

Remedy = dict[str, Any]

_OLD_LIMIT, _NEW_LIMIT = "max_tokens", "max_completion_tokens"


@dataclass(frozen=True, slots=True)
class Failure:
    """What the remedies look at; `request` is None where none was made."""

    kind: str
    reply: Reply
    request: Request | None = None
    param: str = ""
    detail: str = ""

    def asked(self, name: str) -> Any:
        """The value that the request had for a parameter; None where it was not set."""
        return self.request.parameters.get(name) if self.request else None


def remedies(error: ChatError | Interrupted, request: Request | None = None) -> list[Remedy]:
    """The buttons under an error: at most one change that would mend it; none where none is known.

    >>> error = RequestFailed("...", kind="unsupported_value", param="temperature")
    >>> remedies(error, request)                                            # doctest: +SKIP
    [{'title': 'unset temperature', 'command': 'set', 'args': {'values': {'temperature': None}}}]

    Where text had come before it broke off, the first one keeps that.
    """
    failure = Failure(
        error.kind, error.reply or Reply(), request, _field(error.param), error.detail
    )
    broke_off = isinstance(error, PartialReply | Interrupted)
    kept = _keep_partial(failure) if broke_off else None
    mended = (remedy(failure) for remedy in REMEDIES.get(error.kind, ()))
    found = (kept, next((each for each in mended if each), None))
    return [each for each in found if each]


def exchange_remedies(exchange: Exchange) -> list[Remedy]:
    """The buttons under an exchange: those of its error, and one under an answer cut at the limit.

    >>> exchange_remedies(exchange)                                         # doctest: +SKIP
    [{'title': 'raise max_tokens to 100', 'command': 'set', 'args': {'values': {'max_tokens': 100}}}]
    """  # noqa: E501 - the example is one value
    if exchange.error is not None:
        return remedies(exchange.error, exchange.request)
    if exchange.reply.finish_reason != "length":
        return []
    raised = _raise_limit(Failure("length", exchange.reply, exchange.request))
    return [raised] if raised else []


def _field(param: str | None) -> str:
    """The parameter in the path of one: "response_format.type" is response_format."""
    return re.split(r"[.\[]", param or "")[0]


def _unset(failure: Failure) -> Remedy | None:
    """Not sending what was refused, where it was the user who set it."""
    name, request = failure.param, failure.request
    if request is not None and name in request.extra:
        rest = {key: value for key, value in request.extra.items() if key != name}
        return _set(f"leave out {name}", extra=rest or None)
    if request is None:
        is_set = name in Parameters.table() and name != "model"
    else:
        is_set = name in request.parameters and not _is_default(name, request)
    return _set(f"unset {name}", **{name: None}) if is_set else None


def _is_default(name: str, request: Request) -> bool:
    """Whether the connection sends it by itself, so that there is nothing to unset."""
    told = (each for each in request.adjusted if each.field == name)
    return any("chatnb's default" in each.why for each in told)


def _without_streaming(failure: Failure) -> Remedy | None:
    """OpenAI streams some models only to verified organizations."""
    if failure.param != "stream" or failure.request is None or not failure.request.stream:
        return None
    return _set("send without streaming", stream=False)


def _newer_limit(failure: Failure) -> Remedy | None:
    """Newer models refuse max_tokens, and say so in `param` or only in their message."""
    limit = failure.asked(_OLD_LIMIT)
    named = failure.param == _OLD_LIMIT or (not failure.param and _NEW_LIMIT in failure.detail)
    if limit is None or not named:
        return None
    return _set(f"use {_NEW_LIMIT}", **{_OLD_LIMIT: None, _NEW_LIMIT: limit})


def _raise_limit(failure: Failure) -> Remedy | None:
    """Twice the limit that was asked for, or that the embedded server has by itself."""
    for name in (_NEW_LIMIT, _OLD_LIMIT):
        limit = failure.asked(name) or _own_limit(name, failure.reply)
        if limit:
            return _set(f"raise {name} to {2 * limit:,}", **{name: 2 * limit})
    return None


def _raise_limit_that_cut(failure: Failure) -> Remedy | None:
    """Half an object is no JSON."""
    return _raise_limit(failure) if failure.reply.finish_reason == "length" else None


def _own_limit(name: str, reply: Reply) -> int | None:
    own = (each.sent for each in reply.adjusted if each.field == name)
    return next((sent for sent in own if isinstance(sent, int)), None)


def _keep_partial(failure: Failure) -> Remedy | None:
    """What was sent outside of any conversation has none to enter."""
    request = failure.request
    enters = request is not None and request.origin.conversation is not None
    if not failure.reply.text or not enters:
        return None
    return {"title": "keep the partial answer", "command": "keep_partial", "args": {}}


def _new_conversation(failure: Failure) -> Remedy | None:
    """Nothing is lost by it, while undo would have to be pressed until it is enough.

    A prompt that was too long by itself fits nowhere.
    """
    request = failure.request
    if request is None or HISTORY not in sent_characters(request):
        return None
    name = _next_name(request.origin.conversation or MAIN)
    return {
        "title": f"go on in a new conversation, {name}",
        "command": "conversation",
        "args": {"name": name},
    }


def _next_name(name: str) -> str:
    """The name of the conversation that comes after.

    >>> _next_name("main"), _next_name("main 2")
    ('main 2', 'main 3')
    """
    stem, _, number = name.rpartition(" ")
    if stem and number.isascii() and number.isdigit():
        return f"{stem} {int(number) + 1}"
    return f"{name} 2"


def _embedded_model(failure: Failure) -> Remedy | None:
    if failure.request is not None and failure.request.embedded:
        return None
    args = {"base_url": "local"}
    return {"title": "use the embedded model", "command": "connect", "args": args}


def _embedded_name(failure: Failure) -> Remedy | None:
    """Elsewhere the panel's list of models is at hand, and which one is meant nobody knows."""
    if failure.request is not None and not failure.request.embedded:
        return None
    return _set("unset model", model=None)


def _try_again(failure: Failure) -> Remedy:  # noqa: ARG001 - it always fits
    return {"title": "try again", "command": "retry", "args": {}}


def _set(title: str, **values: Any) -> Remedy:
    return {"title": title, "command": "set", "args": {"values": values}}


# By the error's kind, which is also the log's `error_kind`.
REMEDIES: Mapping[str, tuple[Callable[[Failure], Remedy | None], ...]] = {
    # the request
    "unsupported_parameter": (_newer_limit, _without_streaming, _unset),
    "unsupported_value": (_newer_limit, _without_streaming, _unset),
    "bad_request": (_newer_limit, _unset),
    "usage": (_unset,),
    "context_length": (_new_conversation,),
    "model_not_found": (_embedded_name,),
    # the answer
    "length": (_raise_limit,),
    "bad_schema": (_raise_limit_that_cut, _try_again),
    "no_text": (_try_again,),
    "truncated": (_try_again,),
    "no_finish_reason": (_try_again,),
    # the account
    "auth": (_embedded_model,),
    "no_key": (_embedded_model,),
    "bad_key": (_embedded_model,),
    "quota": (_embedded_model,),
    # the way there
    "connection": (_try_again,),
    "timeout": (_try_again,),
    "server": (_try_again,),
    "rate_limit": (_try_again,),
    "start_failed": (_try_again,),
    "internal": (_try_again,),
}
