"""Values as they are spelled in Python, in JSON and in a POSIX shell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_WIDTH = 88
_NOT_PLAIN_ASCII = re.compile(r"[^\n -~]+")


def python_call(*positional: str, **named: Any) -> str:
    """The arguments of a call in their parentheses, one on each line, and each message too.

    >>> print("create" + python_call(model="tiny", n=2))
    create(
        model="tiny",
        n=2,
    )
    """
    lines = list(positional)
    for name, value in named.items():
        spelled = one_on_each_line if name == "messages" else python_literal
        lines.append(f"{name}={spelled(value, 4)}")
    return "(\n" + "".join(f"    {line},\n" for line in lines) + ")"


def python_literal(value: Any, indent: int = 0) -> str:
    """The value in Python; a container on one line where it fits, or is a pair of plain values.

    >>> python_literal({"role": "user", "content": "It's\\n"})
    '{"role": "user", "content": "It\\'s\\\\n"}'
    """
    if isinstance(value, str):
        return python_text(value)
    if not isinstance(value, Mapping | list | tuple):
        return repr(value)
    opening, closing, items = _items(value, indent)
    line = f"{opening}{', '.join(items)}{closing}"
    inner = value.values() if isinstance(value, Mapping) else value
    plain = not any(isinstance(item, Mapping | list | tuple) for item in inner)
    fits = "\n" not in line and indent + len(line) <= _WIDTH
    if fits or (plain and len(items) < 3):
        return line
    return one_on_each_line(value, indent)


def one_on_each_line(value: Any, indent: int) -> str:
    """A container in Python, broken into lines whether or not it fits into one."""
    opening, closing, items = _items(value, indent)
    lines = "".join(f"{' ' * (indent + 4)}{item},\n" for item in items)
    return f"{opening}\n{lines}{' ' * indent}{closing}"


def _items(value: Any, indent: int) -> tuple[str, str, list[str]]:
    inner = indent + 4
    if not isinstance(value, Mapping):
        return "[", "]", [python_literal(item, inner) for item in value]
    pairs = value.items()
    items = [f"{python_literal(key)}: {python_literal(item, inner)}" for key, item in pairs]
    return "{", "}", items


def python_text(text: str) -> str:
    """The text as Python writes it, in double quotes."""
    # JSON's escapes are Python's too, but for characters beyond the 16 bits.
    return _visible(json.dumps(text, ensure_ascii=False), repr)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """The value as JSON; letters of all languages stay as they are."""
    return _visible(json.dumps(value, indent=indent, ensure_ascii=False), json.dumps)


def _visible(code: str, escaped: Callable[[str], str]) -> str:
    """Code in which whatever nobody sees (breaks of lines, of direction, of width) is an escape."""

    def shown(match: re.Match[str]) -> str:
        run = match[0]
        if run.isprintable():
            return run
        return "".join(char if char.isprintable() else escaped(char)[1:-1] for char in run)

    return _NOT_PLAIN_ASCII.sub(shown, code)


def shell_quoted(text: str) -> str:
    r"""The text as one word of a POSIX shell.

    >>> print(shell_quoted("it's"))
    'it'\''s'
    """
    plain = re.fullmatch(r"[\w./:@%+,-]+", text, re.ASCII)
    return text if plain else "'" + text.replace("'", r"'\''") + "'"


def shell_variable(name: str) -> str:
    """What reads an environment variable inside double quotes, whatever its name is."""
    plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
    return f"${name}" if plain else f"$(printenv {shell_quoted(name)})"
