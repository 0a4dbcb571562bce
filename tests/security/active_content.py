"""Text that would act if anybody made markup of it, and servers that send it everywhere."""

from __future__ import annotations

from collections.abc import Callable

from tests.loopback import USAGE, Exchange, LoopbackServer, completion, delta
from tests.misbehavior import answers

# `BEACON` is an address that counts whoever opens it.
HOSTILE = """<script>window.hacked = 1; fetch("BEACON/1")</script>
<img src="BEACON/2" onerror="window.hacked = 2"> ![beacon](BEACON/3) <svg onload="window.hacked=3">
[link](javascript:window.hacked=4) <iframe src="javascript:window.hacked=5"></iframe>
<iframe src="BEACON/4"></iframe> <b onmouseover="window.hacked=6">bold</b>
<link rel="stylesheet" href="BEACON/5"><style>@import url(BEACON/6); * { background: url(BEACON/7) }
</style> <a data-commandlinker-command="notebook:restart-kernel" href="#">click</a>
<object data="BEACON/8"></object> <video poster="BEACON/9" autoplay></video>
<meta http-equiv="refresh" content="0; url=BEACON/10"> <base href="BEACON/11">
<form action="BEACON/12"><input type="image" src="BEACON/13" autofocus onfocus="window.hacked=7">
</form> $\\href{javascript:window.hacked=8}{math}$ \\(\\href{BEACON/14}{math}\\)
\\[\\style{background: url(BEACON/15)}{x} \\class{jp-Toolbar}{y} \\require{html}\\]
[![x](BEACON/16)](data:text/html,<script>)
<math><maction actiontype="statusline" xlink:href="javascript:window.hacked=9">x</maction></math>
"""

# What a browser is asked after everything has been drawn: what acts, and what would if touched.
ACTIVE = """roots => {
  const found = [];
  const elements = roots.flatMap(root => [...document.querySelectorAll(root + ' *')]);
  for (const element of elements) {
    const tag = element.tagName.toLowerCase();
    if (/^(script|iframe|object|embed|form|link|meta|base|video|audio)$/.test(tag)) found.push(tag);
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) found.push(`${tag} ${name}`);
      if (/commandlinker/i.test(name)) found.push(`${tag} ${name}`);
      if (/^(href|src|action|formaction|poster|data|xlink:href)$/i.test(name)
          && /^\\s*(javascript|vbscript|data:text)/i.test(value)) found.push(`${tag} ${value}`);
      if (name === 'style' && /url\\(/i.test(value)) found.push(`${tag} ${value}`);
      if (/^(src|poster|srcset)$/i.test(name) && value.includes('beacon')) found.push(value);
    }
    for (const kind of ['mouseover', 'mouseenter', 'focus', 'pointerover'])
      element.dispatchEvent(new MouseEvent(kind, { bubbles: true }));
  }
  return [elements.length, found, window.hacked ?? null];
}"""


def _text(exchange: Exchange) -> str:
    return HOSTILE.replace("BEACON", f"http://127.0.0.1:{exchange.server.port}/beacon")


def _streamed(end: Callable[[Exchange, str], None]) -> Callable[[Exchange], None]:
    """In pieces that are shown while they come."""

    def answer(exchange: Exchange) -> None:
        text = _text(exchange)
        exchange.begin_stream()
        for at in range(0, len(text), 300):
            exchange.text(text[at : at + 300])
            exchange.pause(0.12)
        end(exchange, text)

    return answer


@answers("acting-error")
def hostile_error(exchange: Exchange) -> None:
    exchange.json({"error": {"message": _text(exchange), "code": "x"}}, 400)


@answers("acting-refusal")
def hostile_refusal(exchange: Exchange) -> None:
    value = completion(None)
    value["choices"][0]["message"]["refusal"] = _text(exchange)
    exchange.json(value)


@answers("acting-names")
def hostile_names(exchange: Exchange) -> None:
    """The model's name, why it ended, its thoughts, and the id of the request."""
    text = _text(exchange)
    value = delta({"content": "Hello", "reasoning_content": text}, text)
    exchange.begin_stream({"x-request-id": text.replace("\n", " ")})
    exchange.event(value | {"model": text, "system_fingerprint": text, "usage": USAGE})
    exchange.event(b"[DONE]")
    exchange.end()


answers("acting")(_streamed(lambda exchange, _: exchange.finish()))
answers("acting-cut")(_streamed(lambda exchange, _: exchange.close()))
answers("acting-error-in-stream")(
    _streamed(lambda exchange, text: exchange.event({"error": {"message": text}}))
)
MODELS = (
    *("acting", "acting-cut", "acting-error-in-stream", "acting-error", "acting-refusal"),
    "acting-names",
)


class HostileServer(LoopbackServer):
    """One whose list of models is hostile too."""

    def _answer(self, exchange: Exchange) -> bool:
        if exchange.received.path.endswith("/models"):
            names = [_text(exchange), '"><img src=x onerror="window.hacked=10">']
            exchange.json({"data": [{"id": name} for name in names]})
            return True
        return super()._answer(exchange)

    @property
    def asked(self) -> int:
        """How many requests were for the model."""
        return sum("/v1/chat" in request.path for request in self.requests)

    @property
    def beacons(self) -> list[str]:
        return [request.path for request in self.requests if "beacon" in request.path]
