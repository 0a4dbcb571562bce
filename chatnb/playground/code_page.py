"""The code page: what would be sent now, as Python, as a cell, as curl and as JSON."""

from __future__ import annotations

from typing import Any

from chatnb.errors import ChatError
from chatnb.prompts import Asked
from chatnb.request_code import cell_code, curl_code, json_code, python_code
from chatnb.sessions import Session

Event = dict[str, Any]

LONGEST = 1_000_000  # characters; all forms travel with each move of a slider
PLACEHOLDER = "Your prompt"  # while nothing is typed


def code_event(session: Session, draft: str) -> Event:
    """The `code` event: the request that Send would make of this draft.

    A server is asked only for what it alone knows: its model where none is named, the token ids of
    a word in logit_bias.
    """
    try:
        request = session.prepared(Asked(draft if draft.strip() else PLACEHOLDER, source="panel"))
        connection = session.connection
        shown = {
            "python": python_code(request, connection),
            "cell": cell_code(request),
            "curl": curl_code(request, connection),
            "json": json_code(request),
        }
    except ChatError as error:
        return {"event": "code", "line": error.line}
    if (longest := max(map(len, shown.values()))) > LONGEST:
        line = f"This request has {longest:,} characters: too long for this page. "
        return {"event": "code", "line": f"{line}In a cell, %%chat --dry-run shows it."}
    # It is copied, and inserted as a cell: a key that was typed into the prompt stays out of it.
    safe = {name: session.log.redacted(code) for name, code in shown.items()}
    return {"event": "code", "line": "", **safe}
