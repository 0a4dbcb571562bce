"""The kinds of request parameter: what a value may be, and how it is read from typed text.

Traits of our own, since traitlets' Float turns 0 into 0.0 and its Int takes True: what is set is
sent exactly so. None means unset, and unset means absent from the request.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from traitlets import TraitType

from chatnb.errors import InvalidInput
from chatnb.text_checks import checked_text

Column = Literal["Float64", "Int64", "boolean", "string", "json"]


class Parameter(TraitType[Any, Any]):
    """One value that a request may carry: its range, its help, and how it is spelled.

    `api_default` is what happens where the value is unset, in words; `deprecated` what to use
    instead; `group` the heading in the manual; `column` the type of its column in the log.
    """

    default_value = None
    allow_none = True
    column: ClassVar[Column] = "string"
    metavar: ClassVar[str] = "TEXT"
    step: float | None = None

    def __init__(
        self, help: str, *, group: str, api_default: str = "", deprecated: str = ""
    ) -> None:
        super().__init__(help=help)
        self.group = group
        self.api_default = api_default
        self.deprecated = deprecated

    @property
    def range(self) -> str:
        """The allowed values in words: "a number from 0 to 2"."""
        return "a text"

    def validate(self, obj: Any, value: Any) -> Any:  # noqa: ARG002 - the signature is traitlets'
        return None if value is None else self.checked(value)

    def checked(self, value: Any) -> Any:
        """The value as it will be sent; InvalidInput that names the range where it is none."""
        if not isinstance(value, str):
            raise self.refused(value)
        return value

    def parsed(self, text: str) -> Any:
        """The value that was typed as text."""
        return self.checked(text)

    def refused(self, value: Any, why: str = "") -> InvalidInput:
        shown = _shown(value)
        reason = f" ({why})" if why else ""
        return InvalidInput(
            f"{self.name} is {self.range}, not {shown}{reason}: nothing was sent.",
            kind="usage",
            param=self.name,
        )

    def loaded(self, text: str) -> Any:
        """The value that was typed as JSON."""
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.refused(text, f"not JSON: {error}") from None


class Text(Parameter):
    """A text, at most `longest` characters."""

    def __init__(self, help: str, *, longest: int | None = None, **about: str) -> None:
        super().__init__(help, **about)
        self.longest = longest

    @property
    def range(self) -> str:
        return "a text" + (f" of at most {self.longest} characters" if self.longest else "")

    def checked(self, value: Any) -> str:
        if not isinstance(value, str) or (self.longest and len(value) > self.longest):
            raise self.refused(value)
        return checked_text(value, self.name or "")


class OneOf(Parameter):
    """One of a few words."""

    def __init__(self, help: str, choices: Sequence[str], **about: str) -> None:
        super().__init__(help, **about)
        self.choices = tuple(choices)

    @property
    def range(self) -> str:
        return "one of " + ", ".join(self.choices)

    def checked(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise self.refused(value)
        return value


class Number(Parameter):
    """A number in a range; an integer stays one (0 is sent as 0, not as 0.0)."""

    column: ClassVar[Column] = "Float64"
    metavar: ClassVar[str] = "NUMBER"

    def __init__(
        self,
        help: str,
        low: float,
        high: float | None = None,
        *,
        step: float | None = None,
        **about: str,
    ) -> None:
        super().__init__(help, **about)
        self.low, self.high, self.step = low, high, step

    @property
    def range(self) -> str:
        if self.high is None:
            return f"a number of at least {self.low:g}"
        return f"a number from {self.low:g} to {self.high:g}"

    def checked(self, value: Any) -> int | float:
        value = plain_number(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise self.refused(value)
        if value < self.low or (self.high is not None and value > self.high):
            raise self.refused(value)
        return value

    def parsed(self, text: str) -> int | float:
        for read in (int, float):
            try:
                return self.checked(read(text))
            except ValueError:
                continue
        raise self.refused(text)


class Whole(Number):
    """A whole number in a range."""

    column: ClassVar[Column] = "Int64"

    @property
    def range(self) -> str:
        if self.low < -(2**62):
            return "a whole number"
        return super().range.replace("a number", "a whole number", 1)

    def checked(self, value: Any) -> int:
        value = plain_number(value)
        if not isinstance(value, int):
            raise self.refused(value)
        return int(super().checked(value))


class Flag(Parameter):
    """True or false."""

    column: ClassVar[Column] = "boolean"
    metavar: ClassVar[str] = ""
    words: ClassVar[Mapping[str, bool]] = {
        "true": True, "false": False, "on": True, "off": False, "yes": True, "no": False,
        "1": True, "0": False,
    }  # fmt: skip

    @property
    def range(self) -> str:
        return "True or False"

    def checked(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refused(value)
        return value

    def parsed(self, text: str) -> bool:
        if text.lower() not in self.words:
            raise self.refused(text)
        return self.words[text.lower()]


def _is_finite(value: float) -> bool:
    # A larger int is no number to a server, to SQLite, or to arithmetic with floats.
    return -(2**63) <= value < 2**63 if isinstance(value, int) else math.isfinite(value)


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # an int of 4,300 digits; what is nested too deeply
        return f"this {type(value).__name__}"
    return shown if len(shown) <= 60 else shown[:57] + "..."


def plain_number(value: Any) -> Any:
    """NumPy's numbers as Python's: `temperature=numpy.linspace(0, 2, 5)[1]` is a number."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value
