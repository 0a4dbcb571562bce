"""A request as Python, as a `%%chat` cell, as curl and as JSON: all of them the same body."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatnb.backend import Connection
from chatnb.conversation import Conversation
from chatnb.local.connection import LocalConnection
from chatnb.magics import _only_prompt
from chatnb.magics.cell_prompts import kept
from chatnb.magics.magic_line import filled
from chatnb.magics.magic_options import parsed
from chatnb.parameters import Parameters
from chatnb.prompts import Asked, request_for
from chatnb.records import Adjustment, Message, Origin, Request
from chatnb.request_code import cell_code, curl_code, json_code, known_arguments, python_code

CONNECTION = Connection("http://127.0.0.1:9/v1", model="fake", key="MY_KEY")

PIECES = (
    "'", '"', '"""', "\\", "\\n", "{{name}}", "{{", "}", "[", "]", "$HOME", "`ls`", "%", "!", "#",
    "?", "%%chat", "--raw", "-s", "unset", "JSON", "word", ">>> ", "...: ", "In [1]: ", " ", "\t",
    "\n", "\r", "\0", "\x0b", "\x85", "\u2028", "\u202e", "\ufeff", "\U000e0067", "é", "🎉",
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
texts |= st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
prompts = texts.filter(str.strip)
labels = st.dictionaries(texts.filter(lambda text: len(text) <= 64), texts, max_size=3)
numbers = st.floats(-2, 2) | st.integers(-2, 2)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
parameters = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2) | st.integers(0, 2),
        "presence_penalty": numbers,
        "n": st.integers(1, 3),
        "seed": st.integers(-(2**63), 2**63 - 1),
        "stop": texts.filter(bool) | st.lists(texts.filter(bool), min_size=1, max_size=4),
        "logprobs": st.booleans(),
        "logit_bias": st.dictionaries(st.integers(0).map(str), st.integers(-100, 100), max_size=3),
        "user": texts,
        "reasoning_effort": st.sampled_from(["none", "high"]),
        "response_format": st.dictionaries(texts, json_values, max_size=3),
        "metadata": labels,
    },
)
own = {"model", "messages", "stream", "stream_options"}
extras = st.dictionaries(texts | st.just("extra") | st.just("timeout"), json_values, max_size=3)
extras = extras.filter(lambda extra: not own & extra.keys())


@st.composite
def requests(draw):
    """Any first request of a conversation that chatnb would send."""
    system = draw(st.none() | prompts)
    messages = () if system is None else (Message("system", system),)
    messages += (Message("user", draw(prompts)),)
    return Request(
        draw(texts.filter(bool)), messages, draw(parameters), draw(extras), draw(st.booleans())
    )


def asking(prompt="Hi", system=None, history=(), **fields):
    messages = () if system is None else (Message("system", system),)
    messages += (*history, Message("user", prompt))
    return Request(**{"model": "echo", "messages": messages, "stream": True} | fields)


def assert_same(body, expected):
    """Equal, and 0 is neither 0.0 nor False."""
    assert json.dumps(body, sort_keys=True) == json.dumps(expected, sort_keys=True)


def transformed(cell):
    """The Python that IPython makes of a cell once the extension is loaded."""
    from IPython.core.inputtransformer2 import TransformerManager

    manager = TransformerManager()
    manager.cleanup_transforms.insert(0, kept)
    return manager.transform_cell(cell)


def sent_by_cell(cell):
    """The body that the cell sends in an empty session, as IPython and the magics read it."""
    code = ast.parse(transformed(cell))
    call = code.body[-1].value
    arguments = [ast.literal_eval(argument) for argument in call.args]
    named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    if ast.unparse(call.func) == "chatnb.session().send":
        options = {name: named.pop(name) for name in ("system", "fresh") if name in named}
        return sent(Asked(arguments[0], named, **options))
    assert ast.unparse(call.func) == "get_ipython().run_cell_magic"
    _, line, body = arguments
    options, rest = parsed(line, {"name": "filled"})
    prompt = _only_prompt(rest, body)
    prompt = prompt if options.raw else filled(prompt, {"name": "filled"})
    return sent(Asked(prompt, options.parameters, options.system, fresh=options.fresh))


def sent(asked):
    merged = Parameters().merged(asked.parameters)
    return request_for(asked, Conversation("old"), merged, CONNECTION, stream=True).body()


