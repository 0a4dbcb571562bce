"""The tables that age: models and their end, prices, who refuses which parameter. All dated.

Nothing here is fetched. `CHECKED` is the day on which all of it was compared with its sources:

- Models: the deprecated values that the `openai` package's own types list (ChatModel, 3.57), which
  are those of OpenAI's page "Deprecations".
- Prices: the table of `genai-prices`, which reads OpenAI's page "Pricing"; 2023: the announcement
  "Introducing ChatGPT and Whisper APIs" of March 2023.
- Support: OpenAI's guides "Reasoning models" and "Deployment checklist", and two public reports of
  direct tries: issue 6639 of anomalyco/models.dev, and routerbase's probes of 2026-11-19 on dev.to.
  The embedded model's row is what its tests show.
- Parameters: the one table of chatnb.parameters, read in the same package.

A shutdown may be moved and a price changed on any day: the sources win.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from chatnb.connections import OPENAI_MODEL

if TYPE_CHECKING:
    import pandas

CHECKED = date(2026, 11, 23)

LIVE_MODEL = OPENAI_MODEL
PRICE_OF_2023 = 2.0  # US dollars per million tokens, prompt and answer alike: $0.002 per 1,000

# None: no shutdown is announced.
_SHUTDOWNS: dict[str, str | None] = {
    "gpt-3.5-turbo-0301": "2024-09-13",
    "gpt-3.5-turbo": "2026-10-23",
    "gpt-4": "2026-10-23",
    "gpt-4-turbo": "2026-10-23",
    "o1": "2026-10-23",
    "o3-mini": "2026-10-23",
    "o4-mini": "2026-10-23",
    "gpt-4.1-nano": "2026-10-23",
    "gpt-5": "2026-12-11",
    "gpt-5-mini": "2026-12-11",
    "gpt-5-nano": "2026-12-11",
    "o3": "2026-12-11",
    "gpt-4o": "2027-01-14",
    "gpt-4o-mini": "2027-01-14",
    "gpt-4.1": "2027-01-14",
    "gpt-4.1-mini": "2027-01-14",
    "gpt-5.1": "2027-04-01",
    "gpt-5.4-nano": "2027-04-01",
    "gpt-5.5": None,
    "gpt-5.6-sol": None,
    "gpt-5.6-terra": None,
    "gpt-5.6-luna": None,
    "gpt-6-luna": None,
    "gpt-6-sol": None,
    "gpt-6-astra": None,
    "gpt-6.1-terra": None,
    "gpt-6.1-sol": None,
    "gpt-6.2-sol": None,
    "gpt-6.2-astra": None,
}

_ACCEPTED, _REFUSED, _UNKNOWN = "yes", "no", "not known"
_SAMPLING = ("temperature", "top_p")
_OTHERS = ("presence_penalty", "frequency_penalty", "logit_bias", "stop", "n", "seed")
_SUPPORT: dict[str, dict[str, str]] = {
    "the embedded model": dict.fromkeys((*_SAMPLING, "logprobs", *_OTHERS), _ACCEPTED),
    "gpt-6-luna, gpt-6-sol with reasoning_effort none": dict.fromkeys(
        (*_SAMPLING, "logprobs"), _ACCEPTED
    ),
    "gpt-6-luna, gpt-6-sol that reason": dict.fromkeys((*_SAMPLING, "logprobs"), _REFUSED),
    "gpt-6.2-sol, gpt-6.2-astra": dict.fromkeys(
        (*_SAMPLING, "presence_penalty", "frequency_penalty"), _REFUSED
    ),
    "o3, o4-mini": {"stop": _REFUSED, "temperature": _REFUSED, "top_p": _REFUSED},
}


def models(*, on: date = CHECKED) -> pandas.DataFrame:
    """OpenAI's chat models with the day each ends: `model`, `shutdown`, `days_left`.

    >>> int(models().set_index("model").loc["gpt-5", "days_left"])
    18

    In the order of their end; `shutdown` is missing (NaT) where none is announced, `days_left` is
    counted from `on` and negative where the model is gone.
    """
    import pandas

    shutdown = pandas.to_datetime(pandas.Series(list(_SHUTDOWNS.values())))
    days = (shutdown - pandas.Timestamp(on)).dt.days.astype("Int64")
    return pandas.DataFrame({"model": list(_SHUTDOWNS), "shutdown": shutdown, "days_left": days})


def prices(names: Sequence[str] | None = None) -> pandas.DataFrame:
    """US dollars per million tokens: `model`, `prompt`, `cached`, `completion`.

    >>> print(prices(["gpt-6-luna"]).to_string(index=False))
         model  prompt  cached  completion
    gpt-6-luna     0.1    0.01         0.5

    By default of every model of `models()` that is not gone. One without a known price is left out:
    unknown is better than wrong.
    """
    import pandas

    from chatnb.prices import price

    rows = [(name, *known) for name in names or _living() if (known := price(name)) is not None]
    return pandas.DataFrame(rows, columns=["model", "prompt", "cached", "completion"])


def _living() -> list[str]:
    today = CHECKED.isoformat()
    return [name for name, shutdown in _SHUTDOWNS.items() if shutdown is None or shutdown > today]


def support() -> pandas.DataFrame:
    """Who takes which parameter: one row for each model, "yes", "no" or "not known".

    >>> support().loc["gpt-6.2-sol, gpt-6.2-astra", "temperature"]
    'no'

    "no" means a value other than the default is answered with 400. "not known": nothing that could
    be read says so; try it, and read the log. So send only what you mean.
    """
    import pandas

    columns = [*_SAMPLING, "logprobs", *_OTHERS]
    table = pandas.DataFrame.from_dict(_SUPPORT, orient="index")
    return table.reindex(columns=columns).fillna(_UNKNOWN)


def parameters() -> pandas.DataFrame:
    """Every request parameter: `parameter`, `range`, `default`, `help`, `deprecated`.

    >>> parameters().set_index("parameter").loc["temperature", "range"]
    'a number from 0 to 2'

    The table that options, sliders and checks are made from. `deprecated` names what to use in its
    place, and is empty where nothing is wrong with it.
    """
    import pandas

    from chatnb.parameters import Parameters

    rows = [
        (name, kind.range, kind.api_default, kind.help, kind.deprecated)
        for name, kind in Parameters.table().items()
    ]
    return pandas.DataFrame(rows, columns=["parameter", "range", "default", "help", "deprecated"])
