"""The options of `%%chat`, and its manual: both from the table of parameters."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatnb.errors import InvalidInput
from chatnb.magics.magic_line import Option, filled, split
from chatnb.parameter_kinds import Flag, OneOf, Parameter
from chatnb.parameters import GROUPS, Parameters

_LONG = {
    "-m": "--model",
    "-s": "--system",
    "-c": "--conversation",
    "-o": "--output",
}
_OWN = {
    "--system": Option("system"),
    "--conversation": Option("conversation"),
    "--output": Option("output"),
    "--append": Option("append", takes_value=False),
    "--fresh": Option("fresh", takes_value=False),
    "--raw": Option("raw", takes_value=False),
    "--dry-run": Option("dry_run", takes_value=False),
}


# `unset` for this cell: no system message at all; the conversation that stands.
_UNSET = {"system": "", "conversation": None}


@dataclass(frozen=True, slots=True)
class Options:
    """What stands on the line of one `%%chat`."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None
    conversation: str | None = None
    output: str | None = None
    append: bool = False
    fresh: bool = False
    raw: bool = False
    dry_run: bool = False


@functools.cache
def table() -> Mapping[str, Option]:
    """Every option by the name it is typed with."""
    found = dict(_OWN)
    for name, kind in Parameters.table().items():
        flag = isinstance(kind, Flag)
        json = kind.metavar in ("JSON", "TEXT_OR_JSON")
        found[f"--{name}"] = Option(name, takes_value=not flag, keeps_quotes=json)
        if flag:
            found[f"--no-{name}"] = Option(name, takes_value=False)
    return found | {short: found[name] for short, name in _LONG.items()}


def parsed(
    line: str, *namespaces: Mapping[str, object], hidden: Collection[str] = ()
) -> tuple[Options, str]:
    """The options of a line and the prompt behind them, its references not yet filled.

    Raises InvalidInput for an unknown option and for a value that its parameter refuses.
    """
    options = table()
    found, prompt = split(line, options)
    raw = "--raw" in found
    own: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for typed, text in found.items():
        target = options[typed].target
        value = text if text is None or raw else filled(text, *namespaces, hidden=hidden)
        if target in Parameters.table():
            parameters[target] = parameter_value(typed, Parameters.definition(target), value)
        elif not options[typed].takes_value:
            own[target] = _switch(typed, value)
        else:
            own[target] = _UNSET[target] if value == "unset" and target in _UNSET else value
    if own.get("fresh") and (own.get("append") or own.get("conversation")):
        raise InvalidInput(
            "--fresh leaves the conversation out, so -c and --append say nothing beside it.",
            kind="usage",
        )
    return Options(parameters, **own), prompt


def _switch(typed: str, text: str | None) -> bool:
    if text is None:
        return True
    if text.lower() not in Flag.words:
        raise InvalidInput(f"{typed} is a switch: leave ={text} out.", kind="usage")
    return Flag.words[text.lower()]


def parameter_value(typed: str, kind: Parameter, text: str | None) -> Any:
    """The value of a parameter as typed; `unset` clears a standing one."""
    if text == "unset":
        return None
    if isinstance(kind, Flag):
        value = True if text is None else kind.parsed(text)
        return not value if typed.startswith("--no-") else value
    return None if text is None else kind.parsed(text)


def manual() -> str:
    """The text of `%%chat?`."""
    return _HEAD + "\n".join(_group(group, title) for group, title in GROUPS.items()) + _TAIL


def _group(group: str, title: str) -> str:
    lines = [f"{title}"]
    for name, kind in Parameters.table().items():
        if kind.group == group:
            lines += [f"  {_spelled(name, kind)}", _wrapped(_explained(kind))]
    return "\n".join(lines) + "\n"


def _spelled(name: str, kind: Parameter) -> str:
    if isinstance(kind, Flag):
        return f"--{name} | --no-{name}"
    if name == "model":
        return "-m NAME, --model NAME"
    return f"--{name} {'|'.join(kind.choices) if isinstance(kind, OneOf) else kind.metavar}"


def _wrapped(text: str) -> str:
    # IPython's pager breaks longer lines in the middle of a word.
    return textwrap.fill(text, 78, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _explained(kind: Parameter) -> str:
    said = [kind.help]
    if not isinstance(kind, Flag | OneOf) and kind.range != "a text":
        said.append(f"{kind.range[0].upper()}{kind.range[1:]}.")
    if kind.api_default:
        said.append(f"Unset: {kind.api_default}.")
    if kind.deprecated:
        said.append(f"Deprecated; use {kind.deprecated}.")
    return " ".join(said)


_HEAD = """Send a prompt and show the answer while it comes.

    %%chat --temperature 0.2 --stop '["END", "4."]' -o answer
    Who was the first president of America?

    %chat For how long?

The prompt continues this kernel's conversation and the exchange is a row of chatnb.log(). A whole
{{name}} in the prompt is replaced by that variable; everything else reaches the model as it is.
Running a cell again replaces its turn and sets aside what came after it.

An option lives for this cell; %chat_set name=value sets it from now on. What is unset is not sent.
`unset` as a value clears a standing one: --stop unset, --logprobs=unset.

This cell
  -s TEXT, --system TEXT
      The system message for this request.
  -c NAME, --conversation NAME
      Continue another conversation.
  -o NAME, --output NAME
      Put the Reply into this variable; after a failed request the variable does not exist.
  --append
      Add a turn where running the cell again would replace it.
  --fresh
      Neither read nor enter the conversation.
  --raw
      Fill no {{name}}.
  --dry-run
      Show the request and do not send it. What only the server knows is still asked for: its model
      where none is named, the token ids of a word in logit_bias (which starts the embedded model).

"""

_TAIL = """
Values: one pair of quotes around a value is removed; --stop also takes a JSON list, and
--logit_bias, --metadata, --response_format and --extra take JSON. On a %chat line the options come
first and end at the first word that is none, or at --.

See also: %chat_set %chat_system %chat_connect %chat_log %chat_history %chat_undo %chat_redo
%chat_reset %chat_panel; in Python chatnb.ask, chatnb.session, chatnb.sample, chatnb.extract,
chatnb.log, chatnb.connect, chatnb.panel.
"""
