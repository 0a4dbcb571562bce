"""The exercises of notebook 01, one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

PROMPT = "Name a color."


@exercise(
    "01.1",
    hints=(
        "Look at the JSON of the first answer, below `choices`.",
        "One field there has the value stop.",
        'The value length in it would mean: cut off. Write field = "finish_reason".',
    ),
)
def why_it_ended(rows: pandas.DataFrame, answer: Any) -> Finding:
    """The name of the field that says why an answer ended."""
    name = str(answer or "").strip().rpartition(".")[2]
    if not name:
        return Finding(False, "no field named", "Write its name between the quotes.")
    if name == "finish_reason":
        counts = rows["finish_reason"].dropna().value_counts()
        seen = ", ".join(f"{reason} in {count}" for reason, count in counts.items())
        return Finding(True, f"finish_reason of your rows: {seen or 'none yet'}", _REASONS)
    if name in rows.columns and len(rows):
        measured = f"{name} of your last row: {rows[name].iloc[-1]}"
        return Finding(False, measured, "That does not say whether the answer is whole.")
    return Finding(False, f"no column is called {name}", "The log has each field as a column.")


_REASONS = "stop: the model ended it. length: the limit cut it off."


@exercise(
    "01.2",
    hints=(
        "reply.usage has three numbers.",
        "Prompt and answer are both counted: their sum is wanted.",
        "Write total = reply.usage.total_tokens.",
    ),
)
def total_of_a_request(rows: pandas.DataFrame, answer: Any) -> Finding:
    """The total of the student's own request, as its row has it."""
    own = rows[(rows["prompt"] == PROMPT) & rows["total_tokens"].notna()]
    if own.empty:
        return Finding(False, "no answer with a token count", f"Run the cell that asks {PROMPT!r}")
    row = own.iloc[-1]
    if answer is None:
        return Finding(False, "no total given", "Put it in the place of None.")
    prompt, completion = int(row["prompt_tokens"]), int(row["completion_tokens"])
    counted = f"row {row['id']} says {prompt} + {completion} = {int(row['total_tokens'])}"
    if int(answer) == row["total_tokens"]:
        return Finding(True, counted, "Prompt and answer are counted, and paid, together.")
    part = {prompt: "That is the prompt alone.", completion: "That is the answer alone."}
    return Finding(False, f"you say {answer}", part.get(int(answer), "That is another number."))
