"""One line of the table: what was measured, what it should reach, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass

_WIDTH = 58


@dataclass(frozen=True)
class Figure:
    """A measured value, the most that it should be, and what was seen beside it."""

    name: str
    value: float
    reach: float
    unit: str = ""
    beside: str = ""

    @property
    def meets(self) -> bool:
        """As printed: what differs in the fourth digit is noise."""
        return float(_short(self.value)) <= float(_short(self.reach))

    def __str__(self) -> str:
        return _line(
            self.name,
            f"{_short(self.value)}{self.unit}",
            f"{_short(self.reach)}{self.unit}",
            "meets" if self.meets else "misses",
            self.beside,
        )


def heading() -> str:
    return _line("figure", "measured", "reach", "", "beside it")


def failed(group: str, error: Exception) -> str:
    """The line of a group that could not be measured."""
    return _line(group, "", "", "misses", f"did not run: {type(error).__name__}: {error}")


def _line(name: str, value: str, reach: str, verdict: str, beside: str) -> str:
    return f"{name:<{_WIDTH}}{value:>10}{reach:>10}  {verdict:<8}{beside}".rstrip()


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
