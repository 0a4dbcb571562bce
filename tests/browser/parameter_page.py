"""The parameter form in a page of its own, on real parameters and presets, without a kernel."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator

from chatnb.errors import InvalidInput
from chatnb.parameters import Parameters
from chatnb.playground.controls import conflicts, controls, entered, shown
from chatnb.playground.presets import Presets, changes
from chatnb.playground.widget import joined

BEGIN = """
async (source) => {
  const blob = new Blob([source, "\\nexport { ParameterForm };"], { type: "text/javascript" });
  const { ParameterForm } = await import(URL.createObjectURL(blob));
  window.moments = [];
  const kernel = {
    tell(content) { moments.push(performance.now()); fromPage(content); return true; },
    ask(command, args = {}) { return fromPage({ do: "ask", command, args }); },
  };
  window.form = new ParameterForm(kernel);
  document.querySelector("main").append(form.element);
  window.take = (events) => events.forEach((event) => {
    form[`on${event.event[0].toUpperCase()}${event.event.slice(1)}`](event);
  });
}
"""


class ParameterPage:
    """`sets` is what the form sent, message by message; while `held`, the kernel does not echo."""

    def __init__(self, browser: Browser, directory: Path, width: int = 280) -> None:
        self.parameters = Parameters()
        self.presets = Presets(directory / "presets.json")
        self.sets: list[dict[str, Any]] = []
        self.sequences: list[int] = []
        self.errors: list[str] = []
        self.held = False
        self.page = browser.new_page(viewport={"width": width + 40, "height": 1000})
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self._load(width)

    def _load(self, width: int) -> None:
        self.page.set_content(
            f"<!doctype html><title>form</title><style>{joined('*.css')}</style>"
            f"<main class=chatnb-panel style='width: {width}px'></main>"
        )
        self.page.expose_function("fromPage", self._receive)
        self.page.evaluate(BEGIN, joined("*.js"))
        self.tell({"event": "controls", "groups": controls()}, self.values())

    def tell(self, *events: dict[str, Any]) -> None:
        self.page.evaluate("events => take(events)", list(events))

    def values(self, seq: int | None = None) -> dict[str, Any]:
        values = self.parameters.values()
        last = self.sequences[-1] if self.sequences else 0
        return {
            "event": "values",
            "values": shown(values),
            "told": conflicts(values),
            "presets": self.presets.listed(values),
            "seq": last if seq is None else seq,
        }

    def control(self, name: str) -> Locator:
        return self.page.locator(f".chatnb-control:has([id$='-{name}-line'])")

    def slider(self, name: str) -> Locator:
        return self.control(name).locator("input[type=range]")

    def field(self, name: str) -> Locator:
        return self.control(name).locator(".chatnb-field").first

    def line(self, name: str) -> str:
        return self.control(name).locator("[role=alert]").inner_text()

    def is_unset(self, name: str) -> bool:
        return "chatnb-unset" in (self.control(name).get_attribute("class") or "").split()

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < end, "it did not become so within 5 s"
            self.page.evaluate("() => new Promise(requestAnimationFrame)")

    def _receive(self, content: dict[str, Any]) -> dict[str, Any] | None:
        if content["do"] == "ask":
            return self._command(content["command"], content["args"])
        if content["do"] != "set":  # the names of models are asked for, which no server lists here
            return None
        self.sets.append(content["values"])
        self.sequences.append(content["seq"])
        events = []
        try:
            self._set({name: entered(name, value) for name, value in content["values"].items()})
        except InvalidInput as error:
            refused = {"event": "refused", "name": error.param, "line": error.line}
            events.append({**refused, "seq": content["seq"]})
        self._echo([*events, self.values()])
        return None

    def _command(self, command: str, args: dict[str, Any]) -> dict[str, Any]:
        commands: dict[str, Callable[..., object]] = {
            "preset": lambda name: self._set(changes(self.presets.named(name))),
            "save_preset": lambda name: self.presets.save(name, self.parameters.values()),
            "delete_preset": self.presets.delete,
            "defaults": lambda: self._set(dict.fromkeys(Parameters.table())),
        }
        try:
            commands[command](**args)
        except InvalidInput as error:
            return {"ok": False, "line": error.line}
        self._echo([self.values()])
        return {"ok": True}

    def _set(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self.parameters, name, value)

    def _echo(self, events: list[dict[str, Any]]) -> None:
        if not self.held:
            self.page.evaluate("events => { setTimeout(() => take(events)) }", events)
