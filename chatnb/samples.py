"""`chatnb.sample`: the same question many times, as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from chatnb import kernel
from chatnb.batches import Cell, grid, run_all
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
_TYPES = {
    "reply": "string",
    "status": "string",
    "finish_reason": "string",
    "prompt_tokens": "Int64",
    "completion_tokens": "Int64",
    "cost": "Float64",
    "seconds": "Float64",
    "error": "string",
}


def sample(
    prompt: str | Sequence[str],
    *,
    system: str | Sequence[str | None] | None = None,
    seeds: Iterable[int] | None = None,
    parallel: int = PARALLEL,
    progress: bool = True,
    session: Session | None = None,
    **parameters: Any,
) -> pandas.DataFrame:
    """A DataFrame with one row for each sample, taken in parallel.

    >>> chatnb.sample("Name a color.", seeds=range(20), temperature=[0, 1])  # doctest: +SKIP

    A list (or range, or array) makes a grid: prompts, systems, seeds, and any parameter; `stop`,
    whose value may itself be a list, takes a list of lists. Columns: what was asked (prompt,
    system, each given parameter, seed), then reply (and choices, where n is above 1), status,
    finish_reason, prompt_tokens, completion_tokens, cost (US dollars), seconds, error, and id,
    the row of the log. A request that fails is a row with its error. An interrupt keeps what is
    done. Standing parameters of the session hold; its conversation is neither read nor entered.

    On the embedded model a seed gives the same answer again only with `parallel=1`: requests at
    the same time share one computation, whose rounding differs. Raises InvalidInput before
    anything is sent.
    """
    chat = session or kernel.session()
    if not isinstance(parallel, int) or parallel < 1:
        raise InvalidInput(f"parallel is a whole number from 1, not {parallel!r}.", kind="usage")
    axes = {name: _axis(name, value) for name, value in parameters.items()}
    if seeds is not None:
        axes["seed"] = _axis("seed", seeds)
    cells = grid(_listed(prompt), _listed(system), axes)
    if not cells:
        raise InvalidInput("There is nothing to sample: a list is empty.", kind="usage")
    requests = chat.prepared_all([_asked_in(cell) for cell in cells], stream=False)
    chat.connection.api_key()  # a missing one is said once, not in every row
    with deferred() as interrupts:
        for line in chat.notices():
            print(line)
        exchanges = _taken(chat, requests, parallel, progress, interrupts)
        frame = _frame(cells, exchanges, varies_system=system is not None)
        if any(each is None or each.status == "interrupted" for each in exchanges):
            interrupts.forget()
    return frame


def _listed(value: Any) -> list[Any]:
    return [value] if value is None or isinstance(value, str) else list(value)


def _axis(name: str, value: Any) -> list[Any]:
    """The values of a parameter: a list is a grid, unless the parameter's own value is one."""
    if isinstance(value, str | dict) or not isinstance(value, Iterable):
        return [value]
    values = list(value)
    own = name == "stop" and all(isinstance(item, str) for item in values)
    return [values] if own else values


def _asked_in(cell: Cell) -> Asked:
    return Asked(cell.prompt, cell.parameters, cell.system, fresh=True, source="sample")


def _taken(
    chat: Session, requests: list[Request], parallel: int, progress: bool, interrupts: Deferral
) -> list[Exchange | None]:
    from tqdm.auto import tqdm

    with tqdm(
        total=len(requests), desc="samples", disable=not progress, leave=False, bar_format=_BAR
    ) as bar:
        exchanges = run_all(
            requests,
            chat.backend,
            chat.log,
            chat.settings.deadlines(),
            parallel=parallel,
            done=lambda _: bool(bar.update()),
            interruptible=interrupts.allowed,
        )
    missing = sum(exchange is None for exchange in exchanges)
    if missing:
        taken = len(exchanges) - missing
        print(f"Interrupted: {taken} of {len(exchanges)} samples were sent; they are kept.")
    return exchanges


def _frame(
    cells: list[Cell], exchanges: list[Exchange | None], *, varies_system: bool
) -> pandas.DataFrame:
    import pandas

    pairs = zip(cells, exchanges, strict=True)
    rows = [
        _asked(cell, varies_system) | _answered(exchange)
        for cell, exchange in pairs
        if exchange is not None
    ]
    frame = pandas.DataFrame(rows).convert_dtypes()
    return frame.astype({name: kind for name, kind in _TYPES.items() if name in frame})


def _asked(cell: Cell, varies_system: bool) -> dict[str, Any]:
    system = {"system": cell.system} if varies_system else {}
    return {"prompt": cell.prompt} | system | dict(cell.parameters)


def _answered(exchange: Exchange) -> dict[str, Any]:
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
        "error": exchange.error.line if exchange.error else None,
        "id": exchange.id,
    }
