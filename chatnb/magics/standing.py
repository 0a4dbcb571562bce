"""`%chat_set name=value ...`: standing parameters and settings, all or none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from chatnb.errors import InvalidInput
from chatnb.magics.magic_line import Option, split
from chatnb.parameter_kinds import Parameter
from chatnb.parameters import Parameters, nearest
from chatnb.sessions import Session
from chatnb.settings import Settings

_NAME = re.compile(r"(\w+)=")


def assignments(line: str) -> dict[str, Any]:
    """What a line sets, checked; None clears.

    >>> assignments("temperature=0.2 stop=unset")
    {'temperature': 0.2, 'stop': None}

    Raises InvalidInput for an unknown name or a value out of range.
    """
    found: dict[str, Any] = {}
    rest = line.strip()
    while rest:
        match = _NAME.match(rest)
        if match is None:
            raise InvalidInput(
                f"%chat_set takes name=value, not {rest.split()[0]!r}: %chat_set temperature=0.2",
                kind="usage",
            )
        name = match[1]
        kind = definition(name)
        json = kind.metavar in ("JSON", "TEXT_OR_JSON")
        option = f"--{name}"
        values, rest = split(
            f"{option}={rest[match.end() :]}", {option: Option(name, keeps_quotes=json)}
        )
        text = values[option]
        found[name] = None if text is None or text == "unset" else _parsed(kind, text)
    return found


def _parsed(kind: Parameter, text: str) -> Any:
    """The value; a refusal says what the habits of Python should have been."""
    try:
        return kind.parsed(text)
    except InvalidInput as refused:
        line = refused.line.replace("nothing was sent", "nothing was changed")
        if text == "None":
            line += f" {kind.name}=unset clears it."
        elif text.endswith(","):
            line += " A blank, no comma, stands between two assignments."
        raise InvalidInput(line, kind="usage", param=kind.name) from None


def definition(name: str) -> Parameter:
    """The parameter or setting of that name."""
    parameters, settings = Parameters.table(), Settings.table()
    if name in settings:
        return settings[name]
    if name in parameters:
        return parameters[name]
    hint = nearest(name, [*parameters, *settings])
    raise InvalidInput(f"There is no parameter or setting {name!r}.{hint}", kind="usage")


def told(values: Mapping[str, Any]) -> str:
    """One line that says what was set: "From now on: temperature = 0.2; stop unset"."""
    said = (
        f"{name} unset" if value is None else f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    )
    return "From now on: " + "; ".join(said) + "."


def apply(session: Session, values: dict[str, Any]) -> None:
    """Set what was checked before."""
    for name, value in values.items():
        table = session.settings if name in Settings.table() else session.parameters
        setattr(table, name, value)
