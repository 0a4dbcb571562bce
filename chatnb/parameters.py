"""Every request parameter, defined once.

From this one table come the magic's options and their help, the sliders, the check before sending,
the columns of the log and the tutorial's table: adding a parameter is one line here. Ranges and
defaults are the API reference's, read in the `openai` package's own types (3.54).
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from traitlets import HasTraits

from chatnb.errors import InvalidInput
from chatnb.parameter_kinds import Column, Flag, Number, OneOf, Parameter, Text, Whole
from chatnb.structured_kinds import AnswerFormat, Extra, LogitBias, Metadata, Stop


def nearest(name: str, names: Iterable[str]) -> str:
    """The hint that a mistyped name gets: " Did you mean temperature?", or nothing."""
    known, typed = list(names), name.lower()
    begins = [each for each in known if len(typed.strip("-")) > 1 and each.startswith(typed)]
    close = begins or difflib.get_close_matches(typed, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


class Table(HasTraits):
    """Named values that are checked as they are set; None is unset.

    >>> parameters = Parameters(temperature=0)
    >>> parameters.values()
    {'temperature': 0}
    """

    @classmethod
    @functools.cache  # one entry for each of the two classes
    def table(cls) -> Mapping[str, Parameter]:
        """The definitions by name, in the order of the manual."""
        found = {
            name: kind for name, kind in cls.class_traits().items() if isinstance(kind, Parameter)
        }
        names = [name for kind in reversed(cls.__mro__) for name in vars(kind) if name in found]
        return {name: found[name] for name in dict.fromkeys(names)}

    @classmethod
    def definition(cls, name: str) -> Parameter:
        """The definition of a name; InvalidInput with the nearest one where there is none."""
        table = cls.table()
        if name not in table:
            raise cls.unknown(name, table)
        return table[name]

    @classmethod
    def unknown(cls, name: str, known: Iterable[str]) -> InvalidInput:
        return InvalidInput(
            f"There is no {cls.__name__.lower()[:-1]} '{name}'.{nearest(name, known)}",
            kind="usage",
            param=name,
        )

    def __init__(self, **values: Any) -> None:
        for name in values:
            self.definition(name)
        super().__init__(**values)

    def __setattr__(self, name: str, value: Any) -> None:
        # A mistyped name would otherwise become an attribute that nobody reads.
        if not name.startswith("_") and not hasattr(type(self), name):
            raise self.unknown(name, self.table())
        super().__setattr__(name, value)

    def values(self) -> dict[str, Any]:
        """What is set, by name."""
        pairs = ((name, getattr(self, name)) for name in self.table())
        return {name: value for name, value in pairs if value is not None}

    def merged(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """What is set, with the overrides of one request; an override of None clears a value."""
        checked = {
            name: self.definition(name).validate(self, value) for name, value in overrides.items()
        }
        merged = {**self.values(), **checked}
        return {name: merged[name] for name in self.table() if merged.get(name) is not None}


class Parameters(Table):
    """The request parameters that stand for every request of a session; None is not sent.

    >>> chat.parameters.temperature = 0.2        # doctest: +SKIP
    >>> chat.parameters.temperature = None       # doctest: +SKIP
    """

    model = Text("Who answers: a name that the server lists.", group="request")

    temperature = Number(
        "How random: 0 nearly always takes the likeliest token, 2 is confetti. "
        "Change this or top_p, not both.",
        0, 2, step=0.05, group="sampling", api_default="1",
    )  # fmt: skip
    top_p = Number(
        "Nucleus sampling: only the likeliest tokens that together have this probability.",
        0, 1, step=0.01, group="sampling", api_default="1",
    )  # fmt: skip
    n = Whole(
        "How many choices to generate; every one is billed.",
        1, 128, group="output", api_default="1",
    )  # fmt: skip
    stream = Flag(
        "Send the text while it is made; in a cell it is on.", group="output", api_default="false"
    )
    stop = Stop(
        "Where to stop: the text itself is not returned.", group="output", api_default="none"
    )
    max_tokens = Whole(
        "At most this many tokens in the answer.",
        1, group="output", api_default="no limit",
        deprecated="max_completion_tokens, which newer models insist on",
    )  # fmt: skip
    presence_penalty = Number(
        "Above 0: tokens that have appeared become less likely; new topics.",
        -2, 2, step=0.1, group="sampling", api_default="0",
    )  # fmt: skip
    frequency_penalty = Number(
        "Above 0: tokens become less likely each time they appear; less repetition.",
        -2, 2, step=0.1, group="sampling", api_default="0",
    )  # fmt: skip
    logit_bias = LogitBias(
        'Make tokens likelier or ban them: {"1234": -100}; a word where the server can tell its '
        "token ids.",
        group="sampling", api_default="none",
    )  # fmt: skip
    user = Text(
        "An identifier of your end user.",
        group="identity", deprecated="safety_identifier and prompt_cache_key",
    )  # fmt: skip

    max_completion_tokens = Whole(
        "At most this many tokens, those of hidden reasoning included.",
        1, group="output", api_default="no limit",
    )  # fmt: skip
    seed = Whole(
        "Same seed, same request: the same answer as far as the server can.",
        -(2**63), 2**63 - 1, group="sampling", api_default="random",
    )  # fmt: skip
    logprobs = Flag(
        "Return the log probability of each token.", group="output", api_default="false"
    )
    top_logprobs = Whole(
        "With logprobs: the likeliest alternatives of each token.", 0, 20, group="output"
    )
    reasoning_effort = OneOf(
        "How much a reasoning model thinks before it answers.",
        ("none", "minimal", "low", "medium", "high", "xhigh", "max"), group="reasoning",
    )  # fmt: skip
    verbosity = OneOf(
        "How much the model says.", ("low", "medium", "high"), group="reasoning",
        api_default="medium",
    )  # fmt: skip
    response_format = AnswerFormat(
        'The form of the answer: {"type": "json_object"}, or a JSON schema (in Python also a '
        "pydantic model); whether the answer fits is checked.",
        group="output", api_default='{"type": "text"}',
    )  # fmt: skip
    service_tier = OneOf(
        "How fast and at what price the request is processed.",
        ("auto", "default", "flex", "scale", "priority", "fast"), group="identity",
        api_default="auto",
    )  # fmt: skip
    store = Flag(
        "Let OpenAI keep the exchange for its dashboard.", group="identity", api_default="false"
    )
    metadata = Metadata("Labels of the request, for the dashboard.", group="identity")
    safety_identifier = Text(
        "A stable identifier of your end user, hashed.", longest=128, group="identity"
    )
    prompt_cache_key = Text("Groups requests that share a long beginning.", group="identity")

    extra = Extra(
        "Anything else the server takes, sent as it is.", group="other", api_default="none"
    )

    @classmethod
    def unknown(cls, name: str, known: Iterable[str]) -> InvalidInput:
        return InvalidInput(
            f"There is no request parameter '{name}'.{nearest(name, known)} "
            "What chatnb does not know goes through extra (--extra JSON).",
            kind="usage",
            param=name,
        )


GROUPS: Mapping[str, str] = {
    "request": "Who answers",
    "sampling": "How tokens are chosen",
    "output": "What comes back",
    "reasoning": "Reasoning models",
    "identity": "Accounts and caching",
    "other": "Anything else",
}


def columns() -> dict[str, Column]:
    """The log's column of each parameter and its type, in order; model has one of its own."""
    skipped = ("model", "extra")
    table = Parameters.table()
    return {name: kind.column for name, kind in table.items() if name not in skipped}
