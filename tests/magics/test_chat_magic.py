"""`%%chat` and `%chat`: what is typed reaches the model, and nothing else does."""

from __future__ import annotations

import contextlib

import pytest

import chatnb
from chatnb.errors import InvalidInput, RequestFailed
from chatnb.parameter_kinds import Flag, OneOf
from chatnb.parameters import Parameters
from chatnb.token_bias import spellings
from tests.fake_backend import reply


def prompt_of(request):
    return request.messages[-1].content


def test_a_cell_is_sent_and_its_answer_is_shown(magics, sent, capsys):
    magics.run_cell("%%chat\nWho was it?")
    assert prompt_of(sent()) == "Who was it?"
    assert "fine" in capsys.readouterr().out


def test_a_cell_has_no_value(magics):
    assert magics.run_cell("%%chat\nHi").result is None
    assert magics.run_cell("%chat Hi").result is None


@pytest.mark.parametrize(
    "prompt",
    [
        "Who was it?",
        "What??",
        "hi {boom()} {x} $HOME ${x} {{not closed",
        "\\frac{a}{b} \\(z\\) $a*b*c$ C:\\new",
        'it\'s "quoted" ; # no comment',
        "--- dashes",
    ],
)
@pytest.mark.parametrize("form", ["%chat {}", "%%chat\n{}", "x = %chat {}", "if 1:\n    %chat {}"])
def test_a_prompt_reaches_the_model_byte_for_byte(magics, sent, prompt, form):
    magics.run_cell(form.replace("{}", prompt))
    assert prompt_of(sent()) == prompt


def test_the_lines_of_a_cell_reach_the_model_byte_for_byte(magics, sent):
    cell = "  first\n\n\tsecond  \n%chat not a magic?\n!ls\n"
    magics.run_cell("%%chat\n" + cell)
    assert prompt_of(sent()) + "\n" == cell