def sent_by_python(code):
    """The body that the call of `create` in the code makes."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    create = next(call for call in calls if ast.unparse(call.func).endswith("completions.create"))
    named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in create.keywords}
    return named | named.pop("extra_body", {})


def words_of_curl(code):
    """The arguments that a real shell hands to curl."""
    spied = f"""curl() {{ for word; do printf '%s\\0' "$word"; done; }}\n{code}"""
    done = subprocess.run(
        ["sh", "-c", spied], capture_output=True, check=True, env={"MY_KEY": "secret"}
    )
    return done.stdout.decode().split("\0")[:-1]


@given(requests())
@example(asking("  {{name}} \n\n", "It's {{name}}", stream=False))
@example(asking("a\n>>> 1 + 1\n2"))
@example(asking("a\n   >>> 1 + 1"))
@example(asking("   ...: and"))
@example(asking("In [7]: 1 + 1"))
@example(asking("\n\n%%chat?\nis that so?"))
@example(asking(system='You say "it\'s"'))
@example(asking(system="two\nlines"))
@example(asking(system="ends in \\"))
@example(asking(system="ends in \\\\"))
@example(asking(system="unset"))
@example(asking(parameters={"stop": "unset"}))
@example(asking(parameters={"stop": "[1]"}))
@example(asking(parameters={"user": "{}"}))
@example(asking(parameters={"user": ""}))
@example(asking(parameters={"metadata": {}, "temperature": 0, "logprobs": False}))
@example(asking(extra={"a": {"b": "}} {{name}} ]"}, "c\u2028": '\\"'}))
@settings(max_examples=300, deadline=None)
def test_a_cell_is_read_back_as_the_same_request(request_):
    assert_same(sent_by_cell(cell_code(request_)), request_.body())


@given(requests())
@example(asking(extra={"extra": 1, "extra_body": 2, "timeout": None, "tools": []}))
@settings(max_examples=200, deadline=None)
def test_python_calls_the_sdk_with_the_same_body(request_):
    assert_same(sent_by_python(python_code(request_, CONNECTION)), request_.body())


@given(requests())
@settings(max_examples=100, deadline=None)
def test_a_shell_hands_curl_the_same_body(request_):
    words = words_of_curl(curl_code(request_, CONNECTION))
    assert_same(json.loads(words[words.index("--data") + 1]), request_.body())
    assert_same(json.loads(json_code(request_)), request_.body())


def test_every_field_that_the_sdk_names_is_an_argument_of_its_own():
    from openai.resources.chat.completions import Completions

    named = set(inspect.signature(Completions.create).parameters)
    about_the_call = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
    assert known_arguments() == named - about_the_call


def test_python_is_what_the_sdk_documentation_would_say():
    request = asking(
        'What\'s "it"?\n',
        "Be brief.",
        parameters={"temperature": 0, "stop": ["END"]},
        extra={"top_k": 5},
    )
    assert (
        python_code(request, CONNECTION)
        == r"""import os

import openai

