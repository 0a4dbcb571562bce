"""The exercise of notebook 02, roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

WORDS = ("river", "music", "stone", "bread")
ENOUGH = 3  # of the four: a small model slips


@exercise(
    "02.1",
    hints=(
        "An example is two messages: a user's word, and the answer you want, as the assistant's.",
        'The list begins [{"role": "user", "content": "cat"}, {"role": "assistant", ...',
        'Show three: cat and "cat?", dog and "dog?", tree and "tree?".',
    ),
)
def words_become_questions(rows: pandas.DataFrame) -> Finding:
    """After hand-written examples, and no system message, each word comes back as a question."""
    own = rows[rows["prompt"].isin(WORDS) & (rows["status"] == "ok")].groupby("prompt").tail(1)
    if own.empty:
        return Finding(False, "none of the four words was sent", "Run the cell of the exercise.")
    if any(_roles(messages) & {"system", "developer"} for messages in own["messages"]):
        return Finding(False, "a system message was sent", "This time, show: do not tell.")
    shown = min(_examples(messages) for messages in own["messages"])
    if not shown:
        return Finding(
            False, "no example was sent", "An example is a user's and an assistant's turn."
        )
    asked = sum(_is_question(reply) for reply in own["reply"])
    measured = f"{asked} of {len(WORDS)} came back with a question mark, after {shown} examples"
    why = "Your turns in its name set the form." if asked >= ENOUGH else f"It takes {ENOUGH}."
    return Finding(asked >= ENOUGH, measured, why)


def _roles(messages: Any) -> set[str]:
    return {message["role"] for message in messages}


def _examples(messages: Any) -> int:
    return sum(message["role"] == "assistant" for message in messages)


def _is_question(reply: Any) -> bool:
    return isinstance(reply, str) and reply.strip().endswith("?")
