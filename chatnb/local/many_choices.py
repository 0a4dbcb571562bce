"""More choices than the embedded server gives at once, counted as the API counts them.

It refuses `n` above its number of slots, and without streaming its usage tells of one choice only.
So what it would refuse or miscount is asked for in several requests. The seed of a choice is the
request's plus the choice's index, by the server's own rule, and so it is across requests too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatnb.backend import Flight
from chatnb.errors import ChatError, Interrupted, PartialReply, RequestFailed
from chatnb.local.serve import PARALLEL
from chatnb.records import Adjustment, Reply, Request, Usage


class Leg(Flight):
    """The part of a flight that one of several requests is: the same, with its choices shifted."""

    def __init__(self, whole: Flight, first: int) -> None:
        super().__init__(whole.deadlines)
        self.attempts = whole.attempts
        self.stopping = whole.stopping
        self.received = False
        self._whole = whole
        self._first = first
        self._attempted = len(whole.attempts)

    @property
    def stopped(self) -> bool:
        return self._whole.stopped

    def delta(self, choice: int, text: str) -> None:
        self.received = True
        self._whole.delta(self._first + choice, text)

    def keep(self, choice: int, text: str) -> None:
        self.delta(choice, text)  # another request may follow

    def reasoning(self, choice: int, text: str) -> None:
        self.received = True
        self._whole.reasoning(self._first + choice, text)

    def waiting(self, what: str) -> None:
        self._whole.waiting(what)

    def attempt(
        self, number: int, status: int | None, wait: float | None = None, reason: str = ""
    ) -> None:
        self._whole.attempt(self._attempted + number, status, wait, reason)

    def on_stop(self, end: Callable[[], None] | None) -> None:
        self._whole.on_stop(end)


def told(request: Request) -> Request:
    """The request with a note where it will be sent as several."""
    sizes = _sizes(request)
    if len(sizes) < 2:
        return request
    why = f"sent as {len(sizes)} requests: the embedded server "
    why += f"gives {PARALLEL} choices at once" if max(sizes) > 1 else "counts one choice a request"
    note = Adjustment("n", why, sum(sizes), sizes)
    return replace(request, adjusted=(*request.adjusted, note))


def complete(
    request: Request, flight: Flight, complete_one: Callable[[Request, Leg], Reply]
) -> Reply:
    """The Reply with all choices; an error carries those that had come."""
    sizes = _sizes(request)
    if sizes == [1]:
        return complete_one(request, Leg(flight, 0))
    done: list[Reply] = []
    for number, size in enumerate(sizes):
        first = sum(sizes[:number])
        if flight.stopped:
            raise Interrupted("Stopped.", kind="interrupted", reply=_joined(done))
        try:
            reply = complete_one(_part(request, first, size), Leg(flight, first))
        except (ChatError, Interrupted) as error:
            whole = _with_earlier(error, done, first)
            if whole is error:
                raise
            raise whole from error
        done.append(_shifted(reply, first))
    return _joined(done)


def _sizes(request: Request) -> list[int]:
    """How many choices each request asks for."""
    asked = {"stream": request.stream, **request.parameters, **request.extra}
    count = asked.get("n")
    if not isinstance(count, int) or isinstance(count, bool) or count <= 1:
        return [1]
    size = PARALLEL if asked["stream"] is True else 1
    return [min(size, count - first) for first in range(0, count, size)]


def _part(request: Request, first: int, size: int) -> Request:
    """The request for so many choices, from the choice `first` on."""
    changes: dict[str, Any] = {"n": size}
    seed = {**request.parameters, **request.extra}.get("seed")
    if isinstance(seed, int):
        changes["seed"] = seed + first
    extra = {name: value for name, value in request.extra.items() if name not in changes}
    return replace(request, parameters={**request.parameters, **changes}, extra=extra)


def _shifted(reply: Reply, first: int) -> Reply:
    choices = tuple(replace(choice, index=choice.index + first) for choice in reply.choices)
    return replace(reply, choices=choices, usage=_as_the_api_counts(reply))


def _as_the_api_counts(reply: Reply) -> Usage | None:
    """The server tells the prompt again with each choice; the API counts it once."""
    usage = reply.usage
    times = max(1, sum(choice.finish_reason is not None for choice in reply.choices))
    if usage is None or usage.source != "summed":
        return usage
    return _counted(usage, _share(usage.prompt_tokens, times), _share(usage.cached_tokens, times))


def _share(count: int | None, times: int) -> int | None:
    return None if count is None else count // times


def _counted(usage: Usage, prompt: int | None, cached: int | None) -> Usage:
    completion = usage.completion_tokens
    total = None if prompt is None or completion is None else prompt + completion
    return replace(
        usage, prompt_tokens=prompt, total_tokens=total, cached_tokens=cached, source="summed"
    )


def _joined(replies: list[Reply]) -> Reply:
    if not replies:
        return Reply()
    choices = tuple(choice for reply in replies for choice in reply.choices)
    usages = [reply.usage for reply in replies if reply.usage is not None]
    if not usages:
        return replace(replies[0], choices=choices)
    whole = sum(usages[1:], usages[0])
    usage = _counted(whole, usages[0].prompt_tokens, usages[0].cached_tokens)
    return replace(replies[0], choices=choices, usage=usage)


def _with_earlier(
    error: ChatError | Interrupted, done: list[Reply], first: int
) -> ChatError | Interrupted:
    """The error with the choices of earlier requests: with those it is no plain failure."""
    replies = done if error.reply is None else [*done, _shifted(error.reply, first)]
    if done and isinstance(error, RequestFailed):
        fields = {name: getattr(error, name) for name in ("kind", "http_status", "request_id")}
        return PartialReply(
            error.line, reply=_joined(replies), param=error.param, detail=error.detail, **fields
        )
    if replies:
        error.reply = _joined(replies)
    return error
