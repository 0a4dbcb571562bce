"""What stands for a session but is never sent and has no column: deadlines, limits and such."""

from __future__ import annotations

from chatnb.backend import Deadlines
from chatnb.parameter_kinds import Number, Text, Whole
from chatnb.parameters import Table

_GROUP = "settings"  # under none of the headings of what is sent


class Settings(Table):
    """The settings of a session; an unset one has its default.

    >>> Settings(idle_timeout=5).deadlines()
    Deadlines(connect=10.0, first_token=120.0, idle=5)
    """

    conversation = Text("The conversation that cells continue.", group=_GROUP, api_default="main")
    connect_timeout = Number(
        "Seconds to wait for a connection.", 0.01, 86_400, group=_GROUP, api_default="10"
    )
    first_token_timeout = Number(
        "Seconds to wait for the first token.", 0.01, 86_400, group=_GROUP, api_default="120"
    )
    idle_timeout = Number(
        "Seconds to wait between two tokens.", 0.01, 86_400, group=_GROUP, api_default="60"
    )

    budget = Number(
        "US dollars that this kernel may spend; at the limit nothing more is sent.",
        0, group=_GROUP, api_default="no limit",
    )  # fmt: skip
    max_requests = Whole(
        "Requests an hour that this kernel may send, but to the embedded model.",
        1, group=_GROUP, api_default="200",
    )  # fmt: skip

    def deadlines(self) -> Deadlines:
        asked = {
            "connect": self.connect_timeout,
            "first_token": self.first_token_timeout,
            "idle": self.idle_timeout,
        }
        return Deadlines(**{name: value for name, value in asked.items() if value is not None})
