"""The registry of formats, and what the pipeline makes of a decoder's three answers."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consent.core.profiles.profile import Codec
from consent.errors import PolicyError
from gateway.core.codecs.registry import COMPILERS
from gateway.core.model import BAD_TIME, IGNORE, Ignore, Observation, Reading, Reject
from tests.support.gate import Gate, reading, town
from tests.support.profiles import decoder, make_profile

_NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="."), min_size=1, max_size=8)
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map(".".join).filter(str.isprintable)
"""Names joined by dots, as policies take them."""


def test_every_format_that_policies_can_name_is_compiled() -> None:
    """A name without a decoder would fail when policies are put in force."""
    assert COMPILERS.keys() == set(Codec)
    for codec in Codec:
        assert decoder(make_profile(codec, {"consumption": "kwh"}))(b"", 0) is not None


def test_decoder_is_given_topic_payload_and_time_and_each_answer_has_its_account() -> None:
    """A frame that holds no reading by its format, one with a reading, and one that is refused."""
    gate = Gate(town())
    home = gate.homes(1)[0]
    asked: list[tuple[str, bytes, int]] = []
    read = Reading(None, None, False, [Observation("consumption", gate.now_ms, 1.0)])
    answers: list[Reading | Ignore | Reject] = [IGNORE, read, BAD_TIME]

    def decode(topic: str, payload: bytes, received_ms: int) -> Reading | Ignore | Reject:
        asked.append((topic, payload, received_ms))
        return answers[len(asked) - 1]

    plan = gate.state.devices[home.topic]
    plan.decode, plan.needs_sequence = decode, False
    frame = reading(home, gate.now_ms, kwh=1)
    gate.take(frame, frame, frame)
    assert asked == [(home.topic, frame.payload, gate.now_ms)] * 3
    totals = gate.state.ledger.totals
    assert (totals["frames.received"], totals["frames.admitted"], totals["frames.rejected.bad_time"]) == (3, 1, 1)
    assert totals["observations.decoded"] == 1
    assert gate.state.ledger.imbalances() == []


@settings(deadline=None)
@given(codec=st.sampled_from(list(Codec)), path=_PATHS, other=_PATHS)
@example(codec=Codec.JSON, path='a"b', other="c")
@example(codec=Codec.CBOR, path="a", other="c.d\\e")
@example(codec=Codec.JSON, path="a" + ".a" * 99, other="b")
def test_any_path_that_a_policy_may_hold_is_compiled_or_refused(codec: Codec, path: str, other: str) -> None:
    """With file and key; a sign that no field's name can have is no reason for a traceback."""
    try:
        decode = decoder(make_profile(codec, {"temperature": path}, sequence=(other, None)))
    except PolicyError as error:
        where = error.file, error.key in ("fields.temperature.path", "sequence.path")
    else:
        where = "devices/probe.toml", isinstance(decode(b"\xa0", 0), Reject)
    assert where == ("devices/probe.toml", True)
