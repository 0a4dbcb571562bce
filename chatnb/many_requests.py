"""Many requests asked in Python, and the columns of their answers: what samples and texts share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatnb.batches import run_all
from chatnb.errors import InvalidInput
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

Exchanges = Sequence[Exchange | None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How many requests are sent: what they are called, how many at a time, with a bar or not."""

    what: str
    parallel: int = PARALLEL
    progress: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.parallel, int) or self.parallel < 1:
            line = f"parallel is a whole number from 1, not {self.parallel!r}."
            raise InvalidInput(line, kind="usage")


def answered_frame(
    chat: Session,
    asked: Sequence[Asked],
    frame: Callable[[Exchanges], pandas.DataFrame],
    manner: Manner,
) -> pandas.DataFrame:
    """The frame of the exchanges that were asked for, in order; None is one that was not sent.

    An interrupt keeps what is done. Raises InvalidInput before anything is sent.
    """
    requests = chat.prepared_all(asked, stream=False)
    chat.connection.api_key()  # a missing one is said once, not in every row
    with deferred() as interrupts:
        for line in chat.notices():
            print(line)
        exchanges = _taken(chat, requests, manner, interrupts)
        made = frame(exchanges)
        if any(each is None or each.status == "interrupted" for each in exchanges):
            interrupts.forget()
    return made


def _taken(
    chat: Session, requests: list[Request], manner: Manner, interrupts: Deferral
) -> list[Exchange | None]:
    from tqdm.auto import tqdm

    with tqdm(
        total=len(requests), desc=manner.what, disable=not manner.progress, leave=False,
        bar_format=_BAR,
    ) as bar:  # fmt: skip
        exchanges = run_all(
            requests,
            chat.backend,
            chat.log,
            chat.settings.deadlines(),
            parallel=manner.parallel,
            done=lambda _: bool(bar.update()),
            interruptible=interrupts.allowed,
        )
    missing = sum(exchange is None for exchange in exchanges)
    if missing:
        taken = len(exchanges) - missing
        print(f"Interrupted: {taken} of {len(exchanges)} {manner.what} were sent; they are kept.")
    return exchanges


def answer_columns(exchange: Exchange) -> dict[str, Any]:
    """What came of a request, by column."""
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
