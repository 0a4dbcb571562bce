"""Every request parameter, from `%%chat` in a real kernel to the bytes that a server received."""

from __future__ import annotations

import json

import pytest

from chatnb.parameters import Parameters

# The option as typed, and the value that must stand in the body under the same name.
TYPED = [
    ("--temperature 0", {"temperature": 0}),
    ("--temperature 0.5", {"temperature": 0.5}),
    ("--top_p=0", {"top_p": 0}),
    ("--n 2", {"n": 2}),
    ("--no-stream", {"stream": False}),
    ("--stream", {"stream": True}),
    ("--stop 5", {"stop": "5"}),
    ("""--stop '["a b", "c"]'""", {"stop": ["a b", "c"]}),
    ('--stop "\\n"', {"stop": "\n"}),
    ("--max_tokens 1", {"max_tokens": 1}),
    ("--presence_penalty -2", {"presence_penalty": -2}),
    ("--frequency_penalty 0", {"frequency_penalty": 0}),
    ('--logit_bias {"50256": -100, "7": 0}', {"logit_bias": {"50256": -100, "7": 0}}),
    ('--user ""', {"user": ""}),
    ("--user 'Ann B'", {"user": "Ann B"}),
    ("--max_completion_tokens 7", {"max_completion_tokens": 7}),
    ("--seed 0", {"seed": 0}),
    ("--logprobs", {"logprobs": True}),
    ("--no-logprobs", {"logprobs": False}),
    ("--top_logprobs 0", {"top_logprobs": 0}),
    ("--reasoning_effort none", {"reasoning_effort": "none"}),
    ("--verbosity low", {"verbosity": "low"}),
    (
        """--response_format '{"type": "json_object"}'""",
        {"response_format": {"type": "json_object"}},
    ),
    ("--service_tier flex", {"service_tier": "flex"}),
    ("--no-store", {"store": False}),
    ('--metadata {"lesson": "one"}', {"metadata": {"lesson": "one"}}),
    ("--safety_identifier abc", {"safety_identifier": "abc"}),
    ("--prompt_cache_key k", {"prompt_cache_key": "k"}),
    ('--extra {"top_k": 5, "cache_prompt": false}', {"top_k": 5, "cache_prompt": False}),
    ("-m burst", {"model": "burst"}),
    ("-s 'Be brief'", {}),
]
ALWAYS = {"model", "messages", "stream", "stream_options"}


def test_every_parameter_is_tried():
    tried = {name for typed, _ in TYPED for name in [typed.split()[0].lstrip("-").split("=")[0]]}
    tried = {name.removeprefix("no-") for name in tried} | {"model"}
    assert set(Parameters.table()) <= tried


@pytest.mark.kernel
def test_what_is_set_is_sent_exactly_so_and_what_is_unset_is_absent(chat_kernel, server):
    for typed, expected in TYPED:
        ran = chat_kernel.run(f"%%chat --fresh {typed}\nHi")
        assert ran.error is None, (typed, ran.error)
        body = server.requests[-1].body.decode()
        received = json.loads(body)
        for name, value in expected.items():
            assert received[name] == value, typed
            assert f'"{name}":{json.dumps(value, separators=(",", ":"))}' in body, typed
            assert type(received[name]) is type(value), typed
        assert set(received) - ALWAYS == set(expected) - ALWAYS, typed
    assert server.requests[-1].json["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Hi"},
    ]


@pytest.mark.kernel
def test_a_bare_request_has_only_what_chatnb_must_send(chat_kernel, server):
    chat_kernel.run("%chat Hi")
    assert server.requests[-1].json == {
        "model": "echo",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    chat_kernel.run("import chatnb; reply = chatnb.ask('Hi', stop=['x'])")
    assert server.requests[-1].json == {
        "model": "echo",
        "messages": [{"role": "user", "content": "Hi"}],
        "stop": ["x"],
        "stream": False,
    }


@pytest.mark.kernel
def test_all_roles_and_hand_written_turns_are_sent_as_given(chat_kernel, server):
    messages = [
        {"role": "system", "content": "You help."},
        {"role": "developer", "content": "Politely."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "Ann"},
        {"role": "assistant", "content": "Hello"},
    ]
    chat_kernel.run(f"import chatnb; chatnb.session().load({messages!r})")
    chat_kernel.run("%chat And then?")
    sent = [*messages, {"role": "user", "content": "And then?"}]
    assert server.requests[-1].json["messages"] == sent


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%chat --temperature 2.5 Hi", "temperature is a number from 0 to 2, not 2.5"),
        ("%chat --top_p -1 Hi", "top_p is a number from 0 to 1"),
        ('%chat --stop ["1","2","3","4","5"] Hi', "stop is a text or a list of 1 to 4 texts"),
        ("%chat --temprature 1 Hi", "Did you mean --temperature?"),
        ('import chatnb; chatnb.ask("Hi", temperature=True)', "temperature is a number"),
        ('import chatnb; chatnb.ask("Hi", tempature=1)', "Did you mean temperature?"),
    ],
)
def test_a_wrong_value_is_one_line_and_nothing_is_sent(chat_kernel, server, cell, said):
    ran = chat_kernel.run(cell)
    assert ran.status == "error"
    assert ran.error is not None
    assert len(ran.error["traceback"]) == 1
    assert said in ran.error["traceback"][0]
    assert server.requests == []
