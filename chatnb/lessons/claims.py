"""The line under a statistical picture: on how many answers it rests, and whose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

_SHOWN = 8  # characters of the model file's sha256
_WIDTH = 90  # characters of a line that a saved page shows whole


def claim(samples: pandas.DataFrame, *, per: str | Sequence[str] = ()) -> str:
    """How many answers, which seeds, which model file, when: what a figure's claim rests on.

    >>> claim(samples, per="temperature")                         # doctest: +SKIP
    'n = 20 per temperature, seeds 0-19, SmolLM2-135M-Instruct.Q4_1.gguf sha256 b179c952, ...'

    `samples` is what `chatnb.sample` returned; `per` the column or columns of a group. Only answers
    that came count. Print it below the picture, in two lines where one would be wider than a page;
    the date in it is that of the newest answer.
    """
    answered = samples[samples["status"] == "ok"]
    sample = f"{_size(answered, per)}, {_seeds(answered)}"
    whose = ", ".join(_who_and_when(answered))
    if not whose:
        return sample
    between = ", " if len(sample) + len(whose) < _WIDTH else ",\n"
    return sample + between + whose


def _size(answered: pandas.DataFrame, per: str | Sequence[str]) -> str:
    names = [per] if isinstance(per, str) else list(per)
    if not names:
        return f"n = {len(answered)}"
    sizes = sorted(set(answered.groupby(names, dropna=False).size()))
    counted = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}" if sizes else "0"
    return f"n = {counted} per {' and '.join(names)}"


def _seeds(answered: pandas.DataFrame) -> str:
    if "seed" not in answered:
        return "no seeds"
    seeds = sorted({int(seed) for seed in answered["seed"].dropna()})
    if not seeds:
        return "no seeds"
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]}-{seeds[-1]}"
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def _who_and_when(answered: pandas.DataFrame) -> list[str]:
    """From the rows of the log: the samples themselves do not say who answered."""
    from chatnb.kernel import log

    ids = set(answered["id"].dropna())
    rows = log()
    if not ids <= set(rows["id"]):
        rows = log(all=True)  # an answer that was reused is a row of an earlier kernel
    rows = rows[rows["id"].isin(ids)]
    if rows.empty:
        return []
    columns = zip(rows["base_url"], rows["model"], rows["response_model"], strict=True)
    names = dict.fromkeys(_who(*each) for each in dict.fromkeys(columns))
    return [" and ".join(names), f"{rows['started'].max():%Y-%m-%d}"]


def _who(base_url: str, model: str, response_model: str | None) -> str:
    # The log keeps a word in the place of the embedded model's URL, whose port changes.
    if base_url == "local":
        return model_file(_path_of(model))
    return f"{response_model if isinstance(response_model, str) else model} at {base_url}"


def _path_of(model: str) -> str | None:
    """The file that this kernel was told to use, if that is the one of this name."""
    from chatnb.kernel import session

    connection = session().connection
    return getattr(connection, "path", None) if connection.model == model else None


def model_file(path: str | Path | None = None) -> str:
    """A model file by its name and the beginning of its hash; the embedded model's by default.

    >>> model_file()                                              # doctest: +SKIP
    'SmolLM2-135M-Instruct.Q4_1.gguf sha256 b179c952'
    """
    from chatnb.local.model_file import fetch, sha256_of

    file = fetch(path).path
    return f"{file.name} sha256 {sha256_of(file)[:_SHOWN]}"
