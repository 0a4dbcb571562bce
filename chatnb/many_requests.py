"""Many requests asked in Python, and the columns of their answers: what samples and texts share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chatnb.batches import Batch, run_all
from chatnb.errors import InvalidInput
from chatnb.exchanges import in_its_form
from chatnb.interrupts import Deferral, deferred
from chatnb.prompts import Asked
from chatnb.records import Exchange, Request
from chatnb.sessions import Session

if TYPE_CHECKING:
    import pandas

# The embedded server has 4 slots; elsewhere a rate limit is what ends a greedier default.
PARALLEL = 4

_BAR = "{desc} {n_fmt}/{total_fmt} {bar} {elapsed}"

# What convert_dtypes would guess from the values: a cost of 0 is no integer.
_TYPES: Mapping[str, str] = {
    "reply": "string",
    "status": "string",
    "finish_reason": "string",
    "prompt_tokens": "Int64",
    "completion_tokens": "Int64",
    "cost": "Float64",
    "seconds": "Float64",
    "error": "string",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """The exchange that came of a request, now or earlier."""

    exchange: Exchange
    reused: bool = False


Answers = Sequence[Answered | None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How many requests are sent: what they are called, how many at a time, with a bar or not.

    `reuse`: what the log has an answer to is not sent.
    """

    what: str
    parallel: int = PARALLEL
    progress: bool = True
    reuse: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.parallel, int) or self.parallel < 1:
            line = f"parallel is a whole number from 1, not {self.parallel!r}."
            raise InvalidInput(line, kind="usage")


def answered_frame(
    chat: Session,
    asked: Sequence[Asked],
    frame: Callable[[Answers], pandas.DataFrame],
    manner: Manner,
) -> pandas.DataFrame:
    """The frame of the answers that were asked for, in order; None is one that was not sent.

    An interrupt keeps what is done. Raises InvalidInput before anything is sent.
    """
    requests = chat.prepared_all(asked, stream=False)
    logged = _logged(chat, requests, manner)
    unanswered = [request for request, found in zip(requests, logged, strict=True) if not found]
    if unanswered:
        chat.connection.api_key()  # a missing one is said once, not in every row
        chat.budget.check(unanswered)
    with deferred() as interrupts:
        for line in chat.notices():
            print(line)
        if manner.reuse:
            count = len(logged) - len(unanswered)
            print(f"{count} of {len(logged)} {manner.what} are taken from the log.")
        for line in chat.budget.told_before(unanswered):
            print(line)
        sent = _sent(chat, unanswered, manner, interrupts) if unanswered else []
        following = iter(sent)
        made = frame([found or next(following) for found in logged])
        if any(each is None or each.exchange.status == "interrupted" for each in sent):
            interrupts.forget()
    return made


def _logged(chat: Session, requests: list[Request], manner: Manner) -> list[Answered | None]:
    """What the log answers already."""
    if not manner.reuse:
        return [None] * len(requests)
    from chatnb.request_log.logged_answers import logged_answers

    return [
        None if each is None else _read_again(each) for each in logged_answers(chat.log, requests)
    ]


def _read_again(exchange: Exchange) -> Answered | None:
    """None where the answer does not fit its model: the model's checks may have changed."""
    reply = in_its_form(exchange.reply, exchange.request)
    return None if reply.misfit else Answered(replace(exchange, reply=reply), reused=True)


def _sent(
    chat: Session, requests: list[Request], manner: Manner, interrupts: Deferral
) -> list[Answered | None]:
    from tqdm.auto import tqdm

    with tqdm(
        total=len(requests), desc=manner.what, disable=not manner.progress, leave=False,
        bar_format=_BAR,
    ) as bar:  # fmt: skip
        batch = run_all(
            requests,
            chat.backend,
            chat.log,
            chat.settings.deadlines(),
            budget=chat.budget,
            parallel=manner.parallel,
            done=lambda _: bool(bar.update()),
            interruptible=interrupts.allowed,
        )
    for line in (*chat.budget.take_notices(), *_told_unsent(batch, manner.what)):
        print(line)
    exchanges = batch.exchanges
    return [None if each is None else Answered(each) for each in exchanges]


def _told_unsent(batch: Batch, what: str) -> Iterator[str]:
    """Why not all were sent; raises what the budget said where none was."""
    count, sent = len(batch.exchanges), sum(each is not None for each in batch.exchanges)
    if batch.refusal is not None:
        if not sent:
            raise batch.refusal
        yield batch.refusal.line
    if sent < count:
        why = "Interrupted: " if batch.refusal is None else ""
        yield f"{why}{sent} of {count} {what} were sent; they are kept."


def answer_columns(answered: Answered) -> dict[str, Any]:
    """What came of a request, by column."""
    exchange = answered.exchange
    reply, usage = exchange.reply, exchange.reply.usage
    several = len(reply.choices) > 1
    choices = {"choices": [choice.text for choice in reply.choices]} if several else {}
    return {
        "reply": reply.text,
        **choices,
        "status": exchange.status,
        "finish_reason": reply.finish_reason,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "cost": reply.cost,
        "seconds": exchange.seconds,
        "error": _error_line(exchange),
        "id": exchange.id,
        "reused": answered.reused,
    }


def _error_line(exchange: Exchange) -> str | None:
    if exchange.error is not None:
        return exchange.error.line
    refusal = exchange.reply.refusal
    return f"The model refused: {refusal}" if exchange.status == "refused" else None


def typed(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """Rows as a DataFrame whose columns have their types, also where everything failed."""
    import pandas

    frame = pandas.DataFrame(rows).convert_dtypes()
    return frame.astype({name: kind for name, kind in _TYPES.items() if name in frame})
