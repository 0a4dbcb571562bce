"""Run one request: a row that says it started, the call, a row that says how it ended.

`run` holds no state and is re-entrant: the cell, the panel and a thousand samples use it alike.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from chatnb import schemas
from chatnb.backend import Backend, Flight
from chatnb.budgets import Budget
from chatnb.errors import (
    ChatError,
    EmptyReply,
    Interrupted,
    InvalidInput,
    PartialReply,
    RequestFailed,
    UnfitReply,
)
from chatnb.interrupts import Deferral, deferred
from chatnb.prompts import Connected, completed
from chatnb.records import Choice, Exchange, Reply, Request, Status
from chatnb.wire.advice import doubled

_LIMITS = ("max_completion_tokens", "max_tokens")
# Who sees an answer in a cell or in the panel sees that it does not fit; code has to be told.
_READ_BY_CODE = ("python", "sample")
# stop and length, and what servers call them that translate another model's words.
_ENDS = frozenset(
    ("stop", "length", "eos", "eos_token", "end_turn", "stop_sequence", "max_tokens", "complete")
)
_TOOLS = ("tool_calls", "function_call")


class Log(Protocol):
    """What the engine needs of a log."""

    def start(self, request: Request, started: datetime) -> int:
        """Write the row that says it started, before anything is sent; its id."""

    def finish(self, exchange: Exchange) -> None:
        """Write how it ended."""

    def take_notices(self) -> tuple[str, ...]:
        """Lines that the user should see once."""


def run(request: Request, backend: Backend, log: Log, flight: Flight, budget: Budget) -> Exchange:
    """The exchange that the request becomes, failed or not: only its row is left behind.

    Raises InvalidInput, and leaves no row, where the budget has nothing left for it.
    """
    with deferred() as interrupts:
        claim = budget.admit(request)
        started = datetime.now(UTC)
        begun = flight.began = time.perf_counter()
        row = log.start(request, started)
        error: ChatError | Interrupted | None
        try:
            with interrupts.allowed(flight.end):
                reply = backend.complete(request, flight)
            error = fault_of(reply, request)
            if error is None:
                reply = in_its_form(reply, request)
                error = reply.misfit if request.origin.source in _READ_BY_CODE else None
        except BaseException as caught:  # noqa: BLE001 - whatever it is, its row must not stay open
            failure = as_failure(caught)
            error, reply = failure, failure.reply or partial_of(flight)
        exchange = Exchange(
            request, started, row, status_of(reply, error), priced(reply, request), error,
            tuple(flight.attempts), flight.first_token_s, time.perf_counter() - begun,
        )  # fmt: skip
        log.finish(exchange)
        budget.settle(claim, exchange)
        return exchange


def run_draft(
    request: Request,
    connected: Connected,
    log: Log,
    flight: Flight,
    budget: Budget,
    *,
    interrupts: Deferral | None = None,
) -> Exchange:
    """The exchange of a request that lacks what only its server knows, which is asked first.

    A server that cannot be asked is a row too. Raises InvalidInput, and what an interrupt raises
    before anything was sent.
    """
    budget.check([request])
    try:
        connected.connection.api_key()  # one that is missing or unusable is a mistake, not a row
        with interrupts.allowed(flight.end) if interrupts else nullcontext():
            request = completed(request, connected, flight)
    except InvalidInput:
        raise
    except ChatError as failure:
        return _unsent(request, failure, log)
    return run(request, connected.backend, log, flight, budget)


def _unsent(request: Request, failure: ChatError, log: Log) -> Exchange:
    with deferred():
        started = datetime.now(UTC)
        row = log.start(request, started)
        exchange = Exchange(request, started, row, failure.status, Reply(), failure, seconds=0.0)
        log.finish(exchange)
        return exchange


def answer_of(exchange: Exchange) -> Reply:
    """The Reply; raises the error that carries the exchange where it did not end well."""
    if exchange.error is None:
        return exchange.reply
    exchange.error.exchange = exchange
    raise exchange.error


def as_failure(caught: BaseException) -> ChatError | Interrupted:
    """What ended the call, as one line; an interrupt can come before the backend watches for it."""
    if isinstance(caught, ChatError | Interrupted):
        return caught
    if isinstance(caught, Exception):
        return unexpected(caught)
    error = Interrupted("Stopped.", kind="interrupted")
    error.__cause__ = caught
    return error


def fault_of(reply: Reply, request: Request) -> ChatError | None:
    """The error that an answer amounts to, though it ended as the API says: no text, or cut."""
    first = reply.first
    if first.finish_reason == "content_filter":
        return PartialReply(
            "The content filter cut this answer.", kind="content_filter", reply=reply
        )
    if first.refusal:
        return None
    if first.text:
        return _unfinished(first, reply)
    if first.finish_reason == "length":
        limit, advice = limit_of(request), raised_limit_of(request)
        spent = "reasoning" if first.reasoning or _reasoned(reply) else "nothing that can be shown"
        line = f"No visible text: the whole limit{limit} went into {spent}. Raise it.{advice}"
        return EmptyReply(line, kind="length", reply=reply)
    if first.finish_reason in _TOOLS:
        line = "The model asked to call a tool and said nothing; chatnb calls no tools."
        return EmptyReply(line, kind="tool_calls", reply=reply)
    return EmptyReply("The answer has no text.", kind="no_text", reply=reply)


def in_its_form(reply: Reply, request: Request) -> Reply:
    """The reply with what its text is as `response_format`, or with the error that it is not."""
    form = request.extra.get("response_format", request.parameters.get("response_format"))
    if not isinstance(form, Mapping) or not reply.text:
        return reply
    try:
        return replace(reply, value=schemas.parsed(reply.text, form))
    except schemas.MisfitError as misfit:
        line = _misfit_line(misfit, reply, request)
        return replace(reply, misfit=UnfitReply(line, kind="bad_schema", reply=reply))


def _misfit_line(misfit: schemas.MisfitError, reply: Reply, request: Request) -> str:
    if reply.finish_reason == "length" and not misfit.is_json:
        limit, advice = limit_of(request), raised_limit_of(request)
        line = f"The answer is no whole JSON: it was cut at the token limit{limit}."
        return f"{line} Raise it.{advice}"
    what = "does not fit its schema" if misfit.is_json else "is no JSON"
    return f"The answer {what} ({misfit}): ask again, or for something simpler."


def _unfinished(first: Choice, reply: Reply) -> PartialReply | None:
    """Text that ends with a word that is no end: aborted, out of resources, a tool to call first.

    None where the server says nothing, which the wire has judged.
    """
    reason, kept = first.finish_reason, f"{len(first.text)} characters"
    if reason is None or reason.lower() in _ENDS:
        return None
    if reason in _TOOLS:
        line = f"The model asked to call a tool, and chatnb calls none; {kept} kept."
        return PartialReply(line, kind="tool_calls", reply=reply)
    line = f"The answer ended with finish_reason {reason[:40]}, not stop or length; {kept} kept."
    return PartialReply(line, kind="no_finish_reason", reply=reply)


def limit_of(request: Request) -> str:
    """The token limit that was asked for, in brackets; nothing where none was."""
    name = next((name for name in _LIMITS if name in request.parameters), None)
    return f" ({name}={request.parameters[name]})" if name else ""


def raised_limit_of(request: Request) -> str:
    """How to double the token limit that was asked for; nothing where none was."""
    name = next((name for name in _LIMITS if name in request.parameters), None)
    return f" {doubled(name, request.parameters[name])}" if name else ""


def _reasoned(reply: Reply) -> bool:
    return bool(reply.usage and reply.usage.reasoning_tokens)


def status_of(reply: Reply, error: ChatError | Interrupted | None) -> Status:
    if error is not None:
        return error.status
    return "refused" if reply.first.refusal and not reply.first.text else "ok"


def partial_of(flight: Flight) -> Reply:
    """What had come when the request broke off, from what the flight has seen."""
    if not flight.pieces:
        return Reply()
    return Reply(tuple(Choice(index, text) for index, text in enumerate(flight.texts())))


def unexpected(error: Exception) -> RequestFailed:
    line = (
        f"chatnb stumbled over {type(error).__name__}: {error}. Nothing is lost; the log's "
        "error_detail has what a bug report needs."
    )
    failure = RequestFailed(line, kind="internal")
    failure.__cause__ = error
    return failure


def priced(reply: Reply, request: Request) -> Reply:
    """The reply with its cost in US dollars, where the price is known."""
    from chatnb.prices import cost

    amount = cost(
        reply.model or request.model,
        reply.usage,
        base_url=request.base_url,
        embedded=request.embedded,
        service_tier=reply.response.get("service_tier"),
    )
    return replace(reply, cost=amount)
