"""`chatnb.extract`: many texts into a DataFrame, one column for each field of a schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatnb import kernel, schemas
from chatnb.errors import InvalidInput
from chatnb.many_requests import (
    PARALLEL,
    Answers,
    Manner,
    answer_columns,
    answered_frame,
    typed,
)
from chatnb.parameters import Parameters
from chatnb.prompts import Asked
from chatnb.sessions import Session
from chatnb.text_checks import checked_text

if TYPE_CHECKING:
    import pandas
    from pydantic import BaseModel

SYSTEM = "Extract what the schema asks for from the text. Answer with JSON only."
_TEXT = "{{text}}"
_RENAMED = "request_"


def extract(
    texts: Iterable[str],
    schema: type[BaseModel] | Mapping[str, Any],
    *,
    prompt: str = _TEXT,
    system: str | None = SYSTEM,
    parallel: int = PARALLEL,
    progress: bool = True,
    reuse: bool = False,
    session: Session | None = None,
    **parameters: Any,
) -> pandas.DataFrame:
    """A DataFrame with one row for each text, and one column for each field of the schema.

    >>> class Review(pydantic.BaseModel):                                    # doctest: +SKIP
    ...     sentiment: Literal["good", "bad"]
    ...     stars: int
    >>> chatnb.extract(reviews, Review, temperature=0)                       # doctest: +SKIP

    `schema` is a pydantic model, a JSON schema or the API's own `response_format`. `prompt` says
    what is sent of each text: `{{text}}` in it is the text; without that it stands before the
    text. A Series keeps its index.

    Columns: text, the fields (what is nested stays an object), then reply, status, finish_reason,
    prompt_tokens, completion_tokens, cost (US dollars), seconds, error, id (the row of the log)
    and reused. Where a field has one of these names, that column is called `request_` and its name.
    A text whose request fails, or whose answer does not fit the schema, is a row without values
    whose `error` says why; nothing is raised for it. An interrupt keeps what is done. The shape is
    checked, the truth is not. `reuse=True` takes answers that the log has already, as in `sample`;
    texts whose answers were bad are asked again. Raises InvalidInput before anything is sent.
    """
    chat = session or kernel.session()
    manner = Manner("texts", parallel, progress, reuse)
    if "response_format" in parameters:
        line = "The schema is the response_format here: leave that parameter out."
        raise InvalidInput(line, kind="usage", param="response_format")
    form = Parameters.definition("response_format").validate(None, schema)
    labels, listed = _labeled(texts)
    values = {**parameters, "response_format": form}
    checked_text(prompt, "prompt")
    asked = [
        Asked(_filled(prompt, text), values, system, fresh=True, source="sample") for text in listed
    ]
    return answered_frame(
        chat, asked, lambda answers: _frame(labels, listed, answers, form), manner
    )


def _labeled(texts: Iterable[str]) -> tuple[Any, list[str]]:
    """What labels the texts, their places or the index of a Series, and the texts."""
    listed = [texts] if isinstance(texts, str) else list(texts)
    index = getattr(texts, "index", None)  # of a list it is a method
    labels = range(len(listed)) if index is None or callable(index) else index
    for label, text in zip(labels, listed, strict=True):
        if not isinstance(text, str) or not text.strip():
            what = "empty" if isinstance(text, str) else f"{text!r:.60}, no text"
            line = f"Text {label!r} is {what}: leave it out. Nothing was sent."
            raise InvalidInput(line, kind="usage")
    if not listed:
        raise InvalidInput("There is nothing to extract from: the list is empty.", kind="usage")
    return labels, listed


def _filled(prompt: str, text: str) -> str:
    return prompt.replace(_TEXT, text) if _TEXT in prompt else f"{prompt}\n\n{text}"


def _frame(
    labels: Any, texts: Sequence[str], answers: Answers, form: Mapping[str, Any]
) -> pandas.DataFrame:
    import pandas

    pairs = zip(texts, answers, strict=True)
    sent = [(text, each) for text, each in pairs if each is not None]
    index = pandas.DataFrame(index=labels).index[[each is not None for each in answers]]
    found = [schemas.values_of(each.exchange.reply.value) for _, each in sent]
    names = dict.fromkeys((*schemas.fields_of(form), *(name for each in found for name in each)))
    values = [[each.get(name) for name in names] for each in found]
    fields = pandas.DataFrame(values, index, columns=list(names), dtype=object)
    own = typed([{"text": text} | answer_columns(each) for text, each in sent])
    own = own.set_axis(index).rename(columns={name: f"{_RENAMED}{name}" for name in names})
    return pandas.concat([own.iloc[:, :1], fields.convert_dtypes(), own.iloc[:, 1:]], axis=1)
