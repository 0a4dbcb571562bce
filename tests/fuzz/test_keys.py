"""Keys: whatever the text around them and however it is cut, they do not pass."""

from __future__ import annotations

import itertools
import json
import string

from hypothesis import strategies as st

from chatnb.redaction import MASK, is_secret, redact
from chatnb.request_log.anonymous_rows import Anonymizer, in_json
from chatnb.wire.key_filter import KeyFilter
from tests.fuzz.properties import holds_for

KEYS = st.text(string.ascii_letters + string.digits + "-_./+=", min_size=8, max_size=40).filter(
    is_secret
)
AROUND = st.lists(st.one_of(st.text(max_size=10), st.integers(0, 60)), max_size=8)


def around(key: str, parts: list[str | int]) -> str:
    """The parts in order: a number is so many characters of the key."""
    return "".join(part if isinstance(part, str) else key[:part] for part in parts)


@holds_for(key=KEYS, parts=AROUND, cuts=st.lists(st.integers(0, 200), max_size=10))
def test_no_cut_lets_a_key_pass(key: str, parts: list[str | int], cuts: list[int]) -> None:
    text = around(key, parts)
    keys = KeyFilter([key])
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    shown = [keys.piece(0, text[start:end]) for start, end in itertools.pairwise(places)]
    shown += [rest for _, rest in keys.rest()]
    assert "".join(shown) == text.replace(key, MASK) == keys.text(text)


@holds_for(key=KEYS, parts=AROUND)
def test_no_key_is_in_what_is_stored(key: str, parts: list[str | int]) -> None:
    if key not in MASK:
        assert key not in redact(around(key, parts), [key])


TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["~/a", "file://", "/home/", "C:\\Users\\", "/root", '"', "\\", "ann", "\n"]
        ),
        st.text(max_size=6),
    ),
    max_size=8,
).map("".join)


@holds_for(texts=st.lists(TEXTS, max_size=3), plain=TEXTS)
def test_json_stays_json_when_it_is_made_anonymous(texts: list[str], plain: str) -> None:
    clean = Anonymizer().text
    assert json.loads(in_json(json.dumps(texts), clean)) == [clean(text) for text in texts]
    assert in_json(f"x{plain}", clean) == clean(f"x{plain}")
