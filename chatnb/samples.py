"""`chatnb.sample`: the same question many times, as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from chatnb import kernel
from chatnb.batches import Cell, grid
from chatnb.errors import InvalidInput
from chatnb.many_requests import PARALLEL, Answers, Manner, answer_columns, answered_frame, typed
from chatnb.prompts import Asked
from chatnb.sessions import Session

if TYPE_CHECKING:
    import pandas


def sample(
    prompt: str | Sequence[str],
    *,
    system: str | Sequence[str | None] | None = None,
    seeds: Iterable[int] | None = None,
    parallel: int = PARALLEL,
    progress: bool = True,
    reuse: bool = False,
    session: Session | None = None,
    **parameters: Any,
) -> pandas.DataFrame:
    """A DataFrame with one row for each sample, taken in parallel.

    >>> chatnb.sample("Name a color.", seeds=range(20), temperature=[0, 1])  # doctest: +SKIP

    A list (or range, or array) makes a grid: prompts, systems, seeds, and any parameter; `stop`,
    whose value may itself be a list, takes a list of lists. Columns: what was asked (prompt,
    system, each given parameter, seed), then reply (and choices, where n is above 1), status,
    finish_reason, prompt_tokens, completion_tokens, cost (US dollars), seconds, error, id (the row
    of the log) and reused. A request that fails is a row with its error. An interrupt keeps what
    is done. Standing parameters of the session hold; its conversation is neither read nor entered.

    `reuse=True` takes an answer that the log has already, from any kernel: the same request (all
    its parameters, base_url, and for the embedded model the same model file) that ended as `ok`.
    Nothing is sent for it, its row is the old one, its cost was paid then. Equal requests of one
    call take an answer each, so that 20 samples without a seed are 20 answers.

    On the embedded model a seed gives the same answer again only with `parallel=1`: requests at
    the same time share one computation, whose rounding differs. Raises InvalidInput before
    anything is sent.
    """
    chat = session or kernel.session()
    manner = Manner("samples", parallel, progress, reuse)
    axes = {name: _axis(name, value) for name, value in parameters.items()}
    if seeds is not None:
        axes["seed"] = _axis("seed", seeds)
    cells = grid(_listed(prompt), _listed(system), axes)
    if not cells:
        raise InvalidInput("There is nothing to sample: a list is empty.", kind="usage")
    return answered_frame(
        chat,
        [_asked_in(cell) for cell in cells],
        lambda answers: _frame(cells, answers, varies_system=system is not None),
        manner,
    )


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


def _frame(cells: list[Cell], answers: Answers, *, varies_system: bool) -> pandas.DataFrame:
    pairs = zip(cells, answers, strict=True)
    rows = [
        _asked(cell, varies_system) | answer_columns(answered)
        for cell, answered in pairs
        if answered is not None
    ]
    return typed(rows)


def _asked(cell: Cell, varies_system: bool) -> dict[str, Any]:
    system = {"system": cell.system} if varies_system else {}
    return {"prompt": cell.prompt} | system | dict(cell.parameters)
