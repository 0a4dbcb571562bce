"""The exercise of notebook 11, from 2023 to 2026."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

CALL = "chat.completions.create"
REPLACED = {
    "max_tokens": "max_completion_tokens",
    "user": "safety_identifier",
    "functions": "tools",
}


@exercise(
    "11.1",
    hints=(
        "Where does the notebook itself make a client, and what does it call on it?",
        "The table of parameters says what to use now in place of max_tokens and user; "
        "model=connection.model names the model, and an answer has attributes, not keys.",
        "client = openai.OpenAI(**connection.client_options()), then "
        "client.chat.completions.create(...) and response.choices[0].message.content.",
    ),
)
def ported(rows: pandas.DataFrame, answer: str) -> Finding:  # noqa: ARG001 - the program tells all
    """Nothing of 2023 is left in the program, and it makes today's call."""
    try:
        tree = ast.parse(answer)
    except SyntaxError as error:
        return Finding(False, f"line {error.lineno}: {error.msg}", "This is no Python yet.")
    left = list(dict.fromkeys(mark for node in ast.walk(tree) for mark in _marks(node)))
    calls = sum(_dotted(node).endswith(CALL) for node in ast.walk(tree))
    if left:
        return Finding(False, f"{len(left)} old: {left[0]}", "Port that next.")
    if not calls:
        return Finding(False, f"no {CALL}", "The old call is gone; today's is missing.")
    return Finding(True, "nothing of 2023 is left", "Call, client, model, names and answer.")


def _marks(node: ast.AST) -> Iterator[str]:
    """What of 2023 stands in this place of a program."""
    if isinstance(node, ast.Attribute) and node.attr == "ChatCompletion":
        yield "openai.ChatCompletion was removed"
    if isinstance(node, ast.Assign) and any(_dotted(to) == "openai.api_key" for to in node.targets):
        yield "openai.api_key: a client gets the key"
    if isinstance(node, ast.keyword):
        yield from _marks_of_argument(node)
    # A message that is sent is a dictionary still; only an answer has choices.
    if isinstance(node, ast.Subscript) and _text(node.slice) == "choices":
        yield "an answer has attributes: response.choices[0].message.content"


def _marks_of_argument(argument: ast.keyword) -> Iterator[str]:
    name, value = argument.arg, _text(argument.value)
    if name in REPLACED:
        yield f"{name} is {REPLACED[name]} now"
    if name == "api_key" and value is not None:
        yield "a key stands in the program"
    if name == "model" and value in _gone():
        yield f"{value} was shut down"


def _gone() -> set[str]:
    """The models that are shut down."""
    from chatnb.lessons.facts import models

    known = models()
    return set(known.loc[known["days_left"] <= 0, "model"])


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _dotted(node: ast.AST) -> str:
    """`a.b.c` as it is written; nothing for anything else."""
    return ast.unparse(node) if isinstance(node, ast.Attribute) else ""