client = openai.OpenAI(
    base_url="http://127.0.0.1:9/v1",
    api_key=os.environ["MY_KEY"],
)
stream = client.chat.completions.create(
    model="echo",
    messages=[
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What's \"it\"?\n"},
    ],
    temperature=0,
    stop=["END"],
    stream=True,
    stream_options={"include_usage": True},
    extra_body={"top_k": 5},
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"""
    )


def test_python_breaks_what_is_long_and_keeps_a_message_on_one_line():
    schema = {"name": "n" * 70, "strict": True, "schema": {}}
    form = {"type": "json_schema", "json_schema": schema}
    code = python_code(asking("x" * 200, parameters={"response_format": form}), CONNECTION)
    assert f'        {{"role": "user", "content": "{"x" * 200}"}},\n' in code
    assert (
        """    response_format={
        "type": "json_schema",
        "json_schema": {
            "name": "%s",
            "strict": True,
            "schema": {},
        },
    },
"""
        % ("n" * 70)
    ) in code


def test_a_cell_is_as_one_would_type_it():
    request = asking(
        "Who was {it}?\n\nIn $5 \\frac{1}{2}",
        "Be brief.",
        parameters={
            "temperature": 0.2, "stop": ["END", "4."], "logprobs": False, "user": "it's",
            "stop ": 1,
        },
        extra={"top_k": 5},
        stream=False,
    )  # fmt: skip
    assert cell_code(request) == (
        '%%chat --fresh -m echo -s \'Be brief.\' --temperature 0.2 --stop ["END", "4."] '
        '--no-logprobs --user "it\'s" --no-stream --extra {"stop ": 1, "top_k": 5}\n'
        "Who was {it}?\n\nIn $5 \\frac{1}{2}"
    )


def test_a_cell_with_history_continues_the_conversation_it_runs_in():
    history = (Message("user", "Hi"), Message("assistant", "Hello"))
    request = asking("And then?", "Be brief.", history)
    assert cell_code(request) == "%%chat -m echo -s 'Be brief.'\nAnd then?"
    named = asking("And then?", None, history, origin=Origin(conversation="old pirates"))
    assert cell_code(named) == "%%chat -c 'old pirates' -m echo\nAnd then?"
    main = asking("And then?", None, history, origin=Origin(conversation="main"))
    assert cell_code(main) == "%%chat -m echo\nAnd then?"


def test_a_cell_names_no_model_where_there_is_but_one_or_none_yet():
    assert cell_code(asking(embedded=True)) == "%%chat --fresh\nHi"
    assert cell_code(asking(model="")) == "%%chat --fresh\nHi"


def test_what_a_cell_cannot_spell_is_python_on_the_same_session():
    assert cell_code(asking(system="Be\nbrief.", stream=False)) == r'''# %%chat cannot spell a system message with line breaks, so this is Python.
import chatnb

chatnb.session().send(
    "Hi",
    fresh=True,
    model="echo",
    system="Be\nbrief.",
    stream=False,
)'''  # fmt: skip # noqa: E501


def test_a_front_end_would_change_carriage_returns_so_they_are_no_cell():
    assert cell_code(asking("a\r\nb")).startswith(
        "# %%chat cannot spell a prompt with carriage ret"
    )


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (Message("user", "Hi"), Message("assistant", "Hello")),
        (Message("user", [{"type": "text", "text": "Hi"}]),),
        (Message("user", "Hi", {"name": "Ann"}),),
        (Message("user", " \n"),),
    ],
)
def test_a_request_that_ends_in_no_prompt_is_no_cell(messages):
    code = cell_code(Request("echo", messages))
    assert code.startswith("# No cell sends this request")
    assert "\n" not in code


def test_curl_is_one_command():
    assert curl_code(asking("it's"), CONNECTION) == r"""curl --no-buffer http://127.0.0.1:9/v1/chat/completions \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $MY_KEY" \
  --data '{
    "model": "echo",
    "messages": [
      {
        "role": "user",
        "content": "it'\''s"
      }
    ],
    "stream": true,
    "stream_options": {
      "include_usage": true
    }
  }'"""  # fmt: skip # noqa: E501
    assert "--no-buffer" not in curl_code(asking(stream=False), CONNECTION)


def test_a_shell_puts_the_key_into_the_header():
    words = words_of_curl(curl_code(asking(), CONNECTION))
    assert "Authorization: Bearer secret" in words
    odd = Connection("http://127.0.0.1:9/v1", key='MY-KEY"; exit 1; "')
    assert "Authorization: Bearer " in words_of_curl(curl_code(asking(), odd))


def test_without_a_key_none_is_sent():
    connection = Connection("http://127.0.0.1:9/v1")
    assert "Authorization" not in curl_code(asking(), connection)
    assert 'api_key="no-key-needed"' in python_code(asking(), connection)


def test_a_typed_key_is_in_no_code_and_its_variable_must_be_set_first():
    connection = Connection("http://127.0.0.1:9/v1", key="MY_KEY", secret="hidden")
    for code in (python_code(asking(), connection), curl_code(asking(), connection)):
        assert code.startswith("# Set MY_KEY first: chatnb has this key in its memory only.\n")
        assert "hidden" not in code


def test_the_embedded_model_is_asked_for_where_it_is(tmp_path):
    local = LocalConnection()
    python, curl = python_code(asking(), local), curl_code(asking(), local)
    assert 'client = openai.OpenAI(**chatnb.connect("local").client_options())' in python
    assert curl.startswith("# The embedded model's address and token change each time")
    assert 'curl --no-buffer "$base_url/chat/completions"' in curl
    assert '"Authorization: Bearer $token"' in curl
    path = str(tmp_path / "it's.gguf")
    own = LocalConnection(path=path)
    assert f'chatnb.connect("local", path="{path}")' in python_code(asking(), own)


def test_what_chatnb_would_split_for_the_embedded_model_is_said():
    note = Adjustment("n", "sent as 2 requests: the embedded server gives 4 choices at once")
    request = asking(parameters={"n": 8}, adjusted=(note,))
    said = "# From chatnb, n is sent as 2 requests: the embedded server gives 4 choices at once.\n"
    assert said in python_code(request, LocalConnection())
    assert said in curl_code(request, LocalConnection())
    assert said not in curl_code(request, CONNECTION)


def test_what_nobody_sees_is_shown_as_an_escape():
    request = asking("é🎉 \u202e\u200b\U000e0067\x7f")
    assert '"é🎉 \\u202e\\u200b\\udb40\\udc67\\u007f"' in json_code(request)
    assert '"é🎉 \\u202e\\u200b\\U000e0067\\x7f"' in python_code(request, CONNECTION)
