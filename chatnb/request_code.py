"""A request as code that sends it: today's `openai` Python, a `%%chat` cell, curl, and its JSON.

Each gives the server the same JSON body. No key is ever in the code, only its variable's name.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from chatnb.backend import Connection
from chatnb.code_literals import json_text, python_call, python_text, shell_quoted, shell_variable
from chatnb.parameters import Parameters
from chatnb.records import Request
from chatnb.request_cell import cell_code

# The fields that `create` of openai 3.54 takes besides chatnb's parameters; it has extra_body for
# all others.
_FURTHER_ARGUMENTS = (
    "messages", "stream_options", "audio", "function_call", "functions", "modalities",
    "moderation", "parallel_tool_calls", "prediction", "prompt_cache_options",
    "prompt_cache_retention", "tool_choice", "tools", "web_search_options",
)  # fmt: skip

# Linux gives one argument of a command at most 128 KiB.
_LONGEST_ARGUMENT = 100_000

# By whether there are several choices.
_PRINT_STREAM = {
    False: """for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)""",
    True: """texts = {}
for chunk in stream:
    for choice in chunk.choices:
        texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
for index in sorted(texts):
    print(f"[{index}] {texts[index]}")""",
}
_PRINT_COMPLETION = {
    False: "print(completion.choices[0].message.content)",
    True: """for choice in completion.choices:
    print(f"[{choice.index}] {choice.message.content}")""",
}


def json_code(request: Request) -> str:
    """The body of the request, indented.

    >>> print(json_code(Request("tiny", ())))
    {
      "model": "tiny",
      "messages": [],
      "stream": false
    }
    """
    return json_text(request.body(), indent=2)


def curl_code(request: Request, connection: Connection) -> str:
    """One curl command for a POSIX shell that sends the request.

    >>> print(curl_code(Request("tiny", ()), Connection("http://127.0.0.1:8000/v1", key="KEY")))
    curl http://127.0.0.1:8000/v1/chat/completions \\
      -H "Content-Type: application/json" \\
      -H "Authorization: Bearer $KEY" \\
      --data '{
        "model": "tiny",
        "messages": [],
        "stream": false
      }'

    The embedded model's address and token change, so there a line before it asks chatnb for them.
    """
    before, url, key = "", shell_quoted(f"{connection.base_url}/chat/completions"), connection.key
    authorization = [f'-H "Authorization: Bearer {shell_variable(key)}"'] if key else []
    if connection.embedded:
        before, url = _asking_for_local(connection), '"$base_url/chat/completions"'
        authorization = ['-H "Authorization: Bearer $token"']
    curl = "curl --no-buffer" if _streams(request) else "curl"
    body = _curl_data(json_code(request))
    lines = [f"{curl} {url}", '-H "Content-Type: application/json"', *authorization, body]
    return _remarks(request, connection) + before + " \\\n  ".join(lines)


def python_code(request: Request, connection: Connection) -> str:
    """Python that sends the request with the `openai` package and prints the answer.

    A stream of one choice is printed as it comes. With the embedded model the client is made by
    `chatnb.connect("local")`, which also is the kernel's connection from then on.
    """
    body = request.body()
    named = known_arguments()
    unknown = {name: value for name, value in body.items() if name not in named}
    arguments = {name: value for name, value in body.items() if name in named}
    arguments |= {"extra_body": unknown} if unknown else {}
    create = f"client.chat.completions.create{python_call(**arguments)}\n"
    several = isinstance(body.get("n"), int) and body["n"] > 1
    if _streams(request):
        answer = f"stream = {create}{_PRINT_STREAM[several]}"
    else:
        answer = f"completion = {create}{_PRINT_COMPLETION[several]}"
    return _remarks(request, connection) + _client(connection) + answer


def known_arguments() -> frozenset[str]:
    """The fields of a request that are arguments of the SDK's `create`."""
    return frozenset({*Parameters.table(), *_FURTHER_ARGUMENTS} - {"extra"})


def _streams(request: Request) -> bool:
    return request.body().get("stream") is True


def _client(connection: Connection) -> str:
    """The lines that make the SDK's client."""
    if connection.embedded:
        options = f"**{_local(connection)}.client_options()"
        return f"import chatnb\nimport openai\n\nclient = openai.OpenAI({options})\n"
    imports, key = "import openai", '"no-key-needed"'  # without any the SDK refuses to start
    if connection.key:
        imports, key = "import os\n\nimport openai", f"os.environ[{python_text(connection.key)}]"
    arguments = f"    base_url={python_text(connection.base_url)},\n    api_key={key},\n"
    return f"{imports}\n\nclient = openai.OpenAI(\n{arguments})\n"


def _local(connection: Connection) -> str:
    path: Any = getattr(connection, "path", None)
    named = f", path={python_text(path)}" if path else ""
    return f'chatnb.connect("local"{named})'


def _asking_for_local(connection: Connection) -> str:
    options = f"**{_local(connection)}.client_options()"
    script = f'import chatnb; print("base_url={{base_url}} token={{api_key}}".format({options}))'
    return (
        "# The embedded model's address and token change each time its server starts.\n"
        f'eval "$({_python()} -c {shell_quoted(script)})"\n'
    )


def _python() -> str:
    """What runs the Python that has chatnb: by its path, unless it is the one named `python`."""
    here, named = Path(sys.executable), shutil.which("python")
    return "python" if named and Path(named).parent == here.parent else shell_quoted(str(here))


def _remarks(request: Request, connection: Connection) -> str:
    """What has to be known before the code runs, as comments."""
    remarks = []
    if connection.key and connection.secret is not None:
        remarks.append(f"# Set {connection.key} first: chatnb has this key in its memory only.\n")
    if connection.embedded:
        split = (note.why for note in request.adjusted if note.field == "n")
        remarks += [f"# From chatnb, n is {why}.\n" for why in split]
    return "".join(remarks)


def _curl_data(body: str) -> str:
    if len(body.encode()) > _LONGEST_ARGUMENT:
        return f"--data @- <<'JSON'\n{body}\nJSON"
    indented = body.replace("\n", "\n  ")
    return f"--data {shell_quoted(indented)}"


__all__ = ["cell_code", "curl_code", "json_code", "known_arguments", "python_code"]
