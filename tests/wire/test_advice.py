"""A fault's line ends with the one change that would mend it, where there is one."""

from __future__ import annotations

import json

import pytest

from chatnb.magics.standing import assignments
from chatnb.wire import faults
from chatnb.wire.faults import Answer, Asked


def line_of(status: int, base_url: str = "https://host.example/v1", **error: str) -> str:
    body = json.dumps({"error": {"message": "no.", **error}})
    path = base_url.partition("example")[2] + "/chat/completions"
    asked = Asked("host.example", path, "tiny", base_url=base_url, keys=("k",))
    return faults.rejected(Answer(status, {}, body), asked, 1).line


@pytest.mark.parametrize(
    ("status", "error", "ends"),
    [
        (
            400, {"code": "unsupported_value", "param": "temperature"},
            "unset it. %chat_set temperature=unset, or --temperature unset in a cell.",
        ),
        (
            400, {"code": "unsupported_parameter", "param": "max_tokens"},
            "unset it. %chat_set max_tokens=unset, and max_completion_tokens in its place.",
        ),
        (
            400, {"code": "unsupported_value", "param": "stream"},
            "unset it. %chat_set stream=False, or --no-stream in a cell.",
        ),
        (
            400, {"param": "response_format.type"},
            "no. %chat_set response_format=unset, or --response_format unset in a cell.",
        ),
        (400, {"param": "messages"}, "(400): no."),
        (400, {}, "(400): no."),
        (
            400, {"code": "context_length_exceeded"},
            "undo turns or reset. %chat_undo takes back one turn, %chat_reset all of them.",
        ),
        (404, {"code": "model_not_found"}, "-m NAME in a cell, names another."),
        (429, {}, "after 1 try. Run the cell again later."),
        (429, {"code": "insufficient_quota"}, "account. %chat_connect local goes on with the "
         "embedded model."),
    ],
)  # fmt: skip
def test_the_line_names_what_mends_it(status, error, ends):
    assert line_of(status, **error).endswith(ends)


@pytest.mark.parametrize(
    ("base_url", "better"),
    [
        ("https://host.example", " %chat_connect https://host.example/v1"),
        ("https://host.example/api", " %chat_connect https://host.example/api/v1"),
        ("https://host.example/v1/chat/completions", " %chat_connect https://host.example/v1"),
        ("https://host.example/v1", ""),
        ("https://host.example/api/v2/", ""),
    ],
)
def test_a_wrong_base_url_is_put_right(base_url, better):
    assert line_of(404, base_url).endswith(f"Does base_url end in /v1?{better}")


def test_what_is_advised_can_be_typed():
    advised = line_of(400, code="unsupported_value", param="temperature")
    assert assignments(advised.partition("%chat_set ")[2].partition(",")[0]) == {
        "temperature": None
    }
