"""The button under an error: the one change that would mend it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from chatnb.errors import EmptyReply, Interrupted, InvalidInput, PartialReply, RequestFailed
from chatnb.exchanges import fault_of
from chatnb.playground.remedies import REMEDIES, exchange_remedies, remedies
from chatnb.records import Adjustment, Choice, Message, Origin, Reply, Request
from chatnb.wire.faults import Answer, Asked, broken_off, interrupted, rejected
from tests.cell_view.conftest import ended
from tests.project.house import PACKAGE

ASKED = Asked(host="api.openai.com", path="/v1/chat/completions", model="gpt-6-luna")
TOLD = Message("user", "Hi"), Message("assistant", "Hello")


def request(*before, embedded=False, conversation="main", **parameters):
    extra = parameters.pop("extra", {})
    return Request(
        "gpt-6-luna", (*before, Message("user", "And?")), parameters, extra, stream=True,
        embedded=embedded, origin=Origin("panel", conversation),
    )  # fmt: skip


def refused(status, asked=None, **body):
    """What is offered where the server answers so."""
    answer = Answer(status, {}, json.dumps({"error": {"message": "No.", **body}}))
    return remedies(rejected(answer, ASKED, 1), asked or request())


def changes(found):
    (remedy,) = found
    assert remedy["command"] == "set"
    return remedy["title"], remedy["args"]["values"]


@pytest.mark.parametrize("code", ["unsupported_value", "unsupported_parameter", "invalid_value"])
def test_a_refused_parameter_is_unset(code):
    found = refused(400, request(temperature=0.2), code=code, param="temperature")
    assert changes(found) == ("unset temperature", {"temperature": None})


def test_a_parameter_is_found_in_the_path_of_its_part():
    asked = request(response_format={"type": "json_object"})
    found = refused(400, asked, code="unsupported_value", param="response_format.type")
    assert changes(found) == ("unset response_format", {"response_format": None})
    found = refused(400, request(stop=["a"]), code="unsupported_value", param="stop[0]")
    assert changes(found) == ("unset stop", {"stop": None})


def test_what_was_not_set_or_is_no_parameter_cannot_be_unset():
    for param in ("temperature", "messages[0].role", "nonsense"):
        assert refused(400, code="unsupported_value", param=param) == []


def test_a_default_of_the_connection_is_not_the_users_to_unset():
    told = Adjustment("reasoning_effort", "reasoning_effort=none, chatnb's default for gpt-6-luna")
    asked = replace(request(reasoning_effort="none"), adjusted=(told,))
    assert refused(400, asked, code="unsupported_value", param="reasoning_effort") == []


def test_of_the_extra_fields_only_the_refused_one_is_left_out():
    asked = request(extra={"top_k": 5, "min_p": 0.1})
    found = refused(400, asked, code="unsupported_parameter", param="top_k")
    assert changes(found) == ("leave out top_k", {"extra": {"min_p": 0.1}})
    asked = request(extra={"top_k": 5})
    found = refused(400, asked, code="unsupported_parameter", param="top_k")
    assert changes(found) == ("leave out top_k", {"extra": None})


@pytest.mark.parametrize(
    "body",
    [
        {"code": "unsupported_parameter", "param": "max_tokens"},
        {"message": "Unsupported: 'max_tokens'. Use 'max_completion_tokens' instead."},
    ],
)
def test_the_newer_limit_takes_the_place_of_the_older_one(body):
    title, values = changes(refused(400, request(max_tokens=50), **body))
    assert title == "use max_completion_tokens"
    assert values == {"max_tokens": None, "max_completion_tokens": 50}


def test_a_model_that_may_not_be_streamed_is_asked_without():
    found = refused(400, code="unsupported_value", param="stream")
    assert changes(found) == ("send without streaming", {"stream": False})


def test_a_value_that_was_refused_before_anything_was_sent_is_unset():
    error = InvalidInput("Token ids.", kind="usage", param="logit_bias")
    assert changes(remedies(error)) == ("unset logit_bias", {"logit_bias": None})
    assert remedies(InvalidInput("Name a model.", kind="usage", param="model")) == []
    assert remedies(InvalidInput("Empty.", kind="usage")) == []


def cut(text="", adjusted=(), **parameters):
    reply = Reply((Choice(0, text, "length"),), adjusted=adjusted)
    asked = request(**parameters)
    return replace(ended(), request=asked, reply=reply, error=fault_of(reply, asked))


@pytest.mark.parametrize("text", ["", "cut in the mid"])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_that_cut_the_answer_is_doubled(text, name):
    exchange = cut(text, **{name: 600})
    assert isinstance(exchange.error, EmptyReply) is not bool(text)
    assert changes(exchange_remedies(exchange)) == (f"raise {name} to 1,200", {name: 1200})


def test_the_embedded_servers_own_limit_is_doubled_too():
    own = Adjustment("max_tokens", "the embedded server stops at 512", None, 512)
    exchange = cut("cut", adjusted=(own,))
    assert changes(exchange_remedies(exchange)) == (
        "raise max_tokens to 1,024",
        {"max_tokens": 1024},
    )
    assert exchange_remedies(cut("cut")) == []  # the context was full
    assert exchange_remedies(ended("Hi")) == []


def commands(found):
    return [remedy["command"] for remedy in found]


def test_partial_text_can_be_kept_or_asked_for_again():
    partial = Reply((Choice(0, "Half an ans"),))
    assert commands(remedies(broken_off(ASKED, partial), request())) == ["keep_partial", "retry"]
    assert commands(remedies(interrupted(ASKED, partial), request())) == ["keep_partial"]
    unknown = PartialReply("It broke off.", kind="cut", reply=partial)
    assert commands(remedies(unknown, request())) == ["keep_partial"]


def test_nothing_is_kept_where_there_is_no_text_or_no_conversation():
    assert remedies(interrupted(ASKED, Reply()), request()) == []
    partial = Reply((Choice(0, "Half an ans"),))
    assert commands(remedies(broken_off(ASKED, partial), request(conversation=None))) == ["retry"]
    assert remedies(Interrupted("Stopped.", kind="interrupted")) == []


@pytest.mark.parametrize(("name", "following"), [("main", "main 2"), ("tea 9", "tea 10")])
def test_a_conversation_that_is_too_long_goes_on_in_a_new_one(name, following):
    asked = request(*TOLD, conversation=name)
    (remedy,) = refused(400, asked, code="context_length_exceeded")
    assert (remedy["command"], remedy["args"]) == ("conversation", {"name": following})
    assert following in remedy["title"]


def test_a_prompt_that_is_too_long_by_itself_fits_nowhere():
    asked = request(Message("system", "Be brief."))
    assert refused(400, asked, code="context_length_exceeded") == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again(status):
    assert commands(refused(status)) == ["retry"]


@pytest.mark.parametrize("kind", ["connection", "timeout"])
def test_a_server_that_is_not_there_is_tried_again(kind):
    assert commands(remedies(RequestFailed("Gone.", kind=kind), request())) == ["retry"]


def test_without_a_key_or_credit_the_embedded_model_answers():
    for found in (
        refused(401),
        refused(429, code="insufficient_quota"),
        remedies(InvalidInput("No key.", kind="no_key")),
    ):
        assert commands(found) == ["connect"]
        assert found[0]["args"] == {"base_url": "local"}
    assert refused(401, request(embedded=True)) == []


def test_a_model_that_is_not_embedded_is_unset_and_elsewhere_it_is_the_users_choice():
    error = InvalidInput("It is not here.", kind="model_not_found", param="model")
    assert changes(remedies(error, request(embedded=True))) == ("unset model", {"model": None})
    assert refused(404, code="model_not_found") == []


@pytest.mark.parametrize("kind", ["permission", "not_found", "redirect", "bad_response", "new"])
def test_where_no_change_is_known_there_is_no_button(kind):
    assert remedies(RequestFailed("No.", kind=kind), request()) == []


def test_every_kind_of_the_table_is_one_that_occurs():
    sources = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    sources = sources.replace((PACKAGE / "playground" / "remedies.py").read_text(), "")
    said = set(re.findall(r'"([a-z_]+)"', sources))
    assert set(REMEDIES) <= said


def test_every_set_of_a_button_is_accepted_by_the_session():
    from chatnb.parameters import Parameters

    asked = request(max_tokens=50, temperature=1, extra={"top_k": 5, "b": 1})
    for param in ("max_tokens", "temperature", "top_k", "stream"):
        _, values = changes(refused(400, asked, code="unsupported_value", param=param))
        Parameters(**values)