@pytest.mark.parametrize(
    "prompt",
    [
        "hello\n>>> 1 + 1\n    2", "  >>> 1\n  ... 2", "In [1]: 1 + 1\n   ...: 2", "...: and so on",
        ">>>\n", '"""\n>>> 1\n"""', "\n\n  [ins] In [2]: 1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "\n \n"])
def test_a_prompt_that_looks_like_a_session_is_sent_as_it_is(magics, sent, before, prompt):
    magics.run_cell(f"{before}%%chat --temperature 0\n{prompt}\n")
    assert prompt_of(sent()) == prompt
    assert sent().parameters == {"temperature": 0}


def test_a_pasted_session_is_still_read_without_its_prompts(magics, sent):
    magics.run_cell("In [1]: %%chat\n   ...: hello\n   ...: there")
    assert prompt_of(sent()) == "hello\nthere"
    magics.run_cell(">>> x = 1\n>>> y = 2")
    assert (magics.user_ns["x"], magics.user_ns["y"]) == (1, 2)


def test_a_terminal_goes_on_asking_for_the_lines_of_a_cell(magics):
    state = magics.check_complete
    assert [state(cell)[0] for cell in ("%%chat", "%%chat\nhello", "%%chat\nhello\n\n")] == [
        "incomplete", "incomplete", "complete",
    ]  # fmt: skip


def test_a_question_mark_right_after_the_name_is_still_the_manual(magics, backend, capsys):
    magics.run_cell("%chat?")
    magics.run_cell("%%chat?")
    assert "--temperature NUMBER" in capsys.readouterr().out
    assert backend.requests == []


def test_a_question_inside_a_long_text_is_left_alone(magics):
    magics.run_cell('text = """\n%chat Who was it?\n"""')
    assert magics.user_ns["text"] == "\n%chat Who was it?\n"


def test_the_manual_names_every_option_and_range(magics, capsys):
    magics.run_cell("%%chat?")
    manual = capsys.readouterr().out
    words = " ".join(manual.split())
    for name, kind in Parameters.table().items():
        assert f"--{name}" in manual
        if not isinstance(kind, Flag | OneOf) and kind.range != "a text":
            assert kind.range[1:] in words


def test_whole_references_are_filled_and_never_become_options(magics, sent):
    magics.user_ns |= {"name": "--temperature 2", "table": [1, 2]}
    magics.run_cell("%chat {{name}} {{table}} {name}")
    assert prompt_of(sent()) == "--temperature 2 [1, 2] {name}"
    assert sent().parameters == {}
    magics.run_cell("%%chat -s '{{name}}' --raw\n{{name}}")
    assert [message.content for message in sent().messages][::3] == ["{{name}}", "{{name}}"]


def test_a_variable_of_the_function_around_is_found(magics, sent):
    magics.run_cell("def f(inside):\n    %chat {{inside}}\nf('here')")
    assert prompt_of(sent()) == "here"


def test_a_dataframe_is_inserted_as_its_text(magics, sent):
    magics.run_cell("import pandas\ntable = pandas.DataFrame({'a': [1, 2]})")
    magics.run_cell("%chat Explain {{table}}")
    assert prompt_of(sent()) == f"Explain {magics.user_ns['table']}"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%chat {{missing}}", "no variable missing"),
        ("%chat --temprature 1 Hi", "Did you mean --temperature"),
        ("%chat --temp 1 Hi", "no option --temp"),
        ("%chat --temperature 3 Hi", "a number from 0 to 2"),
        ("%chat --temperature hot Hi", "a number from 0 to 2"),
        ("%chat --stop [1,2,3,4,5] Hi", "1 to 4 texts"),
        ("%chat --logit_bias {oops} Hi", "JSON"),
        ("%chat --logit_bias [1 Hi", "bracket is not closed"),
        ("%chat", "prompt is empty"),
        ("%%chat\n \n", "prompt is empty"),
        ("%%chat Hello\nthere", "the prompt goes below it"),
        ("%%chat -o 1x\nHi", "-o takes the name of a variable"),
        ("%chat_set temperatur=1", "Did you mean temperature"),
        ("%chat_set 5", "takes name=value"),
        ("%chat_set temperature=3", "not 3: nothing was changed."),
        ("%chat_set temperature=None", "changed. temperature=unset clears it."),
        ("%chat_set temperature=0.2, top_p=1", "A blank, no comma, stands between two"),
        ("%chat --fresh -c other Hi", "--fresh leaves the conversation out"),
        ("%chat_undo 3", "takes nothing"),
        ("%chat_undo", "nothing to undo"),
        ("%chat_redo", "nothing to redo"),
        ("%chat_log everything", "takes nothing, or all"),
        ("%chat_connect local http://x", "does not understand"),
        ("%chat_connect local --modell x", "Did you mean --model? See %chat_connect?"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_sent(magics, backend, cell, said):
    with pytest.raises(InvalidInput) as caught:
        magics.run_cell(cell)
    assert said in caught.value.line
    assert "\n" not in caught.value.line
    assert backend.requests == []
    assert len(chatnb.log()) == 0


def test_options_live_for_their_cell(magics, sent):
    magics.run_cell("%chat_set temperature=0 stop=END")
    magics.run_cell("%%chat --top_p 0.5 --stop unset --no-stream\nHi")
    assert sent().parameters == {"temperature": 0, "top_p": 0.5}
    assert sent().stream is False
    magics.run_cell("%chat again")
    assert sent().parameters == {"temperature": 0, "stop": "END"}
    assert sent().stream is True


def test_a_standing_flag_is_unset_for_a_cell_like_any_other_value(magics, sent):
    magics.run_cell("%chat_set logprobs=True stream=False")
    magics.run_cell("%chat --logprobs=unset --stream=unset Hi")
    assert "logprobs" not in sent().parameters
    assert sent().stream is True
    magics.run_cell("%chat again")
    assert sent().parameters == {"logprobs": True}
    assert sent().stream is False


def test_chat_set_changes_all_or_nothing(magics):
    session = chatnb.session()
    with pytest.raises(InvalidInput):
        magics.run_cell("%chat_set temperature=1 n=0")
    assert session.parameters.values() == {}
    magics.run_cell('%chat_set temperature=1 stop=["a b", "c"] idle_timeout=5')
    assert session.parameters.values() == {"temperature": 1, "stop": ["a b", "c"]}
    assert session.settings.deadlines().idle == 5


def test_the_reply_is_put_into_a_variable(magics):
    magics.run_cell("%%chat -o answer\nHi")
    assert magics.user_ns["answer"].text == "fine"


def test_a_failed_cell_leaves_no_older_answer_behind(magics, backend):
    magics.user_ns["answer"] = "old"
    backend.enqueue(RequestFailed("down"))
    with pytest.raises(RequestFailed):
        magics.run_cell("%%chat -o answer\nHi")
    assert "answer" not in magics.user_ns


def test_the_variable_of_o_can_be_used_in_its_own_prompt(magics, sent):
    magics.user_ns["answer"] = "old"
    magics.run_cell("%%chat -o answer\nImprove: {{answer}}")
    assert prompt_of(sent()) == "Improve: old"
    assert magics.user_ns["answer"].text == "fine"


@pytest.mark.parametrize(
    "cell",
    [
        "%chat -o answer {{missing}}", "%chat -o answer --temperature 3 Hi",
        "%chat -o answer --dry-run Hi",
    ],
)  # fmt: skip
def test_what_sends_nothing_leaves_the_variable_of_o_alone(magics, cell):
    magics.user_ns["answer"] = "old"
    with contextlib.suppress(InvalidInput):
        magics.run_cell(cell)
    assert magics.user_ns["answer"] == "old"


@pytest.mark.parametrize("cell", ["%%chat -o answer\n ", '%chat -o answer --logit_bias {"x":1} Hi'])
def test_a_mistake_found_while_sending_leaves_the_variable_of_o_alone(magics, backend, cell):
    magics.user_ns["answer"] = "old"
    with pytest.raises(InvalidInput):
        magics.run_cell(cell)
    assert magics.user_ns["answer"] == "old"
    del magics.user_ns["answer"]
    with pytest.raises(InvalidInput):
        magics.run_cell(cell)
    assert "answer" not in magics.user_ns
    assert backend.requests == []


def test_who_comes_second_keeps_the_variable_of_o(magics, backend):
    def meanwhile(*_):
        magics.user_ns["answer"] = "old"
        with pytest.raises(InvalidInput, match="still answering"):
            magics.run_cell("%chat -o answer Hi")
        return reply(magics.user_ns["answer"])

    backend.enqueue(meanwhile)
    magics.run_cell("%chat -o answer Hi")
    assert magics.user_ns["answer"].text == "old"


def test_unset_as_system_message_sends_none(magics, sent):
    magics.run_cell("%chat_system Be brief")
    magics.run_cell("%chat -s unset Hi")
    assert [message.role for message in sent().messages] == ["user"]


def test_habits_of_the_shell_are_understood(magics, sent):
    magics.run_cell("%chat --max-tokens 5 --fresh=true Hi")
    assert sent().parameters == {"max_tokens": 5}
    magics.run_cell("%time %chat Who was it?")
    assert prompt_of(sent()) == "Who was it?"


def test_chat_set_says_what_it_set_in_one_line(magics, capsys):
    magics.run_cell("%chat_set temperature=0.2 stop=unset")
    assert capsys.readouterr().out == "From now on: temperature = 0.2; stop unset.\n"


def test_connect_says_where_requests_go_and_drops_a_standing_model(magics, capsys):
    magics.run_cell("%chat_set model=of-the-other-server")
    capsys.readouterr()
    magics.run_cell("%chat_connect -m tiny http://127.0.0.1:9/v1/")
    said = capsys.readouterr().out
    where = "Requests go to http://127.0.0.1:9/v1, model tiny, with no key."
    assert said == f"{where} model unset (it was of-the-other-server).\n"
    assert chatnb.session().parameters.model is None
    magics.run_cell("%chat_connect -m tiny http://127.0.0.1:9/v1/")
    assert capsys.readouterr().out == f"{where}\n"


def test_dry_run_shows_the_request_and_sends_nothing(magics, backend, capsys):
    magics.run_cell("%%chat --dry-run --temperature 0 -s Brief\nHi")
    shown = capsys.readouterr().out
    assert '"temperature": 0' in shown
    assert '"Brief"' in shown
    assert backend.requests == []
    assert len(chatnb.log()) == 0


def test_the_manual_says_what_a_dry_run_asks_all_the_same(magics, backend, capsys):
    backend.tokens = {spelling: [7] for spelling in spellings("rare")}
    magics.run_cell('%chat --dry-run --logit_bias {"rare":1} Hi')
    assert '"7": 1' in capsys.readouterr().out
    magics.run_cell("%%chat?")
    manual = " ".join(capsys.readouterr().out.split())
    assert "its model where none is named, the token ids of a word in logit_bias" in manual


def test_names_of_ipython_are_not_suggested(magics):
    for cell in ("%chat {{nopen}}", "%chat -s {{nopen}} Hi"):
        with pytest.raises(InvalidInput) as caught:
            magics.run_cell(cell)
        assert "Did you mean" not in caught.value.line
    magics.user_ns["open"] = "my own"
    with pytest.raises(InvalidInput, match="Did you mean open"):
        magics.run_cell("%chat {{nopen}}")


def test_an_error_is_one_line_without_a_traceback(magics, backend):
    backend.enqueue(RequestFailed("The server is down."))
    with pytest.raises(RequestFailed) as caught:
        magics.run_cell("%chat Hi")
    assert caught.value._render_traceback_() == ["RequestFailed: The server is down."]


def test_undo_redo_and_reset_say_what_they_did(magics, capsys):
    magics.run_cell("%chat_system You are a pirate")
    magics.run_cell("%chat Hi")
    capsys.readouterr()
    magics.run_cell("%chat_undo")
    magics.run_cell("%chat_redo")
    magics.run_cell("%chat_reset")
    magics.run_cell("%chat_undo")
    said = capsys.readouterr().out
    assert "Took back turn 1." in said
    assert "Brought back turn 1." in said
    assert "Took back the reset." in said
    assert chatnb.session().conversation.system == "You are a pirate"


def test_the_log_is_a_dataframe_that_can_be_assigned(magics):
    magics.run_cell("%chat Hi")
    magics.run_cell("df = %chat_log")
    assert list(magics.user_ns["df"]["prompt"]) == ["Hi"]


def test_history_marks_other_choices(magics, backend, capsys):
    backend.enqueue(reply("red", "blue"))
    magics.run_cell("%chat_system Be brief")
    magics.run_cell("%chat --n 2 color?")
    capsys.readouterr()
    magics.run_cell("%chat_history")
    assert "choice 1, not sent" in capsys.readouterr().out


def test_conversations_have_names(magics, sent):
    magics.run_cell("%chat a")
    magics.run_cell("%chat -c other b")
    assert len(sent().messages) == 1
    magics.run_cell("%chat_set conversation=other")
    magics.run_cell("%chat c")
    assert [message.content for message in sent().messages] == ["b", "fine", "c"]


def test_two_chat_lines_and_a_loop_in_one_cell_append(magics, sent):
    magics.run_cell("%chat a\n%chat b\nfor word in 'cd':\n    %chat {{word}}")
    assert [message.content for message in sent().messages][::2] == ["a", "b", "c", "d"]


def test_the_extension_can_be_unloaded(shell, backend):
    before = list(shell.input_transformers_cleanup)
    shell.run_cell("%load_ext chatnb")
    assert shell.find_line_magic("chat_panel")
    shell.run_cell("%unload_ext chatnb")
    assert shell.find_cell_magic("chat") is None
    assert shell.find_line_magic("chat_panel") is None
    assert shell.input_transformers_cleanup == before


def test_an_empty_system_message_is_none(magics, capsys):
    magics.run_cell("%chat_system Be brief.")
    magics.run_cell("%chat_system ''")
    assert "No system message" in capsys.readouterr().out
