"""The panel's controls, made from the parameter table: what each one is, and what it may hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chatnb.parameter_kinds import Flag, Number, OneOf, Parameter, Text
from chatnb.parameters import GROUPS, Parameters
from chatnb.structured_kinds import JSONObject, LogitBias, Stop

if TYPE_CHECKING:
    import pandas as pd

# A place on the screen is the panel's affair: everything else about a parameter is in its table.
SHOWN_FIRST = (
    *("model", "temperature", "top_p", "presence_penalty", "frequency_penalty", "max_tokens"),
    *("n", "seed", "stop", "logit_bias", "reasoning_effort"),
)
_SAFE = 2**53  # JavaScript's numbers count by ones up to here
_REFUSALS = ("unsupported_parameter", "unsupported_value")


def controls() -> list[dict[str, Any]]:
    """The groups of controls, those under "more" last.

    >>> [group["title"] for group in controls() if not group["more"]]
    ['Who answers', 'How tokens are chosen', 'What comes back', 'Reasoning models']
    >>> controls()[0]["controls"][0]["name"]
    'model'

    A group is {name, title, more, controls}; a control {name, control, help, range, default,
    deprecated} and what its kind of control needs. All of it is JSON.
    """
    return [
        {"name": name, "title": title, "more": more, "controls": found}
        for more in (False, True)
        for name, title in GROUPS.items()
        if (found := [*_of_group(name, more=more)])
    ]


def _of_group(group: str, *, more: bool) -> list[dict[str, Any]]:
    table = Parameters.table()
    names = [name for name, kind in table.items() if kind.group == group]
    shown = [name for name in SHOWN_FIRST if name in names]
    if more:
        shown = [name for name in names if name not in SHOWN_FIRST]
    return [_control(name, table[name]) for name in shown]


def _control(name: str, kind: Parameter) -> dict[str, Any]:
    about = {
        "name": name,
        "help": kind.help,
        "range": kind.range,
        "default": kind.api_default,
        "deprecated": kind.deprecated,
    }
    # The server lists the models; what it does not list may be typed.
    if name == "model":
        return about | {"control": "suggested"}
    return about | next(form(kind) for sort, form in _FORMS.items() if isinstance(kind, sort))


def _number(kind: Any) -> dict[str, Any]:
    """A slider where the range has two ends and a step, else a field."""
    slides = kind.step is not None and kind.high is not None
    ends = {"low": kind.low, "high": kind.high}
    known = {end: value for end, value in ends.items() if value is not None and abs(value) < _SAFE}
    return {"control": "slider" if slides else "number", "step": kind.step or 1, **known}


# The first kind that fits: a kind stands before those that it is made from.
_FORMS: Mapping[type[Parameter], Callable[[Any], dict[str, Any]]] = {
    Number: _number,
    Flag: lambda _: {"control": "flag"},
    OneOf: lambda kind: {"control": "choice", "choices": list(kind.choices)},
    Stop: lambda kind: {"control": "tags", "most": kind.most},
    LogitBias: lambda kind: {"control": "biases", "low": kind.low, "high": kind.high},
    JSONObject: lambda _: {"control": "json"},
    Text: lambda _: {"control": "text"},
    Parameter: lambda _: {"control": "text"},
}


def entered(name: str, value: Any) -> Any:
    """The value that a control sent; InvalidInput with the line that belongs under it.

    >>> entered("temperature", "0.5")
    0.5
    >>> entered("response_format", '{"type": "json_object"}')
    {'type': 'json_object'}

    Fields send what was typed: JavaScript's numbers would turn 1.0 into 1 and lose the end of a
    large seed. None is unset.
    """
    kind = Parameters.definition(name)
    typed = isinstance(value, str) and isinstance(kind, (Number, JSONObject))
    return kind.parsed(value) if typed else kind.validate(None, value)


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the controls show them: what JavaScript would change travels as text."""
    table = Parameters.table()
    return {name: _shown(table[name], value) for name, value in values.items()}


def _shown(kind: Parameter, value: Any) -> Any:
    if isinstance(kind, JSONObject) and not isinstance(kind, LogitBias):
        return json.dumps(value, ensure_ascii=False, indent=2)
    is_large = isinstance(value, int) and abs(value) >= _SAFE
    return str(value) if is_large else value


def conflicts(values: Mapping[str, Any], refused: Mapping[str, str] | None = None) -> list[str]:
    """What does not go together in the values that are set, one line each; nothing is forbidden.

    >>> conflicts({"temperature": 0.2, "top_p": 0.5})
    ['temperature and top_p are both set: change one, or nobody can tell which of them did it.']

    `refused`: what this model refused before, from `refusals`.
    """
    return [*_pairs(values), *_deprecated(values), *_refused(values, refused or {})]


def _pairs(values: Mapping[str, Any]) -> list[str]:
    told = []
    if "temperature" in values and "top_p" in values:
        told.append(
            "temperature and top_p are both set: change one, or nobody can tell which of them "
            "did it."
        )
    if "top_logprobs" in values and not values.get("logprobs"):
        told.append("top_logprobs is set and logprobs is not true: servers refuse that.")
    if "max_tokens" in values and "max_completion_tokens" in values:
        told.append("max_tokens and max_completion_tokens are one limit under two names: set one.")
    return told


def _deprecated(values: Mapping[str, Any]) -> list[str]:
    table = Parameters.table()
    return [
        f"{name} is deprecated in favor of {table[name].deprecated}."
        for name in values
        if name in table and table[name].deprecated
    ]


def _refused(values: Mapping[str, Any], refused: Mapping[str, str]) -> list[str]:
    return [line for name, line in refused.items() if name in values]


def refusals(log: pd.DataFrame, model: str, base_url: str) -> dict[str, str]:
    """The parameters that this model refused before, each with a line that says so.

    >>> refusals(chatnb.log(), "gpt-6.2-sol", "https://api.openai.com/v1")      # doctest: +SKIP
    {'temperature': 'gpt-6.2-sol refused temperature = 0.2 before (24 Nov 2026).'}

    A refusal counts until an answer came with the very value that was refused: then something
    else, such as reasoning_effort, was the reason.
    """
    own = log[(log["model"] == model) & (log["base_url"] == base_url)]
    found = {}
    for _, row in own[own["error_kind"].isin(_REFUSALS)].iterrows():
        name = row["error_param"]
        if name not in Parameters.table() or name not in own.columns or row.isna()[name]:
            continue
        later = own[(own["id"] > row["id"]) & (own["status"] == "ok")]
        if not (later[name] == row[name]).any():
            found[name] = _refusal(model, name, row[name], row["started"])
    return found


def _refusal(model: str, name: str, value: Any, when: Any) -> str:
    return f"{model} refused {name} = {value} before ({when:%d %b %Y})."
