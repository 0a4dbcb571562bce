"""The exercise of notebook 10, compare, replay, from chat to data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

GIVEN = "sentiment"  # the field that is there already
ENOUGH = 3  # answers

Choices = Mapping[str, list[str]]


@exercise(
    "10.1",
    hints=(
        "A field of a pydantic model is a line: its name, a colon, its type.",
        'Literal["positive", "negative"] allows two words. Yours allows others.',
        'about: Literal["food", "room", "people"]',
    ),
)
def one_more_choice(rows: pandas.DataFrame) -> Finding:
    """The newest schema has one more field with given words, and every answer keeps to it."""
    asked = rows[rows["response_format"].notna() & (rows["source"] == "sample")]
    if asked.empty:
        return Finding(False, "no request with a schema", "Run the cell above first.")
    newest = asked["response_format"].iloc[-1]
    replies = asked.loc[asked["response_format"] == newest, "reply"].fillna("")
    choices = choices_in(json.loads(newest))
    own = [name for name in choices if name != GIVEN]
    fields = f"fields with given words: {', '.join(choices) or 'none'}"
    if not own:
        return Finding(False, fields, "Add one beside the sentiment.")
    fits = sum(_keeps_to(reply, choices) for reply in replies)
    measured = f"{fields}; {fits} of {len(replies)} answers keep to them"
    if len(replies) < ENOUGH:
        return Finding(False, measured, f"It takes {ENOUGH} answers or more.")
    if fits < len(replies):
        why = "Read the others' finish_reason: a cap that is too low cuts the JSON."
        return Finding(False, measured, why)
    return Finding(True, measured, "The shape is right each time. Whether the words are, you say.")


def choices_in(response_format: Mapping[str, Any]) -> Choices:
    """The fields of a schema whose value is one of given words, with the words."""
    schema = response_format.get("json_schema", {}).get("schema", {})
    fields = schema.get("properties", {})
    return {name: field["enum"] for name, field in fields.items() if "enum" in field}


def _keeps_to(reply: str, choices: Choices) -> bool:
    try:
        answer = json.loads(reply)
    except ValueError:
        return False
    return isinstance(answer, dict) and all(
        answer.get(name) in words for name, words in choices.items()
    )
