"""The line of a magic: options as they are typed, and the prompt byte for byte.

IPython's parse_argstring keeps quotes, splits JSON at blanks, accepts abbreviations and would
parse the prompt too; so this is a small splitter of our own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chatnb.errors import InvalidInput
from chatnb.parameters import nearest

_NAME = re.compile(r"(--[A-Za-z][\w-]*|-[A-Za-z])(?=[\s=]|$)")
_REFERENCE = re.compile(r"\{\{([^\W\d]\w*)\}\}")
_PAIRS = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a magic: what it sets, and whether a value follows it.

    `keeps_quotes`: a double-quoted value is JSON already, and is handed on with its quotes.
    """

    target: str
    takes_value: bool = True
    keeps_quotes: bool = False


def split(
    line: str, options: Mapping[str, Option], magic: str = "%%chat"
) -> tuple[dict[str, str | None], str]:
    """The options at the beginning of the line, and the rest of it, byte for byte.

    >>> split("--stop 5 Say hi", {"--stop": Option("stop")})
    ({'--stop': '5'}, 'Say hi')

    Options end at the first word that is none, or at `--`. Raises InvalidInput for an unknown
    option, a missing or unclosed value, and an option given twice.
    """
    found: dict[str, str | None] = {}
    rest = line.lstrip()
    while rest.startswith("-"):
        if rest == "--" or rest[:3] in ("-- ", "--\t"):
            return found, rest[3:]
        match = _NAME.match(rest)
        if match is None:
            break
        name, after = match.group(1), rest[match.end() :]
        # --max-tokens is a habit from the shell; no two names differ in that alone.
        name = name if name in options else name[:2] + name[2:].replace("-", "_")
        option = options.get(name)
        if option is None:
            hint = nearest(name, options)
            raise InvalidInput(f"There is no option {name}.{hint} See {magic}?", kind="usage")
        if option.target in {options[given].target for given in found}:
            raise InvalidInput(f"The option {name} is given twice.", kind="usage")
        found[name], rest = _value(name, option, after)
        rest = rest.lstrip()
    return found, rest


def _value(name: str, option: Option, after: str) -> tuple[str | None, str]:
    given = after.startswith("=")
    if not option.takes_value and not given:
        return None, after
    text = after[1:] if given else after.lstrip()
    if not text or text[:1].isspace():
        raise InvalidInput(f"The option {name} needs a value.", kind="usage")
    end = _end(text, name)
    value = text[:end]
    quoted = value[0] in "\"'" and end > 1 and value[-1] == value[0]
    if quoted and not (option.keeps_quotes and value[0] == '"'):
        value = value[1:-1]
    return value, text[end:]


def _end(text: str, name: str) -> int:
    """Where the value that begins the text ends: quotes and brackets are kept whole."""
    if text[0] in "\"'":
        end = _closing_quote(text)
        if end is None:
            raise InvalidInput(f"A quote is not closed after {name}.", kind="usage")
        return end
    if text[0] in _PAIRS and not _REFERENCE.match(text):
        return _closing_bracket(text, name)
    blank = re.search(r"\s", text)
    return blank.start() if blank else len(text)


def _closing_quote(text: str) -> int | None:
    at = 1
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text) and text[at + 1] in (text[0], "\\"):
            at += 1
        elif text[at] == text[0]:
            return at + 1
        at += 1
    return None


def _closing_bracket(text: str, name: str) -> int:
    depth, at = 0, 0
    while at < len(text):
        if text[at] == '"':
            closed = _closing_quote(text[at:])
            at += closed if closed is not None else len(text)
            continue
        depth += (text[at] in _PAIRS) - (text[at] in _PAIRS.values())
        at += 1
        if depth == 0:
            return at
    raise InvalidInput(f"A bracket is not closed after {name}.", kind="usage")


def filled(text: str, *namespaces: Mapping[str, object], hidden: Collection[str] = ()) -> str:
    """The text with each whole `{{name}}` replaced by str(value), once; all else byte for byte.

    >>> filled("{{count}} {x} $y {{", {"count": 3})
    '3 {x} $y {{'

    The first namespace that has the name counts. Raises InvalidInput for a name that is nowhere,
    with the nearest one that is not `hidden`.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        for namespace in namespaces:
            if name in namespace:
                return str(namespace[name])
        names = {each for space in namespaces for each in space if not each.startswith("_")}
        known = sorted(names.difference(hidden))
        raise InvalidInput(
            f"There is no variable {name} for {{{{{name}}}}}.{nearest(name, known)} "
            "Nothing was sent; --raw sends braces as they are.",
            kind="usage",
        )

    return _REFERENCE.sub(value_of, text)
