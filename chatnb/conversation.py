"""A conversation as a value: its turns, what a re-run sets aside, undo and redo.

Nothing here sends or draws. The rule of re-runs: the first entry of a new execution of a cell sets
aside what earlier executions of that cell entered, together with everything after it; further
entries of the same execution append. Set aside is not deleted: it is marked stale, and running one
of those cells again asks again, at the end of the conversation as it then is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from chatnb.errors import InvalidInput
from chatnb.records import Choice, Message, Request
from chatnb.text_checks import whole

UNDO_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the notebook something is entered: the cell's id, and which run of it."""

    cell: str | None = None
    execution: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """How something enters a conversation: from where, and what it takes the place of.

    `append`: of nothing, even where a re-run would replace a turn; `replaces`: of this turn, whose
    prompt is asked again, with everything after it.
    """

    place: Place = field(default_factory=Place)
    append: bool = False
    replaces: Turn | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A prompt and its reply, or messages that were added by hand.

    `choices` are all the answers (several where n was above 1), `exchange` the row of the log,
    `stale` is set once a re-run has set the turn aside, `key` stays through every change.
    """

    messages: tuple[Message, ...]
    place: Place = field(default_factory=Place)
    choices: tuple[Choice, ...] = ()
    kept: int = 0
    exchange: int | None = None
    stale: bool = False
    key: str = field(default_factory=lambda: uuid4().hex, compare=False)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A system message and turns.

    >>> Conversation(system="Be brief.").entered(Turn((Message("user", "Hi"),))).messages
    (Message(role='system', content='Be brief.', fields={}), Message(role='user', content='Hi', fields={}))
    """  # noqa: E501 - the example is one value

    system: str | None = None
    turns: tuple[Turn, ...] = ()

    @property
    def live(self) -> tuple[Turn, ...]:
        """The turns that are sent: those that no re-run has set aside."""
        return tuple(turn for turn in self.turns if not turn.stale)

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the next request sends before its prompt."""
        system = () if self.system is None else (Message("system", self.system),)
        return system + tuple(message for turn in self.live for message in turn.messages)

    def replaced_by(self, place: Place) -> int | None:
        """The index in `turns` of the first live turn that an entry from here sets aside."""
        if place.cell is None:
            return None
        here = [index for index, turn in enumerate(self.turns) if turn.place.cell == place.cell]
        if any(self.turns[index].place.execution == place.execution for index in here):
            return None
        return next((index for index in here if not self.turns[index].stale), None)

    def before(self, entry: Entry) -> Conversation:
        """The conversation as an entry finds it, with what it sets aside stale.

        A turn of the same cell that is stale already is let go: a cell counts once.
        """
        first, place = self._set_aside_by(entry), entry.place
        counts = entry.replaces is None and not entry.append and place.cell is not None
        fresh = counts and all(turn.place != place for turn in self.turns)
        turns = tuple(
            replace(turn, stale=True) if first is not None and index >= first else turn
            for index, turn in enumerate(self.turns)
            if not (fresh and turn.stale and turn.place.cell == place.cell)
        )
        return self if turns == self.turns else replace(self, turns=turns)

    def notice(self, entry: Entry) -> str | None:
        """What the receipt says of a re-run: "re-run: replaces turn 2; turns 3-4 set aside"."""
        first = self._set_aside_by(entry)
        if first is None:
            return None
        number = sum(not turn.stale for turn in self.turns[:first]) + 1
        own = [_is_replaced(turn, entry) for turn in self.turns[first:] if not turn.stale]
        mine = own.index(False) if False in own else len(own)
        said = f"{'again' if entry.replaces else 're-run'}: replaces "
        said += _numbered(number, number + mine - 1)
        if mine < len(own):
            said += f"; {_numbered(number + mine, number + len(own) - 1)} set aside"
        return said

    def _set_aside_by(self, entry: Entry) -> int | None:
        """The index in `turns` of the first live turn that the entry sets aside."""
        if entry.replaces is not None:
            return self.place_of(entry.replaces)
        return None if entry.append else self.replaced_by(entry.place)

    def place_of(self, turn: Turn) -> int | None:
        """The index in `turns` of this turn; None where it is gone, or was set aside."""
        live = ((at, each) for at, each in enumerate(self.turns) if not each.stale)
        return next((at for at, each in live if each.key == turn.key), None)

    def entered(self, turn: Turn, entry: Entry | None = None) -> Conversation:
        """The conversation with one more turn, after what its entry sets aside."""
        found = self.before(entry or Entry(turn.place))
        return replace(found, turns=with_answer(found.turns, turn))

    def with_edited(self, turn: Turn, message: int, content: str) -> Conversation:
        """The conversation with other words in a message of a turn; its choices stay."""
        at = self._found(turn)
        if not 0 <= message < len(turn.messages):
            raise InvalidInput(f"That turn has no message {message}.", kind="usage")
        edited = replace(turn.messages[message], content=content)
        messages = (*turn.messages[:message], edited, *turn.messages[message + 1 :])
        changed = replace(turn, messages=messages)
        return replace(self, turns=(*self.turns[:at], changed, *self.turns[at + 1 :]))

    def with_choice(self, index: int, turn: Turn | None = None) -> Conversation:
        """A turn, the last that was sent where none is named, with another choice as its answer."""
        at = self._last_sent() if turn is None else self._found(turn)
        turn = self.turns[at]
        if not 0 <= index < len(turn.choices):
            count = len(turn.choices)
            raise InvalidInput(
                f"There is no choice {index}: the answer has {count}, counted from 0.", kind="usage"
            )
        answer = answer_of(turn.choices[index])
        changed = replace(turn, messages=(*turn.messages[:-1], answer), kept=index)
        return replace(self, turns=(*self.turns[:at], changed, *self.turns[at + 1 :]))

    def _found(self, turn: Turn) -> int:
        at = self.place_of(turn)
        if at is None:
            raise InvalidInput("That turn is no longer in the conversation.", kind="usage")
        return at

    def _last_sent(self) -> int:
        for at in range(len(self.turns) - 1, -1, -1):
            if self.turns[at].choices and not self.turns[at].stale:
                return at
        raise InvalidInput("There is no answer to keep yet: send a prompt first.", kind="usage")


def with_answer(turns: tuple[Turn, ...], turn: Turn) -> tuple[Turn, ...]:
    """The turns and one more; a hand-written answer joins the hand-written prompt before it."""
    if turns and [message.role for message in turn.messages] == ["assistant"]:
        last = turns[-1]
        waits = [message.role for message in last.messages] == ["user"]
        if waits and not last.stale and last.place == turn.place and not turn.choices:
            return (*turns[:-1], replace(last, messages=last.messages + turn.messages))
    return (*turns, turn)


def _is_replaced(turn: Turn, entry: Entry) -> bool:
    """Whether the entry takes the place of this turn, and not only comes before it."""
    if entry.replaces is not None:
        return turn.key == entry.replaces.key
    return turn.place.cell == entry.place.cell


def _numbered(first: int, last: int) -> str:
    return f"turn {first}" if first == last else f"turns {first}-{last}"


def answer_of(choice: Choice) -> Message:
    """The assistant's message of a choice, as it is sent back; a refusal is its text.

    Models do send half characters (a lone surrogate); sent back, every later request would fail.
    """
    text = choice.refusal if choice.refusal and not choice.text else choice.text
    return Message("assistant", whole(text))


def turn_of(request: Request, choices: Sequence[Choice], place: Place, row: int | None) -> Turn:
    """The turn that a sent prompt and its choices make."""
    ordered = tuple(sorted(choices, key=lambda choice: choice.index))
    prompt = request.messages[-1]
    return Turn((prompt, answer_of(ordered[0])), place, ordered, exchange=row)


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of the conversation was, in words, and the value before or after it."""

    what: str
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Timeline:
    """A conversation with its past and future: undo takes back one change, whatever it was.

    >>> timeline = Timeline().changed("system message", Conversation(system="Be brief."))
    >>> timeline.undone()[0]
    'system message'
    """

    present: Conversation = field(default_factory=Conversation)
    past: tuple[Change, ...] = ()
    future: tuple[Change, ...] = ()

    def changed(self, what: str, conversation: Conversation) -> Timeline:
        if conversation == self.present:
            return self
        past = (*self.past, Change(what, self.present))[-UNDO_LIMIT:]
        return Timeline(conversation, past)

    def undone(self) -> tuple[str, Timeline]:
        """What was taken back, and the timeline before it."""
        if not self.past:
            raise InvalidInput("There is nothing to undo in this conversation.", kind="usage")
        last = self.past[-1]
        future = (Change(last.what, self.present), *self.future)
        return last.what, Timeline(last.conversation, self.past[:-1], future)

    def redone(self) -> tuple[str, Timeline]:
        """What was done again, and the timeline after it."""
        if not self.future:
            raise InvalidInput("There is nothing to redo in this conversation.", kind="usage")
        following = self.future[0]
        past = (*self.past, Change(following.what, self.present))
        return following.what, Timeline(following.conversation, past, self.future[1:])
