"""What can be done in the panel: each command is a method, and a button says its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatnb.conversation import Turn
from chatnb.errors import ChatError, Interrupted, InvalidInput
from chatnb.exchanges import as_failure
from chatnb.playground.compare_page import Comparison
from chatnb.playground.controls import entered
from chatnb.playground.log_page import exported
from chatnb.playground.log_row import loaded
from chatnb.playground.presets import Preset, Presets, changes
from chatnb.playground.transcript import Transcript
from chatnb.playground.worker import in_background
from chatnb.records import Reply
from chatnb.sessions import Session

COMMANDS = frozenset(
    {
        *("send", "stop", "regenerate", "retry", "edit", "keep", "keep_partial"),
        *("undo", "redo", "reset", "system", "conversation", "connect", "set", "defaults"),
        *("preset", "save_preset", "delete_preset", "load", "export", "compare", "compare_adopt"),
    }
)


class Commands:
    """The commands of one panel, on one session.

    What sends runs beside the kernel's main thread and returns at once: what came of it, failures
    included, is told by events. The others raise InvalidInput; some return what they did, in words.
    """

    def __init__(self, session: Session, transcript: Transcript, comparison: Comparison) -> None:
        self.session = session
        self.comparison = comparison
        self._transcript = transcript
        self._presets = Presets()

    def send(self, prompt: str, **parameters: Any) -> None:
        """Send a prompt in the conversation."""
        self._sending(prompt, lambda: self.session.send(prompt, source="panel", **parameters))

    def regenerate(self, key: str | None = None) -> None:
        """Ask the prompt of a turn again, the last one's without a key."""
        turn = self._turn(key) if key else None
        self._sending("", lambda: self.session.regenerate(turn, source="panel"))

    def retry(self) -> None:
        """Send the prompt of the request that failed once more."""
        self._sending("", self.session.retry)

    def edit(self, key: str, message: int, content: str, send: bool = False) -> None:
        """Write other words into a turn; `send` asks the new prompt in its place."""
        turn = self._turn(key)
        if not send:
            self.session.edit(turn, content, message=message)
            return
        self._sending(content, lambda: self.session.send(content, replaces=turn, source="panel"))

    def stop(self) -> None:
        """End the request in the air; its text so far is kept."""
        self.session.stop()

    def undo(self) -> str:
        """Take back the last change of the conversation."""
        return self.session.undo()

    def redo(self) -> str:
        """Do again what was taken back."""
        return self.session.redo()

    def reset(self) -> str:
        """Empty the conversation; undo brings it back."""
        self.session.reset()
        return "the conversation"

    def keep(self, index: int, key: str | None = None) -> None:
        """Make another choice of a turn's answer, the last one's without a key, the one sent."""
        self.session.keep(index, turn=self._turn(key) if key else None)

    def keep_partial(self) -> None:
        """Enter the text of the request that broke off into the conversation."""
        self.session.keep()

    def system(self, text: str | None) -> None:
        """Set the system message; None removes it."""
        self.session.system(text)

    def conversation(self, name: str) -> None:
        """Continue another conversation; a new one begins empty."""
        self.session.settings.conversation = None if name == "main" else name

    def set(self, values: dict[str, Any]) -> None:
        """Set request parameters for every request from now on; None unsets one."""
        checked = {name: entered(name, value) for name, value in values.items()}
        with self.session.parameters.hold_trait_notifications():
            for name, value in checked.items():
                setattr(self.session.parameters, name, value)

    def defaults(self) -> None:
        """Unset every parameter but the model."""
        self.set(changes(Preset("", {})))

    def preset(self, name: str) -> str:
        """Set the values of a preset, and no others; says what of it this chatnb cannot take."""
        preset = self._presets.named(name)
        self.set(changes(preset))
        return preset.told

    def save_preset(self, name: str) -> None:
        """Keep what is set under a name, in the user's configuration."""
        self._presets.save(name, self.session.parameters.values())
        self.presets_changed()

    def delete_preset(self, name: str) -> None:
        """Forget one of the user's presets."""
        self._presets.delete(name)
        self.presets_changed()

    def connect(self, base_url: str) -> None:
        """Send requests elsewhere: "local", or the address of a server."""
        from chatnb import kernel

        if self.session is not kernel.session():
            line = "This panel shows a session of its own, whose connection stays."
            raise InvalidInput(line, kind="usage")
        kernel.connect(base_url)

    def load(self, id: int) -> None:
        """Bring the settings and the prompt of a row of the log back into the panel."""
        found = loaded(self.session.log, id)
        self.set({**changes(Preset("", {})), **found["parameters"], "model": found["model"]})
        self.drafted(found["prompt"])

    def export(self, format: str) -> str:
        """Write the log to a file beside the notebook; says where."""
        return exported(self.session.log, format, Path.cwd())

    def compare(self, prompt: str, lanes: list[dict[str, Any]]) -> str:
        """Send a prompt under two to four settings at once; the comparison's id in the log."""
        return self.comparison.start(prompt, lanes)

    def compare_adopt(self, lane: int) -> str:
        """Continue the conversation with the answer of a lane."""
        return self.comparison.adopt(lane)

    def _turn(self, key: str) -> Turn:
        turn = self._transcript.turn(key)
        if turn is None:
            raise InvalidInput("That turn is no longer in the conversation.", kind="usage")
        return turn

    def _sending(self, prompt: str, job: Callable[[], Reply]) -> None:
        if self.session.busy:
            raise InvalidInput(self.why_busy(), kind="busy")

        def run() -> None:
            failure: ChatError | Interrupted | None = None
            try:
                job()
            except BaseException as caught:  # noqa: BLE001 - the panel is given back, whatever it is
                failure = as_failure(caught)
            self.ended(prompt, failure)

        self.begins(prompt)
        in_background(run)

    def why_busy(self) -> str:
        """Why no other request can be sent now."""
        return "It is still answering: wait for it, or stop it."

    def begins(self, prompt: str) -> None:
        """A request of this panel is on its way."""

    def drafted(self, text: str) -> None:
        """This text belongs into the prompt box."""

    def presets_changed(self) -> None:
        """There is another preset, or one less."""

    def ended(self, prompt: str, failure: ChatError | Interrupted | None) -> None:
        """It has ended, one way or the other."""
