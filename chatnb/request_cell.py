"""A request as the `%%chat` cell that sends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chatnb.code_literals import json_text, python_call, python_text
from chatnb.parameter_kinds import Flag
from chatnb.parameters import Parameters
from chatnb.records import Message, Request
from chatnb.structured_kinds import Stop

_SHORT = {"model": "-m", "system": "-s", "conversation": "-c"}
_MAIN = "main"


class _NotInACell(Exception):
    """What a `%%chat` cell has no spelling for."""


def cell_code(request: Request) -> str:
    r"""The `%%chat` cell that sends the request.

    >>> print(cell_code(Request("tiny", (Message("user", "Hi"),), {"temperature": 0})))
    %%chat --fresh -m tiny --temperature 0 --no-stream
    Hi

    A cell has the system message and the last prompt. The turns between them are the session's:
    where there are any, the cell relies on the conversation that it runs in, and always on the
    kernel's connection. What a cell cannot spell (a system message of two lines) is Python on the
    same session; a request that does not end in a user's text is a comment that says so.
    """
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "user" or not _is_text(last):
        return "# No cell sends this request: it does not end in a text of the user."
    arguments = _arguments(request)
    try:
        return _magic(last.content, arguments)
    except _NotInACell as what:
        call = f"chatnb.session().send{python_call(python_text(last.content), **arguments)}"
        return f"# %%chat cannot spell {what}, so this is Python.\nimport chatnb\n\n{call}"


def _is_text(message: Message) -> bool:
    content = message.content
    return isinstance(content, str) and bool(content.strip()) and not message.fields


def _arguments(request: Request) -> dict[str, Any]:
    """What `session.send` needs besides the prompt, in the order of the options of a cell."""
    earlier = request.messages[:-1]
    has_system = bool(earlier) and earlier[0].role == "system" and _is_text(earlier[0])
    found = _conversation(request, earlier[has_system:])
    # The embedded model is the only one on its connection; a server may not have been asked yet.
    found |= {"model": request.model} if request.model and not request.embedded else {}
    found |= {"system": earlier[0].content} if has_system else {}
    table = Parameters.table()
    found |= {name: value for name, value in request.parameters.items() if name in table}
    found |= {} if request.stream else {"stream": False}
    extra = {name: value for name, value in request.parameters.items() if name not in table}
    extra |= request.extra
    return found | ({"extra": extra} if extra else {})


def _conversation(request: Request, history: tuple[Message, ...]) -> dict[str, Any]:
    if not history:
        return {"fresh": True}
    name = request.origin.conversation
    return {} if name in (None, _MAIN) else {"conversation": name}


def _magic(prompt: str, arguments: Mapping[str, Any]) -> str:
    if "\r" in prompt:  # a front end would make line feeds of them
        raise _NotInACell("a prompt with carriage returns")
    line = " ".join(["%%chat", *(_option(name, value) for name, value in arguments.items())])
    raw = " --raw" if "{{" in line or "{{" in prompt else ""
    # The last line break of a cell is not part of its prompt.
    return f"{line}{raw}\n{prompt}" + ("\n" if prompt.endswith("\n") else "")


def _option(name: str, value: Any) -> str:
    typed = _SHORT.get(name, f"--{name}")
    kind = Parameters.table().get(name)
    if name == "fresh":
        return typed
    if isinstance(kind, Flag):
        return typed if value else f"--no-{name}"
    if not isinstance(value, str):
        return f"{typed} {json_text(value)}"
    if isinstance(kind, Stop) and not _is_plain_word(value):
        return f"{typed} {json_text(value)}"
    return f"{typed} {_word(name, value)}"


def _word(name: str, text: str) -> str:
    """A text as the value of an option: one pair of quotes around it, nothing escaped."""
    if _is_plain_word(text):
        return text
    what = "a system message" if name == "system" else f"a {name}"
    if text == "unset":
        raise _NotInACell(f"{what} that reads unset")
    if text.splitlines() not in ([], [text]):
        raise _NotInACell(f"{what} with line breaks")
    quote = next((mark for mark in "'\"" if mark not in text), None)
    if quote is None:
        raise _NotInACell(f"{what} with both kinds of quotes")
    if (len(text) - len(text.rstrip("\\"))) % 2:
        raise _NotInACell(f"{what} that ends in a backslash")
    return f"{quote}{text}{quote}"


def _is_plain_word(text: str) -> bool:
    return text != "unset" and re.fullmatch(r"[\w./:@+-]+", text) is not None
